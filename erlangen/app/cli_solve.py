"""`erlangen solve TASK --out FILE`: the reference solver of a task, its solution as a file, a picture or a film."""

from __future__ import annotations

import dataclasses
import os
import shlex
import time
from pathlib import Path
from typing import Any

from .. import __version__, registry
from ..core.errors import Invalid
from ..data.drafts import check_free
from .cli_flags import Parser, add_flags, build, flags_of
from .cli_run import _names, _settings_help

USAGE = "erlangen solve TASK --out FILE [settings of the task] [options]"
RESERVED = ("out", "from", "frames", "count", "horizon", "plot", "animation", "force", "debug", "help")


def solve(argv: list[str]) -> int:
    """Solve, write, draw; says what was written."""
    name, _ = _names(argv)
    if "-h" in argv or "--help" in argv:
        print(_help(name))
        return 0
    if name is None:
        do = "For instance: erlangen solve continuum/burgers --out field.nc"
        raise Invalid(must="a task must be named", came="none", do=do)
    cls, parser = registry.load_task(name), _parser()
    add_flags(parser, flags_of(cls, "task"), RESERVED)
    args = parser.parse(argv)
    given = vars(args)
    outputs = [Path(p) for p in (args.out, args.plot, args.animation) if p]
    _check_outputs(args, outputs)
    from ..study import environment
    from ..study.solve import settings_of, solvable, starts
    from ..study.solve import solve as run_solver

    task = solvable(build(cls, "task", given))
    environment.prepare(fields=True)
    start = starts(task, given["from"]) if given["from"] else None
    if start is not None:
        task = build(cls, "task", given, **settings_of(cls, start))
    solution = run_solver(task, frames=args.frames, count=args.count, start=start)
    if args.out:
        solution.write(Path(args.out), history=_history(argv))
    if args.plot or args.animation:
        from .plots_solution import draw, film

        if args.plot:
            draw(solution, Path(args.plot))
        if args.animation:
            film(solution, Path(args.animation))
    print(_told(solution))
    print("\n".join(f"  {path}  {_size(path)}" for path in outputs))
    return 0


def _parser() -> Parser:
    parser = Parser(prog="erlangen solve", usage=USAGE, add_help=False)
    parser.add_argument("task", help="the question: erlangen list")
    parser.add_argument("--out", metavar="FILE", help="NetCDF (.nc), Zarr (.zarr), HDF5 (.h5) or .npz; xarray opens it")
    parser.add_argument("--frames", type=int, metavar="K", help="states after the first (default: the task's horizon)")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="how many problems (default 1)")
    parser.add_argument("--from", metavar="FILE", help="your own initial field; its grid and parameters are taken over")
    parser.add_argument("--plot", metavar="FILE", help="a picture (.png, .svg, .pdf) of the first problem")
    parser.add_argument("--animation", metavar="FILE", help="a film (.gif; .mp4 where ffmpeg is installed) of it")
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    return parser


def _check_outputs(args: Any, outputs: list[Path]) -> None:
    """Everything that would fail after the work is done fails before it."""
    if not outputs:
        raise Invalid(
            must="the solution goes somewhere", came="no --out, --plot or --animation", do="Add --out field.nc"
        )
    if args.out:
        from ..data.array_files import kind_of

        kind_of(Path(args.out))
    if args.plot or args.animation:
        from .plots_solution import check_film, check_picture

        for text, check in ((args.plot, check_picture), (args.animation, check_film)):
            if text:
                check(Path(text))
    for path in outputs:
        check_free(path, force=args.force)
        above = next((p for p in path.absolute().parents if p.exists()), Path.cwd())
        if not above.is_dir() or not os.access(above, os.W_OK):
            raise Invalid(must="the folder can be written to", came=str(above), do="Name a file in another folder.")


def _history(argv: list[str]) -> str:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return f"{now}: {shlex.join(['erlangen', 'solve', *argv])} (erlangen {__version__})"


def _told(solution: Any) -> str:
    """One line: what, how many frames of how many points, until when, in what time."""
    shapes = [f"{name} {' x '.join(map(str, c[0].shape[1:]))}" for name, c in solution.states.items()]
    frames = len(next(iter(solution.states.values()))[0])
    until = f", {frames} frames to t = {(frames - 1) * solution.dt:g}" if solution.dt else ""
    problems = f"{len(solution.fields)} problems, " if len(solution.fields) > 1 else ""
    return f"{solution.task.name()}: {problems}{', '.join(shapes)}{until}, solved in {solution.seconds:.1f} s"


def _size(path: Path) -> str:
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    return f"{sum(p.stat().st_size for p in files) / 1e6:.3g} MB"


def _help(task: str | None) -> str:
    """Options and, where a task is named, its settings; read from source, nothing is imported."""
    lines = [f"usage: {USAGE}", "", "options"]
    for action in _parser()._actions:
        if action.option_strings and action.help:
            lines.append(f"  {action.option_strings[0]:<22}{action.help}")
    if task is None:
        return "\n".join([*lines, "", "With TASK named, --help lists its settings too. See: erlangen list continuum"])
    entry = registry.find("task", task)
    shown = dataclasses.replace(entry, settings=tuple(s for s in entry.settings if s.name not in RESERVED))
    return "\n".join([*lines, "", f"settings of the task {entry.name}", *_settings_help(shown, [], RESERVED)])
