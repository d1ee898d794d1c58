"""Allowances of tests: who has outgrown his is named, a slow machine is not held against him, growth is projected."""

from __future__ import annotations

import costs
import pytest

SECONDS = {
    "continuum/burgers": 4.0,
    "quantum/spins": 2.0,
    "fno": 15.0,
    "painn": 25.0,
    "tests/tasks/test_a.py": 30.0,
    "tests/methods/test_b.py": 20.0,
    "tests/core/test_c.py": 100.0,
}


def test_whatever_outgrows_its_allowance_is_named_unless_the_machine_is_slow(monkeypatch):
    assert not costs.outgrown({"tests/a.py": costs.ALLOWED, "fno": costs.ALLOWED_LEAF}, 1.0)
    (file,) = costs.outgrown({"tests/a.py": costs.ALLOWED + 6, "fno": 1.0}, 1.0)
    assert "tests/a.py may take 90 s of processor time; it took 96 s" in file and "make bars" in file
    (method,) = costs.outgrown({"fno": costs.ALLOWED_LEAF + 6}, 0.5)
    assert method.startswith("fno may take")
    assert not costs.outgrown({"tests/a.py": costs.ALLOWED + 6}, 1.5)
    monkeypatch.setitem(costs.EXCEPTIONS, "tests/a.py", 120.0)
    assert not costs.outgrown({"tests/a.py": 119.0}, 1.0) and costs.outgrown({"tests/a.py": 121.0}, 1.0)


def test_growth_is_projected_from_the_means():
    minutes, words = costs.projected(SECONDS)
    per_task, per_method = (4 + 2 + 30) / 2, (15 + 25 + 20) / 2
    assert minutes == pytest.approx((100 + 50 * per_task + 70 * per_method) / 2 / 60)
    assert "100 s + 50 x 18.0 s (leaves) + 70 x 30.0 s (methods)" in words
    assert costs.by_room(SECONDS) == {"tasks": 30.0, "methods": 20.0, "core": 100.0}


def test_the_machine_has_a_speed():
    assert 0.05 < costs.slowness() < 50


TEST = """
import time
import pytest

@pytest.mark.parametrize("i", range(2))
def test_busy(i):
    stop = time.process_time() + 0.4
    while time.process_time() < stop:
        pass
"""


@pytest.mark.parametrize(
    ("allowed", "code", "workers"),
    [(30.0, pytest.ExitCode.OK, ()), (0.1, pytest.ExitCode.TESTS_FAILED, ("-n", "1", "--dist", "loadgroup"))],
    ids=["alone", "worker"],
)
def test_a_file_beyond_its_allowance_fails_the_run(pytester, monkeypatch, allowed, code, workers):
    pytester.makeconftest(
        "import sys\n"
        f"sys.path.insert(0, {costs.__file__.rpartition('/')[0]!r})\n"
        "import costs\n"
        f"costs.ALLOWED, costs.slowness = {allowed}, lambda: 1.0\n"
        "pytest_addoption = costs.pytest_addoption\n"
        "pytest_configure = costs.pytest_configure\n"
    )
    pytester.makepyfile(TEST)
    found = pytester.runpytest_subprocess("--costs", *workers)
    assert found.ret == code
    told = str(found.stdout)
    assert "projected" in told and ("OUTGROWN" in told) == (allowed < 1)
