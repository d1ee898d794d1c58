"""The pages of the lessons, one for each area: what they ask, their code, what it printed, and the exercise.

`docs/lessons.md` leads to them: its line "<!-- the list -->" becomes a list of all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from erlangen import lessons
from erlangen.leaves import areas
from erlangen.lessons import Lesson

BENEATH = {"theory": "The theory beneath", "across": "Across the map"}
OVERVIEW, LIST = Path(__file__).parents[1] / "lessons.md", "<!-- the list -->\n"


def pages() -> dict[str, str]:
    """Name of the file -> its text."""
    titles = BENEATH | {area.name: area.title for area in areas()}
    found: dict[str, list[Lesson]] = {}
    for name, path in lessons.lesson_files().items():
        found.setdefault(name.split("/")[0], []).append(lessons.read(path))
    made = {
        f"lessons/{area}.md": "\n".join(
            [f"# Lessons: {titles.get(area, area)}\n", *(p for one in own for p in _lesson(one))]
        )
        for area, own in found.items()
    }
    listed = "\n".join(row for area, own in found.items() for row in _listed(titles.get(area, area), own))
    return {**made, "lessons.md": OVERVIEW.read_text(encoding="utf-8").replace(LIST, f"{listed}\n")}


def _listed(title: str, own: list[Lesson]) -> Iterator[str]:
    yield f"**{title}**\n"
    for one in own:
        area, name = one.name.split("/")
        yield f"- [{one.title}](lessons/{area}.md#{name}). {one.line}"
    yield ""


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
