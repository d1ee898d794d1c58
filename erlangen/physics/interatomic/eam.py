"""The embedded atom method from tables: any metal or alloy whose potential is published as a file.

    E = sum_i F_i(rho_i) + 1/2 sum_{i /= j} phi_ij(r_ij),      rho_i = sum_j f_j(r_ij)

F: embedding energy, f: density that a neighbour brings, phi: pair interaction. Daw and Baskes 1984,
doi:10.1103/PhysRevB.29.6443. Between the points of the tables: cubic splines without a knot at the last point but one
at either end, as ASE's EAM has them (LAMMPS takes slopes from neighbouring points instead). Embedding energies go on in
a straight line beyond the table. Files: `data.setfl_files`.
"""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from erlangen.core.arrays import AnyArray
from erlangen.core.errors import Invalid
from erlangen.numerics.neighbours import Neighbours

from .law import Law


@dataclasses.dataclass(frozen=True)
class Tables:
    """An embedded atom potential at equidistant points from 0, in steps of dr [A] and of drho.

    embedding: F [eV]; density: f; pair: r phi [eV A], symmetric in the elements.
    """

    elements: tuple[int, ...]
    cutoff: float
    dr: float
    drho: float
    embedding: Float[np.ndarray, "elements m"]
    density: Float[np.ndarray, "elements k"]
    pair: Float[np.ndarray, "elements elements k"]

    def __post_init__(self) -> None:
        count, points = len(self.elements), self.density.shape[-1]
        shapes = (self.embedding.shape[:1], self.density.shape, self.pair.shape)
        if shapes != ((count,), (count, points), (count, count, points)) or min(points, self.embedding.shape[1]) < 5:
            raise Invalid(
                must="tables of an embedded atom potential are for as many elements as it has, with 5 points at least",
                came=f"{count} elements, embedding {self.embedding.shape}, density and pair {shapes[1:]}",
                do="Look at where they are made.",
            )
        finite = all(np.all(np.isfinite(table)) for table in (self.embedding, self.density, self.pair))
        if not (finite and self.dr > 0 and self.drho > 0 and 0 < self.cutoff <= points * self.dr * (1 + 1e-6)):
            raise Invalid(
                must="tables are finite, their steps positive, and they reach to the cutoff",
                came=f"dr {self.dr:g} A, drho {self.drho:g}, {points} points, cutoff {self.cutoff:g} A",
                do="Check the header of the file.",
            )


class EmbeddedAtom(Law):
    """The law of a set of tables: `EmbeddedAtom.of(tables)`. Splines hold 4 coefficients per interval and a last one
    that is straight.
    """

    elements: tuple[int, ...] = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    dr: float = eqx.field(static=True)
    drho: float = eqx.field(static=True)
    embedding: Float[AnyArray, "elements m 4"]
    density: Float[AnyArray, "elements k 4"]
    pair: Float[AnyArray, "elements elements k 4"]

    @classmethod
    def of(cls, tables: Tables) -> EmbeddedAtom:
        """Splines through the points."""
        r = tables.dr * np.arange(tables.density.shape[-1])
        rho = tables.drho * np.arange(tables.embedding.shape[-1])
        phi = tables.pair / np.maximum(r, tables.dr)  # r phi says nothing about phi at 0, which is left out below
        return cls(
            elements=tables.elements,
            cutoff=tables.cutoff,
            dr=tables.dr,
            drho=tables.drho,
            embedding=coefficients(rho, tables.embedding),
            density=coefficients(r, tables.density),
            pair=coefficients(r, phi, first=1),
        )

    def among(self, atomic_numbers: Int[AnyArray, " n"], near: Neighbours) -> Float[Array, " n"]:
        """Embedding, and half of each pair."""
        own = jnp.argmax(jnp.asarray(atomic_numbers)[:, None] == jnp.array(self.elements), 1)
        sent = jnp.broadcast_to(near.at_senders(own), near.mask.shape)
        f = spline(self.density, (sent,), near.distances, self.dr)
        phi = spline(self.pair, (own[:, None], sent), near.distances, self.dr)
        rho = jnp.sum(jnp.where(near.mask, f, 0.0), 1)
        return spline(self.embedding, (own,), rho, self.drho) + 0.5 * jnp.sum(jnp.where(near.mask, phi, 0.0), 1)


def coefficients(
    x: Float[np.ndarray, " k"], y: Float[np.ndarray, "*c k"], first: int = 0
) -> Float[np.ndarray, "*c k 4"]:
    """Of (x - x_i)^0..3 in each interval: a cubic spline through the points from `first` on, then a straight line."""
    from scipy.interpolate import CubicSpline

    curve = CubicSpline(x[first:], y[..., first:], axis=-1)
    orders = [curve(x, nu) / factorial for nu, factorial in enumerate((1, 1, 2, 6))]
    found = np.stack(orders, -1)
    found[..., -1, 2:] = 0.0
    return found


def spline(
    table: Float[AnyArray, "*c k 4"], which: tuple[Int[Array, "*n"], ...], x: Float[Array, "*n"], step: float
) -> Float[Array, "*n"]:
    """Values at x of the curves `which` of a table."""
    table = jnp.asarray(table, x.dtype)
    place = jnp.clip(jnp.floor(x / step), 0, table.shape[-2] - 1)
    c = table[(*which, place.astype(jnp.int32))]
    t = x - place * step
    return c[..., 0] + t * (c[..., 1] + t * (c[..., 2] + t * c[..., 3]))
