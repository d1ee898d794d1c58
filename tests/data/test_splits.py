"""Splits keep their promise for any sizes and fractions; the leak search finds exactly what brute force finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from erlangen.contract import Samples
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms, Field, SpinLattice
from erlangen.data import splits
from erlangen.data.leakage import leaks, near

parts_of = st.sampled_from(
    [{"train": 0.8, "test": 0.2}, {"train": 0.5, "validation": 0.25, "test": 0.2}, {"a": 3, "b": 2}]
)


def disjoint(found, n):
    rows = np.concatenate(list(found.values()))
    return len(np.unique(rows)) == len(rows) and (not len(rows) or (rows.min() >= 0 and rows.max() < n))


@given(st.integers(12, 300), parts_of, st.integers(0, 9))
def test_random_parts_are_disjoint_of_the_asked_size_and_repeatable(n, parts, key):
    found = splits.at_random(n, parts, key=key)
    assert list(found) == list(parts) and disjoint(found, n)
    for name, share in parts.items():
        assert abs(len(found[name]) - (share if isinstance(share, int) else share * n)) <= 1
    again = splits.at_random(n, parts, key=key)
    assert all(np.array_equal(found[k], again[k]) for k in found)


def test_jax_keys_serve_as_well():
    import jax

    a, b, c = (splits.at_random(50, {"x": 0.5}, key=jax.random.key(i))["x"] for i in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    splits.at_random(50, {"x": 0.5}, key=jax.random.PRNGKey(0))


@given(st.lists(st.integers(0, 30), min_size=20, max_size=200), parts_of, st.integers(0, 9))
def test_groups_stay_whole(groups, parts, key):
    assume(len(set(groups)) >= len(parts))
    found = splits.by_group(groups, parts, key=key)
    assert disjoint(found, len(groups)) and all(len(rows) for rows in found.values())
    held = [set(np.array(groups)[rows]) for rows in found.values()]
    assert sum(map(len, held)) == len(set.union(*held))
    assert all(np.isin(groups, list(h)).sum() == len(rows) for h, rows in zip(held, found.values()))


@given(st.lists(st.integers(0, 9), min_size=20, max_size=99))
def test_order_extrapolates(values):
    assume(len(set(values)) >= 6)
    try:
        found = splits.by_order(values, {"train": 0.6, "test": 0.4})
    except Invalid:
        return
    values = np.array(values)
    assert values[found["train"]].max() < values[found["test"]].min() and disjoint(found, len(values))


def test_size_and_parameter():
    inputs = [Atoms(np.zeros((n, 3)), np.ones(n, int)) for n in (5, 2, 9, 3)]
    found = splits.by_size(Samples(inputs, {}), {"train": 2, "test": 2})
    assert found["train"].tolist() == [1, 3] and found["test"].tolist() == [0, 2]
    fields = Samples(
        [Field({"u": np.zeros(4)}, (0.1,), parameters={"viscosity": nu}) for nu in (0.1, 0.01, 0.05, 0.02)], {}
    )
    nu = splits.values_of(fields, "viscosity")
    found = splits.beyond(nu, (0.02, 0.2), {"train": 2, "test": 1}, key=0)
    assert found["beyond"].tolist() == [1] and sorted([*found["train"], *found["test"]]) == [0, 2, 3]
    with pytest.raises(Invalid, match="viscosity"):
        splits.values_of(fields, "viscosty")
    with pytest.raises(Invalid, match="inside the interval"):
        splits.beyond(nu, (0, 1), {"train": 0.5}, key=0)


@settings(max_examples=50)
@given(st.integers(30, 200), st.floats(0, 3), st.sampled_from([None, 4, 10]), st.integers(0, 5))
def test_time_blocks_keep_their_distance(n, gap, blocks, key):
    times = np.random.default_rng(key).permutation(n).astype(float)
    found = splits.by_time(times, {"train": 0.6, "test": 0.4}, gap=gap, blocks=blocks, key=key)
    assert disjoint(found, n)
    apart = np.abs(times[found["train"]][:, None] - times[found["test"]][None])
    assert apart.min() >= gap
    if blocks is None:
        assert times[found["train"]].max() < times[found["test"]].min()
    assert len(found["train"]) + len(found["test"]) >= n - 2 * np.ceil(gap) * ((blocks or 2) - 1)


def test_scaffolds_as_published_and_kept_whole():
    """Diazepam and a phenyl ether: scaffolds drawn by hand after Bemis and Murcko."""
    from rdkit import Chem

    drawn = {"CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21": "O=C1CN=C(c2ccccc2)c2ccccc2N1", "COc1ccccc1": "c1ccccc1", "CCO": ""}
    for text, ring in drawn.items():
        assert splits.scaffolds([text]) == [Chem.CanonSmiles(ring) if ring else ""]
    smiles = [
        "Cc1ccccc1",
        "CCc1ccccc1",
        "Oc1ccccc1",
        "Nc1ccccc1",
        "C1CCCCC1",
        "CC1CCCCC1",
        "c1ccncc1",
        "CCO",
        "CCN",
        "C1CC1",
    ]
    rings = np.array(splits.scaffolds(smiles))
    found = splits.by_scaffold(smiles, {"train": 0.6, "test": 0.4}, key=0)
    assert disjoint(found, 10) and not set(rings[found["train"]]) & set(rings[found["test"]])
    assert sum(map(len, found.values())) == 10 and set(range(4)) <= set(found["train"])
    with pytest.raises(Invalid, match="entry 1"):
        splits.scaffolds(["C", "C1CC"])
    with pytest.raises(Invalid, match="scaffold of its own"):
        splits.by_scaffold(["c1ccccc1"] * 5, {"train": 0.6, "test": 0.4}, key=0)


@pytest.mark.parametrize(
    "parts", [{}, {"a": 0.7, "b": 0.5}, {"a": -1}, {"a": 11}, {"a": 0.0, "b": 1.0}, {"a": 0.01, "b": 0.99}]
)
def test_bad_parts(parts):
    with pytest.raises(Invalid):
        splits.at_random(10, parts, key=0)


def turned(rng, atoms):
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    order = rng.permutation(len(atoms.positions))
    return Atoms((atoms.positions @ rotation + rng.normal(size=3))[order], atoms.atomic_numbers[order])


def test_molecules_are_found_again_however_they_are_turned():
    rng = np.random.default_rng(0)
    a = [Atoms(rng.normal(size=(n, 3)) * 2, rng.integers(6, 9, n)) for n in (5, 9, 9, 14, 1)]
    b = [turned(rng, x) for x in reversed(a)]
    assert {(leak.first, leak.second) for leak in leaks(a, b)} == {(i, 4 - i) for i in range(5)}
    padded = Atoms(np.vstack([b[0].positions, np.zeros((2, 3))]), np.append(b[0].atomic_numbers, [0, 0]))
    assert [(leak.first, leak.second) for leak in leaks(a, [padded])] == [(4, 0)]
    moved = [x.replace(positions=x.positions + rng.normal(size=x.positions.shape) * 0.2) for x in b]
    assert [leak.first for leak in leaks(a[:4], moved)] == []
    assert leaks(a[:4], moved, tolerance=1.0)[0].distance > 0


def test_crystals_are_found_again_in_any_cell():
    """Rock salt: primitive, conventional and doubled cell are one crystal; caesium chloride and 2 % strain are not."""
    from ase.build import bulk, make_supercell

    def crystal(x):
        return Atoms(x.positions, x.numbers, np.array(x.cell), x.pbc)

    salt = bulk("NaCl", "rocksalt", a=5.64)
    cubic = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    sheared = make_supercell(salt, [[1, 1, 0], [0, 1, 0], [0, 0, 2]])
    strained = cubic.copy()
    strained.set_cell(cubic.cell * 1.02, scale_atoms=True)
    others = [cubic, sheared, strained, bulk("NaCl", "cesiumchloride", a=4.12)]
    found = leaks([crystal(salt)], [crystal(x) for x in others])
    assert [leak.second for leak in found] in ([0, 1], [1, 0])
    slab = Atoms(cubic.positions, cubic.numbers, np.array(cubic.cell) * [[1], [1], [0]], np.array([True, True, False]))
    assert len(leaks([slab], [slab])) == 1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.floats(0.01, 3), st.integers(0, 99))
def test_projection_loses_no_pair(dimension, radius, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(30, dimension)), rng.normal(size=(20, dimension))
    y[:5] = x[:5] + rng.normal(size=(5, dimension)) * radius / np.sqrt(dimension)
    distances = np.linalg.norm(x[:, None] - y[None], axis=-1)
    pairs, found = near(x, y, radius)
    assert set(map(tuple, pairs.tolist())) == set(zip(*map(list, np.nonzero(distances <= radius))))
    assert np.allclose(found, distances[pairs[:, 0], pairs[:, 1]])


def test_fields_and_spins():
    rng = np.random.default_rng(0)
    fields = [Field({"u": rng.normal(size=64)}, (0.1,), parameters={"viscosity": 0.01}) for _ in range(30)]
    other = [Field({"u": f.values["u"] * (1 + 1e-4)}, (0.1,), parameters={"viscosity": 0.01}) for f in fields[:3]]
    assert sorted((leak.first, leak.second) for leak in leaks(fields, other)) == [(0, 0), (1, 1), (2, 2)]
    thicker = [f.replace(viscosity=0.02) for f in other]
    assert leaks(fields, thicker) == [] and leaks(fields[:10], fields[10:]) == []
    spins = [SpinLattice(np.sign(rng.normal(size=12))) for _ in range(4)]
    assert len(leaks(spins, spins[2:])) == 2


def test_two_thousand_against_two_thousand_in_seconds():
    """All 4 million pairs of 20-atom molecules within 10 s, the five planted copies found and no other."""
    import time

    rng = np.random.default_rng(0)
    shape = rng.normal(size=(20, 3)) * 2
    kinds = np.repeat([1, 6, 7, 8], 5)
    frames = [Atoms(shape + rng.normal(size=shape.shape) * 0.1, kinds) for _ in range(3995)]
    a = frames[:2000]
    b = [*frames[2000:], *(turned(rng, x) for x in a[:5])]
    started = time.perf_counter()
    found = leaks(a, b)
    assert time.perf_counter() - started < 10
    assert {(leak.first, leak.second) for leak in found} == {(i, 1995 + i) for i in range(5)}
