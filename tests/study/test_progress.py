"""The progress line: quiet in files, honest while the end is not known, and the history of the record in any case."""

from __future__ import annotations

import io
import time

import pytest

from erlangen.study import progress


def test_a_file_gets_the_first_and_the_last_line_and_history_gets_all():
    stream = io.StringIO()
    line = progress.ProgressLine("rbm", stream)
    for step in range(1, 50):
        line(step, 0 if step < 5 else 49, {"energy": -1.0})
    first, last = stream.getvalue().splitlines()
    assert first == "rbm  1  energy -1"
    assert last.startswith("rbm  49/49") and "steps/s" in last
    assert len(line.history) == 49 and line.history[-1] == {"energy": -1.0, "step": 49.0}


def test_no_rate_before_two_steps_and_no_remaining_time_before_the_end_is_known(monkeypatch):
    clock = iter([0.0, 100.0, 120.0, 140.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    stream = io.StringIO()
    line = progress.ProgressLine("fno", stream)
    line(1, 0, {})
    line(11, 0, {})
    line(21, 41, {})
    assert stream.getvalue().splitlines() == [
        "fno  1",
        "fno  11     0.5 steps/s",
        "fno  21/41     0.5 steps/s    40 s left",
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal], ids=["file", "terminal"])
def test_what_has_no_steps_says_how_long_it_takes_and_what_is_left(stream, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.05)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_REDRAWN", 0.05)
    line = progress.ProgressLine("painn", stream := stream())
    with line.during("compiling"):
        time.sleep(0.3)
    assert "painn  compiling  0 s" in stream.getvalue()
    with line.during("judging: answers") as tell:
        for done in range(1, 9):
            time.sleep(0.05)
            tell(done, 16)
    assert "8/16" in stream.getvalue() and "/s  " in stream.getvalue() and " s left" in stream.getvalue()
    assert set(line.spent) == {"compiling", "judging: answers"} and line.spent["compiling"] >= 0.3
    assert not line.history


def test_steps_end_the_waiting_and_a_stage_inside_speaks_for_itself(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.05)
    line = progress.ProgressLine("mace", stream := io.StringIO())
    with line.during("begins"):
        with line.during("labels"):
            time.sleep(0.2)
        before = stream.getvalue()
        time.sleep(0.01)
        monkeypatch.setattr(line, "_written", 0.0)
        line(1, 10, {"loss": 1.0})
        time.sleep(0.2)
    assert "labels" in before and "begins" not in before
    assert stream.getvalue().splitlines()[-1].startswith("mace  1/10")
    with progress.ProgressLine("quiet", None).during("anything") as tell:
        tell(1, 2)


def test_the_rate_of_a_second_fit_is_its_own(monkeypatch):
    clock = iter([0.0, 0.0, 10.0, 500.0, 520.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    line = progress.ProgressLine("transfer", stream := io.StringIO())
    for step, total in ((10, 20), (20, 20), (5, 100), (15, 100)):
        line(step, total, {})
    assert stream.getvalue().splitlines()[-1] == "transfer  15/100     0.5 steps/s   170 s left"
