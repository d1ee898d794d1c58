"""Clebsch-Gordan products and edge frames: equal to each other, to e3nn-jax, and equivariant."""

from __future__ import annotations

import itertools

import e3nn_jax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.spherical_harmonics import spherical_harmonics
from erlangen.core.wigner import wigner_d
from erlangen.nn.edge_frames import EdgeFrames, edge_convolution, frame_table, frame_weights
from erlangen.nn.tensor_product import coupling_paths, tensor_product

RNG = np.random.default_rng(0)
LMAX, CHANNELS = 2, 2
DEGREES = range(LMAX + 1)
PATHS = coupling_paths(DEGREES, DEGREES, DEGREES)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def features(*shape: int) -> dict[int, jax.Array]:
    return {l: jnp.asarray(RNG.normal(size=(*shape, 2 * l + 1, CHANNELS))) for l in DEGREES}


def harmonics(r: jax.Array) -> dict[int, jax.Array]:
    y = spherical_harmonics(r / jnp.linalg.norm(r, axis=-1, keepdims=True), LMAX)
    return {l: y[..., l * l : (l + 1) ** 2, None] for l in DEGREES}


def test_paths_close_and_keep_parity():
    assert coupling_paths((0, 1), (0, 1), (0, 1)) == ((0, 0, 0), (1, 1, 0), (0, 1, 1), (1, 0, 1))
    assert all((l1 + l2 + l3) % 2 == 0 for l1, l2, l3 in PATHS)


def test_product_is_that_of_e3nn():
    x, y = features(), features()
    ours = tensor_product(x, y, {path: jnp.ones(CHANNELS) for path in PATHS})
    for channel in range(CHANNELS):
        total = {l: np.zeros(2 * l + 1) for l in DEGREES}
        for l1, l2, l3 in PATHS:
            a, b = (e3nn_jax.IrrepsArray(e3nn_jax.Irrep(l, (-1) ** l), v[l][:, channel]) for l, v in ((l1, x), (l2, y)))
            both = e3nn_jax.tensor_product(a, b, filter_ir_out=[e3nn_jax.Irrep(l3, (-1) ** l3)])
            total[l3] += np.asarray(both.array)
        for l in DEGREES:
            np.testing.assert_allclose(ours[l][:, channel], total[l], atol=1e-12)


@jax.jit
def message(x, r, weights):
    return tensor_product(x, harmonics(r), weights)


@jax.jit
def message_in_frames(x, r, weights):
    frames = EdgeFrames.of(r / jnp.linalg.norm(r, axis=-1, keepdims=True), LMAX)
    return edge_convolution(x, frames, frame_weights(weights))


def edges():
    r = RNG.normal(size=(6, 3))
    near_poles = np.array([[0, 1.0, 0], [0, -1.0, 0], [1e-9, 1.0, 0], [0, -2.0, 1e-9], [1.0, 0, 0], [-1.0, 1e-12, 0]])
    return jnp.asarray(np.concatenate([r, near_poles]))


def test_edge_frames_give_the_plain_convolution_and_its_derivatives():
    r, x = edges(), features(12)
    weights = {path: jnp.asarray(RNG.normal(size=(12, CHANNELS))) for path in PATHS}
    plain, fast = message(x, r, weights), message_in_frames(x, r, weights)
    for l in DEGREES:
        np.testing.assert_allclose(fast[l], plain[l], atol=1e-12)

    def of(convolution):
        return lambda r, x: sum(jnp.sum(jnp.tanh(0.1 * part)) for part in convolution(x, r, weights).values())

    theirs, ours = (jax.tree.leaves(jax.jit(jax.grad(of(f), (0, 1)))(r, x)) for f in (message, message_in_frames))
    for a, b in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(b, a, atol=1e-11)


def test_frame_filters_are_even_and_as_many_as_the_paths():
    for l1, l3 in itertools.product(range(5), range(5)):
        rows = [frame_table(*path) for path in coupling_paths((l1,), range(9), (l3,))]
        for row in rows:
            np.testing.assert_allclose(row, row[::-1], atol=1e-14)
        assert np.linalg.matrix_rank(np.stack(rows)) == len(rows) == min(l1, l3) + 1


@pytest.mark.parametrize("convolution", [message, message_in_frames])
def test_messages_turn_with_rotations_and_reflections(convolution):
    rotation = -np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    d = {l: wigner_d(l, jnp.asarray(rotation)) for l in DEGREES}
    r, x = edges(), features(12)
    weights = {path: jnp.asarray(RNG.normal(size=(12, CHANNELS))) for path in PATHS}
    after = convolution({l: d[l] @ x[l] for l in DEGREES}, r @ rotation.T, weights)
    before = convolution(x, r, weights)
    for l in DEGREES:
        np.testing.assert_allclose(after[l], d[l] @ before[l], atol=1e-12)


def test_float32_stays_float32():
    x = {l: part.astype(jnp.float32) for l, part in features(12).items()}
    weights = {path: jnp.ones((12, CHANNELS), jnp.float32) for path in PATHS}
    for convolution in (message, message_in_frames):
        assert all(p.dtype == jnp.float32 for p in convolution(x, edges().astype(jnp.float32), weights).values())
