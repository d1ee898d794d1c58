"""Derivatives on Bloch waves: what a supercell gives, for every way in which atoms speak to each other."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics import bloch
from erlangen.numerics.neighbour_lists import LABEL
from erlangen.numerics.pair_exchange import send
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.lennard_jones import LennardJones


def test_the_hessian_on_a_wave_is_that_of_a_supercell():
    law, q, cell = LennardJones(cutoff=6.0), np.array([0.25, 0.5, 0.0]), bulk("Ar", "fcc", 5.26)
    large = cell * (4, 4, 4)
    phase = np.exp(2j * np.pi * np.rint(large.positions @ np.linalg.inv(cell.cell.array)) @ q)
    u = np.array([[0.3, -0.2 + 0.5j, 0.7j]])
    with double():
        home, whole = (law.prepare(Atoms(a.positions, a.numbers, a.cell.array, a.pbc)) for a in (cell, large))
        program = bloch.derivative(slope_of(law, home), jnp.asarray(home.positions))
        found = bloch.on_wave(program.jaxpr, program.consts, jnp.asarray(u), jnp.asarray(q), home.labels[LABEL].shifts)
        wave = u * phase[:, None]
        direct = jax.linearize(slope_of(law, whole), jnp.asarray(whole.positions))[1]
        expected = direct(jnp.asarray(wave.real))[0] + 1j * direct(jnp.asarray(wave.imag))[0]
        shifted = bloch.on_wave(
            program.jaxpr, program.consts, jnp.asarray(u), jnp.asarray(q) + 1.0, home.labels[LABEL].shifts
        )
        still = bloch.on_wave(
            program.jaxpr, program.consts, jnp.ones((1, 3)) + 0j, jnp.zeros(3), home.labels[LABEL].shifts
        )
    assert np.asarray(found)[0] == pytest.approx(np.asarray(expected), abs=1e-13)
    assert np.asarray(shifted) == pytest.approx(np.asarray(found), abs=1e-12)
    assert np.abs(still).max() < 1e-13


def test_an_exchange_inside_a_loop_is_refused():
    reverse = jnp.asarray([[0, 1]])

    def summed(x):
        return jax.lax.fori_loop(0, 3, lambda _, y: jnp.sum(send(y, reverse), 1), x)

    with double():
        program = bloch.derivative(summed, jnp.ones((1, 1)))
        with pytest.raises(Invalid, match="outside of loops"):
            bloch.on_wave(program.jaxpr, program.consts, jnp.ones((1, 1)) + 0j, jnp.zeros(3), jnp.zeros((1, 2, 3), int))


def slope_of(law, x):
    return jax.grad(lambda r: jnp.sum(law.shares(x.replace(positions=r))))
