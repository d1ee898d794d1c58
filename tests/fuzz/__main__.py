"""python -m fuzz: mutated files through every reader, then hostile ones, and a table."""

from __future__ import annotations

import argparse
import collections
import os
import sys
import time
from collections.abc import Iterable

from . import hostile
from .cases import prepare
from .pool import Outcome, outcomes
from .seeds import targets


def shown(found: Iterable[Outcome], total: int) -> int:
    """Print faults as they come and the table at the end; how many faults there were."""
    rows: dict[str, list[Outcome]] = collections.defaultdict(list)
    begun, told = time.monotonic(), 0.0
    for done, one in enumerate(found, 1):
        rows[one.name].append(one)
        if one.kind == "fault":
            print(f"FAULT {one.name} {one.number}: {one.words}", flush=True)
        if time.monotonic() - told > 20:
            told = time.monotonic()
            print(f"  {done}/{total} in {told - begun:.0f} s", file=sys.stderr, flush=True)
    kinds = ("read", "refused", "unforeseen", "fault")
    print(f"{'reader':24}{'cases':>8}" + "".join(f"{k:>12}" for k in kinds) + f"{'slowest, s':>12}{'memory, MB':>12}")
    for name, ones in sorted(rows.items()):
        counts = collections.Counter(one.kind for one in ones)
        slowest, memory = max(one.seconds for one in ones), max(one.memory for one in ones)
        figures = "".join(f"{counts[k]:>12}" for k in kinds)
        print(f"{name:24}{len(ones):>8}{figures}{slowest:>12.2f}{memory / 1e6:>12.0f}")
    every = [one for ones in rows.values() for one in ones]
    unforeseen = collections.Counter(f"{o.name}: {o.words}" for o in every if o.kind == "unforeseen")
    print("\nunforeseen, most frequent first (refused with the words of a parser):")
    for words, count in unforeseen.most_common(40):
        print(f"{count:>6}  {words}")
    faults = sum(one.kind == "fault" for one in every)
    print(f"\n{len(every)} files, {faults} faults")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="mutated files, over all readers")
    parser.add_argument("--seed", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", default="", help="one reader, or one attack")
    parser.add_argument("--minutes", type=float, default=120.0, help="end after that")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--attacks", type=int, default=3, help="variants of every hostile file; 0: none")
    asked = parser.parse_args()
    names = [name for name in targets() if asked.only in ("", name)]
    each = -(-asked.cases // max(len(names), 1))
    cases = [(name, asked.seed + i) for i in range(each) for name in names]
    attacks = [(name, i) for name in hostile.ATTACKS for i in range(asked.attacks) if asked.only in ("", name)]
    until = time.monotonic() + 60 * asked.minutes
    everything = cases[: asked.cases] + attacks
    return int(shown(outcomes(attacks + cases[: asked.cases], prepare, asked.jobs, until), len(everything)) > 0)


if __name__ == "__main__":
    sys.exit(main())
