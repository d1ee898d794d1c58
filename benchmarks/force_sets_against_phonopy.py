"""Forces of density functionals as phonopy keeps them: our frequencies beside phonopy's.

    python benchmarks/force_sets_against_phonopy.py FOLDER

FOLDER: a copy of phonopy's and phono3py's examples (`phonopy_NaCl`, `phonopy_NaCl-VASPdfpt`, `phonopy_Si-gruneisen/
orig`, `phono3py_Si-PBEsol`). On a path through the zone, with the non-analytical term of Wang et al. where there are
charges; phonopy's own default for that term (Gonze and Lee) agrees with it at Gamma and at the wave vectors that the
supercell holds, and differs in between.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from phonopy import Phonopy
from phonopy.file_IO import parse_BORN, parse_FORCE_CONSTANTS, parse_FORCE_SETS
from phonopy.interface.vasp import read_vasp

from erlangen.data.force_sets import read_forces, read_single
from erlangen.physics.phonons import path

SETS = ("phonopy_NaCl", "phonopy_NaCl-VASPdfpt", "phonopy_Si-gruneisen/orig", "phono3py_Si-PBEsol")


def theirs(folder: Path, cell: np.ndarray) -> Phonopy:
    """phonopy's object for the primitive cell with these vectors."""
    unit = read_vasp(folder / "POSCAR-unitcell")
    inside = np.asarray(cell) @ np.linalg.inv(unit.cell)
    found = Phonopy(unit, np.eye(3, dtype=int) * 2, primitive_matrix=inside.T, log_level=0)
    if (folder / "FORCE_CONSTANTS").exists():
        found.force_constants = parse_FORCE_CONSTANTS(folder / "FORCE_CONSTANTS")
    else:
        if (folder / "FORCE_SETS").exists():
            found.dataset = parse_FORCE_SETS(filename=folder / "FORCE_SETS")
        else:
            (atom, step, forces), *_ = read_single(folder / "FORCES_FC3", len(found.supercell))
            one = {"number": atom, "displacement": step, "forces": forces}
            found.dataset = {"natom": len(forces), "first_atoms": [one]}
        found.produce_force_constants()
    if (folder / "BORN").exists():
        found.nac_params = parse_BORN(found.primitive, filename=folder / "BORN") | {"method": "wang"}
    return found


def main() -> None:
    """A line for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print("set                          atoms  largest difference on the path   longitudinal at Gamma, ours and theirs")
    for name in SETS:
        ours = read_forces(folder / name, (2, 2, 2))
        peer = theirs(folder / name, ours.x.cell)
        q = path(ours.x).q
        q = q[np.abs(q).max(1) > 0]
        peer.run_qpoints(q)
        gap = np.abs(peer.qpoints.frequencies - ours.frequencies(q)).max()
        ends = ""
        if ours.charges is not None:
            peer.run_qpoints([[0, 0, 0]], nac_q_direction=[1, 0, 0])
            top = peer.qpoints.frequencies[0, -1]
            ends = f"{ours.frequencies([[0, 0, 0]], direction=[1, 0, 0])[0, -1]:.4f} {top:.4f} THz"
        print(f"{name:28s} {len(ours.x.positions):5d}  {gap:12.1e} THz {'':15s} {ends}", flush=True)


if __name__ == "__main__":
    main()
