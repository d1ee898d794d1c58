"""Rules for answers that give energies and forces of atoms. Each function takes a `Case`; others are passed over."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..assess.symmetry import in_double, label_scales
from ..contract import Supervised
from ..core.errors import Invalid
from ..core.systems import Atoms, System
from ..numerics.precision import double
from .cases import Case, demand

GRADIENT = 1e-4  # of the largest force
EXTENSIVITY = 1e-4  # of the spread of the energy labels
JUMP = 2e-3  # of the range of the energy along the path
FORCE_JUMP = 1e-6  # eV/A
BESIDE = 1e-10  # Angstrom to either side of the cutoff
APART = 64.0  # Angstrom; a power of two, so that moving a copy there rounds nothing
STEPS = 512
REACH = 8.0  # Angstrom


def check_forces_are_the_gradient(case: Case) -> None:
    """F = -dE/dr by automatic differentiation of the energy that is returned beside it."""
    if not has_energy(case, "forces"):
        return

    answer = case.answer  # fitted here, not while compiled code is traced

    @jax.jit
    def both(x: System) -> tuple[Any, Any]:
        gradient = jax.grad(lambda r: jnp.asarray(answer(x.replace(positions=r))["energy"]))
        return answer(x)["forces"], gradient(jnp.asarray(x["positions"]))

    with double():
        for x in map(_snapped, case.samples.inputs[:2]):
            forces, gradient = map(np.asarray, both(x))
            gap, size = float(np.max(np.abs(forces + gradient))), float(np.max(np.abs(forces)))
            rule = f"forces of {case} must be minus the gradient of its energy"
            demand(gap <= GRADIENT * size, rule, f"a difference of {gap / max(size, 1e-30):.1e} of the largest force")


def check_extensive(case: Case) -> None:
    """Two copies far apart have twice the energy; methods that refuse them (`Invalid`) are passed over."""
    if not has_energy(case) or not next(q for q in case.task.outputs if q.name == "energy").extensive:
        return
    x = _snapped(case.samples.inputs[0])
    if np.any(np.asarray(x["pbc"])):
        return
    with double():
        positions, numbers = np.asarray(x["positions"], np.float32), np.asarray(x["atomic_numbers"])
        moved = positions + np.asarray([APART, 0, 0], np.float32)
        pair = Atoms(np.concatenate([positions, moved]), np.concatenate([numbers, numbers]))
        run = eqx.filter_jit(case.answer)
        try:
            two = float(run(pair)["energy"])
            if np.isnan(two):  # compiled code cannot raise: NaN is how it refuses, and the plain call says why
                case.answer(pair)
        except Invalid:
            return
        one = float(run(Atoms(positions, numbers))["energy"])
        scale = label_scales(case.task, case.samples)["energy"]
        gap = abs(two - 2 * one)
        allowed = EXTENSIVITY * scale + 1e-6 * abs(one)
        demand(gap <= allowed, f"two copies far apart must have twice the energy ({case})", f"{gap:.2g} more or less")


def check_smooth(case: Case) -> None:
    """No jump of the energy while one atom leaves the molecule, through the cutoff of every other atom.

    The work done by the forces along the path accounts for every change of the energy:
    |E(s + h) - E(s) + h (F(s) + F(s + h)).d / 2| = O(h^3) where E is smooth, the height of the jump where it is not.
    """
    if not has_energy(case, "forces"):
        return
    x = _snapped(case.samples.inputs[0])
    with double():
        positions = np.asarray(x["positions"], np.float64)
        centre = positions.mean(0)
        leaver = int(np.argmax(np.linalg.norm(positions - centre, axis=1)))
        away = (positions[leaver] - centre) / max(float(np.linalg.norm(positions[leaver] - centre)), 1e-6)
        steps = np.linspace(0, REACH, STEPS + 1)
        paths = np.repeat(positions[None], STEPS + 1, 0)
        paths[:, leaver] += steps[:, None] * away
        run = eqx.filter_jit(jax.vmap(lambda r: case.answer(x.replace(positions=r))))
        answers = run(jnp.asarray(paths, jnp.float32))
        energies = np.asarray(answers["energy"], np.float64)
        along = np.asarray(answers["forces"], np.float64)[:, leaver] @ away
    residual = np.diff(energies) + REACH / STEPS * (along[1:] + along[:-1]) / 2
    allowed = JUMP * float(np.ptp(energies)) + 1e-6 * float(np.max(np.abs(energies)))
    worst = int(np.argmax(np.abs(residual)))
    demand(
        abs(residual[worst]) <= allowed,
        f"the energy of {case} must be smooth while an atom leaves",
        f"a jump of {abs(residual[worst]):.2g} when it is {steps[worst]:.2f} A further out",
    )


def check_force_jump(case: Case) -> None:
    """No force jumps by more than 1e-6 eV/A when an atom crosses the cutoff of another: both sides in float64.

    The outermost atom moves out and passes every other atom's cutoff in turn. A potential whose forces jump there heats
    or cools molecular dynamics without notice. Answers without a cutoff and periodic systems are passed over.
    """
    cutoff = getattr(case.answer, "cutoff", None)
    x = case.samples.inputs[0]
    if not has_energy(case, "forces") or cutoff is None or np.any(x["pbc"]):
        return
    with double():
        positions = np.asarray(x["positions"], np.float64)
        outward = positions - positions.mean(0)
        leaver = int(np.argmax(np.linalg.norm(outward, axis=1)))
        away = outward[leaver] / np.linalg.norm(outward[leaver])
        gaps = np.delete(positions[leaver] - positions, leaver, 0)
        # |gap + s away| = cutoff
        along = gaps @ away
        crossings = -along + np.sqrt(np.maximum(along**2 + cutoff**2 - np.sum(gaps**2, 1), 0.0))
        crossings = crossings[crossings > BESIDE]
        if not len(crossings):
            return
        steps = np.stack([crossings - BESIDE, crossings + BESIDE], 1)
        paths = np.broadcast_to(positions, (*steps.shape, *positions.shape)).copy()
        paths[:, :, leaver] += steps[..., None] * away
        answer = in_double(case.answer)
        run = eqx.filter_jit(jax.vmap(jax.vmap(lambda r: answer(in_double(x).replace(positions=r))["forces"])))
        forces = np.asarray(run(jnp.asarray(paths)))
    jump = float(np.max(np.abs(forces[:, 1] - forces[:, 0])))
    rule = f"forces of {case} must not jump when an atom crosses the cutoff"
    demand(jump <= FORCE_JUMP, rule, f"a jump of {jump:.1e} eV/A at {cutoff:g} A")


def check_solver_forces(task: Supervised) -> None:
    """The solver's forces are minus the central difference of its energy (1e-3 of the largest force)."""
    names = {q.name for q in task.outputs}
    if task.container is not Atoms or not {"energy", "forces"} <= names:
        return
    x, h = task.truth("test").inputs[0], 1e-3
    with double():
        answer = task.solve(x)
        if answer is None:
            return
        forces = np.asarray(answer["forces"])
        for atom, axis in ((0, 0), (len(forces) - 1, 2)):
            ends = []
            for sign in (1, -1):
                positions = np.array(x["positions"], np.float64)
                positions[atom, axis] += sign * h
                ends.append(float((task.solve(x.replace(positions=positions)) or {})["energy"]))
            gap = abs((ends[0] - ends[1]) / (2 * h) + forces[atom, axis]) / float(np.max(np.abs(forces)))
            rule = f"the solver's forces of {task.name()} must be minus the gradient of its energy"
            demand(gap <= 1e-3, rule, f"a difference of {gap:.1e} of the largest force")


def has_energy(case: Case, *others: str) -> bool:
    """Whether the task asks for the energy (and `others`) of atoms."""
    names = {q.name for q in case.task.outputs}
    return case.task.container is Atoms and {"energy", *others} <= names


def _snapped(x: System) -> System:
    """Positions on multiples of 2^-12 A, so that float32 holds them and their sums exactly."""
    return x.replace(positions=np.round(np.asarray(x["positions"], np.float64) * 4096) / 4096)
