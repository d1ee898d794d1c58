"""A potential of an element of mlearn: errors on its test, lattice and elastic constants beside those of its data.

    python benchmarks/mlearn.py Si [--data FOLDER] [--method mace] [--preset small] [--cutoff 5] [--batch 4]
        [--budget 15m] [--seed 0]

Density functional theory of elemental crystals: Zuo et al. 2020, doi:10.1021/acs.jpca.9b08723. FOLDER holds the two
files of the element; without it they are downloaded. Training frames that are test frames are left out.

Printed: errors on the test; lattice constant and elastic constants of the fitted surface (exact derivatives), with
atoms relaxed and with atoms that follow the strain. Beside the latter, what the data say: least squares of
sigma = sigma_0 + C epsilon over their crystals that are strained by less than 2.5 % with all atoms in their places.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from typing import Any

import numpy as np

import erlangen
from erlangen import registry
from erlangen.app.surfaces import surface_of
from erlangen.contract import SPLITS
from erlangen.physics.crystal_frames import crystal
from erlangen.physics.elastic import elastic
from erlangen.physics.units import GPA

SMALL = 0.025  # strain
IN_PLACE = 1e-3  # of lattice vectors: how far atoms of a strained crystal may be from their places
NAMES = ("C11", "C12", "C44")


def fitting(options: argparse.Namespace) -> Any:
    """The method with the settings asked for."""
    kind = registry.load_method(options.method)
    preset = getattr(sys.modules[kind.__module__], options.preset)
    radial = dataclasses.replace(preset.radial, cutoff=options.cutoff)
    return dataclasses.replace(
        preset, radial=radial, training=dataclasses.replace(preset.training, batch=options.batch)
    )


def of_data(task: Any) -> tuple[float, dict[str, float], int]:
    """Lattice constant [A] and C11, C12, C44 [GPa] with atoms in their places, and from how many frames."""
    parts = [task.truth(split) for split in SPLITS]
    frames = [(x, np.asarray(s)) for p in parts for x, s in zip(p.inputs, p.outputs["stress"], strict=True)]

    def fractions(x: Any) -> np.ndarray:
        return np.asarray(x["positions"]) @ np.linalg.inv(x["cell"])

    forces = [np.abs(np.asarray(f)).max() for p in parts for f in p.outputs["forces"]]
    still = [i for i, (x, _) in enumerate(frames) if forces[i] < 0.02 and is_cubic(x["cell"])]
    most = max(len(frames[i][0]["positions"]) for i in still)
    still = [i for i in still if len(frames[i][0]["positions"]) == most]
    first = min(still, key=lambda i: np.abs(frames[i][1]).max())
    ideal, origin = frames[first][0], fractions(frames[first][0])
    rows, values = [], []
    for x, stress in frames:
        if len(x["positions"]) != len(origin):
            continue
        gap = fractions(x) - origin
        strain = np.linalg.inv(ideal["cell"]) @ x["cell"] - np.eye(3)
        strain = (strain + strain.T) / 2
        if np.abs(gap - np.round(gap)).max() > IN_PLACE or np.abs(strain).max() > SMALL:
            continue
        for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
            others = np.trace(strain) - strain[i, i]
            rows.append([strain[i, i], others, 0.0, 1.0] if i == j else [0.0, 0.0, 2 * strain[i, j], 0.0])
            values.append(stress[i, j] / GPA)
    c11, c12, c44, load = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0].tolist()
    side = (abs(np.linalg.det(ideal["cell"])) / len(origin)) ** (1 / 3) * (1 - load / (c11 + 2 * c12))
    return side, dict(zip(NAMES, (c11, c12, c44))), len(values) // 6


def is_cubic(cell: Any) -> bool:
    """Whether a cell is a cube along the axes."""
    return bool(np.allclose(cell, cell[0, 0] * np.eye(3), atol=1e-3 * cell[0, 0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("element")
    parser.add_argument("--data", default="")
    parser.add_argument("--method", default="mace")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--cutoff", type=float, default=5.0)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--budget", default="15m")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    task = registry.load_task("materials/potentials")(engine=f"mlearn-{options.element.lower()}", data=options.data)
    sizes = {split: len(task.truth(split)) for split in SPLITS}
    print(
        f"{options.element}: " + ", ".join(f"{n} {s}" for s, n in sizes.items()) + f"; {task.partition.how}", flush=True
    )
    with tempfile.TemporaryDirectory() as folder:
        run = erlangen.run(task, fitting(options), budget=options.budget, seed=options.seed, runs=folder)
        surface = surface_of(None, str(run.folder))
    for score in run.record.scores:
        print(f"  {score.label or score.name}: {score.value:.2f} +- {score.error:.2f} {score.unit}")
    unit = crystal(surface, options.element)
    found, (side, constants, count) = elastic(surface, unit), of_data(task)
    side *= len(unit.positions) ** (1 / 3)
    print(f"  lattice constant {unit.cell[0, 0]:.4f} A, of the data {side:.4f} A")
    for title, c in (("relaxed", found.constants), ("atoms in their places", found.clamped)):
        print(f"  elastic constants [GPa], {title}: C11 {c[0, 0]:.1f}, C12 {c[0, 1]:.1f}, C44 {c[3, 3]:.1f}")
    said = ", ".join(f"{k} {v:.1f}" for k, v in constants.items())
    print(f"  elastic constants [GPa], {count} frames of the data, atoms in their places: {said}")


if __name__ == "__main__":
    main()
