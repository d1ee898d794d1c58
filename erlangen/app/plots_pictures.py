"""Drawers of panels that are pictures: fields, trajectories in space and time, structures. Rules as in `plots`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..study.panels import Panel
from .plots import BLUE, GREY, INK, ORANGE, Arrays, axis_label, figure_of, roles_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ATOMS = 400  # of a picture
Roles = Mapping[str, np.ndarray]


def field(panel: Panel, arrays: Arrays) -> Figure:
    """Samples on a grid: lines in one dimension, maps in two; of a vector field its first component."""
    samples = {one.label: roles_of(one, arrays) for one in panel.series}
    plane = len(panel.axes) == 3
    one_component = {name: {r: _first(r, v, 2 if plane else 1) for r, v in s.items()} for name, s in samples.items()}
    return (_maps if plane else _lines)(one_component, panel)


def image(panel: Panel, arrays: Arrays) -> Figure:
    """Values over two axes, such as space and time: [y, x], true, predicted, and their difference."""
    samples = {one.label: roles_of(one, arrays) for one in panel.series}
    turned = {n: {r: v if r in "xy" else _first(r, v, 2).T for r, v in s.items()} for n, s in samples.items()}
    return _maps(turned, panel)


def _first(role: str, values: np.ndarray, dimension: int) -> np.ndarray:
    """The first component, where there are several."""
    shape = values.shape[:dimension]
    return values if role in "xyz" else values.reshape(*shape, -1)[..., 0].astype(float)


def _lines(samples: Mapping[str, Roles], panel: Panel) -> Figure:
    """Fields in one dimension; below them the error, on a scale of its own, inside its band."""
    figure, label = figure_of(11.6, 4.4), panel.axes[-1]
    panels = figure.subplots(2, len(samples), sharex=True, sharey="row", height_ratios=(1.6, 1), squeeze=False)
    for column, (name, roles) in enumerate(samples.items()):
        (upper, lower), x = panels[:, column], roles["x"]
        upper.plot(x, roles["true"], color=INK, lw=2.6, alpha=0.35, label="true")
        upper.plot(x, roles["predicted"], color=BLUE, lw=1.5, label="predicted")
        upper.set_title(name[0].upper() + name[1:])
        if "lower" in roles:
            band = [roles[end] - roles["predicted"] for end in ("lower", "upper")]
            lower.fill_between(x, *band, color=ORANGE, alpha=0.22, lw=0, label="band")
        lower.plot(x, roles["predicted"] - roles["true"], color=BLUE, lw=1.3)
        lower.axhline(0, color=GREY, lw=0.9)
        lower.set_xlabel(axis_label(*panel.axes[0]))
    panels[0, 0].set_ylabel(axis_label(*label))
    panels[1, 0].set_ylabel(axis_label("predicted − true", label[1]))
    panels[0, 0].legend(loc="best")
    if panels[1, 0].get_legend_handles_labels()[1]:
        panels[1, 0].legend(loc="upper right")
    figure.align_ylabels()
    return figure


def _maps(samples: Mapping[str, Roles], panel: Panel) -> Figure:
    """Values [x, y]: true, predicted, and the difference on a scale of its own; in true proportions where there are."""
    aspect = "equal" if panel.axes[0][1] == panel.axes[1][1] else "auto"
    figure = figure_of(11.6, 3.2 * len(samples))
    panels = figure.subplots(len(samples), 3, sharex=True, sharey=True, squeeze=False)
    for row, (name, roles) in zip(panels, samples.items()):
        true, gap = roles["true"], roles["predicted"] - roles["true"]
        reach = float(np.nanmax(np.abs(true))) or 1.0
        scales = (("true", true, reach), ("predicted", roles["predicted"], reach))
        for axes, (title, values, limit) in zip(
            row, (*scales, ("predicted − true", gap, float(np.nanmax(np.abs(gap))) or 1.0)), strict=True
        ):
            _map(axes, roles, values, limit, aspect)
            axes.set_title(title if row is panels[0] or len(panels) == 1 else "")
        row[0].set_ylabel(f"{name}\n{axis_label(*panel.axes[1])}")
    for axes in panels[-1]:
        axes.set_xlabel(axis_label(*panel.axes[0]))
    figure.suptitle(axis_label(*panel.axes[-1]), x=0.01, ha="left", fontsize=9.5, color=INK)
    return figure


def _map(axes: Axes, roles: Roles, values: np.ndarray, limit: float, aspect: str) -> None:
    x, y = roles["x"], roles["y"]
    half = [(v[1] - v[0]) / 2 if len(v) > 1 else 0.5 for v in (x, y)]
    box = (x[0] - half[0], x[-1] + half[0], y[0] - half[1], y[-1] + half[1])
    look: dict[str, Any] = {"origin": "lower", "extent": box, "cmap": "RdBu_r", "aspect": aspect}
    axes.figure.colorbar(axes.imshow(values.T, vmin=-limit, vmax=limit, **look), ax=axes, shrink=0.86)
    axes.grid(visible=False)


def structure(panel: Panel, arrays: Arrays) -> Figure:
    """Atoms seen along the direction in which they extend least, and a vector on each: true and answered."""
    figure = figure_of(11.6, 4.6)
    for axes, one in zip(figure.subplots(1, len(panel.series), squeeze=False)[0], panel.series):
        roles = roles_of(one, arrays)
        if len(roles["positions"]) <= MOST_ATOMS:
            _atoms(axes, roles)
        axes.set(title=one.label[0].upper() + one.label[1:], aspect="equal", xlabel="Å")
        axes.grid(visible=False)
    return figure


def _atoms(axes: Axes, roles: Roles) -> None:
    from ase.data import covalent_radii
    from ase.data.colors import jmol_colors
    from matplotlib.patches import Circle

    centred = roles["positions"] - roles["positions"].mean(0)
    turn = np.linalg.svd(centred, full_matrices=True)[2].T  # columns: directions of decreasing extent
    seen = centred @ turn
    numbers = roles["atomic_numbers"]
    for i in np.argsort(seen[:, 2]):
        look: dict[str, Any] = {"facecolor": jmol_colors[numbers[i]], "edgecolor": INK, "lw": 0.8, "zorder": 2}
        axes.add_patch(Circle(tuple(seen[i, :2]), 0.6 * float(covalent_radii[numbers[i]]), **look))
    reach = max((float(np.abs(roles[k]).max()) for k in ("true", "predicted") if k in roles), default=0.0) or 1.0
    for role, colour, width in (("true", GREY, 0.011), ("predicted", BLUE, 0.005)):
        if role in roles:
            arrows = 1.5 / reach * (roles[role] @ turn)
            held: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "zorder": 3}
            axes.quiver(*seen[:, :2].T, *arrows[:, :2].T, color=colour, width=width, label=role, **held)
    low, high = seen.min(0)[:2] - 2.2, seen.max(0)[:2] + 2.2
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axes.legend(loc="upper right")
