"""Collective variables: functions of positions along which a molecule is pushed or described.

    distance  |r_i - r_j| [A]       angle  at j, between i and k [rad]       dihedral  of i, j, k, l in (-pi, pi] [rad]

The dihedral is 0 for cis, pi for trans, and positive where, looking from j to k, the far bond is turned clockwise
(IUPAC). `period`: by which values are the same; None where they are not.
"""

from __future__ import annotations

import abc
import math
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.errors import Invalid, unknown


class Variable(eqx.Module):
    """A number that positions have; atoms are counted from 0."""

    atoms: tuple[int, ...] = eqx.field(static=True)

    count: ClassVar[int]
    period: ClassVar[float | None] = None

    @abc.abstractmethod
    def __call__(self, r: Float[Array, "n 3"]) -> Float[Array, ""]:
        """Its value."""

    def apart(self, s: Float[Array, "*k"], other: Float[Array, "*k"]) -> Float[Array, "*k"]:
        """s - other, along the shorter way around."""
        gap = s - other
        return gap if self.period is None else gap - self.period * jnp.round(gap / self.period)


class Distance(Variable):
    """|r_i - r_j|."""

    count: ClassVar[int] = 2

    def __call__(self, r: Float[Array, "n 3"]) -> Float[Array, ""]:
        i, j = self.atoms
        return jnp.linalg.norm(r[i] - r[j])


class Angle(Variable):
    """Between j -> i and j -> k."""

    count: ClassVar[int] = 3

    def __call__(self, r: Float[Array, "n 3"]) -> Float[Array, ""]:
        i, j, k = self.atoms
        a, b = r[i] - r[j], r[k] - r[j]
        return jnp.arctan2(jnp.linalg.norm(jnp.cross(a, b)), jnp.dot(a, b))


class Dihedral(Variable):
    """Between the planes i j k and j k l: atan2(|b| a . (b x c), (a x b) . (b x c)), a, b, c the bonds along the chain
    (Blondel and Karplus 1996, doi:10.1002/(SICI)1096-987X(19960715)17:9<1132::AID-JCC5>3.0.CO;2-T).
    """

    count: ClassVar[int] = 4
    period: ClassVar[float | None] = 2 * math.pi

    def __call__(self, r: Float[Array, "n 3"]) -> Float[Array, ""]:
        i, j, k, m = self.atoms
        a, b, c = r[j] - r[i], r[k] - r[j], r[m] - r[k]
        across = jnp.cross(b, c)
        return jnp.arctan2(jnp.linalg.norm(b) * jnp.dot(a, across), jnp.dot(jnp.cross(a, b), across))


KINDS = {"distance": Distance, "angle": Angle, "dihedral": Dihedral}


def variable(text: str) -> Variable:
    """From words as in dihedral:0,1,2,3."""
    name, _, atoms = text.partition(":")
    if name not in KINDS:
        raise unknown("the collective variable", name, KINDS)
    kind = KINDS[name]
    parts = [part.strip() for part in atoms.split(",")]
    if len(parts) != kind.count or not all(part.isdigit() for part in parts) or len(set(parts)) != len(parts):
        raise Invalid(
            must=f"a {name} is of {kind.count} different atoms, counted from 0",
            came=repr(text),
            do=f"For instance: {name}:{','.join(map(str, range(kind.count)))}",
        )
    return kind(tuple(map(int, parts)))
