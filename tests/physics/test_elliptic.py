"""Elliptic solvers against closed solutions, sparse LU, their maximum principle, symmetries and derivatives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.core.groups import Square
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Field
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.physics import elliptic
from erlangen.physics.random_fields import cosine_field, smooth_field


def nodes(n: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(0, 1, n)
    return x[:, None], x[None, :]


def rough(n: int, seed: int = 0, low: float = 3.0, high: float = 12.0) -> jax.Array:
    """A two-valued coefficient."""
    return jnp.where(cosine_field((n, n), modes=n, dtype=jnp.float64, key=jax.random.key(seed)) >= 0, high, low)


def manufactured(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a, f, u of u = sin(pi x) sin(2 pi y), a = exp(x - y / 2): f = -a (Lap u + u_x - u_y / 2)."""
    x, y = nodes(n)
    u, a = np.sin(np.pi * x) * np.sin(2 * np.pi * y), np.exp(x - y / 2)
    u_x, u_y = np.pi * np.cos(np.pi * x) * np.sin(2 * np.pi * y), 2 * np.pi * np.sin(np.pi * x) * np.cos(2 * np.pi * y)
    return a, -a * (-5 * np.pi**2 * u + u_x - 0.5 * u_y), u


@pytest.mark.parametrize("faces", ["arithmetic", "harmonic"])
def test_second_order_on_a_manufactured_solution(faces):
    with double():
        errors = []
        for n in (17, 33, 65):
            a, f, u = manufactured(n)
            errors.append(float(np.abs(elliptic.darcy(jnp.asarray(a), f, faces=faces) - u).max()))
        orders = np.log2(np.array(errors[:-1]) / errors[1:])
        np.testing.assert_allclose(orders, 2, atol=0.1)


def test_harmonic_faces_are_exact_for_layers_that_end_at_faces():
    """A flux q = 1 across layers: a u' = 1, u piecewise linear, its kink half-way between nodes 19 and 20."""
    with double():
        x = np.linspace(0, 1, 41)
        a = np.where(x < 19.5 / 40, 1.0, 10.0)
        u = np.where(x < 19.5 / 40, x, 19.5 / 40 + (x - 19.5 / 40) / 10)
        layers, potential = (jnp.asarray(np.repeat(v[:, None], 3, axis=1)) for v in (a, u))
        np.testing.assert_allclose(elliptic.diffusion(potential, layers, faces="harmonic"), 0, atol=1e-10)
        assert float(jnp.abs(elliptic.diffusion(potential, layers)).max()) > 1


@pytest.mark.parametrize("faces", ["arithmetic", "harmonic"])
@pytest.mark.parametrize("shape", [(33, 33), (20, 31)])
def test_iterations_end_at_the_solution_of_sparse_lu(faces, shape):
    with double():
        a = rough(33)[: shape[0], : shape[1]]
        f = smooth_field((33, 33), modes=4, dtype=jnp.float64, key=jax.random.key(1))[: shape[0], : shape[1]]
        u = elliptic.darcy(a, f, faces=faces, tolerance=1e-12)
        direct = elliptic.solve_directly(np.asarray(a), np.asarray(f), faces=faces)
        np.testing.assert_allclose(u, direct, atol=1e-10 * np.abs(direct).max())
        np.testing.assert_allclose(elliptic.diffusion(u, a, faces=faces), f[1:-1, 1:-1], atol=1e-8)


def test_high_contrast_and_single_precision():
    with double():
        a = rough(33, low=1e-3, high=1.0)
        direct = elliptic.solve_directly(np.asarray(a), 1.0)
        np.testing.assert_allclose(elliptic.darcy(a, 1.0), direct, atol=1e-7 * direct.max())
        a = np.asarray(rough(33), np.float32)
    single = elliptic.darcy(jnp.asarray(a), 1.0)
    assert single.dtype == jnp.float32
    direct = elliptic.solve_directly(a, 1.0)
    np.testing.assert_allclose(single, direct, atol=2e-5 * direct.max())


def test_discrete_maximum_principle():
    """Where nothing flows in, the least value lies on the walls: f >= 0 gives u >= 0, and more source gives more u."""
    with double():
        a, f = rough(25, low=0.01), jnp.abs(smooth_field((25, 25), modes=5, dtype=jnp.float64, key=jax.random.key(2)))
        u = elliptic.darcy(a, f, tolerance=1e-13)
        assert float(u[1:-1, 1:-1].min()) > 0
        point = jnp.zeros((25, 25)).at[7, 11].set(1.0)
        green = elliptic.darcy(a, point, tolerance=1e-13)
        assert float(green[1:-1, 1:-1].min()) > 0 and int(green.argmax()) == 7 * 25 + 11


def test_total_flux_through_the_walls_is_the_total_source():
    with double():
        n = 33
        a = rough(n)
        u = elliptic.darcy(a, 1.0, tolerance=1e-13)
        x, y = elliptic.conductances(a)
        out = (x[0] * u[1, 1:-1]).sum() + (x[-1] * u[-2, 1:-1]).sum()
        out += (y[:, 0] * u[1:-1, 1]).sum() + (y[:, -1] * u[1:-1, -2]).sum()
        assert float(out) == pytest.approx((n - 2) ** 2, rel=1e-10)


@pytest.mark.parametrize("element", [(0, 1), (1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 1)])
def test_coefficient_source_and_solution_turn_together(element):
    with double():
        scalar = Quantity("a", "a", "1", "grid")
        a, f = rough(24), smooth_field((24, 24), modes=4, dtype=jnp.float64, key=jax.random.key(3))

        def turn(v):
            return Square().act(element, scalar, v)

        after = turn(elliptic.darcy(a, f, tolerance=1e-13))
        np.testing.assert_allclose(elliptic.darcy(turn(a), turn(f), tolerance=1e-13), after, atol=1e-12)


def test_derivatives_of_the_solution_against_finite_differences():
    with double():
        a, f, u = (jnp.asarray(v) for v in manufactured(17))
        keys = jax.random.split(jax.random.key(4))
        da, df = (smooth_field((17, 17), modes=3, dtype=jnp.float64, key=k) for k in keys)

        def loss(a, f):
            return jnp.sum((elliptic.darcy(a, f, tolerance=1e-13) - 0.3 * u) ** 2)

        gradient = jax.grad(loss, argnums=(0, 1))(a, f)
        h = 1e-5
        in_a = (loss(a + h * da, f) - loss(a - h * da, f)) / (2 * h)
        in_f = (loss(a, f + h * df) - loss(a, f - h * df)) / (2 * h)
        np.testing.assert_allclose(jnp.sum(gradient[0] * da), in_a, rtol=1e-7)
        np.testing.assert_allclose(jnp.sum(gradient[1] * df), in_f, rtol=1e-7)
        _, forward = jax.jvp(lambda a: loss(a, f), (a,), (da,))
        np.testing.assert_allclose(forward, in_a, rtol=1e-7)
        assert float(jnp.abs(gradient[1][0]).max()) == 0  # a source on the wall does nothing


def test_batches_are_single_solutions():
    with double():
        a = jnp.stack([rough(17, seed) for seed in range(3)])
        together = jax.vmap(lambda a: elliptic.darcy(a, 1.0, tolerance=1e-12))(a)
        for one, u in zip(a, together):
            np.testing.assert_allclose(u, elliptic.darcy(one, 1.0, tolerance=1e-12), atol=1e-12)


@pytest.mark.parametrize("symbol", ["five-point", "spectral"])
def test_poisson_between_walls(symbol):
    with double():
        x, y = nodes(21)
        u = np.sin(3 * np.pi * x) * np.sin(2 * np.pi * y)
        eigenvalue = elliptic.wall_laplacian((21, 21), symbol)[2, 1]
        np.testing.assert_allclose(elliptic.poisson(jnp.asarray(eigenvalue * u), symbol=symbol), u, atol=1e-13)
        if symbol == "spectral":
            assert eigenvalue == pytest.approx(13 * np.pi**2)
        else:
            f = smooth_field((21, 30), modes=4, dtype=jnp.float64, key=jax.random.key(5))
            v = elliptic.poisson(f)
            np.testing.assert_allclose(elliptic.diffusion(v, jnp.ones_like(f)), f[1:-1, 1:-1], atol=1e-11)


@pytest.mark.parametrize("symbol", ["five-point", "spectral"])
@pytest.mark.parametrize("shape", [(32,), (16, 24), (8, 9, 10)])
def test_poisson_on_the_torus(symbol, shape):
    with double():
        f = smooth_field(shape, modes=3, dtype=jnp.float64, key=jax.random.key(6))
        u = elliptic.poisson_on_torus(f + 1.0, symbol=symbol)
        assert abs(float(u.mean())) < 1e-15
        if symbol == "spectral":
            laplacian = sum(spectral.derivative(u, axis=i, order=2) for i in range(len(shape)))
        else:
            steps = [2 * np.pi / n for n in shape]
            laplacian = sum((jnp.roll(u, 1, i) + jnp.roll(u, -1, i) - 2 * u) / h**2 for i, h in enumerate(steps))
        np.testing.assert_allclose(-laplacian, f, atol=1e-11)


def test_errors_say_what_must_hold():
    a = jnp.ones((9, 9))
    with pytest.raises(Invalid, match="positive everywhere; came: 0 "):
        elliptic.darcy(a.at[3, 3].set(0.0), 1.0)
    with pytest.raises(Invalid, match="share their nodes"):
        elliptic.darcy(a, jnp.ones((8, 9)))
    with pytest.raises(Invalid, match="include the walls"):
        elliptic.solve_directly(np.ones(9), 1.0)
    with pytest.raises(Invalid, match="Did you mean: arithmetic"):
        elliptic.darcy(a, 1.0, faces="geometric")  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="Did you mean: five-point"):
        elliptic.poisson(a, symbol="five")  # type: ignore[arg-type]


def test_cosine_field_has_the_stated_covariance_and_no_slope_at_walls():
    with double():
        keys = jax.random.split(jax.random.key(7), 3000)
        draw = jax.vmap(lambda k: cosine_field((9, 9), modes=6, dtype=jnp.float64, key=k))
        fields = draw(keys)
        k2 = (np.pi * np.arange(6)) ** 2
        variance = (k2[:, None] + k2 + 9.0) ** -2.0
        variance[0, 0] = 0
        x = np.linspace(0, 1, 9)
        c = np.where(np.arange(6) > 0, np.sqrt(2), 1) * np.cos(np.pi * np.outer(x, np.arange(6)))
        for point in ((0, 0), (4, 4), (3, 7)):
            exact = np.einsum("k,l,kl->", c[point[0]] ** 2, c[point[1]] ** 2, variance)
            assert float(jnp.mean(fields[:, *point] ** 2)) == pytest.approx(exact, rel=0.1)
        coarse, fine = (cosine_field((n, n), modes=6, dtype=jnp.float64, key=keys[0]) for n in (9, 33))
        np.testing.assert_allclose(fine[::4, ::4], coarse, atol=1e-13)
        steps = jnp.abs(jnp.diff(cosine_field((1001, 6), modes=6, dtype=jnp.float64, key=keys[0]), axis=0)).max(axis=1)
        assert float(jnp.maximum(steps[0], steps[-1])) < 0.02 * float(steps.max())
        with pytest.raises(Invalid, match="resolve the random field"):
            cosine_field((8, 8), modes=9, key=keys[0])


def test_square_is_a_symmetry_of_nodes_between_walls():
    field = Field({"u": np.ones((5, 5))}, (0.25, 0.25), "walls")
    elements = {Square().sample(field, key=jax.random.key(i)) for i in range(60)}
    assert elements == {(t, f) for t in range(4) for f in range(2)} - {(0, 0)}
