"""Fitting an evolution through several of its own steps, so that errors do not grow where it is rolled out.

    u_0 <- u_0 + sigma s xi,   u_{k+1} = f(u_k),   loss = 1/K sum_k |u_k - u*_k|_p,   k = 1 ... K
    |e|_p^2 = sum_m w_m |e_m|^2,   w_m ~ S(|m|)^-p;      s, S: spread and spectrum of the change over one step

K steps with gradients through all of them (Um et al. 2020, arXiv:2007.00016), or through the last step to each state
only: push-forward, which shows the map its own errors at the price of one step (Brandstetter et al. 2022,
arXiv:2202.03376). Noise xi, white, on the state that the map starts from teaches it to correct errors (Sanchez-Gonzalez
et al. 2020, arXiv:2002.09405). The exponent p moves weight to the weak small scales that a plain norm (p = 0) does not
see (Lippe et al. 2023, arXiv:2308.05732, on why they matter): at p = 1 every shell of wavenumbers counts alike. In
these units persistence has the loss 1 at one step, for any p.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from ..contract import Budget, Evolution, Outputs, Samples, Session, Supervised
from ..core.errors import Invalid, unknown, within
from ..core.systems import System
from ..numerics import spectral
from .rollout import windows
from .supervised import Loss, Training, fit

GRADIENTS = ("all", "last")
WEAKEST = 1e-4  # shells that hold less than this of the strongest one are weighted like one that holds it
Norm = Callable[[Array], Array]


@dataclasses.dataclass(frozen=True)
class Unrolling:
    """How an evolution is fitted; the defaults are single steps from clean states."""

    steps: int = 1  # K: of the map in one training sample
    gradient: Literal["all", "last"] = "all"  # through all steps, or the last one to each state (push-forward)
    noise: float = 0.0  # sigma, in units of the change over one step; 0.01 to 0.3 are good values
    shells: float = 0.0  # p: 0 plain norm, 1 every shell of wavenumbers counts alike (periodic grids)

    def __post_init__(self):
        within(self, steps=(1, 1000))
        if self.gradient not in GRADIENTS:
            raise unknown("the gradient of an unrolled fit", self.gradient, GRADIENTS)
        if not (0 <= self.noise < math.inf and 0 <= self.shells <= 1):
            raise Invalid(
                must="noise is at least 0, shells lies between 0 and 1",
                came=f"noise {self.noise}, shells {self.shells}",
                do="Good values: noise 0.05, shells 0.5.",
            )


PLAIN = Unrolling()


def fit_unrolled(
    model: Any,
    task: Supervised,
    unrolling: Unrolling,
    *,
    training: Training,
    budget: Budget,
    key: PRNGKeyArray,
    session: Session = Session(),
) -> Any:
    """The model, fitted to windows of the task's trajectories; validation is unrolled too, without noise."""
    if not isinstance(task, Evolution):
        raise Invalid(
            must="what is unrolled is an evolution", came=task.name(), do="Leave the settings of unrolling out."
        )
    train, validation = (_windows(task, split, unrolling.steps) for split in ("train", "validation"))
    changes = changes_of(task, train)
    loss = unrolled_loss(task, unrolling, norms_of(train, changes, unrolling.shells))
    stir = noisy(task, unrolling.noise, changes) if unrolling.noise else None
    return fit(model, loss, train, validation, training=training, budget=budget, key=key, session=session, augment=stir)


def _windows(task: Evolution, split: Any, steps: int) -> Samples:
    whole = task.trajectories(split)
    longest = max(len(v) for column in whole.outputs.values() for v in column)
    if steps > longest:
        raise Invalid(
            must="no more steps are unrolled than a trajectory has",
            came=f"{steps} of {longest}",
            do=f"Ask for at most {longest}, or for longer trajectories.",
        )
    return windows(task, whole, steps)


def changes_of(task: Evolution, samples: Samples) -> dict[str, np.ndarray]:
    """Change over the first step of every window, by output name: [samples, *grid, ...]."""
    return {
        after.name: np.stack([y[0] - np.asarray(x[before.name]) for x, y in zip(samples.inputs, column)])
        for before, after in zip(task.inputs, task.outputs)
        for column in [samples.outputs[after.name]]
    }


def norms_of(samples: Samples, changes: Mapping[str, np.ndarray], exponent: float) -> dict[str, Norm]:
    """|.|_p for every output, in units of its change over one step."""
    x = samples.inputs[0]
    if not exponent:
        return {name: _plain(float(np.sqrt(np.mean(c**2))) or 1.0) for name, c in changes.items()}
    if x["boundary"] != "periodic":
        raise Invalid(must="shells of wavenumbers need a periodic grid", came=x["boundary"], do="Set shells to 0.")
    return {name: _spectral(c, len(x["spacing"]), exponent) for name, c in changes.items()}


def _plain(scale: float) -> Norm:
    return lambda gap: jnp.sqrt(jnp.mean(gap**2) / scale**2 + 1e-12)


def _spectral(changes: np.ndarray, dimension: int, exponent: float) -> Norm:
    """sum_m w_m |e_m|^2,  w_m = S(|m|)^-p / sum S^(1 - p): of a typical change a shell has the share S^(1 - p)."""
    grid, axes = changes.shape[1 : dimension + 1], tuple(range(dimension))
    shell = np.rint(np.sqrt(spectral.squared_wavenumber(grid))).astype(int)
    halved = (
        2 * np.arange(grid[-1] // 2 + 1) % grid[-1]
    )  # 0 for mode 0 and Nyquist; all others stand for two (Parseval)
    pairs = np.broadcast_to(np.where(halved == 0, 1.0, 2.0), shell.shape) / math.prod(grid) ** 2
    power = np.abs(np.fft.rfftn(changes, axes=tuple(a + 1 for a in axes))) ** 2
    power = np.mean(power, axis=0).reshape(*shell.shape, -1).sum(-1)
    spectrum = np.bincount(shell.ravel(), (pairs * power).ravel())
    raised = np.maximum(spectrum, WEAKEST * spectrum.max()) ** -exponent
    weights = (pairs * raised[shell] / np.sum(spectrum * raised)).astype(np.float32)

    def norm(gap: Array) -> Array:
        size = jnp.abs(jnp.fft.rfftn(gap, axes=axes)) ** 2
        return jnp.sqrt(jnp.sum(weights * size.reshape(*weights.shape, -1).sum(-1)) + 1e-12)

    return norm


def unrolled_loss(task: Evolution, unrolling: Unrolling, norms: Mapping[str, Norm]) -> Loss:
    """Loss of one window: the norm of the error of each state on the way, averaged over states and outputs."""

    def loss(model: Any, x: System, true: Mapping[str, Array]) -> Array:
        def feed(state: System, outputs: Outputs) -> System:
            state = task.feed(state, outputs)
            return jax.lax.stop_gradient(state) if unrolling.gradient == "last" else state

        found = model.path(x, len(next(iter(true.values()))), feed)
        return jnp.mean(jnp.stack([jax.vmap(norms[name])(found[name] - value) for name, value in true.items()]))

    return loss


def noisy(task: Evolution, level: float, changes: Mapping[str, np.ndarray]) -> Any:
    """The augmentation that adds white noise to the state; other inputs and the labels stay as they are."""
    spreads = {after.name: level * float(np.sqrt(np.mean(changes[after.name] ** 2))) for after in task.outputs}

    def augment(x: System, true: Outputs, key: PRNGKeyArray) -> tuple[System, Outputs]:
        keys = jax.random.split(key, len(task.outputs))
        stirred = {
            before.name: x[before.name] + spreads[after.name] * jax.random.normal(k, x[before.name].shape, jnp.float32)
            for before, after, k in zip(task.inputs, task.outputs, keys)
        }
        return x.replace(**stirred), true

    return augment
