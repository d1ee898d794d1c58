"""One drawer for each kind of panel (`study.panels`), in one style: ready for a talk, readable by colour-blind eyes.

A drawer takes a panel and the arrays of its run, knows nothing of the task, and returns a figure; `svg(plot, ...)`
gives the SVG text. Colours: Okabe and Ito, https://jfly.uni-koeln.de/color. Blue: the answer. Vermilion: the solver.
Grey: the truth. Fields and structures are drawn in `plots_pictures`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..study.notation import duration, number, pretty
from ..study.panels import Panel, Series, holds_numbers

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
FAR_BELOW = 0.02  # of the lowest value on a logarithmic axis: a level there is named, not drawn
Arrays = Mapping[str, np.ndarray]


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


def roles_of(one: Series, arrays: Arrays) -> dict[str, np.ndarray]:
    """The arrays of a series by role; KeyError where the run has lost one."""
    return {role: arrays[name] for role, name in one.arrays.items()}


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


def curve(panel: Panel, arrays: Arrays) -> Figure:
    """Lines with error bars, the truth behind them, levels across, and the settings or factors beside their points."""
    figure = figure_of(5.8, 3.9 + 0.35 * len(panel.notes))
    axes = figure.subplots()
    looks: dict[str, int] = {}
    for one in panel.series:
        number_of_its_look = looks.setdefault(one.look, 0)
        looks[one.look] += 1
        DRAWN[one.look](axes, one, roles_of(one, arrays), number_of_its_look)
    _scales(axes, panel)
    _places(axes, panel, arrays)
    for one in panel.series:
        if one.look == "level" and not one.arrays.get("x"):
            _level(axes, one, float(arrays[one.arrays["y"]]), panel)
    above: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 8.8}
    for i, line in enumerate(reversed(panel.notes)):
        axes.annotate(line, (0, 1), (0, 6 + 14 * i), color=INK, weight="bold" if i == 0 else "normal", **above)
    labels = axes.get_legend_handles_labels()[1]
    if len(labels) > 1 or (labels and panel.notes):
        axes.legend(loc="best")
    axes.set_title(panel.title, pad=10 + 14 * len(panel.notes))
    return figure


def _colour(i: int) -> str:
    return (BLUE, GREEN, PURPLE, SKY)[i % 4]


def _ordered(roles: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """x, y and error bars, these without NaN and, below, not reaching zero on a logarithmic axis."""
    x, y = np.asarray(roles["x"], float), np.asarray(roles["y"], float)
    if "error" not in roles:
        return x, y, None
    spread = np.nan_to_num(np.asarray(roles["error"], float), nan=0.0, posinf=0.0)
    return x, y, np.stack([np.where(y > 0, np.minimum(spread, 0.9 * np.abs(y)), spread), spread])


def _answer(axes: Axes, one: Series, roles: Mapping[str, np.ndarray], i: int) -> None:
    """The answer: a line, a star where it is one point."""
    x, y, bars = _ordered(roles)
    star = len(x) == 1 and "names" in roles
    form = "*" if star else "o-" if len(x) < 60 else "-"
    look: dict[str, Any] = {"ms": 15 if star else 4.5, "mec": "white" if star else _colour(i), "capsize": 2.5}
    axes.errorbar(x, y, bars, fmt=form, color=_colour(i), elinewidth=1.0, label=None if star else one.label, **look)
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
    for at, text in zip(zip(x, y), roles.get("names", ())):
        weight: Any = {"color": BLUE, "weight": "bold"} if star else {}
        axes.annotate(
            str(text), at, (0, 12 if star else 9), textcoords="offset points", ha="center", bbox=paper, **weight
        )


def _truth(axes: Axes, one: Series, roles: Mapping[str, np.ndarray], i: int) -> None:
    axes.plot(roles["x"], roles["y"], color=INK, lw=2.6, alpha=0.35, label=one.label, zorder=1)


def _solver(axes: Axes, one: Series, roles: Mapping[str, np.ndarray], i: int) -> None:
    """A solver through its settings, each with its standard error and its name."""
    x, y, bars = _ordered(roles)
    colour = (VERMILION, ORANGE, PURPLE)[i % 3]
    axes.errorbar(x, y, bars, fmt="os^D"[i % 4] + "-", color=colour, capsize=2, elinewidth=1.0, label=one.label)
    for at, text in zip(zip(x, y), roles.get("names", ())):
        axes.annotate(str(text), at, (9, 5), textcoords="offset points", fontsize=8.2, color=INK)


def _bound(axes: Axes, one: Series, roles: Mapping[str, np.ndarray], i: int) -> None:
    axes.plot(roles["x"], roles["y"], color=ORANGE, ls="--", label=one.label)


def _noisy(axes: Axes, one: Series, roles: Mapping[str, np.ndarray], i: int) -> None:
    """Every step thin, the running median thick."""
    good = np.isfinite(roles["y"])
    x, y = roles["x"][good], roles["y"][good]
    parts = min(60, len(y))
    axes.plot(x, y, color=SKY, lw=0.8, alpha=0.8, label=one.label)
    middle = [(np.median(a), np.median(b)) for a, b in zip(np.array_split(x, parts), np.array_split(y, parts))]
    axes.plot(*np.asarray(middle).T, color=BLUE, lw=1.2, alpha=0.8)


def _match(axes: Axes, one: Series, roles: Mapping[str, np.ndarray], i: int) -> None:
    """An arrow from the answer to what it is compared with, which is ringed."""
    (x, there), (y, other) = roles["x"], roles["y"]
    if other != y:
        axes.plot(there, other, "o", ms=14, mfc="none", mec=INK, mew=1.2)
    axes.plot([there] * 2, [y, other], color=GREY, lw=1.0, ls=":")  # the axes then reach there in any case
    arrow = {"arrowstyle": "->", "color": GREY, "lw": 1.3, "shrinkA": 9, "shrinkB": 0}
    axes.annotate("", (there, y), (x, y), arrowprops=arrow)


DRAWN: Mapping[str, Callable[[Axes, Series, Mapping[str, np.ndarray], int], None]] = {
    "answer": _answer,
    "truth": _truth,
    "solver": _solver,
    "bound": _bound,
    "noisy": _noisy,
    "match": _match,
    "level": lambda axes, one, roles, i: None,  # when the axes are known
}


def _scales(axes: Axes, panel: Panel) -> None:
    """Kinds and labels of both axes; times on a logarithmic axis are written as such."""
    axes.margins(0.1, 0.16)
    for axis, scale, (label, unit) in zip((axes.xaxis, axes.yaxis), [*panel.scales, "linear", "linear"], panel.axes):
        is_time = unit == "s" and "log" in scale
        if "log" in scale:
            log_axis(axis, duration if is_time else None)
        if "falling" in scale:
            axes.invert_xaxis()
        if scale == "from zero":
            axes.set_ylim(bottom=0)
        axis.set_label_text(label if is_time else axis_label(label, unit))


def _places(axes: Axes, panel: Panel, arrays: Arrays) -> None:
    """Names of the places along x, where they have some."""
    found: dict[float, str] = {}
    for one in panel.series:
        if "ticks" in one.arrays:
            roles = roles_of(one, arrays)
            found |= {float(x): str(text) for x, text in zip(roles["x"], roles["ticks"])}
    if found:
        axes.minorticks_off()
        axes.set_xticks(list(found), list(found.values()))


def _level(axes: Axes, one: Series, value: float, panel: Panel) -> None:
    """A line across; a note where it lies far below everything else on a logarithmic axis."""
    falls = len(panel.scales) > 1 and "log" in panel.scales[1]
    drawn = [np.asarray(line.get_ydata(), float) for line in axes.lines]
    lowest = min((float(np.nanmin(y)) for y in drawn if holds_numbers(y)), default=value)
    if falls and value < FAR_BELOW * lowest:
        look: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "color": GREY}
        axes.annotate(f"↓ {one.label}", (0.01, 0), (0, 5), **look)
    else:
        known = axes.get_legend_handles_labels()[1]
        axes.axhline(value, color=GREY, lw=1.2, ls=":", label=None if one.label in known else one.label)


def histogram(panel: Panel, arrays: Arrays) -> Figure:
    """How often values occur, and where levels lie among them."""
    figure = figure_of()
    axes = figure.subplots()
    for i, one in enumerate(panel.series):
        if one.look == "level":
            axes.axvline(float(arrays[one.arrays["y"]]), color=VERMILION, lw=1.6, ls="--", label=one.label)
            continue
        values = arrays[one.arrays["values"]]
        values = np.real(values[np.isfinite(values)])
        bins = int(np.clip(1.5 * len(values) ** 0.5, 10, 60))
        axes.hist(values, bins=bins, color=_colour(i), alpha=0.85, lw=0, label=one.label)
    axes.set(xlabel=axis_label(*panel.axes[0]), ylabel=axis_label(*panel.axes[1]), title=panel.title)
    axes.margins(y=0.2)
    axes.legend(loc="best")
    return figure


def spectrum(panel: Panel, arrays: Arrays) -> Figure:
    """Levels as short lines with their errors, exact ones behind them."""
    figure = figure_of()
    axes = figure.subplots()
    for i, one in enumerate(panel.series):
        roles = roles_of(one, arrays)
        n = np.arange(len(roles["y"]))
        if "exact" in roles:
            axes.hlines(roles["exact"], n - 0.4, n + 0.4, color=INK, lw=5, alpha=0.3, label="exact")
        axes.hlines(roles["y"], n - 0.4, n + 0.4, color=_colour(i), lw=1.8, label=one.label)
        axes.errorbar(n, roles["y"], roles.get("error"), fmt="none", ecolor=_colour(i), capsize=3)
        axes.set_xticks(n)
    axes.set(xlabel=axis_label(*panel.axes[0]), ylabel=axis_label(*panel.axes[1]), title=panel.title)
    axes.legend(loc="best")
    return figure


def parity(panel: Panel, arrays: Arrays) -> Figure:
    """Predicted against true values, as a density where there are many, beside the histogram of the residuals."""
    figure = figure_of(6.6, 3.7)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    roles = {role: np.ravel(values).astype(float) for role, values in roles_of(panel.series[0], arrays).items()}
    good = np.isfinite(roles["true"]) & np.isfinite(roles["predicted"])
    roles = {role: values[good] for role, values in roles.items()}
    (name, unit), width = panel.axes[0], (roles["upper"] - roles["lower"]) / 2 if "lower" in roles else None
    _against(left, roles["true"], roles["predicted"], name, unit)
    left.set_title(panel.title)
    _residuals(right, roles["predicted"] - roles["true"], width, unit)
    return figure


def _against(left: Axes, true: np.ndarray, predicted: np.ndarray, name: str, unit: str) -> None:
    """A constant much larger than the spread (a total energy) is taken off both axes and named in the labels."""
    from matplotlib.ticker import MaxNLocator

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


def _residuals(axes: Axes, error: np.ndarray, half_width: np.ndarray | None, unit: str) -> None:
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
