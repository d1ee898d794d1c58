"""Derivatives of periodic functions, continued to Bloch waves: no supercell, any wave vector, exact.

A function of all atoms of a crystal, evaluated on the graph of one unit cell, has a derivative that is linear in the
displacements u(j) of the atoms of that cell, all images alike. Its value on a wave,

    u(j, R) = e^{2 pi i q . R} u(j),

follows from the same program: atoms speak to each other only where values are sent to pairs and collected from them
(`pair_exchange`), and what crosses a cell boundary there gets its phase,

    send:     y[i, k] = e^{+2 pi i q . s_ik} x[j]                     s_ik: the cell of the sender, from the receiver
    collect:  x[j]    = sum_k' e^{+2 pi i q . s_jk'} y[reverse[j, k']]

Everything else acts on atoms and pairs one by one. A second derivative is linear in each of two waves: what holds both
of them has the wave vector q1 + q2, and comes about where one multiplies the other. So a Hessian becomes the dynamical
matrix of every q, and a third derivative the coupling of every three phonons, at the price of a few gradients, for any
network on lists of neighbours.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxpr_as_fun
from jaxtyping import Array, Complex, Float, Int

from erlangen.core.errors import Invalid

from .pair_exchange import collect_p, send_p


class Wave(NamedTuple):
    """Amplitudes, real and imaginary part stacked, and what they are made of: wave 1, 2, or 3 for the product of both.

    One operation acts on the two parts, so that the program is not twice as long: compiling is what takes time.
    """

    parts: Float[Array, "two n *features"]
    of: int

    @classmethod
    def start(cls, u: Complex[Array, " n *features"], of: int) -> Wave:
        """A wave that comes in."""
        return cls(jnp.stack([jnp.real(u), jnp.imag(u)]), of)


Turn = tuple[Array, Array]
"""Cosine and sine of the phase between the two atoms of every pair [n, K]."""

CALLS = ("jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "custom_jvp_call", "custom_vjp_call")
PRODUCTS = ("mul", "dot_general")


def derivative(
    f: Callable[[Float[Array, " n *features"]], Float[Array, " m *others"]], x: Float[Array, " n *features"]
) -> ClosedJaxpr:
    """The program of the derivative of `f` at `x`: nothing but linear operations, with all else as its constants."""
    return jax.make_jaxpr(jax.linearize(f, x)[1])(x)


def second_derivative(
    f: Callable[[Float[Array, " n *features"]], Float[Array, " m *others"]], x: Float[Array, " n *features"]
) -> ClosedJaxpr:
    """The program (u, v) -> d^2 f(x + s u + t v) / ds dt at `x`, linear in `u` and in `v`."""

    def twice(u: Float[Array, " n *features"], v: Float[Array, " n *features"]) -> Float[Array, " m *others"]:
        return jax.jvp(lambda y: jax.jvp(f, (y,), (u,))[1], (x,), (v,))[1]

    return jax.make_jaxpr(twice)(x, x)


def on_wave(
    program: Jaxpr,
    consts: Sequence[Array],
    u: Complex[Array, " n *features"],
    q: Float[Array, " 3"],
    shifts: Int[Array, "n K 3"],
) -> Complex[Array, " m *others"]:
    """The linear map `program` with its `consts` (of `derivative`) on the wave of amplitudes `u` in the home cell.

    q in reciprocal lattice vectors (0.5 is the zone boundary); shifts: of the list of neighbours that it was made with.
    """
    (found,) = _run(program, consts, [Wave.start(u, 1)], {1: _turn(q, shifts)})
    return _amplitudes(found)


def on_waves(
    program: Jaxpr,
    consts: Sequence[Array],
    waves: tuple[Complex[Array, " n *features"], Complex[Array, " n *features"]],
    q: Float[Array, "2 3"],
    shifts: Int[Array, "n K 3"],
) -> Complex[Array, " m *others"]:
    """The bilinear `program` with its `consts` (of `second_derivative`) on two waves: the amplitudes of a third, of
    wave vector q[0] + q[1].
    """
    values = [Wave.start(u, i + 1) for i, u in enumerate(waves)]
    turns = {1: _turn(q[0], shifts), 2: _turn(q[1], shifts), 3: _turn(q[0] + q[1], shifts)}
    (found,) = _run(program, consts, values, turns)
    return _amplitudes(found)


def _turn(q: Float[Array, " 3"], shifts: Int[Array, "n K 3"]) -> Turn:
    angle = 2 * jnp.pi * jnp.asarray(shifts, q.dtype) @ q
    return jnp.cos(angle), jnp.sin(angle)


def _amplitudes(found: Array | Wave) -> Complex[Array, " m *others"]:
    return jax.lax.complex(*found.parts) if isinstance(found, Wave) else jnp.zeros_like(found) + 0j


def _run(
    jaxpr: Jaxpr, consts: Sequence[Array], values: Sequence[Array | Wave], turns: Mapping[int, Turn]
) -> list[Array | Wave]:
    """Each equation of a linear program in turn; what is no wave is a constant."""
    known: dict[Var, Array | Wave] = dict(zip(jaxpr.constvars, consts, strict=True))
    known |= dict(zip(jaxpr.invars, values, strict=True))

    def read(atom: Var | Literal) -> Array | Wave:
        return atom.val if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        found = _apply(equation, [read(atom) for atom in equation.invars], turns)
        known |= dict(zip(equation.outvars, found, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _apply(equation: JaxprEqn, values: list[Array | Wave], turns: Mapping[int, Turn]) -> list[Array | Wave]:
    primitive, inner = equation.primitive, _inner(equation)
    of = {value.of for value in values if isinstance(value, Wave)}
    if not of:
        return _bound(equation, *values)  # type: ignore[arg-type]
    if primitive is send_p or primitive is collect_p:
        return [_across(equation, values[0], values[1], turns)]  # type: ignore[arg-type]
    if inner is not None and primitive.name in CALLS:
        return _run(inner.jaxpr, inner.consts, values, turns)
    if inner is not None and _speaks(inner.jaxpr):
        raise Invalid(
            must="atoms speak to each other outside of loops and branches of a program",
            came=f"`{primitive.name}` around an exchange between neighbours",
            do="Unroll it, or compute phonons with supercells.",
        )
    if len(of) == 1:
        axes = [0 if isinstance(v, Wave) else None for v in values]
        found = jax.vmap(functools.partial(_bound, equation), axes)(*(_plain(v) for v in values))
        return [Wave(parts, *of) for parts in found]
    if of == {1, 2} and primitive.name in PRODUCTS:
        return [_product(equation, *values)]  # type: ignore[arg-type]
    raise Invalid(
        must="a second derivative multiplies two waves, and adds what is made of the same",
        came=f"`{primitive.name}` of {len(of)} different ones",
        do="Write that part of the energy with products, or compute third derivatives with supercells.",
    )


def _product(equation: JaxprEqn, a: Wave, b: Wave) -> Wave:
    """Of two waves: that of both."""
    multiply = functools.partial(_bound, equation)
    ((rr, ri), (ir, ii)) = jax.vmap(jax.vmap(multiply, (None, 0)), (0, None))(a.parts, b.parts)[0]
    return Wave(jnp.stack([rr - ii, ri + ir]), a.of | b.of)


def _plain(value: Array | Wave) -> Array:
    return value.parts if isinstance(value, Wave) else value


def _bound(equation: JaxprEqn, *values: Array) -> list[Array]:
    """One equation as it stands."""
    known = {atom: value for atom, value in zip(equation.invars, values, strict=True) if not isinstance(atom, Literal)}
    alone = Jaxpr((), list(known), equation.outvars, [equation])
    return list(jaxpr_as_fun(ClosedJaxpr(alone, ()))(*known.values()))


def _across(equation: JaxprEqn, x: Wave, reverse: Int[Array, "n K"], turns: Mapping[int, Turn]) -> Wave:
    """An exchange with the phases of the cells: e^{+i..} behind a sending, e^{-i..} before a collection, where the pair
    stands at its receiver.
    """
    sends = equation.primitive is send_p
    move = functools.partial(equation.primitive.bind, **equation.params)
    cosine, sine = (part.reshape(reverse.shape) for part in turns[x.of])

    def turned(parts: Float[Array, "2 n K *features"], sign: float) -> Float[Array, "2 n K *features"]:
        more = (1,) * (parts.ndim - 1 - reverse.ndim)
        c, s = (part.reshape(*reverse.shape, *more).astype(parts.dtype) for part in (cosine, sign * sine))
        return c * parts + s * jnp.stack([-parts[1], parts[0]])

    before = x.parts if sends else turned(x.parts, -1.0)
    moved = jax.vmap(move, (0, None))(before, reverse)
    return Wave(turned(moved, 1.0) if sends else moved, x.of)


def _inner(equation: JaxprEqn) -> ClosedJaxpr | None:
    """The program that an equation calls, if any."""
    for value in equation.params.values():
        if isinstance(value, ClosedJaxpr):
            return value
        if isinstance(value, Jaxpr):
            return ClosedJaxpr(value, ())
    return None


def _speaks(jaxpr: Jaxpr) -> bool:
    """Whether anything is exchanged between atoms in there."""
    for equation in jaxpr.eqns:
        inner = _inner(equation)
        if equation.primitive in (send_p, collect_p) or (inner is not None and _speaks(inner.jaxpr)):
            return True
    return False
