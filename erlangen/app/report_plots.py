"""Which plots a report shows of a run, and the sentence under each that says how to read it."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping

import numpy as np

from ..study.record import Record
from ..study.table import headline_coverage
from ..study.work_precision import comparisons
from . import plots, plots_cost, plots_fields, plots_paths, plots_trust

Arrays = Mapping[str, np.ndarray]


def _figure(svg: str, alt: str, caption: str, kind: str = "") -> str:
    data = base64.b64encode(svg.encode()).decode()
    image = f"<img alt='{html.escape(alt, quote=True)}' src='data:image/svg+xml;base64,{data}'>"
    return f"<figure class='{kind}'>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"


def figures(record: Record, arrays: Arrays) -> list[str]:
    """The plots of a run as HTML figures with captions; those whose rows or arrays are missing are left out."""
    found = [*_fit_plots(record, arrays), *_parity_plots(record, arrays), *_field_plots(record, arrays)]
    found += [*_path_plots(arrays), *_interval_plots(record, arrays)]
    for axis in dict.fromkeys(row.axis for row in record.shifts):
        rows = [row for row in record.shifts if row.axis == axis and row.scores]
        moved = [row for row in record.coverage if row.where.startswith(f"{axis}=")]
        held = moved and moved + [row for row in record.coverage if row.where == "test" and row.level == moved[0].level]
        if rows:
            drawn = plots.svg(plots_trust.severity, rows, record.scores, held, record.task_fields.get(axis))
            caption = (
                "The error away from what was trained on; factors are relative to the error in distribution (dotted)."
                + (" Below: how often the intervals still hold; promised is the dashed line." if held else "")
            )
            found.append(_figure(drawn, f"error against {axis}", caption))
    found += _cost_plots(record)
    if record.symmetry:
        drawn = plots.svg(plots_trust.certificate, record.symmetry)
        caption = "Largest |f(g x) − g f(x)| over random group elements g, in units of the spread of the labels."
        found.append(_figure(drawn, "defect of every audited symmetry", caption, "wide"))
    return found


def _cost_plots(record: Record) -> list[str]:
    """The answer against the classical solvers: a query, and beside it a whole trajectory where there is one."""
    shown = [work for work in comparisons(record) if work.score]
    if not shown:
        return []
    drawn = plots.svg(plots_cost.cost_accuracy, record, shown)
    caption = (
        "Left is faster, down is better. Each curve is a classical solver, at the settings beside its points; the ring "
        "is its cheapest setting that is as accurate as the answer (star), of which the arrow compares the times. "
        "N*: queries after which labels and fit are paid for."
    )
    return [_figure(drawn, "error against time per query", caption, "wide" if len(shown) > 1 else "")]


def _fit_plots(record: Record, arrays: Arrays) -> list[str]:
    history, found = record.history, []
    if any("loss" in row or "validation" in row for row in history):
        drawn = plots.svg(plots.learning_curve, history)
        caption = "Training loss, and validation loss of the averaged weights. The answer is the best validated one."
        found.append(_figure(drawn, "loss against step", caption))
    exact = (record.data.get("reference") or {}).get("energy")
    energies = [row for row in history if "energy" in row]
    if energies:
        drawn = plots.svg(plots.energy_curve, energies, exact)
        caption = "Relative error of the sampled energy, and its variance, which vanishes for an exact eigenstate."
        found.append(_figure(drawn, "energy against step", caption))
    if "local_energies" in arrays:
        drawn = plots.svg(plots.local_energies, arrays["local_energies"], exact)
        caption = (
            "The local energy is the same everywhere for an exact eigenstate; its spread is the V-score's numerator."
        )
        found.append(_figure(drawn, "histogram of local energies", caption))
    return found


def _outputs(arrays: Arrays) -> list[str]:
    names = [key.split("/")[1] for key in arrays if key.startswith("test/") and key.endswith("/true")]
    return [name for name in names if f"test/{name}/predicted" in arrays]


def _half_width(arrays: Arrays, name: str) -> np.ndarray | None:
    ends = [arrays.get(f"test/{name}/{end}") for end in ("lower", "upper")]
    return None if ends[0] is None or ends[1] is None else (ends[1] - ends[0]) / 2


def _axis(record: Record, name: str) -> str:
    """Axis label of an output: as the task declared it, else its name and the unit of its intervals."""
    units = [row.unit for row in record.coverage if row.output == name]
    plain = name.replace("_", " ") + (f" [{units[0]}]" if units else "")
    text, _, unit = (record.data.get("outputs") or {}).get(name, plain).partition(" [")
    return plots.axis_label(text, unit.rstrip("]"))


def _parity_plots(record: Record, arrays: Arrays) -> list[str]:
    found = []
    for name in _outputs(arrays):
        true, predicted = (np.ravel(arrays[f"test/{name}/{kind}"]).astype(float) for kind in ("true", "predicted"))
        finite = np.isfinite(true) & np.isfinite(predicted)
        if not finite.any():
            continue
        width = _half_width(arrays, name)
        width = None if width is None else np.ravel(width)[finite]
        drawn = plots.svg(plots.parity, true[finite], predicted[finite], _axis(record, name), width)
        left_out = f" {np.sum(~finite):,} values that are not finite are left out." * bool(np.any(~finite))
        caption = f"Held-out test samples, {finite.sum():,} values of {name.replace('_', ' ')}.{left_out}"
        found.append(_figure(drawn, f"predicted against true {name}", caption))
    return found


def _field_plots(record: Record, arrays: Arrays) -> list[str]:
    """Whole samples of outputs on the grid of the inputs, in one or two dimensions."""
    grid, found = record.data.get("grid") or {}, []
    points: tuple[int, ...] = tuple(grid.get("points", ()))
    for name in _outputs(arrays) if len(points) in (1, 2) else ():
        true, predicted = (np.ravel(arrays[f"test/{name}/{key}"]).astype(float) for key in ("true", "predicted"))
        components = (record.data.get("components") or {}).get(name, 1)
        shape = (-1, *points, components)
        if true.size % math.prod(shape[1:]) or not (np.isfinite(true).all() and np.isfinite(predicted).all()):
            continue
        true, predicted = true.reshape(shape)[..., 0], predicted.reshape(shape)[..., 0]
        width = _half_width(arrays, name)
        text, _, unit = _axis(record, name).partition(" [")
        text += ", first component" * (components > 1)
        label, lengths = (text, unit.rstrip("]")), grid["lengths"]
        axes = grid.get("axes") or [f"position {letter}" for letter in "xy"]
        if len(points) == 1:
            band = None if width is None else np.ravel(width).reshape(shape)[..., 0]
            drawn = plots.svg(plots_fields.lines, true, predicted, band, lengths[0], label)
        else:
            drawn = plots.svg(plots_fields.images, true, predicted, lengths, axes, label)
        caption = (
            "Test samples with the median and with the largest root-mean-square error; differences on their own scale."
        )
        found.append(_figure(drawn, f"true and predicted {name}", caption, "wide"))
    return found


def _path_plots(arrays: Arrays) -> list[str]:
    """Observables and infidelity of a state that was moved in time."""
    if "times" not in arrays or "path/bound" not in arrays:
        return []
    times, found = arrays["times"], []
    for name in [key.split("/")[1] for key in arrays if key.startswith("path/") and key.endswith("/true")]:
        values, errors, true = (arrays[f"path/{name}/{kind}"] for kind in ("predicted", "error", "true"))
        drawn = plots.svg(plots_paths.observable, times, values, errors, true, name)
        found.append(_figure(drawn, f"{name} against time", "Mean over sites or bonds, in Pauli matrices."))
    drawn = plots.svg(plots_paths.infidelity, times, arrays.get("path/infidelity"), arrays["path/bound"])
    caption = (
        "Above the bound: the error of the state at time 0 and of the integrator. "
        "Below it: what the ansatz cannot follow; known also where no exact evolution is."
    )
    return [*found, _figure(drawn, "infidelity against time", caption)]


def _interval_plots(record: Record, arrays: Arrays) -> list[str]:
    if not record.coverage:
        return []
    covered = headline_coverage(record) or record.coverage[0]
    per_component = {row.output for row in record.coverage if row.kind == "per component"}
    widths = []
    for name in _outputs(arrays):
        width = _half_width(arrays, name)
        if name in per_component and width is not None:
            error = np.abs(np.ravel(arrays[f"test/{name}/predicted"]) - np.ravel(arrays[f"test/{name}/true"]))
            finite = np.isfinite(error) & np.isfinite(np.ravel(width)) & (np.ravel(width) > 0)
            widths.append((_axis(record, name), np.ravel(width)[finite], error[finite]))
    drawn = plots.svg(plots_trust.coverage, record.coverage, covered.level)
    caption = "How often the intervals hold the truth that they were not calibrated on."
    found = [_figure(drawn, "coverage of the intervals", caption)]
    if widths:
        drawn = plots.svg(plots_trust.reliability, widths, covered.level)
        caption = "Test samples in groups of equal interval width: on the diagonal, the intervals know their errors."
        found.append(_figure(drawn, "reliability of the intervals", caption))
    return found
