"""Phonons from the unit cell beside phonopy's supercells, with one and the same potential.

    python benchmarks/phonons_against_phonopy.py [--rounds 3] [--only "Cu, EMT"]

For each crystal: the largest difference of frequencies on a path through the zone (bar: 1e-3 THz against a converged
supercell), and the time for that path and a 12 x 12 x 12 mesh. phonopy's displaced supercells get their forces from the
same law, compiled, on lists of neighbours; its own time is the rest. "warm": with compiled programs, for both (bar:
20 times faster up to 10 atoms); "cold": with what has to be compiled (bar: 5 times), no cache of programs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import jax
import numpy as np
from ase import Atoms as ASE
from ase.build import bulk
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms

from erlangen.core.systems import Atoms
from erlangen.numerics.mechanics import Surface, energy_and_forces
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.catalogue import law
from erlangen.physics.phonons import Phonons, mesh, path

MESH = (12, 12, 12)
CU3AU = bulk("Au", "fcc", 3.74, cubic=True)
CU3AU.numbers[1:] = 29
CASES = {
    "Ar, Lennard-Jones": ("lj-argon", bulk("Ar", "fcc", 5.26), 6),
    "Cu, EMT": ("emt", bulk("Cu", "fcc", 3.61), 6),
    "Si, Stillinger-Weber": ("stillinger-weber", bulk("Si", "diamond", 5.431), 4),
    "Cu3Au, EMT": ("emt", CU3AU, 4),
}


def container(a: ASE | PhonopyAtoms) -> Atoms:
    """ASE's or phonopy's atoms in ours."""
    cell = np.asarray(a.cell)
    return Atoms(np.asarray(a.positions), np.asarray(a.numbers, np.int32), cell, np.ones(3, bool))


def ours(surface: Surface, x: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies on the path, and on the mesh."""
    found = Phonons.of(surface, x)
    return found.frequencies(path(x).q), found.frequencies(mesh(MESH, x)[0])


def theirs(
    surface: Surface, x: Atoms, size: int, forces: Callable[[Atoms], jax.Array]
) -> tuple[np.ndarray, np.ndarray]:
    """The same by displaced supercells of size^3 cells."""
    own = PhonopyAtoms(cell=x.cell, positions=x.positions, numbers=x.atomic_numbers)
    found = Phonopy(own, supercell_matrix=np.eye(3, dtype=int) * size, primitive_matrix="P", log_level=0)
    found.generate_displacements(distance=0.001)
    with double():
        found.forces = [np.asarray(forces(surface.prepare(container(s)))) for s in found.supercells_with_displacements]
    found.produce_force_constants()
    found.run_qpoints(path(x).q)
    along = found.get_qpoints_dict()["frequencies"]
    found.run_mesh(MESH)
    return along, found.get_mesh_dict()["frequencies"]


def timed(run: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def main() -> None:
    """A line for each crystal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(CASES), help="one crystal")
    options = parser.parse_args()
    rounds = options.rounds
    print("crystal                 atoms supercell   difference   ours s  phonopy s   warm     cold", flush=True)
    for name, (kind, atoms, size) in CASES.items():
        if options.only not in (None, name):
            continue
        surface = law(kind)
        x = container(atoms)
        forces = jax.jit(lambda y, s=surface: energy_and_forces(lambda z: s.shares(z).sum(), y)["forces"])
        cold = [timed(lambda: ours(surface, x)), timed(lambda: theirs(surface, x, size, forces))]
        warm = [
            statistics.median(timed(run) for _ in range(rounds))
            for run in (lambda: ours(surface, x), lambda: theirs(surface, x, size, forces))
        ]
        gap = np.abs(ours(surface, x)[0] - theirs(surface, x, size, forces)[0]).max()
        n = len(x.positions)
        ratios = f"{warm[1] / warm[0]:7.1f} x {cold[1] / cold[0]:6.1f} x"
        print(f"{name:23s} {n:5d} {n * size**3:9d} {gap:9.1e} THz {warm[0]:8.3f} {warm[1]:9.3f} {ratios}", flush=True)


if __name__ == "__main__":
    main()
