"""Fourier neural operator: a map between fields as layers of spectral convolution, any number of dimensions.

    h_0 = P x,     h_{l+1} = sigma(K_l h_l + W_l h_l + b_l),     y = Q sigma(R h_L)
    K_l: one matrix per Fourier mode |m| < modes;  P, W, Q, R act point by point;  no sigma in the last layer

Li et al. 2021, arXiv:2010.08895. Where the task is an evolution, y is the increment over one step in units of its
spread, u(t + dt) = u(t) + s y; the outputs continue the first inputs, in order. No coordinates are fed in, so that
shifts of the grid are kept exactly. Where the law is Galilean-invariant, the network sees the flow in the frame of its
mean velocity c and its answer is moved by c dt: exact too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.contract import Budget, Evolution, Fitted, Method, Outputs, Samples, Session, Signature, Supervised
from erlangen.core.errors import within
from erlangen.core.groups import Galilean, Group, Shifts
from erlangen.core.systems import Field, System
from erlangen.learn.supervised import Training, fit
from erlangen.nn.pointwise import pointwise
from erlangen.nn.spectral_conv import SpectralConv
from erlangen.numerics import spectral


class Block(eqx.Module):
    """x -> K x + W x + b on a channel-last field."""

    spectral: SpectralConv
    weight: Float[Array, "c c"]
    bias: Float[Array, " c"]

    def __init__(self, width: int, modes: tuple[int, ...], *, key: PRNGKeyArray):
        kernel, pointwise = jax.random.split(key)
        self.spectral = SpectralConv(width, width, modes, key=kernel)
        self.weight = jax.random.normal(pointwise, (width, width), jnp.float32) / math.sqrt(width)
        self.bias = jnp.zeros(width, jnp.float32)

    def __call__(self, x: Float[Array, "... c"]) -> Float[Array, "... c"]:
        return self.spectral(x) + pointwise(x, self.weight) + self.bias


class Operator(Fitted):
    """The trained map. in_scale, out_scale: standard deviation of inputs and of what is predicted, per channel."""

    lift: Float[Array, "inputs c"]
    blocks: list[Block]
    hidden: Float[Array, "c h"]
    readout: Float[Array, "h outputs"]
    in_scale: np.ndarray
    out_scale: np.ndarray
    inputs: tuple[str, ...] = eqx.field(static=True)
    outputs: tuple[str, ...] = eqx.field(static=True)
    increment: bool = eqx.field(static=True)
    lag: float = eqx.field(static=True)  # time between input and output where the law is Galilean-invariant, else 0

    def __call__(self, x: System) -> Outputs:
        dtype = self.lift.dtype
        state = jnp.stack([jnp.asarray(x[q], dtype) for q in self.inputs], axis=-1)
        grid = state.shape[:-1]
        drift = jnp.mean(state) if self.lag else jnp.zeros((), dtype)
        h = pointwise((state - drift) / jnp.asarray(self.in_scale, dtype), self.lift)
        for block in self.blocks[:-1]:
            h = jax.nn.gelu(block(h))
        h = self.blocks[-1](h)
        change = pointwise(jax.nn.gelu(pointwise(h, self.hidden)), self.readout) * jnp.asarray(self.out_scale, dtype)
        after = state[..., : len(self.outputs)] + change if self.increment else change
        if self.lag:
            after = drift + spectral.translate((after - drift).reshape(grid), (drift * self.lag,))[..., None]
        return {name: after[..., i] for i, name in enumerate(self.outputs)}


@dataclass(frozen=True)
class FNO(Method):
    width: int = 32  # channels
    modes: int = 16  # Fourier modes kept per axis: |m| < modes (fewer where the grid is coarser)
    layers: int = 4
    rate: float = 2e-3  # peak learning rate
    batch: int = 32

    accepts = Signature(Supervised, Field)

    def __post_init__(self):
        within(self, width=(1, 4096), modes=(1, 4096), layers=(1, 64), rate=(0, math.inf), batch=(1, math.inf))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return Shifts, Galilean

    def build(self, task: Supervised, samples: Samples, *, key: PRNGKeyArray) -> Operator:
        """The untrained network, scaled to the samples."""
        inputs, outputs = (tuple(q.name for q in qs) for qs in (task.inputs, task.outputs))
        increment = isinstance(task, Evolution)
        grid = np.shape(samples.inputs[0][inputs[0]])
        modes = tuple(min(self.modes, (n + 1) // 2) for n in grid)
        alone = len(inputs) == len(outputs) == len(grid) == 1  # a velocity along the only axis
        boost = [g for g in task.symmetry if isinstance(g, Galilean) and alone]
        before = np.asarray([[x[q] for q in inputs] for x in samples.inputs], np.float64)
        after = np.asarray([samples.outputs[q] for q in outputs], np.float64).swapaxes(0, 1)
        keys = jax.random.split(key, self.layers + 3)
        normal = jax.random.normal
        return Operator(
            lift=normal(keys[-1], (len(inputs), self.width), jnp.float32),
            blocks=[Block(self.width, modes, key=k) for k in keys[: self.layers]],
            hidden=normal(keys[-2], (self.width, 2 * self.width), jnp.float32) / math.sqrt(self.width),
            readout=normal(keys[-3], (2 * self.width, len(outputs)), jnp.float32) / math.sqrt(2 * self.width),
            in_scale=_scale(before),
            out_scale=_scale(after - before[:, : len(outputs)] if increment else after),
            inputs=inputs,
            outputs=outputs,
            increment=increment,
            lag=boost[0].lag if boost else 0.0,
        )

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Fitted:
        start, order = jax.random.split(key)
        train, validation = task.truth("train"), task.truth("validation")
        model = self.build(task, train, key=start)
        training = Training(rate=self.rate, batch=self.batch)
        return fit(
            model, root_mean_square, train, validation, training=training, budget=budget, key=order, session=session
        )


def root_mean_square(model: Operator, x: System, true: Mapping[str, Array]) -> Array:
    """Norm (not squared) of the error of one sample in units of the labels' spread: the few samples with thin fronts,
    which no network of this grid gets right, then do not rule the gradient.
    """
    predicted = model(x)
    gaps = [(predicted[name] - true[name]) / model.out_scale[i] for i, name in enumerate(model.outputs)]
    return jnp.sqrt(jnp.mean(jnp.stack(gaps) ** 2) + 1e-12)


def _scale(values: np.ndarray) -> np.ndarray:
    """Standard deviation per channel, values [samples, channels, *grid]."""
    return np.std(np.moveaxis(values, 1, -1).reshape(-1, values.shape[1]), axis=0)
