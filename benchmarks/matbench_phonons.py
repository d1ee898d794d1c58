"""The five official folds of Matbench phonons: mean absolute error with its standard error, beside the leaderboard.

    python benchmarks/matbench_phonons.py [--data matbench_phonons.json.gz] [--method springs] [--folds 0 1 2 3 4]

Without --data the set is downloaded (0.5 MB, checked by SHA-256). Each fold is fitted on its training part alone, a
twentieth of which stays aside for calibration; several methods are also averaged. Leaderboard: Dunn et al. 2020,
doi:10.1038/s41524-020-00406-3, values of the site.
"""

from __future__ import annotations

import argparse
import time

import jax
import numpy as np

from erlangen import registry
from erlangen.contract import Budget
from erlangen.learn.batching import predict
from erlangen.tasks.materials.properties import PHONON_PEERS, Properties


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="", help="a local copy of matbench_phonons.json.gz")
    parser.add_argument("--method", nargs="+", default=["springs"])
    parser.add_argument("--budget", default="10m", help="of each fit that takes one")
    parser.add_argument("--folds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    asked = parser.parse_args()
    errors: dict[str, list[float]] = {}
    for fold in asked.folds:
        task = Properties(target="phonons", data=asked.data, fold=fold)
        test = task.truth("test")
        true = np.asarray(test.outputs["frequency"], float)
        answers = {}
        for name in asked.method:
            start = time.perf_counter()
            fitted = registry.load_method(name)().fit(task, Budget.parse(asked.budget), key=jax.random.key(fold))
            answers[name] = np.asarray(predict(fitted, test.inputs)["frequency"], float)
            print(f"fold {fold}, {name}: fit and answer in {time.perf_counter() - start:.0f} s", flush=True)
        if len(answers) > 1:
            answers["mean of " + ", ".join(answers)] = np.mean(list(answers.values()), 0)
        for name, answer in answers.items():
            errors.setdefault(name, []).append(float(np.mean(np.abs(answer - true))))
            print(f"fold {fold}, {name}: MAE {errors[name][-1]:.2f} cm^-1 on {len(true)} crystals", flush=True)
    rows = [(np.mean(v), f"{np.mean(v):7.2f} +- {np.std(v, ddof=1) / len(v) ** 0.5:.2f}", k) for k, v in errors.items()]
    rows += [(v, f"{v:7.2f}", f"{k} (leaderboard)") for k, v in PHONON_PEERS.items()]
    print(f"\nMAE [cm^-1] over {len(asked.folds)} folds (+- standard error over folds)")
    for _, figure, name in sorted(rows):
        print(f"{figure:16s} {name}")


if __name__ == "__main__":
    main()
