"""Apply the answer of a run to a file of one's own and write the same format back, with intervals where it has them.

Predictions become `predicted_NAME` beside everything that the file holds, the ends of intervals `predicted_NAME_lower`
and `predicted_NAME_upper`: columns and frame values of atoms, arrays on the grid of fields. The run folder is all that
is asked: what was learned, and in the record what for; how files are read says the container (`data.containers`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import registry
from ..contract import Answer, Interval, Predictor
from ..core.errors import Invalid
from ..core.quantity import Quantity
from ..core.systems import System
from ..data.containers import Scope
from ..data.drafts import check_free, whole
from ..data.sources import Source
from ..data.text_files import COMPRESSED
from ..learn import batching
from .record import Record
from .run import load


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Where the predictions were written, for how many samples, their mean absolute error where the file holds labels
    ("energy [eV]" -> 0.012), and the level of the intervals (None: the answer has none)."""

    path: Path
    count: int
    errors: Mapping[str, float]
    level: float | None


def predict(run: str | Path, file: str | Path, output: str | Path | None = None, *, force: bool = False) -> Prediction:
    """Answer every sample of `file` with the fitted method of the run folder `run`, and write what came out.

    file: words may stand behind its name, as in new.nc:values=v. output: default is the name of the input with
    ".predicted" before its ending (".extxyz" where the input's format has no room for predictions). force: replace it
    where it is there. Raises `Invalid` for samples that the answer was not made for: an element it never saw, other
    parameters, another domain.
    """
    source = Source.parse(file)
    file = source.path
    if output is not None:
        if Path(output).resolve() == file.resolve():
            came = f"the same output {output}"
            raise Invalid(must="the file that was read is kept", came=came, do="Name another output.")
        check_free(Path(output), force=force)
    kept = load(run)
    adapter, scope = registry.load_container(kept.record.container), scope_of(kept.record)
    if adapter is None or not isinstance(kept.fitted, Predictor):
        raise Invalid(
            must="the run answers inputs that files can hold, sample by sample",
            came=f"a run of {kept.record.task}, which takes {kept.record.container}",
            do="Use erlangen.load(run).fitted in Python.",
        )
    contents = adapter.read(source, scope)
    path = Path(output) if output is not None else _output(file, contents.ending)
    check_free(path, force=force)
    answers = answer(kept.fitted, adapter.accepts(contents.systems, scope, str(file)))
    with whole(path) as draft:
        adapter.write(draft, contents, [_named(answers, i) for i in range(len(contents.systems))], scope)
    errors = _errors(kept.record.outputs, contents.labels, answers)
    level = kept.fitted.level if isinstance(kept.fitted, Interval) else None
    return Prediction(path, len(contents.systems), errors, level)


def scope_of(record: Record) -> Scope:
    """What the answer of a run was made for."""
    return Scope(record.run, record.task, record.task_fields, record.inputs, record.outputs, record.data)


def _output(file: Path, ending: str) -> Path:
    """frames.extxyz.gz -> frames.predicted.extxyz.gz; POSCAR -> POSCAR.predicted.extxyz."""
    packed = file.suffix if file.suffix.lower() in COMPRESSED else ""
    plain = Path(file.name.removesuffix(packed))
    return file.with_name(
        f"{plain.name}.predicted{ending}" if ending else f"{plain.stem}.predicted{plain.suffix}{packed}"
    )


def answer(fitted: Predictor, inputs: Sequence[System]) -> dict[str, list[Any]]:
    """Outputs by name, and the ends of intervals as NAME_lower and NAME_upper where the answer has them."""
    whole = batching.predict(_WithEnds(fitted), inputs)
    found: dict[str, list[Any]] = {}
    for name, rows in whole.items():
        for x, row in zip(inputs, rows):
            if not np.all(np.isfinite(row[0])):
                refuse(fitted, x)
        for place, end in enumerate(("", "_lower", "_upper")[: len(rows[0])]):
            found[f"{name}{end}"] = [row[place] for row in rows]
    return found


class _WithEnds(Answer):
    """An answer with its intervals, from one evaluation: name -> (value,) or (value, lower, upper)."""

    fitted: Predictor

    def __call__(self, x: System) -> dict[str, tuple[Any, ...]]:
        centre = self.fitted(x)
        ends = self.fitted.around(x, centre) if isinstance(self.fitted, Interval) else {}
        return {name: (value, *ends.get(name, ())) for name, value in centre.items()}

    def prepare(self, x: System) -> System:
        return self.fitted.prepare(x)


def refuse(fitted: Predictor, x: System) -> None:
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
    outputs: Sequence[Quantity], labels: Sequence[Mapping[str, Any]], answers: Mapping[str, Sequence[Any]]
) -> dict[str, float]:
    """Mean absolute error of each output over the samples that carry a label."""
    errors = {}
    for q in outputs:
        pairs = [(answers[q.name][i], label[q.name]) for i, label in enumerate(labels) if q.name in label]
        if pairs:
            gaps = np.concatenate([np.ravel(np.asarray(a, float) - np.asarray(b, float)) for a, b in pairs])
            errors[f"{q.name} [{q.unit}]"] = float(np.mean(np.abs(gaps)))
    return errors
