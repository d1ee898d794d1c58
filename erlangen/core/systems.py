"""The containers of the three scales: atoms, spins or electrons, fields.

Each is a frozen pytree with at most five fields. `x[name]` reads a named quantity and `x.replace(name=value)` returns a
copy, so that groups can act on any container through the declared quantities alone. Arrays may be NumPy or JAX.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .arrays import AnyArray


class System(eqx.Module):
    """What all containers share: reading and replacing quantities by name, and how many of everything there are."""

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Length of every axis that a quantity may have here (`Quantity.axes`)."""
        return {}

    @property
    def dimension(self) -> int:
        """Of the space in which vectors turn."""
        return 3

    @property
    def axes(self) -> tuple[tuple[str, str], ...]:
        """Name and unit of the coordinate along each axis of its grid; none where it has no grid."""
        return ()

    def coordinates(self, grid: tuple[int, ...]) -> tuple[np.ndarray, ...]:
        """Of `grid` points along each axis."""
        return ()

    @property
    def numbers(self) -> dict[str, np.ndarray]:
        """All arrays and numbers that it carries, by name."""
        found: dict[str, np.ndarray] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            for name, one in (value if isinstance(value, dict) else {field.name: value}).items():
                if np.shape(one) or isinstance(one, np.generic | int | float):
                    found[name] = np.asarray(one)
        return {name: value for name, value in found.items() if value.dtype.kind in "biufc"}

    def __getitem__(self, name: str) -> Any:
        for table in ("labels", "values", "parameters"):
            found = getattr(self, table, None)
            if isinstance(found, dict) and name in found:
                return found[name]
        return getattr(self, name)

    def replace(self, **quantities: Any) -> Self:
        """A copy in which the named quantities are exchanged; names may live in a field or inside a table of it."""
        changes: dict[str, Any] = {}
        for name, value in quantities.items():
            for table in ("labels", "values", "parameters"):
                found = changes.get(table, getattr(self, table, None))
                if isinstance(found, dict) and name in found:
                    changes[table] = {**found, name: value}
                    break
            else:
                changes[name] = value
        return dataclasses.replace(self, **changes)


class Atoms(System):
    """Molecules, crystals, proteins, slabs: points in space that carry an element.

    positions [n, 3] in Angstrom; atomic_numbers [n] (0 marks a padded place: no atom there);
    cell [3, 3] in Angstrom, rows are lattice vectors (zeros where not periodic); pbc [3] of bool;
    labels: further named quantities, e.g. charge, spin, residue names.
    """

    positions: Float[AnyArray, "n 3"]
    atomic_numbers: Int[AnyArray, " n"]
    cell: Float[AnyArray, "3 3"] = eqx.field(default_factory=lambda: np.zeros((3, 3)))
    pbc: Bool[AnyArray, " 3"] = eqx.field(default_factory=lambda: np.zeros(3, bool))
    labels: dict[str, Any] = eqx.field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        return {"atoms": np.shape(self.atomic_numbers), "lattice": (3,)}

    @property
    def mask(self) -> Bool[AnyArray, " n"]:
        """[n] of bool: where an atom really is."""
        return self.atomic_numbers > 0


class Compound(System):
    """A molecule by its bonds alone, without a place in space: how often fragments of each kind occur in it.

    values: name of the fingerprint -> counts [length]. Any order of its atoms gives the same counts, so that all
    compounds have one shape and relabelling changes nothing. A bond graph proper would need padding, and `Atoms` a
    geometry, which a measured activity does not come with.
    """

    values: dict[str, Int[AnyArray, " length"]]


class SpinLattice(System):
    """One configuration of spins 1/2 on a lattice.

    spins [sites] of +1/-1 (twice S_z). Bonds and couplings belong to the Hamiltonian (`physics.spins`), not to a
    sample; parameters: the coupling, where one answer covers a family of Hamiltonians.
    """

    spins: Int[Array, " sites"]
    parameters: dict[str, Float[AnyArray, ""] | float] = eqx.field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        return {"sites": np.shape(self.spins)}


class Electrons(System):
    """Walkers of electrons in the field of fixed nuclei.

    electrons [n, 3] and nuclei [m, 3] in Bohr; charges [m] in e; n_up: the first n_up electrons have spin up.
    """

    electrons: Float[AnyArray, "n 3"]
    nuclei: Float[AnyArray, "m 3"]
    charges: Float[AnyArray, " m"]
    n_up: int = eqx.field(static=True, default=0)

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        return {"electrons": np.shape(self.electrons)[:1]}


class Field(System):
    """Values on a uniform grid.

    values: name -> array [n_x(, n_y(, n_z))(, components)]; spacing: grid spacing along each axis;
    boundary (static): "periodic", where the last point is one spacing before the first of the next period; "walls",
    where the first and last points lie on them; or "sphere": x is the longitude, periodic, y the latitude from south to
    north, at the centres of equal intervals, both in radians, and components are (east, north);
    parameters: name -> scalar (viscosity, ...), in the units which the task declares.
    """

    values: dict[str, Float[AnyArray, "..."]]
    spacing: tuple[float, ...] = eqx.field(static=True)
    boundary: str = eqx.field(static=True, default="periodic")
    parameters: dict[str, Float[AnyArray, ""] | float] = eqx.field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        return {"grid": np.shape(next(iter(self.values.values())))[: len(self.spacing)]}

    @property
    def dimension(self) -> int:
        return len(self.spacing)

    @property
    def lengths(self) -> tuple[float, ...]:
        """Of the domain along each axis."""
        points = next(iter(self.values.values())).shape
        closed = self.boundary == "walls"  # both ends are nodes: one interval less than there are nodes
        return tuple(float((n - closed) * h) for n, h in zip(points, self.spacing))

    @property
    def axes(self) -> tuple[tuple[str, str], ...]:
        """Name and unit of the coordinate along each axis."""
        if self.boundary == "sphere":
            return ("longitude", "rad"), ("latitude", "rad")
        return tuple((f"position {name}", "L") for name in "xyz"[: len(self.spacing)])

    def coordinates(self, grid: tuple[int, ...]) -> tuple[Float[np.ndarray, " points"], ...]:
        """Of `grid` points along each axis; they start from 0, latitudes half an interval from the south pole."""
        first = [0.0 for _ in self.spacing]
        if self.boundary == "sphere":
            first[1] = (self.spacing[1] - np.pi) / 2
        return tuple(np.arange(n) * h + start for n, h, start in zip(grid, self.spacing, first))
