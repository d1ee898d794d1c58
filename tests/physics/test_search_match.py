"""Peaks, indexing, search and match: on patterns whose crystals are known."""

import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup import crystal as by_group

from erlangen.core.systems import Atoms
from erlangen.physics import diffraction, powder, search_match
from erlangen.physics.indexing import index_lines, index_pattern
from erlangen.physics.peak_search import find_peaks, smooth_background
from erlangen.physics.random_crystals import SYSTEMS, random_crystal, symmetry_of, system_of

GRID = np.arange(15, 80, 0.04)


def seen(ase_atoms):
    cell = np.array(ase_atoms.cell)
    return diffraction.scatterers(Atoms(ase_atoms.positions, ase_atoms.numbers, cell, np.ones(3, bool)), 0.006)


def group(symbols, places, number, lengths, angles=(90, 90, 90), **more):
    return seen(by_group(symbols, places, spacegroup=number, cellpar=[*lengths, *angles], **more))


SALT = seen(bulk("NaCl", "rocksalt", 5.64, cubic=True))
RUTILE = group(["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)], 136, (4.594, 4.594, 2.959))
ZINCITE = group(["Zn", "O"], [(1 / 3, 2 / 3, 0), (1 / 3, 2 / 3, 0.382)], 186, (3.2495, 3.2495, 5.2069), (90, 90, 120))
CRYSTALS = {"salt": SALT, "rutile": RUTILE, "zincite": ZINCITE}


def measured(parts, counts=5000, seed=0):
    rng = np.random.default_rng(seed)
    y = sum(share * powder.pattern(crystal, GRID) for crystal, share in parts)
    return powder.counted(y, 0.05 * powder.background(GRID, rng), counts, rng)


def test_peaks_are_found_where_the_lines_are_and_nowhere_else():
    found = find_peaks(GRID, measured([(SALT, 1.0)]))
    expected = diffraction.lines(SALT, 1.5405929, (15, 80))
    strong = expected.two_theta[expected.intensity > 0.02 * expected.intensity.max()]
    gap = np.abs(strong[:, None] - found.two_theta)
    assert gap.min(1).max() < 0.06
    assert np.abs(expected.two_theta[:, None] - found.two_theta).min(0).max() < 0.35  # K alpha 2 at high angles


def test_a_background_passes_below_the_peaks():
    level = 200 + 100 * np.exp(-GRID / 20)
    y = level + 5000 * powder.pattern(RUTILE, GRID)
    found = smooth_background(y, 0.04)
    assert np.all(found < y + 1) and np.median(np.abs(found / level - 1)) < 0.05


@pytest.mark.parametrize(
    ("crystal", "system", "lengths"),
    [
        (SALT, "cubic", (5.64,) * 3),
        (RUTILE, "tetragonal", (2.959, 4.594, 4.594)),
        (ZINCITE, "hexagonal", (3.2495, 3.2495, 5.2069)),
    ],
)
def test_a_pattern_is_indexed(crystal, system, lengths):
    found = index_pattern(GRID, measured([(crystal, 1.0)]), lines=12)
    assert SYSTEMS[found.system] == system
    np.testing.assert_allclose(np.sort(found.lengths), lengths, rtol=2e-3)


def test_exact_lines_give_the_exact_cell_of_an_orthorhombic_crystal():
    topaz = group(["Si", "O"], [(0.1, 0.94, 0.25), (0.2, 0.3, 0.06)], 62, (4.65, 8.8, 8.4))
    found = index_lines(diffraction.lines(topaz, 1.5418, (5, 60)).two_theta, lines=16)
    assert SYSTEMS[found.system] == "orthorhombic"
    np.testing.assert_allclose(np.sort(found.lengths), (4.65, 8.4, 8.8), rtol=1e-6)


def test_few_lines_are_not_indexed():
    assert index_lines(np.array([20.0, 30.0])).merit == 0


def test_phases_of_a_mixture_come_first_by_both_ways():
    known = search_match.library(list(CRYSTALS.items()), "CuKa", (16, 79))
    y = measured([(SALT, 0.7), (ZINCITE, 0.3)])
    patterns = search_match.by_patterns(GRID, y, known)
    assert {one.name for one in patterns[:2]} == {"salt", "zincite"} and patterns[0].share > 0.4
    assert abs(patterns[0].strain) < 2e-3
    assert {one.name for one in search_match.by_peaks(find_peaks(GRID, y), known)[:2]} == {"salt", "zincite"}


def test_a_strained_cell_is_recognised_with_its_strain():
    known = search_match.library(list(CRYSTALS.items()), "CuKa", (16, 79))
    larger = seen(bulk("NaCl", "rocksalt", 5.64 * 1.01, cubic=True))
    best = search_match.by_patterns(GRID, measured([(larger, 1.0)]), known)[0]
    assert best.name == "salt" and best.strain == pytest.approx(0.01, abs=1.3e-3)


def test_random_crystals_have_the_symmetry_that_they_say():
    rng = np.random.default_rng(3)
    for _ in range(12):
        one = random_crystal(rng)
        again = symmetry_of(one.scatterers.cell, one.scatterers.places, one.scatterers.atomic_numbers)
        assert again[0] == one.number and one.system == system_of(one.number)
        assert np.all(np.diff(one.lengths) >= 0)
    assert [SYSTEMS[system_of(n)] for n in (2, 15, 16, 75, 167, 168, 195)] == list(SYSTEMS)
