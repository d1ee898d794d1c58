"""Which of several methods cannot be told apart: adjusted p-values of all pairs, and letters. Plain Python, for those
who have no arrays.

    holm({("a", "b"): 0.01, ...}) -> adjusted          letters(names, adjusted, level) -> {"a": "a", "b": "ab", ...}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def holm(p: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Holm's adjusted p-values: the family-wise error is held. Scand. J. Statist. 6, 65 (1979), jstor:4615733."""
    order = sorted(p, key=lambda pair: p[pair])
    adjusted, running = {}, 0.0
    for i, pair in enumerate(order):
        running = max(running, min(1.0, (len(order) - i) * p[pair]))
        adjusted[pair] = running
    return adjusted


def letters(names: Sequence[str], adjusted: Mapping[tuple[str, str], float], level: float = 0.05) -> dict[str, str]:
    """Compact letter display of `names`, the best first: those that share a letter cannot be told apart at `level`.

    Insert and absorb: Piepho, J. Comput. Graph. Statist. 13, 456 (2004), doi:10.1198/1061860043515.
    """
    different = {frozenset(pair) for pair, value in adjusted.items() if value < level}
    columns = [frozenset(names)] if names else []
    for pair in different:
        split = [c - {one} for c in columns if pair <= c for one in pair]
        kept = [c for c in columns if not pair <= c] + split
        columns = [c for c in kept if not any(c < other for other in kept)]
        columns = list(dict.fromkeys(columns))
    columns.sort(key=lambda column: sorted(names.index(n) for n in column))
    return {name: "".join(_letter(i) for i, column in enumerate(columns) if name in column) for name in names}


def _letter(i: int) -> str:
    """a ... z, then a', b', ..."""
    return "abcdefghijklmnopqrstuvwxyz"[i % 26] + "'" * (i // 26)
