"""`erlangen compare`, `judge`, `predict`, `report` and `tour`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import registry
from ..core.errors import Invalid
from .cli_flags import Flag, Parser, add_flags, build, flags_of

OPTIONS = ("methods", "seeds", "budget", "out", "runs", "again", "jobs", "csv", "markdown", "help", "debug")


def compare(argv: list[str]) -> int:
    """erlangen compare TASK [TASK ...] [--methods METHOD ...] [--seeds N] [--budget TIME] [settings of the tasks]"""
    parser = Parser(
        prog="erlangen compare",
        description="Tasks x methods x seeds; same letter: no significant difference.",
        epilog="Settings that the tasks have are flags too (--data mine.extxyz): erlangen show TASK",
    )
    parser.add_argument("tasks", nargs="+", metavar="TASK", help="the questions: erlangen list")
    parser.add_argument("--methods", nargs="+", default=[], metavar="METHOD", help="default: every method that fits")
    parser.add_argument("--seeds", type=int, default=1, help="how many (default 1)")
    parser.add_argument("--budget", help="of each run: 30s, 2m, 500steps (default: what the task suggests)")
    parser.add_argument("--out", "--runs", default="runs", help="folder for runs; finished ones are not repeated")
    parser.add_argument("--again", action="store_true", help="repeat finished runs too")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time (default 1: they share the processor)")
    parser.add_argument("--csv", metavar="FILE", help="also write every figure in full precision")
    parser.add_argument("--markdown", action="store_true", help="print the tables in Markdown")
    known = {entry.name for entry in registry.entries("task")}
    classes = [registry.load_task(word) for word in dict.fromkeys(argv) if word in known]
    flags = {flag.name: flag for cls in classes for flag in flags_of(cls, "task")}
    add_flags(parser, list(flags.values()), OPTIONS)
    args = parser.parse(argv)
    for task in args.tasks:
        registry.find("task", task)
    tasks = [_set(cls, vars(args), flags.values()) for cls in classes]
    methods = [registry.find("method", m).name for m in args.methods] or _all_that_fit(args.tasks)
    from ..core.systems import Field
    from ..study.compare import compare as run_and_compare
    from ..study.environment import prepare

    prepare(fields=all(issubclass(task.container, Field) for task in tasks))
    options = {"budget": args.budget, "seeds": args.seeds, "runs": args.out, "reuse": not args.again}
    with _workers(args.jobs) as executor:
        done = run_and_compare(tasks, methods, executor=executor, say=lambda m: print(m, file=sys.stderr), **options)
    width = max(100, shutil.get_terminal_size((160, 40)).columns)
    print(done.markdown() if args.markdown else done.text(width))
    if args.markdown and done.rows:
        print(done.meaning, file=sys.stderr)
    if args.csv:
        Path(args.csv).write_text(done.csv(), encoding="utf-8")
    return 0


def _set(cls: Any, given: Mapping[str, Any], flags: Iterable[Flag]) -> Any:
    """A task with the settings that were given; each has to be one of every task."""
    own = {flag.dest for flag in flags_of(cls, "task")}
    for flag in flags:
        if flag.dest in given and flag.dest not in own:
            raise Invalid(
                must="a setting is one that every task of the comparison has",
                came=f"--{flag.name}, which {cls.name()} has not",
                do="Compare the tasks one by one.",
            )
    return build(cls, "task", given)


def _all_that_fit(tasks: list[str]) -> list[str]:
    from ..study.matching import fitting_methods

    return list(dict.fromkeys(m for t in tasks for m in fitting_methods(t)))


def _workers(count: int):
    """Processes that run side by side, or None (inside a context manager) where runs follow each other."""
    if count <= 1:
        import contextlib

        return contextlib.nullcontext()
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # A forked child would inherit the threads' locks of JAX and may hang.
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


def judge(argv: list[str]) -> int:
    """erlangen judge RUN [--judging TIME]"""
    parser = Parser(prog="erlangen judge", description="Judge the answer of a run (again); nothing is fitted.")
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument("--judging", help="time for answering judged samples: 5m (default: a quarter of the budget)")
    parser.add_argument("--quiet", action="store_true", help="no progress, only the table")
    args = parser.parse(argv)
    from ..study.environment import prepare
    from ..study.run import judge as judge_again

    prepare(fields=False)  # whatever the trained answer is of
    print(judge_again(args.run, judging=args.judging, quiet=args.quiet).table())
    return 0


def predict(argv: list[str]) -> int:
    """erlangen predict RUN FILE [-o OUTPUT] [--force]"""
    parser = Parser(
        prog="erlangen predict", description="Apply a trained answer to a file; the same format comes back."
    )
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument("file", metavar="FILE", help="structures (extended XYZ, CIF, PDB, SDF, POSCAR, ...) or fields")
    parser.add_argument("-o", "--output", help="default: FILE with .predicted before its ending")
    parser.add_argument("--force", action="store_true", help="replace the output where it is there")
    args = parser.parse(argv)
    from ..study.environment import prepare
    from ..study.predict import predict as apply

    prepare(fields=False)  # whatever the trained answer is of
    done = apply(args.run, args.file, args.output, force=args.force)
    intervals = f", with {done.level:.0%} intervals" if done.level else ""
    print(f"{done.count} samples answered{intervals}: {done.path}")
    for name, error in done.errors.items():
        print(f"  mean absolute error of {name} against the file: {error:.4g}")
    return 0


def report(argv: list[str]) -> int:
    """erlangen report RUN [RUN ...] [-o PAGE]"""
    parser = Parser(prog="erlangen report", description="One self-contained HTML page of one or several runs.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folders")
    parser.add_argument("-o", "--output", "--out", default="report.html", help="the page (default: report.html)")
    args = parser.parse(argv)
    from .report import report as write_report

    print(write_report([Path(r) for r in args.runs], Path(args.output)))
    return 0


def tour(argv: list[str]) -> int:
    """erlangen tour [-o PAGE] [--out FOLDER] [--seed N] [--verbose]"""
    parser = Parser(prog="erlangen tour", description="One problem of each scale, trained and judged: a few minutes.")
    parser.add_argument("-o", "--output", default="tour.html", help="the page (default: tour.html)")
    parser.add_argument("--out", "--runs", default="runs", help="folder for runs (default: runs)")
    parser.add_argument("--seed", type=int, default=0, help="of the fits (default 0)")
    parser.add_argument("--verbose", action="store_true", help="the whole table of every run")
    args = parser.parse(argv)
    from ..study.environment import prepare
    from .tour import tour as walk

    prepare(fields=False)  # problems of all kinds
    walk(runs=args.out, page=args.output, seed=args.seed, verbose=args.verbose)
    return 0
