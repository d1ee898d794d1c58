"""`Field` in files: NetCDF, HDF5, Zarr, npz (`data.field_files`)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import Invalid
from ...core.systems import Field, System
from ..field_files import read_fields, write_fields
from ..sources import Source
from . import Contents, Scope


def read(source: Source, scope: Scope) -> Contents:
    """Every sample, with the inputs that live on the grid, in the units of the task."""
    grids = _grids(scope)
    fields = read_fields(source.only().path, [q.name for q in grids], units={q.name: q.unit for q in grids})
    return Contents(fields)


def write(path: Path, contents: Contents, values: Sequence[Mapping[str, Any]], scope: Scope) -> None:
    """Arrays on the grid beside the inputs."""
    units = {q.name: q.unit for q in _grids(scope)}
    units |= {f"predicted_{q.name}{end}": q.unit for q in scope.outputs for end in ("", "_lower", "_upper")}
    write_fields(path, contents.systems, values, units=units)  # type: ignore[arg-type]


def describe(inputs: Sequence[Field]) -> dict[str, Any]:
    """Points and lengths of the domain, boundary and parameters of the first: what a field must have to be answered."""
    if not len(inputs):
        return {}
    first = inputs[0]
    return {
        "grid": {
            "points": list(first.sizes["grid"]),
            "lengths": list(first.lengths),
            "boundary": first.boundary,
            "axes": [name for name, _ in first.axes],
            "parameters": {name: float(value) for name, value in first.parameters.items() if np.ndim(value) == 0},
        }
    }


def accepts(inputs: Sequence[Field], scope: Scope, where: str) -> Sequence[System]:
    """Fields on the trained domain, with the parameters that training had, where the file names none."""
    return [_completed(field, scope, where) for field in inputs]


def _completed(field: Field, scope: Scope, where: str) -> Field:
    trained = scope.data.get("grid") or {}
    for name, value in field.parameters.items():
        known = scope.settings.get(name)
        if isinstance(known, int | float) and not math.isclose(float(value), float(known), rel_tol=1e-6):
            raise Invalid(
                must=f"{name} is what {scope.run} was trained at, {known:g}",
                came=f"{where}: {name} = {float(value):g}",
                do=f"Train a run there: erlangen run {scope.task} --{name.replace('_', '-')} {float(value):g} ...",
            )
    if trained.get("boundary", field.boundary) != field.boundary:
        raise Invalid(
            must=f"the boundary is {trained['boundary']}, as in the training data",
            came=f"{where}: {field.boundary}",
            do="Train a run with that boundary.",
        )
    wanted = trained.get("lengths")
    if wanted and not np.allclose(field.lengths, wanted, rtol=1e-6):
        raise Invalid(
            must=f"the domain has the lengths of the training data, {wanted}",
            came=f"{where}: {list(field.lengths)}",
            do="Scale coordinates and values to that domain (dimensionless numbers must agree).",
        )
    return field.replace(parameters={**trained.get("parameters", {}), **field.parameters})


def _grids(scope: Scope) -> list[Any]:
    return [q for q in scope.inputs if q.axes == "grid"]
