"""U-Net: a field on finer and coarser grids, joined level by level; several of them one after the other make waves.

    wave:   a_0 = h,  a_{k+1} = down(B a_k);     b_K = B a_K,  b_k = B (up(b_{k+1}) + S a_k);     h -> h + b_0
    B x = x + F(norm(stencil(x)))     (`StencilBlock`)
    down, up: products on blocks of 2^d points;  width of level k: 2^k width

Ronneberger, Fischer and Brox 2015, arXiv:1505.04597, with blocks after Liu et al. 2022, arXiv:2201.03545 (ConvNeXt):
no dense convolution, which is what a CPU does worst. `waves` > 1: SineNet, Zhang et al. 2024, arXiv:2403.19507: each
wave moves the latent field by a part of the time step, so that its skip connections join what belongs together.
Periodic; commutes with shifts by 2^levels points only, and therefore declares none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.core.errors import Invalid
from erlangen.nn.field_layers import FieldPerceptron, StencilBlock, coarsen, normalise, refine
from erlangen.nn.initial import normal, split
from erlangen.nn.rows import pointwise

from ._operator import Core, Layout, NeuralOperator


class Wave(eqx.Module):
    """One U: down through all levels and up again."""

    encoders: list[StencilBlock]
    decoders: list[StencilBlock]
    down: list[Float[Array, "from to"]]
    up: list[Float[Array, "from to"]]
    skip: list[Float[Array, "c c"]]

    def __init__(self, width: int, axes: int, levels: int, *, key: PRNGKeyArray):
        widths, block = [width * 2**k for k in range(levels + 1)], 2**axes
        keys = iter(split(key, 5 * levels + 1))
        self.encoders = [StencilBlock(c, axes, key=next(keys)) for c in widths]
        self.decoders = [StencilBlock(c, axes, key=next(keys)) for c in widths[:-1]]
        self.down = [_product(block * a, b, next(keys)) for a, b in zip(widths, widths[1:])]
        self.up = [_product(b, block * a, next(keys)) for a, b in zip(widths, widths[1:])]
        self.skip = [_product(a, a, next(keys)) for a in widths[:-1]]

    def __call__(self, h: Float[Array, "*grid c"]) -> Float[Array, "*grid c"]:
        passed = []
        x = h
        for encoder, down in zip(self.encoders, self.down):
            x = encoder(x)
            passed.append(x)
            x = pointwise(coarsen(x), down)
        x = self.encoders[-1](x)
        for decoder, up, skip, before in reversed(list(zip(self.decoders, self.up, self.skip, passed))):
            x = decoder(refine(pointwise(x, up)) + pointwise(before, skip))
        return h + x


class Network(Core):
    """Lift, waves, projection."""

    lift: Float[Array, "inputs c"]
    waves: list[Wave]
    project: FieldPerceptron
    levels: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, "*grid inputs"]) -> Float[Array, "*grid outputs"]:
        *grid, _ = x.shape
        if any(n % 2**self.levels for n in grid):
            raise Invalid(
                must=f"a U-Net of {self.levels} levels needs grids that are multiples of {2**self.levels} points",
                came=f"grid {tuple(grid)}",
                do="Give another grid, or fit a U-Net with fewer levels.",
            )
        h = pointwise(x, self.lift)
        for wave in self.waves:
            h = wave(h)
        return self.project(normalise(h))


@dataclass(frozen=True)
class UNet(NeuralOperator):
    width: int = 24  # channels on the finest grid; twice as many with every level
    levels: int = 3  # halvings of the grid (fewer where it is odd before)
    waves: int = 1  # U-Nets in a row; 2 to 8 make a SineNet
    rate: float = 2e-3  # peak learning rate
    batch: int = 32

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"width": (1, 4096), "levels": (0, 10), "waves": (1, 64)}

    def core(self, layout: Layout, *, key: PRNGKeyArray) -> Network:
        lift, project, waves = split(key, 3)
        levels = min(self.levels, *(halvings(n) for n in layout.grid))
        return Network(
            lift=normal(lift, (layout.n_in, self.width)),
            waves=[Wave(self.width, len(layout.grid), levels, key=k) for k in split(waves, self.waves)],
            project=FieldPerceptron(self.width, 2 * self.width, layout.n_out, key=project),
            levels=levels,
        )


def halvings(n: int) -> int:
    """How often a number can be halved."""
    return (n & -n).bit_length() - 1


def _product(c_in: int, c_out: int, key: PRNGKeyArray) -> Float[Array, "c_in c_out"]:
    return normal(key, (c_in, c_out), over=math.sqrt(c_in))
