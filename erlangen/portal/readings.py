"""What an uploaded file holds, and how its first samples were answered: the worker's side of the page "predict"."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path
from typing import Any

import numpy as np

from .. import registry
from ..contract import Interval
from ..core.errors import Invalid
from ..core.systems import Atoms, Field, System
from ..data import array_files, readers
from ..data.atom_files import format_of
from ..data.sources import Source
from ..study.predict import answer, scope_of
from ..study.run import load

MOST_INFLATED, MOST_RATIO = 200_000_000, 200
MOST_SHOWN, MOST_NUMBERS = 3, 20_000


def reading(path: Path) -> dict[str, Any]:
    """Kind, count, elements or grid, and a preview of the first sample."""
    path = unpacked(path)
    if path.suffix.lower() in array_files.SUFFIXES:
        return _of_fields(path)
    format_of(path)
    frames = readers.read_atoms(Source(path))
    atoms = [frame.atoms for frame in frames]
    elements = sorted({int(z) for one in atoms for z in np.unique(one.atomic_numbers) if z > 0})
    labels = sorted({name for frame in frames for name in frame.labels})
    preview = _columns(atoms[0]) if atoms else {}
    return {"kind": "Atoms", "count": len(atoms), "elements": elements, "grid": None, "labels": labels} | {
        "preview": preview
    }


def unpacked(path: Path) -> Path:
    """A file without its layer of gzip, of which there may be one; a bomb is refused before it is inflated."""
    if path.suffix.lower() != ".gz":
        return path
    plain, size, packed = path.with_suffix(""), 0, max(path.stat().st_size, 1)
    if plain.suffix.lower() == ".gz":
        raise Invalid(must="a file is packed once", came=path.name, do="Unpack it.")
    with gzip.open(path, "rb") as inside, open(plain, "wb") as outside:
        while block := inside.read(1_000_000):
            size += len(block)
            if size > MOST_INFLATED or (size > 10_000_000 and size > MOST_RATIO * packed):
                outside.truncate(0)
                raise Invalid(
                    must=f"a file unpacks to at most {MOST_INFLATED // 10**6} MB and {MOST_RATIO} times its size",
                    came=f"{path.name}, which is more",
                    do="Leave samples out.",
                )
            outside.write(block)
    return plain


def _of_fields(path: Path) -> dict[str, Any]:
    with array_files.opened(path) as (variables, attributes):
        shapes = {name: list(one.shape) for name, one in variables.items()}
        plain = {str(k)[:80]: str(v)[:200] for k, v in list(attributes.items())[:40]}
    count = max((shape[0] for shape in shapes.values() if len(shape) > 1), default=1)
    grid = {"arrays": shapes, "attributes": plain}
    return {"kind": "Field", "count": int(count), "elements": [], "grid": grid, "labels": [], "preview": {}}


def _columns(system: System) -> dict[str, Any]:
    """A sample as columns, where it is small enough to be drawn."""
    found: dict[str, Any] = {}
    if isinstance(system, Atoms):
        found = {"positions": system.positions, "atomic_numbers": system.atomic_numbers}
        if system.cell is not None:
            found |= {"cell": system.cell, "pbc": system.pbc}
    elif isinstance(system, Field):
        found = dict(system.values)
    return {name: column(values) for name, values in found.items() if np.size(values) <= MOST_NUMBERS}


def column(values: Any) -> dict[str, Any]:
    """An array as JSON; what JSON does not know is null."""
    array = np.asarray(values)
    flat = [None if isinstance(v, float) and not np.isfinite(v) else v for v in array.ravel().tolist()]
    return {"shape": list(array.shape), "values": flat}


def shown(run: Path, file: Path) -> dict[str, Any]:
    """The first samples with their answers, as a page draws them, units, and what is to know of any answer."""
    kept = load(run)
    adapter, scope = registry.load_container(kept.record.container), scope_of(kept.record)
    if adapter is None:
        return {"samples": [], "units": {}, "notes": []}
    systems = list(adapter.read(Source(file), scope).systems[:MOST_SHOWN])
    answers = answer(kept.fitted, adapter.accepts(systems, scope, file.name))
    samples = []
    for i, system in enumerate(systems):
        outputs: dict[str, dict[str, Any]] = {}
        for q in kept.record.outputs:
            named = {"predicted": q.name, "lower": f"{q.name}_lower", "upper": f"{q.name}_upper"}
            outputs[q.name] = {role: column(answers[name][i]) for role, name in named.items() if name in answers}
        samples.append({"inputs": _columns(system), "outputs": outputs})
    units = {q.name: q.unit for q in (*kept.record.inputs, *kept.record.outputs)}
    notes = (
        [] if isinstance(kept.fitted, Interval) else ["This answer has no intervals: it does not say how sure it is."]
    )
    with contextlib.suppress(KeyError, TypeError):
        sizes = kept.record.data["samples"]
        notes.append(f"It learned from {sizes['train']:,} samples of {kept.record.task}.")
    return {"samples": samples, "units": units, "notes": notes}
