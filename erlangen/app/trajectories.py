"""The folder of a simulation: its trajectories, its log, and the state from which it goes on, bit for bit.

    settings.json          what fixes the trajectory; a folder of other settings is refused
    trajectory.extxyz      frames that ASE reads: energy, forces, stress, momenta (trajectory-2.extxyz, ... of replicas)
    log.csv                figures of every frame
    state.safetensors      state after the last whole block, and how long the files were then
    summary.json           the monitors

What stands in the files beyond those lengths belongs to a block that was interrupted: it is cut off and made again.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid
from ..learn.checkpoint import STATE, load_state, save_state
from ..numerics.cell_list import CellList
from ..physics.dynamics import Frames, Simulation, State
from ..physics.molecules import masses, symbols

COLUMNS = (
    "system", "step", "time_fs", "temperature_K", "potential_eV", "kinetic_eV", "conserved_eV", "pressure_GPa",
    "volume_A3", "momentum_amuA_fs", "largest_force_eV_A", "disagreement_eV_A", "broken",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Folder:
    """Where a simulation of `count` systems is kept."""

    path: Path
    count: int

    @property
    def trajectories(self) -> list[Path]:
        """One file for each system."""
        names = ["trajectory.extxyz"] + [f"trajectory-{i}.extxyz" for i in range(2, self.count + 1)]
        return [self.path / name for name in names]

    @property
    def files(self) -> list[Path]:
        """All that grow."""
        return [*self.trajectories, self.path / "log.csv"]

    def open(self, settings: Mapping[str, Any], *, force: bool) -> dict[str, Any]:
        """The settings to go on with: those that are there, where they are the same; a new folder otherwise."""
        file = self.path / "settings.json"
        if self.path.exists() and force:
            for old in (*self.files, file, self.path / STATE, self.path / "summary.json"):
                old.unlink(missing_ok=True)
        if file.exists():
            there = json.loads(file.read_text())
            changed = {k: (there.get(k), v) for k, v in settings.items() if k != "block" and there.get(k) != v}
            if changed:
                told = "; ".join(f"{k}: {old} there, {new} now" for k, (old, new) in changed.items())
                raise Invalid(
                    must="a folder holds one simulation",
                    came=f"{self.path} with other settings ({told})",
                    do="Name another folder (--out), or replace it (--force).",
                )
            return there
        if self.path.exists() and any(self.path.iterdir()):
            raise Invalid(
                must="a simulation has a folder of its own",
                came=f"{self.path}, which holds other files",
                do="Name another folder: --out DIR.",
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(dict(settings), indent=1) + "\n")
        except OSError as error:
            raise Invalid(
                must="the output can be written", came=str(error), do="Name another folder: --out DIR."
            ) from None
        return dict(settings)

    def resume(self, simulation: Simulation, start: State) -> tuple[Simulation, State, int]:
        """Where it stands: with its list, its state and the number of whole blocks; from the start where it is new."""
        found = load_state(self.path, start)
        lengths = {} if found is None else found[1]["lengths"]
        for file in self.files:
            if file.exists():
                os.truncate(file, lengths.get(file.name, 0))
        if found is None:
            return simulation, start, 0
        state, meta = found
        cells = meta["cells"]
        if cells is not None:
            sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in cells.items()}
            simulation = dataclasses.replace(simulation, cells=CellList(**sizes))
        return simulation, state, int(meta["blocks"])

    def append(self, texts: Sequence[str]) -> None:
        """More of every file, in the order of `files`."""
        try:
            for file, text in zip(self.files, texts, strict=True):
                with open(file, "a", encoding="utf-8") as out:
                    out.write(text)
                    out.flush()
                    os.fsync(out.fileno())
        except OSError as error:
            raise Invalid(
                must="the output can be written", came=str(error), do="Free some space; run it again."
            ) from None

    def save(self, simulation: Simulation, state: State, blocks: int) -> None:
        """From here it goes on, should it be interrupted."""
        cells = None if simulation.cells is None else dataclasses.asdict(simulation.cells)
        lengths = {file.name: file.stat().st_size for file in self.files}
        save_state(self.path, state, {"cells": cells, "blocks": blocks, "lengths": lengths})

    def series(self, system: int) -> dict[str, np.ndarray]:
        """The log of one system, by column."""
        with contextlib.closing(open(self.path / "log.csv", encoding="utf-8", newline="")) as file:
            rows = [row for row in csv.DictReader(file) if int(row["system"]) == system]
        return {name: np.array([row[name] for row in rows], str if name == "broken" else float) for name in COLUMNS}


def frame_text(frames: Frames, k: int, system: int, atomic_numbers: np.ndarray, pbc: np.ndarray, time: float) -> str:
    """Frame k of a system as extended XYZ, momenta in ASE's unit sqrt(amu eV)."""
    from ase import units

    n = len(atomic_numbers)
    momenta = masses(atomic_numbers)[:, None] * frames.velocities[k, system, :n] / units.fs
    columns = np.concatenate([frames.positions[k, system, :n], momenta, frames.forces[k, system, :n]], 1)
    header = f"energy={frames.energy[k, system]:.10g} time={time:.10g}"
    if np.any(frames.cell[k, system]):
        header = f'Lattice="{_row(frames.cell[k, system].ravel())}" {header}'
    if np.all(pbc):
        header += f' stress="{_row(frames.stress[k, system].ravel())}"'
    told = " ".join("FT"[int(p)] for p in pbc)
    first = f'{header} pbc="{told}" Properties=species:S:1:pos:R:3:momenta:R:3:forces:R:3'
    lines = [f"{name} {_row(row)}" for name, row in zip(symbols(atomic_numbers), columns)]
    return "\n".join([str(n), first, *lines]) + "\n"


def _row(values: Any) -> str:
    return " ".join(f"{value:.10g}" for value in values)
