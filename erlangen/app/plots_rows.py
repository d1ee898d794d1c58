"""The plots of a report that say how far to trust an answer: intervals, shift, symmetry.

Same rules and style as `plots`: rows of a record in, a figure out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..assess.rows import CoverageRow, Estimate, ShiftRow, SymmetryRow
from ..study.notation import number, title
from ..study.table import place, verdict, where
from .plots import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, VERMILION, axis_label, figure_of, log_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BANDS = 10


def coverage(rows: Sequence[CoverageRow], level: float) -> Figure:
    """How often intervals hold the truth: against the nominal level where there are several, else place by place."""
    figure = figure_of()
    tests = [row for row in rows if row.where == "test"]
    if len({row.level for row in tests}) > 2:
        _levels(figure.subplots(), tests)
    else:
        _where(figure.subplots(), rows, level)
    return figure


def _levels(axes: Axes, rows: Sequence[CoverageRow]) -> None:
    axes.plot([0, 100], [0, 100], color=GREY, lw=1.0)
    for output in dict.fromkeys(row.output for row in rows):
        mine = [row for row in rows if row.output == output]
        x, y, e = np.asarray([(100 * r.level, 100 * r.coverage, 100 * r.error) for r in mine]).T
        axes.errorbar(x, y, e, fmt="o-", capsize=3, label=output)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
    axes.set_xlabel("nominal coverage [%]")
    axes.set_ylabel("observed coverage [%]")
    axes.legend(loc="upper left")
    axes.set_title("Reliability")


def _where(axes: Axes, rows: Sequence[CoverageRow], level: float) -> None:
    several = len({row.output for row in rows}) > 1
    names = [f"{where(row)}, {row.output}" if several else where(row) for row in rows]
    places = np.arange(len(rows))[::-1]
    axes.axvline(100 * level, color=VERMILION, lw=1.4, ls="--", zorder=1)
    axes.axvspan(100 * level - 2, 100 * level + 2, color=VERMILION, alpha=0.08, lw=0, zorder=0)
    for at, row in zip(places, rows):
        colour = BLUE if row.where == "test" else ORANGE
        spread = 100 * row.error if math.isfinite(row.error) else 0.0
        axes.errorbar(100 * row.coverage, at, xerr=2 * spread, fmt="o", color=colour, capsize=3, zorder=3)
    lowest = min(100 * (row.coverage - 2 * (row.error if math.isfinite(row.error) else 0)) for row in rows)
    axes.set(xlim=(max(0.0, min(lowest - 4, 100 * level - 12)), 101), ylim=(-0.7, len(rows) - 0.3))
    axes.set_yticks(places, names)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"intervals that hold the truth [%]\n(promised: {100 * level:g} %; bars: two standard errors)")
    axes.set_title("Coverage")


def binned_quantile(width: np.ndarray, error: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean half-width, `level` quantile of |error| and its standard error (binomial ranks) in bins of equal counts."""
    order = np.argsort(width, kind="stable")
    few = np.unique(np.round(width, 12))
    parts = [np.flatnonzero(np.isclose(width, w)) for w in few] if len(few) <= BANDS else np.array_split(order, BANDS)
    rows = []
    for part in (part for part in parts if len(part) >= 10):
        inside, n = np.sort(error[part]), len(part)
        slack = math.sqrt(level * (1 - level) / n)
        low, high = np.quantile(inside, [max(level - slack, 0), min(level + slack, 1)])
        rows.append((float(width[part].mean()), float(np.quantile(inside, level)), float(high - low) / 2))
    found = np.asarray(rows).reshape(-1, 3)
    return found[:, 0], found[:, 1], found[:, 2]


def reliability(widths: Sequence[tuple[str, np.ndarray, np.ndarray]], level: float) -> Figure:
    """Whether wide intervals go with large errors.

    widths: (axis label, half-width, |error|) of each output that has one interval per component. In each tenth of the
    widths the `level` quantile of |error| should equal the half-width.
    """
    from matplotlib.ticker import MaxNLocator

    figure = figure_of()
    axes, ends = figure.subplots(), []
    for i, (label, width, error) in enumerate(widths):
        x, y, spread = binned_quantile(width, error, level)
        axes.errorbar(
            x, y, spread, fmt="o-", ms=5, lw=1.2, capsize=2.5, color=(BLUE, GREEN, PURPLE)[i % 3], label=label
        )
        ends += [*x, *y]
    if ends:
        low, high = 0.7 * max(min(ends), 1e-300), 1.4 * max(ends)
        low = low if high / low > 6 else 0.0
        axes.plot([low, high], [low, high], color=GREY, lw=1.0, zorder=1)
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        for axis in (axes.xaxis, axes.yaxis):
            if low > 0:
                log_axis(axis)
            else:
                axis.set_major_locator(MaxNLocator(5))
    unit = widths[0][0].partition(" [")[2].rstrip("]") if len(widths) == 1 else "unit of the output"
    axes.set_xlabel(axis_label("half-width of the interval", unit))
    axes.set_ylabel(axis_label(f"{100 * level:g} % quantile of |error|", unit))
    axes.legend(loc="upper left")
    axes.set_title("Reliability")
    return figure


def severity(
    rows: Sequence[ShiftRow], scores: Sequence[Estimate], held: Sequence[CoverageRow], trained: object
) -> Figure:
    """Error against the severity of one shift axis, with error bars, beside the error in distribution (dotted).

    All scores in the unit of the first one are drawn. Below: how often the intervals still hold, where there are any;
    rows of `held` at "test" belong to `trained`, the value of the axis that the answer was trained at.
    """
    rows = _with_trained(rows, scores, trained)
    figure = figure_of(5.6, 4.6 if held else 3.7)
    upper, *lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1)) if held else [figure.subplots()]
    x, numeric = _places(rows)
    unit = rows[0].scores[0].unit
    known = {one.name: one for one in scores}
    names = [one.name for one in rows[-1].scores if one.unit == unit]
    for name, colour, marker in zip(names, (BLUE, GREEN, PURPLE), "osD"):
        found = [next(one for one in row.scores if one.name == name) for row in rows]
        if name in known:
            upper.axhline(known[name].value, color=colour, lw=1.2, ls=":")
        values, errors = [one.value for one in found], [one.error if math.isfinite(one.error) else 0 for one in found]
        upper.errorbar(x, values, errors, fmt=f"{marker}-", color=colour, capsize=3, label=title(found[0]))
    for at, row in zip(x, rows):
        if math.isfinite(row.ratio):
            near = (at, row.scores[0].value)
            paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
            upper.annotate(
                f"{number(row.ratio, 2)}×", near, (0, 9), textcoords="offset points", ha="center", bbox=paper
            )
    upper.margins(x=0.08, y=0.2)
    drawn = [one.value for row in rows for one in row.scores if one.unit == unit and math.isfinite(one.value)]
    if drawn and min(drawn) > 0 and max(drawn) > 50 * min(drawn):
        log_axis(upper.yaxis)
    else:
        upper.set_ylim(bottom=0)
    if numeric and trained is not None and x[-1] == trained:
        upper.invert_xaxis()  # severity grows to the right
    upper.plot([], [], color=GREY, lw=1.2, ls=":", label="in distribution")
    upper.legend(loc="best")
    upper.set_ylabel(axis_label("error", unit))
    if lower:
        _coverage_below(lower[0], rows, x, held)
    _name_places(lower[0] if lower else upper, rows, x, numeric)
    upper.set_title(f"Shift of {rows[0].axis.replace('_', ' ')}")
    return figure


def _with_trained(rows: Sequence[ShiftRow], scores: Sequence[Estimate], trained: object) -> list[ShiftRow]:
    """The rows and the place of training with the scores in distribution, in order, where these are numbers."""
    first, moved = rows[0], {one.name for one in rows[0].scores}
    known = {one.name: one for one in scores}
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (trained, *(r.value for r in rows)))
    if not numeric:
        return list(rows)
    if any(row.value == trained for row in rows) or not moved <= set(known):
        return sorted(rows, key=lambda row: row.value)
    start = [known[one.name] for one in first.scores]
    every = [ShiftRow(first.axis, trained, first.unit, start, math.nan), *rows]
    return sorted(every, key=lambda row: row.value)


def _places(rows: Sequence[ShiftRow]) -> tuple[np.ndarray, bool]:
    """Where the values of a shift lie on the horizontal axis: numbers where they are, else in order."""
    numeric = all(isinstance(row.value, int | float) and not isinstance(row.value, bool) for row in rows)
    return np.asarray([row.value for row in rows] if numeric else range(len(rows)), float), numeric


def _name_places(axes: Axes, rows: Sequence[ShiftRow], x: np.ndarray, numeric: bool) -> None:
    if numeric and x.min() > 0 and x.max() / x.min() > 3:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(x, [f"{row.value:g}" if numeric else place(row) for row in rows])
    axes.set_xlabel(axis_label(rows[0].axis.replace("_", " "), rows[0].unit))


def _coverage_below(axes: Axes, rows: Sequence[ShiftRow], x: np.ndarray, held: Sequence[CoverageRow]) -> None:
    places = {f"{row.axis}={row.value}": at for row, at in zip(rows, x)}
    places |= {row.where: at for row in held if row.where == "test" for at in x[[math.isnan(r.ratio) for r in rows]]}
    for i, output in enumerate(dict.fromkeys(row.output for row in held)):
        mine = [row for row in held if row.output == output and row.where in places]
        mine.sort(key=lambda row: places[row.where])
        at = [places[row.where] for row in mine]
        bars = [100 * row.error if math.isfinite(row.error) else 0 for row in mine]
        colour = (BLUE, GREEN, PURPLE)[i % 3]
        axes.errorbar(at, [100 * r.coverage for r in mine], bars, fmt="o-", color=colour, capsize=3, label=output)
    axes.axhline(100 * held[0].level, color=VERMILION, lw=1.2, ls="--")
    axes.set_ylim(0, 105)
    axes.set_ylabel("coverage [%]")
    if len({row.output for row in held}) > 1:
        axes.legend(loc="lower left")


def certificate(rows: Sequence[SymmetryRow]) -> Figure:
    """Every audited symmetry: the defect in units of the spread of the labels, against the tolerance."""
    figure = figure_of(11.6, 1.2 + 0.27 * len(rows))
    axes = figure.subplots()
    colours = {"holds": GREEN, "VIOLATED": VERMILION, "not claimed": GREY, "broken by the problem": ORANGE}
    several = len({row.output for row in rows}) > 1
    names = [f"{row.subject}: {row.group}" + (f", {row.output}" if several else "") for row in rows]
    tiny = 1e-17
    for at, row in zip(range(len(rows) - 1, -1, -1), rows):
        error = max(row.error, tiny) if math.isfinite(row.error) else 1e2
        axes.plot([tiny / 3, error], [at, at], color=colours[verdict(row)], lw=1.0, alpha=0.45)
        axes.plot(error, at, "o" if math.isfinite(row.error) else "X", color=colours[verdict(row)], ms=7)
        axes.plot(row.tolerance, at, "|", color=INK, ms=12, mew=1.6)
    axes.set_xscale("log")
    axes.set(xlim=(tiny / 3, 1e2), ylim=(-0.7, len(rows) - 0.3))
    axes.set_yticks(range(len(rows) - 1, -1, -1), names)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("largest defect, relative to the spread of the labels   ( | : tolerance)")
    for name in dict.fromkeys(map(verdict, rows)):
        axes.plot([], [], "o", color=colours[name], label=name)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=4, handletextpad=0.1, columnspacing=1.0)
    axes.set_title("Symmetry certificate")
    return figure
