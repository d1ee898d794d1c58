"""Characterisation: conditions that can be asked for, frequencies of groups, trivial and learned answers."""

import jax
import numpy as np
import pytest

from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.methods.baselines.prevalence import Prevalence
from erlangen.methods.spectra import cell_evidence
from erlangen.physics.random_crystals import LAST, frequencies, random_crystal
from erlangen.tasks.materials.characterisation import Characterisation, misnamed

TASK = Characterisation(n_train=12, n_test=6)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"groups": "rare"}, "found or alike"), ({"elements": "all"}, "known or new"), ({"width": 3.0}, "width")],
)
def test_conditions_that_there_are_not_are_refused(settings, said):
    with pytest.raises(Invalid, match=said):
        Characterisation(**settings)


def test_every_axis_of_shift_is_a_question():
    for shift in TASK.shifts:
        for value in shift.values:
            assert getattr(TASK.shifted(shift.axis, value), shift.axis) == value


def test_space_groups_are_drawn_as_often_as_they_are_found():
    """Half of the known cubic crystals of the table are F m -3 m; drawn alike it is one group of 36."""
    rng = np.random.default_rng(0)
    cubic = [c.number for c in (random_crystal(rng) for _ in range(120)) if c.number > LAST[5]]
    assert np.mean(np.array(cubic) == 225) > 0.3
    assert frequencies()[LAST[5] :].argmax() == 225 - LAST[5] - 1


def test_the_trivial_answer_knows_shares_and_medians_alone():
    fitted = Prevalence().fit(TASK, Budget(steps=1), key=jax.random.key(0))
    train, x = TASK.truth("train"), TASK.truth("test").inputs[0]
    np.testing.assert_allclose(fitted(x)["system"], np.mean(train.outputs["system"], 0), atol=1e-6)
    assert float(fitted(x)["a"]) == pytest.approx(np.median(train.outputs["a"]))


def test_the_posterior_of_lattices_answers_where_the_forest_is_undecided(monkeypatch):
    """Features that are the same for all samples leave the forest at the shares of the training set."""
    features = np.zeros(cell_evidence.FEATURES)
    features[1 + 5 * cell_evidence.PER_LATTICE] = 1.0  # hexagonal
    lengths = np.arange(21.0).reshape(7, 3)
    monkeypatch.setattr(cell_evidence, "describe", lambda x, y, radiation: (features, lengths))
    fitted = cell_evidence.CellEvidence(trees=5, most=24).fit(TASK, Budget(steps=1), key=jax.random.key(0))
    found = fitted(TASK.truth("test").inputs[0])
    assert np.argmax(found["system"]) == 5 and float(np.sum(found["system"])) == pytest.approx(1, abs=1e-5)
    assert [float(found[n]) for n in "abc"] == [15.0, 16.0, 17.0]


def test_no_likeliest_class_is_a_wrong_one():
    assert misnamed([0.5, 0.5, 0], [1, 0, 0]) == 1 and misnamed([0.6, 0.4, 0], [1, 0, 0]) == 0
