"""Pictures of fields in a report: the truth, the answer and their difference for a typical and for the worst sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .plots import BLUE, GREY, INK, ORANGE, axis_label, figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES = "xyz"


def typical_and_worst(true: np.ndarray, predicted: np.ndarray) -> dict[str, int]:
    """The samples [n, ...] whose root-mean-square error is the median one and the largest one."""
    error = np.sqrt(np.mean((predicted - true).reshape(len(true), -1) ** 2, 1))
    order = np.argsort(error)
    return {"typical sample": int(order[len(order) // 2]), "worst sample": int(order[-1])}


def lines(
    true: np.ndarray, predicted: np.ndarray, band: np.ndarray | None, length: float, label: tuple[str, str]
) -> Figure:
    """Fields in one dimension [n, points]; below them the error, on a scale of its own, inside its band (half-width).

    length: of the domain. label: name and unit of the field.
    """
    figure = figure_of(11.6, 4.4)
    panels = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(1.6, 1))
    x = np.arange(true.shape[1]) * length / true.shape[1]
    for column, (name, i) in enumerate(typical_and_worst(true, predicted).items()):
        upper, lower = panels[0, column], panels[1, column]
        upper.plot(x, true[i], color=INK, lw=2.6, alpha=0.35, label="true")
        upper.plot(x, predicted[i], color=BLUE, lw=1.5, label="predicted")
        upper.set_title(name[0].upper() + name[1:])
        if band is not None:
            lower.fill_between(x, -band[i], band[i], color=ORANGE, alpha=0.22, lw=0, label="band")
        lower.plot(x, predicted[i] - true[i], color=BLUE, lw=1.3)
        lower.axhline(0, color=GREY, lw=0.9)
        lower.set_xlabel("position x")
    panels[0, 0].set_ylabel(axis_label(*label))
    panels[1, 0].set_ylabel(axis_label("predicted − true", label[1]))
    panels[0, 0].legend(loc="best")
    if band is not None:
        panels[1, 0].legend(loc="upper right")
    figure.align_ylabels()
    return figure


def images(
    true: np.ndarray, predicted: np.ndarray, lengths: Sequence[float], names: Sequence[str], label: tuple[str, str]
) -> Figure:
    """Fields in two dimensions [n, x, y]: true, predicted, and the difference on a scale of its own.

    lengths, names: of the two axes. label: name and unit of the field.
    """
    figure = figure_of(11.6, 6.4)
    panels = figure.subplots(2, 3, sharex=True, sharey=True)
    box = (0.0, lengths[0], 0.0, lengths[1])
    for row, (name, i) in enumerate(typical_and_worst(true, predicted).items()):
        reach = float(np.max(np.abs(true[i]))) or 1.0
        gap = predicted[i] - true[i]
        scales = (("true", true[i], reach), ("predicted", predicted[i], reach))
        for axes, (title, values, limit) in zip(
            panels[row], (*scales, ("predicted − true", gap, float(np.max(np.abs(gap))) or 1.0)), strict=True
        ):
            drawn = axes.imshow(values.T, origin="lower", extent=box, cmap="RdBu_r", vmin=-limit, vmax=limit)
            figure.colorbar(drawn, ax=axes, shrink=0.86)
            axes.grid(visible=False)
            axes.set_title(title if row == 0 else "")
        panels[row, 0].set_ylabel(f"{name}\n{names[1]}")
    for axes in panels[1]:
        axes.set_xlabel(names[0])
    figure.suptitle(axis_label(*label), x=0.01, ha="left", fontsize=9.5, color=INK)
    return figure
