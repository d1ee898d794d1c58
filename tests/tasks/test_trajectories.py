"""Own trajectories as a task: what the file holds is what is asked; what cannot be learned from is refused."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from erlangen.assess.metrics import relative_l2
from erlangen.contract import SPLITS, Budget
from erlangen.core import free_memory
from erlangen.core.errors import Invalid
from erlangen.core.groups import Broken, Shifts
from erlangen.core.systems import Field
from erlangen.data import limits
from erlangen.data.trajectory_files import write_trajectories
from erlangen.learn.rollout import unroll
from erlangen.methods.baselines.persistence import Persistence
from erlangen.methods.operators.fno import FNO
from erlangen.study.solve import solve
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.trajectories import DECAY, SPEED, STEP, Trajectories


def kept(path, count=8, frames=6, n=8, dt=0.5, units="m/s", boundary="periodic"):
    """Trajectories that can be told apart: sample + time / 10 everywhere, with a fixed field."""
    states = [np.full((frames, n), float(i)) + 0.1 * np.arange(frames)[:, None] for i in range(count)]
    fields = [Field({"u": s[0], "bed": np.zeros(n)}, (0.25,), boundary) for s in states]
    units = {"u": units, "bed": "m"}
    write_trajectories(path, fields, {"u": states}, dt=dt, units={k: v for k, v in units.items() if v}, attributes={})
    return str(path)


def test_quantities_step_and_symmetry_are_those_of_the_file(tmp_path):
    task = Trajectories(data=kept(tmp_path / "a.nc"), every=2)
    assert [(q.name, q.unit) for q in task.inputs] == [("u", "m/s"), ("bed", "m")]
    assert [(q.name, q.unit, q.lag) for q in task.outputs] == [("u_next", "m/s", 1)]
    assert task.dt == 1.0 and task.symmetry == (Shifts((0,)),)
    assert [(s.name, s.steps) for s in task.scores] == [("nrmse", 1), ("rollout", 2)]
    walls = Trajectories(data=kept(tmp_path / "b.nc", boundary="walls"))
    assert walls.symmetry == (Broken(Shifts((0,)), by="walls"),)


def test_splits_are_whole_trajectories_and_all_are_used(tmp_path):
    task = Trajectories(data=kept(tmp_path / "a.nc", count=20))
    seen = {split: {round(float(x["u"][0])) for x in task.trajectories(split).inputs} for split in SPLITS}
    assert [len(s) for s in seen.values()] == [13, 2, 2, 3]
    assert set().union(*seen.values()) == set(range(20))
    other = {round(float(x["u"][0])) for x in Trajectories(data=task.data, seed=1).trajectories("test").inputs}
    assert other != seen["test"]


def test_thinning_and_steps(tmp_path):
    whole = Trajectories(data=kept(tmp_path / "a.nc", frames=10), every=3, frames=3).trajectories("train")
    np.testing.assert_allclose(whole.outputs["u_next"][0][:, 0] - whole.inputs[0]["u"][0], [0.3, 0.6])
    steps = Trajectories(data=str(tmp_path / "a.nc"), every=3).truth("train")
    np.testing.assert_allclose([y[0] - x["u"][0] for x, y in zip(steps.inputs, steps.outputs["u_next"])], 0.3)


def test_several_files_and_a_test_file_of_its_own(tmp_path):
    a, b = kept(tmp_path / "a.nc", count=3), kept(tmp_path / "b.h5", count=5, frames=9)
    task = Trajectories(data=f"{a},{b}")
    assert sum(len(task.trajectories(s)) for s in SPLITS) == 8
    assert {len(v) for v in task.trajectories("train").outputs["u_next"]} == {5}
    own = Trajectories(data=a, test=b)
    assert [len(own.trajectories(s)) for s in SPLITS] == [1, 1, 1, 5]


def test_one_long_trajectory_is_cut_into_blocks_of_time(tmp_path):
    """Values are times here: no frame is in two splits, and between blocks a quarter is left out."""
    frames = np.arange(200.0)
    field = Field({"u": np.zeros(8)}, (0.25,))
    states = {"u": [np.repeat(frames[:, None], 8, 1)]}
    write_trajectories(tmp_path / "a.nc", [field], states, dt=1.0, units={"u": "m/s"}, attributes={})
    for every, kept in ((1, 7), (2, 3)):
        task = Trajectories(data=str(tmp_path / "a.nc"), every=every)
        assert task.partition.how == "20 blocks of time, the last quarter of each left out, at random"
        parts = {split: task.trajectories(split) for split in SPLITS}
        assert [len(part) for part in parts.values()] == [13, 2, 2, 3]
        seen = []
        for part in parts.values():
            for x, u in zip(part.inputs, part.outputs["u_next"]):
                times = [float(x["u"][0]), *u[:, 0].tolist()]
                assert np.allclose(np.diff(times), every) and len(times) == kept and times[0] % 10 == 0
                seen += times
        assert len(seen) == len(set(seen)) == 20 * kept


@pytest.mark.parametrize(("frames", "pieces"), [(16, 4), (21, 5), (100, 20)])
def test_the_one_trajectory_that_solve_writes_is_enough(tmp_path, frames, pieces):
    solve(Burgers(n=16, viscosity=0.5), frames=frames - 1).write(tmp_path / "flow.nc")
    task = Trajectories(data=str(tmp_path / "flow.nc"))
    parts = [task.trajectories(split) for split in SPLITS]
    assert sum(map(len, parts)) == pieces and min(map(len, parts)) >= 1
    assert all(len(u) >= 2 for part in parts for u in part.outputs["u_next"])


def test_parameters_that_all_files_have_go_with_the_samples(tmp_path):
    for name, viscosity in (("a.nc", 0.5), ("b.nc", 0.25)):
        solve(Burgers(n=16, viscosity=viscosity), frames=3, count=3).write(tmp_path / name)
    task = Trajectories(data=f"{tmp_path / 'a.nc'},{tmp_path / 'b.nc'}", every=2)
    found = {x.parameters["viscosity"] for split in SPLITS for x in task.trajectories(split).inputs}
    assert found == {0.5, 0.25} and task.trajectories("train").inputs[0].parameters["dt"] == pytest.approx(0.1)


def test_half_precision_is_trained_on(tmp_path):
    import xarray as xr

    values = np.random.default_rng(0).normal(size=(6, 6, 32)).astype(np.float16)
    data = xr.Dataset({"u": (("sample", "time", "x"), values, {"units": "1"})})
    data = data.assign_coords(time=np.arange(6) * 0.1, x=np.arange(32) / 32)
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    fitted = FNO(width=4, modes=4, layers=1).fit(
        Trajectories(data=str(tmp_path / "a.nc")), Budget(steps=2), key=jax.random.key(0)
    )
    assert np.isfinite(fitted(Field({"u": values[0, 0].astype(np.float32)}, (1 / 32,)))["u_next"]).all()


def test_bad_files(tmp_path, monkeypatch):
    a = kept(tmp_path / "a.nc")

    def refused(match, **settings):
        with pytest.raises(Invalid, match=match):
            Trajectories(**settings).trajectories("train")

    refused("no file", data=str(tmp_path / "nowhere.nc"))
    refused("at least 4 trajectories.*3 in", data=kept(tmp_path / "few.nc", count=3))
    refused("none for u", data=kept(tmp_path / "b.nc", units=""))
    refused("same grid.*10", data=f"{a},{kept(tmp_path / 'c.nc', n=10)}")
    refused("same dt and spacing", data=f"{a},{kept(tmp_path / 'd.nc', dt=0.25)}")
    refused("same quantities and units.*km/h", data=f"{a},{kept(tmp_path / 'e.nc', units='km/h')}")
    refused("9 frames or more.*6", data=a, frames=9)
    refused("2 frames or more.*1 where one of 8", data=a, every=8)
    refused("two frames at least", data=a, frames=1)
    refused("every must be at least 1", data=a, every=0)
    refused("test without data", test=a)
    monkeypatch.setattr(free_memory, "free_memory", lambda: 1000)
    refused("fits into memory.*0.0179 MB needed, 0.001 MB free.*--every", data=a, seed=3)


def test_a_file_larger_than_memory_is_refused_whole_and_read_thinned(tmp_path, monkeypatch):
    """262 GB that were never written: chunks without values take no room, and are read as zeros."""
    import h5py

    with h5py.File(tmp_path / "large.h5", "w") as file:
        shape = {"time": 10_000, "x": 256, "y": 256}
        w = file.create_dataset("w", (100, *shape.values()), "f4", chunks=(1, 10, 256, 256))
        w.attrs["units"], w[0, 5_000, 3, 4] = "1/T", 1.0
        for name, length in shape.items():
            file[name] = np.arange(length) * 0.1
    with pytest.raises(Invalid, match="at most 100 times its size"):
        Trajectories(data=str(tmp_path / "large.h5")).trajectories("test")
    monkeypatch.setattr(limits, "EXPANSION", 10**7)
    with pytest.raises(Invalid, match=r"1.31e\+03 GB needed"):
        Trajectories(data=str(tmp_path / "large.h5")).trajectories("test")
    thinned = Trajectories(data=str(tmp_path / "large.h5"), every=5_000)
    found = [thinned.trajectories(split) for split in SPLITS]
    assert sum(len(s) for s in found) == 100
    assert {v.shape for s in found for v in s.outputs["w_next"]} == {(1, 256, 256)}
    assert sum(v[0, 3, 4] for s in found for v in s.outputs["w_next"]) == 1.0


def test_a_changed_file_is_read_again(tmp_path):
    path = kept(tmp_path / "a.nc", count=8)
    assert Trajectories(data=path).trajectories("train").inputs[0]["u"].shape == (8,)
    kept(tmp_path / "a.nc", count=8, n=16)
    assert Trajectories(data=path).trajectories("train").inputs[0]["u"].shape == (16,)


def test_without_a_file_waves_travel_and_decay():
    task = Trajectories(frames=3)
    samples, x = task.trajectories("test"), 2 * np.pi * np.arange(64) / 64
    wave = np.fft.rfft(samples.inputs[0]["u"])[1] / 32
    after = np.fft.rfft(samples.outputs["u_next"][0][1])[1] / 32
    assert after == pytest.approx(wave * np.exp(-(DECAY + 1j * SPEED) * 2 * STEP))
    assert x.shape == samples.inputs[0]["u"].shape


@pytest.mark.slow
def test_what_solve_writes_is_learned_from(tmp_path):
    """Round trip: the solver's file, read as trajectories, teaches FNO more than persistence knows."""
    solve(Burgers(n=32, viscosity=0.1), frames=4, count=24).write(tmp_path / "u.nc")
    task = Trajectories(data=str(tmp_path / "u.nc"))
    truth = task.trajectories("test")
    errors = []
    for method in (FNO(width=12, modes=8, layers=3, batch=16), Persistence()):
        fitted = method.fit(task, Budget(steps=100), key=jax.random.key(0))
        rolled = unroll(fitted, task, truth.inputs, 4)["u_next"]
        errors.append(np.mean([relative_l2(a[-1], b[-1]) for a, b in zip(rolled, truth.outputs["u_next"])]))
    assert errors[0] < 0.7 * errors[1]
