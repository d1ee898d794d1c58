"""Lessons: a question, about fifteen lines that run within a minute on two cores, what they print, an exercise.

    lessons/<area>/<task>.py      one lesson: a Python file in cells ("# %%"), beside it
    lessons/<area>/<task>.json    what it printed when it last ran in full (made by `make lessons`)

The file runs as it is (`python lessons/continuum/burgers.py`), and opens in editors that know such cells. `read` parses
it, `execute` runs it cell by cell, `notebook` makes an .ipynb of it, `kept` and `keep` are its results on disk. Only
`execute` imports what a lesson imports. Areas are those of the map, `theory` and `across`.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import json
import os
import re
import textwrap
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from .core.errors import Invalid, unknown
from .leaves import CHART, HERE
from .registry import parsed

FOLDERS = (HERE / "lesson_files", HERE.parent / "lessons")  # of a wheel, of a checkout
FIRST = (  # what no map puts in order
    *("theory/groups", "theory/representations", "theory/spherical_harmonics", "theory/tensor_products"),
    *("theory/steerable_kernels", "across/equivariance", "across/surrogates", "across/uncertainty"),
)
FORMAT = "erlangen-lesson-1"
SCALE = "ERLANGEN_LESSONS"
SECONDS = 60.0  # a lesson may take, start and compiling included, on two cores
YOURS = "...  # your answer"
MARK = re.compile(r"^# %%[ \t]*(.*)$", re.MULTILINE)
T = TypeVar("T")


def scale(full: T, toy: T) -> T:
    """The settings of a lesson: the whole run, or, where ERLANGEN_LESSONS=toy, one of a second or two for tests."""
    chosen = os.environ.get(SCALE, "full")
    if chosen not in ("full", "toy"):
        raise Invalid(must=f"{SCALE} is full or toy", came=repr(chosen), do=f"Unset {SCALE}.")
    return full if chosen == "full" else toy


@dataclass(frozen=True)
class Cell:
    """A piece of a lesson: prose (Markdown with TeX), code, or the exercise. line: of its first row in the file."""

    kind: Literal["text", "code", "exercise"]
    text: str
    caption: str
    line: int


@dataclass(frozen=True)
class Lesson:
    """One lesson as it is written. name: <area>/<task>; line: what one learns."""

    path: Path
    name: str
    title: str
    line: str
    cells: tuple[Cell, ...]

    @property
    def code(self) -> str:
        """Everything that runs: what results depend on."""
        return "\n\n".join(cell.text for cell in self.cells if cell.kind != "text")

    @property
    def exercise(self) -> Exercise:
        """The exercise; `Invalid` where the file has none."""
        found = [cell for cell in self.cells if cell.kind == "exercise"]
        if len(found) != 1 or found[0] is not self.cells[-1]:
            do = "End it with: # %% exercise"
            raise Invalid(must="a lesson ends with its exercise", came=f"{len(found)} in {self.name}", do=do)
        return Exercise.of(found[0], self.name)


@dataclass(frozen=True)
class Exercise:
    """question: prose; setup: code before `answer`; answer: the function as solved; check: what follows it."""

    question: str
    setup: str
    answer: str
    check: str

    @classmethod
    def of(cls, cell: Cell, name: str) -> Exercise:
        """The cell: comment lines with the question, one function `answer`, statements that check it."""
        lines = cell.text.splitlines()
        count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
        question = "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[:count]).strip()
        nodes = [n for n in parsed(cell.text).body if isinstance(n, ast.FunctionDef) and n.name == "answer"]
        if len(nodes) != 1 or not question:
            came = f"{len(nodes)} in {name}, {'a' if question else 'no'} question"
            do = 'Write the question as comment lines, then "def answer(...):", then assert statements.'
            raise Invalid(must="an exercise asks for one function called answer", came=came, do=do)
        first, last = nodes[0].lineno - 1, nodes[0].end_lineno or nodes[0].lineno
        parts = ("\n".join(lines[a:b]).strip("\n") for a, b in ((count, first), (first, last), (last, None)))
        return cls(question, *parts)

    @property
    def blank(self) -> str:
        """The function with its body left to the reader; what its docstring says stays."""
        node = parsed(self.answer).body[0]
        body = node.body  # type: ignore[attr-defined]
        documented = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        start = body[0].end_lineno if documented else body[0].lineno - 1
        head = self.answer.splitlines()[:start]
        return "\n".join([*head, textwrap.indent(YOURS, "    ")])

    @property
    def asked(self) -> str:
        """The code of the exercise as a reader gets it."""
        return "\n\n\n".join(part for part in (self.setup, self.blank, self.check) if part)


@dataclass(frozen=True)
class Executed:
    """A lesson that ran: what each of its cells printed (nothing for text), and seconds of wall time."""

    lesson: Lesson
    outputs: tuple[str, ...]
    seconds: float
    names: Mapping[str, Any]


@dataclass(frozen=True)
class Kept:
    """Results on disk. stale: the code has changed since."""

    outputs: tuple[str, ...]
    seconds: float
    device: str
    made: str
    stale: bool


def folder() -> Path:
    """Where the lessons are; a folder that is not there where this installation has none."""
    return next((path for path in FOLDERS if path.is_dir()), FOLDERS[0])


def lesson_files(root: Path | None = None) -> dict[str, Path]:
    """<area>/<task> -> file, in the order in which one reads them: theory, across the map, then the map's."""
    root = root or folder()
    found = {f"{path.parent.name}/{path.stem}": path for path in sorted(root.glob("*/*.py"))}
    leaves = [row["path"] for row in tomllib.loads(CHART.read_text(encoding="utf-8"))["leaf"]]
    order = {name: i for i, name in enumerate((*FIRST, *leaves))}
    return {name: found[name] for name in sorted(found, key=lambda name: (order.get(name, len(order)), name))}


def lesson(name: str, root: Path | None = None) -> Lesson:
    """The lesson of that name."""
    files = lesson_files(root)
    if name not in files:
        raise unknown("lesson", name, files)
    return read(files[name])


def read(path: Path) -> Lesson:
    """A file as a lesson; `Invalid` where it is none."""
    source = path.read_text(encoding="utf-8")
    name = f"{path.parent.name}/{path.stem}"
    try:
        about = ast.get_docstring(parsed(source)) or ""
    except SyntaxError as error:
        raise Invalid(must=f"{name} is Python", came=f"line {error.lineno}: {error.msg}", do="Repair it.") from None
    title, _, line = about.partition("\n\n")
    cells = tuple(_cells(source))
    if not title or not line or "\n" in title or not cells:
        do = 'Begin with """Title.\\n\\nWhat one learns.""", then "# %%" before every cell.'
        raise Invalid(must="a lesson has a title, a line and cells", came=name, do=do)
    return Lesson(path, name, title.rstrip("."), " ".join(line.split()), cells)


def _cells(source: str) -> Iterator[Cell]:
    marks = list(MARK.finditer(source))
    for mark, after in zip(marks, [*marks[1:], None]):
        body = source[mark.end() + 1 : after.start() if after else None]
        words = mark[1].strip()
        kind = "text" if words.startswith("[markdown]") else "exercise" if words == "exercise" else "code"
        skipped = len(body) - len(body.lstrip("\n"))
        line = source[: mark.end()].count("\n") + 2 + skipped
        text = body.strip("\n")
        if kind == "text":
            text = "\n".join(row.removeprefix("#").removeprefix(" ") for row in text.splitlines()).strip()
        caption = words if kind == "code" else words.removeprefix("[markdown]").strip() if kind == "text" else ""
        yield Cell(kind, text, caption, line)


def execute(one: Lesson, *, answer: str | None = None) -> Executed:
    """Run its cells in order, in this process and folder, with `answer` (code) after the answer of its exercise.

    An error of a cell is raised as it is; its traceback names the line of the file.
    """
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(one.path)}
    outputs, start = [], time.perf_counter()
    for cell in one.cells:
        printed = io.StringIO()
        if cell.kind != "text":
            padded = "\n" * (cell.line - 1) + cell.text
            with contextlib.redirect_stdout(printed):
                exec(compile(padded, str(one.path), "exec"), names)  # our own file
        outputs.append(printed.getvalue())
    return Executed(one, tuple(outputs), time.perf_counter() - start, names)


def fingerprint(one: Lesson) -> str:
    """Of the code of a lesson, its spaces and lines of comment aside: prose may change without running it again."""
    rows = (row for row in one.code.splitlines() if not row.lstrip().startswith("#"))
    return hashlib.sha256(re.sub(r"\s+", "", "".join(rows)).encode()).hexdigest()[:16]


def keep(ran: Executed, *, seconds: float, device: str) -> Path:
    """Write what it printed beside its file. seconds: of the whole process."""
    path = ran.lesson.path.with_suffix(".json")
    found = {
        "format": FORMAT,
        "code": fingerprint(ran.lesson),
        "made": time.strftime("%Y-%m-%d"),
        "device": device,
        "seconds": round(seconds, 1),
        "outputs": list(ran.outputs),
    }
    whole = path.with_suffix(".part")  # who reads meanwhile sees the old one or the new one, never half of it
    whole.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return whole.replace(path)


def kept(one: Lesson) -> Kept | None:
    """What it printed when it last ran in full; None where it never did, or with other cells than now."""
    try:
        raw = json.loads(one.path.with_suffix(".json").read_text(encoding="utf-8"))
        found = tuple(str(text) for text in raw["outputs"])
        if raw["format"] != FORMAT:
            return None
        stale = raw["code"] != fingerprint(one)
        if len(found) != len(one.cells):
            return None
        return Kept(found, float(raw["seconds"]), str(raw["device"]), str(raw["made"]), stale)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def notebook(one: Lesson) -> dict[str, Any]:
    """The lesson as a notebook (nbformat 4.5): with the results that are kept, the answer in a folded last cell."""
    results, cells = kept(one), [_markdown(f"# {one.title}\n\n{one.line}")]
    for i, cell in enumerate(one.cells):
        if cell.kind == "text":
            cells.append(_markdown(f"## {cell.caption}\n\n{cell.text}" if cell.caption else cell.text))
        elif cell.kind == "code":
            cells += [_markdown(f"## {cell.caption}")] if cell.caption else []
            cells.append(_code(cell.text, results.outputs[i] if results else ""))
        else:
            cells.append(_markdown(f"## Exercise\n\n{one.exercise.question}"))
            cells.append(_code(one.exercise.asked))
            cells.append(_code(f"# One solution\n{one.exercise.answer}", folded=True))
    for i, cell in enumerate(cells):
        cell["id"] = f"{one.name.replace('/', '-').replace('_', '-')[:56]}-{i}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python", "file_extension": ".py"}, "title": one.title}
    return {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str, printed: str = "", *, folded: bool = False) -> dict[str, Any]:
    stream = {"output_type": "stream", "name": "stdout", "text": printed.splitlines(keepends=True)}
    return {
        "cell_type": "code",
        "metadata": {"jupyter": {"source_hidden": True}} if folded else {},
        "execution_count": None,
        "outputs": [stream] if printed else [],
        "source": text.splitlines(keepends=True),
    }
