from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from erlangen.assess.rows import SymmetryRow
from erlangen.study import table

sys.path.insert(0, str(Path(__file__).parent))
from records import burgers


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
    assert table.plus_minus(value, error, unit) == text


@given(st.floats(-1e12, 1e12), st.floats(1e-12, 1e6))
def test_no_figure_loses_more_than_its_error(value, error):
    assume(error > 1e-9 * abs(value))  # below that the bar is rounding, and left out
    text = table.plus_minus(value, error).replace(",", "")
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
    assert table.duration(seconds) == text


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
        burgers(), scores=[], symmetry=[], coverage=[], shifts=[], opponents=[], peers=[], cost=None, messages=[]
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
    record = burgers()
    assert record.cost
    slower = dataclasses.replace(record, cost=dataclasses.replace(record.cost, break_even=None))
    assert table.break_even(slower) == "never: opponent faster"
    better = dataclasses.replace(record, cost=dataclasses.replace(record.cost, opponent_seconds=None, break_even=None))
    assert table.break_even(better) == "no opponent as accurate"


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_runs_side_by_side_fit_the_screen(count):
    text = table.summary([burgers(seed=i, method="a-method-with-a-long-name") for i in range(count)])
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("continuum/burgers") == count
