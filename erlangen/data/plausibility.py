"""Whether the frames of a file can be what they are taken for: before a fit, not after a strange result.

check_apart(path, inputs)              no two atoms in one place
check_states(path, inputs, infos)      charge and spin that no method sees
check_totals(path, inputs, energies)   energies of whole frames, not per atom
check_work(path, inputs, labels)       a stress that belongs to the energies: sign and unit, between near frames
state_of(atomic_numbers, info)         charge and unpaired electrons, as a frame states them
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.errors import Invalid
from ..core.systems import Atoms
from ..numerics.neighbour_lists import neighbour_list

CLOSEST = 0.3  # A; the shortest bond there is, of H2, has 0.74 A and is never compressed to half
DENSE = 300  # atoms up to which all pairs are faster than a list
STATES = {
    "charge": ("charge", "total_charge", "net_charge", "molecular_charge"),
    "spin": ("spin", "total_spin", "multiplicity", "spin_multiplicity", "n_unpaired"),
}
PAIRS, ALIKE = 6, 0.95  # pairs of frames that say something of a stress, and how well they have to agree
USUAL = {"charge": (0,), "spin": (0, 1)}  # a singlet is spin 0 or multiplicity 1


def check_apart(path: str | os.PathLike[str], inputs: Sequence[Atoms]) -> None:
    """Raise `Invalid` for the first frame in which two atoms nearly coincide, or an atom and an image, even its own."""
    for number, x in enumerate(inputs, 1):
        found = _too_close(x)
        if found is not None:
            i, j, distance = found
            which = f"atoms {i + 1} and {j + 1}" if i != j else "every atom and its own image"
            raise Invalid(
                must=f"atoms are at least {CLOSEST} A apart",
                came=f"{path}, frame {number}: {which} at {distance:.3f} A",
                do="Remove the doubled atom or the frame; where positions are in another unit, say units=bohr or nm.",
            )


def _too_close(x: Atoms) -> tuple[int, int, float] | None:
    r, cell, pbc = np.asarray(x.positions, float), np.asarray(x.cell, float), np.asarray(x.pbc, bool)
    shortest = _shortest_vector(cell, pbc)
    if len(r) and shortest < CLOSEST:
        return 0, 0, shortest
    if len(r) > DENSE:
        pairs = neighbour_list(r, x.atomic_numbers, CLOSEST, cell=cell, pbc=pbc)
        if not pairs.mask.any():
            return None
        i, k = np.argwhere(pairs.mask)[0]
        j = int(pairs.reverse[i, k]) // pairs.width
        return int(i), j, float(np.linalg.norm(r[i] - r[j] - pairs.shifts[i, k] @ cell))
    apart = r[:, None] - r
    if pbc.any():
        # distances this short are those to the image that rounding finds, however skewed the cell
        inverse = np.linalg.pinv(np.where(pbc[:, None], cell, 0.0))
        apart = apart - np.round(apart @ inverse) @ np.where(pbc[:, None], cell, 0.0)
    distances = np.sqrt(np.sum(apart**2, -1)) + np.where(np.eye(len(r), dtype=bool), np.inf, 0.0)
    if not len(r) or distances.min() >= CLOSEST:
        return None
    i, j = np.unravel_index(np.argmin(distances), distances.shape)
    return int(i), int(j), float(distances[i, j])


def _shortest_vector(cell: np.ndarray, pbc: np.ndarray) -> float:
    """Length of the shortest lattice vector [A], where it can be below `CLOSEST`: every atom sees its image there."""
    from ase.geometry.minkowski_reduction import minkowski_reduce

    rows = cell[pbc]
    # a vector with a component along row a is at least as long as the distance of the planes that a leads across
    if not len(rows) or 1 / np.linalg.norm(np.linalg.pinv(rows), axis=0).max() >= CLOSEST:
        return np.inf
    reduced = np.asarray(minkowski_reduce(cell, pbc)[0])  # type: ignore[arg-type]
    return float(np.linalg.norm(reduced[pbc], axis=1).min())


def check_states(
    path: str | os.PathLike[str],
    inputs: Sequence[Atoms],
    infos: Sequence[Mapping[str, object]],
    outputs: Sequence[str] = (),
) -> None:
    """Charge and spin of a frame are no input of any method: refuse where they differ, warn where they are unusual.

    At equal composition two states have two energies at the same positions, which no function of positions can be.
    """
    states = [{} if not info else _state(info, outputs) for info in infos]
    if not any(states):
        return
    seen: dict[bytes, tuple[int, dict[str, float]]] = {}
    for number, (x, state) in enumerate(zip(inputs, states, strict=True), 1):
        first, other = seen.setdefault(np.sort(x.atomic_numbers).tobytes(), (number, state))
        if other != state:
            raise Invalid(
                must="frames of equal composition have equal charge and spin, which methods do not see",
                came=f"{path}: frame {first} has {_said(other)}, frame {number} {_said(state)}",
                do="Put each state into a file of its own and fit one answer to each.",
            )
    odd = sorted({_said(s) for s in states if any(value not in USUAL[name] for name, value in s.items())})
    if odd:
        warnings.warn(
            f"{path} has {'; '.join(odd[:3])}: methods see elements and positions only, so that an answer fitted to it "
            "holds for this state and no other",
            stacklevel=3,
        )


def _state(info: Mapping[str, object], outputs: Sequence[str]) -> dict[str, float]:
    told = {key: value for key, value in info.items() if key not in outputs}
    return {kind: found[1] for kind in STATES if (found := _stated(told, kind))[0]}


def _stated(info: Mapping[str, object], kind: str) -> tuple[str, float]:
    """The key under which a kind of state is stated and its value; ("", 0) where it is not."""
    lower = {key.lower(): value for key, value in info.items()}
    for key in STATES[kind]:
        value = lower.get(key)
        if isinstance(value, int | float | np.integer | np.floating):
            return key, float(value)
    return "", 0.0


def state_of(atomic_numbers: np.ndarray, info: Mapping[str, object]) -> tuple[int, int]:
    """Charge [e] and unpaired electrons that the values of a frame state; without a word neutral, as few as can be.

    A multiplicity m means m - 1 unpaired electrons. Under the name spin some write 2S + 1, some S and some 2S: what the
    parity of the number of electrons leaves has to be one of them.
    """
    charge, (name, value) = _stated(info, "charge"), _stated(info, "spin")
    electrons = int(np.sum(atomic_numbers)) - round(charge[1])
    if "multiplicity" in name:
        found = {value - 1}
    elif name == "n_unpaired":
        found = {value}
    else:
        found = {value - 1, 2 * value, value} if name and value else {float(electrons % 2)}
    fits = {n for n in found if n >= 0 and n % 1 == 0 and (electrons - n) % 2 == 0 and n <= electrons}
    if charge[1] % 1 or len(fits) != 1:
        stated = ", ".join(f"{key}={number:g}" for key, number in (charge, (name, value)) if key)
        raise Invalid(
            must="charge and spin of a frame say how many electrons are unpaired",
            came=f"{stated} for {electrons} electrons",
            do="Write charge=-1 and multiplicity=2, or leave spin out for the lowest one.",
        )
    return round(charge[1]), int(fits.pop())


def _said(state: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in state.items()) or "neither charge nor spin"


def check_totals(path: str | os.PathLike[str], inputs: Sequence[Atoms], energies: Sequence[float]) -> None:
    """Raise `Invalid` where energies of frames of several sizes are energies per atom."""
    if energy_scale([np.asarray(x.atomic_numbers) for x in inputs], energies) == "per atom":
        sizes = [len(x.atomic_numbers) for x in inputs]
        raise Invalid(
            must="energies are those of whole frames",
            came=f"{path}: frames of {min(sizes)} to {max(sizes)} atoms whose energies grow with composition, not size",
            do="They are energies per atom: say units=eV/atom, or units=eV if the numbers are right.",
        )


def energy_scale(numbers: Sequence[np.ndarray], energies: Sequence[float]) -> str | None:
    """ "total" or "per atom", whichever explains the energies far better; None where nothing can be told.

    total: E = sum_Z N_Z e_Z;  per atom: E = sum_Z (N_Z / n) e_Z, both by least squares over the elements Z. The better
    one leaves less than a fifth of the other's residual, and sizes differ by more than a tenth.
    """
    sizes, values = np.array([len(z) for z in numbers], float), np.asarray(energies, float)
    elements = np.unique(np.concatenate(numbers)) if len(numbers) else np.zeros(0, int)
    if len(values) < 2 * len(elements) + 4 or np.std(sizes) < 0.1 * np.mean(sizes):
        return None
    counts = np.stack([np.sum(z == elements[:, None], 1) for z in numbers]).astype(float)

    def residual(columns: np.ndarray) -> float:
        fit = np.linalg.lstsq(columns, values, rcond=None)[0]
        return float(np.sqrt(np.mean((values - columns @ fit) ** 2)))

    total, per_atom = residual(counts), residual(counts / sizes[:, None])
    if per_atom < 0.2 * total:
        return "per atom"
    return "total" if total < 0.2 * per_atom else None


def check_work(path: str | os.PathLike[str], inputs: Sequence[Atoms], labels: Mapping[str, Sequence[Any]]) -> None:
    """Raise `Invalid` where stresses contradict the energies of frames that a small strain leads to each other.

    Seen are files that hold such frames, and turned signs and wrong units, which make all stresses wrong by one factor;
    not a single wrong component, nor stresses of trajectories in one cell.
    """
    found = stress_against_energy(inputs, labels)
    if found is None or 0.5 < found[0] < 2:
        return
    factor, pairs = found
    turned = "the opposite sign" if factor < 0 else "the same sign"
    raise Invalid(
        must="a stress is the derivative of the energy by strain over the volume: in eV/A^3, positive under tension",
        came=f"{path}: over {pairs} pairs of strained frames {abs(factor):.3g} times that, with {turned}",
        do="Say how it is to be read: FILE:stress=-stress turns the sign, units=eV+GPa or eV+kbar gives the unit.",
    )


def stress_against_energy(inputs: Sequence[Atoms], labels: Mapping[str, Sequence[Any]]) -> tuple[float, int] | None:
    """s of V sigma : epsilon = s (E' - E + F . u) over near pairs of frames, and how many; None where nothing is told.

    Trapezoid rule: V sigma and F are means of both. Pairs follow each other in the file, or in volume; u is what atoms
    move beyond the strain. Told is a factor that explains all pairs alike (correlation above 0.95).
    """
    groups: dict[bytes, list[int]] = {}
    for i, x in enumerate(inputs):
        if np.all(x.pbc):
            groups.setdefault(np.asarray(x.atomic_numbers).tobytes(), []).append(i)
    work: list[tuple[float, float]] = []
    for rows in groups.values():
        ordered = sorted(rows, key=lambda i: abs(np.linalg.det(np.asarray(inputs[i].cell, float))))
        for i, j in dict.fromkeys([*zip(rows, rows[1:]), *zip(ordered, ordered[1:])]):
            one = _work(inputs, labels, i, j)
            work += [] if one is None else [one]
    by_stress, by_energy = np.array(work).reshape(-1, 2).T
    if len(work) < PAIRS:
        return None
    overlap = float(by_stress @ by_energy)
    sizes = float(np.linalg.norm(by_stress) * np.linalg.norm(by_energy))
    if sizes == 0 or abs(overlap) < ALIKE * sizes:
        return None
    return overlap / float(by_energy @ by_energy), len(work)


def _work(inputs: Sequence[Atoms], labels: Mapping[str, Sequence[Any]], i: int, j: int) -> tuple[float, float] | None:
    """Energy [eV] between two frames as their stresses have it, and as their energies and forces; None if far apart."""
    cells = [np.asarray(inputs[k].cell, float) for k in (i, j)]
    deformed = np.linalg.solve(*cells)
    strain = (deformed - np.linalg.inv(deformed)) / 2
    turned, strain = (strain - strain.T) / 2, (strain + strain.T) / 2
    if not 1e-3 < np.abs(strain).max() < 0.06 or np.abs(turned).max() > 0.01:
        return None
    here, there = (np.asarray(inputs[k].positions, float) @ np.linalg.inv(cell) for k, cell in zip((i, j), cells))
    moved = (there - here - np.round(there - here)) @ (cells[0] + cells[1]) / 2
    if np.abs(moved).max() > 0.3:
        return None
    forces = np.asarray(labels["forces"][i], float) + np.asarray(labels["forces"][j], float)
    by_forces = -0.5 * float(np.sum(forces * moved))
    virial = sum(abs(np.linalg.det(c)) * np.asarray(labels["stress"][k], float) for k, c in zip((i, j), cells))
    gain = float(labels["energy"][j]) - float(labels["energy"][i]) - by_forces
    return (0.5 * float(np.sum(virial * strain)), gain) if abs(by_forces) < 3 * abs(gain) else None
