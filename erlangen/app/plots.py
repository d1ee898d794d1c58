"""The plots of a report, one function each, in one style: ready for a talk, readable by colour-blind eyes.

Every function takes rows of a record or arrays of a run and draws into a figure; `svg(plot, ...)` gives the SVG text.
Colours: Okabe and Ito, https://jfly.uni-koeln.de/color. Blue: the answer. Vermilion: the opponent. Grey: the truth.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..study.notation import number, pretty

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"
INK, GREY, PALE = "#1f2933", "#7b8794", "#e4e7eb"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": None,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "lines.markersize": 6.0,
    "legend.frameon": False,
    "legend.fontsize": 8.8,
    "figure.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "erlangen",
    "image.cmap": "viridis",
}
MANY_POINTS = 1500


def svg(plot: Callable[..., Figure], *args: Any, **keywords: Any) -> str:
    """The SVG text of a plot, drawn in the house style; nothing global is changed."""
    import matplotlib as mpl
    from cycler import cycler

    style: Any = STYLE | {"axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION])}
    with mpl.rc_context(style):
        drawn, text = plot(*args, **keywords), io.StringIO()
        drawn.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def figure_of(width: float = 5.6, height: float = 3.7) -> Figure:
    """An empty figure (inches) that arranges its own margins; pyplot and its global state are not used."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def axis_label(text: str, unit: str) -> str:
    """text [unit], or the text alone where the unit is 1."""
    return f"{text} [{pretty(unit)}]" if pretty(unit) else text


def log_axis(axis: Axis, text: Callable[[float], str] | None = None) -> None:
    """A logarithmic axis that labels 1, 2, 5 where it spans less than two decades, with `text` or powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes = axis.axes
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    low, high = axis.get_view_interval()
    short = low > 0 and high / low < 100
    if short:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    if text or short:
        axis.set_major_formatter(FuncFormatter(lambda value, _: text(value) if text else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def learning_curve(history: Sequence[Mapping[str, float]]) -> Figure:
    """Training loss, and validation loss of the averaged weights, against step; logarithmic where all are positive."""
    figure = figure_of()
    axes = figure.subplots()
    names = {"loss": ("training", SKY, 1.4), "validation": ("validation", BLUE, 2.0)}
    lowest = math.inf
    for name, (label, colour, width) in names.items():
        points = [(row["step"], row[name]) for row in history if math.isfinite(row.get(name, math.nan))]
        if points:
            steps, values = np.asarray(points).T
            best = int(np.argmin(values))
            found = f", best {number(values[best])}" if name == "validation" else ""
            axes.plot(steps, values, label=label + found, color=colour, lw=width)
            axes.plot(steps[best], values[best], "o", color=colour, mec="white", mew=1.0)
            lowest = min(lowest, float(values.min()))
    if lowest > 0:
        log_axis(axes.yaxis)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend(loc="upper right")
    axes.set_title("Learning curve")
    return figure


def energy_curve(history: Sequence[Mapping[str, float]], exact: float | None) -> Figure:
    """Energy and its variance against step; the relative error of the energy where the exact one is known."""
    figure = figure_of(5.6, 4.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 1))
    steps = np.asarray([row["step"] for row in history])
    energy = np.asarray([row["energy"] for row in history])
    if exact:
        _noisy(upper, steps, np.abs((energy - exact) / exact))
        upper.set_ylabel(r"$|E - E_0|\,/\,|E_0|$")
        upper.legend(loc="upper right")
    else:
        upper.plot(steps, energy, color=BLUE, lw=1.0)
        upper.set_ylabel("energy E")
    _noisy(lower, steps, np.asarray([row.get("variance", math.nan) for row in history]))
    lower.set_ylabel("variance of E")
    lower.set_xlabel("step of the minimisation")
    upper.set_title("Energy on the way down")
    return figure


def _noisy(axes: Axes, steps: np.ndarray, values: np.ndarray) -> None:
    """A noisy positive curve on a logarithmic axis: every step thin, the running median thick."""
    axes.plot(steps, values, color=SKY, lw=0.7, alpha=0.8, label="each step")
    parts = min(60, len(values))
    middle = [np.median(part) for part in np.array_split(values, parts)]
    axes.plot([np.median(part) for part in np.array_split(steps, parts)], middle, color=BLUE, label="running median")
    axes.set_yscale("log")


def local_energies(values: np.ndarray, exact: float | None) -> Figure:
    """Histogram of the local energy H psi / psi over samples: a spike for an eigenstate (zero-variance principle)."""
    from matplotlib.ticker import MaxNLocator

    figure = figure_of()
    axes = figure.subplots()
    values = np.real(values[np.isfinite(values)])
    low, high = np.quantile(values, [0.002, 0.998])
    pad = 0.1 * (high - low) or 1e-6
    axes.hist(values, bins=60, range=(low - pad, high + pad), color=BLUE, alpha=0.85, lw=0)
    axes.axvline(values.mean(), color=INK, lw=1.4, label=f"mean {values.mean():.6f}")
    if exact is not None:
        axes.axvline(exact, color=VERMILION, lw=1.6, ls="--", label=f"exact {exact:.6f}")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(r"local energy $(H\psi)(s)/\psi(s)$")
    axes.set_ylabel("samples")
    axes.margins(y=0.22)
    axes.legend(loc="upper left")
    axes.set_title("Local energies")
    return figure


def parity(true: np.ndarray, predicted: np.ndarray, label: str, half_width: np.ndarray | None = None) -> Figure:
    """Predicted against true values, as a density where there are many, beside the histogram of the residuals.

    A constant much larger than the spread (a total energy) is taken off both axes and named in the labels.
    """
    from matplotlib.ticker import MaxNLocator

    figure = figure_of(6.6, 3.7)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    name, _, unit = label.partition(" [")
    unit = unit.rstrip("]")
    shift = float(np.mean(true)) if abs(np.mean(true)) > 20 * np.ptp(true) else 0.0
    x, y = true - shift, predicted - shift
    low, high = np.quantile(np.concatenate([x, y]), [0.0, 1.0])
    pad = 0.04 * (high - low) or 1.0
    limits = (low - pad, high + pad)
    left.plot(limits, limits, color=GREY, lw=1.0, zorder=3)
    if len(x) > MANY_POINTS:
        left.hexbin(x, y, gridsize=64, extent=(*limits, *limits), bins="log", mincnt=1, cmap=_blues(), lw=0.1, zorder=2)
    else:
        left.plot(x, y, "o", color=BLUE, ms=3.5, alpha=0.55, mec="none", zorder=2)
    left.set(xlim=limits, ylim=limits, aspect="equal")
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    less = f" {'+−'[shift > 0]} {abs(shift):,.6g}" if shift else ""
    left.set_xlabel(axis_label(f"true {name}{less}", unit))
    left.set_ylabel(axis_label(f"predicted {name}{less}", unit))
    error = predicted - true
    r2 = 1 - np.sum(error**2) / max(np.sum((true - true.mean()) ** 2), 1e-300)
    facts = (
        f"MAE  {number(float(np.mean(np.abs(error))))}\nRMSE {number(float(np.sqrt(np.mean(error**2))))}\nR²   {r2:.5f}"
    )
    left.text(0.05, 0.95, facts, transform=left.transAxes, va="top", fontsize=8.6, family="DejaVu Sans Mono")
    left.set_title("Parity")
    _residuals(right, error, half_width, name, unit)
    return figure


def _residuals(axes: Axes, error: np.ndarray, half_width: np.ndarray | None, name: str, unit: str) -> None:
    reach = float(np.quantile(np.abs(error), 0.995)) or 1.0
    axes.hist(
        error, bins=int(np.clip(1.5 * len(error) ** 0.5, 10, 55)), range=(-reach, reach), color=BLUE, alpha=0.85, lw=0
    )
    if half_width is not None and np.all(np.isfinite(half_width)):
        middle = float(np.median(half_width))
        if middle < 3 * reach:
            axes.axvspan(-middle, middle, color=ORANGE, alpha=0.16, lw=0, label="median interval")
            axes.margins(y=0.2)
            axes.legend(loc="upper right", handlelength=1.2)
    axes.axvline(0, color=GREY, lw=1.0)
    axes.set_xlabel(axis_label("predicted − true", unit))
    axes.set_ylabel(f"{len(error):,} values")
    axes.set_yticklabels([])
    axes.set_title("Residuals")


def _blues() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("erlangen", ["#cfe6f5", SKY, BLUE, "#003a5d"])
