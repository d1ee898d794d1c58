"""Measured activity of molecules on a biological target, from their bonds alone.

    fragments of a molecule  ->  y = pKi or pEC50 = -log10 (concentration in mol/l)

Truth: MoleculeACE, ChEMBL targets with their activity cliffs, similar molecules of very different potency, marked (van
Tilborg, Alenicheva, Grisoni 2022, doi:10.1021/acs.jcim.2c01073), or an own table of SMILES and values. Inputs are
counts of fragments, the same for every order of the atoms. What must be beaten is a support vector machine on ECFP4:
in that study it was ahead of every deep network, and here it stands beside every answer.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...assess.metrics import absolute, squared
from ...contract import Outputs, PublishedResult, ReferenceSolver, Samples, Score, Shift, Split, Supervised
from ...core.errors import Invalid, unknown, within
from ...core.groups import Group, Permutations
from ...core.quantity import Quantity
from ...core.systems import Compound, System
from ...data import fingerprints
from ...data.cache import key_of, remembered
from ...data.compound_files import CompoundTable, read_compounds
from ...data.downloads import catalogue, fetch
from ...data.partition import Partition, Partitioned, divide, units
from ...data.sources import Source
from ...data.splits import at_random, by_scaffold, scaffolds
from ...learn.support_vectors import SupportVectors, fit_support_vectors
from ...numerics.precision import double
from ...physics.enumeration import small_molecules

SET = "moleculeace"
COMPUTED = "crippen"
# Test RMSE of SVM on ECFP, all molecules and activity cliffs: table of results of doi:10.1021/acs.jcim.2c01073.
PUBLISHED = {
    "CHEMBL1862_Ki": (0.7736, 0.6739),
    "CHEMBL1871_Ki": (0.6649, 0.8734),
    "CHEMBL204_Ki": (0.7231, 0.8588),
    "CHEMBL2147_Ki": (0.5762, 0.5796),
    "CHEMBL214_Ki": (0.6345, 0.7238),
    "CHEMBL218_EC50": (0.7190, 0.7614),
    "CHEMBL219_Ki": (0.7096, 0.7883),
    "CHEMBL228_Ki": (0.6621, 0.6759),
    "CHEMBL231_Ki": (0.7503, 0.9322),
    "CHEMBL236_Ki": (0.6981, 0.7978),
    "CHEMBL237_EC50": (0.7200, 0.7816),
    "CHEMBL244_Ki": (0.7152, 0.7966),
    "CHEMBL2835_Ki": (0.4198, 0.7427),
    "CHEMBL3979_EC50": (0.6295, 0.6737),
    "CHEMBL4203_Ki": (0.8798, 1.0014),
}
DIVISIONS = ("given", "random", "scaffold")
JUDGED_ON = ("alike", "cliffs", "scaffolds")


class Relabelling(Permutations):
    """S_n acting on the atoms of a bond graph: trivially on counts of fragments, which is why they are the input."""

    @property
    def name(self) -> str:
        return "relabelling of atoms S_n"

    def sample(self, x: System, *, key: Any) -> None:
        return None

    def act(self, g: None, quantity: Quantity, value: Any) -> Any:
        return value


@dataclasses.dataclass(frozen=True)
class Activity(Supervised, Partitioned):
    """Activity on one target, or any number per molecule in an own table."""

    data: str = "CHEMBL204_Ki"  # target of MoleculeACE, own .csv of SMILES and values, or crippen (computed log P)
    column: str = ""  # of the values in an own table; default: the first with a usual name
    division: str = "given"  # given (column split; random where there is none), random, scaffold
    calibration: float = 0.1  # share of the training molecules kept apart for intervals; 0 keeps one
    judged_on: str = "alike"  # alike, cliffs (test molecules marked as such), scaffolds (rings not trained on)

    container: ClassVar[type[Compound]] = Compound
    inputs: ClassVar = fingerprints.QUANTITIES
    outputs: ClassVar = (Quantity("activity", "y", "1", "", label="activity, -log10 mol/l"),)
    toy: ClassVar[Mapping[str, Any]] = {"data": COMPUTED}

    def __post_init__(self):
        for what, value, known in (
            ("the division", self.division, DIVISIONS),
            ("what is judged on", self.judged_on, JUDGED_ON),
        ):
            if value not in known:
                raise unknown(what, value, known)
        if not self._is_own and self.data not in (*_targets(), COMPUTED):
            raise unknown("the target (or the .csv file)", self.data, (*_targets(), COMPUTED))
        within(self, calibration=(-1e-9, 0.5))

    @property
    def _is_own(self) -> bool:
        return "." in self.data or "/" in self.data

    @property
    def sources(self) -> tuple[Source, ...]:
        return (Source.parse(self.data),) if self._is_own else ()

    @property
    def partition(self) -> Partition | None:
        """Of an own table: as its column split says, else as asked; calibration and validation at random."""
        return self._table_and_partition()[1] if self._is_own else None

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Relabelling(),)

    @property
    def scores(self) -> tuple[Score, ...]:
        return (
            Score("rmse", "activity", squared, "1", "RMSE", aggregate="root"),
            Score("mae", "activity", absolute, "1", "MAE"),
        )

    @property
    def published(self) -> tuple[PublishedResult, ...]:  # type: ignore[override]
        if self.data not in PUBLISHED or self.judged_on == "scaffolds" or self.division != "given":
            return ()
        value = PUBLISHED[self.data][self.judged_on == "cliffs"]
        return (PublishedResult(f"SVM on ECFP, {self.data}", "rmse", value, "1", "doi:10.1021/acs.jcim.2c01073"),)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        values = {COMPUTED: ("scaffolds",)}.get(self.data, ("cliffs", "scaffolds"))
        if self._is_own:
            there = Source.parse(self.data).path.is_file()
            values = tuple(v for v in values if there and len(self.shifted("judged_on", v)._chosen("test")[1]))
        values = tuple(v for v in values if v != self.judged_on)
        return (Shift("judged_on", values, "held out"),) if values else ()

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        return (ReferenceSolver("SVM on ECFP4, gamma 0.01", "C", (1.0, 10.0, 100.0), self._reference_solver),)

    def truth(self, split: Split) -> Samples:
        """Fingerprints and values of one split; only the test split depends on `judged_on`."""
        table, chosen = self._chosen(split)
        if not len(chosen):
            raise Invalid(
                must=f"the {split} split has molecules", came=f"none ({self.judged_on})", do="Give more data."
            )
        return self._fingerprints(table).take(chosen)

    def _chosen(self, split: Split) -> tuple[CompoundTable, np.ndarray]:
        """The table and the rows of one split."""
        table, partition = self._table_and_partition()
        rows = partition.rows
        chosen = rows[split]
        if split == "test" and self.judged_on == "cliffs":
            chosen = chosen[table.is_cliff[chosen]]
        if split == "test" and self.judged_on == "scaffolds":
            frames = np.array(scaffolds(table.smiles))
            trained = set(frames[np.concatenate([rows[s] for s in ("train", "validation", "calibration")])])
            chosen = chosen[np.array([frame not in trained for frame in frames[chosen]], bool)]
        return table, chosen

    def _table_and_partition(self) -> tuple[CompoundTable, Partition]:
        content = self.sources[0].content if self._is_own else ""
        return _table(self.data, self.column, content), _partition(self, content)

    def _fingerprints(self, table: CompoundTable) -> Samples:
        """All molecules of the table; fingerprints are kept, since a large target takes ten seconds."""
        key = key_of(self, of=("data", "column"), also=(fingerprints.fingerprints, read_compounds))

        def compute() -> Samples:
            return Samples(fingerprints.fingerprints(table.smiles), {"activity": [np.asarray(y) for y in table.value]})

        return remembered(key, compute)

    def _reference_solver(self, x: System, setting: float) -> Outputs:
        machine = _machine(dataclasses.replace(self, judged_on="alike"), setting)
        with double():
            return {"activity": machine(x["ecfp4"])}


@functools.lru_cache(maxsize=8)
def _machine(task: Activity, cost: float) -> SupportVectors:
    """The solver, fitted on the training and validation molecules when it is first asked."""
    parts = [task.truth("train"), task.truth("validation")]
    x = np.stack([np.asarray(one["ecfp4"]) for part in parts for one in part.inputs])
    y = np.array([float(value) for part in parts for value in part.outputs["activity"]])
    return fit_support_vectors(x, y, cost, gamma=0.01)


def _targets() -> tuple[str, ...]:
    return tuple(name.removesuffix(".csv") for name in catalogue()[SET].files)


@functools.lru_cache(maxsize=4)
def _table(data: str, column: str, content: str) -> CompoundTable:
    if data == COMPUTED:
        return _computed()
    if data in _targets():
        return read_compounds(fetch(SET, [f"{data}.csv"])[f"{data}.csv"], column=column)
    return read_compounds(data, column=column)


@functools.lru_cache(maxsize=8)
def _partition(task: Activity, content: str) -> Partition:
    """Test molecules first; then some of the others for calibration and validation, at random."""
    table = _table(task.data, task.column, content)
    n, how = len(table), "the column split"
    if n < 10:
        raise Invalid(must="a table has at least 10 usable molecules", came=f"{n} in {task.data}", do="Give more.")
    n_train = round(0.8 * n)
    apart, checked = max(round(task.calibration * n_train), 1), max(round(0.1 * n_train), 1)
    if table.group is not None and task.division == "given":
        counts = {"validation": checked, "calibration": apart, "test": n - n_train}
        counts["train"] = n - sum(counts.values())
        return divide(units(n, Source.parse(task.data), group=table.group), counts, key=0)
    if task.division == "scaffold":
        parts, how = by_scaffold(table.smiles, {"train": 0.8, "test": 0.2}, key=0), "whole scaffolds"
    elif task.division == "random" or table.is_test is None:
        parts = at_random(n, {"train": 0.8, "test": 0.2}, key=0)
        how = "at random: every row is another molecule"
    else:
        parts = {"train": np.flatnonzero(~table.is_test), "test": np.flatnonzero(table.is_test)}
    order = parts["train"][np.random.default_rng(0).permutation(len(parts["train"]))]
    apart, checked = max(round(task.calibration * len(order)), 1), max(round(0.1 * len(order)), 1)
    if len(order) < apart + checked + 2:
        raise Invalid(must="some molecules are left to train on", came=f"{len(order)} in {task.data}", do="Give more.")
    calibration, validation, train = np.split(order, [apart, apart + checked])
    found = {"train": train, "validation": validation, "calibration": calibration, "test": parts["test"]}
    return Partition({k: np.sort(v) for k, v in found.items()}, how)  # type: ignore[misc]


def _computed() -> CompoundTable:
    """log P of small molecules by atomic contributions: Wildman and Crippen 1999, doi:10.1021/ci990307l."""
    from rdkit import Chem
    from rdkit.Chem import Crippen

    smiles = [text for level in small_molecules(5, "CNO")[2:] for text in level]
    values = [Crippen.MolLogP(Chem.MolFromSmiles(text)) for text in smiles]  # type: ignore[attr-defined]
    return CompoundTable(smiles, np.array(values), None, np.zeros(len(smiles), bool))
