"""Stochastic reconfiguration: the natural gradient of the energy in the metric of quantum states.

    O_sk = sqrt(w_s) (d log psi(s) / d theta_k - mean),     e_s = sqrt(w_s) (E_loc(s) - mean),      sum of w = 1
    delta = (O^T O + lambda)^-1 O^T e = O^T (O O^T + lambda)^-1 e,          theta <- theta - rate * delta

With momentum mu the damping pulls towards the last direction instead of zero, so that what one batch of samples cannot
see is kept from those before (SPRING: Goldshlager, Abrahamsen, Lin 2024, arXiv:2401.10190):

    delta = argmin_d |O d - e|^2 + lambda |d - mu delta'|^2 = mu delta' + O^T (O O^T + lambda)^-1 (e - mu O delta')

(Sorella 1998, doi:10.1103/PhysRevLett.80.4558; second form on the sample kernel: Chen and Heyl 2024,
doi:10.1038/s41567-024-02566-1; Rende et al. 2024, doi:10.1038/s42005-024-01732-4). A complex log psi of real parameters
contributes its real and its imaginary part as two rows per sample.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Inexact, PyTree, Shaped

_ROWS_AT_ONCE = 256
"""Log-derivatives computed side by side."""

_BLOCKS = 4
"""Blocks of rows of a matrix times its own transpose, of which those below the diagonal are not computed."""


def log_derivatives(
    log_psi: Callable[[PyTree, Array], Array], parameters: PyTree, samples: Shaped[Array, "n ..."]
) -> Inexact[Array, "n parameters"]:
    """d log psi(sample; theta) / d theta for every sample; complex where log psi is."""
    flat, unravel = ravel_pytree(parameters)

    def gradient(part: Callable[[Array], Array], sample: Array) -> Array:
        return jax.grad(lambda theta: part(log_psi(unravel(theta), sample)))(flat)

    def row(sample: Array) -> Array:
        return gradient(jnp.real, sample)

    def complex_row(sample: Array) -> Array:
        return gradient(jnp.real, sample) + 1j * gradient(jnp.imag, sample)

    kind = jax.eval_shape(log_psi, parameters, samples[0]).dtype
    chosen = complex_row if jnp.issubdtype(kind, jnp.complexfloating) else row
    return jax.lax.map(chosen, samples, batch_size=_ROWS_AT_ONCE)


def natural_direction(
    derivatives: Inexact[Array, "n parameters"],
    energies: Inexact[Array, " n"],
    weights: Float[Array, " n"],
    *,
    shift: float | Float[Array, ""],
    last: Float[Array, " parameters"] | None = None,
) -> tuple[Float[Array, " parameters"], Float[Array, ""]]:
    """(delta, its length sqrt(delta^T O^T O delta)): the step in parameters and how far it moves the state.

    Solved by Cholesky in the smaller of sample and parameter space, in the precision given: use float64.
    `weights` sum to one; `shift` is lambda, absolute (derivatives of log psi are of order one; 1e-4 to 1e-6 are good).
    last: mu times the last direction, towards which the damping pulls.
    """
    own = weights.astype(derivatives.real.dtype)
    rows = jnp.sqrt(own)[:, None] * (derivatives - own @ derivatives)
    residual = jnp.sqrt(weights) * (energies - weights @ energies)
    if jnp.iscomplexobj(rows):
        rows = jnp.concatenate([rows.real, rows.imag])
        residual = jnp.concatenate([residual.real, residual.imag])
    else:
        residual = residual.real
    if last is not None:
        residual = residual - rows @ last
    if rows.shape[0] < rows.shape[1]:
        found = _solve(_gram(rows).astype(residual.dtype), residual, shift)
        delta = (rows.T @ found.astype(rows.dtype)).astype(residual.dtype)
    else:
        right = (rows.T @ residual.astype(rows.dtype)).astype(residual.dtype)
        delta = _solve(_gram(rows.T).astype(residual.dtype), right, shift)
    if last is not None:
        delta = delta + last
    return delta, jnp.linalg.norm(rows @ delta)


def _gram(rows: Float[Array, "n m"]) -> Float[Array, "n n"]:
    """rows @ rows.T at five eighths of the arithmetic: blocks below the diagonal are transposes of those above."""
    size = -(-len(rows) // _BLOCKS)
    parts = [rows[i : i + size] for i in range(0, len(rows), size)]
    above = {(i, j): a @ b.T for i, a in enumerate(parts) for j, b in enumerate(parts) if i <= j}
    return jnp.block(
        [[above[i, j] if i <= j else above[j, i].T for j in range(len(parts))] for i in range(len(parts))]
    )


def _solve(matrix: Array, right: Array, shift: float | Array) -> Array:
    damped = matrix + shift * jnp.eye(len(matrix), dtype=matrix.dtype)
    return jax.scipy.linalg.solve(damped, right, assume_a="pos")
