"""Packing of samples into a few static shapes: the one place where batches and padding exist.

Samples of equal shape form a bucket. Molecules of many sizes are padded (atomic number 0, everything else zero) to at
most `MAX_SHAPES` sizes, so that a compiler sees few shapes and little is wasted. All floats become float32.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ..contract import Fitted
from ..core.systems import Atoms, System
from ..numerics.precision import double

MAX_SHAPES = 4
PER_ATOM = ("positions", "atomic_numbers", "forces")


@dataclasses.dataclass(frozen=True)
class Bucket:
    """Samples of one shape, stacked along a new leading axis; `rows` are their places in the original order."""

    inputs: Any
    outputs: dict[str, Any]
    rows: np.ndarray
    sizes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)


def pack(inputs: Sequence[System], outputs: Mapping[str, Sequence[Any]] | None = None) -> list[Bucket]:
    """The samples in buckets of equal (padded) shape, float32, ready for `vmap`."""
    outputs = outputs or {}
    shapes = _padded_sizes(inputs)
    keys = [_shape_key(x, n) for x, n in zip(inputs, shapes)]
    buckets = []
    for key in sorted(set(keys), key=repr):
        rows = np.array([i for i, k in enumerate(keys) if k == key])
        padded = [_pad_system(inputs[i], shapes[i]) for i in rows]
        stacked = {
            name: np.stack([_pad_output(name, column[i], shapes[i]) for i in rows]) for name, column in outputs.items()
        }
        sizes = np.array([len(inputs[i]["atomic_numbers"]) for i in rows]) if shapes[rows[0]] else None
        buckets.append(Bucket(_single(jax.tree.map(lambda *v: np.stack(v), *padded)), _single(stacked), rows, sizes))
    return buckets


def predict(
    fitted: Callable[[System], Any], inputs: Sequence[System], *, batch: int = 128
) -> dict[str, list[np.ndarray]]:
    """Outputs by name, one entry per input, in order; padding is cut off again.

    Networks compute in float32; what they add in float64 (reference energies) is kept, since float64 is enabled here.
    `fitted` may be any pure function of one sample that returns a dict of arrays (or a nested tree of them by name).
    """
    results: dict[str, list[Any]] = {}
    arrays, static = eqx.partition(fitted, _is_array) if isinstance(fitted, eqx.Module) else (None, fitted)
    with double():
        for bucket in pack(inputs):
            size = min(batch, 1 << (len(bucket) - 1).bit_length())
            for start in range(0, len(bucket), size):
                rows = np.minimum(np.arange(start, start + size), len(bucket) - 1)
                chunk = jax.tree.map(lambda a: a[rows], bucket.inputs)
                out = jax.tree.map(np.asarray, _apply(arrays, static, chunk))
                for j in range(min(size, len(bucket) - start)):
                    place = bucket.rows[start + j]
                    n = None if bucket.sizes is None else bucket.sizes[start + j]
                    for name, value in out.items():
                        column = results.setdefault(name, [None] * len(inputs))
                        column[place] = jax.tree.map(lambda v: v[j][:n] if name in PER_ATOM else v[j], value)
    return results


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray))


@eqx.filter_jit
def _apply(arrays: Any, static: Any, chunk: Any) -> Any:
    f = eqx.combine(arrays, static) if arrays is not None else static
    return jax.vmap(f)(chunk)


def predict_interval(
    fitted: Any, inputs: Sequence[System], *, batch: int = 128
) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Lower and upper ends by output name, one pair per input (answers of type `Interval`)."""
    return predict(_Bound(fitted, "interval"), inputs, batch=batch)  # type: ignore[return-value]


def predict_spread(fitted: Any, inputs: Sequence[System], *, batch: int = 128) -> dict[str, list[np.ndarray]]:
    """Uncalibrated error scale by output name, one entry per input (answers of type `Spread`)."""
    return predict(_Bound(fitted, "spread"), inputs, batch=batch)


class _Bound(eqx.Module):
    """A method of an answer as a function of one sample, still a pytree (so that arrays are traced, not baked in)."""

    fitted: Fitted
    name: str = eqx.field(static=True)

    def __call__(self, x: System) -> Any:
        return getattr(self.fitted, self.name)(x)


def _padded_sizes(inputs: Sequence[System]) -> list[int]:
    """Number of atoms to which each input is padded (0 where the container has no atoms)."""
    if not inputs or not isinstance(inputs[0], Atoms):
        return [0] * len(inputs)
    sizes = np.array([len(x["atomic_numbers"]) for x in inputs])
    ceilings = np.unique(sizes)
    if len(ceilings) > MAX_SHAPES:
        quantiles = np.quantile(sizes, np.linspace(0, 1, MAX_SHAPES + 1)[1:], method="higher")
        ceilings = np.unique(quantiles)
    return [int(ceilings[np.searchsorted(ceilings, n)]) for n in sizes]


def _shape_key(x: System, n: int) -> Any:
    leaves, structure = jax.tree.flatten(x)
    return (n,) if n else (tuple(np.shape(leaf) for leaf in leaves), str(structure))


def _pad_system(x: System, n: int) -> System:
    if not n:
        return x
    grown = {k: _pad(v, n) if np.ndim(v) and len(v) == len(x["atomic_numbers"]) else v for k, v in x["labels"].items()}
    return x.replace(positions=_pad(x["positions"], n), atomic_numbers=_pad(x["atomic_numbers"], n), labels=grown)


def _pad_output(name: str, value: Any, n: int) -> np.ndarray:
    return _pad(value, n) if n and name in PER_ATOM else np.asarray(value)


def _pad(value: Any, n: int) -> np.ndarray:
    value = np.asarray(value)
    return np.pad(value, [(0, n - len(value))] + [(0, 0)] * (value.ndim - 1))


def _single(tree: Any) -> Any:
    return jax.tree.map(lambda a: a.astype(np.float32) if a.dtype == np.float64 else a, tree)
