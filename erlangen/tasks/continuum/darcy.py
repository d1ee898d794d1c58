"""Darcy flow in a medium of two materials: given the permeability a(x, y), what is the pressure u(x, y)?

    -div(a grad u) = 1    on the unit square,    u = 0 on its walls

The twin of the set of Li et al. 2021, arXiv:2010.08895, made anew to their recipe: a is `high` where a Gaussian field
N(0, (-Lap + q^2)^-2) with zero slope at the walls is positive, else `low`; solved on 421 x 421 nodes by five-point
finite volumes with arithmetic face coefficients and seen at every fifth node. The nodes that are seen do not say where
between them a jumps: that, not the equation, limits the solver on the given grid ("equation known", below)
and every network. Published figures are for the original files: the same recipe, not the same numbers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import jax
import jax.numpy as jnp
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import (
    SPLITS,
    Outputs,
    ReferenceSolver,
    Samples,
    Score,
    Shift,
    Split,
    Supervised,
)
from erlangen.core.errors import Invalid, within
from erlangen.core.groups import Group, Square
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Field, System
from erlangen.data import cache
from erlangen.numerics.precision import double
from erlangen.numerics.sine_cosine import sines, weights
from erlangen.physics import elliptic
from erlangen.physics.random_fields import cosine_field

MODES = 256  # cosines per axis in the field behind a; higher ones move its jumps by less than a cell of 421 nodes
TOLERANCE, EXACT = 1e-5, 1e-12  # of the residual; the pressure is then exact to 1e-8, or to rounding


@dataclass(frozen=True)
class Darcy(Supervised):
    low: float = 3.0  # permeability of the one material
    high: float = 12.0  # and of the other
    wavenumber: float = 3.0  # q; the patches are of size 1 / q
    n: int = 85  # nodes seen along each axis, walls included
    fine: int = 421  # nodes of the truth
    count: int = 1000  # training samples; each held-out split has a tenth
    seed: int = 0

    container = Field
    inputs = (Quantity("a", "a", "L^2/T", "grid", label="permeability"),)
    outputs = (Quantity("u", "u", "1", "grid", label="pressure"),)
    budget = "30m"
    toy: ClassVar[Mapping[str, Any]] = {"n": 17, "fine": 17, "count": 40}

    def __post_init__(self):
        positive = (0, math.inf)
        within(self, low=positive, high=positive, wavenumber=positive)
        within(self, n=(5, 2049), fine=(5, 4097), count=(10, math.inf))
        if (self.fine - 1) % (self.n - 1):
            raise Invalid(
                must="the nodes that are seen are nodes of the truth: n - 1 divides fine - 1",
                came=f"n = {self.n}, fine = {self.fine}",
                do=f"Take fine = {1 + (self.n - 1) * max(1, round((self.fine - 1) / (self.n - 1)))}.",
            )

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Square(),)

    @property
    def scores(self) -> tuple[Score, ...]:
        return (Score("relative_l2", "u", relative_l2, "%", "relative L2", factor=100),)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        cells, stride = self.n - 1, self.stride
        finer = [cells * stride // s + 1 for s in range(stride - 1, 0, -1) if cells * stride % s == 0][:1]
        coarser = [cells // 2 + 1] if cells % 2 == 0 else []
        return (
            Shift("high", (2 * self.high,), "higher contrast", "L^2/T"),
            Shift("wavenumber", (2 * self.wavenumber,), "smaller patches", "1/L"),
            Shift("n", (*coarser, *finer), "other grid", "nodes"),
        )

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        cells = self.n - 1
        coarser = [c for c in range(3, cells) if cells % c == 0 and c >= cells // 7]
        nodes = tuple(c + 1 for c in (*coarser, cells, 2 * cells))
        return tuple(
            ReferenceSolver(
                f"five-point solver, {faces} faces", "n", nodes, functools.partial(self.solve_on, faces=faces)
            )
            for faces in get_args(elliptic.Faces)
        )

    @property
    def stride(self) -> int:
        """Nodes of the truth from one node that is seen to the next."""
        return (self.fine - 1) // (self.n - 1)

    def truth(self, split: Split) -> Samples:
        return cache.remembered(cache.key_of(self, split), lambda: _samples(self, split, self.fine, None))

    def solve(self, x: System) -> Outputs | None:
        """The solver of the truth, where all its nodes are seen; from fewer nodes the truth is not determined."""
        if self.stride > 1:
            return None
        with double():
            return {"u": _solve(jnp.asarray(x["a"], jnp.float64), self.n, "arithmetic", EXACT)}

    def solve_on(self, x: System, n: int, dtype: Any = jnp.float32, faces: elliptic.Faces = "arithmetic") -> Outputs:
        """The same equation from what is seen: on n nodes, a at them or between them, the answer as a sine series.

        Harmonic faces are the better scheme where a jumps, although the truth takes arithmetic ones: it is converged.
        """
        with double():
            return {"u": _solve(jnp.asarray(x["a"], dtype), n, faces, TOLERANCE)}

    def label_seconds(self) -> float:
        return cache.cost_of(cache.key_of(self, "train")) or 0.0

    def floor(self, count: int) -> Mapping[str, float]:
        """Labels against labels from a grid twice as fine, of the first test media."""
        coarse, fine = (_samples(self, "test", n, min(count, 8)).outputs["u"] for n in (self.fine, 2 * self.fine - 1))
        return {"relative_l2": 100 * float(np.mean([relative_l2(a, b) for a, b in zip(coarse, fine)]))}


def _samples(task: Darcy, split: Split, fine: int, count: int | None) -> Samples:
    """Media and their pressure, solved on `fine` nodes."""
    count = count or (task.count if split == "train" else task.count // 10)
    stride, modes = (fine - 1) // (task.n - 1), min(MODES, task.fine)
    with double():

        @jax.jit
        def solve(key: Any) -> tuple[Any, Any]:
            field = cosine_field(
                (fine, fine), modes=modes, wavenumber=task.wavenumber, power=2.0, dtype=jnp.float64, key=key
            )
            a = jnp.where(field >= 0, task.high, task.low)
            u = elliptic.darcy(a, 1.0, tolerance=TOLERANCE)
            return a[::stride, ::stride], u[::stride, ::stride]

        keys = jax.random.split(jax.random.fold_in(jax.random.key(task.seed), SPLITS.index(split)), count)
        pairs = [jax.device_get(solve(key)) for key in keys]
    inputs = [Field({"a": a}, (1 / (task.n - 1),) * 2, "walls") for a, _ in pairs]
    return Samples(inputs, {"u": [u for _, u in pairs]}, np.arange(count))


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _solve(a: Any, n: int, faces: elliptic.Faces, tolerance: float) -> Any:
    """The pressure on the nodes of a, found on n nodes."""
    seen = len(a)
    between = np.array([np.interp(np.linspace(0, 1, n), np.linspace(0, 1, seen), row) for row in np.eye(seen)]).T
    there = jnp.asarray(between, a.dtype)
    u = elliptic.darcy(there @ a @ there.T, 1.0, faces=faces, tolerance=tolerance)
    if n == seen:
        return u
    modes = min(n, seen) - 2
    back = jnp.asarray(sines(seen, modes) @ (sines(n, modes) * weights(n)[:, None]).T, a.dtype)
    return back @ u @ back.T
