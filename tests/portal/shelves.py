"""A folder of runs with real records of every kind of trouble, for the tests of the portal."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
from study import records

from erlangen.assess.rows import SymmetryRow
from erlangen.study.record import Record

HOSTILE = "<img src=x onerror=alert(1)>"


def keep(root: Path, name: str, record: Record, arrays=None) -> Path:
    """A run folder as a run leaves it."""
    folder = root / name
    folder.mkdir(parents=True)
    dataclasses.replace(record, run=name).write(folder)
    if arrays is not None:
        np.savez_compressed(folder / "arrays.npz", **arrays)
    return folder


def shelf(root: Path) -> Path:
    """Burgers twice, ethanol, Ising, one with NaN, one interrupted, one hostile, half of one, one of a newer format."""
    burgers, ethanol = records.burgers(), records.ethanol()
    keep(root, "2026-11-22-1744-burgers-fno-s0", burgers, records.burgers_arrays())
    other = records.burgers(seed=1, value=0.82, method="mean")
    worse = records.burgers_arrays()
    worse["scores/nrmse"] = 2 * worse["scores/nrmse"] + 0.01
    keep(root, "2026-11-22-1745-burgers-mean-s1", other, worse)
    folder = keep(root, "2026-11-22-1750-forces-painn-s0", ethanol, records.ethanol_arrays())
    (folder / "fitted.safetensors").write_bytes(b"weights")
    keep(root, "2026-11-22-1740-spins-rbm-s0", records.ising(), records.ising_arrays())
    bad = [SymmetryRow("method", "shifts along x", "u", 0.3, True), SymmetryRow("method", "boost", "u", math.nan, True)]
    score = dataclasses.replace(burgers.scores[0], value=math.nan, error=math.inf)
    keep(
        root,
        "2026-11-22-1746-burgers-bad-s0",
        dataclasses.replace(burgers, scores=[score], symmetry=bad, coverage=[], shifts=[], panels=[], cost=None),
    )
    keep(root, "2026-11-22-1747-interrupted", dataclasses.replace(burgers, state="interrupted", scores=[], panels=[]))
    keep(root, HOSTILE, dataclasses.replace(burgers, method=HOSTILE, messages=[f"</script>{HOSTILE}"]))
    for name, text in (("half", '{"run": "ha'), ("newer", json.dumps({"format": "erlangen-record-9"}))):
        (root / name).mkdir()
        (root / name / "record.json").write_text(text)
    return root
