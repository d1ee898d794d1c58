"""Hamiltonians of spins 1/2: sums of Pauli strings, in the sigma_z basis.

    H = sum_t c_t  s^a1_i1 s^a2_i2 ...           s^x |s> = |-s>,   s^y |s> = i s |-s>,   s^z |s> = s |s>

A configuration is an array of +1/-1 (twice S_z) per site. Strings that flip the same spins share one matrix element.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int, Shaped

from ..core.errors import Invalid
from .lattices import Lattice, Loose

AXES = "IXYZ"
Bond = tuple[int, int, float, float]
MOST_PATTERNS = 12  # sites around one flip whose patterns are enumerated


@dataclasses.dataclass(frozen=True, eq=False)
class Hamiltonian:
    """A sum of Pauli strings; build it by `transverse_ising`, `xxz`, `heisenberg`, `j1j2`, `of_terms` or from a file.

    strings [terms, sites]: 0, 1, 2, 3 for the unit matrix, sx, sy, sz; coefficients [terms].
    n_up: number of up spins among the states looked at, where S_z is a good quantum number; None: all states.
    sign_rule: Marshall's rotation has been applied, amplitudes are (-1)^(number of up spins on sublattice A) psi.
    """

    title: str
    lattice: Lattice | Loose
    strings: Int[np.ndarray, "terms sites"]
    coefficients: Float[np.ndarray, " terms"]
    n_up: int | None = None
    sign_rule: bool = False

    @property
    def n_sites(self) -> int:
        """Number of spins."""
        return self.lattice.n_sites

    @property
    def n_states(self) -> int:
        """Number of configurations looked at."""
        return 2**self.n_sites if self.n_up is None else math.comb(self.n_sites, self.n_up)

    @property
    def constant(self) -> float:
        """Coefficient of the unit string: the mean of H over all states, and so its energy at infinite temperature."""
        return float(self.coefficients[~self.strings.any(axis=1)].sum())

    @property
    def magnitude(self) -> float:
        """Sum of |c_t|: no energy is larger, and what rounding costs is relative to it."""
        return float(np.abs(self.coefficients).sum())

    @property
    def free_sites(self) -> list[int]:
        """Sites on which no string acts."""
        return np.flatnonzero(~self.strings.any(axis=0)).tolist()

    @functools.cached_property
    def flips(self) -> Bool[np.ndarray, "moves sites"]:
        """[moves, sites] sets of spins that some string reverses."""
        masks = np.unique(_flipped(self.strings), axis=0)
        return masks[masks.any(1)]

    @property
    def is_real(self) -> bool:
        """Whether all matrix elements are: no string has an odd number of sy."""
        return not np.any((self.strings == 2).sum(1) % 2)

    @property
    def is_flip_symmetric(self) -> bool:
        """Whether the reversal of all spins commutes with H and keeps S_z: strings have an even number of sy and sz."""
        return self.n_up in (None, self.n_sites / 2) and not np.any((self.strings >= 2).sum(1) % 2)

    @property
    def is_isotropic(self) -> bool:
        """Whether H is a sum of S_i . S_j (after Marshall's rotation too): levels then are multiplets of SU(2)."""
        axis = self.strings.max(1)
        if np.any((self.strings > 0).sum(1) != 2) or np.any(self.strings.sum(1) != 2 * axis):
            return False
        strengths = np.zeros((3, self.n_sites, self.n_sites))
        first, last = self.strings.argmax(1), self.n_sites - 1 - self.strings[:, ::-1].argmax(1)
        strengths[axis - 1, first, last] = self.coefficients
        x, y, z = strengths
        return bool(np.all(np.isclose(x, y) & (np.isclose(x, z) | (self.sign_rule & np.isclose(x, -z)))))

    def kept_by(self, permutations: Int[np.ndarray, "elements sites"]) -> Bool[np.ndarray, " elements"]:
        """[elements] whether H is the same after each site permutation."""

        def ordered(strings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            order = np.lexsort(strings.T)
            return strings[order], self.coefficients[order]

        strings, coefficients = ordered(self.strings)
        moved = (ordered(self.strings[:, p]) for p in permutations)
        return np.array([np.array_equal(s, strings) and np.allclose(c, coefficients, atol=0) for s, c in moved])

    def symmetrised(self, permutations: Int[np.ndarray, "elements sites"], *, flip: bool) -> Hamiltonian:
        """The mean of H over site permutations and, where `flip`, the reversal of all spins.

        It has the same expectation value in every state that these leave as it is, up to a phase.
        """
        kept = ~np.asarray((self.strings >= 2).sum(1) % 2, bool) | (not flip)
        strings = np.concatenate([self.strings[kept][:, p] for p in permutations])
        strings, number = np.unique(strings, axis=0, return_inverse=True)
        weights = np.tile(self.coefficients[kept] / len(permutations), len(permutations))
        return dataclasses.replace(
            self, strings=strings, coefficients=np.bincount(number.ravel(), weights, minlength=len(strings))
        )

    def at_magnetisation(self, s_z: int) -> Hamiltonian:
        """The same law among states of another S_z: the lowest one there is excited, or as low as that at S_z = 0."""
        if self.n_up is None:
            raise Invalid(must="the law conserves S_z", came=self.title, do="Take heisenberg, xxz or j1j2.")
        n_up = self.n_sites // 2 + s_z
        if not 0 <= n_up <= self.n_sites:
            raise Invalid(
                must=f"|S_z| is at most {self.n_sites / 2:g}: a sector without states otherwise",
                came=str(s_z),
                do="Lower it.",
            )
        return dataclasses.replace(self, n_up=n_up)

    @functools.cached_property
    def is_stoquastic(self) -> bool:
        """Whether all off-diagonal elements are <= 0: the ground state is then positive (Perron-Frobenius)."""
        return self.is_real and all(np.all(np.real(self._patterns(mask)[1]) <= 0) for mask in self.flips)

    def connected(self, spins: Int[Array, " sites"]) -> tuple[Int[Array, "moves sites"], Inexact[Array, " moves"]]:
        """All s' with <s|H|s'> != 0 and these elements; row 0 is s itself.

        moves = 1 + number of sets of flipped spins. A move may have element 0 (exchange of parallel spins): the shape
        is fixed.
        """
        signs, factors, diagonal, members = self._tables
        spins = jnp.asarray(spins)
        signed = jnp.concatenate([spins, jnp.ones(1, spins.dtype)])[signs]
        values = jnp.asarray(factors) * jnp.prod(signed, axis=1)
        moved = jnp.concatenate([values, jnp.zeros(1, values.dtype)])[members].sum(axis=1)
        elements = jnp.concatenate([values[diagonal].sum(keepdims=True), moved])
        flipped = jnp.concatenate([jnp.zeros((1, self.n_sites), bool), self.flips])
        return jnp.where(flipped, -spins, spins), elements

    def elements(
        self, flips: Shaped[np.ndarray, " sites"], spins: Int[np.ndarray, "n sites"]
    ) -> Inexact[np.ndarray, " n"]:
        """[n] of <s|H|s'> for configurations s' that differ from s in the spins `flips` (none: the diagonal)."""
        total = np.zeros(len(spins), float if self.is_real else complex)
        for t in np.flatnonzero((_flipped(self.strings) == flips).all(1)):
            total += self._factors[t] * np.prod(spins[:, self.strings[t] >= 2], axis=1, dtype=float)
        return total

    def rotated(self) -> Hamiltonian:
        """The same spectrum after a rotation of one sublattice by pi about z: exchange between sublattices flips sign.

        An unfrustrated antiferromagnet becomes stoquastic by it (Marshall 1955, doi:10.1098/rspa.1955.0200).
        """
        signs = self.lattice.sublattice
        if signs is None:
            raise Invalid(
                must="Marshall's sign rule needs a lattice of two sublattices",
                came=str(self.lattice),
                do="Take an even extent, open boundaries, or sign_rule=False.",
            )
        turned = self.coefficients * (-1.0) ** (_flipped(self.strings) & (signs < 0)).sum(1)
        return dataclasses.replace(self, coefficients=turned, sign_rule=not self.sign_rule)

    def energy_of_product_state(self, unit_vectors: Float[Array, "sites 3"]) -> Float[Array, ""]:
        """Energy of a product of spins along `unit_vectors` n_i: every Pauli matrix becomes a component of n_i."""
        padded = jnp.concatenate([jnp.ones((self.n_sites, 1)), jnp.asarray(unit_vectors)], axis=1)
        padded = jnp.concatenate([padded, jnp.ones((1, 4))])  # one more site, for strings with fewer than the longest
        sites = _padded([np.flatnonzero(row) for row in self.strings], self.n_sites)
        axes = np.take_along_axis(np.pad(self.strings, ((0, 0), (0, 1))), sites, axis=1)
        return jnp.asarray(self.coefficients) @ jnp.prod(padded[sites, axes], axis=1)

    @functools.cached_property
    def _factors(self) -> Inexact[np.ndarray, " terms"]:
        """c_t (-i)^(number of sy): what is left of a string once its signs s_i are taken out."""
        factors = self.coefficients * (-1j) ** (self.strings == 2).sum(1)
        return factors.real if self.is_real else factors

    @functools.cached_property
    def _tables(
        self,
    ) -> tuple[
        Int[np.ndarray, "terms w"],
        Inexact[np.ndarray, " terms"],
        Int[np.ndarray, " diagonal"],
        Int[np.ndarray, "moves members"],
    ]:
        """Sites whose signs each string takes [terms, w], factors [terms], diagonal strings, those of each move."""
        flipped = _flipped(self.strings)
        members = [np.flatnonzero((flipped == move).all(1)) for move in self.flips]
        signs = _padded([np.flatnonzero(row >= 2) for row in self.strings], self.n_sites)
        return signs, self._factors, np.flatnonzero(~flipped.any(1)), _padded(members, len(self.strings))

    def _patterns(
        self, flips: Bool[np.ndarray, " sites"]
    ) -> tuple[Int[np.ndarray, "patterns sites"], Inexact[np.ndarray, " patterns"]]:
        """All patterns of the spins around one move, [patterns, sites] (+1 elsewhere), and its elements there."""
        strings = self.strings[(_flipped(self.strings) == flips).all(1)]
        sites = np.flatnonzero(flips | (strings != 0).any(0))
        if len(sites) > MOST_PATTERNS:
            raise Invalid(
                must=f"the strings around one flip touch at most {MOST_PATTERNS} sites",
                came=f"{len(sites)}",
                do="Split them.",
            )
        spins = np.ones((2 ** len(sites), self.n_sites), int)
        spins[:, sites] = list(itertools.product((1, -1), repeat=len(sites)))
        return spins, self.elements(flips, spins)


def of_terms(
    title: str,
    lattice: Lattice | Loose,
    terms: Iterable[tuple[float, Mapping[int, str]]],
    *,
    n_up: int | None = None,
) -> Hamiltonian:
    """A law from (coefficient, {site: "X", "Y" or "Z"}); equal strings are added."""
    total: dict[tuple[int, ...], float] = {}
    for coefficient, string in terms:
        row = tuple(AXES.index(string.get(i, "I")) for i in range(lattice.n_sites))
        total[row] = total.get(row, 0.0) + float(coefficient)
    kept = {row: c for row, c in total.items() if c}
    strings = np.array(list(kept), np.int8).reshape(-1, lattice.n_sites)
    return Hamiltonian(title, lattice, strings, np.array(list(kept.values()), float), n_up)


def transverse_ising(lattice: Lattice, *, coupling: float = 1.0, field: float = 1.0) -> Hamiltonian:
    """H = -J sum_<ij> sz_i sz_j - h sum_i sx_i  in Pauli matrices (J = coupling, h = field).

    Good values: J = 1; the periodic chain is critical at h = J, the square lattice at h/J = 3.04438(2)
    (Bloete and Deng 2002, doi:10.1103/PhysRevE.66.066110).
    """
    terms: list[Any] = [(-coupling, {i: "Z", j: "Z"}) for i, j in lattice.bonds()]
    terms += [(-field, {i: "X"}) for i in range(lattice.n_sites)]
    return of_terms(f"transverse Ising h={field:g} on {lattice}", lattice, terms)


def heisenberg(lattice: Lattice, *, coupling: float = 1.0, sign_rule: bool = False) -> Hamiltonian:
    """H = J sum_<ij> S_i . S_j  with spin operators S = sigma / 2: a quarter of the energy in Pauli units.

    J > 0 is antiferromagnetic. `sign_rule` gives the law in Marshall's rotated basis (see `Hamiltonian.rotated`).
    """
    return j1j2(lattice, j1=coupling, j2=0.0, sign_rule=sign_rule)


def xxz(lattice: Lattice, *, anisotropy: float = 1.0, sign_rule: bool = False) -> Hamiltonian:
    """H = sum_<ij> [ Sx_i Sx_j + Sy_i Sy_j + Delta Sz_i Sz_j ],  S = sigma / 2, Delta = anisotropy > -1.

    On two sublattices Delta = 1 is the Heisenberg antiferromagnet, larger is Ising-like, Delta = 0 the XY model; at
    Delta <= -1 the ground state leaves S_z = 0.
    """
    if not anisotropy > -1:
        raise Invalid(
            must="the anisotropy is above -1: the ground state then has S_z = 0",
            came=f"{anisotropy:g}",
            do="Raise it.",
        )
    bonds = [(i, j, 1.0, anisotropy) for i, j in lattice.bonds()]
    return _exchange(f"XXZ Delta={anisotropy:g} on {lattice}", lattice, bonds, sign_rule)


def j1j2(lattice: Lattice, *, j1: float = 1.0, j2: float = 0.5, sign_rule: bool = False) -> Hamiltonian:
    """H = J1 sum_<ij> S_i . S_j + J2 sum_<<ij>> S_i . S_j  over nearest and next-nearest neighbours, S = sigma / 2.

    Every pair of sites counts once, however many images of it a small torus has at that distance (`Lattice.bonds`).
    Good values: J1 = 1, J2 = 0.5 (square lattice: most frustrated; chain: exact dimers, Majumdar and Ghosh 1969,
    doi:10.1063/1.1664978, with E = -3 J1 N / 8 from N = 6 on; the ring of 4 has 2 pairs of second neighbours instead of
    4 bonds, and E = -7 J1 / 4).
    """
    bonds = [(i, j, j1, 1.0) for i, j in lattice.bonds(1)]
    bonds += [(i, j, j2, 1.0) for i, j in lattice.bonds(2)] if j2 else []
    title = f"J1-J2 J2={j2:g} on {lattice}" if j2 else f"Heisenberg on {lattice}"
    return _exchange(title, lattice, bonds, sign_rule)


def _exchange(title: str, lattice: Lattice, bonds: Iterable[Bond], sign_rule: bool) -> Hamiltonian:
    """sum over (i, j, J, Delta) of  J [ Sx Sx + Sy Sy + Delta Sz Sz ]."""
    terms = [
        (j * weight / 4, {a: axis, b: axis})
        for a, b, j, delta in bonds
        for axis, weight in (("X", 1.0), ("Y", 1.0), ("Z", delta))
    ]
    law = of_terms(title, lattice, terms, n_up=lattice.n_sites // 2)
    return law.rotated() if sign_rule else law


def ising_chain_energy(n_sites: int, *, coupling: float = 1.0, field: float = 1.0) -> float:
    """Exact ground-state energy of the periodic transverse-field Ising chain by free fermions.

        E = -sum_k sqrt(J^2 + h^2 - 2 J h cos k),      k = (2 m + 1) pi / N

    for J, h >= 0 and even N (Pfeuty 1970, doi:10.1016/0003-4916(70)90270-8).
    """
    return -float(_quasi_energies(n_sites, coupling, field).sum())


def ising_chain_excited_energy(n_sites: int, *, coupling: float = 1.0, field: float = 1.0) -> float:
    """The next energy above `ising_chain_energy` among states that translations, reflections and the flip keep.

    E_1 = E_0 + 4 sqrt(J^2 + h^2 - 2 J h cos(pi / N)):      two quasiparticles of opposite smallest momentum
    """
    energies = _quasi_energies(n_sites, coupling, field)
    return -float(energies.sum()) + 4 * float(energies.min())


def ising_chain_levels(n_sites: int, count: int, *, coupling: float = 1.0, field: float = 1.0) -> list[float]:
    """The `count` <= 8 lowest energies of the periodic transverse-field Ising chain, as often as they occur.

        E = sum_k (n_k - 1/2) e_k,      e_k = 2 sqrt(J^2 + h^2 - 2 J h cos k),   but e_0 = 2 (h - J) with its sign
        flip even: k = (2 m + 1) pi / N, sum of n_k even;     flip odd: k = 2 m pi / N, sum of n_k odd

    (Pfeuty 1970, doi:10.1016/0003-4916(70)90270-8). The 12 lowest modes suffice: a state with a higher one has at least
    8 states of its parity below it.
    """
    _quasi_energies(n_sites, coupling, field)
    if count > 8:
        raise Invalid(must="free fermions give at most 8 levels", came=str(count), do="Use exact diagonalisation.")
    energies = []
    for parity in (0, 1):
        k = (2 * np.arange(n_sites) + 1 - parity) * np.pi / n_sites
        modes = 2 * np.sqrt(np.maximum(coupling**2 + field**2 - 2 * coupling * field * np.cos(k), 0))
        if parity:
            modes[0] = 2 * (field - coupling)
        lowest = np.sort(modes)[:12]
        occupied = np.array(list(itertools.product((0, 1), repeat=len(lowest))))
        occupied = occupied[occupied.sum(1) % 2 == parity]
        energies.append(occupied @ lowest - modes.sum() / 2)
    return np.sort(np.concatenate(energies))[:count].tolist()


def _quasi_energies(n_sites: int, coupling: float, field: float) -> Float[np.ndarray, " sites"]:
    """[sites] of sqrt(J^2 + h^2 - 2 J h cos k), k = (2 m + 1) pi / N."""
    if n_sites % 2 or coupling < 0 or field < 0:
        raise Invalid(
            must="the free-fermion formula holds for an even number of sites and couplings >= 0",
            came=f"{n_sites} sites, J = {coupling:g}, h = {field:g}",
            do="Use exact diagonalisation.",
        )
    k = (2 * np.arange(n_sites) + 1) * np.pi / n_sites
    return np.sqrt(coupling**2 + field**2 - 2 * coupling * field * np.cos(k))


def _flipped(strings: Int[np.ndarray, "terms sites"]) -> Bool[np.ndarray, "terms sites"]:
    """Which sites each string flips: those with sx or sy."""
    return (strings == 1) | (strings == 2)


def _padded(rows: list[Int[np.ndarray, " items"]], fill: int) -> Int[np.ndarray, "rows width"]:
    """Index lists of unequal length as one array, filled up with `fill`; at least one column."""
    width = max([1, *map(len, rows)])
    return np.array([[*row, *[fill] * (width - len(row))] for row in rows], int).reshape(len(rows), width)
