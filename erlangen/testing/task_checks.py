"""Rules for tasks. Each function takes a task (with settings) and raises `ContractBroken` where a rule is broken."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ..assess import symmetry
from ..assess.metrics import per_sample, summarise
from ..contract import SPLITS, Couplings, Evolution, Method, Quench, Samples, Supervised, Task, Variational, Wrapper
from ..core.quantity import AXES
from .cases import concerns, demand

SOURCE = re.compile(r"(doi:\s*10\.\d{4,}|arXiv:|jstor:|ISBN|Source: \w)", re.IGNORECASE)


def check_source(subject: Task | Method) -> None:
    """The module's docstring starts with one sentence and names a source; what calls itself trivial needs none."""
    text = inspect.getdoc(sys.modules[type(subject).__module__]) or ""
    demand(text.split("\n")[0].strip(), f"{subject.name()} must have a module docstring with a first line")
    sound = "trivial" in text or SOURCE.search(text)
    demand(sound, f"the docstring of {subject.name()} must name a source (doi:..., arXiv:...)")


def check_settings(subject: Task | Method) -> None:
    """A frozen dataclass with a default for every field."""
    kind = type(subject)
    frozen = dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    demand(frozen, f"{kind.__name__} must be a frozen dataclass")
    unset = [
        f.name
        for f in dataclasses.fields(kind)  # type: ignore[arg-type]
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    unset = [name for name in unset if not (name == "method" and isinstance(subject, Wrapper))]
    demand(not unset, f"every setting of {kind.__name__} must have a default", unset)
    demand(hash(subject) == hash(dataclasses.replace(subject)), f"{kind.__name__} must be hashable")  # type: ignore[type-var]


def check_quantities(task: Task) -> None:
    """Names are unique identifiers, units are given, homes are known; scores and shifts refer to what exists."""
    for group in (task.inputs, task.outputs):
        names = [q.name for q in group]
        demand(len(set(names)) == len(names), f"quantities of {task.name()} must have different names", names)
        for q in group:
            demand(q.name.isidentifier(), "a quantity's name must be an identifier", q.name)
            demand(q.unit.strip(), f"{q.name} must have a unit (1 where it has none)")
            demand(set(q.axes.split()) <= set(AXES), f"the axes of {q.name} must be words of {AXES}", q.axes)
    demand(task.outputs, f"{task.name()} must have outputs")
    demand(task.symmetry, f"{task.name()} must state its symmetry")
    outputs, scores = {q.name for q in task.outputs}, [s.name for s in task.scores]
    demand(len(set(scores)) == len(scores), "scores must have different names", scores)
    if isinstance(task, Supervised):
        demand(scores, f"{task.name()} must have scores")
        for score in task.scores:
            demand(score.quantity in outputs, f"score {score.name} must judge one of {sorted(outputs)}", score.quantity)
            single = score.steps == 1 or isinstance(task, Evolution)
            demand(single, f"score {score.name} needs a roll-out, so the task must be an Evolution")
    for one in task.published:
        demand(SOURCE.search(one.source), f"published {one.name} must have a source (doi:..., arXiv:...)", one.source)


def check_shifts(task: Task) -> None:
    """Every value of every shift axis gives a task of the same kind that differs from this one."""
    for shift in task.shifts:
        demand(shift.values, f"shift {shift.axis} must have values")
        for value in shift.values:
            moved = task.shifted(shift.axis, value)
            demand(type(moved) is type(task) and moved != task, f"{shift.axis}={value} must move {task.name()}", moved)


def check_truth(task: Supervised) -> None:
    """Samples of the declared container, finite, with outputs of the declared axes; the same on every call."""
    for split in SPLITS:
        samples = task.truth(split)
        demand(len(samples) > 0, f"the {split} split of {task.name()} must have samples")
        for q in task.outputs:
            demand(q.name in samples.outputs, f"truth must give the output {q.name}", sorted(samples.outputs))
            demand(len(samples.outputs[q.name]) == len(samples), f"one {q.name} per sample")
        group = samples.group
        demand(group is None or len(group) == len(samples), "samples.group must have one entry per sample")
        for i in range(min(4, len(samples))):
            _check_sample(task, samples, i)
    again = dataclasses.replace(task).truth("test")  # type: ignore[type-var]
    demand(_same(task.truth("test"), again), f"the same settings of {task.name()} must give the same samples")


def check_splits(task: Supervised) -> None:
    """No input of one split is in another."""
    seen: dict[bytes, str] = {}
    for split in SPLITS:
        for x in task.truth(split).inputs:
            mark = b"".join(np.ascontiguousarray(x[q.name]).tobytes() for q in task.inputs)
            other = seen.setdefault(mark, split)
            demand(other == split, f"the splits of {task.name()} must not share inputs", f"one in {other} and {split}")


def check_scores(task: Supervised) -> None:
    """Truth scores perfect against itself, and better than the mean of the training labels (the trivial answer)."""
    test, train = task.truth("test"), task.truth("train")
    trivial = mean_labels(task, train, test)
    for score in task.scores:
        if score.steps > 1 or score.quantity not in trivial:
            continue
        sign = 1 if score.lower_is_better else -1
        perfect = summarise(score, per_sample(score, test.outputs, test))
        dull = summarise(score, per_sample(score, trivial, test))
        if score.lower_is_better:
            demand(perfect == 0, f"truth must score 0 in {score.name}", perfect)
        rule = f"the mean label must score worse than truth in {score.name}"
        demand(sign * perfect < sign * dull, rule, f"{dull:.3g} against {perfect:.3g}")


def has_solver(task: Supervised) -> bool:
    """Whether a task states a reference solver; it may still have none with its settings."""
    return type(task).solve is not Supervised.solve


@concerns(has_solver)
def check_solver_symmetry(task: Supervised) -> None:
    """The reference solver commutes with every group of the task (float64, 1e-10 of the spread of the labels)."""
    rows = symmetry.audit_solver(task, task.truth("test"), key=jax.random.key(2))
    accuse("the solver of " + task.name(), rows)


@concerns(has_solver)
def check_solver_truth(task: Supervised) -> None:
    """The reference solver gives the labels (to 1e-4 of their spread: files may keep fewer digits)."""
    from ..numerics.precision import double

    test = task.truth("test")
    scales = symmetry.label_scales(task, test)
    with double():
        answer = task.solve(test.inputs[0])
        for name, value in (answer or {}).items():
            gap = float(np.max(np.abs(np.asarray(value) - np.asarray(test.outputs[name][0])))) / scales[name]
            rule = f"the solver of {task.name()} must reproduce the label {name}"
            demand(gap <= 1e-4, rule, f"a difference of {gap:.1e} of its spread")


def check_reference(task: Variational) -> None:
    """The reference of a law, where there is one, is a finite energy with its source."""
    reference = task.reference()
    if reference is not None:
        demand(np.isfinite(reference["energy"]), "a reference energy must be finite", reference["energy"])
        demand(reference.get("source"), "a reference energy must have a source")


def check_members(task: Variational[Couplings]) -> None:
    """Trained and tested couplings do not meet, tested ones lie within the trained range, every one has a law."""
    low, high = min(task.asked.trained), max(task.asked.trained)
    for coupling in task.asked.tested:
        demand(low <= coupling <= high, "a tested coupling must lie in the trained range", coupling)
        demand(coupling not in task.asked.trained, "a tested coupling must not be a trained one", coupling)
    for coupling in (*task.asked.tested, low, high):
        check_reference(task.asked.member(coupling))


def check_evolution(task: Variational[Quench]) -> None:
    """Times rise from 0; the reference, where there is one, gives every observable at each of them, with its source."""
    times = task.asked.times
    demand(len(times) > 1 and times[0] == 0, f"the times of {task.name()} must begin with 0 and go on", times)
    demand(all(a < b for a, b in zip(times, times[1:])), f"the times of {task.name()} must rise", times)
    demand(task.asked.observables, f"{task.name()} must name what is looked at")
    reference = task.reference()
    if reference is not None:
        demand(reference.get("source"), "a reference must have a source")
        for name in task.asked.observables:
            values = np.asarray(reference["observables"][name])
            sound = values.shape == (len(times),) and np.all(np.isfinite(values))
            demand(sound, f"the reference must give a finite {name} at every time", values.shape)


def accuse(subject: str, rows: list[Any]) -> None:
    """Raise `ContractBroken` that names every guilty output of a symmetry audit."""
    words: list[str] = []
    symmetry.tell(rows, words.append)
    demand(not words, f"{subject} must keep the symmetry it declares", "; ".join(words))


def mean_labels(task: Task, train: Samples, test: Samples) -> Mapping[str, list[np.ndarray]]:
    """The trivial answer: the mean training label; on atoms the mean over all atoms, elsewhere entry by entry."""
    answers = {}
    for q in task.outputs:
        columns = [np.asarray(y, np.float64) for y in train.outputs[q.name]]
        if q.axes == "atoms":
            mean = np.mean(np.concatenate(columns), 0)
            answers[q.name] = [np.broadcast_to(mean, np.shape(y)) for y in test.outputs[q.name]]
        elif all(c.shape == np.shape(y) for c in columns[:1] for y in test.outputs[q.name]):
            answers[q.name] = [np.mean(columns, 0)] * len(test)
    return answers


def _check_sample(task: Supervised, samples: Samples, i: int) -> None:
    x = samples.inputs[i]
    demand(isinstance(x, task.container), f"inputs must be {task.container.__name__}", type(x).__name__)
    for q in task.inputs:
        demand(np.all(np.isfinite(np.asarray(x[q.name], np.float64))), f"the input {q.name} must be finite")
    for q in task.outputs:
        value = np.asarray(samples.outputs[q.name][i])
        demand(np.all(np.isfinite(value)), f"the label {q.name} must be finite")
        wanted = q.shape(x.sizes, x.dimension)
        demand(value.shape == wanted, f"{q.name} must have the shape {wanted} of its axes", value.shape)


def _same(a: Samples, b: Samples) -> bool:
    one, two = jax.tree.leaves((list(a.inputs), dict(a.outputs))), jax.tree.leaves((list(b.inputs), dict(b.outputs)))
    return len(one) == len(two) and all(np.array_equal(x, y) for x, y in zip(one, two))
