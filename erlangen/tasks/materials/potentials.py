"""Energy, forces and stress of condensed matter: crystals that are strained, hot, or lack an atom.

    positions, elements, cell  ->  E [eV],  F_i = -dE/dr_i [eV/A],  sigma = (1/V) dE/d epsilon [eV/A^3]

Truth: frames of a crystal on the surface of a law of interaction (physics.interatomic; no download), density functional
theory of six elements (mlearn: Zuo et al. 2020, doi:10.1021/acs.jpca.9b08723), or the user's own file. Splits of the
first are cells that were strained and thermalised independently. Classical potentials answer beside: that of the labels
with everything, others with forces and stress, since two laws have different zeros of energy. What follows for the
crystal is judged too: elastic constants, equation of state, a vacancy, surfaces (`_crystals`).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ...assess.metrics import absolute, squared
from ...contract import SPLITS as EVERY
from ...contract import (
    Consequence,
    Outputs,
    PublishedResult,
    ReferenceSolver,
    Samples,
    Score,
    Shift,
    Split,
    Supervised,
)
from ...core import quantity
from ...core.errors import Invalid, unknown, within
from ...core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from ...core.quantity import Quantity
from ...core.systems import Atoms, System
from ...data.cache import Key, cost_of, key_of, remembered
from ...data.elastic_labels import stated
from ...data.frame_sets import FrameSet, listed
from ...data.mlearn import TRAINING, mlearn
from ...data.partition import Partition, Partitioned
from ...data.sources import Source
from ...physics.crystal_frames import Conditions, answer, crystal, elements_of, frames, unit_of
from ...physics.interatomic.catalogue import law
from ._crystals import of_labels, of_law

PUBLIC = "mlearn"
CRYSTALS = {  # law -> the element that is meant where none is said
    "emt": "Cu",
    "stillinger-weber": "Si",
    "zhou": "Cu",
    "zhou-copper": "Cu",
    "lj-argon": "Ar",
}
TABLE = "Zuo et al. 2020, doi:10.1021/acs.jpca.9b08723, as tabulated beside doi:10.1063/5.0158783"
MLEARN_PEERS = {  # element -> test MAE of GAP and of MTP: energy in meV/atom, forces in eV/A, rounded as there
    "Ni": ((0.42, 0.02), (0.48, 0.01)),
    "Cu": ((0.46, 0.01), (0.41, 0.01)),
    "Li": ((0.49, 0.01), (0.49, 0.01)),
    "Mo": ((2.24, 0.09), (2.83, 0.09)),
    "Si": ((2.91, 0.07), (2.21, 0.06)),
    "Ge": ((2.06, 0.05), (1.79, 0.05)),
}
FEW = 30  # training frames
SPLITS = {"train": 0, "validation": 1, "calibration": 2, "test": 3}


@dataclasses.dataclass(frozen=True)
class Potentials(Supervised, Partitioned):
    """Energy, forces and stress of a crystal on the surface of a law, of mlearn, or of what an own file holds."""

    engine: str = "emt-cu"  # law and element: emt-al, stillinger-weber-si, zhou-mo; or mlearn-si: DFT, downloaded
    temperature: float = 300.0  # K, of the sampled frames
    strain: float = 0.02  # of the sampled cells: standard deviation of each component
    n_train: int = 200  # training frames
    n_test: int = 100  # test frames, and as many for calibration; a third of it for validation
    data: str = ""  # own file with energies and forces, as in molecules/forces; mlearn: the folder of a local copy
    test: str = ""  # own test file; default: a share of `data`
    judged_on: str = ""  # further own files to judge the answer on, separated by commas

    container: ClassVar[type[Atoms]] = Atoms
    inputs: ClassVar = (quantity.positions, quantity.atomic_numbers, quantity.cell)
    toy: ClassVar[Mapping[str, Any]] = {"n_train": 10, "n_test": 10}

    def __post_init__(self):
        within(self, temperature=(0, 1e4), strain=(0, 0.2), n_train=(3, 10**6), n_test=(3, 10**6))
        kind, element = _parts(self.engine)
        if kind == PUBLIC and element not in TRAINING:
            raise unknown("an element of mlearn", element, [f"{PUBLIC}-{e.lower()}" for e in TRAINING])
        own = kind != PUBLIC and self.data
        if (self.test or self.judged_on) and not own:
            raise Invalid(
                must="test and judged_on come with an own training file",
                came=f"test={self.test!r}, judged_on={self.judged_on!r} with engine={self.engine}, data={self.data!r}",
                do="Add --data FILE.",
            )

    @property
    def idle(self) -> frozenset[str]:
        sampled = frozenset({"temperature", "strain", "n_train", "n_test"})
        if self._is_public:
            return sampled
        return sampled | {"engine"} if self.data else frozenset({"test", "judged_on"})

    @property
    def sources(self) -> tuple[Source, ...]:
        return self._own.sources if self.data and self._own else ()

    @property
    def partition(self) -> Partition | None:
        """Of files: blocks of time, whole compositions where there are many (`data.partition`)."""
        return self._own.partition if self._own else None

    @property
    def outputs(self) -> tuple[Quantity, ...]:  # type: ignore[override]
        """Energy, forces and stress; the latter of own files where they have it."""
        whole = (quantity.energy, quantity.forces, quantity.stress)
        return self._own.outputs if self.data and self._own and not self._is_public else whole

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Orthogonal(), Translations(), Permutations(), LatticeBasis(), LatticeTranslations())

    @property
    def scores(self) -> tuple[Score, ...]:
        found = (
            Score("forces_mae", "forces", absolute, "meV/A", "force MAE", factor=1000),
            Score("forces_rmse", "forces", squared, "meV/A", "force RMSE", aggregate="root", factor=1000),
            Score("energy_mae", "energy", absolute, "meV/atom", "energy MAE", factor=1000, per_atom=True),
        )
        stress = Score("stress_mae", "stress", absolute, "meV/A^3", "stress MAE", factor=1000)
        return (*found, stress) if quantity.stress in self.outputs else found

    @property
    def shifts(self) -> tuple[Shift, ...]:
        if self._is_public or self.data:
            others = listed(self.judged_on)
            return (Shift("test", others, "other file"),) if others else ()
        hotter = Shift("temperature", (2 * self.temperature, 4 * self.temperature), "hotter", "K")
        return (hotter, Shift("strain", (2 * self.strain, 3 * self.strain), "more strained"))

    def shifted(self, axis: str, value: Any) -> Potentials:
        """The same crystal hotter or more strained, judged on a third of the frames; or another test file."""
        if axis == "test":  # no file is forgotten: what is asked for depends on all of them
            value, others = str(value), ",".join(filter(None, (self.test, self.judged_on)))
            return dataclasses.replace(self, test=value, judged_on=others)
        return dataclasses.replace(self, **{axis: value}, n_test=max(self.n_test // 3, 3))

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        """The law of the labels first, then others that are for all of the elements."""
        found = [self._law] if self._law else []
        found += [name for name in CRYSTALS if name not in found and _is_for(name, self._elements)]
        return (ReferenceSolver("classical potential", "law", tuple(found), self._classical),) if found else ()

    @property
    def published(self) -> tuple[PublishedResult, ...]:  # type: ignore[override]
        """Of mlearn: errors on the same test frames, of potentials that were trained on all other frames."""
        if not self._is_public:
            return ()
        peers = zip(("GAP", "MTP"), MLEARN_PEERS[_parts(self.engine)[1]], strict=True)
        return tuple(
            PublishedResult(name, score, value, unit, TABLE)
            for name, (energy, force) in peers
            for score, value, unit in (("energy_mae", energy, "meV/atom"), ("forces_mae", 1000 * force, "meV/A"))
        )

    @property
    def consequences(self) -> tuple[Consequence, ...]:
        """The crystal on the fitted surface, beside that on the law, or beside what frames of mlearn state; not
        of own files, nor of a trial with few frames.
        """
        if not self._is_public and (self.data or self.n_train < FEW):
            return ()
        name, element = _parts(self.engine)
        others = [one for one in CRYSTALS if one != name and _is_for(one, self._elements)]
        if self._law:
            return (of_law(name, _crystal(name, element), others),)
        try:
            found = stated([self.truth(split) for split in EVERY])
        except Invalid:  # a part of the set, without strained cells
            return ()
        return (of_labels(found, unit_of(element), others),)

    def truth(self, split: Split) -> Samples:
        """Frames with energies, forces and stresses; `group` is the strained cell that a frame belongs to."""
        if self._own:
            return self._own.part(split)
        return remembered(self._key(split), lambda: self._sample(split))

    def solve(self, x: System) -> Outputs | None:
        """The law itself; none for files."""
        return _answer(self._law)(_atoms(x)) if self._law else None

    def label_seconds(self) -> float:
        """Sampling and labelling of the training and validation frames; 0 for files."""
        return 0.0 if self._own else sum(cost_of(self._key(s)) or 0.0 for s in ("train", "validation"))

    def _classical(self, x: System, setting: str) -> Outputs:
        found = _answer(setting)(_atoms(x))
        return found if setting == self._law else {name: found[name] for name in ("forces", "stress")}

    @property
    def _is_public(self) -> bool:
        return _parts(self.engine)[0] == PUBLIC

    @property
    def _law(self) -> str:
        """Name of the law of the labels; "" for files."""
        return "" if self._is_public or self.data else _parts(self.engine)[0]

    @functools.cached_property
    def _own(self) -> FrameSet | None:
        """The files, where there are any."""
        if self._is_public:
            return mlearn(_parts(self.engine)[1], self.data)
        return FrameSet(self.data, self.test, self.judged_on) if self.data else None

    @property
    def _elements(self) -> tuple[int, ...]:
        from ase.data import atomic_numbers

        own = self.data and not self._is_public
        return self._own.elements if own and self._own else (atomic_numbers[_parts(self.engine)[1]],)

    def _key(self, split: Split) -> Key:
        return key_of(self, split, of=("engine", "temperature", "strain"), count=self._count(split))

    def _count(self, split: Split) -> int:
        return {"train": self.n_train, "validation": max(self.n_test // 3, 2)}.get(split, self.n_test)

    @property
    def _conditions(self) -> Conditions:
        return Conditions(self.temperature, self.strain)

    def _sample(self, split: Split) -> Samples:
        name, element = _parts(self.engine)
        unit = _crystal(name, element)
        inputs, cell = frames(law(name), unit, self._conditions, self._count(split), seed=SPLITS[split])
        labels = [_answer(name)(x) for x in inputs]
        return Samples(inputs, {q.name: [y[q.name] for y in labels] for q in self.outputs}, cell)


def _parts(engine: str) -> tuple[str, str]:
    """Law and element; the element may be left out."""
    plain = engine.strip().lower()
    if plain in CRYSTALS:
        return plain, CRYSTALS[plain]
    name, _, element = plain.rpartition("-")
    element = element.capitalize()
    if name == PUBLIC:
        return name, element
    if name not in CRYSTALS:
        known = [*(f"{n}-{e.lower()}" for n, e in CRYSTALS.items()), *(f"{PUBLIC}-{e.lower()}" for e in TRAINING)]
        raise unknown("the engine", engine, known)
    if element not in elements_of(law(name)):
        raise unknown(f"an element of {name} with a crystal", element, elements_of(law(name)))
    return name, element


def crystal_of(engine: str) -> Atoms:
    """The conventional cell of the element that an engine is for, at its law's own lattice constant."""
    return _crystal(*_parts(engine))


def _is_for(name: str, elements: tuple[int, ...]) -> bool:
    known = law(name).elements
    return known is not None and set(elements) <= set(known)


@functools.lru_cache(maxsize=8)
def _answer(name: str) -> Callable[[Atoms], dict[str, Any]]:
    """The compiled law of that name."""
    return answer(law(name))


@functools.lru_cache(maxsize=32)
def _crystal(name: str, element: str) -> Atoms:
    return crystal(law(name), element)


def _atoms(x: System) -> Atoms:
    return Atoms(x["positions"], x["atomic_numbers"], x["cell"], x["pbc"])
