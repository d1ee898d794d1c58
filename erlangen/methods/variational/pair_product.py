"""Pairs of fermions projected on single occupation, times a Boltzmann machine; both keep the symmetry of the lattice.

    psi(s) = sum_{p in G/T} phi(p s) prod_{t in T} prod_{a=1}^{alpha} cosh( w_a . (t p s) )
    phi(s) = sign(s) det f_{i_a j_b},      i: sites with spin up,  j: with spin down,  f_ij = +-f of what T makes equal

The determinant is what is left of a BCS state when every site holds one fermion (Anderson's resonating valence bonds):
it has the signs of a frustrated magnet from the start. The machine corrects amplitudes, and through the sum over images
the signs. G is the space group, T its translations (f: those by `cell` cells). It starts from the mean field with
hopping to nearest neighbours and d-wave pairing. Laws without S_z = 0 or without a lattice have no pairs: there psi is
the machine alone.
Tahara and Imada 2008, doi:10.1143/JPSJ.77.114701; with a machine: Nomura et al. 2017, doi:10.1103/PhysRevB.96.205152;
on the J1-J2 model: Nomura and Imada 2021, doi:10.1103/PhysRevX.11.031034.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int, PRNGKeyArray, Shaped

from erlangen.contract import Budget, Session, Variational
from erlangen.learn.variational import Wavefunction
from erlangen.nn.determinant import inverse, log_determinant
from erlangen.physics import pairing
from erlangen.physics.lattices import Lattice
from erlangen.physics.spins import Hamiltonian

from ._ansatz import Ansatz
from ._projection import coset_representatives, exchanged, logs_of_images
from .rbm import RBM, RestrictedBoltzmann

_NODE = -600.0
"""Logarithm of the amplitude of configurations where the sum vanishes."""

_NOISE = 1e-8
"""Added to singular matrices that are to be inverted: as much as what rounding then costs."""

_START = 0.3
"""Spread of log psi of the machine at the start: the pairs are good already."""


@dataclasses.dataclass(frozen=True)
class PairProduct(Ansatz[Wavefunction]):
    alpha: int = 8  # features of the machine (each acts at all images under the lattice's translations)
    cell: int = 1  # f is periodic by so many cells in every direction
    samples: int = 2048  # per step
    rate: float | None = None  # natural-gradient step; None: by the number of sites
    shift: float = 1e-5  # final diagonal shift of the metric
    momentum: float = 0.95  # of the natural gradient (SPRING)
    sweeps: float = 0.5  # of proposals between steps
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    limits: ClassVar = {"alpha": (1, 1024), "cell": (1, 16), "sweeps": (0, 1024)}
    n_keys: ClassVar[int] = 2

    def fit(
        self, task: Variational, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> Wavefunction:
        law = task.law
        if law.n_up is None or 2 * law.n_up != law.n_sites or not isinstance(law.lattice, Lattice):
            session.say("no pairs: S_z = 0 is not conserved, or there is no lattice; the machine is fitted alone")
            shared = ("alpha", "samples", "rate", "shift", "momentum", "full_sum")
            alone = RBM(**{name: getattr(self, name) for name in shared})
            return alone.fit(task, budget, key=key, session=session)
        return super().fit(task, budget, key=key, session=session)

    def amplitude(self, law: Hamiltonian, first: PRNGKeyArray, second: PRNGKeyArray) -> Pairs:
        lattice = cast(Lattice, law.lattice)  # others have no pairs
        moves = pairing.translations(lattice, self.cell)
        spread = _START * (law.n_sites * self.alpha * len(moves)) ** -0.5
        weights = spread * jax.random.normal(first, (self.alpha, law.n_sites), jnp.float64)
        machine = RestrictedBoltzmann(weights, None, jnp.asarray(moves), False)
        return Pairs.of(lattice, machine, self.cell, sign_rule=law.sign_rule, key=second)


class Pairs(Wavefunction):
    """The amplitude above, as a sum over determinants: images p that change the machine alone have one determinant.

    theta [classes]: the values of f, those of a determinant at pair (i, j) being number and sign. images [determinants,
    members, sites]: p; parities [determinants]: what fermions get when they are moved by the first; sublattice
    [sites]: 1 where Marshall's rotation acts, else 0.
    """

    machine: RestrictedBoltzmann
    theta: Float[Array, " classes"]
    number: Int[Array, "sites sites determinants"]
    sign: Int[Array, "sites sites determinants"]
    images: Int[Array, "determinants members sites"]
    parities: Int[Array, " determinants"]
    sublattice: Int[Array, " sites"]
    group: Int[Array, "elements sites"]

    @classmethod
    def of(
        cls, lattice: Lattice, machine: RestrictedBoltzmann, cell: int, *, sign_rule: bool, key: PRNGKeyArray
    ) -> Pairs:
        """The mean field with a little noise, under the boundary condition that leaves it the larger gap."""
        fields = {kind: pairing.mean_field(lattice, antiperiodic=kind) for kind in (True, False)}
        antiperiodic = fields[True][1] >= fields[False][1]
        classes = pairing.signed_classes(lattice, antiperiodic=antiperiodic, cell=cell)
        theta = classes.values(fields[antiperiodic][0])
        theta = theta / np.abs(theta).mean() + 0.01 * jax.random.normal(key, theta.shape, jnp.float64)
        images = coset_representatives(lattice.space_group, pairing.translations(lattice, cell))
        images = pairing.alike(images, classes)
        parities = [pairing.parity(p) for p in images[:, 0]]
        # fermion i of p s is fermion p(i) of s
        back = np.argsort(images[:, 0], axis=1).T
        at = back[:, None], back[None, :]
        nowhere = np.zeros(lattice.n_sites, int)
        sublattice = nowhere if lattice.sublattice is None or not sign_rule else lattice.sublattice > 0
        tables = classes.number[at], classes.sign[at], images, np.array(parities), sublattice.astype(int)
        tables = *tables, lattice.space_group
        return cls(machine, theta, *map(jnp.asarray, tables))

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Complex[Array, ""]:
        is_up = jnp.asarray(spins) > 0
        signs, logs = self._terms(is_up)
        logs = logs + self._machines(spins)
        largest = jax.lax.stop_gradient(jnp.maximum(jnp.max(logs), _NODE))
        total = _off_nodes(jnp.sum(signs * jnp.exp(logs - largest)))
        # into the order of the sites: every up spin passes the down spins before it
        is_odd = jnp.sum(jnp.where(is_up, jnp.cumsum(~is_up), 0)) % 2 == 1
        log = jnp.log(jnp.abs(total)) + largest
        return jax.lax.complex(log, jnp.where((total < 0) ^ is_odd, jnp.pi, 0.0))

    def log_guide(self, spins: Shaped[Array, " sites"]) -> Float[Array, ""]:
        """The root of the sum of the squares of all terms."""
        _, logs = self._terms(jnp.asarray(spins) > 0)
        return 0.5 * jax.nn.logsumexp(2 * (jnp.maximum(logs, _NODE) + self._machines(spins)))

    def log_ratios(self, samples: Shaped[Array, "n sites"], law: Hamiltonian) -> Complex[Array, "n moves"] | None:
        """With B the inverse of A_ab = f_{i_a j_b}, moving spin up from i_a to j_b and spin down from j_b to i_a gives

            det A' / det A = (f_{j j'} B)_ba (B f_{i' i})_ba - B_ba (f_{j j'} B f_{i' i} - f_{j i})_ba

        for all pairs (a, b) at once; the exchange of the two fermions adds a minus sign, Marshall's rotation another
        one where i and j are on different sublattices.
        """
        first, last = exchanged(law)
        members, sites = self.images.shape[1:]
        found = None if first is None else logs_of_images(self.machine, samples, self.images.reshape(-1, sites), law)
        if first is None or found is None:
            return None
        before, after = (x.reshape(-1, members, *x.shape[1:]) for x in found)
        before, after = (jax.nn.logsumexp(x, axis=1) for x in (before, after))
        f, ends = self.theta[self.number] * self.sign, (jnp.asarray(first), jnp.asarray(last))

        def one(spins: Array, before: Array, after: Array) -> Array:
            is_up = spins > 0
            ratios, terms = self._exchanges(f, is_up, before)
            place = jnp.where(is_up, jnp.cumsum(is_up), jnp.cumsum(~is_up)) - 1
            is_first = is_up[first]
            i, j = jnp.where(is_first, *ends), jnp.where(is_first, *ends[::-1])
            moved = ratios[place[j], place[i]] * jnp.exp(after - before[:, None]).T
            return (moved @ terms) / _off_nodes(terms.sum())

        rotated = jnp.where(self.sublattice[first] == self.sublattice[last], 1.0, -1.0)
        return jnp.log((jax.vmap(one, (0, 1, 1))(samples, before, after) * rotated).astype(complex))

    def _exchanges(
        self,
        f: Float[Array, "sites sites determinants"],
        is_up: Bool[Array, " sites"],
        machines: Float[Array, " determinants"],
    ) -> tuple[Float[Array, "n n determinants"], Float[Array, " determinants"]]:
        """([down, up] ratios when two opposite spins change places, without the machine and Marshall's signs; terms of
        the sum, up to a common factor).
        """
        up, down = _places(is_up)
        a = f[up[:, None], down[None, :]]
        # a term that vanishes here may not do so after the move: with a little noise it has an inverse
        noise = np.random.default_rng(0).normal(size=(*a.shape[:2], 1))
        a = a + _NOISE * noise * (log_determinant(a)[0] == 0)
        signs, logs = log_determinant(a)
        logs = logs + machines
        terms = self._signs(is_up) * signs * jnp.exp(logs - jnp.maximum(jnp.max(logs), _NODE))
        b, among_down = inverse(a), f[down[:, None], down[None, :]]
        left = jnp.einsum("jbk,bak->jak", among_down, b)
        right = jnp.einsum("bck,cak->bak", b, f[up[:, None], up[None, :]])
        both = jnp.einsum("jck,cak->jak", among_down, right)
        return b * (both - f[down[:, None], up[None, :]]) - left * right, terms

    def _machines(self, spins: Shaped[Array, " sites"]) -> Float[Array, " determinants"]:
        """Logarithm of the machine, summed over the images of every determinant."""
        return jax.nn.logsumexp(jax.vmap(jax.vmap(self.machine.log_psi))(jnp.asarray(spins)[self.images]), axis=1)

    def _terms(
        self, is_up: Bool[Array, " sites"]
    ) -> tuple[Float[Array, " determinants"], Float[Array, " determinants"]]:
        """(signs, logarithms) of the determinants, all fermions with spin up before those with spin down."""
        signs, logs = log_determinant(between(self.theta, self.number, self.sign, *_places(is_up)))
        return self._signs(is_up) * signs, logs

    def _signs(self, is_up: Bool[Array, " sites"]) -> Float[Array, " determinants"]:
        """What reordered fermions and Marshall's rotation of p s give to every determinant."""
        turned = (self.sublattice * is_up[self.images[:, 0]]).sum(axis=1)
        return self.parities * jnp.where(turned % 2 == 1, -1.0, 1.0)

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return np.asarray(self.group), True


@jax.custom_vjp
def between(
    theta: Float[Array, " classes"],
    number: Int[Array, "sites sites images"],
    sign: Int[Array, "sites sites images"],
    up: Int[Array, " n"],
    down: Int[Array, " n"],
) -> Float[Array, "n n images"]:
    """f between the sites `up` and `down`; its derivative is added up by classes, not by sites."""
    return (theta[number] * sign)[up[:, None], down[None, :]]


def _between_forward(theta: Array, number: Array, sign: Array, up: Array, down: Array) -> tuple[Array, tuple]:
    return between(theta, number, sign, up, down), (theta, number, sign, up, down)


def _between_backward(saved: tuple[Array, ...], change: Array) -> tuple[Array, None, None, None, None]:
    theta, number, sign, up, down = saved
    at = up[:, None], down[None, :]
    return jnp.zeros_like(theta).at[number[at]].add(sign[at] * change), None, None, None, None


between.defvjp(_between_forward, _between_backward)


def _places(is_up: Bool[Array, " sites"]) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
    """Sites with spin up and sites with spin down, as many of both."""
    (up,), (down,) = (jnp.nonzero(which, size=len(is_up) // 2) for which in (is_up, ~is_up))
    return up, down


def _off_nodes(total: Float[Array, ""]) -> Float[Array, ""]:
    return jnp.where(total == 0, jnp.exp(_NODE), total)
