"""Spectral-core hybrid: a coarse solver of the known equation, and a small network that corrects it on the way.

    d u_hat / dt = (L + l) u_hat + (1 + a) N((1 + b) u_hat),      u_hat <- u_hat + F C(u, Lap u, N(u), s)

The first is stepped by the solver's own fourth-order exponential rule on the given grid, the second comes
`corrections` times per output. l, a, b: polynomials of the wavenumber |m| (on the sphere: of the degree), fitted for
each field: what the modes that the grid cannot hold do to those that it holds, at no cost. C: a Fourier network that
sees the state u, its Laplacian (the small scales, whose lack is to be corrected), its nonlinear rate N and the other
inputs s; it adds nothing to the mean. With `finer` above 1, modes of a grid so much finer follow those of the given
one, by a fitted share of what dissipation lets them reach (`numerics.nonlinear_galerkin`): N is that of all of them
then, and costs two evaluations there. Both need a periodic grid: on the sphere l, a, b are all. All of these vanish
before training: then the answer is that of the solver. Where the law is Galilean-invariant, u is the flow
in the frame of its mean velocity, as in the solver: boosts are kept exactly. Trained through the solver, on several
outputs in a row (`unrolled`): Um et al. 2020, arXiv:2007.00016; Kochkov et al. 2021, doi:10.1073/pnas.2101784118; on
spectral solvers Dresdner et al. 2022, arXiv:2207.00556.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, PRNGKeyArray

from erlangen.contract import Evolution, Outputs, Samples, Semilinear, Signature
from erlangen.contract import Predictor as Answer
from erlangen.core.errors import Invalid, within
from erlangen.core.groups import Galilean, Group, Shifts
from erlangen.core.systems import Field, System
from erlangen.learn.batching import predict
from erlangen.numerics import spectral
from erlangen.numerics.exponential_integrators import Step, etdrk4, trajectory
from erlangen.numerics.nonlinear_galerkin import slaved

from ._operator import Layout
from ._solver_in_the_loop import SolverInTheLoop
from .fno import FNO, Network

KEPT = 8, 7, 6, 5, 4, 3  # solver steps between two states that the adjoint keeps: those that add fewest steps
POWERS = 2, 4, 8, 16, 32  # of |m| / m_max in l, a and b
SCALED = 64  # samples from which the spread of what the network sees, and the size of a correction, are taken


class Corrected(Answer):
    """The trained map. in_scale: spread of what the network sees; out_scale: size of a correction,
    that of the solver's own error over one output. rate, before, after: of each field, where there are several.
    """

    corrector: Network | None
    rate: Float[Array, "*fields powers"]
    before: Float[Array, "*fields powers"]
    after: Float[Array, "*fields powers"]
    share: Float[Array, " one_and_powers"] | None
    in_scale: tuple[float, ...] = eqx.field(static=True)
    out_scale: float = eqx.field(static=True)
    task: Evolution = eqx.field(static=True)
    corrections: int = eqx.field(static=True)
    finer: float = eqx.field(static=True)

    def __call__(self, x: System) -> Outputs:
        law = self.task.law
        _, nonlinear, mask = law.equation(x)
        resting, mean = _at_rest(self.task, x)
        u_hat = law.coefficients(resting, self.rate.dtype)
        mask = jnp.asarray(mask, self.rate.dtype)
        pieces, kept = division(-(-law.substeps // self.corrections))
        step = self.stepper(x, pieces * kept * self.corrections)

        def piece(u_hat: Complex[Array, "..."], _: None) -> tuple[Complex[Array, "..."], None]:
            u_hat = trajectory(step, mask * u_hat, frames=pieces, substeps=kept)[-1]
            if self.corrector is None:
                return u_hat, None
            seen = _seen(self.task, x, u_hat, nonlinear) / jnp.asarray(self.in_scale, self.rate.dtype)
            added = jax.vmap(spectral.transform)(jnp.moveaxis(self.out_scale * self.corrector(seen), -1, 0))
            return u_hat + added.reshape(u_hat.shape).at[(..., *(0,) * (seen.ndim - 1))].set(0), None

        u_hat, _ = jax.lax.scan(piece, u_hat, None, length=self.corrections)
        after = law.fields_of(u_hat, x)
        if mean is not None:
            (u,), mean = after, mean.astype(self.rate.dtype)
            after = (mean + spectral.translate(u, (mean * law.dt,), length=len(u) * x["spacing"][0]),)
        return {q.name: field for q, field in zip(self.task.outputs, after, strict=True)}

    def stepper(self, x: System, steps: int) -> Step:
        """The solver's step, dt / steps long, with the fitted l, a, b and slaved modes."""
        (linear, nonlinear, _), dtype = self.task.law.equation(x), self.rate.dtype
        linear = jnp.asarray(linear, jnp.result_type(dtype, jnp.complex64) if np.iscomplexobj(linear) else dtype)
        powers = jnp.asarray(_powers(self.task.law.wavenumbers(x)), dtype)
        rate, before, after = (jnp.tensordot(a, powers, (-1, -1)) for a in (self.rate, self.before, self.after))
        if self.share is not None:
            nonlinear = _slaved(self.task, cast(Field, x), self.finer, self.share)
        dt = self.task.law.dt
        return etdrk4(linear + rate / dt, lambda u: nonlinear((1 + before) * u), dt / steps, gain=1 + after)


@dataclass(frozen=True)
class Hybrid(SolverInTheLoop):
    corrections: int = 1  # by the network, per output
    width: int = 8  # channels of the network; 0: none
    modes: int = 16  # Fourier modes that it sees along every axis: |m| < modes
    layers: int = 1
    finer: float = 1.0  # grid whose further modes follow those of the given one, in units of that; 1: none
    unrolled: int = 4  # outputs in a row on which it is trained
    rate: float = 2e-3  # peak learning rate
    batch: int = 4

    accepts: ClassVar[Signature] = Signature(Evolution, Field, law=Semilinear)

    def __post_init__(self):
        within(self, corrections=(1, 4096), width=(-1, 4096), modes=(1, 4096), layers=(1, 64), unrolled=(1, 1000))
        within(self, finer=(1 - 1e-9, 16), rate=(0, math.inf), batch=(1, math.inf))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Shifts, Galilean)

    def build(self, task: Evolution, samples: Samples, *, key: PRNGKeyArray) -> Corrected:
        """The untrained answer: the solver itself. `samples`: trajectories, of which first states are looked at."""
        law, periodic = task.law, samples.inputs[0]["boundary"] == "periodic"
        if self.finer > 1 and not periodic:
            raise Invalid(
                must="further modes follow those of a periodic grid",
                came=f"finer = {self.finer} on a {samples.inputs[0]['boundary']}",
                do="Leave --finer at 1.",
            )
        ahead = () if isinstance(law.state, str) else (len(law.coefficients(samples.inputs[0], jnp.float32)),)
        none = jnp.zeros((*ahead, len(POWERS)), jnp.float32)
        model = Corrected(
            corrector=None,
            rate=none,
            before=none,
            after=none,
            share=jnp.zeros(1 + len(POWERS), jnp.float32) if self.finer > 1 else None,
            in_scale=(),
            out_scale=1.0,
            task=task,
            corrections=self.corrections,
            finer=self.finer,
        )
        return self._with_network(model, task, samples, key=key) if self.width and periodic else model

    def _with_network(self, model: Corrected, task: Evolution, samples: Samples, *, key: PRNGKeyArray) -> Corrected:
        """`model` with a network that answers zero, scaled to what it will see and to the solver's own error."""
        shown = np.stack([_untrained_view(task, x) for x in samples.inputs[:SCALED]])
        spreads = np.std(shown, axis=tuple(range(shown.ndim - 1)))
        states = tuple(q for q in task.inputs if q.name in _names(task))
        x = samples.inputs[0]
        layout = Layout(shown.shape[1:-1], tuple(x["spacing"]), (*task.inputs, *states, *states), tuple(task.outputs))
        network = FNO(width=self.width, modes=self.modes, layers=self.layers).core(layout, key=key)
        network = eqx.tree_at(lambda c: c.readout, network, replace_fn=jnp.zeros_like)
        model = dataclasses.replace(model, corrector=network, in_scale=tuple(float(s) or 1.0 for s in spreads))
        return dataclasses.replace(model, out_scale=_defect(model, samples) or 0.1 * float(spreads[0]))


def division(steps: int) -> tuple[int, int]:
    """(pieces, steps in each), together at least `steps`."""
    kept = min(KEPT, key=lambda k: k * math.ceil(steps / k))
    return math.ceil(steps / kept), kept


def _names(task: Evolution) -> tuple[str, ...]:
    """Of the inputs that evolve."""
    return (task.law.state,) if isinstance(task.law.state, str) else task.law.state


def _at_rest(task: Evolution, x: System) -> tuple[System, Float[Array, ""] | None]:
    """The input in the frame of its mean velocity, and that; None where the law has no such frame."""
    if not any(isinstance(group, Galilean) for group in task.symmetry):
        return x, None
    state = jnp.asarray(x[task.law.state])
    mean = jnp.mean(state)  # taken off before any rounding to float32: a boost is often larger than the flow
    return x.replace(**{task.law.state: state - mean}), mean


def _slaved(task: Evolution, x: Field, finer: float, share: Float[Array, " one_and_powers"]) -> Step:
    """N on the grid of x, where the further modes of a grid so much finer follow."""
    coarse = np.shape(x[_names(task)[0]])
    fine = tuple(2 * round(finer * n / 2) for n in coarse)
    (*_, kept), (linear, nonlinear, _) = task.law.equation(x), task.law.equation(_refined(x, coarse, fine))
    ratios = task.law.wavenumbers(_refined(x, coarse, fine))
    amount = share[0] + jnp.asarray(_powers(ratios), share.dtype) @ share[1:]
    return slaved(linear, nonlinear, kept, coarse=coarse, fine=fine, time=task.law.dt, amount=amount)


def _refined(x: Field, coarse: tuple[int, ...], fine: tuple[int, ...]) -> System:
    """The same fields on another grid."""
    spacing = tuple(h * n / m for h, n, m in zip(x["spacing"], coarse, fine))
    values = {k: spectral.resample(v, fine) if np.shape(v) == coarse else v for k, v in x.values.items()}
    return Field(values, spacing, x.boundary, x.parameters)


def _seen(task: Evolution, x: System, u_hat: Complex[Array, "..."], nonlinear: Any) -> Float[Array, "*grid c"]:
    """State, Laplacian, nonlinear rate and the other inputs, channel-last."""
    names = _names(task)
    grid = np.shape(x[names[0]])
    curved = -jnp.asarray(spectral.squared_wavenumber(grid), u_hat.real.dtype) * u_hat
    shown = [spectral.inverse(a, grid).reshape(-1, *grid) for a in (u_hat, curved, nonlinear(u_hat))]
    others = [jnp.asarray(x[q.name], shown[0].dtype)[None] for q in task.inputs if q.name not in names]
    return jnp.moveaxis(jnp.concatenate([*shown, *others]), 0, -1)


def _untrained_view(task: Evolution, x: System) -> np.ndarray:
    """What the network sees of an input itself."""
    _, nonlinear, mask = task.law.equation(x)
    u_hat = task.law.coefficients(_at_rest(task, x)[0], jnp.float32)
    return np.asarray(_seen(task, x, jnp.asarray(mask, jnp.float32) * u_hat, nonlinear))


def _defect(model: Corrected, samples: Samples) -> float:
    """Root mean square of the error of one output, each correction's share of it."""
    found = predict(model, samples.inputs[:SCALED])
    gaps = [p - y[0] for name, true in samples.outputs.items() for p, y in zip(found[name], true)]
    return float(np.sqrt(np.mean(np.square(gaps)))) / model.corrections


def _powers(ratio: Float[np.ndarray, "*modes"]) -> Float[np.ndarray, "*modes powers"]:
    """(|m| / m_max)^p of every coefficient."""
    return ratio[..., None] ** np.asarray(POWERS)
