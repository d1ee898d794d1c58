"""Packing: few shapes, nothing lost, order kept, batched = single."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from ase.neighborlist import neighbor_list
from hypothesis import given
from hypothesis import strategies as st

from erlangen.contract import Predictor
from erlangen.core.systems import Atoms, Field
from erlangen.learn import batching
from erlangen.learn.batching import MAX_SHAPES, pack, padded_shapes, predict, prepared
from erlangen.numerics import chunks
from erlangen.numerics.mechanics import energy_and_forces, energy_forces_stress
from erlangen.numerics.neighbour_lists import LABEL, NeighbourList, listed, near_of
from erlangen.numerics.precision import double


class Springs(Predictor):
    """E = sum_{i<j} (|r_ij| - 1)^2 / 2 over real atoms."""

    def energy(self, x):
        gap = x.positions[:, None] - x.positions[None]
        distance = jnp.sqrt(jnp.sum(gap**2, -1) + jnp.eye(len(gap)))
        both = x.mask[:, None] & x.mask[None] & ~jnp.eye(len(gap), dtype=bool)
        return 0.25 * jnp.sum(jnp.where(both, (distance - 1) ** 2, 0))

    def __call__(self, x):
        return energy_and_forces(self.energy, x)


def molecules(sizes):
    rng = np.random.default_rng(0)
    return [Atoms(rng.normal(size=(n, 3)), rng.integers(1, 9, n)) for n in sizes]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=30))
def test_batched_equals_single_and_shapes_are_few(sizes):
    inputs = molecules(sizes)
    assert len(pack(inputs)) <= MAX_SHAPES
    together = predict(Springs(), inputs, batch=4)
    for i, x in enumerate(inputs):
        alone = Springs()(Atoms(x.positions.astype(np.float32), x.atomic_numbers))
        np.testing.assert_allclose(together["energy"][i], alone["energy"], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(together["forces"][i], alone["forces"], rtol=1e-4, atol=1e-5)


class Shell(Predictor):
    """E = sum over pairs of (1 - r / 4 A)^3, from a list of neighbours."""

    def energy(self, x):
        near = near_of(x, 4.0)
        return 0.5 * jnp.sum(jnp.where(near.mask & near.complete, (1 - near.distances / 4.0) ** 3, 0.0))

    def __call__(self, x):
        return energy_and_forces(self.energy, x)

    def prepare(self, x):
        return listed(x, 4.0)


def test_lists_are_padded_with_their_crystals():
    rng = np.random.default_rng(0)
    crystals = [bulk("Cu", a=a) * repeat for a in (3.0, 3.6, 4.5) for repeat in ((1, 1, 1), (2, 1, 1), (1, 2, 3))]
    inputs = [Atoms(c.positions + 0.1 * rng.normal(size=(len(c), 3)), c.numbers, c.cell.array, c.pbc) for c in crystals]
    buckets = pack(prepared(Shell(), inputs))
    assert len(buckets) <= MAX_SHAPES and len({b.inputs.labels[LABEL].mask.shape for b in buckets}) == len(buckets)
    together = predict(Shell(), inputs, batch=4)
    for i, (c, x) in enumerate(zip(crystals, inputs, strict=True)):
        c.positions = x.positions
        d = neighbor_list("d", c, 4.0)
        np.testing.assert_allclose(together["energy"][i], 0.5 * np.sum((1 - d / 4) ** 3), rtol=1e-5)
    alone = Shell()(listed(inputs[4], 4.0))
    np.testing.assert_allclose(together["forces"][4], alone["forces"], rtol=1e-3, atol=1e-5)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), min_size=1, max_size=80))
def test_padded_shapes_are_few_and_large_enough(own):
    def system(n, width):
        label = NeighbourList(*(np.zeros((n, width)),) * 3, np.zeros((n, 3)), np.eye(3), 4.0)
        return Atoms(np.zeros((n, 3)), np.ones(n, int), labels={LABEL: label} if width else {})

    shapes = padded_shapes([system(*shape) for shape in own])
    assert all(n >= m and k >= j and (k > 0) == (j > 0) for (n, k), (m, j) in zip(shapes, own, strict=True))
    assert len({s for s in shapes if s[1]}) <= MAX_SHAPES and len({s for s in shapes if not s[1]}) <= MAX_SHAPES


def test_fields_of_two_grids_are_kept_apart():
    inputs = [Field({"u": np.full(n, i, float)}, (1.0,)) for i, n in enumerate((8, 16, 8, 8))]
    found = predict(lambda x: {"v": 2 * x["u"]}, inputs)["v"]
    assert [len(v) for v in found] == [8, 16, 8, 8] and [v[0] for v in found] == [0, 2, 4, 6]


def test_float64_additions_survive_prediction():
    class Total(Predictor):
        def __call__(self, x):
            return {"energy": jnp.sum(x.positions) * 0 + jnp.asarray(np.float64(-9391.123456789))}

    assert predict(Total(), molecules([3]))["energy"][0] == -9391.123456789


class Wide(Predictor):
    """Takes 80 kB for a sample, 80 bytes of which are its answer."""

    def __call__(self, x):
        return {"v": jnp.sort(jnp.outer(jnp.sin(jnp.arange(1e3, dtype=jnp.float32)), x["u"]), 0)[900]}


def test_samples_at_once_are_as_many_as_memory_has_room_for():
    inputs = [Field({"u": np.linspace(0, 1 + i, 20)}, (1.0,)) for i in range(19)]
    told, sizes = [], []
    whole = predict(Wide(), inputs)["v"]
    for limit in (1e9, 4e5, 1.0):
        found = predict(Wide(), inputs, limit=limit, tell=lambda done, total: told.append((done, total)))["v"]
        np.testing.assert_allclose(found, whole, rtol=1e-5)
        assert told[-1] == (19, 19) and [done for done, _ in told] == sorted(done for done, _ in told)
        sizes.append(told[0][0])
        told.clear()
    assert sizes[0] == 19 and 1 <= sizes[1] <= 8 and sizes[2] == 1
    one = chunks.taken(batching._apply, None, Wide().__call__, pack(inputs)[0].part(0, 1)[1])
    assert 8e4 < one < 4e5


def test_what_finds_no_memory_after_all_is_tried_in_smaller_pieces(monkeypatch):
    inputs = [Field({"u": np.full(8, float(i))}, (1.0,)) for i in range(10)]
    apply, sizes = batching._apply, []

    class Program:
        lower = apply.lower

        def __call__(self, arrays, static, chunk):
            sizes.append(len(chunk["u"]))
            if sizes[-1] > 4:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 28000000000 bytes.")
            return apply(arrays, static, chunk)

    monkeypatch.setattr(batching, "_apply", Program())
    found = predict(lambda x: {"v": 2 * x["u"]}, inputs)["v"]
    np.testing.assert_array_equal([v[0] for v in found], 2 * np.arange(10))
    assert sizes == [16, 8, 4, 4, 4]
    with pytest.raises(ZeroDivisionError):
        predict(lambda x: {"v": 1 // 0}, inputs)


def test_forces_and_stress_are_the_derivatives():
    rng = np.random.default_rng(1)
    x = Atoms(rng.normal(size=(6, 3)), np.ones(6, int), 8 * np.eye(3), np.ones(3, bool))
    with double():
        model, step = Springs(), 1e-5
        out = energy_forces_stress(model.energy, x)
        moved = [x.replace(positions=x.positions + s * step * np.eye(18)[4].reshape(6, 3)) for s in (1, -1)]
        slope = (model.energy(moved[0]) - model.energy(moved[1])) / (2 * step)
        np.testing.assert_allclose(out["forces"][1, 1], -slope, rtol=1e-7)
        strain = np.zeros((3, 3))
        strain[0, 1] = strain[1, 0] = step / 2
        shear = [model.energy(x.replace(positions=x.positions @ (np.eye(3) + s * strain))) for s in (1, -1)]
        np.testing.assert_allclose(
            512 * (out["stress"][0, 1] + out["stress"][1, 0]) / 2, (shear[0] - shear[1]) / (2 * step), rtol=1e-6
        )
