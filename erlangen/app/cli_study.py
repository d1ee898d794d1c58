"""`erlangen predict`, `report` and `tour`."""

from __future__ import annotations

from pathlib import Path

from .cli_flags import Parser


def predict(argv: list[str]) -> int:
    """erlangen predict RUN FILE [-o OUTPUT]"""
    parser = Parser(
        prog="erlangen predict", description="Apply a trained answer to a file; the same format comes back."
    )
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument("file", metavar="FILE", help="structures (extended XYZ, CIF, PDB, SDF, POSCAR, ...) or fields")
    parser.add_argument("-o", "--output", help="default: FILE with .predicted before its ending")
    args = parser.parse(argv)
    from ..study.environment import keep_compiled_programs
    from .predict import predict as apply

    keep_compiled_programs()
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
    parser.add_argument("-o", "--output", default="report.html", help="the page (default: report.html)")
    args = parser.parse(argv)
    from .report import report as write_report

    print(write_report([Path(r) for r in args.runs], Path(args.output)))
    return 0


def tour(argv: list[str]) -> int:
    """erlangen tour [-o PAGE] [--out FOLDER] [--seed N]"""
    parser = Parser(prog="erlangen tour", description="One problem of each scale, trained and judged: a few minutes.")
    parser.add_argument("-o", "--output", default="tour.html", help="the page (default: tour.html)")
    parser.add_argument("--out", "--runs", default="runs", help="folder for runs (default: runs)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse(argv)
    from ..study.environment import keep_compiled_programs
    from .tour import tour as walk

    keep_compiled_programs()
    walk(runs=args.out, page=args.output, seed=args.seed)
    return 0
