"""All amplitudes of a small system, computed once: sampling then costs a look into a table, however costly psi is."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, Shaped

from ...numerics.precision import double
from .problem import Problem, amplitudes
from .wavefunction import Autoregressive, Wavefunction


class Tabulated(Wavefunction):
    """psi by number of the configuration: codes [states] ascending, logarithms of psi and of its guide [states]."""

    codes: Int[Array, " states"]
    logs: Inexact[Array, " states"]
    guides: Float[Array, " states"]

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        return self.logs[self._place(spins)]

    def log_guide(self, spins: Shaped[Array, " sites"]) -> Float[Array, ""]:
        return self.guides[self._place(spins)]

    def _place(self, spins: Shaped[Array, " sites"]) -> Int[Array, ""]:
        return jnp.searchsorted(self.codes, code(jnp.asarray(spins)))


def tabulated(psi: Wavefunction, problem: Problem) -> Wavefunction:
    """`psi` as a table of all states of `problem`; as it is where it can be drawn from without walkers."""
    if isinstance(psi, Autoregressive):
        return psi
    with double():
        configurations = jnp.asarray(problem.states((None, False))[0])
        codes = code(configurations)
        order = jnp.argsort(codes)
        logs, guides = _all(psi, configurations[order])
        return Tabulated(codes[order], logs, guides)


def code(spins: Shaped[Array, "*n sites"]) -> Int[Array, "*n"]:
    """The configuration as a binary number."""
    return (spins > 0) @ (1 << np.arange(spins.shape[-1]))


@eqx.filter_jit
def _all(psi: Wavefunction, configurations: Array) -> tuple[Array, Array]:
    return amplitudes(psi.log_psi, configurations), amplitudes(psi.guiding.log_guide, configurations)
