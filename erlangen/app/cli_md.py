"""`erlangen md FILE`: molecular dynamics on a law or a trained run, watched, and never lost."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid
from ..core.systems import Atoms
from ..data.sources import Source
from .cli_flags import convert
from .surfaces import identity, structures, surface_of
from .trajectories import COLUMNS, Folder, frame_text

UNITS = {"fs": 1.0, "ps": 1e3, "ns": 1e6}
BLOCK = 1000  # steps between two states that are kept


def simulate(args: Any) -> int:
    """Simulate, write every block, say whether the result can be believed: `erlangen md`."""
    duration, dt = time_of(args.time, "--time"), time_of(args.dt, "--dt")
    _check(args)
    from ..physics.dynamics import prepare
    from ..study import environment

    environment.prepare(fields=False)
    surface = surface_of(args.law, args.model, args.precision)
    _check_alarm(args, surface)
    frame = structures(args.file, surface, convert(args.repeat, tuple[int, ...], "--repeat"))[-1]
    if args.ensemble == "npt" and not np.all(frame.atoms.pbc):
        raise Invalid(
            must="constant pressure needs a cell that repeats along all three axes",
            came=f"pbc {np.asarray(frame.atoms.pbc).tolist()}",
            do="Use --ensemble nvt.",
        )
    frames = max(round(duration / (dt * args.every)), 1)
    # equal blocks, as near to BLOCK as whole frames allow
    per_block = math.ceil(frames / math.ceil(frames * args.every / BLOCK))
    folder = Folder(Path(args.out or f"{Source.parse(args.file).path.stem}-md"), args.replicas)
    settings = folder.open(_settings(args, per_block * args.every), force=args.force)
    simulation = prepare(
        surface, [frame.atoms] * args.replicas, _ensemble(args, dt), interval=args.every, block=settings["block"]
    )
    start = simulation.start(temperature=args.temperature, velocities=_velocities(args, frame), seed=args.seed)
    simulation, state, done = folder.resume(simulation, start)
    session = _Session(args, folder, frame.atoms, dt, float(np.asarray(simulation.freedom)[0].sum()))
    return session.run(simulation, state, done, math.ceil(frames * args.every / settings["block"]))


@dataclasses.dataclass
class _Session:
    """One command at work."""

    args: Any
    folder: Folder
    x: Atoms
    dt: float
    freedom: float

    def __post_init__(self) -> None:
        from ..physics.observables import bonds_of

        isolated = not np.any(self.x.pbc)
        found = (
            bonds_of(np.asarray(self.x.positions), np.asarray(self.x.atomic_numbers)) if isolated else ([], np.zeros(0))
        )
        self.bonds, self.lengths = found
        self._alarmed = False

    def run(self, simulation: Any, state: Any, done: int, blocks: int) -> int:
        """The blocks that are left; the exit code."""
        from ..study.progress import ProgressLine

        line = ProgressLine(f"md {Path(self.args.file).name}", sys.stderr)
        if done == 0:
            self.folder.append(self._texts(simulation, simulation.frame(state), np.full(self.folder.count, -1)))
            self.folder.save(simulation, state, 0)
        before, ahead = np.asarray(state.step), simulation.blocks(state, max(blocks - done, 0))
        for state, frames, simulation in ahead:
            done += 1
            self.folder.append(self._texts(simulation, frames, before))
            self.folder.save(simulation, state, done)
            before = np.asarray(state.step)
            line(done * simulation.block, blocks * simulation.block, self._figures(frames))
            if np.all(state.cause > 0) or (self.args.alarm_stops and self._alarmed):
                break
        return self._told(simulation, state)

    def _texts(self, simulation: Any, frames: Any, before: np.ndarray) -> list[str]:
        """What the block adds to every file. A system that was stopped repeats its last good frame: taken once."""
        doubts = self._doubts(simulation, frames)
        z, pbc = np.asarray(self.x.atomic_numbers), np.asarray(self.x.pbc)
        steps = np.asarray(frames.step).T
        new = [np.flatnonzero(np.diff(row, prepend=last) > 0).tolist() for row, last in zip(steps, before)]
        texts = [
            "".join(frame_text(frames, k, i, z, pbc, self.dt * int(frames.step[k, i])) for k in rows)
            for i, rows in enumerate(new)
        ]
        table = "".join(self._row(frames, k, i, doubts[k, i]) for i, rows in enumerate(new) for k in rows)
        return [*texts, (",".join(COLUMNS) + "\n" if before[0] < 0 else "") + table]

    def _doubts(self, simulation: Any, frames: Any) -> np.ndarray:
        """How far an ensemble disagrees about a force in every frame; NaN for a single answer. Says it, once."""
        from ..numerics.precision import double
        from ..physics.monitors import disagreement

        found = np.full(frames.step.shape, np.nan)
        if hasattr(simulation.surface, "disagreement"):
            with double():
                for i in range(self.folder.count):
                    path = frames.positions[:, i], frames.cell[:, i]
                    found[:, i] = disagreement(simulation.surface, self.x, *path, simulation.cells)
        if self.args.alarm and not self._alarmed and np.any(found > self.args.alarm):
            self._alarmed = True
            k, i = np.argwhere(found > self.args.alarm)[0]
            time = self.dt * int(frames.step[k, i])
            print(f"  replica {i + 1}: members {found[k, i]:.3g} eV/A apart at {time:g} fs", file=sys.stderr)
        return found

    def _row(self, frames: Any, k: int, i: int, doubt: float) -> str:
        """One line of the log."""
        from ..physics.units import GPA

        volume = abs(np.linalg.det(frames.cell[k, i])) if np.all(self.x.pbc) else math.inf
        pressure = (2 * frames.kinetic[k, i] / 3 / volume - np.trace(frames.stress[k, i]) / 3) / GPA
        values = [
            self.dt * int(frames.step[k, i]), self._kelvin(frames.kinetic[k, i]), frames.energy[k, i],
            frames.kinetic[k, i], frames.conserved[k, i], pressure, volume, frames.momentum[k, i], frames.largest[k, i],
            doubt,
        ]  # fmt: skip
        told = ",".join(f"{value:.12g}" for value in values)
        return f"{i},{int(frames.step[k, i])},{told},{';'.join(self._broken(frames.positions[k, i]))}\n"

    def _kelvin(self, kinetic: float) -> float:
        from ..physics.units import BOLTZMANN

        return 2 * float(kinetic) / (BOLTZMANN * self.freedom)

    def _broken(self, positions: np.ndarray) -> list[str]:
        from ..physics.molecules import symbols
        from ..physics.observables import broken_bonds

        if not self.bonds:
            return []
        apart = broken_bonds(positions[None], self.bonds, self.lengths)[0]
        names = [f"{name}{i}" for i, name in enumerate(symbols(np.asarray(self.x.atomic_numbers)), 1)]
        return [f"{names[a]}-{names[b]}" for (a, b), is_broken in zip(self.bonds, apart) if is_broken]

    def _figures(self, frames: Any) -> dict[str, float]:
        drift = (frames.conserved[-1] - frames.conserved[0]).mean() / len(self.x.atomic_numbers)
        return {"T": self._kelvin(frames.kinetic[-1].mean()), "E": float(frames.energy[-1, 0]), "meV/atom": 1e3 * drift}

    def _told(self, simulation: Any, state: Any) -> int:
        """Monitors of every system, printed and kept; 2 where one was stopped."""
        from ..physics.monitors import monitors

        found = []
        for i in range(self.folder.count):
            log = self.folder.series(i)
            series = {"times": log["time_fs"], "conserved": log["conserved_eV"], "kinetic": log["kinetic_eV"]}
            breaks = [f"{names} at {t / 1e3:g} ps" for t, names in zip(log["time_fs"], log["broken"]) if names]
            doubts = log["disagreement_eV_A"]
            told = monitors(simulation, state, i, **series, momentum=log["momentum_amuA_fs"], broken=tuple(breaks[:1]))
            if not np.all(np.isnan(doubts)):
                beyond = int(np.sum(doubts > self.args.alarm)) if self.args.alarm else 0
                told = dataclasses.replace(told, disagreement=float(np.nanmax(doubts)), alarms=beyond)
            found.append(told)
        for i, one in enumerate(found, 1):
            print("\n".join([f"replica {i}"] * (len(found) > 1) + ["  " + text for text in one.lines()]))
        (self.folder.path / "summary.json").write_text("[\n" + ",\n".join(one.text() for one in found) + "]\n")
        print(f"  {self.folder.path}")
        stopped = [(i, one) for i, one in enumerate(found, 1) if one.stopped]
        if stopped:
            i, one = stopped[0]
            raise Invalid(
                must="dynamics stays where its potential and its time step hold",
                came=f"replica {i} stopped at {one.time:g} fs: {one.stopped}; its last good frame is the last one kept",
                do="Look at that frame; relax first, take a smaller --dt, or train on structures like it.",
            )
        doubtful = [(i, one) for i, one in enumerate(found, 1) if one.alarms]
        if doubtful and self.args.alarm_stops:
            i, one = doubtful[0]
            raise Invalid(
                must=f"the members of the ensemble agree about every force to {self.args.alarm:g} eV/A",
                came=f"{one.disagreement:.3g} eV/A in replica {i}, within {one.time:g} fs",
                do="Label frames like those in log.csv and train on them too, or leave --alarm-stops out.",
            )
        return 0


def _check_alarm(args: Any, surface: Any) -> None:
    """Only an ensemble can disagree."""
    if (args.alarm or args.alarm_stops) and not hasattr(surface, "disagreement"):
        raise Invalid(
            must="an alarm needs an answer that knows how unsure it is: an ensemble",
            came=args.law or str(args.model),
            do="Train one with --wrap ensemble, or leave --alarm out.",
        )
    if args.alarm_stops and not args.alarm:
        raise Invalid(must="an alarm that stops has a threshold", came="none", do="For instance: --alarm 0.3")


def time_of(text: str, flag: str) -> float:
    """Femtoseconds from 0.5fs, 10ps, 1ns."""
    match = re.fullmatch(r"([0-9.eE+-]+?)\s*(fs|ps|ns)", text.strip())
    try:
        value = float(match[1]) * UNITS[match[2]] if match else math.nan
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise Invalid(must=f"{flag} is a positive time with its unit", came=repr(text), do=f"For instance: {flag} 10ps")
    return value


def _check(args: Any) -> None:
    """All that can be told before anything is loaded."""
    if args.temperature is None and args.ensemble != "nve":
        raise Invalid(must="a bath has a temperature", came="none", do="Add --temperature 300, or --ensemble nve.")
    limits = {"temperature": args.temperature, "compressibility": args.compressibility}
    for name, value in limits.items():
        if value is not None and not 0 < value < math.inf:
            raise Invalid(
                must=f"--{name} is positive",
                came=f"{value:g}",
                do=f"For instance: --{name} {300 if name == 'temperature' else 0.1}",
            )
    for name in ("every", "replicas"):
        if getattr(args, name) < 1:
            raise Invalid(must=f"--{name} is at least 1", came=str(getattr(args, name)), do="Leave it out.")


def _settings(args: Any, block: int) -> dict[str, Any]:
    """What fixes the trajectory, but for its length."""
    file = Source.parse(args.file).required().path
    named = ("ensemble", "temperature", "pressure", "dt", "every", "thermostat", "relaxation", "cell", "barostat",
             "compressibility", "replicas", "repeat", "seed", "precision")  # fmt: skip
    found = {name: getattr(args, name) for name in named}
    structure = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"structure": structure, "potential": identity(args.law, args.model), **found, "block": block}


def _ensemble(args: Any, dt: float) -> Any:
    from ..numerics.ensembles import CellRescaling, Langevin, VelocityRescaling, Verlet
    from ..physics.units import BOLTZMANN, GPA

    if args.ensemble == "nve":
        return Verlet(dt)
    kT, time = BOLTZMANN * args.temperature, time_of(args.relaxation, "--relaxation")
    bath = Langevin(dt, kT, 1 / time) if args.thermostat == "langevin" else VelocityRescaling(dt, kT, time)
    if args.ensemble == "nvt":
        return bath
    return CellRescaling(
        bath, kT, args.pressure * GPA, args.compressibility / GPA, time_of(args.barostat, "--barostat"), free=args.cell
    )


def _velocities(args: Any, frame: Any) -> list[np.ndarray] | None:
    """Those of the file (momenta in ASE's unit) where no temperature is asked for."""
    from ase import units

    from ..physics.molecules import masses

    if args.temperature is not None:
        return None
    momenta = frame.columns.get("momenta")
    if momenta is None:
        raise Invalid(
            must="atoms begin with velocities",
            came=f"no --temperature, and no momenta in {args.file}",
            do="Add --temperature 300, or take a frame of a trajectory.",
        )
    v = np.asarray(momenta, float) / masses(np.asarray(frame.atoms.atomic_numbers))[:, None] * units.fs
    return [v] * args.replicas
