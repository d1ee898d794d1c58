"""Apply the answer of a run to a file of one's own and write the same format back, with intervals where it has them.

Atoms: predictions become `predicted_energy`, `predicted_forces`, ... beside everything that the file holds, bounds
become `..._lower` and `..._upper`.
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
from ..core.systems import Atoms, System
from ..data import readers
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
    task = registry.load_task(kept.record.task)(**kept.record.task_fields)
    file = Path(file)
    output = Path(output) if output is not None else file.with_name(f"{file.stem}.predicted{file.suffix}")
    if task.container is not Atoms:
        raise Invalid(
            must="the run answers atoms, so that a file of structures can be read",
            came=f"a run of {kept.record.task}, which takes {task.container.__name__}",
            do="Use erlangen.load(run).fitted in Python.",
        )
    frames = readers.read_atoms(file)
    answers = answer(kept.fitted, [f.atoms for f in frames])
    readers.write_atoms(output, frames, [_named(answers, i) for i in range(len(frames))])
    errors = _errors(task, [f.labels for f in frames], answers)
    return Prediction(output, len(frames), errors, kept.fitted.level if isinstance(kept.fitted, Interval) else None)


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
