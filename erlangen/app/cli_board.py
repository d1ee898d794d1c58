"""`erlangen board`: reference records that ship with the package, the bar of each leaf, and how to earn them again."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import Invalid, unknown
from ..leaves import BOARD, Leaf, areas
from .cli_flags import Parser

VERDICTS = {"open": "open", "running": "runs", "planned": "planned", "broken": "BROKEN"}


def board(argv: list[str]) -> int:
    """erlangen board [AREA | LEAF ...] [--json] [--remake [--missing]]"""
    parser = Parser(prog="erlangen board", description="Which leaves are open: a record that ships meets their bar.")
    parser.add_argument("which", nargs="*", metavar="LEAF", help="leaves or areas (default: all that have a bar)")
    parser.add_argument("--json", action="store_true", help="the same for programs")
    parser.add_argument("--remake", action="store_true", help="run the command of each bar, one run per seed (long)")
    parser.add_argument("--missing", action="store_true", help="with --remake: only seeds that it lacks")
    parser.add_argument("--to", metavar="FOLDER", default=str(BOARD), help="default: the package's own board")
    args = parser.parse(argv)
    chosen = _chosen(args.which, Path(args.to))
    if args.remake:
        for leaf in chosen:
            _remake(leaf, Path(args.to), only_missing=args.missing)
        chosen = _chosen(args.which, Path(args.to))
    print(json.dumps(list(map(_as_data, chosen)), indent=1) if args.json else "\n".join(_lines(chosen)))
    return 0


def _chosen(words: list[str], folder: Path) -> list[Leaf]:
    every = {leaf.path: (area.name, leaf) for area in areas(board=folder) for leaf in area.leaves}
    for word in words:
        if word not in every and word not in {name for name, _ in every.values()}:
            raise unknown("leaf or area", word, [*every, *dict.fromkeys(name for name, _ in every.values())])
    return [leaf for path, (name, leaf) in every.items() if leaf.bar and (not words or path in words or name in words)]


def _lines(leaves: list[Leaf]) -> Iterator[str]:
    from ..study.notation import duration, plus_minus
    from ..study.table import aligned

    rows = []
    for leaf in leaves:
        bar, standing = leaf.bar, leaf.standing
        value = plus_minus(standing.value, standing.error) if standing else "-"
        verdict = leaf.state if standing is None or not standing.missing else standing.missing
        seconds = duration(standing.seconds) if standing else "-"
        rows.append((leaf.path, value, str(bar), VERDICTS.get(verdict, verdict), seconds))
    yield aligned(rows, ("leaf", "reached", "bar", "verdict", "fit"), width=120)
    yield "\nEarn one again"
    yield from (f"  {leaf.bar.command}" for leaf in leaves if leaf.bar)
    opened = sum(leaf.state == "open" for leaf in leaves)
    yield f"\n{opened} of {len(leaves)} leaves with a bar are open."


def _as_data(leaf: Leaf) -> dict:
    bar, standing = leaf.bar, leaf.standing
    return {
        "path": leaf.path,
        "state": leaf.state,
        "bar": bar and {**vars(bar), "command": bar.command},
        "standing": standing and vars(standing),
        "rows": [
            {"method": r.method, "seed": r.seed, "run": r.run, "scores": r.scores, "certified": r.certified}
            for r in leaf.rows
        ],
    }


def _remake(leaf: Leaf, folder: Path, *, only_missing: bool) -> None:
    """One process per seed, as a user would start it; a run that fails keeps the row that there was."""
    if leaf.bar is None or leaf.task is None:
        return
    there = {row.seed for row in leaf.rows if row.run == leaf.bar.run} if only_missing else set()
    for seed in sorted(set(range(leaf.bar.seeds)) - there):
        with tempfile.TemporaryDirectory() as runs:
            words = [*shlex.split(leaf.bar.run), "--seed", str(seed), "--out", runs]
            print(f"== erlangen run {shlex.join(words[:-2])}", file=sys.stderr, flush=True)
            ended = subprocess.run([sys.executable, "-m", "erlangen.app.cli", "run", *words], stdout=sys.stderr)
            kept = sorted(Path(runs).glob("*/record.json"))
            if ended.returncode or not kept:
                print(f"  exit code {ended.returncode}: the row stays as it was", file=sys.stderr)
                continue
            keep(kept[-1], leaf.bar.run, folder)


def keep(record: Path, run: str, folder: Path = BOARD) -> Path:
    """Put a finished run on the board, with the plots that need little and without paths of this machine; returns the
    file. What plots and pictures are drawn from lies beside it, as .npz.
    """
    import numpy as np

    from ..study.record import Record
    from .board_arrays import light

    found = Record.read(record)
    if found.state != "done":
        raise Invalid(
            must="a row of the board is a finished run",
            came=f"{found.run}, {found.state}",
            do="Go on with it: --resume",
        )
    arrays, found.panels = light(record.with_name("arrays.npz"), found.panels)
    found.data["board"] = run
    for source in found.data.get("sources", ()):
        source["path"] = Path(str(source.get("path", ""))).name
    names = [found.method, *(wrap["name"] for wrap in reversed(found.wraps))]
    target = folder / found.task / f"{'-'.join(names)}-s{found.seed}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(found.to_json() + "\n", encoding="utf-8")
    target.with_suffix(".npz").unlink(missing_ok=True)
    if arrays:
        with open(target.with_suffix(".npz"), "wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return target
