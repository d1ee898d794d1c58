"""Singlet pairs of fermions on a lattice: the mean field whose projection on single occupation is a spin liquid.

    H = sum_ij [ t_ij (a_i^+ a_j + b_i^+ b_j) + D_ij (a_i^+ b_j^+ + b_j a_i) ],         a: spin up, b: spin down
    |BCS> = exp( sum_ij f_ij a_i^+ b_j^+ ) |0>,       f = v u^-1 from the positive modes (u, v) of [[t, D], [D, -t]]
    <s|P|BCS> = sign(s) det f_{i_a j_b},              i: sites with spin up,  j: with spin down,  both in order

sign(s) = (-1)^(pairs of an up spin with a down spin before it) brings the fermions into the order of the sites.
Anderson 1987, doi:10.1126/science.235.4793.1196; Gros 1988, doi:10.1103/PhysRevB.38.931; projected pair products as
variational states: Tahara and Imada 2008, doi:10.1143/JPSJ.77.114701.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .lattices import UNIT, Lattice

_PAIRING = 0.5
"""D / t on nearest neighbours: + along the first direction, - along the others (d-wave on the square lattice)."""


@dataclasses.dataclass(frozen=True)
class SignedClasses:
    """f_ij = sign_ij theta[number_ij], the same theta for all pairs that translations connect.

    number, sign [sites, sites]: sign is that of an antiperiodic boundary, 0 where it contradicts f_ij = f_ji.
    """

    number: np.ndarray
    sign: np.ndarray

    @property
    def count(self) -> int:
        """Number of classes."""
        return int(self.number.max()) + 1

    def values(self, f: np.ndarray) -> np.ndarray:
        """theta [count] of a matrix f that has these symmetries."""
        is_free = self.sign != 0
        _, first = np.unique(self.number[is_free], return_index=True)
        return (self.sign * f)[is_free][first]

    def matrix(self, theta: np.ndarray) -> np.ndarray:
        """f [sites, sites]."""
        return self.sign * theta[self.number]


def signed_classes(lattice: Lattice, *, antiperiodic: bool, cell: int = 1) -> SignedClasses:
    """Pairs that translations by multiples of `cell` connect, antiperiodic along the first vector of the torus."""
    moves = translations(lattice, cell)
    phases = np.stack([_boundary_signs(lattice, move) if antiperiodic else np.ones(len(move)) for move in moves])
    pairs = moves[:, :, None] * lattice.n_sites + moves[:, None, :]
    signs = phases[:, :, None] * phases[:, None, :]
    pairs, signs = (np.concatenate([x, np.swapaxes(x, 1, 2)]) for x in (pairs, signs))  # f_ij = f_ji
    smallest = pairs.min(axis=0)
    leads = pairs == smallest
    total = (signs * leads).sum(axis=0)
    sign = np.where(np.abs(total) == leads.sum(axis=0), np.sign(total), 0).astype(int)
    _, number = np.unique(np.where(sign, smallest, smallest[sign != 0].min()), return_inverse=True)
    return SignedClasses(number.reshape(smallest.shape), sign)


def translations(lattice: Lattice, cell: int = 1) -> np.ndarray:
    """[translations, sites] those by multiples of `cell` cells."""
    moves = lattice.translations
    steps = (lattice.places[moves[:, 0]] - lattice.places[0]) // UNIT
    return moves[np.all(steps % cell == 0, axis=1)]


def mean_field(lattice: Lattice, *, antiperiodic: bool) -> tuple[np.ndarray, float]:
    """(f [sites, sites], smallest energy of a quasiparticle) with hopping and pairing to nearest neighbours."""
    n, vectors, metric = lattice.n_sites, UNIT * np.array(lattice.vectors), np.array(lattice.shape.metric)
    hopping, amplitude = np.zeros((n, n)), np.zeros((n, n))
    images = np.stack(np.meshgrid(*[(-1, 0, 1)] * len(vectors), indexing="ij"), axis=-1).reshape(-1, len(vectors))
    for i, j in lattice.bonds():
        gaps = lattice.places[j] - lattice.places[i] + images @ vectors
        nearest = np.einsum("na,ab,nb->n", gaps, metric, gaps).argmin()
        sign = (-1.0) ** images[nearest, 0] if antiperiodic else 1.0
        wave = 1.0 if gaps[nearest, 0] and not np.any(gaps[nearest, 1:]) else -1.0
        hopping[i, j] = hopping[j, i] = -sign
        amplitude[i, j] = amplitude[j, i] = sign * wave * _PAIRING
    return pair_function(hopping, amplitude)


def pair_function(hopping: np.ndarray, pairing: np.ndarray) -> tuple[np.ndarray, float]:
    """(f, smallest energy of a quasiparticle) of t and D [sites, sites]."""
    n = len(hopping)
    energies, modes = np.linalg.eigh(np.block([[hopping, pairing], [pairing, -hopping]]))
    u, v = modes[:n, n:], modes[n:, n:]
    return v @ np.linalg.pinv(u), float(energies[n])


def alike(images: np.ndarray, classes: SignedClasses) -> np.ndarray:
    """[states, members, sites] the permutations `images`, those together for which f is the same state: determinants
    that differ by signs alone.

    Found on four random configurations with random theta.
    """
    noise = np.random.default_rng(0)
    f = classes.matrix(noise.normal(size=classes.count))
    half = len(f) // 2
    drawn = [noise.permutation(len(f)) for _ in range(4)]
    found: dict[tuple[float, ...], list[np.ndarray]] = {}
    for image in images:
        back = np.argsort(image)
        moved = f[np.ix_(back, back)]
        logs = [np.linalg.slogdet(moved[np.ix_(s[:half], s[half:])])[1] for s in drawn]
        found.setdefault(tuple(np.round(logs, 8)), []).append(image)
    return np.array(list(found.values()))


def parity(permutation: np.ndarray) -> int:
    """+1 or -1: what fermions on all sites get when they are moved."""
    seen, odd = np.zeros(len(permutation), bool), 0
    for start in range(len(permutation)):
        i = start
        while not seen[i]:
            seen[i] = True
            i = permutation[i]
            odd += i != start
    return -1 if odd % 2 else 1


def _boundary_signs(lattice: Lattice, move: np.ndarray) -> np.ndarray:
    """[sites] (-1)^(how often a site crosses the boundary along the first vector when it is moved)."""
    places = lattice.places
    crossed = places + (places[move[0]] - places[0]) - places[move]
    return (-1.0) ** np.rint(crossed @ np.linalg.inv(UNIT * np.array(lattice.vectors)))[:, 0]
