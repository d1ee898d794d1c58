"""Canonical frames: temperature by the virial theorem, independence of masses and of the number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.physics.molecular_dynamics import Sampling, canonical_frames, relax, trajectory
from erlangen.physics.molecules import conformers
from erlangen.physics.tight_binding import TightBinding
from erlangen.physics.units import BOLTZMANN


def diatomic(r):
    """A bond of length 1 A and stiffness 30 eV/A^2."""
    apart = r[0] - r[1]
    length = np.linalg.norm(apart)
    force = -30.0 * (length - 1.0) * apart / length
    return float(15.0 * (length - 1.0) ** 2), np.stack([force, -force])


@pytest.mark.parametrize("hydrogen_mass", [1.008, 4.0])
def test_frames_are_canonical_whatever_the_masses(hydrogen_mass):
    """<-r.F> = (3 n - 3) kT without the centre of mass; <E> = kT/2 + O(kT^2) for one stiff bond."""
    start = Atoms(np.array([[0, 0, 0.0], [0, 0, 1.1]]), np.array([1, 1]))
    sampling = Sampling(temperature=400.0, dt=1.0, interval=15, hydrogen_mass=hydrogen_mass)
    frames = trajectory(diatomic, start, 3000, sampling, seed=0)
    kT = BOLTZMANN * 400.0
    virial = -np.sum(frames.positions * frames.forces, (1, 2))
    assert virial.mean() == pytest.approx(3 * kT, abs=4 * virial.std() / 40)
    assert frames.energy.mean() == pytest.approx(kT / 2, rel=0.1)


def test_labels_belong_to_the_frames_and_trajectories_to_their_stream():
    starts = conformers("water", 3)
    numbers = starts[0].atomic_numbers
    make = lambda: TightBinding().potential(numbers)  # noqa: E731
    sampling = Sampling(interval=5, burn_in=20)
    one = canonical_frames(make, starts, [4, 3, 2], sampling, seed=7, threads=1)
    two = canonical_frames(make, starts, [4, 3, 2], sampling, seed=7, threads=3)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.positions, b.positions)
    assert [len(f.energy) for f in one] == [4, 3, 2]
    assert np.abs(one[0].positions[0] - one[1].positions[0]).max() > 1e-3
    energy, forces = make()(one[0].positions[2])
    assert energy == pytest.approx(one[0].energy[2], abs=1e-6)
    np.testing.assert_allclose(forces, one[0].forces[2], atol=1e-4)
    assert np.allclose(one[0].positions.mean(1), 0, atol=1e-12)


def test_relaxed_water_has_the_published_geometry():
    """GFN2-xTB: r(OH) = 0.959 A, angle 107 degrees (experiment 0.958 A, 104.5 degrees)."""
    start = conformers("water")[0]
    r = relax(TightBinding().potential(start.atomic_numbers), start.positions * 1.1)
    a, b = r[1] - r[0], r[2] - r[0]
    assert np.linalg.norm(a) == pytest.approx(0.959, abs=0.005)
    assert np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))) == pytest.approx(107, abs=1.5)


def test_a_temperature_that_makes_no_sense_is_refused():
    with pytest.raises(Invalid, match="positive"):
        Sampling(temperature=-3.0)
