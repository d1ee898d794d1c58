"""Fields from foreign files and back: HDF5, NetCDF, Zarr and npz.

    read_fields(path, values=None, *, axes=None, samples=None, units=None) -> list[Field]
    write_fields(path, fields, extra=None, *, units=None) -> None

What erlangen writes are plain self-describing files: one dimension `sample`, one per axis (x, y, z) with its
coordinate, one array [sample, x(, y(, z))(, component)] per quantity with its `units`, parameters as arrays [sample].
NetCDF and Zarr go through xarray, so dimensions of files from elsewhere are known by name. HDF5 and npz need not carry
names of dimensions: there the coordinates are datasets called x, y, z (or named by `axes`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ..core.arrays import AnyArray
from ..core.errors import Invalid, unknown
from ..core.systems import Field

AXES = ("x", "y", "z")
SAMPLE, BOUNDARY = "sample", "boundary"
SUFFIXES = {".h5": "hdf5", ".hdf5": "hdf5", ".nc": "netcdf", ".nc4": "netcdf", ".zarr": "zarr", ".npz": "npz"}
Arrays = dict[str, tuple[tuple[str, ...] | None, np.ndarray]]  # name -> names of dimensions where known, values


def read_fields(
    path: str | os.PathLike[str],
    values: Sequence[str] | None = None,
    *,
    axes: Sequence[str] | None = None,
    samples: str | None = None,
    units: Mapping[str, str] | None = None,
) -> list[Field]:
    """All samples of a file of fields on a uniform grid, as `Field` containers of NumPy arrays.

    values: names of the quantities; default: every array that has all axes. axes: names of the coordinates, in the
    order of the grid; default: those of x, y, z that are there. samples: name of the dimension that counts samples;
    default "sample", or the only leading dimension that is not an axis. Coordinates must be uniform; their step is the
    spacing. units: what each quantity is expected in, e.g. {"u": "m/s"}; a file that states another unit is refused.
    """
    path = Path(path)
    arrays, attributes = _load(path)
    names = _axes(path, arrays, axes)
    spacing = tuple(uniform_step(path, name, arrays[name][1]) for name in names)
    lengths = tuple(len(arrays[name][1]) for name in names)
    _check_units(path, attributes.get("units", {}), units or {})
    wanted = list(values) if values is not None else _with_axes(arrays, names, lengths)
    if not wanted:
        raise Invalid(
            must=f"some array has the axes {', '.join(names)} of lengths {lengths}",
            came=f"{path} with {_shapes(arrays)}",
            do="Name the arrays and their axes: read_fields(path, values=[...], axes=[...]).",
        )
    columns = {}
    for name in wanted:
        if name not in arrays:
            raise unknown(f"a variable of {path}", name, [n for n in arrays if n not in names])
        columns[name] = _samples_first(path, name, *arrays[name], names, lengths, samples)
    count = len(next(iter(columns.values())))
    if any(len(column) != count for column in columns.values()):
        raise Invalid(
            must="all variables have the same number of samples",
            came=f"{path}: { {n: len(c) for n, c in columns.items()} }",
            do="Read them one by one.",
        )
    _finite(path, columns)
    parameters = {
        name: array
        for name, (_, array) in arrays.items()
        if name not in columns and name not in names and array.shape == (count,) and array.dtype.kind in "biuf"
    }
    scalars: dict[str, Float[AnyArray, ""] | float] = {
        n: v for n, v in attributes.items() if isinstance(v, int | float) and not isinstance(v, bool)
    }
    boundary = str(attributes.get(BOUNDARY, "periodic"))
    return [
        Field(
            {n: c[i] for n, c in columns.items()},
            spacing,
            boundary,
            scalars | {n: p[i].item() for n, p in parameters.items()},
        )
        for i in range(count)
    ]


def write_fields(
    path: str | os.PathLike[str],
    fields: Sequence[Field],
    extra: Sequence[Mapping[str, Any]] | None = None,
    *,
    units: Mapping[str, str] | None = None,
) -> None:
    """Write fields of one grid; extra[i]: further arrays on the grid of sample i (predictions, ends of intervals);
    units: name of a quantity or axis -> unit.

    The file appears under its name only when it is complete.
    """
    arrays, attributes = _tables(fields, extra)
    write_arrays(path, arrays, attributes, units or {})


def write_arrays(
    path: str | os.PathLike[str], arrays: Arrays, attributes: Mapping[str, Any], units: Mapping[str, str]
) -> None:
    """Write arrays with the names of their dimensions; one that is named like its only dimension is a coordinate.

    attributes: of the whole file (numbers and texts). units of names that are not there are left out.
    """
    path = Path(path)
    kind = kind_of(path)
    units = {name: unit for name, unit in units.items() if name in arrays}
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "npz":
            dimensions = json.dumps({n: dims for n, (dims, _) in arrays.items()})
            texts = {**attributes, "units": json.dumps(units), "dimensions": dimensions}
            named = {n: a for n, (_, a) in arrays.items()} | {n: np.array(text) for n, text in texts.items()}
            with open(draft, "wb") as file:
                np.savez(file, allow_pickle=False, **named)  # pyright: ignore[reportArgumentType]
        elif kind == "hdf5":
            _write_hdf5(draft, arrays, attributes, units)
        else:
            import xarray

            dataset = xarray.Dataset({n: (d, a) for n, (d, a) in arrays.items()}, attrs=attributes)
            for name, unit in units.items():
                dataset[name].attrs["units"] = unit
            if kind == "zarr":
                dataset.to_zarr(draft, mode="w", consolidated=False)
            else:
                dataset.to_netcdf(draft, engine="h5netcdf")
        if path.is_dir() and kind == "zarr":
            shutil.rmtree(path)
        os.replace(draft, path)
    except OSError as error:
        raise Invalid(
            must="the output can be written", came=f"{path}: {error}", do="Choose another folder or free some space."
        ) from None
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        with contextlib.suppress(OSError):
            draft.unlink()


def kind_of(path: Path) -> str:
    """The format that the suffix of a name stands for, refused where there is none."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise unknown("the ending of a file of fields", suffix or path.name, SUFFIXES)
    return SUFFIXES[suffix]


def _tables(fields: Sequence[Field], extra: Sequence[Mapping[str, Any]] | None) -> tuple[Arrays, dict[str, Any]]:
    if not fields:
        raise Invalid(must="there is a field to write", came="none", do="Pass at least one.")
    first = fields[0]
    shapes = {n: np.shape(v) for n, v in first.values.items()}
    for i, field in enumerate(fields):
        if {n: np.shape(v) for n, v in field.values.items()} != shapes or field.spacing != first.spacing:
            raise Invalid(
                must="all fields of one file share their grid",
                came=f"field {i} differs from field 0",
                do="Write one file per grid.",
            )
    more = list(extra) if extra is not None else [{}] * len(fields)
    if len(more) != len(fields):
        raise Invalid(must="there is one set of extra values per field", came=str(len(more)), do="Pass one per field.")
    taken = [
        name
        for name in [*shapes, *first.parameters, *more[0]]
        if name in (*AXES, BOUNDARY, "units", "dimensions", "file")
    ]
    if taken:
        raise Invalid(
            must="quantities have names of their own", came=f"{taken}, which name the grid", do="Rename them."
        )
    d = len(first.spacing)
    grid = next(iter(shapes.values()))[:d]
    arrays: Arrays = {n: ((n,), points) for n, points in zip(AXES, first.coordinates(grid))}
    for name in [*first.values, *more[0]]:
        stacked = np.stack([np.asarray({**f.values, **e}[name]) for f, e in zip(fields, more)])
        components = [f"{name}_component{i or ''}" for i in range(stacked.ndim - 1 - d)]
        arrays[name] = ((SAMPLE, *AXES[:d], *components), stacked)
    for name in first.parameters:
        arrays[name] = ((SAMPLE,), np.asarray([np.asarray(f.parameters[name]) for f in fields]))
    return arrays, {BOUNDARY: first.boundary}


def _write_hdf5(path: Path, arrays: Arrays, attributes: Mapping[str, Any], units: Mapping[str, str]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        scales = [name for name, (dims, _) in arrays.items() if dims == (name,)]
        for name in scales:
            file.create_dataset(name, data=arrays[name][1]).make_scale(name)
        for name in (n for n in arrays if n not in scales):
            dims, array = arrays[name]
            dataset = file.create_dataset(name, data=array)
            for i, dim in enumerate(dims or ()):
                dataset.dims[i].label = dim
                if dim in scales:
                    dataset.dims[i].attach_scale(file[dim])
        for name, unit in units.items():
            file[name].attrs["units"] = unit


def _load(path: Path) -> tuple[Arrays, dict[str, Any]]:
    kind = kind_of(path)
    if not path.exists():
        raise Invalid(must="the file exists", came=f"no file {path}", do="Check the path.")
    try:
        if kind == "npz":
            with np.load(path, allow_pickle=False) as file:
                arrays: Arrays = {n: (None, file[n]) for n in file.files}
        elif kind == "hdf5":
            return _load_hdf5(path)
        else:
            import xarray

            opened = xarray.open_zarr(path, consolidated=False) if kind == "zarr" else xarray.open_dataset(path)
            with opened as dataset:
                arrays = {str(n): (tuple(map(str, v.dims)), np.asarray(v.values)) for n, v in dataset.variables.items()}
                attributes = {str(n): _plain(v) for n, v in dataset.attrs.items()}
                stated = {str(n): str(v.attrs["units"]) for n, v in dataset.variables.items() if "units" in v.attrs}
                return arrays, attributes | {"units": stated}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise Invalid(
            must=f"{path.suffix} files can be read to their end",
            came=f"{path}: {type(error).__name__}: {str(error)[:200]}",
            do="It is empty, truncated or of another kind than its name says: copy it again.",
        ) from None
    attributes: dict[str, Any] = {BOUNDARY: str(arrays.pop(BOUNDARY)[1])} if BOUNDARY in arrays else {}
    attributes["units"] = json.loads(str(arrays.pop("units")[1])) if "units" in arrays else {}
    dimensions = json.loads(str(arrays.pop("dimensions")[1])) if "dimensions" in arrays else {}
    attributes |= {n: a.item() for n, (_, a) in arrays.items() if a.ndim == 0}
    return {n: (tuple(dimensions.get(n) or ()) or None, a) for n, (_, a) in arrays.items() if a.ndim}, attributes


def _load_hdf5(path: Path) -> tuple[Arrays, dict[str, Any]]:
    import h5py

    arrays: Arrays = {}
    with h5py.File(path, "r") as file:
        attributes: dict[str, Any] = {str(n): _plain(v) for n, v in file.attrs.items()}
        stated: dict[str, str] = {}

        def visit(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.dtype.kind in "biufc" and item.shape:
                labels = tuple(str(dim.label or "") for dim in item.dims)
                arrays[name] = (labels if all(labels) else None, np.asarray(item[()]))
                if "units" in item.attrs:
                    stated[name] = str(item.attrs["units"])

        file.visititems(visit)
    return arrays, attributes | {"units": stated}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _check_units(path: Path, stated: Mapping[str, str], expected: Mapping[str, str]) -> None:
    for name, unit in expected.items():
        if stated.get(name, unit) != unit:
            raise Invalid(
                must=f"{name} is in {unit}",
                came=f"{path} states {stated[name]!r}",
                do="Convert the file, or ask for its unit.",
            )


def _axes(path: Path, arrays: Arrays, axes: Sequence[str] | None) -> tuple[str, ...]:
    names = tuple(axes) if axes is not None else tuple(n for n in AXES if n in arrays)
    return known_axes(path, names, arrays, do='Name them: axes=["lon", "lat"], or add arrays x, y, z.')


def known_axes(path: Path, names: Sequence[str], arrays: Mapping[str, object], *, do: str) -> tuple[str, ...]:
    """The names of the coordinates, all of them in the file; refused where there are none."""
    for name in names:
        if name not in arrays:
            raise unknown(f"a coordinate of {path}", name, arrays)
    if not names:
        raise Invalid(
            must="coordinates of the grid are in the file, called x, y, z",
            came=f"{path} with {', '.join(arrays)}",
            do=do,
        )
    return tuple(names)


def uniform_step(path: Path, name: str, values: np.ndarray) -> float:
    """The step between values of a coordinate; refused where it is not one and the same."""
    values = np.asarray(values, float)
    steps = np.diff(values) if values.ndim == 1 else np.zeros(0)
    if not len(steps) or not np.all(np.isfinite(values)) or steps[0] <= 0:
        raise Invalid(
            must="a coordinate is an ascending list of at least two numbers",
            came=f"{path}: {name} of shape {values.shape}, starting {np.ravel(values)[:3]}",
            do="Correct the coordinate.",
        )
    # Single-precision coordinates carry rounding of the size of the largest value, not of the step.
    if np.max(np.abs(steps - steps.mean())) > 1e-4 * steps.mean() + 4e-7 * np.max(np.abs(values)):
        raise Invalid(
            must="grids are uniform",
            came=f"{path}: steps of {name} range from {steps.min():g} to {steps.max():g}",
            do="Interpolate to a uniform grid first.",
        )
    return float(steps.mean())


def _with_axes(arrays: Arrays, names: Sequence[str], lengths: tuple[int, ...]) -> list[str]:
    """Arrays that live on the grid: by names of dimensions where known, else by shape (with samples or without)."""
    d = len(names)
    return [
        name
        for name, (dims, array) in arrays.items()
        if name not in names
        and array.dtype.kind in "biuf"
        and (set(names) <= set(dims) if dims else lengths in (array.shape[:d], array.shape[1 : d + 1]))
    ]


def _samples_first(
    path: Path,
    name: str,
    dims: tuple[str, ...] | None,
    array: np.ndarray,
    names: tuple[str, ...],
    lengths: tuple[int, ...],
    samples: str | None,
) -> np.ndarray:
    """[sample, *axes, *components], whatever the order in the file."""
    d = len(names)
    if dims is None or not set(names) <= set(dims):
        if array.shape[1 : d + 1] == lengths:
            return array
        if array.shape[:d] == lengths:
            return array[None]
        raise Invalid(
            must=f"{name} has the axes {', '.join(names)} of lengths {lengths}",
            came=f"{path}: {name} of shape {array.shape}" + (f" and dimensions {dims}" if dims else ""),
            do="Name the axes of this variable: axes=[...].",
        )
    leading = dims[: min(dims.index(n) for n in names)]
    counts = samples or (SAMPLE if SAMPLE in dims else leading[0] if len(leading) == 1 else None)
    if counts is not None and counts not in dims:
        raise unknown(f"a dimension of {name} in {path}", counts, dims)
    rest = [n for n in dims if n not in names and n != counts]
    order = [dims.index(n) for n in ([counts] if counts else []) + [*names, *rest]]
    moved = np.transpose(array, order)
    return moved if counts else moved[None]


def _finite(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    for name, column in columns.items():
        bad = ~np.isfinite(column.reshape(len(column), -1)).all(axis=1)
        if bad.any():
            raise Invalid(
                must="values are finite numbers",
                came=f"{path}: {name} has NaN or infinite values in {bad.sum()} samples, as in sample {bad.argmax()}",
                do="Remove those samples (land masks and blown-up solutions are the usual causes).",
            )


def _shapes(arrays: Arrays) -> str:
    return ", ".join(f"{name} {array.shape}" for name, (_, array) in arrays.items()) or "no arrays"
