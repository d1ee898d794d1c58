"""Plots of the rows that every record has: where intervals hold, which symmetries do. Rules and style of `plots`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..assess.rows import CoverageRow, SymmetryRow
from ..study.table import verdict, where
from .plots import BLUE, GREEN, GREY, INK, ORANGE, VERMILION, figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def coverage(rows: Sequence[CoverageRow], level: float) -> Figure:
    """How often intervals of one level hold the truth, place by place."""
    figure = figure_of()
    axes = figure.subplots()
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
    return figure


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
