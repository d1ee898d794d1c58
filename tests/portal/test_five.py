"""The five measures say what the record says, and why where it says nothing."""

from __future__ import annotations

import dataclasses
import math

import pytest
from study import records

from erlangen.assess.rows import SymmetryRow, written
from erlangen.portal.boards import grouped
from erlangen.portal.five import figure, five, spoken


def test_the_five_are_the_figures_of_the_record():
    record = records.ethanol()
    error, price, symmetry, intervals, shift = five(record)
    first = record.scores[0]
    assert (error["figure"]["value"], error["figure"]["error"]) == (first.value, first.error)
    assert error["marks"][0]["kind"] == "ours" and error["marks"][0]["value"] == first.value
    assert {m["kind"] for m in error["marks"]} == {"ours", "opponent"} and error["axis"] == "log"
    assert record.cost and price["figure"]["value"] == record.cost.query_seconds and price["figure"]["unit"] == "s"
    assert price["note"] == "pays after 9,898 queries"
    held = [row for row in record.symmetry if row.subject == "method"]
    assert symmetry["figure"]["value"] == max(row.error for row in held) and symmetry["good"] is True
    assert f"{len(held)} of {len(held)} declared hold" in symmetry["sentence"]
    assert intervals["figure"]["value"] == pytest.approx(89.7) and intervals["good"] is True
    assert sorted(m["value"] for m in intervals["marks"] if m["kind"] == "shifted") == pytest.approx([70.0, 84.0])
    assert shift["figure"]["value"] == 3.3 and shift["what"] == "error at temperature 1000 K"
    assert [one["key"] for one in five(record)] == ["error", "price", "symmetry", "intervals", "shift"]


def test_a_factor_over_rounding_gives_way_to_the_error_itself():
    record = records.ethanol()
    rows = [dataclasses.replace(row, ratio=1e12 * row.ratio) for row in record.shifts]
    shift = five(dataclasses.replace(record, shifts=rows))[4]
    worst = max(rows, key=lambda row: row.ratio)
    assert shift["figure"]["text"] == "× > 10,000" and shift["figure"]["value"] == worst.ratio
    assert figure(worst.scores[0].value, worst.scores[0].error, worst.scores[0].unit)["text"] in shift["what"]
    assert five(record)[3]["note"].endswith("at temperature 1000 K")


def test_settings_of_solvers_and_counts_are_read_as_written_by_hand():
    assert [written(value) for value in (1e-8, 0.01, 128, "1e-08", 1e16)] == ["1e-8", "0.01", "128", "1e-8", "1e16"]
    assert grouped("65536 fresh samples, 1e-08, 2026, 0.12345") == "65,536 fresh samples, 1e-08, 2026, 0.12345"


def test_a_violation_names_group_and_output_and_nan_is_the_worst():
    rows = [SymmetryRow("method", "shifts", "u", 0.3, True), SymmetryRow("method", "boosts", "u", math.nan, True)]
    measure = five(dataclasses.replace(records.burgers(), symmetry=rows))[2]
    assert measure["good"] is False and measure["note"] == "✗ boosts, u"
    assert measure["figure"]["value"] is None and measure["figure"]["absent"] == "not a number"
    assert all(math.isfinite(mark["value"]) for mark in measure["marks"])


def test_what_a_record_lacks_keeps_its_place_and_says_why():
    bare = dataclasses.replace(
        records.burgers(),
        state="failed",
        scores=[],
        symmetry=[],
        coverage=[],
        shifts=[],
        solvers=[],
        cost=None,
        rollout_cost=None,
    )
    reasons = [one["figure"]["absent"] for one in five(bare)]
    assert reasons[0] == "the run is failed" and all(reasons) and len(reasons) == 5
    assert five(dataclasses.replace(records.burgers(), solvers=[], published=[]))[0]["note"] == "no opponent declared"


def test_error_bars_come_with_their_figures_and_are_spoken():
    assert figure(11.67, 0.347, "meV/A")["text"] == "11.67 ± 0.35 meV/Å"
    assert figure(math.inf)["absent"] == "infinite" and figure(None)["text"] == "–"
    said = spoken("11.67 ± 0.35 meV/Å, (3.1 ± 0.4)e-6 and 5e-06")
    assert said == "11.67 plus or minus 0.35 meV per angstrom, 3.1 plus or minus 0.4, times ten to the minus 6 and " + (
        "5 times ten to the minus 6"
    )
