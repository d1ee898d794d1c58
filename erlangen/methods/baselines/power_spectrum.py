"""An energy that is linear in what atoms see: pairs, angles by their power spectrum, triples; one linear system.

    A_cl(i) = sum_j R_c(r_ij) Y_l(r_ij / |r_ij|)                                    c: element of j, radial function
    E = sum_i [ w_0 + w_c A_c0 + w_ccl A_cl . A_cl + w_ccc A_c0 A_c0 A_c0 ]         w: of the element of i

Energies, forces and stress are linear in w, which minimises

    [ |F - F*|^2 + weight |E - E*|^2 / n + |V sigma - V sigma*|^2 / n ] / s^2 + ridge |w|^2,        s: rms force

in units of the length of each column; the ridge is chosen on the validation split. No iterations and no random start:
seconds to minutes, the same answer every time. `bodies = 2` leaves springs between pairs alone. Good where one or two
elements stay near what was seen (crystals, melts).
Bartok, Kondor and Csanyi 2013, doi:10.1103/PhysRevB.87.184115; linear fits: Thompson et al. 2015,
doi:10.1016/j.jcp.2014.12.018.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ...contract import Budget, Method, Predictor, Samples, Session, Signature, Supervised
from ...core.errors import within
from ...core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from ...core.spherical_harmonics import spherical_harmonics
from ...core.systems import Atoms
from ...nn.elements import Elements
from ...nn.radial import Bessel
from ...numerics.mechanics import strained, volume
from ...numerics.neighbour_lists import near_of
from ...numerics.neighbours import Neighbours
from ...numerics.precision import double
from ..message_passing._potential import Potential, images_of

RIDGES = tuple(10.0**-k for k in range(13, 3, -1))
RADIAL = Bessel(cutoff=5.0, count=8)
TRIPLES = 4  # radial functions whose densities are multiplied three times


class Expansion(eqx.Module):
    """What each atom adds to the energy in units of the scale; `weights` are those of its element."""

    weights: Float[Array, "species features"]
    radial: Bessel
    lmax: int = eqx.field(static=True)
    bodies: int = eqx.field(static=True)

    @classmethod
    def blank(cls, n_species: int, radial: Bessel, lmax: int, bodies: int) -> Expansion:
        """With no weights yet."""
        channels, triples = n_species * radial.count, n_species * min(TRIPLES, radial.count)
        count = 1 + channels
        count += (bodies > 2) * (lmax + 1) * channels * (channels + 1) // 2
        count += (bodies > 3) * math.comb(triples + 2, 3)
        return cls(np.zeros((n_species, count)), radial, lmax, bodies)  # type: ignore[arg-type]

    def __call__(self, species: Int[Array, " n"], near: Neighbours) -> Float[Array, " n"]:
        found = self.features(species, near)
        return jnp.sum(found * jnp.asarray(self.weights, found.dtype)[species], -1)

    def features(self, species: Int[Array, " n"], near: Neighbours) -> Float[Array, "n features"]:
        """Invariants of the surroundings of each atom."""
        kinds = near.at_senders(jax.nn.one_hot(species, len(self.weights), dtype=near.distances.dtype))
        radial = jnp.where(near.mask[..., None], self.radial(near.distances), 0.0)
        n, k = near.mask.shape
        channels = (kinds[..., None] * radial[..., None, :]).reshape(n, k, -1)
        degree = self.lmax if self.bodies > 2 else 0
        moments = jnp.einsum("nkc,nkm->ncm", channels, spherical_harmonics(near.directions, degree))
        density = moments[..., 0]
        found = [jnp.ones((n, 1), density.dtype), density]
        if self.bodies > 2:
            first, second = np.triu_indices(density.shape[1])
            for l in range(degree + 1):
                part = moments[..., l**2 : (l + 1) ** 2]
                found.append(jnp.sum(part[:, first] * part[:, second], -1) / (2 * l + 1))
        if self.bodies > 3:
            few = density.reshape(n, -1, self.radial.count)[..., :TRIPLES].reshape(n, -1)
            a, b, c = np.array(list(itertools.combinations_with_replacement(range(few.shape[1]), 3))).T
            found.append(few[:, a] * few[:, b] * few[:, c])
        return jnp.concatenate(found, 1)

    def representations(self, species: Int[Array, " n"], near: Neighbours) -> tuple[list[dict[int, Array]], None]:
        """The invariants as the one layer of a network: what spreads by last layers are made of."""
        return [{0: self.features(species, near)[:, None]}], None


@dataclasses.dataclass(frozen=True)
class PowerSpectrum(Method):
    """Linear regression on pairs, power spectra and triples of the neighbours' density."""

    radial: Bessel = RADIAL
    lmax: int = 3  # largest degree of the power spectrum
    bodies: int = 4  # 2: pairs; 3: angles too; 4: triples too
    energy_weight: float = 1.0  # against the forces
    share: float = 1.0  # of the training cells, drawn at random: below 1, members of an ensemble differ

    accepts: ClassVar[Signature] = Signature(Supervised, Atoms, frozenset({"energy", "forces"}))

    def __post_init__(self):
        within(self, lmax=(-1, 8), bodies=(1, 4), energy_weight=(-1e-9, 1e9), share=(0, 1.0001))
        within(self.radial, cutoff=(0.0, 100.0), count=(1, 64))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Orthogonal, Translations, Permutations, LatticeBasis, LatticeTranslations)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Solve one linear system for each ridge, keep what is best on validation; no budget stops it."""
        train, validation = self._drawn(task.truth("train"), key), task.truth("validation")
        numbers = [np.asarray(x["atomic_numbers"]) for x in train.inputs]
        elements = Elements.from_counts(numbers, np.array([float(e) for e in train.outputs["energy"]]))
        network = Expansion.blank(len(elements.numbers), self.radial, self.lmax, self.bodies)
        has_stress = "stress" in train.outputs
        blank = Potential(
            network, elements, 1.0, self.radial.cutoff, images_of(train.inputs, self.radial.cutoff), has_stress
        )  # type: ignore[arg-type]
        s = float(np.sqrt(np.mean(np.concatenate([np.ravel(f) for f in train.outputs["forces"]]) ** 2))) or 1.0
        size = network.weights.size
        normal, right = np.zeros((size, size)), np.zeros(size)
        with session.during("linear system") as tell:
            for i, (x, y) in enumerate(zip(train.inputs, _rows(train), strict=True)):
                rows, values = _equations(blank, x, y, self.energy_weight)
                normal += rows.T @ rows / s**2
                right += rows.T @ values / s**2
                tell(i + 1, len(train))
        held = [_equations(blank, x, y, self.energy_weight) for x, y in zip(validation.inputs, _rows(validation))]
        errors, found = [], []
        for ridge in RIDGES:
            found.append(_solved(normal, right, ridge))
            errors.append(np.sqrt(np.mean(np.concatenate([rows @ found[-1] - values for rows, values in held]) ** 2)))
        best = int(np.argmin(errors))
        session.say(f"{size} weights, ridge {RIDGES[best]:g}: validation error {1000 * errors[best]:.2f} meV/A")
        weights = found[best].reshape(network.weights.shape)
        return eqx.tree_at(lambda p: p.network.weights, blank, weights)

    def _drawn(self, train: Samples, key: PRNGKeyArray) -> Samples:
        """Whole groups of frames."""
        if self.share == 1.0:
            return train
        group = np.arange(len(train)) if train.group is None else np.asarray(train.group)
        kinds = np.unique(group)
        kept = jax.random.permutation(key, kinds)[: max(round(self.share * len(kinds)), 1)]
        return train.take(np.flatnonzero(np.isin(group, np.asarray(kept))))


def _rows(samples: Samples) -> list[dict[str, Any]]:
    return [{name: values[i] for name, values in samples.outputs.items()} for i in range(len(samples))]


def _equations(
    blank: Potential, x: Atoms, y: dict[str, Any], energy_weight: float
) -> tuple[Float[np.ndarray, "rows weights"], Float[np.ndarray, " rows"]]:
    """Rows . w = values, for the forces, the energy and, where it is known, the virial of one frame."""
    n = len(x.positions)
    bare = Atoms(np.asarray(x.positions, float), x.atomic_numbers, np.asarray(x.cell, float), x.pbc)
    with double():
        energy, forces, virial, space = map(np.asarray, _design(blank, blank.prepare(bare)))
    root = math.sqrt(energy_weight / n)
    rows = [-forces.reshape(len(energy), -1).T, root * energy[None]]
    beyond = float(y["energy"]) - blank.elements.total(np.asarray(x.atomic_numbers))
    values = [np.ravel(np.asarray(y["forces"], float)), np.array([root * beyond])]
    if "stress" in y and np.isfinite(space):
        rows.append(virial.reshape(len(energy), 9).T / math.sqrt(n))
        values.append(np.ravel(np.asarray(y["stress"], float)) * space / math.sqrt(n))
    return np.concatenate(rows), np.concatenate(values)


@eqx.filter_jit
def _design(blank: Potential, x: Atoms) -> tuple[Array, Array, Array, Array]:
    """What every weight adds to the energy [w], its derivatives by positions [w, n, 3] and strain [w, 3, 3]; volume."""
    species = blank.elements.species(x.atomic_numbers)
    of = jax.nn.one_hot(species, len(blank.elements.numbers), dtype=jnp.float64)

    def summed(r: Float[Array, "n 3"], strain: Float[Array, "3 3"]) -> Float[Array, " w"]:
        near = near_of(strained(x.replace(positions=r), strain), blank.cutoff)
        return (of.T @ blank.network.features(species, near)).ravel()  # type: ignore[attr-defined]

    r, still = jnp.asarray(x.positions, jnp.float64), jnp.zeros((3, 3))
    by_place, by_strain = jax.jacfwd(summed, (0, 1))(r, still)
    return summed(r, still), by_place, by_strain, volume(x)


def _solved(normal: Float[np.ndarray, "w w"], right: Float[np.ndarray, " w"], ridge: float) -> Float[np.ndarray, " w"]:
    """Of least squares with columns in units of their length; what never occurs has no weight."""
    length = np.sqrt(np.diag(normal))
    unit = np.where(length > 1e-9 * length.max(), 1 / np.maximum(length, 1e-300), 0.0)
    values, vectors = np.linalg.eigh(normal * unit[:, None] * unit)
    return unit * (vectors @ ((vectors.T @ (unit * right)) / (np.maximum(values, 0.0) + ridge * len(values))))
