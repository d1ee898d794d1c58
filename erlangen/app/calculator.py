"""A trained answer as an ASE calculator: for relaxations, dynamics and all else that drives atoms through ASE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid
from ..core.systems import Atoms
from ..data.containers import atoms as atoms_adapter
from ..study.predict import answer, scope_of
from ..study.run import load


def calculator(run: str | Path) -> Any:
    """An ASE calculator of the run folder `run`: energy [eV], forces [eV/A], and what else the run answers per frame.

    Where the answer has intervals, `atoms.calc.results` also holds `energy_lower`, `forces_upper`, ... of the last
    call. Elements and cells outside of the training data raise `Invalid`. Numbers are those of `erlangen predict`
    (networks in float32); packing adds to each step, so long dynamics belong inside JAX.

    >>> atoms.calc = erlangen.calculator("runs/2026-01-31-1200-forces-painn-s0")
    >>> ase.optimize.BFGS(atoms).run(fmax=0.05)
    """
    from ase.calculators.calculator import Calculator, all_changes

    kept = load(run)
    names, scope = [q.name for q in kept.record.outputs], scope_of(kept.record)
    if kept.record.container != "Atoms" or "energy" not in names:
        raise Invalid(
            must="a calculator needs a run that answers the energy of atoms",
            came=f"a run of {kept.record.task}",
            do="Train one: erlangen run molecules/forces --method painn",
        )

    class Trained(Calculator):
        implemented_properties = names

        def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
            super().calculate(atoms, properties, system_changes)
            asked = atoms_adapter.accepts([_as_container(self.atoms)], scope, "atoms")
            found = answer(kept.fitted, asked)
            self.results = {name: _plain(values[0]) for name, values in found.items()}

    return Trained()


def _as_container(atoms: Any) -> Atoms:
    periodic = np.asarray(atoms.pbc, bool)
    cell = np.where(periodic[:, None], np.asarray(atoms.cell), 0.0)
    return Atoms(np.asarray(atoms.positions), np.asarray(atoms.numbers, np.int32), cell, periodic)


def _plain(value: Any) -> Any:
    value = np.asarray(value, float)
    return value if value.ndim else float(value)
