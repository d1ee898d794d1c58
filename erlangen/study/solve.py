"""The reference solver of a task as a solver for users: from a problem of the task's own, or from a field of theirs.

    solve(task, frames=, count=) -> Solution        problems that the task draws
    solve(task, frames=, start=fields) -> Solution  initial fields from elsewhere (`starts` reads and checks them)
    solution.write(path)                            NetCDF, Zarr, HDF5 or npz

It asks a task for nothing but what the contract has: `trajectories`, `solve` and `feed` of an `Evolution`, `truth` and
`solve` of any other `Supervised` task on fields. Settings called n, count and horizon, where a task has them, are the
points of the grid, the size of the training set and the frames of a trajectory; `dt` is the time between two of them (1
where a task does not say).
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np

from ..contract import Evolution, Samples, Supervised, Task
from ..core.errors import Invalid
from ..core.quantity import Quantity
from ..core.systems import Field
from ..data.array_files import opened
from ..data.field_files import plain, read_states
from ..data.grid_layout import WORDS
from ..data.sources import Source
from ..data.trajectory_files import write_trajectories
from ..numerics import spectral
from ..numerics.precision import double

T = TypeVar("T", bound=Task)
SIZES = ("n", "fine", "count", "held", "horizon", "seed")  # settings of the data, not of the physics


@dataclasses.dataclass(frozen=True)
class Solution:
    """Solved problems. fields: what was asked. states[name][i]: [time, *grid] of problem i, its first state included.

    dt: time between two states; 0 where the task is no evolution, and then there is one state. seconds: wall time.
    """

    task: Supervised
    fields: list[Field]
    states: dict[str, list[np.ndarray]]
    dt: float
    seconds: float

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The quantity of each name in `states` and in the fields."""
        return {q.name: q for q in (*self.task.outputs, *self.task.inputs)}

    @property
    def time_unit(self) -> str:
        """Of the axis of time; none for a single answer."""
        return self.task.evolution.time_unit if self.task.evolution else ""

    def write(self, path: Path, *, history: str = "") -> None:
        """One file with coordinates, units, the settings of the task as attributes, and how it came about."""
        units = {name: q.unit for name, q in self.quantities.items()}
        settings = {k: v for k, v in self.task.fields.items() if k not in SIZES and isinstance(v, int | float | str)}
        settings = {k: int(v) if isinstance(v, bool) else v for k, v in settings.items() if v != ""}
        about = {"title": f"reference solution of {self.task.name()}", "history": history}
        write_trajectories(
            path,
            self.fields,
            self.states,
            dt=self.dt,
            units=units | {x: unit for x, (_, unit) in zip("xyz", self.fields[0].axes)} | {"time": self.time_unit},
            attributes=settings | {k: v for k, v in about.items() if v},
        )


def solve(task: Task, *, frames: int | None = None, count: int = 1, start: Sequence[Field] | None = None) -> Solution:
    """Solve `count` problems of `task`, or the problems that begin with the fields `start`, for `frames` steps.

    frames: default is the task's own horizon, 20 where it has none. Float64 throughout.
    """
    task = solvable(task)
    moving = task.evolution
    if count < 1 or (frames is not None and frames < 1):
        came = f"count {count}, frames {frames}"
        raise Invalid(must="there is a problem to solve, for one frame at least", came=came, do="Give whole numbers.")
    clock = time.perf_counter()
    frames = frames or int(task.fields.get("horizon", 20))
    if start is not None:
        problems = Samples([completed(task, x) for x in start], {})
    else:
        problems = _drawn(_sized(task, count, frames)).take(range(count))
    fields: list[Any] = list(problems.inputs)
    if moving:
        drawn = [{n: v[i] for n, v in problems.outputs.items()} for i in range(len(fields))]
        each = [_rolled(moving, x, known, frames) for x, known in zip(fields, drawn)]
    else:
        answers = [{n: v[i] for n, v in problems.outputs.items()} or _solved(task, x) for i, x in enumerate(fields)]
        each = [{n: np.asarray(v)[None] for n, v in one.items()} for one in answers]
    states = {name: [one[name] for one in each] for name in each[0]}
    dt = float(getattr(task, "dt", 1.0)) if moving else 0.0
    return Solution(task, fields, states, dt, time.perf_counter() - clock)


def solvable(task: Task) -> Supervised:
    """The task, where it has fields as inputs and could have a solver; `Invalid` otherwise."""
    if task.pairs is not None and task.container is Field:
        return task.pairs
    raise Invalid(
        must="the task is about fields (continuum/...)",
        came=f"{task.name()}, which takes {task.container.__name__}",
        do="See: erlangen list continuum",
    )


def _drawn(task: Supervised) -> Samples:
    """Problems of the training split, with the answers that are known."""
    return task.evolution.trajectories("train") if task.evolution else task.truth("train")


def _sized(task: T, count: int, frames: int) -> T:
    """The task with a training set of `count` trajectories (or the fewest that it allows) of `frames` states."""
    for settings in ({"horizon": frames}, {"count": count}, {"count": max(count, 4)}):
        if set(settings) <= set(task.fields):
            with contextlib.suppress(Invalid):
                task = dataclasses.replace(task, **settings)  # type: ignore[type-var]
    return task


def _rolled(task: Evolution, x: Field, known: Mapping[str, Any], frames: int) -> dict[str, np.ndarray]:
    """States by the name of the input that they continue: those that are known, then steps of the solver."""
    known = known or task.path(x, frames) or {q.name: () for q in task.outputs}
    names = {after.name: before.name for before, after in zip(task.inputs, task.outputs)}
    states = {before: [np.asarray(x[before], float)] for before in names.values()}
    for k in range(frames):
        given = all(k < len(values) for values in known.values())
        outputs = {n: np.asarray(v[k]) for n, v in known.items()} if given else _solved(task, x)
        for after, before in names.items():
            states[before].append(np.asarray(outputs[after]))
            if not np.all(np.isfinite(outputs[after])):
                raise Invalid(
                    must="the solution stays finite",
                    came=f"NaN or infinite {before} in frame {k + 1} of {frames}",
                    do="Take more points, a smaller dt, or an initial field of the size that the task draws.",
                )
        x = task.feed(x, outputs)  # type: ignore[assignment]
    return {name: np.stack(values) for name, values in states.items()}


def _solved(task: Supervised, x: Field) -> Mapping[str, Any]:
    with double():
        outputs = task.solve(x)
    if outputs is None:
        raise Invalid(
            must="the task has a reference solver",
            came=f"{task.name()}, which has none",
            do="See: erlangen list continuum",
        )
    return outputs


def starts(task: Supervised, text: str) -> list[Field]:
    """Initial fields from a file: every sample of it, and of trajectories the last state, so that a run can go on.

    Quantities that evolve must be there; a source or the like comes from the task where the file has none.
    """
    source = Source.parse(text).only(*WORDS).required()
    grids = [q for q in task.inputs if q.axes == "grid"]
    with opened(source.path) as (variables, _):
        there = {plain(name) for name in variables}
    names = [q.name for q in grids if q.name in there] or [grids[0].name]
    return read_states(source, names, {q.name: q.unit for q in grids}, times=slice(-1, None)).fields


def settings_of(task: type[Task], start: Sequence[Field]) -> dict[str, Any]:
    """Settings that the file of the initial fields decides: the points of the grid, and parameters that it names."""
    names = {f.name: f.default for f in dataclasses.fields(task)}  # type: ignore[arg-type]
    first = start[0]
    found = {n: type(names[n])(v) for n, v in first.parameters.items() if n in names and n not in SIZES}
    return found | ({"n": int(next(iter(first.values.values())).shape[0])} if "n" in names else {})


def completed(task: Supervised, x: Field) -> Field:
    """The initial field with whatever else the task gives as input (a source); refused on another domain or boundary.

    A periodic field on fewer points than the task has is refined to them: the same trigonometric polynomial.
    """
    own: Any = _drawn(_sized(task, 1, 1)).inputs[0]
    evolving = task.inputs[0].name
    if evolving not in x.values:
        raise Invalid(
            must=f"the initial field is called {evolving}",
            came=f"{', '.join(x.values)}",
            do="Rename it in the file.",
        )
    shape, wanted = np.shape(x[evolving]), np.shape(own[evolving])
    values = {n: np.asarray(v, float) for n, v in x.values.items() if n in own.values}
    ratios = [h / h_own for h, h_own in zip(x.spacing, own.spacing)]
    if x.boundary == own.boundary == "periodic" and np.allclose(ratios, np.divide(wanted, shape)) and min(ratios) > 1:
        with double():
            return own.replace(**{n: np.asarray(spectral.resample(jnp.asarray(v), wanted)) for n, v in values.items()})
    if shape != wanted or not np.allclose(x.spacing, own.spacing, rtol=1e-4) or x.boundary != own.boundary:
        raise Invalid(
            must=f"the initial field lives on the grid of {task.name()}: {_grid(wanted, own)}",
            came=_grid(shape, x),
            do="Interpolate it, or scale lengths and values to that domain.",
        )
    return own.replace(**values)


def _grid(shape: tuple[int, ...], x: Field) -> str:
    points = " x ".join(map(str, shape))
    return f"{points} points, {', '.join(f'{h:.6g}' for h in x.spacing)} apart, {x.boundary}"
