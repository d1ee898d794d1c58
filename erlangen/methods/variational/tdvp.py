"""Time-dependent variational principle: the parameters of a state follow its Schroedinger equation.

    min_theta' || sum_k theta'_k O_k + i (H - <H>) psi ||       (`learn.variational.dynamics`)

The state on a ring is a matrix product, the same matrices on every site, which translations leave as it is:

    psi(s) = Tr A(s_1) A(s_2) ... A(s_N),      A(s) = [ E_0  s B ; s B^T  E_1 ],      E_p symmetric,  `bond` rows

Symmetric matrices keep reflections, blocks of two parities the spin flip. On other lattices, or with state = "rbm", it
is a restricted Boltzmann machine summed over the space group. It starts from the ground state of the first law: a
product state, or one fitted in the first part of the budget.
TDVP: McLachlan 1964, doi:10.1080/00268976400100041; matrix products: Haegeman et al. 2011,
doi:10.1103/PhysRevLett.107.070601; networks: Carleo and Troyer 2017, doi:10.1126/science.aag2302; Schmitt and Heyl
2020, doi:10.1103/PhysRevLett.125.100503.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int, PRNGKeyArray, Shaped

from erlangen.contract import Budget, Method, Quench, Session, Signature, Variational
from erlangen.core.errors import Invalid, within
from erlangen.core.groups import Group, SiteSymmetry, SpinFlip
from erlangen.core.systems import SpinLattice
from erlangen.learn.variational import Pace, Settings, Trajectory, Wavefunction, evolve, minimise, spin_problem
from erlangen.numerics.precision import double
from erlangen.physics.spins import Hamiltonian

from .rbm import RestrictedBoltzmann

_FIT = 0.3
"""Part of the budget for the ground state before the quench, where that is not a product state."""


@dataclasses.dataclass(frozen=True)
class TDVP(Method):
    state: Literal["auto", "mps", "rbm"] = "auto"  # auto: matrix product on rings, Boltzmann machine elsewhere
    bond: int = 8  # rows of the matrices; even
    alpha: int = 8  # features of the Boltzmann machine
    tolerance: float = 5e-4  # error of a step, an angle between states
    cutoff: float = 1e-8  # modes of the metric below this part of the largest are off
    samples: int = 4096  # per step
    snr: float = 2.0  # modes of the metric with less signal to noise are off, where sampled
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    accepts: ClassVar[Signature] = Signature(Variational, SpinLattice, asked=Quench)

    def __post_init__(self):
        within(self, bond=(2, 256), alpha=(1, 1024), tolerance=(0, 1), cutoff=(0, 1))
        if self.bond % 2:
            raise Invalid(
                must="bond is even: both parities have as many rows", came=str(self.bond), do=f"Take {self.bond + 1}."
            )

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return SiteSymmetry, SpinFlip

    def fit(
        self, task: Variational[Quench], budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> Trajectory:
        first, ground, run = jax.random.split(key, 3)
        initial, chains = task.asked.initial, min(self.samples, 1024)
        is_product = is_polarised(initial)
        with double():
            psi = self._start(initial, is_product, first)
        if not is_product:
            settings, inside = Settings(chains, chains, full_sum=self.full_sum), session.inside("ground_state")
            part, budget = budget.share(_FIT), budget.share(1 - _FIT)
            psi = minimise(psi, spin_problem(initial), settings, part, key=ground, session=inside)
        pace, times = Pace.of(self), task.asked.times
        return evolve(psi, spin_problem(task.law), times, pace, budget, key=run, session=session)

    def _start(self, law: Hamiltonian, is_product: bool, key: PRNGKeyArray) -> Wavefunction:
        """The state before it is fitted; where a product state is all that is asked, that with a little noise.

        Without noise, all derivatives by entries that couple to it would vanish.
        """
        group = law.lattice.space_group
        turned = np.roll(np.arange(law.n_sites), 1)
        is_ring = len(group) == 2 * law.n_sites and bool((group == turned).all(1).any())
        if self.state == "mps" and not is_ring:
            raise Invalid(
                must="a matrix product needs a periodic chain", came=law.title, do="Take state=rbm, or lattice=chain."
            )
        if is_ring and self.state != "rbm":
            return MatrixProduct.random(group, self.bond // 2, 0.01 if is_product else 0.2, key=key)
        spread = (0.1 if is_product else 1.0) * (law.n_sites * self.alpha) ** -0.5
        weights, phases = spread * jax.random.normal(key, (2, self.alpha, law.n_sites), jnp.float64)
        return RestrictedBoltzmann(weights, phases, jnp.asarray(group), projected=True)


class MatrixProduct(Wavefunction):
    """The matrix product above, d = bond / 2: real and imaginary parts of E [2, parity, d, d] (of which the symmetric
    part counts) and of B [2, d, d].
    """

    even: Float[Array, "2 2 d d"]
    odd: Float[Array, "2 d d"]
    permutations: Int[Array, "elements sites"]

    @classmethod
    def random(cls, group: np.ndarray, d: int, spread: float, *, key: PRNGKeyArray) -> MatrixProduct:
        """The product state psi = 1 with noise of size `spread` in every entry."""
        first, second = jax.random.split(key)
        even = spread * jax.random.normal(first, (2, 2, d, d), jnp.float64)
        odd = spread * jax.random.normal(second, (2, d, d), jnp.float64)
        return cls(even.at[0, 0, 0, 0].add(1.0), odd, jnp.asarray(group))

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Complex[Array, ""]:
        even = jax.lax.complex(self.even[0], self.even[1])
        even = (even + jnp.swapaxes(even, 1, 2)) / 2
        odd = jax.lax.complex(self.odd[0], self.odd[1])
        up = jnp.block([[even[0], odd], [odd.T, even[1]]])
        down = jnp.block([[even[0], -odd], [-odd.T, even[1]]])
        matrices = jnp.where((jnp.asarray(spins) > 0)[:, None, None], up, down)  # [sites, bond, bond]
        product = matrices[0]
        for matrix in matrices[1:-1]:
            product = product @ matrix
        return jnp.log(jnp.sum(product * matrices[-1].T))

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return np.asarray(self.permutations), True


def is_polarised(law: Hamiltonian) -> bool:
    """Whether the ground state is all spins along x (psi = 1): H = -sum_i h_i sx_i, h_i > 0."""
    is_field = law.n_up is None and bool(np.all(law.strings.sum(1) == 1) and np.all(law.coefficients < 0))
    return is_field and len(law.strings) == law.n_sites
