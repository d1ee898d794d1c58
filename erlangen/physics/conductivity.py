"""Heat carried by phonons, in the relaxation-time approximation: each mode loses what it carries to pairs of others.

    kappa = 1/(N V) sum_l C_l v_l v_l^T / (2 Gamma_l),                                          l: a mode, m at q
    Gamma_l = pi hbar / (16 N) sum_{l' l''} |V_{l l' l''}|^2 / (w_l w_l' w_l'')
              { (n' + n'' + 1) delta(w - w' - w'') + (n' - n'') [delta(w + w' - w'') - delta(w - w' + w'')] }

V: third derivatives (`anharmonic`) along eigenvectors over square roots of masses; N wave vectors of a mesh; n: Bose
and Einstein; half-widths Gamma, lifetimes 1 / (2 Gamma). Only wave vectors that symmetry leaves different are computed:
first those of l, then those of l' that the rotations that keep l, and the exchange of l' and l'', leave. Where modes
are degenerate, Gamma is their mean and v v^T the trace over them, so nothing depends on the choice of eigenvectors.

Units: Gamma in THz as phono3py has it (Gamma / 2 pi), kappa in W/(m K). Delta functions are Gaussians whose width is
given in THz; compare results of one mesh and one width. Togo, Chaput and Tanaka 2015, doi:10.1103/PhysRevB.91.094306;
isotopes: Tamura 1983, doi:10.1103/PhysRevB.27.858.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Complex, Float, Int

from erlangen.core.arrays import AnyArray

from .anharmonic import cubic
from .phonons import STILL, Phonons
from .units import AMU, BOLTZMANN, PLANCK, THZ

HBAR = PLANCK / (2 * np.pi)  # eV fs
WATT = 1.602176634e6  # W/(m K) in eV / (K A fs)
SAME = 1e-4  # THz: modes that are closer are degenerate
MEMORY = 2**23  # numbers of couplings that are held at once


@dataclasses.dataclass(frozen=True)
class Conductivity:
    """kappa [temperatures, 3, 3] in W/(m K); of the wave vectors `q` with their `weights`: frequencies [THz] and
    half-widths Gamma / 2 pi [temperatures, waves, modes] in THz.
    """

    temperatures: Float[np.ndarray, " t"]
    kappa: Float[np.ndarray, "t 3 3"]
    q: Float[np.ndarray, "waves 3"]
    weights: Float[np.ndarray, " waves"]
    frequencies: Float[np.ndarray, "waves modes"]
    widths: Float[np.ndarray, "t waves modes"]

    @property
    def mean(self) -> Float[np.ndarray, " t"]:
        """A third of the trace: what a polycrystal of cubic grains has."""
        return np.trace(self.kappa, axis1=1, axis2=2) / 3


def conductivity(
    crystal: Phonons,
    shape: Sequence[int],
    temperatures: Float[AnyArray, " t"],
    width: float = 0.1,
    isotopes: Float[AnyArray, " atoms"] | None = None,
) -> Conductivity:
    """On a mesh through Gamma of `shape`, with Gaussians of standard deviation `width` [THz].

    isotopes: sum_i f_i (1 - m_i / m)^2 of each atom, for scattering by their disorder (2.01e-4 for silicon).
    """
    t, zone = np.asarray(temperatures, float).reshape(-1), Zone.of(crystal, shape)
    nu, e = crystal.modes(zone.q)
    omega = 2 * np.pi * THZ * np.where(nu > STILL, nu, np.nan)  # 1/fs; what stands still takes no part
    bose = 1 / np.expm1(HBAR * omega / (BOLTZMANN * t[:, None, None]))
    gamma = np.zeros((len(t), len(zone.different), nu.shape[1]))
    spread = 2 * np.pi * THZ * width
    for pairs in _portions(zone.pairs(), nu.shape[1]):
        first, second, third = pairs.places.T
        strength = _strengths(crystal, zone, e, pairs.places) / _triple(omega, pairs.places)
        share = pairs.weights[:, None, None, None] * np.nan_to_num(strength)
        one, two, three = omega[first][:, :, None, None], omega[second][:, None, :, None], omega[third][:, None, None]
        decay, gain = _gauss(one - two - three, spread), _gauss(one + two - three, spread)
        gain -= _gauss(one - two + three, spread)
        for i, n in enumerate(bose):
            n2, n3 = n[second][:, None, :, None], n[third][:, None, None]
            found = np.nansum(share * ((n2 + n3 + 1) * decay + (n2 - n3) * gain), (2, 3))
            np.add.at(gamma[i], pairs.rows, found)
    gamma *= np.pi * HBAR / (16 * len(zone.q)) / AMU**3
    if isotopes is not None:
        gamma += _by_isotopes(zone, omega, e, np.asarray(isotopes, float), spread)
    return _summed(crystal, zone, nu, e, gamma, t)


def _summed(crystal: Phonons, zone: Zone, nu: np.ndarray, e: np.ndarray, gamma: np.ndarray, t: np.ndarray):
    """From half-widths [1/fs] to what flows."""
    at, weights = zone.different, zone.weights
    gamma = np.stack([_even(nu[at], one) for one in gamma])
    flow = _flow(crystal, zone.q[at], nu[at], e[at])
    moving = nu[at] > STILL
    x = HBAR * 2 * np.pi * THZ * np.where(moving, nu[at], 1.0) / (BOLTZMANN * t[:, None, None])
    heat = BOLTZMANN * x**2 * np.exp(-x) / np.expm1(-x) ** 2
    life = np.where(moving & (gamma > 0), 0.5 / np.where(gamma > 0, gamma, 1.0), 0.0)
    volume = abs(np.linalg.det(np.asarray(crystal.x.cell, float)))
    kappa = WATT / volume * np.einsum("w,twm,wmab->tab", weights, heat * life, flow)
    turned = np.einsum("rac,tcd,rbd->tab", zone.rotations, kappa, zone.rotations) / len(zone.rotations)
    return Conductivity(t, turned, zone.q[at], weights, nu[at], gamma / (2 * np.pi * THZ))


def _strengths(
    crystal: Phonons, zone: Zone, e: Complex[np.ndarray, "waves modes modes"], places: Int[np.ndarray, "pairs 3"]
) -> Float[np.ndarray, "pairs modes modes modes"]:
    """|V|^2 [eV^2 / (A^6 amu^3)]."""
    root = 1 / np.sqrt(np.repeat(crystal.masses, 3))
    one, two, three = (root[:, None] * e[column] for column in places.T)
    found = np.einsum("pabc,pck->pabk", cubic(crystal, zone.q[places[:, :2]]), three.conj())
    found = np.einsum("pabk,pbj->pajk", found, two)
    return np.abs(np.einsum("pajk,pai->pijk", found, one)) ** 2


def _triple(omega: Float[np.ndarray, "waves modes"], places: Int[np.ndarray, "pairs 3"]) -> np.ndarray:
    """w w' w''."""
    one, two, three = (omega[column] for column in places.T)
    return one[:, :, None, None] * two[:, None, :, None] * three[:, None, None, :]


def _gauss(x: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-0.5 * (x / width) ** 2) / (width * np.sqrt(2 * np.pi))


def _by_isotopes(
    zone: Zone, omega: np.ndarray, e: np.ndarray, disorder: Float[np.ndarray, " atoms"], width: float
) -> Float[np.ndarray, "different modes"]:
    """Gamma = pi w^2 / (4 N) sum_{l'} delta(w - w') sum_k g_k |e_k* . e'_k|^2 [1/fs]."""
    n_waves, n = len(omega), len(disorder)
    parts = e.reshape(n_waves, n, 3, -1)
    found = np.zeros((len(zone.different), omega.shape[1]))
    for row, at in enumerate(zone.different):
        overlap = np.einsum("k,wkmj->wmj", disorder, np.abs(np.einsum("kam,wkaj->wkmj", parts[at].conj(), parts)) ** 2)
        found[row] = np.nansum(overlap * _gauss(omega[at][:, None] - omega[:, None, :], width), (0, 2))
    return np.nan_to_num(found * np.pi * omega[zone.different] ** 2 / (4 * n_waves))


def _flow(crystal: Phonons, q: np.ndarray, nu: np.ndarray, e: np.ndarray) -> Float[np.ndarray, "waves modes 3 3"]:
    """v v^T [A^2/fs^2], summed over what is degenerate: Re v_mn v_nm with v = e+ (dD/dk) e / (2 w)."""
    slope = np.einsum("wam,wabc,wbn->wmnc", e.conj(), crystal.slopes(q), e) / AMU
    together = np.abs(nu[:, :, None] - nu[:, None]) < SAME
    squares = np.einsum("wmna,wnmb,wmn->wmab", slope, slope, together).real
    omega = 2 * np.pi * THZ * np.where(nu > STILL, nu, np.inf)
    return squares / (4 * omega**2)[..., None, None]


def _even(nu: Float[np.ndarray, "waves modes"], values: Float[np.ndarray, "waves modes"]) -> np.ndarray:
    """The mean over degenerate modes."""
    together = (np.abs(nu[:, :, None] - nu[:, None]) < SAME).astype(float)
    return np.einsum("wmn,wn->wm", together, values) / together.sum(2)


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Processes l -> l' + l''. rows: of l among the different wave vectors; places [pairs, 3]: of q, q', q + q' in the
    mesh; weights: how many pairs one stands for.
    """

    rows: Int[np.ndarray, " pairs"]
    places: Int[np.ndarray, "pairs 3"]
    weights: Float[np.ndarray, " pairs"]


@dataclasses.dataclass(frozen=True)
class Zone:
    """A mesh through Gamma with the symmetry of the crystal. `different`: places in the mesh that it leaves, with
    their share; turns: rotations of wave vectors; rotations: the same, Cartesian.
    """

    shape: Int[np.ndarray, " 3"]
    q: Float[np.ndarray, "waves 3"]
    turns: Int[np.ndarray, "rotations 3 3"]
    rotations: Float[np.ndarray, "rotations 3 3"]
    different: Int[np.ndarray, " different"]
    weights: Float[np.ndarray, " different"]

    @classmethod
    def of(cls, crystal: Phonons, shape: Sequence[int]) -> Zone:
        """Of spglib's space group; rotations that the mesh has not are left out."""
        import spglib

        cell = np.asarray(crystal.x.cell, float)
        inside = np.asarray(crystal.x.positions, float) @ np.linalg.inv(cell)
        kinds = np.unique(np.stack([crystal.x.atomic_numbers, crystal.masses]), axis=1, return_inverse=True)[1]
        found = spglib.get_symmetry((cell.tolist(), inside.tolist(), kinds.ravel().tolist()))
        size = np.asarray(shape, int)
        rotations = np.eye(3)[None] if found is None else found["rotations"]
        turns = np.unique(np.swapaxes(np.linalg.inv(rotations).round().astype(int), 1, 2), axis=0)
        turns = np.array([w for w in turns if _fits(w, size)])
        addresses = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), -1).reshape(-1, 3)
        both = np.concatenate([turns, -turns])  # w(-q) = w(q)
        first = np.min([_place(_turned(addresses, w, size), size) for w in both], 0)
        kept, counts = np.unique(first, return_counts=True)
        out_of = np.linalg.inv(cell)  # q to k: k = 2 pi q B, B = (cell^-1)^T
        cartesian = np.einsum("ij,rjk,kl->ril", out_of, turns.astype(float), np.linalg.inv(out_of))
        return cls(size, addresses / size, turns, cartesian, kept, counts / counts.sum())

    def pairs(self) -> Iterator[Pairs]:
        """For each of the `different` wave vectors the processes that are different."""
        addresses = np.round(self.q * self.shape).astype(int)
        every = np.arange(len(addresses))
        for row, at in enumerate(self.different):
            keep = [w for w in self.turns if _place(_turned(addresses[at], w, self.shape), self.shape) == at]
            images = [_place(_turned(addresses, w, self.shape), self.shape) for w in keep]
            other = _place((-addresses[at] - addresses) % self.shape, self.shape)
            first = np.min([*images, *(other[image] for image in images)], 0)
            kept, counts = np.unique(first, return_counts=True)
            last = _place((addresses[at] + addresses[kept]) % self.shape, self.shape)
            places = np.stack([np.full(len(kept), at), every[kept], last], 1)
            yield Pairs(np.full(len(kept), row), places, counts.astype(float))


def _fits(turn: Int[np.ndarray, "3 3"], size: Int[np.ndarray, " 3"]) -> bool:
    """Whether a rotation takes the mesh to itself."""
    image = np.diag(size) @ turn @ np.linalg.inv(np.diag(size))
    return bool(np.allclose(image, image.round(), atol=1e-9))


def _turned(addresses: Int[np.ndarray, "*waves 3"], turn: Int[np.ndarray, "3 3"], size: Int[np.ndarray, " 3"]):
    """Addresses on the mesh of turned wave vectors."""
    image = np.diag(size) @ turn @ np.linalg.inv(np.diag(size))
    return (addresses @ image.round().astype(int).T) % size


def _place(addresses: Int[np.ndarray, "*waves 3"], size: Int[np.ndarray, " 3"]) -> Int[np.ndarray, "*waves"]:
    return (addresses[..., 0] * size[1] + addresses[..., 1]) * size[2] + addresses[..., 2]


def _portions(pairs: Iterator[Pairs], modes: int) -> Iterator[Pairs]:
    """Of all wave vectors together, as many as memory holds."""
    whole = [np.concatenate(part) for part in zip(*((p.rows, p.places, p.weights) for p in pairs), strict=True)]
    size = max(MEMORY // modes**3, 1)
    for start in range(0, len(whole[0]), size):
        yield Pairs(*(part[start : start + size] for part in whole))
