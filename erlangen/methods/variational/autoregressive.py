"""Autoregressive network: a product of conditional probabilities, of which samples are drawn one site after the other.

    psi(s) = prod_i sqrt( p(s_i | s_1 ... s_{i-1}) ) e^{i phi_i},         p(s_i = 1 | s_<i) = sigmoid( u_i . h_i + c_i )
    h_i = tanh( b_i + sum_{j<i} w_ij s_j ),      then   h_i <- h_i + tanh( b_i + sum_{j<=i} W_ij h_j )   in every layer

Exact, independent samples without a Markov chain: Sharir et al. 2020, doi:10.1103/PhysRevLett.124.020503; Hibat-Allah
et al. 2020, doi:10.1103/PhysRevResearch.2.023358; masked dense layers: Germain et al. 2015, arXiv:1502.03509. S_z is
conserved by forbidding what could not be completed. An order of sites breaks the symmetry of the lattice; `symmetrise`
averages |psi|^2 (and the phase) over it,

    |psi(s)|^2 = 1/|G| sum_g p(g s),        drawn as  g^-1 s,  s from p, g at random,

at |G| times the cost. Real where the ground state is known to be positive: then there is no phase.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int, PRNGKeyArray, Shaped

from erlangen.core.groups import Group
from erlangen.learn import variational
from erlangen.physics.spins import Hamiltonian

from ._ansatz import Ansatz


@dataclasses.dataclass(frozen=True)
class Autoregressive(Ansatz["Conditionals | Averaged"]):
    channels: int = 8  # features h per site
    layers: int = 2  # dense layers, the first included
    symmetrise: bool = False  # average |psi|^2 over the space group and the spin flip
    samples: int = 1024  # per step
    rate: float = 0.1  # natural-gradient step
    shift: float = 1e-5  # final diagonal shift of the metric
    momentum: float = 0.0  # of the natural gradient (SPRING)
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    limits: ClassVar = {"channels": (1, 1024), "layers": (1, 64)}

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return super().symmetry if self.symmetrise else ()

    def amplitude(self, law: Hamiltonian, key: PRNGKeyArray) -> Conditionals | Averaged:
        psi = Conditionals.random(
            law.n_sites, self.channels, self.layers, law.n_up, has_phase=not law.is_stoquastic, key=key
        )
        return Averaged(psi, jnp.asarray(law.lattice.space_group), law.is_flip_symmetric) if self.symmetrise else psi


class Conditionals(variational.Autoregressive):
    """The amplitude above, sites in the order of the lattice. n_up: of the conserved magnetisation, or None.

    first [sites, channels, sites] and dense, one [sites, channels, sites, channels] per further layer, are masked when
    they are used. odds [sites, channels] is u, levels [sites] is c; phases [2, sites, channels] for s_i = -1 and 1.
    """

    first: Float[Array, "sites channels sites"]
    dense: list[Float[Array, "sites channels sites channels"]]
    biases: Float[Array, "layers sites channels"]
    odds: Float[Array, "sites channels"]
    levels: Float[Array, " sites"]
    phases: Float[Array, "2 sites channels"] | None
    n_up: int | None = eqx.field(static=True)

    @classmethod
    def random(
        cls, n_sites: int, channels: int, layers: int, n_up: int | None, *, has_phase: bool, key: PRNGKeyArray
    ) -> Conditionals:
        """Conditionals near one half, phases near 0."""
        keys = jax.random.split(key, layers + 3)

        def normal(k: PRNGKeyArray, spread: float, *shape: int) -> Array:
            return spread * jax.random.normal(k, shape, jnp.float64)

        site = (n_sites, channels)
        first = normal(keys[0], n_sites**-0.5, *site, n_sites)
        dense = [normal(k, (n_sites * channels) ** -0.5, *site, *site) for k in keys[1:layers]]
        odds = normal(keys[-1], 0.1 * channels**-0.5, *site)
        phases = normal(keys[-2], 0.1 * channels**-0.5, 2, *site) if has_phase else None
        biases = normal(keys[-3], 0.1, layers, *site)
        return cls(first, dense, biases, odds, jnp.zeros(n_sites, jnp.float64), phases, n_up)

    def features(self, spins: Shaped[Array, " sites"]) -> Float[Array, "sites channels"]:
        """h of every site: depends on the spins before it alone."""
        n_sites = len(self.levels)
        spins = jnp.asarray(spins, self.levels.dtype)
        before = np.tril(np.ones((n_sites, n_sites)), -1)
        h = jnp.tanh(self.biases[0] + jnp.einsum("iaj,ij,j->ia", self.first, before, spins))
        for bias, weights in zip(self.biases[1:], self.dense):
            masked = weights * np.tril(np.ones((n_sites, n_sites)))[:, None, :, None]
            h = h + jnp.tanh(bias + (masked.reshape(h.size, h.size) @ h.ravel()).reshape(h.shape))
        return h

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        return joined(*self.parts(spins))

    def parts(self, spins: Shaped[Array, " sites"]) -> tuple[Float[Array, ""], Float[Array, ""] | None]:
        """log |psi|^2 and the phase, where there is one."""
        h, is_up = self.features(spins), jnp.asarray(spins) > 0
        must_up, must_down = self._forced(spins)
        signed = jnp.asarray(spins, h.dtype) * self._logits(h)
        log_probability = jnp.sum(jnp.where(must_up | must_down, 0.0, jax.nn.log_sigmoid(signed)))
        if self.phases is None:
            return log_probability, None
        down, up = jnp.einsum("kia,ia->ki", self.phases, h)
        return log_probability, jnp.sum(jnp.where(is_up, up, down))

    def draw(self, key: PRNGKeyArray) -> Shaped[Array, " sites"]:
        """An independent sample of |psi|^2, site after site."""
        n_sites = len(self.levels)
        uniform = jax.random.uniform(key, (n_sites,), self.levels.dtype)

        def one(i: Array, spins: Array) -> Array:
            logit = self._logits(self.features(spins))[i]
            must_up, must_down = (rule[i] for rule in self._forced(spins))
            up = must_up | (~must_down & (uniform[i] < jax.nn.sigmoid(logit)))
            return spins.at[i].set(jnp.where(up, 1, -1).astype(spins.dtype))

        return jax.lax.fori_loop(0, n_sites, one, jnp.zeros(n_sites, jnp.int8))

    def _logits(self, h: Float[Array, "sites channels"]) -> Float[Array, " sites"]:
        return jnp.sum(self.odds * h, axis=1) + self.levels

    def _forced(self, spins: Shaped[Array, " sites"]) -> tuple[Bool[Array, " sites"], Bool[Array, " sites"]]:
        """Where a spin has to be up, and where down, because of those before it."""
        n_sites = len(self.levels)
        if self.n_up is None:
            return jnp.zeros(n_sites, bool), jnp.zeros(n_sites, bool)
        ups = jnp.cumsum(jnp.asarray(spins) > 0) - (jnp.asarray(spins) > 0)
        missing, places = self.n_up - ups, n_sites - jnp.arange(n_sites)
        return missing >= places, missing <= 0


class Averaged(variational.Autoregressive):
    """The root of the mean of |psi|^2 over `permutations` (a group), with both signs where `flip`; the mean phase."""

    inner: Conditionals
    permutations: Int[Array, "elements sites"]
    flip: bool = eqx.field(static=True)

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        moved = jnp.asarray(spins)[self.permutations]
        if self.flip:
            moved = jnp.concatenate([moved, -moved])
        logarithms, phases = jax.vmap(self.inner.parts)(moved)
        mean = jax.nn.logsumexp(logarithms) - math.log(len(moved))
        return joined(mean, None if phases is None else phases.mean())

    def draw(self, key: PRNGKeyArray) -> Shaped[Array, " sites"]:
        """A sample of the average: one of the inner state, moved by an element at random."""
        first, which, sign = jax.random.split(key, 3)
        spins = self.inner.draw(first)
        # a group holds the inverse of every element: any of them at random will do
        spins = spins[self.permutations[jax.random.randint(which, (), 0, len(self.permutations))]]
        return jnp.where(jax.random.bernoulli(sign), -spins, spins) if self.flip else spins

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return np.asarray(self.permutations), self.flip


def joined(log_probability: Float[Array, ""], phase: Float[Array, ""] | None) -> Inexact[Array, ""]:
    """log psi, real where there is no phase."""
    return log_probability / 2 if phase is None else jax.lax.complex(log_probability / 2, phase)
