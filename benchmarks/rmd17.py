"""Revised MD17 with 50 training structures: our force error beside the published ones.

    python benchmarks/rmd17.py FOLDER [--molecules ethanol aspirin uracil] [--method transfer] [--delta] [--budget 15m]

--delta puts GFN2-xTB into the answer and lets the method learn the difference (`--wrap delta`): extra physics that the
published networks do not have, run at every question, some milliseconds each.

FOLDER holds <molecule>/train_01.xyz[.xz] and test_01.xyz[.xz], the first official split (Christensen, von Lilienfeld
2020, doi:10.1088/2632-2153/abba6f). 50 of the 1,000 training structures, chosen by the seed, are all that a fit sees:
the moving average that does best on these same 50 is kept. Scored on all 1,000 test structures.
Published: MACE, NequIP and linear ACE at 50 structures (arXiv:2206.07697, table 2).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import jax
import numpy as np

from erlangen import registry
from erlangen.contract import Budget, Samples, Session, Supervised
from erlangen.core import quantity
from erlangen.core.systems import Atoms
from erlangen.data.readers import read_samples
from erlangen.learn.batching import predict
from erlangen.methods.wrappers.delta import Delta

PUBLISHED = {  # force MAE in meV/A at 50 structures: MACE, NequIP, ACE
    "aspirin": (43.9, 52.0, 63.8),
    "ethanol": (32.6, 40.2, 43.0),
    "malonaldehyde": (43.3, 52.5, 63.5),
    "toluene": (12.1, 15.1, 27.1),
    "uracil": (25.9, 40.1, 36.2),
}
N_TRAIN = 50


class FewFrames(Supervised):
    """Fifty structures of one molecule."""

    container = Atoms
    inputs = (quantity.positions, quantity.atomic_numbers, quantity.cell)
    outputs = (quantity.energy, quantity.forces)
    symmetry = ()

    def __init__(self, train: Samples):
        self.train = train

    def truth(self, split):
        return self.train


def isolated(samples: Samples) -> Samples:
    """Without the fictitious box of the files."""
    inputs = [Atoms(x["positions"], x["atomic_numbers"]) for x in samples.inputs]
    return Samples(inputs, {name: samples.outputs[name] for name in ("energy", "forces")})


def read(folder: Path, molecule: str, part: str) -> Samples:
    path = next(p for p in (folder / molecule / f"{part}_01.xyz{end}" for end in (".xz", "")) if p.exists())
    return isolated(read_samples(str(path)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--molecules", nargs="+", default=["ethanol", "aspirin", "uracil"])
    parser.add_argument("--method", default="transfer")
    parser.add_argument("--channels", type=int)
    parser.add_argument("--delta", action="store_true")
    parser.add_argument("--budget", default="15m")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ratios = []
    for molecule in options.molecules:
        train, test = read(options.folder, molecule, "train"), read(options.folder, molecule, "test")
        rows = np.random.default_rng(options.seed).permutation(len(train))[:N_TRAIN]
        tick = time.perf_counter()
        session = Session(say=lambda text: print("  ", text, flush=True))
        method = registry.load_method(options.method)(**({"channels": options.channels} if options.channels else {}))
        method = Delta(method) if options.delta else method
        budget = Budget.parse(options.budget)
        fitted = method.fit(FewFrames(train.take(rows)), budget, key=jax.random.key(options.seed), session=session)
        seconds = time.perf_counter() - tick
        found = predict(fitted, test.inputs)
        errors = np.abs(np.array(found["forces"]) - np.array(test.outputs["forces"]))
        per_frame = 1000 * errors.mean((1, 2))
        energy = 1000 * np.mean(np.abs(np.array(found["energy"]) - np.array(test.outputs["energy"])))
        peers = dict(zip(("MACE", "NequIP", "ACE"), PUBLISHED[molecule]))
        ratios.append(per_frame.mean() / peers["MACE"])
        row = {
            "molecule": molecule,
            "method": options.method + " on GFN2-xTB" * options.delta,
            "seconds": round(seconds),
            "forces_mae": round(float(per_frame.mean()), 2),
            "error": round(float(per_frame.std() / len(per_frame) ** 0.5), 2),
            "energy_mae": round(float(energy), 2),
            **peers,
        }
        print(json.dumps(row), flush=True)
    print(f"geometric mean of ours / MACE: {np.exp(np.mean(np.log(ratios))):.3f}")


if __name__ == "__main__":
    main()
