"""Drawn inputs are what their quantities say."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from erlangen.contract import Samples
from erlangen.core import quantity
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Atoms, Field, SpinLattice
from erlangen.testing.strategies import DISPLACEMENT, MAX_WAVENUMBER, systems, values

WATER = Atoms(np.array([[0.0, 0, 0.1], [0.8, 0, -0.5], [-0.8, 0, -0.5]]), np.array([8, 1, 1]), np.eye(3) * 9.0)


class Question:
    def __init__(self, *inputs: Quantity):
        self.inputs = inputs


@given(systems(Question(quantity.positions, quantity.atomic_numbers, quantity.cell), Samples([WATER], {})))
def test_molecules_stay_near_themselves(x):
    assert np.array_equal(x["atomic_numbers"], WATER["atomic_numbers"])
    assert np.array_equal(x["cell"], WATER["cell"])
    assert np.max(np.abs(x["positions"] - WATER["positions"])) <= DISPLACEMENT


@given(systems(Question(quantity.spins), Samples([SpinLattice(np.array([1, 1, 1, -1, -1], np.int8))], {})))
def test_spins_keep_their_sum(x):
    assert set(np.unique(x["spins"])) <= {-1, 1} and x["spins"].sum() == 1 and x["spins"].dtype == np.int8


@settings(max_examples=10)
@given(st.sampled_from([(32,), (16, 16), (16, 16, 2)]), st.data())
def test_fields_gain_smooth_waves_of_their_own_size(shape, data):
    u = Quantity("u", "u", "L/T", "grid", quantity.vector)
    x = Field({"u": 3 * np.random.default_rng(0).normal(size=shape)}, (0.1,) * 2)
    extra = data.draw(systems(Question(u), Samples([x], {})))["u"] - x["u"]
    assert extra.shape == shape and 0 < np.std(extra) < 4 * np.std(x["u"])
    spectrum = np.abs(np.fft.fft(extra, axis=0)).reshape(shape[0], -1).max(1)
    assert np.all(spectrum[MAX_WAVENUMBER + 1 : -MAX_WAVENUMBER] < 1e-9 * spectrum.max())


@given(values(Quantity("viscosity", "nu", "L^2/T", ""), np.float64(0.01)))
def test_parameters_move_by_a_tenth(nu):
    assert 0.009 - 1e-12 <= nu <= 0.011 + 1e-12 and nu.shape == ()
