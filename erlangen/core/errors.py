"""One kind of message for bad input: what must hold; what came; what to do."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
from collections.abc import Iterable
from typing import Any

MOST, LONGEST = 2000, 100  # names that are compared, and their characters: files may hold any number


class Invalid(ValueError):
    """Input that cannot be used.

    ``must``: the condition that has to hold. ``came``: what was found instead. ``do``: the remedy.
    The command line prints exactly this message and exits with code 2.
    """

    def __init__(self, *, must: str, came: str, do: str):
        self.must, self.came, self.do = must, shortened(came), do
        super().__init__(f"{must}; came: {self.came}. {do}")


def shortened(text: str, most: int = 2000) -> str:
    """A text of a file, which may be of any length, with its middle left out."""
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 4 :]}"


def unknown(kind: str, name: str, known: Iterable[str]) -> Invalid:
    """Error for a name that is not known, with the nearest valid names."""
    known = sorted(shortened(one, LONGEST) for one in itertools.islice(known, MOST))
    near = difflib.get_close_matches(name[:LONGEST], known, n=3, cutoff=0.4) or known[:8]
    return Invalid(must=f"{kind} must be a known name", came=repr(name), do=f"Did you mean: {', '.join(near)}?")


def within(settings: Any, **limits: tuple[float, float]) -> None:
    """Raise `Invalid` for the first field of a dataclass outside its limits; for `__post_init__`.

    The ends are allowed for whole numbers and excluded for others: within(self, n=(8, 4096), viscosity=(0, inf)).
    """
    for name, (low, high) in limits.items():
        value = getattr(settings, name)
        whole = isinstance(value, int)
        if not (low <= value <= high if whole else low < value < high):
            default = next(f.default for f in dataclasses.fields(settings) if f.name == name)
            above = f"at least {low:g}" if whole else f"above {low:g}"
            bounds = f"{low:g} to {high:g}" if high < float("inf") else above
            do = f"The default is {default}." if default is not dataclasses.MISSING else ""
            raise Invalid(must=f"{name} must be {bounds}", came=repr(value), do=do)
