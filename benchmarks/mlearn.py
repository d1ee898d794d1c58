"""A potential of an element of mlearn: errors on its test, lattice and elastic constants beside those of its data.

    python benchmarks/mlearn.py Si [options of `erlangen run`]

    python benchmarks/mlearn.py Si --degrees 18,16,14
    python benchmarks/mlearn.py Si --method mace --channels 16 --radial.cutoff 5 --training.batch 4 --budget 15m
    python benchmarks/mlearn.py Cu --data FOLDER

Density functional theory of elemental crystals: Zuo et al. 2020, doi:10.1021/acs.jpca.9b08723. FOLDER holds the two
files of the element; without it they are downloaded. Training frames that are test frames are left out, and the blocks
of time between training, validation and calibration.

Printed: errors on the test beside those of GAP and MTP as published (potentials that were trained on all other frames);
lattice constant, bulk modulus and elastic constants of the fitted surface beside what strained frames of the data state
(`data.elastic_labels`).
"""

from __future__ import annotations

import sys
import tempfile

import jax
import numpy as np

import erlangen
from erlangen.app.cli_run import question_and_answer
from erlangen.contract import SPLITS
from erlangen.study.table import aligned


def main(argv: list[str]) -> None:
    if not argv:
        sys.exit(__doc__)
    words = ["materials/potentials", "--engine", f"mlearn-{argv[0].lower()}", *argv[1:]]
    if "--method" not in words:
        words += ["--method", "ace"]
    task, method, options = question_and_answer(words, words[0], words[words.index("--method") + 1])
    sizes = ", ".join(f"{len(task.truth(split))} {split}" for split in SPLITS)
    print(f"{argv[0]}: {sizes}; {task.partition.how}\n{method}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        run = erlangen.run(task, method, budget=options.budget or "15m", seed=options.seed, runs=folder)
    peers = {(p.score, p.name): f"{p.value:g}" for p in task.published}
    rows = [
        (s.label or s.name, f"{s.value:.3g}", s.unit, *(peers.get((s.name, p), "-") for p in ("GAP", "MTP")))
        for s in run.record.scores
    ]
    print(aligned(rows, ("score", method.name(), "unit", "GAP", "MTP"), width=110))
    for one in task.consequences:
        true, found = one.true(), one.derive(run.fitted.bare, key=jax.random.key(0))
        for name in ("lattice", "bulk", "elastic"):
            print(f"  {name}: {np.round(found[name], 4).tolist()}, of the data {np.round(true[name], 4).tolist()}")


if __name__ == "__main__":
    main(sys.argv[1:])
