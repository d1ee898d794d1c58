"""Conformal intervals that hold `level` of new samples, whatever the method, calibrated on task.truth("calibration").

Outputs on atoms, systems and sites: one interval per component, score |y - f(x)| / sigma(x), the N_i components of
a sample pooled with weight 1/((n + 1) N_i) (Lee, Barber, Willett 2023, arXiv:2306.06342); one quantile per element.
Outputs on a grid: a band that holds the whole field at once, score max_x |y(x) - f(x)| / sigma(x) (Diquigiovanni,
Fontana, Vantini 2022, arXiv:2102.06746), sigma(x) from validation residuals, averaged over the shifts of the task.
sigma is the inner `Spread` where there is one. The promise is for samples exchangeable with the calibration set:
frames of one trajectory keep it only in part, shifted questions not at all (the record shows both).

Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World (2005), doi:10.1007/b106715.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from jaxtyping import PRNGKeyArray

from erlangen.assess.conformal import calibrate
from erlangen.contract import Budget, Interval, Session, Wrapper
from erlangen.core.errors import Invalid

from ._on_features import AFTER_FIT


@dataclasses.dataclass(frozen=True)
class Conformal(Wrapper):
    """Intervals around the answers of the method inside."""

    level: float = 0.9

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Interval:
        """Fit the method inside with all steps, or nearly all of the time, then calibrate (prediction only)."""
        if not 0 < self.level < 1:
            raise Invalid(must="a level lies between 0 and 1", came=str(self.level), do="Give --conformal-level 0.9.")
        inner = self.method.fit(task, budget.for_fit(AFTER_FIT), key=key, session=session)
        samples = task.truth("calibration")
        needed = math.ceil(self.level / (1 - self.level) - 1e-9)
        if len(samples) < needed:
            raise Invalid(
                must=f"intervals at {self.level:g} need at least {needed} calibration samples",
                came=str(len(samples)),
                do="Give more data, or a lower level.",
            )
        with session.during("calibrating intervals"):
            return calibrate(inner, task, samples, self.level)
