"""Interatomic potentials around any network of atomic energies: elements, reference energies, forces, fitting.

E(x) = sum_i [ e(Z_i) + scale * network(x)_i ],      F_i = -dE/dr_i   (one reverse pass)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from ...contract import Budget, Fitted, Outputs, Samples, Session, Supervised
from ...core.errors import Invalid
from ...core.systems import Atoms, System
from ...learn.derivatives import energy_and_forces
from ...learn.supervised import Training
from ...learn.supervised import fit as fit_supervised
from ...nn.elements import Elements
from ...nn.neighbours import images_within, neighbours, reach
from ...numerics.precision import double


class Potential(Fitted):
    """A fitted interatomic potential: energy [eV] and forces [eV/A] of `Atoms`, exact for any periodic cell it accepts.

    Answers NaN for an element that it does not know, and for a cell so small that its images do not cover the cutoff;
    outside of compiled code both raise `Invalid` with the list.
    """

    network: Any
    elements: Elements
    scale: float = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    images: tuple[tuple[int, int, int], ...] | None = eqx.field(static=True)  # None: isolated molecules only

    def __call__(self, x: Atoms) -> Outputs:
        if not isinstance(x["atomic_numbers"], Tracer):
            self.check(x)
        out = energy_and_forces(self.interaction, x)
        return {"energy": out["energy"] + self.elements.energy(x.atomic_numbers), "forces": out["forces"]}

    def interaction(self, x: Atoms) -> Float[Array, ""]:
        """Energy beyond the reference energies [eV]."""
        periodic = {} if self.images is None else {"cell": x.cell, "pbc": x.pbc, "images": self.images}
        near = neighbours(x.positions, x.atomic_numbers, self.cutoff, **periodic)
        atomic = self.network(self.elements.species(x.atomic_numbers), near)
        total = self.scale * jnp.sum(jnp.where(jnp.asarray(x.atomic_numbers) > 0, atomic, 0.0))
        answerable = jnp.all(self.elements.known(x.atomic_numbers)) & near.complete
        if self.images is None:
            answerable &= ~jnp.any(jnp.asarray(x.pbc))
        return jnp.where(answerable, total, jnp.nan).astype(jnp.result_type(x.positions, total))

    def check(self, x: Atoms) -> None:
        """Raise `Invalid` where the potential has no answer for `x`."""
        numbers = np.asarray(x.atomic_numbers)
        strange = sorted(set(numbers[numbers > 0].tolist()) - set(self.elements.numbers))
        if strange:
            raise Invalid(
                must=f"all elements must occur in the training data (atomic numbers {list(self.elements.numbers)})",
                came=f"atomic numbers {strange}",
                do="Train on data that contain them.",
            )
        have = (0, 0, 0) if self.images is None else tuple(np.abs(np.array(self.images)).max(0))
        if np.any(x.pbc) and (self.images is None or np.any(_reach(x, self.cutoff) > have)):
            raise Invalid(
                must=f"the images of the cell must cover the cutoff of {self.cutoff} A as in training",
                came=f"a cell with rows {np.round(np.asarray(x.cell), 3).tolist()}",
                do="Repeat the cell, or train on cells as small as this one.",
            )


def fit_potential(
    build: Callable[[Elements], Any],
    task: Supervised,
    cutoff: float,
    energy_weight: float,
    training: Training,
    budget: Budget,
    *,
    key: PRNGKeyArray,
    session: Session,
) -> Potential:
    """Fit the network that `build(elements)` makes to energies and forces of `task`.

    L = < |F - F*|^2 >/ (3 n s^2)  +  energy_weight < (E - E*)^2 > / (n s^2),      s = rms of the training forces
    """
    train, validation = task.truth("train"), task.truth("validation")
    elements = Elements.from_counts(
        [np.asarray(x["atomic_numbers"]) for x in train.inputs], np.array([float(e) for e in train.outputs["energy"]])
    )
    scale = float(np.sqrt(np.mean(np.concatenate([np.ravel(f) for f in train.outputs["forces"]]) ** 2))) or 1.0
    model = Potential(build(elements), elements, scale, cutoff, _images(train.inputs, cutoff))

    def loss(potential: Potential, x: Any, true: Outputs) -> Array:
        found = energy_and_forces(potential.interaction, x)
        real = x.atomic_numbers > 0
        n = jnp.sum(real)
        forces = jnp.sum(jnp.where(real[:, None], found["forces"] - true["forces"], 0.0) ** 2) / (3 * n)
        return (forces + energy_weight * (found["energy"] - true["energy"]) ** 2 / n) / scale**2

    net = [_beyond_reference(s, elements) for s in (train, validation)]
    return fit_supervised(model, loss, *net, training=training, budget=budget, key=key, session=session)


def _beyond_reference(samples: Samples, elements: Elements) -> Samples:
    """The same samples with energies measured from the reference: subtracted in float64, before anything is rounded."""
    with double():
        energies = [
            float(e) - float(elements.energy(np.asarray(x["atomic_numbers"])))
            for x, e in zip(samples.inputs, samples.outputs["energy"], strict=True)
        ]
    return Samples(samples.inputs, {"energy": energies, "forces": samples.outputs["forces"]}, samples.group)


def _images(inputs: Sequence[System], cutoff: float) -> tuple[tuple[int, int, int], ...] | None:
    """Images that cover the cutoff in every training cell; None where nothing is periodic."""
    periodic = [x for x in inputs if np.any(x["pbc"])]
    if not periodic:
        return None
    return images_within(np.max([_reach(x, cutoff) for x in periodic], 0))


def _reach(x: System, cutoff: float) -> np.ndarray:
    return np.asarray(reach(jnp.asarray(x["cell"]), jnp.asarray(x["pbc"]), cutoff))
