"""Order where heat has blurred it: which atoms are crystal, and of which kind, and which are liquid or glass.

    positions, cell  ->  p_i(fcc), p_i(bcc), p_i(hcp), p_i(diamond), p_i(disordered)        of every atom i

Truth: dynamics on laws of interaction. A crystal of one element is heated step by step, molten at twice its melting
point T_m, undercooled and quenched to a glass, all at zero pressure, in independent runs; every atom of a frame has the
phase of its run. Close to melting the displacements of a crystal are a tenth of the distance of neighbours and more,
and analyses by perfect surroundings (common neighbours, templates, thresholds of bond order) lose it, or take the
liquid for crystal. Frames at T / T_m = `temperature`, and of the melt at 1.1, 0.9 and 0.3 T_m, are the test.
Labels by phase of the whole run, and what the classical analyses lose: Chung, Freitas, Cheon and Reed 2022,
doi:10.1103/PhysRevMaterials.6.043801.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...contract import (
    Consequence,
    Curve,
    Outputs,
    Predictor,
    Quantities,
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
from ...core.systems import Atoms
from ...data.cache import Key, cost_of, key, remembered
from ...data.partition import Partition, Partitioned, divide, units
from ...data.readers import Frame, read_atoms
from ...data.sources import Source
from ...learn.batching import predict
from ...physics.melts import SOLID, history, melting_point, melting_points, strained
from ...physics.order.common_neighbours import ORDERS, common_neighbours
from ...physics.order.templates import match
from ...physics.order.thresholds import by_thresholds

PHASES = (*ORDERS[:4], "disordered")
KNOWN = "zhou-Cu,zhou-Fe,zhou-Co,stillinger-weber-Si"
NEW = "zhou-Ag"  # of which nothing is trained on
SEEN = 0.9  # T / T_m up to which crystals are trained on
JUDGED = (1.1, 0.9, 0.3)  # liquid, undercooled liquid, glass
SPLITS: tuple[Split, ...] = ("validation", "calibration", "test", "train")  # runs 0, 1, 2, and all others


@dataclasses.dataclass(frozen=True)
class Amorphous(Supervised, Partitioned):
    """The phase of every atom, from fcc, bcc, hcp and diamond crystals, liquids and glasses."""

    systems: str = KNOWN  # laws and elements, separated by commas
    temperature: float = 0.9  # T / T_m of the crystals in the test: 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1
    strain: float = 0.0  # of test frames: standard deviation of each component
    n_runs: int = 1  # independent runs of each system to train on
    n_atoms: int = 100  # in a cell, about
    steps: int = 100  # of dynamics between two frames, 0.2 to 0.5 ps
    data: str = ""  # own file of frames (extxyz) with `phase` for each frame or atom, instead of dynamics

    container: ClassVar[type[Atoms]] = Atoms
    inputs: ClassVar = (quantity.positions, quantity.atomic_numbers, quantity.cell)
    outputs: ClassVar = (Quantity("phase", "p", "1", "atoms", label="phase", classes=PHASES),)
    budget: ClassVar[str] = "3m"
    toy: ClassVar[Mapping[str, Any]] = {"systems": "stillinger-weber-Si", "n_atoms": 8, "steps": 1}

    def __post_init__(self):
        within(self, strain=(-1e-9, 0.2), n_runs=(1, 100), n_atoms=(8, 10_000), steps=(1, 10**6))
        if self.temperature not in SOLID:
            do = f"Take one of {', '.join(map(str, SOLID))}; own runs: erlangen md."
            raise Invalid(must="crystals were sampled at fixed T / T_m", came=str(self.temperature), do=do)
        if not self._systems:
            raise Invalid(must="at least one law and element is named", came=repr(self.systems), do="Like zhou-Cu.")
        known = ["-".join(one) for one in melting_points()]
        for name in () if self.data else self._systems:
            if name not in known:
                raise unknown("a law and element of known melting point", name, known)

    @property
    def sources(self) -> tuple[Source, ...]:
        return (Source.parse(self.data),) if self.data else ()

    @property
    def idle(self) -> frozenset[str]:
        sampled = frozenset({"systems", "temperature", "n_runs", "n_atoms", "steps"})
        return sampled if self.data else frozenset()

    @property
    def partition(self) -> Partition | None:
        """Of own frames: at random; by group or time where that is said behind the file."""
        return _divided(self._own, self.sources[0]) if self.data else None

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Orthogonal(), Translations(), Permutations(), LatticeBasis(), LatticeTranslations())

    @property
    def scores(self) -> tuple[Score, ...]:
        return (
            Score("error_rate", "phase", misnamed, "1", "atoms of the wrong phase"),
            Score("brier", "phase", brier, "1", "squared error of probabilities"),
        )

    @property
    def shifts(self) -> tuple[Shift, ...]:
        strained = Shift("strain", (0.03, 0.06), "strained")
        if self.data:
            return (strained,)
        new = (Shift("systems", (NEW,), "new elements"),) if self.systems == KNOWN else ()
        return (*new, Shift("temperature", (0.95, 1.0), "above training", "T_m"), strained)

    def shifted(self, axis: str, value: Any) -> Amorphous:
        """New elements, hotter crystals than were trained on, or the same frames strained."""
        return dataclasses.replace(self, **{axis: value})

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        return (
            ReferenceSolver("common neighbours", "range", ("adaptive",), lambda x, s: _named(common_neighbours(x))),
            ReferenceSolver("bond order", "solid", (0.3, 0.25), lambda x, s: _named(by_thresholds(x, s))),
            ReferenceSolver("template matching", "rmsd", (0.1, 0.15, 0.2), lambda x, s: _named(match(x, s))),
        )

    @property
    def consequences(self) -> tuple[Consequence, ...]:
        """What is kept of crystals towards melting, with what the classical analyses keep."""
        if self.data:
            return ()
        others = {
            "common neighbours": common_neighbours,
            "template matching, 0.15": lambda x: match(x, 0.15),
            "bond order, 0.25": lambda x: by_thresholds(x, 0.25),
        }
        axes = (("temperature", "T_m"), ("atoms of the right phase", "1"))
        return (
            Consequence(
                "towards melting",
                Predictor,
                lambda answer, key: self._towards(lambda xs: _places(predict(answer, xs, quantities=self.outputs))),
                lambda: {
                    name: [np.array([*SOLID]) if name == "at" else np.ones(len(SOLID))] for name in ("at", "right")
                },
                (Score("lost_towards_melting", "right", _lost, "1", "crystal atoms lost, all temperatures"),),
                (Curve("crystals", "at", "right", axes, "Crystals from 0.3 T_m to melting; trained on up to 0.9."),),
                {n: lambda f=f: self._towards(lambda xs: [f(x) for x in xs]) for n, f in others.items()},
            ),
        )

    def truth(self, split: Split) -> Samples:
        """Frames of one split with the phases of their atoms; `group` is the run that a frame belongs to."""
        samples = self._of_file(split) if self.data else self._sampled(split)
        if split != "test" or not self.strain:
            return samples
        rng = np.random.default_rng(7)
        moved = [strained(x, self.strain, rng) for x in samples.inputs]  # type: ignore[arg-type]
        return dataclasses.replace(samples, inputs=moved)

    def label_seconds(self) -> float:
        """Dynamics of all runs; 0 for files, and where it was never done here."""
        return 0.0 if self.data else sum(cost_of(self._key(name)) or 0.0 for name in self._systems)

    @property
    def _systems(self) -> list[str]:
        return [name.strip() for name in self.systems.split(",") if name.strip()]

    def _sampled(self, split: Split) -> Samples:
        inputs, phases, group = [], [], []
        for place, name in enumerate(self._systems):
            runs = self._runs(name)
            for x, phase, at, run in zip(
                runs.inputs, runs.outputs["phase"], runs.outputs["at"], np.asarray(runs.group)
            ):
                is_solid = np.asarray(phase)[0, -1] == 0
                asked = {
                    "train": at <= SEEN or not is_solid,
                    "test": at == self.temperature if is_solid else at in JUDGED,
                }
                if SPLITS[min(run, 3)] == split and asked.get(split, asked["test"]):
                    inputs.append(x)
                    phases.append(phase)
                    group.append(place * 1000 + run)
        return Samples(inputs, {"phase": phases}, np.array(group))

    def _runs(self, name: str) -> Samples:
        """All runs of one system."""
        return remembered(self._key(name), lambda: self._ran(name))

    def _ran(self, name: str) -> Samples:
        law, element = name.rsplit("-", 1)
        found = history(law, element, self.n_runs + 3, self.n_atoms, self.steps)
        phases = [
            np.eye(len(PHASES), dtype=np.float32)[np.full(len(m.x.positions), PHASES.index(m.phase))] for m in found
        ]
        outputs = {"phase": phases, "at": [m.at for m in found]}
        return Samples([m.x for m in found], outputs, np.array([m.run for m in found]))

    def _key(self, name: str) -> Key:
        settings = {"system": name, "n_runs": self.n_runs + 3, "n_atoms": self.n_atoms, "steps": self.steps}
        return key(self.name(), {**settings, "melting": melting_point(*name.rsplit("-", 1))}, made_by=(history,))

    def _towards(self, places: Any) -> Quantities:
        """Share of the atoms of test crystals that are named right, at every temperature."""
        right = []
        for at in SOLID:
            part = dataclasses.replace(self, temperature=at).truth("test")
            solid = [i for i, p in enumerate(part.outputs["phase"]) if np.asarray(p)[0, -1] == 0]
            found = places([part.inputs[i] for i in solid])
            right.append(np.mean([np.mean(f == np.argmax(part.outputs["phase"][i], 1)) for i, f in zip(solid, found)]))
        return {"at": [np.array([*SOLID])], "right": [np.array(right)]}

    @property
    def _own(self) -> list[Frame]:
        return read_atoms(self.sources[0])

    def _of_file(self, split: Split) -> Samples:
        frames = self._own
        rows = _divided(frames, self.sources[0]).rows[split]
        phases = [_phases(frames[i], int(i)) for i in rows]
        return Samples([frames[i].atoms for i in rows], {"phase": phases}, np.asarray(rows))


def misnamed(predicted: Any, true: Any) -> float:
    """Share of the atoms whose likeliest class is not the true one."""
    return float(np.mean(np.argmax(np.asarray(predicted), -1) != np.argmax(np.asarray(true), -1)))


def brier(predicted: Any, true: Any) -> float:
    """Mean over atoms of sum_c (p_c - p*_c)^2: Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2."""
    return float(np.mean(np.sum((np.asarray(predicted, float) - np.asarray(true, float)) ** 2, -1)))


def _lost(predicted: Any, true: Any) -> float:
    return float(np.mean(np.asarray(true) - np.asarray(predicted)))


def _named(places: np.ndarray) -> Outputs:
    return {"phase": np.eye(len(PHASES))[places]}  # type: ignore[dict-item]


def _places(found: Mapping[str, Any]) -> list[np.ndarray]:
    return [np.argmax(p, -1) for p in found["phase"]]


def _divided(frames: list[Frame], source: Source) -> Partition:
    """A fifth for each of test, calibration and validation; whole groups where one is named behind the file."""
    count = len(frames)
    group = np.array([str(f.info.get(source.group, "")) for f in frames]) if source.group else None
    if count < 8:
        raise Invalid(must="a file holds at least 8 frames", came=str(count), do="Give more.")
    found = units(count, source, group=group, frames=[f.atoms for f in frames] if source.split == "time" else None)
    share = count // 5
    parts = {"test": share, "calibration": share, "validation": share, "train": count - 3 * share}
    return divide(found, parts, key=0)


def _phases(frame: Frame, number: int) -> np.ndarray:
    """Classes [n, phases] of a frame of a file, refused where there are none."""
    found = frame.columns.get("phase", frame.info.get("phase"))
    names = np.broadcast_to(np.asarray(found, str), np.shape(frame.atoms.atomic_numbers)) if found is not None else []
    if not len(names) or not set(names) <= set(PHASES):
        came = "none" if found is None else ", ".join(sorted(set(names) - set(PHASES))[:3])
        raise Invalid(
            must=f"every frame says the phase of its atoms: {', '.join(PHASES)}",
            came=f"{came} in frame {number}",
            do="Write phase=fcc behind a frame, or a column phase:S:1.",
        )
    return np.eye(len(PHASES), dtype=np.float32)[[PHASES.index(name) for name in names]]
