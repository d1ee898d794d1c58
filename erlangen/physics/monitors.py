"""Whether a simulation can be believed: what is always watched, from its frames and its state.

drift: slope of the conserved energy per atom [meV/ps]          T_e = < 2 K_e > / (k f_e)   of each element
disagreement: of the members of an ensemble about a force, the largest of a frame [eV/A]
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..core.arrays import AnyArray
from ..core.systems import Atoms
from ..numerics.autocorrelation import estimate
from ..numerics.cell_list import CellList
from ..numerics.following import follow, look, precision_of
from .molecules import symbols
from .units import BOLTZMANN

if TYPE_CHECKING:
    from .dynamics import Simulation, State


@dataclasses.dataclass(frozen=True)
class Monitors:
    """Of one system. drift [meV/atom/ps] of the conserved energy with its standard error; temperature [K] with its own;
    by_element: kinetic temperature [K], over all steps; equipartition: largest relative distance of one of them from
    their mean; momentum: largest |sum m v| [amu A/fs]; largest_force [eV/A]; stopped: why, or "". disagreement: the
    largest [eV/A], None where nobody can disagree; alarms: frames beyond the threshold.
    """

    time: float
    drift: float
    drift_error: float
    temperature: float
    temperature_error: float
    by_element: Mapping[str, float]
    equipartition: float
    momentum: float
    largest_force: float
    stopped: str
    broken: tuple[str, ...] = ()
    disagreement: float | None = None
    alarms: int = 0

    def lines(self) -> list[str]:
        """In words, one monitor a line."""
        elements = ", ".join(f"{name} {value:.1f} K" for name, value in self.by_element.items())
        return [
            f"time            {self.time / 1000:g} ps",
            f"drift           {self.drift:.2e} +- {self.drift_error:.1e} meV/atom/ps",
            f"temperature     {self.temperature:.1f} +- {self.temperature_error:.1f} K",
            f"equipartition   {100 * self.equipartition:.1f} % apart at most ({elements})",
            f"momentum        {self.momentum:.1e} amu A/fs",
            f"largest force   {self.largest_force:.3g} eV/A",
            f"broken bonds    {', '.join(self.broken) or 'none'}",
            *([f"stopped         {self.stopped}"] if self.stopped else []),
            *([] if self.disagreement is None else [self._unsure()]),
        ]

    def _unsure(self) -> str:
        told = f", {self.alarms} frames beyond the alarm" if self.alarms else ""
        return f"disagreement    {self.disagreement:.3g} eV/A about a force at most{told}"

    def text(self) -> str:
        """As JSON."""
        plain = {k: (None if isinstance(v, float) and not math.isfinite(v) else v) for k, v in vars(self).items()}
        return json.dumps({**plain, "by_element": dict(self.by_element)}, indent=1) + "\n"


def monitors(
    simulation: Simulation,
    state: State,
    system: int,
    *,
    times: Float[np.ndarray, " frames"],
    conserved: Float[np.ndarray, " frames"],
    kinetic: Float[np.ndarray, " frames"],
    momentum: Float[np.ndarray, " frames"],
    broken: tuple[str, ...] = (),
) -> Monitors:
    """Of one of the systems, from its series (times in fs, energies in eV) and where it is now."""
    from .dynamics import CAUSES

    numbers = np.asarray(simulation.x.atomic_numbers)[system]
    freedom, real = np.asarray(simulation.freedom)[system], numbers > 0
    steps = max(int(np.asarray(state.step)[system]), 1)
    by_element = temperatures(numbers[real], np.asarray(state.kinetic)[system][real] / steps, freedom[real])
    slope, error = drift_of(times, conserved)
    temperature = estimate(2 * kinetic[None] / (BOLTZMANN * freedom.sum()))
    mean = 2 * float(np.asarray(state.kinetic)[system].sum()) / steps / (BOLTZMANN * freedom.sum())
    apart = max((abs(t / mean - 1) for t in by_element.values()), default=0.0) if mean > 0 else 0.0
    unit = 1e6 / real.sum()
    return Monitors(
        float(times[-1]), unit * slope, unit * error, mean, temperature.error, by_element, apart,
        float(momentum.max()), float(np.asarray(state.largest)[system]), CAUSES[int(np.asarray(state.cause)[system])],
        broken,
    )  # fmt: skip


class Doubtful(Protocol):
    """A surface that says of each force how far it can be trusted."""

    def disagreement(self, x: Atoms) -> Float[Array, " n"]:
        """Standard deviation of each force [eV/A]."""
        ...


@eqx.filter_jit
def disagreement(
    surface: Doubtful,
    x: Atoms,
    positions: Float[AnyArray, "frames n 3"],
    cells: Float[AnyArray, "frames 3 3"],
    lists: CellList | None,
) -> Float[Array, " frames"]:
    """The largest of every frame [eV/A]; lists: None where all pairs are looked at."""
    kind = precision_of(surface)  # type: ignore[arg-type]

    def one(frame: tuple[Array, Array]) -> Float[Array, ""]:
        here = x.replace(positions=frame[0], cell=frame[1])
        ready, _ = follow(here, lists, None if lists is None else look(here, lists))
        shown = ready.replace(positions=ready.positions.astype(kind), cell=ready.cell.astype(kind))
        return jnp.max(surface.disagreement(shown))

    return jax.lax.map(one, (jnp.asarray(positions), jnp.asarray(cells)))


def temperatures(
    numbers: Int[np.ndarray, " n"], kinetic: Float[np.ndarray, " n"], freedom: Float[np.ndarray, " n"]
) -> dict[str, float]:
    """Kinetic temperature [K] of each element, from mean kinetic energies [eV] and free velocities of atoms."""
    kinds = np.unique(numbers)
    return {
        symbols([z])[0]: float(2 * kinetic[numbers == z].sum() / (BOLTZMANN * max(freedom[numbers == z].sum(), 1e-9)))
        for z in kinds
    }


def drift_of(t: Float[np.ndarray, " frames"], y: Float[np.ndarray, " frames"]) -> tuple[float, float]:
    """Least squares, with the standard error from slopes of four parts."""
    if len(t) < 8:
        return float((y[-1] - y[0]) / max(t[-1] - t[0], 1e-9)), math.inf
    # means of parts: fast oscillations of the conserved energy are no drift
    parts = [(u.mean(), v.mean()) for u, v in zip(np.array_split(t, 8), np.array_split(y, 8))]
    x, z = np.array(parts).T
    (slope, _), covariance = np.polyfit(x, z, 1, cov=True)
    return float(slope), float(np.sqrt(covariance[0, 0]))
