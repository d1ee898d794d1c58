"""Lattice convolution network: features on sites, kernels that the whole space group of the lattice leaves as they are.

    h^0_i = s_i,        h^{l+1}_i = h^l_i + silu( b^l + sum_c W^l_c sum_{j in c(i)} h^l_j )
    log psi(s) = sum_i sum_a log cosh( u_a . h^L_i )

c(i): the sites j for which the pair (i, j) is of class c. Classes of pairs are the orbits of the space group, so
that log psi is invariant under all of it: a convolution with isotropic kernels. The spin flip is kept by odd features
(tanh instead of silu, no b) where the law has it. A second, imaginary u gives psi a sign structure. The role of group
convolutions (Roth and MacDonald 2021, arXiv:2104.05085) and of lattice convolutions (Fu et al. 2022, arXiv:2206.07370),
at a cost that does not grow with the point group.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, PRNGKeyArray, Shaped

from erlangen.learn.variational import Wavefunction
from erlangen.nn.log_cosh import log_cosh, log_product_cosh
from erlangen.physics.spins import Hamiltonian

from ._ansatz import Ansatz


@dataclasses.dataclass(frozen=True)
class LCN(Ansatz["LatticeConvolution"]):
    channels: int = 8  # features per site
    layers: int = 2  # convolutions
    weights: Literal["auto", "real", "complex"] = "auto"  # auto: real where the ground state is known to be positive
    samples: int = 1024  # per step
    rate: float | None = None  # natural-gradient step; None: by the number of sites
    shift: float = 1e-5  # final diagonal shift of the metric
    momentum: float = 0.95  # of the natural gradient (SPRING)
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    limits: ClassVar = {"channels": (1, 1024), "layers": (1, 64)}

    def amplitude(self, law: Hamiltonian, key: PRNGKeyArray) -> LatticeConvolution:
        is_complex = self.weights == "complex" or (self.weights == "auto" and not law.is_stoquastic)
        return LatticeConvolution.random(
            law.lattice.space_group, self.channels, self.layers, is_complex, odd=law.is_flip_symmetric, key=key
        )


class LatticeConvolution(Wavefunction):
    """The amplitude above. kernels: one [classes, out, in] per layer; classes [sites, sites] of ordered pairs."""

    kernels: list[Float[Array, "classes out in"]]
    biases: list[Float[Array, " out"]] | None
    head: Float[Array, "channels channels"]
    phase: Float[Array, "channels channels"] | None
    classes: Int[Array, "sites sites"]
    permutations: Int[Array, "elements sites"]

    @classmethod
    def random(
        cls, group: np.ndarray, channels: int, layers: int, is_complex: bool, *, odd: bool, key: PRNGKeyArray
    ) -> LatticeConvolution:
        """Weights with which log psi varies by about one between configurations."""
        classes = ordered_pair_classes(group)
        count, n_sites = int(classes.max()) + 1, len(classes)
        widths = [1] + [channels] * layers
        first, second, *keys = jax.random.split(key, 2 + layers)
        kernels = [
            jax.random.normal(k, (count, after, before), jnp.float64) * (before * n_sites) ** -0.5
            for k, before, after in zip(keys, widths, widths[1:], strict=False)
        ]
        biases = None if odd else [jnp.full(after, 0.1, jnp.float64) for after in widths[1:]]
        spread = (channels * n_sites) ** -0.5
        head = spread * jax.random.normal(first, (channels, channels), jnp.float64)
        phase = spread * jax.random.normal(second, (channels, channels), jnp.float64) if is_complex else None
        return cls(kernels, biases, head, phase, jnp.asarray(classes), jnp.asarray(group))

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        features = jnp.asarray(spins, self.head.dtype)[:, None]
        for i, kernel in enumerate(self.kernels):
            moved = convolve(kernel, features, self.classes)
            change = jnp.tanh(moved) if self.biases is None else jax.nn.silu(moved + self.biases[i])
            features = change + (features if features.shape == change.shape else 0.0)
        real = (features @ self.head).ravel()
        if self.phase is None:
            return log_cosh(real).sum()
        return log_product_cosh(real, (features @ self.phase).ravel())

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return np.asarray(self.permutations), self.biases is None


@jax.custom_vjp
def convolve(
    kernel: Float[Array, "classes out in"], features: Float[Array, "sites in"], classes: Int[Array, "sites sites"]
) -> Float[Array, "sites out"]:
    """sum_j W_c(i,j) h_j, as one matrix that all samples share: its derivative would scatter into the kernel."""
    return jnp.einsum("ijab,jb->ia", kernel[classes], features)


def _convolve_forward(kernel: Array, features: Array, classes: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    return convolve(kernel, features, classes), (kernel, features, classes)


def _convolve_backward(saved: tuple[Array, Array, Array], change: Array) -> tuple[Array, Array, None]:
    kernel, features, classes = saved
    members = (classes == jnp.arange(len(kernel))[:, None, None]).astype(features.dtype)
    sums = jnp.einsum("cij,ia->cja", members, change)
    return jnp.einsum("cja,jb->cab", sums, features), jnp.einsum("ijab,ia->jb", kernel[classes], change), None


convolve.defvjp(_convolve_forward, _convolve_backward)


def ordered_pair_classes(group: Int[np.ndarray, "elements sites"]) -> Int[np.ndarray, "sites sites"]:
    """The orbit of every ordered pair (i, j) under site permutations, from 0."""
    n_sites = group.shape[1]
    smallest = (group[:, :, None] * n_sites + group[:, None, :]).min(axis=0)
    return np.unique(smallest, return_inverse=True)[1].reshape(n_sites, n_sites)
