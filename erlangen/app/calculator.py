"""A trained answer or a law as an ASE calculator: for relaxations, dynamics and all that drives atoms through ASE."""

from __future__ import annotations

import abc
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import equinox as eqx
import jax
import numpy as np
from ase.calculators.calculator import Calculator, all_changes, all_properties
from ase.stress import full_3x3_to_voigt_6_stress

from ..assess.symmetry import in_double
from ..contract import EnergySurface, Interval, Outputs
from ..core.errors import Invalid
from ..core.systems import Atoms, System
from ..data.containers import atoms as atoms_adapter
from ..learn.batching import in_single, stacked
from ..learn.checkpoint import FITTED
from ..numerics.precision import double
from ..physics.interatomic.catalogue import law as law_of
from ..physics.interatomic.law import Law
from ..study.environment import prepare
from ..study.predict import refuse, scope_of
from ..study.run import load
from .surfaces import is_universal, surface_of

PRECISIONS = ("float32", "float64")
IGNORED = {"initial_charges", "initial_magmoms"}  # what an answer does not see


def calculator(
    run: str | Path | None = None, *, law: str | Law | None = None, precision: str | None = None
) -> SurfaceCalculator:
    """An ASE calculator of the run folder `run`: what the run answers under ASE's names, in ASE's units and shapes.

    Or of a law in closed form, by its name ("emt", "stillinger-weber", "zhou", ...: `physics.interatomic.catalogue`) or
    as the object that it is; or of a universal potential, `run` being the file of its weights (.nqx).

    A potential (any message-passing method) gives `energy`, `free_energy` (the same: there is no entropy in it),
    `energies` of the atoms [eV], `forces` [eV/A] and, where the cell has a volume, `stress` [eV/A^3: xx yy zz yz xz xy,
    positive under tension], trained on stress or not. Where the answer has intervals, `atoms.calc.intervals` holds
    (lower, upper) of the last call by name, at `atoms.calc.level`. Elements outside of the training data raise
    `Invalid`, and so does what is no structure: no atoms, ghosts, a periodic direction without a vector.

    precision: "float32", the numbers of `erlangen predict`, or "float64" for differences of energies (phonons, elastic
    constants, tight relaxations), at about twice the time; laws are in float64 where nothing is said. Calculators can
    be pickled, with all that the run learned.

    >>> atoms.calc = erlangen.calculator("runs/2026-01-31-1200-forces-painn-s0")
    >>> atoms.calc = erlangen.calculator(law="emt")
    >>> ase.optimize.BFGS(ase.filters.FrechetCellFilter(atoms)).run(fmax=0.01)
    """
    if (run is None) == (law is None):
        raise Invalid(
            must="a calculator is that of a run or of a law",
            came="both" if law else "neither",
            do='For instance calculator("runs/..."), or calculator(law="emt").',
        )
    prepare(fields=False)  # programs that were compiled once need no compiling in the next script
    if run is not None and is_universal(run):
        return LawCalculator(surface_of(None, str(run), precision or "float32"), precision or "float32")
    if run is not None:
        return TrainedCalculator(run, precision or "float32")
    chosen = law_of(law) if isinstance(law, str) else cast(Law, law)
    return LawCalculator(chosen, precision or "float64")


class SurfaceCalculator(Calculator, abc.ABC):
    """What a run and a law share: the conventions of ASE, and programs that are compiled once."""

    ignored_changes: ClassVar[set[str]] = IGNORED

    def __init__(self, precision: str):
        super().__init__()
        if precision not in PRECISIONS:
            raise Invalid(must=f"precision is one of {', '.join(PRECISIONS)}", came=repr(precision), do="Leave it out.")
        self.precision, self._room = precision, (0, 0)
        self.intervals: dict[str, tuple[Any, Any]] = {}
        self.level: float | None = None

    @abc.abstractmethod
    def _prepared(self, x: Atoms) -> System:
        """`x`, checked, and with what is computed once per structure."""

    @abc.abstractmethod
    def _answers(self, batch: Any) -> tuple[Outputs, Mapping[str, Any]]:
        """Outputs and intervals of a batch of one."""

    @abc.abstractmethod
    def _refuse(self, x: System) -> None:
        """Raise `Invalid`: the answer to `x` is not finite."""

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """All that is known about `atoms`, or about those of the last call, by one evaluation."""
        self.results, self.intervals = {}, {}
        super().calculate(atoms, properties, system_changes)
        x = self._prepared(as_container(self.atoms))
        found, ends = self._ask(x)
        if not all(np.all(np.isfinite(value)) for value in found.values()):
            self._refuse(x)
        self.results = self._in_convention({**found, "free_energy": found["energy"]})
        lower, upper = ({name: pair[i] for name, pair in ends.items()} for i in (0, 1))
        low, high = self._in_convention(lower), self._in_convention(upper)
        self.intervals = {name: (low[name], high[name]) for name in low}

    def _ask(self, x: System) -> tuple[dict[str, np.ndarray], dict[str, tuple[np.ndarray, np.ndarray]]]:
        """Outputs and the ends of their intervals."""
        n = len(x["atomic_numbers"])
        # as many columns as were needed before: a list that grows and shrinks would be compiled again and again
        width = self._room[1] if self._room[0] == n else 0
        batch, self._room = stacked([x], (n, width))
        with double():
            return jax.device_get(self._answers(batch if self.precision == "float64" else in_single(batch)))

    def _in_convention(self, values: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Those that ASE knows and these atoms have, in its shapes."""
        found, atoms = {name: np.asarray(value[0], float) for name, value in values.items()}, cast(Any, self.atoms)
        if "stress" in found:
            stress = found.pop("stress")
            found |= {"stress": full_3x3_to_voigt_6_stress(stress)} if atoms.cell.rank == 3 else {}
        known = {name: value for name, value in found.items() if name in self.implemented_properties}
        return {name: value if value.ndim else float(value) for name, value in known.items()}

    def _get_name(self) -> str:
        return "erlangen"


class LawCalculator(SurfaceCalculator):
    """A law, or a universal potential, in the conventions of ASE; made by `calculator`."""

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "energies", "forces", "stress"]

    def __init__(self, law: Law | EnergySurface, precision: str = "float64"):
        super().__init__(precision)
        self.law = law

    def _prepared(self, x: Atoms) -> System:
        ready = self.law.prepare(x)
        self.law.check(ready)  # type: ignore[attr-defined]
        return ready

    def _answers(self, batch: Any) -> tuple[Outputs, Mapping[str, Any]]:
        return _mechanics(self.law, batch), {}

    def _refuse(self, x: System) -> None:
        raise Invalid(
            must="a potential gives finite energies and forces",
            came="NaN or infinity",
            do="Two atoms are in one place, or the cell has collapsed: look at the step before.",
        )


class TrainedCalculator(SurfaceCalculator):
    """A run in the conventions of ASE; made by `calculator`."""

    def __init__(self, run: str | Path, precision: str = "float32"):
        super().__init__(precision)
        self.run, kept = Path(run), load(run)
        self._files = {name: (self.run / name).read_bytes() for name in ("record.json", FITTED)}
        names = [q.name for q in kept.record.outputs]
        if kept.record.container != "Atoms" or "energy" not in names:
            raise Invalid(
                must="a calculator needs a run that answers the energy of atoms",
                came=f"a run of {kept.record.task}",
                do="Train one: erlangen run molecules/forces --method painn",
            )
        with double():
            self._fitted = in_double(kept.fitted) if precision == "float64" else kept.fitted
        self._scope = scope_of(kept.record)
        more = ["free_energy", *(["stress", "energies"] if isinstance(kept.fitted.bare, EnergySurface) else [])]
        self.implemented_properties = [name for name in all_properties if name in (*names, *more)]
        self.level = kept.fitted.level if isinstance(kept.fitted, Interval) else None

    def _prepared(self, x: Atoms) -> System:
        (accepted,) = atoms_adapter.accepts([x], self._scope, "atoms")
        return self._fitted.prepare(accepted)

    def _answers(self, batch: Any) -> tuple[Outputs, Mapping[str, Any]]:
        return _answer(self._fitted, batch)

    def _refuse(self, x: System) -> None:
        refuse(self._fitted, x)

    def __reduce__(self) -> Any:
        state = {name: getattr(self, name) for name in ("run", "atoms", "results", "intervals", "parameters")}
        return _unpacked, (self._files, self.precision), state


def _unpacked(files: Mapping[str, bytes], precision: str) -> TrainedCalculator:
    """A calculator from the files of its run, wherever that was."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return TrainedCalculator(folder, precision)


@eqx.filter_jit
def _answer(fitted: Any, batch: Any) -> tuple[Outputs, Mapping[str, Any]]:
    """Outputs and intervals of a batch; the network, which both need, is evaluated once."""

    def one(x: System) -> tuple[Outputs, Mapping[str, Any]]:
        surface = fitted.bare
        found = surface.mechanics(x) if isinstance(surface, EnergySurface) else fitted(x)
        return found, fitted.around(x, found) if isinstance(fitted, Interval) else {}

    return jax.vmap(one)(batch)


@eqx.filter_jit
def _mechanics(law: Law | EnergySurface, batch: Any) -> Outputs:
    """Energy, energies, forces and stress of a batch."""
    return jax.vmap(law.mechanics)(batch)


def as_container(atoms: Any) -> Atoms:
    """ASE's atoms in ours; refuses what is no structure."""
    if atoms is None or not len(atoms):
        came = "no atoms" if atoms is None else "an empty Atoms"
        raise Invalid(must="a calculator is asked about atoms", came=came, do="Pass atoms: calc.calculate(atoms).")
    numbers, positions = np.asarray(atoms.numbers, np.int32), np.asarray(atoms.positions, float)
    cell, periodic = np.asarray(atoms.cell.array, float), np.asarray(atoms.pbc, bool)
    if np.any(numbers <= 0):
        places = np.flatnonzero(numbers <= 0).tolist()
        raise Invalid(must="every atom is of an element", came=f"ghosts X at {places}", do="Remove them: del atoms[i].")
    if not np.all(np.isfinite(positions)) or not np.all(np.isfinite(cell)):
        raise Invalid(must="positions and cell are finite", came="NaN or infinity", do="Look at the step before.")
    if np.linalg.matrix_rank(cell[periodic]) < periodic.sum():
        raise Invalid(
            must="every periodic direction has a lattice vector of its own",
            came=f"pbc={periodic.tolist()} with the cell {cell.tolist()}",
            do="Set atoms.cell, or atoms.pbc = False.",
        )
    # vectors that do not repeat matter for the volume alone, as elsewhere in ASE
    kept = cell if atoms.cell.rank == 3 else np.where(periodic[:, None], cell, 0.0)
    return Atoms(positions, numbers, kept, periodic)
