"""A crystal as a list of numbers that a chemist would look at, for regression on few samples.

Spring models of several decays (`physics.springs`): highest frequencies, who moves in them, the bonds around those
atoms; densities and bond lengths; means, spreads and extremes of the elements' properties; fractions of light elements;
space group. Invariant under rotation, reflection, translation, order of the atoms, choice of the cell and supercells.
Statistics over the composition: Ward et al. 2016, doi:10.1038/npjcompumats.2016.28.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ...physics.springs import Bonds, Modes, elements

LIGHT = (1, 3, 5, 6, 7, 8, 9, 14, 15, 16, 17, 35)
PLAIN = ((0.25, 0.0, 0.1), (0.4, 0.0, 0.1), (0.6, 0.0, 0.1), (1.0, 0.0, 0.1))  # decay, polarity, across
REST = ((0.4, 0.3, 0.15), (0.7, 0.1, 0.15))
TOLERANCE = 1e-2  # A, of the space group
ROUNDING = 1e-4  # A, within which atoms count as copies of each other
SHELLS = (0, 1, 2, 3, 5)
DIRECTED = ((0.25, 1), (0.4, 5), (0.6, 1), (1.0, 5), (2.0, 1))  # decay, number of weights of the bond tensors
TENSORS = sum(count for _, count in DIRECTED)


def describe(positions: Any, atomic_numbers: Any, cell: Any, pbc: Any) -> np.ndarray:
    """Descriptors [count] in float64; atoms with number 0 are padding. A molecule is put into an empty box."""
    numbers = np.asarray(atomic_numbers)
    real = numbers > 0
    positions, numbers, cell = np.asarray(positions, float)[real], numbers[real], np.asarray(cell, float)
    if len(numbers) == 0:
        return describe(np.zeros((1, 3)), np.array([1]), np.zeros((3, 3)), np.zeros(3, bool)) * 0
    group = 1
    if np.all(pbc):
        positions, numbers, cell, group = _primitive(positions, numbers, cell)
    else:
        positions = positions - np.mean(positions, 0)
        cell = np.eye(3) * (2 * np.max(np.linalg.norm(positions, axis=1)) + 15.0)
    bonds = Bonds.of(positions, numbers, cell)
    found = [*_composition(numbers), *_packing(bonds, abs(float(np.linalg.det(cell)))), float(group)]
    for decay, polarity, across in PLAIN + REST:
        stiffness = bonds.stiffness(decay, polarity)
        modes = bonds.modes(stiffness, across)
        found += _spectrum(bonds, stiffness, modes)
        if (decay, polarity) in ((0.4, 0.0), (0.4, 0.3), (0.7, 0.1)):
            found += _surroundings(bonds, stiffness, modes)
    return np.asarray(found, float)


def bond_tensors(positions: Any, atomic_numbers: Any, cell: Any, pbc: Any) -> np.ndarray:
    """Traceless tensors [count, 3, 3] of how the bonds point: sum_ij w_ij k_ij (u u^T - 1/3) / sum_ij k_ij.

    w: 1, and contrast and means of electronegativity, radius and period; k: springs of several decays. They turn with
    the crystal and vanish where its point group forbids them.
    """
    numbers = np.asarray(atomic_numbers)
    real = numbers > 0
    if not np.any(real):
        return np.zeros((TENSORS, 3, 3))
    positions, numbers, cell = np.asarray(positions, float)[real], numbers[real], np.asarray(cell, float)
    if not np.all(pbc):
        cell = np.eye(3) * (2 * np.max(np.linalg.norm(positions - np.mean(positions, 0), axis=1)) + 15.0)
    bonds, table, found = Bonds.of(positions, numbers, cell), elements(), []
    chi, radius, period = (table[name][numbers] for name in ("electronegativity", "covalent_radius", "period"))
    plain = np.ones((len(numbers),) * 2)
    contrast = np.abs(chi[:, None] - chi)
    means = [0.5 * (v[:, None] + v) - middle for v, middle in ((chi, 2.0), (radius, 1.3), (period, 4.0))]
    for decay, weights in DIRECTED:
        stiffness = bonds.stiffness(decay)
        total = max(float(np.sum(stiffness)), 1e-12)
        for weight in (plain, contrast, *means)[:weights]:
            weighted = stiffness * weight[..., None]
            tensor = np.einsum("ijm,ijma,ijmb->ab", weighted, bonds.directions, bonds.directions, optimize=True)
            found.append((tensor - np.trace(tensor) / 3 * np.eye(3)) / total)
    return np.array(found)


def _primitive(positions: np.ndarray, numbers: np.ndarray, cell: np.ndarray) -> tuple[Any, ...]:
    """One atom of each that the lattice repeats, a primitive cell, and the number of the space group."""
    import warnings

    import spglib

    given: Any = (cell, positions @ np.linalg.inv(cell), numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spglib announces a change of its own error handling
        loose = spglib.get_symmetry_dataset(given, symprec=TOLERANCE)
        found = spglib.get_symmetry_dataset(given, symprec=ROUNDING)
    group = 1 if loose is None else int(loose.number)
    if found is None:
        return positions, numbers, cell, group
    _, rows = np.unique(found.mapping_to_primitive, return_index=True)
    return positions[rows], numbers[rows], np.asarray(found.primitive_lattice), group


def _composition(numbers: np.ndarray) -> list[float]:
    table = elements()
    mass = table["mass"][numbers]
    found = [len(set(numbers.tolist())), np.log(len(numbers)), np.log(mass.min()), np.log(mass.max())]
    found += [np.log(mass.mean()), -np.log(np.mean(1 / mass))]
    group, period = table["group"][numbers], table["period"][numbers]
    valence = np.where(group <= 12, group, group - 10)
    for values in (table["electronegativity"][numbers], table["covalent_radius"][numbers], group, period, valence):
        found += [values.mean(), values.std(), values.min(), values.max()]
    found += [np.mean(numbers == z) for z in LIGHT]
    found += [np.mean((group > 2) & (group < 13)), np.mean(group <= 2), np.mean(period >= 6)]
    return [float(v) for v in found]


def _packing(bonds: Bonds, volume: float) -> list[float]:
    from scipy.special import expit

    table, numbers = elements(), bonds.numbers
    mass, radius = table["mass"][numbers], table["covalent_radius"][numbers]
    nearest = np.min(np.where(bonds.near, bonds.distances, 99.0), (1, 2))
    lightest = np.min(np.where(mass < mass.min() + 1e-6, nearest, 99.0))
    # a count of bonds with a soft edge at 1.25 times the sum of the radii
    ratio = bonds.distances / (bonds.distances - bonds.excess)
    contacts = np.sum(np.where(bonds.near, expit((1.25 - ratio) / 0.03), 0.0), (1, 2))
    found = [np.log(nearest.min()), np.log(lightest), np.log(nearest.max()), np.log(volume / len(numbers))]
    found += [np.log(mass.sum() / volume), np.min(np.where(bonds.near, bonds.excess, 99.0))]
    return [*found, 4 / 3 * np.pi * np.sum(radius**3) / volume, contacts.min(), contacts.max(), contacts.mean()]


def _spectrum(bonds: Bonds, stiffness: np.ndarray, modes: Modes) -> list[float]:
    """Highest frequencies of the model, and mean properties of the atoms that move in them at the zone centre."""
    table, numbers = elements(), bonds.numbers
    mass, top = table["mass"][numbers], modes.frequencies[:, -1]
    found = [modes.alone.max(), top[0], modes.frequencies[0, -3:].mean(), top.mean(), top.max(), top.min()]
    motion = modes.motion[0]
    bond = np.max(stiffness, -1) * (1 / mass[:, None] + 1 / mass)
    found = [*np.log(found), 0.5 * np.log(max(bond.max(), 1e-12)), np.log(motion @ mass), -np.log(motion @ (1 / mass))]
    columns = ("electronegativity", "covalent_radius", "group", "period")
    return found + [float(motion @ table[name][numbers]) for name in columns]


def _surroundings(bonds: Bonds, stiffness: np.ndarray, modes: Modes) -> list[float]:
    """Bonds and neighbours of the atoms that move in the highest modes of the whole zone."""
    table, numbers = elements(), bonds.numbers
    motion = modes.motion.mean(0)
    chi, mass = table["electronegativity"][numbers], table["mass"][numbers]
    total = np.maximum(np.sum(stiffness, (1, 2)), 1e-12)

    def around(values: np.ndarray, power: int = 1) -> np.ndarray:
        weights = np.sum(stiffness**power, -1)
        return np.sum(weights * values, 1) / np.maximum(np.sum(weights, 1), 1e-12)

    contrast = around(np.abs(chi[:, None] - chi))
    length = np.einsum("ijm,ijm->i", stiffness, bonds.excess) / total
    shells = np.sort(np.where(bonds.near, bonds.distances, 9.0).reshape(len(numbers), -1), axis=1)
    shells = np.pad(shells, ((0, 0), (0, 6)), constant_values=9.0)
    sharp = motion**2 / np.sum(motion**2)
    found = [motion @ length, np.log(motion @ total), motion @ contrast]
    found += [0.5 * np.log(motion @ around(1 / mass[:, None] + 1 / mass)), np.log(total.max()), length.min()]
    found += [contrast.max(), contrast.min()]
    found += [float(sharp @ np.log(shells[:, k])) for k in SHELLS]
    columns = ("electronegativity", "covalent_radius", "group", "period", "mass")
    for name, power in itertools.product(columns, (1, 4)):
        found.append(float(sharp @ around(np.broadcast_to(table[name][numbers], (len(numbers),) * 2), power)))
    found += [float(sharp @ table[name][numbers]) for name in columns]
    return found + [float(np.sum(motion[numbers == z])) for z in LIGHT]
