"""PDE-Refiner: the next state is predicted at once, then K times made a little noisy and cleaned again.

    y <- f_0(x, 0)
    y <- y + sigma_k eps_k,     y <- y - sigma_k f_k(x, y),      k = 1 ... K,     sigma_k = sigma^(k / K)

x: the inputs, y: the change over one step, both of unit spread. One network f, which is told k, learns y at k = 0, and
at k > 0 the noise eps that the true change was given; k is drawn anew for every sample. Noise of size sigma_k hides all
that is weaker, so that each step teaches f structures of one size: a plain norm sees the strongest alone. Lippe et al.
2023, arXiv:2308.05732, K = 3 for Kuramoto-Sivashinsky with 2e-7 as the least noise, in their code a variance: sigma is
its root here. Their network is a U-Net, ours is that of `fno`. After a short fit a refinement can add more than it
takes: it pays once f knows the change better than sigma_1.

An answer is a function, so nothing is drawn when it is called: eps_k are K fixed draws, made from a key that the answer
holds. They are laid out from the centre of the state's energy,

    eps_k(r - R),     R_a = (L_a / 2 pi) arg z_a,     z_a = < |x(r) - <x>|^2 exp(2 pi i r_a / L_a) >

so that a state which is moved takes its noise with it: shifts and boosts are kept exactly, as by `fno`, and along a
roll-out noise moves against the state at every wavenumber m by m dR. Without a centre (z = 0: a constant, a single
wave) there is no noise. Reflections and turns are not kept. Another key of the fit gives another draw: see `Ensemble`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.contract import Budget, Evolution, Method, Outputs, Predictor, Samples, Session, Signature, Task
from erlangen.core.errors import Invalid, within
from erlangen.core.flow_groups import Equator
from erlangen.core.groups import Galilean, Group, Shifts
from erlangen.core.systems import Field, System
from erlangen.learn.supervised import Training, fit
from erlangen.nn.field_layers import gelu
from erlangen.nn.initial import normal, split
from erlangen.nn.rows import pointwise

from ._operator import Core, Layout, Operator, root_mean_square, scaled, told
from .fno import Block

FAINT = 1e-4  # |z| below which the centre of a state is too uncertain to lay noise from, in units of its energy


class StepConditioned(eqx.Module):
    """A Fourier network conditioned on k: h -> sigma(block(h) (1 + a_k) + b_k), and one projection for every k."""

    lift: Float[Array, "inputs c"]
    blocks: list[Block]
    gain: Float[Array, "layers steps c"]
    shift: Float[Array, "layers steps c"]
    hidden: Float[Array, "c h"]
    readout: Float[Array, "steps h outputs"]

    def __init__(self, layout: Layout, width: int, modes: int, layers: int, steps: int, *, key: PRNGKeyArray):
        lift, hidden, readout, gain, shift, *keys = split(key, layers + 5)
        n_out = layout.n_out
        self.lift = normal(lift, (layout.n_in + n_out, width))
        self.blocks = [Block(width, layout.modes(modes), key=k) for k in keys]
        self.gain, self.shift = (normal(k, (layers, steps + 1, width), 0.1) for k in (gain, shift))
        self.hidden = normal(hidden, (width, 2 * width), over=math.sqrt(width))
        self.readout = normal(readout, (steps + 1, 2 * width, n_out), over=math.sqrt(2 * width))

    def __call__(self, x: Float[Array, "*grid c_in"], y: Float[Array, "*grid c_out"], k: Any) -> Array:
        h = pointwise(jnp.concatenate([x, y], axis=-1), self.lift)
        for block, gain, shift in zip(self.blocks, self.gain, self.shift):
            h = gelu(block(h) * (1 + gain[k]) + shift[k])
        return gelu(pointwise(h, self.hidden)) @ self.readout[k]


class Refiner(Core):
    """The whole of a step: a prediction and its refinements. draws: key data of the noise."""

    network: StepConditioned
    draws: Array
    levels: tuple[float, ...] = eqx.field(static=True)  # sigma_1, ..., sigma_K

    def __call__(self, x: Float[Array, "*grid c_in"]) -> Float[Array, "*grid c_out"]:
        n_out, key = self.network.readout.shape[-1], jax.random.wrap_key_data(self.draws)
        y = self.network(x, jnp.zeros((*x.shape[:-1], n_out), x.dtype), 0)
        for k, level in enumerate(self.levels, start=1):
            noise = jax.random.normal(jax.random.fold_in(key, k), y.shape, jnp.float32).astype(x.dtype)
            y = y + level * laid_from_centre(noise, x)
            y = y - level * self.network(x, y, k)
        return y


def laid_from_centre(noise: Float[Array, "*grid c_out"], x: Float[Array, "*grid c_in"]) -> Float[Array, "*grid c_out"]:
    """noise(r - R) for the centre R of the energy of x, without Nyquist modes; fades out where there is no centre."""
    grid = noise.shape[:-1]
    axes = tuple(range(len(grid)))
    energy = jnp.sum((x - jnp.mean(x, axis=axes)) ** 2, axis=-1)
    noise_hat = jnp.fft.rfftn(noise, axes=axes)
    for axis, n in enumerate(grid):
        line = jnp.mean(energy, axis=tuple(a for a in axes if a != axis))
        angles = 2 * np.pi * np.arange(n) / n
        z = jnp.stack([jnp.mean(line * jnp.asarray(f(angles), x.dtype)) for f in (np.cos, np.sin)])
        size = jnp.sum(z**2)
        safe = jnp.where(size > 0, z, jnp.ones_like(z))  # no derivative of an angle that does not exist
        modes = np.fft.fftfreq(n, 1 / n) if axis < len(grid) - 1 else np.fft.rfftfreq(n, 1 / n)
        phase = jnp.asarray(modes, x.dtype) * jnp.arctan2(safe[1], safe[0])
        factor = jax.lax.complex(jnp.cos(phase), -jnp.sin(phase)) * (size / (size + FAINT**2))
        factor = jnp.where(2 * np.abs(modes) == n, 0, factor)
        noise_hat = noise_hat * factor.reshape([-1 if a == axis else 1 for a in range(noise.ndim)])
    return jnp.fft.irfftn(noise_hat, s=grid, axes=axes)


@dataclass(frozen=True)
class PDERefiner(Method):
    refinements: int = 3  # K
    least: float = 4.5e-4  # sigma, of the last refinement, in units of the change over one step
    width: int = 32  # channels
    modes: int = 32  # Fourier modes kept per axis: |m| < modes (fewer where the grid is coarser)
    layers: int = 4
    rate: float = 2e-3  # peak learning rate
    batch: int = 32

    accepts: ClassVar[Signature] = Signature(Evolution, Field)

    def __post_init__(self):
        within(self, refinements=(1, 100), width=(1, 4096), modes=(1, 4096), layers=(1, 64))
        within(self, least=(0, 1), rate=(0, math.inf), batch=(1, math.inf))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return Shifts, Galilean

    def check(self, task: Task) -> None:
        """Raise `Invalid` where this method cannot answer `task`, or the domain is a sphere."""
        super().check(task)
        if any(isinstance(group, Equator) for group in task.symmetry):
            raise Invalid(
                must="noise is laid out on a periodic grid", came=f"{task.name()}, on a sphere", do="Use method fno."
            )

    @property
    def levels(self) -> tuple[float, ...]:
        """sigma_1, ..., sigma_K."""
        return tuple(self.least ** (k / self.refinements) for k in range(1, self.refinements + 1))

    def build(self, task: Evolution, samples: Samples, *, key: PRNGKeyArray) -> Operator:
        """The untrained answer, scaled to the samples."""
        weights, draws = jax.random.split(key)

        def core(layout: Layout) -> Refiner:
            if layout.boundary != "periodic":
                raise Invalid(must="noise is laid out on a periodic grid", came=layout.boundary, do="Use method fno.")
            network = StepConditioned(layout, self.width, self.modes, self.layers, self.refinements, key=weights)
            return Refiner(network, jax.random.key_data(draws), self.levels)

        return scaled(core, task, samples)

    def fit(self, task: Evolution, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        start, order = jax.random.split(key)
        train, validation = task.truth("train"), task.truth("validation")
        model = self.build(task, train, key=start)
        session.say(told(model))
        training = Training(rate=self.rate, batch=self.batch)
        options = {"training": training, "budget": budget, "key": order, "session": session}
        return fit(model, cleaning, train, validation, augment=self._noisy, **options)

    def _noisy(self, x: System, true: Outputs, key: PRNGKeyArray) -> tuple[System, Mapping[str, Array]]:
        """The sample with a step k of the refinement and a seed of its noise."""
        step, noise = jax.random.split(key)
        k = jax.random.randint(step, (), 0, self.refinements + 1)
        return x, {**true, "refinement": k, "seed": jax.random.key_data(noise)}


def cleaning(model: Operator, x: System, true: Mapping[str, Array]) -> Array:
    """Norm of the error in the noise of a true change (at k = 0 in the change itself), in units of its spread.

    Without a drawn k, on validation samples: that of the refined answer.
    """
    if "refinement" not in true:
        return root_mean_square(model, x, true)
    core: Any = model.core
    k, key = true["refinement"], jax.random.wrap_key_data(true["seed"])
    seen, change = model.posed(x, true)
    noise = jax.random.normal(key, change.shape, change.dtype)
    levels = jnp.asarray((0.0, *core.levels), change.dtype)
    given = jnp.where(k > 0, change + levels[k] * noise, 0)
    gap = core.network(seen, given, k) - jnp.where(k > 0, noise, change)
    return jnp.sqrt(jnp.mean(gap**2) + 1e-12)


small = PDERefiner(width=16, modes=8, layers=2)
