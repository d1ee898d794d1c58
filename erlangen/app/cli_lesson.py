"""`erlangen lesson`: what there is to learn; one lesson run here, or taken along as a notebook."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .. import lessons
from ..core.errors import Invalid
from ..lessons import Lesson
from .cli_flags import Parser


def lesson(argv: list[str]) -> int:
    """erlangen lesson [NAME | --all] [--notebook FILE] [--keep]; exit code 1 where one took too long."""
    parser = Parser(prog="erlangen lesson", description="Lessons: a question, code that runs within a minute, a check.")
    parser.add_argument("name", nargs="?", metavar="AREA/NAME", help="run this one (default: list them)")
    parser.add_argument("--all", action="store_true", help="run all, one after another")
    parser.add_argument("--notebook", metavar="FILE", help="write it as a notebook instead of running it")
    parser.add_argument("--keep", action="store_true", help="keep what it prints beside its file (a checkout only)")
    args = parser.parse(argv)
    if args.all:
        return max(_apart(name, args.keep) for name in lessons.lesson_files())
    if not args.name:
        print("\n".join(_listed()))
        return 0
    one = lessons.lesson(args.name)
    if args.notebook:
        _write(Path(args.notebook), one)
        return 0
    return _run(one, args.keep)


def _listed() -> list[str]:
    rows = []
    for name, path in lessons.lesson_files().items():
        with contextlib.suppress(Invalid):
            rows.append(f"  {name:<32} {lessons.read(path).title}")
    return [*rows, "", "Run one: erlangen lesson NAME   (as a notebook: --notebook FILE)"]


def _write(path: Path, one: Lesson) -> None:
    try:
        path.write_text(json.dumps(lessons.notebook(one), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise Invalid(must="the notebook can be written", came=str(error), do="Name another file.") from None
    print(f"{path}: open it with Jupyter, VS Code or the like; erlangen has to be installed there.")


def _run(one: Lesson, keep: bool) -> int:
    """Run it, with its runs in a folder that is thrown away; say how long it took."""
    print(f"{one.title}\n{one.line}\n", flush=True)
    before, start, here = _processor(), time.perf_counter(), Path.cwd()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        try:
            ran = lessons.execute(one)
        finally:
            os.chdir(here)
    print("\n".join(text.rstrip() for text in ran.outputs if text))
    wall, processor = time.perf_counter() - start, _processor() - before
    seconds = min(wall, processor)  # on a busy machine a wall clock tells of others; two cores never take longer
    print(f"\n{wall:.0f} s, of a processor {processor:.0f} s")
    if keep:
        from ..study.environment import device

        print(f"kept: {lessons.keep(ran, seconds=seconds, device=device()).name}")
    if seconds > lessons.SECONDS:
        print(f"Too long: a lesson takes at most {lessons.SECONDS:.0f} s.", file=sys.stderr)
        return 1
    return 0


def _apart(name: str, keep: bool) -> int:
    """The same in a process of its own, as a reader has it: start and compiling count."""
    words: list[Any] = [sys.executable, "-m", "erlangen.app.cli", "lesson", name, *(["--keep"] if keep else [])]
    print(f"== {name}", flush=True)
    return subprocess.run(words, check=False).returncode


def _processor() -> float:
    return sum(os.times()[:2])
