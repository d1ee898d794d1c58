"""`erlangen list` and `erlangen show`: read from source files, so that they answer at once."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator

from .. import registry
from ..core.errors import Invalid, unknown
from ..leaves import Area, Leaf
from ..leaves import areas as every_area
from .cli_flags import Parser

STATES = {"open": "open", "running": "runs", "planned": "planned", "broken": "BROKEN"}


def list_map(argv: list[str]) -> int:
    """erlangen list [AREA] [--all] [--runs [FOLDER]] [--json]"""
    parser = Parser(prog="erlangen list", description="What runs: tasks along the map, and methods that answer them.")
    parser.add_argument("area", nargs="?", help="one branch only: quantum, density, molecules, ...")
    parser.add_argument("--all", action="store_true", help="also what is planned, with the symmetry of every leaf")
    parser.add_argument("--runs", nargs="?", const="runs", metavar="FOLDER", help="your runs, newest first")
    parser.add_argument("--limit", type=int, default=40, help="how many runs (default 40)")
    parser.add_argument("--json", action="store_true", help="the same for programs")
    args = parser.parse(argv)
    if args.runs is not None:
        return _list_runs(args)
    areas = every_area()
    if args.area:
        areas = [a for a in areas if a.name == args.area] or _no_area(args.area, areas)
    methods = [] if args.area else registry.entries("method")
    if args.json:
        print(json.dumps(_as_data(areas, methods, args.all), indent=1))
    else:
        print("\n".join(_lines(areas, methods, args.all)))
    return 0


def _no_area(name: str, areas: list[Area]) -> list[Area]:
    raise unknown("area", name, [a.name for a in areas])


def _lines(areas: list[Area], methods: list[registry.Entry], everything: bool) -> Iterator[str]:
    shown = [(a, [x for x in a.leaves if everything or x.state != "planned"]) for a in areas]
    wide = max((len(x.path) for _, leaves in shown for x in leaves), default=8)
    for area, leaves in shown:
        if leaves:
            yield area.title
        for leaf in leaves:
            state = f"{STATES[leaf.state]:<8} " if everything or leaf.state == "broken" else ""
            what = leaf.task.problem if leaf.task and leaf.task.problem else leaf.line
            yield _cut(f"  {leaf.path:<{wide}}  {state}{what}")
            if everything and leaf.symmetry:
                yield _cut(f"  {'':<{wide}}  {'':<9}symmetry: {leaf.symmetry}")
    if methods:
        yield "Methods"
        wide = max(len(m.name) for m in methods)
        for method in methods:
            about = f"BROKEN   {method.problem}" if method.problem else method.title
            yield _cut(f"  {method.name:<{wide}}  {method.group}: {about}")
    yield f"\n{_count(areas)}{'' if everything else '; erlangen list --all shows them'}."
    yield "More on one: erlangen show NAME"


def _count(areas: list[Area]) -> str:
    states = [x.state for a in areas for x in a.leaves]
    running = states.count("running") + states.count("open")
    opened, planned = states.count("open"), states.count("planned")
    return f"{running} of {len(states)} leaves run, {opened} of them open (their bar is met), {planned} are planned"


def _cut(line: str) -> str:
    """One line per row on a terminal; whole lines where the output goes into a file or a pipe."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1_000
    return line if len(line) <= width else line[: width - 1] + "…"


def _as_data(areas: list[Area], methods: list[registry.Entry], everything: bool) -> dict:
    leaves = [
        {
            "path": x.path,
            "area": a.title,
            "title": x.title,
            "state": x.state,
            "symmetry": x.symmetry,
            "line": x.line,
            "survey": list(x.survey),
        }
        for a in areas
        for x in a.leaves
        if everything or x.state != "planned"
    ]
    found = [{"name": m.name, "family": m.group, "title": m.title, "problem": m.problem} for m in methods]
    return {"leaves": leaves, "methods": found}


def _list_runs(args) -> int:
    from ..study.store import runs

    rows = runs(args.runs, task=args.area, limit=args.limit, say=lambda text: print(f"  {text}", file=sys.stderr))
    if args.json:
        print(json.dumps([row._asdict() for row in rows], indent=1))
        return 0
    if not rows:
        print(f"No runs in {args.runs}. Start one: erlangen run continuum/burgers --method fno")
        return 0
    table = [("run", "task", "method", "state", "score", "value", "error", "unit")]
    for r in rows:
        figures = r.score or "", _figure(r.value), _figure(r.error), r.unit or ""
        table.append((r.name, r.task, r.method, r.state, *figures))
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        print("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths)).rstrip())
    return 0


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def show(argv: list[str]) -> int:
    """erlangen show NAME"""
    parser = Parser(prog="erlangen show", description="One task, method or leaf of the map.")
    parser.add_argument("name", help="for instance quantum/spins or painn")
    name = parser.parse(argv).name
    leaves = {x.path: x for a in every_area() for x in a.leaves}
    methods = {m.name: m for m in registry.entries("method")}
    leaf, entry = leaves.get(name), methods.get(name)
    if leaf is not None:
        _show_leaf(leaf)
        entry = leaf.task
    elif entry is None:
        raise unknown("task, leaf or method", name, [*leaves, *methods])
    if entry is None:
        print("\nPlanned: no task answers this leaf yet. docs/add_a_task.md shows how to write one.")
        return 0
    if entry.problem:
        raise Invalid(must=f"{name} must be readable", came=entry.problem, do=f"Repair {entry.path}.")
    print(f"\n{entry.doc}\n\nSettings")
    print("\n".join(_settings(entry)) or "  none")
    sys.stdout.flush()
    from ..study.matching import describe

    print("\n" + "\n".join(describe(entry)))
    print(f"\nSource: {entry.path}")
    return 0


def _show_leaf(leaf: Leaf) -> None:
    print(f"{leaf.path}: {leaf.title} ({leaf.state})")
    if leaf.symmetry:
        print(f"  symmetry: {leaf.symmetry}")
    if leaf.survey:
        numbers = f"{'leaves' if len(leaf.survey) > 1 else 'leaf'} {', '.join(map(str, leaf.survey))}"
        print(f"  survey:   {numbers} of arXiv:2307.08423")
    if leaf.task is None and leaf.line:
        print(f"  {leaf.line}")
    if leaf.bar:
        bar, standing = leaf.bar, leaf.standing
        reached = f"{standing.value:.3g} on the board" if standing else "no record on the board"
        print(f"  bar:      {bar} ({bar.source}); {reached}")
        print(f"            {bar.command}")


def _settings(entry: registry.Entry) -> Iterable[str]:
    rows = [
        (f"--{s.name.replace('_', '-')}", "required" if s.default is None else s.default, s.annotation, s.comment)
        for s in entry.settings
    ]
    widths = [max((len(r[i]) for r in rows), default=0) for i in range(3)]
    for row in rows:
        head = "  " + "  ".join(f"{cell:<{min(w, 28)}}" for cell, w in zip(row, widths))
        yield textwrap.fill(row[3], 118, initial_indent=head + "  ", subsequent_indent=" " * 8) if row[3] else head
