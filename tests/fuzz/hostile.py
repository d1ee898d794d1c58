"""Files that are made to fill memory or time, one function each: (folder, variant) -> what reads it.

All are small on the disk, or made of one piece that is repeated.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from . import seeds

Read = Callable[[], object]
ATTACKS: dict[str, Callable[[Path, int], Read]] = {}
PACKERS = ((".gz", gzip), (".xz", lzma), (".bz2", bz2))


def attack(make: Callable[[Path, int], tuple[Path, Callable[[Path], object]]]) -> object:
    """Register an attack; its folder is emptied first."""

    def prepared(folder: Path, variant: int) -> Read:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        path, read = make(folder, variant)
        return lambda: read(path)

    ATTACKS[make.__name__.strip("_").replace("_", " ")] = prepared
    return make


def _packed(path: Path, packer: object, piece: bytes, times: int, head: bytes = b"") -> Path:
    """Packed streams may follow each other: one that is packed once, a thousand times."""
    pack = packer.compress  # type: ignore[attr-defined]
    path.write_bytes(pack(head) + pack(piece) * times)
    return path


@attack
def _bombs(folder: Path, variant: int):
    ending, opener = PACKERS[variant % 3]
    kind, read = ((".xyz", seeds.atoms), (".csv", seeds.compounds), (".json", seeds.crystals), (".cif", seeds.atoms))[
        variant % 4
    ]
    piece = (b"\n", b" ", b"0", b"[")[variant % 4] * (1 << 20)
    return _packed(folder / f"bomb{kind}{ending}", opener, piece, 1000), read


@attack
def _bombs_of_text(folder: Path, variant: int):
    ending, opener = PACKERS[variant % 3]
    piece = (b"1\nenergy=-13.6\nH 0 0 0\n" * 20_000, b"CCO,5.0\n" * 60_000, b'{"bulk":1,"atoms":{}},\n' * 20_000)
    kind, read = ((".xyz", seeds.atoms), (".csv", seeds.compounds), (".json", seeds.crystals))[variant % 3]
    head = (b"", b"smiles,pIC50\n", b"[")[variant % 3]
    return _packed(folder / f"text{kind}{ending}", opener, piece[variant % 3], 1000, head), read


@attack
def _columns_without_end(folder: Path, variant: int):
    layout = ("x:R:1000000000", "species:S:1:pos:R:3:a:R:99999999999999999999", "pos:R:3:" * 100_000 + "Z:I:1")[
        variant % 3
    ]
    path = folder / "a.xyz"
    path.write_text(f"1\nProperties={layout} energy=-1\nH 0 0 0\n")
    return path, seeds.atoms


@attack
def _atoms_without_end(folder: Path, variant: int):
    count = (10**9, 10**18, 10**600)[variant % 3]
    texts = {
        "a.xyz": f"{count}\nenergy=1\nH 0 0 0\n",
        "POSCAR": seeds.POSCAR.replace("\n1 1\n", f"\n{count} 1\n"),
        "a.sdf": seeds.V3000.replace("COUNTS 3 2", f"COUNTS {count} {count}"),
    }
    name = list(texts)[(variant // 3) % 3]
    (folder / name).write_text(texts[name])
    return folder / name, seeds.atoms


@attack
def _structures_of_counts(folder: Path, variant: int):
    count = (999_999, 10**9, 2**31)[variant % 3]
    path = folder / ("POSCAR", "a.sdf", "b.sdf")[variant % 3]
    path.write_text(
        seeds.POSCAR.replace("\n1 1\n", f"\n{count} 1\n")
        if variant % 3 == 0
        else seeds.V3000.replace("COUNTS 3 2", f"COUNTS 3 {count}" if variant % 3 == 1 else f"COUNTS {count} 2")
    )
    return path, seeds.atoms


@attack
def _many_frames(folder: Path, variant: int):
    count = (2_000, 4_000, 1_000)[variant % 3]  # the rate tells: 100,000 are read with a line of progress
    path = folder / "a.xyz"
    path.write_text(
        "".join(f"1\nProperties=species:S:1:pos:R:3 energy={-13.6 + 1e-6 * i}\nH 0 0 {i}\n" for i in range(count))
    )
    return path, seeds.atoms


@attack
def _too_many_frames(folder: Path, variant: int):
    from erlangen.data import limits

    path, read = folder / "a.xyz", seeds.atoms
    path.write_text("1\n\nH 0 0 0\n" * (limits.FRAMES // 20))
    kept = limits.FRAMES

    def lowered(path: Path) -> None:
        limits.FRAMES = kept // 100
        try:
            read(path)
        finally:
            limits.FRAMES = kept

    return path, lowered


@attack
def _long_lines(folder: Path, variant: int):
    word = ("A", " a=1", "{")[variant % 3] * (8 << 20)
    name = ("a.xyz", "a.csv", "a.cif", "a.pdb", "POSCAR", "a.json")[variant % 6]
    (folder / name).write_text(("1\n" if name == "a.xyz" else "") + word + "\nH 0 0 0\n")
    return folder / name, {"a.csv": seeds.compounds, "a.json": seeds.crystals}.get(name, seeds.atoms)


@attack
def _long_words(folder: Path, variant: int):
    path = folder / "a.xyz"
    rows = [f"H 0 0 {i}" for i in range(20_000)]
    rows[7] = ("H 0 0 " + "1" * 1_000_000, "H" * 1_000_000 + " 0 0 0", "H 0 " + "9" * 400_000 + " 0")[variant % 3]
    path.write_text(f"{len(rows)}\n\n" + "\n".join(rows) + "\n")
    return path, seeds.atoms


@attack
def _arrays_of_nothing(folder: Path, variant: int):
    import h5py

    n = (10**10, 5 * 10**8, 10**8)[variant % 3]
    path = folder / ("a.h5", "a.nc", "b.h5")[variant % 3]
    with h5py.File(path, "w") as file:
        for name, shape in (("x", (n,) if variant % 2 else (8,)), ("u", (n // 8, 8))):
            dataset = file.create_dataset(name, shape=shape, dtype="f8", chunks=(min(shape[0], 10**6), *shape[1:]))
            if name == "x" and shape == (8,):
                dataset[...] = np.arange(8)
            dataset.make_scale(name) if name == "x" else None
        file["u"].dims[1].attach_scale(file["x"])
    return path, seeds.fields


@attack
def _many_arrays_of_nothing(folder: Path, variant: int):
    import h5py

    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(8.0)
        for i in range((200, 2_000, 12_000)[variant % 3]):
            file.create_dataset(f"u{i}", shape=(5_000 if variant % 3 else 700_000, 8), dtype="f8")
    return path, seeds.fields


@attack
def _small_chunks(folder: Path, variant: int):
    import h5py

    if variant % 2:
        path = folder / "a.zarr"
        for name, shape in (("x", [8]), ("u", [4_000_000, 8] if variant % 3 else [1000, 8])):
            (path / name).mkdir(parents=True)
            about = {"zarr_format": 2, "shape": shape, "chunks": [1] * len(shape), "dtype": "<f4", "compressor": None}
            about |= {"fill_value": 0.0, "order": "C", "filters": None}
            (path / name / ".zarray").write_text(json.dumps(about))
            (path / name / ".zattrs").write_text(json.dumps({"_ARRAY_DIMENSIONS": ["sample", "x"][-len(shape) :]}))
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        return path, seeds.fields
    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(8.0)
        file.create_dataset("u", shape=(900_000, 8), dtype="f8", chunks=(1, 1))
    return path, seeds.fields


@attack
def _zip_of_nothing(folder: Path, variant: int):
    path = folder / "a.npz"
    head = io.BytesIO()
    shape = ((10**10,), (30_000_000,), (2**62, 4))[variant % 3]
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("u.npy", "w", force_zip64=True) as file:
            file.write(head.getvalue())
            for _ in range(1 if variant % 3 == 0 else 240):
                file.write(bytes(1_000_000))
        x = io.BytesIO()
        np.save(x, np.arange(8.0))
        archive.writestr("../../x.npy" if variant % 2 else "x.npy", x.getvalue())
    return path, seeds.fields


@attack
def _long_tables(folder: Path, variant: int):
    path = folder / "a.csv"
    rows, columns = ((2_000_000, 1), (2_000, 12_000), (3, 1_000_000))[variant % 3]
    with path.open("w") as file:
        file.write("smiles,pIC50," + ",".join(f"c{i}" for i in range(columns)) + "\n")
        for i in range(rows):
            file.write(f"CCO,{i % 9}" + ",0" * columns + "\n")
    return path, (seeds.compounds, seeds.crystals)[variant // 3 % 2]


@attack
def _strange_molecules(folder: Path, variant: int):
    path = folder / "a.csv"
    cage = "".join(f"C%{i:02d}" for i in range(10, 99)) + "".join(f"C%{i:02d}" for i in range(10, 99))
    smiles = ("C" * 4_900, "C(" * 2_000 + "C" + ")" * 2_000, cage, "C" * 1_000_000, "[" * 4_000, "C1" * 2_000)[
        variant % 6
    ]
    path.write_text("smiles,pIC50\n" + f"{smiles},5\n" * 3)
    return path, seeds.compounds


@attack
def _deep_json(folder: Path, variant: int):
    deep = (1_000, 100_000, 900)[variant % 3]
    inner = ("[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep, "-" * deep + "1")[(variant // 3) % 3]
    path = folder / ("a.json", "record.json")[variant % 2]
    quoted = json.dumps([{"bulk": inner, "poscar": inner, "structure": inner}] * 2)
    path.write_text((inner, quoted, f'[{{"bulk": {inner}, "structure": {{"sites": {inner}}}}}]')[variant % 3])
    return path, (seeds.crystals, _record)[variant % 2]


@attack
def _wide_json(folder: Path, variant: int):
    path = folder / "a.json"
    path.write_text("[" + ("{},", "[],", "0,")[variant % 3] * 15_000_000 + "0]")
    return path, seeds.crystals


@attack
def _endless(folder: Path, variant: int):
    name, read = list(_readers())[variant % len(list(_readers()))]
    path = folder / name
    if variant % 2:
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    return path, read


@attack
def _endless_inside(folder: Path, variant: int):
    zarr = folder / "a.zarr"
    seeds.write_fields_of(zarr, seeds.FIELDS)
    inside = sorted(p for p in zarr.rglob("*") if p.is_file())
    inside[variant % len(inside)].unlink()
    inside[variant % len(inside)].symlink_to("/dev/zero")
    return zarr, (seeds.fields, _digest)[variant // 2 % 2]


@attack
def _loops(folder: Path, variant: int):
    zarr = folder / "a.zarr"
    seeds.write_fields_of(zarr, seeds.FIELDS)
    (zarr / "again").symlink_to(zarr)
    (zarr / "self").symlink_to("self")
    return zarr, (seeds.fields, _digest)[variant % 2]


@attack
def _archives(folder: Path, variant: int):
    path = folder / "gdb9.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(("../../evil.xyz", "a.xyz", "b.xyz", "c.xyz")[variant % 4])
        info.size = (len(seeds.QM9), 0, 400_000_000, 10**6)[variant % 4]
        if variant % 4 == 1:
            info.type, info.linkname = tarfile.SYMTYPE, "/dev/zero"
        archive.addfile(info, (io.BytesIO(seeds.QM9.encode()), None, _Zeros(), _Zeros())[variant % 4])
        inner = tarfile.TarInfo("gdb9.tar.gz")
        archive.addfile(inner)
    return path, seeds.qm9


@attack
def _symmetry(folder: Path, variant: int):
    path = folder / "a.cif"
    operations = "".join(f"'x+{i}/977,y,z'\n" for i in range((960, 20_000, 5)[variant % 3]))
    sites = "".join(f"Na{i} Na {i / 5e4} 0 0 1\n" for i in range((2_000, 5, 30_000)[variant % 3]))
    text = seeds.OPERATIONS.replace("'x,y,z'\n'-x,-y,-z'\n", operations)
    path.write_text(text[: text.index("Na1 Na1+")] + sites)
    return path, seeds.atoms


@attack
def _paulis(folder: Path, variant: int):
    path = folder / "a.txt"
    line = ("1 Z0 Z1\n", "1 [Z0] + " * 50 + "\n", "1 " + "Z" * 60 + "\n")[variant % 3]
    path.write_text(line * ((40 << 20) // len(line)))
    return path, seeds.pauli


@attack
def _deep_groups(folder: Path, variant: int):
    import h5py

    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(8.0)
        group = file
        for _ in range((50, 500, 5_000)[variant % 3]):
            group = group.create_group("a")
        group["u"] = np.zeros(8)
        group["up"] = file["/"]
    return path, seeds.fields


@attack
def _foreign_storage(folder: Path, variant: int):
    import h5py

    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(8.0)
        if variant % 2:
            file.create_dataset("u", shape=(100, 8), dtype="f8", external=[("/dev/zero", 0, h5py.h5f.UNLIMITED)])
        else:
            file["u"] = h5py.ExternalLink("/dev/zero", "u")
    return path, seeds.fields


class _Zeros(io.RawIOBase):
    def read(self, n: int = -1) -> bytes:
        return bytes(n)


def _readers() -> Iterator[tuple[str, Callable[[Path], object]]]:
    yield from ((name, seeds.atoms) for name in ("a.xyz", "a.xyz.gz", "a.cif", "a.mmcif", "a.pdb", "a.sdf", "POSCAR"))
    yield from (("a.csv", seeds.compounds), ("a.smi", seeds.compounds), ("a.json", seeds.crystals))
    yield from ((name, seeds.fields) for name in ("a.h5", "a.nc", "a.zarr", "a.npz"))
    yield from (("a.txt", seeds.pauli), ("gdb9.xyz", seeds.qm9), ("gdb9.tar", seeds.qm9), ("gdb9.sdf", seeds.qm9))
    yield from (("record.json", _record), ("fitted.safetensors", _fitted), ("any", _digest))


def _record(path: Path) -> None:
    from erlangen.study.record import Record

    Record.read(path)


def _fitted(path: Path) -> None:
    from erlangen.learn.checkpoint import load_fitted

    load_fitted(path.parent)


def _digest(path: Path) -> None:
    from erlangen.data.sources import Source

    _ = Source.parse(path).content
