"""Cells of all lattices from lines, and the numbers that say which of them to believe."""

import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup import crystal as by_group

from erlangen.core.systems import Atoms
from erlangen.physics import cell_features, cell_search, cell_trials, diffraction, powder
from erlangen.physics.random_crystals import SYSTEMS, frequencies

GRID = np.arange(10, 80, 0.05)
ALPHA = 1.5405929


def seen(ase_atoms):
    cell = np.array(ase_atoms.cell)
    return diffraction.scatterers(Atoms(ase_atoms.positions, ase_atoms.numbers, cell, np.ones(3, bool)), 0.006)


def group(symbols, places, number, lengths, angles=(90, 90, 90)):
    return seen(by_group(symbols, places, spacegroup=number, cellpar=[*lengths, *angles]))


SALT = seen(bulk("NaCl", "rocksalt", 5.64, cubic=True))
RUTILE = group(["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)], 136, (4.594, 4.594, 2.959))
SITES = [(0.275, 0.04, 0.21), (0.07, 0.33, 0.345), (0.45, 0.757, 0.48)]
BADDELEYITE = group(["Zr", "O", "O"], SITES, 14, (5.15, 5.21, 5.32), (90, 99.2, 90))
CRYSTALS = {
    "cubic": (SALT, (5.64,) * 3),
    "tetragonal": (RUTILE, (2.959, 4.594, 4.594)),
    "monoclinic": (BADDELEYITE, (5.15, 5.21, 5.32)),
}


@pytest.mark.parametrize("system", CRYSTALS)
def test_the_right_lattice_has_the_most_evidence_and_the_right_lengths(system):
    """Salt, rutile, baddeleyite, counted with noise."""
    crystal, lengths = CRYSTALS[system]
    rng = np.random.default_rng(0)
    y = powder.counted(powder.pattern(crystal, GRID), 0.05 * powder.background(GRID, rng), 5000, rng)
    features, found = cell_features.describe(GRID, y)
    place = SYSTEMS.index(system)
    gaps = features[: cell_features.PER_LATTICE * 7].reshape(7, -1)[:, 0]
    assert gaps.argmax() == place
    np.testing.assert_allclose(found[place], lengths, rtol=3e-3)
    assert features.shape == (cell_features.FEATURES,) and np.all(np.isfinite(features))


def test_exact_lines_give_the_exact_metric_and_their_offset():
    lines = diffraction.lines(RUTILE, ALPHA, (10, 70)).two_theta
    found = cell_search.search(lines + 0.03, ALPHA)["tetragonal"]
    assert found.met == 1 and found.gap < 5e-3 and found.offset == pytest.approx(0.03, abs=0.01)
    np.testing.assert_allclose(np.linalg.det(found.cell), 4.594**2 * 2.959, rtol=2e-3)


def test_a_larger_cell_with_the_same_lines_has_less_evidence():
    """Twice the length of an axis: all lines are met, and as many again are not there."""
    lines = diffraction.lines(SALT, ALPHA, (10, 70)).two_theta
    metrics = np.array([[1 / 5.64**2], [1 / 11.28**2]])
    evidence = cell_search._refined("cubic", "F", metrics, np.zeros(2), lines, ALPHA)[2]
    assert evidence[0] > evidence[1] + 3


def test_few_lines_have_no_cells_but_features():
    assert cell_search.search(np.array([20.0, 30.0]), ALPHA) == {}
    features = cell_features.features({}, np.array([20.0, 30.0]), ALPHA)
    assert np.all(np.isfinite(features)) and cell_features.all_lengths({}).shape == (7, 3)


@pytest.mark.parametrize(("centring", "absent"), [("I", (1, 0, 0)), ("Pc", (1, 0, 1)), ("Cc", (2, 0, 1))])
def test_centrings_and_glides_leave_out_lines(centring, absent):
    kept = {tuple(abs(v) for v in h) for h in cell_trials.indices("monoclinic", 3, centring).tolist()}
    assert absent not in kept and (0, 2, 0) in kept


def test_groups_are_as_frequent_as_in_their_table():
    found = frequencies()
    assert found.shape == (230,) and found.sum() == 14258 and found[224] == 2076
