"""Phonons of a crystal from its unit cell alone: exact dynamical matrices at any wave vector, and what follows.

    D(q)_{ia,jb} = sum_R d^2E / dr_ia(0) dr_jb(R)  e^{2 pi i q . R} / sqrt(m_i m_j),        D e = omega^2 e

No supercell: the gradient of the energy is linearised on the graph of one cell and evaluated on Bloch waves
(`numerics.bloch`), for laws and for networks alike. So there is no cutoff of force constants and no displacement to
choose; D(q) is exact to rounding, and Hermitian and free of forces under shifts as far as the energy is.

Units: eV, A, amu; frequencies nu = omega / 2 pi in THz, imaginary ones as negative numbers. q in reciprocal lattice
vectors. Polar crystals: laws and networks of finite range have no splitting of longitudinal and transverse optical
modes at q -> 0. Born and Huang 1954; conventions of phonopy (Togo et al. 2023, doi:10.1088/1361-648X/acd831).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from erlangen.core.arrays import AnyArray
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics import bloch
from erlangen.numerics.mechanics import Surface
from erlangen.numerics.neighbour_lists import LABEL
from erlangen.numerics.precision import double

from .molecules import masses
from .units import AMU, BOLTZMANN, PLANCK, THZ

AT_ONCE = 8  # wave vectors whose matrices are in memory together
PORTIONS = (1, AT_ONCE, 4 * AT_ONCE)  # of wave vectors: each is compiled once, however many are asked for
SLOPE = 1e-3  # of a reciprocal lattice vector: the step for derivatives by q
STILL = 0.02  # THz: below it a mode counts as a shift of the crystal, and has no share in thermal sums
FORCE = 0.01  # eV/A: above it a structure is no minimum, and its frequencies are not those of a crystal


@dataclasses.dataclass(frozen=True)
class Phonons:
    """The crystal `x`, with its list of neighbours, on `surface`. masses [atoms] in amu."""

    surface: Surface
    x: Atoms
    masses: Float[np.ndarray, " atoms"]

    @classmethod
    def of(cls, surface: Surface, x: Atoms, weights: Float[AnyArray, " atoms"] | None = None) -> Phonons:
        """Of a periodic crystal at a minimum of `surface`; `weights`: masses [amu], of isotopes."""
        if not np.all(x.pbc):
            raise Invalid(
                must="phonons are those of a crystal, periodic in three directions",
                came=f"pbc {np.asarray(x.pbc).tolist()}",
                do="Give the cell of a crystal; for a slab, add vacuum and say that it repeats.",
            )
        with double():
            ready = surface.prepare(x)
            surface.check(ready)
        found = masses(np.asarray(x.atomic_numbers)) if weights is None else np.asarray(weights, float)
        return cls(surface, ready, found)

    @functools.cached_property
    def force(self) -> float:
        """The largest [eV/A]: that of a minimum is 0."""
        with double():
            return float(jnp.max(jnp.abs(_slope(self.surface, self.x))))

    def matrices(self, q: Float[AnyArray, "waves 3"]) -> Complex[np.ndarray, "waves modes modes"]:
        """D(q) in eV / (A^2 amu), the Hermitian part; modes: 3 for each atom."""
        found = self.hessians(q) / np.sqrt(np.repeat(self.masses, 3)[:, None] * np.repeat(self.masses, 3))
        return 0.5 * (found + np.conj(np.swapaxes(found, 1, 2)))

    def hessians(self, q: Float[AnyArray, "waves 3"]) -> Complex[np.ndarray, "waves modes modes"]:
        """Second derivatives of the energy on waves [eV/A^2]."""
        q = np.asarray(q, float).reshape(-1, 3)
        size = next((n for n in PORTIONS if len(q) <= n), PORTIONS[-1])
        filled = np.pad(q, ((0, -len(q) % size), (0, 0)))
        with double():
            parts = [_hessians(self.surface, self.x, jnp.asarray(part)) for part in filled.reshape(-1, size, 3)]
            return np.concatenate([np.asarray(part) for part in parts])[: len(q)]

    def frequencies(self, q: Float[AnyArray, "waves 3"]) -> Float[np.ndarray, "waves modes"]:
        """nu(q) [THz], ascending; imaginary ones negative."""
        return in_terahertz(np.linalg.eigvalsh(self.matrices(q)))

    def modes(
        self, q: Float[AnyArray, "waves 3"]
    ) -> tuple[Float[np.ndarray, "waves modes"], Complex[np.ndarray, "waves modes modes"]]:
        """(nu(q) [THz], eigenvectors in columns)."""
        values, vectors = np.linalg.eigh(self.matrices(q))
        return in_terahertz(values), vectors

    def slopes(self, q: Float[AnyArray, "waves 3"]) -> Complex[np.ndarray, "waves modes modes 3"]:
        """dD/dk in eV / (A amu), k = 2 pi q in Cartesian directions; by differences of fourth order, which are good to
        1e-8 of D: it is smooth, and there is no further program to compile.
        """
        q = np.asarray(q, float).reshape(-1, 3)
        steps = np.array([-2, -1, 1, 2])[:, None, None] * SLOPE * np.eye(3)
        d = self.matrices((q[:, None, None] + steps).reshape(-1, 3))
        d = d.reshape(len(q), 4, 3, *d.shape[1:])
        by_q = (8 * (d[:, 2] - d[:, 1]) - (d[:, 3] - d[:, 0])) / (12 * SLOPE)
        return np.einsum("wiab,ic->wabc", by_q, np.asarray(self.x.cell, float) / (2 * np.pi))

    def defects(self) -> dict[str, float]:
        """What exact laws have not: {"sum rule": forces under a shift of the whole crystal, "hermiticity"}, relative to
        the largest force constant.
        """
        n = len(self.masses)
        still, wave = self.hessians(np.array([[0.0, 0.0, 0.0], [0.13, 0.29, 0.41]]))
        shift = np.abs(still.reshape(n, 3, n, 3).sum(2)).max()
        twist = np.abs(wave - wave.conj().T).max()
        scale = np.abs(wave).max()
        return {"sum rule": float(shift / scale), "hermiticity": float(twist / scale)}


def in_terahertz(values: Float[np.ndarray, "*modes"]) -> Float[np.ndarray, "*modes"]:
    """Frequencies nu [THz] of eigenvalues of D [eV / (A^2 amu)]; negative where those are."""
    return np.sign(values) * np.sqrt(np.abs(values) / AMU) / (2 * np.pi * THZ)


@eqx.filter_jit
def _slope(surface: Surface, x: Atoms) -> Float[Array, "n 3"]:
    return gradient(surface, x)(jnp.asarray(x.positions, jnp.float64))


def gradient(surface: Surface, x: Atoms) -> Callable[[Float[Array, "n 3"]], Float[Array, "n 3"]]:
    """Of the energy [eV/A], as a function of positions."""
    return jax.grad(lambda r: jnp.sum(surface.shares(x.replace(positions=r))))


@eqx.filter_jit
def _hessians(surface: Surface, x: Atoms, q: Float[Array, "waves 3"]) -> Complex[Array, "waves modes modes"]:
    """One program for all crystals of one size: linearised at `x`, then evaluated on every wave."""
    return jax.lax.map(_hessian(surface, x), q, batch_size=AT_ONCE)


def _hessian(surface: Surface, x: Atoms) -> Callable[[Float[Array, " 3"]], Complex[Array, "modes modes"]]:
    """Of a wave vector."""
    r = jnp.asarray(x.positions, jnp.float64)
    program, shifts, n = bloch.derivative(gradient(surface, x), r), x.labels[LABEL].shifts, len(r)
    unit = jnp.eye(3 * n, dtype=r.dtype).reshape(3 * n, n, 3)

    def one(q: Float[Array, " 3"]) -> Complex[Array, "modes modes"]:
        def column(u: Float[Array, "n 3"]) -> Complex[Array, "n 3"]:
            return bloch.on_wave(program.jaxpr, program.consts, jax.lax.complex(u, 0 * u), q, shifts)

        return jax.vmap(column)(unit).reshape(3 * n, 3 * n).T

    return one


def mesh(
    shape: Sequence[int], x: Atoms | None = None
) -> tuple[Float[np.ndarray, "waves 3"], Float[np.ndarray, " waves"]]:
    """(q, weights) of a mesh through Gamma; with the crystal `x`, only those that its symmetry and the reversal of time
    leave different (spglib; Togo, Shinohara and Tanaka 2024, doi:10.1080/27660400.2024.2384822). Weights add up to 1.
    """
    import spglib

    if x is None:
        points = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), -1).reshape(-1, 3)
        return points, np.full(len(points), 1 / len(points))
    inside = np.asarray(x.positions) @ np.linalg.inv(np.asarray(x.cell, float))
    crystal = np.asarray(x.cell).tolist(), inside.tolist(), np.asarray(x.atomic_numbers).tolist()
    places, addresses = spglib.get_ir_reciprocal_mesh(list(shape), crystal, is_shift=[0, 0, 0], is_time_reversal=True)
    kept, counts = np.unique(places, return_counts=True)
    return addresses[kept] / np.asarray(shape), counts / counts.sum()


def density_of_states(
    frequencies: Float[np.ndarray, "waves modes"],
    weights: Float[np.ndarray, " waves"],
    grid: Float[np.ndarray, " points"],
    width: float = 0.1,
) -> Float[np.ndarray, " points"]:
    """States per THz and cell on `grid` [THz], each mode a Gaussian of standard deviation `width` [THz]."""
    found = np.zeros(len(grid))
    for row, weight in zip(frequencies, weights, strict=True):
        gauss = np.exp(-0.5 * ((grid[:, None] - row) / width) ** 2) / (width * np.sqrt(2 * np.pi))
        found += weight * gauss.sum(1)
    return found


@dataclasses.dataclass(frozen=True)
class Thermal:
    """Harmonic crystal at `temperatures` [K], per cell: free energy [eV], entropy and heat capacity C_V [eV/K].

    left_out: share of the modes that are imaginary or stand still (below 0.02 THz).
    """

    temperatures: Float[np.ndarray, " t"]
    free_energy: Float[np.ndarray, " t"]
    entropy: Float[np.ndarray, " t"]
    heat_capacity: Float[np.ndarray, " t"]
    left_out: float


def thermal(
    frequencies: Float[np.ndarray, "waves modes"],
    weights: Float[np.ndarray, " waves"],
    temperatures: Float[AnyArray, " t"],
) -> Thermal:
    """F = sum [ h nu / 2 + k T ln(1 - e^-x) ],    C_V = k sum x^2 e^x / (e^x - 1)^2,    x = h nu / k T."""
    t = np.asarray(temperatures, float)
    share = np.broadcast_to(np.asarray(weights)[:, None], frequencies.shape)
    kept = frequencies > STILL
    energy, share = PLANCK * THZ * frequencies[kept], share[kept]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        x = energy / (BOLTZMANN * t[:, None])
        boltzmann = np.exp(-x)
        free = energy / 2 + np.where(t[:, None] > 0, BOLTZMANN * t[:, None] * np.log1p(-boltzmann), 0.0)
        number = boltzmann / (-np.expm1(-x))
        heat = np.where(boltzmann > 0, x**2 * number / (-np.expm1(-x)), 0.0) * BOLTZMANN
        inner = energy * (0.5 + number)
        entropy = np.where(t[:, None] > 0, (inner - free) / t[:, None], 0.0)
    total = float(np.sum(weights) * frequencies.shape[1])
    left = 1.0 - float(share.sum()) / total
    return Thermal(t, free @ share, entropy @ share, heat @ share, left)


def grueneisen(
    surface: Surface, x: Atoms, q: Float[AnyArray, "waves 3"], step: float = 0.003
) -> Float[np.ndarray, "waves modes"]:
    """gamma = -(V / 2 omega^2) e+ (dD/dV) e by a central difference over volumes 1 +- `step`; ions at their places in
    the cell. NaN where a mode stands still.
    """
    nu, e = Phonons.of(surface, x).modes(q)
    lower, upper = (Phonons.of(surface, swollen(x, 1 + s)).matrices(q) for s in (-step, step))
    slope = np.einsum("qam,qab,qbm->qm", e.conj(), (upper - lower) / (2 * step), e).real
    omega = AMU * (2 * np.pi * THZ * nu) ** 2
    return np.where(np.abs(nu) > STILL, -slope / (2 * np.where(np.abs(nu) > STILL, omega, 1.0)), np.nan)


def mean_grueneisen(
    surface: Surface, x: Atoms, q: Float[AnyArray, "waves 3"], weights: Float[np.ndarray, " waves"], temperature: float
) -> float:
    """sum_l gamma_l C_l / sum_l C_l, over the modes of a mesh: what drives thermal expansion."""
    nu = Phonons.of(surface, x).frequencies(q)
    half = np.where(nu > STILL, PLANCK * THZ * np.maximum(nu, STILL) / (2 * BOLTZMANN * temperature), np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        heat = np.where(nu > STILL, (half / np.sinh(half)) ** 2, 0.0) * np.asarray(weights)[:, None]
    return float(np.sum(heat * np.nan_to_num(grueneisen(surface, x, q))) / np.sum(heat))


def swollen(x: Atoms, factor: float) -> Atoms:
    """The crystal with its volume times `factor`."""
    length = factor ** (1 / 3)
    return Atoms(np.asarray(x.positions) * length, x.atomic_numbers, np.asarray(x.cell) * length, x.pbc)


@dataclasses.dataclass(frozen=True)
class Path:
    """A way through the Brillouin zone. distance along it [2 pi / A]; labels: (place on the axis, name)."""

    q: Float[np.ndarray, "waves 3"]
    distance: Float[np.ndarray, " waves"]
    labels: tuple[tuple[float, str], ...]


def path(x: Atoms, points: int = 120) -> Path:
    """Through the special points of the lattice of `x` (Setyawan and Curtarolo 2010,
    doi:10.1016/j.commatsci.2010.05.010, as ASE has them).
    """
    import ase

    lattice = ase.Atoms(cell=np.asarray(x.cell), pbc=True).cell
    way = lattice.bandpath(npoints=points)
    distance, places, names = way.get_linear_kpoint_axis()
    return Path(way.kpts, distance, tuple(zip(map(float, places), names, strict=True)))
