"""Phases of atoms: own files, runs of a law, local order as an answer, sets of phases, bad input."""

from __future__ import annotations

import ase.io
import jax
import numpy as np
import pytest
from ase.build import bulk

from erlangen.assess import metrics
from erlangen.assess.calibration import coverage
from erlangen.assess.conformal import calibrate
from erlangen.contract import Budget, Samples
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.learn.batching import predict, predict_interval
from erlangen.methods.baselines.mean import Mean
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.methods.surroundings._descriptors import SIZE, describe
from erlangen.methods.surroundings.local_order import LocalOrder, calibrated
from erlangen.numerics.neighbour_lists import listed, near_of
from erlangen.physics.melts import melting_point
from erlangen.tasks.materials.amorphous import KNOWN, NEW, PHASES, Amorphous, misnamed

CRYSTALS = {"fcc": ("Cu", 3.6, 2), "bcc": ("Fe", 2.87, 3)}


def shaken(name: str, rng: np.random.Generator, by: float = 0.05):
    """A crystal whose atoms are displaced by that much of the distance of neighbours."""
    element, a, times = CRYSTALS[name]
    x = bulk(element, name, a=a, cubic=True).repeat(times)
    x.positions += by * a / np.sqrt(2) * rng.standard_normal(x.positions.shape)
    return x


@pytest.fixture(scope="module")
def task(tmp_path_factory) -> Amorphous:
    """40 frames of two crystals; half of them say the phase of the frame, half that of every atom."""
    rng, frames = np.random.default_rng(0), []
    for i in range(40):
        name = ("fcc", "bcc")[i % 2]
        x = shaken(name, rng)
        if i % 4 < 2:
            x.info["phase"] = name
        else:
            x.arrays["phase"] = np.full(len(x), name)
        frames.append(x)
    path = tmp_path_factory.mktemp("own") / "phases.extxyz"
    ase.io.write(path, frames)
    return Amorphous(data=str(path))


def test_phases_come_from_a_file(task: Amorphous):
    parts = {s: task.truth(s) for s in ("train", "validation", "calibration", "test")}
    assert [len(p) for p in parts.values()] == [16, 8, 8, 8]
    for x, phase in zip(parts["train"].inputs, parts["train"].outputs["phase"]):
        name = {29: "fcc", 26: "bcc"}[int(x["atomic_numbers"][0])]
        assert phase.shape == (len(x["positions"]), len(PHASES)) and np.all(np.argmax(phase, 1) == PHASES.index(name))
    strained = task.shifted("strain", 0.05).truth("test")
    assert not np.allclose(strained.inputs[0]["cell"], parts["test"].inputs[0]["cell"])


def test_frames_without_phases_are_refused(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "bare.extxyz"
    frames = [shaken("fcc", rng) for _ in range(8)]
    ase.io.write(path, frames)
    with pytest.raises(Invalid, match="every frame says the phase"):
        Amorphous(data=str(path)).truth("train")
    for x in frames:
        x.info["phase"] = "cubic"
    ase.io.write(path, frames)
    with pytest.raises(Invalid, match="came: cubic in frame"):
        Amorphous(data=str(path)).truth("train")
    ase.io.write(path, frames[:3])
    with pytest.raises(Invalid, match="at least 8 frames"):
        Amorphous(data=str(path)).truth("train")


def test_bad_settings():
    with pytest.raises(Invalid, match="zhou-Cu"):
        Amorphous(systems="zhou-Cx")
    with pytest.raises(Invalid, match="fixed T / T_m"):
        Amorphous(temperature=0.85)
    with pytest.raises(Invalid, match="known melting point"):
        melting_point("lj-argon", "Ar")
    assert melting_point("stillinger-weber", "Si") == 1691
    assert not {n.rsplit("-")[1] for n in NEW.split(",")} & {n.rsplit("-")[1] for n in KNOWN.split(",")}


def test_local_order_beats_the_majority(task: Amorphous):
    test, key = task.truth("test"), jax.random.key(0)
    error = {}
    for method in (Mean(), LocalOrder(units=16)):
        fitted = method.fit(task, Budget(steps=80), key=key)
        found = predict(fitted, test.inputs, quantities=task.outputs)
        assert all(np.allclose(p.sum(1), 1, atol=1e-5) for p in found["phase"])
        error[method.name()] = metrics.estimate(task.scores[0], found, test, key=key).value
    assert error["local_order"] < 0.01 < 0.3 < error["mean"]


def test_sets_hold_all_classes_of_an_atom(task: Amorphous):
    """fcc and bcc have as many frames, 54 atoms of bcc and 32 of fcc: sets of the majority hold what they say."""
    seen, key = task.truth("calibration"), jax.random.key(0)
    majority = Mean().fit(task, Budget(steps=1), key=key)
    around = calibrate(majority, task, seen, 0.3)
    bounds = predict_interval(around, seen.inputs, quantities=task.outputs)
    row = coverage(task, bounds, seen, 0.3, key=key)[0]
    held = [np.all((low <= y) & (y <= high), 1) for (low, high), y in zip(bounds["phase"], seen.outputs["phase"])]
    assert row.kind == "per component" and row.coverage == pytest.approx(np.mean(np.concatenate(held)))
    assert np.mean([np.mean(h) for h in held]) >= 0.3


def test_methods_for_numbers_refuse_classes(task: Amorphous):
    with pytest.raises(Invalid, match="answers with numbers"):
        PaiNN().check(task)


def test_descriptors_see_neither_axes_nor_size_nor_order():
    rng = np.random.default_rng(3)
    frame = shaken("fcc", rng)
    r, h, n = frame.positions, frame.cell.array, len(frame)
    turn, order = np.linalg.qr(rng.standard_normal((3, 3)))[0], rng.permutation(n)

    compiled = jax.jit(describe)

    def seen(r: np.ndarray, h: np.ndarray, cutoff: float) -> np.ndarray:
        x = Atoms(r.astype(np.float32), np.full(n, 29), h, np.ones(3, bool))
        near = near_of(listed(x, cutoff), cutoff)
        return np.asarray(compiled(near) if cutoff > 3 else describe(near))

    plain = seen(r, h, 5.2)
    assert plain.shape == (n, SIZE) and np.all(np.isfinite(plain))
    np.testing.assert_allclose(seen(1.2 * r[order] @ turn, 1.2 * h @ turn, 1.2 * 5.2), plain[order], atol=2e-4)
    # few neighbours: finite
    assert np.all(np.isfinite(seen(r, h, 2.0)))


def test_calibration_finds_the_temperature():
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal((20_000, 3))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    true = np.eye(3)[[rng.choice(3, p=row) for row in p]]
    assert calibrated([3 * logits], [true]) == pytest.approx(3, rel=0.05)


def test_scores():
    true = np.eye(5)[[0, 0, 4, 4]]
    assert misnamed(np.eye(5)[[0, 1, 4, 4]], true) == 0.25
    assert Amorphous().scores[1].measure(true, true) == 0


@pytest.mark.slow
def test_silicon_melts_and_remembers_its_crystal():
    """A short run of Stillinger-Weber silicon: crystals keep their four neighbours, what was molten has lost them."""
    task = Amorphous(systems="stillinger-weber-Si", n_atoms=64, steps=60)
    train = task.truth("train")
    assert isinstance(train, Samples)
    from erlangen.physics.order.bond_order import tetrahedral

    solid = [tetrahedral(x).mean() for x, p in zip(train.inputs, train.outputs["phase"]) if p[0, -1] == 0]
    molten = [tetrahedral(x).mean() for x, p in zip(train.inputs, train.outputs["phase"]) if p[0, -1] == 1]
    assert min(solid) > 0.8 and max(molten) < 0.8 and len(train) == len(solid) + len(molten) > 15
