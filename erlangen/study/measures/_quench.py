"""Fill a record from a state that was moved in time: infidelity, observables, energy drift, symmetry, solvers.

    infidelity = 1 - |<psi_exact(t)|psi_theta(t)>|^2         at the last time, both states normalised

Up to 20 sites everything is summed over all states, without error bars; beyond, observables and energies are fresh
Metropolis estimates, at every fifth time. The bound of the infidelity by the residual of the velocity is the
integrator's own.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from ...assess.rows import Estimate
from ...contract import Outputs, Quench, StatePath, Variational
from ...learn import variational
from ...learn.variational import Problem
from ...numerics.precision import double
from ...physics import exact_evolution
from ...physics.spins import Hamiltonian
from ..finished import Finished
from ._law import certificate, conclude, known

SAMPLES, CHAINS = 4096, 256  # per time and observable, beyond 20 sites; a sweep apart
STRIDE = 5  # of the times looked at, beyond 20 sites

Series = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Name -> (values, standard errors) at the times looked at."""


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots."""
    task: Variational[Quench] = fit.task
    fitted: StatePath = fit.answer
    first, second = jax.random.split(fit.key)
    begun = time.perf_counter()
    reference = known(fit)
    problem = variational.spin_problem(task.law)
    looked = slice(None, None, 1 if problem.size <= exact_evolution.MAX_SITES else STRIDE)
    infidelities = None
    if problem.size <= exact_evolution.MAX_SITES:
        path = _summed(fitted, task)
        series = {name: (path.expectation(law), np.zeros(len(task.asked.times))) for name, law in _laws(task).items()}
        infidelities = _infidelities(path, reference["state"]) if reference else None
    else:
        series = _sampled(fitted, task, problem, key=first)
    exact = {k: np.asarray(v)[looked] for k, v in reference["observables"].items()} if reference else {}
    # another quench needs another evolution, so every query costs one
    seconds = fit.seconds + time.perf_counter() - begun
    audited = certificate(task, fit.method, fitted, problem, key=second)

    def judge(answer: Outputs) -> dict[str, float]:
        scores = {"infidelity": float(answer["infidelity"])} if "infidelity" in answer else {}
        for name, values in reference["observables"].items() if reference else ():
            scores[f"{name}_error"] = _root_mean_square(np.asarray(answer[name]) - values)
        return scores

    scores = _scores(task, fitted, series, infidelities, exact)
    conclude(fit, scores, audited, judge, state=fitted.at(-1), query_seconds=seconds)
    arrays = {"times": np.asarray(task.asked.times)[looked], "path/bound": _bounds(fitted)[looked]}
    for name, (values, errors) in series.items():
        arrays[f"path/{name}/predicted"], arrays[f"path/{name}/error"] = values, errors
        if name in exact:
            arrays[f"path/{name}/true"] = exact[name]
    if infidelities is not None:
        arrays["path/infidelity"] = infidelities
    _panels(fit, arrays)
    return {}


def _laws(task: Variational[Quench]) -> dict[str, Hamiltonian]:
    return {**task.asked.observables, "energy": task.law}


def _summed(fitted: StatePath, task: Variational[Quench]) -> exact_evolution.Evolution:
    """The fitted states as unit vectors over all states that their own symmetry leaves different."""
    basis = variational.basis_of(task.law, fitted.invariance)
    with double():
        configurations = jnp.asarray(basis.configurations())
        amplitudes = jax.jit(lambda psi: jax.lax.map(psi.log_psi, configurations, batch_size=256))
        logs = np.stack([np.asarray(amplitudes(fitted.at(i))) for i in range(len(task.asked.times))])
    vectors = np.exp(logs - np.real(logs).max(1, keepdims=True)) * np.sqrt(basis.multiplicities())
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    return exact_evolution.Evolution(np.asarray(task.asked.times), vectors, basis, 0.0)


def _infidelities(path: exact_evolution.Evolution, exact: exact_evolution.Evolution) -> np.ndarray:
    """[times] of 1 - |<exact|path>|^2."""
    true = exact.amplitudes(path.basis.configurations()) * np.sqrt(path.basis.multiplicities())
    return np.maximum(1 - np.abs(np.sum(true.conj() * path.vectors, axis=1)) ** 2, 0.0)


def _sampled(fitted: StatePath, task: Variational[Quench], problem: Problem, *, key: PRNGKeyArray) -> Series:
    found = {}
    for j, (name, law) in enumerate(_laws(task).items()):
        # walkers move as under the law of the motion; only what is averaged differs
        seen = dataclasses.replace(problem, local_energies=variational.spin_problem(law).local_energies)
        indices = range(0, len(task.asked.times), STRIDE)
        how = {"samples": SAMPLES, "chains": CHAINS, "sweeps": 1.0}
        states = {i: variational.wavefunction(fitted.at(i)) for i in indices}
        rows = [
            variational.evaluate(psi, seen, key=jax.random.fold_in(key, 1000 * j + i), **how)
            for i, psi in states.items()
        ]
        found[name] = np.array([row.energy for row in rows]), np.array([row.error for row in rows])
    return found


def _scores(
    task: Variational[Quench],
    fitted: StatePath,
    series: Series,
    infidelities: Float[np.ndarray, " times"] | None,
    known: Mapping[str, np.ndarray],
) -> list[Estimate]:
    by = "sum over all states" if infidelities is not None else f"{SAMPLES} fresh samples per time"
    last, scores = f"t = {task.asked.times[-1]:g}", []
    if infidelities is not None:
        scores.append(Estimate("infidelity", float(infidelities[-1]), 0.0, "1", f"infidelity at {last}", by))
    for name, exact in known.items():
        values, errors = series[name]
        size, error = _root_mean_square(values - exact), _root_mean_square(errors) / len(exact) ** 0.5
        scores.append(Estimate(f"{name}_error", size, error, "1", f"error of <{name}>, root mean square", by))
    energies, errors = series["energy"]
    sites = task.law.n_sites
    farthest = int(np.argmax(np.abs(energies - energies[0])))
    drift, error = float(abs(energies[farthest] - energies[0])), float(np.hypot(errors[farthest], errors[0]))
    scores.append(Estimate("energy_drift", drift / sites, error / sites, "J", "energy drift per site", by))
    bound = float(_bounds(fitted)[-1])
    label = f"bound of what the ansatz loses until {last}"
    return [*scores, Estimate("residual_bound", bound, 0.0, "1", label, "residual of the velocity")]


def _bounds(fitted: StatePath) -> Float[np.ndarray, " times"]:
    """sin^2 of the angles by which the exact state may have moved away."""
    return np.sin(np.minimum(np.asarray(fitted.angles), np.pi / 2)) ** 2


def _root_mean_square(values: Float[np.ndarray, " n"]) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _panels(fit: Finished, arrays: dict[str, np.ndarray]) -> None:
    """Every observable over time beside the exact one, and the distance from the exact state."""
    fit.sheet.arrays |= arrays
    time = ("time t", "1/J")
    for name in [key.split("/")[1] for key in arrays if key.endswith("/predicted")]:
        roles = {"x": "times", "y": f"path/{name}/predicted"}
        exact = {"x": "times", "y": f"path/{name}/true"} if f"path/{name}/true" in arrays else {"x": [], "y": []}
        own = roles | ({"error": f"path/{name}/error"} if np.any(arrays[f"path/{name}/error"]) else {})
        fit.sheet.add(
            "curve",
            f"path of {name}",
            f"⟨{name}⟩ after the quench",
            [time, (f"⟨{name}⟩", "J" if name == "energy" else "1")],
            ("exact", "truth", exact),
            ("variational", "answer", own),
            caption="Mean over sites or bonds, in Pauli matrices." if name != "energy" else "Of the whole system.",
        )
    measured, bound = arrays.get("path/infidelity", np.zeros(0)), arrays["path/bound"]
    fit.sheet.add(
        "curve",
        "infidelity",
        "Distance from the exact state",
        [time, ("1 - |<exact|psi>|^2", "1")],
        (
            "against exact evolution",
            "answer",
            {"x": arrays["times"][: len(measured)], "y": np.maximum(measured, 1e-16)},
        ),
        ("bound by the residual", "bound", {"x": arrays["times"][1:], "y": np.maximum(bound[1:], 1e-16)}),
        scales=["linear", "log"],
        caption="Above the bound: the error of the state at time 0 and of the integrator. "
        "Below it: what the ansatz cannot follow; known also where no exact evolution is.",
    )
