"""Finite volumes with a learned limiter: the solver of the known law, whose values at faces a small network adjusts.

    v = sum_k w_k p_k,   w_k ~ d_k (1 + tau / beta_k) exp(2 chi g_k),     chi = (tau / (tau + sum_k beta_k))^2
    v <- v + chi h (v - c),   |h| < 1,   where v lies between the averages c and d beside the face, cut at these

The first line is WENO-Z (`numerics.weno`) with other weights, the second a limiter that may steepen or flatten a front.
(g, h) are what a network makes of ratios of differences between five neighbouring averages, in the characteristic
variables of the face, and of the kind of wave: sound or contact. Where the flow is smooth chi vanishes, and with it
every adjustment; before training all of it does: then the answer is the solver. Fluxes are taken at faces, so that
mass, momentum and energy are conserved to rounding; ratios know neither units nor a direction, so that shifts,
reflections and units of mass are kept, and boosts as the solver keeps them. Trained through the solver, on several
outputs in a row. Learned limiters: Nguyen-Fotiadis, McKerns, Sornborger 2021, arXiv:2108.11864; through a solver: Huang
et al. 2025, arXiv:2503.09625; learned weights of WENO: Kossaczka, Jagtap, Ehrhardt 2023, arXiv:2309.10117.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.contract import ConservationLaw, Evolution, Outputs, Samples, Signature
from erlangen.contract import Predictor as Answer
from erlangen.core.errors import within
from erlangen.core.flow_groups import Boost, MassUnit
from erlangen.core.groups import Group, Reflection, Shifts
from erlangen.core.systems import Field, System
from erlangen.numerics import weno

from ._solver_in_the_loop import SolverInTheLoop

SEEN = 8  # numbers that the network sees of five averages
MARGIN = 1.5  # steps held ready, in units of what the fastest training state needs


class Limited(Answer):
    """The trained map. layers: matrices and biases; steps: at most so many per output."""

    layers: list[tuple[Float[Array, "a b"], Float[Array, " b"]]]
    law: ConservationLaw = eqx.field(static=True)
    steps: int = eqx.field(static=True)

    def __call__(self, x: System) -> Outputs:
        q = self.law.cells(x, self.layers[0][0].dtype)
        return self.law.outputs_of(self.law.moved(q, self.faces, self.steps))

    def faces(self, cells: Sequence[Float[Array, "waves faces"]]) -> weno.Faces:
        """Values left and right of every face; the right one is a left one in the mirror."""
        left, right = self._right_end(*(jnp.stack(pair) for pair in zip(cells[:5], cells[:0:-1])))
        return left, right

    def _right_end(self, a: Array, b: Array, c: Array, d: Array, e: Array) -> Float[Array, "2 waves faces"]:
        smooth, seen = _view(a, b, c, d, e)
        *factors, steepening = jnp.moveaxis(jnp.tanh(self._network(seen)), -1, 0)
        v = weno.right_end(a, b, c, d, e, factors=[jnp.exp(2 * smooth * g) for g in factors])
        steeper = jnp.clip(v + smooth * steepening * (v - c), jnp.minimum(c, d), jnp.maximum(c, d))
        return jnp.where((v - c) * (d - v) > 0, steeper, v)

    def _network(self, h: Float[Array, "... seen"]) -> Float[Array, "... 4"]:
        *inner, (weight, bias) = self.layers
        for inner_weight, inner_bias in inner:
            h = jax.nn.gelu(h @ inner_weight + inner_bias)
        return h @ weight + bias


@dataclass(frozen=True)
class FluxLimiter(SolverInTheLoop):
    width: int = 16  # of the layers of the network
    layers: int = 2  # hidden ones
    unrolled: int = 4  # outputs in a row on which it is trained
    rate: float = 3e-3  # peak learning rate
    batch: int = 8

    accepts: ClassVar[Signature] = Signature(Evolution, Field, law=ConservationLaw)

    def __post_init__(self):
        within(self, width=(1, 4096), layers=(1, 16), unrolled=(1, 1000), rate=(0, math.inf), batch=(1, math.inf))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return Shifts, Reflection, Boost, MassUnit

    def build(self, task: Evolution, samples: Samples, *, key: PRNGKeyArray) -> Limited:
        """The untrained answer: the solver itself."""
        sizes = [SEEN, *[self.width] * self.layers, 4]
        layers = []
        for k, (before, after) in zip(jax.random.split(key, len(sizes) - 1), zip(sizes, sizes[1:])):
            spread = 0.0 if after is sizes[-1] else before**-0.5
            layers.append((spread * jax.random.normal(k, (before, after)), jnp.zeros(after)))
        fastest = max(task.law.steps_needed(x) for x in samples.inputs)
        return Limited(layers, task.law, math.ceil(MARGIN * fastest))


small = FluxLimiter(width=4, layers=1, unrolled=2)


def _view(a: Array, b: Array, c: Array, d: Array, e: Array) -> tuple[Array, Float[Array, "... seen"]]:
    """(chi, what the network sees): squares and products of neighbouring differences in units of their sum of squares,
    and 1 for the waves in the middle (contacts), 0 for the outer ones (sound).
    """
    differences = b - a, c - b, d - c, e - d
    tiny = jnp.finfo(c.dtype).tiny
    floor = weno.RELATIVE["z"] * (a * a + b * b + c * c + d * d + e * e) + tiny
    size = sum(x * x for x in differences) + floor
    seen = [x * x / size for x in differences] + [x * y / size for x, y in zip(differences, differences[1:])]
    beta = weno.variations(a, b, c, d, e)
    tau = jnp.abs(beta[0] - beta[2])
    waves = c.shape[-2]
    middle = jnp.abs(jnp.arange(waves) - (waves - 1) / 2) < 0.5
    seen.append(jnp.broadcast_to(middle[:, None].astype(c.dtype), c.shape))
    return (tau / (tau + sum(beta) + floor)) ** 2, jnp.stack(seen, axis=-1)
