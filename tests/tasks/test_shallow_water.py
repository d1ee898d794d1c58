"""The task on the sphere: labels solve the equations, what is seen is the state, its groups act, solvers converge."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess import symmetry
from erlangen.core.errors import Invalid
from erlangen.core.flow_groups import Equator
from erlangen.core.groups import act
from erlangen.core.quantity import Quantity, pseudoscalar
from erlangen.core.systems import Field
from erlangen.data.field_files import read_fields, write_fields
from erlangen.numerics.precision import double
from erlangen.numerics.spherical_harmonics import quadratic
from erlangen.physics import sphere as layer
from erlangen.tasks.continuum import shallow_water
from erlangen.tasks.continuum.shallow_water import EARTH, ShallowWater, on_sphere, seen

TASK = ShallowWater(**ShallowWater.toy)


def test_a_mirror_at_a_meridian_is_broken_by_the_rotation():
    rows = {row.group: row for row in symmetry.audit_solver(TASK, TASK.truth("test"), key=jax.random.key(0), inputs=1)}
    broken = [row for name, row in rows.items() if "broken" in name]
    assert broken and all(row.error > 0.1 for row in broken)


def test_labels_keep_the_mass_and_follow_each_other():
    whole, steps = TASK.trajectories("test"), TASK.truth("test")
    area = np.asarray(seen(TASK.n).weights)
    for x, depth in zip(whole.inputs, whole.outputs["depth_next"]):
        np.testing.assert_allclose(np.mean(x["depth"], 0) @ area, TASK.mean_depth, rtol=1e-13)
        np.testing.assert_allclose(np.mean(depth, 1) @ area, TASK.mean_depth, rtol=1e-13)
    np.testing.assert_array_equal(steps.inputs[1]["wind"], whole.outputs["wind_next"][0][0])
    for i in (0, len(steps) - 1):
        answer = TASK.solve(steps.inputs[i])["wind_next"]
        assert on_sphere(answer, steps.outputs["wind_next"][i]) < 1e-3


def test_solvers_get_better_with_the_degree_down_to_the_floor():
    samples, (solver,) = TASK.truth("test"), TASK.solvers
    x, y = samples.inputs[0], samples.outputs["wind_next"][0]
    errors = [on_sphere(solver.solve(x, l)["wind_next"], y) for l in (solver.settings[0], solver.settings[-1])]
    assert errors[1] < 1e-2 * errors[0]
    assert 0 < TASK.floor(1)["nrmse"] / 100 < 1e-3 * on_sphere(x["wind"], y)


def test_random_starts_have_the_stated_wind_and_no_tendency_to_diverge():
    sphere = quadratic(TASK.lmax)
    with double():
        states = [shallow_water.initial(TASK, sphere, key=jax.random.key(i)) for i in range(20)]
        square = []
        for state in states:
            _, u, v = layer.weather(state, sphere, EARTH)
            square.append(float(sphere.mean(u**2 + v**2)))
        rate = layer.shallow_water_terms(sphere, EARTH).nonlinear
        balanced, flat = (jnp.max(jnp.abs(rate(s)[1])) for s in (states[0], states[0].at[2, 1:].set(0.0)))
        assert np.sqrt(np.mean(square)) == pytest.approx(TASK.speed, rel=0.1)
        assert float(balanced) < 1e-12 * float(flat)


def test_errors_count_by_area():
    true = np.ones((8, 4, 2))
    pole, equator = (np.copy(true) for _ in range(2))
    pole[:, 0] += 1
    equator[:, 1] += 1
    assert on_sphere(pole, true) < on_sphere(equator, true)
    assert on_sphere(pole, true) ** 2 + on_sphere(equator, true) ** 2 == pytest.approx(0.5)
    assert on_sphere(true, true) == 0


def test_the_equator_turns_winds_and_vorticity():
    x = TASK.truth("test").inputs[0]
    with double():
        moved = act(Equator(), 1, x, TASK.inputs)
        np.testing.assert_array_equal(moved["depth"], x["depth"][:, ::-1])
        np.testing.assert_array_equal(moved["wind"], x["wind"][:, ::-1] * np.array([1, -1]))
        vorticity = Quantity("w", "w", "1/s", "grid", pseudoscalar)
        np.testing.assert_array_equal(Equator().act(1, vorticity, x["depth"]), -x["depth"][:, ::-1])
        assert Equator().act(1, Quantity("g", "g", "1", ""), jnp.asarray(3.0)) == 3.0


def test_files_hold_longitudes_and_latitudes(tmp_path):
    x = TASK.truth("test").inputs[0]
    assert isinstance(x, Field)
    for points, angles in zip(x.coordinates(x["depth"].shape), seen(TASK.n).angles):
        np.testing.assert_allclose(points, np.ravel(angles), atol=1e-14)
    np.testing.assert_allclose(x.lengths, (2 * np.pi, np.pi))
    assert x.axes == (("longitude", "rad"), ("latitude", "rad"))
    write_fields(tmp_path / "weather.npz", [x])
    (again,) = read_fields(tmp_path / "weather.npz")
    assert again.boundary == "sphere"
    np.testing.assert_allclose(again.spacing, x.spacing)
    np.testing.assert_array_equal(again["wind"], x["wind"])


@pytest.mark.parametrize(
    ("setting", "value"),
    [("speed", 0.0), ("mean_depth", -1.0), ("viscosity", -1.0), ("dt", 0.0), ("n", 6), ("count", 1), ("horizon", 0)],
)
def test_settings_outside_their_range(setting, value):
    with pytest.raises(Invalid, match=f"{setting} must be"):
        ShallowWater(**{setting: value})
