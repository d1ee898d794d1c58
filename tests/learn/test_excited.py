"""Penalties, determinants of states and sectors against exact linear algebra on small lattices."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.contract import Budget, Session
from erlangen.learn.variational import (
    Determinant,
    Settings,
    Span,
    Wavefunction,
    character_defect,
    full_sum,
    minimise,
    penalised,
    sector_problem,
    spin_problem,
    walkers_problem,
)
from erlangen.methods.variational._projection import Projected
from erlangen.methods.variational._spectrum import free_machine
from erlangen.numerics.precision import double
from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import lattices, spins
from erlangen.physics.characters import sectors, trivial

RING = spins.transverse_ising(lattices.chain(4), field=0.8)
FRUSTRATED = spins.j1j2(lattices.chain(6), j2=0.3)


class Table(Wavefunction):
    """One free complex amplitude per configuration, which may be zero."""

    real: jax.Array
    imaginary: jax.Array

    def log_psi(self, spins):
        code = jnp.sum((jnp.asarray(spins) > 0) << jnp.arange(spins.shape[-1]))
        return jnp.log(jax.lax.complex(self.real[code], self.imaginary[code]))


def table(vector):
    with double():
        return Table(jnp.asarray(np.real(vector)), jnp.asarray(np.imag(vector)))


def random_table(law, seed):
    rng = np.random.default_rng(seed)
    return table(1 + 0.5 * rng.standard_normal(2**law.n_sites) + 0.5j * rng.standard_normal(2**law.n_sites))


def dense(law):
    """Energies and states [configurations by code, ...] of the dense matrix at the S_z of the law."""
    basis = ed.enumerate_basis(law.n_sites, ed.Sector(np.arange(law.n_sites)[None], 0, law.n_up))
    values, vectors = np.linalg.eigh(ed.sparse_matrix(law, basis).toarray())
    whole = np.zeros((2**law.n_sites, len(values)), vectors.dtype)
    whole[basis.states] = vectors
    return values, whole


def test_walkers_add_their_energies_and_repel_from_equal_configurations():
    values, vectors = dense(RING)
    mixed = vectors[:, :2] @ np.array([[0.6, -0.3], [0.8, 0.9]])
    psi = Determinant([table(mixed[:, 0] + 1e-9), table(mixed[:, 1])])
    problem = walkers_problem(RING, 2)
    energy, variance = full_sum(psi, problem)
    # any basis of the span of two eigenstates has the sum of their energies and no variance
    assert energy == pytest.approx(values[:2].sum(), abs=1e-6) and variance < 1e-8
    with double():
        x = problem.draw(1, jax.random.key(0))[0]
        assert jnp.exp(2 * psi.log_psi(x.at[1].set(x[0])).real) < 1e-25


def test_walkers_that_start_on_a_node_leave_it():
    """Of 64 pairs of walkers on 16 configurations some are equal: there Psi vanishes."""
    pair = [random_table(RING, seed) for seed in (1, 2)]
    settings, energies = Settings(64, 64, full_sum="no"), []
    session = Session(progress=lambda step, total, figures: energies.append(figures["energy"]))
    problem = walkers_problem(RING, 2)
    minimise(Determinant(pair), problem, settings, Budget(steps=3), key=jax.random.key(0), session=session)
    assert np.isfinite(energies).all()


def test_walkers_of_an_arbitrary_pair_have_the_trace_of_the_ritz_matrix():
    pair = [random_table(RING, seed) for seed in (1, 2)]
    basis = ed.enumerate_basis(4, ed.Sector(np.arange(4)[None]))
    matrix = ed.sparse_matrix(RING, basis).toarray()
    with double():
        columns = np.stack([np.asarray(one.real) + 1j * np.asarray(one.imaginary) for one in pair], axis=1)
        overlap, energy = columns.conj().T @ columns, columns.conj().T @ matrix @ columns
        found, _ = full_sum(Determinant(pair), walkers_problem(RING, 2))
    assert found == pytest.approx(np.trace(np.linalg.solve(overlap, energy)).real, rel=1e-9)


def test_levels_of_a_span_are_its_ritz_values_whatever_the_basis_within_their_error_bars():
    values, vectors = dense(RING)
    rng = np.random.default_rng(0)
    mixed = (vectors[:, :2] + 0.05 * rng.standard_normal((16, 2))) @ np.array([[1.0, 2.0], [1.0, -1.5]])
    q, _ = np.linalg.qr(mixed)
    basis = ed.enumerate_basis(4, ed.Sector(np.arange(4)[None]))
    ritz = np.linalg.eigvalsh(q.T @ ed.sparse_matrix(RING, basis).toarray() @ q)
    with double():
        span = Span([table(v) for v in mixed.T], jnp.zeros(2))
    found = span.levels(RING, samples=16384, key=jax.random.key(0))
    assert found.singular == 0 and found.r_hat < 1.02
    for level, error, exact, low in zip(found.energies, found.errors, ritz, values):
        assert abs(level - exact) < 4 * error and error < 0.05
        assert exact >= low
    assert abs(found.gaps[0] - (ritz[1] - ritz[0])) < 4 * found.gap_errors[0]


def test_the_penalty_is_the_squared_overlap():
    law = FRUSTRATED
    lower, psi = random_table(law, 0), random_table(law, 1)
    problem = spin_problem(law)
    pool = penalised(problem, [lower], 3.0, 8192, key=jax.random.key(0))
    inside = ed.enumerate_basis(6, ed.Sector(np.arange(6)[None], 0, 3)).states
    with double():
        one, two = (np.asarray(t.real)[inside] + 1j * np.asarray(t.imaginary)[inside] for t in (lower, psi))
        expected = 3 * abs(one.conj() @ two) ** 2 / (one.conj() @ one * (two.conj() @ two)).real
        plain, _ = full_sum(psi, problem)
        dear, _ = full_sum(psi, pool)
    assert dear - plain == pytest.approx(expected, rel=0.05)


def test_a_penalty_on_the_ground_state_gives_the_next_one():
    values, vectors = dense(RING)
    problem = penalised(spin_problem(RING), [table(vectors[:, 0])], 8.0, 8192, key=jax.random.key(0))
    settings = Settings(rate=0.5, shift=1e-9, full_sum="yes")
    psi = minimise(random_table(RING, 3), problem, settings, Budget(steps=200), key=jax.random.key(0))
    assert full_sum(psi, spin_problem(RING))[0] == pytest.approx(values[1], abs=2e-3)


@pytest.mark.parametrize("law", [spins.transverse_ising(lattices.chain(6)), FRUSTRATED], ids=lambda law: law.title)
def test_the_full_sum_of_a_sector_is_the_energy_of_the_projected_state(law):
    every = sectors(law.lattice)
    momentum = next(one for one in every if not one.is_real)
    parity = 1 if law.n_up is None else -1  # of the symmetric states: at S_z = 0 one of the two has none
    for character in (every[0].at(flip=parity), every[0].at(flip=-parity), momentum.at(flip=1)):
        if not len(sector_problem(law, character, largest=100)[0].states((None, False))[0]):
            continue
        with double():
            phi = free_machine(law, 4, False, group=character.kernel, key=jax.random.key(1))
            psi = Projected.of(phi, character)
        problem, summed = sector_problem(law, character, largest=100)
        assert summed and not sector_problem(law, character, largest=0)[1]
        basis = ed.enumerate_basis(6, ed.Sector(np.arange(6)[None], 0, law.n_up))
        with double():
            logs = np.asarray(jax.vmap(psi.log_psi)(jnp.asarray(basis.configurations())))
            vector = np.exp(logs - logs.real.max())
            assert np.isfinite(vector).all()
            assert character_defect(psi, character, jnp.asarray(basis.configurations())[::5]) < 1e-10
            matrix = ed.sparse_matrix(law, basis)
            expected = (vector.conj() @ matrix @ vector).real / (vector.conj() @ vector).real
            assert full_sum(psi, problem)[0] == pytest.approx(expected, abs=1e-9)


def test_a_projector_with_a_wrong_character_is_caught():
    law = spins.transverse_ising(lattices.chain(6))
    momentum = next(one for one in sectors(law.lattice) if not one.is_real)
    spins_drawn = spin_problem(law).draw(8, jax.random.key(0))
    powers = np.where(np.arange(6) == 1, momentum.powers + 1, momentum.powers)
    broken = eqx.tree_at(lambda c: c.powers, momentum, powers)
    with double():
        phi = free_machine(law, 8, True, key=jax.random.key(1))
        assert character_defect(Projected.of(phi, momentum), momentum, spins_drawn) < 1e-10
        assert character_defect(Projected.of(phi, broken), momentum, spins_drawn) > 0.1
        even = trivial(law.lattice.space_group).at(flip=1)
        assert character_defect(Projected.of(phi, even), even.at(flip=-1), spins_drawn) > 0.1


def test_an_amplitude_that_vanishes_gives_no_nan():
    """The state of two sites that is odd under their exchange is zero on parallel spins."""
    law = spins.transverse_ising(lattices.chain(4))
    odd = trivial(law.lattice.space_group).at(flip=-1)
    alternating = jnp.array([1, -1, 1, -1], jnp.int8)  # its reverse is a translation of it
    with double():
        psi = Projected.of(free_machine(law, 4, True, key=jax.random.key(0)), odd)
        assert jnp.exp(psi.log_psi(alternating).real) < 1e-14
        configurations, _ = sector_problem(law, odd, largest=100)[0].states((None, False))
        energies = spin_problem(law).local_energies(psi.log_psi, jnp.asarray(configurations))
        assert np.isfinite(np.asarray(energies)).all()
