"""One policy for samples of one's own: which of them belong together, and how they are divided so that a test is fair.

    units(inputs, source, group=None) -> Units          what belongs together, and why, in words
    divide(found, counts, key=) -> Partition             {split: rows}; no unit lies in two splits

In this order:
    group named behind the file (:group=NAME)           its values are the units
    trajectories                                        frames that follow each other (below) of one system form blocks
                                                        of time, `BLOCKS` per file, shared by the systems; between
                                                        blocks of different splits, frames nearer than the correlation
                                                        time are left out
    molecules, chemical systems                         all samples of one composition are a unit, if there are `FEW`
    else                                                samples are independent, and divided at random
Isolated atoms are for training only: they fix the energies of elements, and there is nothing to be tested.
:split=time and :split=random behind the file overrule what is found.

Frames follow each other where von Neumann's ratio of interatomic distances d, taken in the order of the file,

    r = <|d_{k+1} - d_k|^2> / (2 <|d - <d>|^2>),       E[r] = 1, var[r] <= 1 / n  for n independent frames,

is below 1 - 1/e, so that they lie closer than the correlation time, and four standard deviations below one, so that
this is not chance: von Neumann 1941, doi:10.1214/aoms/1177731677. The correlation time is the first lag at which the
same ratio exceeds 1 - 1/e.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..contract import Samples, Split
from ..core.errors import Invalid, unknown
from ..core.systems import System
from .sources import Source
from .splits import Indices, at_random, by_group

BLOCKS = 20
FEW = 20  # groups: fewer cannot fill four splits evenly
PAIRS = 64  # distances that are compared from frame to frame
SIGNIFICANT = 4.0  # standard deviations
UNRELATED = 1 - np.exp(-1)  # von Neumann's ratio of frames a correlation time apart
EDGE = 0.25  # of a block, at most, is left out


@dataclasses.dataclass(frozen=True, eq=False)
class Units:
    """What belongs together: unit[i] of sample i; `edge` frames are left out beside a block of another split.

    references: samples that are for training only.
    """

    unit: np.ndarray
    why: str
    edge: int = 0
    references: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many of them there are."""
        return len(np.unique(self.unit))


@dataclasses.dataclass(frozen=True, eq=False)
class Partition:
    """Rows of each split, ascending, and how they were found, in one line. unit: of every sample; None: itself."""

    rows: Mapping[str, np.ndarray]
    how: str
    unit: np.ndarray | None = None

    def part(self, whole: Samples, split: Split) -> Samples:
        """The samples of one split; error bars resample whole units."""
        if split not in self.rows:
            raise unknown("the split", split, self.rows)
        return Samples(whole.inputs, whole.outputs, self.unit).take(self.rows[split])


class Partitioned(abc.ABC):
    """A task that may divide samples of one's own."""

    @property
    @abc.abstractmethod
    def partition(self) -> Partition | None:
        """How they were divided; None where there are none."""


def units(
    count: int,
    source: Source,
    *,
    group: np.ndarray | None = None,
    systems: Sequence[Any] | None = None,
    frames: Sequence[System] | None = None,
) -> Units:
    """What belongs together among `count` samples of a source.

    group: values of the group named behind the file. systems: composition of each sample. frames: the samples in the
    order of the file, where they may be frames of a trajectory; systems alone are never taken for one.
    """
    if source.group and group is not None:
        return Units(_numbered(group.tolist()), f"whole groups of {source.group}")
    alone = tuple(i for i, x in enumerate(frames or ()) if len(x["atomic_numbers"]) == 1 and not np.any(x["pbc"]))
    return dataclasses.replace(_units(count, source, systems, frames), references=alone)


def _units(
    count: int, source: Source, systems: Sequence[tuple[int, ...]] | None, frames: Sequence[System] | None
) -> Units:
    """By time, by composition or at random."""
    known = _numbered(systems) if systems is not None else np.zeros(count, int)
    many = systems is not None and len(np.unique(known)) >= FEW
    if source.split == "random":
        return Units(np.arange(count), "at random, as said behind the file")
    if frames is not None and (source.split == "time" or not many):
        blocks = _blocks(frames, asked=source.split == "time")
        if blocks is not None:
            return blocks
    elif source.split == "time":
        raise Invalid(
            must="samples that are divided by time are frames of a trajectory",
            came=f"split=time behind {source.path}",
            do="Leave it out, or name a group: :group=NAME.",
        )
    if many:
        return Units(known, f"whole compositions, {len(np.unique(known))} of them")
    why = "independent samples" if frames is None else "frames are a correlation time apart"
    return Units(np.arange(count), f"at random: {why}")


def divide(found: Units, counts: Mapping[str, int], *, key: int) -> Partition:
    """Whole units to each split, as many samples as asked for or nearly so; single samples exactly as many."""
    alone = np.array(found.references, int)
    if len(alone) and counts.get("train", 0) > len(alone):
        rest = np.setdiff1d(np.arange(len(found.unit)), alone)
        inner = Units(np.unique(found.unit[rest], return_inverse=True)[1], found.why, found.edge)
        part = divide(inner, {**counts, "train": counts["train"] - len(alone)}, key=key)
        rows = {name: rest[chosen] for name, chosen in part.rows.items()}
        rows["train"] = np.sort(np.concatenate([rows["train"], alone]))
        how = f"{part.how}; {len(alone)} isolated atoms for training"
        return Partition(rows, how, None if part.unit is None else found.unit)
    if found.count == len(found.unit):
        return Partition(at_random(len(found.unit), counts, key=key), found.why)
    try:
        rows = by_group(found.unit.tolist(), counts, key=key)
    except Invalid as error:
        do = "Name a finer group, give a test file of its own, or say :split=random behind the file."
        raise Invalid(must=error.must, came=error.came, do=do) from None
    kept = _apart(rows, found)
    lost = len(found.unit) - sum(map(len, kept.values()))
    tail = f"; {lost} of {len(found.unit)} samples between blocks left out" if lost else ""
    return Partition(kept, found.why + tail, found.unit)


def composition(x: System) -> tuple[int, ...]:
    """Atomic numbers, ascending."""
    numbers = np.asarray(x["atomic_numbers"])
    return tuple(np.sort(numbers[numbers > 0]).tolist())


def _numbered(values: Sequence[Any]) -> np.ndarray:
    known = {value: i for i, value in enumerate(sorted(set(values)))}
    return np.array([known[value] for value in values], int)


def _blocks(frames: Sequence[System], *, asked: bool) -> Units | None:
    """Blocks of time of every system whose frames follow each other; None where there is no such system.

    asked: those of every system, whatever they look like.
    """
    order = [tuple(np.asarray(x["atomic_numbers"]).tolist()) for x in frames]
    unit, following = np.empty(len(frames), int), []
    edge = first = blocks = 0
    for system in dict.fromkeys(order):
        rows = np.array([i for i, one in enumerate(order) if one == system])
        distances = _distances([frames[i] for i in rows])
        ratio, n = von_neumann(distances), len(rows)
        if n >= 4 and (asked or ratio < min(UNRELATED, 1 - SIGNIFICANT / np.sqrt(n))):
            pieces = np.array_split(np.arange(n), min(BLOCKS, n // 2))
            blocks += len(pieces)
            unit[rows] = first + np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
            edge = max(edge, _correlation_time(distances, int(EDGE * len(pieces[-1]))))
            following.append(ratio)
        else:
            unit[rows] = first + np.arange(n)
        first = unit[rows].max() + 1
    if not following:
        return None
    why = "as said behind the file" if asked else f"frames follow each other, von Neumann's ratio {min(following):.2g}"
    return Units(unit, f"{blocks} blocks of time ({why})", edge)


def _distances(frames: Sequence[System]) -> np.ndarray:
    """[frames, pairs] of distances between the same atoms, `PAIRS` of them at most."""
    i, j = np.triu_indices(len(np.asarray(frames[0]["atomic_numbers"])), 1)
    if len(i) > PAIRS:
        chosen = np.random.default_rng(0).choice(len(i), PAIRS, replace=False)
        i, j = i[chosen], j[chosen]
    positions = [np.asarray(x["positions"], float) for x in frames]
    return np.stack([np.linalg.norm(r[i] - r[j], axis=1) for r in positions])


def von_neumann(values: np.ndarray, lag: int = 1) -> float:
    """<|v_{k+lag} - v_k|^2> / (2 <|v - <v>|^2>) of values [frames, columns]: 1 for independent rows, 0 if smooth."""
    variance = float(np.mean(np.sum((values - np.mean(values, axis=0)) ** 2, axis=1)))
    if len(values) <= lag or variance < 1e-12:
        return 1.0
    return float(np.mean(np.sum((values[lag:] - values[:-lag]) ** 2, axis=1))) / (2 * variance)


def _correlation_time(values: np.ndarray, longest: int) -> int:
    """The first lag at which autocorrelation is below 1/e, `longest` at most."""
    return next((k for k in range(1, longest + 1) if von_neumann(values, k) > UNRELATED), longest)


def _apart(rows: Indices, found: Units) -> Indices:
    """The rows without the first `edge` samples of a block that follows a block of another split."""
    if not found.edge:
        return rows
    part = np.full(len(found.unit), -1)
    for number, name in enumerate(rows):
        part[rows[name]] = number
    keep = np.ones(len(found.unit), bool)
    for block in np.unique(found.unit)[1:]:
        mine, before = np.flatnonzero(found.unit == block), np.flatnonzero(found.unit == block - 1)
        if len(mine) > found.edge and part[mine[0]] != part[before[-1]]:
            keep[mine[: found.edge]] = False
    return {name: found_rows[keep[found_rows]] for name, found_rows in rows.items()}
