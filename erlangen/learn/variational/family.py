"""One wavefunction for a family of laws: psi(s; g) fitted at several couplings g at once.

    E = 1/K sum_k E_k,      E_k = <psi(g_k)|H(g_k)|psi(g_k)> / <psi(g_k)|psi(g_k)>

Samples of all couplings stand side by side in one natural-gradient step, log-derivatives and local energies centred for
each coupling by itself: the metric is the mean of the metrics (Rende et al. 2025, arXiv:2502.09488). A configuration
carries the number of its coupling as a few more +1/-1 entries behind its spins, which no move touches.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Sequence
from typing import TypeVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, PRNGKeyArray, Shaped

from ...contract import Budget, Outputs, Session, StateFamily
from ...core.errors import Invalid
from ...core.systems import SpinLattice
from ...numerics.precision import double
from ...physics.spins import Hamiltonian
from .ground_state import Settings, minimise
from .problem import Problem, local_energies_of, spin_problem
from .wavefunction import Wavefunction


class Conditioned(StateFamily):
    """Amplitudes psi(s; g); its floating-point leaves are the parameters, all real."""

    @abc.abstractmethod
    def at(self, coupling: Float[Array, ""] | float) -> Wavefunction:
        """The state at one coupling, an ordinary wavefunction."""

    def __call__(self, x: SpinLattice) -> Outputs:
        with double():
            return {"log_psi": self.at(jnp.asarray(x["coupling"])).log_psi(x.spins)}


C = TypeVar("C", bound=Conditioned)


def minimise_family(
    psi: C,
    laws: Sequence[Hamiltonian],
    couplings: Sequence[float],
    settings: Settings,
    budget: Budget,
    *,
    key: PRNGKeyArray,
    session: Session = Session(),
) -> C:
    """`psi` with parameters of (nearly) lowest mean energy over laws[k] at couplings[k]; samples are shared evenly."""
    rows = _Rows(psi, tuple(map(float, couplings)))
    return cast(C, minimise(rows, family_problem(laws), settings, budget, key=key, session=session).inner)


def family_problem(laws: Sequence[Hamiltonian]) -> Problem:
    """All `laws` as one problem of configurations [spins, tag]; they act on the same sites and keep the same S_z."""
    first = spin_problem(laws[0])
    n_sites, tags = laws[0].n_sites, jnp.asarray(_tags(len(laws)))
    joint = _Joint(tuple(same_strings(laws)))

    def propose(rows: Array, key: PRNGKeyArray) -> Array:
        return jnp.concatenate([first.propose(rows[:, :n_sites], key), rows[:, n_sites:]], axis=1)

    def draw(n: int, key: PRNGKeyArray) -> Array:
        return jnp.concatenate([first.draw(n, key), tags[jnp.arange(n) % len(laws)]], axis=1)

    def states(invariance: tuple[np.ndarray | None, bool]) -> tuple[np.ndarray, np.ndarray]:
        spins, multiplicities = first.states(invariance)
        rows = [np.concatenate([spins, np.tile(tag, (len(spins), 1))], axis=1) for tag in np.asarray(tags)]
        return np.concatenate(rows), np.tile(multiplicities, len(laws))

    def members(rows: Array) -> Float[Array, "laws n"]:
        """1 where a row belongs to a law."""
        return jnp.asarray(jax.vmap(_number)(rows[:, n_sites:]) == jnp.arange(len(laws))[:, None], jnp.float64)

    def level(values: Array, rows: Array, weights: Array) -> Array:
        mine = members(rows)
        own = (mine * weights).astype(values.dtype)
        means = own @ values / own.sum(1).reshape(-1, *[1] * (values.ndim - 1))
        return values - mine.T.astype(values.dtype) @ (means - weights.astype(values.dtype) @ values)

    def weigh(logarithms: Array, rows: Array) -> Array:
        alone = jnp.where(members(rows) > 0, logarithms, -jnp.inf)
        return jax.nn.softmax(alone, axis=1).sum(0) / len(laws)

    energies = functools.partial(local_energies_of, joint)  # type: ignore[arg-type]
    return Problem(energies, propose, draw, first.size, states, level, weigh)


def same_strings(laws: Sequence[Hamiltonian]) -> list[Hamiltonian]:
    """The same laws, each a sum over the strings of all of them (some with coefficient 0)."""
    shapes = {(law.n_sites, law.n_up, law.sign_rule) for law in laws}
    if len(shapes) > 1:
        raise Invalid(
            must="the laws of a family have the same sites, the same S_z and the same sign rule",
            came=f"(sites, up spins, sign rule) of {sorted(shapes, key=repr)}",
            do="Narrow the range of couplings.",
        )
    strings = np.unique(np.concatenate([law.strings for law in laws]), axis=0)
    found = []
    for law in laws:
        given = {tuple(row): c for row, c in zip(law.strings.tolist(), law.coefficients)}
        coefficients = np.array([given.get(tuple(row), 0.0) for row in strings.tolist()])
        found.append(dataclasses.replace(law, strings=strings, coefficients=coefficients))
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class _Joint:
    """The law of rows [spins, tag]: the tag says which of `laws`, of equal strings, acts."""

    laws: tuple[Hamiltonian, ...]

    @property
    def n_states(self) -> int:
        return sum(law.n_states for law in self.laws)

    def connected(self, row: Int[Array, " sites_and_tag"]) -> tuple[Array, Inexact[Array, " moves"]]:
        spins, tag = row[: self.laws[0].n_sites], row[self.laws[0].n_sites :]
        configurations, _ = self.laws[0].connected(spins)
        elements = jnp.stack([law.connected(spins)[1] for law in self.laws])[_number(tag)]
        return jnp.concatenate([configurations, jnp.tile(tag, (len(configurations), 1))], axis=1), elements


class _Rows(Wavefunction):
    """psi(s; g) as an amplitude of rows [spins, tag]."""

    inner: Conditioned
    couplings: tuple[float, ...] = eqx.field(static=True)

    def log_psi(self, spins: Shaped[Array, " sites_and_tag"]) -> Inexact[Array, ""]:
        n_sites = spins.shape[0] - _bits(len(self.couplings))
        coupling = jnp.asarray(self.couplings)[_number(spins[n_sites:])]
        return self.inner.at(coupling).log_psi(spins[:n_sites])

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return self.inner.at(self.couplings[0]).invariance


def _bits(count: int) -> int:
    return (count - 1).bit_length()


def _tags(count: int) -> np.ndarray:
    """[count, bits] the numbers 0, 1, ... in binary, as +1/-1."""
    return (2 * (np.arange(count)[:, None] >> np.arange(_bits(count)) & 1) - 1).astype(np.int8)


def _number(tag: Int[Array, " bits"]) -> Int[Array, ""]:
    return jnp.sum((tag > 0) << jnp.arange(len(tag)))
