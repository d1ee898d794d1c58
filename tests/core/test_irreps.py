"""Wigner matrices, irreps and Cartesian tensors against group theory and e3nn-jax."""

from __future__ import annotations

import e3nn_jax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from erlangen.core.errors import Invalid
from erlangen.core.irreps import Irrep, Irreps, cartesian_basis, from_irreps, to_irreps
from erlangen.core.spherical_harmonics import spherical_harmonics
from erlangen.core.wigner import generators, rotation_to_pole, wigner_d, wigner_matrices

RNG = np.random.default_rng(0)


def orthogonal(count: int, improper: bool = False) -> np.ndarray:
    q, r = np.linalg.qr(RNG.normal(size=(count, 3, 3)))
    q = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    return q * np.sign(np.linalg.det(q))[:, None, None] * (-1 if improper else 1)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("improper", [False, True])
def test_wigner_matrices_turn_harmonics_and_represent_the_group(improper):
    r, s = (jnp.asarray(orthogonal(5, improper)) for _ in "rs")
    vector = jnp.asarray(RNG.normal(size=3))
    for l, (d, e, product) in enumerate(zip(*(wigner_matrices(8, g) for g in (r, s, r @ s)), strict=True)):
        part = slice(l * l, (l + 1) ** 2)
        turned, plain = spherical_harmonics(r @ vector, 8)[:, part], spherical_harmonics(vector, 8)[part]
        np.testing.assert_allclose(turned, d @ plain, atol=1e-13 * max(1, abs(turned).max()))
        np.testing.assert_allclose(d @ e, product, atol=1e-13)
        np.testing.assert_allclose(d @ d.swapaxes(-1, -2), np.broadcast_to(np.eye(2 * l + 1), d.shape), atol=1e-13)


def test_wigner_matrices_are_those_of_e3nn_with_both_parities():
    for rotation in np.concatenate([orthogonal(2), orthogonal(2, improper=True)]):
        for l in range(5):
            for parity in (1, -1):
                theirs = e3nn_jax.Irrep(l, parity).D_from_matrix(jnp.asarray(rotation))
                np.testing.assert_allclose(wigner_d(l, jnp.asarray(rotation), parity), theirs, atol=1e-12)


def test_generators_exponentiate_to_wigner_matrices():
    theta = RNG.normal(size=3)
    rotation = scipy.linalg.expm(np.einsum("j,jab", theta, generators(1)))
    for l in range(6):
        x = generators(l)
        turned = scipy.linalg.expm(np.einsum("j,jab", theta, x))
        np.testing.assert_allclose(wigner_d(l, jnp.asarray(rotation)), turned, atol=1e-13)
        np.testing.assert_allclose(x[0] @ x[1] - x[1] @ x[0], x[2], atol=1e-13)
        np.testing.assert_allclose(sum(x @ x), -l * (l + 1) * np.eye(2 * l + 1), atol=1e-12)


def test_rotation_to_pole_is_a_rotation_everywhere_with_finite_derivatives():
    directions = RNG.normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    n = jnp.asarray(np.concatenate([directions, np.eye(3), -np.eye(3)]))
    rotation = rotation_to_pole(n)
    np.testing.assert_allclose(jnp.einsum("nab,nb->na", rotation, n), np.tile([0.0, 1, 0], (26, 1)), atol=1e-14)
    np.testing.assert_allclose(jnp.linalg.det(rotation), 1, atol=1e-14)
    assert jnp.isfinite(jax.vmap(jax.jacfwd(rotation_to_pole))(jnp.concatenate([n, jnp.zeros((1, 3))]))).all()


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4), st.sampled_from("eo")), min_size=1, max_size=4))
def test_irreps_are_read_counted_and_multiplied_as_in_e3nn(terms):
    text = " + ".join(f"{n}x{l}{p}" for n, l, p in terms)
    ours, theirs = Irreps.parse(text), e3nn_jax.Irreps(text)
    assert str(ours) == text and ours.dim == theirs.dim and ours.lmax == theirs.lmax
    squared = e3nn_jax.tensor_product(theirs, theirs)
    assert (ours * ours).dim == ours.dim**2 == squared.dim
    assert all((ours * ours).count(Irrep(ir.l, ir.p)) == squared.count(ir) for _, ir in squared)


def test_irreps_matrix_is_block_diagonal_and_orthogonal():
    irreps = Irreps.parse("2x0o + 1o + 2e")
    matrix = irreps.matrix(jnp.asarray(orthogonal(1, improper=True)[0]))
    assert matrix.shape == (irreps.dim, irreps.dim) and matrix[0, 0] == -1
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(irreps.dim), atol=1e-14)


@pytest.mark.parametrize("kind", [int, np.int8, bool])
def test_matrices_of_whole_numbers_are_matrices(kind):
    permutation = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    for l in range(4):
        exact = wigner_d(l, permutation.astype(float))
        np.testing.assert_allclose(wigner_d(l, permutation.astype(kind)), exact, atol=1e-15)
    irreps = Irreps.parse("0e + 1e + 2e")
    np.testing.assert_allclose(irreps.matrix(permutation.astype(kind)), irreps.matrix(permutation.astype(float)))
    np.testing.assert_allclose(irreps.matrix(np.eye(3, dtype=kind)), np.eye(irreps.dim), atol=1e-15)


def test_tensors_of_whole_numbers_come_back():
    basis, tensor = cartesian_basis(2), np.arange(9).reshape(3, 3)
    blocks = to_irreps(tensor, basis)
    np.testing.assert_allclose(from_irreps(blocks, basis), tensor, atol=1e-14)
    whole = {name: np.ones(len(rows), int) for name, rows in basis.items()}
    real = {name: rows.astype(float) for name, rows in whole.items()}
    np.testing.assert_allclose(from_irreps(whole, basis), from_irreps(real, basis), atol=1e-14)


def test_irreps_that_do_not_parse():
    for text in ("16y0e", "1x", "o1"):
        with pytest.raises(Invalid, match="16x0e"):
            Irreps.parse(text)
    with pytest.raises(Invalid):
        Irrep(1, 0)


CONTENT = [  # rank, symmetric pairs, irreps: textbook decompositions
    (0, (), "1x0e"),
    (1, (), "1x1o"),
    (2, (), "1x0e + 1x1e + 1x2e"),
    (2, ((0, 1),), "1x0e + 1x2e"),
    (3, (), "1x0o + 3x1o + 2x2o + 1x3o"),
    (3, ((1, 2),), "2x1o + 1x2o + 1x3o"),
    (3, ((0, 1), (1, 2)), "1x1o + 1x3o"),
    (4, ((0, 1), (2, 3)), "2x0e + 1x1e + 3x2e + 1x3e + 1x4e"),
]


@pytest.mark.parametrize("rank, pairs, content", CONTENT)
def test_cartesian_tensors_hold_the_irreps_of_the_textbook(rank, pairs, content):
    basis = cartesian_basis(rank, pairs)
    irreps = Irreps(tuple((1, Irrep(l, p)) for l, p, _ in basis)).sorted()
    assert str(irreps) == content
    rows = np.concatenate([b.reshape(len(b), -1) for b in basis.values()])
    np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-13)


@pytest.mark.parametrize("improper", [False, True])
@pytest.mark.parametrize("rank, pairs, content", CONTENT)
@pytest.mark.parametrize("pseudo", [False, True])
def test_cartesian_blocks_turn_by_wigner_matrices_and_come_back(rank, pairs, content, pseudo, improper):
    basis = cartesian_basis(rank, pairs, pseudo=pseudo)
    before = {name: RNG.normal(size=(2, len(rows))) for name, rows in basis.items()}
    tensor = np.asarray(from_irreps(before, basis))
    for i, j in pairs:
        np.testing.assert_allclose(tensor, tensor.swapaxes(1 + i, 1 + j), atol=1e-14)
    rotation = orthogonal(1, improper)[0]
    turned = tensor
    for axis in range(1, rank + 1):
        turned = np.moveaxis(np.tensordot(turned, rotation, axes=(axis, 1)), -1, axis)
    turned = turned * (np.sign(np.linalg.det(rotation)) if pseudo else 1)
    after = to_irreps(turned, basis)
    for l, parity, copy in basis:
        d = wigner_d(l, jnp.asarray(rotation), parity)
        np.testing.assert_allclose(after[l, parity, copy], before[l, parity, copy] @ d.T, atol=1e-13)
    np.testing.assert_allclose(from_irreps(after, basis), turned, atol=1e-13)


def test_named_tensors_have_their_physical_blocks():
    basis = cartesian_basis(2, ((0, 1),))
    np.testing.assert_allclose(to_irreps(np.eye(3), basis)[0, 1, 0], np.sqrt(3))
    cross = cartesian_basis(2)[1, 1, 0]
    np.testing.assert_allclose(cross, -cross.swapaxes(1, 2), atol=1e-15)
    with pytest.raises(Invalid):
        cartesian_basis(2, ((0, 2),))
    with pytest.raises(Invalid):
        from_irreps({(1, -1, 0): np.ones(3)}, basis)
