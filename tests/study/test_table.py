from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from erlangen.assess.rows import SymmetryRow
from erlangen.study import notation, table, work_precision
from erlangen.study.digest import digest

sys.path.insert(0, str(Path(__file__).parent))
from records import burgers, ising


@pytest.mark.parametrize(
    ("value", "error", "unit", "text"),
    [
        (0.41, 0.021, "%", "0.410 ± 0.021 %"),
        (12.345, 0.02, "meV/A", "12.345 ± 0.020 meV/Å"),
        (1234.5, 150.0, "1", "1,234 ± 150"),
        (-20.40412, 3e-4, "J", "-20.40412 ± 0.00030 J"),
        (1.04e-6, 2.1e-7, "1", "(1.04 ± 0.21)e-6"),
        (0.5, float("nan"), "%", "0.500 %"),
        (float("nan"), float("nan"), "%", "- %"),
        (0.0, 0.0, "1", "0"),
    ],
)
def test_figures_are_cut_at_the_second_digit_of_their_error(value, error, unit, text):
    assert notation.plus_minus(value, error, unit) == text


@given(st.floats(-1e12, 1e12), st.floats(1e-12, 1e6))
def test_no_figure_loses_more_than_its_error(value, error):
    assume(error > 1e-9 * abs(value))  # below that the bar is rounding, and left out
    text = notation.plus_minus(value, error).replace(",", "")
    match = re.fullmatch(r"\(?(-?[\d.]+) ± ([\d.]+)\)?(e-?\d+)?", text)
    assert match, text
    scale = float("1" + (match[3] or "e0"))
    assert abs(float(match[1]) * scale - value) <= 0.06 * error + 1e-9 * abs(value)
    assert abs(float(match[2]) * scale - error) <= 0.06 * error


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3e-5, "30 μs"), (3e-4, "300 μs"), (0.012, "12 ms"), (41, "41 s"), (150, "2.5 min"), (1e4, "2.78 h"), (None, "-")],
)
def test_times_are_in_readable_units(seconds, text):
    assert notation.duration(seconds) == text


def test_the_table_holds_every_answer_within_100_columns():
    text = table.table(burgers())
    assert max(map(len, text.splitlines())) <= 100
    for expected in (
        "conformal(fno)",
        "0.410 ± 0.021 %",
        "2.1e-7 %",
        "837,000 queries",
        "points = 48",
        "holds",
        "not claimed",
        "90.40 ± 0.60 %",
        "2.40 x",
        "arXiv:2010.08895",
        "budget used up",
    ):
        assert expected in text


def test_an_empty_record_still_prints():
    empty = dataclasses.replace(
        burgers(), scores=[], symmetry=[], coverage=[], shifts=[], solvers=[], published=[], cost=None, messages=[]
    )
    running = dataclasses.replace(empty, state="running")
    assert "running: what follows is incomplete" in table.table(running)
    assert "continuum/burgers" in table.summary([empty])


def test_a_violated_symmetry_is_named():
    rows = [
        SymmetryRow("method", "shifts along x", "u", 1e-7, True),
        SymmetryRow("method", "reflection of x", "u", float("nan"), True),
        SymmetryRow("method", "rotations", "u", 1.0, True, broken=True),
    ]
    record = dataclasses.replace(burgers(), symmetry=rows)
    assert table.certificate(record, "method") == "- VIOLATED: reflection of x"
    assert [table.verdict(row) for row in rows] == ["holds", "VIOLATED", "broken by the problem"]
    assert table.certificate(record, "solver") == "-"


def test_the_reason_is_given_where_training_never_pays():
    query, path = work_precision.comparisons(burgers())
    assert work_precision.break_even(query) == "837,000 queries" and work_precision.speed(query) == "2.7 x slower"
    assert work_precision.break_even(path) == "41,842 trajectories" and path.query == "20 steps"
    slower = query._replace(cost=dataclasses.replace(query.cost, solver_seconds=1e-5, break_even=None))
    assert work_precision.break_even(slower) == "never: solver faster" and work_precision.speed(slower) == "11 x faster"
    better = query._replace(cost=dataclasses.replace(query.cost, solver_seconds=None, break_even=None))
    assert work_precision.break_even(better) == "no solver as accurate" and work_precision.speed(better) == ""


def test_solvers_answer_and_labels_stand_in_one_table():
    (found,) = (section for section in table.sections(burgers()) if section.title == "reference solvers")
    assert found.header == ("solver", "setting", "one step", "one-step error", "20 steps", "error after 20 steps")
    assert found.rows[2] == ("spectral solver", "points = 48", "300 μs", "0.380 %", "6 ms", "0.90 ± 0.18 %")
    assert found.rows[-2] == ("conformal(fno)", "", "110 μs", "0.410 ± 0.021 %", "2.2 ms", "2.30 ± 0.15 %")
    assert found.rows[-1] == ("labels", "", "", "2.1e-7 %", "", "8e-4 %")


def test_a_setting_that_was_left_out_or_blew_up_is_marked():
    record = burgers()
    record.solvers = [row for row in record.solvers if (row.steps, row.setting) != (20, 96)]
    record.solvers[-1].scores["nrmse_20"] = record.floor["nrmse_20"] = float("nan")
    (found,) = (section for section in table.sections(record) if section.title == "reference solvers")
    assert found.rows[3][4:] == ("8 ms", "blew up") and found.rows[4][4:] == ("-", "-")
    assert found.rows[-1][4:] == ("", "-")


def test_without_solvers_the_times_of_step_and_trajectory_remain():
    record = dataclasses.replace(burgers(), solvers=[])
    (found,) = (section for section in table.sections(record) if section.title == "cost")
    assert found.header == ("", "one step", "20 steps") and found.rows[0] == ("per query", "110 μs", "2.2 ms")
    assert "reference solvers" not in {section.title for section in table.sections(record)}
    assert [work_precision.break_even(work) for work in work_precision.comparisons(record)] == ["-", "-"]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_runs_side_by_side_fit_the_screen(count):
    text = table.summary([burgers(seed=i, method="a-method-with-a-long-name") for i in range(count)])
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("continuum/burgers") == count


def test_labels_that_a_fit_made_for_itself_stand_with_the_cost():
    record = burgers()
    record.data["further_labels"] = [{"by": "GFN2-xTB", "count": 2000, "seconds": 40.0}]
    assert "2,000 by GFN2-xTB, within the fit" in table.table(record)


def test_error_bars_of_sampling_are_no_intervals_of_the_answer():
    text = table.table(ising())
    assert "error bars of sampling" in text and "92.5 ± 4.0 %" in text and "intervals" not in text
    assert table.headline_coverage(ising()) is None
    found = table.answers(ising())
    assert found["intervals"] == "-" and found["error bars"].startswith("90 % hold 92.5")
    assert "error bars of fresh samples" in digest(ising()) and digest(burgers()).count("\n") < 9
