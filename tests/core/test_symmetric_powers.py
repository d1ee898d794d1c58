"""Symmetric powers against the character formula, published counts and equivariance."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.core.symmetric_powers import monomials, power_terms, symmetric_power
from erlangen.core.wigner import wigner_d

RNG = np.random.default_rng(0)
CASES = [((0, 1, 2, 3), 1), ((0, 1, 2, 3), 2), ((0, 1, 2, 3), 3), ((0, 1), 4), ((2, 1), 3), ((1, 3), 3)]


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def multiplicity(degrees: tuple[int, ...], order: int, l: int, parity: int) -> int:
    """Mean over O(3) of chi_l chi_Sym, with Newton's identity  k h_k = sum_j h_(k-j) p_j,  p_j = chi(g^j)."""
    x, weight = np.polynomial.legendre.leggauss(200)
    angle = np.pi * (x + 1) / 2

    def character(d, angle):
        return np.sin((d + 0.5) * angle) / np.sin(angle / 2)

    total = 0.0
    for inversion in (1, -1):
        power = [sum(inversion ** (d * j) * character(d, j * angle) for d in degrees) for j in range(1, order + 1)]
        h = [np.ones_like(angle)]
        for k in range(1, order + 1):
            h.append(sum(h[k - j] * power[j - 1] for j in range(1, k + 1)) / k)
        own = character(l, angle) * (parity if inversion == -1 else 1)
        total += 0.5 * np.sum(weight * np.pi / 2 * (1 - np.cos(angle)) / np.pi * h[order] * own)
    assert abs(total - round(total)) < 1e-6
    return round(total)


@pytest.mark.parametrize("degrees, order", CASES)
def test_number_of_copies_is_that_of_the_character_formula(degrees, order):
    for l, parity in itertools.product(range(5), (1, -1)):
        assert symmetric_power(degrees, order, l, parity).shape[-1] == multiplicity(degrees, order, l, parity)


def test_published_counts():
    """MACE at lmax 3 couples 1, 4, 23 paths to a scalar at orders 1, 2, 3, of which 8 differ at order 3: one for each
    triple of degrees that closes with even sum (Bispectrum; Bartok et al. 2013, doi:10.1103/PhysRevB.87.184115).
    """
    degrees = (0, 1, 2, 3)
    assert [symmetric_power(degrees, nu, 0).shape[-1] for nu in (1, 2, 3)] == [1, 4, 8]
    ordered = [len(set(itertools.permutations(t))) for t in power_terms(degrees, 3, 0)]
    assert sum(ordered) == 23


@pytest.mark.parametrize("degrees, order", CASES)
@pytest.mark.parametrize("parity", [1, -1])
def test_products_turn_as_their_degree_and_are_symmetric_and_orthonormal(degrees, order, parity):
    rotation = -np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    n = sum(2 * d + 1 for d in degrees)
    a, whole, start = RNG.normal(size=n), np.zeros((n, n)), 0
    for d in degrees:
        whole[start : start + 2 * d + 1, start : start + 2 * d + 1] = wigner_d(d, jnp.asarray(rotation))
        start += 2 * d + 1
    for l in range(4):
        u = symmetric_power(degrees, order, l, parity)
        before, after = u, u
        for _ in range(order):
            before, after = np.tensordot(before, a, (1, 0)), np.tensordot(after, whole @ a, (1, 0))
        scale = 1 + abs(after).max(initial=0)
        np.testing.assert_allclose(after, wigner_d(l, jnp.asarray(rotation), parity) @ before, atol=1e-13 * scale)
        flat = np.moveaxis(u, -1, 1).reshape(u.shape[0] * u.shape[-1], n**order)
        np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-12)
        for axis in range(1, order):
            np.testing.assert_allclose(u, u.swapaxes(axis, axis + 1), atol=1e-14)


def test_monomials_and_blocks_are_the_same_functions():
    degrees, order, l = (0, 1, 2), 3, 1
    u, a = symmetric_power(degrees, order, l), RNG.normal(size=9)
    dense = np.einsum("Mijkc,i,j,k->Mc", u, a, a, a)
    index, many = monomials(9, order)
    assert len(index) == 165
    by_row = np.einsum("Mrc,r,r->Mc", u[:, index[:, 0], index[:, 1], index[:, 2]], many, a[index].prod(-1))
    np.testing.assert_allclose(by_row, dense, atol=1e-13)
    parts, start = {0: a[:1], 1: a[1:4], 2: a[4:]}, 0
    for factors, block in power_terms(degrees, order, l).items():
        value = np.einsum("Mijkc,i,j,k->Mc", block, *(parts[f] for f in factors))
        many_orders = len(set(itertools.permutations(factors)))
        here = dense[:, start : start + block.shape[-1]]
        np.testing.assert_allclose(value * many_orders**0.5, here, atol=1e-13)
        start += block.shape[-1]
    assert start == dense.shape[1]


def test_impossible_powers_are_refused_or_empty():
    assert symmetric_power((0,), 2, 1).shape == (3, 1, 1, 0)
    for degrees, order in [((1, 1), 2), ((0,), 0), ((), 1)]:
        with pytest.raises(Invalid, match="degrees"):
            symmetric_power(degrees, order, 0)
