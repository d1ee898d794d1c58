"""Hamiltonians of spins 1/2 on a lattice, in the sigma_z basis.

    H = sum_b [ zz_b sz_i sz_j + exchange_b (sx_i sx_j + sy_i sy_j) ] + sum_i field_i sx_i,      b = (i, j)

with Pauli matrices s. A configuration is an array of +1/-1 (twice S_z) per site. All matrix elements are real.
"""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..core.errors import Invalid
from .lattices import Lattice


@dataclasses.dataclass(frozen=True, eq=False)
class Hamiltonian:
    """A sum of pair couplings and transverse fields; build it by `transverse_ising`, `heisenberg` or `j1j2`.

    bonds [bonds, 2]; zz, exchange [bonds]; field [sites]; all couplings multiply Pauli matrices.
    sign_rule: Marshall's rotation has been applied, amplitudes are (-1)^(number of up spins on sublattice A) psi.
    """

    title: str
    lattice: Lattice
    bonds: np.ndarray
    zz: np.ndarray
    exchange: np.ndarray
    field: np.ndarray
    sign_rule: bool = False

    @property
    def n_sites(self) -> int:
        return self.lattice.n_sites

    @property
    def conserves_magnetisation(self) -> bool:
        """Whether S_z is a good quantum number of an exchange model; its ground state then has a member at S_z = 0."""
        return bool(np.any(self.exchange)) and not np.any(self.field)

    @property
    def is_stoquastic(self) -> bool:
        """Whether all off-diagonal elements are <= 0: the ground state is then positive (Perron-Frobenius)."""
        return bool(np.all(self.exchange <= 0) and np.all(self.field <= 0))

    def connected(self, spins: Int[Array, " sites"]) -> tuple[Int[Array, "moves sites"], Float[Array, " moves"]]:
        """All s' with <s|H|s'> != 0 and these elements; row 0 is s itself.

        moves = 1 + exchanged bonds + fields. A bond of parallel spins is listed with element 0: the shape is fixed.
        """
        spins = jnp.asarray(spins)
        first, second = self.bonds.T
        aligned = spins[first] * spins[second]
        diagonal = jnp.sum(aligned * jnp.asarray(self.zz))
        swapped, moved = _swaps(self), np.flatnonzero(self.field)
        flipped = 1 - 2 * jnp.asarray(np.eye(self.n_sites, dtype=int)[moved], spins.dtype)
        active = np.flatnonzero(self.exchange)
        configurations = jnp.concatenate([spins[None], spins[swapped], spins * flipped])
        exchanged = (1 - aligned[active]) * jnp.asarray(self.exchange[active])
        flips = jnp.asarray(self.field[moved], diagonal.dtype)
        return configurations, jnp.concatenate([diagonal[None], exchanged, flips])

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
        exchange = self.exchange * signs[self.bonds[:, 0]] * signs[self.bonds[:, 1]]
        return dataclasses.replace(self, exchange=exchange, sign_rule=not self.sign_rule)

    def energy_of_product_state(self, unit_vectors: Float[np.ndarray, "sites 3"]) -> float:
        """Energy of a product of spins along `unit_vectors` n_i: every Pauli matrix becomes a component of n_i."""
        a, b = unit_vectors[self.bonds[:, 0]], unit_vectors[self.bonds[:, 1]]
        pairs = self.zz * a[:, 2] * b[:, 2] + self.exchange * (a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1])
        return float(pairs.sum() + (self.field * unit_vectors[:, 0]).sum())


def transverse_ising(lattice: Lattice, *, coupling: float = 1.0, field: float = 1.0) -> Hamiltonian:
    """H = -J sum_<ij> sz_i sz_j - h sum_i sx_i  in Pauli matrices (J = coupling, h = field).

    Good values: J = 1; the periodic chain is critical at h = J, the square lattice at h/J = 3.04438(2)
    (Bloete and Deng 2002, doi:10.1103/PhysRevE.66.066110).
    """
    bonds = lattice.bonds()
    zz, none = np.full(len(bonds), -float(coupling)), np.zeros(len(bonds))
    transverse = np.full(lattice.n_sites, -float(field))
    return Hamiltonian(f"transverse Ising h={field:g} on {lattice}", lattice, bonds, zz, none, transverse)


def heisenberg(lattice: Lattice, *, coupling: float = 1.0, sign_rule: bool = False) -> Hamiltonian:
    """H = J sum_<ij> S_i . S_j  with spin operators S = sigma / 2: a quarter of the energy in Pauli units.

    J > 0 is antiferromagnetic. `sign_rule` gives the law in Marshall's rotated basis (see `Hamiltonian.rotated`).
    """
    return j1j2(lattice, j1=coupling, j2=0.0, sign_rule=sign_rule)


def j1j2(lattice: Lattice, *, j1: float = 1.0, j2: float = 0.5, sign_rule: bool = False) -> Hamiltonian:
    """H = J1 sum_<ij> S_i . S_j + J2 sum_<<ij>> S_i . S_j  over nearest and next-nearest neighbours, S = sigma / 2.

    Good values: J1 = 1, J2 = 0.5 (square lattice: most frustrated; chain: exact dimers, Majumdar and Ghosh 1969,
    doi:10.1063/1.1664978, with E = -3 J1 N / 8).
    """
    near, far = lattice.bonds(1), lattice.bonds(2) if j2 else np.zeros((0, 2), int)
    bonds = np.concatenate([near, far])
    zz = np.concatenate([np.full(len(near), j1 / 4), np.full(len(far), j2 / 4)])
    title = f"J1-J2 J2={j2:g} on {lattice}" if j2 else f"Heisenberg on {lattice}"
    law = Hamiltonian(title, lattice, bonds, zz, zz.copy(), np.zeros(lattice.n_sites))
    return law.rotated() if sign_rule else law


def ising_chain_energy(n_sites: int, *, coupling: float = 1.0, field: float = 1.0) -> float:
    """Exact ground-state energy of the periodic transverse-field Ising chain by free fermions.

        E = -sum_k sqrt(J^2 + h^2 - 2 J h cos k),      k = (2 m + 1) pi / N

    for J, h >= 0 and even N (Pfeuty 1970, doi:10.1016/0003-4916(70)90270-8).
    """
    if n_sites % 2 or coupling < 0 or field < 0:
        raise Invalid(
            must="the free-fermion formula holds for an even number of sites and couplings >= 0",
            came=f"{n_sites} sites, J = {coupling:g}, h = {field:g}",
            do="Use exact diagonalisation.",
        )
    k = (2 * np.arange(n_sites) + 1) * np.pi / n_sites
    return -float(np.sqrt(coupling**2 + field**2 - 2 * coupling * field * np.cos(k)).sum())


def _swaps(law: Hamiltonian) -> np.ndarray:
    """[exchanged bonds, sites] the permutation that exchanges the two ends of each bond."""
    bonds = law.bonds[np.flatnonzero(law.exchange)]
    swaps = np.tile(np.arange(law.n_sites), (len(bonds), 1))
    rows = np.arange(len(bonds))
    swaps[rows, bonds[:, 0]], swaps[rows, bonds[:, 1]] = bonds[:, 1], bonds[:, 0]
    return swaps
