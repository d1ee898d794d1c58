"""Several laws in one minimisation: each keeps its own means, its own walkers and its exact ground state."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.core.systems import SpinLattice
from erlangen.learn.variational import (
    Conditioned,
    Settings,
    Wavefunction,
    family_problem,
    full_sum,
    minimise_family,
    spin_problem,
)
from erlangen.learn.variational.family import same_strings
from erlangen.numerics.precision import double
from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import lattices, spins

FIELDS = (0.9, 1.2, 1.8)
RINGS = [spins.transverse_ising(lattices.chain(6), field=h) for h in FIELDS]


class Table(Wavefunction):
    """One free log-amplitude per configuration."""

    modulus: jax.Array

    def log_psi(self, spins):
        return self.modulus[jnp.sum((jnp.asarray(spins) > 0) << jnp.arange(spins.shape[-1]))]


class Tables(Conditioned):
    """One table for each of `FIELDS`."""

    moduli: jax.Array

    def at(self, coupling):
        return Table(self.moduli[jnp.argmin(jnp.abs(jnp.asarray(FIELDS) - coupling))])


def tables(seed=0):
    with double():
        return Tables(jnp.asarray(0.3 * np.random.default_rng(seed).standard_normal((3, 2**6))))


def rows(spins, tag):
    return np.concatenate([spins, np.tile(np.array(tag, np.int8), (len(spins), 1))], axis=1)


def test_local_energies_of_a_row_are_those_of_its_own_law():
    spins_ = np.asarray(spin_problem(RINGS[0]).draw(5, jax.random.key(0)))
    psi, problem = tables(), family_problem(RINGS)
    with double():
        for k, tag in enumerate([(-1, -1), (1, -1), (-1, 1)]):
            state = psi.at(FIELDS[k])
            found = problem.local_energies(lambda row: state.log_psi(row[:6]), jnp.asarray(rows(spins_, tag)))
            own = spin_problem(RINGS[k]).local_energies(state.log_psi, jnp.asarray(spins_))
            assert np.asarray(found) == pytest.approx(np.asarray(own), rel=1e-12)


def test_moves_keep_the_law_of_a_walker_and_walkers_are_shared_evenly():
    problem = family_problem(RINGS)
    walkers = problem.draw(12, jax.random.key(0))
    moved = problem.propose(walkers, jax.random.key(1))
    assert np.array_equal(walkers[:, 6:], moved[:, 6:]) and np.any(walkers != moved)
    assert np.array_equal(np.unique(np.asarray(walkers[:, 6:]), axis=0, return_counts=True)[1], [4, 4, 4])


def test_levelled_values_have_one_mean_per_law_and_keep_their_differences():
    problem, rng = family_problem(RINGS), np.random.default_rng(0)
    with double():
        samples = problem.draw(9, jax.random.key(0))
        values, weights = jnp.asarray(rng.standard_normal((9, 2))), jnp.full(9, 1 / 9)
        level = np.asarray(problem.level(values, samples, weights))
        equal = np.asarray(problem.weigh(jnp.asarray(rng.standard_normal(9)), samples))
        values = np.asarray(values)
    for k in range(3):
        mine = np.arange(9) % 3 == k
        assert level[mine].mean(0) == pytest.approx(values.mean(0), abs=1e-12)
        assert np.ptp(level[mine] - values[mine], axis=0) == pytest.approx(0, abs=1e-12)
        assert float(equal[mine].sum()) == pytest.approx(1 / 3)


@pytest.mark.parametrize("full, limit", [("yes", 1e-5), ("no", 0.02)])
def test_every_law_gets_its_own_ground_state(full, limit):
    settings = Settings(1536, 768, rate=0.5, shift=1e-9 if full == "yes" else 1e-4, full_sum=full)
    psi = minimise_family(tables(), RINGS, FIELDS, settings, Budget(steps=150), key=jax.random.key(0))
    for field, law in zip(FIELDS, RINGS):
        energy, _ = full_sum(psi.at(field), spin_problem(law))
        assert energy == pytest.approx(ed.ground_state(law).energy, rel=limit)
    spins_ = np.ones(6, np.int8)
    x = SpinLattice(spins_, {"coupling": 1.2})
    with double():
        assert float(psi(x)["log_psi"]) == float(psi.at(1.2).log_psi(spins_))


def test_the_laws_of_a_family_become_sums_of_the_same_strings():
    laws = [spins.j1j2(lattices.chain(6), j2=j2, sign_rule=True) for j2 in (0.0, 0.3)]
    joint = same_strings(laws)
    assert np.array_equal(joint[0].strings, joint[1].strings)
    for before, after in zip(laws, joint):
        assert ed.ground_state(after).energy == pytest.approx(ed.ground_state(before).energy, abs=1e-12)


def test_laws_that_do_not_fit_together_are_refused():
    with pytest.raises(Invalid, match="same S_z"):
        family_problem([RINGS[0], spins.heisenberg(lattices.chain(6))])
