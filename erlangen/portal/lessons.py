"""Lessons as answers: prose, equations, code with what it printed, the exercise, and the notebook to take along."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from .. import lessons
from ..core.errors import Invalid, unknown
from ..lessons import Lesson
from .answers.reading import Block, LessonAnswer, LessonRow, LessonsAnswer
from .library import SCALES, Library
from .links import href

NOTEBOOKS = "notebooks/"


@functools.lru_cache(maxsize=256)
def _read(path: Path, version: int) -> Lesson | None:
    with contextlib.suppress(OSError, Invalid):
        return lessons.read(path)
    return None


def known_lessons() -> dict[str, Lesson]:
    """Every lesson that can be read, by <area>/<task>, in the order in which one reads them."""
    found = {name: _read(path, path.stat().st_mtime_ns) for name, path in lessons.lesson_files().items()}
    return {name: one for name, one in found.items() if one is not None}


def lesson_of(leaf: str) -> str:
    """The page of the lesson of a leaf; empty where there is none."""
    return href("lesson", leaf) if leaf in known_lessons() else ""


def _lesson_row(one: Lesson) -> LessonRow:
    scale = SCALES.get(one.name.split("/")[0], "across")
    return {"path": one.name, "href": href("lesson", one.name), "title": one.title, "scale": scale, "line": one.line}


def the_lessons(library: Library) -> LessonsAnswer:
    """api/lessons.json"""
    return {"lessons": [_lesson_row(one) for one in known_lessons().values()]}


def the_lesson(library: Library, name: str) -> LessonAnswer:
    """api/lesson/<area>/<task>.json"""
    found = known_lessons()
    if name not in found:
        raise unknown("lesson", name, found)
    one, order = found[name], list(found)
    after = [found[path] for path in order[order.index(name) + 1 :][:1]]
    titles = {leaf.path: leaf.title for area in library.chart().areas for leaf in area.leaves}
    results = lessons.kept(one)
    return {
        "lesson": _lesson_row(one),
        "leaf": {"title": titles[name], "href": href("leaf", name)} if name in titles else None,
        "blocks": list(_blocks(one, results)),
        "ran": _ran(results),
        "file": f"{NOTEBOOKS}{name}.ipynb",
        "next": {"title": after[0].title, "href": href("lesson", after[0].name)} if after else None,
    }


def notebook(path: str) -> bytes:
    """What is downloaded at `LessonAnswer.file`."""
    name, found = path.removeprefix(NOTEBOOKS).removesuffix(".ipynb"), known_lessons()
    if name not in found:
        raise unknown("lesson", name, found)
    return json.dumps(lessons.notebook(found[name]), ensure_ascii=False, indent=1).encode()


def _blocks(one: Lesson, results: lessons.Kept | None) -> Iterator[Block]:
    for i, cell in enumerate(one.cells):
        if cell.kind == "text":
            yield from _prose(cell.text, "text")
        elif cell.kind == "code":
            yield {"kind": "code", "text": cell.text, "caption": cell.caption}
            if results is not None and results.outputs[i]:
                yield {"kind": "output", "text": results.outputs[i].rstrip(), "caption": ""}
        else:
            yield {"kind": "heading", "text": "Exercise", "caption": ""}
            yield from _prose(one.exercise.question, "exercise")
            yield {"kind": "code", "text": one.exercise.asked, "caption": ""}
            yield {"kind": "solution", "text": one.exercise.answer, "caption": "One solution"}


def _prose(text: str, kind: Literal["text", "exercise"]) -> Iterator[Block]:
    """Paragraphs of Markdown: headings, equations between $$, lists, and text."""
    for paragraph in filter(None, map(str.strip, text.split("\n\n"))):
        if paragraph.startswith("#"):
            yield {"kind": "heading", "text": paragraph.lstrip("# "), "caption": ""}
        elif paragraph.startswith("$$") and paragraph.endswith("$$"):
            yield {"kind": "equation", "text": paragraph.strip("$ \n"), "caption": ""}
        elif paragraph.startswith("- "):
            items = paragraph.removeprefix("- ").split("\n- ")
            yield {"kind": "list", "text": "\n".join(" ".join(one.split()) for one in items), "caption": ""}
        else:
            yield {"kind": kind, "text": " ".join(paragraph.split()), "caption": ""}


def _ran(results: lessons.Kept | None) -> str:
    if results is None:
        return "What it prints was not kept."
    changed = "; its code has changed since" if results.stale else ""
    return f"Printed in {results.seconds:.0f} s on {results.device}, {results.made}{changed}."
