"""Apply the answer of a run to a file of one's own and write the same format back, with intervals where it has them.

Predictions become `predicted_NAME` beside everything that the file holds, the ends of intervals `predicted_NAME_lower`
and `predicted_NAME_upper`: columns and frame values of atoms, arrays on the grid of fields.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import registry
from ..contract import Interval, Predictor, Task
from ..core.errors import Invalid
from ..core.systems import Atoms, Compound, Field, System
from ..data import compound_files, readers
from ..data.atom_files import COMPRESSED, format_of
from ..data.field_files import read_fields, write_fields
from ..data.fingerprints import fingerprints
from ..data.plausibility import check_apart, check_states
from ..data.sources import Source
from ..learn import batching
from .record import Record
from .run import Run, load


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Where the predictions were written, for how many samples, their mean absolute error where the file holds labels
    ("energy [eV]" -> 0.012), and the level of the intervals (None: the answer has none)."""

    path: Path
    count: int
    errors: Mapping[str, float]
    level: float | None


def predict(run: str | Path, file: str | Path, output: str | Path | None = None) -> Prediction:
    """Answer every sample of `file` with the fitted method of the run folder `run`, and write what came out.

    output: default is the name of the input with ".predicted" before its ending (".extxyz" where the input's format
    has no room for predictions). Raises `Invalid` for samples that the answer was not made for: an element it never
    saw, other parameters, another domain.
    """
    kept = load(run)
    task = registry.load_task(kept.record.task)(**kept.record.task_fields)
    source = Source.parse(file)
    file = source.path
    if output is not None and Path(output).resolve() == file.resolve():
        raise Invalid(
            must="the file that was read is kept", came=f"the same output {output}", do="Name another output."
        )
    if task.container is Atoms:
        return _of_atoms(kept, task, source, Path(output) if output is not None else _output(file, atoms=True))
    if task.container is Field:
        return _of_fields(
            kept, task, source.only().path, Path(output) if output is not None else _output(file, atoms=False)
        )
    if task.container is Compound:
        return _of_compounds(kept, source, Path(output) if output is not None else _output(file, atoms=False))
    raise Invalid(
        must="the run answers atoms, fields or compounds, which files can hold",
        came=f"a run of {kept.record.task}, which takes {task.container.__name__}",
        do="Use erlangen.load(run).fitted in Python.",
    )


def _output(file: Path, *, atoms: bool) -> Path:
    """frames.extxyz.gz -> frames.predicted.extxyz.gz; POSCAR -> POSCAR.predicted.extxyz."""
    packed = file.suffix if file.suffix.lower() in COMPRESSED else ""
    plain = Path(file.name.removesuffix(packed))
    if atoms and format_of(file) in readers.NO_ROOM:
        return file.with_name(f"{plain.name}.predicted.extxyz")
    return file.with_name(f"{plain.stem}.predicted{plain.suffix}{packed}")


def _of_atoms(kept: Run, task: Task, source: Source, output: Path) -> Prediction:
    frames, file = readers.read_atoms(source), source.path
    check_apart(file, [frame.atoms for frame in frames])
    check_states(file, [frame.atoms for frame in frames], [frame.info for frame in frames])
    _check_elements(kept.record, [frame.atoms for frame in frames], file)
    answers = answer(kept.fitted, [frame.atoms for frame in frames])
    readers.write_atoms(output, frames, [_named(answers, i) for i in range(len(frames))])
    errors = _errors(task, [frame.labels for frame in frames], answers)
    return Prediction(output, len(frames), errors, _level(kept.fitted))


def _of_fields(kept: Run, task: Task, file: Path, output: Path) -> Prediction:
    grids = [q for q in task.inputs if q.axes == "grid"]
    fields = read_fields(file, [q.name for q in grids], units={q.name: q.unit for q in grids})
    fields = [_with_parameters(kept.record, field, file) for field in fields]
    answers = answer(kept.fitted, fields)
    units = {q.name: q.unit for q in grids}
    units |= {f"predicted_{q.name}{end}": q.unit for q in task.outputs for end in ("", "_lower", "_upper")}
    write_fields(output, fields, [_named(answers, i) for i in range(len(fields))], units=units)
    return Prediction(output, len(fields), {}, _level(kept.fitted))


def _of_compounds(kept: Run, source: Source, output: Path) -> Prediction:
    """Rows of SMILES; where a molecule cannot be read the prediction stays empty, and a warning names the line."""
    rows, smiles = compound_files.read_queries(source)
    answers = answer(kept.fitted, fingerprints(list(smiles.values())))
    compound_files.write_rows(output, rows, {place: _named(answers, i) for i, place in enumerate(smiles)})
    return Prediction(output, len(smiles), {}, _level(kept.fitted))


def _level(fitted: Predictor) -> float | None:
    return fitted.level if isinstance(fitted, Interval) else None


def _check_elements(record: Record, inputs: Sequence[Atoms], file: Path) -> None:
    """An answer for an element outside of the training data would be a guess: refused, with the list."""
    known: set[int] = set(record.data.get("elements") or ())
    if not known:
        return
    for number, atoms in enumerate(inputs, 1):
        numbers = {int(z) for z in np.unique(atoms.atomic_numbers) if z > 0}
        if numbers - known:
            raise Invalid(
                must=f"all elements occur in the training data of {record.run} ({_symbols(known)})",
                came=f"{file}, frame {number}: {_symbols(numbers - known)}",
                do="Leave such frames out, or train on data that holds these elements.",
            )


def _symbols(numbers: set[int]) -> str:
    from ase.data import chemical_symbols

    return ", ".join(chemical_symbols[z] for z in sorted(numbers))


def _with_parameters(record: Record, field: Field, file: Path) -> Field:
    """The field with the parameters that training had, where the file names none; refused where it names others."""
    trained = record.data.get("grid") or {}
    for name, value in field.parameters.items():
        known = record.task_fields.get(name)
        if isinstance(known, int | float) and not math.isclose(float(value), float(known), rel_tol=1e-6):
            raise Invalid(
                must=f"{name} is what {record.run} was trained at, {known:g}",
                came=f"{file}: {name} = {float(value):g}",
                do=f"Train a run there: erlangen run {record.task} --{name.replace('_', '-')} {float(value):g} ...",
            )
    if trained.get("boundary", field.boundary) != field.boundary:
        raise Invalid(
            must=f"the boundary is {trained['boundary']}, as in the training data",
            came=f"{file}: {field.boundary}",
            do="Train a run with that boundary.",
        )
    lengths = list(field.lengths)
    wanted = trained.get("lengths")
    if wanted and not np.allclose(lengths, wanted, rtol=1e-6):
        raise Invalid(
            must=f"the domain has the lengths of the training data, {wanted}",
            came=f"{file}: {lengths}",
            do="Scale coordinates and values to that domain (dimensionless numbers must agree).",
        )
    return field.replace(parameters={**trained.get("parameters", {}), **field.parameters})


def answer(fitted: Predictor, inputs: Sequence[System]) -> dict[str, list[Any]]:
    """Outputs by name, and the ends of intervals as NAME_lower and NAME_upper where the answer has them."""
    found: dict[str, list[Any]] = dict(batching.predict(fitted, inputs))
    for values in list(found.values()):
        for x, value in zip(inputs, values):
            if not np.all(np.isfinite(value)):
                _refuse(fitted, x)
    if isinstance(fitted, Interval):
        for name, bounds in batching.predict_interval(fitted, inputs).items():
            found[f"{name}_lower"] = [low for low, _ in bounds]
            found[f"{name}_upper"] = [high for _, high in bounds]
    return found


def _refuse(fitted: Predictor, x: System) -> None:
    """Let the method say why it has no answer for `x`; outside compiled code it can."""
    fitted(x)
    raise Invalid(
        must="every sample of the file must have a finite answer",
        came="NaN or infinite predictions",
        do="Leave out samples that are far from the training data.",
    )


def _named(answers: Mapping[str, Sequence[Any]], i: int) -> dict[str, Any]:
    return {f"predicted_{name}": np.asarray(values[i]) for name, values in answers.items()}


def _errors(task: Task, labels: Sequence[Mapping[str, Any]], answers: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    """Mean absolute error of each output over the samples that carry a label."""
    errors = {}
    for quantity in task.outputs:
        name = quantity.name
        pairs = [(answers[name][i], label[name]) for i, label in enumerate(labels) if name in label]
        if pairs:
            gaps = np.concatenate([np.ravel(np.asarray(a, float) - np.asarray(b, float)) for a, b in pairs])
            errors[f"{name} [{quantity.unit}]"] = float(np.mean(np.abs(gaps)))
    return errors
