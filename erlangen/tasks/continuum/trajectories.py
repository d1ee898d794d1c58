"""One step of an unknown law, from trajectories in a file of one's own: given u(x, t), what is u(x, t + dt)?

    frames u_0, u_1, u_2, ...  of each trajectory, dt apart   ->   pairs (u_k, u_{k+1});  f(f(...f(u_0))) against u_k

Dimensions, grid, units and time step come from the file: NetCDF or Zarr with named dimensions (CF conventions, Hassell
et al. 2017, doi:10.5194/gmd-10-4619-2017) or HDF5, arrays [sample, time, x(, y(, z))], as `erlangen solve` writes them.
Splits are whole trajectories; fewer than four are cut into blocks of time. Nothing is assumed of the law but that
shifts are a symmetry where the attribute `boundary` of the file is "periodic" (the default). Only what is kept after
thinning is read, a trajectory at a time.
Without a file: waves that travel and decay, u_t + c u_x = nu u_xx, solved exactly mode by mode.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np

from ...assess.metrics import relative_l2
from ...contract import SPLITS, Evolution, Outputs, Samples, Score, Split
from ...core.errors import Invalid, within
from ...core.free_memory import check_fits
from ...core.groups import Broken, Group, Shifts
from ...core.quantity import Quantity
from ...core.systems import Field, System
from ...data.grid_layout import PERIODIC
from ...data.partition import BLOCKS, EDGE, Partition, Partitioned, Units, divide
from ...data.sources import Source
from ...data.trajectory_files import Column, Header, header, read_trajectories
from ...numerics import spectral
from ...physics.random_fields import smooth_field

HELD_OUT = {"validation": 0.1, "calibration": 0.1, "test": 0.15}  # shares of the trajectories
SHORTEST = 4  # frames of a block of time, of which three are kept
COPIES = 5  # of the frames, while a fit runs: as read, as packed inputs and labels, and both of them on the device
WAVES, POINTS, FRAMES, SPEED, DECAY, STEP = 40, 64, 12, 1.0, 0.05, 0.1  # of the example: c, nu, dt


@dataclasses.dataclass(frozen=True)
class Trajectories(Evolution, Partitioned):
    data: str = ""  # own files, joined by commas; names in them as in flow.h5:values=u+v:time=t:x=lon:boundary=walls
    test: str = ""  # own test files; default: a share of `data`
    every: int = 1  # of so many frames one is kept: the step that is learned is so many times that of the file
    frames: int = 0  # kept of each trajectory, its first included; 0: all
    seed: int = 0  # decides which trajectories are held out

    container = Field
    budget = "5m"
    toy: ClassVar[Mapping[str, Any]] = {"frames": 5}

    def __post_init__(self):
        within(self, every=(1, math.inf), frames=(0, math.inf))
        if self.frames == 1:
            raise Invalid(must="a trajectory keeps two frames at least", came="frames=1", do="0 keeps all of them.")
        if self.test and not self.data:
            raise Invalid(
                must="a test file comes with a training file", came="test without data", do="Add --data FILE."
            )

    @property
    def inputs(self) -> tuple[Quantity, ...]:  # type: ignore[override]
        """What evolves first, then what stays as it is."""
        head = self._heads[0]
        return tuple(Quantity(c.name, c.name, head.units[c.name], "grid") for c in (*head.evolving, *head.fixed))

    @property
    def outputs(self) -> tuple[Quantity, ...]:  # type: ignore[override]
        evolving = self.inputs[: len(self._heads[0].evolving)]
        return tuple(Quantity(f"{q.name}_next", f"{q.symbol}(t + dt)", q.unit, "grid", lag=1) for q in evolving)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        head = self._heads[0]
        shifts = Shifts(tuple(range(len(head.grid))))
        return (shifts if head.boundary == PERIODIC else Broken(shifts, by=head.boundary),)

    @property
    def scores(self) -> tuple[Score, ...]:
        found, horizon = [], self._kept - 1
        for before, q in zip(self.inputs, self.outputs):
            tail, of = ("", "") if len(self.outputs) == 1 else (f"_{before.name}", f" of {before.name}")
            found.append(Score(f"nrmse{tail}", q.name, relative_l2, "%", f"one-step nRMSE{of}", factor=100))
            label = f"nRMSE{of} after {horizon} steps"
            rolled = Score(f"rollout{tail}", q.name, relative_l2, "%", label, factor=100, steps=horizon)
            found += [rolled] if horizon > 1 else []
        return tuple(found)

    @property
    def dt(self) -> float:
        """Time between input and output, in the unit of the file."""
        return self.every * self._heads[0].dt

    def feed(self, x: System, outputs: Outputs) -> System:
        return x.replace(**{before.name: outputs[q.name] for before, q in zip(self.inputs, self.outputs)})

    def trajectories(self, split: Split) -> Samples:
        return _read(self, split, _digests(self.data), _digests(self.test))

    @property
    def sources(self) -> tuple[Source, ...]:
        return (*Source.several(self.data), *Source.several(self.test))

    @property
    def partition(self) -> Partition | None:
        return _divided(self, self._heads) if self.data else None

    @functools.cached_property
    def _heads(self) -> tuple[Header, ...]:
        return _headers(self.data, _digests(self.data)) if self.data else (EXAMPLE,)

    @property
    def _kept(self) -> int:
        """Frames kept of each trajectory: as many as the shortest file has after thinning, or as many as asked."""
        tests = _headers(self.test, _digests(self.test)) if self.test else ()
        there = min([_window(self, self._heads)[2], *(math.ceil(h.frames / self.every) for h in tests)])
        if there < max(self.frames, 2):
            raise Invalid(
                must=f"every trajectory has {max(self.frames, 2)} frames or more after thinning",
                came=f"{there} where one of {self.every} is kept",
                do="Lower --frames or --every.",
            )
        return self.frames or there


EXAMPLE = Header(
    path=Path("waves"),
    evolving=(Column("u", ("sample", "time", "axis0")),),
    fixed=(),
    units={"u": "1"},
    count=WAVES,
    frames=FRAMES,
    dt=STEP,
    grid=(POINTS,),
    spacing=(spectral.TAU / POINTS,),
    boundary=PERIODIC,
    itemsize=8,
    parameters={},
)


def _digests(text: str) -> tuple[str, ...]:
    """What each file holds, so that what was read once is read again after a change."""
    return tuple(source.digest for source in Source.several(text))


@functools.lru_cache(maxsize=8)
def _headers(text: str, digests: tuple[str, ...]) -> tuple[Header, ...]:
    """The headers of files that belong together; refused where they differ in more than number and length."""
    heads = tuple(map(header, Source.several(text)))
    for head in heads[1:]:
        for what, common in heads[0].alike.items():
            if head.alike[what] != common:
                raise Invalid(
                    must=f"all files have the same {what}",
                    came=f"{head.path}: {head.alike[what]}; {heads[0].path}: {common}",
                    do="Interpolate to one grid and step, or train on one kind of file.",
                )
    return heads


def _window(task: Trajectories, heads: tuple[Header, ...]) -> tuple[int, int, int]:
    """(pieces of each trajectory, frames from one piece to the next, frames that a piece keeps), after thinning.

    One piece, the whole, where there is a trajectory for each split; else `BLOCKS` pieces of all trajectories, fewer
    where they would be shorter than `SHORTEST` frames, and the last quarter of a piece is left out, so that the end of
    one says little about the start of the next.
    """
    total, there = sum(head.count for head in heads), min(math.ceil(head.frames / task.every) for head in heads)
    pieces = 1 if total >= (3 if task.test else 4) else max(min(math.ceil(BLOCKS / total), there // SHORTEST), 1)
    kept = int((1 - EDGE) * (there // pieces)) if pieces > 1 else there
    return (pieces, there // pieces, kept) if kept > 1 else (1, there, there)


def _divided(task: Trajectories, heads: tuple[Header, ...]) -> Partition:
    """Whole trajectories of all files together, or blocks of them, at random."""
    pieces = _window(task, heads)[0]
    total = pieces * sum(head.count for head in heads)
    shares = {name: share for name, share in HELD_OUT.items() if not (task.test and name == "test")}
    counts = {name: max(round(share * total), 1) for name, share in shares.items()}
    counts["train"] = total - sum(counts.values())
    if counts["train"] < 1:
        raise Invalid(
            must=f"there are at least {len(counts)} trajectories, one for each of {', '.join(counts)}",
            came=f"{total} in {task.data}",
            do=f"Give more of them (files joined by commas), or longer ones: {4 * SHORTEST} frames make blocks.",
        )
    how = "whole trajectories" if pieces == 1 else f"{total} blocks of time, the last quarter of each left out"
    return divide(Units(np.arange(total), f"{how}, at random"), counts, key=task.seed)


def _rows(task: Trajectories, heads: tuple[Header, ...], split: Split) -> dict[Header, list[tuple[int, int]]]:
    """Which trajectories of which file, from which frame on, belong to a split of `data`."""
    pieces, stride, _ = _window(task, heads)
    starts = [piece * stride * task.every for piece in range(pieces)]
    every = [(i, row, first) for i, head in enumerate(heads) for row in range(head.count) for first in starts]
    chosen = [every[c] for c in _divided(task, heads).rows[split]]
    return {head: [(row, first) for j, row, first in chosen if j == i] for i, head in enumerate(heads)}


@functools.lru_cache(maxsize=8)
def _read(task: Trajectories, split: Split, data: tuple[str, ...], test: tuple[str, ...]) -> Samples:
    """The trajectories of one split, thinned while they are read."""
    if not task.data:
        return _waves(task, split)
    heads, kept = _headers(task.data, data), task._kept
    check_fits(
        f"{task.data} with {kept} frames of each trajectory",
        COPIES * sum(h.bytes(h.count * _window(task, heads)[0], kept) for h in heads),
        do="Thin it: --every 4 keeps each fourth frame, --frames 50 the first fifty.",
    )
    every = (*heads, *(_headers(task.test, test) if task.test else ()))
    known = set.intersection(*({*h.parameters, *h.varying} for h in every))
    own = bool(task.test) and split == "test"
    if own:
        heads = _headers(f"{task.data},{task.test}", data + test)[len(heads) :]
    rows = {h: [(row, 0) for row in range(h.count)] for h in heads} if own else _rows(task, heads, split)
    inputs, outputs = [], {q.name: [] for q in task.outputs}
    for head, chosen in rows.items():
        numbers, starts = [row for row, _ in chosen], [first for _, first in chosen]
        for x, states in read_trajectories(head, numbers, every=task.every, frames=kept, start=starts):
            parameters = {name: value for name, value in x.parameters.items() if name in known}
            inputs.append(x.replace(parameters={**parameters, "dt": task.dt}))
            for name, values in states.items():
                outputs[f"{name}_next"].append(values[1:])
    return Samples(inputs, outputs, np.arange(len(inputs)))


def _waves(task: Trajectories, split: Split) -> Samples:
    """u_k(t) = u_k(0) exp(-(nu k^2 + i c k) t) from random smooth fields."""
    count = {"train": WAVES}.get(split, WAVES // 4)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(task.seed), SPLITS.index(split)), count)
    (k,) = spectral.wavenumbers((POINTS,))
    times = task.dt * np.arange(task._kept)[:, None]
    starts = [np.asarray(smooth_field((POINTS,), modes=6, key=key), np.float64) for key in keys]
    symbol = np.exp(-(DECAY * k**2 + 1j * SPEED * k) * times)
    states = [np.fft.irfft(symbol * np.fft.rfft(u), POINTS) for u in starts]
    fields = [Field({"u": u[0]}, (spectral.TAU / POINTS,)) for u in states]
    return Samples(fields, {"u_next": [u[1:] for u in states]}, np.arange(count))
