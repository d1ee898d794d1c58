"""DeepONet: an answer as a sum of functions of the place, with coefficients that are functions of the input field.

    y_q(r) = sum_k b_qk[x] t_k(r) / sqrt(p) + b_q0[x]        branch b: of x at the sensors;  trunk t: of the place r

Lu et al. 2021, doi:10.1038/s42256-021-00302-5 (arXiv:1910.03193). All outputs share one trunk. Sensors are the points
of the grid trained on; on another grid the input is looked at there by trigonometric interpolation, and the answer is
given at the points of that grid. The trunk sees cos and sin of the lowest waves of the box, so that it is periodic.
Every place has its own meaning to it: no shift is kept, and large grids make the branch large.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.nn.initial import split
from erlangen.nn.linear import Linear
from erlangen.numerics import spectral

from ._operator import Core, Layout, NeuralOperator


class Network(Core):
    """Branch, trunk, and their product."""

    branch: list[Linear]
    trunk: list[Linear]
    sensors: tuple[int, ...] = eqx.field(static=True)  # the grid trained on
    waves: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, "*grid inputs"]) -> Float[Array, "*grid outputs"]:
        *grid, _ = x.shape
        if tuple(grid) != self.sensors:
            x = jax.vmap(lambda u: spectral.resample(u, self.sensors), in_axes=-1, out_axes=-1)(x)
        places = jnp.asarray(harmonics(tuple(grid), self.waves), x.dtype)
        t = perceptron(self.trunk, places)  # [*grid, p]
        b = perceptron(self.branch, x.reshape(-1)).reshape(t.shape[-1] + 1, -1)  # [p + 1, outputs]
        return t @ b[:-1] / math.sqrt(t.shape[-1]) + b[-1]


@dataclass(frozen=True)
class DeepONet(NeuralOperator):
    width: int = 128  # hidden units of branch and trunk
    terms: int = 96  # p, functions in the sum
    waves: int = 4  # the trunk sees waves with |m| <= waves per axis
    layers: int = 3  # of branch and trunk each
    rate: float = 1e-3  # peak learning rate
    batch: int = 32

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "width": (1, 65536),
        "terms": (1, 65536),
        "waves": (1, 64),
        "layers": (1, 64),
    }

    def core(self, layout: Layout, *, key: PRNGKeyArray) -> Network:
        branch, trunk = split(key)
        inner = [self.width] * (self.layers - 1)
        n_waves = harmonics((1,) * len(layout.grid), self.waves).shape[-1]
        n_sensors = math.prod(layout.grid) * layout.n_in
        return Network(
            branch=_linears([n_sensors, *inner, (self.terms + 1) * layout.n_out], key=branch),
            trunk=_linears([n_waves, *inner, self.terms], key=trunk),
            sensors=layout.grid,
            waves=self.waves,
        )


def harmonics(grid: tuple[int, ...], waves: int) -> Float[np.ndarray, "*grid h"]:
    """sqrt 2 cos m . r and sqrt 2 sin m . r for every wave |m_a| <= waves but the constant, one of m and -m."""
    places = np.stack(np.broadcast_arrays(*spectral.grid(grid)), axis=-1)
    every = list(itertools.product(range(-waves, waves + 1), repeat=len(grid)))
    angle = places @ np.asarray(every[len(every) // 2 + 1 :], float).T
    return math.sqrt(2) * np.concatenate([np.cos(angle), np.sin(angle)], axis=-1)


def perceptron(layers: list[Linear], x: Float[Array, "*any n"]) -> Float[Array, "*any m"]:
    """Linear layers with GELU between them."""
    for layer in layers[:-1]:
        x = jax.nn.gelu(layer(x))
    return layers[-1](x)


def _linears(sizes: list[int], *, key: PRNGKeyArray) -> list[Linear]:
    keys = split(key, len(sizes) - 1)
    return [Linear(a, b, key=k) for a, b, k in zip(sizes, sizes[1:], keys)]
