"""What all neural operators share: fields become channels of unit spread, a core maps them, channels become fields.

    f(x) = u + s core(x / r)        u: the state, or 0;  r, s: spread of inputs, and of what the core answers

The outputs of an evolution continue the first inputs, in order. For each of them the core answers with the increment
over one step or, where that spreads more among the training data than the state after it, with this state. Where the
law is Galilean-invariant, the core sees the flow in the frame of its mean velocity c and its answer is moved by c dt:
exact for every core. A method of this family is one file: its core, and a class that names its settings.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.contract import Budget, Evolution, Method, Outputs, Predictor, Samples, Session, Signature, Supervised
from erlangen.core.errors import within
from erlangen.core.groups import Galilean, Group
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Field, System
from erlangen.learn.supervised import Training, fit
from erlangen.learn.unrolling import PLAIN, Unrolling, fit_unrolled
from erlangen.nn.initial import split
from erlangen.numerics import spectral


class Core(eqx.Module):
    """The network itself: a map between channel-last fields of unit spread."""

    @abc.abstractmethod
    def __call__(self, x: Float[Array, "*grid c_in"]) -> Float[Array, "*grid c_out"]:
        """One sample."""


@dataclass(frozen=True)
class Layout:
    """What a core is built for: points and spacing per axis, the quantities that its channels hold, in order, and
    what bounds the domain ("periodic": nothing does; "walls": what is answered is zero there).

    A quantity of rank r has d^r channels in d > 1 dimensions, the last index fastest, and one in one dimension.
    """

    grid: tuple[int, ...]
    spacing: tuple[float, ...]
    inputs: tuple[Quantity, ...]
    outputs: tuple[Quantity, ...]
    boundary: str = "periodic"

    def channels(self, quantities: tuple[Quantity, ...]) -> int:
        """Numbers per grid point of these quantities: d^rank each."""
        return sum(len(self.grid) ** q.rep.rank for q in quantities)

    def modes(self, most: int) -> tuple[int, ...]:
        """Fourier modes per axis, |m| < modes: `most`, fewer where the grid is coarser; never the Nyquist mode."""
        return tuple(min(most, (n + 1) // 2) for n in self.grid)

    @property
    def n_in(self) -> int:
        """Channels that come in."""
        return self.channels(self.inputs)

    @property
    def n_out(self) -> int:
        """Channels that go out."""
        return self.channels(self.outputs)


class Operator(Predictor):
    """The trained map. in_scale, out_scale: standard deviation of inputs and of what is predicted, per channel."""

    core: Core
    # static, since a NumPy array would be a parameter: the loss, in units of out_scale, falls as out_scale grows
    in_scale: tuple[float, ...] = eqx.field(static=True)
    out_scale: tuple[float, ...] = eqx.field(static=True)
    inputs: tuple[str, ...] = eqx.field(static=True)
    outputs: tuple[tuple[str, int], ...] = eqx.field(static=True)  # with the rank of each
    increment: tuple[bool, ...] = eqx.field(static=True)  # of each output: added to the state
    lag: float = eqx.field(static=True)  # time between input and output where the law is Galilean-invariant, else 0

    def __call__(self, x: System) -> Outputs:
        state, drift = self._state(x)
        *grid, _ = state.shape
        change = self.core(self._scaled(state, drift)) * jnp.asarray(self.out_scale, state.dtype)
        after = self._before(state, drift) + change
        after = self._carried(x, after, drift, self.lag)
        answers, start = {}, 0
        for name, rank in self.outputs:
            count = len(grid) ** rank
            components = (len(grid),) * rank if len(grid) > 1 else ()
            answers[name] = after[..., start : start + count].reshape(*grid, *components)
            start += count
        return answers

    def posed(self, x: System, true: Mapping[str, Array]) -> tuple[Float[Array, "*grid c_in"], Float[Array, "*grid c"]]:
        """What the core sees of `x`, and what it would have to answer for the outputs `true`."""
        state, drift = self._state(x)
        after = _channels([jnp.asarray(true[name], state.dtype) for name, _ in self.outputs], len(x["spacing"]))
        after = self._carried(x, after, drift, -self.lag)
        change = after - self._before(state, drift)
        return self._scaled(state, drift), change / jnp.asarray(self.out_scale, state.dtype)

    def _state(self, x: System) -> tuple[Float[Array, "*grid c_in"], Float[Array, ""]]:
        """The inputs in the precision of the core, and the mean velocity in whose frame it sees them."""
        dtype = jnp.result_type(*jax.tree.leaves(eqx.filter(self.core, eqx.is_inexact_array)))
        state = _channels([jnp.asarray(x[name], dtype) for name in self.inputs], len(x["spacing"]))
        return state, jnp.mean(state) if self.lag else jnp.zeros((), dtype)

    def _before(self, state: Float[Array, "*grid c_in"], drift: Float[Array, ""]) -> Float[Array, "*grid c"]:
        """What the answer of the core is added to: the state, or what is at rest in the frame of the mean velocity."""
        d = state.ndim - 1
        added = [added for (_, rank), added in zip(self.outputs, self.increment) for _ in range(d**rank)]
        return jnp.where(np.array(added), state[..., : len(added)], drift)

    def _scaled(self, state: Float[Array, "*grid c_in"], drift: Float[Array, ""]) -> Float[Array, "*grid c_in"]:
        return (state - drift) / jnp.asarray(self.in_scale, state.dtype)

    def _carried(self, x: System, after: Float[Array, "*grid c"], drift: Array, lag: float) -> Float[Array, "*grid c"]:
        """The field moved with the mean velocity for the time `lag`."""
        if not lag:
            return after
        *grid, _ = after.shape
        moved = spectral.translate((after - drift).reshape(grid), (drift * lag,), length=grid[0] * x["spacing"][0])
        return drift + moved[..., None]


class NeuralOperator(Method):
    """A method whose answer is a network between fields on a grid, trained on pairs."""

    # settings that every subclass declares, so that its file shows their defaults
    rate: float
    batch: int
    unrolling: Unrolling = PLAIN  # a setting of those that declare it

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}  # of the settings that only this method has
    accepts: ClassVar[Signature] = Signature(Supervised, Field, axes="grid")

    def __post_init__(self):
        within(self, rate=(0, math.inf), batch=(1, math.inf), **self.limits)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Galilean,)

    @property
    def continues(self) -> bool:
        return True

    @abc.abstractmethod
    def core(self, layout: Layout, *, key: PRNGKeyArray) -> Core:
        """The network with random weights."""

    def build(self, task: Supervised, samples: Samples, *, key: PRNGKeyArray) -> Operator:
        """The untrained answer, scaled to the samples."""
        return scaled(lambda layout: self.core(layout, key=key), task, samples)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        start, order = split(key)
        train, validation = task.truth("train"), task.truth("validation")
        model = self.build(task, train, key=start)
        if session.start is not None and isinstance(learned := session.start.bare, Operator):
            model = dataclasses.replace(model, in_scale=learned.in_scale, out_scale=learned.out_scale)
        if isinstance(task, Evolution):
            session.say(told(model))
        training = Training(rate=self.rate, batch=self.batch)
        if self.unrolling != PLAIN:
            options = {"training": training, "budget": budget, "key": order, "session": session}
            return fit_unrolled(model, task, self.unrolling, **options)
        return fit(
            model, root_mean_square, train, validation, training=training, budget=budget, key=order, session=session
        )


def scaled(core: Callable[[Layout], Core], task: Supervised, samples: Samples) -> Operator:
    """The untrained answer: a core for the layout of the task, and scales from the samples."""
    x = samples.inputs[0]
    spacing = tuple(x["spacing"])
    grid = next(np.shape(x[q.name]) for q in task.inputs if q.axes == "grid")[: len(spacing)]
    before = [np.asarray([x[q.name] for x in samples.inputs], np.float64) for q in task.inputs]
    after = [np.asarray(samples.outputs[q.name], np.float64) for q in task.outputs]
    changes = [b - a for a, b in zip(before, after)] if isinstance(task, Evolution) else after
    increment = tuple(isinstance(task, Evolution) and bool(np.std(c) <= np.std(b)) for b, c in zip(after, changes))
    answers = [c if added else b for added, b, c in zip(increment, after, changes)]
    boundary = getattr(x, "boundary", "periodic")
    if boundary == "walls" and not all(_vanishes(values, len(grid)) for values in answers):
        boundary = "open"  # an answer that is zero on the walls could not be right
    layout = Layout(grid, spacing, tuple(task.inputs), tuple(task.outputs), boundary)
    alone = layout.n_in == layout.n_out == len(grid) == 1  # a velocity along the only axis
    boost = [g for g in task.symmetry if isinstance(g, Galilean) and alone]
    return Operator(
        core=core(layout),
        in_scale=_scales(before, task.inputs, len(grid)),
        out_scale=_scales(answers, task.outputs, len(grid)),
        inputs=tuple(q.name for q in task.inputs),
        outputs=tuple((q.name, q.rep.rank) for q in task.outputs),
        increment=increment,
        lag=boost[0].lag if boost else 0.0,
    )


def told(model: Operator) -> str:
    """Which form the answer has, in a line."""
    found = {True: "the increment over a step", False: "the state after a step"}
    forms = (f"{form} for {', '.join(names)}" for added, form in found.items() if (names := _named(model, added)))
    return f"what is learned, by the smaller spread in the training data: {'; '.join(forms)}"


def _named(model: Operator, added: bool) -> list[str]:
    return [name for (name, _), one in zip(model.outputs, model.increment) if one == added]


def root_mean_square(model: Operator, x: System, true: Mapping[str, Array]) -> Array:
    """Norm (not squared) of the error of one sample in units of the labels' spread: the few samples with thin fronts,
    which no network of this grid gets right, then do not rule the gradient.
    """
    predicted, dimension = model(x), len(x["spacing"])
    gap = _channels([predicted[name] - true[name] for name, _ in model.outputs], dimension)
    gap = gap / jnp.asarray(model.out_scale, gap.dtype)
    return jnp.sqrt(jnp.mean(gap**2) + 1e-12)


def _vanishes(values: np.ndarray, dimension: int) -> bool:
    """Whether a quantity [samples, *grid, ...] is zero at both ends of every axis, to rounding."""
    ends = [np.abs(np.take(values, (0, -1), axis=1 + axis)).max() for axis in range(dimension)]
    return max(ends) <= 1e-6 * np.abs(values).max()


def _channels(values: list[Array], dimension: int) -> Float[Array, "*grid c"]:
    """Components of all quantities as one last axis; a number that has no place on the grid is the same everywhere."""
    grid = max((v.shape[:dimension] for v in values), key=len)
    parts = [v.reshape(*grid, -1) if v.ndim else jnp.full((*grid, 1), v) for v in values]
    return jnp.concatenate(parts, axis=-1)


def _scales(values: list[np.ndarray], quantities: tuple[Quantity, ...], dimension: int) -> tuple[float, ...]:
    """Standard deviation per channel, one for all components of a quantity, so that no direction is preferred.

    What never varies is measured by its size instead.
    """
    spreads = [float(np.std(v)) or float(np.max(np.abs(v), initial=0.0)) or 1.0 for v in values]
    return tuple(s for q, s in zip(quantities, spreads) for _ in range(dimension**q.rep.rank))
