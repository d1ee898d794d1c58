"""Energy and forces of a molecule in motion, at the level of a quantum-chemical reference.

    positions, elements  ->  E [eV],  F_i = -dE/dr_i [eV/A],  of own crystals also  sigma = (1/V) dE/d epsilon [eV/A^3]

Truth: frames of canonical molecular dynamics labelled by GFN2-xTB (Bannwarth et al. 2019, doi:10.1021/acs.jctc.8b01176)
or Kohn-Sham DFT, or the user's own file. Splits are independent trajectories, each from a conformer of its own.
Several molecules may share one answer; it can then be judged on molecules that it has not seen. Stress is asked for
where every periodic frame of the own files has one.
The reference solver is the method of the labels itself: a model pays only where it is faster.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...assess.metrics import absolute, squared
from ...contract import Outputs, PublishedResult, ReferenceSolver, Samples, Score, Shift, Split, Supervised
from ...core import quantity
from ...core.errors import Invalid, unknown
from ...core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from ...core.quantity import Quantity
from ...core.systems import Atoms, System
from ...data.cache import Key, cost_of, key_of, remembered
from ...data.downloads import is_copy
from ...data.frame_sets import FrameSet, listed
from ...data.partition import Partition, Partitioned, composition
from ...data.plausibility import state_of
from ...data.sources import Source
from ...physics.electronic_structure import DensityFunctional
from ...physics.molecular_dynamics import Sampling, canonical_frames
from ...physics.molecules import charge_and_spin, conformers, symbols
from ...physics.tight_binding import TightBinding

XTB = {"gfn2": "GFN2-xTB", "gfn1": "GFN1-xTB"}
LARGEST = {False: 300, True: 32}  # atoms of the reference, isolated and periodic: beyond, a query takes minutes
PER_TRAJECTORY = 25
SPLITS = {"train": 0, "validation": 1, "calibration": 2, "test": 3}
ACAC = tuple(
    PublishedResult(f"{name}, 500 structures", "forces_rmse", value, "meV/A", "arXiv:2206.07697")
    for name, value in (("MACE", 5.1), ("NequIP", 5.9))
)


@dataclasses.dataclass(frozen=True)
class Forces(Supervised, Partitioned):
    """Energy and forces of molecules given by name or SMILES, or of whatever an own file holds."""

    molecule: str = "ethanol"  # name or SMILES; several, separated by commas, share the frames
    temperature: float = 500.0  # K, of the sampled frames
    engine: str = "gfn2"  # gfn2, gfn1, or functional/basis as in pbe/def2-svp (GFN2 samples, DFT labels)
    n_train: int = 1000  # training frames
    n_test: int = 500  # test frames, and as many for calibration; a third of it for validation
    data: str = ""  # own file with energies and forces, or my.xyz:energy=E_dft:units=kcal/mol; replaces the above
    test: str = ""  # own test file; default: a share of `data`
    judged_on: str = ""  # further own files (without `data`: molecules) to judge the answer on, separated by commas

    container: ClassVar[type[Atoms]] = Atoms
    inputs: ClassVar = (quantity.positions, quantity.atomic_numbers, quantity.cell)
    toy: ClassVar[Mapping[str, Any]] = {"molecule": "water", "n_train": 40, "n_test": 20}

    def __post_init__(self):
        if self.engine not in XTB and "/" not in self.engine:
            raise unknown("the engine", self.engine, [*XTB, "pbe/def2-svp", "b3lyp/def2-tzvp"])
        if min(self.n_train, self.n_test) < 3 or not 0 < self.temperature < 5000:
            raise Invalid(
                must="n_train and n_test are at least 3, the temperature lies between 0 and 5000 K",
                came=f"n_train={self.n_train}, n_test={self.n_test}, temperature={self.temperature}",
                do="Good values: 1000, 300, 300-1000 K.",
            )
        if not self.data and self.test:
            raise Invalid(
                must="an own test file comes with an own training file",
                came=f"test={self.test!r} without data",
                do="Add --data FILE.",
            )
        if not self.data and self.judged_on:
            self._check_elements()

    @property
    def idle(self) -> frozenset[str]:
        return frozenset({"molecule", "temperature", "engine", "n_train", "n_test"} if self.data else {"test"})

    @property
    def published(self) -> tuple[PublishedResult, ...]:  # type: ignore[override]
        """Published errors on the same training and test structures."""
        files = ((self.data, "train_300K.xyz"), (self.test, "test_MD_300K.xyz"))
        return ACAC if self.test and all(is_copy(Source.parse(text).path, "acac", name) for text, name in files) else ()

    @property
    def molecules(self) -> tuple[str, ...]:
        """Names or SMILES."""
        return listed(self.molecule)

    @property
    def sources(self) -> tuple[Source, ...]:
        return self._own.sources if self._own else ()

    @property
    def partition(self) -> Partition | None:
        """Of an own file: blocks of time of a trajectory, whole molecules where there are many (`data.partition`)."""
        return self._own.partition if self._own else None

    @property
    def outputs(self) -> tuple[Quantity, ...]:  # type: ignore[override]
        """Energy and forces, and the stress where the own files have it."""
        return self._own.outputs if self._own else (quantity.energy, quantity.forces)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        whole = (Orthogonal(), Translations(), Permutations())
        return (*whole, LatticeBasis(), LatticeTranslations()) if self._own and self._own.is_periodic else whole

    @property
    def scores(self) -> tuple[Score, ...]:
        found = (
            Score("forces_mae", "forces", absolute, "meV/A", "force MAE", factor=1000),
            Score("forces_rmse", "forces", squared, "meV/A", "force RMSE", aggregate="root", factor=1000),
            Score("energy_mae", "energy", absolute, "meV", "energy MAE", factor=1000),
        )
        stress = Score("stress_mae", "stress", absolute, "meV/A^3", "stress MAE", factor=1000)
        return (*found, stress) if quantity.stress in self.outputs else found

    @property
    def shifts(self) -> tuple[Shift, ...]:
        others = listed(self.judged_on)
        if self.data:
            return (Shift("test", others, "other file"),) if others else ()
        hotter = Shift("temperature", (1.4 * self.temperature, 2 * self.temperature), "hotter", "K")
        return (hotter, Shift("molecule", others, "other molecule")) if others else (hotter,)

    def shifted(self, axis: str, value: Any) -> Forces:
        """The same molecules hotter or others, judged on a third of the frames; or another test file."""
        if axis == "test":  # no file is forgotten: what is asked for depends on all of them
            value, others = str(value), ",".join(filter(None, (self.test, self.judged_on)))
            return dataclasses.replace(self, test=value, judged_on=others)
        return dataclasses.replace(self, **{axis: value}, n_test=max(self.n_test // 3, 3))

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        return (ReferenceSolver("GFN-xTB", "Hamiltonian", ("gfn2", "gfn1"), self._reference_solver),)

    def truth(self, split: Split) -> Samples:
        """Frames with energies and forces; `group` is the trajectory that a frame belongs to."""
        if self._own:
            return self._own.part(split)
        return remembered(self._key(split), lambda: self._sample(split))

    def solve(self, x: System) -> Outputs | None:
        """The reference method itself, converged beyond the labels; none for own files and DFT (slow)."""
        if self.data or self.engine not in XTB:
            return None
        return self._xtb(x, self.engine, accuracy=1e-6)

    def label_seconds(self) -> float:
        """Sampling and labelling of the training and validation frames; 0 for own files."""
        return 0.0 if self.data else sum(cost_of(self._key(s)) or 0.0 for s in ("train", "validation"))

    def floor(self, count: int) -> Mapping[str, float]:
        """Force error of the labels against the same method with tighter self-consistency."""
        if self.data or self.engine not in XTB:
            return {}
        part = self.truth("test").take(range(count))
        gaps = [
            self._xtb(x, self.engine, accuracy=1e-4)["forces"] - f
            for x, f in zip(part.inputs, part.outputs["forces"], strict=True)
        ]
        return {"forces_mae": 1000 * float(np.mean(np.abs(gaps)))}

    def _reference_solver(self, x: System, setting: str) -> Outputs:
        n, most = len(x["atomic_numbers"]), LARGEST[bool(np.any(x["pbc"]))]
        if n > most:
            raise Invalid(
                must=f"it answers in seconds: at most {LARGEST[False]} atoms, {LARGEST[True]} in a periodic cell",
                came=f"{n} atoms",
                do="Judge it on smaller structures: --test FILE.",
            )
        found = self._xtb(x, setting, accuracy=1.0)
        same = not self.data and setting == self.engine
        return found if same else {"forces": found["forces"]}  # totals of two methods have different zeros

    def _xtb(self, x: System, engine: str, accuracy: float) -> dict[str, Any]:
        charge, n_unpaired = self._own_state(x) if self._own else self._charges[composition(x)]
        method = TightBinding(XTB[engine], charge, n_unpaired, accuracy)
        potential = method.potential(np.asarray(x["atomic_numbers"]), np.asarray(x["cell"]), np.asarray(x["pbc"]))
        energy, forces = potential(np.asarray(x["positions"], float))
        return {"energy": np.asarray(energy), "forces": forces}

    def _key(self, split: Split) -> Key:
        return key_of(self, split, of=("molecule", "temperature", "engine"), count=self._count(split))

    def _count(self, split: Split) -> int:
        return {"train": self.n_train, "validation": max(self.n_test // 3, 2)}.get(split, self.n_test)

    def _sample(self, split: Split) -> Samples:
        """Frames of all molecules, as equal in number as can be."""
        shares = np.full(len(self.molecules), self._count(split) // len(self.molecules))
        shares[: self._count(split) % len(shares)] += 1
        parts = [self._frames(m, n, SPLITS[split]) for m, n in zip(self.molecules, shares.tolist(), strict=True) if n]
        groups = [np.asarray(part.group) for part in parts]
        first = np.cumsum([0, *(len(np.unique(g)) for g in groups)])
        outputs = {name: [v for part in parts for v in part.outputs[name]] for name in ("energy", "forces")}
        apart = np.concatenate([g + start for g, start in zip(groups, first)])
        return Samples([x for part in parts for x in part.inputs], outputs, apart)

    def _frames(self, molecule: str, count: int, stream: int) -> Samples:
        per_trajectory = [PER_TRAJECTORY] * (count // PER_TRAJECTORY) + [count % PER_TRAJECTORY] * (
            count % PER_TRAJECTORY > 0
        )
        starts = conformers(molecule, len(per_trajectory), seed=1000 * stream)
        numbers = starts[0].atomic_numbers
        charge, n_unpaired = charge_and_spin(molecule)
        sampler = TightBinding(XTB.get(self.engine, XTB["gfn2"]), charge, n_unpaired)
        frames = canonical_frames(
            lambda: sampler.potential(numbers),
            starts,
            per_trajectory,
            Sampling(temperature=self.temperature),
            seed=stream,
        )
        positions = np.concatenate([f.positions for f in frames])
        energy, forces = np.concatenate([f.energy for f in frames]), np.concatenate([f.forces for f in frames])
        if self.engine not in XTB:
            functional, basis = self.engine.split("/", 1)
            label = DensityFunctional(functional, basis, charge, n_unpaired).potential(numbers)
            energy, forces = (np.stack(column) for column in zip(*map(label, positions), strict=True))
        groups = np.repeat(np.arange(len(frames)), per_trajectory)
        return Samples([Atoms(r, numbers) for r in positions], {"energy": list(energy), "forces": list(forces)}, groups)

    @functools.cached_property
    def _charges(self) -> dict[tuple[int, ...], tuple[int, int]]:
        """Charge and unpaired electrons of every molecule, by composition."""
        return {composition(conformers(m)[0]): charge_and_spin(m) for m in self.molecules}

    def _own_state(self, x: System) -> tuple[int, int]:
        """Charge and unpaired electrons that the own files state for a composition."""
        said = self._own.states.get(composition(x), {}) if self._own else {}
        return state_of(np.asarray(x["atomic_numbers"]), said)

    @functools.cached_property
    def _own(self) -> FrameSet | None:
        """The own files, where there are any."""
        return FrameSet(self.data, self.test, self.judged_on) if self.data else None

    def _check_elements(self) -> None:
        known = {z for m in self.molecules for z in composition(conformers(m)[0])}
        for other in listed(self.judged_on):
            strange = sorted(set(composition(conformers(other)[0])) - known)
            if strange:
                raise Invalid(
                    must="all elements of the molecules that an answer is judged on occur in training",
                    came=f"{', '.join(symbols(strange))} in {other}",
                    do="Train on a molecule that contains them: --molecule ethanol,...",
                )
