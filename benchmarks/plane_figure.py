"""The figure and the table of `plane.py`: methods in the plane of degree and body order, error against cost."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from erlangen.app.plots import BLUE, GREEN, GREY, INK, ORANGE, figure_of, svg

NAMES = {
    "schnet": "SchNet",
    "dimenet": "DimeNet++",
    "spherenet": "SphereNet",
    "comenet": "ComENet",
    "egnn": "EGNN",
    "painn": "PaiNN",
    "nequip": "NequIP",
    "mace": "MACE",
}
COLOURS = {2: BLUE, 3: GREEN, 4: ORANGE}
MARKERS = {0: "o", 1: "s", 2: "^", 3: "D"}


def draw(record: dict[str, Any]) -> str:
    """SVG text."""
    return svg(plane, record)


def plane(record: dict[str, Any]) -> Figure:
    """Left: who lives where, with error and cost. Right: error against cost."""
    figure = figure_of(10.8, 4.3)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1.0))
    _places(left, record["methods"])
    _front(right, record)
    return figure


def _places(axes: Any, rows: list[dict[str, Any]]) -> None:
    cells: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for row in rows:
        cells.setdefault((row["lmax"], row["body_order"]), []).append(row)
    errors = np.log([np.mean(row["forces_mae"]) for row in rows])
    span = max(float(np.ptp(errors)), 1e-9)
    for (lmax, bodies), members in cells.items():
        for i, row in enumerate(sorted(members, key=lambda r: -np.mean(r["forces_mae"]))):
            y = bodies + 0.2 * (len(members) - 1) - 0.4 * i
            value = float(np.mean(row["forces_mae"]))
            # larger where the error is smaller
            size = 60 + 260 * (errors.max() - np.log(value)) / span
            axes.scatter(lmax, y, s=size, color=COLOURS[bodies], alpha=0.85, linewidths=0, zorder=3)
            axes.text(lmax + 0.14, y + 0.06, NAMES[row["method"]], fontweight="bold", va="center")
            digits = 0 if value >= 10 else 1
            text = f"{value:.{digits}f} meV/Å · {row['microseconds_per_atom']:.0f} µs"
            axes.text(lmax + 0.14, y - 0.09, text, fontsize=7.6, color=GREY, va="center")
    axes.set_xlim(-0.25, max(lmax for lmax, _ in cells) + 1.0)
    axes.set_ylim(1.5, 4.5)
    axes.set_xticks(range(max(lmax for lmax, _ in cells) + 1))
    axes.set_yticks([2, 3, 4])
    axes.set_xlabel("largest degree of the features, lmax")
    axes.set_ylabel("bodies that one layer correlates")
    axes.set_title("The plane")


def _front(axes: Any, record: dict[str, Any]) -> None:
    rows = record["methods"]
    axes.set_xscale("log")
    axes.set_yscale("log")
    for row in rows:
        x, y = row["microseconds_per_atom"], row["forces_mae"]
        mean, colour = float(np.mean(y)), COLOURS[row["body_order"]]
        marker = MARKERS[min(row["lmax"], 3)]
        axes.plot([x, x], [min(y), max(y)], color=colour, lw=1.2)
        axes.plot(x, mean, marker, color=colour, ms=9, mec="white", mew=0.8)
        axes.annotate(NAMES[row["method"]], (x, mean), (7, 5), textcoords="offset points", fontsize=9)
    best = np.inf
    for row in sorted(rows, key=lambda r: r["microseconds_per_atom"]):
        value = float(np.mean(row["forces_mae"]))
        if value < best:
            axes.plot(row["microseconds_per_atom"], value, "o", ms=17, mfc="none", mec=GREY, mew=0.8)
            best = value
    ticks = [a * 10.0**k for k in range(-2, 4) for a in (1, 2, 5)]
    for axis, values in (
        (axes.xaxis, [r["microseconds_per_atom"] for r in rows]),
        (axes.yaxis, [np.mean(r["forces_mae"]) for r in rows]),
    ):
        low, high = min(values) / 1.35, max(values) * 1.9
        (axes.set_xlim if axis is axes.xaxis else axes.set_ylim)(low, high)
        axis.set_ticks([t for t in ticks if low <= t <= high], [f"{t:g}" for t in ticks if low <= t <= high])
        axis.set_ticks([], minor=True)
    axes.set_xlabel("energy and forces [µs per atom]")
    axes.set_ylabel("force error, mean absolute [meV/Å]")
    axes.set_title(f"Error against cost, {record['seconds']:g} s of fitting each")
    handles = [axes.plot([], [], "o", color=c, label=f"{b} bodies")[0] for b, c in COLOURS.items()]
    degrees = sorted({min(r["lmax"], 3) for r in rows})
    handles += [axes.plot([], [], MARKERS[d], color=INK, label=f"lmax {d}")[0] for d in degrees]
    axes.legend(handles=handles, loc="best", ncols=2, fontsize=8, labelcolor=INK)


def page(record: dict[str, Any]) -> str:
    """Markdown of figure and table, for docs/plane.md to take in."""
    caption = (
        "Left: the plane; larger marks have smaller errors. "
        "Right: force error against cost; rings mark the methods that none cheaper betters"
    )
    return f"![{caption}](plane.svg)\n\n{table(record)}"


def table(record: dict[str, Any]) -> str:
    """Markdown, sorted by error."""
    lines = [
        "| method | lmax | bodies | force error [meV/Å] | energy error [meV] | µs per atom | parameters | steps |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(record["methods"], key=lambda r: np.mean(r["forces_mae"])):
        several = len(row["forces_mae"]) > 1
        spread = f" ± {np.std(row['forces_mae'], ddof=1):.1f}" if several else ""
        cells = (
            NAMES[row["method"]],
            row["lmax"],
            row["body_order"],
            f"{np.mean(row['forces_mae']):.1f}{spread}",
            f"{np.mean(row['energy_mae']):.1f}",
            f"{row['microseconds_per_atom']:.2f} ± {row['microseconds_spread']:.2f}",
            f"{row['parameters']:,}",
            f"{int(np.mean(row['steps'])):,}",
        )
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    lines += [
        "",
        f"{record['created']}, {record['device']}; {record['seconds']:g} s of fitting each, {record['seeds']} seed(s); "
        f"mean size of a force component: {record['mean_force']:.0f} meV/Å.",
    ]
    return "\n".join(lines) + "\n"
