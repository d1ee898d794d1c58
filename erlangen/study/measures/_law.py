"""What all questions about a Hamiltonian are measured by: what is known, the certificate, solvers and their cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from ...assess import cost, symmetry
from ...assess.rows import Estimate, ShiftRow, SymmetryRow
from ...contract import Method, Outputs, QuantumState, Samples, Variational
from ...core.systems import SpinLattice, System
from ...learn.variational import Problem
from ...numerics.precision import double
from ..finished import Finished

AUDITED = 16  # configurations
NEAR_ZERO = 1e-3  # of the distance from infinite temperature: energies below it are no measure of an error

Reference = Mapping[str, Any]
"""What `Variational.reference` knows."""


def known(fit: Finished) -> Reference | None:
    """What is known exactly; what of it is plain goes into the record."""
    reference = fit.task.reference()
    plain = (str, float, int, list, type(None))
    fit.record.data["reference"] = reference and {k: v for k, v in reference.items() if isinstance(v, plain)}
    return reference


def error_measure(exact: float, constant: float) -> tuple[float, str, str]:
    """(what errors of the energy `exact` are divided by, their unit, their kind); constant: of the unit string.

    Relative, but absolute where the ground energy is zero or nearly cancels with the constant of the law.
    """
    if abs(exact) > NEAR_ZERO * abs(exact - constant):
        return abs(exact), "1", "relative"
    return 1.0, "J", "absolute"


def conclude(
    fit: Finished,
    scores: list[Estimate],
    certificate: list[SymmetryRow],
    judge: Callable[[Outputs], dict[str, float]],
    *,
    state: PyTree,
    query_seconds: float,
    inputs: Sequence[System | None] = (None,),
) -> None:
    """Scores, certificate, the reference solvers as `judge` finds their answers, and the cost, into the record."""
    record = fit.record
    record.scores, record.symmetry = scores, certificate
    symmetry.tell(certificate, fit.say)
    with fit.judging.part("reference solvers"):
        record.solvers = cost.solvers_of_laws(fit.task.solvers, judge, inputs, say=fit.say)
    record.cost = cost.cost(
        scores,
        record.solvers,
        parameters=cost.count_parameters(state),
        fit_seconds=fit.seconds,
        truth_seconds=0.0,
        query_seconds=query_seconds,
    )


def shift_rows(
    task: Variational,
    own: Estimate,
    judged: Callable[[Variational, PRNGKeyArray], Estimate | None],
    *,
    key: PRNGKeyArray,
) -> list[ShiftRow]:
    """The first score where the question is moved along its axes, beside `own`; judged: None where none is known."""
    rows = []
    for axis in task.shifts:
        for i, value in enumerate(axis.values):
            found = judged(task.shifted(axis.axis, value), jax.random.fold_in(key, i))
            if found is not None:
                ratio = found.value / own.value if own.name == found.name and own.value else math.nan
                rows.append(ShiftRow(axis.axis, value, axis.unit, [found], ratio))
    return rows


def certificate(
    task: Variational, method: Method, fitted: QuantumState, problem: Problem, *, key: PRNGKeyArray
) -> list[SymmetryRow]:
    """The state under every group of the task, and the law itself."""
    with double():
        inputs, ask = drawn(problem, key), eqx.filter_jit(fitted)
        samples = Samples(inputs, {"log_psi": [np.asarray(ask(x)["log_psi"]) for x in inputs]})
        rows = symmetry.audit_method(fitted, method, task, samples, key=key)
    return rows + audit_law(task, problem, key=key)


def audit_law(task: Variational, problem: Problem, *, key: PRNGKeyArray) -> list[SymmetryRow]:
    """H phi must be invariant where phi is: phi(s) = exp(H_ss / |H_ss|_max) is as symmetric as the diagonal of H.

    If H commutes with g, so is (H phi)(s) / phi(s).
    """
    with double():
        inputs = drawn(problem, key)
        spins = np.stack([x.spins for x in inputs])
        diagonal = lambda s: task.law.connected(s)[1][0]  # noqa: E731
        scale = 1 / max(float(jnp.max(jnp.abs(jax.vmap(diagonal)(spins)))), 1.0)
        local = jax.jit(lambda s: problem.local_energies(lambda t: scale * diagonal(t), s[None])[0])
        name = task.outputs[0].name
        law = lambda x: {name: local(x.spins)}  # noqa: E731
        samples = Samples(inputs, {name: [np.asarray(local(s)) for s in spins]})
        declared = {group.name: True for group in task.symmetry}
        audited = symmetry.audit("solver", law, task, samples, declared, symmetry.SOLVER_TOLERANCE, key=key)
    for row in audited:
        row.output = "local energy"
    return audited


def drawn(problem: Problem, key: PRNGKeyArray) -> list[SpinLattice]:
    """Configurations to be audited on."""
    return [SpinLattice(row) for row in np.asarray(problem.draw(AUDITED, key), np.int8)]
