"""Fields from foreign files and back: HDF5, NetCDF, Zarr and npz.

    read_fields(path, values=None, *, axes=None, samples=None, units=None) -> list[Field]
    write_fields(path, fields, extra=None, *, units=None) -> None
    read_states(source, values) -> States        every state of every trajectory, and its place in the file

What erlangen writes are plain self-describing files: one dimension `sample`, one per axis (x, y, z) with its
coordinate, one array [sample, x(, y(, z))(, component)] per quantity with its `units`, parameters as arrays [sample].
What dimensions of other files are says `data.grid_layout`; whatever it has to be told stands behind the name of the
file, flow.h5:values=u+v:x=lon:y=lat:boundary=walls.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.arrays import AnyArray
from ..core.errors import Invalid, unknown
from ..core.systems import Field
from . import limits
from .array_files import BOUNDARY, Arrays, Variable, Variables, opened, write_arrays, write_beside
from .grid_layout import AXES, COMPONENT, SAMPLE, TIME, WORDS, Layout, Roles, finite, layout_of
from .sources import Source


@dataclasses.dataclass(frozen=True)
class Place:
    """A quantity in a file: its variable, what each dimension is, and which of its components (None: all)."""

    variable: Variable
    roles: Roles
    component: int | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class States:
    """Every state in a file. columns[name]: [samples, times, *grid, *components], one of each where a quantity does not
    depend on it; roles: of the dimensions of the first in the file; times: coordinate, () where there is none.
    """

    path: Path
    layout: Layout
    columns: Mapping[str, np.ndarray]
    places: Mapping[str, Place]
    parameters: Mapping[str, np.ndarray]  # [samples, times], likewise
    times: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Samples, and times of each."""
        lengths = [values.shape[:2] for values in (*self.columns.values(), *self.parameters.values())]
        return max(n for n, _ in lengths), max(n for _, n in lengths)

    @property
    def fields(self) -> list[Field]:
        """All times of the first sample, then those of the second."""
        samples, times = self.shape
        return [self.field(i, k) for i in range(samples) for k in range(times)]

    def field(self, sample: int, time: int) -> Field:
        """One state."""

        def at(values: np.ndarray) -> np.ndarray:
            return values[sample % len(values), time % values.shape[1]]

        parameters = {name: at(values).item() for name, values in self.parameters.items()}
        values: dict[str, AnyArray] = {name: at(column) for name, column in self.columns.items()}
        return Field(values, self.layout.spacing, self.layout.boundary, parameters)


@limits.foreign
def read_states(
    source: Source, values: Sequence[str] | None, units: Mapping[str, str], *, times: slice = slice(None)
) -> States:
    """values: names of the quantities, for which others may stand behind the name of the file; None: all on the grid.

    units: what each is expected in; a file that states another unit is refused. A quantity v_1 is component 1 of v
    where no array has that name.
    """
    path, keys = source.path, dict(source.keys)
    with opened(path) as (variables, attributes):
        layout = layout_of(path, variables, attributes, keys)
        places = _places(path, variables, layout, values, keys.get("values"))
        if not places:
            raise Invalid(
                must=f"some array has the axes {_axes(layout)}",
                came=f"{path} with {_shapes(variables)}",
                do=f"Name arrays and coordinates behind the file: {path.name}:values=u:x=lon",
            )
        said = source.units.split(",") if source.units else []
        if len(said) not in (0, 1, len(places)):
            came, do = f"{path}: {source.units}", "Join them by +, as in units=m/s+K."
            raise Invalid(must=f"there is one unit for all, or one for each of {', '.join(places)}", came=came, do=do)
        for i, (here, place) in enumerate(places.items()):
            _check_unit(path, here, said[i % len(said)] if said else place.variable.unit, units)
        columns = {here: _column(layout, place, times) for here, place in places.items()}
        counts = {here: column.shape[:2] for here, column in columns.items()}
        for k, what in enumerate((f"{SAMPLE}s", "times")):
            if len({n[k] for n in counts.values()} - {1}) > 1:
                came = f"{path}: { {here: n[k] for here, n in counts.items()} }"
                raise Invalid(
                    must=f"all variables have the same number of {what}", came=came, do="Read them one by one."
                )
        shape = tuple(max(n[k] for n in counts.values()) for k in (0, 1))
        _check_finite(path, columns)
        parameters = {n: np.full((1, 1), v) for n, v in numbers(attributes).items()}
        parameters |= {n: variables[n].read()[:, None] for n in parameters_of(variables, layout, shape[0])}
        at = variables[layout.time.name].read() if layout.time else np.zeros(0)
    return States(path, layout, columns, places, parameters, at)


@limits.foreign
def read_fields(
    path: str | os.PathLike[str],
    values: Sequence[str] | None = None,
    *,
    axes: Sequence[str] | None = None,
    samples: str | None = None,
    units: Mapping[str, str] | None = None,
) -> list[Field]:
    """All samples of a file of fields on a uniform grid, as `Field` containers of NumPy arrays.

    values: names of the quantities; default: every array that has all axes. axes: names of the coordinates, in the
    order of the grid; default: those of x, y, z that are there. samples: name of the dimension that counts samples;
    default "sample", or the only leading dimension that is not an axis. Coordinates must be uniform; their step is the
    spacing; they are turned to ascend. units: what each quantity is expected in, e.g. {"u": "m/s"}; a file that states
    another unit is refused. Of trajectories every state is a sample.
    """
    source = Source.parse(path).only(*WORDS)
    said = (dict.fromkeys(AXES, "") | dict(zip(AXES, axes)) if axes else {}) | ({SAMPLE: samples} if samples else {})
    if values is None and "values" in dict(source.keys):
        values = dict(source.keys)["values"].split("+")
    return read_states(source.filled(None, said, None), values, units or {}).fields


def write_fields(
    path: str | os.PathLike[str],
    fields: Sequence[Field],
    extra: Sequence[Mapping[str, Any]] | None = None,
    *,
    units: Mapping[str, str] | None = None,
) -> None:
    """Write fields of one grid; extra[i]: further arrays on the grid of sample i (predictions, ends of intervals);
    units: name of a quantity or axis -> unit.

    The file appears under its name only when it is complete.
    """
    arrays, attributes = _tables(fields, extra)
    write_arrays(Path(path), arrays, attributes, units or {})


def write_answers(path: Path, states: States, values: Sequence[Mapping[str, Any]], units: Mapping[str, str]) -> None:
    """The file of `states` with further values on its grid, one mapping per state, in the order of its dimensions."""
    samples, times = states.shape
    roles, dims = _widest(states)
    taken = [name for name in values[0] if name in _names(states.path)]
    if taken:
        raise Invalid(
            must="the names of predictions are free",
            came=f"{states.path}, which holds {', '.join(taken)}",
            do="Rename these arrays, or ask for the file without them.",
        )
    arrays: Arrays = {}
    for name in values[0]:
        stacked = np.stack([np.asarray(one[name]) for one in values])
        shaped = states.layout.as_in_file(stacked.reshape(samples, times, *stacked.shape[1:]), roles)
        more = [f"{name}_component{i or ''}" for i in range(shaped.ndim - len([r for r in roles if r != COMPONENT]))]
        arrays[name] = ((*dims, *more) if dims else None, shaped)
    write_beside(states.path, path, arrays, {n: u for n, u in units.items() if n in arrays})


def numbers(attributes: Mapping[str, object]) -> dict[str, float]:
    """The attributes that are numbers: parameters of all samples."""
    return {n: v for n, v in attributes.items() if isinstance(v, int | float) and not isinstance(v, bool)}


def _widest(states: States) -> tuple[Roles, tuple[str, ...] | None]:
    """Dimensions of what depends on everything that any quantity does, components left out; names where there are."""
    found = [
        [(role, p.variable.dims and p.variable.dims[i]) for i, role in enumerate(p.roles) if role != COMPONENT]
        for p in states.places.values()
    ]
    widest = max(found, key=len)
    own = {role: dim for one in found for role, dim in one}
    there = {role for role, _ in widest}
    more = [(r, own[r]) for r, n in zip((SAMPLE, TIME), states.shape) if n > 1 and r in own and r not in there]
    roles, dims = zip(*more, *widest)
    return roles, dims if all(dims) else None


def _names(path: Path) -> list[str]:
    with opened(path) as (variables, _):
        return list(variables)


def on_grid(variables: Variables, layout: Layout) -> list[str]:
    """Names of real arrays that have all axes."""
    candidates = (v for n, v in variables.items() if n not in layout.coordinates and v.array.dtype.kind in "biuf")
    return [v.name for v in candidates if layout.roles(v) is not None]


def placed(path: Path, variables: Variables, layout: Layout, name: str) -> tuple[Variable, Roles]:
    """A variable and what its dimensions are; refused where it is not on the grid."""
    if name not in variables:
        raise unknown(f"a variable of {path}", name, [n for n in variables if n not in layout.coordinates])
    variable = variables[name]
    roles = layout.roles(variable)
    if roles is None:
        dims = f" and dimensions {variable.dims}" if variable.dims else ""
        if variable.dims and layout.sample not in (SAMPLE, *variable.dims):
            raise unknown(f"a dimension of {name} in {path}", layout.sample, variable.dims)
        raise Invalid(
            must=f"{name} has the axes {_axes(layout)}, and at most samples, time and components besides",
            came=f"{path}: {name} of shape {variable.shape}{dims}",
            do=f"Name other values or coordinates, or its dimensions: {path.name}:dims=sample+time+x",
        )
    if layout.sample != SAMPLE and SAMPLE not in roles:
        raise unknown(f"a dimension of {name} in {path}", layout.sample, variable.dims or ())
    return variable, roles


def _places(
    path: Path, variables: Variables, layout: Layout, values: Sequence[str] | None, said: str | None
) -> dict[str, Place]:
    """Where each quantity is: by its name, by the name of a variable without separators, or as a component."""
    if values is None:
        names = said.split("+") if said else on_grid(variables, layout)
        return {name: Place(*placed(path, variables, layout, name)) for name in names}
    own = {plain(name): name for name in variables}
    found: dict[str, Place] = {}
    for name in said.split("+") if said else values:
        stem, _, number = name.rpartition("_")
        if name not in variables and plain(name) not in own and stem in own and number.isdigit():
            found[name] = Place(*placed(path, variables, layout, own[stem]), int(number))
        else:
            found[name] = Place(*placed(path, variables, layout, name if name in variables else own.get(name, name)))
    if said and len(values) > len(found):  # components of what is named
        found = {f"{n}_{i}": Place(p.variable, p.roles, i) for n, p in found.items() for i in range(_components(p))}
    if len(found) != len(values):
        raise Invalid(
            must=f"values name one array, or component, for each of {', '.join(values)}",
            came=f"{path}: {said}",
            do="Join them by +, as in values=u+v.",
        )
    return dict(zip(values, found.values()))


def plain(name: str) -> str:
    """A name in a file without separators."""
    return name.replace("/", "_").replace("-", "_").replace(" ", "_")


def _components(place: Place) -> int:
    return place.variable.shape[place.roles.index(COMPONENT)] if COMPONENT in place.roles else 1


def _column(layout: Layout, place: Place, times: slice) -> np.ndarray:
    component = slice(None) if place.component is None else place.component
    values = layout.arranged(place.variable, place.roles, time=times, component=component)
    return np.expand_dims(values, [i for i, role in enumerate((SAMPLE, TIME)) if role not in place.roles])


def parameters_of(variables: Variables, layout: Layout, count: int) -> tuple[str, ...]:
    """Names of the arrays that hold one number for each sample."""
    others = {axis.dim for axis in layout.points} | ({layout.time.dim} if layout.time else set())
    return tuple(
        name
        for name, v in variables.items()
        if v.shape == (count,) and v.array.dtype.kind in "biuf" and name not in layout.coordinates
        if v.dims is None or not others & set(v.dims)
    )


def _check_finite(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    for name, column in columns.items():
        bad = ~np.isfinite(column.reshape(len(column), -1)).all(axis=1)
        where = f" has NaN or infinite values in {bad.sum()} samples, as in sample {bad.argmax()}"
        finite(path, name, column, where)


def _check_unit(path: Path, name: str, stated: str | None, expected: Mapping[str, str]) -> None:
    if stated and expected.get(name, stated) != stated:
        raise Invalid(
            must=f"{name} is in {expected[name]}",
            came=f"{path} states {stated!r}",
            do="Convert the file, or ask for its unit.",
        )


def _axes(layout: Layout) -> str:
    return " x ".join(
        f"{axis.name} ({axis.length})" for axis in (*([layout.time] if layout.time else []), *layout.axes)
    )


def _shapes(variables: Variables) -> str:
    return ", ".join(f"{name} {v.shape}" for name, v in variables.items()) or "no arrays"


def _tables(fields: Sequence[Field], extra: Sequence[Mapping[str, Any]] | None) -> tuple[Arrays, dict[str, Any]]:
    if not fields:
        raise Invalid(must="there is a field to write", came="none", do="Pass at least one.")
    first = fields[0]
    shapes = {n: np.shape(v) for n, v in first.values.items()}
    for i, field in enumerate(fields):
        if {n: np.shape(v) for n, v in field.values.items()} != shapes or field.spacing != first.spacing:
            raise Invalid(
                must="all fields of one file share their grid",
                came=f"field {i} differs from field 0",
                do="Write one file per grid.",
            )
    more = list(extra) if extra is not None else [{}] * len(fields)
    if len(more) != len(fields):
        raise Invalid(must="there is one set of extra values per field", came=str(len(more)), do="Pass one per field.")
    taken = [
        name
        for name in [*shapes, *first.parameters, *more[0]]
        if name in (*AXES, BOUNDARY, "units", "dimensions", "file")
    ]
    if taken:
        raise Invalid(
            must="quantities have names of their own", came=f"{taken}, which name the grid", do="Rename them."
        )
    d = len(first.spacing)
    grid = next(iter(shapes.values()))[:d]
    arrays: Arrays = {n: ((n,), points) for n, points in zip(AXES, first.coordinates(grid))}
    for name in [*first.values, *more[0]]:
        stacked = np.stack([np.asarray({**f.values, **e}[name]) for f, e in zip(fields, more)])
        components = [f"{name}_component{i or ''}" for i in range(stacked.ndim - 1 - d)]
        arrays[name] = ((SAMPLE, *AXES[:d], *components), stacked)
    for name in first.parameters:
        arrays[name] = ((SAMPLE,), np.asarray([np.asarray(f.parameters[name]) for f in fields]))
    return arrays, {BOUNDARY: first.boundary}
