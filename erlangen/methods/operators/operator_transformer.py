"""Operator transformer: every point attends to all others, at a cost that grows with their number, not its square.

    h <- h + O z(norm h),   h <- B h                                   layers;   B: `nn.field_layers.StencilBlock`
    z(r) = 1/N sum_s <q(r), k(s)>_{r-s} v(s),    <q, k>_x = Re sum_j  q_j^* k_j e^{i m_j . x}        per head

Without softmax the sum over s comes first: (K^T V) / N is one matrix per head, the Galerkin attention of Cao 2021,
arXiv:2105.14995, whose k and v are normalised too. Positions enter by rotary phases (Su et al. 2021, arXiv:2104.09864)
with whole wave vectors m_j of the box, the lowest ones, so that only r - s matters and the box stays periodic: K^T V
are then Fourier coefficients that depend on the data. Tokens are blocks of `patch` points per axis; with single points
shifts of the grid are kept exactly. Stencils see what lies beside, attention what lies far.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.core.errors import Invalid
from erlangen.core.groups import Group, Shifts
from erlangen.nn.field_layers import FieldPerceptron, StencilBlock, coarsen, normalise, refine
from erlangen.nn.initial import normal, split
from erlangen.nn.rows import pointwise
from erlangen.numerics import spectral

from ._operator import Core, Layout, NeuralOperator


class Attention(eqx.Module):
    """h -> O z(norm h)."""

    into: Float[Array, "c 3c"]
    out: Float[Array, "c c"]
    heads: int = eqx.field(static=True)

    def __init__(self, width: int, heads: int, *, key: PRNGKeyArray):
        into, out = split(key)
        self.into = normal(into, (width, 3 * width), over=math.sqrt(width))
        self.out = normal(out, (width, width), over=math.sqrt(width))
        self.heads = heads

    def __call__(self, h: Float[Array, "*grid c"]) -> Float[Array, "*grid c"]:
        *grid, c = h.shape
        q, k, v = (
            part.reshape(-1, self.heads, c // self.heads)
            for part in jnp.split(pointwise(normalise(h), self.into), 3, axis=-1)
        )
        turn = jnp.asarray(phases(tuple(grid), c // 2).reshape(2, len(q), self.heads, -1), h.dtype)
        q, k = rotated(q, turn), rotated(normalise(k), turn)
        moments = jnp.einsum("nhi,nhj->hij", k, normalise(v)) / len(q)
        return pointwise(jnp.einsum("nhi,hij->nhj", q, moments).reshape(h.shape), self.out)


class Network(Core):
    """Patches to tokens, layers, tokens to patches."""

    lift: Float[Array, "patch_inputs c"]
    attention: list[Attention]
    blocks: list[StencilBlock]
    project: FieldPerceptron
    patch: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, "*grid inputs"]) -> Float[Array, "*grid outputs"]:
        if any(n % self.patch for n in x.shape[:-1]):
            raise Invalid(
                must=f"patches of {self.patch} points need grids that are multiples of them",
                came=f"grid {x.shape[:-1]}",
                do="Give another grid, or another patch; 1 fits every grid.",
            )
        h = pointwise(coarsen(x, self.patch), self.lift)
        for attend, block in zip(self.attention, self.blocks):
            h = block(h + attend(h))
        return refine(self.project(normalise(h)), self.patch)


@dataclass(frozen=True)
class OperatorTransformer(NeuralOperator):
    width: int = 32  # channels; an even number per head
    heads: int = 4
    layers: int = 4
    patch: int = 1  # points per axis in a token; above 1 cheaper, but shifts by single points are no longer kept
    rate: float = 1e-3  # peak learning rate
    batch: int = 32

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "width": (2, 4096),
        "heads": (1, 512),
        "layers": (1, 64),
        "patch": (1, 64),
    }

    def __post_init__(self):
        super().__post_init__()
        if self.width % (2 * self.heads):
            raise Invalid(
                must="each head has an even number of channels",
                came=f"{self.width} channels for {self.heads} heads",
                do=f"Take a width that is a multiple of {2 * self.heads}.",
            )

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (*([Shifts] if self.patch == 1 else []), *super().symmetry)

    def core(self, layout: Layout, *, key: PRNGKeyArray) -> Network:
        c, axes, points = self.width, len(layout.grid), self.patch ** len(layout.grid)
        lift, project, *keys = split(key, 2 * self.layers + 2)
        return Network(
            lift=normal(lift, (points * layout.n_in, c), over=math.sqrt(points)),
            attention=[Attention(c, self.heads, key=k) for k in keys[: self.layers]],
            blocks=[StencilBlock(c, axes, key=k) for k in keys[self.layers :]],
            project=FieldPerceptron(c, 2 * c, points * layout.n_out, key=project),
            patch=self.patch,
        )


def phases(grid: tuple[int, ...], count: int) -> Float[np.ndarray, "2 points count"]:
    """cos and sin of m_j . r for the `count` lowest waves of the box, one of m and -m, the constant first."""
    reach = math.ceil((2 * count) ** (1 / len(grid)))
    every = itertools.product(range(-reach, reach + 1), repeat=len(grid))
    waves = sorted((m for m in every if m >= (0,) * len(grid)), key=lambda m: (sum(k * k for k in m), m))[:count]
    places = np.stack(np.broadcast_arrays(*spectral.grid(grid)), axis=-1).reshape(-1, len(grid))
    angle = places @ np.asarray(waves, float).T
    return np.stack([np.cos(angle), np.sin(angle)])


def rotated(x: Float[Array, "n h e"], turn: Float[Array, "2 n h half"]) -> Float[Array, "n h e"]:
    """Pairs of channels, the first half with the second, turned by their phase."""
    a, b = jnp.split(x, 2, axis=-1)
    cos, sin = turn
    return jnp.concatenate([cos * a - sin * b, sin * a + cos * b], axis=-1)
