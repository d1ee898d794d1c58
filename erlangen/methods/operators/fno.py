"""Fourier neural operator: a map between fields as layers of spectral convolution, any number of dimensions.

    h_0 = P x,     h_{l+1} = sigma(K_l h_l + W_l h_l + b_l),     y = Q sigma(R h_L)
    K_l: one matrix per Fourier mode |m| < modes;  P, W, Q, R act point by point;  no sigma in the last layer

Li et al. 2021, arXiv:2010.08895. No coordinates are fed in, so that shifts of the grid are kept exactly; what is
predicted, and the boost, are in `_operator`. Between walls the modes are cosines (`nn.wall_conv`), the bubble
b = prod_a 4 x_a (1 - x_a) is fed in as a channel and the answer is b y: zero on the walls, and scalars keep the
symmetries of the square exactly.

sigma makes waves that the points do not hold; they fold into others, and on a finer grid into none: the answer depends
on the grid. With `oversampling` s the layers act on s times as many points per axis, between which the given ones are
continued by trigonometric interpolation; the answer is read at the given points. What is fitted on one grid is then a
map between functions, nearly the same on finer grids: Bartolucci et al. 2023, arXiv:2305.19913; Raonic et al. 2023,
arXiv:2302.01178.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.core.errors import Invalid
from erlangen.core.groups import Group, Shifts, Square
from erlangen.learn.unrolling import PLAIN, Unrolling
from erlangen.nn.field_layers import gelu
from erlangen.nn.initial import normal, split, zeros
from erlangen.nn.rows import batch_as_rows, pointwise, shifted
from erlangen.nn.spectral_conv import SpectralConv
from erlangen.nn.wall_conv import WallConv
from erlangen.numerics import spectral

from ._operator import Core, Layout, NeuralOperator


class Block(eqx.Module):
    """x -> K x + W x + b on a channel-last field."""

    spectral: SpectralConv | WallConv
    weight: Float[Array, "c c"]
    bias: Float[Array, " c"]

    def __init__(self, width: int, modes: tuple[int, ...], *, walls: bool = False, key: PRNGKeyArray):
        kernel, pointwise = split(key)
        self.spectral = (WallConv if walls else SpectralConv)(width, width, modes, key=kernel)
        self.weight = normal(pointwise, (width, width), over=math.sqrt(width))
        self.bias = zeros(width)

    def __call__(self, x: Float[Array, "... c"]) -> Float[Array, "... c"]:
        return shifted(self.spectral(x) + pointwise(x, self.weight), self.bias)


class Network(Core):
    """Lift, blocks with sigma between them, projection."""

    lift: Float[Array, "inputs c"]
    blocks: list[Block]
    hidden: Float[Array, "c h"]
    readout: Float[Array, "h outputs"]
    oversampling: int = eqx.field(static=True, default=1)

    def __call__(self, x: Float[Array, "*grid inputs"]) -> Float[Array, "*grid outputs"]:
        *grid, _ = x.shape
        if self.oversampling > 1:
            finer = tuple(self.oversampling * n for n in grid)
            x = jax.vmap(lambda u: spectral.resample(u, finer), in_axes=-1, out_axes=-1)(x)
        h = pointwise(batch_as_rows(x), self.lift)
        for block in self.blocks[:-1]:
            h = gelu(block(h))
        h = self.blocks[-1](h)[(slice(None, None, self.oversampling),) * len(grid)]
        return gelu(pointwise(h, self.hidden)) @ self.readout  # few columns: `pointwise` would be slower


class BetweenWalls(Core):
    """A network that sees the bubble as one more channel, and whose answer vanishes on the walls."""

    inside: Core

    def __call__(self, x: Float[Array, "*grid inputs"]) -> Float[Array, "*grid outputs"]:
        *grid, _ = x.shape
        bubble = functools.reduce(np.multiply.outer, (4 * t * (1 - t) for t in (np.linspace(0, 1, n) for n in grid)))
        bubble = jnp.asarray(bubble, x.dtype)[..., None]
        return bubble * self.inside(jnp.concatenate([x, bubble], axis=-1))


@dataclass(frozen=True)
class FNO(NeuralOperator):
    width: int = 32  # channels
    modes: int = 16  # Fourier modes kept per axis: |m| < modes (fewer where the grid is coarser)
    layers: int = 4
    rate: float = 2e-3  # peak learning rate
    batch: int = 32
    oversampling: int = 1  # points of the layers' grid for each given one, per axis; periodic fields
    unrolling: Unrolling = PLAIN  # of evolutions; --unrolling.steps 4, .gradient last, .noise 0.03, .shells 0.5

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "width": (1, 4096), "modes": (1, 4096), "layers": (1, 64), "oversampling": (1, 8)
    }  # fmt: skip

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Shifts, Square, *super().symmetry)

    def core(self, layout: Layout, *, key: PRNGKeyArray) -> Core:
        keys, walls = split(key, self.layers + 3), layout.boundary == "walls"
        if walls and self.oversampling > 1:
            raise Invalid(
                must="oversampling is of periodic fields", came="a field between walls", do="Leave --oversampling at 1."
            )
        modes, n_in = layout.modes(self.modes), layout.n_in + walls
        network = Network(
            lift=normal(keys[-1], (n_in, self.width)),
            blocks=[Block(self.width, modes, walls=walls, key=k) for k in keys[: self.layers]],
            hidden=normal(keys[-2], (self.width, 2 * self.width), over=math.sqrt(self.width)),
            readout=normal(keys[-3], (2 * self.width, layout.n_out), over=math.sqrt(2 * self.width)),
            oversampling=self.oversampling,
        )
        return BetweenWalls(network) if walls else network
