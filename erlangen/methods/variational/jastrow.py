"""Jastrow state: correlations of pairs of spins, one parameter per class of pairs that the lattice makes equal.

    log psi(s) = sum_{i<j} v_{c(i,j)} s_i s_j

(Jastrow 1955, doi:10.1103/PhysRev.98.1479). Positive, even under the spin flip; the usual baseline above mean field.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from erlangen.contract import Budget, Method, Session, Signature, Variational
from erlangen.core.groups import Group, SiteSymmetry, SpinFlip
from erlangen.core.systems import SpinLattice
from erlangen.learn.variational import Settings, Wavefunction, minimise, spin_problem
from erlangen.numerics.precision import double


@dataclasses.dataclass(frozen=True)
class Jastrow(Method):
    samples: int = 1024  # per step
    sweeps: float = 1.0  # Metropolis sweeps between samples
    rate: float = 0.1  # natural-gradient step
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    accepts: ClassVar[Signature] = Signature(Variational, SpinLattice)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return SiteSymmetry, SpinFlip

    def fit(
        self, task: Variational, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> JastrowState:
        law = task.law
        classes = pair_classes(law.lattice.space_group)
        with double():
            group = jnp.asarray(law.lattice.space_group)
            psi = JastrowState(jnp.zeros(classes.max(), jnp.float64), jnp.asarray(classes), group)
        return minimise(psi, spin_problem(law), Settings.of(self), budget, key=key, session=session)


class JastrowState(Wavefunction):
    """strengths [classes]; classes [sites, sites] with 0 on the diagonal and c(i, j) >= 1 elsewhere."""

    strengths: Float[Array, " classes"]
    classes: Array
    permutations: Array

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Float[Array, ""]:
        couplings = jnp.concatenate([jnp.zeros(1, self.strengths.dtype), self.strengths])[self.classes]
        spins = jnp.asarray(spins, couplings.dtype)
        return spins @ couplings @ spins / 2

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return np.asarray(self.permutations), True


def pair_classes(group: np.ndarray) -> np.ndarray:
    """[sites, sites] class of every pair under site permutations [elements, sites]: 0 on the diagonal, then 1, 2 ..."""
    n_sites = group.shape[1]
    images = group[:, :, None] * n_sites + group[:, None, :]
    smallest = np.minimum(images, np.swapaxes(images, 1, 2)).min(axis=0)
    # a site with itself is marked apart, whichever orbit of sites it lies in
    smallest[np.diag_indices(n_sites)] = -1
    return np.unique(smallest, return_inverse=True)[1].reshape(n_sites, n_sites)
