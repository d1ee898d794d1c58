"""Measures for `contract.Score`, and scores with error bars.

    measure(predicted, true) -> float                         absolute, squared, largest, relative_l2, correlation,
                                                              correlation_time(dt=, threshold=)
    per_sample(score, predictions, samples) -> [n]            the measure of every sample
    at_step(score, outputs) -> outputs                        what a score judges of trajectories [steps, ...]
    estimate(score, predictions, samples, *, key) -> Estimate value and bootstrap error (`bar`)
    over_seeds(estimates) -> Estimate                         one figure for several seeds

`predictions` is a mapping from output name to one array per sample, as `learn.batching.predict` returns it.
Bootstrap: Efron, Ann. Statist. 7, 1 (1979), doi:10.1214/aos/1176344552. Whole groups (trajectories, molecules) are
drawn where samples depend on each other; consecutive blocks stand in where there is a single group (Künsch, Ann.
Statist. 17, 1217 (1989), doi:10.1214/aos/1176347265).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from erlangen.core.arrays import AnyArray

from ..contract import Samples, Score
from ..core.errors import Invalid, unknown
from .rows import Estimate

Predictions = Mapping[str, Sequence[AnyArray]]
RESAMPLES = 1000
BLOCKS = 10
WITHIN = 0.6827  # of a normal distribution, within one standard deviation


def paired(
    predicted: ArrayLike, true: ArrayLike, *, do: str = "Check which output the method returns under this name."
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Both in float64, of one shape; refused with the advice `do` otherwise."""
    predicted, true = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    if predicted.shape != true.shape:
        raise Invalid(
            must="a prediction has the shape of the truth", came=f"{predicted.shape} against {true.shape}", do=do
        )
    return predicted, true


def absolute(predicted: Float[ArrayLike, "..."], true: Float[ArrayLike, "..."]) -> float:
    """Mean of |y - y*| over the components of one sample, in the unit of y."""
    predicted, true = paired(predicted, true)
    return float(np.mean(np.abs(predicted - true)))


def squared(predicted: Float[ArrayLike, "..."], true: Float[ArrayLike, "..."]) -> float:
    """Mean of (y - y*)^2 over the components of one sample; with aggregate="root" the score is the RMSE."""
    predicted, true = paired(predicted, true)
    return float(np.mean((predicted - true) ** 2))


def largest(predicted: Float[ArrayLike, "..."], true: Float[ArrayLike, "..."]) -> float:
    """max |y - y*| over the components of one sample."""
    predicted, true = paired(predicted, true)
    return float(np.max(np.abs(predicted - true)))


def relative_l2(predicted: Float[ArrayLike, "..."], true: Float[ArrayLike, "..."]) -> float:
    """||y - y*||_2 / ||y*||_2 of one sample (nRMSE); the mean over samples is the usual figure for neural operators."""
    predicted, true = paired(predicted, true)
    size = float(np.linalg.norm(true))
    gap = float(np.linalg.norm(predicted - true))
    return gap / size if size else (0.0 if gap == 0 else float("inf"))


def correlation(predicted: Float[ArrayLike, "..."], true: Float[ArrayLike, "..."]) -> float:
    """Pearson correlation of the components of one sample, in [-1, 1]; higher is better.

    0 where the prediction is constant, 1 where truth and prediction are the same array.
    """
    predicted, true = paired(predicted, true)
    a, b = predicted - predicted.mean(), true - true.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.sum(a * b) / size) if size else float(np.array_equal(predicted, true))


def correlation_time(
    *, dt: float = 1.0, threshold: float = 0.95
) -> Callable[[Float[AnyArray, "steps ..."], Float[AnyArray, "steps ..."]], float]:
    """Measure of a roll-out [steps, ...]: the time for which its correlation with the truth stays above `threshold`.

    Returns measure(predicted, true) in units of `dt`; the whole length where it never falls below. Higher is better.
    Kochkov et al., PNAS 118, e2101784118 (2021), doi:10.1073/pnas.2101784118 (threshold 0.95).
    """
    return functools.partial(_correlation_time, dt=dt, threshold=threshold)


def _correlation_time(
    predicted: Float[AnyArray, "steps ..."], true: Float[AnyArray, "steps ..."], *, dt: float, threshold: float
) -> float:
    predicted, true = paired(predicted, true)
    below = [i for i in range(len(true)) if not correlation(predicted[i], true[i]) >= threshold]
    return dt * (below[0] if below else len(true))


def per_sample(score: Score, predictions: Predictions, samples: Samples) -> Float[np.ndarray, " n"]:
    """[n]: score.measure of every sample, not yet averaged, rooted or multiplied by score.factor."""
    if score.quantity not in predictions:
        raise unknown("the output of a score", score.quantity, predictions)
    predicted, true = predictions[score.quantity], samples.outputs[score.quantity]
    if len(predicted) != len(true):
        raise Invalid(
            must="there is one prediction per sample",
            came=f"{len(predicted)} for {len(true)} samples",
            do="Predict the same split.",
        )
    if score.per_atom:
        sizes = [int(np.sum(np.asarray(x["atomic_numbers"]) > 0)) for x in samples.inputs]
        predicted, true = ([np.asarray(v, np.float64) / n for v, n in zip(side, sizes)] for side in (predicted, true))
    return np.asarray([float(score.measure(p, t)) for p, t in zip(predicted, true)])


def at_step(score: Score, outputs: Predictions) -> Predictions:
    """The state of every trajectory in `outputs` after score.steps steps, or all until then; one-step outputs stay."""
    if score.steps == 1:
        return outputs
    judged = slice(score.steps) if score.whole else score.steps - 1
    return {name: [path[judged] for path in outputs[name]] for name in outputs if name == score.quantity}


def summarise(score: Score, values: Float[np.ndarray, " n"]) -> float:
    """One number from the per-sample values: mean or root mean, times score.factor."""
    mean = float(np.mean(values))
    return score.factor * (mean**0.5 if score.aggregate == "root" else mean)


def estimate(score: Score, predictions: Predictions, samples: Samples, *, key: PRNGKeyArray) -> Estimate:
    """The score of `predictions` with its error bar (bootstrap over samples, or over samples.group)."""
    if score.of_set:
        units, by = resampling_units(len(samples), samples.group)
        pair = predictions[score.quantity], samples.outputs[score.quantity]
        return estimate_of_set(score, *pair, units=units, by=by, key=key)
    return estimate_of(score, per_sample(score, predictions, samples), samples.group, key=key)


def estimate_of(
    score: Score, values: Float[np.ndarray, " n"], group: Int[np.ndarray, " n"] | None = None, *, key: PRNGKeyArray
) -> Estimate:
    """The same from per-sample values. The error is NaN where fewer than two samples are independent."""
    units, by = resampling_units(len(values), group)
    means = bootstrap_means(np.asarray(values, np.float64)[:, None], units, key=key)[:, 0]
    drawn = score.factor * (np.sqrt(means) if score.aggregate == "root" else means)
    error = bar(drawn, int(units.max(initial=0)) + 1)
    return Estimate(score.name, summarise(score, values), error, score.unit, score.label, by, score.lower_is_better)


def estimate_of_set(
    score: Score,
    predicted: Sequence[AnyArray],
    true: Sequence[AnyArray],
    *,
    units: np.ndarray | None = None,
    by: str = "bootstrap over draws",
    key: PRNGKeyArray,
    resamples: int = 200,
) -> Estimate:
    """A score of two whole sets with its error bar, both drawn anew with replacement.

    units: the two are pairs, and pair i belongs to the independent unit units[i]; without, they are two sets of draws.
    """
    rng, drawn = generator(key), []

    def measured(a: Sequence[int] | np.ndarray, b: Sequence[int] | np.ndarray) -> float:
        return float(score.measure([predicted[i] for i in a], [true[i] for i in b]))

    value = summarise(score, np.array([measured(range(len(predicted)), range(len(true)))]))
    count = 0 if units is None else int(units.max(initial=0)) + 1
    members = [] if units is None else [np.flatnonzero(units == u) for u in range(count)]
    for _ in range(resamples if units is None or count > 1 else 0):
        if members:
            rows = np.concatenate([members[u] for u in rng.integers(0, count, count)])
            drawn.append(measured(rows, rows))
        else:
            drawn.append(measured(*(rng.integers(0, len(one), len(one)) for one in (predicted, true))))
    spread = [summarise(score, np.array([one])) for one in drawn]
    error = bar(spread, count or min(len(predicted), len(true)))
    return Estimate(score.name, value, error, score.unit, score.label, by, score.lower_is_better)


def bar(drawn: Sequence[float] | Float[np.ndarray, " resamples"], count: int) -> float:
    """Error bar of a figure from its bootstrap replicates: std(drawn) sqrt(n / (n - 1)) t, of n = `count` units.

    The root: replicates of a mean spread too little by it. NaN where there are fewer than two units.
    """
    return few(count) * (count / (count - 1)) ** 0.5 * float(np.std(drawn, ddof=1)) if count > 1 else float("nan")


def few(count: int) -> float:
    """t by which a standard error from `count` independent units is multiplied, so that the bar holds 68 % of the time.

    The quantile of Student's distribution that one standard deviation is of the normal one: 1.84 for 2, 1.32 for 3,
    1.08 for 8, 1.01 for 60.
    """
    return float(stdtrit(count - 1, (1 + WITHIN) / 2))


def over_seeds(estimates: Sequence[Estimate]) -> Estimate:
    """Mean over seeds; error^2 = (t spread)^2 / n (training) + mean error^2 (test samples, shared by all)."""
    first, n = estimates[0], len(estimates)
    if n == 1:
        return first
    values = np.asarray([e.value for e in estimates])
    training = few(n) ** 2 * np.var(values, ddof=1) / n
    testing = np.mean([e.error**2 for e in estimates])
    error = float(np.sqrt(training + testing))
    return dataclasses.replace(first, value=float(values.mean()), error=error, by=f"{n} seeds and {first.by}")


def resampling_units(n: int, group: Int[np.ndarray, " n"] | None) -> tuple[Int[np.ndarray, " n"], str]:
    """[n] of int: which independent unit each sample belongs to, and the words for it."""
    if group is None:
        return np.arange(n), "bootstrap over samples"
    units = np.unique(np.asarray(group), return_inverse=True)[1].reshape(-1)
    if units.max(initial=0) > 0:
        return units, f"bootstrap over {units.max() + 1} groups"
    if n < 2 * BLOCKS:
        return units, "one group: no error bar"
    return np.arange(n) * BLOCKS // n, f"bootstrap over {BLOCKS} blocks of one group"


def bootstrap_means(
    values: Float[np.ndarray, "n columns"],
    units: Int[np.ndarray, " n"],
    *,
    key: PRNGKeyArray,
    resamples: int = RESAMPLES,
) -> Float[np.ndarray, "resamples columns"]:
    """[resamples, columns]: means of `values` [n, columns] over samples drawn with replacement, whole units at a time.

    All columns share each draw, so differences between columns are paired.
    """
    rng = generator(key)
    n_units = int(units.max(initial=0)) + 1
    counts = np.bincount(units, minlength=n_units)
    sums = np.stack([np.bincount(units, column, n_units) for column in values.T], 1)
    out = np.empty((resamples, values.shape[1]))
    chunk = max(1, 2_000_000 // n_units)
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        draws = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=size)
        out[start : start + size] = (draws @ sums) / (draws @ counts)[:, None]
    return out


def generator(key: PRNGKeyArray) -> np.random.Generator:
    """A NumPy generator that is a function of a JAX key."""
    return np.random.default_rng(np.asarray(jax.random.bits(key, (4,), np.uint32)))
