"""Force constants of a supercell: what displaced supercells and their forces say about waves, as phonopy has it.

    D(q)_{ia,jb} = sum_{J of kind j} Phi_{ia,Jb} < e^{2 pi i q . R_J} > / sqrt(m_i m_j) + D_polar(q),     i: home cell

J runs over the atoms of the supercell; < > is the mean over those of its images that are nearest to i. What reaches
further than half of the supercell is lost, and exact where nothing does. Kept beside `phonons`, which needs no
supercell, for what is given in this form (densities functionals) and as its opponent.

Polar crystals: with the charges Z of the ions and the dielectric tensor epsilon, the field of a wave of charges adds

    D_polar(q)_{ia,jb} = (4 pi e^2 / V) (k . Z_i)_a (k . Z_j)_b / (k . epsilon . k) / N,

shared evenly among the N cells of the supercell (Wang et al. 2010, doi:10.1088/0953-8984/22/20/202201), and at Gamma
in the direction that is given. Units: eV/A^2, A, e. Togo et al. 2023, doi:10.1088/1361-648X/acd831.
"""

from __future__ import annotations

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float, Int

from erlangen.core.arrays import AnyArray
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics.mechanics import Surface
from erlangen.numerics.neighbour_lists import listed
from erlangen.numerics.precision import double

from .molecules import masses
from .phonons import in_terahertz
from .supercells import supercell
from .units import BOHR, HARTREE

COULOMB = HARTREE * BOHR  # e^2 / 4 pi epsilon_0 in eV A
SAME = 1e-5  # A: distances that count as equal


@dataclasses.dataclass(frozen=True)
class Charges:
    """Born charges [atoms, 3, 3] in e and the electronic dielectric tensor [3, 3] of a polar crystal."""

    born: Float[np.ndarray, "atoms 3 3"]
    dielectric: Float[np.ndarray, "3 3"]


@dataclasses.dataclass(frozen=True)
class ForceConstants:
    """values [n, N, 3, 3] in eV/A^2 between the n atoms of the cell `x` and the N atoms of `supercell`."""

    x: Atoms
    supercell: Atoms
    values: Float[np.ndarray, "n N 3 3"]
    charges: Charges | None = None

    def __post_init__(self):
        shape = (len(self.x.positions), len(self.supercell.positions), 3, 3)
        if np.shape(self.values) != shape:
            raise Invalid(
                must=f"force constants between cell and supercell have the shape {shape}",
                came=f"{np.shape(self.values)}",
                do="Give those of the atoms of the cell alone, in the order of the supercell.",
            )

    @classmethod
    def displaced(cls, surface: Surface, x: Atoms, size: int, step: float = 0.01) -> ForceConstants:
        """By central differences of forces: every atom of the cell moved by `step` [A] both ways in each direction, in
        a supercell of size^3 cells.
        """
        whole, n = supercell(x, (size,) * 3), len(x.positions)
        with double():
            ready = listed(whole, surface.cutoff, skin=4 * step)
            surface.check(ready)
            start = jnp.asarray(whole.positions, jnp.float64)
            steps = step * jnp.eye(3 * n, start.size, dtype=start.dtype).reshape(-1, *start.shape)

            @jax.jit
            def slope(move: jax.Array) -> jax.Array:
                return jax.grad(lambda r: jnp.sum(surface.shares(ready.replace(positions=r))))(start + move)

            found = [np.asarray(slope(move)) - np.asarray(slope(-move)) for move in steps]
        values = np.array(found).reshape(n, 3, -1, 3).swapaxes(1, 2) / (2 * step)
        return cls(x, whole, values).without_drift()

    def without_drift(self) -> ForceConstants:
        """With forces that vanish where the whole crystal is shifted: what is missing is put on the atom itself."""
        values = np.array(self.values)
        own = np.argmin(_apart(self.x.positions, self.supercell), 1)
        values[np.arange(len(own)), own] -= values.sum(1)
        return dataclasses.replace(self, values=values)

    def matrices(
        self, q: Float[AnyArray, "waves 3"], direction: Float[AnyArray, " 3"] | None = None
    ) -> Complex[np.ndarray, "waves modes modes"]:
        """D(q) in eV / (A^2 amu); direction: in which q goes to 0 where it is 0, in reciprocal lattice vectors."""
        q, n = np.asarray(q, float).reshape(-1, 3), len(self.x.positions)
        kinds, shifts, weights = self._images()
        phases = np.einsum("iJm,wiJm->wiJ", weights, np.exp(2j * np.pi * np.einsum("wc,iJmc->wiJm", q, shifts)))
        chosen = np.eye(n)[kinds]
        values = np.broadcast_to(self.values, (len(q), *self.values.shape))
        if self.charges is not None:
            polar = np.array([self._polar(one, direction) for one in q])
            values = values + polar[:, :, kinds] * len(self.x.positions) / len(kinds)
        found = np.einsum("wiJab,wiJ,Jj->wiajb", values, phases, chosen).reshape(len(q), 3 * n, 3 * n)
        root = np.sqrt(np.repeat(masses(np.asarray(self.x.atomic_numbers)), 3))
        found = found / root[:, None] / root
        return 0.5 * (found + np.conj(np.swapaxes(found, 1, 2)))

    def frequencies(
        self, q: Float[AnyArray, "waves 3"], direction: Float[AnyArray, " 3"] | None = None
    ) -> Float[np.ndarray, "waves modes"]:
        """nu(q) [THz], ascending; imaginary ones negative."""
        return in_terahertz(np.linalg.eigvalsh(self.matrices(q, direction)))

    def _polar(self, q: Float[np.ndarray, " 3"], direction: Float[AnyArray, " 3"] | None) -> np.ndarray:
        """(4 pi e^2 / V) (k . Z_i)_a (k . Z_j)_b / (k . epsilon . k) [n, n, 3, 3]; 0 at Gamma without a direction."""
        n, cell = len(self.x.positions), np.asarray(self.x.cell, float)
        charges = self.charges
        if np.abs(q).max() < SAME:
            q = np.zeros(3) if direction is None else np.asarray(direction, float)
        k = np.linalg.inv(cell) @ q
        if charges is None or not np.any(k):
            return np.zeros((n, n, 3, 3))
        pull = np.einsum("c,ica->ia", k, charges.born)
        strength = 4 * np.pi * COULOMB / abs(np.linalg.det(cell)) / (k @ charges.dielectric @ k)
        return strength * pull[:, None, :, None] * pull[None, :, None, :]

    def _images(self) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, "i N m 3"], Float[np.ndarray, "i N m"]]:
        """(which atom of the cell each of the supercell is, cells of its images from the home cell, their weights)."""
        cell = np.asarray(self.x.cell, float)
        places = np.asarray(self.supercell.positions) @ np.linalg.inv(cell)
        home = np.asarray(self.x.positions) @ np.linalg.inv(cell)
        rest = places[:, None] - home
        off = np.abs(rest - np.rint(rest)).max(2)
        kinds = np.argmin(off, 1)
        if off.min(1).max() > 1e-3:
            raise Invalid(
                must="every atom of the supercell is an atom of the cell, moved by lattice vectors",
                came=f"one that is {off.min(1).max():.2g} of a lattice vector away",
                do="Give the undisplaced supercell, and the cell that it repeats.",
            )
        cells = np.rint(places - home[kinds])
        period = np.asarray(self.supercell.cell, float) @ np.linalg.inv(cell)
        around = np.array(list(itertools.product((-1, 0, 1), repeat=3))) @ np.rint(period)
        shifts = cells[None, :, None] + np.zeros((len(home), 1, 1, 1)) + around
        length = np.linalg.norm((shifts + home[kinds][None, :, None] - home[:, None, None]) @ cell, axis=-1)
        nearest = length < length.min(-1, keepdims=True) + SAME
        return kinds, shifts, nearest / nearest.sum(-1, keepdims=True)


def primitive(x: Atoms) -> Atoms:
    """The smallest cell of the same crystal, not turned."""
    import spglib

    cell = np.asarray(x.cell, float)
    inside = np.asarray(x.positions, float) @ np.linalg.inv(cell)
    crystal = cell.tolist(), inside.tolist(), np.asarray(x.atomic_numbers).tolist()
    found = spglib.standardize_cell(crystal, to_primitive=True, no_idealize=True)
    if found is None:  # no symmetry at all
        return x
    lattice, places, numbers = (np.asarray(part) for part in found)
    return Atoms(places @ lattice, np.asarray(numbers, np.int32), lattice, np.ones(3, bool))


def _apart(positions: Float[AnyArray, "n 3"], whole: Atoms) -> Float[np.ndarray, "n N"]:
    """Distances between positions and the atoms of a supercell [A], by the nearest image."""
    cell = np.asarray(whole.cell, float)
    inside = (np.asarray(whole.positions)[None] - np.asarray(positions)[:, None]) @ np.linalg.inv(cell)
    return np.linalg.norm((inside - np.rint(inside)) @ cell, axis=-1)


def from_forces(
    x: Atoms,
    supercell: Atoms,
    displacements: list[tuple[int, Float[np.ndarray, " 3"], Float[np.ndarray, "N 3"]]],
    charges: Charges | None = None,
) -> ForceConstants:
    """From (atom, displacement [A], forces [eV/A]) of a few displaced supercells; symmetry gives the others.

    Every operation of the supercell that keeps the displaced atom turns a displacement and its forces into another one;
    least squares over all of them, then the operations that move the atom.
    """
    import spglib

    cell = np.asarray(supercell.cell, float)
    inside = np.asarray(supercell.positions, float) @ np.linalg.inv(cell)
    crystal = cell.tolist(), inside.tolist(), np.asarray(supercell.atomic_numbers).tolist()
    found = spglib.get_symmetry(crystal, symprec=SAME) or {
        "rotations": np.eye(3)[None],
        "translations": np.zeros((1, 3)),
    }
    turns = np.einsum("ab,rbc,cd->rad", cell.T, found["rotations"].astype(float), np.linalg.inv(cell.T))
    images = [_permutation(inside, w, t) for w, t in zip(found["rotations"], found["translations"], strict=True)]
    moved: dict[int, Float[np.ndarray, "N 3 3"]] = {}
    for atom in {one[0] for one in displacements}:
        steps, forces = [], []
        for place, step, force in (one for one in displacements if one[0] == atom):
            for turn, image in zip(turns, images, strict=True):
                if image[place] == place:
                    turned = np.empty_like(force)
                    turned[image] = force @ turn.T
                    steps.append(turn @ step)
                    forces.append(turned)
        if np.linalg.matrix_rank(np.array(steps), tol=1e-6) < 3:
            raise Invalid(
                must="displacements of an atom and their images under symmetry span space",
                came=f"those of atom {atom} do not",
                do="Add displacements of that atom in other directions.",
            )
        solved = np.linalg.lstsq(np.array(steps), -np.array(forces).reshape(len(steps), -1), rcond=None)[0]
        moved[atom] = solved.reshape(3, -1, 3).swapaxes(0, 1)
    own = np.argmin(_apart(x.positions, supercell), 1)
    values = np.array([_carried(int(place), moved, turns, images) for place in own])
    return ForceConstants(x, supercell, values, charges).without_drift()


def _carried(
    place: int, moved: dict[int, np.ndarray], turns: Float[np.ndarray, "r 3 3"], images: list[Int[np.ndarray, " N"]]
) -> Float[np.ndarray, "N 3 3"]:
    """Force constants of the atom `place` from those of one that symmetry takes to it."""
    for atom, values in moved.items():
        for turn, image in zip(turns, images, strict=True):
            if image[atom] == place:
                found = np.empty_like(values)
                found[image] = np.einsum("ab,Nbc,dc->Nad", turn, values, turn)
                return found
    raise Invalid(
        must="every atom of the cell is displaced, or is the image of one that is",
        came=f"atom {place} of the supercell is neither",
        do="Give the forces of all displacements that phonopy made.",
    )


def _permutation(
    inside: Float[np.ndarray, "N 3"], turn: Int[np.ndarray, "3 3"], shift: Float[np.ndarray, " 3"]
) -> Int[np.ndarray, " N"]:
    """Which atom every atom is taken to by an operation of the space group."""
    gap = (inside @ turn.T + shift)[:, None] - inside
    return np.argmin(np.abs(gap - np.rint(gap)).max(2), 1)
