"""Own periodic data with stress: a fit of five minutes, then cell and positions relaxed to the elastic minimum.

    python benchmarks/copper_stress.py FOLDER [--method painn] [--preset small] [--cutoff 4.5] [--batch 4] [--budget 5m]

FOLDER holds alignn_id_prop.json[.xz] and test.json of copper from mlearn: PBE energies, forces and stresses of strained
cells, surfaces, vacancies and dynamics (Zuo et al. 2020, doi:10.1021/acs.jpca.9b08723). The first 262 entries of the
former are the training set; those that are a test frame, or a mirror image or rotation of one, are left
out. Stresses are in kbar, positive where the crystal is compressed, in the order xx yy zz xy xz yz, as frames show
that are sheared in one plane only.

Printed: errors on the test frames beside their spread; how far the stress is from the derivative of the energy; the
cell to which a strained, sheared and shaken one relaxes, beside the frame of least stress in the data; its elastic
constants, beside those fitted to the frames of the data.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import lzma
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.io import write
from ase.optimize import BFGS
from ase.units import GPa

import erlangen
from erlangen import registry
from erlangen.app.calculator import as_container
from erlangen.data.leakage import leaks

TRAIN = 262
ORDER = [0, 1, 2, 5, 4, 3]  # xx yy zz xy xz yz -> xx yy zz yz xz xy
STRAIN = 1e-3
SAME = 3e-3  # A, root mean square of interatomic distances; two strains that differ by 1 % are further apart


def labelled(cell: Any, fractions: Any, energy: float, forces: Any, kbar: Any) -> Atoms:
    atoms = Atoms("Cu" + str(len(fractions)), cell=cell, scaled_positions=fractions, pbc=True)
    stress = -0.1 * GPa * np.asarray(kbar, float)[ORDER]
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=np.asarray(forces, float), stress=stress)
    return atoms


def read(folder: Path) -> tuple[list[Atoms], list[Atoms]]:
    """Training and test frames, without those of the former that are also in the latter."""
    path = next(p for p in (folder / f"alignn_id_prop.json{end}" for end in (".xz", "")) if p.exists())
    content = path.read_bytes()
    rows = json.loads(lzma.decompress(content) if path.suffix == ".xz" else content)[:TRAIN]
    train = [
        labelled(
            r["atoms"]["lattice_mat"],
            r["atoms"]["coords"],
            r["total_energy"] * len(r["atoms"]["coords"]),
            r["forces"],
            r["stresses"],
        )
        for r in rows
    ]
    test = []
    for r in json.loads((folder / "test.json").read_text()):
        fractions = [site["abc"] for site in r["structure"]["sites"]]
        out = r["outputs"]
        test.append(
            labelled(r["structure"]["lattice"]["matrix"], fractions, out["energy"], out["forces"], out["virial_stress"])
        )
    shared = {leak.first for leak in leaks([as_container(a) for a in train], [as_container(a) for a in test], SAME)}
    return [a for i, a in enumerate(train) if i not in shared], test


def derivative(atoms: Atoms) -> tuple[float, float]:
    """Largest difference between the stress and (E(eps) - E(-eps)) / 2 eps V, and largest component [eV/A^3]."""
    stress, gaps = atoms.get_stress(voigt=False), []
    for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
        ends = []
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[a, b] += sign * STRAIN / 2
            strain[b, a] += sign * STRAIN / 2
            ends.append(strained(atoms, strain).get_potential_energy())
        gaps.append(abs((ends[0] - ends[1]) / (2 * STRAIN * atoms.get_volume()) - stress[a, b]))
    return max(gaps), float(np.abs(stress).max())


def strained(atoms: Atoms, strain: np.ndarray) -> Atoms:
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    moved.calc = atoms.calc
    return moved


def elastic_constants(atoms: Atoms) -> dict[str, float]:
    """C11, C12 and C44 of a cubic crystal in GPa, from stresses at strains of 0.1 %."""

    def slope(strain: np.ndarray) -> np.ndarray:
        plus, minus = (strained(atoms, sign * STRAIN * strain).get_stress() for sign in (1, -1))
        return (plus - minus) / (2 * STRAIN * GPa)

    stretch, shear = slope(np.diag([1.0, 0, 0])), slope(np.array([[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0]]))
    return {"C11": stretch[0], "C12": (stretch[1] + stretch[2]) / 2, "C44": shear[5]}


def fitting(options: argparse.Namespace) -> Any:
    """The method with the settings asked for."""
    kind = registry.load_method(options.method)
    preset = getattr(sys.modules[kind.__module__], options.preset)
    radial = dataclasses.replace(preset.radial, cutoff=options.cutoff)
    training = dataclasses.replace(preset.training, batch=options.batch)
    return dataclasses.replace(preset, radial=radial, training=training)


def fitted_constants(frames: list[Atoms], side: float) -> dict[str, float]:
    """C11, C12 and C44 in GPa by least squares, sigma = sigma_0 + C epsilon, from perfect crystals under 2.5 %."""
    rows, values = [], []
    for atoms in frames:
        gap = atoms.cell.array / side - np.eye(3)
        strain, stress = (gap + gap.T) / 2, atoms.get_stress(voigt=False) / GPa
        if len(atoms) != 108 or np.abs(atoms.get_forces()).max() > 0.02 or np.abs(strain).max() > 0.025:
            continue
        for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
            others = np.trace(strain) - strain[i, i]
            rows.append([strain[i, i], others, 0.0, 1.0] if i == j else [0.0, 0.0, 2 * strain[i, j], 0.0])
            values.append(stress[i, j])
    return dict(zip(("C11", "C12", "C44"), np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0].tolist()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--method", default="painn")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--cutoff", type=float, default=4.5)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--budget", default="5m")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    train, test = read(options.folder)
    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/train.xyz", train, format="extxyz")
        write(f"{folder}/test.xyz", test, format="extxyz")
        task = registry.load_task("molecules/forces")(data=f"{folder}/train.xyz", test=f"{folder}/test.xyz")
        run = erlangen.run(
            task, erlangen.Conformal(fitting(options)), budget=options.budget, seed=options.seed, runs=f"{folder}/runs"
        )
        calc = erlangen.calculator(run.folder, precision="float64")
    print(f"{len(train)} training frames of {TRAIN}, {len(test)} test frames")
    for score in run.record.scores:
        print(f"  {score.label or score.name}: {score.value:.2f} +- {score.error:.2f} {score.unit}")
    true = np.array([a.get_stress() for a in test])
    spread = np.mean(np.abs(true - true.mean(0)))
    print(f"  spread of the test stresses, mean |sigma - <sigma>|: {1000 * spread:.1f} meV/A^3")
    for row in run.record.coverage:
        print(f"  coverage of {row.output} at {row.level:.0%}: {row.coverage:.1%}")
    shaken = bulk("Cu", cubic=True, a=3.75)
    shaken.set_cell(shaken.cell.array @ (np.eye(3) + [[0.02, 0.03, 0], [0, -0.03, 0.02], [0.01, 0, 0]]), True)
    shaken.rattle(0.05, seed=options.seed)
    shaken.calc = calc
    print("  stress against the derivative of the energy: {:.1e} of {:.3f} eV/A^3".format(*derivative(shaken)))
    optimiser = BFGS(FrechetCellFilter(shaken), logfile=None)  # type: ignore[arg-type]
    converged = optimiser.run(fmax=1e-3, steps=300)
    lengths, angles = shaken.cell.cellpar()[:3], shaken.cell.cellpar()[3:]
    print(f"relaxed in {optimiser.nsteps} steps{'' if converged else ', NOT CONVERGED'}: a = {lengths.round(4)} A,")
    print(f"  angles {angles.round(3)}, largest stress {np.abs(shaken.get_stress()).max() / GPa:.1e} GPa")
    still = min((a for a in train if len(a) == 108), key=lambda a: np.abs(a.get_stress()).max())
    print(f"  data: a = {(still.get_volume() / 27) ** (1 / 3):.4f} A at {still.get_stress().max() / GPa:.2f} GPa")
    side = still.cell.array[0, 0]
    for name, found in (("relaxed", elastic_constants(shaken)), ("data", fitted_constants([*train, *test], side))):
        print(f"  elastic constants [GPa], {name}: " + ", ".join(f"{k} {v:.0f}" for k, v in found.items()))


if __name__ == "__main__":
    main()
