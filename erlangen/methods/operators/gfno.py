"""Group-equivariant Fourier neural operator: it sees a field in every orientation of the grid at once.

    h(r, g) = P rho_in(g)^-1 x(r)                                      g: the signed permutations of the axes
    (K h)_m(g) = sum_g'  K_{g^-1 g'}(g^-1 m)  h_m(g')                  one kernel, turned in Fourier space
    y(r) = mean_g  rho_out(g)  Q sigma(R h(r, g))                      layers as in `fno` between these two

Helwig et al. 2023, arXiv:2306.05697; the group convolution is that of Cohen and Welling 2016, arXiv:1602.07576. On a
square the group is D4 (p4m with the shifts), or C4 (p4) without `mirrors`; on a line the reflection; in a cube the 48
elements of O_h. Only elements that map the grid onto itself are taken. rho: how quantities turn; a vorticity changes
sign under reflections, a velocity is turned. x may be anything: equivariance is in the weights, not in the data.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.contract import Task
from erlangen.core.errors import Invalid
from erlangen.core.groups import Broken, Group, QuarterTurns, Reflection, Shifts
from erlangen.nn.field_layers import gelu
from erlangen.nn.initial import normal, split, zeros
from erlangen.nn.rows import batch_as_rows, pointwise, shifted
from erlangen.nn.spectral_conv import SpectralConv

from ._operator import Core, Layout, NeuralOperator

Element = tuple[tuple[int, ...], ...]  # a signed permutation matrix, by rows


class GroupBlock(eqx.Module):
    """h -> K h + W h + b on a field of orientations [*grid, g, c]; only the row of g = 1 of K and W is stored."""

    kernel: SpectralConv  # from (g', c_in) to c_out
    weight: Float[Array, "g c c"]
    bias: Float[Array, " c"]
    elements: tuple[Element, ...] = eqx.field(static=True)

    def __init__(self, width: int, modes: tuple[int, ...], elements: tuple[Element, ...], *, key: PRNGKeyArray):
        kernel, weight = split(key)
        order = len(elements)
        self.kernel = SpectralConv(order * width, width, modes, key=kernel)
        self.weight = normal(weight, (order, width, width), over=math.sqrt(order * width))
        self.bias = zeros(width)
        self.elements = elements

    def __call__(self, h: Float[Array, "*grid gc"]) -> Float[Array, "*grid gc"]:
        order, width, _ = self.weight.shape
        orders = quotients(self.elements)
        whole = jnp.stack([self.weight[np.array(row)] for row in orders], axis=2)  # [g', c_in, g, c_out]
        spectral = eqx.tree_at(lambda conv: conv.weight, self.kernel, self.turned())
        return shifted(spectral(h) + pointwise(h, whole.reshape(order * width, -1)), jnp.tile(self.bias, order))

    def turned(self) -> Float[Array, "2 ... gc gc"]:
        """All rows of K: for each g the kernel with modes and orientations turned by g."""
        order, width, _ = self.weight.shape
        row, d = self.kernel.weight, len(self.kernel.modes)
        full = all_modes(row.reshape(*row.shape[:-2], order, width, width), d)
        rows = [
            kept_half(turn_modes(full, g, d), d)[..., np.array(places), :, :]
            for g, places in zip(self.elements, quotients(self.elements))
        ]
        whole = jnp.stack(rows, axis=-2)  # [2, *modes, g', c_in, g, c_out]
        return whole.reshape(*whole.shape[:-4], order * width, order * width)


class Network(Core):
    """Lift to all orientations, blocks, projection and mean over orientations."""

    lift: Float[Array, "inputs c"]
    blocks: list[GroupBlock]
    hidden: Float[Array, "c h"]
    readout: Float[Array, "h outputs"]
    ranks: tuple[tuple[tuple[int, bool], ...], ...] = eqx.field(static=True)  # (rank, pseudo) of inputs, of outputs

    def __call__(self, x: Float[Array, "*grid inputs"]) -> Float[Array, "*grid outputs"]:
        elements = self.blocks[0].elements
        into, out = (
            jnp.asarray(np.stack([representation(r, g) for g in elements]), x.dtype) for r in self.ranks
        )  # [g, channels, channels], orthogonal: the transpose is the inverse
        h = pointwise(batch_as_rows(x), jnp.einsum("gba,ac->bgc", into, self.lift).reshape(x.shape[-1], -1))
        for block in self.blocks[:-1]:
            h = gelu(block(h))
        each = functools.partial(jnp.kron, jnp.eye(len(elements), dtype=x.dtype))  # the same matrix per orientation
        y = pointwise(gelu(pointwise(self.blocks[-1](h), each(self.hidden))), each(self.readout))
        return pointwise(y, out.transpose(0, 2, 1).reshape(y.shape[-1], -1) / len(elements))


@dataclass(frozen=True)
class GFNO(NeuralOperator):
    width: int = 32  # channels, all orientations together: as dear as an FNO of this width
    modes: int = 16  # Fourier modes kept per axis: |m| < modes (fewer where the grid is coarser)
    layers: int = 4
    mirrors: bool = True  # p4m; False: p4, rotations only
    rate: float = 2e-3  # peak learning rate
    batch: int = 32

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"width": (1, 4096), "modes": (1, 4096), "layers": (1, 64)}

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Shifts, QuarterTurns, *([Reflection] if self.mirrors else []), *super().symmetry)

    def check(self, task: Task) -> None:
        """Raise `Invalid` where this method cannot answer `task`, or the law breaks a reflection that is built in."""
        super().check(task)
        broken = [g for g in task.symmetry if isinstance(g, Broken) and isinstance(g.group, Reflection)]
        if self.mirrors and broken:
            raise Invalid(
                must="the law keeps the reflections that this method cannot break",
                came=f"{task.name()} with {broken[0].name}",
                do="Leave them out: mirrors=False.",
            )

    def core(self, layout: Layout, *, key: PRNGKeyArray) -> Network:
        elements = symmetries(layout, mirrors=self.mirrors)
        width = max(self.width // len(elements), 1)
        keys = split(key, self.layers + 3)
        modes = layout.modes(self.modes)
        return Network(
            lift=normal(keys[-1], (layout.n_in, width)),
            blocks=[GroupBlock(width, modes, elements, key=k) for k in keys[: self.layers]],
            hidden=normal(keys[-2], (width, 2 * width), over=math.sqrt(width)),
            readout=normal(keys[-3], (2 * width, layout.n_out), over=math.sqrt(2 * width)),
            ranks=tuple(tuple((q.rep.rank, q.rep.pseudo) for q in qs) for qs in (layout.inputs, layout.outputs)),
        )


def symmetries(layout: Layout, *, mirrors: bool) -> tuple[Element, ...]:
    """The signed permutations of the axes that map the grid onto itself, the identity first."""
    d = len(layout.grid)
    found = []
    for axes in itertools.permutations(range(d)):
        if any((layout.grid[a], layout.spacing[a]) != (layout.grid[b], layout.spacing[b]) for a, b in enumerate(axes)):
            continue
        for signs in itertools.product((1, -1), repeat=d):
            g = np.diag(signs) @ np.eye(d, dtype=int)[list(axes)]
            if mirrors or np.linalg.det(g) > 0:
                found.append(tuple(map(tuple, g.tolist())))
    return tuple(found)


def quotients(elements: tuple[Element, ...]) -> list[list[int]]:
    """[g][g']: the place of g^-1 g' among the elements."""
    return [[elements.index(_times(tuple(zip(*g)), other)) for other in elements] for g in elements]


def _times(a: Element, b: Element) -> Element:
    return tuple(tuple(sum(x * y for x, y in zip(row, column)) for column in zip(*b)) for row in a)


def representation(ranks: tuple[tuple[int, bool], ...], g: Element) -> np.ndarray:
    """rho(g) on the channels of all quantities: a block R x ... x R (times det R where pseudo) for each."""
    rotation, channels = np.asarray(g), sum(len(g) ** rank for rank, _ in ranks)
    rho, start = np.zeros((channels, channels)), 0
    for rank, pseudo in ranks:
        block = np.eye(1)
        for _ in range(rank):
            block = np.kron(block, rotation)
        end = start + len(block)
        rho[start:end, start:end] = block * (round(np.linalg.det(rotation)) if pseudo else 1)
        start = end
    return rho


def all_modes(half: Float[Array, "2 *half rest"], d: int) -> Float[Array, "2 *modes rest"]:
    """Every mode from the half that is stored, K(-m) = K(m)^*, in rising order on each of the d axes.

    On the plane where the first mode is zero both partners are stored; what a real kernel sees of them is their mean.
    """
    for axis in range(2, d + 1):
        half = jnp.roll(half, half.shape[axis] // 2, axis)
    sign = jnp.asarray([1.0, -1.0], half.dtype).reshape(2, *[1] * (half.ndim - 1))
    partner = sign * jnp.flip(half, tuple(range(1, d + 1)))
    (minus, zero), (same, plus) = jnp.split(partner, [half.shape[1] - 1], 1), jnp.split(half, [1], 1)
    return jnp.concatenate([minus, (zero + same) / 2, plus], axis=1)


def kept_half(full: Float[Array, "2 *modes rest"], d: int) -> Float[Array, "2 *half rest"]:
    """The modes that `SpectralConv` stores, in its order: the inverse of `all_modes` on real kernels."""
    half = full[:, full.shape[1] // 2 :]
    for axis in range(2, d + 1):
        half = jnp.roll(half, -(half.shape[axis] // 2), axis)
    return half


def turn_modes(full: Float[Array, "2 *modes rest"], g: Element, d: int) -> Float[Array, "2 *modes rest"]:
    """K(g^-1 m): (g^-1 m)_a = g_ba m_b, so axis a, flipped where the sign is negative, becomes axis b."""
    matrix = np.asarray(g)
    place = [int(np.flatnonzero(matrix[:, a])[0]) for a in range(d)]
    flipped = [a + 1 for a in range(d) if matrix[place[a], a] < 0]
    order = [0] * d
    for a, b in enumerate(place):
        order[b] = a + 1
    return jnp.transpose(jnp.flip(full, flipped), (0, *order, *range(d + 1, full.ndim)))
