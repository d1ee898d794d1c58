"""Figures of molecules in motion: a bond that breaks, a proton that passes, densities and spectra that are known."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.physics import molecular_motion as figures
from erlangen.physics.force_field import mmff
from erlangen.physics.molecular_dynamics import Sampling, trajectory
from erlangen.physics.molecular_runs import Motion, Run, by_engine, on_surface
from erlangen.physics.molecules import conformers


class Springs(eqx.Module):
    """Between all atoms of one molecule, at rest where it is."""

    apart: np.ndarray
    stiffness: float  # eV/A^2
    cutoff: float = 50.0

    @classmethod
    def between(cls, x, stiffness):
        return cls(figures.distances(np.asarray(x.positions, float)[None])[0], stiffness)

    def prepare(self, x):
        return x

    def check(self, x):
        pass

    def shares(self, x):
        gaps = jnp.asarray(x.positions)[:, None] - jnp.asarray(x.positions)
        other = ~np.eye(len(self.apart), dtype=bool)
        lengths = jnp.sqrt(jnp.where(other, jnp.sum(gaps**2, -1), 1.0))
        return 0.25 * self.stiffness * jnp.sum(jnp.where(other, (lengths - self.apart) ** 2, 0.0), 1)


@pytest.fixture(scope="module")
def ethanol():
    x = conformers("ethanol")[0]
    frames = np.asarray(x.positions) + 0.03 * np.random.default_rng(0).normal(size=(40, *np.shape(x.positions)))
    return frames, np.asarray(x.atomic_numbers)


def test_ethanol_has_eight_bonds_and_thirteen_angles(ethanol):
    bones = figures.skeleton(*ethanol)
    assert len(bones.bonds) == 8 and len(bones.angles) == 13 and bones.hydrogen.sum() == 6
    heavy = sorted(bones.lengths[~bones.hydrogen])
    assert heavy == pytest.approx([1.42, 1.52], abs=0.05)
    assert figures.angles(ethanol[0], bones).mean() == pytest.approx(109, abs=2)


def test_a_bond_is_broken_by_half_an_angstrom_and_a_proton_may_pass_on(ethanol):
    frames, z = ethanol
    bones = figures.skeleton(frames, z)
    assert figures.intact(frames, bones).all() and figures.survived(figures.intact(frames, bones)) == 40
    torn, (i, j) = frames.copy(), bones.bonds[np.flatnonzero(~bones.hydrogen)[0]]
    away = frames[0, j] - frames[0, i]
    torn[7:, j] += 2.5 * away / np.linalg.norm(away)
    assert figures.survived(figures.intact(torn, bones)) == 7
    passed, lost = frames.copy(), frames.copy()
    proton, oxygen = next((a, b) if z[a] == 1 else (b, a) for a, b in bones.bonds if 8 in z[[a, b]] and 1 in z[[a, b]])
    carbon = int(np.flatnonzero(z == 6)[0])
    passed[:, proton] = frames[:, carbon] + 0.97 * np.array([0.6, -0.8, 0.0])
    lost[:, proton] = frames[:, oxygen] + 6.0
    assert figures.intact(passed, bones).all() and not figures.intact(lost, bones).any()
    lost[3, 0] = np.nan
    assert not figures.intact(lost, bones)[3]


def test_densities_have_area_one_and_their_distance_is_that_of_histograms(ethanol):
    bones = figures.skeleton(*ethanol)
    one = figures.shape(ethanol[0], bones)
    for name, width in figures.WIDTHS.items():
        density = getattr(one, name)
        assert np.sum(density) * width == pytest.approx(1) and figures.apart(density, density, width) == 0
        assert len(figures.centres(name)) == len(density)
    halves = [figures.shape(part, bones).distances for part in (ethanol[0], 1.5 * ethanol[0])]
    assert 0.5 < figures.apart(*halves, figures.WIDTHS["distances"]) <= 2
    nothing = figures.shape(ethanol[0][:0], bones)
    assert figures.apart(nothing.distances, one.distances, 0.05) == 2


def test_the_spectrum_of_an_oscillator_is_its_frequency_and_a_shift_is_told_in_wavenumbers():
    light, spacing = 2.99792458e-5, 2.0
    found = []
    for wavenumber in (1000.0, 1200.0):
        t = spacing * np.arange(4000)
        v = np.zeros((4000, 1, 3))
        v[:, 0, 0] = np.cos(2 * np.pi * light * wavenumber * t)
        found.append(figures.spectrum([v], spacing, np.ones(1)))
    assert np.sum(found[0]) * figures.LINE == pytest.approx(1)
    assert figures.WAVENUMBERS[np.argmax(found[0])] == pytest.approx(1000, abs=figures.LINE)
    assert figures.moved(*found) == pytest.approx(200, rel=0.02) and figures.moved(found[0], found[0]) == 0


def test_the_force_field_is_the_gradient_of_its_energy_at_every_call():
    x, field = conformers("ethanol")[0], mmff("ethanol")
    rng = np.random.default_rng(1)
    for _ in range(3):
        r = np.asarray(x.positions) + 0.1 * rng.normal(size=np.shape(x.positions))
        forces, step = field(r)[1], 1e-4 * rng.normal(size=r.shape)
        change = field(r + step)[0] - field(r - step)[0]
        assert change == pytest.approx(-2 * np.sum(forces * step), rel=1e-4)
    frames = trajectory(field, x, 20, Sampling(temperature=300, interval=5, burn_in=20), seed=2)
    assert 0 < frames.energy.mean() < 1.0
    with pytest.raises(Invalid, match="MMFF94 has parameters"):
        mmff("[Fe]")


def test_molecules_side_by_side_hold_together_share_the_heat_and_keep_their_energy():
    """On springs between all atoms, of two molecules of unequal size."""
    water, ethanol = conformers("water")[0], conformers("ethanol")[0]
    motion = Motion(duration=1.0, free=0.4, replicas=3)
    runs = []
    for x in (water, ethanol):
        law = Springs.between(x, 20.0)
        (run,) = on_surface(law, law, [[x] * 3], motion, 300.0, seed=1)
        runs.append(run)
        bones = figures.skeleton(np.asarray(x.positions)[None], np.asarray(x.atomic_numbers))
        assert [len(r) for r in run.canonical] == [100] * 3
        assert all(figures.intact(r, bones).all() for r in run.canonical)
        drift, error = run.drift
        assert abs(drift) < 1.0 and error < 1.0 and run.step_ms > 0
    assert runs[1].equipartition < 0.5 and set(runs[1].by_element) == {"C", "H", "O"}
    assert runs[1].free[0].shape == (200, 9, 3)


def test_what_was_stopped_has_no_free_motion_and_counts_until_then():
    x = conformers("water")[0]
    law = Springs.between(x, 20.0)
    motion = Motion(duration=0.5, free=0.2, replicas=2)
    wild = dataclasses.replace(motion, dt=4.9)
    (run,) = on_surface(law, law, [[x] * 2], wild, 3000.0, seed=1)
    assert len(run.free) < 2 or np.isfinite(run.drift[0])
    assert Run([]).drift == (np.inf, np.inf) and Run([]).equipartition == np.inf
    with pytest.raises(Invalid, match="replicas"):
        Motion(replicas=0)


def test_an_engine_gives_the_same_figures():
    starts = conformers("water", 2)
    motion = Motion(free=0.1)
    run = by_engine(lambda: mmff("water"), starts, motion, 300.0, 0.4, seed=3)
    again = by_engine(lambda: mmff("water"), starts, motion, 300.0, 0.4, seed=3)
    assert [r.shape for r in run.canonical] == [(10, 3, 3)] * 2 and run.free[0].shape == (50, 3, 3)
    np.testing.assert_array_equal(run.free[1], again.free[1])
    assert abs(run.drift[0]) < 5 and isinstance(starts[0], Atoms)
