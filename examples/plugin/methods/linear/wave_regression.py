"""Least squares for one linear map per wave number.

    y_k = A_k x_k,     A_k = argmin sum_samples |y_k - A x_k|^2,     x_k, y_k: discrete Fourier transforms of all fields

A map that is diagonal in k commutes with every shift of the grid. Source: any text on circulant least squares, e.g.
Gray 2006, doi:10.1561/0100000006.
"""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from erlangen.contract import Evolution, Method, Predictor, Session, Signature
from erlangen.core.errors import Invalid
from erlangen.core.groups import Shifts
from erlangen.core.systems import Field


class WaveMap(Predictor):
    """matrices [waves, fields, fields]."""

    matrices: jax.Array
    names: tuple[str, ...] = eqx.field(static=True)

    def __call__(self, x):
        stacked = jnp.stack([jnp.fft.rfft(x[name]) for name in self.names], -1)
        out = jnp.fft.irfft(jnp.einsum("kij,kj->ki", self.matrices, stacked), len(x[self.names[0]]), axis=0)
        return {name: out[:, i] for i, name in enumerate(self.names)}


@dataclasses.dataclass(frozen=True)
class WaveRegression(Method):
    """Closed form; needs neither budget nor key."""

    ridge: float = 1e-6  # relative to the mean square of the inputs

    accepts = Signature(Evolution, Field)

    @property
    def symmetry(self):
        return (Shifts,)

    def check(self, task):
        super().check(task)
        names = [[q.name for q in group] for group in (task.inputs, task.outputs)]
        if names[0] != names[1]:
            raise Invalid(
                must="wave regression maps fields of one ring to the same fields a step later",
                came=f"inputs {names[0]}, outputs {names[1]}",
                do=f"See which methods fit: erlangen show {task.name()}",
            )

    def fit(self, task, budget, *, key, session=Session()):
        data = task.truth("train")
        names = tuple(q.name for q in task.outputs)
        x = np.stack([np.fft.rfft([s[n] for s in data.inputs]) for n in names], -1)
        y = np.stack([np.fft.rfft(np.stack(data.outputs[n])) for n in names], -1)
        gram = np.einsum("ski,skj->kij", x.conj(), x)
        gram += self.ridge * np.trace(gram, axis1=1, axis2=2).real.mean() * np.eye(len(names))
        matrices = np.linalg.solve(gram, np.einsum("ski,skj->kij", x.conj(), y)).transpose(0, 2, 1)
        return WaveMap(jnp.asarray(matrices, jnp.complex64), names)
