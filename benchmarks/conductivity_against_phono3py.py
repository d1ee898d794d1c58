"""Thermal conductivity from the unit cell beside phono3py's supercells, with one and the same potential.

    python benchmarks/conductivity_against_phono3py.py [--mesh 9] [--width 0.1]

Silicon of Stillinger and Weber in the relaxation-time approximation, same mesh, same Gaussians (bar: within 5 %).
phono3py takes third-order force constants from pairs of displacements in a supercell of 64 atoms, whose forces the same
law gives, compiled. Where conductivities differ, frequencies and half-widths of the single modes say whence.
"""

from __future__ import annotations

import argparse
import time

import jax
import numpy as np
from ase.build import bulk
from phono3py import Phono3py
from phonopy.structure.atoms import PhonopyAtoms

from erlangen.core.systems import Atoms
from erlangen.numerics.mechanics import Surface, energy_and_forces
from erlangen.numerics.precision import double
from erlangen.physics.conductivity import conductivity
from erlangen.physics.interatomic.catalogue import law
from erlangen.physics.phonons import Phonons

TEMPERATURES = (200.0, 300.0, 600.0, 1000.0)
SUPERCELL = 2  # cubic cells along each direction


def container(a: PhonopyAtoms) -> Atoms:
    """phonopy's atoms in ours."""
    return Atoms(np.asarray(a.positions), np.asarray(a.numbers, np.int32), np.asarray(a.cell), np.ones(3, bool))


def prepared(surface: Surface) -> Phono3py:
    """With force constants of second and third order from displaced supercells."""
    cubic = bulk("Si", "diamond", 5.431, cubic=True)
    cell = PhonopyAtoms(cell=cubic.cell, scaled_positions=cubic.get_scaled_positions(), numbers=cubic.numbers)
    found = Phono3py(cell, supercell_matrix=np.eye(3, dtype=int) * SUPERCELL, primitive_matrix="F", log_level=0)
    found.generate_displacements(distance=0.01)
    forces = jax.jit(lambda x: energy_and_forces(lambda y: surface.shares(y).sum(), x)["forces"])
    with double():
        found.forces = np.array(
            [np.asarray(forces(surface.prepare(container(s)))) for s in found.supercells_with_displacements]
        )
    found.produce_fc3()
    found.produce_fc2()
    found.symmetrize_fc3()
    found.symmetrize_fc2()
    return found


def theirs(found: Phono3py, size: int, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(kappa [t] in W/(m K), frequencies, half-widths [t, waves, modes] in THz)."""
    found.sigmas = [width] if width else None
    found.mesh_numbers = [size] * 3
    found.init_phph_interaction()
    found.run_thermal_conductivity(temperatures=TEMPERATURES)
    result = found.thermal_conductivity
    return result.kappa[0, :, :3].mean(-1), result.frequencies, result.gamma[0]


def main() -> None:
    """A line for each temperature."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mesh", type=int, default=9)
    parser.add_argument("--width", type=float, default=0.1, help="of the Gaussians [THz]")
    options = parser.parse_args()
    surface = law("stillinger-weber")
    tick = time.perf_counter()
    peer = prepared(surface)
    kappa, nu, gamma = theirs(peer, options.mesh, options.width)
    theirs_took = time.perf_counter() - tick
    print(f"phono3py: {len(peer.supercells_with_displacements)} supercells, {theirs_took:.1f} s", flush=True)
    primitive = Phonons.of(surface, container(peer.primitive))
    for state in ("cold", "warm"):
        tick = time.perf_counter()
        ours = conductivity(primitive, [options.mesh] * 3, TEMPERATURES, options.width)
        print(f"ours, {state}: {time.perf_counter() - tick:.1f} s")
    print(
        f"wave vectors {len(ours.q)} and {len(nu)}; largest frequency {ours.frequencies.max():.5f}, {nu.max():.5f} THz"
    )
    print("T [K]      ours  phono3py W/(m K)   ratio   that of the half-widths summed over the zone")
    count = peer.thermal_conductivity.grid_weights
    for i, t in enumerate(TEMPERATURES):
        widths = np.einsum("w,wm->", ours.weights, ours.widths[i]) * options.mesh**3 / (count @ gamma[i].sum(-1))
        print(f"{t:6.0f} {ours.mean[i]:9.3f} {kappa[i]:9.3f} {ours.mean[i] / kappa[i]:15.4f} {widths:9.4f}")


if __name__ == "__main__":
    main()
