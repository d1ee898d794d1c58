"""Rules for answers that give energies and forces of atoms. Each function takes a `Case`."""

from __future__ import annotations

import numpy as np

from ..contract import Supervised
from ..core.errors import Invalid
from ..core.groups import LatticeBasis
from ..core.systems import Atoms, System
from ..numerics.precision import double
from .cases import Case, concerns, demand
from .task_checks import has_solver

GRADIENT = 1e-4  # of the largest force
EXTENSIVITY = 1e-4  # of the spread of the energy labels
JUMP = 2e-3  # of the range of the energy along the path
FORCE_JUMP = 1e-6  # eV/A
BESIDE = 1e-10  # Angstrom to either side of the cutoff
APART = 64.0  # Angstrom; a power of two, so that moving a copy there rounds nothing
STEPS = 256
REACH = 8.0  # Angstrom
SMALL = 0.01  # Angstrom, of the differences
STRAIN = 1e-3
SLOPE = 1e-5  # of the largest component of the virial
DIRECTIONS = 3


def has_energy(case: Case, *others: str) -> bool:
    """Whether the task asks for the energy (and `others`) of atoms."""
    names = {q.name for q in case.task.outputs}
    return case.task.container is Atoms and {"energy", *others} <= names


def _has_forces(case: Case) -> bool:
    return has_energy(case, "forces")


def _is_isolated(case: Case) -> bool:
    return not any(isinstance(group, LatticeBasis) for group in case.task.symmetry)


def _is_extensive(case: Case) -> bool:
    whole = has_energy(case) and next(q for q in case.task.outputs if q.name == "energy").extensive
    return whole and _is_isolated(case)


@concerns(_has_forces)
def check_forces_are_the_gradient(case: Case) -> None:
    """F = -dE/dr along random directions of all atoms, by differences of fourth order of the energy in float64.

    dE/ds = [E(-2h) - 8 E(-h) + 8 E(h) - E(2h)] / 12 h,   error h^4 E^(5) / 30
    """
    inputs = [_snapped(x) for x in case.samples.inputs[:2]]
    rng, moved, ways = np.random.default_rng(5), [], []
    for x in inputs:
        for _ in range(DIRECTIONS):
            way = rng.normal(size=np.shape(x["positions"]))
            ways.append(way / np.linalg.norm(way))
            moved += [x.replace(positions=x["positions"] + k * SMALL * ways[-1]) for k in (-2, -1, 1, 2)]
    answers, plain = case.asked_in_double(moved), case.asked_in_double(inputs)
    energies = np.array([a["energy"] for a in answers], np.float64).reshape(-1, 4)
    slopes = energies @ [1, -8, 8, -1] / (12 * SMALL)
    noise = 2 * np.finfo(answers[0]["energy"].dtype).eps * np.max(np.abs(energies)) / SMALL
    for i, (way, slope) in enumerate(zip(ways, slopes)):
        forces = plain[i // DIRECTIONS]["forces"]
        gap, size = abs(float(np.sum(forces * way)) + slope), float(np.max(np.abs(forces)))
        rule = f"forces of {case} must be minus the gradient of its energy"
        demand(
            gap <= GRADIENT * size + noise, rule, f"a difference of {gap / max(size, 1e-30):.1e} of the largest force"
        )


def _has_stress(case: Case) -> bool:
    return has_energy(case, "stress")


@concerns(_has_stress)
def check_stress_is_the_derivative(case: Case) -> None:
    """sigma = (1/V) dE/d epsilon along random symmetric strains, by the same differences, and sigma = sigma^T.

    An energy that no strain changes (of the composition alone) is passed over: its stress is no derivative but a guess.
    """
    inputs = [_snapped(x) for x in case.samples.inputs[:2]]
    rng, moved, ways = np.random.default_rng(6), [], []
    for x in inputs:
        for _ in range(DIRECTIONS):
            way = rng.normal(size=(3, 3))
            ways.append((way + way.T) / np.linalg.norm(way + way.T))
            for k in (-2, -1, 1, 2):
                deform = np.eye(3) + k * STRAIN * ways[-1]
                moved.append(x.replace(positions=x["positions"] @ deform, cell=np.asarray(x["cell"]) @ deform))
    answers, plain = case.asked_in_double(moved), case.asked_in_double(inputs)
    energies = np.array([a["energy"] for a in answers], np.float64).reshape(-1, 4)
    slopes = energies @ [1, -8, 8, -1] / (12 * STRAIN)
    noise = 2 * np.finfo(answers[0]["energy"].dtype).eps * np.max(np.abs(energies)) / STRAIN
    for i, (way, slope) in enumerate(zip(ways, slopes)):
        stress = np.asarray(plain[i // DIRECTIONS]["stress"], np.float64)
        virial = stress * abs(np.linalg.det(inputs[i // DIRECTIONS]["cell"]))
        gap, size = abs(float(np.sum(virial * way)) - slope), float(np.max(np.abs(virial)))
        rule = f"the stress of {case} must be the derivative of its energy by strain"
        found = f"a difference of {gap / max(size, 1e-30):.1e} of the largest component"
        demand(gap <= SLOPE * size + noise or np.all(np.abs(slopes) <= noise), rule, found)
        skew = float(np.max(np.abs(stress - stress.T)))
        demand(skew <= 1e-6 * float(np.max(np.abs(stress))), f"the stress of {case} must be symmetric", f"{skew:.1e}")


@concerns(_is_extensive)
def check_extensive(case: Case) -> None:
    """Two copies far apart have twice the energy; methods that refuse them (`Invalid`) are passed over."""
    x = _snapped(case.samples.inputs[0])
    if np.any(x["pbc"]):
        return
    positions, numbers = np.asarray(x["positions"]), np.asarray(x["atomic_numbers"])
    moved = positions + np.asarray([APART, 0, 0])
    pair = Atoms(np.concatenate([positions, moved]), np.concatenate([numbers, numbers]))
    try:
        two, one = (float(a["energy"]) for a in case.asked([pair, Atoms(positions, numbers)]))
        if np.isnan(two):  # compiled code cannot raise: NaN is how it refuses, and the plain call says why
            with double():
                case.answer(pair)
    except Invalid:
        return
    gap, allowed = abs(two - 2 * one), EXTENSIVITY * case.scales["energy"] + 1e-6 * abs(one)
    demand(gap <= allowed, f"two copies far apart must have twice the energy ({case})", f"{gap:.2g} more or less")


def _can_leave(case: Case) -> bool:
    return _has_forces(case) and _is_isolated(case)


@concerns(_can_leave)
def check_smooth(case: Case) -> None:
    """No jump of the energy while one atom leaves the molecule, through the cutoff of every other atom.

    The work done by the forces along the path accounts for every change of the energy:
    |E(s + h) - E(s) + h (F(s) + F(s + h)).d / 2| = O(h^3) where E is smooth, the height of the jump where it is not.
    """
    x = _snapped(case.samples.inputs[0])
    if np.any(x["pbc"]):
        return
    positions, leaver, away = _leaving(x)
    steps = np.linspace(0, REACH, STEPS + 1)
    paths = np.repeat(positions[None], STEPS + 1, 0)
    paths[:, leaver] += steps[:, None] * away
    answers = case.asked_in_double([x.replace(positions=r) for r in paths])
    energies = np.array([a["energy"] for a in answers], np.float64)
    along = np.array([a["forces"][leaver] for a in answers], np.float64) @ away
    residual = np.diff(energies) + REACH / STEPS * (along[1:] + along[:-1]) / 2
    allowed = JUMP * float(np.ptp(energies)) + 1e-6 * float(np.max(np.abs(energies)))
    worst = int(np.argmax(np.abs(residual)))
    demand(
        abs(residual[worst]) <= allowed,
        f"the energy of {case} must be smooth while an atom leaves",
        f"a jump of {abs(residual[worst]):.2g} when it is {steps[worst]:.2f} A further out",
    )


@concerns(_can_leave)
def check_force_jump(case: Case) -> None:
    """No force jumps by more than 1e-6 eV/A when an atom crosses the cutoff of another: both sides in float64.

    The outermost atom moves out and passes every other atom's cutoff in turn. A potential whose forces jump there heats
    or cools molecular dynamics without notice. Answers without a cutoff are passed over.
    """
    cutoff, x = getattr(case.answer, "cutoff", None), case.samples.inputs[0]
    if cutoff is None or np.any(x["pbc"]):
        return
    positions, leaver, away = _leaving(x)
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
    answers = case.asked_in_double([x.replace(positions=r) for r in paths.reshape(-1, *positions.shape)])
    forces = np.stack([a["forces"] for a in answers]).reshape(paths.shape)
    jump = float(np.max(np.abs(forces[:, 1] - forces[:, 0])))
    rule = f"forces of {case} must not jump when an atom crosses the cutoff"
    demand(jump <= FORCE_JUMP, rule, f"a jump of {jump:.1e} eV/A at {cutoff:g} A")


@concerns(_can_leave)
def check_smooth_everywhere(case: Case) -> None:
    """Energies along a path, then forces beside every cutoff that it crosses."""
    check_smooth(case)
    check_force_jump(case)


def _leaving(x: System) -> tuple[np.ndarray, int, np.ndarray]:
    """Positions, the outermost atom, and the direction from the centre to it."""
    positions = np.asarray(x["positions"], np.float64)
    outward = positions - positions.mean(0)
    leaver = int(np.argmax(np.linalg.norm(outward, axis=1)))
    return positions, leaver, outward[leaver] / max(float(np.linalg.norm(outward[leaver])), 1e-6)


def _solves_forces(task: Supervised) -> bool:
    return task.container is Atoms and {"energy", "forces"} <= {q.name for q in task.outputs} and has_solver(task)


@concerns(_solves_forces)
def check_solver_forces(task: Supervised) -> None:
    """The solver's forces are minus the central difference of its energy (1e-3 of the largest force)."""
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


def _snapped(x: System) -> System:
    """Positions on multiples of 2^-12 A, so that float32 holds them and their sums exactly."""
    return x.replace(positions=np.round(np.asarray(x["positions"], np.float64) * 4096) / 4096)
