"""Dynamics on surfaces: conserved where it should be, the same alone and side by side, stopped where it explodes."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
from ase import Atoms as AseAtoms
from ase.build import bulk

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.methods.message_passing._potential import Potential
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.nn.elements import Elements
from erlangen.nn.radial import Bessel
from erlangen.numerics.ensembles import CellRescaling, Langevin, VelocityRescaling, Verlet
from erlangen.physics import observables as obs
from erlangen.physics.dynamics import prepare
from erlangen.physics.interatomic.lennard_jones import LennardJones
from erlangen.physics.monitors import monitors
from erlangen.physics.units import BOLTZMANN

NEAR = LennardJones(cutoff=5.0)  # cheap; the step at the cutoff is 1 meV
KT = BOLTZMANN * 60.0


def ours(a):
    return Atoms(a.positions, np.asarray(a.numbers, np.int32), a.cell.array, np.asarray(a.pbc))


def argon(edge=2):
    a = bulk("Ar", "fcc", 5.4, cubic=True) * (edge, edge, edge)
    return ours(a)


def cluster(symbols="Ar4", shift=0.0):
    apart = 3.82 * np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.866, 0], [0.5, 0.289, 0.816]])
    return ours(AseAtoms(symbols, apart + shift))


def test_energy_momentum_and_equipartition_of_mixed_clusters_at_constant_energy():
    """Neon and xenon on one law: light and heavy atoms share the energy, momentum and rotation apart."""
    a = bulk("Ar", "fcc", 5.4, cubic=True) * (2, 2, 2)
    nearest = np.argsort(np.linalg.norm(a.positions - a.positions.mean(0), axis=1))[:13]
    x = ours(AseAtoms(["Ne", "Xe"] * 6 + ["Xe"], a.positions[nearest]))
    simulation = prepare(LennardJones(), [x] * 8, Verlet(4.0), interval=10, block=1000)
    state, frames, simulation = simulation.run(simulation.start(temperature=50.0, seed=3), 3)
    found = []
    for i in range(8):
        series = {"times": 4.0 * frames.step[:, i], "conserved": frames.conserved[:, i]}
        more = {"kinetic": frames.kinetic[:, i], "momentum": frames.momentum[:, i]}
        found.append(monitors(simulation, state, i, **series, **more))
        assert abs(found[-1].drift) < 0.02 and found[-1].momentum < 1e-12 and not found[-1].stopped
    neon, xenon = (np.mean([one.by_element[name] for one in found]) for name in ("Ne", "Xe"))
    assert neon == pytest.approx(xenon, rel=0.06)
    assert found[0].temperature == pytest.approx(np.average(list(found[0].by_element.values())), rel=0.1)
    assert "equipartition" in "\n".join(found[0].lines())


def test_side_by_side_is_alone_to_rounding_and_goes_on_bit_for_bit():
    """A tetrahedron, a pair (padded) and the same tetrahedron far away, with noise of their own."""
    pair = ours(AseAtoms("Ar2", [[0, 0, 0], [3.9, 0, 0]]))
    systems = [cluster(), pair, cluster(shift=50.0)]
    many = prepare(LennardJones(), systems, VelocityRescaling(4.0, KT, 100.0), interval=5, block=50)
    start = many.start(temperature=40.0, seed=1)
    whole, frames, _ = many.run(start, 2)
    half, _, _ = many.run(start, 1)
    rest, later, _ = many.run(half, 1)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(rest), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(frames.positions[10:], later.positions)
    one = prepare(LennardJones(), [pair], VelocityRescaling(4.0, KT, 100.0), interval=5, block=50)
    alone = dataclasses.replace(
        one.start(),
        key=start.key[1:2],
        phase=jax.tree.map(lambda a: a[1:2], start.phase).moved(),
    )
    cut = alone.phase
    cut = cut.moved(positions=cut.positions[:, :2], velocities=cut.velocities[:, :2])
    cut = cut.moved(felt=dataclasses.replace(cut.felt, forces=cut.felt.forces[:, :2]))
    _, single, _ = one.run(dataclasses.replace(alone, phase=cut), 2)
    np.testing.assert_allclose(single.conserved[:, 0], frames.conserved[:, 1], atol=1e-12)


def test_periodic_replicas_refresh_their_lists_together_and_small_lists_grow():
    x = argon()
    bath = VelocityRescaling(5.0, KT, 100.0)
    ensemble = CellRescaling(bath, KT, 0.0, 100.0, time=500.0, every=5, free="lengths")
    many = prepare(NEAR, [x, x], ensemble, interval=20, block=40, skin=0.3)
    start = many.start(temperature=120.0, seed=2)
    assert many.cells is not None
    tight = dataclasses.replace(many, cells=dataclasses.replace(many.cells, width=12))
    end, frames, grown = tight.run(start, 2)
    assert grown.cells.width == 24 and not np.any(end.cause)
    assert np.ptp(frames.cell[:, :, 0, 0]) > 0 and np.max(np.abs(frames.positions[-1] - frames.positions[0])) > 0.1
    edges = frames.cell[-1, 0]
    assert len(set(np.diag(edges))) == 3 and np.all(edges[~np.eye(3, dtype=bool)] == 0)
    assert frames.momentum.max() < 1e-12
    # the energy is that of a list made afresh
    fresh = prepare(
        NEAR, [dataclasses.replace(x, positions=frames.positions[-1, 0], cell=frames.cell[-1, 0])], ensemble
    )
    assert fresh.start().phase.felt.energy[0] == pytest.approx(frames.energy[-1, 0], abs=1e-9)


def test_dynamics_that_explodes_is_stopped_at_the_last_good_point_and_the_rest_goes_on():
    close = ours(AseAtoms("Ar2", [[0, 0, 0], [2.6, 0, 0]]))
    simulation = prepare(LennardJones(), [close, cluster()], Verlet(60.0), interval=1, block=20)
    state, frames, _ = simulation.run(simulation.start(temperature=1.0), 1)
    assert state.cause.tolist() == [2, 0] and state.step[0] < state.step[1] == 20
    assert np.all(np.isfinite(frames.positions)) and np.max(np.abs(frames.positions[-1, 0])) < 5
    crushed = ours(AseAtoms("Ar2", [[0, 0, 0], [0.9, 0, 0]]))
    with pytest.raises(Invalid, match="Relax the structure first"):
        prepare(LennardJones(), [crushed], Verlet(1.0)).start(temperature=1.0)
    with pytest.raises(Invalid, match="at least one frame"):
        prepare(LennardJones(), [close], Verlet(1.0), interval=10, block=5)


def test_free_velocities_are_those_that_nothing_conserves():
    molecule, pair = cluster(), ours(AseAtoms("Ar2", [[0, 0, 0], [3.9, 0, 0]]))
    still = prepare(LennardJones(), [molecule, pair, argon(1)], Verlet(1.0))
    np.testing.assert_allclose(still.bodies.freedom, [6, 1, 9], atol=1e-9)
    noisy = prepare(LennardJones(), [molecule, pair, argon(1)], Langevin(1.0, KT))
    np.testing.assert_allclose(noisy.bodies.freedom, [12, 6, 12], atol=1e-9)


def test_a_network_in_float32_keeps_the_energy_of_a_crystal_smaller_than_its_cutoff():
    method = PaiNN(channels=4, layers=1, radial=Bessel(4.0, 4))
    f = Potential(method.build(1, 30.0, key=jax.random.key(0)), Elements((6,), (0.0,)), 0.1, 4.0, None)
    simulation = prepare(f, [ours(bulk("C", "diamond", 3.57))], Verlet(0.5), interval=10, block=50)
    _, frames, _ = simulation.run(simulation.start(temperature=300.0), 1)
    assert frames.energy.dtype == np.float64 and np.ptp(frames.conserved) < 1e-3 * max(np.ptp(frames.kinetic), 1e-2)
    assert frames.momentum.max() < 1e-4


@pytest.mark.slow
def test_liquid_argon_diffuses_and_is_ordered_as_rahman_found():
    """864 atoms, 94.4 K, 1.374 g/cm^3 (Rahman 1964, doi:10.1103/PhysRev.136.A405): D = 2.43e-5 cm^2/s; first peak of
    g(r) at 3.7 A, 7.0 A the second; his potential reached 2.25 sigma.
    """
    a = bulk("Ar", "fcc", 34.78 / 6, cubic=True) * (6, 6, 6)
    law = LennardJones(cutoff=2.25 * 3.405)
    melt = prepare(law, [ours(a)], VelocityRescaling(10.0, BOLTZMANN * 94.4, 200.0), interval=50, block=1000, skin=1.0)
    _, frames, _ = melt.run(melt.start(temperature=300.0, seed=5), 2)
    x = Atoms(frames.positions[-1, 0], np.asarray(a.numbers, np.int32), a.cell.array, np.asarray(a.pbc))
    quiet = prepare(law, [x], VelocityRescaling(10.0, BOLTZMANN * 94.4, 2000.0), interval=20, block=1000, skin=1.0)
    start = quiet.start(velocities=[frames.velocities[-1, 0]], seed=6)
    _, frames, _ = quiet.run(start, 6)
    r = frames.positions[:, 0]
    found = obs.diffusion(r, 200.0, window=(1000.0, 5000.0), blocks=5)
    print(f"D = {found.coefficient * 1e4:.2f} +- {found.error * 1e4:.2f} 1e-5 cm^2/s; Rahman: 2.43")
    assert abs(found.coefficient * 1e4 - 2.43) < max(3 * found.error * 1e4, 0.25)
    g = obs.radial_distribution(r[::5], frames.cell[::5, 0], furthest=12.0, bins=120)
    first = g.x[np.argmax(g.y)]
    second = g.x[(g.x > 5.5) & (g.x < 8.5)][np.argmax(g.y[(g.x > 5.5) & (g.x < 8.5)])]
    print(f"g(r): {g.y.max():.2f} at {first:.2f} A, second peak at {second:.2f} A")
    assert first == pytest.approx(3.7, abs=0.1) and second == pytest.approx(7.0, abs=0.25)
    assert g.y.max() == pytest.approx(2.8, abs=0.2)
