"""Local order from one look at the neighbours: invariant descriptors, a small network, calibrated probabilities.

    p_i = softmax[ f(z_i) / T ],      z_i: bond order, distances and their averages (`_descriptors`)
    f: two hidden layers;  T: the temperature of least surprise on validation frames, after the fit

Nothing but distances in units of their own mean and angles goes in: not the element, not the density, so that what was
learned of one crystal holds for others of its structure. After DC3 (Chung et al. 2022,
doi:10.1103/PhysRevMaterials.6.043801), with the degree of surprise left to the network; calibration by one temperature:
Guo et al. 2017, arXiv:1706.04599.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.contract import Budget, Method, Outputs, Predictor, Samples, Session, Signature, Supervised
from erlangen.core.errors import Invalid, within
from erlangen.core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Atoms, System
from erlangen.learn.batching import predict
from erlangen.learn.supervised import Training, fit
from erlangen.nn.initial import split
from erlangen.nn.linear import Linear, silu
from erlangen.numerics.neighbour_lists import LABEL, listed, near_of

from ..message_passing._potential import images_of
from ._descriptors import SIZE, describe

SEEN = "surroundings"  # label of a training frame: its descriptors


class Head(eqx.Module):
    """From descriptors [n, features] to values [n, outputs], by two hidden layers. mean, spread: of the descriptors."""

    layers: list[Linear]
    mean: tuple[float, ...] = eqx.field(static=True)
    spread: tuple[float, ...] = eqx.field(static=True)

    def __call__(self, z: Float[Array, "n features"]) -> Float[Array, "n outputs"]:
        h = (z - jnp.asarray(self.mean, z.dtype)) / jnp.asarray(self.spread, z.dtype)
        h = 6 * jnp.tanh(h / 6)  # what was never seen is far, not infinitely far
        for layer in self.layers[:-1]:
            h = silu(layer(h))
        return self.layers[-1](h)


class Surroundings(Predictor):
    """The fitted answer. cutoff [A]: neighbours are looked for up to there."""

    head: Head
    temperature: Float[Array, ""]
    cutoff: float = eqx.field(static=True)
    output: str = eqx.field(static=True)
    images: tuple[tuple[int, int, int], ...] | None = eqx.field(static=True)  # of cells without a list

    def prepare(self, x: System) -> System:
        """With a list of neighbours."""
        return listed(x, self.cutoff) if isinstance(x, Atoms) and LABEL not in x.labels else x

    def __call__(self, x: Atoms) -> Outputs:
        if LABEL not in x.labels and not isinstance(x.positions, Tracer):
            x = self.prepare(x)  # type: ignore[assignment]
        near, real = near_of(x, self.cutoff, self.images), jnp.asarray(x.atomic_numbers) > 0
        y = self.head(describe(near).astype(jnp.result_type(near.distances)))
        y = jax.nn.softmax(y / self.temperature.astype(y.dtype))
        return {self.output: jnp.where(near.complete, jnp.where(real[:, None], y, 0.0), jnp.nan)}


@dataclasses.dataclass(frozen=True)
class LocalOrder(Method):
    """A network on the bond order around each atom."""

    cutoff: float = 5.5  # A: must hold 22 neighbours; 5.5 is enough for elements up to lead
    units: int = 64  # of each hidden layer
    rate: float = 2e-3  # peak learning rate
    batch: int = 16  # frames
    decay: float = 1e-3  # of the weights

    accepts: ClassVar[Signature] = Signature(Supervised, Atoms, axes="atoms", classes=True)

    def __post_init__(self):
        within(self, cutoff=(0.0, 100.0), units=(1, 65536), rate=(0, math.inf), batch=(1, 10**6), decay=(-1e-12, 1.0))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Orthogonal, Translations, Permutations, LatticeBasis, LatticeTranslations)

    def check(self, task: Any) -> None:
        """One output, of classes."""
        super().check(task)
        self._output(task)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        q = self._output(task)
        train, validation = (self.described(task.truth(s)) for s in ("train", "validation"))
        z = np.concatenate([x["labels"][SEEN] for x in train.inputs])
        first, second, third, order = split(key, 4)
        n, k = self.units, len(q.classes)
        layers = [Linear(SIZE, n, key=first), Linear(n, n, key=second), Linear(n, k, gain=0.1, key=third)]
        mean, spread = np.mean(z, 0), np.std(z, 0) + 1e-3
        head = fit(
            Head(layers, tuple(mean.tolist()), tuple(spread.tolist())),
            lambda model, x, y: _surprise(model, x, y[q.name]),
            train,
            validation,
            training=Training(rate=self.rate, batch=self.batch, decay=self.decay),
            budget=budget.for_fit(0.98),
            key=order,
            session=session,
            quantities=task.outputs,
        )
        logits = [np.asarray(head(jnp.asarray(x["labels"][SEEN]))) for x in validation.inputs]
        temperature = calibrated(logits, validation.outputs[q.name])
        session.say(f"probabilities calibrated at the temperature {temperature:.2f}")
        images = images_of(task.truth("train").inputs, self.cutoff)
        return Surroundings(head, jnp.asarray(temperature, jnp.float32), self.cutoff, q.name, images)

    def described(self, samples: Samples) -> Samples:
        """The frames with their descriptors as labels, computed once."""
        asked = _Descriptors(self.cutoff)
        found = predict(asked, samples.inputs, quantities=(asked.quantity,))[SEEN]  # type: ignore[arg-type]
        inputs = [x.replace(labels={SEEN: np.asarray(z, np.float32)}) for x, z in zip(samples.inputs, found)]
        return Samples(inputs, samples.outputs, samples.group)

    def _output(self, task: Any) -> Quantity:
        if len(task.outputs) != 1 or not task.outputs[0].classes:
            came = ", ".join(q.name for q in task.outputs)
            raise Invalid(must=f"{self.name()} answers with the classes of atoms", came=came, do="Ask for those alone.")
        return task.outputs[0]


class _Descriptors(Predictor):
    """What is seen of every atom, as an answer, so that it is batched as answers are."""

    cutoff: float = eqx.field(static=True)

    @property
    def quantity(self) -> Quantity:
        return Quantity(SEEN, "z", "1", "atoms")

    def prepare(self, x: System) -> System:
        return listed(x, self.cutoff) if isinstance(x, Atoms) else x

    def __call__(self, x: Atoms) -> Outputs:
        return {SEEN: describe(near_of(x, self.cutoff))}


def _surprise(head: Head, x: System, true: Array) -> Array:
    """Mean of - log p(true class) over the atoms that are there."""
    real = jnp.asarray(x["atomic_numbers"]) > 0
    each = -jnp.sum(true * jax.nn.log_softmax(head(x["labels"][SEEN])), -1)
    return jnp.sum(jnp.where(real, each, 0.0)) / jnp.maximum(jnp.sum(real), 1)


def calibrated(logits: Sequence[np.ndarray], true: Sequence[Any]) -> float:
    """The temperature of least surprise, - sum t log softmax(logits / T), between 1/4 and 8.

    t: the class is right in all but one of N + 2 atoms (Platt 1999, section 2.2), as N without an error do not prove
    that there is none.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    y, p = np.concatenate(logits).astype(float), np.concatenate([np.asarray(t, float) for t in true])
    doubt = 1 / (len(p) + 2)
    t = (1 - doubt) * p + doubt * (1 - p) / max(p.shape[1] - 1, 1)
    ends = np.log([0.25, 8.0])
    best = minimize_scalar(lambda a: -np.sum(t * log_softmax(y / np.exp(a), axis=-1)), bounds=ends, method="bounded")
    return float(np.exp(best.x))
