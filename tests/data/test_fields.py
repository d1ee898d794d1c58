"""Files of fields: every format gives back what went in; foreign layouts are understood or refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erlangen.core.errors import Invalid
from erlangen.core.systems import Field
from erlangen.data.field_files import read_fields, write_fields

FORMATS = ("a.h5", "a.nc", "a.zarr", "a.npz")


def some(count=3, grid=(8, 6), components=0, seed=0):
    rng = np.random.default_rng(seed)
    shape = grid + ((components,) if components else ())
    spacing = tuple(0.1 * (i + 1) for i in range(len(grid)))
    return [
        Field(
            {"w": rng.normal(size=grid), "u": rng.normal(size=shape).astype(np.float32)},
            spacing,
            "walls",
            {"nu": 0.1 * i},
        )
        for i in range(1, count + 1)
    ]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=8, deadline=None)
@given(
    st.integers(1, 4), st.lists(st.integers(2, 7), min_size=1, max_size=3), st.sampled_from([0, 2]), st.integers(0, 99)
)
def test_fields_come_back(tmp_path_factory, name, count, grid, components, seed):
    path = tmp_path_factory.mktemp("fields") / name
    fields = some(count, tuple(grid), components, seed)
    write_fields(path, fields, units={"u": "m/s", "x": "m"})
    back = read_fields(path, units={"u": "m/s"})
    assert len(back) == count
    for a, b in zip(fields, back):
        assert b.spacing == pytest.approx(a.spacing, rel=1e-12) and b.boundary == "walls"
        assert b.values.keys() == a.values.keys() and b.parameters == a.parameters
        for n in a.values:
            assert np.array_equal(a.values[n], b.values[n]) and a.values[n].dtype == b.values[n].dtype
    with pytest.raises(Invalid, match="states"):
        read_fields(path, units={"u": "km/h"})


@pytest.mark.parametrize("name", FORMATS)
def test_intervals_are_written_beside_and_a_file_is_replaced_whole(tmp_path, name):
    fields = some()
    write_fields(tmp_path / name, some(count=1))
    extra = [{"w_low": f.values["w"] - 1, "w_high": f.values["w"] + 1} for f in fields]
    write_fields(tmp_path / name, fields, extra)
    (back,) = read_fields(tmp_path / name, ["w_high"])[1:2]
    assert np.array_equal(back.values["w_high"], fields[1].values["w"] + 1)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", FORMATS)
def test_bad_fields(tmp_path, name):
    path = tmp_path / name
    fields = some()

    def refused(match, **asked):
        with pytest.raises(Invalid, match=match) as caught:
            read_fields(path, **asked)
        assert name in str(caught.value)

    refused("no file")
    write_fields(path, fields)
    refused("Did you mean: .*w", values=["vv"])
    refused("Did you mean: .*y", axes=["x", "yy"])
    fields[1].values["w"][2, 3] = np.nan
    write_fields(path, fields)
    refused("w has NaN or infinite values in 1 samples, as in sample 1")
    if path.is_dir():
        return
    path.write_bytes(path.read_bytes()[:700])
    refused("read to their end")
    path.write_bytes(b"")
    refused("read to their end")


def test_layouts_of_other_people(tmp_path):
    """Coordinates called lon and lat, time in the middle, descending or stretched axes, no coordinates at all."""
    import h5py
    import xarray

    values = np.arange(2.0 * 3 * 4).reshape(3, 2, 4)
    data = xarray.Dataset(
        {"t2m": (("lat", "time", "lon"), values), "level": (("time",), [5.0, 7.0])},
        coords={"lat": [0.0, 1.0, 2.0], "lon": [0.0, 0.5, 1.0, 1.5]},
    )
    data.to_netcdf(tmp_path / "era.nc")
    fields = read_fields(tmp_path / "era.nc", axes=["lon", "lat"], samples="time")
    assert np.array_equal(fields[1].values["t2m"], values[:, 1].T) and fields[1].spacing == (0.5, 1.0)
    assert fields[1].parameters["level"] == 7.0
    with pytest.raises(Invalid, match="called x, y, z"):
        read_fields(tmp_path / "era.nc")
    with pytest.raises(Invalid, match="Did you mean: time"):
        read_fields(tmp_path / "era.nc", axes=["lon", "lat"], samples="tim")
    np.savez(tmp_path / "a.npz", x=[0.0, 1.0, 3.0], u=np.zeros((2, 3)))
    with pytest.raises(Invalid, match="uniform"):
        read_fields(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x=[0.0, 0.0, 1.0], u=np.zeros((2, 3)))
    with pytest.raises(Invalid, match="ascending"):
        read_fields(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x=np.linspace(0, 1, 1000, dtype=np.float32), u=np.zeros(1000), nu=0.1)
    (field,) = read_fields(tmp_path / "a.npz")
    assert field.parameters == {"nu": 0.1} and field.spacing[0] == pytest.approx(1 / 999)
    with h5py.File(tmp_path / "b.h5", "w") as file:  # as in PDEBench: coordinates beside the tensor, time first
        file["grid/x"] = np.linspace(0, 1, 5)
        file["tensor"] = np.ones((7, 5))
        file["broken"] = np.ones((7, 4))
    assert len(read_fields(tmp_path / "b.h5", axes=["grid/x"])) == 7
    with pytest.raises(Invalid, match="shape \\(7, 4\\)"):
        read_fields(tmp_path / "b.h5", ["broken"], axes=["grid/x"])


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(Invalid, match="none"):
        write_fields(tmp_path / "a.nc", [])
    with pytest.raises(Invalid, match="share their grid"):
        write_fields(tmp_path / "a.nc", [*some(1), *some(1, (4, 4))])
    with pytest.raises(Invalid, match="one set of extra"):
        write_fields(tmp_path / "a.nc", some(), [{}])
    with pytest.raises(Invalid, match="names of their own"):
        write_fields(tmp_path / "a.nc", [Field({"x": np.ones(3)}, (1.0,))])
    with pytest.raises(Invalid, match=r"Did you mean: \.nc"):
        write_fields(tmp_path / "a.ncc", some())
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="can be written"):
        write_fields(tmp_path / "file" / "a.nc", some())
