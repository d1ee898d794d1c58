"""The variational engine against exact linear algebra: a state with one parameter per configuration becomes exact."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.contract import Budget, Session
from erlangen.core.errors import Invalid
from erlangen.learn.variational import (
    Factors,
    Settings,
    Wavefunction,
    clock,
    evaluate,
    full_sum,
    minimise,
    spin_problem,
)
from erlangen.learn.variational.natural_gradient import jacobian, log_derivatives, natural_direction
from erlangen.numerics.precision import double
from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import lattices, spins

RING = spins.transverse_ising(lattices.chain(6), field=0.8)
FRUSTRATED = spins.j1j2(lattices.chain(6), j2=0.4)


class Table(Wavefunction):
    """One free (complex) log-amplitude per configuration."""

    modulus: jax.Array
    phase: jax.Array | None = None

    def log_psi(self, spins):
        code = jnp.sum((jnp.asarray(spins) > 0) << jnp.arange(spins.shape[-1]))
        if self.phase is None:
            return self.modulus[code]
        return jax.lax.complex(self.modulus[code], self.phase[code])


def table(law, *, is_complex=False, seed=0):
    rng = np.random.default_rng(seed)
    with double():
        modulus, phase = (jnp.asarray(0.3 * rng.standard_normal(2**law.n_sites)) for _ in range(2))
    return Table(modulus, phase if is_complex else None)


def test_momentum_is_the_damped_problem_pulled_towards_the_last_direction():
    """SPRING: argmin |O d - e|^2 + lambda |d - last|^2, in both spaces."""
    rng = np.random.default_rng(0)
    for shape in ((5, 9), (9, 5)):
        derivatives, energies, last = rng.normal(size=shape), rng.normal(size=shape[0]), rng.normal(size=shape[1])
        weights = np.full(shape[0], 1 / shape[0])
        with double():
            o, e, w = map(jnp.asarray, (derivatives, energies, weights))
            delta, _ = natural_direction(jacobian(o, w), e, w, shift=0.1, last=jnp.asarray(last))
        rows = (derivatives - derivatives.mean(0)) / shape[0] ** 0.5
        residual = (energies - energies.mean()) / shape[0] ** 0.5
        stacked = np.concatenate([rows, 0.1**0.5 * np.eye(shape[1])])
        exact = np.linalg.lstsq(stacked, np.concatenate([residual, 0.1**0.5 * last]), rcond=None)[0]
        assert np.allclose(delta, exact, atol=1e-10)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("n, parameters", [(5, 9), (30, 7)])
def test_both_forms_of_the_natural_gradient_solve_the_normal_equations(n, parameters, is_complex):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((n, parameters)) + (1j * rng.standard_normal((n, parameters)) if is_complex else 0)
    energies = rng.standard_normal(n) + (1j * rng.standard_normal(n) if is_complex else 0)
    weights = rng.dirichlet(np.ones(n))
    with double():
        o, e, w = map(jnp.asarray, (rows, energies, weights))
        delta, length = natural_direction(jacobian(o, w), e, w, shift=1e-3)
    centred = np.sqrt(weights)[:, None] * (rows - weights @ rows)
    residual = np.sqrt(weights) * (energies - weights @ energies)
    metric = np.real(centred.conj().T @ centred)
    exact = np.linalg.solve(metric + 1e-3 * np.eye(parameters), np.real(centred.conj().T @ residual))
    assert np.asarray(delta) == pytest.approx(exact, rel=1e-8)
    assert float(length) == pytest.approx(np.sqrt(exact @ metric @ exact), rel=1e-8)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("n, features", [(12, 9), (40, 2)])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_outer_products_step_as_the_matrix_that_they_stand_for(n, features, is_complex, momentum):
    rng = np.random.default_rng(0)
    left = rng.standard_normal((n, features)) + (1j * rng.standard_normal((n, features)) if is_complex else 0)
    right = rng.standard_normal((n, 6))
    whole = (left[:, :, None] * right[:, None]).reshape(n, -1)
    whole = np.concatenate([whole, 1j * whole], axis=1) if is_complex else whole
    energies, weights = rng.standard_normal(n) + 0.1j * rng.standard_normal(n), rng.dirichlet(np.ones(n))
    with double():
        last = jnp.asarray(momentum * rng.standard_normal(whole.shape[1]))
        given = jnp.asarray(energies), jnp.asarray(weights)
        outer, dense = (
            jacobian(d, given[1]) for d in (Factors(jnp.asarray(left), jnp.asarray(right)), jnp.asarray(whole))
        )
        found = natural_direction(outer, *given, shift=1e-3, last=last)
        exact = natural_direction(dense, *given, shift=1e-3, last=last)
        assert float(outer.mean_square()) == pytest.approx(float(dense.mean_square()), rel=1e-12)
    assert np.asarray(found[0]) == pytest.approx(np.asarray(exact[0]), rel=1e-8, abs=1e-10)
    assert float(found[1]) == pytest.approx(float(exact[1]), rel=1e-8)


def test_log_derivatives_are_differences_of_log_psi():
    psi = table(RING, is_complex=True)
    samples = spin_problem(RING).draw(4, jax.random.key(0))
    with double():
        found = np.asarray(log_derivatives(lambda p, s: p.log_psi(s), psi, samples))
        flat, unravel = jax.flatten_util.ravel_pytree(psi)
        for k in (3, 100):
            up, down = (jax.vmap(unravel(flat.at[k].add(d)).log_psi)(samples) for d in (1e-6, -1e-6))
            assert found[:, k] == pytest.approx(np.asarray((up - down) / 2e-6), abs=1e-8)


@pytest.mark.parametrize("law", [RING, FRUSTRATED], ids=lambda law: law.title)
def test_full_sum_energy_is_the_expectation_value(law):
    psi = table(law, is_complex=True)
    n_up = law.n_up
    basis = ed.enumerate_basis(6, ed.Sector(np.arange(6)[None], n_up=n_up))
    matrix = ed.sparse_matrix(law, basis).toarray()
    with double():
        vector = np.exp(np.asarray(jax.vmap(psi.log_psi)(jnp.asarray(basis.configurations()))))
    vector /= np.linalg.norm(vector)
    mean = np.real(vector.conj() @ matrix @ vector)
    variance = np.linalg.norm(matrix @ vector) ** 2 - mean**2
    assert full_sum(psi, spin_problem(law)) == pytest.approx((mean, variance), rel=1e-10)


@pytest.mark.parametrize("law, is_complex", [(RING, False), (FRUSTRATED, True)], ids=["ising", "j1j2"])
def test_a_table_of_amplitudes_becomes_the_exact_ground_state(law, is_complex):
    psi = minimise(
        table(law, is_complex=is_complex),
        spin_problem(law),
        Settings(rate=0.5, shift=1e-9, full_sum="yes"),
        Budget(steps=300),
        key=jax.random.key(0),
    )
    energy, variance = full_sum(psi, spin_problem(law))
    exact = ed.ground_state(law).energy
    assert energy == pytest.approx(exact, rel=1e-7)
    assert energy >= exact - 1e-12
    assert variance < 1e-5


@pytest.mark.slow
def test_sampled_minimisation_comes_close_and_error_bars_cover_the_energy_of_the_state():
    problem = spin_problem(RING)
    psi = minimise(table(RING), problem, Settings(512, 256, full_sum="no"), Budget(steps=60), key=jax.random.key(0))
    exact, _ = full_sum(psi, problem)
    assert exact == pytest.approx(ed.ground_state(RING).energy, rel=0.02)
    covered = 0
    for one in jax.random.split(jax.random.key(1), 60):
        found = evaluate(psi, problem, samples=4096, chains=256, key=one)
        covered += abs(found.energy - exact) <= 1.645 * found.error
    assert 0.8 <= covered / 60 <= 0.99


@pytest.mark.parametrize("full", ["yes", "no"])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path, monkeypatch, full):
    problem, settings, key = spin_problem(RING), Settings(64, 32, full_sum=full), jax.random.key(3)
    whole = minimise(table(RING), problem, settings, Budget(steps=12), key=key)
    monkeypatch.setattr(clock, "_CHECKPOINT_SECONDS", 0.0)

    def killed(step, total, figures):
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimise(table(RING), problem, settings, Budget(steps=12), key=key, session=Session(tmp_path, progress=killed))
    said = []
    session = Session(tmp_path, resume=True, say=said.append)
    rest = minimise(table(RING), problem, settings, Budget(steps=12), key=key, session=session)
    assert said[0] == "resumed at step 6"
    assert np.array_equal(whole.modulus, rest.modulus)


class Fragile(Wavefunction):
    """log psi = sqrt(1 - x) m / 2: NaN for x > 1, lower in energy the further x is below it, until x = -8 or so."""

    x: jax.Array

    def log_psi(self, spins):
        return jnp.sqrt(1 - self.x) * jnp.sum(jnp.asarray(spins, self.x.dtype)) / 2


def test_a_step_into_nan_is_taken_back_with_more_damping():
    # the best product state in a strong field is x = 1, the very edge of what is defined
    law = spins.transverse_ising(lattices.chain(6), field=8.0)
    said = []
    with double():
        psi = Fragile(jnp.float64(0.5))
    psi = minimise(
        psi,
        spin_problem(law),
        Settings(rate=0.6, shift=1e-9, full_sum="yes"),
        Budget(steps=80),
        key=jax.random.key(0),
        session=Session(say=said.append),
    )
    assert np.isfinite(float(psi.x))
    assert full_sum(psi, spin_problem(law))[0] == pytest.approx(-48, rel=0.02)
    assert "refused" in said[-1]


def test_budget_in_seconds_is_kept():
    psi = minimise(table(RING), spin_problem(RING), Settings(), Budget(seconds=3.0), key=jax.random.key(0))
    assert full_sum(psi, spin_problem(RING))[0] < full_sum(table(RING), spin_problem(RING))[0]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Settings(samples=100, chains=200),
        lambda: evaluate(table(RING), spin_problem(RING), samples=10, chains=20, key=jax.random.key(0)),
        lambda: spin_problem(spins.heisenberg(lattices.chain(5))),
    ],
)
def test_bad_input_is_explained(wrong):
    with pytest.raises(Invalid):
        wrong()
