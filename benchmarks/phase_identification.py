"""Measured powder patterns: which phases are in them, by whole patterns and by peak matching; single phases indexed.

    python benchmarks/phase_identification.py FOLDER [--network RUN] [--each]

FOLDER holds patterns.jsonl.xz and reference_cifs.tar.xz: 69 laboratory patterns (Cu K alpha) with mixtures as weighed,
from Dara (Fei et al. 2025) and XRD-AutoAnalyzer (Szymanski et al. 2021, doi:10.1021/acs.chemmater.1c01071), and 89
CIFs. Crystals of five weighed powders are not among these; they are written here. A phase counts as found where a
crystal of its formula is among the first: which polymorph was weighed is not said. The 20 patterns of reactions have no
known products and are left out.

Printed: share of the phases that are among the first three and the first n of n, by set; then patterns of one phase:
crystal system and cell from the pattern alone, beside those of the CIF, which is the shift from simulated to measured.
--network: a run of materials/characterisation, which reads the single phases too.
"""

from __future__ import annotations

import argparse
import collections
import json
import lzma
import re
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from ase.spacegroup import crystal

from erlangen.core.systems import Atoms
from erlangen.data.scatterer_files import read_scatterers
from erlangen.physics import search_match
from erlangen.physics.cell_features import PER_LATTICE, describe
from erlangen.physics.diffraction import Scatterers, scatterers
from erlangen.physics.indexing import index_pattern
from erlangen.physics.peak_search import find_peaks, smooth_background
from erlangen.physics.random_crystals import SYSTEMS, symmetry_of, system_of

SPAN = (12.0, 80.0)  # degrees
# bixbyite doi:10.1107/S0365110X66001749, V2O5 doi:10.1107/S0108270186091825, zincite doi:10.1524/zkri.1989.186.14.177,
# rhodochrosite doi:10.1524/zkri.1981.156.14.233, alpha-Bi2O3 doi:10.3891/acta.chem.scand.24-0384
WRITTEN: dict[str, tuple[str, list[tuple[float, float, float]], int, int, list[float]]] = {
    "In2O3": (
        "In In O",
        [(0.25, 0.25, 0.25), (0.4668, 0, 0.25), (0.3905, 0.1529, 0.3832)],
        206,
        1,
        [10.117] * 3 + [90] * 3,
    ),
    "V2O5": (
        "V O O O",
        [(0.10118, 0.25, 0.8917), (0.1043, 0.25, 0.531), (0.9311, 0.25, 0.003), (0.25, 0.25, 0.001)],
        59,
        1,
        [11.512, 3.564, 4.368, 90, 90, 90],
    ),
    "ZnO": ("Zn O", [(1 / 3, 2 / 3, 0), (1 / 3, 2 / 3, 0.382)], 186, 1, [3.2495, 3.2495, 5.2069, 90, 90, 120]),
    "MnCO3": ("Mn C O", [(0, 0, 0), (0, 0, 0.25), (0.27, 0, 0.25)], 167, 1, [4.7682, 4.7682, 15.635, 90, 90, 120]),
    "Bi2O3": (
        "Bi Bi O O O",
        [
            (0.524, 0.1831, 0.3613),
            (0.0409, 0.0425, 0.7762),
            (0.78, 0.3, 0.71),
            (0.242, 0.044, 0.134),
            (0.271, 0.024, 0.513),
        ],
        14,
        1,
        [5.8496, 8.1648, 7.5101, 90, 112.977, 90],
    ),
}
# of single phases: which CIF is the one that was measured
SINGLE = {"Mn2O3": "Mn2O3_206", "MnO": "MnO_225", "MnO2": "MnO2_136", "TiO2": "TiO2_141", "LiMnO2": "LiMnO2_59"}
HOW = ("patterns", "peaks")


def references(archive: Path) -> list[tuple[str, Scatterers]]:
    """Crystals of the archive and those written here, by name: formula, space group."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        for file in sorted(Path(folder).rglob("*.cif")):
            found.append((file.stem, read_scatterers(file)[0][1]))
    for name, (symbols, places, number, setting, cell) in WRITTEN.items():
        one = crystal(symbols.split(), places, spacegroup=number, setting=setting, cellpar=cell)
        atoms = Atoms(one.positions, one.numbers, np.array(one.cell), np.ones(3, bool))
        found.append((f"{name}_{number}", scatterers(atoms, 0.006, 1e-2)))
    return found


def measured(row: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Angles and counts within `SPAN`."""
    y = np.array(row["counts"], float)
    x = np.linspace(row["start"], row["end"], len(y))
    inside = (x > SPAN[0]) & (x < SPAN[1])
    return x[inside], y[inside]


def phases_of(row: dict[str, Any]) -> list[str]:
    """Formulas of what was weighed or measured; none where products are unknown."""
    if "weight_fractions" in row:
        return list(row["weight_fractions"])
    return re.split(r"\+|-(?=ZrO2)", row["phases"]) if "phases" in row else []


def ranked(how: str, x: np.ndarray, y: np.ndarray, known: search_match.Library) -> list[str]:
    """Formulas by falling rank, each once."""
    found = search_match.by_patterns(x, y, known) if how == HOW[0] else search_match.by_peaks(find_peaks(x, y), known)
    return list(dict.fromkeys(one.name.split("_")[0] for one in found))


def identify(rows: list[dict[str, Any]], known: search_match.Library, *, each: bool) -> None:
    """The table of recalls by set and scan."""
    table: dict[tuple[str, str], list[tuple[float, float, float]]] = collections.defaultdict(list)
    for row in rows:
        true = phases_of(row)
        for how in HOW if true else ():
            names = ranked(how, *measured(row), known)
            three = [name in names[:3] for name in true]
            exact = [name in names[: len(true)] for name in true]
            kind = f"{row['set']} {row.get('scan', '')}".strip()
            for key in ((kind, how), ("all", how)):
                table[key].append((float(np.mean(three)), float(np.mean(exact)), float(all(three))))
            if each and not all(three):
                print(f"  {how:8s} {row['name']}: {', '.join(names[:5])}")
    print(f"{'set':24s} {'by':10s} patterns  in first 3  in first n  all in first 3")
    for (kind, how), found in table.items():
        three, exact, every = 100 * np.mean(found, 0)
        print(f"{kind:24s} {how:10s} {len(found):8d}  {three:8.1f} %  {exact:8.1f} %  {every:12.1f} %")


def singles(rows: list[dict[str, Any]], crystals: dict[str, Scatterers], network: Any) -> None:
    """Patterns of one phase: system and cell."""
    print(f"\n{'phase':8s} {'system':13s} {'a b c [A]':26s} by")
    for row in rows:
        if (name := SINGLE.get(row.get("phases", ""))) is None:
            continue
        one = crystals[name]
        number, lengths, _ = symmetry_of(one.cell, one.places, one.atomic_numbers)
        system = SYSTEMS[system_of(number)]
        print(f"{row['phases']:8s} {system:13s} {_three(lengths):26s} CIF {name}")
        x, y = measured(row)
        cell = index_pattern(x, y)
        print(f"{'':8s} {SYSTEMS[cell.system]:13s} {_three(np.sort(cell.lengths)):26s} indexing by trial")
        if network is not None:
            answer, lengths = _read(network, x, y)
            print(f"{'':8s} {answer:13s} {_three(lengths):26s} run")
        features, lengths = describe(x, y)
        found = int(np.argmax(features[: PER_LATTICE * len(SYSTEMS) : PER_LATTICE]))
        print(f"{'':8s} {SYSTEMS[found]:13s} {_three(lengths[found]):26s} evidence of cells")
        print(f"{'':8s} {'in its system':13s} {_three(lengths[SYSTEMS.index(system)]):26s} best cell there")


def _three(lengths: np.ndarray) -> str:
    return " ".join(f"{v:8.4f}" for v in lengths)


def _read(network: Any, x: np.ndarray, y: np.ndarray) -> tuple[str, np.ndarray]:
    """What a trained run says of a pattern, put on the grid of its task."""
    from erlangen.tasks.materials.characterisation import angles, seen_as

    grid = angles()
    level = smooth_background(y, float(np.median(np.diff(x))))
    on_grid = np.interp(grid, x, y, left=float(level[0]), right=float(level[-1]))
    found = network(seen_as((on_grid / on_grid.max()).astype(np.float32)))
    lengths = np.array([float(found[n]) for n in "abc"])
    return SYSTEMS[int(np.argmax(found["system"]))], lengths


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", default="", metavar="RUN", help="a run of materials/characterisation")
    parser.add_argument("--each", action="store_true", help="patterns in which a phase was missed")
    options = parser.parse_args()
    with lzma.open(options.folder / "patterns.jsonl.xz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    crystals = references(options.folder / "reference_cifs.tar.xz")
    known = search_match.library(crystals, "CuKa", SPAN)
    print(f"{len(rows)} patterns, {len(crystals)} crystals in the library")
    identify(rows, known, each=options.each)
    network = None
    if options.network:
        from erlangen.learn.checkpoint import load_fitted

        network = load_fitted(Path(options.network))
    singles(rows, dict(crystals), network)


if __name__ == "__main__":
    main()
