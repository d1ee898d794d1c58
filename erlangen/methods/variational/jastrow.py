"""Jastrow state: correlations of pairs of spins, one parameter per class of pairs that the lattice makes equal.

    log psi(s) = sum_{i<j} v_{c(i,j)} s_i s_j

(Jastrow 1955, doi:10.1103/PhysRev.98.1479). Positive, even under the spin flip; the usual baseline above mean field.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from erlangen.learn.variational import Wavefunction
from erlangen.physics.spins import Hamiltonian

from ._ansatz import Ansatz


@dataclasses.dataclass(frozen=True)
class Jastrow(Ansatz["JastrowState"]):
    samples: int = 1024  # per step
    sweeps: float = 1.0  # Metropolis sweeps between samples
    rate: float = 0.1  # natural-gradient step
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    n_keys: ClassVar[int] = 0  # it starts from psi = 1

    def amplitude(self, law: Hamiltonian) -> JastrowState:
        group = law.lattice.space_group
        classes = pair_classes(group)
        return JastrowState(jnp.zeros(classes.max(), jnp.float64), jnp.asarray(classes), jnp.asarray(group))


class JastrowState(Wavefunction):
    """strengths [classes]; classes [sites, sites] with 0 on the diagonal and c(i, j) >= 1 elsewhere."""

    strengths: Float[Array, " classes"]
    classes: Int[Array, "sites sites"]
    permutations: Int[Array, "elements sites"]

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Float[Array, ""]:
        couplings = jnp.concatenate([jnp.zeros(1, self.strengths.dtype), self.strengths])[self.classes]
        spins = jnp.asarray(spins, couplings.dtype)
        return spins @ couplings @ spins / 2

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return np.asarray(self.permutations), True


def pair_classes(group: Int[np.ndarray, "elements sites"]) -> Int[np.ndarray, "sites sites"]:
    """Class of every pair under site permutations: 0 on the diagonal, then 1, 2 ..."""
    n_sites = group.shape[1]
    images = group[:, :, None] * n_sites + group[:, None, :]
    smallest = np.minimum(images, np.swapaxes(images, 1, 2)).min(axis=0)
    # a site with itself is marked apart, whichever orbit of sites it lies in
    smallest[np.diag_indices(n_sites)] = -1
    return np.unique(smallest, return_inverse=True)[1].reshape(n_sites, n_sites)
