"""What methods that build on the solver of a task share: they begin as the solver, and are trained through it."""

from __future__ import annotations

import abc
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, Evolution, Method, Samples, Session
from erlangen.learn.supervised import Training
from erlangen.learn.unrolling import Unrolling, fit_unrolled


class SolverInTheLoop(Method):
    """A method whose answer is trained on several outputs in a row: Um et al. 2020, arXiv:2007.00016."""

    # settings that every subclass declares, so that its file shows their defaults
    unrolled: int
    rate: float
    batch: int

    @property
    def continues(self) -> bool:
        return True

    @abc.abstractmethod
    def build(self, task: Any, samples: Samples, *, key: PRNGKeyArray) -> Any:
        """The untrained answer: the solver itself. `samples`: trajectories."""

    def fit(self, task: Evolution, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Any:
        start, order = jax.random.split(key)
        return fit_unrolled(
            self.build(task, task.trajectories("train"), key=start),
            task,
            Unrolling(self.unrolled),
            training=Training(rate=self.rate, batch=self.batch),
            budget=budget,
            key=order,
            session=session,
        )
