"""A potential that is linear in power spectra: it finds what it can express, from few frames, and is a surface."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest

from erlangen.assess.ensembles import Members
from erlangen.assess.metrics import estimate
from erlangen.contract import Budget, Samples
from erlangen.core.errors import Invalid
from erlangen.learn.batching import predict
from erlangen.methods.baselines.power_spectrum import PowerSpectrum
from erlangen.nn.radial import Bessel
from erlangen.numerics.mechanics import Surface
from erlangen.numerics.precision import double
from erlangen.tasks.materials.potentials import Potentials

TASK = Potentials(**Potentials.toy)
SMALL = PowerSpectrum(radial=Bessel(cutoff=4.0, count=4), lmax=1)
STEPS = Budget(steps=1)


@pytest.fixture(scope="module")
def teacher():
    return SMALL.fit(TASK, STEPS, key=jax.random.key(0))


def labelled(surface, samples: Samples) -> Samples:
    with double():
        found = [surface.mechanics(x) for x in samples.inputs]
        outputs = {n: [np.asarray(y[n]) for y in found] for n in ("energy", "forces", "stress")}
    return Samples(samples.inputs, outputs, samples.group)


def test_it_finds_again_what_one_of_its_kind_says(teacher):
    """Labels of a fit are matched by a second fit to rounding, elsewhere too."""

    class Taught:
        outputs = TASK.outputs

        def truth(self, split):
            return labelled(teacher, TASK.truth(split))

    pupil = SMALL.fit(Taught(), STEPS, key=jax.random.key(1))
    assert isinstance(pupil, Surface)
    with double():
        for x in TASK.truth("test").inputs[:3]:
            one, other = (p.mechanics(x) for p in (teacher, pupil))
            assert np.asarray(one["forces"]) == pytest.approx(np.asarray(other["forces"]), abs=1e-5)
            assert np.asarray(one["stress"]) == pytest.approx(np.asarray(other["stress"]), abs=1e-6)


def test_copper_from_ten_frames(teacher):
    """Force errors of a few meV/A at 300 K; pairs alone are worse, as there are no pairs in a metal."""
    test = TASK.truth("test")
    score = next(s for s in TASK.scores if s.name == "forces_mae")
    pairs = dataclasses.replace(SMALL, bodies=2).fit(TASK, STEPS, key=jax.random.key(0))
    found, worse = (
        estimate(score, predict(p, test.inputs, quantities=TASK.outputs), test, key=jax.random.key(0)).value
        for p in (teacher, pairs)
    )
    assert found < 0.5 * worse and found < 40


def test_members_are_a_surface_of_their_mean(teacher):
    other = dataclasses.replace(SMALL, share=0.5).fit(TASK, STEPS, key=jax.random.key(2))
    both = Members.of([teacher, other])
    assert isinstance(both, Surface) and len(both.each) == 2
    x = both.prepare(TASK.truth("test").inputs[0])
    with double():
        each = [np.asarray(one.shares(x)) for one in (teacher, other)]
        assert np.asarray(both.shares(x)) == pytest.approx(np.mean(each, 0), abs=1e-6)
    assert [np.asarray(a.network.weights) for a in both.each][1] == pytest.approx(np.asarray(other.network.weights))


def test_settings_out_of_range_are_refused():
    with pytest.raises(Invalid, match="bodies must be"):
        PowerSpectrum(bodies=5)
    with pytest.raises(Invalid, match="share must be"):
        PowerSpectrum(share=0.0)
