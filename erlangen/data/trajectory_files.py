"""Trajectories of fields in files that outlive the program: NetCDF, Zarr and HDF5, read no further than asked.

    write_trajectories(path, fields, states, dt=, ...)       # arrays [sample, time, x(, y(, z))] with coordinates
    header(text) -> Header                                   # names, units, grid and steps; no values are read
    read_trajectories(header, rows, every=, frames=) -> Iterator of (first state as a Field, {name: [frames, ...]})

An array with a dimension of time evolves; one on the same grid without it (a source, a permeability) stays as it is.
A last dimension of components makes one quantity of each: v -> v_0, v_1. Where names in the file are others, they are
told behind its name, as for files of atoms:  flow.h5:values=tensor:time=t-coordinate:x=x-coordinate:units=m/s  (several
values or units are joined by +; sample=run names the dimension of samples). A trajectory is read at a time, so that
memory holds what is kept and not the file.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid
from ..core.systems import Field
from . import limits
from .array_files import BOUNDARY, Arrays, Variables, kind_of, opened, write_arrays
from .field_files import numbers, on_grid, parameters_of, placed, plain
from .grid_layout import AXES, COMPONENT, SAMPLE, TIME, WORDS, Layout, finite, layout_of, uniform_step
from .sources import Source


@dataclasses.dataclass(frozen=True)
class Column:
    """One quantity: a variable of the file, a component of it where it has several, and its dimensions there."""

    variable: str
    dims: tuple[str, ...]
    component: int | None = None

    @property
    def name(self) -> str:
        """In a sample: the variable without separators, with the number of the component."""
        return plain(self.variable) + (f"_{self.component}" if self.component is not None else "")


@dataclasses.dataclass(frozen=True, eq=False)
class Header:
    """What a file of trajectories holds. evolving, fixed: quantities with and without time; dt between its frames."""

    path: Path
    evolving: tuple[Column, ...]
    fixed: tuple[Column, ...]
    units: Mapping[str, str]
    count: int
    frames: int
    dt: float
    grid: tuple[int, ...]
    spacing: tuple[float, ...]
    boundary: str
    itemsize: int
    parameters: Mapping[str, float]
    layout: Layout | None = None  # where all of it lies in the file
    varying: tuple[str, ...] = ()  # arrays with one parameter for each trajectory

    @property
    def alike(self) -> dict[str, Any]:
        """What files of one data set have in common, in words."""
        names = [c.name for c in (*self.evolving, *self.fixed)]
        units = {name: self.units.get(name, "none") for name in names}
        steps = tuple(float(f"{h:.6g}") for h in (self.dt, *self.spacing))
        return {"quantities and units": units, "grid": self.grid, "dt and spacing": steps, "boundary": self.boundary}

    def bytes(self, count: int, frames: int) -> int:
        """Size in memory of `frames` frames of `count` trajectories."""
        fields = len(self.evolving) * frames + len(self.fixed)
        return count * fields * math.prod(self.grid) * self.itemsize


def write_trajectories(
    path: Path,
    fields: Sequence[Field],
    states: Mapping[str, Sequence[np.ndarray]],
    *,
    dt: float,
    units: Mapping[str, str],
    attributes: Mapping[str, Any],
) -> None:
    """states[name][i]: the states [time, *grid] of the quantity `name` of fields[i], its first state included.

    All other values of the fields do not depend on time. A single trajectory is written without dimension of samples.
    """
    first = fields[0]
    d, alone = len(first.spacing), len(fields) == 1
    grid = next(iter(states.values()))[0].shape[1 : d + 1]
    lead = () if alone else (SAMPLE,)
    frames = len(next(iter(states.values()))[0])
    arrays: Arrays = {n: ((n,), points) for n, points in zip(AXES, first.coordinates(grid))}
    if dt:
        arrays[TIME] = ((TIME,), np.arange(frames) * dt)
    columns = {
        name: (lead + (TIME,) * bool(dt), [np.asarray(v if dt else v[0]) for v in c]) for name, c in states.items()
    }
    columns |= {n: (lead, [np.asarray(f.values[n]) for f in fields]) for n in first.values if n not in states}
    for name, (before, column) in columns.items():
        rest = column[0].ndim + len(lead) - len(before) - d
        more = tuple(f"{name}_component{i or ''}" for i in range(rest))
        arrays[name] = ((*before, *AXES[:d], *more), column[0] if alone else np.stack(column))
    scalars: dict[str, Any] = {}
    for name in first.parameters:
        values = np.asarray([np.asarray(f.parameters[name]) for f in fields])
        if alone or np.ptp(values) == 0:
            scalars[name] = values[0].item()
        else:
            arrays[name] = ((SAMPLE,), values)
    write_arrays(path, arrays, {BOUNDARY: first.boundary, **scalars, **attributes}, units)


@limits.foreign
def header(text: str | Source) -> Header:
    """Names, units, grid, spacing and time step of a file of trajectories; none of its values."""
    source = Source.parse(text).only(*WORDS).required()
    path, keys = source.path, dict(source.keys)
    if kind_of(path) == "npz":
        raise Invalid(
            must="trajectories are in a format that can be read in parts",
            came=str(path),
            do="Write NetCDF, Zarr or HDF5: xarray.Dataset(...).to_netcdf(...).",
        )
    with opened(path) as (variables, attributes):
        layout = layout_of(path, variables, attributes, keys)
        columns = _columns(path, variables, layout, keys)
        evolving = tuple(c for c in columns if TIME in c.dims)
        fixed = tuple(c for c in columns if TIME not in c.dims)
        if layout.time is None:
            raise Invalid(
                must="the times of the frames are in the file, called time or t",
                came=f"{path} with {', '.join(variables)}",
                do=f"Name them behind the file ({path.name}:time=t-coordinate), or add them.",
            )
        if not evolving:
            axis = " x ".join(f"{a.name} ({a.length})" for a in (layout.time, *layout.axes))
            raise Invalid(
                must=f"some array has the dimensions {axis}",
                came=f"{path} with { {n: v.shape for n, v in variables.items()} }",
                do="Name it behind the file, with its coordinates: flow.h5:values=u:time=t:x=lon",
            )
        count = _shared(path, variables, columns, SAMPLE, "trajectories")
        frames = _shared(path, variables, evolving, TIME, "frames")
        units = _units(path, variables, columns, source.units)
        itemsize = max(variables[c.variable].itemsize for c in columns)
        times = variables[layout.time.name].read()
        dt = uniform_step(path, layout.time.name, times[0] if times.ndim == 2 and not np.ptp(times, 0).any() else times)
        varying = parameters_of(variables, layout, count) if count > 1 else ()
    found = (count, frames, dt, layout.grid, layout.spacing, layout.boundary, itemsize, numbers(attributes))
    return Header(path, evolving, fixed, units, *found, layout, varying)


def read_trajectories(
    head: Header, rows: Sequence[int], *, every: int = 1, frames: int | None = None, start: Sequence[int] | None = None
) -> Iterator[tuple[Field, dict[str, np.ndarray]]]:
    """The trajectories at `rows`, one at a time: every `every`-th frame, `frames` of them (None: to the end), from the
    frame start[i] of the file on (None: from the first).
    """
    with opened(head.path) as (variables, _):
        for row, first in zip(rows, start if start is not None else [0] * len(rows)):
            last = None if frames is None else first + (frames - 1) * every + 1
            states = {c.name: _read(head, variables, c, row, slice(first, last, every)) for c in head.evolving}
            fixed = {c.name: _read(head, variables, c, row, slice(None)) for c in head.fixed}
            varying = {name: variables[name].read()[row].item() for name in head.varying}
            first = {name: state[0] for name, state in states.items()}
            yield Field(first | fixed, head.spacing, head.boundary, {**head.parameters, **varying}), states


@limits.foreign
def _read(head: Header, variables: Variables, column: Column, row: int, time: slice) -> np.ndarray:
    """[time, *grid] of one trajectory, whatever the order of dimensions in the file."""
    assigned = {"sample": row, "time": time, "component": column.component or 0}
    values = head.layout.arranged(variables[column.variable], column.dims, **assigned)  # type: ignore[union-attr]
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    if not np.all(np.isfinite(values)):
        frame = int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(1)))
        where = f" from frame {(time.start or 0) + frame * (time.step or 1)} on" if TIME in column.dims else ""
        finite(head.path, column.name, values, f" of trajectory {row} has NaN or infinite values{where}")
    return values


def _columns(path: Path, variables: Variables, layout: Layout, keys: Mapping[str, str]) -> list[Column]:
    """Every quantity on the grid, or those that are named, with what each of its dimensions is."""
    wanted = keys["values"].split("+") if "values" in keys else None
    columns: list[Column] = []
    for name in wanted if wanted is not None else on_grid(variables, layout):
        variable, roles = placed(path, variables, layout, name)
        if roles.count(COMPONENT) == 1:
            count = variable.shape[roles.index(COMPONENT)]
            columns += [Column(name, roles, i) for i in range(count)]
        elif COMPONENT not in roles:
            columns.append(Column(name, roles))
    return columns


def _shared(path: Path, variables: Variables, columns: Sequence[Column], role: str, what: str) -> int:
    """How many samples, or frames, all of the columns have."""
    shapes = {c.name: variables[c.variable].shape[c.dims.index(role)] for c in columns if role in c.dims}
    if len(set(shapes.values())) > 1:
        raise Invalid(
            must=f"all quantities of a file have the same number of {what}",
            came=f"{path}: {shapes}",
            do="Name those that belong together: flow.nc:values=u+v",
        )
    return next(iter(shapes.values()), 1)


def _units(path: Path, variables: Variables, columns: Sequence[Column], said: str) -> dict[str, str]:
    """Unit of every quantity: what is said behind the file (one for all, or one for each variable), else in it."""
    names = list(dict.fromkeys(c.variable for c in columns))
    stated = {n: variables[n].unit for n in names}
    if said:
        parts = said.split(",")
        if len(parts) not in (1, len(names)):
            raise Invalid(
                must=f"there is one unit for all, or one for each of {', '.join(names)}",
                came=f"{path}: {len(parts)} units, {said}",
                do="Join them by +, as in units=m/s+K.",
            )
        stated = dict(zip(names, parts * len(names) if len(parts) == 1 else parts))
    missing = [n for n, unit in stated.items() if not unit]
    if missing:
        raise Invalid(
            must="every quantity has its unit in the file, as attribute `units`",
            came=f"{path}: none for {', '.join(missing)}",
            do=f"Tell it behind the file, {path.name}:units=m/s (1 for numbers without dimension), or add it.",
        )
    return {c.name: str(stated[c.variable]) for c in columns}
