"""log cosh against NumPy's complex functions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlangen.nn.log_cosh import log_cosh, log_product_cosh, log_sum_product_cosh, sincos, tanh
from erlangen.numerics.precision import double


@given(st.floats(-700, 700))
def test_real(x):
    with double():
        assert float(log_cosh(jnp.float64(x))) == pytest.approx(np.log(np.cosh(x)), abs=1e-14, rel=1e-14)


@given(st.sampled_from([1, 16, 37]), st.floats(0.01, 10), st.integers(0, 1000))
def test_product_of_complex_factors(n, size, seed):
    rng = np.random.default_rng(seed)
    z = size * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
    with double():
        found = complex(log_product_cosh(jnp.asarray(z.real), jnp.asarray(z.imag)))
    assert abs(np.exp(found - np.log(np.cosh(z)).sum()) - 1) < 1e-10


@given(st.sampled_from([(1, 5), (3, 8), (64, 2)]), st.floats(0.01, 10), st.integers(0, 1000))
def test_sum_of_products_of_complex_factors(shape, size, seed):
    rng = np.random.default_rng(seed)
    z = size * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    with double():
        found = complex(log_sum_product_cosh(jnp.asarray(z.real), jnp.asarray(z.imag)))
    logs = np.log(np.cosh(z)).sum(0)
    exact = np.exp(logs - logs.real.max()).sum()
    assert np.exp(found - logs.real.max()) == pytest.approx(exact, rel=1e-9, abs=1e-9)


@given(st.floats(-700, 700), st.floats(-100, 100))
def test_complex_tanh(a, b):
    with double():
        found = complex(tanh(jnp.float64(a), jnp.float64(b)))
    assert found == pytest.approx(np.tanh(complex(a, b)), rel=1e-12, abs=1e-13)


@given(st.floats(-1e4, 1e4))
def test_sine_and_cosine(x):
    with double():
        sine, cosine = sincos(jnp.float64(x))
        slopes = jax.jacfwd(sincos)(jnp.float64(x))
    assert (float(sine), float(cosine)) == pytest.approx((np.sin(x), np.cos(x)), abs=4e-15)
    assert [float(s) for s in slopes] == pytest.approx([np.cos(x), -np.sin(x)], abs=1e-12)
