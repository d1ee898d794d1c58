"""Derivatives as outputs: forces and stress from one reverse pass through an energy.

F_i = -dE/dr_i,     sigma = (1/V) dE/d epsilon   at   r -> r (1 + epsilon), h -> h (1 + epsilon), epsilon symmetric
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ..core.systems import Atoms


def energy_and_forces(energy: Callable[[Atoms], Array], x: Atoms) -> dict[str, Array]:
    """{"energy": [] in eV, "forces": [n, 3] in eV/A}; the forces are exactly the gradient, hence conservative."""
    value, gradient = jax.value_and_grad(lambda r: energy(x.replace(positions=r)))(x.positions)
    return {"energy": value, "forces": -gradient}


def energy_forces_stress(energy: Callable[[Atoms], Array], x: Atoms) -> dict[str, Array]:
    """As `energy_and_forces`, and the stress [3, 3] in eV/A^3 (positive under tension) of a periodic system."""
    positions = jnp.asarray(x.positions)
    value, (by_position, by_strain) = jax.value_and_grad(_strained(energy, x), (0, 1))(
        positions, jnp.zeros((3, 3), positions.dtype)
    )
    return {"energy": value, "forces": -by_position, "stress": by_strain / _volume(x)}


def _strained(energy: Callable[[Atoms], Array], x: Atoms) -> Callable[[Array, Array], Array]:
    """The energy as a function of positions and a symmetric strain of everything."""

    def of(r: Array, strain: Array) -> Array:
        deform = jnp.eye(3, dtype=strain.dtype) + 0.5 * (strain + strain.T)
        return energy(x.replace(positions=r @ deform, cell=x.cell @ deform))

    return of


def _volume(x: Atoms) -> Array:
    return jnp.abs(jnp.linalg.det(jnp.asarray(x.cell, jnp.asarray(x.positions).dtype)))
