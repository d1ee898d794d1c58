"""Which method answers which task, and what a task or method declares beyond its settings."""

from __future__ import annotations

from collections.abc import Iterator

from .. import registry
from ..contract import Method, Task
from ..core.errors import Invalid


def fitting_methods(task: Task) -> list[str]:
    """Names of the methods that accept `task`."""
    return [e.name for e in registry.entries("method") if not e.problem and _accepts(e.name, task)]


def fitting_tasks(method: type[Method]) -> list[str]:
    """Names of the tasks that `method` accepts with their default settings."""
    found = []
    for entry in registry.entries("task"):
        try:
            method().check(registry.load_task(entry.name)())
        except (Invalid, TypeError):
            continue
        found.append(entry.name)
    return found


def _accepts(name: str, task: Task) -> bool:
    try:
        registry.load_method(name)().check(task)
    except (Invalid, TypeError):
        return False
    return True


def describe(entry: registry.Entry) -> Iterator[str]:
    """Lines on the declarations of a task (quantities, symmetry, scores, shifts, solvers, published) or of a method."""
    if entry.kind == "method":
        cls = registry.load_method(entry.name)
        kept = ", ".join(g.__name__ for g in cls().symmetry) or "nothing by construction"
        yield f"Keeps exactly: {kept}"
        yield f"Answers: {', '.join(fitting_tasks(cls)) or 'no task found'}"
        return
    task = registry.load_task(entry.name)()
    yield f"Inputs:    {', '.join(f'{q.name} {q.symbol} [{q.unit}]' for q in task.inputs)}"
    yield f"Outputs:   {', '.join(f'{q.name} {q.symbol} [{q.unit}]' for q in task.outputs)}"
    yield f"Symmetry:  {', '.join(g.name for g in task.symmetry) or 'none'}"
    yield f"Scores:    {', '.join(f'{s.label or s.name} [{s.unit}]' for s in task.scores) or 'none'}"
    for shift in task.shifts:
        yield f"Shift:     {shift.label or shift.axis} = {', '.join(map(_short, shift.values))} {shift.unit}".rstrip()
    for solver in task.solvers:
        yield f"Solver:    {solver.name} ({solver.knob} = {', '.join(map(_short, solver.settings))})"
    for one in task.published:
        yield f"Published: {one.name} {one.score} {one.value:g} {one.unit} ({one.source})"
    yield f"Answered by: {', '.join(fitting_methods(task)) or 'no method found'}"


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
