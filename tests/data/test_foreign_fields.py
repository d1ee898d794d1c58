"""Files of fields as other programs write them: read as they are meant, or refused with the word that settles it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import xarray as xr

from erlangen.core.errors import Invalid
from erlangen.data.field_files import read_fields, write_fields
from erlangen.data.trajectory_files import header, read_trajectories
from tests.data.test_fields import some

RNG = np.random.default_rng(0)
U = RNG.normal(size=(5, 6, 16)).astype(np.float32)  # [sample, time, x]


def hdf5(path, arrays, **attributes):
    """A file without names of dimensions; attributes[name]: of that array."""
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
            file[name].attrs.update(attributes.get(name, {}))
    return str(path)


def first(text):
    """Header, and the states of trajectory 1."""
    head = header(text)
    ((_, states),) = read_trajectories(head, [1])
    return head, states


LINE = {"time": np.arange(6) * 0.1, "x": np.arange(16) / 16}


@pytest.mark.parametrize("more", [0, 1])
def test_pdebench_lists_one_time_more_than_it_has_states(tmp_path, more):
    coordinates = {"x-coordinate": LINE["x"], "t-coordinate": np.arange(6 + more) * 0.1}
    text = hdf5(tmp_path / "a.h5", {"tensor": U, **coordinates})
    head, states = first(f"{text}:units=1")
    assert (head.count, head.frames, head.grid) == (5, 6, (16,)) and head.dt == pytest.approx(0.1)
    np.testing.assert_array_equal(states["tensor"], U[1])
    assert np.array_equal(first(f"{text}:values=tensor:time=t-coordinate:x=x-coordinate:units=1")[1]["tensor"], U[1])


def test_pdebench_in_two_dimensions_with_channels(tmp_path):
    w = RNG.normal(size=(3, 4, 8, 6, 2))
    axes = {"x-coordinate": np.arange(8.0), "y-coordinate": np.arange(6.0), "t-coordinate": np.arange(5.0)}
    _, states = first(hdf5(tmp_path / "a.h5", {"tensor": w, **axes}) + ":units=1")
    np.testing.assert_array_equal(states["tensor_1"], w[1, ..., 1])


@pytest.mark.parametrize(
    ("stored", "attributes", "meant"),
    [
        (np.round(U * 100).astype("i2"), {"scale_factor": 0.01}, np.round(U * 100).astype("i2") * 0.01),
        (np.ones((5, 6, 16), "i2"), {"scale_factor": np.array([2.0]), "add_offset": 273.0}, 275.0),
        (np.ones((5, 6, 16), ">f8"), {"add_offset": np.float32(0.5), "missing_value": -1.0}, 1.5),
    ],
)
def test_packed_values_are_unpacked(tmp_path, stored, attributes, meant):
    text = hdf5(tmp_path / "a.h5", {"u": stored, **LINE}, u={"units": "K", **attributes})
    _, states = first(text)
    np.testing.assert_allclose(states["u"], np.broadcast_to(meant, U.shape)[1])
    np.testing.assert_allclose(read_fields(text)[6]["u"], np.broadcast_to(meant, U.shape)[1, 0])


@pytest.mark.parametrize("marker", ["_FillValue", "missing_value"])
def test_missing_values_are_found_in_packed_ones(tmp_path, marker):
    stored = np.ones((5, 6, 16), "i2")
    stored[1, 3, 2] = -32768
    text = hdf5(
        tmp_path / "a.h5", {"u": stored, **LINE}, u={"units": "K", marker: np.int16(-32768), "scale_factor": 0.1}
    )
    with pytest.raises(Invalid, match="u of trajectory 1 has NaN or infinite values from frame 3 on"):
        first(text)


@pytest.mark.parametrize("attributes", [{"scale_factor": "one"}, {"add_offset": np.array([1.0, 2.0])}])
def test_packing_that_is_no_number_is_refused(tmp_path, attributes):
    text = hdf5(tmp_path / "a.h5", {"u": np.ones((5, 6, 16), "i2"), **LINE}, u={"units": "K", **attributes})
    with pytest.raises(Invalid, match=r"are numbers.*u has"):
        header(text)


@pytest.mark.parametrize("name", ["a.nc", "a.h5", "a.zarr"])
def test_coordinates_that_descend_are_turned(tmp_path, name):
    values = RNG.normal(size=(2, 3, 4, 8))
    coords = {"time": np.arange(3.0), "lat": [60.0, 30.0, 0.0, -30.0], "lon": np.arange(8) * 45.0}
    data = xr.Dataset({"t2m": (("sample", "time", "lat", "lon"), values, {"units": "K"})}, coords=coords)
    data.to_zarr(tmp_path / name, consolidated=False) if name == "a.zarr" else data.to_netcdf(
        tmp_path / name, engine="h5netcdf"
    )
    head, states = first(f"{tmp_path / name}:x=lon:y=lat")
    assert head.spacing == (45.0, 30.0) and head.boundary == "open"
    np.testing.assert_array_equal(states["t2m"], values[1, :, ::-1].swapaxes(1, 2))
    np.savez(tmp_path / "b.npz", x=[3.0, 2.0, 1.0], u=np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    assert [f["u"].tolist() for f in read_fields(tmp_path / "b.npz")] == [[3, 2, 1], [6, 5, 4]]


@pytest.mark.parametrize(
    ("sides", "boundary"),
    [
        ({"x_wall": "WALL", "y_wall": "WALL"}, "walls"),
        ({"x_periodic": "PERIODIC", "y_periodic": "PERIODIC"}, "periodic"),
        ({"x_periodic": b"PERIODIC", "y_open": b"OPEN"}, "x_periodic periodic, y_open open"),
    ],
)
def test_boundaries_of_the_well(tmp_path, sides, boundary):
    axes = {"dimensions/time": np.arange(5.0), "dimensions/x": np.arange(8.0), "dimensions/y": np.arange(6.0)}
    text = hdf5(tmp_path / "a.h5", {"t0_fields/density": np.zeros((4, 5, 8, 6)), **axes})
    with h5py.File(text, "r+") as file:
        for side, kind in sides.items():
            group = file.create_group(f"boundary_conditions/{side}")
            group.attrs["bc_type"], group["mask"] = kind, np.zeros(8, bool)
    assert header(f"{text}:units=1").boundary == boundary
    assert header(f"{text}:units=1:boundary=walls").boundary == "walls"


@pytest.mark.parametrize("stated", ["Periodic", b"periodic", np.array([b"PERIODIC"])])
def test_a_boundary_is_one_word_however_it_is_written(tmp_path, stated):
    text = hdf5(tmp_path / "a.h5", {"u": U, **LINE}, u={"units": "1"})
    with h5py.File(text, "r+") as file:
        file.attrs["boundary"] = stated
    assert header(text).boundary == "periodic"


def test_an_order_of_dimensions_that_could_be_another_is_refused(tmp_path):
    cube = RNG.normal(size=(5, 8, 8, 8))
    axes = {"time": np.arange(8.0), "x": np.arange(8.0), "y": np.arange(8.0)}
    text = hdf5(tmp_path / "a.h5", {"u": cube, **axes}, u={"units": "1"})
    with pytest.raises(Invalid, match=r"\[sample, time, x, y\] or \[sample, x, y, time\].*a.h5:dims="):
        header(text)
    _, states = first(f"{text}:dims=sample+x+y+time")
    np.testing.assert_array_equal(states["u"], np.moveaxis(cube[1], -1, 0))
    _, states = first(f"{text}:dims=sample+time+x+y")
    np.testing.assert_array_equal(states["u"], cube[1])
    square = hdf5(tmp_path / "b.h5", {"u": cube[0, 0], "time": axes["time"], "x": axes["x"]}, u={"units": "1"})
    with pytest.raises(Invalid, match=r"\[time, x\] or \[x, time\]"):
        header(square)
    np.savez(tmp_path / "c.npz", x=axes["x"], u=cube[0, 0])
    with pytest.raises(Invalid, match=r"\[sample, x\] or \[x, component\]"):
        read_fields(tmp_path / "c.npz")
    fields = read_fields(f"{tmp_path / 'c.npz'}:dims=x+sample")
    np.testing.assert_array_equal([f["u"] for f in fields], cube[0, 0].T)


def test_time_last_and_channels_in_the_middle_are_read_where_lengths_say_so(tmp_path):
    last = hdf5(tmp_path / "a.h5", {"u": np.moveaxis(U, 1, 2), **LINE}, u={"units": "1"})
    np.testing.assert_array_equal(first(last)[1]["u"], U[1])
    middle = hdf5(tmp_path / "b.h5", {"u": np.stack([U, 2 * U], axis=2), **LINE}, u={"units": "1"})
    np.testing.assert_array_equal(first(middle)[1]["u_1"], 2 * U[1])


@pytest.mark.parametrize("kind", ["f2", ">f4", ">f8", "f8"])
def test_numbers_come_in_the_order_and_precision_of_the_machine(tmp_path, kind):
    text = hdf5(tmp_path / "a.h5", {"u": U.astype(kind), **LINE}, u={"units": "1"})
    values = first(text)[1]["u"]
    assert values.dtype in (np.float32, np.float64) and values.dtype.isnative
    np.testing.assert_allclose(values, U[1], rtol=2e-3, atol=1e-4)
    assert read_fields(text)[0]["u"].dtype.isnative
    data = xr.Dataset({"u": (("sample", "time", "x"), U, {"units": "1"})}, coords=LINE)
    data.to_netcdf(tmp_path / "classic.nc", engine="scipy")  # big-endian
    np.testing.assert_array_equal(first(str(tmp_path / "classic.nc"))[1]["u"], U[1])


@pytest.mark.parametrize(
    "dims", [("sample", "time", "x", "z"), ("sample", "z", "time", "x"), ("sample", "member", "time", "x")]
)
def test_axes_of_one_point_are_dropped(tmp_path, dims):
    shape = [{"sample": 5, "time": 6, "x": 16}.get(d, 1) for d in dims]
    data = xr.Dataset({"u": (dims, U.reshape(shape), {"units": "1"})}, coords={**LINE, "z": [10.0]})
    data = data if "z" in dims else data.drop_vars("z")
    data.to_netcdf(tmp_path / "a.nc")
    head, states = first(str(tmp_path / "a.nc"))
    assert head.grid == (16,) and list(states) == ["u"]
    np.testing.assert_array_equal(states["u"], U[1])


@pytest.mark.parametrize("units", [np.array(["m", "s"], dtype=object), np.array([1, 2])])
def test_units_that_are_no_text_are_refused(tmp_path, units):
    text = hdf5(tmp_path / "a.h5", {"u": U, **LINE}, u={"units": units})
    for read in (header, read_fields):
        with pytest.raises(Invalid, match=r"a unit is one text.*u has the units"):
            read(text)


@pytest.mark.parametrize("units", [b"K", np.array(["K"], dtype=object), "K"])
def test_units_are_text_however_they_are_stored(tmp_path, units):
    text = hdf5(tmp_path / "a.h5", {"u": U, **LINE}, u={"units": units})
    assert header(text).units == {"u": "K"}
    with pytest.raises(Invalid, match="u is in m/s"):
        read_fields(text, units={"u": "m/s"})


@pytest.mark.parametrize("name", ["g.h5", "g.nc", "g.zarr"])
def test_scales_name_dimensions(tmp_path, name):
    """What xarray writes has no labels: the names are those of the attached coordinates."""
    A = RNG.normal(size=(6, 6))
    data = xr.Dataset({"u": (("y", "x"), A)}, coords={"x": np.arange(6.0), "y": np.arange(6.0) / 2})
    data.to_zarr(tmp_path / name, consolidated=False) if name == "g.zarr" else data.to_netcdf(
        tmp_path / name, engine="h5netcdf"
    )
    (field,) = read_fields(tmp_path / name)
    np.testing.assert_array_equal(field["u"], A.T)
    assert field.spacing == (1.0, 0.5)


def test_scales_of_h5py_in_groups_name_dimensions_too(tmp_path):
    A = RNG.normal(size=(2, 6, 6))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for axis in "xy":
            file[f"grid/{axis}"] = np.arange(6.0)
            file[f"grid/{axis}"].make_scale(axis)
        file["u"] = A
        file["u"].dims[1].attach_scale(file["grid/y"])
        file["u"].dims[2].attach_scale(file["grid/x"])
    fields = read_fields(tmp_path / "a.h5", axes=["grid/x", "grid/y"])
    np.testing.assert_array_equal(fields[1]["u"], A[1].T)


@pytest.mark.parametrize("components", [0, 2])
def test_xarray_opens_our_hdf5(tmp_path, components):
    fields = some(3, (4, 6), components)
    write_fields(tmp_path / "a.h5", fields, units={"u": "m/s"})
    with xr.open_dataset(tmp_path / "a.h5", engine="h5netcdf") as data:
        assert data.u.dims[:3] == ("sample", "x", "y") and data.u.units == "m/s"
        np.testing.assert_array_equal(data.u[1], fields[1]["u"])
        np.testing.assert_allclose(data.y, 0.2 * np.arange(6))


def test_one_parameter_of_each_trajectory_goes_with_it(tmp_path):
    data = xr.Dataset({"u": (("sample", "time", "x"), U, {"units": "1"}), "nu": (("sample",), np.arange(5.0))}, LINE)
    data.attrs["g"] = np.array([9.8])
    data.to_netcdf(tmp_path / "a.nc")
    ((x, _),) = read_trajectories(header(str(tmp_path / "a.nc")), [3])
    assert x.parameters == {"nu": 3.0, "g": 9.8}


def test_damaged_files_and_sizes_beyond_memory_are_one_message(tmp_path):
    text = hdf5(tmp_path / "a.h5", {"u": U, **LINE}, u={"units": "1"})
    whole = (tmp_path / "a.h5").read_bytes()
    for place in range(0, len(whole), 97):
        damaged = bytearray(whole)
        damaged[place : place + 8] = RNG.bytes(8)
        (tmp_path / "a.h5").write_bytes(damaged)
        try:
            first(text)
        except Invalid:
            continue
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("x", (10**12,), "f8", chunks=(1000,))
        file.create_dataset("u", (10**12,), "f8", chunks=(1000,))
    with pytest.raises(Invalid, match="at most 100 times its size"):
        read_fields(tmp_path / "b.h5")
