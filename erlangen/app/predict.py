"""Apply the answer of a run to a file of one's own and write the same format back, with intervals where it has them.

Predictions become `predicted_energy`, `predicted_forces`, `predicted_u`, ... beside what the file holds; bounds become
`..._lower` and `..._upper`. Atoms: extended XYZ, CIF, PDB, SDF, POSCAR, ...; fields: HDF5, NetCDF, Zarr, npz.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import registry
from ..contract import Fitted, Interval, Task
from ..core.errors import Invalid
from ..core.systems import Atoms, Field, System
from ..data import field_files, readers
from ..data.atom_files import COMPRESSED
from ..learn import batching
from ..study.run import load


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Where the predictions were written, for how many samples, and their error where the file holds the truth."""

    path: Path
    count: int
    errors: Mapping[str, float]
    level: float | None


def predict(run: str | Path, file: str | Path, output: str | Path | None = None) -> Prediction:
    """Answer every sample of `file` with the fitted method of the run folder `run`.

    output: default is the name of the input with ".predicted" before its ending.
    Raises `Invalid` for samples that the method cannot answer (an element it never saw, another grid).
    """
    kept = load(run)
    task = registry.load_task(kept.record.task)
    file = Path(file)
    output = Path(output) if output is not None else _beside(file)
    apply = {Atoms: _on_atoms, Field: _on_fields}.get(task.container)
    if apply is None:
        raise Invalid(
            must="the run answers atoms or fields, which files can hold",
            came=f"a run of {kept.record.task}, which takes {task.container.__name__}",
            do="Use erlangen.load(run).fitted in Python.",
        )
    count, errors = apply(task, kept.fitted, file, output)
    return Prediction(output, count, errors, kept.fitted.level if isinstance(kept.fitted, Interval) else None)


def _beside(file: Path) -> Path:
    """frames.xyz.xz -> frames.predicted.xyz.xz: the ending, which names the format, stays."""
    packed = file.suffix if file.suffix in COMPRESSED else ""
    inner = Path(file.name.removesuffix(packed))
    return file.with_name(f"{inner.stem}.predicted{inner.suffix}{packed}")


def _on_atoms(task: type[Task], fitted: Fitted, file: Path, output: Path) -> tuple[int, dict[str, float]]:
    frames = readers.read_atoms(file)
    answers = answer(fitted, [f.atoms for f in frames])
    readers.write_atoms(output, frames, [_named(answers, i) for i in range(len(frames))])
    return len(frames), _errors(task, [f.labels for f in frames], answers)


def _on_fields(task: type[Task], fitted: Fitted, file: Path, output: Path) -> tuple[int, dict[str, float]]:
    asked = [q.name for q in task.inputs if q.home == "grid"]
    fields = field_files.read_fields(file, asked)
    answers = answer(fitted, fields)
    field_files.write_fields(output, fields, [_named(answers, i) for i in range(len(fields))])
    return len(fields), {}


def answer(fitted: Fitted, inputs: Sequence[System]) -> dict[str, list[Any]]:
    """Outputs by name, and their bounds as NAME_lower and NAME_upper where the answer has intervals."""
    found: dict[str, list[Any]] = dict(batching.predict(fitted, inputs))
    for values in found.values():
        for x, value in zip(inputs, values):
            if not np.all(np.isfinite(value)):
                _refuse(fitted, x)
    if isinstance(fitted, Interval):
        for name, bounds in batching.predict_interval(fitted, inputs).items():
            found[f"{name}_lower"] = [low for low, _ in bounds]
            found[f"{name}_upper"] = [high for _, high in bounds]
    return found


def _refuse(fitted: Fitted, x: System) -> None:
    """Let the method say why it has no answer for `x`; outside compiled code it can."""
    fitted(x)
    raise Invalid(
        must="every sample of the file must have a finite answer",
        came="NaN or infinite predictions",
        do="Leave out samples that are far from the training data.",
    )


def _named(answers: Mapping[str, Sequence[Any]], i: int) -> dict[str, Any]:
    return {f"predicted_{name}": np.asarray(values[i]) for name, values in answers.items()}


def _errors(
    task: type[Task], labels: Sequence[Mapping[str, Any]], answers: Mapping[str, Sequence[Any]]
) -> dict[str, float]:
    """Mean absolute error of each output over the samples that carry a label."""
    errors = {}
    for quantity in task.outputs:
        name = quantity.name
        pairs = [(answers[name][i], label[name]) for i, label in enumerate(labels) if name in label]
        if pairs:
            gaps = np.concatenate([np.ravel(np.asarray(a, float) - np.asarray(b, float)) for a, b in pairs])
            errors[f"{name} [{quantity.unit}]"] = float(np.mean(np.abs(gaps)))
    return errors
