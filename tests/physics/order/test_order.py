"""Order around atoms: perfect crystals have the published figures, whatever their size, axes and cell."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.physics.order import bond_order, disorder, templates
from erlangen.physics.order.common_neighbours import ORDERS, common_neighbours
from erlangen.physics.order.surroundings import nearest

CRYSTALS = {"fcc": ("Cu", 3.6), "bcc": ("Fe", 2.87), "hcp": ("Mg", 3.2), "diamond": ("Si", 5.43)}
# q4, q6, w4, w6 of perfect crystals; 12 neighbours, 14 of bcc (Steinhardt et al. 1983; Mickel et al. 2013,
# doi:10.1063/1.4774084)
PUBLISHED = {
    "fcc": (0.1909, 0.5745, -0.15932, -0.01316),
    "hcp": (0.0972, 0.4848, 0.13410, -0.01244),
    "bcc": (0.0364, 0.5107, 0.15932, 0.01316),
}


def crystal(name: str, times: int = 3, shaken: float = 0.0, turned: bool = False) -> Atoms:
    element, a = CRYSTALS[name]
    unit = bulk(element, name, a=a, c=a * np.sqrt(8 / 3)) if name == "hcp" else bulk(element, name, a=a, cubic=True)
    whole, rng = unit.repeat(times if name != "diamond" else 2), np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0] if turned else np.eye(3)
    r = whole.positions + shaken * rng.standard_normal(whole.positions.shape)
    return Atoms(r @ turn, whole.numbers, whole.cell.array @ turn, np.ones(3, bool))


@pytest.mark.parametrize("name", CRYSTALS)
def test_crystals_are_known(name: str):
    """Perfect, then turned and shaken by 3 % of the distance of neighbours."""
    for x in (crystal(name), crystal(name, shaken=0.07, turned=True)):
        place = ORDERS.index(name)
        assert np.mean(common_neighbours(x) == place) > 0.98
        assert np.all(templates.match(x) == place)
    assert np.max(templates.deviations(crystal(name, turned=True))[:, place]) < 1e-6


def test_an_ideal_gas_is_none_of_them():
    rng = np.random.default_rng(1)
    x = Atoms(12 * rng.random((120, 3)), np.full(120, 29), 12 * np.eye(3), np.ones(3, bool))
    other = ORDERS.index("other")
    assert np.all(common_neighbours(x) == other) and np.mean(templates.match(x) == other) > 0.95
    assert abs(np.mean(bond_order.tetrahedral(x))) < 0.15  # 0 +- 0.05
    q, s = disorder.structure_factor(x, 8.0)
    assert np.mean(s[q > 4]) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", PUBLISHED)
def test_bond_order_is_as_published(name: str):
    x, count = crystal(name, turned=True), 14 if name == "bcc" else 12
    q4, q6, w4, w6 = PUBLISHED[name]
    np.testing.assert_allclose(bond_order.steinhardt(x, 4, count), q4, atol=6e-5)
    np.testing.assert_allclose(bond_order.steinhardt(x, 6, count), q6, atol=6e-5)
    np.testing.assert_allclose(bond_order.third_order(x, 4, count), w4, atol=6e-6)
    np.testing.assert_allclose(bond_order.third_order(x, 6, count), w6, atol=6e-6)
    if name != "hcp":  # where all atoms see the same, averaging changes nothing
        np.testing.assert_allclose(bond_order.steinhardt(x, 6, count, averaged=True), q6, atol=6e-5)


def test_averages_tell_hot_crystals_apart():
    """Lechner and Dellago: distributions of fcc and bcc overlap in q6, and hardly in its average."""

    def gap(averaged: bool) -> float:
        a, b = (bond_order.steinhardt(crystal(n, shaken=0.25), 6, 12, averaged=averaged) for n in ("fcc", "bcc"))
        return abs(a.mean() - b.mean()) / (a.std() + b.std())

    assert gap(True) > gap(False)


def test_diamond_has_rings_of_six_at_angles_of_the_tetrahedron():
    x = crystal("diamond")
    counts = disorder.rings(x, 2.6)
    assert counts[6] == counts.sum() == 6 * len(x.positions)
    np.testing.assert_allclose(disorder.bond_angles(x, 2.6), np.rad2deg(np.arccos(-1 / 3)))
    np.testing.assert_allclose(bond_order.tetrahedral(x), 1)
    assert disorder.rings(x, 2.6, longest=5)[0] == counts.sum()


def test_rings_do_not_go_round_the_cell():
    """A chain that repeats after four atoms is no ring of four."""
    x = Atoms(
        np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]], float),
        np.full(4, 6),
        np.diag([4.0, 9.0, 9.0]),
        np.ones(3, bool),
    )
    assert disorder.rings(x, 1.2)[0] == 4


def test_scattering_is_at_the_reciprocal_lattice():
    """fcc: S = N at (111) and (200), else 0; as long as these are 24 other vectors of three cells, each time."""
    x = crystal("fcc")
    q, s = disorder.structure_factor(x, 2 * np.pi / 3.6 * 2.1, width=1e-3)
    seen = q[s > 1e-6] * 3.6 / (2 * np.pi)
    np.testing.assert_allclose(seen, np.sqrt([3, 4]), rtol=1e-6)
    np.testing.assert_allclose(s[s > 1e-6], len(x.positions) * np.array([8 / (8 + 24), 6 / (6 + 24)]))


def test_bad_input():
    cluster = Atoms(np.eye(3), np.full(3, 29))
    with pytest.raises(Invalid, match="every atom has 12 neighbours"):
        nearest(cluster, 12)
    with pytest.raises(Invalid, match="a cell that repeats"):
        disorder.structure_factor(cluster, 3.0)
