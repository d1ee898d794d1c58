"""`erlangen compare`, `predict`, `report` and `tour`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from .. import registry
from .cli_flags import Parser


def compare(argv: list[str]) -> int:
    """erlangen compare TASK [TASK ...] [--methods METHOD ...] [--seeds N] [--budget TIME]"""
    parser = Parser(
        prog="erlangen compare", description="Tasks x methods x seeds; same letter: no significant difference."
    )
    parser.add_argument("tasks", nargs="+", metavar="TASK")
    parser.add_argument("--methods", nargs="+", default=[], metavar="METHOD", help="default: every method that fits")
    parser.add_argument("--seeds", type=int, default=1, help="how many (default 1)")
    parser.add_argument("--budget", help="of each run: 30s, 2m, 500steps (default: what the task suggests)")
    parser.add_argument("--out", "--runs", default="runs", help="folder for runs; finished ones are not repeated")
    parser.add_argument("--again", action="store_true", help="repeat finished runs too")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time (default 1: they share the processor)")
    parser.add_argument("--csv", metavar="FILE", help="also write every figure in full precision")
    parser.add_argument("--markdown", action="store_true", help="print the tables in Markdown")
    args = parser.parse(argv)
    for task in args.tasks:
        registry.find("task", task)
    methods = [registry.find("method", m).name for m in args.methods] or _all_that_fit(args.tasks)
    from ..core.systems import Field
    from ..study.compare import compare as judge
    from ..study.environment import prepare

    prepare(fields=all(issubclass(registry.load_task(task).container, Field) for task in args.tasks))
    options = {"budget": args.budget, "seeds": args.seeds, "runs": args.out, "reuse": not args.again}
    with _workers(args.jobs) as executor:
        done = judge(args.tasks, methods, executor=executor, say=lambda m: print(m, file=sys.stderr), **options)
    width = max(100, shutil.get_terminal_size((160, 40)).columns)
    print(done.markdown() if args.markdown else done.text(width))
    if args.csv:
        Path(args.csv).write_text(done.csv(), encoding="utf-8")
    return 0


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


def predict(argv: list[str]) -> int:
    """erlangen predict RUN FILE [-o OUTPUT]"""
    parser = Parser(
        prog="erlangen predict", description="Apply a trained answer to a file; the same format comes back."
    )
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument("file", metavar="FILE", help="structures (extended XYZ, CIF, PDB, SDF, POSCAR, ...) or fields")
    parser.add_argument("-o", "--output", help="default: FILE with .predicted before its ending")
    args = parser.parse(argv)
    from ..study.environment import prepare
    from ..study.predict import predict as apply

    prepare(fields=False)  # whatever the trained answer is of
    done = apply(args.run, args.file, args.output)
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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="the whole table of every run")
    args = parser.parse(argv)
    from ..study.environment import prepare
    from .tour import tour as walk

    prepare(fields=False)  # problems of all kinds
    walk(runs=args.out, page=args.output, seed=args.seed, verbose=args.verbose)
    return 0
