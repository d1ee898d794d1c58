"""Linear maps between periodic functions, continued to Bloch waves: no supercell, any wave vector, exact.

A function of all atoms of a crystal, evaluated on the graph of one unit cell, has a derivative that is linear in the
displacements u(j) of the atoms of that cell, all images alike. Its value on a wave,

    u(j, R) = e^{2 pi i q . R} u(j),

follows from the same program: atoms speak to each other only where values are sent to pairs and collected from them
(`pair_exchange`), and what crosses a cell boundary there gets its phase,

    send:     y[i, k] = e^{+2 pi i q . s_ik} x[j]                     s_ik: the cell of the sender, from the receiver
    collect:  x[j]    = sum_k' e^{+2 pi i q . s_jk'} y[reverse[j, k']]

Everything else acts on atoms and pairs one by one, and is linear: on real and imaginary part alike. So a Hessian
becomes the dynamical matrix of every q at the price of a few gradients, for any network on lists of neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxpr_as_fun
from jaxtyping import Array, Complex, Float, Int

from erlangen.core.errors import Invalid

from .pair_exchange import collect_p, send_p

Wave = tuple[Array, Array]  # real and imaginary part
CALLS = ("jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "custom_jvp_call", "custom_vjp_call")


def derivative(
    f: Callable[[Float[Array, " n *features"]], Float[Array, " m *others"]], x: Float[Array, " n *features"]
) -> ClosedJaxpr:
    """The program of the derivative of `f` at `x`: nothing but linear operations, with all else as its constants."""
    return jax.make_jaxpr(jax.linearize(f, x)[1])(x)


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
    angle = 2 * jnp.pi * jnp.asarray(shifts, q.dtype) @ q
    phase = jnp.cos(angle), jnp.sin(angle)
    (found,) = _run(program, consts, [(jnp.real(u), jnp.imag(u))], phase)
    return jax.lax.complex(*found) if isinstance(found, tuple) else jnp.zeros_like(found) + 0j


def _run(jaxpr: Jaxpr, consts: Sequence[Array], values: Sequence[Array | Wave], phase: Wave) -> list[Array | Wave]:
    """Each equation of a linear program in turn; what is no wave is a constant."""
    known: dict[Var, Array | Wave] = dict(zip(jaxpr.constvars, consts, strict=True))
    known |= dict(zip(jaxpr.invars, values, strict=True))

    def read(atom: Var | Literal) -> Array | Wave:
        return atom.val if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        found = _apply(equation, [read(atom) for atom in equation.invars], phase)
        known |= dict(zip(equation.outvars, found, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _apply(equation: JaxprEqn, values: list[Array | Wave], phase: Wave) -> list[Array | Wave]:
    primitive, inner = equation.primitive, _inner(equation)
    constant = [value for value in values if not isinstance(value, tuple)]
    if len(constant) == len(values):
        return [*_bound(equation, constant)]
    if primitive is send_p or primitive is collect_p:
        return [_across(equation, values[0], values[1], phase)]  # type: ignore[arg-type]
    if inner is not None and primitive.name in CALLS:
        return _run(inner.jaxpr, inner.consts, values, phase)
    if inner is not None and _speaks(inner.jaxpr):
        raise Invalid(
            must="atoms speak to each other outside of loops and branches of a program",
            came=f"`{primitive.name}` around an exchange between neighbours",
            do="Unroll it, or compute phonons with supercells.",
        )
    parts = [_bound(equation, [value[i] if isinstance(value, tuple) else value for value in values]) for i in range(2)]
    return list(zip(*parts, strict=True))


def _bound(equation: JaxprEqn, values: Sequence[Array]) -> list[Array]:
    """One equation as it stands."""
    known = {atom: value for atom, value in zip(equation.invars, values, strict=True) if not isinstance(atom, Literal)}
    alone = Jaxpr((), list(known), equation.outvars, [equation])
    return list(jaxpr_as_fun(ClosedJaxpr(alone, ()))(*known.values()))


def _across(equation: JaxprEqn, x: Wave, reverse: Int[Array, "n K"], phase: Wave) -> Wave:
    """An exchange with the phases of the cells: e^{+i..} behind a sending, e^{-i..} before a collection, where the pair
    stands at its receiver.
    """
    sends = equation.primitive is send_p
    lead = reverse.shape
    cosine, sine = (part.reshape(lead) for part in phase)

    def turned(value: Wave, sign: float) -> Wave:
        more = (1,) * (value[0].ndim - len(lead))
        c, s = (part.reshape(*lead, *more).astype(value[0].dtype) for part in (cosine, sign * sine))
        return c * value[0] - s * value[1], s * value[0] + c * value[1]

    before = x if sends else turned(x, -1.0)
    moved = tuple(equation.primitive.bind(part, reverse, **equation.params) for part in before)
    return turned(moved, 1.0) if sends else moved  # type: ignore[arg-type, return-value]


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
