"""Effective medium theory against ASE's."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT

from erlangen.app.calculator import as_container
from erlangen.learn.batching import stacked
from erlangen.numerics.neighbour_lists import listed
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.emt import EffectiveMedium


def alloy(symbol: str, others: tuple[int, ...], seed: int) -> Atoms:
    """Strained, shaken, and with other elements on some places."""
    atoms = bulk(symbol, cubic=True) * (2, 1, 1)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + [[0.02, 0.03, 0], [0, -0.03, 0.02], [0.01, 0, 0]]), True)
    atoms.rattle(0.1, seed=seed)
    atoms.numbers[: len(others)] = others
    return atoms


def slab() -> Atoms:
    """A surface without a third period, with carbon monoxide on it."""
    atoms = fcc111("Pd", (2, 2, 2), vacuum=4.0) + Atoms("CO", [[0, 0, 0], [0, 0, 1.15]])
    atoms.positions[-2:] += atoms.positions[5] + [0, 0, 1.9]
    return atoms


CASES = {
    "copper": alloy("Cu", (), 0),
    "gold, silver": alloy("Au", (47, 47, 47), 1),
    "aluminium, nickel, copper": alloy("Al", (28, 28, 29), 2),
    "platinum, palladium, hydrogen": alloy("Pt", (46, 46, 1, 46), 3),
    "one atom in its cell": bulk("Ag"),
    "slab with a molecule": slab(),
    "molecule": Atoms("CuNO", [[0, 0, 0], [1.9, 0, 0], [2.2, 1.1, 0]]),
    "free atom": Atoms("Au", [[0, 0, 0]]),
}


@pytest.fixture(scope="module")
def found() -> dict[str, np.ndarray]:
    """All cases as one batch."""
    law = EffectiveMedium()
    batch, _ = stacked([listed(as_container(atoms), law.cutoff) for atoms in CASES.values()])
    with double():
        return jax.device_get(jax.jit(jax.vmap(law.mechanics))(batch))


@pytest.mark.parametrize("name", CASES)
def test_energies_forces_and_stress_are_those_of_ase(found, name):
    i, atoms = list(CASES).index(name), CASES[name].copy()
    n, atoms.calc = len(atoms), EMT()
    assert found["energy"][i] == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
    np.testing.assert_allclose(found["energies"][i, :n], atoms.get_potential_energies(), atol=1e-10)
    np.testing.assert_allclose(found["forces"][i, :n], atoms.get_forces(), atol=1e-10)
    if atoms.cell.rank == 3:
        np.testing.assert_allclose(found["stress"][i], atoms.get_stress(voigt=False), atol=1e-11)
