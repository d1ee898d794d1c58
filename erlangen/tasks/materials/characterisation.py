"""What crystal has this powder pattern? Crystal system and lattice parameters from counts on a grid of angles.

    y(2theta)  ->  p(system) of seven,   a <= b <= c of the conventional cell [A]

Truth: structure factors, both K alpha lines of copper, pseudo-Voigt peaks, texture of March, a background, Poisson
counts (physics.diffraction, physics.powder) of random crystals by space group, or of the crystals in a file. Every
pattern has its own peak width, zero, displacement, texture and background; how far they spread is a setting and an axis
of shift. Systems and cells are those that spglib finds within 0.01 A. Compositions of one split are in no other.
Random crystals as training data: Schopmans, Reiser, Friederich 2023, doi:10.1039/D3DD00071K; crystal systems by
networks: Park et al. 2017, doi:10.1107/S205225251700714X.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...contract import Outputs, ReferenceSolver, Samples, Score, Shift, Split, Supervised
from ...core.detector_groups import Gain
from ...core.errors import Invalid, within
from ...core.groups import Group
from ...core.quantity import Quantity
from ...core.systems import Field, System
from ...data.cache import Key, cost_of, key_of, remembered
from ...data.partition import Partition, Partitioned, divide, units
from ...data.readers import read_atoms
from ...data.sources import Source
from ...physics.diffraction import Scatterers
from ...physics.indexing import index_pattern
from ...physics.powder import Instrument, background, counted, pattern
from ...physics.random_crystals import ELEMENTS, SYSTEMS, RandomCrystal, random_crystal, symmetry_of

SPLITS = {"train": 0, "validation": 1, "calibration": 2, "test": 3}
FIRST, STEP, POINTS = 10.0, 0.05, 1400  # degrees 2 theta: 10 to 80
LENGTHS = ("a", "b", "c")
# oxygen, fluorine, silicon, sulphur, chlorine are known; phosphorus, calcium, manganese, zinc, bromine, ... are new
NEW = tuple(z for z in ELEMENTS if z % 5 == 0)
KNOWN = tuple(z for z in ELEMENTS if z % 5)
DISPLACEMENT = 0.008  # A^2, of atoms in files


@dataclasses.dataclass(frozen=True)
class Characterisation(Supervised, Partitioned):
    """Crystal system and cell from a powder pattern, Cu K alpha, 10 to 80 degrees."""

    data: str = ""  # own file of crystals (CIF, POSCAR, extxyz) instead of random ones; patterns are computed
    n_train: int = 8000  # random crystals to train on
    n_test: int = 600  # and for the test, as many for calibration; a third of it for validation
    counts: float = 3000.0  # at the highest peak, median; they spread by a factor of 2
    width: float = 0.12  # degrees: full width of peaks at low angles, median; it spreads by a third
    texture: float = 0.1  # spread of ln r of March's texture, about a random low-index axis
    elements: str = "known"  # known: of compounds trained on; new: of elements that no training crystal has
    groups: str = "found"  # found: space groups of a system as often as in nature; alike: each as often

    container: ClassVar[type[Field]] = Field
    inputs: ClassVar = (
        Quantity("intensity", "y", "1", "grid", label="intensity"),
        Quantity("first", "2theta_0", "degree", "", label="angle of the first point"),
    )
    outputs: ClassVar = (
        Quantity("system", "p", "1", "", label="crystal system", classes=SYSTEMS),
        *(Quantity(name, name, "A", "", label=f"lattice parameter {name}") for name in LENGTHS),
    )
    budget: ClassVar[str] = "15m"
    toy: ClassVar[Mapping[str, Any]] = {"n_train": 40, "n_test": 24}

    def __post_init__(self):
        within(self, n_train=(8, 10**6), n_test=(4, 10**5), counts=(1.0, 1e7), width=(0.02, 2.0), texture=(-1e-9, 2.0))
        if self.elements not in ("known", "new"):
            raise Invalid(must="elements is known or new", came=repr(self.elements), do="The default is known.")
        if self.groups not in ("found", "alike"):
            raise Invalid(must="groups is found or alike", came=repr(self.groups), do="The default is found.")

    @property
    def sources(self) -> tuple[Source, ...]:
        return (Source.parse(self.data),) if self.data else ()

    @property
    def idle(self) -> frozenset[str]:
        return frozenset({"elements", "groups"}) if self.data else frozenset()

    @property
    def partition(self) -> Partition | None:
        """Of own crystals: whole compositions."""
        return _own(self.data, self.sources[0].content, self.n_train, self.n_test)[1] if self.data else None

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Gain(),)

    @property
    def scores(self) -> tuple[Score, ...]:
        lengths = [Score(f"{n}_error", n, relative, "1", f"relative error of {n}") for n in LENGTHS]
        beyond = [Score(f"{n}_beyond", n, beyond_one_percent, "1", f"{n} off by more than 1 %") for n in LENGTHS]
        return (Score("system_error", "system", misnamed, "1", "wrong crystal systems"), *lengths, *beyond)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        new = () if self.data or self.elements == "new" else (Shift("elements", ("new",), "new elements"),)
        return (
            *new,
            *(() if self.data or self.groups == "alike" else (Shift("groups", ("alike",), "rare space groups"),)),
            Shift("counts", (300.0,), "noise", "counts at the peak"),
            Shift("texture", (0.6,), "texture"),
            Shift("width", (0.3,), "wide peaks", "degree"),
        )

    def shifted(self, axis: str, value: Any) -> Characterisation:
        """Judged on a third of the crystals."""
        few = self.n_test if self.data else max(self.n_test // 3, 4)
        return dataclasses.replace(self, **{axis: value}, n_test=few)

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        return (ReferenceSolver("indexing by trial", "lines", (8, 16), _indexed),)

    def truth(self, split: Split) -> Samples:
        """Patterns of one split with what they are patterns of; `group` is the composition of each."""
        return remembered(self._key(split), lambda: self._label(split))

    def label_seconds(self) -> float:
        """Of the training and validation patterns; 0 where they were never made here."""
        return sum(cost_of(self._key(s)) or 0.0 for s in ("train", "validation"))

    def _count(self, split: Split) -> int:
        return {"train": self.n_train, "validation": max(self.n_test // 3, 4)}.get(split, self.n_test)

    def _key(self, split: Split) -> Key:
        matter = ("data", "counts", "width", "texture", *(() if self.data else ("elements", "groups")))
        sizes = (self.n_train, self.n_test) if self.data else self._count(split)
        return key_of(self, split, of=matter, also=(random_crystal, pattern, background), count=sizes)

    def _label(self, split: Split) -> Samples:
        rng = np.random.default_rng([SPLITS[split], self.elements == "new"])
        if self.data:
            crystals, partition = _own(self.data, self.sources[0].content, self.n_train, self.n_test)
            chosen = [crystals[i] for i in partition.rows[split]]
        else:
            pool = NEW if self.elements == "new" else KNOWN
            alike = self.groups == "alike"
            chosen = [random_crystal(rng, pool, alike=alike) for _ in range(self._count(split))]
        seen = np.random.default_rng([SPLITS[split], 7])  # apart: the same crystals under every condition
        inputs = [seen_as(self.measured(c.scatterers, seen)) for c in chosen]
        kinds = {tuple(np.unique(c.scatterers.atomic_numbers)): 0 for c in chosen}
        group = {kind: i for i, kind in enumerate(kinds)}
        answers: dict[str, Any] = {"system": [np.eye(len(SYSTEMS), dtype=np.float32)[c.system] for c in chosen]}
        answers |= {name: [np.float64(c.lengths[i]) for c in chosen] for i, name in enumerate(LENGTHS)}
        return Samples(
            inputs, answers, np.array([group[tuple(np.unique(c.scatterers.atomic_numbers))] for c in chosen])
        )

    def measured(self, crystal: Scatterers, rng: np.random.Generator) -> np.ndarray:
        """One pattern [points], its highest point 1."""
        width = self.width * np.exp(0.3 * rng.standard_normal())
        zero, displacement = rng.normal(0, 0.02), rng.normal(0, 0.03)
        instrument = Instrument(0.3 * width**2, -0.1 * width**2, width**2, rng.uniform(0.2, 0.9), 0, zero, displacement)
        axis = tuple(int(i) for i in rng.permutation([(1, 0, 0), (1, 1, 0), (1, 1, 1)][rng.integers(3)]))
        r = float(np.exp(np.clip(self.texture * rng.standard_normal(), -2, 2)))
        y = pattern(crystal, angles(), "CuKa", instrument, (axis, r))  # type: ignore[arg-type]
        level = 10 ** rng.uniform(-2.0, -0.8) * background(angles(), rng)
        found = counted(y, level, self.counts * np.exp(0.7 * rng.standard_normal()), rng)
        return (found / max(found.max(), 1.0)).astype(np.float32)


def seen_as(intensity: np.ndarray) -> Field:
    """The container of a pattern on the grid."""
    return Field({"intensity": intensity}, (STEP,), "walls", {"first": np.asarray(FIRST, np.float32)})


def angles() -> np.ndarray:
    """The grid of all patterns, 2 theta in degrees."""
    return FIRST + STEP * np.arange(POINTS)


def misnamed(predicted: Any, true: Any) -> float:
    """1 where the likeliest class is not the true one; an answer without a likeliest class counts as wrong."""
    predicted, true = np.asarray(predicted, float), np.asarray(true, float)
    best = np.flatnonzero(predicted == predicted.max())
    return float(len(best) != 1 or true[best[0]] != 1)


def relative(predicted: Any, true: Any) -> float:
    """|a - a*| / a*."""
    return float(abs(np.asarray(predicted, float) / np.asarray(true, float) - 1))


def beyond_one_percent(predicted: Any, true: Any) -> float:
    """1 where the relative error is above 0.01: the median error is below 1 % where less than half of them are."""
    return float(not relative(predicted, true) <= 0.01)


def _indexed(x: System, lines: int) -> Outputs:
    """The cell of highest figure of merit, and its system."""
    found = index_pattern(angles(), np.asarray(x["intensity"], float), lines=lines)
    lengths = np.sort(found.lengths)
    return {"system": np.eye(len(SYSTEMS))[found.system], **{n: lengths[i] for i, n in enumerate(LENGTHS)}}


@functools.lru_cache(maxsize=2)
def _own(data: str, content: str, n_train: int, n_test: int) -> tuple[list[RandomCrystal], Partition]:
    """Crystals of a file, divided by composition; what is no crystal is refused."""
    atoms = [frame.atoms for frame in read_atoms(Source.parse(data))]
    loose = sum(not np.all(x.pbc) for x in atoms)
    if loose:
        came = f"{loose} of {len(atoms)} structures are not periodic in three directions"
        raise Invalid(must="what diffracts is a crystal", came=came, do="Leave them out.")
    crystals = []
    for x in atoms:
        cell, numbers = np.asarray(x.cell, float), np.asarray(x.atomic_numbers, np.int32)
        places = np.asarray(x.positions, float) @ np.linalg.inv(cell)
        number, lengths, rotations = symmetry_of(cell, places, numbers)
        n = len(numbers)
        found = Scatterers(cell, places, numbers, np.ones(n), np.full(n, DISPLACEMENT), rotations)
        crystals.append(RandomCrystal(found, number, lengths))
    found = units(len(atoms), Source.parse(data), systems=[tuple(np.unique(x.atomic_numbers).tolist()) for x in atoms])
    rest = len(atoms)
    counts: dict[Split, int] = {}
    for name, share in (("test", 0.15), ("calibration", 0.15), ("validation", 0.05)):
        counts[name] = max(min(round(share * len(atoms)), n_test), 1)  # type: ignore[index]
        rest -= counts[name]  # type: ignore[index]
    if rest < 4:
        raise Invalid(must="a file holds at least 8 crystals", came=str(len(atoms)), do="Give more.")
    part = divide(found, {**counts, "train": rest}, key=0)
    rows = {**part.rows, "train": part.rows["train"][:n_train]}
    return crystals, dataclasses.replace(part, rows=rows)
