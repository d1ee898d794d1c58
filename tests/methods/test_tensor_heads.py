"""Tensor heads on crystals: what the point group forbids vanishes, whatever the weights (Neumann's principle)."""

from __future__ import annotations

import equinox as eqx
import jax
import numpy as np
import pytest
from ase.spacegroup import crystal as spacegroup_crystal

from erlangen.contract import Samples
from erlangen.core import quantity
from erlangen.core.errors import Invalid
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Atoms
from erlangen.data.property_sets import symmetric_crystal
from erlangen.methods.message_passing._properties import fit_property
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.nn.radial import Bessel
from erlangen.numerics.precision import double
from erlangen.physics.crystal_symmetry import forbidden

CUTOFF = 4.0
PIEZO = Quantity("e", "e", "C/m^2", "", quantity.third_rank)
EPS = Quantity("eps", "eps", "1", "", quantity.tensor)
RUTILE = {"symbols": ["Ti", "O"], "basis": [(0, 0, 0), (0.305, 0.305, 0)], "cellpar": [4.6, 4.6, 2.96, 90, 90, 90]}
QUARTZ = {
    "symbols": ["Si", "O"],
    "basis": [(0.47, 0, 1 / 3), (0.413, 0.267, 0.119 + 1 / 3)],
    "cellpar": [4.91, 4.91, 5.4, 90, 90, 120],
}


def made(number, settings):
    found = spacegroup_crystal(spacegroup=number, **settings)
    atoms = Atoms(found.positions, found.numbers.astype(np.int32), found.cell.array, np.ones(3, bool))
    crystal, _, group = symmetric_crystal(atoms)
    return crystal, group


class Question:
    outputs, sources = (EPS, PIEZO), ()


@pytest.fixture(scope="module")
def answers():
    """Tensors of rutile (with a centre of inversion) and quartz (without) by random weights in float64."""
    crystals = [made(136, RUTILE), made(152, QUARTZ)]
    rng = np.random.default_rng(0)
    symmetric = rng.normal(size=(4, 3, 3, 3))
    labels = {
        "eps": [np.eye(3) * i + np.diag([0, 0, 1.0]) for i in range(4)],
        "e": list(symmetric + symmetric.swapaxes(2, 3)),
    }
    train = Samples([crystals[i % 2][0] for i in range(4)], labels)

    def network(elements):
        return PaiNN(8, 1, Bessel(CUTOFF, 4)).build(len(elements.numbers), 20.0, key=jax.random.key(0))

    model, _ = fit_property(network, Question(), train, CUTOFF, 20.0, None, key=jax.random.key(1))
    model = jax.tree.map(lambda a: np.asarray(a, np.float64) if eqx.is_inexact_array(a) else a, model)
    with double():
        run = eqx.filter_jit(lambda f, x: f(x))
        return [(jax.device_get(run(model, model.prepare(x))), group) for x, group in crystals]


def test_forbidden_components_vanish(answers):
    for found, group in answers:
        assert forbidden(found["eps"], group) < 1e-12 * np.max(np.abs(found["eps"]))
        assert forbidden(found["e"], group) < 1e-12


def test_piezoelectric_tensor_needs_a_crystal_without_centre(answers):
    (rutile, _), (quartz, _) = answers
    assert np.max(np.abs(rutile["e"])) < 1e-12
    assert np.max(np.abs(quartz["e"])) > 1e-3
    assert np.allclose(quartz["e"], np.swapaxes(quartz["e"], 1, 2))


def test_a_pseudoscalar_is_refused():
    """An invariant readout cannot change its sign under a reflection."""
    rotation = Quantity("rotation", "R", "degree", "", quantity.pseudoscalar)
    task = type("Question", (), {"outputs": (rotation,), "sources": ()})()
    train = Samples([made(136, RUTILE)[0]], {"rotation": [1.0]})

    def network(elements):
        return PaiNN(8, 1, Bessel(CUTOFF, 4)).build(len(elements.numbers), 20.0, key=jax.random.key(0))

    with pytest.raises(Invalid, match="changes its sign"):
        fit_property(network, task, train, CUTOFF, 20.0, None, key=jax.random.key(1))
