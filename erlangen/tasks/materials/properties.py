"""Scalar and tensor properties of crystals: phonon frequency, dielectric and piezoelectric tensor.

    cell, positions, elements  ->  omega [cm^-1],  eps_ij [1],  e_ijk [C/m^2]

The point group of a crystal forbids components of its tensors (all of e_ijk under inversion); an answer that commutes
with O(3) respects that without being told. Truth: halides as polarisable point charges (physics.ionic_crystals, no
download), published density-functional perturbation theory, or a column of the user's own file.
Petretto et al. 2018, doi:10.1038/sdata.2018.65; Petousis et al. 2017, doi:10.1038/sdata.2016.134; de Jong et al. 2015,
doi:10.1038/sdata.2015.53; Matbench folds: Dunn et al. 2020, doi:10.1038/s41524-020-00406-3.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...assess.metrics import absolute
from ...contract import Outputs, PublishedResult, ReferenceSolver, Samples, Score, Shift, Split, Supervised
from ...core import quantity
from ...core.errors import Invalid, within
from ...core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from ...core.quantity import Quantity, Representation
from ...core.systems import Atoms, System
from ...data.cache import Key, cost_of, key_of, remembered
from ...data.partition import Partition, Partitioned
from ...data.property_sets import property_partition, property_samples
from ...data.sources import Source
from ...physics.ionic_crystals import CONVERGED, Crystal, coulomb_sums, dielectric_tensor, frequencies
from ...physics.prototypes import halide_crystals

FREQUENCY = Quantity("frequency", "omega", "cm^-1", "", label="highest phonon frequency")
DIELECTRIC = Quantity("dielectric", "eps", "1", "", quantity.tensor, label="electronic dielectric tensor")
PIEZOELECTRIC = Quantity("piezoelectric", "e", "C/m^2", "", quantity.third_rank)
OUTPUTS = {
    "ionic": (FREQUENCY, DIELECTRIC),
    "phonons": (FREQUENCY,),
    "dielectric": (DIELECTRIC,),
    "piezoelectric": (PIEZOELECTRIC,),
}
SPLITS = {"train": 0, "validation": 1, "calibration": 2, "test": 3}
LEADERBOARD = "Matbench v0.1 leaderboard, doi:10.1038/s41524-020-00406-3"
PHONON_PEERS = {
    "MegNet (kgcnn)": 28.76,
    "coNGN": 28.89,
    "ALIGNN": 29.54,
    "coGN": 29.71,
    "MODNet": 34.28,
    "CrabNet": 55.11,
    "CGCNN": 57.76,
    "random forest": 67.61,
    "mean": 323.98,
}


@dataclasses.dataclass(frozen=True)
class Properties(Supervised, Partitioned):
    """Properties of crystals from an embedded law, a public set, or a file with structures and a column of values."""

    target: str = "ionic"  # ionic, phonons, dielectric, piezoelectric, or a column of the file `data`
    fold: int = 0  # which of five parts is the test (phonons: the official Matbench folds)
    data: str = ""  # own file (JARVIS or Materials Project JSON, CSV), or a local copy of the public set
    n_train: int = 400  # ionic: training crystals
    n_test: int = 200  # ionic: test crystals, and as many for calibration; a third of it for validation
    pairs: str = "known"  # ionic: cation-anion pairs; "known": without a held-out fifth, "new": with one of these
    repeats: int = 1  # ionic: cells shaken together

    container: ClassVar[type[Atoms]] = Atoms
    inputs: ClassVar = (quantity.positions, quantity.atomic_numbers, quantity.cell)
    toy: ClassVar[Mapping[str, Any]] = {"n_train": 40, "n_test": 20}

    def __post_init__(self):
        within(self, fold=(0, 4), n_train=(3, 10**6), n_test=(3, 10**6), repeats=(1, 16))
        if self.pairs not in ("known", "new"):
            raise Invalid(must="pairs is known or new", came=repr(self.pairs), do="The default is known.")
        if self.target not in OUTPUTS and not self.data:
            raise Invalid(
                must=f"the target is one of {', '.join(OUTPUTS)}, or a column of an own file",
                came=f"{self.target!r} without a file",
                do="Add --data FILE, or choose one of these targets.",
            )
        if self.target == "ionic" and self.data:
            raise Invalid(
                must="an own file comes with the name of one of its columns",
                came=f"data={self.data!r} with target ionic",
                do="Add --target COLUMN.",
            )

    @property
    def sources(self) -> tuple[Source, ...]:
        return (Source.parse(self.data),) if self.data else ()

    @property
    def partition(self) -> Partition | None:
        """Whole chemical systems where there are many; the official folds of the public set."""
        return property_partition(self.target, self.outputs[0].name, self.data, self.fold) if self.data else None

    @property
    def outputs(self) -> tuple[Quantity, ...]:  # type: ignore[override]
        return OUTPUTS[self.target] if self.target in OUTPUTS else (_own_quantity(self.data, self.target),)

    @property
    def published(self) -> tuple[PublishedResult, ...]:  # type: ignore[override]
        """Published errors on the same folds."""
        if self.target != "phonons":
            return ()
        return tuple(PublishedResult(k, "frequency_mae", v, "cm^-1", LEADERBOARD) for k, v in PHONON_PEERS.items())

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Orthogonal(), Translations(), Permutations(), LatticeBasis(), LatticeTranslations())

    @property
    def scores(self) -> tuple[Score, ...]:
        found = []
        for q in self.outputs:
            if q.rep.rank == 0:
                found.append(Score(f"{q.name}_mae", q.name, absolute, q.unit, f"{q.name} MAE"))
                continue
            found.append(Score(f"{q.name}_error", q.name, frobenius, q.unit, f"{q.name} Frobenius error"))
            found.append(Score(f"{q.name}_forbidden", q.name, forbidden, q.unit, f"{q.name}, forbidden components"))
        return tuple(found)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        if self.target != "ionic":
            return ()
        return (Shift("pairs", ("new",), "new pairs"), Shift("repeats", (2, 3), "larger", "cells"))

    def shifted(self, axis: str, value: Any) -> Properties:
        """New pairs of ions, or larger cells, judged on a third of the crystals."""
        return dataclasses.replace(self, **{axis: value}, n_test=max(self.n_test // 3, 3))

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        ranges = (2.0, 3.0, CONVERGED)
        return (ReferenceSolver("Ewald sums", "range", ranges, _solve),) if self.target == "ionic" else ()

    def truth(self, split: Split) -> Samples:
        """Crystals with their properties; `group` is the compound or chemical system of each."""
        if self.target == "ionic":
            return remembered(self._key(split), lambda: self._label(split))
        return property_samples(self.target, self.outputs[0].name, self.data, self.fold)[split]

    def solve(self, x: System) -> Outputs | None:
        """The law itself; none for calculated sets."""
        return _solve(x) if self.target == "ionic" else None

    def label_seconds(self) -> float:
        """Labelling of the training and validation crystals; 0 for files."""
        if self.target != "ionic":
            return 0.0
        return sum(cost_of(self._key(s)) or 0.0 for s in ("train", "validation"))

    def _count(self, split: Split) -> int:
        return {"train": self.n_train, "validation": max(self.n_test // 3, 2)}.get(split, self.n_test)

    def _key(self, split: Split) -> Key:
        return key_of(self, split, of=("pairs", "repeats"), count=self._count(split))

    def _label(self, split: Split) -> Samples:
        rng = np.random.default_rng([SPLITS[split], self.repeats, self.pairs == "new"])
        allowed = _has_new_pair if self.pairs == "new" else lambda pairs: not _has_new_pair(pairs)
        crystals, compound = halide_crystals(self._count(split), rng, allowed, self.repeats)
        inputs = [Atoms(c.positions, c.atomic_numbers, c.cell, np.ones(3, bool)) for c in crystals]
        labels = [_solve(x) for x in inputs]
        return Samples(inputs, {name: [y[name] for y in labels] for name in labels[0]}, compound)


def frobenius(predicted: Any, true: Any) -> float:
    """|t - t*|_F of one tensor."""
    return float(np.linalg.norm(np.ravel(np.asarray(predicted, np.float64) - np.asarray(true, np.float64))))


def forbidden(predicted: Any, true: Any) -> float:
    """The largest component of the answer where the truth is exactly zero, in the frame of the crystal's axes."""
    predicted, true = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    return float(np.max(np.abs(predicted), where=true == 0, initial=0.0))


def _solve(x: System, reach: float = CONVERGED) -> dict[str, Any]:
    crystal = Crystal(*(np.asarray(x[name], float) for name in ("positions", "atomic_numbers", "cell")))
    field = coulomb_sums(crystal, reach)[1]
    tensor = dielectric_tensor(crystal, field)
    tensor = np.where(np.abs(tensor) < 1e-12, 0.0, tensor)  # rounding of components that symmetry forbids
    return {"frequency": np.asarray(frequencies(crystal, field)[-1]), "dielectric": tensor}


def _has_new_pair(pairs: set[tuple[int, int]]) -> bool:
    """A fifth of the cation-anion pairs, spread over both; all elements occur among the others as well."""
    return any((cation + 2 * (anion // 9)) % 5 == 0 for cation, anion in pairs)


def _own_quantity(path: str, column: str) -> Quantity:
    """What a column of a file is, by the shape of its values."""
    source = Source.parse(path)
    return _quantity_of(source, column, source.digest)


@functools.lru_cache(maxsize=8)
def _quantity_of(source: Source, column: str, digest: str) -> Quantity:
    shape = np.shape(property_samples(column, column, str(source), 0)["train"].outputs[column][0])
    if shape not in ((), (3,), (3, 3), (3, 3, 3)):
        raise Invalid(
            must="values are numbers or tensors of rank 1 to 3",
            came=f"{column} of shape {shape} in {source.path}",
            do="Choose another column.",
        )
    name = "".join(c if c.isalnum() else "_" for c in column).strip("_")
    rep = Representation(f"rank {len(shape)}", rank=len(shape))
    return Quantity(name, name, source.units or "as in the file", "", rep)
