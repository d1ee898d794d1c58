"""The linear cluster expansion: its columns are derivatives of its energy, its functions independent, its fit good."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.metrics import estimate
from erlangen.contract import Budget, Session
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.data.frame_sets import FrameSet
from erlangen.learn.batching import predict
from erlangen.methods.baselines.mean import Mean
from erlangen.methods.linear._design import Triangle, columns, path
from erlangen.methods.linear.ace import LinearExpansion, nearest
from erlangen.methods.message_passing._potential import Potential
from erlangen.methods.wrappers.distilled import Distilled
from erlangen.methods.wrappers.replay import Replay, mixed
from erlangen.nn.cluster_basis import Distances, Expansion, Products
from erlangen.nn.elements import Elements
from erlangen.numerics.neighbour_lists import listed
from erlangen.numerics.precision import double
from erlangen.tasks.materials.potentials import Potentials

CUTOFF = 4.0
TOY = Potentials(**Potentials.toy)
SMALL = LinearExpansion(degrees=(6, 4), cutoff=5.0)


def _alloy(seed: int = 0) -> Atoms:
    """Four atoms of two elements in a skewed cell smaller than the cutoff."""
    rng = np.random.default_rng(seed)
    cell = np.diag([3.7, 3.9, 4.1]) + 0.3 * rng.standard_normal((3, 3))
    places = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]) + 0.03 * rng.standard_normal((4, 3))
    return Atoms(places @ cell, np.array([29, 79, 29, 29]), cell, np.ones(3, bool))


def _basis(products: Products, species: int) -> Expansion:
    weights = np.random.default_rng(1).standard_normal((species, len(products.kept)))
    return Expansion(jnp.asarray(weights), Distances(CUTOFF, 2.6, products.count), products)


def test_columns_are_the_derivatives_of_the_energy():
    with double():
        basis, elements, x = _basis(Products((4, 4, 3), 2), 2), Elements((29, 79), (0.0, 0.0)), _alloy()
        potential = Potential(basis, elements, 1.0, CUTOFF, None, True)  # type: ignore[arg-type]
        found, w = potential.mechanics(x), np.asarray(basis.weights).ravel()
        sums = columns(basis, np.asarray(x.atomic_numbers) // 79, listed(x, CUTOFF, skin=0.0))
        volume = abs(np.linalg.det(x.cell))
        assert float(sums["energy"] @ w) == pytest.approx(float(found["energy"]), rel=1e-10)
        np.testing.assert_allclose(sums["forces"] @ w, found["forces"], atol=1e-9)
        np.testing.assert_allclose(sums["virial"] @ w / volume, found["stress"], atol=1e-9)


def test_functions_are_independent_and_none_is_missing_among_three_factors():
    """As many functions as counted by hand, and no combination of them vanishes on random neighbourhoods."""
    # degrees of 1.5 l + n: A; the pairs 00 01 11 02 and (l = 1) 00; the triples 000 001 011 002 111 ... up to 2
    assert [len(Products(d).kept) for d in ((2,), (2, 2), (0, 0, 3))] == [3, 7, 1 + 1 + 7 + 1]
    products = Products((5, 5, 4.5))  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    with double():
        basis = _basis(products, 1)
        density = [
            jnp.asarray(rng.standard_normal((200, count, 2 * l + 1))) for l, count in enumerate(products.radials)
        ]
        found = np.asarray(basis.multiplied(density))[:, products.kept]
    assert np.linalg.matrix_rank(found / np.linalg.norm(found, axis=0)) == len(products.kept)


def test_energies_do_not_see_axes_or_the_order_of_atoms():
    from scipy.stats import ortho_group

    x, turn, order = _alloy(), ortho_group.rvs(3, random_state=0), np.array([2, 0, 3, 1])
    moved = Atoms(x.positions[order] @ turn, x.atomic_numbers[order], x.cell @ turn, x.pbc)
    with double():
        potential = Potential(
            _basis(Products((4, 4, 3), 2), 2),  # type: ignore[arg-type]
            Elements((29, 79), (1.0, 2.0)),
            1.0,
            CUTOFF,
            None,
        )
        assert float(potential(moved)["energy"]) == pytest.approx(float(potential(x)["energy"]), rel=1e-10)


def test_least_squares_in_parts_is_that_of_the_whole():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 5)), rng.standard_normal(40)
    one = Triangle(5)
    for rows in np.array_split(np.arange(40), 3):
        one.add(x[rows], y[rows])
    w = path(one, np.ones(5), np.array([1e-9, 10.0]))
    np.testing.assert_allclose(w[:, 0], np.linalg.lstsq(x, y, rcond=None)[0], atol=1e-9)
    assert np.linalg.norm(w[:, 1]) < 0.1 * np.linalg.norm(w[:, 0])
    np.testing.assert_allclose(one.losses(w)[1] - one.losses(w)[0], np.sum((x @ w[:, 1] - x @ w[:, 0]) ** 2), rtol=0.1)


@pytest.fixture(scope="module")
def fitted():
    return SMALL.fit(TOY, Budget(steps=1), key=jax.random.key(0))


def test_ten_frames_are_enough_for_copper(fitted):
    test = TOY.truth("test")
    found = predict(fitted, test.inputs, quantities=TOY.outputs)
    scores = {s.name: estimate(s, found, test, key=jax.random.key(0)).value for s in TOY.scores}
    assert scores["forces_mae"] < 30 and scores["energy_mae"] < 2  # meV/A of 240, meV/atom
    assert nearest(test.inputs, 5.0) == pytest.approx(2.4, abs=0.1)  # of 2.54 at rest


def test_a_student_of_the_same_kind_becomes_its_teacher(fitted):
    """Forces agree far better than either does with the truth; the zero of energy is that of the task."""
    wrapped = Distilled(SMALL, frames=12)
    assert wrapped.continues and not Distilled(SMALL, teacher="big.nqx").continues
    teacher = dataclasses.replace(fitted, elements=Elements((29,), (100.0,)))
    student = wrapped.fit(TOY, Budget(steps=1), key=jax.random.key(1), session=Session(start=teacher))
    test = TOY.truth("test")
    x, true = test.inputs[0], np.asarray(test.outputs["forces"][0])
    mine, its = student(x), fitted(x)
    apart, off = (np.sqrt(np.mean((np.asarray(its["forces"]) - other) ** 2)) for other in (mine["forces"], true))
    assert apart < 0.1 * off
    assert float(mine["energy"]) == pytest.approx(float(its["energy"]), abs=0.05)


def test_a_teacher_has_a_surface(tmp_path):
    with pytest.raises(Invalid, match=r"universal potential in a file \.nqx"):
        Distilled(SMALL, teacher="run.txt")
    mean = Mean().fit(TOY, Budget(steps=1), key=jax.random.key(0))
    with pytest.raises(Invalid, match="can be differentiated"):
        Distilled(SMALL).fit(TOY, Budget(steps=1), key=jax.random.key(0), session=Session(start=mean))


def test_left_handed_cells_are_crystals_and_flat_ones_are_refused(fitted):
    x = TOY.truth("test").inputs[0]
    swapped = Atoms(x["positions"], x["atomic_numbers"], np.asarray(x["cell"])[[1, 0, 2]], x["pbc"])
    assert np.linalg.det(swapped.cell) < 0
    for name, value in fitted(x).items():
        np.testing.assert_allclose(fitted(swapped)[name], value, atol=1e-4)
    with pytest.raises(Invalid, match="span a cell"):
        fitted(swapped.replace(cell=np.asarray(x["cell"])[[0, 0, 2]]))
    with pytest.raises(Invalid, match="elements must occur"):
        fitted(swapped.replace(atomic_numbers=np.full(len(swapped.positions), 47)))


@pytest.mark.parametrize(("share", "rounds"), [(0.5, (1, 2)), (0.8, (1, 8)), (0.05, (10, 1))])
def test_replay_mixes_whole_rounds_of_old_and_new_frames(share, rounds):
    old = FrameSet(str(Path(__file__).parent.parent / "data" / "files" / "mlearn" / "Si" / "training.json.xz"))
    new, both = len(TOY.truth("train")), mixed(TOY, old, share).truth("train")
    count = len(old.part("train"))
    assert len(both) == rounds[0] * new + rounds[1] * count
    assert abs(rounds[1] * count / len(both) - share) < 0.15
    assert {len(values) for values in both.outputs.values()} == {len(both)}
    assert len(mixed(TOY, old, share).truth("test")) == len(TOY.truth("test"))


def test_replay_asks_for_all_labels(tmp_path):
    path = tmp_path / "old.xyz"
    path.write_text("1\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-3.5\nCu 0 0 0 0 0 0\n" * 8)
    with pytest.raises(Invalid, match="without stress"):
        Replay(SMALL, data=str(path)).check(TOY)
    with pytest.raises(Invalid, match="between 0 and 1"):
        Replay(SMALL, share=1.0).check(TOY)


@pytest.mark.parametrize("settings", [{"degrees": ()}, {"degrees": (4, 4, 4, 4)}, {"degrees": (50,)}, {"cutoff": 0.0}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(Invalid):
        LinearExpansion(**settings)


def test_too_many_parameters_are_refused_before_anything_is_computed():
    with pytest.raises(Invalid, match="at most 4000 parameters"):
        LinearExpansion(degrees=(40, 40, 40)).fit(Potentials(**Potentials.toy), Budget(steps=1), key=jax.random.key(0))
