"""The supervised engine: minimise the mean loss of single samples, within a budget, and survive.

    theta <- argmin  sum_i loss(f_theta, x_i, y_i) / N        Adam with warm-up and cosine decay, clipped gradients,
                                                              exponential moving average of theta for every answer

A step is a pure function of (state, step number, seed): batches are drawn from the seed and the step number alone, so a
fit that was killed goes on from its checkpoint bit for bit. A budget in seconds, which preparing and compiling are part
of, is turned into a number of steps once the speed is known, and that plan is kept in the checkpoint. A loss that is
not finite rolls the fit back and halves the rate.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PRNGKeyArray

from ..contract import Budget, Samples, Session
from ..core.errors import Invalid
from ..core.quantity import Quantity
from ..core.systems import System
from ..numerics import chunks
from .batching import Bucket, pack, prepared, thinned
from .checkpoint import load_state, save_state
from .pace import Progress, in_time, judged, replan, tell_if_hardly_trained, tell_if_nothing_was_learned
from .starts import begun

Loss = Callable[[Any, System, Mapping[str, Array]], Array]
Augment = Callable[[System, Mapping[str, Array], PRNGKeyArray], tuple[System, Mapping[str, Array]]]
MAX_ROLLBACKS = 6
TRIAL = 0.2  # of the budget, at most, to find out how long a step takes (two steps at least)
NOTABLE = 5e8  # bytes of a step


@dataclasses.dataclass(frozen=True)
class Training:
    """How a fit is driven.

    rate: peak learning rate. batch: samples per step. warmup: fraction of the steps in which the rate rises linearly;
    then it falls to `final` times the peak along a cosine. decay: decoupled weight decay. ema: moving average of the
    parameters. clip: largest global norm of a gradient. patience: validations without gain before the fit stops
    (None: never). checks: how many validations (and checkpoints) a fit has.
    """

    rate: float = 1e-3
    batch: int = 32
    warmup: float = 0.03
    final: float = 1e-3
    decay: float = 0.0
    ema: float = 0.995
    clip: float = 1.0
    patience: int | None = None
    checks: int = 25


Vectors = Mapping[str, Array]  # all parameters of a data type in one vector: an update is a few loops, however many


class _State(eqx.Module):
    """Arrays of a fit: parameters, optimiser, moving average, best moving average so far."""

    params: Vectors
    optimiser: Any
    average: Vectors
    best: Vectors


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Where the parameters of a model lie in the vectors."""

    structure: Any
    leaves: tuple[tuple[str, tuple[int, ...]], ...]  # data type and shape

    @classmethod
    def of(cls, params: Any) -> _Layout:
        leaves, structure = jax.tree.flatten(params)
        return cls(structure, tuple((str(leaf.dtype), leaf.shape) for leaf in leaves))

    def vectors(self, params: Any) -> Vectors:
        parts: dict[str, list[np.ndarray]] = {}
        for leaf, (kind, _) in zip(jax.tree.leaves(params), self.leaves, strict=True):
            parts.setdefault(kind, []).append(np.asarray(leaf).ravel())
        return jax.device_put({kind: np.concatenate(found) for kind, found in parts.items()})

    def params(self, vectors: Mapping[str, Any]) -> Any:
        """The inverse: slices in their shapes, of arrays of NumPy or JAX."""
        cut = {}
        for kind, vector in vectors.items():
            ends = np.cumsum([math.prod(shape) for one, shape in self.leaves if one == kind])[:-1].tolist()
            cut[kind] = iter((np if isinstance(vector, np.ndarray) else jnp).split(vector, ends))
        return jax.tree.unflatten(self.structure, [next(cut[kind]).reshape(shape) for kind, shape in self.leaves])


def fit(
    model: Any,
    loss: Loss,
    train: Samples,
    validation: Samples,
    *,
    training: Training,
    budget: Budget,
    key: PRNGKeyArray,
    session: Session = Session(),
    augment: Augment | None = None,
    quantities: Sequence[Quantity] = (),
    trivial: float | None = None,
) -> Any:
    """The model with the parameters (moving average, or those given) that did best on `validation` within `budget`.

    model: any Equinox module. loss(model, x, outputs) -> [] for one sample; it is mapped over batches and averaged.
    session.start: an earlier answer with whose numbers the fit begins.
    quantities: what the outputs are, so that those of atoms are padded with them.
    trivial: the loss of an answer that is the same for all samples, where it is known: a fit that ends there says so.
    augment(x, outputs, key): the sample as a training step sees it, drawn anew each time (noise, a group element).
    Raises `Invalid` where the loss stays non-finite after several roll-backs.
    """
    tick = time.perf_counter()
    model = begun(model, session.start)
    engine = _Engine(model, loss, train, validation, training, key, augment, quantities)
    state, progress = engine.start(), Progress()
    if session.resume and session.folder is not None:
        found = load_state(session.folder, state)
        if found is not None:
            state, progress = found[0], Progress(**found[1])
            engine.validate_on(progress.judged)
            session.say(f"resumed at step {progress.step} of {progress.total}")
            for row in progress.history:
                session.progress(int(row["step"]), progress.total, row)
    clock = tick - progress.seconds
    if not progress.total:
        with session.during("compiling"):
            progress = engine.plan(state, budget, clock, session)
    while progress.step < progress.total:
        good = (state, dataclasses.replace(progress))
        state, mean_loss = engine.run(state, progress, None if budget.seconds is None else clock + budget.seconds)
        if not math.isfinite(mean_loss):
            state, progress = _roll_back(*good, progress, session)
            continue
        if len(progress.history) == 0:
            engine.tell_memory(state, progress, session)
        state = engine.judge(state, progress, mean_loss)
        progress.seconds = time.perf_counter() - clock
        replan(progress, budget)
        if session.folder is not None:
            save_state(session.folder, state, dataclasses.asdict(progress))
        session.progress(progress.step, progress.total, progress.history[-1])
        if training.patience is not None and progress.stale >= training.patience:
            session.say(f"stopped at step {progress.step}: no gain on validation for {progress.stale} checks")
            break
    tell_if_hardly_trained(progress, budget, session)
    tell_if_nothing_was_learned(progress, trivial, session)
    best = engine.layout.params(jax.tree.map(np.asarray, state.best))
    return eqx.combine(jax.device_put(best), engine.static)


def _roll_back(state: _State, before: Progress, now: Progress, session: Session) -> tuple[_State, Progress]:
    """The last good state, with half the learning rate."""
    before.rollbacks, before.scale = now.rollbacks + 1, now.scale / 2
    if before.rollbacks > MAX_ROLLBACKS:
        raise Invalid(
            must="the loss stays finite",
            came=f"NaN or infinity near step {now.step} after {MAX_ROLLBACKS} roll-backs",
            do="Look for outliers in the labels (erlangen check), or lower the rate.",
        )
    session.say(f"loss not finite near step {now.step}: back to step {before.step}, rate x {before.scale:g}")
    return state, before


class _Engine:
    """The compiled parts of one fit: batches, step, validation."""

    def __init__(
        self,
        model: Any,
        loss: Loss,
        train: Samples,
        validation: Samples,
        training: Training,
        key: PRNGKeyArray,
        augment: Augment | None,
        quantities: Sequence[Quantity],
    ):
        if not len(train) or not len(validation):
            came = f"{len(train)} and {len(validation)}"
            raise Invalid(must="a fit needs training and validation samples", came=came, do="Give more data.")
        self.training, self.key, self.augments = training, key, augment is not None
        params, self.static = eqx.partition(model, eqx.is_inexact_array)
        self.layout = _Layout.of(params)
        self.params = self.layout.vectors(params)
        self.train, self.validation = (
            [_on_device(b) for b in pack(prepared(model, s.inputs), s.outputs, quantities)] for s in (train, validation)
        )
        self.size = min(training.batch, max(len(b) for b in self.train))
        self.optimiser = optax.chain(
            optax.clip_by_global_norm(training.clip), optax.scale_by_adam(), optax.add_decayed_weights(training.decay)
        )
        self._epoch: tuple[int, list[tuple[int, np.ndarray]]] = (-1, [])
        self._sizes: dict[int, int] = {}  # samples of each bucket that are validated at once

        def mean(params: Vectors, inputs: Any, outputs: Any, weight: Array) -> Array:
            whole = eqx.combine(self.layout.params(params), self.static)
            return jnp.sum(weight * jax.vmap(lambda x, y: loss(whole, x, y))(inputs, outputs)) / jnp.sum(weight)

        def step(
            state: _State, inputs: Any, outputs: Any, rate: Array, number: Array, draws: Any
        ) -> tuple[_State, Array]:
            if augment is not None:
                inputs, outputs = jax.vmap(augment)(inputs, outputs, draws)
            equal = jnp.ones(self.size, jnp.float32)
            value, gradient = jax.value_and_grad(mean)(state.params, inputs, outputs, equal)
            update, optimiser = self.optimiser.update(gradient, state.optimiser, state.params)
            params = jax.tree.map(lambda p, u: p - rate * u, state.params, update)
            keep = jnp.minimum(training.ema, (1 + number) / (10 + number)).astype(jnp.float32)
            average = jax.tree.map(lambda a, p: keep * a + (1 - keep) * p, state.average, params)
            return _State(params, optimiser, average, state.best), value

        # drawn apart: the program of a step then does not depend on the number of samples, and is compiled once for all
        self._draw = jax.jit(lambda data, rows: jax.tree.map(lambda a: a[rows], data))
        self._step = jax.jit(step)
        self._loss = jax.jit(mean)

    def start(self) -> _State:
        return _State(self.params, jax.jit(self.optimiser.init)(self.params), self.params, self.params)

    def plan(self, state: _State, budget: Budget, clock: float, session: Session) -> Progress:
        """How many steps the budget allows: given, or from the measured speed of a trial that is thrown away."""
        if budget.seconds is None:
            steps = budget.steps or 1
            return Progress(total=steps, every=max(steps // self.training.checks, 1), best=self.untrained(state))
        best, trial, seconds = math.inf, state, []

        def timed(call: Callable[[], None]) -> float:
            tick = time.perf_counter()
            call()
            return time.perf_counter() - tick

        def advance() -> None:
            nonlocal trial
            trial, value = self.step(trial, Progress(step=len(seconds), total=10**6))
            jax.block_until_ready(value)

        def validate() -> None:
            nonlocal best
            best = self.untrained(state)

        def spent() -> float:
            return (time.perf_counter() - clock) / (budget.seconds or math.inf)

        # the first step is compiled; where that alone takes longer than there is, it stays the only one
        while not seconds or (len(seconds) < 2 and spent() < 1) or (len(seconds) < 12 and spent() < TRIAL):
            seconds.append(timed(advance))
        pace = float(np.median(seconds[2:] or seconds[-1:]))
        total = sum(map(len, self.validation))
        chosen = judged(budget.seconds, pace, self.size, total)
        if chosen < total:
            self.validate_on(chosen)
            session.say(f"validated on {chosen} of {total} samples: all would take too much of the time")
        check = timed(validate)  # and compiling
        if spent() < TRIAL:
            check = timed(validate)
        check = min(check, pace * chosen / self.size)  # to answer takes no longer than to learn
        planned = time.perf_counter() - clock
        steps, every = in_time(budget.seconds - planned, pace, check, self.training.checks)
        return Progress(total=steps, every=every, planned=planned, pace=pace, judged=chosen, best=best)

    def untrained(self, state: _State) -> float:
        """The loss on validation that a fit begins with: an answer is not given up for a worse one."""
        value = self.loss(self.validation, state.average)
        return value if math.isfinite(value) else math.inf

    def validate_on(self, count: int) -> None:
        """Only on so many samples; 0: on all."""
        if count:
            self.validation = thinned(self.validation, count)

    def tell_memory(self, state: _State, progress: Progress, session: Session) -> None:
        """What a step takes, where that is much."""
        needed = chunks.taken(self._step, state, *self._arguments(progress))
        if needed > NOTABLE:
            session.say(f"memory: a step of {self.size} samples takes {needed / 1e9:.2g} GB")

    def rows(self, number: int) -> tuple[int, np.ndarray]:
        """(bucket, rows) of step `number`: epochs without replacement, order drawn from the key and the epoch."""
        per_bucket = [max(len(b) // self.size, 1) for b in self.train]
        epoch, place = divmod(number, sum(per_bucket))
        if self._epoch[0] != epoch:
            rng = np.random.default_rng([*np.asarray(jax.random.key_data(self.key), np.uint32).tolist(), epoch])
            batches = []
            for i, bucket in enumerate(self.train):
                order = rng.permutation(len(bucket))
                order = np.resize(order, per_bucket[i] * self.size)
                batches += [(i, part) for part in order.reshape(per_bucket[i], self.size)]
            self._epoch = (epoch, [batches[j] for j in rng.permutation(len(batches))])
        return self._epoch[1][place]

    def step(self, state: _State, progress: Progress) -> tuple[_State, Array]:
        return self._step(state, *self._arguments(progress))

    def _arguments(self, progress: Progress) -> tuple[Any, ...]:
        """What a step takes beside the state."""
        which, rows = self.rows(progress.step)
        rate = self.training.rate * progress.scale * schedule(progress.step / progress.total, self.training)
        bucket = self.train[which]
        inputs, outputs = self._draw((bucket.inputs, bucket.outputs), rows)
        draws = jax.random.split(jax.random.fold_in(self.key, progress.step), self.size) if self.augments else None
        return inputs, outputs, jnp.float32(rate), jnp.float32(progress.step), draws

    def run(self, state: _State, progress: Progress, deadline: float | None) -> tuple[_State, float]:
        """Steps up to the next check, or to the deadline; the mean loss over them (NaN as soon as one is)."""
        losses = []
        until = min(progress.step + progress.every, progress.total)
        looks = 50 if deadline is None else min(max(int(1 / (progress.pace + 0.02)), 1), 50)  # once in a second
        while progress.step < until:
            state, value = self.step(state, progress)
            losses.append(value)
            progress.step += 1
            if len(losses) % looks == 0:
                if not math.isfinite(float(value)):
                    return state, math.nan
                if deadline is not None and time.perf_counter() > deadline:
                    break
        return state, float(np.mean([float(v) for v in losses]))

    def judge(self, state: _State, progress: Progress, mean_loss: float) -> _State:
        """Validate the moving average, note it, and keep it where it is the best so far."""
        value = self.loss(self.validation, state.average)
        progress.history.append({"step": progress.step, "loss": mean_loss, "validation": value})
        if value < progress.best:
            progress.best, progress.stale = value, 0
            return dataclasses.replace(state, best=state.average)
        progress.stale += 1
        return state

    def loss(self, buckets: list[Bucket], params: Any, batch: int = 128) -> float:
        """Mean loss over all samples of `buckets`."""
        total = count = 0.0
        for number, bucket in enumerate(buckets):

            def chunk(size: int, start: int = 0, bucket: Bucket = bucket) -> tuple[Any, ...]:
                rows = np.minimum(np.arange(start, start + size), len(bucket) - 1)
                weight = (np.arange(start, start + size) < len(bucket)).astype(np.float32)
                return params, *self._draw((bucket.inputs, bucket.outputs), rows), weight

            if number not in self._sizes:
                usual = min(bucket.at_once(batch), len(bucket))
                self._sizes[number] = chunks.planned(self._loss, chunk, usual)
            size = self._sizes[number]
            for start in range(0, len(bucket), size):
                arguments = chunk(size, start)
                weight = float(arguments[-1].sum())
                total += float(self._loss(*arguments)) * weight
                count += weight
        return total / count


def schedule(progress: float, training: Training) -> float:
    """Learning rate relative to its peak at `progress` in [0, 1): linear warm-up, then a cosine down to `final`."""
    if progress < training.warmup:
        return (progress + 1e-3) / (training.warmup + 1e-3)
    phase = (progress - training.warmup) / (1 - training.warmup)
    return training.final + (1 - training.final) * 0.5 * (1 + math.cos(math.pi * phase))


def _on_device(bucket: Bucket) -> Bucket:
    inputs, outputs = jax.device_put((bucket.inputs, bucket.outputs))
    return dataclasses.replace(bucket, inputs=inputs, outputs=outputs)


def squared_error(weights: Mapping[str, float]) -> Loss:
    """Loss of one sample: sum over outputs of weight * mean squared error.

        L = sum_q w_q  mean (f(x)_q - y_q)^2

    Padded atoms (atomic number 0) count neither in the sum nor in the mean.
    """

    def loss(model: Any, x: System, true: Mapping[str, Array]) -> Array:
        predicted = model(x)
        total = jnp.float32(0)
        for name, weight in weights.items():
            gap = (predicted[name] - true[name]) ** 2
            if name == "forces":
                mask = x["atomic_numbers"] > 0
                total += weight * jnp.sum(jnp.where(mask[:, None], gap, 0)) / (3 * jnp.sum(mask))
            else:
                total += weight * jnp.mean(gap)
        return total

    return loss
