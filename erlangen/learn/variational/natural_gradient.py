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

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Inexact, PyTree, Shaped

ROWS_AT_ONCE = 256
"""Log-derivatives computed side by side."""

_BLOCKS = 4
"""Blocks of rows of a matrix times its own transpose, of which those below the diagonal are not computed."""


def log_derivatives(
    log_psi: Callable[[PyTree, Array], Array],
    parameters: PyTree,
    samples: Shaped[Array, "n ..."],
    *,
    at_once: int = ROWS_AT_ONCE,
    columns: tuple[Array | int, int] | None = None,
) -> Inexact[Array, "n parameters"]:
    """d log psi(sample; theta) / d theta for every sample; complex where log psi is.

    columns: (first, how many) of the parameters are kept, zeros beyond the last; at_once: samples side by side.
    """
    flat, unravel = ravel_pytree(parameters)
    is_complex = jnp.issubdtype(jax.eval_shape(log_psi, parameters, samples[0]).dtype, jnp.complexfloating)

    def gradient(part: Callable[[Array], Array], sample: Array) -> Array:
        whole = jax.grad(lambda theta: part(log_psi(unravel(theta), sample)))(flat)
        if columns is None:
            return whole
        return jax.lax.dynamic_slice_in_dim(jnp.pad(whole, (0, columns[1])), *columns)

    def row(sample: Array) -> Array:
        real = gradient(jnp.real, sample)
        return real + 1j * gradient(jnp.imag, sample) if is_complex else real

    return jax.lax.map(row, samples, batch_size=at_once)


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Log-derivatives that do not fit into memory as a whole: made(k) gives the k-th block of columns, every time anew.

    All blocks are `width` columns wide, `count` together; columns beyond n_parameters are zero.
    """

    made: Callable[[Array | int], Inexact[Array, "n width"]]
    count: int
    width: int
    n_parameters: int


class Factors(eqx.Module):
    """Log-derivatives d log psi(s) / d theta of a single dense layer: left_s (x) right_s, raveled in this order.

    left [n, features] real or complex; right [n, inputs]. Where left is complex, theta holds the real parts of all
    weights and then their imaginary parts: psi is a holomorphic function of them.
    """

    left: Inexact[Array, "n features"]
    right: Float[Array, "n inputs"]


def jacobian(derivatives: Inexact[Array, "n parameters"] | Factors | Blocks, weights: Float[Array, " n"]) -> Jacobian:
    """O of the samples, centred and weighted, in the form that fits the derivatives. Every form knows

    residual(energies) = e in its rows,  push(d) = O d,  pull(v) = O^T v,  kernel() = O O^T,  mean_square() = mean of
    the diagonal of O^T O: the scale of the metric, to which damping is relative.
    """
    if isinstance(derivatives, Factors):
        return _Outer.of(derivatives, weights)
    return _Blockwise(derivatives, weights) if isinstance(derivatives, Blocks) else _Dense.of(derivatives, weights)


def natural_direction(
    rows: Jacobian,
    energies: Inexact[Array, " n"],
    weights: Float[Array, " n"],
    *,
    shift: float | Float[Array, ""],
    last: Float[Array, " parameters"] | None = None,
) -> tuple[Float[Array, " parameters"], Float[Array, ""]]:
    """(delta, its length |O delta|): the step in parameters and how far it moves the state.

    Solved by Cholesky in the smaller of sample and parameter space, in the precision given: use float64.
    `weights` sum to one; `shift` is lambda, absolute (derivatives of log psi are of order one; 1e-4 to 1e-6 are good).
    last: mu times the last direction, towards which the damping pulls.
    """
    residual = rows.residual(jnp.sqrt(weights) * (energies - weights @ energies))
    if last is not None:
        residual = residual - rows.push(last)
    if isinstance(rows, _Dense) and rows.is_tall:
        delta = _solve(rows.metric(), rows.pull(residual), shift)
    else:
        delta = rows.pull(_solve(rows.kernel(), residual, shift))
    if last is not None:
        delta = delta + last
    return delta, length(rows, delta)


def length(rows: Jacobian, direction: Float[Array, " parameters"]) -> Float[Array, ""]:
    """|O d|: how far a step moves the state."""
    return jnp.linalg.norm(rows.push(direction))


class _Dense(eqx.Module):
    """The matrix O itself: centred, weighted, real and imaginary part one below the other."""

    rows: Float[Array, "rows parameters"]
    is_complex: bool = eqx.field(static=True)

    @classmethod
    def of(cls, derivatives: Inexact[Array, "n parameters"], weights: Float[Array, " n"]) -> _Dense:
        rows = jnp.sqrt(weights)[:, None] * (derivatives - weights @ derivatives)
        return cls(_parts(rows), jnp.iscomplexobj(rows))

    @property
    def is_tall(self) -> bool:
        return self.rows.shape[0] >= self.rows.shape[1]

    def residual(self, energies: Inexact[Array, " n"]) -> Float[Array, " rows"]:
        return _parts(energies if self.is_complex else energies.real)

    def push(self, direction: Float[Array, " parameters"]) -> Float[Array, " rows"]:
        return self.rows @ direction

    def pull(self, values: Float[Array, " rows"]) -> Float[Array, " parameters"]:
        return self.rows.T @ values

    def kernel(self) -> Float[Array, "rows rows"]:
        return _gram(self.rows)

    def mean_square(self) -> Float[Array, ""]:
        return jnp.sum(self.rows**2) / self.rows.shape[1]

    def metric(self) -> Float[Array, "parameters parameters"]:
        return _gram(self.rows.T)


class _Blockwise(eqx.Module):
    """`_Dense`, one block of columns at a time."""

    blocks: Blocks
    weights: Float[Array, " n"]

    def rows(self, k: Array | int) -> _Dense:
        return _Dense.of(self.blocks.made(k), self.weights)

    def residual(self, energies: Inexact[Array, " n"]) -> Float[Array, " rows"]:
        return jax.eval_shape(lambda: self.rows(0)).residual(energies)

    def push(self, direction: Float[Array, " parameters"]) -> Float[Array, " rows"]:
        width = self.blocks.width
        padded = jnp.pad(direction, (0, self.blocks.count * width - len(direction))).reshape(-1, width)
        return self._sum(lambda k: self.rows(k).push(padded[k]))

    def pull(self, values: Float[Array, " rows"]) -> Float[Array, " parameters"]:
        found = jax.lax.map(lambda k: self.rows(k).pull(values), jnp.arange(self.blocks.count))
        return found.ravel()[: self.blocks.n_parameters]

    def kernel(self) -> Float[Array, "rows rows"]:
        return self._sum(lambda k: self.rows(k).kernel())

    def mean_square(self) -> Float[Array, ""]:
        width, count = self.blocks.width, self.blocks.n_parameters
        return self._sum(lambda k: self.rows(k).mean_square()) * width / count

    def _sum(self, term: Callable[[Array | int], Array]) -> Array:
        return jax.lax.fori_loop(1, self.blocks.count, lambda k, total: total + term(k), term(0))


class _Outer(eqx.Module):
    """O of `Factors`, never written out: (a (x) x) . (a' (x) x') = (a . a') (x . x'), centred afterwards.

    Complex where psi is holomorphic: one row per sample, half the size of the real problem.
    """

    left: Inexact[Array, "n features"]
    right: Float[Array, "n inputs"]
    weights: Float[Array, " n"]

    @classmethod
    def of(cls, factors: Factors, weights: Float[Array, " n"]) -> _Outer | _Dense:
        """Written out after all where that is the smaller matrix."""
        left, right = factors.left, factors.right
        if left.shape[1] * right.shape[1] > len(left):
            return cls(left, right, weights)
        whole = (left[:, :, None] * right[:, None, :]).reshape(len(left), -1)
        return _Dense.of(jnp.concatenate([whole, 1j * whole], axis=1) if jnp.iscomplexobj(left) else whole, weights)

    def residual(self, energies: Inexact[Array, " n"]) -> Inexact[Array, " n"]:
        return energies if jnp.iscomplexobj(self.left) else energies.real

    def push(self, direction: Float[Array, " parameters"]) -> Inexact[Array, " n"]:
        shape = self.left.shape[1], self.right.shape[1]
        if jnp.iscomplexobj(self.left):
            direction = jax.lax.complex(*direction.reshape(2, -1))
        return self._centred(jnp.sum((self.left @ direction.reshape(shape)) * self.right, axis=1))

    def pull(self, values: Inexact[Array, " n"]) -> Float[Array, " parameters"]:
        spread = jnp.sqrt(self.weights) * values
        spread = spread - self.weights * spread.sum()
        return _parts((self.left.conj().T @ (spread[:, None] * self.right)).ravel())

    def kernel(self) -> Inexact[Array, "n n"]:
        a, b = self.left.real, self.left.imag
        inner = a @ a.T
        if jnp.iscomplexobj(self.left):  # by real products: XLA's complex ones are several times slower on CPUs
            cross = b @ a.T
            inner = jax.lax.complex(inner + b @ b.T, cross - cross.T)
        once = self._centred(inner * (self.right @ self.right.T))
        return self._centred(once.conj().T)

    def mean_square(self) -> Float[Array, ""]:
        squares = jnp.sum(jnp.abs(self.left) ** 2, axis=1) * jnp.sum(self.right**2, axis=1)
        mean = (self.weights[:, None] * self.left).T @ self.right
        return (self.weights @ squares - jnp.sum(jnp.abs(mean) ** 2)) / mean.size

    def _centred(self, rows: Inexact[Array, " n *k"]) -> Inexact[Array, " n *k"]:
        """sqrt(w) (row - mean of the rows)."""
        root = jnp.sqrt(self.weights).reshape(-1, *[1] * (rows.ndim - 1))
        return root * (rows - jnp.tensordot(self.weights, rows, 1))


Jacobian = _Dense | _Blockwise | _Outer


def _parts(x: Inexact[Array, " n *k"]) -> Float[Array, " rows *k"]:
    """Real and imaginary part one after the other; x where it is real."""
    return jnp.concatenate([x.real, x.imag]) if jnp.iscomplexobj(x) else x


def _gram(rows: Float[Array, "n m"]) -> Float[Array, "n n"]:
    """rows @ rows.T at five eighths of the arithmetic: blocks below the diagonal are transposes of those above."""
    size = -(-len(rows) // _BLOCKS)
    parts = [rows[i : i + size] for i in range(0, len(rows), size)]
    above = {(i, j): a @ b.T for i, a in enumerate(parts) for j, b in enumerate(parts) if i <= j}
    return jnp.block([[above[i, j] if i <= j else above[j, i].T for j in range(len(parts))] for i in range(len(parts))])


def _solve(matrix: Array, right: Array, shift: float | Array) -> Array:
    damped = matrix + shift * jnp.eye(len(matrix), dtype=matrix.dtype)
    return jax.scipy.linalg.solve(damped, right, assume_a="pos")
