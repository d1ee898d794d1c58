"""The embedded atom method in closed form: sixteen metals and their alloys, one set of functions.

    E = sum_i F_i(rho_i) + 1/2 sum_{i /= j} phi_ij(r_ij),      rho_i = sum_j f_j(r_ij)

    f(r)   = f_e g(r; beta, lambda),                 g(r; b, c) = exp[-b (r / r_e - 1)] / [1 + (r / r_e - c)^20]
    phi(r) = A g(r; alpha, kappa) - B g(r; beta, lambda),      phi_ab = 1/2 [f_b / f_a phi_aa + f_a / f_b phi_bb]

    F(rho) = sum_k Fn_k (rho / rho_n - 1)^k                          rho < rho_n
             sum_k F_k (rho / rho_e - 1)^k                           rho < 1.15 rho_e
             Fe [1 - eta ln(rho / rho_s)] (rho / rho_s)^eta          else

Zhou, Johnson and Wadley 2004, doi:10.1103/PhysRevB.69.144113, with the parameters that the authors distribute since
(NIST Interatomic Potentials Repository; Al and Ni differ from the printed table, where digits were exchanged). Cut at
sqrt(5) r_e of the largest element, as their tables are: a pair ends there with 1e-6 eV (Cu) to 3e-5 eV (Zr), and the
pieces of F meet to 5e-7 eV. Alloys come from a rule of mixing that was fitted to none.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Sequence
from importlib import resources

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from erlangen.core.arrays import AnyArray
from erlangen.core.errors import unknown
from erlangen.numerics.neighbours import Neighbours
from erlangen.numerics.precision import double

from .eam import Tables
from .law import Law, by_atomic_number

Parameters = dict[str, Float[Array, "..."]]


@functools.cache
def parameters() -> dict[int, dict[str, float]]:
    """Of each element by atomic number; energies in eV, r_e in A."""
    from ase.data import atomic_numbers

    text = resources.files("erlangen.physics.interatomic").joinpath("zhou.csv").read_text(encoding="utf-8")
    rows = {atomic_numbers[row.pop("element")]: row for row in csv.DictReader(text.splitlines())}
    return {z: {name: float(value) for name, value in row.items()} for z, row in sorted(rows.items())}


class Zhou(Law):
    """The sixteen metals, or those that are asked for: `Zhou.of("Cu")` sees less far."""

    elements: tuple[int, ...] = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)

    @classmethod
    def of(cls, *names: str) -> Zhou:
        """For these elements; for all without a name."""
        from ase.data import atomic_numbers, chemical_symbols

        known = {chemical_symbols[z]: z for z in parameters()}
        for name in names:
            if name not in known:
                raise unknown("an element of Zhou's embedded atom potentials", name, known)
        chosen = tuple(sorted({atomic_numbers[name] for name in names or known}))
        return cls(elements=chosen, cutoff=float(np.sqrt(5) * max(parameters()[z]["re"] for z in chosen)))

    def among(self, atomic_numbers: Int[AnyArray, " n"], near: Neighbours) -> Float[Array, " n"]:
        """Embedding, and half of each pair."""
        atom = _of_atoms(self.elements, atomic_numbers, near.distances)
        pair = {name: value[:, None] for name, value in atom.items()}
        f, phi = density(pair, near.distances), own_pair(pair, near.distances)
        # the same with the parameters of the sender is, seen from it, the value of the reverse pair
        f_other, phi_other = near.at_reverse(f), near.at_reverse(phi)
        rho = jnp.sum(jnp.where(near.mask, f_other, 0.0), 1)
        mixed = 0.5 * (f_other / f * phi + f / f_other * phi_other)
        return embedding(atom, rho) + 0.5 * jnp.sum(jnp.where(near.mask, mixed, 0.0), 1)

    def tables(self, points: int = 2000) -> Tables:
        """The same functions at equidistant points, as files have them; constant below 0.5 A."""
        r, rho = np.linspace(0, self.cutoff, points), np.linspace(0, self._densest(), points)

        @jax.jit
        def curves(r: Array, rho: Array) -> tuple[Array, Array, Array]:
            atom = _of_atoms(self.elements, np.array(self.elements), r)
            p = {name: value[:, None] for name, value in atom.items()}
            return density(p, r), own_pair(p, r), embedding(p, rho)

        with double():
            f, phi, embedded = jax.device_get(curves(jnp.asarray(np.maximum(r, 0.5)), jnp.asarray(rho)))
        mixed = 0.5 * (f[None] / f[:, None] * phi[:, None] + f[:, None] / f[None] * phi[None])
        steps = {"dr": float(r[1]), "drho": float(rho[1])}
        return Tables(self.elements, self.cutoff, **steps, embedding=embedded, density=f, pair=r * mixed)

    def _densest(self) -> float:
        """Up to which density tables go: twice that of the densest crystal."""
        return max(100.0, *(2 * parameters()[z]["rho_e"] for z in self.elements))


def density(p: Parameters, r: Float[AnyArray, "..."]) -> Float[Array, "..."]:
    """f(r), what an atom with the parameters p brings to a neighbour."""
    return p["fe"] * _decay(r / p["re"], p["beta"], p["lambda"])


def own_pair(p: Parameters, r: Float[AnyArray, "..."]) -> Float[Array, "..."]:
    """phi(r) between two atoms of one element [eV]."""
    x = r / p["re"]
    return p["A"] * _decay(x, p["alpha"], p["kappa"]) - p["B"] * _decay(x, p["beta"], p["lambda"])


def embedding(p: Parameters, rho: Float[Array, "..."]) -> Float[Array, "..."]:
    """F(rho) [eV]."""
    inner = p["rho_n"] * p["rho_e"]
    outer = 1.15 * p["rho_e"]
    dense = jnp.maximum(rho, outer) / p["rho_s"]  # where the power is not meant, its derivative must be finite
    power = p["Fe"] * (1 - p["eta"] * jnp.log(dense)) * dense ** p["eta"]
    near = jnp.where(rho < outer, _cubic(p, "F", rho / p["rho_e"] - 1), power)
    return jnp.where(rho < inner, _cubic(p, "Fn", rho / inner - 1), near)


def _decay(
    x: Float[AnyArray, "..."], steepness: Float[Array, "..."], middle: Float[Array, "..."]
) -> Float[Array, "..."]:
    return jnp.exp(-steepness * (x - 1)) / (1 + (x - middle) ** 20)


def _cubic(p: Parameters, name: str, x: Float[Array, "..."]) -> Float[Array, "..."]:
    return p[f"{name}0"] + x * (p[f"{name}1"] + x * (p[f"{name}2"] + x * p[f"{name}3"]))


def _of_atoms(elements: Sequence[int], atomic_numbers: Int[AnyArray, " n"], like: Float[AnyArray, "..."]) -> Parameters:
    """Parameters of each atom, in the precision of `like`."""
    rows = np.array([list(parameters()[z].values()) for z in elements])
    found = jnp.asarray(by_atomic_number(elements, rows), like.dtype)[jnp.asarray(atomic_numbers)]
    return dict(zip(parameters()[elements[0]], found.T))
