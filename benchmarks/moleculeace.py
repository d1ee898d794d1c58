"""Activities of 15 targets with activity cliffs: Gaussian process against support vector machine, on the same split.

    python benchmarks/moleculeace.py [--targets CHEMBL204_Ki ...]

Per target: test RMSE (and that of the activity cliffs) of the Gaussian process, of the machine re-run by the published
protocol, of the same with a finer grid, and of the machine as published; then means, and the ratio of mean RMSE with a
bootstrap over test molecules and over targets. All settings are chosen on training molecules. About ten minutes on one
core; the tables are fetched once (2.3 MB). van Tilborg, Alenicheva, Grisoni 2022, doi:10.1021/acs.jcim.2c01073.
"""

from __future__ import annotations

import argparse
import time

import jax
import numpy as np

from erlangen.contract import Budget
from erlangen.learn.batching import predict
from erlangen.methods.fingerprints.gaussian_process import GaussianProcess
from erlangen.methods.fingerprints.svm import SVM
from erlangen.tasks.molecules.activity import PUBLISHED, Activity

METHODS = {"GP": GaussianProcess(), "SVM": SVM(), "SVM, finer": SVM(gammas=(0.003, 0.01, 0.03))}


def errors_of(target: str) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, float]]:
    """Error of every test molecule by method, which of them are cliffs, and seconds of fit and prediction."""
    task = Activity(data=target, calibration=0.0)
    test = task.truth("test")
    truth = np.ravel(test.outputs["activity"])
    table, rows = task._division()
    errors, seconds = {}, {}
    for name, method in METHODS.items():
        tick = time.perf_counter()
        fitted = method.fit(task, Budget(seconds=600), key=jax.random.key(0))
        errors[name] = np.ravel(predict(fitted, test.inputs)["activity"]) - truth
        seconds[name] = time.perf_counter() - tick
    return errors, table.is_cliff[rows["test"]], seconds


def rmse(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


def bootstrap(found: list[dict[str, np.ndarray]], one: str, other: str, *, targets: bool, count: int = 2000) -> float:
    """Standard error of the ratio of mean RMSE: test molecules drawn anew, and whole targets where asked."""
    rng, ratios = np.random.default_rng(0), []
    for _ in range(count):
        chosen = rng.integers(len(found), size=len(found)) if targets else np.arange(len(found))
        sums = np.zeros(2)
        for i in chosen:
            rows = rng.integers(len(found[i][one]), size=len(found[i][one]))
            sums += rmse(found[i][one][rows]), rmse(found[i][other][rows])
        ratios.append(sums[0] / sums[1])
    return float(np.std(ratios))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", nargs="*", default=list(PUBLISHED))
    options = parser.parse_args()
    print(
        f"{'target':<16}{'n test':>7}" + "".join(f"{name:>16}" for name in (*METHODS, "published")) + "   GP/published"
    )
    found, rows, total = [], [], dict.fromkeys(METHODS, 0.0)
    for target in options.targets:
        errors, cliff, seconds = errors_of(target)
        row = [(rmse(errors[name]), rmse(errors[name][cliff])) for name in METHODS] + [PUBLISHED[target]]
        found.append(errors)
        rows.append(row)
        total = {name: total[name] + seconds[name] for name in METHODS}
        cells = "".join(f"{a:9.3f} /{b:5.3f}" for a, b in row)
        print(f"{target:<16}{len(cliff):7d}{cells}{row[0][0] / row[-1][0]:10.3f}", flush=True)
    mean = np.mean(rows, 0)
    print(f"{'mean':<23}" + "".join(f"{a:9.3f} /{b:5.3f}" for a, b in mean) + f"{mean[0, 0] / mean[-1, 0]:10.3f}")
    for other in ("SVM", "SVM, finer"):
        by_molecule, by_target = (bootstrap(found, "GP", other, targets=t) for t in (False, True))
        ratio = mean[0, 0] / mean[list(METHODS).index(other), 0]
        print(
            f"mean RMSE of GP / {other}: {ratio:.3f} +- {by_molecule:.3f} (test molecules) +- {by_target:.3f} (targets)"
        )
    print("seconds of fit and prediction: " + ", ".join(f"{name} {s:.0f}" for name, s in total.items()))


if __name__ == "__main__":
    main()
