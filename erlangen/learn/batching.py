"""Packing of samples into a few static shapes: the one place where batches and padding exist.

Samples of equal shape form a bucket. Atoms of many sizes are padded (atomic number 0, everything else zero), and their
lists of neighbours with them, to at most `MAX_SHAPES` shapes, so that a compiler sees few and little is wasted. All
floats become float32.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import equinox as eqx
import jax
import numpy as np

from ..contract import Answer
from ..contract.parts import Tell
from ..core import quantity
from ..core.quantity import Quantity
from ..core.systems import Atoms, System
from ..numerics import chunks
from ..numerics.neighbour_lists import LABEL, NeighbourList, round_width
from ..numerics.precision import double

MAX_SHAPES = 4
PAIRS = 2**18  # of atoms in one call: a few hundred MB of features
MANY = 40  # shapes
FEW = 32  # samples: a bucket with fewer fills no batch, and its samples would be drawn more often than others
STANDARD = {q.name: q for q in vars(quantity).values() if isinstance(q, Quantity)}
COMPILING = 50_000  # what one more shape costs to compile, as atoms * columns: small sets are padded to one shape
_Group = tuple[tuple[int, int], int, list[tuple[int, int]]]  # shape, number of inputs, the shapes that it is for


@dataclasses.dataclass(frozen=True)
class Bucket:
    """Samples of one shape, stacked along a new leading axis; `rows` are their places in the original order."""

    inputs: Any
    outputs: dict[str, Any]
    rows: np.ndarray
    sizes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, size: int) -> tuple[np.ndarray, Any]:
        """Places of the samples from `start` on, `size` of them, and their inputs; the last is repeated to fill up."""
        rows = np.arange(start, start + size)
        filled = np.minimum(rows, len(self) - 1)
        return rows[rows < len(self)], jax.tree.map(lambda a: a[filled], self.inputs)

    def at_once(self, batch: int) -> int:
        """How many samples go through a network together: `batch`, fewer where their pairs would fill the memory."""
        if self.sizes is None:
            return batch
        n = self.inputs.atomic_numbers.shape[1]
        width = self.inputs.labels[LABEL].mask.shape[-1] if LABEL in self.inputs.labels else n
        return max(min(batch, PAIRS // (n * width)), 1)


def pack(
    inputs: Sequence[System],
    outputs: Mapping[str, Sequence[Any]] | None = None,
    quantities: Sequence[Quantity] = (),
) -> list[Bucket]:
    """The samples in buckets of equal (padded) shape, float32, ready for `vmap`.

    quantities: what the outputs are; those of `core.quantity` are known by name.
    """
    outputs, along = outputs or {}, along_atoms(quantities)
    shapes = padded_shapes(inputs)
    keys = [_shape_key(x, shape) for x, shape in zip(inputs, shapes)]
    buckets = []
    for key in sorted(set(keys), key=repr):
        rows = np.array([i for i, k in enumerate(keys) if k == key])
        padded = [_pad_system(inputs[i], shapes[i]) for i in rows]
        stacked = {
            name: np.stack([_pad_output(column[i], along.get(name, 0), shapes[i][0]) for i in rows])
            for name, column in outputs.items()
        }
        sizes = np.array([len(inputs[i]["atomic_numbers"]) for i in rows]) if shapes[rows[0]][0] else None
        buckets.append(
            Bucket(in_single(jax.tree.map(lambda *v: np.stack(v), *padded)), in_single(stacked), rows, sizes)
        )
    return buckets


def thinned(buckets: Sequence[Bucket], count: int) -> list[Bucket]:
    """About `count` of their samples: of each bucket in proportion (one at least), spread evenly over it."""
    total, parts = sum(map(len, buckets)), []
    for bucket in buckets:
        share = min(max(round(count * len(bucket) / total), 1), len(bucket))
        rows = np.linspace(0, len(bucket) - 1, share).astype(int)
        inputs, outputs = jax.tree.map(lambda a, rows=rows: a[rows], (bucket.inputs, bucket.outputs))
        sizes = None if bucket.sizes is None else bucket.sizes[rows]
        parts.append(Bucket(inputs, outputs, bucket.rows[rows], sizes))
    return parts


def stacked(inputs: Sequence[System], shape: tuple[int, int] = (0, 0)) -> tuple[Any, tuple[int, int]]:
    """All inputs as one batch, in their own precision, and the shape that it has: atoms and columns of their lists.

    shape: the least that they are padded to, so that another batch can be made that runs the same program.
    """
    own = [padded_to(x) for x in inputs]
    shape = (max(n for n, _ in [shape, *own]), max(width for _, width in [shape, *own]))
    padded = [_pad_system(x, shape) if n else x for x, (n, _) in zip(inputs, own)]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *padded), shape


def padded_to(x: System) -> tuple[int, int]:
    """(atoms, columns of the list of neighbours) of one input; 0 where it has none."""
    if not isinstance(x, Atoms):
        return 0, 0
    return len(x["atomic_numbers"]), x["labels"][LABEL].width if LABEL in x["labels"] else 0


def along_atoms(quantities: Sequence[Quantity]) -> dict[str, int]:
    """Name -> how many leading axes run over atoms: 1 for charges or forces, 2 for a value of every pair."""
    known = {**STANDARD, **{q.name: q for q in quantities}}
    return {name: q.axes.split().count("atoms") for name, q in known.items()}


def prepared(fitted: Any, inputs: Sequence[System]) -> list[System]:
    """The inputs with what `fitted` wants to compute once per structure (`Predictor.prepare`)."""
    return [fitted.prepare(x) for x in inputs] if isinstance(fitted, Answer | _Bound) else list(inputs)


def predict(
    fitted: Callable[[System], Any],
    inputs: Sequence[System],
    *,
    batch: int = 128,
    quantities: Sequence[Quantity] = (),
    tell: Tell = lambda done, total: None,
    limit: float | None = None,
) -> dict[str, list[np.ndarray]]:
    """Outputs by name, one entry per input, in order; padding is cut off again.

    Networks compute in float32; what they add in float64 (reference energies) is kept, since float64 is enabled here.
    quantities: what the outputs are, where `core.quantity` does not know them. batch: inputs at once, fewer where they
    would take more than `limit` bytes (`numerics.chunks`). tell(done, total): called now and then.
    `fitted` may be any pure function of one sample that returns a dict of arrays (or a nested tree of them by name).
    """
    packed = pack(prepared(fitted, inputs))
    return predict_packed(fitted, packed, batch=batch, quantities=quantities, tell=tell, limit=limit)


def predict_packed(
    fitted: Callable[[System], Any],
    buckets: Sequence[Bucket],
    *,
    batch: int = 128,
    quantities: Sequence[Quantity] = (),
    tell: Tell = lambda done, total: None,
    limit: float | None = None,
) -> dict[str, list[np.ndarray]]:
    """The same for inputs in buckets: what is left of the work when they have been prepared and stacked."""
    results: dict[str, list[Any]] = {}
    total, along = sum(map(len, buckets)), along_atoms(quantities)
    arrays, static = eqx.partition(fitted, _is_array) if isinstance(fitted, eqx.Module) else (None, fitted)
    done = 0
    with double():
        for bucket in buckets:
            usual = min(bucket.at_once(batch), 1 << (len(bucket) - 1).bit_length())
            call = lambda n, b=bucket: (arrays, static, b.part(0, n)[1])  # noqa: E731
            size, start = chunks.planned(cast(chunks.Program, _apply), call, usual, limit), 0
            while start < len(bucket):
                rows, chunk = bucket.part(start, size)
                try:
                    out = jax.tree.map(np.asarray, _apply(arrays, static, chunk))
                except (MemoryError, jax.errors.JaxRuntimeError) as error:
                    if size == 1 or not chunks.is_short_of_memory(error):
                        raise
                    size //= 2
                    continue
                for j, row in enumerate(rows):
                    n = None if bucket.sizes is None else bucket.sizes[row]
                    for name, value in out.items():
                        column, real = results.setdefault(name, [None] * total), (slice(n),) * along.get(name, 0)
                        column[bucket.rows[row]] = jax.tree.map(lambda v: v[j][real], value)
                start, done = start + size, done + len(rows)
                tell(done, total)
    return results


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray))


@eqx.filter_jit
def _apply(arrays: Any, static: Any, chunk: Any) -> Any:
    f = eqx.combine(arrays, static) if arrays is not None else static
    return jax.vmap(f)(chunk)


def predict_interval(fitted: Any, inputs: Sequence[System], **how: Any) -> dict[str, list[tuple[Any, Any]]]:
    """Lower and upper ends by output name, one pair per input (answers of type `Interval`); `how`: as for `predict`."""
    return predict(_Bound(fitted, "interval"), inputs, **how)  # type: ignore[return-value]


def predict_spread(fitted: Any, inputs: Sequence[System], **how: Any) -> dict[str, list[np.ndarray]]:
    """Uncalibrated error scale by output name, one entry per input (answers of type `Spread`)."""
    return predict(_Bound(fitted, "spread"), inputs, **how)


class _Bound(eqx.Module):
    """A method of an answer as a function of one sample, still a pytree (so that arrays are traced, not baked in)."""

    fitted: Answer
    name: str = eqx.field(static=True)

    def __call__(self, x: System) -> Any:
        return getattr(self.fitted, self.name)(x)

    def prepare(self, x: System) -> System:
        return self.fitted.prepare(x)


def padded_shapes(inputs: Sequence[System]) -> list[tuple[int, int]]:
    """(atoms, columns of the list of neighbours) to which each input is padded; 0 where it has no atoms, or no list.

    Shapes are merged, the cheapest pair first, until `MAX_SHAPES` are left for inputs with lists and as many for those
    without, and on while padding costs less than compiling. The cost of a bucket is (samples, at least `FEW`) * atoms *
    columns; without a list columns are atoms.
    """
    if not inputs or not isinstance(inputs[0], Atoms):
        return [(0, 0)] * len(inputs)
    own = [padded_to(x) for x in inputs]
    counts = collections.Counter(own)
    target = {}
    for has_list in (False, True):
        kind = {shape: count for shape, count in counts.items() if (shape[1] > 0) == has_list}
        if len(kind) > MANY:  # so many that merging all pairs would take long: first to coarser sizes
            coarse = {shape: (round_width(shape[0]), shape[1]) for shape in kind}
            rounded: collections.Counter = collections.Counter()
            for shape, count in kind.items():
                rounded[coarse[shape]] += count
            merged = _merged(rounded)
            target |= {shape: merged[coarse[shape]] for shape in kind}
        else:
            target |= _merged(kind)
    return [target[shape] for shape in own]


def _merged(counts: Mapping[tuple[int, int], int]) -> dict[tuple[int, int], tuple[int, int]]:
    """Shape -> the shape that it is padded to; `counts`: how many inputs have a shape."""

    def cost(group: _Group) -> int:
        (n, width), count, _ = group
        return max(count, FEW) * n * (width or n)

    groups: list[_Group] = [(shape, count, [shape]) for shape, count in sorted(counts.items())]
    while len(groups) > 1:
        pairs = []
        for i, a in enumerate(groups):
            for j in range(i):
                b = groups[j]
                both = ((max(a[0][0], b[0][0]), max(a[0][1], b[0][1])), a[1] + b[1], a[2] + b[2])
                pairs.append((cost(both) - cost(a) - cost(b), i, j, both))
        more, i, j, both = min(pairs, key=lambda pair: pair[:3])
        if len(groups) <= MAX_SHAPES and more > COMPILING:
            break
        groups = [g for place, g in enumerate(groups) if place not in (i, j)] + [both]
    return {shape: target for target, _, members in groups for shape in members}


def _shape_key(x: System, shape: tuple[int, int]) -> Any:
    leaves, structure = jax.tree.flatten(x)
    return shape if shape[0] else (tuple(np.shape(leaf) for leaf in leaves), str(structure))


def _pad_system(x: System, shape: tuple[int, int]) -> System:
    n, width = shape
    if not n:
        return x
    grown = {name: _pad_label(value, len(x["atomic_numbers"]), n, width) for name, value in x["labels"].items()}
    return x.replace(positions=_pad(x["positions"], n), atomic_numbers=_pad(x["atomic_numbers"], n), labels=grown)


def _pad_label(value: Any, n: int, to: int, width: int) -> Any:
    if isinstance(value, NeighbourList):
        return value.padded(to, width)
    return _pad(value, to) if np.ndim(value) and len(value) == n else value


def _pad_output(value: Any, axes: int, n: int) -> np.ndarray:
    return _pad(value, n, axes) if n and axes else np.asarray(value)


def _pad(value: Any, n: int, axes: int = 1) -> np.ndarray:
    """Zeros for atoms that are not there, along the first `axes` axes."""
    value = np.asarray(value)
    return np.pad(value, [(0, n - size) for size in value.shape[:axes]] + [(0, 0)] * (value.ndim - axes))


def in_single(tree: Any) -> Any:
    """`tree` with its float64 in float32."""
    return jax.tree.map(lambda a: a.astype(np.float32) if a.dtype == np.float64 else a, tree)
