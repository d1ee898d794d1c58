"""Fourier pseudo-spectral calculus on periodic boxes in one, two or three dimensions.

A field of one sample is a real array ``u[x]``, ``u[x, y]`` or ``u[x, y, z]`` on points x_j = j L / n (the right end
is left out). Its coefficients are ``u_hat = rfftn(u)``: unnormalised forward transform, last axis halved to n // 2 + 1.
Arrays that depend on the grid alone (wavenumbers, masks) are NumPy float64; they take the dtype of the field when
they meet it. Source: Canuto, Hussaini, Quarteroni, Zang, Spectral Methods, Springer 2006,
doi:10.1007/978-3-540-30726-6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from erlangen.core.arrays import AnyArray, Coefficient
from erlangen.core.errors import Invalid, unknown

Dealiasing = Literal["none", "two-thirds", "three-halves", "smooth"]
TAU = 2 * math.pi


def grid(shape: Sequence[int], *, length: float = TAU) -> tuple[np.ndarray, ...]:
    """Coordinates x_j = j L / n of the points, one array per axis, shaped to broadcast against a field."""
    axes = [np.arange(n) * (length / n) for n in shape]
    return tuple(np.meshgrid(*axes, indexing="ij", sparse=True))


def wavenumbers(shape: Sequence[int], *, length: float = TAU) -> tuple[np.ndarray, ...]:
    """Angular wavenumbers k = 2 pi m / L of ``rfftn`` coefficients, one array per axis, shaped to broadcast.

    The Nyquist wavenumber of an even grid has no sign; it is set to zero here, so that odd derivatives of a real
    field stay real and a reflection of the field is a reflection of its derivative.
    """
    modes = [np.fft.fftfreq(n, 1 / n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1], 1 / shape[-1])]
    modes = [np.where(2 * np.abs(m) == n, 0.0, m) for m, n in zip(modes, shape, strict=True)]
    return tuple(np.meshgrid(*(m * TAU / length for m in modes), indexing="ij", sparse=True))


def squared_wavenumber(shape: Sequence[int], *, length: float = TAU) -> np.ndarray:
    """|k|^2 of every ``rfftn`` coefficient, Nyquist included (minus the symbol of the Laplacian)."""
    modes = [np.fft.fftfreq(n, 1 / n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1], 1 / shape[-1])]
    sparse = np.meshgrid(*(m * TAU / length for m in modes), indexing="ij", sparse=True)
    return sum((k**2 for k in sparse), start=np.zeros(()))


def dealiasing_mask(shape: Sequence[int], rule: Dealiasing) -> Float[np.ndarray, "*modes"]:
    """Factor in [0, 1] on every ``rfftn`` coefficient that keeps products of two fields free of aliasing errors.

    ``none``        all modes; products alias. For linear problems, and to see what aliasing does.
    ``two-thirds``  modes with |m| < n / 3 on every axis; quadratic products are exact (Galerkin truncation), so that
                    every continuous shift and all quadratic invariants survive (Orszag 1971,
                    doi:10.1175/1520-0469(1971)028<1074:OTEOAI>2.0.CO;2).
    ``three-halves`` all modes but Nyquist, products are taken on 3 n / 2 points: the same Galerkin truncation as that
                    of ``two-thirds`` on these points, the field itself on n (products of one dimension only).
    ``smooth``      exp(-36 (2 |m| / n)^36) per axis; keeps about 5/6 of the modes, damps the rest: sharper near
                    shocks, not exactly alias-free (Hou and Li 2007, doi:10.1016/j.jcp.2007.04.014).
    """
    if rule not in get_args(Dealiasing):
        raise unknown("de-aliasing rule", str(rule), get_args(Dealiasing))
    rates = [np.abs(np.fft.fftfreq(n)) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]  # |m| / n per axis
    factor = {
        "none": np.ones_like,
        "two-thirds": lambda m: (m < 1 / 3).astype(float),
        "three-halves": lambda m: (m < 1 / 2).astype(float),
        "smooth": lambda m: np.exp(-36.0 * (2 * m) ** 36),
    }[rule]
    mask = np.ones(())
    for axis_factor in np.meshgrid(*(factor(m) for m in rates), indexing="ij", sparse=True):
        mask = mask * axis_factor
    return mask


def transform(u: Float[Array, "..."]) -> Complex[Array, "..."]:
    """Coefficients u_hat of a real field over all its axes."""
    return jnp.fft.rfftn(u)


def inverse(u_hat: Complex[Array, "..."], shape: Sequence[int]) -> Float[Array, "..."]:
    """Real field on ``shape`` points from its coefficients (``shape`` is needed: n // 2 + 1 does not tell n)."""
    return jnp.fft.irfftn(u_hat, s=tuple(shape), axes=tuple(range(-len(shape), 0)))


def derivative(u: Float[Array, "..."], *, axis: int = 0, order: int = 1, length: float = TAU) -> Float[Array, "..."]:
    """d^order u / dx_axis^order, exact for a field whose modes lie below the Nyquist wavenumber."""
    k = (1j * wavenumbers(u.shape, length=length)[axis]) ** order
    u_hat = transform(u)
    return inverse(u_hat * k.astype(u_hat.dtype), u.shape)


def translate(
    u: Float[Array, "..."], displacement: Sequence[Coefficient], *, length: float = TAU
) -> Float[Array, "..."]:
    """u(x - displacement) for any real displacement; a whole number of grid points is ``jnp.roll`` to round-off."""
    u_hat = transform(u)
    for axis, (n, d) in enumerate(zip(u.shape, displacement, strict=True)):
        modes = np.fft.fftfreq(n, 1 / n) if axis < u.ndim - 1 else np.fft.rfftfreq(n, 1 / n)
        factor = shift_factor(modes, n, jnp.asarray(d, u.dtype), length=length)
        u_hat = u_hat * factor.reshape([-1 if a == axis else 1 for a in range(u.ndim)])
    return inverse(u_hat, u.shape)


def shift_factor(
    modes: Float[np.ndarray, " modes"], n: int, displacement: Float[Array, "..."], *, length: float = TAU
) -> Complex[Array, "... modes"]:
    """e^{-i k d} of every mode of an axis with n points; cos k d for the Nyquist mode, which has no partner."""
    phase = jnp.asarray(modes * (TAU / length), displacement.dtype) * displacement
    nyquist = 2 * np.abs(modes) == n
    return jax.lax.complex(jnp.cos(phase), jnp.where(nyquist, 0, -jnp.sin(phase)))


def resample(u: Float[AnyArray, "..."], shape: Sequence[int]) -> Float[Array, "..."]:
    """The same trigonometric polynomial on another grid: zero-padded when finer, low-passed when coarser.

    To look at a fine solution only at the points of a coarse grid (aliasing included) use `sample` instead.
    The unpaired Nyquist mode of the coarser grid is dropped, so that resampling commutes with reflections and shifts.
    """
    if len(shape) != u.ndim:
        raise Invalid(
            must="resampling keeps the number of axes", came=f"{u.ndim} -> {len(shape)}", do="Give one size per axis."
        )
    return inverse(resize(transform(jnp.asarray(u)), u.shape, shape), shape)


def sample(u: Float[Array, "..."], shape: Sequence[int]) -> Float[Array, "..."]:
    """The same trigonometric polynomial at the points of another grid: modes which that cannot hold fold into others.

    What a coarse grid sees of a fine solution, whether or not its points are among the fine ones.
    """
    strides = [math.ceil(old / new) for old, new in zip(u.shape, shape, strict=True)]
    finer = tuple(stride * n for stride, n in zip(strides, shape))
    u = u if finer == u.shape else resample(u, finer)
    return u[tuple(slice(None, None, stride) for stride in strides)]


def resize(u_hat: Complex[Array, "..."], old: Sequence[int], new: Sequence[int]) -> Complex[Array, "..."]:
    """Coefficients on `new` points from those on `old`: what `resample` does, without leaving Fourier space.

    The grid has the last axes; axes before them are components, or samples.
    """
    scale, ends = math.prod(new) / math.prod(old), u_hat.ndim - len(old)
    for axis, (before, after) in enumerate(zip(old, new, strict=True)):
        u_hat = _resize_axis(u_hat, ends + axis, before, after, halved=axis == len(old) - 1)
    return u_hat * scale


def _resize_axis(u_hat: Array, axis: int, old: int, new: int, *, halved: bool) -> Array:
    if old == new:
        return u_hat
    kept = (min(old, new) - 1) // 2  # highest mode present with both signs on both grids
    low = jnp.take(u_hat, np.arange(kept + 1), axis=axis)
    size = list(u_hat.shape)
    if halved:
        size[axis] = new // 2 - kept
        return jnp.concatenate([low, jnp.zeros(size, u_hat.dtype)], axis=axis)
    high = jnp.take(u_hat, np.arange(old - kept, old), axis=axis)
    size[axis] = new - 2 * kept - 1
    return jnp.concatenate([low, jnp.zeros(size, u_hat.dtype), high], axis=axis)


def energy_spectrum(u: Float[Array, "..."]) -> Float[Array, " shells"]:
    """E(m) = 1/2 sum |u_m|^2 over the shell round(|mode|) = m, so that sum_m E(m) = mean(u^2) / 2 (Parseval)."""
    u_hat = transform(u) / u.size
    modes = np.sqrt(squared_wavenumber(u.shape))
    shell = np.broadcast_to(np.rint(modes).astype(int), u_hat.shape)
    pairs = np.full(u_hat.shape[-1], 2.0)  # coefficients of the halved axis stand for two, except modes 0 and Nyquist
    pairs[0] = 1.0
    if u.shape[-1] % 2 == 0:
        pairs[-1] = 1.0
    weight = jnp.asarray(pairs, u.dtype)
    return 0.5 * jnp.bincount(
        jnp.asarray(shell).ravel(), (weight * jnp.abs(u_hat) ** 2).ravel(), length=int(shell.max()) + 1
    )
