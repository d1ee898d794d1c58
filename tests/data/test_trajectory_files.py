"""Files of trajectories: what is written comes back from every format and layout; the rest is refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.core.systems import Field
from erlangen.data.trajectory_files import header, read_trajectories, write_trajectories

FORMATS = ("a.nc", "a.zarr", "a.h5")


def written(path, count=3, frames=5, grid=(8, 6), components=(), **changes):
    """Random trajectories of w (with components) above a fixed source; returns them."""
    rng = np.random.default_rng(0)
    states = [rng.normal(size=(frames, *grid, *components)).astype(np.float32) for _ in range(count)]
    spacing = tuple(0.1 * (i + 1) for i in range(len(grid)))
    fields = [Field({"w": s[0], "source": rng.normal(size=grid)}, spacing, "walls", {"nu": 0.25}) for s in states]
    options = {"dt": 0.5, "units": {"w": "1/T", "source": "1/T^2", "time": "T"}, "attributes": {"history": "now"}}
    write_trajectories(path, fields, {"w": states}, **(options | changes))
    return fields, states


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("grid", [(8,), (8, 6), (4, 5, 6)], ids=str)
def test_trajectories_come_back(tmp_path, name, count, grid):
    fields, states = written(tmp_path / name, count, grid=grid)
    head = header(str(tmp_path / name))
    assert (head.count, head.frames, head.dt, head.grid) == (count, 5, 0.5, grid)
    assert head.spacing == pytest.approx(fields[0].spacing) and head.boundary == "walls"
    assert head.units == {"w": "1/T", "source": "1/T^2"} and head.parameters == {"nu": 0.25}
    for (x, read), field, state in zip(read_trajectories(head, range(count)), fields, states, strict=True):
        np.testing.assert_array_equal(read["w"], state)
        np.testing.assert_array_equal(x["source"], field["source"])
        np.testing.assert_array_equal(x["w"], state[0])
        assert read["w"].dtype == np.float32


@pytest.mark.parametrize("name", FORMATS)
def test_thinned_and_chosen(tmp_path, name):
    _, states = written(tmp_path / name, frames=9)
    found = list(read_trajectories(header(str(tmp_path / name)), [2, 0], every=3, frames=2))
    for (_, read), row in zip(found, (2, 0), strict=True):
        np.testing.assert_array_equal(read["w"], states[row][[0, 3]])


def test_components_become_quantities(tmp_path):
    _, states = written(tmp_path / "a.nc", components=(2,))
    head = header(str(tmp_path / "a.nc"))
    assert [c.name for c in head.evolving] == ["w_0", "w_1"]
    _, read = next(iter(read_trajectories(head, [1])))
    np.testing.assert_array_equal(read["w_1"], states[1][..., 1])


def test_xarray_opens_what_is_written(tmp_path):
    import xarray

    written(tmp_path / "a.nc", count=1)
    with xarray.open_dataset(tmp_path / "a.nc") as data:
        assert data.w.dims == ("time", "x", "y") and data.source.dims == ("x", "y")
        assert data.w.units == "1/T" and data.time.units == "T" and data.attrs["history"] == "now"
        assert float(data.w.sel(time=1.0, x=0.3, y=0.4, method="nearest")) == float(data.w[2, 3, 2])


def test_layouts_of_other_people(tmp_path):
    """Time last and called otherwise; a tensor without names of dimensions; parameters per sample are no quantity."""
    import h5py
    import xarray

    values = np.random.default_rng(0).normal(size=(4, 3, 5))
    data = xarray.Dataset(
        {"t2m": (("lon", "run", "hours"), values, {"units": "K"}), "albedo": (("run",), [0.1, 0.2, 0.3])},
        coords={"lon": np.arange(4.0), "hours": ("hours", [0, 6, 12, 18, 24], {"units": "hours since 2000-01-01"})},
    )
    data.to_netcdf(tmp_path / "era.nc")
    head = header(f"{tmp_path / 'era.nc'}:time=hours:x=lon:sample=run")
    assert head.dt == 6.0 and head.count == 3 and [c.name for c in head.evolving] == ["t2m"]
    _, read = next(iter(read_trajectories(head, [1])))
    np.testing.assert_array_equal(read["t2m"], values[:, 1].T)
    with h5py.File(tmp_path / "b.h5", "w") as file:  # as in PDEBench
        file["tensor"], file["x-coordinate"], file["t-coordinate"] = values, np.arange(5.0), np.arange(3.0)
    head = header(f"{tmp_path / 'b.h5'}:time=t-coordinate:x=x-coordinate:units=m/s")
    assert (head.count, head.frames, head.units) == (4, 3, {"tensor": "m/s"})
    _, read = next(iter(read_trajectories(head, [3])))
    np.testing.assert_array_equal(read["tensor"], values[3])


@pytest.mark.parametrize("name", FORMATS)
def test_bad_files(tmp_path, name):
    path = tmp_path / name

    def refused(match, words=""):
        with pytest.raises(Invalid, match=match) as caught:
            list(read_trajectories(header(f"{path}{words}"), range(3)))
        assert name in str(caught.value)

    refused("no file")
    written(path)
    refused("Did you mean: .*w", ":values=ww")
    refused("Did you mean: .*time", ":time=times")
    refused("Did you mean: .*values", ":vales=w")
    refused("one unit for all", ":units=m+s+K")
    written(path, units={"w": "1/T"})
    refused("none for source.*units=m/s")
    _, states = written(path)
    states[1][3, 2, 1] = np.nan
    fields = [Field({"w": s[0]}, (0.1, 0.2)) for s in states]
    write_trajectories(path, fields, {"w": states}, dt=0.5, units={"w": "1"}, attributes={})
    refused("w of trajectory 1 has NaN or infinite values from frame 3 on")
    if path.is_file():
        path.write_bytes(path.read_bytes()[:300])
        refused("read to their end")


def test_bad_axes(tmp_path):
    import xarray

    def kept(**coords):
        data = xarray.Dataset({"u": (("time", "x"), np.zeros((3, 4)), {"units": "1"})}, coords=coords)
        data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        return str(tmp_path / "a.nc")

    for coords, match in (
        ({"time": [0.0, 1.0, 3.0], "x": np.arange(4.0)}, "steps of time range from 1 to 2"),
        ({"time": [0.0, 1.0, 2.0], "x": [0.0, 1.0, 2.0, 4.0]}, "steps of x range from 1 to 2"),
        ({"time": [2.0, 1.0, 0.0], "x": np.arange(4.0)}, "ascending"),
        ({"time": [0.0, 1.0, 2.0]}, "called x, y, z"),
        ({"x": np.arange(4.0)}, "called time or t"),
    ):
        with pytest.raises(Invalid, match=match):
            header(kept(**coords))
    np.savez(tmp_path / "a.npz", u=np.zeros((3, 4)))
    with pytest.raises(Invalid, match="read in parts"):
        header(str(tmp_path / "a.npz"))
