"""Moves that reverse one spin or exchange two: the only ones of which amplitudes know ratios."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from erlangen.physics.spins import Hamiltonian


def exchanged(law: Hamiltonian) -> tuple[np.ndarray | None, np.ndarray]:
    """(first, last) site of every move, -1 where it flips a single spin; None where moves are not as simple."""
    count = law.flips.sum(axis=1)
    if not (np.all(count == 1) or (np.all(count == 2) and law.n_up is not None)):
        return None, count
    first = law.flips.argmax(axis=1)
    last = law.n_sites - 1 - law.flips[:, ::-1].argmax(axis=1)
    return first, np.where(count == 1, -1, last)


def moves_of_images(
    law: Hamiltonian, images: Int[Array, "g sites"]
) -> tuple[Int[Array, "g moves"], Bool[Array, "g moves"]]:
    """(which move of s' = s[image] every simple move of s is, whether it is one of the law at all)."""
    first, last = exchanged(law)
    if first is None:
        raise ValueError("moves are not simple: there are no ratios to ask for")
    last = np.where(last < 0, first, last)
    number = np.full((law.n_sites, law.n_sites), -1)
    number[first, last] = number[last, first] = np.arange(len(first))
    back = jnp.argsort(images, axis=1)
    found = jnp.asarray(number)[back[:, first], back[:, last]]
    return found, found >= 0
