"""Elliptic problems on the unit square: Darcy flow between walls, Poisson's equation between walls and on the torus.

    -div(a grad u) = f,    u = 0 on the walls,    nodes x_j = j h, walls included, h = 1 / (n - 1)

Five-point finite volumes: the flux through the face between two nodes is a_face (u_i - u_j) / h, so that the scheme is
symmetric, conserves flux exactly, and obeys the discrete maximum principle at any a > 0. Source: LeVeque, Finite
Difference Methods, SIAM 2007, doi:10.1137/1.9780898717839.

The solver is conjugate gradients with the inverse Laplacian by fast sine transforms as preconditioner (Concus and Golub
1973, doi:10.1137/0710092). Iterations do not grow with the grid, only as the root of the contrast max a / min a: the
error falls by (sqrt C - 1) / (sqrt C + 1) in each, 1/3 for C = 4. `solve_directly` is the plain twin, sparse LU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import jax.numpy as jnp
import numpy as np
from jax.scipy.sparse.linalg import cg
from jaxtyping import Array, Float

from erlangen.core.arrays import AnyArray
from erlangen.core.errors import Invalid, unknown
from erlangen.numerics import spectral
from erlangen.numerics.sine_cosine import sine_transform_2d
from erlangen.numerics.steps import is_traced

Faces = Literal["arithmetic", "harmonic"]
Symbol = Literal["five-point", "spectral"]


def conductances(
    a: Float[AnyArray, "x y"], *, faces: Faces = "arithmetic"
) -> tuple[Float[AnyArray, "x-1 y-2"], Float[AnyArray, "x-2 y-1"]]:
    """a_face / h^2 of the faces across x [x - 1, y - 2] and across y [x - 2, y - 1] around interior nodes; a [x, y].

    ``arithmetic``  (a_i + a_j) / 2: the mean of a smooth coefficient, and the convention of published data sets.
    ``harmonic``    2 a_i a_j / (a_i + a_j): exact for the flux through a layered medium whose layers end at the face
                    (Patankar, Numerical Heat Transfer, 1980, ISBN 0-89116-522-3).
    """
    if faces not in get_args(Faces):
        raise unknown("face coefficient", str(faces), get_args(Faces))

    def mean(p: Any, q: Any) -> Any:
        return 0.5 * (p + q) if faces == "arithmetic" else 2 * p * q / (p + q)

    nx, ny = a.shape
    across_x, across_y = mean(a[1:, 1:-1], a[:-1, 1:-1]), mean(a[1:-1, 1:], a[1:-1, :-1])
    return (nx - 1) ** 2 * across_x, (ny - 1) ** 2 * across_y


def diffusion(
    u: Float[Array, "x y"], a: Float[Array, "x y"], *, faces: Faces = "arithmetic"
) -> Float[AnyArray, "x-2 y-2"]:
    """-div(a grad u) at the interior nodes [x - 2, y - 2]; u and a include the walls."""
    return _outflow(u, *conductances(a, faces=faces))


def _outflow(u: Array, across_x: AnyArray, across_y: AnyArray) -> Float[AnyArray, "x-2 y-2"]:
    flux_x = across_x * (u[1:, 1:-1] - u[:-1, 1:-1])
    flux_y = across_y * (u[1:-1, 1:] - u[1:-1, :-1])
    return flux_x[:-1] - flux_x[1:] + flux_y[:, :-1] - flux_y[:, 1:]


def darcy(
    a: Float[Array, "x y"], f: float | Float[Array, "x y"], *, faces: Faces = "arithmetic", tolerance: float = 1e-10
) -> Float[Array, "x y"]:
    """u with -div(a grad u) = f and u = 0 on the walls, to a residual of `tolerance` |f|, in the dtype of a.

    f: a number or values on the nodes (those on walls do not count). Derivatives with respect to a and f are those of
    the solution, by one more solve, not of the iterations. The preconditioner works in single precision: its rounding
    slows the iterations and does not limit their result.
    """
    a, interior = jnp.asarray(a), (slice(1, -1), slice(1, -1))
    _check(a, f)
    across = conductances(a, faces=faces)
    source = jnp.broadcast_to(jnp.asarray(f, a.dtype), a.shape)[interior]
    inverse = jnp.asarray(1 / wall_laplacian(a.shape).T, jnp.float32)

    def operator(u: Array) -> AnyArray:
        return _outflow(jnp.pad(u, 1), *across)

    def precondition(r: Array) -> Array:
        return sine_transform_2d(inverse * sine_transform_2d(r.astype(jnp.float32))).astype(r.dtype)

    tolerance = max(tolerance, 4 * float(jnp.finfo(a.dtype).eps))
    u, _ = cg(operator, source, tol=tolerance, M=precondition, maxiter=10_000)
    return jnp.pad(u, 1)


def solve_directly(
    a: Float[np.ndarray, "x y"], f: float | Float[np.ndarray, "x y"], *, faces: Faces = "arithmetic"
) -> Float[np.ndarray, "x y"]:
    """The same by a sparse LU factorisation (SuperLU, minimum degree) in float64: for any contrast, not
    differentiable.
    """
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import spsolve

    a = np.asarray(a, np.float64)
    _check(a, f)
    x, y = (np.asarray(c, np.float64) for c in conductances(a, faces=faces))
    nx, ny = a.shape[0] - 2, a.shape[1] - 2
    node = np.arange(nx * ny).reshape(nx, ny)
    diagonal = x[1:] + x[:-1] + y[:, 1:] + y[:, :-1]
    one = np.concatenate([node[1:].ravel(), node[:, 1:].ravel()])
    other = np.concatenate([node[:-1].ravel(), node[:, :-1].ravel()])
    bond = -np.concatenate([x[1:-1].ravel(), y[:, 1:-1].ravel()])
    rows, columns = (np.concatenate([node.ravel(), *pair]) for pair in ((one, other), (other, one)))
    matrix = csc_matrix((np.concatenate([diagonal.ravel(), bond, bond]), (rows, columns)), shape=(nx * ny, nx * ny))
    source = np.broadcast_to(np.asarray(f, np.float64), a.shape)[1:-1, 1:-1]
    u = np.asarray(spsolve(matrix, source.ravel(), permc_spec="MMD_AT_PLUS_A"))
    return np.pad(u.reshape(nx, ny), 1)


def wall_laplacian(shape: Sequence[int], symbol: Symbol = "five-point") -> Float[np.ndarray, "x-2 y-2"]:
    """Eigenvalues [x - 2, y - 2] of -Lap on sin(pi k x) sin(pi l y): 4 sin^2(pi k h / 2) / h^2 + ..., or pi^2 k^2 +
    ... where `spectral`.
    """
    if symbol not in get_args(Symbol):
        raise unknown("symbol of the Laplacian", str(symbol), get_args(Symbol))
    axes = []
    for n in shape:
        k = np.arange(1, n - 1)
        axes.append((np.pi * k) ** 2 if symbol == "spectral" else (2 * (n - 1) * np.sin(np.pi * k / 2 / (n - 1))) ** 2)
    return axes[0][:, None] + axes[1]


def poisson(f: Float[Array, "x y"], *, symbol: Symbol = "five-point") -> Float[Array, "x y"]:
    """u with -Lap u = f and u = 0 on the walls, by sine transforms: exact for the five-point scheme, or spectral.

    ``spectral`` converges faster than any power only for f that vanishes on the walls with its even derivatives.
    """
    f = jnp.asarray(f)
    _check(f, f, positive=False)
    eigenvalues = jnp.asarray(wall_laplacian(f.shape, symbol).T, f.dtype)
    return jnp.pad(sine_transform_2d(sine_transform_2d(f[1:-1, 1:-1]) / eigenvalues), 1)


def poisson_on_torus(
    f: Float[Array, "..."], *, symbol: Symbol = "spectral", length: float = spectral.TAU
) -> Float[Array, "..."]:
    """u with -Lap u = f - mean f and mean u = 0 on a periodic box (points x_j = j L / n), one to three dimensions."""
    if symbol not in get_args(Symbol):
        raise unknown("symbol of the Laplacian", str(symbol), get_args(Symbol))
    k2 = spectral.squared_wavenumber(f.shape, length=length)
    if symbol == "five-point":
        modes = [np.fft.fftfreq(n) for n in f.shape[:-1]] + [np.fft.rfftfreq(f.shape[-1])]
        axes = [(2 * n / length * np.sin(np.pi * m)) ** 2 for n, m in zip(f.shape, modes)]
        k2 = sum(np.meshgrid(*axes, indexing="ij", sparse=True), start=np.zeros(()))
    inverse = np.divide(1.0, k2, out=np.zeros_like(k2), where=k2 > 0)
    return spectral.inverse(spectral.transform(f) * jnp.asarray(inverse, f.dtype), f.shape)


def _check(a: AnyArray, f: float | AnyArray, *, positive: bool = True) -> None:
    if np.ndim(a) != 2 or min(np.shape(a)) < 3:
        came = f"shape {np.shape(a)}"
        raise Invalid(must="fields are [x, y] on nodes that include the walls, at least 3 x 3", came=came, do="Pad it.")
    if np.ndim(f) and np.shape(f) != np.shape(a):
        came = f"{np.shape(f)} and {np.shape(a)}"
        raise Invalid(must="source and coefficient share their nodes", came=came, do="Give a number or a field.")
    if positive and not is_traced(a) and not np.all(np.asarray(a) > 0):
        came = f"{float(np.min(np.asarray(a))):g} as its least value"
        raise Invalid(must="the coefficient is positive everywhere", came=came, do="Take exp of it, or threshold it.")
