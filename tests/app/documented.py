"""The commands of README and documentation, and the small files that they speak of, for tests that execute them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.io import write

ROOT = Path(__file__).parents[2]
README, DOCS = ROOT / "README.md", sorted((ROOT / "docs").glob("*.md"))
LASTING = re.compile(r"erlangen serve|--remake")  # what never ends, or takes hours
# what is downloaded, or begins from a run of the reader's own
PUBLIC = re.compile(
    r"--data qm9|--target (phonons|dielectric|piezoelectric)|--engine mlearn|data fetch \w|\S+\.nqx|--from runs/[A-Z]"
)


def commands(page: Path) -> list[str]:
    """Lines of a page that begin with `erlangen`, in order, remarks left out."""
    return [line.split("  #")[0].strip() for line in page.read_text().splitlines() if line.startswith("erlangen ")]


def executable(command: str, runs: Path, budget: str) -> list[str]:
    """The words of a command, with the newest run in place of `<run>` and `...`, within a budget that a test has."""
    found = sorted(runs.glob("*/record.json"), key=lambda path: path.stat().st_mtime)
    newest = str(found[-1].parent) if found else "none"
    text = re.sub(r"runs/(<run>|\.\.\.)", newest, command)
    if " run " in text or " compare " in text:
        text = re.sub(r" --budget \S+", "", text) + f" --budget {budget}"
    return shlex.split(text)[1:]


def frames(count: int, seed: int, **names: str) -> list[Atoms]:
    """Shaken molecules of ethanol with energies and forces of an effective-medium surface, under any names."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(count):
        atoms = molecule("CH3CH2OH")
        atoms.rattle(0.05, rng=rng)
        atoms.calc = EMT()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = None
        atoms.info[names.get("energy", "energy")] = float(energy)
        atoms.arrays[names.get("forces", "forces")] = forces
        found.append(atoms)
    return found


def write_files(folder: Path) -> None:
    """Every file that the documentation names, small, into `folder`."""
    sizes = {"mine": 40, "train": 100, "test": 8, "hot": 8}  # 90 % intervals need 9 for calibration, a tenth
    for seed, (name, count) in enumerate(sizes.items()):
        write(folder / f"{name}.extxyz", frames(count, seed), columns=["symbols", "positions", "forces"])
    write(folder / "new.extxyz", [molecule("CH3CH2OH"), molecule("CH3CH2OH")])
    write(folder / "train_300K.xyz", frames(100, 4), format="extxyz")
    write(folder / "test_MD_300K.xyz.xz", frames(8, 5), format="extxyz")
    write(folder / "test_MD_600K.xyz.xz", frames(8, 6), format="extxyz")
    own = frames(40, 7, energy="E_dft", forces="F_dft")
    write(folder / "frames.xyz", own, format="extxyz", columns=["symbols", "positions", "F_dft"])
    smiles = ["C" * n + tail for n in range(1, 31) for tail in ("O", "N", "C(=O)O", "Cl")]
    rows = [f"{text},{0.1 * len(text) + ('N' in text):.2f}" for text in smiles]
    (folder / "my_assay.csv").write_text("smiles,value\n" + "\n".join(rows) + "\n")
    (folder / "new_molecules.csv").write_text("smiles\nCCO\nCCCCN\n")
    (folder / "my_crystals.json").write_text(json.dumps(_crystals()))
    (folder / "examples").symlink_to(ROOT / "examples")


def _crystals() -> list[dict]:
    metals = ["Cu", "Ag", "Au", "Al", "Ni", "Pd", "Pt", "Fe", "Cr", "Mo", "W", "V", "Nb", "Ta"]
    found = []
    for i, (element, scale) in enumerate((e, s) for e in metals for s in np.linspace(0.94, 1.08, 20)):
        atoms = bulk(element, cubic=True)
        atoms.set_cell(atoms.cell * scale, scale_atoms=True)
        structure = {
            "lattice_mat": atoms.cell.tolist(),
            "coords": atoms.get_scaled_positions().tolist(),
            "elements": atoms.get_chemical_symbols(),
            "cartesian": False,
        }
        found.append({"id": f"mine-{i}", "atoms": structure, "bulk_modulus": 100.0 * scale + i})
    return found
