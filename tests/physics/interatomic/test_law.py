"""What holds for every law of interaction: derivatives, cells, padding, range, elements that it is not for."""

from __future__ import annotations

import functools
import itertools
import subprocess
import sys

import equinox as eqx
import jax
import numpy as np
import pytest
from ase import Atoms as AseAtoms
from ase.build import bulk
from ase.calculators.lj import LennardJones as ASE

from erlangen.app.calculator import as_container
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.learn.batching import stacked
from erlangen.numerics.mechanics import mechanics
from erlangen.numerics.neighbour_lists import listed
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.catalogue import ALIASES, LAWS, law
from erlangen.physics.interatomic.lennard_jones import LennardJones

STEP = 1e-5
PRIMITIVE = {
    "lj-argon": bulk("Ar", "fcc", 5.26),
    "emt": bulk("Cu"),
    "stillinger-weber": bulk("Si"),
    "zhou": bulk("Ni"),
    "zhou-copper": bulk("Cu"),
    "kob-andersen": bulk("Ni", "fcc", 1.5),
}
FOREIGN = {"emt": 5, "stillinger-weber": 6, "zhou": 14, "zhou-copper": 28, "kob-andersen": 29}
SECOND = {"emt": 79, "zhou": 13, "kob-andersen": 15}  # elements that every third atom becomes
JUMP = {"emt": 3e-5, "zhou": 1e-5, "zhou-copper": 1e-5}  # eV of a pair that leaves the range; else nothing at all


def crystal(name: str) -> AseAtoms:
    """Strained and shaken, of two elements where the law knows them."""
    primitive = PRIMITIVE[name]
    atoms = primitive * ((2, 2, 1) if len(primitive) == 2 else (2, 2, 2))
    size = (atoms.get_volume() / len(atoms)) ** (1 / 3)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + [[0.02, 0.03, 0], [0, -0.03, 0.02], [0.01, 0, 0]]), True)
    atoms.positions += 0.03 * size * np.random.default_rng(0).normal(size=(len(atoms), 3))
    atoms.numbers[1::3] = SECOND.get(name, atoms.numbers[0])
    return atoms


def moved(atoms: AseAtoms) -> list[AseAtoms]:
    """Two atoms by +-STEP along x, y, z, then the cell by +-STEP in six strains."""
    found = []
    for i, axis, sign in itertools.product((0, 1), range(3), (1, -1)):
        found.append(atoms.copy())
        found[-1].positions[i, axis] += sign * STEP
    for (a, b), sign in itertools.product(itertools.combinations_with_replacement(range(3), 2), (1, -1)):
        strain = np.eye(3)
        strain[a, b] += sign * STEP / 2
        strain[b, a] += sign * STEP / 2
        found.append(atoms.copy())
        found[-1].set_cell(atoms.cell.array @ strain, scale_atoms=True)
    return found


@functools.cache
def answers(name: str) -> dict[str, np.ndarray]:
    """Of one batch: a shaken crystal, its displaced and strained copies, two perfect cells, two dimers and a free atom,
    and the crystal with an atom of another element.
    """
    potential, one = law(name), PRIMITIVE[name]
    ends = [AseAtoms([one.numbers[0]] * 2, [[0, 0, 0], [0, 0, potential.cutoff + gap]]) for gap in (-1e-9, 1e-9)]
    atoms = [crystal(name), *moved(crystal(name)), one, one * ((2, 2, 1) if len(one) == 2 else (2, 2, 2)), *ends]
    free, foreign = AseAtoms([one.numbers[0]], [[0, 0, 0]]), crystal(name)
    foreign.numbers[0] = FOREIGN.get(name, 1)
    batch, _ = stacked([listed(as_container(a), potential.cutoff) for a in [*atoms, free, foreign]])
    with double():
        return jax.device_get(eqx.filter_jit(lambda p, x: jax.vmap(p.mechanics)(x))(potential, batch))


@pytest.mark.parametrize("name", LAWS)
def test_forces_and_stress_are_derivatives_of_the_energy(name):
    found, atoms = answers(name), crystal(name)
    slopes = (found["energy"][1:25:2] - found["energy"][2:26:2]) / (2 * STEP)
    n = len(atoms)
    scale = np.abs(found["forces"][0, :n]).max()
    assert scale > 0.02
    np.testing.assert_allclose(found["forces"][0, :2].ravel(), -slopes[:6], atol=1e-5 * scale)
    # along a strain whose two halves are the two off-diagonal places, the slope is one component
    i, j = np.triu_indices(3)
    expected = found["stress"][0][i, j] * atoms.get_volume()
    np.testing.assert_allclose(slopes[6:], expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(found["forces"][0, :n].sum(0), 0, atol=1e-11 * scale)
    np.testing.assert_allclose(found["energies"].sum(1), found["energy"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_a_cell_of_one_atom_is_the_crystal_and_padding_is_nothing(name):
    found, n = answers(name), len(PRIMITIVE[name])
    small, large = found["energies"][25], found["energies"][26]
    assert np.ptp(large) < 1e-11 and np.all(small[n:] == 0) and abs(small[0] - large[0]) < 1e-11
    np.testing.assert_allclose(found["stress"][25], found["stress"][26], atol=1e-13)
    np.testing.assert_allclose(found["forces"][25:27], 0, atol=1e-11)


@pytest.mark.parametrize("name", LAWS)
def test_pairs_end_at_the_cutoff(name):
    found = answers(name)
    assert abs(found["energy"][27] - found["energy"][28]) <= JUMP.get(name, 1e-9)
    assert found["energy"][28] == pytest.approx(2 * found["energy"][29], abs=1e-12)  # two free atoms
    assert np.all(found["forces"][28:30] == 0) and np.all(np.isfinite(found["forces"][:30]))


@pytest.mark.parametrize("name", ["emt", "stillinger-weber"])
def test_derivatives_by_pairs_are_those_of_the_shares(name):
    potential = law(name)
    x = potential.prepare(as_container(crystal(name)))
    with double():
        plain = jax.device_get(jax.jit(lambda x: mechanics(potential.shares, x))(x))
    n, found = len(x.atomic_numbers), answers(name)
    for key in ("energy", "energies", "forces", "stress"):
        value = found[key][0, :n] if key in ("energies", "forces") else found[key][0]
        np.testing.assert_allclose(value, plain[key], atol=1e-12)


@pytest.mark.parametrize("name", FOREIGN)
def test_other_elements_are_refused_and_nan_in_compiled_code(name):
    atoms = PRIMITIVE[name].copy()
    atoms.numbers[0] = FOREIGN[name]
    potential, x = law(name), as_container(atoms)
    with pytest.raises(Invalid, match="is for"):
        potential.check(x)
    potential.check(as_container(PRIMITIVE[name]))
    found = answers(name)
    assert all(np.all(np.isnan(found[key][30])) for key in ("energy", "energies", "forces", "stress"))


def test_laws_are_found_by_name_and_unknown_ones_named():
    assert type(law("lj")) is LennardJones and set(ALIASES.values()) <= set(LAWS)
    assert law("EAM").elements == law("zhou").elements and law("Stillinger_Weber").elements == (14,)
    with pytest.raises(Invalid, match="stillinger-weber"):
        law("stilinger")


def test_a_list_of_laws_needs_no_array_library():
    code = "import sys, erlangen.physics.interatomic.catalogue as c; print(len(c.LAWS), 'jax' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == [str(len(LAWS)), "False"]


def test_a_strained_shaken_crystal_of_argon_is_that_of_ase():
    atoms = bulk("Ar", "fcc", 5.26, cubic=True) * (2, 2, 1)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + [[0.01, 0.02, 0], [0, -0.02, 0.01], [0, 0, 0.03]]), scale_atoms=True)
    atoms.rattle(0.1, seed=1)
    atoms.calc = ASE(epsilon=0.010342, sigma=3.405, rc=8.5125)
    with double():
        law = LennardJones()
        found = jax.jit(law.mechanics)(law.prepare(Atoms(atoms.positions, atoms.numbers, atoms.cell.array, atoms.pbc)))
    assert float(found["energy"]) == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
    assert np.asarray(found["energies"]) == pytest.approx(atoms.get_potential_energies(), abs=1e-10)
    assert np.asarray(found["forces"]) == pytest.approx(atoms.get_forces(), abs=1e-10)
    assert np.asarray(found["stress"]) == pytest.approx(atoms.get_stress(voigt=False), abs=1e-10)
