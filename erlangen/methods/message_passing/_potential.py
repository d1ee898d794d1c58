"""Interatomic potentials around any network of atomic energies: elements, reference energies, forces, stress, fitting.

E(x) = sum_i [ e(Z_i) + scale * network(x)_i ],      F_i = -dE/dr_i   (one reverse pass; the stress by the same pass)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ...contract import Budget, EnergySurface, Features, Outputs, Predictor, Samples, Session, Supervised, Tangents
from ...core.errors import Invalid
from ...core.systems import Atoms, System
from ...learn.supervised import Training
from ...learn.supervised import fit as fit_supervised
from ...nn.components import scalars
from ...nn.elements import Elements
from ...nn.initial import split
from ...numerics.mechanics import by_pairs, energy_and_forces, energy_forces_stress, strained, volume
from ...numerics.neighbour_lists import LABEL, listed, near_of
from ...numerics.neighbours import Neighbours, images_within, reach
from ._network import Network
from ._properties import fit_property

LISTED = 64  # atoms from which a list of neighbours pays against all pairs
DERIVED = ("energy", "forces", "stress")


class Build(Protocol):
    """Makes a network with random weights for so many elements and a mean number of neighbours."""

    def __call__(self, n_species: int, n_neighbours: float, *, key: PRNGKeyArray) -> Network: ...


@dataclasses.dataclass(frozen=True)
class Setting:
    """What fits of all networks share: range [A], weight of the energy against the forces, and how they are driven."""

    cutoff: float
    energy_weight: float
    training: Training


class Potential(Tangents, Features, EnergySurface):
    """A fitted interatomic potential: energy [eV], forces [eV/A] and, where it was trained on it, stress [eV/A^3].

    `mechanics` gives the stress whatever it was trained on: strain is one more derivative of the same energy.

    Any cell is exact, also those smaller than the cutoff. Answers NaN for an element that it does not know, and where
    compiled code gets a crystal that is not prepared and whose images it does not know from training; outside of
    compiled code the one raises `Invalid`, the other is prepared.
    """

    network: Network
    elements: Elements
    scale: float = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    images: tuple[tuple[int, int, int], ...] | None = eqx.field(static=True)  # None: isolated molecules only
    stress: bool = eqx.field(static=True, default=False)

    def __call__(self, x: Atoms) -> Outputs:
        if (ready := self._ready(x)) is not None:
            return _compiled(Potential.__call__, self, ready)
        out = (energy_forces_stress if self.stress else energy_and_forces)(self.interaction, x)
        return {**out, "energy": out["energy"] + self.elements.energy(x.atomic_numbers)}

    def mechanics(self, x: Atoms) -> Outputs:
        """Energy, forces and stress, and what each atom adds to the energy; summed in float64 where JAX allows it."""
        if (ready := self._ready(x)) is not None:
            return _compiled(Potential.mechanics, self, ready)
        out = by_pairs(self, x)  # type: ignore[arg-type]
        energies = out["energies"] + self.elements.energies(x.atomic_numbers)
        return {**out, "energy": jnp.sum(energies), "energies": energies}

    def _ready(self, x: Atoms) -> Atoms | None:
        """Outside of compiled code: `x`, prepared and checked. None inside, where as much is checked as is known."""
        if not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((self, x))):
            x = self.prepare(x)  # type: ignore[assignment]
            self.check(x)
            return x
        if not isinstance(x["atomic_numbers"], Tracer):
            self.check(x)
        return None

    def prepare(self, x: System) -> System:
        """With a list of neighbours: crystals, large molecules, and where all pairs would run over images."""
        if not isinstance(x, Atoms) or LABEL in x.labels:
            return x
        pays = len(x.atomic_numbers) > LISTED or self.images is not None
        return listed(x, self.cutoff) if pays or np.any(x.pbc) else x

    def interaction(self, x: Atoms) -> Float[Array, ""]:
        """Energy beyond the reference energies [eV]."""
        return jnp.sum(self.shares(x))

    def shares(self, x: Atoms) -> Float[Array, " n"]:
        """What each atom adds to it [eV]."""
        return self.of_pairs(jnp.asarray(x.atomic_numbers), self.near(x))

    def near(self, x: Atoms) -> Neighbours:
        """Pairs within the cutoff."""
        return near_of(x, self.cutoff, self.images)

    def of_pairs(self, atomic_numbers: Int[Array, " n"], near: Neighbours) -> Float[Array, " n"]:
        """What each atom adds to it [eV], from the pairs that it sees."""
        atomic = self.network(self.elements.species(atomic_numbers), near)
        found = self.scale * jnp.where(atomic_numbers > 0, atomic, 0.0)
        answerable = jnp.all(self.elements.known(atomic_numbers)) & near.complete
        return jnp.where(answerable, found, jnp.nan).astype(jnp.result_type(near.distances, found))

    def tangents(self, x: System) -> Outputs:
        """Along one weight per element and invariant feature of every layer: dE = sum_i s_i, dF = -d(sum_i s_i)/dr,
        dsigma = (1/V) d(sum_i s_i)/d epsilon.
        """
        real = (jnp.asarray(x["atomic_numbers"]) > 0)[:, None]
        species = self.elements.species(x["atomic_numbers"])
        element = jnp.where(real, jax.nn.one_hot(species, len(self.elements.numbers), dtype=jnp.float32), 0.0)

        def summed(r: Array, strain: Array | None = None) -> Float[Array, " H"]:
            moved = x.replace(positions=r)
            moved = moved if strain is None else strained(moved, strain)  # type: ignore[arg-type]
            near = near_of(moved, self.cutoff, self.images)  # type: ignore[arg-type]
            found = self.network.representations(species, near)[0]
            return jnp.concatenate([jnp.where(real, scalars(h), 0.0) for h in found], 1).T.dot(element).ravel()

        r = jnp.asarray(x["positions"], jnp.float32)
        found = {"energy": summed(r), "forces": -jnp.moveaxis(jax.jacfwd(summed)(r), 0, -1)}
        if self.stress:
            by_strain = jax.jacfwd(summed, 1)(r, jnp.zeros((3, 3), r.dtype))
            found["stress"] = jnp.moveaxis(by_strain, 0, -1) / volume(x).astype(r.dtype)  # type: ignore[arg-type]
        return found

    def features(self, x: System) -> Outputs:
        """Scalars of the last two layers: of each atom for its force, their mean over atoms for energy and stress."""
        real = (jnp.asarray(x["atomic_numbers"]) > 0)[:, None]
        near = near_of(x, self.cutoff, self.images)  # type: ignore[arg-type]
        found = self.network.representations(self.elements.species(x["atomic_numbers"]), near)[0][-2:]
        atomic = jnp.where(real, jnp.concatenate([scalars(h) for h in found], 1), 0.0)
        mean = jnp.sum(atomic, 0) / jnp.sum(real)
        return {"energy": mean, "forces": atomic[:, None], **({"stress": mean[None, None]} if self.stress else {})}

    def check(self, x: Atoms) -> None:
        """Raise `Invalid` where the potential has no answer for `x`, warn where its energy is not determined."""
        self.elements.check(x.atomic_numbers)
        if not self.elements.determines(x.atomic_numbers):
            self.elements.tell_undetermined()
        have = (0, 0, 0) if self.images is None else tuple(np.abs(np.array(self.images)).max(0))
        if LABEL not in x.labels and np.any(x.pbc) and (self.images is None or np.any(_reach(x, self.cutoff) > have)):
            raise Invalid(
                must=f"the images of the cell must cover the cutoff of {self.cutoff} A as in training",
                came=f"a cell with rows {np.round(np.asarray(x.cell), 3).tolist()}",
                do="Prepare it first (fitted.prepare(x)), or repeat the cell.",
            )


@eqx.filter_jit
def _compiled(ask: Callable[[Potential, Atoms], Outputs], potential: Potential, x: Atoms) -> Outputs:
    """The same answer, in seconds less: outside of compiled code JAX would compile every operation on its own."""
    return ask(potential, x)


def fit_network(
    build: Build,
    task: Supervised,
    setting: Setting,
    budget: Budget,
    *,
    key: PRNGKeyArray,
    session: Session,
) -> Predictor:
    """Fit the network that `build` makes to whatever `task` asks for: a potential, or properties by representation.

    session.start: a potential whose weights the fit begins with, where it is for the same elements.
    """
    start = session.start.bare if session.start else None
    start, session = start if isinstance(start, Potential) else None, dataclasses.replace(session, start=None)
    first, second = split(key)
    train, validation = task.truth("train"), task.truth("validation")
    names = {q.name for q in task.outputs}
    n_neighbours = mean_neighbours(train.inputs, setting.cutoff)

    def of(elements: Elements) -> Network:
        if start is not None and start.elements.numbers == elements.numbers:
            return start.network
        return build(len(elements.numbers), n_neighbours, key=first)

    if "forces" not in names:
        images = images_of(train.inputs, setting.cutoff)
        model, loss = fit_property(of, task, train, setting.cutoff, n_neighbours, images, key=first)
        options = {"budget": budget, "key": second, "session": session, "quantities": task.outputs}
        options["trivial"] = float(len(task.outputs))  # each in units of its spread
        return fit_supervised(model, loss, train, validation, training=setting.training, **options)
    model = _potential(of, train, setting.cutoff)
    if task.sources:  # who asks for one molecule by name knows that it is one
        model.elements.tell_undetermined()
    if start is not None:  # the unit that its weights are used to; also the same program again
        model = dataclasses.replace(model, scale=start.scale)
    net = [_beyond_reference(s, model.elements) for s in (train, validation)]
    loss = _energy_loss(model.scale, setting.energy_weight)
    return fit_supervised(model, loss, *net, training=setting.training, budget=budget, key=second, session=session)


def mean_neighbours(inputs: Sequence[System], cutoff: float, count: int = 50) -> float:
    """Mean number of atoms within the cutoff around an atom, over `count` of the inputs."""
    chosen = [inputs[i] for i in np.unique(np.linspace(0, len(inputs) - 1, count).astype(int))]
    lists = [listed(x, cutoff).labels[LABEL] for x in chosen if isinstance(x, Atoms)]
    return max(float(np.sum([pairs.mask.sum() for pairs in lists]) / np.sum([len(p.mask) for p in lists])), 1.0)


def _potential(of: Callable[[Elements], Network], train: Samples, cutoff: float) -> Potential:
    elements = Elements.from_counts(
        [np.asarray(x["atomic_numbers"]) for x in train.inputs], np.array([float(e) for e in train.outputs["energy"]])
    )
    scale = float(np.sqrt(np.mean(np.concatenate([np.ravel(f) for f in train.outputs["forces"]]) ** 2))) or 1.0
    return Potential(of(elements), elements, scale, cutoff, images_of(train.inputs, cutoff), "stress" in train.outputs)


def _energy_loss(scale: float, energy_weight: float) -> Callable[[Any, Any, Outputs], Array]:
    """L = |F - F*|^2 / (3 n s^2)  +  energy_weight (E - E*)^2 / (n s^2)  +  V^2 |sigma - sigma*|^2 / (9 n s^2)

    s = rms of the training forces; energies are those beyond the reference.
    """

    def loss(potential: Potential, x: Any, true: Outputs) -> Array:
        real = x.atomic_numbers > 0
        n = jnp.sum(real)
        found = (energy_forces_stress if "stress" in true else energy_and_forces)(potential.interaction, x)
        total = jnp.sum(jnp.where(real[:, None], found["forces"] - true["forces"], 0.0) ** 2) / (3 * n)
        total += energy_weight * (found["energy"] - true["energy"]) ** 2 / n
        if "stress" in true:
            # |det h|, not `volume`: what does not fill space has no say here
            virial = (found["stress"] - true["stress"]) * jnp.abs(jnp.linalg.det(x.cell))
            total += jnp.mean(virial**2) / n
        return total / scale**2

    return loss


def _beyond_reference(samples: Samples, elements: Elements) -> Samples:
    """The same samples with energies measured from the reference: subtracted in float64, before anything is rounded."""
    energies = [
        float(e) - elements.total(np.asarray(x["atomic_numbers"]))
        for x, e in zip(samples.inputs, samples.outputs["energy"], strict=True)
    ]
    outputs = {name: samples.outputs[name] for name in DERIVED if name in samples.outputs}
    return Samples(samples.inputs, {**outputs, "energy": energies}, samples.group)


def images_of(inputs: Sequence[System], cutoff: float) -> tuple[tuple[int, int, int], ...] | None:
    """Images that cover the cutoff in every training cell; None where nothing is periodic."""
    periodic = [x for x in inputs if np.any(x["pbc"])]
    if not periodic:
        return None
    return images_within(np.max([_reach(x, cutoff) for x in periodic], 0))


_compiled_reach = jax.jit(reach, static_argnums=2)


def _reach(x: System, cutoff: float) -> np.ndarray:
    return np.asarray(_compiled_reach(np.asarray(x["cell"]), np.asarray(x["pbc"]), cutoff))
