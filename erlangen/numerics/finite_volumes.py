"""Conservation laws q_t + f(q)_x = 0 in one dimension by finite volumes: averages over cells change by fluxes at faces.

    d q_i / dt = -(F_{i + 1/2} - F_{i - 1/2}) / dx,     F = upwind flux of the values left and right of the face

The values are reconstructed in the characteristic variables of the face (Qiu and Shu 2002, doi:10.1006/jcph.2002.7191),
time goes by the third-order strong-stability-preserving rule (Shu and Osher 1988, doi:10.1016/0021-9991(88)90177-5).
What is there is q[parts, cells], in the dtype given; what leaves a cell enters its neighbour, so that sums of q change
through the ends of the domain alone. `evolve` chooses its steps, `trajectory` takes a given number of them and can be
differentiated in reverse.

Positivity (density, pressure, depth): where a reconstructed value is no state of the law, the average of its cell
stands in; and where a flux would drain a cell in one step it is mixed with the first-order flux, which does not while
waves cross no more than half a cell (Hu, Adams, Shu 2013, doi:10.1016/j.jcp.2013.01.024). Elsewhere both guards do
nothing. `drawn_in` does the same for states made finer.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable
from typing import ClassVar, Literal, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from erlangen.core.arrays import Coefficient
from erlangen.core.errors import Invalid, unknown
from erlangen.numerics import exponential_integrators, weno
from erlangen.numerics.steps import is_traced
from erlangen.numerics.weno import GHOSTS, Reconstruction

State = Float[Array, "parts cells"]
Boundary = Literal["periodic", "transmissive", "reflecting"]
Guard = Callable[["ConservationLaw", list[State], list[State], Coefficient], State]
"""The flux, by law, of the values on both sides of each face, the averages there, and dt / dx: see `guarded`."""
PADDING = {"periodic": "wrap", "transmissive": "edge", "reflecting": "symmetric"}
# Shares of q in the stages  v <- share q + (1 - share) (v + dt dv / dt)  of a step. A loop, so that dq / dt is compiled
# once: `runge_kutta.step` would write it out three times.
STRONG_STABILITY = (0.0, 3 / 4, 1 / 3)
FORWARD = (0.0,)
STUCK = 1e-8  # a step of less than this share of the time: `evolve` gives up
WENO = weno.fifth_order()


class ConservationLaw(abc.ABC):
    """A hyperbolic law. `parity`: +1 or -1 for parts of q that keep or change their sign under x -> -x."""

    parity: ClassVar[tuple[int, ...]]

    @abc.abstractmethod
    def upwind_flux(self, left: State, right: State) -> State:
        """The flux through faces between two states, from an approximate solution of their Riemann problem."""

    @abc.abstractmethod
    def characteristics(self, left: State, right: State) -> tuple[Array, Array]:
        """Left eigenvectors (rows) and right ones (columns) of f' between two states: [parts, parts, faces] each."""

    @abc.abstractmethod
    def fastest(self, q: State) -> Float[Array, ""]:
        """The largest |speed| of a wave."""

    @abc.abstractmethod
    def flux(self, q: State) -> State:
        """f(q)."""

    @abc.abstractmethod
    def margins(self, q: State) -> tuple[Float[Array, " cells"], ...]:
        """What must stay positive: concave functions of q, each where those before it are positive."""

    def is_state(self, q: State) -> Bool[Array, " cells"]:
        """Where q is in the domain of the law."""
        return functools.reduce(jnp.logical_and, [margin > 0 for margin in self.margins(q)])


def rate(
    law: ConservationLaw,
    q: State,
    *,
    dx: float,
    dt: Coefficient = 0.0,
    boundary: Boundary = "periodic",
    reconstruct: Reconstruction = WENO,
    guard: Guard | None = None,
) -> State:
    """dq / dt; for a step of `dt` the fluxes are such that no cell is drained."""
    n = q.shape[1]
    sign = jnp.asarray(law.parity if boundary == "reflecting" else (1,) * len(law.parity), q.dtype)[:, None]
    beyond = jnp.pad(q, ((0, 0), (GHOSTS, GHOSTS)), mode=PADDING[boundary])
    padded = jnp.concatenate([sign * beyond[:, :GHOSTS], q, sign * beyond[:, -GHOSTS:]], 1)
    cells = [padded[:, k : k + n + 1] for k in range(2 * GHOSTS)]
    is_first = reconstruct is weno.first_order
    if is_first:
        flux = law.upwind_flux(*weno.first_order(cells))
    else:
        flux = _flux(law, cells, dt / dx, reconstruct, guard or guarded)
    return (flux[:, :-1] - flux[:, 1:]) / dx


def evolve(
    law: ConservationLaw,
    q: State,
    *,
    dx: float,
    time: float,
    cfl: float = 0.5,
    boundary: Boundary = "periodic",
    reconstruct: Reconstruction = WENO,
) -> State:
    """q after `time`, in steps of cfl dx / (fastest wave); the last one is cut to end there. No reverse mode."""
    _check(law, q, boundary)
    if not 0 < cfl <= 1:
        raise Invalid(must="cfl must be above 0 and at most 1", came=f"{cfl}", do="0.5 suits WENO, 0.9 first order.")
    step = _stepper(law, dx, boundary, reconstruct, guarded_if_needed)
    length = jnp.asarray(time, q.dtype)

    def is_before(carry: tuple[Array, Array]) -> Array:
        return carry[1] > 0

    def forward(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        q, left = carry
        dt = cfl * dx / law.fastest(q)
        is_last = ~(dt < left * (1 - 1e-6))  # no sliver is left over, and a dt of NaN ends the loop
        is_stuck = dt < STUCK * length  # a cell almost empty and ever faster: the end would never be reached
        after = jnp.where(is_stuck, jnp.nan, step(q, jnp.where(is_last, left, dt)))
        return after, jnp.where(is_last | is_stuck, 0, left - dt)

    after, _ = jax.lax.while_loop(is_before, forward, (q, length))
    return _sound(law, after)


def evolve_within(
    law: ConservationLaw,
    q: State,
    *,
    dx: float,
    time: float,
    steps: int,
    cfl: float = 0.5,
    reconstruct: Reconstruction = WENO,
) -> State:
    """`evolve` on a periodic line with reverse mode: `steps` steps, of which the last ones are empty where fewer do.

    Where they are too few, what is left of the time is shared by those that are left: waves then cross more cells.
    """
    step, length = _stepper(law, dx, "periodic", reconstruct), jnp.asarray(time, q.dtype)

    def forward(carry: tuple[Array, Array], remaining: Array) -> tuple[tuple[Array, Array], None]:
        q, left = carry
        dt = jnp.minimum(jnp.maximum(cfl * dx / law.fastest(q), left / remaining), left)
        return (jax.lax.cond(dt > 0, step, lambda q, _: q, q, dt), left - dt), None

    remaining = jnp.arange(steps, 0, -1, dtype=q.dtype)
    return jax.lax.scan(jax.checkpoint(forward), (q, length), remaining)[0][0]


def trajectory(
    law: ConservationLaw,
    q: State,
    *,
    dx: float,
    dt: float,
    steps: int,
    frames: int = 1,
    boundary: Boundary = "periodic",
    reconstruct: Reconstruction = WENO,
) -> Float[Array, "frames parts cells"]:
    """States at dt, 2 dt, ..., in `steps` equal steps each; in reverse mode these are computed again, not kept.

    The waves must not cross more than one cell per step (0.5 is safe); `steps_needed` gives the number.
    """
    _check(law, q, boundary)
    if not is_traced(q) and steps < steps_needed(law, q, dx=dx, dt=dt, cfl=1.0):
        crossed = float(law.fastest(q)) * dt / steps / dx
        raise Invalid(
            must="no wave may cross more than one cell per step",
            came=f"{crossed:.3g} cells in each of {steps} steps",
            do=f"Take {steps_needed(law, q, dx=dx, dt=dt)} steps.",
        )
    step = _stepper(law, dx, boundary, reconstruct)
    return _sound(
        law, exponential_integrators.trajectory(lambda v: step(v, dt / steps), q, frames=frames, substeps=steps)
    )


def steps_needed(law: ConservationLaw, q: State, *, dx: float, dt: float, cfl: float = 0.5) -> int:
    """Equal steps in dt for which the fastest wave of q crosses `cfl` cells per step; waves to come may be faster."""
    crossed = float(law.fastest(q)) * dt / dx / cfl
    return max(1, -int(-crossed // 1))


def drawn_in(law: ConservationLaw, q: State, fine: State) -> State:
    """Averages of finer cells, drawn towards those q of the cells they divide until all of them are states of the law:

        q + theta (fine - q),   theta the largest that leaves in every part a hundredth of the cell's margins

    One theta for all parts and for all finer cells of a cell, whose average stays. A margin is concave: it is at least
    what the line between the two says. Zhang and Shu 2010, doi:10.1016/j.jcp.2010.08.016.
    """
    whole = jnp.repeat(q, fine.shape[1] // q.shape[1], 1)
    for k, kept in enumerate(law.margins(whole)):
        aimed = law.margins(fine)[k]
        short = aimed < 0.01 * kept
        theta = jnp.where(short, 0.99 * kept / jnp.where(short, kept - aimed, 1), 1)
        least = jnp.repeat(jnp.min(theta.reshape(q.shape[1], -1), 1), fine.shape[1] // q.shape[1])
        fine = jnp.where(least < 1, whole + least * (fine - whole), fine)
    return fine


def _flux(
    law: ConservationLaw, cells: list[State], ratio: Coefficient, reconstruct: Reconstruction, guard: Guard
) -> State:
    """The flux through every face between the six cells around it; ratio: dt / dx."""
    averages = cells[GHOSTS - 1 : GHOSTS + 1]
    to, back = law.characteristics(*averages)
    values = [_product(back, v) for v in reconstruct([_product(to, c) for c in cells])]
    values = [jnp.where(law.is_state(v), v, q) for v, q in zip(values, averages)]
    return guard(law, values, averages, ratio)


def guarded(law: ConservationLaw, values: list[State], averages: list[State], ratio: Coefficient) -> State:
    """The upwind flux of `values`, mixed with that of `averages` where it would drain a cell."""
    n = values[0].shape[1]
    both = law.upwind_flux(*(jnp.concatenate(pair, 1) for pair in zip(values, averages)))
    return _mixed(both[:, :n], both[:, n:], functools.partial(_left, law, averages, ratio))


def guarded_if_needed(law: ConservationLaw, values: list[State], averages: list[State], ratio: Coefficient) -> State:
    """`guarded`, which is not looked at where no half cell loses nine tenths of a margin: hardly any step does.

    As fast as no guard at all. In reverse mode, and over batches, both ways would be taken: `guarded` is better there.
    """
    flux, left = law.upwind_flux(*values), functools.partial(_left, law, averages, ratio)
    is_sound = [jnp.all(a > 0.1 * b) for a, b in zip(left(flux), law.margins(jnp.concatenate(averages, 1)))]
    return jax.lax.cond(
        functools.reduce(jnp.logical_and, is_sound),
        lambda: flux,
        lambda: _mixed(flux, law.upwind_flux(*averages), left),
    )


def _left(law: ConservationLaw, averages: list[State], ratio: Coefficient, flux: State) -> tuple[Array, ...]:
    """Margins of the halves at the faces: a cell after a step is the mean of  q -+ 2 (dt / dx) (F - f(q))  over two."""
    n, q = flux.shape[1], jnp.concatenate(averages, 1)
    away = jnp.concatenate([jnp.full(n, -2 * ratio, q.dtype), jnp.full(n, 2 * ratio, q.dtype)])
    return law.margins(q + away * (jnp.concatenate([flux, flux], 1) - law.flux(q)))


def _mixed(flux: State, lowest: State, left: Callable[[State], tuple[Array, ...]]) -> State:
    """F_1 + theta (F - F_1),  theta the largest that leaves a hundredth of what the first-order flux F_1 leaves."""
    n = flux.shape[1]
    for k, kept in enumerate(left(lowest)):
        aimed = left(flux)[k]
        short = aimed < 0.01 * kept
        theta = jnp.where(short, 0.99 * kept / jnp.where(short, kept - aimed, 1), 1)
        theta = jnp.maximum(jnp.minimum(theta[:n], theta[n:]), 0)
        flux = jnp.where(theta < 1, lowest + theta * (flux - lowest), flux)
    return flux


def _product(matrix: Float[Array, "i j faces"], v: Float[Array, "j faces"]) -> Float[Array, "i faces"]:
    """Face by face, written out: sums of whole rows, which the compiler fuses with what comes before and after."""
    parts = range(v.shape[0])
    return jnp.stack([sum((matrix[i, j] * v[j] for j in parts[1:]), matrix[i, 0] * v[0]) for i in parts])


def _stepper(
    law: ConservationLaw, dx: float, boundary: Boundary, reconstruct: Reconstruction, guard: Guard | None = None
) -> Callable[..., State]:
    slope = functools.partial(rate, law, dx=dx, boundary=boundary, reconstruct=reconstruct, guard=guard)

    def step(q: State, dt: Coefficient) -> State:
        def stage(v: State, share: Array) -> tuple[State, None]:
            moved = v + dt * slope(v, dt=dt)
            return moved + share * (q - moved), None  # not share q + (1 - share) moved, whose rounding adds up

        stages = FORWARD if reconstruct is weno.first_order else STRONG_STABILITY
        return jax.lax.scan(stage, q, jnp.asarray(stages, q.dtype))[0]

    return step


def _check(law: ConservationLaw, q: State, boundary: Boundary) -> None:
    if boundary not in get_args(Boundary):
        raise unknown("boundary", str(boundary), get_args(Boundary))
    if q.ndim != 2 or q.shape[0] != len(law.parity) or q.shape[1] < 2 * GHOSTS:
        raise Invalid(
            must=f"a state is [{len(law.parity)} parts, {2 * GHOSTS} cells or more]",
            came=f"shape {q.shape}",
            do="Take more cells, one row per conserved part.",
        )
    if not is_traced(q) and not bool(jnp.all(law.is_state(q))):
        cell = int(jnp.argmin(law.is_state(q)))
        raise Invalid(
            must="every cell must hold a state of the law (positive density and pressure, or depth)",
            came=f"{[float(part) for part in q[:, cell]]} in cell {cell}",
            do="Make conserved states from density, velocity and pressure.",
        )


def _sound(law: ConservationLaw, after: Array) -> Array:
    """`after`, where it is not under trace, looked at."""
    if not is_traced(after) and not bool(jnp.all(jnp.isfinite(after))):
        raise Invalid(
            must="every cell must stay a state of the law",
            came="a density, pressure or depth that fell to zero on the way",
            do="Take smaller steps (cfl 0.2), more cells, or first order.",
        )
    return after
