"""Which dimension of an array is which: samples, times, axes of the grid, components.

    layout = layout_of(path, variables, attributes, keys)      # keys: what is said behind the name of the file
    roles = layout.roles(variable)                             # ("sample", "time", "axis0", ..., "component") or None
    layout.arranged(variable, roles, sample=0)                 # [time, *axes, *components], coordinates ascending

Names of dimensions decide where the file has them. Without names the lengths do, in one of the orders that are in use,

    [sample, time, *axes, component]   [sample, *axes, time]   [sample, time, component, *axes]

where samples, times and components may be missing, and the list of times may have one entry more than the array
(PDEBench: Takamoto et al. 2022, arXiv:2210.07182). Where more than one order fits, the file is refused: `dims` says it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..core.arrays import AnyArray
from ..core.errors import Invalid, unknown
from .array_files import BOUNDARY, Variable, Variables

AXES = ("x", "y", "z")
SAMPLE, TIME, SINGLE, COMPONENT = "sample", "time", "single", "component"
WORDS = ("values", TIME, SAMPLE, *AXES, "units", BOUNDARY, "dims")  # behind the name of a file of fields
PERIODIC, OPEN = "periodic", "open"
SAME_BOUNDARY = {"wall": "walls", "closed": "walls"}
NAMES = {  # of coordinates: as written here, in PDEBench, in The Well
    **{axis: (axis, f"{axis}-coordinate", f"dimensions/{axis}") for axis in AXES},
    TIME: ("time", "t", "t-coordinate", "dimensions/time"),
}
Roles = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Axis:
    """A coordinate of a file. dim: the dimension that it runs along; step: 0 where it has one point only, and is left
    out; is_down: the file lists it from its upper end."""

    word: str
    name: str
    dim: str
    length: int
    step: float
    is_down: bool = False


@dataclasses.dataclass(frozen=True)
class Layout:
    """Coordinates of a file. dims: names of the dimensions of arrays that have none, () where nothing is said."""

    path: Path
    points: tuple[Axis, ...]  # of the grid, also those of one point
    time: Axis | None
    sample: str
    dims: tuple[str, ...]
    boundary: str

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Those of more than one point."""
        return tuple(axis for axis in self.points if axis.step)

    @property
    def grid(self) -> tuple[int, ...]:
        """Points along each axis."""
        return tuple(axis.length for axis in self.axes)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance of neighbours along each axis."""
        return tuple(axis.step for axis in self.axes)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the variables that are coordinates."""
        return tuple(a.name for a in (*self.points, *([self.time] if self.time else [])))

    @property
    def _on_grid(self) -> Roles:
        places = {axis.name: f"axis{i}" for i, axis in enumerate(self.axes)}
        return tuple(places.get(axis.name, SINGLE) for axis in self.points)

    def roles(self, variable: Variable) -> Roles | None:
        """What each dimension of a variable is; None where it is not on the grid, or more than can be told apart."""
        dims = self.dims if len(self.dims) == len(variable.shape) else variable.dims
        if dims is None:
            return self._by_length(variable)
        known = dict(zip((a.dim for a in self.points), self._on_grid))
        if dims is self.dims:
            known |= dict(zip((a.word for a in self.points), self._on_grid)) | {TIME: TIME, SAMPLE: SAMPLE}
        known |= {self.time.dim: TIME} if self.time else {}
        known |= {self.sample: SAMPLE, COMPONENT: COMPONENT}
        places = [i for i, d in enumerate(dims) if known.get(d, "").startswith(("axis", SINGLE))]
        if len(places) < len(self.points):
            return None if places or set(dims) & set(known) else self._by_length(variable)
        taken = {known[d] for d in dims if d in known}
        roles = []
        for i, (dim, length) in enumerate(zip(dims, variable.shape)):
            role = known.get(dim, COMPONENT if i > places[0] else SAMPLE)
            role = SINGLE if dim not in known and length == 1 and role in taken else role
            if role in roles and role != COMPONENT and role != SINGLE:
                return None
            roles.append(role)
            taken.add(role)
        return tuple(roles) if any(self._has_lengths(variable.shape, tuple(roles), fewer=k) for k in (0, 1)) else None

    def _by_length(self, variable: Variable) -> Roles | None:
        """By the lengths alone, where one order fits; refused where several do."""
        grid, more = self._on_grid, (COMPONENT,)
        timed = [
            *((*before, *grid, *after) for before in ((SAMPLE, TIME), (TIME,)) for after in ((), more)),
            (SAMPLE, TIME, *more, *grid),
            *((*before, *grid, TIME) for before in ((SAMPLE,), ())),
        ]
        plain = [(*before, *grid, *more * k) for before in ((SAMPLE,), ()) for k in range(3)]
        for orders, fewer in ((timed if self.time else [], 0), (timed if self.time else [], 1), (plain, 0)):
            fit = [order for order in orders if self._has_lengths(variable.shape, order, fewer=fewer)]
            if len(fit) > 1:
                names = dict(zip(grid, (a.word for a in self.points)))
                ways = [[names.get(role, role) for role in order] for order in fit]
                raise Invalid(
                    must="the order of the dimensions is known: they have names, or their lengths leave one order",
                    came=f"{variable.path}: {variable.name} of shape {variable.shape} may be "
                    + " or ".join(f"[{', '.join(way)}]" for way in ways),
                    do=f"Say it behind the name of the file: {variable.path.name}:dims={'+'.join(ways[0])}",
                )
            if fit:
                return fit[0]
        return None

    def _has_lengths(self, shape: Sequence[int], order: Roles, *, fewer: int = 0) -> bool:
        lengths = {f"axis{i}": n for i, n in enumerate(self.grid)} | {SINGLE: 1}
        if self.time and fewer:
            lengths[TIME] = self.time.length - fewer
        elif self.time:
            lengths[TIME] = self.time.length
        return len(order) == len(shape) and all(lengths.get(role, n) == n for role, n in zip(order, shape))

    def arranged(
        self,
        variable: Variable,
        roles: Roles,
        *,
        sample: int | slice = slice(None),
        time: slice = slice(None),
        component: int | slice = slice(None),
    ) -> Float[np.ndarray, "..."]:
        """[sample, time, *axes, *components], without those that it has not or of which one is asked for; ascending."""
        place = {SAMPLE: sample, TIME: time, COMPONENT: component, SINGLE: 0}
        values = variable.read(*(place.get(role, slice(None)) for role in roles))
        left = [role for role in roles if not isinstance(place.get(role), int)]
        wanted = [SAMPLE, TIME, *(f"axis{i}" for i in range(len(self.axes)))]
        order = [left.index(role) for role in wanted if role in left]
        values = np.transpose(values, order + [i for i, role in enumerate(left) if role == COMPONENT])
        first = len(order) - len(self.axes)
        return np.flip(values, tuple(first + i for i, axis in enumerate(self.axes) if axis.is_down))

    def as_in_file(self, values: AnyArray, roles: Roles) -> np.ndarray:
        """The inverse for values [sample, time, *axes, *components] (a length of 1 for what the file has not)."""
        down = tuple(2 + i for i, axis in enumerate(self.axes) if axis.is_down)
        values = np.flip(np.asarray(values), down)
        outer = [i for i, role in enumerate((SAMPLE, TIME)) if role not in roles]
        values = np.squeeze(values, tuple(outer))
        wanted = [role for role in (SAMPLE, TIME, *(f"axis{i}" for i in range(len(self.axes)))) if role in roles]
        kept = [role for role in roles if role not in (COMPONENT, SINGLE)]
        order = [wanted.index(role) for role in kept]
        values = np.transpose(values, order + list(range(len(order), values.ndim)))
        for i, role in enumerate(role for role in roles if role != COMPONENT):
            values = np.expand_dims(values, i) if role == SINGLE else values
        return values


def layout_of(path: Path, variables: Variables, attributes: Mapping[str, object], keys: Mapping[str, str]) -> Layout:
    """Coordinates, samples and boundary of a file; refused where there are no coordinates, or uneven ones."""
    points = []
    for word in AXES:
        name = _coordinate(path, variables, keys, word)
        if name is not None:
            points.append(_axis(path, word, variables[name]))
    if not any(axis.step for axis in points):
        raise Invalid(
            must="coordinates of the grid are in the file, called x, y, z",
            came=f"{path} with {', '.join(variables)}",
            do=f"Name them behind the file ({path.name}:x=lon:y=lat), or add arrays x, y, z.",
        )
    name, times = _coordinate(path, variables, keys, TIME), None
    if name is not None and keys.get(SAMPLE, SAMPLE) not in (name, _dim(variables[name])):
        times = Axis(TIME, name, _dim(variables[name]), variables[name].shape[-1], 0.0)
    on_earth = any(axis.name.lower().startswith(("lat", "lon")) for axis in points)  # a map ends at poles or edges
    usual = OPEN if on_earth else PERIODIC
    boundary = str(keys.get(BOUNDARY, attributes.get(BOUNDARY, usual))).strip().lower()
    dims = tuple(keys["dims"].split("+")) if "dims" in keys else ()
    return Layout(path, tuple(points), times, keys.get(SAMPLE, SAMPLE), dims, SAME_BOUNDARY.get(boundary, boundary))


def _coordinate(path: Path, variables: Variables, keys: Mapping[str, str], word: str) -> str | None:
    """Its name in the file: what is said ("": it has none), or the first of those that are in use."""
    said = keys.get(word)
    if said == "":
        return None
    if said is not None and said not in variables:
        what = "the time coordinate" if word == TIME else "a coordinate"
        raise unknown(f"{what} of {path}", said, variables)
    return said or next((name for name in NAMES[word] if name in variables), None)


def _dim(variable: Variable) -> str:
    return variable.dims[-1] if variable.dims else variable.name


def _axis(path: Path, word: str, variable: Variable) -> Axis:
    if variable.shape == (1,):
        return Axis(word, variable.name, _dim(variable), 1, 0.0)
    values = np.asarray(variable.read(), float)
    is_down = values.ndim == 1 and len(values) > 0 and bool(values[0] > values[-1])
    step = uniform_step(path, variable.name, values[::-1] if is_down else values)
    return Axis(word, variable.name, _dim(variable), len(values), step, is_down)


def uniform_step(path: Path, name: str, values: AnyArray) -> float:
    """The step between values of a coordinate; refused where it is not one and the same."""
    values = np.asarray(values, float)
    steps = np.diff(values) if values.ndim == 1 else np.zeros(0)
    if not len(steps) or not np.all(np.isfinite(values)) or steps[0] <= 0:
        raise Invalid(
            must="a coordinate is an ascending list of at least two numbers",
            came=f"{path}: {name} of shape {values.shape}, starting {np.ravel(values)[:3]}",
            do="Correct the coordinate.",
        )
    # Single-precision coordinates carry rounding of the size of the largest value, not of the step.
    if np.max(np.abs(steps - steps.mean())) > 1e-4 * steps.mean() + 4e-7 * np.max(np.abs(values)):
        raise Invalid(
            must="grids are uniform",
            came=f"{path}: steps of {name} range from {steps.min():g} to {steps.max():g}",
            do="Interpolate to a uniform grid first.",
        )
    return float(steps.mean())


def finite(path: Path, name: str, values: AnyArray, where: str) -> None:
    """Refuse NaN and infinite numbers, with the place of the first."""
    if not np.all(np.isfinite(values)):
        raise Invalid(
            must="values are finite numbers",
            came=f"{path}: {name}{where}",
            do="Leave that sample out (land masks and blown-up solutions are the usual causes).",
        )
