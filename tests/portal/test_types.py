"""The front end's types are those of the answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from erlangen.portal.types import typescript

KEPT = Path(__file__).parents[2] / "web" / "src" / "types.ts"


def test_types_of_the_front_end_are_made_from_the_answers():
    if not KEPT.exists():
        pytest.skip("no front end in this tree")
    made = typescript()
    assert KEPT.read_text(encoding="utf-8") == made, "python -m erlangen.portal.types > web/src/types.ts"


def test_every_answer_is_an_interface_with_its_fields():
    text = typescript()
    assert "export interface Measure {" in text and "  good: boolean | null" in text
    assert "  columns: Record<string, (number | null)[]>" in text and "  five?: Measure[]" in text
    assert "  scale: Scale" in text and "'done' | 'failed'" in text
