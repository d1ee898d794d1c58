"""Convolutions over a pattern on a logarithmic axis: a larger crystal is the same pattern, moved.

    log sin(theta_j) evenly spaced;   h_0 = sqrt(y / max y) - mean,   h_{l+1} = sigma(norm(K_l * h_l)) at few points
    p = softmax(W z),   log a = m + s v z,   z: two dense layers of all of h_L

Lines of a crystal lie at sin(theta) = lambda |h| / 2; where its cell grows by a factor, log sin(theta) of every line
falls by its logarithm, so that what convolutions learn of one size serves all. Where an input `first` says the angle of
the first point [degree], the axis is that, else the grid as it is. y is averaged over the cells of the new axis.
Training steps see more noise, and every crystal in other sizes: its pattern moved along the axis.
Networks on powder patterns: Park et al. 2017, doi:10.1107/S205225251700714X.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.contract import Budget, Method, Outputs, Predictor, Samples, Session, Signature, Supervised, Task
from erlangen.core.detector_groups import Gain
from erlangen.core.errors import within
from erlangen.core.groups import Group
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Field, System
from erlangen.learn.supervised import Training, fit
from erlangen.nn.initial import normal, split, zeros
from erlangen.nn.linear import Linear

from ._patterns import check_one_pattern

POINTS = 2048  # of the logarithmic axis
WINDOW = 129  # points of it, over which the mean is taken away
QUIET, LOUD = 4.5, 2.5  # log10 of the counts that the noise of training steps stands for
WEIGHT = 0.2  # of numbers beside classes: neither rules the gradient
SMALLER, LARGER = -0.25, 0.1  # logarithms of the size of the cell in training steps; larger ones lack their last lines


class Convolution(eqx.Module):
    """gelu(norm(K * x + b)) at every `stride`-th point; one norm for all points: noise between peaks stays small."""

    kernel: Float[Array, "width c_in c_out"]
    bias: Float[Array, " c_out"]
    stride: int = eqx.field(static=True)

    def __init__(self, n_in: int, n_out: int, width: int, stride: int, *, key: PRNGKeyArray):
        self.kernel = normal(key, (width, n_in, n_out), over=math.sqrt(width * n_in))
        self.bias = zeros(n_out)
        self.stride = stride

    def __call__(self, x: Float[Array, "n c_in"]) -> Float[Array, "m c_out"]:
        kernel = self.kernel.astype(x.dtype)
        layout = ("NWC", "WIO", "NWC")
        y = jax.lax.conv_general_dilated(x[None], kernel, (self.stride,), "SAME", dimension_numbers=layout)[0]
        y = y + self.bias
        return jax.nn.gelu(y * jax.lax.rsqrt(jnp.mean(y**2) + 1e-6))


class Reader(Predictor):
    """The trained answer. scales: mean and spread of each number, of its logarithm where all are positive."""

    layers: list[Convolution]
    dense: list[Linear]
    heads: dict[str, Linear]
    edges: tuple[float, ...] = eqx.field(static=True)  # of the cells of the axis, in points of the grid
    scales: dict[str, tuple[float, float, bool]] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    source: str = eqx.field(static=True)

    def __call__(self, x: System) -> Outputs:
        found = self.raw(x)
        answers = {name: jax.nn.softmax(found[name]) for name in self.classes}
        for name, (mean, spread, is_log) in self.scales.items():
            value = mean + spread * found[name][0]
            answers[name] = jnp.exp(value) if is_log else value
        return answers

    def raw(self, x: System) -> dict[str, Float[Array, " k"]]:
        """Logits of classes; numbers [1] in units of their spread."""
        h = self.axis(jnp.asarray(x[self.source], self.layers[0].kernel.dtype))[:, None]
        for layer in self.layers:
            h = layer(h)
        z = h.reshape(-1)
        for one in self.dense:
            z = jax.nn.gelu(one(z))
        return {name: head(z) for name, head in self.heads.items()}

    def axis(self, y: Float[Array, " n"]) -> Float[Array, " m"]:
        """sqrt of the pattern averaged over the cells of the axis, its highest point near 1, above its surroundings."""
        y = jnp.maximum(y, 0) / jnp.maximum(jnp.max(y), jnp.finfo(y.dtype).tiny)
        points, weights = cells(np.asarray(self.edges))
        mean = jnp.sum(y[np.minimum(points, len(y) - 1)] * jnp.asarray(weights, y.dtype), -1)
        root = jnp.sqrt(mean + 1e-4)
        around = jnp.pad(root, WINDOW // 2, mode="edge")
        return root - jnp.convolve(around, jnp.full(WINDOW, 1 / WINDOW, y.dtype), mode="valid")


@dataclasses.dataclass(frozen=True)
class PatternNetwork(Method):
    """One network for classes and numbers of a pattern."""

    channels: int = 24  # of the first layer; later ones have twice as many, and a third more
    dense: int = 256  # units of the dense layers
    vary: bool = True  # training steps see noise of their own, and cells of other sizes
    rate: float = 1e-3  # peak learning rate
    batch: int = 64
    decay: float = 1e-4  # of the weights

    accepts: ClassVar[Signature] = Signature(Supervised, Field, axes="", classes=True)

    def __post_init__(self):
        within(self, channels=(1, 1024), dense=(1, 65536), rate=(0, math.inf), batch=(1, 10**6), decay=(-1e-12, 1.0))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Gain,)

    @property
    def continues(self) -> bool:
        return True

    def check(self, task: Task) -> None:
        """Patterns of one axis."""
        super().check(task)
        check_one_pattern(self, task)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        start, order = split(key)
        train, validation = task.truth("train"), task.truth("validation")
        model = self.build(task, train, key=start)
        if session.start is not None and isinstance(learned := session.start.bare, Reader):
            model = dataclasses.replace(model, scales=learned.scales)
        return fit(
            model,
            surprise,
            train,
            validation,
            training=Training(rate=self.rate, batch=self.batch, decay=self.decay),
            budget=budget,
            key=order,
            session=session,
            augment=self._variation(task, train, model.source) if self.vary else None,
            quantities=task.outputs,
        )

    def _variation(self, task: Supervised, samples: Samples, source: str):
        lengths = tuple(q.name for q in task.outputs if q.unit == "A")
        return varied(source, lengths, _angles(task, samples.inputs[0], source))

    def build(self, task: Supervised, samples: Samples, *, key: PRNGKeyArray) -> Reader:
        """The untrained answer, scaled to the labels."""
        source = next(q.name for q in task.inputs if q.axes == "grid")
        x = samples.inputs[0]
        points = len(x[source])
        first = float(x["first"]) if any(q.name == "first" for q in task.inputs) else None
        edges = (
            logarithmic(points, first, float(x["spacing"][0]))
            if first is not None
            else np.linspace(0, points, points + 1)
        )
        c, keys = self.channels, split(key, 6 + len(task.outputs))
        sizes = ((1, c, 16, 4), (c, 2 * c, 7, 2), (2 * c, 8 * c // 3, 5, 2), (8 * c // 3, 8 * c // 3, 5, 2))
        layers = [Convolution(*size, key=k) for size, k in zip(sizes, keys)]
        left = len(edges) - 1
        for _, _, _, stride in sizes:
            left = -(-left // stride)
        dense = [Linear(left * sizes[-1][1], self.dense, key=keys[4]), Linear(self.dense, self.dense, key=keys[5])]
        numbers = {q.name: _scale(np.asarray(samples.outputs[q.name], float)) for q in task.outputs if not q.classes}
        heads = {q.name: Linear(self.dense, _size(q), gain=0.1, key=k) for q, k in zip(task.outputs, keys[6:])}
        classes = tuple(q.name for q in task.outputs if q.classes)
        return Reader(layers, dense, heads, tuple(edges.tolist()), numbers, classes, source)


small = PatternNetwork(channels=4, dense=16)


def surprise(model: Reader, x: System, true: Mapping[str, Array]) -> Array:
    """- log p(true class), and of numbers Huber's error, quadratic up to a tenth of their spread."""
    found = model.raw(x)
    total = jnp.float32(0)
    for name in model.classes:
        total += -jnp.sum(true[name] * jax.nn.log_softmax(found[name]))
    for name, (mean, spread, is_log) in model.scales.items():
        y = jnp.log(true[name]) if is_log else true[name]
        gap = 10 * jnp.abs(found[name][0] - (y - mean) / spread)
        total += WEIGHT * jnp.where(gap < 1, 0.5 * gap**2, gap - 0.5) / len(model.scales)
    return total


def varied(source: str, lengths: tuple[str, ...], angles: np.ndarray | None):
    """What a training step sees of a sample: with the noise of as many counts as drawn and, where the angles are known,
    of a cell that is larger by exp(delta): y(sin theta) -> y(exp(delta) sin theta), flat beyond the last angle.
    """

    def augment(x: System, y: Mapping[str, Array], key: PRNGKeyArray) -> tuple[System, Mapping[str, Array]]:
        level, noise, size = jax.random.split(key, 3)
        value = x[source]
        if angles is not None and lengths:
            delta = jax.random.uniform(size, (), minval=SMALLER, maxval=LARGER)
            sine = jnp.asarray(np.sin(np.deg2rad(angles / 2)), value.dtype) * jnp.exp(delta)
            before = 2 * jnp.rad2deg(jnp.arcsin(jnp.minimum(sine, 1.0)))
            value = jnp.interp(before, jnp.asarray(angles, value.dtype), value)
            y = {name: v * jnp.exp(delta) if name in lengths else v for name, v in y.items()}
        counts = 10 ** jax.random.uniform(level, (), minval=LOUD, maxval=QUIET)
        shaken = value + jnp.sqrt(jnp.maximum(value, 0) / counts) * jax.random.normal(noise, value.shape, value.dtype)
        return x.replace(**{source: shaken}), y

    return augment


def logarithmic(points: int, first: float, step: float) -> np.ndarray:
    """Edges of the cells of even log sin(theta), in points of a grid in degrees 2 theta."""
    ends = np.log(np.sin(np.deg2rad(np.array([first, first + step * points]) / 2)))
    theta = np.rad2deg(np.arcsin(np.exp(np.linspace(float(ends[0]), float(ends[1]), POINTS + 1))))
    return np.clip((2 * theta - first) / step, 0, points)


def cells(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points [m, k] that overlap each cell, and the share [m, k] that each has of it; point i covers i to i + 1."""
    low, high = edges[:-1, None], edges[1:, None]
    first = np.floor(low).astype(int)
    points = first + np.arange(int(np.max(np.ceil(high) - first)))
    overlap = np.clip(np.minimum(points + 1, high) - np.maximum(points, low), 0, None)
    return points, overlap / overlap.sum(1, keepdims=True)


def _angles(task: Supervised, x: System, source: str) -> np.ndarray | None:
    """2 theta of the points [degree], where an input says the first."""
    if not any(q.name == "first" for q in task.inputs):
        return None
    return float(x["first"]) + float(x["spacing"][0]) * np.arange(len(x[source]))


def _size(q: Quantity) -> int:
    return len(q.classes) or 1


def _scale(values: np.ndarray) -> tuple[float, float, bool]:
    """Mean, spread, and whether they are those of the logarithm."""
    is_log = bool(np.all(values > 0))
    values = np.log(values) if is_log else values
    return float(values.mean()), float(values.std()) or 1.0, is_log
