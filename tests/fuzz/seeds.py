"""Valid files of every format that erlangen reads, and the readers that get them after they were damaged."""

from __future__ import annotations

import bz2
import dataclasses
import functools
import gzip
import io
import json
import random
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .mutations import damage_arrays, mutated

WATER = [8, 1, 1], np.array([[0.0, 0.0, 0.119], [0.0, 0.763, -0.477], [0.0, -0.763, -0.477]])
XYZ = """3
Properties=species:S:1:pos:R:3:forces:R:3 energy=-2081.12 charge=0 config_type=md pbc="F F F"
O 0.0 0.0 0.119 0.01 0.0 -0.02
H 0.0 0.763 -0.477 0.0 0.1 0.01
H 0.0 -0.763 -0.477 -0.01 -0.1 0.01
3
Properties=species:S:1:pos:R:3:forces:R:3 energy=-2081.02 charge=0 config_type=md pbc="F F F"
O 0.0 0.0 0.129 0.01 0.0 -0.02
H 0.0 0.763 -0.477 0.0 0.1 0.01
H 0.0 -0.753 -0.477 -0.01 -0.1 0.01
"""
CELL = """2
Lattice="4 0 0 0 4 0 0 0 4" Properties=Z:I:1:pos:R:3:forces:R:3 energy=-7.4 stress=".1 0 0 0 .1 0 0 0 .1" pbc="T T T"
29 0 0 0 0 0 0
29 1.8 1.8 0 0 0 0
"""
PLAIN = "2\nhydrogen, by hand\nH 0 0 0\nH 0 0 0.74\nVEC1 10 0 0\nVEC2 0 10 0\nVEC3 0 0 10\n"
CIF = """data_rocksalt
_cell_length_a 5.64
_cell_length_b 5.64
_cell_length_c 5.64
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
_space_group_IT_number 225
_chemical_formula_sum 'Cl1 Na1'
_cell_formula_units_Z 4
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na1 Na1+ 0 0 0 1.0
Cl1 Cl1- 0.5 0.5 0.5 1(0)
"""
OPERATIONS = (
    CIF.replace("'F m -3 m'", "'P -1'")
    .replace("225", "2")
    .replace("loop_\n_atom", "loop_\n_space_group_symop_operation_xyz\n'x,y,z'\n'-x,-y,-z'\nloop_\n_atom", 1)
)
V3000 = """
  by hand

  0  0  0     0  0            999 V3000
M  V30 BEGIN CTAB
M  V30 COUNTS 3 2 0 0 0
M  V30 BEGIN ATOM
M  V30 1 O 0 0 0.119 0
M  V30 2 H 0 0.763 -0.477 0
M  V30 3 H 0 -0.763 -0.477 0
M  V30 END ATOM
M  V30 BEGIN BOND
M  V30 1 1 1 2
M  V30 2 1 1 3
M  V30 END BOND
M  V30 END CTAB
M  END
$$$$
"""
POSCAR = "Na Cl\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
TABLE = (
    'smiles,pIC50,split,series\nCCO,5.1,train,a\nc1ccccc1,6.2,train,b\nCC(=O)O,4.4,test,a\n"C[C@H](N)C",7.0,test,b\n'
)
PAULI = "# transverse Ising\n-1.0 Z0 Z1\n-1.0 * ZZI\n-0.5 X2\n0.25\n(-0.5+0j) [X0 Y1] +\n0.5 []\n"
QM9 = """3
gdb 3\t799.58812\t437.90386\t282.94545\t1.8511\t6.31\t-0.2928\t0.0687\
\t0.3615\t19.0002\t0.021375\t-76.404702\t-76.401867\t-76.400922\t-76.422349\t6.002\t
O\t-0.0343604951\t 0.9775395708\t 0.0076015923\t-0.589706
H\t 0.0647664923\t 0.0205721989\t 0.0015346341\t 0.294853
H\t 0.8717903737\t 1.3007924048\t 2.1*^-6\t 0.294853
1671.4222\t3803.6305\t3907.698
O\tO
InChI=1S/H2O/h1H2\tInChI=1S/H2O/h1H2
"""
ROCKSALT = {
    "lattice_mat": np.diag([4.0, 4, 4]).tolist(),
    "coords": [[0, 0, 0], [0.5, 0.5, 0.5]],
    "elements": ["Na", "Cl"],
}
JARVIS = [{"jid": f"JVASP-{i}", "bulk": 100.0 + i, "atoms": ROCKSALT} for i in range(3)]
GDB = ("gdb9.tar.gz", "gdb9.tar.bz2")
SITE = {"species": [{"element": "Si", "occu": 1}], "abc": [0.0, 0.0, 0.0]}
PYMATGEN = {
    "columns": ["structure", "bulk"],
    "data": [[{"lattice": {"matrix": np.diag([3.0, 3, 3]).tolist()}, "sites": [SITE]}, 98.0]] * 2,
}


@dataclasses.dataclass(frozen=True)
class Target:
    """A reader with its seeds: name of a file -> its bytes, or a function that writes it into a folder.

    arrays: seeds are arrays, damaged before they are written as often as after. inside: the file of a folder that
    is damaged is drawn among those.
    """

    name: str
    read: Callable[[Path], object]
    seeds: Mapping[str, bytes | Callable[[Path], object]]
    arrays: bool = False

    def make(self, folder: Path) -> list[Path]:
        """The seeds, in their order."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, seed in self.seeds.items():
            if isinstance(seed, bytes):
                (folder / name).write_bytes(seed)
            else:
                seed(folder / name)
        return [folder / name for name in self.seeds]

    def damage(self, seeds: list[Path], number: int, folder: Path) -> Path:
        """The file of a case, in a folder that is emptied first."""
        rng = random.Random(f"{self.name} {number}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        seed = rng.choice(seeds)
        file = folder / seed.name
        if self.arrays and rng.random() < 0.5:
            write_fields_of(file, damage_arrays(FIELDS, rng), rng)
            return file
        if seed.is_dir():
            shutil.copytree(seed, file)
            inside = rng.choice(sorted(p for p in file.rglob("*") if p.is_file()))
            inside.write_bytes(mutated(inside.read_bytes(), rng))
            return file
        for beside in seed.parent.glob(f"{seed.name}.*"):  # gdb9.sdf.csv
            shutil.copy(beside, folder)
        packed = {".gz": gzip, ".bz2": bz2}.get(seed.suffix)
        raw, others = seed.read_bytes(), [one.read_bytes() for one in seeds if one.is_file() and one != seed]
        if packed and rng.random() < 0.7:
            file.write_bytes(packed.compress(mutated(packed.decompress(raw), rng)))
        else:
            file.write_bytes(mutated(raw, rng, others))
        return file


def atoms(path: Path) -> None:
    """All frames, and whether they can be used: for training where all have labels, for prediction else."""
    from erlangen.data.plausibility import check_apart
    from erlangen.data.readers import read_atoms, samples_of
    from erlangen.data.sources import Source

    frames = read_atoms(path)
    check_apart(path, [frame.atoms for frame in frames])
    labels = [n for n in ("energy", "forces") if all(n in frame.labels for frame in frames)]
    if labels:
        samples_of(Source.parse(path), frames, labels)


def compounds(path: Path) -> None:
    from erlangen.core.errors import Invalid
    from erlangen.data.compound_files import read_compounds, read_queries, read_smiles

    try:
        read_compounds(path, say=lambda _: None)
    except Invalid:
        read_queries(path)
        raise
    read_smiles(path)


def crystals(path: Path) -> None:
    from erlangen.data.crystal_tables import read_crystals

    read_crystals(path, "bulk")


def fields(path: Path) -> None:
    from erlangen.data.field_files import read_fields
    from erlangen.data.trajectory_files import header, read_trajectories

    try:
        found = read_fields(path)
        for field in found[:2]:
            field.lengths  # noqa: B018
    finally:
        if path.suffix != ".npz":
            head = header(path)
            for _ in read_trajectories(head, range(min(head.count, 2))):
                pass


def pauli(path: Path) -> None:
    from erlangen.data.pauli_files import read_pauli_sum

    read_pauli_sum(path)


def qm9(path: Path) -> None:
    from erlangen.data.qm9 import read_qm9

    read_qm9(path, ("gap", "mu"))


def run_folder(path: Path) -> None:
    """A run folder as `load` and the report read it."""
    from erlangen.data.array_files import read_npz
    from erlangen.learn.checkpoint import load_fitted
    from erlangen.study import store
    from erlangen.study.record import Record

    store.runs(path.parent, say=lambda _: None)
    record = Record.read(path)
    record.to_json()
    load_fitted(path)
    read_npz(path / "arrays.npz")


def _tar(path: Path) -> None:
    mode = f"w:{path.suffix[1:].replace('tgz', 'gz')}"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for i in (1, 2):
            info = tarfile.TarInfo(f"dsgdb9nsd_{i:06d}.xyz")
            info.size = len(QM9)
            archive.addfile(info, io.BytesIO(QM9.encode()))


def _gdb(path: Path) -> None:
    path.write_text(V3000)
    row = dict.fromkeys(("mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "u0", "u298", "h298", "g298", "cv"), "1.0")
    Path(f"{path}.csv").write_text("mol_id," + ",".join(row) + "\ngdb_3," + ",".join(row.values()) + "\n")


def _written(how: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        from erlangen.core.systems import Atoms
        from erlangen.data.readers import Frame, write_atoms

        numbers, positions = WATER
        cell = np.diag([9.0, 9, 9]) if how == "boxed" else np.zeros((3, 3))
        one = Atoms(positions, np.array(numbers, np.int32), cell, np.full(3, how == "boxed"))
        write_atoms(path, [Frame(one)] * 2)

    return write


U = np.sin(np.arange(2 * 5 * 8).reshape(2, 5, 8))
FIELDS: dict[str, Any] = {"x": np.arange(8) / 8, "time": np.arange(5) * 0.1, "u": U, "viscosity": np.array([0.1, 0.2])}
DIMS = {"x": ("x",), "time": ("time",), "u": ("sample", "time", "x"), "viscosity": ("sample",)}


def write_fields_of(path: Path, arrays: dict[str, Any], rng: random.Random | None = None) -> None:
    """Arrays in the format of the name, with dimensions where they fit; with a generator also odd attributes."""
    odd: tuple[Any, ...] = (b"m/s", 3, 2.5, "", [1, 2], np.nan, "m/s")
    attribute = {rng.choice(("units", "scale_factor", "_FillValue", "boundary")): rng.choice(odd)} if rng else {}
    if path.suffix == ".npz":
        named = {n: v for n, v in arrays.items() if n.strip()}
        np.savez(path, **({"dimensions": json.dumps(DIMS), "units": json.dumps({"u": "m/s"})} | named))
    elif path.suffix in (".h5", ".hdf5"):
        _write_hdf5(path, arrays, attribute)
    else:
        _write_dataset(path, arrays, attribute)


def _write_hdf5(path: Path, arrays: dict[str, Any], attribute: dict[str, Any]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            value = np.asarray(value)
            chunked = {"chunks": True, "compression": "gzip"} if value.size and value.ndim > 1 else {}
            dataset = file.create_dataset(name, data=value.astype("S") if value.dtype.kind == "U" else value, **chunked)
            dataset.attrs.update({"units": "m/s"} | attribute)
            for i, dim in enumerate(DIMS.get(name, ())[: value.ndim]):
                dataset.dims[i].label = dim
        file.attrs["boundary"] = "periodic"


def _write_dataset(path: Path, arrays: dict[str, Any], attribute: dict[str, Any]) -> None:
    try:
        dataset = _dataset(arrays, {k: v for k, v in attribute.items() if k != "_FillValue"})
        if path.suffix == ".zarr":
            dataset.to_zarr(path, mode="w", consolidated=False)
        else:
            dataset.to_netcdf(path, engine="scipy" if "classic" in path.name else "h5netcdf")
    except (ValueError, TypeError, NotImplementedError, KeyError):  # what xarray refuses to write is no file
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
        path.write_bytes(b"CDF\x01\0\0\0\0")


def _dataset(arrays: dict[str, Any], attributes: dict[str, Any]) -> Any:
    import xarray

    dataset = xarray.Dataset()
    for name, value in arrays.items():
        value, dims = np.asarray(value), DIMS.get(name, ())
        plain = name.strip().replace("/", "_") or "v"
        fits = len(dims) == value.ndim and all(dataset.sizes.get(d, n) == n for d, n in zip(dims, value.shape))
        dims = dims if fits else tuple(f"{plain}_{i}" for i in range(value.ndim))
        dataset[plain] = (dims, value.astype("S") if value.dtype.kind == "U" else value)
    for variable in dataset.variables.values():
        variable.attrs.update({"units": "m/s"} | attributes)
    return dataset


def _run(path: Path) -> None:
    from study.records import burgers  # a record of a realistic size

    from erlangen.core.systems import Field
    from erlangen.learn.checkpoint import save_fitted

    path.mkdir()
    save_fitted(path, Field({"u": np.arange(4.0)}, (0.25,)))
    np.savez(path / "arrays.npz", u=np.arange(4.0))
    burgers().write(path)


@functools.cache
def targets() -> dict[str, Target]:
    """Every reader by name."""
    packed, table, boxed = gzip.compress(XYZ.encode()), TABLE.encode(), _written("boxed")
    frames = {"a.xyz": XYZ.encode(), "b.extxyz": CELL.encode(), "c.xyz": PLAIN.encode(), "d.xyz.gz": packed}
    lists = {"a.json": json.dumps(JARVIS), "b.json": json.dumps(PYMATGEN), "d.json": "\n".join(map(json.dumps, JARVIS))}
    other = TABLE.replace(",", "\t").encode("utf-16")
    every = (
        Target("xyz", atoms, {**frames, "e.xyz": _written("")}),
        Target("cif", atoms, {"a.cif": CIF.encode(), "b.cif": OPERATIONS.encode(), "c.cif": boxed}),
        Target("mmcif", atoms, {"a.mmcif": boxed}),
        Target("pdb", atoms, {"a.pdb": boxed, "b.pdb": _written("")}),
        Target("sdf", atoms, {"a.sdf": _written(""), "b.mol": V3000.encode()}),
        Target("poscar", atoms, {"POSCAR": POSCAR.encode(), "b.vasp": _poscar_of_4()}),
        Target(
            "csv",
            compounds,
            {"a.csv": table, "b.csv": table.replace(b",", b";"), "c.tsv": other, "d.csv.bz2": bz2.compress(table)},
        ),
        Target("crystal tables", crystals, {n: t.encode() for n, t in lists.items()} | {"c.csv": _crystal_csv()}),
        Target("hdf5", fields, {"a.h5": _fields}, arrays=True),
        Target("netcdf", fields, {"a.nc": _fields, "classic.nc": _fields}, arrays=True),
        Target("zarr", fields, {"a.zarr": _fields}, arrays=True),
        Target("npz", fields, {"a.npz": _fields}, arrays=True),
        Target("pauli", pauli, {"a.txt": PAULI.encode()}),
        Target("qm9", qm9, {"dsgdb9nsd_000001.xyz": QM9.encode()} | dict.fromkeys(GDB, _tar) | {"gdb9.sdf": _gdb}),
        Target("run folder", run_folder, {"run": _run}),
    )
    return {target.name: target for target in every}


def _fields(path: Path) -> None:
    write_fields_of(path, FIELDS)


def _poscar_of_4() -> bytes:
    return POSCAR.replace("\nNa Cl\n1 1", "\n1 1").encode()


def _crystal_csv() -> bytes:
    cell = POSCAR.replace('"', '""')
    return f'id,poscar,bulk\n1,"{cell}",100.0\n2,"{cell}","[[1, 0], [0, 1]]"\n3,"{cell}",99\n'.encode()
