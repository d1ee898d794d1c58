"""Pictures and films of a solution: lines and space-time images in one dimension, maps in two, a cut in three.

One scale of colours for all frames: symmetric about zero where the field changes sign.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import Invalid, unknown
from ..data.drafts import whole
from .plots import STYLE, axis_label, figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..study.solve import Solution

PICTURES, FILMS = (".png", ".svg", ".pdf"), (".gif", ".mp4")
SHOWN = 6  # states in a picture
PER_SECOND = 12  # frames of a film


def check_picture(path: Path) -> None:
    """Refuse a name that no picture can have."""
    if path.suffix.lower() not in PICTURES:
        raise unknown("the ending of a picture", path.suffix or path.name, PICTURES)


def check_film(path: Path) -> None:
    """Refuse a name that no film can have, and .mp4 where ffmpeg is missing."""
    if path.suffix.lower() not in FILMS:
        raise unknown("the ending of a film", path.suffix or path.name, FILMS)
    from matplotlib.animation import FFMpegWriter

    if path.suffix.lower() == ".mp4" and not FFMpegWriter.isAvailable():
        raise Invalid(must="films in .mp4 need ffmpeg", came="no ffmpeg on the PATH", do="Install it, or write .gif.")


def draw(solution: Solution, path: Path) -> None:
    """A picture of the first problem: every quantity that was solved for, at several times."""
    check_picture(path)
    figure = _styled(_lines_and_image if _dimension(solution) == 1 else _maps, solution)
    with whole(path) as draft:
        figure.savefig(draft, dpi=150)


def film(solution: Solution, path: Path) -> None:
    """The first problem frame by frame."""
    check_film(path)
    if not solution.dt:
        raise Invalid(must="a film shows an evolution", came=solution.task.name(), do="Ask for --plot instead.")
    with whole(path) as draft:
        _styled(_film, solution, draft)


def _styled(plot: Callable[..., Any], *args: Any) -> Any:
    import matplotlib as mpl

    style: Any = {k: v for k, v in STYLE.items() if k != "axes.prop_cycle"}
    with mpl.rc_context(style):
        return plot(*args)


def _dimension(solution: Solution) -> int:
    return len(solution.fields[0].spacing)


def _flat(solution: Solution) -> dict[str, np.ndarray]:
    """Label -> [time, x(, y)] of the first problem: a cut through the middle of z, one entry per component.

    Where nothing evolves, what was given is shown beside what was solved for.
    """
    d, found = _dimension(solution), {}
    given = {} if solution.dt else {n: np.asarray(v)[None] for n, v in solution.fields[0].values.items()}
    for name, values in (given | {n: column[0] for n, column in solution.states.items()}).items():
        quantity = solution.quantities[name]
        values = values[..., None] if values.ndim == d + 1 else values.reshape(*values.shape[: d + 1], -1)
        values = values[:, :, :, values.shape[3] // 2] if d == 3 else values
        for i in range(values.shape[-1]):
            words = (quantity.label or name.replace("_", " ")) + (f" {i + 1}" if values.shape[-1] > 1 else "")
            found[axis_label(f"{words} {quantity.symbol}" if quantity.label else words, quantity.unit)] = values[..., i]
    return found


def _scale(values: np.ndarray) -> dict[str, Any]:
    low, high = float(values.min()), float(values.max())
    if low < 0 < high:
        reach = max(-low, high)
        return {"vmin": -reach, "vmax": reach, "cmap": "RdBu_r"}
    return {"vmin": low, "vmax": high if high > low else low + 1, "cmap": "viridis"}


def _coordinates(solution: Solution, values: np.ndarray) -> list[np.ndarray]:
    return list(solution.fields[0].coordinates(values.shape[1:]))


def _along(solution: Solution, axis: int) -> str:
    return axis_label(*solution.fields[0].axes[axis])


def _lines_and_image(solution: Solution) -> Figure:
    """One row per quantity: its profile at several times, and all of it as an image over space and time."""
    import matplotlib as mpl

    flat = _flat(solution)
    wide = 2 if solution.dt else 1
    figure = figure_of(5.2 * wide, 3.4 * len(flat))
    panels = figure.subplots(len(flat), wide, squeeze=False)
    for row, (label, values) in zip(panels, flat.items()):
        (x,) = _coordinates(solution, values)
        moments = np.unique(np.linspace(0, len(values) - 1, SHOWN).astype(int))
        shades = mpl.colormaps["viridis"](np.linspace(0.0, 0.88, len(moments)))
        for shade, k in zip(shades, moments):
            row[0].plot(x, values[k], color=shade, label=f"t = {k * solution.dt:.3g}" if solution.dt else None)
        row[0].set(xlabel=_along(solution, 0), ylabel=label, xlim=(x[0], x[-1]))
        if not solution.dt:
            continue
        row[0].legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=SHOWN, fontsize=7.5, handlelength=1, columnspacing=1
        )
        times = solution.dt * np.arange(len(values))
        drawn = row[1].pcolormesh(x, times, values, shading="nearest", rasterized=True, **_scale(values))
        row[1].grid(visible=False)
        row[1].set(xlabel=_along(solution, 0), ylabel=f"time t [{solution.time_unit}]")
        figure.colorbar(drawn, ax=row[1], label=label)
    return figure


def _maps(solution: Solution) -> Figure:
    """One row per quantity: maps at several times."""
    flat = _flat(solution)
    count = min(SHOWN // 2 + 1, len(next(iter(flat.values()))))
    figure = figure_of(2.9 * count + 0.9, 3.0 * len(flat))
    panels = figure.subplots(len(flat), count, squeeze=False, sharex=True, sharey=True)
    for row, (label, values) in zip(panels, flat.items()):
        moments = np.linspace(0, len(values) - 1, count).astype(int)
        drawn = [_map(axes, solution, values, int(k)) for axes, k in zip(row, moments)]
        for axes, k in zip(row, moments):
            axes.set_title(f"t = {k * solution.dt:.3g}" if solution.dt else "")
        row[0].set_ylabel(_along(solution, 1))
        figure.colorbar(drawn[-1], ax=list(row), label=label, shrink=0.85)
    for axes in panels[-1]:
        axes.set_xlabel(_along(solution, 0))
    return figure


def _map(axes: Any, solution: Solution, values: np.ndarray, k: int) -> Any:
    (x, y), (dx, dy) = _coordinates(solution, values), solution.fields[0].spacing[:2]
    box = (x[0] - dx / 2, x[-1] + dx / 2, y[0] - dy / 2, y[-1] + dy / 2)
    axes.grid(visible=False)
    return axes.imshow(values[k].T, origin="lower", extent=box, **_scale(values))


def _film(solution: Solution, path: Path) -> None:
    from matplotlib.animation import FFMpegWriter, PillowWriter
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    flat, flow = _flat(solution), _dimension(solution) == 1
    figure = figure_of((5.2 if flow else 4.4) * len(flat), 3.8)
    FigureCanvasAgg(figure)
    movers: list[Callable[[int], Any]] = []
    for axes, (label, values) in zip(figure.subplots(1, len(flat), squeeze=False)[0], flat.items()):
        movers.append((_moving_line if flow else _moving_map)(figure, axes, solution, label, values))
    title = figure.suptitle(f"t = {0:.2f}", fontsize=10)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # arranged once: margins that breathe with the labels would shake the film
    writer = (PillowWriter if path.suffix.lower() == ".gif" else FFMpegWriter)(fps=PER_SECOND)
    with writer.saving(figure, str(path), dpi=110):
        for k in range(len(next(iter(flat.values())))):
            for move in movers:
                move(k)
            title.set_text(f"t = {k * solution.dt:.2f}")
            writer.grab_frame()


def _moving_line(figure: Figure, axes: Any, solution: Solution, label: str, values: np.ndarray) -> Callable[[int], Any]:
    (x,) = _coordinates(solution, values)
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 1.0
    (line,) = axes.plot(x, values[0])
    axes.set(xlabel=_along(solution, 0), ylabel=label, xlim=(x[0], x[-1]), ylim=(low - margin, high + margin))
    return lambda k: line.set_ydata(values[k])


def _moving_map(figure: Figure, axes: Any, solution: Solution, label: str, values: np.ndarray) -> Callable[[int], Any]:
    drawn = _map(axes, solution, values, 0)
    axes.set(xlabel=_along(solution, 0), ylabel=_along(solution, 1))
    figure.colorbar(drawn, ax=axes, label=label, shrink=0.85)
    return lambda k: drawn.set_data(values[k].T)
