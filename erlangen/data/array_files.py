"""Arrays with names, dimensions and units in files: HDF5, NetCDF, Zarr and npz.

    with opened(path) as (variables, attributes):       # nothing is read yet
        variables["u"].read(0, slice(None))             # numbers in the precision of the machine, unpacked
    write_arrays(path, arrays, attributes, units)       # self-describing: xarray opens it (npz: NumPy)
    write_beside(source, path, arrays, units)           # all that the source holds, and further arrays

Dimensions have names where the file has them: by its own rules in NetCDF and Zarr, by labels or attached scales in
HDF5. Packed values, v = offset + scale * stored with a stored number for what is missing, are unpacked in every format
(CF conventions, section 8.1: https://cfconventions.org).
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid, unknown
from ..core.free_memory import check_fits
from . import limits
from .drafts import whole
from .hdf5_heaps import check_heaps

BOUNDARY = "boundary"
SUFFIXES = {".h5": "hdf5", ".hdf5": "hdf5", ".nc": "netcdf", ".nc4": "netcdf", ".zarr": "zarr", ".npz": "npz"}
Arrays = dict[str, tuple[tuple[str, ...] | None, np.ndarray]]  # name -> names of dimensions where known, values
Attributes = dict[str, object]
Dataset = Any  # of h5py or xarray, which are imported where they are needed
Variables = dict[str, "Variable"]
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
NAMELESS = "This is a netCDF dimension but not a netCDF variable"  # a scale that only lends its name
PLACE = "dimension "  # before the number of one without a name
PREFIX = "boundary_conditions/"  # of The Well (Ohana et al. 2024, arXiv:2412.00568)


@dataclasses.dataclass(frozen=True, eq=False)
class Variable:
    """An array in an open file. dims: names of its dimensions, None where the file has none; unit: None likewise."""

    path: Path
    name: str
    dims: tuple[str, ...] | None
    array: Dataset
    unit: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    missing: tuple[float, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of its dimensions."""
        return tuple(map(int, self.array.shape))

    @property
    def bytes(self) -> int:
        """What all of it takes as it is stored, before any packing of the file."""
        return math.prod(self.shape) * self.array.dtype.itemsize

    @property
    def is_packed(self) -> bool:
        """Whether what is kept has to be scaled or moved."""
        return (self.scale, self.offset) != (1.0, 0.0)

    @property
    def itemsize(self) -> int:
        """Bytes of one number once it is read."""
        return 8 if self.is_packed or self.array.dtype.kind in "biu" else max(self.array.dtype.itemsize, 4)

    def check(self, size: int) -> None:
        """Refuse an array that the bytes of its file cannot hold, or that is cut into too many pieces."""
        what, shape = f"{self.name} of {self.path}", self.shape
        limits.check_expansion(what, self.bytes, size)
        chunks = getattr(self.array, "chunks", None) or getattr(self.array, "encoding", {}).get("chunks")
        if chunks and len(chunks) == len(shape):
            pieces = math.prod(-(-n // max(int(c), 1)) for n, c in zip(shape, chunks))
            limits.at_most(what, pieces, limits.CHUNKS, "chunks of an array", "Write it in larger chunks.")

    def read(self, *place: int | slice) -> np.ndarray:
        """What stands at `place` (dimensions that are left out: all of it), unpacked: no half precision, no foreign
        order of bytes; what is missing is NaN.
        """
        sizes = [1 if isinstance(p, int) else len(range(*p.indices(n))) for p, n in zip(place, self.shape)]
        needed = 2 * self.itemsize * math.prod([*sizes, *self.shape[len(place) :]])
        check_fits(f"{self.name} of {self.path}", needed, do="Thin it, or take a part of the file.")
        try:
            values = np.asarray(self.array[place] if place else self.array[()])
        except Exception as error:
            raise limits.unreadable(self.path, error) from error
        gone = np.isin(values, np.asarray(self.missing).astype(values.dtype)) if self.missing else None
        if self.is_packed or (gone is not None and gone.any() and values.dtype.kind != "f"):
            values = values * np.float64(self.scale) + self.offset
        if values.dtype.kind == "f":
            bits = min(max(values.dtype.itemsize, 4), 8)
            values = values.astype(f"f{bits}")
        if gone is not None and gone.any():
            values = np.where(gone, np.asarray(np.nan, values.dtype), values)
        return values.astype(values.dtype.newbyteorder("="), copy=False)


def kind_of(path: Path) -> str:
    """The format that the suffix of a name stands for, refused where there is none."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise unknown("the ending of a file of fields", suffix or path.name, SUFFIXES)
    return SUFFIXES[suffix]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Variables, Attributes]]:
    """The numeric variables of a file by name, and its attributes; the file is open inside."""
    kind = kind_of(path)
    if not limits.check_plain(path).exists():
        raise Invalid(must="the file exists", came=f"no file {path}", do="Check the path.")
    size = limits.check_folder(path) if path.is_dir() else path.stat().st_size
    with contextlib.ExitStack() as stack:
        try:
            opener = {"hdf5": _open_hdf5, "npz": _open_npz}.get(kind, _open_xarray)
            variables, attributes = opener(path, stack)
            for variable in variables.values():
                variable.check(size)
            limits.check_expansion(path, sum(variable.bytes for variable in variables.values()), size)
        except Invalid:
            raise
        except Exception as error:
            raise limits.unreadable(path, error) from error
        yield variables, attributes


def _open_xarray(path: Path, stack: contextlib.ExitStack) -> tuple[Variables, Attributes]:
    import xarray

    # Times stay numbers in the unit of the file; only their steps count. Indexes would be read, however long they are.
    plain: dict[str, Any] = {"decode_times": False, "create_default_indexes": False}
    if kind_of(path) == "zarr":
        dataset = stack.enter_context(xarray.open_zarr(path, consolidated=False, chunks=None, **plain))
    else:
        check_heaps(path)
        dataset = stack.enter_context(xarray.open_dataset(path, **plain))
    limits.at_most(path, len(dataset.variables), limits.ARRAYS, "arrays")
    variables = {
        str(name): Variable(path, str(name), tuple(map(str, v.dims)), v, _unit(path, str(name), v.attrs))
        for name, v in dataset.variables.items()
        if v.dtype.kind in "biufc" and v.dims
    }
    return variables, {str(n): _plain(v) for n, v in dataset.attrs.items()}


def _open_npz(path: Path, stack: contextlib.ExitStack) -> tuple[Variables, Attributes]:
    arrays = read_npz(path)
    texts = {n: str(arrays.pop(n)) for n in ("units", "dimensions") if n in arrays}
    units, dims = (json.loads(texts.get(n, "{}")) for n in ("units", "dimensions"))
    numeric = {n: a for n, a in arrays.items() if a.ndim and a.dtype.kind in "biufc"}
    variables = {n: Variable(path, n, tuple(dims.get(n) or ()) or None, a, units.get(n)) for n, a in numeric.items()}
    return variables, {n: _plain(a[()]) for n, a in arrays.items() if not a.ndim}


@limits.foreign
def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz file; refused where one claims more numbers than it has bytes."""
    with zipfile.ZipFile(limits.plain_file(path)) as archive:
        members = archive.infolist()
        limits.at_most(path, len(members), limits.ARRAYS, "arrays")
        limits.check_expansion(path, sum(member.file_size for member in members), path.stat().st_size)
        for member in members:
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                header = HEADERS[version]
                shape, _, dtype = header(file)
            if math.prod(shape) * dtype.itemsize > member.file_size:
                raise ValueError(f"{member.filename} of shape {shape} in {member.file_size} bytes")
    with np.load(path, allow_pickle=False) as file:
        return {n: file[n] for n in file.files}


def _open_hdf5(path: Path, stack: contextlib.ExitStack) -> tuple[Variables, Attributes]:
    import h5py

    check_heaps(path)
    file = stack.enter_context(h5py.File(path, "r"))
    attributes = {str(n): _plain(v) for n, v in file.attrs.items()}
    variables: Variables = {}
    sides: dict[str, str] = {}

    def visit(name: str, item: Dataset) -> None:
        limits.at_most(path, len(variables), limits.ARRAYS, "arrays")
        limits.at_most(path, name.count("/"), limits.DEPTH, "groups in one another")
        if name.startswith(PREFIX):
            if "bc_type" in item.attrs:
                sides[name.removeprefix(PREFIX)] = str(_plain(item.attrs["bc_type"]))
        elif isinstance(item, h5py.Dataset) and item.dtype.kind in "biufc" and item.shape and not _is_nameless(item):
            variables[name] = _variable(path, name, item)

    file.visititems(visit)
    if sides and BOUNDARY not in attributes:
        kinds = {side.lower() for side in sides.values()}
        mixed = ", ".join(f"{name} {side.lower()}" for name, side in sorted(sides.items()))
        attributes[BOUNDARY] = kinds.pop() if len(kinds) == 1 else mixed
    return variables, attributes


def _is_nameless(dataset: Dataset) -> bool:
    return str(_plain(dataset.attrs.get("NAME", ""))).startswith(NAMELESS)


def _variable(path: Path, name: str, dataset: Dataset) -> Variable:
    attributes = dataset.attrs
    scale, offset = (_number(path, name, attributes.get(k, d)) for k, d in (("scale_factor", 1), ("add_offset", 0)))
    stored = [v for k in ("_FillValue", "missing_value") for v in np.ravel(attributes.get(k, ()))]
    missing = tuple(v for v in (_number(path, name, v) for v in stored) if math.isfinite(v))
    return Variable(path, name, _dims(name, dataset), dataset, _unit(path, name, attributes), scale, offset, missing)


def _dims(name: str, dataset: Dataset) -> tuple[str, ...] | None:
    """Names of the dimensions: those of attached scales, else labels; those without either by their place.

    From the attributes that hold them: the library's own functions crash where these are damaged (HDF5 2.0.0).
    """
    if dataset.is_scale and dataset.ndim == 1:
        return (name,)

    def entries(key: str) -> list[Any]:
        found = dataset.attrs.get(key, ())
        return list(found) if np.shape(found)[:1] == (dataset.ndim,) else [()] * dataset.ndim

    linked = [next(iter(one), None) for one in entries("DIMENSION_LIST")]
    scales = ["" if one is None else str(dataset.file[one].name or "").strip("/") for one in linked]
    labels = [str(_plain(label) or "") for label in entries("DIMENSION_LABELS")]
    found = [scale or label for scale, label in zip(scales, labels)]
    return tuple(n or f"{PLACE}{i}" for i, n in enumerate(found)) if any(found) else None


def _plain(value: object) -> object:
    """Attributes as Python values: bytes are text, arrays of one are what they hold."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    value = value.item() if isinstance(value, np.generic) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _unit(path: Path, name: str, attributes: Mapping[str, object]) -> str | None:
    value = _plain(attributes.get("units"))
    if value is not None and not isinstance(value, str | int | float):
        raise Invalid(
            must="a unit is one text",
            came=f"{path}: {name} has the units {value}",
            do=f"Correct the attribute `units` of {name}; components of several units are arrays of their own.",
        )
    return None if value is None else f"{value:g}" if isinstance(value, int | float) else value


def _number(path: Path, name: str, value: object) -> float:
    try:
        return float(str(_plain(value)))
    except (TypeError, ValueError):
        raise Invalid(
            must="scale_factor, add_offset and _FillValue are numbers",
            came=f"{path}: {name} has {value!r}",
            do="Correct the attributes, or write the values unpacked.",
        ) from None


def write_arrays(path: Path, arrays: Arrays, attributes: Mapping[str, object], units: Mapping[str, str]) -> None:
    """Write arrays with the names of their dimensions; one that is named like its only dimension is a coordinate.

    attributes: of the whole file (numbers and texts). units of names that are not there are left out.
    """
    kind, path = kind_of(Path(path)), Path(path)
    units = {name: unit for name, unit in units.items() if name in arrays}
    with whole(path) as draft:
        if kind == "npz":
            dimensions = json.dumps({n: dims for n, (dims, _) in arrays.items()})
            texts = {**attributes, "units": json.dumps(units), "dimensions": dimensions}
            named = {n: a for n, (_, a) in arrays.items()} | {n: np.array(text) for n, text in texts.items()}
            _savez(draft, named)
        else:
            _save(_dataset(arrays, attributes, units), draft, kind)


def write_beside(source: Path, path: Path, arrays: Arrays, units: Mapping[str, str]) -> None:
    """All that `source` holds, coordinates and attributes as they are, with further arrays, in the format of `path`."""
    kind = kind_of(path)
    if kind != kind_of(source):
        with opened(source) as (variables, attributes):
            plain = {n: v for n, v in attributes.items() if isinstance(v, int | float | str)}
            found = {n: (v.dims, v.read()) for n, v in variables.items()} | arrays
            both: Arrays = {n: (d or tuple(f"{n}_{i}" for i in range(a.ndim)), a) for n, (d, a) in found.items()}
            write_arrays(path, both, plain, {n: v.unit for n, v in variables.items() if v.unit} | {**units})
        return
    with whole(path) as draft:
        if kind == "npz":
            with np.load(source, allow_pickle=False) as file:
                before = {n: file[n] for n in file.files}
            for name, more in (("units", units), ("dimensions", {n: dims for n, (dims, _) in arrays.items() if dims})):
                before[name] = np.array(json.dumps(json.loads(str(before.get(name, "{}"))) | {**more}))
            _savez(draft, before | {n: a for n, (_, a) in arrays.items()})
        elif kind == "hdf5":
            check_fits(str(source), 2 * source.stat().st_size, do="Answer a part of the file.")
            file = io.BytesIO(source.read_bytes())
            _add_to_hdf5(file, arrays, units)
            draft.write_bytes(file.getbuffer())
        else:
            import xarray

            options: dict[str, Any] = {"engine": "zarr", "consolidated": False} if kind == "zarr" else {}
            with xarray.open_dataset(source, decode_cf=False, **options) as dataset:
                _save(dataset.assign(_dataset(arrays, {}, units).variables), draft, kind)


def _savez(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)  # pyright: ignore[reportArgumentType]


def _dataset(arrays: Arrays, attributes: Mapping[str, object], units: Mapping[str, str]) -> Dataset:
    import xarray

    dataset = xarray.Dataset({n: (d, a) for n, (d, a) in arrays.items()}, attrs=dict(attributes))
    for name, unit in units.items():
        dataset[name].attrs["units"] = unit
    return dataset


def _save(dataset: Dataset, path: Path, kind: str) -> None:
    if kind == "zarr":
        dataset.to_zarr(path, mode="w", consolidated=False)
    else:  # NetCDF is HDF5 with a scale for every dimension; HDF5 itself does not survive a full disk
        path.write_bytes(dataset.to_netcdf(engine="h5netcdf"))


def _add_to_hdf5(whole_file: io.BytesIO, arrays: Arrays, units: Mapping[str, str]) -> None:
    """Every dimension that has a name gets a scale, where one lies beside it a link to it: xarray wants all or none."""
    import h5py

    with h5py.File(whole_file, "r+") as file:
        for name, (dims, array) in arrays.items():
            dataset = file.create_dataset(name, data=array)
            if name in units:
                dataset.attrs["units"] = units[name]
            for i, dim in enumerate(dims or ()):
                if dim.startswith(PLACE):
                    continue
                if dim not in file:
                    file.create_dataset(dim, data=np.zeros(array.shape[i], ">f4")).make_scale(
                        f"{NAMELESS}.{array.shape[i]:10d}"
                    )
                scale: Dataset = file[dim]
                if isinstance(scale, h5py.Dataset) and scale.is_scale:
                    dataset.dims[i].attach_scale(scale)
                else:
                    dataset.dims[i].label = dim
