"""Reflections against closed forms, Bragg's law and gemmi's structure factors; patterns; pair distributions."""

import gemmi
import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup import crystal as by_group

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.physics import diffraction, powder
from erlangen.physics.pair_distribution import Resolution, coordination, disagreement, pair_distribution

CU = 1.5405929


def seen(ase_atoms, displacement=0.0):
    cell = np.array(ase_atoms.cell)
    return diffraction.scatterers(Atoms(ase_atoms.positions, ase_atoms.numbers, cell, np.ones(3, bool)), displacement)


SALT = seen(bulk("NaCl", "rocksalt", 5.6402, cubic=True))
SILICON = seen(bulk("Si", cubic=True, a=5.43119))
CAESIUM = seen(bulk("CsCl", "cesiumchloride", 4.123, cubic=True))
QUARTZ = seen(
    by_group(
        ["Si", "O"],
        [(0.4697, 0, 0), (0.4135, 0.2669, 0.1191)],
        spacegroup=152,
        cellpar=[4.9134, 4.9134, 5.4052, 90, 90, 120],
    ),
    0.01,
)


def test_structure_factors_are_those_of_gemmi():
    """Quartz, no centre of symmetry: phases too."""
    small = gemmi.SmallStructure()
    small.cell = gemmi.UnitCell(4.9134, 4.9134, 5.4052, 90, 90, 120)
    small.spacegroup_hm = "P 1"
    # gemmi's axes: a along x, b in the plane xy, as ase's
    for place, z in zip(QUARTZ.places, QUARTZ.atomic_numbers):
        site = gemmi.SmallStructure.Site()
        site.fract, site.element = gemmi.Fractional(*place), gemmi.Element(int(z))
        site.type_symbol, site.occ, site.u_iso = site.element.name, 1.0, 0.01
        small.add_site(site)
    small.determine_and_set_spacegroup("s")
    engine = gemmi.StructureFactorCalculatorX(small.cell)
    hkl = np.array([(1, 0, 0), (0, 0, 3), (1, 1, 2), (-2, 1, 3), (3, 1, -4), (0, 1, 1)])
    expected = [engine.calculate_sf_from_small_structure(small, list(map(int, h))) for h in hkl]
    found = diffraction.structure_factors(QUARTZ, hkl)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_rock_salt_is_the_sum_or_the_difference_of_its_ions():
    """F = 4 (f_Na + f_Cl) where h is even, 4 (f_Na - f_Cl) where it is odd, nothing where it is mixed."""
    hkl = np.array([(2, 0, 0), (2, 2, 0), (1, 1, 1), (3, 1, 1), (1, 0, 0), (2, 1, 0)])
    s = np.linalg.norm(hkl, axis=1) / (2 * 5.6402)
    sodium, chlorine = diffraction.form_factors(np.array([11, 17]), s)
    sign = np.array([1, 1, -1, -1, 0, 0])
    expected = 4 * np.where(sign == 0, 0, np.abs(sodium + sign * chlorine))
    np.testing.assert_allclose(np.abs(diffraction.structure_factors(SALT, hkl)), expected, atol=1e-10)


def test_a_form_factor_begins_with_the_number_of_electrons():
    z = np.array([1, 8, 14, 26, 82])
    np.testing.assert_allclose(diffraction.form_factors(z, np.zeros(1))[:, 0], z, rtol=3e-3)


@pytest.mark.parametrize(
    ("crystal", "families"),
    [
        (SALT, [(1, 1, 1), (2, 0, 0), (2, 2, 0), (3, 1, 1), (2, 2, 2), (4, 0, 0), (3, 3, 1), (4, 2, 0)]),
        (SILICON, [(1, 1, 1), (2, 2, 0), (3, 1, 1), (4, 0, 0), (3, 3, 1)]),  # 200 and 222 are absent
        (CAESIUM, [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 0, 0), (2, 1, 0), (2, 1, 1)]),
    ],
)
def test_lines_are_where_bragg_puts_them(crystal, families):
    found = diffraction.lines(crystal, CU, (5, 78))
    a, hkl = crystal.cell[0, 0], np.array(families)
    assert [tuple(map(int, h)) for h in found.hkl][: len(hkl)] == families
    theta = np.rad2deg(np.arcsin(CU * np.linalg.norm(hkl, axis=1) / (2 * a)))
    np.testing.assert_allclose(found.two_theta[: len(hkl)], 2 * theta, atol=1e-9)
    count = {(1, 0, 0): 6, (1, 1, 0): 12, (1, 1, 1): 8, (2, 1, 0): 24, (2, 1, 1): 24, (3, 1, 1): 24, (3, 3, 1): 24}
    for h, m in zip(families, found.multiplicity):
        reduced = tuple(np.array(h) // np.gcd.reduce(h))
        assert m == count[reduced], h


def test_silicon_lines_are_those_of_the_standard():
    """SRM 640c, a = 5.43119 A: positions of its certificate for Cu K alpha 1."""
    found = diffraction.lines(SILICON, CU, (5, 78))
    np.testing.assert_allclose(found.two_theta, [28.441, 47.300, 56.119, 69.126, 76.372], atol=2e-3)


def test_families_at_one_angle_stay_apart():
    found = diffraction.lines(SILICON, CU, (90, 100))
    assert {tuple(map(int, h)): int(m) for h, m in zip(found.hkl, found.multiplicity)} == {(5, 1, 1): 24, (3, 3, 3): 8}


def test_the_pattern_does_not_depend_on_the_cell():
    """Primitive and conventional cells, and a turned one with its origin elsewhere."""
    primitive = bulk("NaCl", "rocksalt", 5.6402)
    primitive.rotate(40, (1, 2, 3), rotate_cell=True)
    primitive.positions += 0.7
    grid = np.arange(20, 80, 0.05)
    same = powder.pattern(seen(primitive), grid)
    np.testing.assert_allclose(same, powder.pattern(SALT, grid), atol=1e-9)


def test_texture_keeps_the_sum_and_prefers_its_axis():
    """March's weights over the sphere have the mean one; platelets r < 1 show more of the axis."""
    fine = diffraction.lines(SALT, 0.4, (1, 60), texture=((0, 0, 1), 0.6))
    plain = diffraction.lines(SALT, 0.4, (1, 60))
    ratio = fine.intensity / plain.intensity
    assert np.average(ratio, weights=plain.multiplicity) == pytest.approx(1, abs=0.03)
    assert ratio[1] > 1.2 > 0.9 > ratio[0]  # 200 against 111
    np.testing.assert_allclose(
        diffraction.lines(SALT, 0.4, (1, 60), texture=((0, 0, 1), 1.0)).intensity, plain.intensity
    )


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_peaks_have_unit_area_and_their_width(eta):
    x = np.arange(-400, 400, 0.01)
    y = powder.pseudo_voigt(x, np.array(0.3), eta)
    assert np.trapezoid(y, x) == pytest.approx(1, abs=1e-3)
    assert 2 * np.abs(x[y >= 0.5 * y.max()]).max() == pytest.approx(0.3, abs=0.021)


def test_small_grains_widen_lines_as_scherrer_says():
    plain, small = powder.Instrument(), powder.Instrument(size=100.0)
    gap = small.width(np.array([60.0]), CU) - plain.width(np.array([60.0]), CU)
    assert gap[0] == pytest.approx(np.rad2deg(0.9 * CU / (100 * np.cos(np.deg2rad(30)))))


def test_neighbours_are_counted():
    r = np.arange(0.01, 8, 0.01)
    nickel = seen(bulk("Ni", cubic=True, a=3.52), 0.005)
    g = pair_distribution(nickel, r)
    assert coordination(g, r, 4 / 3.52**3, (2, 3)) == pytest.approx(12, abs=0.01)
    assert coordination(g, r, 4 / 3.52**3, (3.1, 3.9)) == pytest.approx(6, abs=0.01)
    rippled = pair_distribution(nickel, r, Resolution(q_max=40.0))
    assert disagreement(g, rippled)[0] < 0.03 and np.isfinite(rippled).all()


def test_the_transform_of_a_pair_distribution_has_braggs_peaks():
    """Int dr G sin(Q r) = Q (S - 1), and for one atom in the cell of the volume V, h of length G and multiplicity m:

    int over a peak (S - 1) dQ = 2 pi^2 m exp(-G^2 U) / (V G^2) - int exp(-Q^2 U) dQ
    """
    a, u, m = 3.52, 0.005, 12
    r = np.arange(0.02, 40, 0.02)
    g = pair_distribution(seen(bulk("Ni", "fcc", a), u), r, Resolution(q_damp=0.1))
    length = 2 * np.pi * 8**0.5 / a  # 220
    q = np.linspace(length - 0.4, length + 0.4, 81)
    found = np.trapezoid(np.trapezoid(g * np.sin(np.outer(q, r)), r, axis=1) / q, q)
    peak = 2 * np.pi**2 * m * np.exp(-(length**2) * u) / (a**3 / 4 * length**2)
    assert found == pytest.approx(peak - np.trapezoid(np.exp(-(q**2) * u), q), rel=0.01)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: diffraction.wavelengths("CuKb"), "CuKa"),
        (lambda: diffraction.wavelengths("154"), "0.1 and 10"),
        (lambda: diffraction.lines(SALT, CU, (80, 20)), "rising"),
        (lambda: diffraction.lines(SALT, CU, texture=((0, 0, 1), 0.0)), "March"),
        (lambda: diffraction.lines(SALT, 0.001, (5, 170)), "reach"),
        (lambda: diffraction.form_factors(np.array([105]), np.zeros(1)), "98"),
        (lambda: diffraction.form_factors(np.array([5]), np.zeros(1), "muon"), "radiation"),
        (lambda: diffraction.scatterers(Atoms(np.zeros((1, 3)), np.array([6]))), "periodic"),
        (lambda: powder.Instrument(0.01, -0.5, 0.01).width(np.array([40.0]), CU), "positive"),
        (lambda: pair_distribution(SALT, np.array([0.0, 1.0])), "evenly"),
    ],
)
def test_what_cannot_be_is_refused_in_words(call, word):
    with pytest.raises(Invalid, match=word):
        call()
