"""Groups and how their elements act on quantities.

A group knows two things: how to draw an element for a given system, and how an element acts on a value, given the
quantity that the value is. From these two every audit, augmentation and symmetrisation follows.

    x -> g x:   every input quantity q of x becomes  act(g, q, x[q])

Arrays may be NumPy or JAX, as in the containers: what comes in as NumPy is moved on the host, without compiling.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, PRNGKeyArray, Shaped

from .arrays import AnyArray
from .errors import Invalid
from .quantity import Quantity
from .systems import System

S = TypeVar("S", bound=System)


class Group(abc.ABC):
    """A group of transformations under which a law keeps its form."""

    @abc.abstractmethod
    def sample(self, x: System, *, key: PRNGKeyArray) -> Any:
        """A random element that can act on `x`."""

    @abc.abstractmethod
    def act(self, g: Any, quantity: Quantity, value: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        """The value of `quantity` after the transformation g."""

    @property
    def name(self) -> str:
        """What the certificate calls it."""
        return type(self).__name__.lower()


def act(group: Group, g: Any, x: S, quantities: Sequence[Quantity]) -> S:
    """g x: the container with all its declared quantities transformed."""
    return x.replace(**{q.name: group.act(g, q, x[q.name]) for q in quantities})


def library(value: object) -> Any:
    """NumPy or JAX, whichever `value` belongs to (a number of Python: NumPy)."""
    return jnp if isinstance(value, jax.Array) else np


def turned(value: Inexact[Array, "... d"], matrix: Inexact[AnyArray, "d d"], rank: int) -> Inexact[Array, "... d"]:
    """Components of a tensor field of this rank in turned axes, v_ij... -> R_ik R_jl ... v_kl...; its last axes."""
    xp = library(value)
    for axis in range(rank):
        value = xp.moveaxis(xp.tensordot(value, xp.asarray(matrix), axes=((-1 - axis,), (1,))), -1, -1 - axis)
    return value


def reversed_along(value: Array, axis: int, rank: int) -> Array:
    """A tensor field of this rank whose components change sign once for every index that is `axis`."""
    xp = library(value)
    for index in range(rank):
        sign = np.ones(value.shape[-1 - index])
        sign[axis] = -1
        value = value * xp.asarray(sign, value.dtype).reshape(-1, *(1,) * index)
    return value


@dataclasses.dataclass(frozen=True)
class Orthogonal(Group):
    """O(3), or SO(3) where `proper`: rotations and reflections about the origin.

    v_i -> R_ij v_j per index, times det(R) for pseudo quantities. Elements are Haar-distributed (QR with sign fix,
    Mezzadri 2007, arXiv:math-ph/0609050).
    """

    proper: bool = False

    @property
    def name(self) -> str:
        return "rotations SO(3)" if self.proper else "rotations and reflections O(3)"

    def sample(self, x: System, *, key: PRNGKeyArray) -> Float[Array, "3 3"]:
        q, r = np.linalg.qr(np.asarray(jax.random.normal(key, (3, 3)), np.float64))
        q = q * np.sign(np.diag(r))
        return jnp.asarray(q * np.sign(np.linalg.det(q)) if self.proper else q)

    def act(self, g: Float[Array, "3 3"], quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        xp = library(value)
        rotation, value = xp.asarray(g, xp.result_type(value, np.float32)), xp.asarray(value)
        value = turned(value, rotation, quantity.rep.rank)
        return value * xp.sign(xp.linalg.det(rotation)) if quantity.rep.pseudo else value


@dataclasses.dataclass(frozen=True)
class Translations(Group):
    """R^3: a shift of the origin, x -> x + t, with |t| of the order of `reach` (in the unit of the positions)."""

    reach: float = 5.0

    def sample(self, x: System, *, key: PRNGKeyArray) -> Float[Array, " 3"]:
        return self.reach * jax.random.normal(key, (3,))

    def act(self, g: Float[Array, " 3"], quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        xp = library(value)
        return xp.asarray(value) + xp.asarray(g) if quantity.rep.affine else value


@dataclasses.dataclass(frozen=True)
class LatticeBasis(Group):
    """GL(3, Z): another choice of lattice vectors for the same crystal, h -> M h with det M = +1 or -1.

    Rows of h are the vectors; positions and everything else stay as they are. Elements are products of `steps` shears
    a_i -> a_i + a_j or a_i - a_j among the periodic vectors, with an exchange or reversal: cells grow slanted, so an
    answer has to find all images within its cutoff in any cell. The identity where nothing is periodic.
    """

    steps: int = 2

    @property
    def name(self) -> str:
        return "choice of lattice vectors GL(3, Z)"

    def sample(self, x: System, *, key: PRNGKeyArray) -> Float[Array, "3 3"]:
        periodic = np.flatnonzero(np.asarray(x["pbc"]))
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
        element = np.eye(3)
        if len(periodic):
            element[periodic] = element[rng.permutation(periodic)] * rng.choice([-1.0, 1.0], (len(periodic), 1))
        for _ in range(self.steps if len(periodic) > 1 else 0):
            i, j = rng.choice(periodic, 2, replace=False)
            element[i] += rng.choice([-1.0, 1.0]) * element[j]
        return jnp.asarray(element)

    def act(self, g: Float[Array, "3 3"], quantity: Quantity, value: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        xp = library(value)
        return xp.asarray(g, xp.result_type(value)) @ value if quantity.axes == "lattice" else value


@dataclasses.dataclass(frozen=True)
class LatticeTranslations(Group):
    """Z^3 for every atom on its own: each may be named by any of its periodic images, r_i -> r_i + n_i h."""

    reach: int = 2

    @property
    def name(self) -> str:
        return "lattice translations of single atoms"

    def sample(self, x: System, *, key: PRNGKeyArray) -> Float[Array, "n 3"]:
        shape = np.shape(x["positions"])
        whole = jax.random.randint(key, shape, -self.reach, self.reach + 1) * jnp.asarray(x["pbc"])
        return whole.astype(jnp.result_type(jnp.float32, x["cell"])) @ jnp.asarray(x["cell"])

    def act(self, g: Float[Array, "n 3"], quantity: Quantity, value: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        xp = library(value)
        return xp.asarray(value) + xp.asarray(g) if quantity.rep.affine and quantity.axes == "atoms" else value


@dataclasses.dataclass(frozen=True)
class Permutations(Group):
    """S_n: relabelling of the atoms."""

    @property
    def name(self) -> str:
        return "permutations S_n"

    def sample(self, x: System, *, key: PRNGKeyArray) -> Int[Array, " n"]:
        return jax.random.permutation(key, x["atomic_numbers"].shape[0])

    def act(self, g: Int[Array, " n"], quantity: Quantity, value: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        xp = library(value)
        for axis in range(quantity.axes.split().count("atoms")):
            value = xp.take(xp.asarray(value), xp.asarray(g), axis)
        return value


@dataclasses.dataclass(frozen=True)
class Exchange(Group):
    """S_up x S_down: exchange of electrons of equal spin; an antisymmetric amplitude gains the sign of the
    permutation.
    """

    @property
    def name(self) -> str:
        return "electron exchange"

    def sample(self, x: System, *, key: PRNGKeyArray) -> Int[Array, " n"]:
        up, down = jax.random.split(key)
        n, n_up = x["electrons"].shape[0], x["n_up"]
        return jnp.concatenate([jax.random.permutation(up, n_up), n_up + jax.random.permutation(down, n - n_up)])

    def act(self, g: Int[Array, " n"], quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        xp = library(value)
        if quantity.axes == "electrons":
            return xp.asarray(value)[xp.asarray(g)]
        return value * xp.sign(xp.linalg.det(xp.eye(len(g))[xp.asarray(g)])) if quantity.rep.alternating else value


@dataclasses.dataclass(frozen=True)
class SiteSymmetry(Group):
    """A space group of a lattice as a list of site permutations [elements, sites]."""

    permutations: tuple[tuple[int, ...], ...] = dataclasses.field(repr=False)
    title: str = "lattice space group"

    @property
    def name(self) -> str:
        return self.title

    def sample(self, x: System, *, key: PRNGKeyArray) -> Int[Array, " sites"]:
        return jnp.asarray(self.permutations)[jax.random.randint(key, (), 0, len(self.permutations))]

    def act(self, g: Int[Array, " sites"], quantity: Quantity, value: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        xp = library(value)
        return xp.asarray(value)[..., xp.asarray(g)] if quantity.axes == "sites" else value


@dataclasses.dataclass(frozen=True)
class SpinFlip(Group):
    """Z_2: all spins reversed."""

    @property
    def name(self) -> str:
        return "spin flip"

    def sample(self, x: System, *, key: PRNGKeyArray) -> int:
        return -1

    def act(self, g: int, quantity: Quantity, value: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        return g * value if quantity.axes == "sites" else value


@dataclasses.dataclass(frozen=True)
class Shifts(Group):
    """Cyclic shifts of a periodic grid along `axes` by whole multiples of `stride` points."""

    axes: tuple[int, ...] = (0,)
    stride: int = 1

    @property
    def name(self) -> str:
        return "shifts along " + ", ".join("xyz"[a] for a in self.axes)

    def sample(self, x: System, *, key: PRNGKeyArray) -> tuple[int, ...]:
        shape = next(iter(x["values"].values())).shape
        draws = np.asarray(jax.random.uniform(key, (len(self.axes),)))
        return tuple(self.stride * int(1 + u * (shape[a] // self.stride - 1)) for u, a in zip(draws, self.axes))

    def act(self, g: tuple[int, ...], quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        xp = library(value)
        return xp.roll(xp.asarray(value), g, self.axes) if quantity.axes == "grid" else value


@dataclasses.dataclass(frozen=True)
class Reflection(Group):
    """x_a -> -x_a on a periodic grid; components change sign once for every index a, pseudoscalars once.

    In one dimension a rank-1 field has no component axis: the field itself is the component.
    `glide`: shift by this fraction of axis `glide_axis` at the same time (shift-and-reflect symmetry).
    """

    axis: int = 0
    glide: float = 0.0
    glide_axis: int = 1

    @property
    def name(self) -> str:
        return f"reflection of {'xyz'[self.axis]}" + (" with glide" if self.glide else "")

    def sample(self, x: System, *, key: PRNGKeyArray) -> int:
        return 1

    def act(self, g: int, quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        if quantity.axes != "grid":
            return value
        xp = library(value)
        value = xp.roll(xp.flip(xp.asarray(value), self.axis), 1, self.axis)
        if self.glide:
            value = xp.roll(value, round(self.glide * value.shape[self.glide_axis]), self.glide_axis)
        if quantity.rep.pseudo:
            value = -value
        if value.ndim == 1:
            return value * (-1) ** quantity.rep.rank
        return reversed_along(value, self.axis, quantity.rep.rank)


@dataclasses.dataclass(frozen=True)
class QuarterTurns(Group):
    """C4: rotations of a periodic square grid by multiples of 90 degrees about its first point, from axis 0 to axis 1.

    One turn is (x, y) -> (-y, x): f(x, y) -> R f(y, -x). Components turn index by index; det R = 1, so that
    pseudoscalars are merely moved. With one `Reflection` these generate the symmetries of the square, D4.
    """

    @property
    def name(self) -> str:
        return "quarter turns C4"

    def sample(self, x: System, *, key: PRNGKeyArray) -> int:
        return int(jax.random.randint(key, (), 1, 4))

    def act(self, g: int, quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        xp, rank = library(value), quantity.rep.rank
        value = xp.asarray(value)
        if quantity.axes != "grid":
            return value
        if value.ndim - rank < 2 or value.shape[0] != value.shape[1]:
            came = f"{quantity.name} of shape {value.shape}"
            raise Invalid(must="quarter turns need a square grid", came=came, do="Declare them for such tasks only.")
        rotation = np.eye(value.ndim - rank)
        rotation[:2, :2] = [[0, -1], [1, 0]]
        for _ in range(g):
            value = xp.swapaxes(xp.roll(xp.flip(value, 1), 1, 1), 0, 1)
            value = turned(value, rotation.astype(value.dtype), rank)
        return value


@dataclasses.dataclass(frozen=True)
class Square(Group):
    """D4: turns by 90 degrees and reflections of a square between walls, about its centre; nodes include the walls.

    An element (turns, flip) mirrors x first where `flip` is 1, then turns (x, y) -> (-y, x). Components turn index by
    index, pseudoscalars change sign under the mirrors.
    """

    @property
    def name(self) -> str:
        return "symmetries of the square D4"

    def sample(self, x: System, *, key: PRNGKeyArray) -> tuple[int, int]:
        turns, flip = divmod(int(jax.random.randint(key, (), 1, 8)), 2)
        return turns, flip

    def act(self, g: tuple[int, int], quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        turns, flip = g
        if quantity.axes != "grid":
            return value
        xp = library(value)
        value = xp.asarray(value)
        matrix = np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), turns) @ np.diag([1 - 2 * flip, 1])
        value = xp.rot90(xp.flip(value, 0) if flip else value, turns, (0, 1))
        value = turned(value, matrix.astype(value.dtype), quantity.rep.rank)
        return -value if quantity.rep.pseudo and flip else value


@dataclasses.dataclass(frozen=True)
class Galilean(Group):
    """A boost by the constant velocity c of a 1-D velocity field: u(x, t) -> u(x - c t, t) + c.

    `lag`: time between input and output. c is chosen such that c * lag is a whole number of grid points.
    """

    lag: float

    @property
    def name(self) -> str:
        return "Galilean boost"

    def sample(self, x: System, *, key: PRNGKeyArray) -> tuple[int, float]:
        points = 1 + int(jax.random.randint(key, (), 0, 2))
        return points, points * x["spacing"][0] / self.lag

    def act(self, g: tuple[int, float], quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        points, velocity = g
        if quantity.axes != "grid" or quantity.rep.rank != 1:
            return value
        xp = library(value)
        return xp.roll(xp.asarray(value), quantity.lag * points, 0) + velocity


@dataclasses.dataclass(frozen=True)
class Broken(Group):
    """A symmetry of the bulk law that this problem breaks, and what breaks it. Audited too, and shown as broken."""

    group: Group
    by: str

    @property
    def name(self) -> str:
        return f"{self.group.name} (broken by {self.by})"

    def sample(self, x: System, *, key: PRNGKeyArray) -> Any:
        return self.group.sample(x, key=key)

    def act(self, g: Any, quantity: Quantity, value: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        return self.group.act(g, quantity, value)
