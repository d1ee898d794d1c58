"""QM9: 133,885 molecules of up to nine C, N, O, F with geometries and properties at the level B3LYP/6-31G(2df,p).

    read_qm9(path, names) -> contract.Samples         names out of QUANTITIES, in eV, e A and A^n

path: "qm9" for the public archive, or a folder or archive of `dsgdb9nsd_000001.xyz` ..., one such file, or `gdb9.sdf`
with `gdb9.sdf.csv` beside it. The raw files write exponents as 2.1*^-6. Molecules whose geometry does not fit their
SMILES, listed in `uncharacterized.txt` beside the data, are left out, as is usual.
Ramakrishnan, Dral, Rupp, von Lilienfeld 2014, doi:10.1038/sdata.2014.22 (data: doi:10.6084/m9.figshare.c.978904).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Samples
from ..core.errors import Invalid, unknown
from ..core.quantity import Quantity
from ..core.systems import Atoms
from . import limits
from .atom_files import broken
from .downloads import fetch
from .label_units import ENERGIES, LENGTHS
from .text_files import DAMAGED, Unpacked, read_text
from .text_tables import read_table

HARTREE, BOHR, CALORIE = ENERGIES["hartree"], LENGTHS["bohr"], ENERGIES["kcal/mol"] / 1000
DEBYE = 0.20819434  # e A, from 1e-21 C m^2/s / c
QUANTITIES = {
    q.name: q
    for q in (
        Quantity("mu", "|mu|", "e A", "", label="dipole moment"),
        Quantity("alpha", "alpha", "A^3", "", extensive=True, label="isotropic polarisability"),
        Quantity("homo", "e_HOMO", "eV", "", label="highest occupied level"),
        Quantity("lumo", "e_LUMO", "eV", "", label="lowest empty level"),
        Quantity("gap", "e_gap", "eV", "", label="gap of orbital energies"),
        Quantity("r2", "<r^2>", "A^2", "", label="electronic spatial extent"),
        Quantity("zpve", "E_0", "eV", "", extensive=True, label="zero-point energy"),
        Quantity("u0", "U_0", "eV", "", extensive=True, label="internal energy at 0 K"),
        Quantity("u298", "U", "eV", "", extensive=True, label="internal energy at 298 K"),
        Quantity("h298", "H", "eV", "", extensive=True, label="enthalpy at 298 K"),
        Quantity("g298", "G", "eV", "", extensive=True, label="free energy at 298 K"),
        Quantity("cv", "C_v", "eV/K", "", extensive=True, label="heat capacity at 298 K"),
    )
}
FACTORS = {"mu": DEBYE, "alpha": BOHR**3, "r2": BOHR**2, "cv": CALORIE}  # all else is in Hartree
ROW = ("tag", "index", "A", "B", "C", *QUANTITIES)  # the second line of a raw file
PUBLIC = "qm9"  # name in the catalogue of downloads
BESIDE = ("uncharacterized.txt", "gdb9.sdf.csv")  # read with the data where they lie in the same folder
ARCHIVES = (".tar", ".tar.bz2", ".tar.gz", ".tar.xz", ".tgz")


def is_qm9(path: str | Path) -> bool:
    """Whether a path looks like QM9: "gdb9" in the name of a file, archive or folder, or a folder of such files."""
    path = Path(path)
    return str(path) == PUBLIC or "gdb9" in path.name.lower() or (path.is_dir() and any(path.glob("*gdb9*.xyz")))


@limits.foreign
def read_qm9(path: str | Path, names: Sequence[str] = ("u0",)) -> Samples:
    """All molecules with the properties `names`, in the order of their numbers.

    path "qm9": the public archive, downloaded once (86 MB) with the list of molecules to leave out.
    """
    if str(path) == PUBLIC:
        files = {**fetch(PUBLIC), **fetch(f"{PUBLIC}-uncharacterized")}
        path, listed = files["dsgdb9nsd.xyz.tar.bz2"], files["uncharacterized.txt"]
    else:
        path = Path(path)
        listed = (path if path.is_dir() else path.parent) / "uncharacterized.txt"
    for name in names:
        if name not in QUANTITIES:
            raise unknown("the QM9 property", name, QUANTITIES)
    if not limits.check_plain(path).exists():
        raise Invalid(must="the QM9 data exist", came=f"no {path}", do="Give the folder, the archive or gdb9.sdf.")
    records = _from_sdf(path) if path.suffix.lower() == ".sdf" else map(_record, *zip(*_raw(path)))
    excluded = _excluded(listed)
    inputs, outputs = [], {name: [] for name in names}
    for number, atoms, values in sorted(records, key=lambda record: record[0]):
        if number not in excluded:
            inputs.append(atoms)
            for name in names:
                outputs[name].append(np.asarray(values[name] * FACTORS.get(name, HARTREE)))
    if not inputs:
        raise Invalid(must="the QM9 data hold molecules", came=f"none in {path}", do="Unpack or download them again.")
    return Samples(inputs, outputs)


Record = tuple[int, Atoms, dict[str, float]]


def _raw(path: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of every raw file of a folder, an archive, or the file itself."""
    if path.is_dir():
        limits.check_folder(path)
        for file in sorted(path.glob("*.xyz")):
            yield file.name, read_text(file)
    elif path.name.lower().endswith(ARCHIVES):
        try:
            raw = Unpacked(path, limits.STREAM, is_text=False)
            with raw, tarfile.open(fileobj=io.BufferedReader(raw), mode="r|") as archive:
                for count, member in enumerate(archive):
                    limits.at_most(path, count, limits.ENTRIES, "members of an archive")
                    limits.at_most(f"{member.name} of {path}", member.size, limits.TEXT, "bytes of text")
                    if member.name.endswith(".xyz") and member.isreg() and (file := archive.extractfile(member)):
                        yield member.name, file.read().decode()
        except (tarfile.TarError, *DAMAGED) as error:
            if isinstance(error, Invalid):
                raise
            raise Invalid(
                must="the archive can be read to its end", came=f"{path}: {error}", do="Download it again."
            ) from None
    else:
        yield path.name, read_text(path)


def _record(name: str, text: str) -> Record:
    """One raw file: number of atoms; tag, number, rotational constants and properties; atoms with charges; the rest."""
    lines = text.replace("*^", "e").splitlines()
    try:
        n = int(lines[0])
        row = dict(zip(ROW, lines[1].split(), strict=True))
        cells = [line.split() for line in lines[2 : 2 + n]]
        positions = np.array([cell[1:4] for cell in cells], float).reshape(n, 3)
        numbers = _atomic_numbers([cell[0] for cell in cells])
        return int(row["index"]), Atoms(positions, numbers), {key: float(row[key]) for key in QUANTITIES}
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise broken(Path(name), 1, f"it is no raw QM9 file ({error})") from None


def _from_sdf(path: Path) -> Iterator[Record]:
    """gdb9.sdf with the table of properties beside it; bonds are not looked at, so odd valences do no harm."""
    from rdkit import Chem, rdBase

    table = limits.plain_file(path).with_name(f"{path.name}.csv")
    beside = read_table(read_text(table), table)
    rows = [dict(zip(beside.header, row)) for row in beside.rows]
    with rdBase.BlockLogs():
        molecules = Chem.SDMolSupplier(str(path), sanitize=False, removeHs=False)
        if len(molecules) != len(rows):
            raise Invalid(
                must="the structures and the table of QM9 have the same length",
                came=f"{len(molecules)} in {path.name}, {len(rows)} in {table.name}",
                do="Take both from one archive.",
            )
        for place, (molecule, row) in enumerate(zip(molecules, rows), 1):
            try:
                values = {key: float(row[key]) for key in QUANTITIES}
                number = int(row["mol_id"].removeprefix("gdb_"))
                numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()], np.int32)
                yield number, Atoms(np.array(molecule.GetConformer().GetPositions()), numbers), values
            except (ValueError, KeyError, AttributeError) as error:
                raise broken(path, place, f"structure or properties cannot be read ({error})") from None


def _atomic_numbers(symbols: Sequence[str]) -> np.ndarray:
    from ase.data import atomic_numbers

    return np.array([atomic_numbers[symbol] for symbol in symbols], np.int32)


def _excluded(file: Path) -> set[int]:
    """Numbers of the molecules in `uncharacterized.txt`: lines of number, SMILES, SMILES, ...; the last is a count."""
    words: Iterable[Any] = (line.split() for line in read_text(file).splitlines()) if file.is_file() else ()
    return {int(word[0]) for word in words if len(word) > 2 and word[0].isdigit()}
