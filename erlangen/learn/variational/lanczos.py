"""One Lanczos step on top of a wavefunction: a state of lower energy, from the same parameters.

    psi' = c_0 psi + c_1 (H - E) psi,       psi'(s) = psi(s) [ c_0 + c_1 (E_loc(s) - E) ],       E = <H>

The best c solve the generalised eigenproblem of H in the plane of psi and phi = (H - E) psi,

    | E    v        |         | 1  0 |
    | v    E_phi v  |  c = E' | 0  v |  c,          v = <(H - E)^2>,    E_phi = <phi|H|phi> / <phi|phi>

c_1 < 0 takes weight from configurations of high local energy. The energy stays an upper bound, and the symmetry that of
psi; an amplitude costs as much as a local energy of psi. Sorella 2001, doi:10.1103/PhysRevB.64.024512.
"""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Float, Inexact, PRNGKeyArray, Shaped

from ...numerics.precision import double
from ...physics.spins import Hamiltonian
from .evaluation import settled
from .problem import amplitudes, spin_problem
from .wavefunction import Wavefunction

_SAMPLES = 4096
"""Of psi, for c: an error of ten per cent in c costs one per cent of what the step gains."""


class LanczosStep(Wavefunction):
    """psi' above; coefficients (c_0, c_1), energy E."""

    psi: Wavefunction
    coefficients: Float[Array, " 2"]
    energy: Float[Array, ""]
    law: Hamiltonian = eqx.field(static=True)

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        """Local energies of psi are cheapest for many configurations at once: a batch is taken as one."""

        @jax.custom_batching.custom_vmap
        def one(spins: Array) -> Array:
            return self._log_psis(spins[None])[0]

        @one.def_vmap
        def many(size: int, is_batched: list[bool], spins: Array) -> tuple[Array, bool]:
            return self._log_psis(spins), True

        return one(jnp.asarray(spins))

    def _log_psis(self, samples: Shaped[Array, "n sites"]) -> Inexact[Array, " n"]:
        energies = spin_problem(self.law).local_energies(self.psi.log_psi, samples, ratios=self.psi.log_ratios)
        factor = self.coefficients[0] + self.coefficients[1] * (energies - self.energy)
        # a node is rounded to something small, of which there is a logarithm
        factor = jnp.where(factor == 0, 1e-300, factor)
        return amplitudes(self.psi.log_psi, samples) + jnp.log(factor.astype(complex))

    @property
    def bare(self) -> Wavefunction:
        """psi: what another fit may begin from."""
        return self.psi

    @property
    def guiding(self) -> Wavefunction:
        return self.psi.guiding

    @property
    def sectors(self) -> tuple[str, ...]:
        return self.psi.sectors

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return self.psi.invariance


def lanczos_step(psi: Wavefunction, law: Hamiltonian, *, samples: int = _SAMPLES, key: PRNGKeyArray) -> LanczosStep:
    """The best state in the plane of psi and H psi, as far as `samples` of psi tell."""
    problem = spin_problem(law)
    with double():
        configurations, energies, weights = settled(psi, problem, samples=samples, key=key)
        energy = float(jnp.real(weights @ energies))
        density = weights * jnp.abs(energies - energy) ** 2
        variance = float(density.sum())
        plain = LanczosStep(psi, jnp.array([1.0, 0.0]), jnp.asarray(energy), law)
        if variance <= (1e-12 * max(abs(energy), problem.magnitude)) ** 2:
            return plain
        residual = dataclasses.replace(plain, coefficients=jnp.array([0.0, 1.0]))
        moment = float(jnp.real(density @ _energies(residual, problem, configurations)))
        h = np.array([[energy, variance], [variance, moment]])
        _, vectors = scipy.linalg.eigh(h, np.diag([1.0, variance]))
        return dataclasses.replace(plain, coefficients=jnp.asarray(vectors[:, 0] / vectors[0, 0]))


@eqx.filter_jit
def _energies(psi: Wavefunction, problem, configurations: Array) -> Array:
    return problem.local_energies(psi.log_psi, configurations)
