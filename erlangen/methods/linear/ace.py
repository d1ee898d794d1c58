"""Linear atomic cluster expansion: energies of up to four bodies, fitted to energies, forces and stress at once.

    w = argmin  s^2 |Gamma w|^2 + sum_frames [ |F - F*|^2 / 3n + w_E (E - E*)^2 / n + w_s V^2 |sigma - sigma*|^2 / 9n ]

The energy is linear in its parameters w (`nn.cluster_basis`), so that the best ones are the solution of one linear
problem: no steps, no rate, no seed. Gamma: the size of a function in the data, times a power of its degree, since
energies are smooth; that power and the strength s are those that do best on the validation split, which then joins the
data. What practitioners use where data are few and of few elements (SNAP, moment tensors and this expansion are of
this kind). It sees no further than its cutoff, and the number of functions grows as the cube
of the number of elements. Drautz 2019, doi:10.1103/PhysRevB.99.014104; Witt et al. 2023, doi:10.1063/5.0158783.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from ...contract import Budget, Method, Predictor, Samples, Session, Signature, Supervised
from ...core.errors import Invalid, within
from ...core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from ...core.systems import Atoms
from ...nn.cluster_basis import Distances, Expansion, Products
from ...nn.elements import Elements
from ...numerics.neighbour_lists import LABEL, listed
from ...numerics.precision import double
from ..message_passing._potential import Potential, images_of
from ._design import Triangle, columns, path, rows

MOST = 4000  # parameters
POWERS = (0.0, 1.0, 2.0, 3.0)  # of the degree in Gamma
STRENGTHS = np.logspace(-9, 0, 37)
ROUNDING = 6e-8  # of float32
FLOOR = 1e-4  # of the largest function: one that vanishes in the data by symmetry is no cheaper than that
SEVERAL = 4000  # rows that are taken together
LARGE = 32  # atoms from which sizes are multiples of it, below powers of 2


@dataclasses.dataclass(frozen=True)
class LinearExpansion(Method):
    """Linear atomic cluster expansion; degrees: of products of one, two, three densities."""

    degrees: tuple[int, ...] = (14, 12, 10)
    cutoff: float = 5.0  # A; far beyond the nearest neighbours (nearly all of the envelope is gone at its end)
    energy_weight: float = 5.0  # of the squared energy error per atom against the squared force error
    stress_weight: float = 0.1  # of the squared error of the virial per atom, likewise
    spoilt: float = 1e-5  # of the labels by rounding in float32, where terms cancel; much less costs accuracy

    accepts: ClassVar[Signature] = Signature(Supervised, Atoms, frozenset({"energy", "forces"}))

    def __post_init__(self):
        within(self, cutoff=(0.0, 100.0), energy_weight=(-1e-9, 1e9), stress_weight=(-1e-9, 1e9), spoilt=(0.0, 1.0))
        if not 1 <= len(self.degrees) <= 3 or not all(0 <= d <= 40 for d in self.degrees):
            raise Invalid(
                must="degrees are those of products of one, of two and of three densities, from 0 to 40",
                came=f"{self.degrees}",
                do="Good values: 14,12,10; fewer numbers for fewer bodies.",
            )

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Orthogonal, Translations, Permutations, LatticeBasis, LatticeTranslations)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Solve for the parameters, on training and validation samples; no budget stops it, nothing is drawn."""
        parts = [task.truth("train"), task.truth("validation")]
        elements = Elements.from_counts(
            [np.asarray(x["atomic_numbers"]) for x in parts[0].inputs],
            np.array([float(e) for e in parts[0].outputs["energy"]]),
        )
        if task.sources:  # who asks for one molecule by name knows that it is one
            elements.tell_undetermined()
        count = len(elements.numbers)
        products = Products(self.degrees, count)
        functions = len(products.kept)
        if count * functions > MOST:
            raise Invalid(
                must=f"a linear expansion has at most {MOST} parameters",
                came=f"{count * functions} for {count} elements with degrees {self.degrees}",
                do="Lower --degrees, or take a network (mace), which shares weights among elements.",
            )
        radial = Distances(self.cutoff, nearest(parts[0].inputs, self.cutoff), products.count)
        with double():
            basis = Expansion(jnp.zeros((count, functions)), radial, products)
            said = f"{count * functions} parameters: rows of {sum(map(len, parts))} frames"
            with session.during(said) as tell:
                total = sum(map(len, parts))
                train = self._problem(basis, elements, parts[0], lambda done: tell(done, total))
                held = self._problem(basis, elements, parts[1], lambda done: tell(len(parts[0]) + done, total))
        w, chosen = solved(train, held, np.tile(products.orders, count), self.spoilt)
        session.say(f"{count * functions} parameters, {chosen}")
        solution = Expansion(jnp.asarray(w.reshape(count, functions), jnp.float32), radial, products)
        inputs = [x for part in parts for x in part.inputs]
        has_stress = "stress" in {q.name for q in task.outputs}
        return Potential(solution, elements, 1.0, self.cutoff, images_of(inputs, self.cutoff), has_stress)  # type: ignore[arg-type]

    def _problem(self, basis: Expansion, elements: Elements, part: Samples, tell: Any) -> Triangle:
        """The rows of a split."""
        found = Triangle(basis.weights.size)
        weights = {"energy": self.energy_weight, "stress": self.stress_weight}
        waiting: list[tuple[np.ndarray, np.ndarray]] = []
        names = [name for name in ("forces", "stress") if name in part.outputs]
        for i, x in enumerate(alike(part.inputs, self.cutoff)):
            numbers = np.asarray(x.atomic_numbers)
            true: dict[str, Any] = {name: np.asarray(part.outputs[name][i], float) for name in names}
            true["energy"] = float(part.outputs["energy"][i]) - elements.total(numbers)
            species = np.searchsorted(elements.numbers, np.maximum(numbers, elements.numbers[0]))
            sums = {k: np.asarray(v) for k, v in columns(basis, species, x).items()}
            waiting.append(rows({**sums, "forces": sums["forces"][numbers > 0]}, x, true, weights))
            if sum(len(y) for _, y in waiting) > SEVERAL or i == len(part) - 1:
                found.add(np.concatenate([a for a, _ in waiting]), np.concatenate([y for _, y in waiting]))
                waiting = []
                tell(i + 1)
        return found


def alike(inputs: Sequence[Any], cutoff: float) -> Iterator[Atoms]:
    """The inputs in float64 with their lists, filled up to a few sizes so that few programs are compiled."""
    ready = [listed(_double(x), cutoff, skin=0.0) for x in inputs]
    width = max(x.labels[LABEL].width for x in ready)
    for x in ready:
        count = len(x.positions)
        n = 1 << (count - 1).bit_length() if count < LARGE else LARGE * -(-count // LARGE)
        more = [(0, n - count), (0, 0)]
        pairs = x.labels[LABEL].padded(n, width)
        yield Atoms(
            np.pad(x.positions, more), np.pad(x.atomic_numbers, more[0]), x.cell, x.pbc, {**x.labels, LABEL: pairs}
        )


def solved(train: Triangle, held: Triangle, orders: np.ndarray, spoilt: float) -> tuple[np.ndarray, str]:
    """Parameters of both parts with the regularisation that does best on the second, and that in words.

    Of those whose answers float32 can hold: terms that cancel each other leave ROUNDING of their size behind.
    """
    size = np.linalg.norm(train.matrix, axis=0)
    size = np.maximum(size, FLOOR * size.max())
    allowed = spoilt / ROUNDING * np.linalg.norm(train.values)
    best, found = np.inf, (POWERS[0], float(STRENGTHS[-1]))
    for power in POWERS:
        w = path(train, size * (1 + orders) ** power, STRENGTHS)
        holds = np.linalg.norm(w * size[:, None], axis=0) < allowed
        losses = np.where(holds, held.losses(w), np.inf)
        if losses.min() < best:
            best, found = float(losses.min()), (power, float(STRENGTHS[np.argmin(losses)]))
    power, strength = found
    w = path(train.joined(held), size * (1 + orders) ** power, np.array([strength]))[:, 0]
    return w, f"smoothness of power {power:g}, strength {strength:.1e}"


def nearest(inputs: Sequence[Any], cutoff: float, count: int = 30) -> float:
    """Mean distance of nearest neighbours [A], over atoms of some of the inputs."""
    found = []
    for i in np.unique(np.linspace(0, len(inputs) - 1, count).astype(int)):
        x = inputs[i]
        pairs = listed(x, cutoff, skin=0.0).labels[LABEL]
        r, senders = np.asarray(x["positions"], float), np.asarray(pairs.reverse) // pairs.width
        apart = r[:, None] - r[senders] - np.asarray(pairs.shifts) @ np.asarray(x["cell"], float)
        distances = np.where(pairs.mask, np.linalg.norm(apart, axis=-1), np.inf).min(1)
        found.append(distances[np.isfinite(distances)])
    whole = np.concatenate(found)
    return float(np.mean(whole)) if len(whole) else cutoff / 2


def _double(x: Any) -> Atoms:
    positions, cell = np.asarray(x["positions"], float), np.asarray(x["cell"], float)
    return Atoms(positions, np.asarray(x["atomic_numbers"]), cell, np.asarray(x["pbc"]))


small = LinearExpansion(degrees=(5, 4, 3), cutoff=6.5, spoilt=3e-7)
base = LinearExpansion()
