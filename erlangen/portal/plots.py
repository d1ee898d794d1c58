"""The panels of a record (`study.panels`) as data for a page: curves thinned, many values binned, fields made coarser.

plots(record, arrays)       every panel             history(arrays)      the columns of the fit
sample(record, arrays, i)   one test sample with its shapes
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.errors import Invalid, unknown
from ..study.panels import Panel, Series
from ..study.record import Record
from .answers.figures import Column
from .answers.records import Bins, Grid, HistoryAnswer, PanelAnswer, PlotsAnswer, SampleAnswer, SeriesPart
from .columns import Arrays, shortened, thinned

POINTS = 500  # of a curve
ACROSS = 96  # of a field or an image, along each axis
CELLS = 64  # of a parity plot, along each axis
MOST_BINS = 60
FAR = 20.0  # a constant that many spreads away is taken off both axes


def plots(record: Record, arrays: Arrays) -> PlotsAnswer:
    """Every panel whose arrays are there."""
    found = []
    for panel in record.panels:
        series = [part for one in panel.series if (part := _part(panel, one, arrays)) is not None]
        if any(part["look"] != "level" for part in series):
            found.append(_panel(panel, series))
    return {"panels": found}


def _panel(panel: Panel, series: list[SeriesPart]) -> PanelAnswer:
    labels = ", ".join(dict.fromkeys(part["label"] for part in series))
    axes = " against ".join(label for label, _ in reversed(panel.axes[:2])) if panel.kind == "curve" else ""
    sentence = f"{panel.title}{f': {axes}' * bool(axes)}, of {labels}. {' '.join(panel.notes)}".strip()
    return {
        "name": panel.name,
        "kind": panel.kind,
        "title": panel.title,
        "axes": [list(axis) for axis in panel.axes],
        "scales": panel.scales,
        "notes": panel.notes,
        "caption": panel.caption,
        "sentence": sentence,
        "series": series,
    }


def _part(panel: Panel, one: Series, arrays: Arrays) -> SeriesPart | None:
    """One series; None where the run has lost an array of it."""
    if any(name not in arrays.names for name in one.arrays.values()):
        return None
    columns = {role: arrays.read(name) for role, name in one.arrays.items()}
    part: SeriesPart = {"label": one.label, "look": one.look, "columns": {}}
    if panel.kind == "parity":
        part["grid"], part["bins"] = _parity(columns["true"]["values"], columns["predicted"]["values"])
        columns = {role: _flat(column) for role, column in columns.items()}
        part["columns"] = _rows(columns)
    elif panel.kind == "histogram" and "values" in columns:
        part["bins"] = _histogram(_numbers(columns["values"]["values"]))
    elif panel.kind in ("field", "image"):
        part["columns"] = {role: _coarser(column, _axes(panel, role, column)) for role, column in columns.items()}
    elif panel.kind == "structure":
        part["columns"] = {role: _short(column) for role, column in columns.items()}
    else:
        part["columns"] = _rows(columns)
    return part


def _short(column: Column) -> Column:
    return {"shape": column["shape"], "values": shortened(column["values"])}


def _flat(column: Column) -> Column:
    return {"shape": [len(column["values"])], "values": column["values"]}


def _rows(columns: dict[str, Column]) -> dict[str, Column]:
    """Columns of one length, thinned together; single values as they are."""
    count = max((column["shape"][0] for column in columns.values() if column["shape"]), default=0)
    places = thinned(count, POINTS)
    found: dict[str, Column] = {}
    for role, column in columns.items():
        if column["shape"] == [count] and count > POINTS:
            found[role] = {"shape": [len(places)], "values": shortened([column["values"][i] for i in places])}
        else:
            found[role] = _short(column)
    return found


def _axes(panel: Panel, role: str, column: Column) -> int:
    """How many leading axes of a column lie on the grid: all of a coordinate, those of the coordinates of a value."""
    if role in ("x", "y"):
        return len(column["shape"])
    return 2 if panel.kind == "image" or "y" in {r for s in panel.series for r in s.arrays} else 1


def _coarser(column: Column, axes: int) -> Column:
    """Every so many points along the first `axes` axes, so that none is longer than `ACROSS`."""
    shape, values = column["shape"], column["values"]
    if len(shape) < axes or all(n <= ACROSS for n in shape[:axes]):
        return _short(column)
    kept = [list(range(0, n, math.ceil(n / ACROSS))) if k < axes else list(range(n)) for k, n in enumerate(shape)]
    strides = [math.prod(shape[k + 1 :]) for k in range(len(shape))]
    places = [0]
    for along, stride in zip(kept, strides):
        places = [place + i * stride for place in places for i in along]
    return {"shape": [len(along) for along in kept], "values": shortened([values[place] for place in places])}


def _numbers(values: Sequence[Any]) -> list[float]:
    return [float(v) for v in values if v is not None]


def _histogram(values: Sequence[float], reach: tuple[float, float] | None = None) -> Bins:
    low, high = reach or (min(values, default=0.0), max(values, default=1.0))
    high = high if high > low else low + (abs(low) or 1.0)
    count = max(10, min(MOST_BINS, int(1.5 * math.sqrt(len(values)))))
    counts = [0] * count
    for v in values:
        if low <= v <= high:
            counts[min(int((v - low) / (high - low) * count), count - 1)] += 1
    return {"edges": shortened([low + i * (high - low) / count for i in range(count + 1)]), "counts": counts}


def _parity(true: Sequence[Any], predicted: Sequence[Any]) -> tuple[Grid, Bins]:
    """Where (true, predicted) lie, on a grid; and the histogram of the residuals without the last half per cent."""
    pairs = [(float(t), float(p)) for t, p in zip(true, predicted) if t is not None and p is not None]
    n = max(len(pairs), 1)
    mean = sum(t for t, _ in pairs) / n
    spread = max((t for t, _ in pairs), default=0.0) - min((t for t, _ in pairs), default=0.0)
    offset = mean if abs(mean) > FAR * spread else 0.0
    ends = [v - offset for pair in pairs for v in pair] or [0.0]
    low, high = min(ends), max(ends)
    pad = 0.04 * (high - low) or 1.0
    low, high = low - pad, high + pad
    counts: dict[tuple[int, int], int] = {}
    for t, p in pairs:
        cell = (_cell(t - offset, low, high), _cell(p - offset, low, high))
        counts[cell] = counts.get(cell, 0) + 1
    errors = sorted(p - t for t, p in pairs)
    squares = sum(e * e for e in errors)
    scatter = sum((t - mean) ** 2 for t, _ in pairs)
    reach = sorted(map(abs, errors))[int(0.995 * (len(errors) - 1))] if errors else 1.0
    grid: Grid = {
        "low": low,
        "high": high,
        "offset": offset,
        "cells": CELLS,
        "counts": [[x, y, c] for (x, y), c in sorted(counts.items())],
        "mae": sum(map(abs, errors)) / n,
        "rmse": math.sqrt(squares / n),
        "r2": 1 - squares / scatter if scatter > 0 else None,
        "total": len(pairs),
    }
    return grid, _histogram(errors, (-reach, reach) if reach > 0 else None)


def _cell(value: float, low: float, high: float) -> int:
    return min(int((value - low) / (high - low) * CELLS), CELLS - 1)


def history(arrays: Arrays) -> HistoryAnswer:
    """The figures of the fit over the steps that were reported, thinned."""
    columns = {name.removeprefix("history/"): arrays.read(name) for name in arrays.names if name.startswith("history/")}
    count = max((len(column["values"]) for column in columns.values()), default=0)
    places = thinned(count, POINTS)
    every = {
        name: shortened([column["values"][i] for i in places])
        for name, column in columns.items()
        if len(column["values"]) == count
    }
    return {"steps": count, "columns": every}


def samples(arrays: Arrays) -> int:
    """How many test samples are kept whole."""
    return len({name.split("/")[1] for name in arrays.names if name.startswith("samples/") and name.count("/") > 1})


def sample(record: Record, arrays: Arrays, index: int) -> SampleAnswer:
    """Test sample number `index` of those kept: inputs, and true and predicted outputs with their intervals."""
    count, start = samples(arrays), f"samples/{index}/"
    if not 0 <= index < count:
        raise (
            unknown("the number of a sample", str(index), map(str, range(count)))
            if count
            else Invalid(must="the run kept test samples", came="none", do="Choose a run that was judged on samples.")
        )
    inputs: dict[str, Column] = {}
    outputs: dict[str, dict[str, Column]] = {}
    for name in (name for name in arrays.names if name.startswith(start)):
        quantity, _, role = name.removeprefix(start).partition("/")
        if quantity in ("input", "coordinates"):
            inputs[role] = _short(arrays.read(name))
        elif role:
            outputs.setdefault(quantity, {})[role] = _short(arrays.read(name))
    rows = arrays.read("samples/rows")["values"] if "samples/rows" in arrays.names else []
    return {
        "index": index,
        "count": count,
        "container": record.container,
        "row": rows[index] if index < len(rows) else None,
        "inputs": inputs,
        "outputs": outputs,
        "units": {q.name: q.unit for q in (*record.inputs, *record.outputs)},
    }
