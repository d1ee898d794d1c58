"""Factorised Fourier neural operator: one spectral convolution along each axis, many layers deep.

    h_0 = P x,     h_{l+1} = h_l + F_l( sum_a K_{l,a} h_l ),     y = Q sigma(R h_L)
    K_{l,a}: one matrix per Fourier mode |m| < modes of axis a alone;     F: W sigma(V z + b) + d, point by point

Tran, Mathews, Xie and Ong 2023, arXiv:2111.13802. d axes cost d modes c^2 parameters per layer where an FNO needs
modes^d c^2, and the residual comes after the nonlinearity, so that deep stacks train. `shared`: all layers use one set
of K, as in the paper's smallest networks. No coordinates are fed in: shifts of the grid are kept exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.core.groups import Group, Shifts
from erlangen.nn.field_layers import FieldPerceptron
from erlangen.nn.initial import normal, split
from erlangen.nn.rows import batch_as_rows, pointwise, rowwise
from erlangen.nn.spectral_conv import SpectralConv

from ._operator import Core, Layout, NeuralOperator

EXPANSION = 2  # width of V z, in channels


class Network(Core):
    """Lift, residual layers, projection."""

    lift: Float[Array, "inputs c"]
    kernels: list[list[SpectralConv]]  # [layer or 1][axis]
    forward: list[FieldPerceptron]
    project: FieldPerceptron

    def __call__(self, x: Float[Array, "*grid inputs"]) -> Float[Array, "*grid outputs"]:
        h = pointwise(batch_as_rows(x), self.lift)
        for layer, forward in enumerate(self.forward):
            kernels = self.kernels[layer % len(self.kernels)]
            h = h + forward(sum((along(k, h, a) for a, k in enumerate(kernels)), start=jnp.zeros((), h.dtype)))
        return self.project(h)


@dataclass(frozen=True)
class FFNO(NeuralOperator):
    width: int = 32  # channels
    modes: int = 16  # Fourier modes kept per axis: |m| < modes (fewer where the grid is coarser)
    layers: int = 6
    shared: bool = False  # one set of spectral weights for all layers
    rate: float = 2e-3  # peak learning rate
    batch: int = 32

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"width": (1, 4096), "modes": (1, 4096), "layers": (1, 256)}

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Shifts, *super().symmetry)

    def core(self, layout: Layout, *, key: PRNGKeyArray) -> Network:
        c, depth = self.width, 1 / math.sqrt(self.layers)  # the sum of all residuals starts at the size of h
        lift, project, forward, kernels = split(key, 4)
        modes = layout.modes(self.modes)
        sets = jax.random.split(kernels, (1 if self.shared else self.layers, len(modes)))
        return Network(
            lift=normal(lift, (layout.n_in, c)),
            kernels=[[SpectralConv(c, c, (m,), key=k) for m, k in zip(modes, row)] for row in sets],
            forward=[FieldPerceptron(c, EXPANSION * c, c, scale=depth, key=k) for k in split(forward, self.layers)],
            project=FieldPerceptron(c, 2 * c, layout.n_out, key=project),
        )


def along(kernel: SpectralConv, x: Float[Array, "*grid c"], axis: int) -> Float[Array, "*grid c"]:
    """A convolution along one axis, the same on every line of the grid."""
    return exchanged(kernel(exchanged(x, axis=axis)), axis=axis)


def _exchanged(x: Array, *, axis: int) -> Array:
    """`axis` first, and the first one in its place."""
    return jnp.swapaxes(x, 0, axis)


exchanged = rowwise(_exchanged)
