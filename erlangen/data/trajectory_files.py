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

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid, unknown
from ..core.systems import Field
from .field_files import AXES, BOUNDARY, SAMPLE, Arrays, kind_of, known_axes, uniform_step, write_arrays
from .sources import Source

TIME = ("time", "t")
PERIODIC = "periodic"


@dataclasses.dataclass(frozen=True)
class Column:
    """One quantity: a variable of the file, a component of it where it has several, and its dimensions there."""

    variable: str
    dims: tuple[str, ...]
    component: int | None = None

    @property
    def name(self) -> str:
        """In a sample: the variable without separators, with the number of the component."""
        plain = self.variable.replace("/", "_").replace("-", "_").replace(" ", "_")
        return plain if self.component is None else f"{plain}_{self.component}"


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
        arrays[TIME[0]] = ((TIME[0],), np.arange(frames) * dt)
    columns = {
        name: (lead + TIME[:1] * bool(dt), [np.asarray(v if dt else v[0]) for v in c]) for name, c in states.items()
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


def has_time(path: Path) -> bool:
    """Whether the file holds trajectories (a coordinate of time along which some array extends)."""
    if kind_of(path) == "npz" or not path.exists():
        return False
    with _variables(path) as (variables, _):
        return any(n in variables and any(n in (v.dims or ()) for v in variables.values()) for n in TIME)


def header(text: str | Source) -> Header:
    """Names, units, grid, spacing and time step of a file of trajectories; none of its values."""
    source = Source.parse(text).only("values", "time", "sample", *AXES, "units").required()
    path, keys = source.path, dict(source.keys)
    with _variables(path) as (variables, attributes):
        time, axes = _time(path, variables, keys.pop("time", None)), _axes(path, variables, keys)
        lengths = {name: len(variables[name].array) for name in (time, *axes)}
        columns = _columns(path, variables, time, axes, lengths, keys)
        dt, *spacing = (uniform_step(path, n, np.asarray(variables[n].array[()])) for n in (time, *axes))
        evolving = tuple(c for c in columns if "time" in c.dims)
        fixed = tuple(c for c in columns if "time" not in c.dims)
        if not evolving:
            axis = " x ".join(f"{n} ({length})" for n, length in lengths.items())
            raise Invalid(
                must=f"some array has the dimensions {axis}",
                came=f"{path} with { {n: v.array.shape for n, v in variables.items()} }",
                do="Name it behind the file, with its coordinates: flow.h5:values=u:time=t:x=lon",
            )
        counts = {_size(variables[c.variable], c.dims, SAMPLE) for c in columns}
        if len(counts) > 1:
            raise Invalid(
                must="all quantities of a file have the same number of trajectories",
                came=f"{path}: {sorted(counts)}",
                do="Name those that belong together: flow.nc:values=u+v",
            )
        units = _units(path, variables, columns, source.units)
        itemsize = max(variables[c.variable].array.dtype.itemsize for c in columns)
        boundary = str(attributes.get(BOUNDARY, PERIODIC))
        numbers = {n: v.item() if isinstance(v, np.generic) else v for n, v in attributes.items()}
        parameters = {n: v for n, v in numbers.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    grid = tuple(lengths[a] for a in axes)
    found = (counts.pop(), lengths[time], dt, grid, tuple(spacing), boundary, itemsize, parameters)
    return Header(path, evolving, fixed, units, *found)


def read_trajectories(
    head: Header, rows: Sequence[int], *, every: int = 1, frames: int | None = None, start: Sequence[int] | None = None
) -> Iterator[tuple[Field, dict[str, np.ndarray]]]:
    """The trajectories at `rows`, one at a time: every `every`-th frame, `frames` of them (None: to the end), from the
    frame start[i] of the file on (None: from the first).
    """
    with _variables(head.path) as (variables, _):
        for row, first in zip(rows, start if start is not None else [0] * len(rows)):
            last = None if frames is None else first + (frames - 1) * every + 1
            states = {c.name: _read(head, variables, c, row, slice(first, last, every)) for c in head.evolving}
            fixed = {c.name: _read(head, variables, c, row, slice(None)) for c in head.fixed}
            first = {name: state[0] for name, state in states.items()}
            yield Field(first | fixed, head.spacing, head.boundary, dict(head.parameters)), states


def _read(head: Header, variables: Mapping[str, Variable], column: Column, row: int, time: slice) -> np.ndarray:
    """[time, *grid] of one trajectory, whatever the order of dimensions in the file."""
    place = {SAMPLE: row, "time": time, "component": column.component}
    values = np.asarray(variables[column.variable].array[tuple(place.get(d, slice(None)) for d in column.dims)])
    left = [d for d in column.dims if d not in (SAMPLE, "component")]
    order = (["time"] if "time" in left else []) + [f"axis{i}" for i in range(len(head.grid))]
    values = np.transpose(values, [left.index(d) for d in order])
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    if not np.all(np.isfinite(values)):
        frame = int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(1)))
        where = f" from frame {(time.start or 0) + frame * (time.step or 1)} on" if "time" in left else ""
        raise Invalid(
            must="values are finite numbers",
            came=f"{head.path}: {column.name} of trajectory {row} has NaN or infinite values{where}",
            do="Leave that trajectory out (land masks and blown-up solutions are the usual causes).",
        )
    return values


@dataclasses.dataclass(frozen=True)
class Variable:
    """An array in an open file: indexing reads. dims: names of its dimensions, None where the file has none."""

    dims: tuple[str, ...] | None
    array: Any
    unit: str | None


@contextlib.contextmanager
def _variables(path: Path) -> Iterator[tuple[dict[str, Variable], dict[str, Any]]]:
    """The numeric variables of a file by name, and its attributes; the file is open inside."""
    kind = kind_of(path)
    if kind == "npz":
        raise Invalid(
            must="trajectories are in a format that can be read in parts",
            came=str(path),
            do="Write NetCDF, Zarr or HDF5: xarray.Dataset(...).to_netcdf(...).",
        )
    if not path.exists():
        raise Invalid(must="the file exists", came=f"no file {path}", do="Check the path.")
    with contextlib.ExitStack() as stack:
        try:
            found = _open_hdf5(path, stack) if kind == "hdf5" else _open_xarray(path, kind, stack)
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise Invalid(
                must=f"{path.suffix} files can be opened",
                came=f"{path}: {type(error).__name__}: {str(error)[:200]}",
                do="It is empty, truncated or of another kind than its name says: copy it again.",
            ) from None
        yield found


def _open_xarray(path: Path, kind: str, stack: contextlib.ExitStack) -> tuple[dict[str, Variable], dict[str, Any]]:
    import xarray

    # Times stay numbers in the unit of the file; only their steps count here.
    if kind == "zarr":
        dataset = stack.enter_context(xarray.open_zarr(path, consolidated=False, decode_times=False, chunks=None))
    else:
        dataset = stack.enter_context(xarray.open_dataset(path, decode_times=False))
    variables = {
        str(name): Variable(tuple(map(str, v.dims)), v, v.attrs.get("units"))
        for name, v in dataset.variables.items()
        if v.dtype.kind in "biuf" and v.dims
    }
    return variables, dict(dataset.attrs)


def _open_hdf5(path: Path, stack: contextlib.ExitStack) -> tuple[dict[str, Variable], dict[str, Any]]:
    import h5py

    file = stack.enter_context(h5py.File(path, "r"))
    variables: dict[str, Variable] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf" and item.shape:
            labels = tuple(str(dim.label or "") for dim in item.dims)
            unit = item.attrs.get("units")
            unit = unit.decode() if isinstance(unit, bytes) else unit
            variables[name] = Variable(labels if all(labels) else None, item, unit)

    file.visititems(visit)
    return variables, dict(file.attrs)


def _time(path: Path, variables: Mapping[str, Variable], said: str | None) -> str:
    if said is not None and said not in variables:
        raise unknown(f"the time coordinate of {path}", said, variables)
    name = said or next((n for n in TIME if n in variables), None)
    if name is None:
        raise Invalid(
            must="the times of the frames are in the file, called time or t",
            came=f"{path} with {', '.join(variables)}",
            do="Name them behind the file (flow.h5:time=t-coordinate), or add them.",
        )
    return name


def _axes(path: Path, variables: Mapping[str, Variable], keys: dict[str, str]) -> tuple[str, ...]:
    names = [keys.pop(axis, axis) for axis in AXES if axis in keys or axis in variables]
    return known_axes(path, names, variables, do="Name them behind the file (flow.nc:x=lon:y=lat), or add them.")


def _columns(
    path: Path,
    variables: Mapping[str, Variable],
    time: str,
    axes: tuple[str, ...],
    lengths: Mapping[str, int],
    keys: dict[str, str],
) -> list[Column]:
    """Every quantity on the grid, or those that are named, with what each of its dimensions is."""
    wanted, sample = keys.pop("values").split("+") if "values" in keys else None, keys.pop("sample", SAMPLE)
    columns: list[Column] = []
    for name in wanted if wanted is not None else (n for n in variables if n not in (time, *axes)):
        if name not in variables:
            raise unknown(f"a variable of {path}", name, [n for n in variables if n not in (time, *axes)])
        dims = _roles(variables[name], sample, time, axes, lengths)
        if dims is None:
            if wanted is not None:
                raise Invalid(
                    must=f"{name} has the axes {', '.join(axes)}, and at most time, samples and components besides",
                    came=f"{path}: {name} of shape {variables[name].array.shape} and dimensions {variables[name].dims}",
                    do="Name other values or coordinates behind the file.",
                )
            continue
        if "component" in dims:
            columns += [Column(name, dims, i) for i in range(_size(variables[name], dims, "component"))]
        else:
            columns.append(Column(name, dims))
    return columns


def _roles(
    variable: Variable, sample: str, time: str, axes: tuple[str, ...], lengths: Mapping[str, int]
) -> tuple[str, ...] | None:
    """Each dimension as sample, time, axis0 ..., component; None where the variable is not on the grid.

    A dimension of another name counts samples before the axes, components behind them. Without names of dimensions the
    lengths decide, in the order [sample, time, *axes, component].
    """
    known = {sample: SAMPLE, time: "time"} | {a: f"axis{i}" for i, a in enumerate(axes)}
    if variable.dims is not None and set(axes) <= set(variable.dims):
        first = min(variable.dims.index(a) for a in axes)
        roles = [known.get(d, SAMPLE if i < first else "component") for i, d in enumerate(variable.dims)]
        return tuple(roles) if roles.count(SAMPLE) <= 1 and roles.count("component") <= 1 else None
    if variable.dims is not None and set(variable.dims) & set(lengths):
        return None
    shape, grid = variable.array.shape, tuple(lengths[a] for a in axes)
    where = tuple(f"axis{i}" for i in range(len(axes)))
    for before in ((SAMPLE, "time"), ("time",), (SAMPLE,), ()):
        start = len(before)
        fits = shape[start : start + len(grid)] == grid and len(shape) - start - len(grid) in (0, 1)
        if fits and ("time" not in before or shape[start - 1] == lengths[time]):
            return before + where + ("component",) * (len(shape) - start - len(grid))
    return None


def _size(variable: Variable, dims: tuple[str, ...], role: str) -> int:
    return int(variable.array.shape[dims.index(role)]) if role in dims else 1


def _units(path: Path, variables: Mapping[str, Variable], columns: Sequence[Column], said: str) -> dict[str, str]:
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
