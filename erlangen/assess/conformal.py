"""Split conformal prediction: intervals that hold a chosen share of new samples, whatever the model.

    calibrate(inner, task, samples, level) -> Conformalised

With scores s_1..s_n on calibration samples that the fit has not seen, the interval |y - f(x)| <= q sigma(x) with

    q = the ceil((n + 1) level)-th smallest score

holds the next exchangeable sample with probability >= level. Vovk, Gammerman, Shafer, Algorithmic Learning in a Random
World (2005), doi:10.1007/b106715; normalised, finite-sample form: Romano, Patterson, Candès (2019), arXiv:1905.03222.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from erlangen.core.arrays import AnyArray

from ..contract import Answer, Interval, Outputs, Predictor, Samples, Spread, Supervised, Task
from ..core.groups import Shifts
from ..core.quantity import Quantity
from ..core.systems import Atoms, System
from ..numerics import chunks
from ..numerics.precision import double

N_ELEMENTS = 120
LEVELS = (0.5, 0.68, 0.8, 0.9, 0.95)  # of a reliability curve


class Conformalised(Interval):
    """An answer with half-widths  quantile * sigma(x).

    quantiles: per output [] or, on atoms, [N_ELEMENTS] by atomic number. sigmas: per output a constant profile ([] or
    shaped like the field), or the smallest spread that counts where the inner answer is a `Spread`. others: the
    quantiles at further `levels`, along a last axis.
    """

    inner: Predictor
    quantiles: dict[str, Array]
    sigmas: dict[str, Array]
    outputs: tuple[Quantity, ...] = eqx.field(static=True)
    level: float = eqx.field(static=True)
    others: dict[str, Array] = eqx.field(default_factory=dict)
    levels: tuple[float, ...] = eqx.field(static=True, default=())  # type: ignore[override]

    def __call__(self, x: System) -> Outputs:
        """The answer of the method inside."""
        return self.inner(x)

    def prepare(self, x: System) -> System:
        """As the method inside needs it."""
        return self.inner.prepare(x)

    @property
    def bare(self) -> Answer:
        return self.inner.bare

    def path(self, x: System, steps: int, feed: Callable[[System, Outputs], System]) -> Outputs:
        """The path of the method inside."""
        return self.inner.path(x, steps, feed)

    def interval(self, x: System) -> Mapping[str, tuple[Array, Array]]:
        """Lower and upper end of each output."""
        return self.around(x, self.inner(x))

    def around(self, x: System, centre: Outputs) -> Mapping[str, tuple[Array, Array]]:
        """Lower and upper end of each output around what the method inside answers."""
        spread = self.inner.spread(x) if isinstance(self.inner, Spread) else {}
        ends = {}
        for q in self.outputs:
            y = jnp.asarray(centre[q.name])
            sigma = _scale(q, spread.get(q.name), self.sigmas[q.name], y.shape)
            quantile = self.quantiles[q.name]
            if q.axes == "atoms":
                quantile = quantile[x["atomic_numbers"]].reshape((-1,) + (1,) * (y.ndim - 1))
            half = (quantile * sigma).astype(y.dtype)
            ends[q.name] = (y - half, y + half)
        return ends

    def widening(self, x: System, level: float) -> Mapping[str, np.ndarray | float]:
        """Ratios of quantiles; on atoms [n, 1, ...], an element each."""
        place, found = self.levels.index(level), {}
        for q in self.outputs:
            own, other = np.asarray(self.quantiles[q.name]), np.asarray(self.others[q.name])[..., place]
            factor = np.where(own > 0, other / np.where(own > 0, own, 1.0), 1.0)
            if q.axes == "atoms":
                factor = factor[np.asarray(x["atomic_numbers"])].reshape((-1,) + (1,) * (q.rep.rank + bool(q.classes)))
            found[q.name] = factor
        return found


def calibrate(inner: Predictor, task: Supervised, samples: Samples, level: float) -> Conformalised:
    """Conformal intervals around `inner` from calibration samples that its fit has not seen."""
    answers = _answers(inner, samples.inputs)
    outputs = tuple(q for q in task.outputs if q.name in samples.outputs and q.name in answers[0]["centre"])
    quantiles, sigmas, others = {}, {}, {}
    held_out: list[Any] | None = None
    known = sorted({*LEVELS, level})
    highest = max(level, 1 - 1 / (len(samples) + 1) + 1e-9)  # beyond it intervals are infinitely wide
    levels = tuple(one for one in known if one <= highest)
    for q in outputs:
        true = samples.outputs[q.name]
        residuals = [np.abs(a["centre"][q.name] - np.asarray(y)) for a, y in zip(answers, true)]
        spreads: list[Any] = [a["spread"].get(q.name) for a in answers]
        if isinstance(inner, Spread):
            # a spread far below the typical one is luck, not knowledge: it would make single scores explode
            typical = np.median(np.concatenate([np.ravel(s) for s in spreads]))
            sigmas[q.name] = np.asarray(max(0.05 * float(typical), 1e-12))
        elif q.axes == "grid":
            validation = task.truth("validation")
            held_out = held_out or _answers(inner, validation.inputs)
            sigmas[q.name] = _profile(q, task, validation, held_out, np.shape(true[0]))
        else:
            sigmas[q.name] = np.asarray(1.0)
        scores = [r / np.asarray(_scale(q, s, sigmas[q.name])) for r, s in zip(residuals, spreads)]
        quantiles[q.name] = _quantile(q, scores, samples.inputs, level)
        others[q.name] = np.stack([_quantile(q, scores, samples.inputs, one) for one in levels], -1)
    return Conformalised(
        inner=inner,
        quantiles={name: jnp.asarray(v, jnp.float32) for name, v in quantiles.items()},
        sigmas={name: jnp.asarray(v, jnp.float32) for name, v in sigmas.items()},
        outputs=outputs,
        level=level,
        others={name: jnp.asarray(v, jnp.float32) for name, v in others.items()},
        levels=levels,
    )


def _scale(q: Quantity, spread: Any, sigma: Any, shape: tuple[int, ...] | None = None) -> Any:
    """sigma(x) with the shape of the output or broadcastable to it; the same along all axes that a rotation mixes."""
    if spread is None:
        return sigma if shape is None else _on_grid(jnp.asarray(sigma), shape)
    spread = jnp.asarray(spread)
    if q.rep.rank and q.axes != "grid":
        axes = tuple(range(spread.ndim - q.rep.rank, spread.ndim))
        spread = jnp.sqrt(jnp.mean(spread**2, axes, keepdims=True))
    return jnp.maximum(spread, sigma)


def _on_grid(profile: Array, shape: tuple[int, ...]) -> Array:
    """A profile calibrated on another grid of the same domain, at the nearest points of a grid of `shape`."""
    for axis, n in enumerate(shape[: profile.ndim]):
        if profile.shape[axis] not in (1, n):
            profile = jnp.take(profile, jnp.arange(n) * profile.shape[axis] // n, axis)
    return profile


def _profile(q: Quantity, task: Task, samples: Samples, answers: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Root mean square residual at each grid point, averaged over the axes along which the task may be shifted."""
    if len(samples) == 0:
        return np.ones(())
    residuals = [a["centre"][q.name] - np.asarray(y) for a, y in zip(answers, samples.outputs[q.name])]
    residuals = [r for r in residuals if r.shape == shape]
    axes = sorted({a for g in task.symmetry if isinstance(g, Shifts) and g.stride == 1 for a in g.axes})
    square = np.mean(np.square(residuals), 0)
    square = np.mean(square, tuple(axes), keepdims=True) if axes else square
    # few samples: pull the profile towards its mean, as if ten more had been seen
    square = (len(residuals) * square + 10 * np.mean(square)) / (len(residuals) + 10)
    return np.sqrt(square) + 1e-12


def _quantile(q: Quantity, scores: Sequence[np.ndarray], inputs: Sequence[System], level: float) -> np.ndarray:
    if q.classes and q.axes == "atoms":  # an atom is held where all of its classes are; one quantile for all elements
        return np.full(N_ELEMENTS, pooled_quantile([np.max(s, -1) for s in scores], level))
    if q.is_joint:
        return np.asarray(pooled_quantile([np.max(s, keepdims=True) for s in scores], level))
    pooled = pooled_quantile(scores, level)
    if q.axes != "atoms" or not isinstance(inputs[0], Atoms):
        return np.asarray(pooled)
    numbers = [np.asarray(x["atomic_numbers"]) for x in inputs]
    found = {}
    for z in np.unique(np.concatenate(numbers)):
        own = [s[n == z] for s, n in zip(scores, numbers) if np.any(n == z)]
        found[int(z)] = pooled_quantile(own, level)
    finite = {z: v for z, v in found.items() if np.isfinite(v)}
    table = np.full(N_ELEMENTS, max([pooled, *finite.values()]))  # elements too rare to calibrate: the widest
    for z, v in finite.items():
        table[z] = v
    return table


def pooled_quantile(scores: Sequence[Float[np.ndarray, "..."]], level: float) -> float:
    """Smallest s with  sum_i (1/(n+1)) (fraction of the components of sample i that are <= s) >= level;  inf if none.

    With one component per sample it is the ceil((n + 1) level)-th smallest score.
    """
    n = len(scores)
    values = np.concatenate([np.ravel(s) for s in scores])
    weights = np.concatenate([np.full(np.size(s), 1 / ((n + 1) * np.size(s))) for s in scores])
    order = np.argsort(values)
    reached = np.searchsorted(np.cumsum(weights[order]), level - 1e-9)
    return float(values[order][reached]) if reached < len(values) else math.inf


def is_array(leaf: object) -> bool:
    """Whether a leaf of a tree is an array of numbers (JAX or NumPy)."""
    return isinstance(leaf, (jax.Array, np.ndarray))


def _answers(fitted: Predictor, inputs: Sequence[System]) -> list[dict[str, dict[str, np.ndarray]]]:
    """centre and spread of every input."""

    def both(f: Any, x: System) -> Any:
        return {"centre": f(x), "spread": f.spread(x) if isinstance(f, Spread) else {}}

    return for_each(both, fitted, inputs)


def for_each(of: Callable[[Any, Any], Any], fitted: Predictor, inputs: Sequence[System], batch: int = 64) -> list[Any]:
    """of(fitted, x) for every input, in order; float32 in, float64 kept where added."""
    found: list[Any] = [None] * len(inputs)
    for place, value in one_by_one(of, fitted, inputs, batch):
        found[place] = value
    return found


def one_by_one(
    of: Callable[[Any, Any], Any], fitted: Predictor, inputs: Sequence[System], batch: int = 64
) -> Iterator[tuple[int, PyTree]]:
    """(place, of(fitted, x)) of every input, by `vmap` over inputs of equal shape, as many at once as memory has room
    for (`numerics.chunks`).
    """
    shapes: dict[str, list[int]] = {}
    singles = [jax.tree.map(_single, fitted.prepare(x)) for x in inputs]
    for i, x in enumerate(singles):
        leaves, structure = jax.tree.flatten(x)
        shapes.setdefault(f"{structure} {[np.shape(leaf) for leaf in leaves]}", []).append(i)
    arrays, rest = eqx.partition(fitted, is_array)
    run = jax.jit(lambda a, xs: jax.vmap(lambda x: of(eqx.combine(a, rest), x))(xs))

    def stacked(rows: Sequence[int], start: int, size: int) -> PyTree:
        part = [rows[min(start + j, len(rows) - 1)] for j in range(size)]  # the last is repeated: one shape
        return jax.tree.map(lambda *v: np.stack(v), *[singles[r] for r in part])

    for rows in shapes.values():
        with double():
            size = chunks.planned(run, lambda n, r=rows: (arrays, stacked(r, 0, n)), min(batch, len(rows)))
        for start in range(0, len(rows), size):
            with double():
                out = jax.tree.map(np.asarray, run(arrays, stacked(rows, start, size)))
            for j, place in enumerate(rows[start : start + size]):
                yield place, jax.tree.map(lambda v, j=j: v[j], out)


def _single(leaf: AnyArray) -> np.ndarray:
    leaf = np.asarray(leaf)
    return leaf.astype(np.float32) if leaf.dtype == np.float64 else leaf
