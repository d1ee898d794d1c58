"""Scalar, vector and tensor properties of molecules that differ in composition and bonding.

    positions, elements  ->  dipole mu_i [e A],  polarisability alpha_ij [A^3],  orbital energies, energy [eV]

Truth: GFN2-xTB (Bannwarth et al. 2019, doi:10.1021/acs.jctc.8b01176) on every small molecule that valence allows, at
geometries of the MMFF94s force field; or QM9 (Ramakrishnan et al. 2014, doi:10.1038/sdata.2014.22), or an own file.
Splits share no molecule; larger molecules, ring systems and fluorine-rich compositions are held out to be judged on.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ...assess.metrics import absolute, squared
from ...contract import SPLITS, Outputs, PublishedResult, ReferenceSolver, Samples, Score, Shift, Split, Supervised
from ...core import quantity
from ...core.errors import Invalid, unknown, within
from ...core.groups import Group, Orthogonal, Permutations, Translations
from ...core.quantity import Quantity, tensor, vector
from ...core.systems import Atoms, System
from ...data.cache import Key, cost_of, key_of, remembered
from ...data.compound_files import TABLES, read_smiles
from ...data.partition import Partition, Partitioned, Units, composition, divide, units
from ...data.qm9 import BESIDE, PUBLIC, is_qm9, read_qm9
from ...data.qm9 import QUANTITIES as QM9
from ...data.readers import read_samples
from ...data.sources import Source
from ...data.splits import scaffolds
from ...data.text_files import plain_suffix
from ...physics.electric_response import ElectricResponse
from ...physics.enumeration import small_molecules
from ...physics.molecules import charge_and_spin, from_smiles

log = logging.getLogger("erlangen.data")
COMPUTED = {
    q.name: q
    for q in (
        Quantity("dipole", "mu", "e A", "", vector, label="dipole moment"),
        Quantity("polarizability", "alpha", "A^3", "", tensor, extensive=True, label="polarisability"),
        quantity.energy,
        Quantity("homo", "e_HOMO", "eV", "", label="highest occupied level"),
        Quantity("lumo", "e_LUMO", "eV", "", label="lowest empty level"),
        Quantity("gap", "e_gap", "eV", "", label="gap of orbital energies"),
    )
}
MOST_OF_QM9 = 110_000
ON_QM9 = (
    PublishedResult("PaiNN", "gap_mae", 45.7, "meV", "arXiv:2102.03150"),
    PublishedResult("PaiNN", "homo_mae", 27.6, "meV", "arXiv:2102.03150"),
    PublishedResult("PaiNN", "u0_mae", 5.85, "meV", "arXiv:2102.03150"),
    PublishedResult("SchNet", "gap_mae", 63.0, "meV", "arXiv:1706.08566"),
)
XTB = {"gfn2": "GFN2-xTB", "gfn1": "GFN1-xTB"}
HELD_OUT = {"larger": "one heavy atom more", "rings": "ring systems not trained on", "fluorine": "two or more F"}
SHARES = {"test": 0.15, "calibration": 0.1, "validation": 0.05}  # of an own data file
LISTS = (".smi", *TABLES)
RINGS_HELD_OUT = 0.2  # of all ring systems


@dataclasses.dataclass(frozen=True)
class Properties(Supervised, Partitioned):
    """Properties of small organic molecules from their geometry."""

    target: str = "dipole"  # dipole, polarizability, energy, homo, lumo, gap, or several with commas
    n_heavy: int = 6  # atoms besides hydrogen, at most; 1-8
    elements: str = "CNOF"  # besides hydrogen
    engine: str = "gfn2"  # gfn2 or gfn1
    n_train: int = 1000  # training molecules
    n_test: int = 300  # test molecules, and as many for calibration; a third of it for validation
    data: str = ""  # qm9 or a copy of it, an own file with labels, or a list of SMILES (.smi, .csv) to be labelled
    judged_on: str = "alike"  # alike, or larger, rings, fluorine: what is held out of training

    container: ClassVar[type[Atoms]] = Atoms
    inputs: ClassVar = (quantity.positions, quantity.atomic_numbers)
    toy: ClassVar[Mapping[str, Any]] = {"n_heavy": 4, "n_train": 60, "n_test": 20}

    def __post_init__(self):
        known = set(COMPUTED) | (set(QM9) if self._from_labels else set())
        for name in self._names:
            if self._from_labels and not is_qm9(self.data) and name.isidentifier():
                continue  # an own file may hold any scalar
            if name not in known:
                raise unknown("the property", name, known)
        if self.engine not in XTB:
            raise unknown("the engine", self.engine, XTB)
        if self.judged_on not in ("alike", *HELD_OUT):
            raise unknown("what is judged on", self.judged_on, ("alike", *HELD_OUT))
        within(self, n_heavy=(1, 8), n_train=(3, 10**6), n_test=(3, 10**6))

    @property
    def idle(self) -> frozenset[str]:
        if not self.data:
            return frozenset()
        generated = {"n_heavy", "elements"}
        sized = {"engine", "n_train", "n_test"} if self._from_labels and not is_qm9(self.data) else set()
        return frozenset(generated | sized | ({"engine"} if self._from_labels else set()))

    @property
    def published(self) -> tuple[PublishedResult, ...]:  # type: ignore[override]
        """Published errors after as many molecules of the same set."""
        return ON_QM9 if is_qm9(self.data) and self.n_train == MOST_OF_QM9 else ()

    @property
    def _from_labels(self) -> bool:
        """Whether the labels come from a file."""
        return bool(self.data) and plain_suffix(Source.parse(self.data).path) not in LISTS

    @property
    def sources(self) -> tuple[Source, ...]:
        return (_source(self.data),) if self.data not in ("", PUBLIC) else ()

    @property
    def partition(self) -> Partition | None:
        """Of own labels: blocks of time, or whole compositions where there are many (`data.partition`)."""
        if self._from_labels:
            return _divided(self.data, self._names, _content(self.data))
        if not self.data:
            return None
        rows = self._parts(len(_listed(self.data, _content(self.data))))
        return Partition({k: np.sort(v) for k, v in rows.items()}, "at random: every line is another molecule")

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.target.split(","))

    @property
    def outputs(self) -> tuple[Quantity, ...]:  # type: ignore[override]
        table = QM9 if self._from_labels and is_qm9(self.data) else COMPUTED
        return tuple(table.get(name) or Quantity(name, name, "1", "") for name in self._names)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Orthogonal(), Translations(), Permutations())

    @property
    def scores(self) -> tuple[Score, ...]:
        found = []
        for q in self.outputs:
            unit, factor = ("meV", 1000.0) if q.unit == "eV" else (q.unit, 1.0)
            found.append(Score(f"{q.name}_mae", q.name, absolute, unit, f"{q.name} MAE", factor=factor))
            found.append(Score(f"{q.name}_rmse", q.name, squared, unit, f"{q.name} RMSE", "root", factor))
        return tuple(found)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        if self.data:
            return ()
        fitting = [
            n for n in HELD_OUT if (n != "fluorine" or "F" in self.elements) and (n != "rings" or self.n_heavy > 4)
        ]
        return (Shift("judged_on", tuple(n for n in fitting if n != self.judged_on), "held out"),)

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        return (
            ()
            if self._from_labels
            else (ReferenceSolver("GFN-xTB", "Hamiltonian", ("gfn2", "gfn1"), self._reference_solver),)
        )

    def truth(self, split: Split) -> Samples:
        """Molecules with the asked properties. All properties are computed once and kept for every later question."""
        if self._from_labels:
            return self._from_file(split)
        whole = remembered(self._key(split), lambda: self._compute(split))
        return Samples(whole.inputs, {name: whole.outputs[name] for name in self._names}, whole.group)

    def solve(self, x: System) -> Outputs | None:
        """The reference method itself; none for own files."""
        return None if self._from_labels else self._xtb(x, self.engine, 1e-4)

    def label_seconds(self) -> float:
        """Geometries and labels of the training and validation molecules, all six properties; 0 for own files."""
        return 0.0 if self._from_labels else sum(cost_of(self._key(s)) or 0.0 for s in ("train", "validation"))

    def _xtb(self, x: System, engine: str, accuracy: float) -> dict[str, Any]:
        response = ElectricResponse(XTB[engine], accuracy)
        return response(np.asarray(x["atomic_numbers"]), np.asarray(x["positions"], float), self._names)

    def _reference_solver(self, x: System, setting: str) -> Outputs:
        found = self._xtb(x, setting, 1.0)
        other = setting != self.engine
        return {k: v for k, v in found.items() if not (other and k == "energy")}  # totals have different zeros

    def _key(self, split: Split) -> Key:
        of = [name for name in self.fields if name not in ("target", "judged_on")]
        return key_of(self, split, of=of, judged_on=self.judged_on if split == "test" else "alike")

    def _compute(self, split: Split) -> Samples:
        """Geometry and labels of the molecules of one split; one that has none is passed over, and named if listed."""
        counts = {"test": self.n_test, "calibration": self.n_test, "validation": max(self.n_test // 3, 3)}
        wanted = {**counts, "train": self.n_train}[split]
        response, inputs, labels, faults = ElectricResponse(XTB[self.engine]), [], [], []
        for smiles in self._molecules(split):
            if len(inputs) == wanted:
                break
            try:
                x, found = _labelled(smiles, response)
            except Invalid as error:
                faults.append(f"{smiles} ({error.came})")
                continue
            inputs.append(x)
            labels.append(found)
        if faults and self.data:
            log.warning("%s, %s split: left out %s", self.data, split, "; ".join(faults[:8]))
        if len(inputs) < (1 if self.data else 3 if self.judged_on != "alike" else wanted):
            raise Invalid(
                must=f"there are enough molecules for the {split} split",
                came=f"{len(inputs)} of {wanted} " + (f"in {self.data}" if self.data else f"of {self.elements}"),
                do="List more of them." if self.data else "Ask for fewer, or raise n_heavy.",
            )
        return Samples(inputs, {name: [one[name] for one in labels] for name in COMPUTED})

    def _molecules(self, split: Split) -> Sequence[str]:
        """SMILES of one split, in random order; shares of the splits follow their sizes."""
        if split == "test" and self.judged_on != "alike":
            pool = _pools(self.n_heavy + (self.judged_on == "larger"), self.elements)[self.judged_on]
            return [pool[i] for i in np.random.default_rng(1).permutation(len(pool))]
        pool = _listed(self.data, _content(self.data)) if self.data else _pools(self.n_heavy, self.elements)["alike"]
        return [pool[i] for i in self._parts(len(pool))[split]]

    def _parts(self, count: int) -> dict[Split, np.ndarray]:
        """Places of the molecules of each split among `count`, in random order."""
        sizes = np.array([self.n_train, max(self.n_test // 3, 3), self.n_test, self.n_test], float)
        ends = np.round(np.cumsum(sizes / sizes.sum()) * count).astype(int)
        return dict(zip(SPLITS, np.split(np.random.default_rng(0).permutation(count), ends[:-1])))

    def _from_file(self, split: Split) -> Samples:
        found = _content(self.data)
        return _divided(self.data, self._names, found).part(_read(self.data, self._names, found), split)


def _labelled(smiles: str, response: ElectricResponse) -> tuple[Atoms, dict[str, Any]]:
    """A geometry and all properties of a molecule; `Invalid` where there are none."""
    charge, n_unpaired = charge_and_spin(smiles)
    if charge or n_unpaired:
        came = f"charge {charge:+d}" if charge else f"{n_unpaired} unpaired electrons"
        raise Invalid(must="molecules are neutral closed shells", came=came, do="Leave it out.")
    x = from_smiles(smiles)[0]
    found = response(x.atomic_numbers, x.positions, tuple(COMPUTED))
    if not all(np.all(np.isfinite(value)) for value in found.values()):
        raise Invalid(must="all properties are finite", came="no empty orbital", do="Leave it out.")
    return x, found


@functools.lru_cache(maxsize=8)
def _pools(n_heavy: int, elements: str) -> dict[str, list[str]]:
    """SMILES by what they serve: "alike" for all splits, the others for tests away from the training data."""
    levels = small_molecules(n_heavy, elements)
    every = [smiles for level in levels for smiles in level]
    rich = [smiles for smiles in every if smiles.count("F") > 1]
    plain = [smiles for smiles in every if smiles.count("F") < 2]
    frames = scaffolds(plain)
    rings = [smiles for smiles, frame in zip(plain, frames) if frame and _is_held_out(frame)]
    alike = sorted(set(plain) - set(rings))
    return {"alike": alike, "fluorine": rich, "rings": rings, "larger": sorted(set(levels[-1]) & set(alike))}


def _is_held_out(scaffold: str) -> bool:
    """A fifth of all ring systems, the same on every machine."""
    return int(hashlib.sha256(scaffold.encode()).hexdigest()[:8], 16) / 16**8 < RINGS_HELD_OUT


def _source(text: str) -> Source:
    return Source.parse(text, beside=BESIDE if is_qm9(Source.parse(text).path) else ())


def _content(text: str) -> str:
    """What is read from files of one's own; "" without, or for the public set."""
    return _source(text).content if text not in ("", PUBLIC) else text


@functools.lru_cache(maxsize=4)
def _listed(text: str, content: str) -> list[str]:
    """An own list of SMILES, read (and complained about) once."""
    return list(read_smiles(_source(text)).values())


@functools.lru_cache(maxsize=4)
def _read(text: str, names: tuple[str, ...], content: str) -> Samples:
    source = _source(text)
    if is_qm9(source.path):
        return read_qm9(source.only().path, names)
    samples = read_samples(source.only(*names, "units", "pbc", "group", "split"), names)
    for name in names:
        rank = COMPUTED[name].rep.rank if name in COMPUTED else 0
        shape = (3,) * rank
        values = [np.asarray(value, float) for value in samples.outputs[name]]
        if any(value.size != 3**rank for value in values):
            came = f"{values[0].shape} in {source.path}"
            raise Invalid(must=f"{name} has shape {shape}", came=came, do="Write it in full.")
        samples.outputs[name][:] = [value.reshape(shape) for value in values]  # type: ignore[index]
    return samples


@functools.lru_cache(maxsize=4)
def _divided(text: str, names: tuple[str, ...], content: str) -> Partition:
    whole, source = _read(text, names, content), _source(text)
    counts = {k: max(round(share * len(whole)), 1) for k, share in SHARES.items()}
    counts["train"] = len(whole) - sum(counts.values())
    if counts["train"] < 1:
        raise Invalid(must="a data file holds at least 4 molecules", came=str(len(whole)), do="Give more.")
    if is_qm9(source.path):
        found = Units(np.arange(len(whole)), "at random: every sample is another molecule")
    else:
        systems = [composition(x) for x in whole.inputs]
        found = units(len(whole), source, group=whole.group, systems=systems, frames=whole.inputs)
    return divide(found, counts, key=0)
