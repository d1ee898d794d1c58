"""Own frames with energies and forces, in splits that are fair: what tasks of potentials share.

    FrameSet(data, test="", judged_on="").part(split) -> Samples

Frames of `data` are divided by `data.partition`: blocks of time of a trajectory, whole compositions where there are
many. A file `test` takes the place of a share of `data`. Stress is an output where every periodic frame of all files
has one.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..contract import Samples, Split
from ..core import quantity
from ..core.errors import Invalid
from ..core.quantity import Quantity
from ..physics.molecules import symbols
from .leakage import leaks
from .partition import Partition, composition, divide, units
from .readers import read_atoms, samples_of
from .sources import Source

HELD_OUT = {"validation": 0.05, "calibration": 0.1, "test": 0.15}  # shares of an own data file


@dataclasses.dataclass(frozen=True)
class FrameSet:
    """Files of labelled frames, each with what is said behind it. judged_on: further ones, separated by commas.

    apart [A]: frames of `data` nearer than that to one of `test` are left out (`data.leakage`); 0: none.
    """

    data: str
    test: str = ""
    judged_on: str = ""
    apart: float = 0.0

    @property
    def files(self) -> tuple[str, ...]:
        """All of them."""
        return (*filter(None, (self.data, self.test)), *listed(self.judged_on))

    @property
    def sources(self) -> tuple[Source, ...]:
        """The same as sources."""
        return (*map(Source.parse, filter(None, (self.data, self.test))), *Source.several(self.judged_on))

    @functools.cached_property
    def outputs(self) -> tuple[Quantity, ...]:
        """Energy and forces, and the stress where all files have it; a file without it is named."""
        found = [_read(file).has_stress for file in self.files]
        if any(found) and not all(found):
            without = self.files[found.index(False)]
            warnings.warn(f"{without} has no stress: it is neither trained nor judged", stacklevel=4)
        return (quantity.energy, quantity.forces, *((quantity.stress,) if all(found) else ()))

    @property
    def is_periodic(self) -> bool:
        """Whether any frame of `data` is."""
        return any(np.any(x["pbc"]) for x in _read(self.data).samples.inputs)

    @property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers that occur in `data`."""
        return tuple(sorted(_elements(_read(self.data).samples)))

    @functools.cached_property
    def states(self) -> Mapping[tuple[int, ...], Mapping[str, Any]]:
        """What headers say of charge and spin, by composition."""
        return {kind: said for file in reversed(self.files) for kind, said in _read(file).states.items()}

    @property
    def partition(self) -> Partition:
        """How the frames of `data` are divided."""
        test = Source.parse(self.test).digest if self.test else ""
        return _divided(self, Source.parse(self.data).digest, test)

    def part(self, split: Split) -> Samples:
        """The samples of one split."""
        whole = _read(self.data).samples
        if self.test and split == "test":
            found = _of_known_elements(_read(self.test).samples, whole, self.test)
        else:
            found = self.partition.part(whole, split)
        return dataclasses.replace(found, outputs={q.name: found.outputs[q.name] for q in self.outputs})


def listed(names: str) -> tuple[str, ...]:
    """Names that are separated by commas."""
    return tuple(name.strip() for name in names.split(",") if name.strip())


@dataclasses.dataclass(frozen=True, eq=False)
class _Own:
    """What an own file holds: labelled frames, and charge and spin as its headers say them, by composition."""

    samples: Samples
    states: Mapping[tuple[int, ...], Mapping[str, Any]]

    @property
    def has_stress(self) -> bool:
        return "stress" in self.samples.outputs


def _read(text: str) -> _Own:
    """Frames of a file, parsed once for what it holds."""
    source = Source.parse(text).only("energy", "forces", "stress", "units", "pbc", "group", "split")
    return _read_content(source, source.digest)


@functools.lru_cache(maxsize=8)
def _read_content(source: Source, digest: str) -> _Own:
    try:
        frames = read_atoms(source, need=("energy", "forces"))
    except Invalid as error:
        if error.must == "every frame has forces":
            more = "Energies alone are fitted by molecules/properties --target energy."
            raise Invalid(must=error.must, came=error.came, do=f"{error.do} {more}") from None
        raise
    samples = samples_of(source, frames, ("energy", "forces"))
    return _Own(samples, {composition(f.atoms): f.info for f in reversed(frames)})


@functools.lru_cache(maxsize=8)
def _divided(of: FrameSet, digest: str, test_digest: str) -> Partition:
    whole, source = _read(of.data).samples, Source.parse(of.data)
    kept = _kept(of, whole)
    shares = {k: v for k, v in HELD_OUT.items() if not (of.test and k == "test")}
    counts = {k: max(round(v * len(kept)), 1) for k, v in shares.items()}
    counts["train"] = len(kept) - sum(counts.values())
    if counts["train"] < 1:
        raise Invalid(
            must="a training file holds at least 4 frames",
            came=f"{len(kept)} in {source.path}",
            do="Give more frames, or a test file of its own: --test FILE.",
        )
    part = whole if len(kept) == len(whole) else whole.take(kept)
    systems = [composition(x) for x in part.inputs]
    found = divide(units(len(part), source, group=part.group, systems=systems, frames=part.inputs), counts, key=0)
    if part is whole:
        return found
    unit = None
    if found.unit is not None:
        unit = np.full(len(whole), -1)
        unit[kept] = found.unit
    left_out = f"; {len(whole) - len(kept)} of {len(whole)} frames left out, they are test frames"
    return Partition({name: kept[rows] for name, rows in found.rows.items()}, found.how + left_out, unit)


def _kept(of: FrameSet, whole: Samples) -> np.ndarray:
    """Rows of `data` that are not in `test`."""
    rows = np.arange(len(whole))
    if not (of.apart and of.test):
        return rows
    shared = [leak.first for leak in leaks(whole, _read(of.test).samples, of.apart)]
    return np.setdiff1d(rows, shared)


def _elements(part: Samples) -> set[int]:
    return {int(z) for x in part.inputs for z in np.unique(x["atomic_numbers"])}


def _of_known_elements(samples: Samples, train: Samples, path: str) -> Samples:
    strange = sorted(_elements(samples) - _elements(train))
    if strange:
        raise Invalid(
            must="all elements of the test file occur in the training file",
            came=f"{', '.join(symbols(strange))} in {path}",
            do="Leave such frames out, or train on data that contain them.",
        )
    return samples
