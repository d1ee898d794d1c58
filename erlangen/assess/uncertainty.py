"""Wrappers that make any method say how sure it is. Each is itself a `contract.Method`.

    Ensemble(method, n=5).fit(...)        -> Spread      mean and standard deviation of n independent fits
    Conformal(method, level=0.9).fit(...) -> Interval    intervals that hold `level` of new samples (`assess.conformal`)

They nest: Conformal(Ensemble(PaiNN(), 5)). How often intervals hold is measured by `assess.calibration.coverage`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from ..contract import Budget, Fitted, Interval, Outputs, Session, Spread, Wrapper
from ..core.errors import Invalid
from ..core.systems import System
from ..numerics.precision import double
from .conformal import calibrate, is_array


@dataclasses.dataclass(frozen=True)
class Ensemble(Wrapper):
    """n independent fits; each gets an n-th of the budget and a key and folder of its own.

    Lakshminarayanan, Pritzel, Blundell (2017), arXiv:1612.01474. Good values: n = 4-8. The spread ranks errors well in
    distribution; it is no interval (wrap it: `Conformal(Ensemble(method))`) and may fall while errors grow far away.
    """

    n: int = 5

    @classmethod
    def name(cls) -> str:
        return "ensemble"

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Spread:
        """Fit the members one after the other."""
        if self.n < 2:
            raise Invalid(must="an ensemble has at least 2 members", came=f"n = {self.n}", do="Give --ensemble-n 5.")
        part = budget.share(1 / self.n)
        members = []
        for i in range(self.n):
            session.say(f"member {i + 1} of {self.n}")
            inside = session.inside(f"member-{i}")
            members.append(self.method.fit(task, part, key=jax.random.fold_in(key, i), session=inside))
        return Members.of(members)


class Members(Spread):
    """The members of an ensemble; those of equal structure are stacked and run by one `vmap`."""

    members: Any
    stacked: bool = eqx.field(static=True)

    @classmethod
    def of(cls, members: Sequence[Fitted]) -> Members:
        """Stack members with arrays of equal shapes and equal other fields; keep others side by side."""
        arrays, rest = zip(*(eqx.partition(m, is_array) for m in members))
        alike = all(jax.tree.structure(a) == jax.tree.structure(arrays[0]) for a in arrays)
        alike = alike and all(bool(eqx.tree_equal(r, rest[0])) for r in rest)
        shapes = [[np.shape(leaf) for leaf in jax.tree.leaves(a)] for a in arrays]
        if not alike or any(s != shapes[0] for s in shapes):
            return cls(tuple(members), False)
        with double():  # stacking must not round what members keep in float64 (reference energies)
            stacked = jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *arrays)
        return cls(eqx.combine(stacked, rest[0]), True)

    def prepare(self, x: System) -> System:
        """As the members need it; they are fits of one method."""
        return (self.members if self.stacked else self.members[0]).prepare(x)

    def _answers(self, x: System) -> dict[str, Array]:
        if not self.stacked:
            answers = [m(x) for m in self.members]
            return {name: jnp.stack([jnp.asarray(a[name]) for a in answers]) for name in answers[0]}
        arrays, rest = eqx.partition(self.members, is_array)
        return dict(jax.vmap(lambda a: eqx.combine(a, rest)(x))(arrays))

    def __call__(self, x: System) -> Outputs:
        """Mean over the members."""
        return {name: jnp.mean(a, 0) for name, a in self._answers(x).items()}

    def spread(self, x: System) -> Outputs:
        """Standard deviation over the members (n - 1 in the denominator)."""
        return {name: jnp.std(a, 0, ddof=1) for name, a in self._answers(x).items()}


@dataclasses.dataclass(frozen=True)
class Conformal(Wrapper):
    """Intervals that hold `level` of new samples, whatever the method, calibrated on task.truth("calibration").

    Outputs on atoms, systems and sites: one interval per component, score |y - f(x)| / sigma(x), the N_i components of
    a sample pooled with weight 1/((n + 1) N_i) (Lee, Barber, Willett 2023, arXiv:2306.06342); one quantile per element.
    Outputs on a grid: a band that holds the whole field at once, score max_x |y(x) - f(x)| / sigma(x) (Diquigiovanni,
    Fontana, Vantini 2022, arXiv:2102.06746), sigma(x) from validation residuals, averaged over the shifts of the task.
    sigma is the inner `Spread` where there is one. The promise is for samples exchangeable with the calibration set:
    frames of one trajectory keep it only in part, shifted questions not at all (the record shows both).
    """

    level: float = 0.9

    @classmethod
    def name(cls) -> str:
        return "conformal"

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Interval:
        """Fit the method inside with the whole budget, then calibrate (prediction only)."""
        if not 0 < self.level < 1:
            raise Invalid(must="a level lies between 0 and 1", came=str(self.level), do="Give --conformal-level 0.9.")
        inner = self.method.fit(task, budget, key=key, session=session)
        samples = task.truth("calibration")
        needed = math.ceil(self.level / (1 - self.level) - 1e-9)
        if len(samples) < needed:
            raise Invalid(
                must=f"intervals at {self.level:g} need at least {needed} calibration samples",
                came=str(len(samples)),
                do="Give more data, or a lower level.",
            )
        return calibrate(inner, task, samples, self.level)
