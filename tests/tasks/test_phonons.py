"""Phonons of a fitted potential: the truth judged by itself, opponents, spread of members, own files."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from erlangen.assess.committee import Committee, committee
from erlangen.assess.ensembles import Members
from erlangen.numerics.mechanics import Surface
from erlangen.physics.interatomic.catalogue import law
from erlangen.physics.interatomic.lennard_jones import LennardJones
from erlangen.tasks.materials import phonons
from erlangen.tasks.materials.phonons import Phonons
from erlangen.tasks.materials.potentials import Potentials

ARGON = Phonons(engine="lj-argon", n_train=10, n_test=5)


@pytest.fixture(scope="module", autouse=True)
def coarse():
    """Few wave vectors."""
    kept = phonons.MESH, phonons.POINTS
    phonons.MESH, phonons.POINTS = 2, 12
    yield
    phonons.MESH, phonons.POINTS = kept


@pytest.fixture(scope="module")
def judged():
    return ARGON.consequences[0]


def off(one, found, score: str) -> list[float]:
    (which,) = [s for s in one.scores if s.name == score]
    return [which.factor * which.measure(a, b) for a, b in zip(found[which.quantity], one.true()[which.quantity])]


def test_the_law_has_its_own_phonons_and_a_stiffer_one_others(judged):
    own = judged.derive(law("lj-argon"), key=None)
    assert all(max(off(judged, own, s.name)) == 0 for s in judged.scores)
    plain = law("lj-argon")
    stiffer = LennardJones(epsilon=1.21 * plain.epsilon, sigma=plain.sigma, cutoff=plain.cutoff)
    found = judged.derive(stiffer, key=None)
    true = judged.true()
    assert np.allclose(found["frequencies"][0], 1.1 * true["frequencies"][0], atol=1e-4)
    assert off(judged, found, "frequency_mae")[0] == pytest.approx(
        0.1 * np.mean(np.abs(true["frequencies"][0])), rel=1e-3
    )
    assert len(true["frequencies"]) == len(ARGON.crystals) == 4
    assert true["frequencies"][0].shape == (8, 3)
    assert true["heat"][0] == pytest.approx(3 * 8.314, rel=0.15)  # Dulong and Petit, but for the modes at rest
    assert true["grueneisen"][0] == pytest.approx(3, abs=0.5)


def test_supercells_come_closer_with_their_size(judged):
    errors = [np.mean(off(judged, judged.opponents[f"supercell {n}"](), "frequency_mae")) for n in (2, 3)]
    assert errors[1] < errors[0] < 0.1
    assert errors[1] < 1e-2


def test_the_spread_of_members_is_judged():
    class Three(Committee):
        """Lennard-Jones with well depths around the true one."""

        depths: ClassVar = (0.96, 1.0, 1.1)

        @property
        def each(self):
            plain = law("lj-argon")
            return tuple(
                LennardJones(epsilon=f * plain.epsilon, sigma=plain.sigma, cutoff=plain.cutoff) for f in self.depths
            )

    one = ARGON.consequences[1]
    found = one.derive(Three((), False), key=None)
    assert one.needs is Committee and len(found["inside"]) == 4
    assert found["inside"][0] == pytest.approx(1.0)  # every frequency errs by the same part of its spread
    assert found["ranking"][0] > 0.95
    assert all(score.quantity in found and score.quantity in one.true() for score in one.scores)
    assert found["spread"][0].shape == found["error"][0].shape == (10,)


def test_members_are_a_surface_of_their_mean():
    plain = law("lj-argon")
    both = committee(
        Members.of([plain, LennardJones(epsilon=1.2 * plain.epsilon, sigma=plain.sigma, cutoff=plain.cutoff)])
    )
    assert isinstance(both, Committee) and isinstance(both, Surface) and len(both.each) == 2
    q = [[0.5, 0.5, 0.0]]
    x = ARGON.crystals["equilibrium"]
    squares = [phonons.Vibrations.of(one, x).frequencies(q) ** 2 for one in both.each]
    assert phonons.Vibrations.of(both, x).frequencies(q) ** 2 == pytest.approx(np.mean(squares, 0), rel=1e-6)


def test_frames_are_whole_crystals_of_their_own_and_files_have_no_phonons():
    frames = ARGON.truth("train")
    assert {len(x.positions) for x in frames.inputs} == {len(frames.inputs[0].positions)}
    assert isinstance(ARGON, Potentials) and isinstance(law("lj-argon"), Surface)
    assert Phonons(data="frames.xyz").consequences == ()
    assert Phonons(engine="mlearn-si").consequences == ()
    assert Phonons(**Phonons.toy).consequences == ()
