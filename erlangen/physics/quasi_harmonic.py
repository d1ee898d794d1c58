"""Thermal expansion of a crystal: harmonic at every volume, with frequencies that change with it.

    F(V, T) = E(V) + F_vib(V, T),       F = sum_{k=0..3} f_k V^{-2k/3}          (Birch and Murnaghan, third order)
    V(T): dF/dV = 0,    B = V d2F/dV2,    alpha = (dS/dV) / (V d2F/dV2),    C_p = C_V + T V alpha^2 B

at no pressure. Entropy and heat capacity are fitted in the same powers of V, so that alpha needs no difference over
temperatures. The cell swells alike in all directions with its atoms at their places in it: right for cubic crystals
whose atoms have no freedom, an approximation for others. Good up to half of the melting temperature or so; beyond,
what is left of anharmonicity counts. Birch 1947, doi:10.1103/PhysRev.71.809; Togo et al. 2023,
doi:10.1088/1361-648X/acd831.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from erlangen.core.arrays import AnyArray
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics.mechanics import Surface
from erlangen.numerics.precision import double

from .phonons import STILL, Phonons, mesh, swollen, thermal
from .units import GPA

VOLUMES = (0.96, 0.98, 1.0, 1.02, 1.04, 1.06, 1.08)  # of the crystal that is given, at its least energy
POWERS = np.arange(4) * -2 / 3


@dataclasses.dataclass(frozen=True)
class Expansion:
    """At `temperatures` [K], per cell: volume [A^3], linear expansion alpha / 3 and volume expansion alpha [1/K],
    isothermal bulk modulus [GPa], heat capacities at constant volume and pressure [eV/K], free energy [eV].

    misfit: the largest distance of a free energy from the fitted curve [eV].
    """

    temperatures: Float[np.ndarray, " t"]
    volume: Float[np.ndarray, " t"]
    expansion: Float[np.ndarray, " t"]
    bulk_modulus: Float[np.ndarray, " t"]
    heat_capacity_v: Float[np.ndarray, " t"]
    heat_capacity_p: Float[np.ndarray, " t"]
    free_energy: Float[np.ndarray, " t"]
    misfit: float

    @property
    def linear(self) -> Float[np.ndarray, " t"]:
        """A third of the expansion of the volume [1/K]."""
        return self.expansion / 3

    @property
    def grueneisen(self) -> Float[np.ndarray, " t"]:
        """The thermodynamic one, V alpha B / C_V."""
        pressure = self.volume * self.expansion * self.bulk_modulus * GPA
        return np.divide(
            pressure, self.heat_capacity_v, where=self.heat_capacity_v > 0, out=np.full_like(pressure, np.nan)
        )


def quasi_harmonic(
    surface: Surface,
    x: Atoms,
    temperatures: Float[AnyArray, " t"],
    shape: Sequence[int] = (8, 8, 8),
    volumes: Sequence[float] = VOLUMES,
) -> Expansion:
    """Of the crystal `x`, at its least energy on `surface`; `volumes`: in units of its own, at least 4 of them."""
    t = np.asarray(temperatures, float).reshape(-1)
    if len(volumes) < len(POWERS):
        raise Invalid(must="four volumes or more fix the curve", came=f"{len(volumes)}", do="Leave volumes out.")
    own = abs(np.linalg.det(np.asarray(x.cell, float)))
    q, weights = mesh(shape, x)
    energies, heats = [], []
    for factor in volumes:
        crystal = Phonons.of(surface, swollen(x, factor))
        nu = crystal.frequencies(q)
        if nu.min() < -STILL:
            raise Invalid(
                must="the crystal is stable at every volume",
                came=f"a mode of {nu.min():.2f} THz at {factor:g} times the volume",
                do="Relax the crystal (erlangen relax --cell), or give volumes nearer to 1.",
            )
        with double():
            energies.append(float(_energy(surface, crystal.x)))
        heats.append(thermal(nu, weights, t))
    free = np.array(energies)[:, None] + np.array([one.free_energy for one in heats])
    v = own * np.asarray(volumes, float)
    fits = [
        np.linalg.lstsq(_powers(v / own), values, rcond=None)[0]
        for values in (free, np.array([one.entropy for one in heats]), np.array([one.heat_capacity for one in heats]))
    ]
    misfit = float(np.abs(_powers(v / own) @ fits[0] - free).max())
    at = np.array([_least(column, volumes) for column in fits[0].T])
    stiffness, slope = _along(fits[0], at, 2) / own**2, _along(fits[1], at, 1) / own
    volume = own * at
    alpha, bulk = slope / (volume * stiffness), volume * stiffness
    constant = _along(fits[2], at, 0)
    at_pressure = constant + t * volume * alpha**2 * bulk
    return Expansion(t, volume, alpha, bulk / GPA, constant, at_pressure, _along(fits[0], at, 0), misfit)


@eqx.filter_jit
def _energy(surface: Surface, x: Atoms) -> Float[Array, ""]:
    return jnp.sum(surface.shares(x))


def _powers(v: Float[np.ndarray, " v"], order: int = 0) -> Float[np.ndarray, "v 4"]:
    """V^{-2k/3} and their derivatives."""
    found, powers = np.ones((len(v), 4)), POWERS.copy()
    for _ in range(order):
        found, powers = found * powers, powers - 1
    return found * v[:, None] ** powers


def _along(fit: Float[np.ndarray, "4 t"], v: Float[np.ndarray, " t"], order: int) -> Float[np.ndarray, " t"]:
    return np.einsum("tk,kt->t", _powers(v, order), fit)


def _least(fit: Float[np.ndarray, " 4"], volumes: Sequence[float]) -> float:
    """Where the curve has its minimum."""
    from scipy.optimize import brentq

    ends = float(min(volumes)), float(max(volumes))
    slope = [float(_powers(np.array([v]), 1)[0] @ fit) for v in ends]
    if not slope[0] < 0 < slope[1]:
        raise Invalid(
            must=f"the free energy has its minimum between {ends[0]:g} and {ends[1]:g} of the volume",
            came="none there: the crystal is under load, or swells out of the range",
            do="Relax the cell first, give a wider range of volumes, or lower temperatures.",
        )
    return float(brentq(lambda v: float(_powers(np.array([v]), 1)[0] @ fit), *ends, xtol=1e-12))  # type: ignore[arg-type]
