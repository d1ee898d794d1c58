"""Differences of records, found without NumPy: the same as those of `erlangen compare`, in the unit of the score."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from portal import shelves
from scipy.special import stdtr
from study import records

from erlangen.assess import comparison
from erlangen.portal import api, differences
from erlangen.portal.library import Library


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 10, 99, 500])
def test_tails_of_student(degrees):
    for t in (0.0, 0.02, 0.7, 1.96, 4.0, 30.0):
        assert differences.two_sided(t, degrees) == pytest.approx(2 * stdtr(degrees, -t), abs=1e-13)


@pytest.mark.parametrize("seed", range(8))
def test_the_test_is_that_of_the_library(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    a = rng.lognormal(size=n)
    b = a + rng.normal(0.05, 0.1 + seed % 3, size=n)
    group = None if seed % 2 else rng.integers(0, int(rng.integers(1, 9)), size=n)
    expected = comparison.paired(a, b, group)
    found = differences.paired(a.tolist(), b.tolist(), None if group is None else group.tolist())
    assert found.difference == pytest.approx(expected.difference, rel=1e-12)
    assert found.error == pytest.approx(expected.error, rel=1e-10, nan_ok=True)
    assert found.p == pytest.approx(expected.p, abs=1e-12)


@pytest.mark.parametrize(
    ("a", "b"), [([1.0] * 4, [1.0] * 4), ([1.0] * 4, [2.0] * 4), ([1.0, math.nan], [1.0, 2.0]), ([0.3], [0.4])]
)
def test_what_has_no_spread_or_blew_up_is_told_apart_as_the_library_does(a, b):
    expected, found = comparison.paired(np.array(a), np.array(b)), differences.paired(a, b, None)
    assert found.p == expected.p and found.error == pytest.approx(expected.error, nan_ok=True)


def test_letters_are_those_of_the_library_and_figures_in_the_unit_of_the_score(tmp_path):
    """Three records whose scores are shares in per cent: means over samples, times a hundred."""
    rng = np.random.default_rng(0)
    base, kept = 0.004 + 0.001 * rng.random(60), {}
    for seed, shift in enumerate((0.0, 1e-5, 2e-3)):
        record = records.burgers(seed=seed)
        values = base + shift + 2e-5 * rng.normal(size=60)
        score = dataclasses.replace(record.scores[0], value=100 * float(values.mean()))
        arrays = {"scores/nrmse": values, "group": np.arange(60) // 3}
        name = f"r{seed}"
        shelves.keep(tmp_path, name, dataclasses.replace(record, scores=[score], panels=[]), arrays)
        kept[name] = values
    found = api.answer(Library(tmp_path), "compare", {"runs": ",".join(kept)})
    expected = comparison.letters(kept, np.arange(60) // 3)
    assert dict(zip(kept, found["scores"][0]["letters"])) == expected and expected["r2"] == "b"
    gap = next(one for one in found["differences"] if (one["first"], one["second"]) == ("r0", "r2"))
    assert gap["figure"]["unit"] == "%" and gap["significant"]
    assert gap["figure"]["value"] == pytest.approx(100 * np.mean(kept["r0"] - kept["r2"]))
    assert found["notes"] == []


def test_records_of_other_settings_are_not_paired(tmp_path):
    for name, viscosity in (("a", 0.01), ("b", 0.02)):
        record = records.burgers()
        record = dataclasses.replace(record, task_fields={**record.task_fields, "viscosity": viscosity}, panels=[])
        shelves.keep(tmp_path, name, record, {"scores/nrmse": np.linspace(0.1, 0.2, 8)})
    found = api.answer(Library(tmp_path), "compare", {"runs": "a,b"})
    assert found["differences"] == [] and "only records of the same question" in found["notes"][0]
