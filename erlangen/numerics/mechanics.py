"""Derivatives as outputs: forces and stress from one reverse pass through an energy.

F_i = -dE/dr_i,     sigma = (1/V) dE/d epsilon   at   r -> r (1 + epsilon), h -> h (1 + epsilon), epsilon symmetric

V = |det h|; what does not fill space (a molecule, a slab without a third vector) has V = infinity, hence no stress.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.systems import Atoms
from .neighbours import Neighbours


@runtime_checkable
class Surface(Protocol):
    """An energy that is a sum over atoms, each of which sees what its list of neighbours holds: what simulations take.

    A law (`physics.interatomic`) and a fitted potential are surfaces alike.
    """

    @property
    def cutoff(self) -> float:
        """How far a list of neighbours has to reach [A]."""
        ...

    def prepare(self, x: Atoms) -> Atoms:
        """`x` with a list of neighbours where it needs one; outside of compiled code."""
        ...

    def check(self, x: Atoms) -> None:
        """Raise `Invalid` where there is no answer for `x`: an element that was never seen."""
        ...

    def shares(self, x: Atoms) -> Float[Array, " n"]:
        """What each atom adds to the energy [eV], up to constants of the elements."""
        ...


@runtime_checkable
class PairSurface(Surface, Protocol):
    """A surface that can also be asked by its pairs, shares(x) = of_pairs(x.atomic_numbers, near(x)): forces and stress
    are then derived by pairs, in less time.
    """

    def near(self, x: Atoms) -> Neighbours:
        """The pairs of `x` within the cutoff."""
        ...

    def of_pairs(self, atomic_numbers: Int[Array, " n"], near: Neighbours) -> Float[Array, " n"]:
        """What each atom adds to the energy [eV], from the pairs that it sees."""
        ...


def energy_and_forces(energy: Callable[[Atoms], Float[Array, ""]], x: Atoms) -> dict[str, Float[Array, "..."]]:
    """{"energy": [] in eV, "forces": [n, 3] in eV/A}; the forces are exactly the gradient, hence conservative."""
    value, gradient = jax.value_and_grad(lambda r: energy(x.replace(positions=r)))(x.positions)
    return {"energy": value, "forces": -gradient}


def energy_forces_stress(energy: Callable[[Atoms], Float[Array, ""]], x: Atoms) -> dict[str, Float[Array, "..."]]:
    """As `energy_and_forces`, and the stress [3, 3] in eV/A^3: symmetric, positive under tension."""
    found = mechanics(energy, x)
    return {name: found[name] for name in ("energy", "forces", "stress")}


def mechanics(energies: Callable[[Atoms], Float[Array, " n"]], x: Atoms) -> dict[str, Float[Array, "..."]]:
    """As `energy_forces_stress`, and the "energies" [n] in eV whose sum is differentiated, by the same pass."""

    def total(r: Float[Array, "n 3"], strain: Float[Array, "3 3"]) -> tuple[Float[Array, ""], Float[Array, " n"]]:
        found = energies(strained(x.replace(positions=r), strain))
        return jnp.sum(found), found

    positions = jnp.asarray(x.positions)
    (value, parts), (by_position, by_strain) = jax.value_and_grad(total, (0, 1), has_aux=True)(
        positions, jnp.zeros((3, 3), positions.dtype)
    )
    return {"energy": value, "energies": parts, "forces": -by_position, "stress": by_strain / volume(x)}


def by_pairs(surface: PairSurface, x: Atoms) -> dict[str, Float[Array, "..."]]:
    """As `mechanics` of the shares, derived by the pairs: the stress costs next to nothing.

        t_ij = (dE/dr_ij + dE/dr_ji) d_ij / r_ij + dE/dd_ij - dE/dd_ji

        F_i  = - sum_j t_ij,      sigma = (1/2V) sum_ij t_ij d_ij^T

    with the distances r and the displacements d as if they were independent.
    """
    near, numbers = surface.near(x), jnp.asarray(x.atomic_numbers)

    def energies(r: Float[Array, "n K"], d: list[Float[Array, "n K"]]) -> tuple[Array, Array]:
        found = surface.of_pairs(numbers, dataclasses.replace(near, displacements=jnp.stack(d, -1), distances=r))
        return jnp.sum(found), found

    # x, y and z apart: rows of three are several times slower on a CPU
    d = [near.displacements[..., a] for a in range(3)]
    (total, parts), (along, turning) = jax.value_and_grad(energies, (0, 1), has_aux=True)(near.distances, d)
    stretch = jnp.where(near.mask, along + near.at_reverse(along), 0.0) / near.distances
    pulls = [stretch * u + jnp.where(near.mask, s - near.at_reverse(s), 0.0) for u, s in zip(d, turning)]
    virial = 0.5 * jnp.stack([jnp.stack([jnp.sum(t * u) for u in d]) for t in pulls])
    sound = total * 0.0  # NaN where there is no answer, also for an atom that has no neighbours
    forces = sound - jnp.stack([jnp.sum(t, 1) for t in pulls], -1)
    stress = sound + 0.5 * (virial + virial.T) / volume(x)
    return {"energy": total, "energies": parts, "forces": forces, "stress": stress}


def mechanics_of(surface: Surface, x: Atoms) -> dict[str, Float[Array, "..."]]:
    """`by_pairs` where the surface can, else `mechanics` of its shares."""
    return by_pairs(surface, x) if isinstance(surface, PairSurface) else mechanics(surface.shares, x)


def strained(x: Atoms, strain: Float[Array, "3 3"]) -> Atoms:
    """`x` under the symmetric part of a strain, atoms and cell."""
    symmetric = 0.5 * (strain + strain.T)

    # in full precision also where matrix units round: the unit matrix apart, so that no strain changes nothing
    def deform(rows: Array) -> Array:
        return rows + jnp.matmul(rows, symmetric, precision=jax.lax.Precision.HIGHEST)

    r = jnp.asarray(x.positions)
    return x.replace(positions=deform(r), cell=deform(jnp.asarray(x.cell, r.dtype)))


def volume(x: Atoms) -> Float[Array, ""]:
    """Of the cell [A^3]; infinite where it has none."""
    found = jnp.abs(jnp.linalg.det(jnp.asarray(x.cell, jnp.asarray(x.positions).dtype)))
    return jnp.where(found > 0, found, jnp.inf)
