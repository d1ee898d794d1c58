"""The picture that solid-state physicists expect: dispersion along the special points, density of states beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ..data.drafts import whole
from ..physics.phonons import Path as Way
from ..physics.phonons import density_of_states
from .plots import BLUE, GREY, STYLE

GREEK = {"G": "Γ"}


def draw(
    path: Path,
    way: Way,
    along: Float[np.ndarray, "waves modes"],
    on_mesh: Float[np.ndarray, "points modes"],
    weights: Float[np.ndarray, " points"],
    spread: Float[np.ndarray, "waves modes"] | None = None,
) -> None:
    """Frequencies [THz] along `way` with the spread of an ensemble as a band, and the density of those on a mesh."""
    import matplotlib.pyplot as plt

    style: Any = {name: value for name, value in STYLE.items() if name != "axes.prop_cycle"}
    with plt.rc_context(style), whole(path) as draft:
        figure, (left, right) = plt.subplots(
            1, 2, sharey=True, figsize=(7.2, 3.8), width_ratios=(3.4, 1), layout="constrained"
        )
        ends = np.flatnonzero(np.diff(way.distance) <= 1e-9) + 1  # where the path jumps, lines end
        for part in np.split(np.arange(len(way.q)), ends):
            left.plot(way.distance[part], along[part], color=BLUE, linewidth=1.2)
            bands = [] if spread is None else zip(along[part].T, spread[part].T, strict=True)
            for middle, half in bands:
                left.fill_between(way.distance[part], middle - half, middle + half, color=BLUE, alpha=0.2, linewidth=0)
        places: dict[float, list[str]] = {}
        for place, name in way.labels:
            places.setdefault(round(place, 9), []).append(GREEK.get(name, name))
        left.set_xticks(list(places), ["|".join(names) for names in places.values()])
        left.set_xlim(way.distance[0], way.distance[-1])
        left.grid(axis="y", visible=False)
        left.set_ylabel("frequency, THz")
        low, high = min(float(along.min()), 0.0), float(max(along.max(), on_mesh.max()))
        grid = np.linspace(low - 0.05 * high, 1.05 * high, 500)
        right.plot(density_of_states(on_mesh, weights, grid, width=0.012 * high), grid, color=BLUE, linewidth=1.2)
        right.fill_betweenx(
            grid, 0, density_of_states(on_mesh, weights, grid, width=0.012 * high), color=BLUE, alpha=0.12
        )
        right.set_xlabel("states per THz")
        right.set_xlim(left=0)
        right.grid(visible=False)
        for axis in (left, right):
            axis.axhline(0.0, color=GREY, linewidth=0.8)
            axis.set_ylim(grid[0], grid[-1])
        figure.savefig(draft, dpi=150)
        plt.close(figure)
