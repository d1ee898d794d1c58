"""Samples of any container as a few flat arrays, and back, without pickle.

Every leaf of a container becomes one column over the samples. Columns of equal shapes are stacked; ragged ones are laid
end to end, with a table of shapes. What is not an array or a number (names, static fields) goes into a JSON layout.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..contract import Samples
from ..core import systems
from ..core.errors import Invalid

Arrays = dict[str, np.ndarray]


def pack(samples: Samples) -> tuple[Arrays, dict[str, Any]]:
    """Arrays by name, and a layout that JSON can hold."""
    for name, values in samples.outputs.items():
        if len(values) != len(samples):
            raise Invalid(
                must="every output has one value per input",
                came=f"{len(values)} values of {name} for {len(samples)} inputs",
                do="Look at what produces the samples.",
            )
    arrays: Arrays = {}
    kinds: list[Any] = []
    kind_of, leaves_of = [], []
    for system in samples.inputs:
        leaves: dict[str, np.ndarray] = {}
        kind = _skeleton(system, "", leaves)
        if kind not in kinds:
            kinds.append(kind)
        kind_of.append(kinds.index(kind))
        leaves_of.append(leaves)
    for number in range(len(kinds)):
        members = [leaves for leaves, k in zip(leaves_of, kind_of) if k == number]
        for name in members[0]:
            _column(arrays, f"inputs{number}{name}", [leaves[name] for leaves in members])
    arrays["kind_of"] = np.asarray(kind_of, np.int32)
    outputs = {}
    for name, values in samples.outputs.items():
        outputs[name] = "array" if hasattr(values, "shape") else "list"
        column = [np.asarray(value) for value in values]
        numbers = {type(value) for value in values} <= {float} and bool(column)
        outputs[name] = "floats" if numbers and outputs[name] == "list" else outputs[name]
        _column(arrays, f"outputs/{name}", column)
    if samples.group is not None:
        arrays["group"] = np.asarray(samples.group)
    return arrays, {"kinds": kinds, "outputs": outputs, "count": len(samples)}


def unpack(arrays: Mapping[str, np.ndarray], layout: Mapping[str, Any]) -> Samples:
    """The inverse of `pack`; all arrays are NumPy."""
    kinds, kind_of = layout["kinds"], arrays["kind_of"]
    columns = {}
    for number in range(len(kinds)):
        prefix, count = f"inputs{number}", int(np.sum(kind_of == number))
        names = {name.removesuffix("#shapes") for name in arrays if name.startswith(f"{prefix}/")}
        columns[number] = {name.removeprefix(prefix): _rows(arrays, name, count) for name in names}
    seen = dict.fromkeys(range(len(kinds)), 0)
    inputs = []
    for number in map(int, kind_of):
        row = seen[number]
        seen[number] += 1
        inputs.append(_restore(kinds[number], {name: rows[row] for name, rows in columns[number].items()}))
    outputs: dict[str, Any] = {}
    for name, form in layout["outputs"].items():
        rows = _rows(arrays, f"outputs/{name}", layout["count"])
        outputs[name] = (
            np.asarray(rows) if form == "array" else [float(r) for r in rows] if form == "floats" else list(rows)
        )
    return Samples(inputs, outputs, arrays.get("group"))


def _skeleton(value: object, path: str, leaves: dict[str, np.ndarray]) -> Any:
    """JSON that says how to rebuild `value`, with numbers and arrays taken out into `leaves`."""
    if value is None or isinstance(value, str):
        return {"is": value}
    if isinstance(value, systems.System):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        parts = {n: _skeleton(v, f"{path}/{n}", leaves) for n, v in fields.items()}
        return {"system": type(value).__name__, "of": parts}
    if isinstance(value, Mapping):
        return {"dict": {str(n): _skeleton(v, f"{path}/{n}", leaves) for n, v in value.items()}}
    if isinstance(value, list | tuple):
        parts = [_skeleton(v, f"{path}/{i}", leaves) for i, v in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": parts}
    array = np.asarray(value)
    if array.dtype.kind not in "biufcUS":
        raise Invalid(
            must="samples consist of numbers, texts and arrays of them",
            came=f"{path}: {type(value).__name__} of {array.dtype}",
            do="Convert it, or leave it out.",
        )
    leaves[path] = array
    return (
        {"number": type(value).__name__} if isinstance(value, bool | int | float) else {"array": str(array.dtype.kind)}
    )


def _restore(kind: Any, leaves: Mapping[str, np.ndarray], path: str = "") -> Any:
    ((form, content),) = [(n, c) for n, c in kind.items() if n != "of"]
    if form == "is":
        return content
    if form == "system":
        parts = {n: _restore(k, leaves, f"{path}/{n}") for n, k in kind["of"].items()}
        return _system(content)(**parts)
    if form == "dict":
        return {n: _restore(k, leaves, f"{path}/{n}") for n, k in content.items()}
    if form in ("list", "tuple"):
        parts = [_restore(k, leaves, f"{path}/{i}") for i, k in enumerate(content)]
        return tuple(parts) if form == "tuple" else parts
    if form == "number":
        return {"bool": bool, "int": int, "float": float}[content](leaves[path])
    return leaves[path]


def _system(name: str) -> type[systems.System]:
    """A container by name: one of ours, or one that a package has defined before it asks for its samples."""
    found = {kind.__name__: kind for kind in systems.System.__subclasses__()}
    if name not in found:
        raise ValueError(f"it holds the container {name}, which is not known here")
    return found[name]


def _column(arrays: Arrays, name: str, values: Sequence[np.ndarray]) -> None:
    if len({value.shape for value in values}) == 1:
        arrays[name] = np.stack(values)
        return
    if len({value.ndim for value in values}) > 1:
        raise Invalid(
            must="one quantity has the same number of axes in all samples",
            came=f"{name} with {sorted({v.ndim for v in values})} axes",
            do="Give it one shape convention.",
        )
    arrays[name] = np.concatenate([value.ravel() for value in values]) if values else np.zeros(0)
    arrays[f"{name}#shapes"] = np.asarray([value.shape for value in values], np.int64)


def _rows(arrays: Mapping[str, np.ndarray], name: str, count: int) -> Sequence[np.ndarray]:
    if f"{name}#shapes" not in arrays:
        return [np.asarray(row) for row in arrays[name]]
    shapes = arrays[f"{name}#shapes"]
    if len(shapes) != count:
        raise ValueError(f"{name} has {len(shapes)} rows instead of {count}")
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(arrays[name], ends[:-1]), shapes)] if count else []
