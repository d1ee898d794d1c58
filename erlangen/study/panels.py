"""Panels: named plots as data, from which table, report and portal draw without knowing the task.

A panel says what it is (`kind`), what its axes are called and measured in, and which arrays of ``arrays.npz`` play
which role in it; how each kind is drawn is the drawer's business. Roles of a series, by kind (those in brackets may be
missing):

    parity      true, predicted, (lower, upper)                values of any shape, compared one by one
    curve       x, y, (error), (names: beside the points), (ticks: names of the places x)
    field       true, predicted, x, (y), (lower, upper)        one sample each, on the grid of its coordinates
    structure   positions, atomic_numbers, (cell, pbc), (true, predicted: a vector on each atom)
    spectrum    y, (error), (exact)                            levels, ascending
    histogram   values
    image       true, predicted, x, y                          [y, x], such as a trajectory in space and time

`look` says what a series stands for: the answer, the truth, a solver, a bound, every step of something noisy, a level
(a line across: y alone), a match (x, y of the answer and of what it is compared with).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["parity", "curve", "field", "structure", "spectrum", "histogram", "image"]
Look = str
"""One of the words above: answer, truth, solver, bound, noisy, level, match."""
Scale = str
"""linear, log, falling, log falling or from zero."""
Drawn = tuple[str, Look, Mapping[str, Any]]
"""Label, look, and by role the arrays (or names of arrays that are there) of one thing that is drawn."""
OPTIONAL = ("error", "lower", "upper", "exact", "names", "ticks")


@dataclasses.dataclass
class Series:
    """One thing that is drawn. arrays: role -> name in ``arrays.npz``."""

    label: str
    arrays: dict[str, str]
    look: Look = "answer"


@dataclasses.dataclass
class Panel:
    """One plot. axes: label and unit of x, y (and of the values of a field or an image; parity: of what is compared);
    scales: of the same, linear where there is none; notes: lines of text above.
    """

    name: str
    kind: Kind
    title: str
    axes: list[tuple[str, str]]
    series: list[Series]
    caption: str = ""
    scales: list[Scale] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """As JSON has it."""
        axes = [(label, unit) for label, unit in raw["axes"]]
        return cls(**{**raw, "axes": axes, "series": [Series(**one) for one in raw["series"]]})


@dataclasses.dataclass
class Sheet:
    """Panels under way, and the arrays that they draw."""

    panels: list[Panel]
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def add(
        self,
        kind: Kind,
        name: str,
        title: str,
        axes: Iterable[tuple[str, str]],
        *series: Drawn,
        caption: str = "",
        scales: Iterable[Scale] = (),
        notes: Iterable[str] = (),
    ) -> None:
        """Add a panel; a role is the name of an array that is there, or an array, kept as <panel>/<number>/<role>.

        Series without any number (all NaN, or empty) are left out, and a panel without series too.
        """
        import numpy as np

        kept = []
        for label, look, roles in series:
            values = {role: self.arrays[v] if isinstance(v, str) else np.asarray(v) for role, v in roles.items()}
            empty = {role for role, v in values.items() if not holds_numbers(v)}
            if empty - set(OPTIONAL):
                continue
            names = {role: v if isinstance(v, str) else f"{name}/{len(kept)}/{role}" for role, v in roles.items()}
            self.arrays |= {names[role]: v for role, v in values.items() if role not in empty}
            kept.append(Series(label, {role: n for role, n in names.items() if role not in empty}, look))
        if any(one.look != "level" for one in kept):
            self.panels.append(Panel(name, kind, title, list(axes), kept, caption, list(scales), list(notes)))


def holds_numbers(values: np.ndarray) -> bool:
    """Whether there is anything to draw."""
    import numpy as np

    return values.size > 0 and (values.dtype.kind not in "fc" or bool(np.any(np.isfinite(values))))
