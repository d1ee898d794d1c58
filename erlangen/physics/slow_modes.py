"""The slowest motions of a trajectory as collective variables that are learned: time-lagged independent components.

    C(tau) w = lambda C(0) w,      C(tau) = < x(t) x(t + tau)^T >,      time of decay  -tau / log lambda

x: features of a frame, less their mean. Among all linear combinations of features w . x is the one that forgets least
(Perez-Hernandez et al. 2013, doi:10.1063/1.4811489; Molgedey and Schuster 1994, doi:10.1103/PhysRevLett.72.3634);
forwards and backwards in time are averaged, so that equilibrium holds and lambda is real. Good values: tau a tenth of
the time that is looked for; features invariant: distances, sines and cosines of dihedrals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ..core.errors import Invalid


@dataclasses.dataclass(frozen=True)
class SlowModes:
    """Directions in feature space, the slowest first; times in units of frames."""

    mean: Float[np.ndarray, " features"]
    directions: Float[np.ndarray, "features modes"]
    eigenvalues: Float[np.ndarray, " modes"]
    lag: int

    @property
    def times(self) -> Float[np.ndarray, " modes"]:
        """In which they decay [frames]; infinite where nothing was forgotten, 0 where all was."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = -self.lag / np.log(np.clip(self.eigenvalues, 0, 1))
        return np.where(self.eigenvalues > 0, found, 0.0)

    def __call__(self, features: Float[np.ndarray, "... features"]) -> Float[np.ndarray, "... modes"]:
        """Their values, of variance 1 in equilibrium."""
        return (features - self.mean) @ self.directions


def slow_modes(
    trajectories: Sequence[Float[np.ndarray, "frames features"]], lag: int, *, rank: float = 1e-10
) -> SlowModes:
    """From features along trajectories, `lag` frames apart; directions with variance below `rank` of the largest are
    left out.
    """
    pairs = [(x[:-lag], x[lag:]) for x in map(np.asarray, trajectories) if len(x) > lag] if lag > 0 else []
    if not pairs:
        longest = max(map(len, trajectories), default=0)
        raise Invalid(
            must="a lag is shorter than a trajectory, and one frame at least",
            came=f"{lag} for {longest} frames",
            do="A tenth of the time that is looked for is a good value.",
        )
    before, after = (np.concatenate(part).astype(float) for part in zip(*pairs))
    mean = 0.5 * (before.mean(0) + after.mean(0))
    before, after = before - mean, after - mean
    count = 2 * len(before)
    still = (before.T @ before + after.T @ after) / count
    later = (before.T @ after + after.T @ before) / count
    variances, axes = np.linalg.eigh(still)
    kept = variances > rank * variances[-1]
    white = axes[:, kept] / np.sqrt(variances[kept])
    values, turned = np.linalg.eigh(white.T @ later @ white)
    return SlowModes(mean, (white @ turned)[:, ::-1], values[::-1], lag)
