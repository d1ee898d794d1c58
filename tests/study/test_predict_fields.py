"""Predictions for fields: every state of trajectories, beside all that the file holds; never over another file."""

from __future__ import annotations

import logging
import resource
import shutil

import h5py
import numpy as np
import pytest
import xarray as xr

from erlangen.core.errors import Invalid
from erlangen.data.trajectory_files import header
from erlangen.methods.baselines.persistence import Persistence
from erlangen.study.predict import predict
from erlangen.study.run import load, run
from erlangen.tasks.continuum.trajectories import Trajectories

U = np.random.default_rng(0).normal(size=(8, 5, 12)).astype(np.float32)  # [sample, time, x]


def waves(path, values=U, x=None, **attributes):
    coords = {"time": ("time", np.arange(5) * 0.5), "x": ("x", np.arange(12) / 12 if x is None else x, {"units": "m"})}
    data = xr.Dataset(
        {"u": (("sample", "time", "x"), values, {"units": "m/s"})}, coords, {"title": "waves", **attributes}
    )
    if path.suffix == ".zarr":
        data.to_zarr(path, consolidated=False)
    else:
        data.to_netcdf(path, engine="h5netcdf")
    return path


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A run that says u(t + dt) = u(t), of waves with a viscosity."""
    root = tmp_path_factory.mktemp("still")
    task = Trajectories(data=str(waves(root / "train.nc", viscosity=0.01)))
    return run(task, Persistence(), runs=root, quiet=True).folder


def opened(path):
    return (
        xr.open_zarr(path, consolidated=False) if path.suffix == ".zarr" else xr.open_dataset(path, engine="h5netcdf")
    )


@pytest.mark.parametrize("name", ["a.nc", "a.h5", "a.zarr"])
def test_every_state_is_answered_beside_all_that_the_file_holds(still, tmp_path, name):
    done = predict(still, waves(tmp_path / name, x=np.arange(12) / 12 - np.pi, viscosity=0.01))
    assert done.count == 40 and done.path == tmp_path / name.replace("a.", "a.predicted.")
    with opened(tmp_path / name) as before, opened(done.path) as after:
        xr.testing.assert_identical(after.drop_vars("predicted_u_next").load(), before.load())
        assert after.predicted_u_next.dims == ("sample", "time", "x") and after.predicted_u_next.units == "m/s"
        np.testing.assert_allclose(after.predicted_u_next, U, rtol=1e-6)
    np.testing.assert_allclose(done.errors["u_next [m/s]"], np.abs(np.diff(U, axis=1)).mean(), rtol=1e-5)


def test_the_file_that_was_trained_on_is_answered(still):
    done = predict(still, load(still).record.task_fields["data"])
    assert done.count == 40
    done.path.unlink()


def test_other_names_orders_and_directions_come_back_as_they_are(still, tmp_path):
    """Words behind the name of the file; x descends, time is last, and x is called X."""
    turned = np.moveaxis(U[:, :, ::-1], 1, 2)
    coords = {"T": np.arange(5) * 0.5, "X": np.arange(12)[::-1] / 12}
    data = xr.Dataset({"v": (("run", "X", "T"), turned, {"units": "m/s"})}, coords)
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    done = predict(still, f"{tmp_path / 'a.nc'}:values=v:time=T:x=X:sample=run")
    with xr.open_dataset(done.path) as after:
        assert after.predicted_u_next.dims == ("run", "X", "T")
        np.testing.assert_allclose(after.predicted_u_next, turned, rtol=1e-6)
    assert done.errors
    with pytest.raises(Invalid, match=r"Did you mean: .*v"):
        predict(still, f"{tmp_path / 'a.nc'}:values=w:time=T:x=X:sample=run", tmp_path / "b.nc")
    with pytest.raises(Invalid, match="a word behind"):
        predict(still, f"{tmp_path / 'a.nc'}:pbc=no", tmp_path / "b.nc")


def test_arrays_without_names_of_dimensions_and_other_formats(still, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["u"], file["time"], file["x"] = U, np.arange(6) * 0.5, np.arange(12) / 12  # one time more
        file["notes"], file.attrs["title"] = "kept", "waves"
    done = predict(still, tmp_path / "a.h5")
    with h5py.File(done.path) as file:
        np.testing.assert_allclose(file["predicted_u_next"][()], U, rtol=1e-6)
        assert file["notes"][()] == b"kept" and file.attrs["title"] == "waves"
    np.savez(tmp_path / "a.npz", u=U[0, 0], x=np.arange(12) / 12)
    with np.load(predict(still, tmp_path / "a.npz").path) as file:
        np.testing.assert_allclose(file["predicted_u_next"], U[0, 0], rtol=1e-6)
    predict(still, waves(tmp_path / "b.nc"), tmp_path / "b.h5")
    assert header(str(tmp_path / "b.h5:values=predicted_u_next")).frames == 5


def test_nothing_is_replaced_unasked(still, tmp_path):
    path = waves(tmp_path / "a.nc")
    predict(still, path)
    before = (tmp_path / "a.predicted.nc").read_bytes()
    for output in (None, tmp_path / "a.predicted.nc"):
        with pytest.raises(Invalid, match=r"replaced unasked.*a.predicted.nc exists.*--force"):
            predict(still, path, output)
    assert (tmp_path / "a.predicted.nc").read_bytes() == before
    assert predict(still, path, force=True).count == 40
    with pytest.raises(Invalid, match=r"names of predictions are free.*predicted_u_next"):
        predict(still, tmp_path / "a.predicted.nc")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nc", "a.predicted.nc"]


@pytest.mark.parametrize("name", ["a.nc", "a.h5", "a.npz"])
def test_a_full_disk_leaves_nothing(still, tmp_path, name):
    path = waves(tmp_path / "a.nc") if name != "a.h5" else waves(tmp_path / "a.h5")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # so large a file may be, and no larger
    try:
        with pytest.raises(Invalid, match="the output can be written") as told:
            predict(still, path, tmp_path / f"out{name[1:]}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert f"out{name[1:]}" in str(told.value) and ".erlangen" not in str(told.value)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_what_training_never_saw_is_said(still, tmp_path, caplog):
    def told(values=U, **attributes) -> str:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            shutil.rmtree(tmp_path / "a.nc", ignore_errors=True)
            predict(still, waves(tmp_path / "a.nc", values, **attributes), force=True)
        return caplog.text

    assert told(viscosity=0.01) == ""
    assert "viscosity is 0.5, the training data had 0.01" in told(viscosity=0.5)
    assert "viscosity is 0.5" in told(viscosity=np.array([0.5]))
    assert "|u| reaches" in told(1e6 * U) and "40 of 40 samples" in caplog.text
    assert "|u| reaches" in told(1e-6 * U)


def test_states_that_lie_further_apart_are_answered_and_said(still, tmp_path, caplog):
    coords = {"time": np.arange(5) * 0.75, "x": np.arange(12) / 12}
    xr.Dataset({"u": (("sample", "time", "x"), U, {"units": "m/s"})}, coords).to_netcdf(tmp_path / "a.nc")
    assert predict(still, tmp_path / "a.nc").errors == {}
    assert "states are 0.75 apart; answers are 0.5 later" in caplog.text
