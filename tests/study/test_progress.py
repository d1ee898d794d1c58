"""The progress line: quiet in files, honest while the end is not known, and the history of the record in any case."""

from __future__ import annotations

import io

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
