"""The plot of error against time: the answer among the settings of the classical solvers, for a query and a trajectory.

Same rules and style as `plots`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..assess.rows import Estimate, OpponentRow
from ..study.notation import duration, plus_minus, title
from ..study.record import Record
from ..study.work_precision import WorkPrecision, break_even, speed
from .plots import BLUE, GREY, INK, ORANGE, PURPLE, VERMILION, axis_label, figure_of, log_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL = 8.8  # points
PER_QUERY = "per query"


def cost_accuracy(record: Record, compared: Sequence[WorkPrecision]) -> Figure:
    """Error against seconds per query, a panel for each work: the answer, the opponents' settings, the labels."""
    figure = figure_of(5.8 * len(compared), 4.6)
    for axes, work in zip(figure.subplots(1, len(compared), squeeze=False)[0], compared):
        if work.score is not None:
            _panel(axes, record, work, work.score)
    return figure


def _panel(axes: Axes, record: Record, work: WorkPrecision, score: Estimate) -> None:
    curves = list(dict.fromkeys(row.name for row in work.rows))
    for i, name in enumerate(curves):
        _curve(axes, [row for row in work.rows if row.name == name and _drawn(row, score)], score, i)
    if work.cost.query_seconds > 0 and 0 < score.value < math.inf:
        _answer(axes, record.method, work, score)
    axes.margins(0.14, 0.16)
    _floor(axes, record.floor.get(score.name), score)
    log_axis(axes.xaxis, duration)
    log_axis(axes.yaxis)
    axes.set_xlabel(f"time {'of ' * (work.query != PER_QUERY)}{work.query}")
    axes.set_ylabel(axis_label(title(score), score.unit))
    above: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": SMALL}
    for line, height, weight in zip(_facts(work), (36, 22), ("normal", "bold")):
        axes.annotate(line, (0, 1), (0, height), color=INK, weight=weight, **above)
    if curves:
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=2, columnspacing=1.2)
    axes.set_title("Cost and accuracy" + f": {work.query}" * (work.query != PER_QUERY), pad=54)


def _drawn(row: OpponentRow, score: Estimate) -> bool:
    return 0 < row.scores.get(score.name, math.nan) < math.inf and row.seconds > 0


def _facts(work: WorkPrecision) -> tuple[str, str]:
    """Who is as accurate at which speed, and when training pays."""
    cost = work.cost
    if not cost.opponent:
        return "", "no measured setting is as accurate"
    pays = "never pays" if cost.break_even is None else f"pays after N* = {break_even(work)}"
    match = f"as accurate: {cost.opponent}, {duration(cost.opponent_seconds)}"
    return match, f"opponent {speed(work).replace(' x', '×')}: training {pays}"


def _curve(axes: Axes, rows: Sequence[OpponentRow], score: Estimate, i: int) -> None:
    """A solver through its settings, each with its standard error and its name."""
    if not rows:
        return
    x, y, spread = np.asarray([(r.seconds, r.scores[score.name], r.errors.get(score.name, 0)) for r in rows]).T
    look: dict[str, Any] = {"color": (VERMILION, ORANGE, PURPLE)[i % 3], "capsize": 2, "elinewidth": 1.0}
    bars = np.stack([np.minimum(spread, 0.9 * y), spread])  # a logarithmic axis ends above zero
    axes.errorbar(x, y, bars, fmt="os^D"[i % 4] + "-", label=f"{rows[0].name}, by {rows[0].knob}", **look)
    for row, at in zip(rows, zip(x, y)):
        axes.annotate(str(row.setting), at, (9, 5), textcoords="offset points", fontsize=8.2, color=INK)


def _answer(axes: Axes, method: str, work: WorkPrecision, score: Estimate) -> None:
    """The star of the answer, and an arrow to the time of the opponent that is as accurate, ringed."""
    cost, at = work.cost, (work.cost.query_seconds, score.value)
    spread = score.error if math.isfinite(score.error) else 0.0
    below = min(spread, 0.9 * score.value)
    axes.errorbar(*at, [[below], [spread]], fmt="*", ms=15, color=BLUE, mec="white", capsize=3)
    if cost.opponent_seconds:
        matched = next((r for r in work.rows if f"{r.name}, {r.knob} = {r.setting}" == cost.opponent), None)
        if matched and _drawn(matched, score):
            axes.plot(matched.seconds, matched.scores[score.name], "o", ms=14, mfc="none", mec=INK, mew=1.2)
            ends = [score.value, matched.scores[score.name]]
            axes.plot([matched.seconds] * 2, ends, color=GREY, lw=1.0, ls=":")
        arrow = {"arrowstyle": "->", "color": GREY, "lw": 1.3, "shrinkA": 9, "shrinkB": 0}
        axes.annotate("", (cost.opponent_seconds, score.value), at, arrowprops=arrow)
    # a curve falls to the right: it is free above where the answer is the slower one, and below where it is the faster
    slower = not cost.opponent_seconds or cost.opponent_seconds < cost.query_seconds
    place: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "bottom" if slower else "top"}
    end = (at[0], score.value + (spread if slower else -below))
    axes.annotate(method, end, (0, 11 if slower else -11), color=BLUE, weight="bold", fontsize=SMALL, **place)


def _floor(axes: Axes, floor: float | None, score: Estimate) -> None:
    """The error of the labels themselves: a line, or a note where it lies far below everything else."""
    if floor is None or not 0 < floor < math.inf:
        return
    text = f"error of the labels: {plus_minus(floor, 0, score.unit)}"
    x, y = (np.concatenate([np.ravel(line.get_data()[i]) for line in axes.lines]) for i in (0, 1))
    # on the side where the most accurate setting is not: the words then lie beside the curve
    right = x[np.argmin(y)] < math.sqrt(x.min() * x.max())
    words: dict[str, Any] = {"textcoords": "offset points", "color": GREY, "fontsize": 8.6}
    words["ha"], at = ("right", 0.99) if right else ("left", 0.01)
    if floor < 0.02 * y.min():
        axes.annotate(f"↓ {text}", (at, 0), (0, 5), xycoords="axes fraction", **words)
    else:
        axes.axhline(floor, color=GREY, lw=1.2, ls="--")
        axes.annotate(text, (at, floor), (0, 4), xycoords=axes.get_yaxis_transform(), **words)
