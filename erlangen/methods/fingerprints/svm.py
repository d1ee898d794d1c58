"""Support vector regression on the ECFP4 fingerprint: what is hard to beat on measured activities.

    f(x) = b + sum_m beta_m exp(-gamma |x - x_m|^2),       x in {0, 1}^1024

C and gamma by five-fold cross-validation on the training molecules, epsilon = 0.1: the protocol under which it came out
first of 24 methods on activity cliffs, van Tilborg, Alenicheva, Grisoni 2022, doi:10.1021/acs.jcim.2c01073 (there by
Bayesian optimisation, whose choices lie on this grid). ECFP: Rogers and Hahn 2010, doi:10.1021/ci100050t.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import PRNGKeyArray

from ...contract import Budget, Method, Outputs, Predictor, Session, Signature, Supervised
from ...core.errors import within
from ...core.groups import Group, Permutations
from ...core.systems import Compound
from ...learn.support_vectors import SupportVectors, cross_validate, fit_support_vectors
from ._training import one_scalar, seed_of, stacked, training_data


class FingerprintMachine(Predictor):
    """One support vector machine on one fingerprint."""

    machine: SupportVectors
    fingerprint: str = eqx.field(static=True)
    output: str = eqx.field(static=True)

    def __call__(self, x: Compound) -> Outputs:
        return {self.output: self.machine(x[self.fingerprint])}


@dataclasses.dataclass(frozen=True)
class SVM(Method):
    """Support vector regression on a binary fingerprint."""

    fingerprint: str = "ecfp4"  # name of the fingerprint
    costs: tuple[float, ...] = (1.0, 10.0, 100.0)  # C: what a molecule outside of the tube costs
    gammas: tuple[float, ...] = (0.001, 0.01, 0.1)  # inverse width of the kernel; finer: 0.003,0.01,0.03
    epsilon: float = 0.1  # half the width of the tube, in the unit of the labels
    folds: int = 5  # of the cross-validation

    accepts: ClassVar[Signature] = Signature(Supervised, Compound)

    def __post_init__(self):
        within(self, epsilon=(-1e-12, np.inf), folds=(2, 100))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Permutations,)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Cross-validation, then all training and validation molecules: seconds to a minute, whatever the budget."""
        output = one_scalar(self, task)
        data = training_data(task)
        x, y = stacked(data.inputs, self.fingerprint), np.asarray(data.outputs[output], float)

        def tell(done: int, total: int, error: float) -> None:
            session.progress(done, total, {"validation": error})

        options = {"epsilon": self.epsilon, "folds": min(self.folds, len(y)), "seed": seed_of(key), "progress": tell}
        cost, gamma = cross_validate(x, y, self.costs, self.gammas, **options)
        session.say(f"cross-validation chose C = {cost:g}, gamma = {gamma:g}")
        machine = fit_support_vectors(x, y, cost, gamma, self.epsilon)
        return FingerprintMachine(machine, self.fingerprint, output)
