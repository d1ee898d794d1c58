"""Sums over angles and torsions by densities equal the sums over triplets and quadruples, written out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import eval_legendre

from erlangen.core.spherical_harmonics import spherical_harmonics
from erlangen.core.systems import Atoms
from erlangen.methods.message_passing._directional import Block
from erlangen.nn.angles import density, projected, torsions, torsions_between
from erlangen.nn.convolution import Pairs
from erlangen.nn.radial import Bessel
from erlangen.numerics.neighbour_lists import listed, near_of
from erlangen.numerics.neighbours import images_within
from erlangen.numerics.precision import double

CUTOFF = 3.0


def unit(rng, n):
    v = rng.normal(size=(n, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def harmonics(v, lmax):
    flat = spherical_harmonics(jnp.asarray(v), lmax)
    return {l: flat[..., l * l : (l + 1) ** 2] for l in range(lmax + 1)}


def cosines(k, n):
    """cos m(phi_k - phi_q) about n for unit vectors k [a, 3], and sines of their angles with n."""
    flat = k - (k @ n)[:, None] * n
    sines = np.linalg.norm(flat, axis=1)
    cosine = (flat / sines[:, None]) @ (flat / sines[:, None]).T
    return np.arccos(np.clip(cosine, -1, 1)), sines


def quadruples(k, n, x, y, l, m):
    """sum_kq x_k y_q N_lm N_lm cos m(phi_k - phi_q), with the norms of |Y_l|^2 = 2l + 1."""
    angle, s = cosines(k, n)
    c = k @ n
    legendre = {(1, 1): 3**0.5 * s, (2, 1): 15**0.5 * s * c, (2, 2): (15 / 4) ** 0.5 * s**2}[l, m]
    return np.einsum("k,q,kq->", x * legendre, y * legendre, np.cos(m * angle))


@pytest.fixture(scope="module")
def scene():
    """Directions of five neighbours, two values of each, and one direction to look along."""
    rng = np.random.default_rng(0)
    return unit(rng, 5), rng.normal(size=5), rng.normal(size=5), unit(rng, 1)[0]


@pytest.mark.parametrize("l", [0, 1, 2, 3])
def test_projected_densities_are_sums_of_legendre_polynomials(scene, l):
    k, x, _, n = scene
    with double():
        a = density(jnp.asarray(x)[None, :, None], harmonics(k, l)[l][None])
        found = projected({l: a[:, None]}, {l: harmonics(n, l)[l][None, None]})
        expected = (2 * l + 1) ** 0.5 * np.sum(x * eval_legendre(l, k @ n))
        assert float(found[0, 0, 0]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("l", "m"), [(1, 1), (2, 1), (2, 2)])
def test_products_of_densities_are_sums_over_torsions(scene, l, m):
    k, x, y, n = scene
    with double():
        seen, along = harmonics(k, l), harmonics(n, 2 * l)
        a, b = (density(jnp.asarray(v)[None, :, None], seen[l][None]) for v in (x, y))
        expected = quadruples(k, n, x, y, l, m)
        here = {L: parts[None, None] for L, parts in along.items()}
        found = torsions({l: a}, {l: b}, {(l, m): jnp.ones(1)})
        total = projected({L: parts[:, None] for L, parts in found.items()}, here)
        assert float(total[0, 0, 0]) == pytest.approx(expected, abs=1e-12)
        between = torsions_between(a, b[:, None], here)[m - 1]
        assert float(between[0, 0, 0]) == pytest.approx(expected, abs=1e-12)


def crystal():
    rng = np.random.default_rng(2)
    cell = np.array([[2.6, 0, 0], [0.4, 2.9, 0], [0, 0, 9.0]])
    return Atoms(rng.uniform(size=(3, 3)) @ cell, np.array([6, 1, 8]), cell, np.array([True, True, False]))


@pytest.mark.parametrize("by_list", [True, False])
def test_the_reverse_of_a_pair(by_list):
    with double():
        x = crystal()
        near = near_of(listed(x, CUTOFF) if by_list else x, CUTOFF, images_within((2, 2, 0)))
        mask = np.asarray(near.mask)
        assert mask.sum() >= 20
        turned = np.asarray(near.at_reverse(near.displacements))
        np.testing.assert_allclose(turned[mask], -np.asarray(near.displacements)[mask], atol=1e-12)
        senders = jnp.broadcast_to(near.senders, mask.shape)
        receivers = jnp.broadcast_to(jnp.arange(3)[:, None], mask.shape)
        assert np.array_equal(np.asarray(near.at_reverse(receivers))[mask], np.asarray(senders)[mask])
        there = jax.grad(lambda y: jnp.sum(near.at_reverse(y) * near.displacements))(jnp.zeros_like(near.displacements))
        np.testing.assert_allclose(there, near.at_reverse(near.displacements), atol=1e-12)


def test_messages_hear_all_triplets_but_the_way_back():
    """sum_(k in N(j) not i) R_l(r_kj) P_l(cos) x_kj against loops over all pairs of pairs of a small crystal."""
    with double():
        x, basis = crystal(), Bessel(CUTOFF, 4)
        near = near_of(listed(x, CUTOFF), CUTOFF)
        radial = jnp.where(near.mask[..., None], basis(near.distances), 0.0)
        pairs, block = Pairs.of(near, radial, 3), Block(4, 2, (3, 0), 4, 1.0, key=jax.random.key(0))
        sent = jnp.asarray(np.random.default_rng(0).normal(size=(*near.mask.shape, 2)))
        found = np.asarray(block.sums(sent, pairs))
        mask, way, senders = (np.asarray(a) for a in (near.mask, near.directions, near.senders))
        r = [np.asarray(w(radial)) for w in block.radial]
        for i, column in zip(*np.nonzero(mask)):
            j, expected = senders[i, column], np.zeros(2)
            for k in np.flatnonzero(mask[j]):
                back = np.allclose(near.displacements[j, k], -near.displacements[i, column])
                if not (back and senders[j, k] == i):
                    cosine = way[j, k] @ way[i, column]
                    for l in range(4):
                        expected += (2 * l + 1) ** 0.5 * r[l][j, k] * eval_legendre(l, cosine) * sent[j, k]
            np.testing.assert_allclose(found[i, column], expected, atol=1e-10)
