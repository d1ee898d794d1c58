"""Relaxed structures on any surface, in compiled code: positions, or positions and cell, many structures at once.

    r = u exp(L),   h = h0 exp(L),   minimise  E(r, h) + P V  over u and the symmetric L

L is the logarithm of the deformation (as in ASE's FrechetCellFilter): derivatives with respect to it go through the
matrix exponential. The rows of L are scaled by the number of atoms, so that one tolerance [eV/A] suits both. Symmetry
is kept by averaging the gradient over the space group of the start:  g'_pi(i) = mean_R R g_i,   L' = mean_R R L R^T.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..core.arrays import AnyArray
from ..core.errors import Invalid
from ..core.systems import Atoms
from ..numerics.cell_list import CellList, with_room
from ..numerics.following import Felt, Seen, felt, follow, look, precision_of
from ..numerics.mechanics import Surface
from ..numerics.minimisers import LBFGS, Fire, Found, Minimiser, minimise
from ..numerics.neighbour_lists import LABEL
from ..numerics.precision import double
from .dynamics import common_plan, side_by_side

SKIN = 0.5  # A
METHODS: dict[str, Minimiser] = {"lbfgs": LBFGS(), "fire": Fire()}


@dataclasses.dataclass(frozen=True)
class Relaxed:
    """A structure at rest, or as far as it came. energy [eV], forces [eV/A], stress [eV/A^3].

    steepest: the largest row of the generalised gradient [eV/A], what `tolerance` was for.
    """

    atoms: Atoms
    energy: float
    forces: Float[np.ndarray, "n 3"]
    stress: Float[np.ndarray, "3 3"]
    steepest: float
    steps: int
    converged: bool


class Operations(eqx.Module):
    """A space group in the frame of a crystal: rotations, and for each the atom that is moved onto atom i."""

    rotations: Float[AnyArray, "g 3 3"]
    origins: Int[AnyArray, "g n"]

    def averaged(self, forces: Float[Array, "n 3"], strain: Float[Array, "3 3"]) -> tuple[Array, Array]:
        """The part of both that does not break the symmetry."""
        r, rows = jnp.asarray(self.rotations, forces.dtype), jnp.asarray(forces)[jnp.asarray(self.origins)]
        return jnp.mean(jnp.einsum("gab,gnb->gna", r, rows), 0), jnp.mean(r @ strain @ jnp.swapaxes(r, 1, 2), 0)


def relax(
    surface: Surface,
    systems: Sequence[Atoms],
    *,
    cell: bool = False,
    symmetry: bool = False,
    pressure: float = 0.0,
    tolerance: float = 0.01,
    most: int = 1000,
    method: Literal["lbfgs", "fire"] = "lbfgs",
) -> list[Relaxed]:
    """Every system relaxed, side by side in one program; cell: its vectors too; pressure [eV/A^3].

    tolerance [eV/A]: 0.01-0.05 for geometries, 1e-4 for phonons (in float32 about 1e-3 is the least that is reached).
    """
    _check(surface, systems, cell=cell, tolerance=tolerance, method=method)
    groups = [operations(x) for x in systems] if symmetry else None
    n = max(len(x.atomic_numbers) for x in systems)
    x = side_by_side(systems, n)
    group = None if groups is None else _same_shape(groups, n)
    with double():
        cells = common_plan(surface, systems, SKIN)
        setting = _Setting(METHODS[method], tolerance, most, cell, pressure)

        def run(cells: CellList | None) -> tuple[tuple[Found, Felt, Atoms], Array]:
            found, felt, moved, short = _relaxed(surface, x, group, cells, setting)
            return (found, felt, moved), short

        (found, there, moved), _ = with_room(run, cells)  # type: ignore[arg-type]
        found, there, moved = jax.device_get((found, there, moved))
    if np.any(found.steps < 0):
        raise Invalid(
            must="a relaxation starts from a finite energy and finite forces",
            came=f"structure {int(np.argmin(found.steps)) + 1}: NaN or infinity",
            do="Look for atoms on top of each other, and for lengths in another unit than A.",
        )
    return [_of(systems[i], i, found, there, moved) for i in range(len(systems))]


def relaxed(surface: Surface, x: Atoms, *, cell: bool = False, tolerance: float = 1e-4, most: int = 2000) -> Atoms:
    """The minimum near `x`, positions alone or with its cell; warns where it was not reached."""
    (found,) = relax(surface, [x], cell=cell, tolerance=tolerance, most=most)
    if not found.converged:
        said = f"not at rest after {found.steps} steps: {found.steepest:.2g} eV/A are left of {tolerance:g}"
        warnings.warn(said, stacklevel=2)
    return found.atoms


def operations(x: Atoms, precision: float = 1e-3) -> Operations:
    """The space group of a crystal (spglib), as it acts on vectors [A] and on atoms."""
    import spglib

    if not np.all(x.pbc):
        raise Invalid(
            must="symmetry is kept of crystals, which repeat along all three axes",
            came=f"pbc {np.asarray(x.pbc).tolist()}",
            do="Leave out symmetry.",
        )
    h, numbers = np.asarray(x.cell, float), np.asarray(x.atomic_numbers)
    fractional = np.asarray(x.positions, float) @ np.linalg.inv(h)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spglib announces a change of its own error handling
        found = spglib.get_symmetry((h, fractional, numbers), symprec=precision)  # type: ignore[arg-type]
    if found is None:
        raise Invalid(must="spglib finds a space group", came="none", do="Look for atoms on top of each other.")
    w, shifts = np.asarray(found["rotations"], float), np.asarray(found["translations"], float)
    origins = np.empty((len(w), len(numbers)), np.int32)
    for g, (turn, shift) in enumerate(zip(w, shifts)):
        apart = (fractional @ turn.T + shift)[:, None] - fractional[None]
        distance = np.linalg.norm((apart - np.round(apart)) @ h, axis=-1) + 1e3 * (numbers[:, None] != numbers)
        origins[g, np.argmin(distance, 1)] = np.arange(len(numbers))
    # columns of h.T are lattice vectors: R = A W A^-1
    turns = h.T @ w @ np.linalg.inv(h.T)
    return Operations(turns, origins)


@dataclasses.dataclass(frozen=True)
class _Setting:
    minimiser: Minimiser
    tolerance: float
    most: int
    cell: bool
    pressure: float


@eqx.filter_jit
def _relaxed(
    surface: Surface, systems: Atoms, groups: Operations | None, cells: CellList | None, setting: _Setting
) -> tuple[Found, Felt, Atoms, Array]:
    """All of them, what is felt where they ended, and whether the list was too small."""

    def one(x: Atoms, group: Operations | None) -> tuple[Found, Felt, Atoms, Array]:
        r = jnp.asarray(x.positions)
        count = jnp.sum(jnp.asarray(x.atomic_numbers) > 0)

        def at(z: Float[Array, "m 3"]) -> Atoms:
            return _deformed(x, z, count) if setting.cell else x.replace(positions=z)

        def slope(z: Float[Array, "m 3"], seen: Seen | None) -> tuple[Array, Array, Seen | None]:
            # the list follows outside of the derivative
            _, seen = follow(at(jax.lax.stop_gradient(z)), cells, seen)
            value, g = jax.value_and_grad(lambda z: _enthalpy(surface, at(z), seen, setting.pressure))(z)
            return value, _symmetric(g, group, len(r)), seen

        z = jnp.concatenate([r, jnp.zeros((3, 3), r.dtype)]) if setting.cell else r
        seen = None if cells is None else look(x, cells)
        found = minimise(setting.minimiser, slope, z, seen, tolerance=setting.tolerance, most=setting.most)
        end = at(found.z)
        ready, seen = follow(end, cells, found.carried)
        short = jnp.zeros(4, bool) if seen is None else seen.listing.short
        return dataclasses.replace(found, carried=None), felt(surface, ready), end, short

    found, there, end, short = jax.vmap(one)(systems, groups)
    return found, there, end, jnp.any(short, 0)


def _deformed(x: Atoms, z: Float[Array, "m 3"], count: Int[Array, ""]) -> Atoms:
    """The last three rows of z are L times the number of atoms."""
    log = 0.5 * (z[-3:] + z[-3:].T) / count
    grown = _exponential(log)
    return x.replace(positions=z[:-3] @ grown, cell=jnp.asarray(x.cell, z.dtype) @ grown)


def _exponential(log: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    """exp(L) = exp(L / 16)^16 by eight terms of the series, exact to rounding for |L| < 3; polynomial, so that its
    derivative has no trouble where eigenvalues meet.
    """
    one = jnp.eye(3, dtype=log.dtype)
    grown = one
    for k in range(8, 0, -1):
        grown = one + log / 16 @ grown / k
    for _ in range(4):
        grown = grown @ grown
    return grown


def _enthalpy(surface: Surface, x: Atoms, seen: Seen | None, pressure: float) -> Float[Array, ""]:
    """E + P V, the energy in the precision of the surface."""
    r, cell = jnp.asarray(x.positions), jnp.asarray(x.cell)
    shown, dtype = x, precision_of(surface)
    if seen is not None:
        home = r - seen.wraps.astype(r.dtype) @ cell
        shown = Atoms(home, x.atomic_numbers, cell, x.pbc, {**x.labels, LABEL: seen.listing.pairs})
    shown = shown.replace(positions=shown.positions.astype(dtype), cell=shown.cell.astype(dtype))  # type: ignore[union-attr]
    energy = jnp.sum(surface.shares(shown).astype(r.dtype))
    return energy + pressure * jnp.abs(jnp.linalg.det(cell)) if pressure else energy


def _symmetric(g: Float[Array, "m 3"], group: Operations | None, n: int) -> Float[Array, "m 3"]:
    if group is None:
        return g
    strain = g[n:] if len(g) > n else jnp.zeros((3, 3), g.dtype)
    forces, strain = group.averaged(g[:n], strain)
    return jnp.concatenate([forces, strain])[: len(g)]


def _same_shape(groups: Sequence[Operations], n: int) -> Operations:
    """Groups of the same order, each repeated as a whole up to the least common multiple; ghosts stay in place."""
    order = int(np.lcm.reduce([len(g.rotations) for g in groups]))
    turns, origins = [], []
    for g in groups:
        own = np.broadcast_to(np.arange(n, dtype=np.int32), (len(g.rotations), n)).copy()
        own[:, : g.origins.shape[1]] = g.origins
        copies = order // len(own)
        turns.append(np.tile(np.asarray(g.rotations), (copies, 1, 1)))
        origins.append(np.tile(own, (copies, 1)))
    return Operations(np.stack(turns), np.stack(origins))


def _of(x: Atoms, i: int, found: Found, there: Felt, moved: Atoms) -> Relaxed:
    k = len(x.atomic_numbers)
    volume = abs(np.linalg.det(np.asarray(x.cell, float)))
    atoms = Atoms(np.asarray(moved.positions)[i, :k], x.atomic_numbers, np.asarray(moved.cell)[i], x.pbc)
    return Relaxed(
        atoms,
        float(np.asarray(there.energy)[i]),
        np.asarray(there.forces)[i, :k],
        np.asarray(there.stress)[i] if volume > 0 else np.zeros((3, 3)),
        float(np.max(np.linalg.norm(np.asarray(found.gradient)[i], axis=-1))),
        int(np.asarray(found.steps)[i]),
        bool(np.asarray(found.converged)[i]),
    )


def _check(surface: Surface, systems: Sequence[Atoms], *, cell: bool, tolerance: float, method: str) -> None:
    if not (tolerance > 0 and method in METHODS):
        raise Invalid(
            must="a relaxation has a positive tolerance and a known method",
            came=f"{tolerance:g} eV/A, {method!r}",
            do="Good values: 0.01 eV/A; lbfgs or fire.",
        )
    for x in systems:
        surface.check(surface.prepare(x))
        if cell and not np.all(x.pbc):
            raise Invalid(
                must="a cell can be relaxed where all its axes repeat",
                came=f"pbc {np.asarray(x.pbc).tolist()}",
                do="Relax the positions alone, or make the structure periodic.",
            )
