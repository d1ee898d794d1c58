"""The pages of the lessons, one for each area: what they ask, their code, what it printed, and the exercise."""

from __future__ import annotations

from collections.abc import Iterator

from erlangen import lessons
from erlangen.leaves import areas
from erlangen.lessons import Lesson

BENEATH = {"theory": "The theory beneath", "across": "Across the map"}


def pages() -> dict[str, str]:
    """Name of the file -> its text."""
    titles = BENEATH | {area.name: area.title for area in areas()}
    found: dict[str, list[str]] = {}
    for name, path in lessons.lesson_files().items():
        area = name.split("/")[0]
        found.setdefault(area, [f"# Lessons: {titles.get(area, area)}\n"]).extend(_lesson(lessons.read(path)))
    return {f"lessons/{area}.md": "\n".join(rows) for area, rows in found.items()}


def _lesson(one: Lesson) -> Iterator[str]:
    yield f"## {one.title} {{#{one.name.split('/')[1]}}}\n\n*{one.line}*\n"
    results = lessons.kept(one)
    for i, cell in enumerate(one.cells):
        if cell.kind == "text":
            yield "\n\n".join(f"#{part}" if part.startswith("## ") else part for part in cell.text.split("\n\n")) + "\n"
        elif cell.kind == "code":
            yield (f"### {cell.caption}\n\n" if cell.caption else "") + _fenced(cell.text, "python")
            if results is not None and results.outputs[i]:
                yield _fenced(results.outputs[i].rstrip(), "text")
        else:
            yield f"### Exercise\n\n{one.exercise.question}\n"
            yield _fenced(one.exercise.asked, "python")
    if results is not None:
        yield f"Printed in {results.seconds:.0f} s on {results.device}, {results.made}. Run it, with the answer: "
        yield f"`erlangen lesson {one.name}`\n"


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```\n"
