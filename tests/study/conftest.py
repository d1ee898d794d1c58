"""The plug-in of the examples, whose answers take no time, for tests of whole runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from erlangen import registry

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"


@pytest.fixture
def ring(monkeypatch):
    monkeypatch.setenv("ERLANGEN_PATH", str(PLUGIN))
    return registry.load_task("mechanics/ring")(**registry.load_task("mechanics/ring").toy)
