"""One kind of message for bad input: what must hold; what came; what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Invalid(ValueError):
    """Input that cannot be used.

    ``must``: the condition that has to hold. ``came``: what was found instead. ``do``: the remedy.
    The command line prints exactly this message and exits with code 2.
    """

    def __init__(self, *, must: str, came: str, do: str):
        self.must, self.came, self.do = must, came, do
        super().__init__(f"{must}; came: {came}. {do}")


def unknown(kind: str, name: str, known: Iterable[str]) -> Invalid:
    """Error for a name that is not known, with the nearest valid names."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:8]
    return Invalid(must=f"{kind} must be a known name", came=repr(name), do=f"Did you mean: {', '.join(near)}?")
