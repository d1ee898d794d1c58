"""`Field` in files: NetCDF, HDF5, Zarr, npz (`data.field_files`). Of trajectories every state is answered."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import Invalid
from ...core.systems import Field, System
from ..field_files import States, read_states, write_answers
from ..grid_layout import WORDS
from ..sources import Source
from . import Contents, Scope

log = logging.getLogger(__name__)
FAR = 10.0  # times the largest, or smallest, size of a training sample: what is beyond was hardly meant


def read(source: Source, scope: Scope) -> Contents:
    """Every state of every sample, with the inputs that live on the grid, in the units of the task; labels where the
    state one step later is in the file.
    """
    grids = _grids(scope)
    states = read_states(source.only(*WORDS).required(), [q.name for q in grids], {q.name: q.unit for q in grids})
    return Contents(states.fields, _later(states, scope, str(source.path)), states)


def write(path: Path, contents: Contents, values: Sequence[Mapping[str, Any]], scope: Scope) -> None:
    """The file that was read, with further arrays on its grid."""
    units = {f"predicted_{q.name}{end}": q.unit for q in scope.outputs for end in ("", "_lower", "_upper")}
    write_answers(path, contents.source, values, units)


def describe(inputs: Sequence[Field]) -> dict[str, Any]:
    """Points and lengths of the domain, boundary and parameters: what a field must have to be answered.

    parameters: those that all samples share; ranges: of the others. sizes: range of the largest |value| of a sample.
    """
    if not len(inputs):
        return {}
    first = inputs[0]
    numbers = {n: [float(x.parameters[n]) for x in inputs] for n, v in first.parameters.items() if np.ndim(v) == 0}
    sizes = {n: [float(np.max(np.abs(x[n]))) for x in inputs] for n in first.values}
    return {
        "grid": {
            "points": list(first.sizes["grid"]),
            "lengths": list(first.lengths),
            "boundary": first.boundary,
            "axes": [name for name, _ in first.axes],
            "parameters": {n: values[0] for n, values in numbers.items() if len(set(values)) == 1},
            "ranges": {n: [min(values), max(values)] for n, values in numbers.items() if len(set(values)) > 1},
            "sizes": {n: [min(values), max(values)] for n, values in sizes.items()},
        }
    }


def accepts(inputs: Sequence[Field], scope: Scope, where: str) -> Sequence[System]:
    """Fields on the trained domain, with the parameters that training had, where the file names none.

    Numbers that the task does not know (attributes of files of one's own) and sizes are warned about.
    """
    trained, found = scope.data.get("grid") or {}, [_completed(field, scope, where) for field in inputs]
    known = {n: (v, v) for n, v in (trained.get("parameters") or {}).items()} | (trained.get("ranges") or {})
    for name, (low, high) in known.items():
        values = [float(x.parameters[name]) for x in inputs if name in x.parameters and name != "dt"]
        slack = 1e-6 * max(abs(low), abs(high))
        if values and (min(values) < low - slack or max(values) > high + slack):
            had = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            came = " to ".join(f"{v:g}" for v in sorted({min(values), max(values)}))
            log.warning("%s: %s is %s, the training data had %s", where, name, came, had)
    for name, (low, high) in (trained.get("sizes") or {}).items():
        sizes = np.array([np.max(np.abs(x[name])) for x in inputs])
        far = (sizes > FAR * high) | (sizes < low / FAR)
        if far.any():
            words = "%s: |%s| reaches %g in %d of %d samples, %g to %g in the training data: in the same unit?"
            log.warning(words, where, name, sizes[far].max(), far.sum(), len(far), low, high)
    return found


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
            do="Train a run with that boundary, or say what the file leaves out: FILE:boundary=walls.",
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


def _later(states: States, scope: Scope, where: str) -> list[dict[str, Any]]:
    """Outputs of a one-step map, which continue the first inputs, from the state one step later where there is one."""
    samples, times = states.shape
    nothing: list[dict[str, Any]] = [{} for _ in range(samples * times)]
    parameters = (scope.data.get("grid") or {}).get("parameters") or {}
    dt = float(scope.settings.get("dt") or parameters.get("dt") or 0.0)
    moving = dict(zip((q.name for q in _grids(scope)), (q.name for q in scope.outputs if q.lag == 1)))
    if times < 2 or not dt or not moving:
        return nothing
    steps = np.diff(np.ravel(states.times)[:times])
    ratio = dt / float(steps.mean())
    if not np.allclose(steps, steps.mean(), rtol=1e-4) or abs(ratio - round(ratio)) > 1e-3 or round(ratio) < 1:
        log.warning("%s: its states are %g apart; answers are %g later than each", where, steps.mean(), dt)
        return nothing
    every = states.fields
    for i, label in enumerate(nothing):
        if i % times + round(ratio) < times:
            label |= {after: every[i + round(ratio)][before] for before, after in moving.items()}
    return nothing
