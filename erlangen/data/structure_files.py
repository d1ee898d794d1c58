"""Files of crystals, proteins and drawn molecules: CIF, mmCIF and PDB through gemmi, SDF and MOL through RDKit."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import Invalid
from . import limits
from .atom_files import Table, broken
from .cif_files import cif_blocks, crystals
from .pdb_columns import ATOM, checked, parts
from .text_files import read_text, write_text

if TYPE_CHECKING:
    import gemmi
    from rdkit import Chem

log = logging.getLogger("erlangen.data")
RESIDUE = ("atom_name", "residue_name", "residue_number", "insertion", "chain")


def read_cif(path: Path) -> list[Table]:
    """Crystals: each data block with atoms is a frame, with all symmetry copies. A .cif of a protein is mmCIF."""
    blocks = cif_blocks(path, read_text(path))
    is_mmcif = any(block.find_loop("_atom_site.Cartn_x") for block in blocks)
    return read_mmcif(path) if is_mmcif else crystals(path, blocks)


def _flat(values: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Columns with one number per atom: forces become forces_1, forces_2, forces_3."""
    for name, value in values.items():
        value = np.asarray(value)
        if value.ndim == 1:
            yield name, value
        else:
            yield from ((f"{name}_{i + 1}", part) for i, part in enumerate(value.reshape(len(value), -1).T))


def _text(value: object) -> str:
    """Numbers with all digits, in the quotes that CIF wants."""
    import gemmi

    value = np.asarray(value)
    return gemmi.cif.quote(" ".join(repr(x) if isinstance(x, float) else str(x) for x in value.ravel().tolist()))


def write_cif(path: Path, tables: Sequence[Table]) -> None:
    """Crystals without symmetry (P 1), one data block per frame; further values as _erlangen_* items and columns."""
    import gemmi

    document = gemmi.cif.Document()
    for number, table in enumerate(tables, 1):
        block = document.add_new_block(f"{table.info.get('name', 'frame')}_{number}".replace(" ", "_"))
        cell = np.asarray(table.cell, float)
        if abs(np.linalg.det(cell)) < 1e-6:
            raise Invalid(must="CIF holds crystals", came=f"frame {number} has no cell", do="Write it as .xyz or .sdf.")
        lengths = np.linalg.norm(cell, axis=1)
        cosines = [cell[i] @ cell[j] / (lengths[i] * lengths[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
        for name, value in zip("abc", lengths):
            block.set_pair(f"_cell_length_{name}", repr(float(value)))
        for name, value in zip(("alpha", "beta", "gamma"), np.degrees(np.arccos(cosines))):
            block.set_pair(f"_cell_angle_{name}", repr(float(value)))
        block.set_pair("_space_group_name_H-M_alt", "'P 1'")
        for name, value in table.info.items():
            block.set_pair(f"_erlangen_{name}", _text(value))
        extra = {name: value for name, value in _flat(table.columns) if name != "site"}
        tags = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", *(f"erlangen_{name}" for name in extra)]
        loop = block.init_loop("_atom_site_", tags)
        for i, fractional in enumerate(np.asarray(table.positions) @ np.linalg.inv(cell)):
            symbol = gemmi.Element(int(table.atomic_numbers[i])).name
            more = [_text(value[i]) for value in extra.values()]
            loop.add_row([f"{symbol}{i + 1}", symbol, *(repr(float(x)) for x in fractional), *more])
    write_text(path, document.as_string())


def read_pdb(path: Path) -> list[Table]:
    """Proteins and complexes: every model is a frame, as is every part that END closes; of alternative conformers the
    first. CRYST1 is the box of a P 1 structure; that of others, whose copies are not in the file, is left out.
    """
    import gemmi

    tables: list[Table] = []
    groups: set[str] = set()
    told = limits.Pace(path, "frames")
    for text in parts(read_text(path)):
        told(len(tables))
        lines = checked(path, len(tables) + 1, text)
        try:
            structure = gemmi.read_pdb_string("\n".join(lines))
        except (ValueError, RuntimeError) as error:
            raise broken(path, len(tables) + 1, str(error)) from None
        found, written = sum(model.count_atom_sites() for model in structure), sum(x.startswith(ATOM) for x in lines)
        if found != written:
            raise broken(path, len(tables) + 1, f"{found} of its {written} atoms can be read")
        tables += _models(path, structure, len(tables) + 1)
        groups |= {structure.spacegroup_hm} if structure.cell.is_crystal() else set()
    return _complete(path, tables, groups)


def read_mmcif(path: Path) -> list[Table]:
    """The same from mmCIF, from every data block that has atoms."""
    import gemmi

    tables: list[Table] = []
    groups: set[str] = set()
    for block in cif_blocks(path, read_text(path)):
        if not block.find_values("_atom_site.Cartn_x"):
            continue
        try:
            structure = gemmi.make_structure_from_block(block)
        except (ValueError, RuntimeError, IndexError) as error:
            raise broken(path, len(tables) + 1, str(error)) from None
        tables += _models(path, structure, len(tables) + 1)
        groups |= {structure.spacegroup_hm} if structure.cell.is_crystal() else set()
    return _complete(path, tables, groups)


def _models(path: Path, structure: gemmi.Structure, first: int) -> list[Table]:
    """A frame for every model, in its box. first: number of the first frame."""
    boxed = structure.cell.is_crystal() and _is_whole(structure.spacegroup_hm)
    cell = np.array(structure.cell.orth.mat.tolist()).T if boxed else np.zeros((3, 3))
    tables = []
    for number, model in enumerate(structure, first):
        found = list(_first_conformer(model))
        unknown = [atom.name for _, _, atom in found if atom.element.atomic_number == 0]
        if unknown or not found:
            raise broken(path, number, f"no element for the atoms {unknown[:5]}" if unknown else "it has no atoms")
        columns = {
            "atom_name": np.array([atom.name for _, _, atom in found]),
            "residue_name": np.array([residue.name for _, residue, _ in found]),
            "residue_number": np.array([residue.seqid.num for _, residue, _ in found]),
            "insertion": np.array([residue.seqid.icode for _, residue, _ in found]),
            "chain": np.array([chain for chain, _, _ in found]),
        }
        positions = np.array([atom.pos.tolist() for _, _, atom in found])
        numbers = np.array([atom.element.atomic_number for _, _, atom in found])
        tables.append(Table(positions, numbers, cell, np.full(3, boxed), columns, {"name": structure.name}))
    return tables


def _is_whole(group: str) -> bool:
    return group.replace(" ", "") in ("", "P1")


def _complete(path: Path, tables: list[Table], groups: set[str]) -> list[Table]:
    """The frames, with a word on what their file does not hold: symmetry copies, hydrogens of X-ray models."""
    import gemmi

    if not tables:
        raise broken(path, 1, "it has no atoms")
    if partial := sorted(group for group in groups if not _is_whole(group)):
        log.warning("%s: without the copies and the cell of %s, as an isolated cluster", path, ", ".join(partial))
    for number, table in enumerate(tables, 1):
        known = [gemmi.find_tabulated_residue(str(name)) for name in np.unique(table.columns["residue_name"])]
        if any(one.is_amino_acid() or one.is_nucleic_acid() for one in known) and 1 not in table.atomic_numbers:
            log.warning("%s, frame %d: residues without any hydrogen, taken as they stand", path, number)
            break
    return tables


def _first_conformer(model: gemmi.Model) -> Iterator[tuple[str, gemmi.Residue, gemmi.Atom]]:
    """(chain, residue, atom) without alternative conformers after the first one of each place in the chain.

    gemmi's own remove_alternative_conformations also drops atoms of equal names, which ligands often have.
    """
    first: dict[tuple[str, str], str] = {}
    for chain in model:
        for residue in chain:
            for atom in residue:
                place = (chain.name, str(residue.seqid))
                if not atom.has_altloc() or first.setdefault(place, atom.altloc) == atom.altloc:
                    yield chain.name, residue, atom


def _structure(tables: Sequence[Table]) -> gemmi.Structure:
    """A gemmi structure with one model per frame; atoms without residue labels form one residue MOL."""
    import gemmi

    structure = gemmi.Structure()
    structure.cell, structure.spacegroup_hm = _box(tables[0]), "P 1"
    for number, table in enumerate(tables, 1):
        model = gemmi.Model(number)
        n = len(table.atomic_numbers)
        symbols = [gemmi.Element(int(z)).name for z in table.atomic_numbers]
        default = ([f"{s}{i}"[:4] for i, s in enumerate(symbols, 1)], ["MOL"] * n, [1] * n, [" "] * n, ["A"] * n)
        names, residues, seqids, codes, chains = (table.columns.get(k, d) for k, d in zip(RESIDUE, default))
        last = None
        for i in range(n):
            if last is None or chains[i] != chains[i - 1]:
                model.add_chain(gemmi.Chain(str(chains[i])))
            if last != (chains[i], seqids[i], codes[i], residues[i]):
                residue = gemmi.Residue()
                residue.name, residue.seqid = str(residues[i]), gemmi.SeqId(int(seqids[i]), str(codes[i]))
                residue.het_flag = "A" if gemmi.find_tabulated_residue(residue.name).is_amino_acid() else "H"
                model[-1].add_residue(residue)
                last = (chains[i], seqids[i], codes[i], residues[i])
            atom = gemmi.Atom()
            atom.name, atom.element, atom.serial = str(names[i]), gemmi.Element(int(table.atomic_numbers[i])), i + 1
            atom.pos = gemmi.Position(*map(float, table.positions[i]))
            model[-1][-1].add_atom(atom)
        structure.add_model(model)
    structure.setup_entities()
    return structure


def _box(table: Table) -> gemmi.UnitCell:
    """The cell of a periodic frame; these formats turn it so that a lies along x and b in the plane of x and y."""
    import gemmi

    cell = np.asarray(table.cell, float)
    if table.pbc is None or not np.all(table.pbc) or abs(np.linalg.det(cell)) < 1e-6:
        return gemmi.UnitCell()
    lengths = np.linalg.norm(cell, axis=1)
    angles = [np.degrees(np.arccos(cell[i] @ cell[j] / (lengths[i] * lengths[j]))) for i, j in ((1, 2), (0, 2), (0, 1))]
    box = gemmi.UnitCell(*lengths.tolist(), *map(float, angles))
    if not np.allclose(np.array(box.orth.mat.tolist()).T, cell, atol=1e-3):
        raise Invalid(
            must="the cell in a PDB or mmCIF file has a along x and b in the plane of x and y",
            came=np.array2string(cell, precision=3).replace("\n", ""),
            do="Write it as .xyz or .cif.",
        )
    return box


def write_pdb(path: Path, tables: Sequence[Table]) -> None:
    """Models of a PDB file, or a part closed by END for each frame where cells differ; positions keep three decimals,
    that is what the format has.
    """
    alike = all(np.array_equal(table.cell, tables[0].cell) for table in tables)
    groups = [tables] if alike else [[table] for table in tables]
    write_text(path, "".join(_structure(group).make_pdb_string() for group in groups))


def write_mmcif(path: Path, tables: Sequence[Table]) -> None:
    """Models of an mmCIF file; further values as _erlangen_frame.* (one row per model) and _atom_site.erlangen_*."""
    if not all(np.array_equal(table.cell, tables[0].cell) for table in tables):
        raise Invalid(must="models of an mmCIF file share one cell", came=str(path), do="Write it as .xyz or .cif.")
    document = _structure(tables).make_mmcif_document()
    block = document.sole_block()
    names = [name for name in tables[0].info if name != "name"]
    if names:
        loop = block.init_loop("_erlangen_frame.", ["model", *names])
        for number, table in enumerate(tables, 1):
            loop.add_row([str(number), *(_text(table.info.get(name, "?")) for name in names)])
    columns = [{k: v for k, v in _flat(table.columns) if k not in RESIDUE} for table in tables]
    loop = block.find_loop("_atom_site.id").get_loop()
    for name in columns[0]:
        tag = f"_atom_site.erlangen_{name}"
        loop.add_columns([tag], "?")
        values = [value for part in columns for value in part[name]]
        for row, value in zip(block.find([tag]), values, strict=True):
            row[0] = _text(value)
    write_text(path, document.as_string())


def read_sdf(path: Path) -> list[Table]:
    """SDF and MOL. Data fields become `info`; one with a line per atom becomes a column. Bonds are kept for writing."""
    from rdkit import Chem, rdBase

    text = read_text(path)
    _check_counts(path, text)
    with rdBase.BlockLogs():
        supplier = Chem.ForwardSDMolSupplier(io.BytesIO(text.encode()), sanitize=False, removeHs=False)
        molecules = list(supplier)
    tables = []
    for number, molecule in enumerate(molecules, 1):
        if molecule is None or molecule.GetNumAtoms() == 0:
            raise broken(path, number, "RDKit cannot read this record")
        conformer = molecule.GetConformer()
        if not conformer.Is3D() and molecule.GetNumAtoms() > 1:
            raise Invalid(
                must="molecules have coordinates in space",
                came=f"{path}, frame {number} is a flat drawing",
                do="Make a conformer first (RDKit: AddHs, then EmbedMolecule).",
            )
        numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
        if np.any(numbers == 0):
            raise broken(path, number, "it holds an atom without an element")
        _check_hydrogens(path, number, molecule)
        columns, info = _fields(molecule.GetPropsAsDict(autoConvertStrings=False), len(numbers))
        info = {"name": molecule.GetProp("_Name")} | info if molecule.HasProp("_Name") else info
        cell = np.zeros((3, 3))
        tables.append(Table(conformer.GetPositions(), numbers, cell, np.zeros(3, bool), columns, info, molecule))
    if text.count("$$$$") > len(molecules):
        raise broken(path, len(molecules) + 1, "the record cannot be read")
    return tables


def _check_counts(path: Path, text: str) -> None:
    """Refuse more atoms than a frame may have: RDKit makes room for them before it reads any."""
    for match in re.finditer(r"^M +V30 +COUNTS +(\d+) +(\d+)", text, re.MULTILINE):
        for count in match.groups():
            number = int(count) if len(count) < 19 else sys.maxsize
            limits.at_most(path, number, limits.ATOMS, "atoms in a frame, and bonds")


def _check_hydrogens(path: Path, number: int, molecule: Chem.Mol) -> None:
    """Bonds say how many hydrogens there should be; drawings and docking programs leave them out."""
    if not molecule.GetNumBonds():
        return
    molecule.UpdatePropertyCache(strict=False)
    missing = sum(atom.GetNumImplicitHs() for atom in molecule.GetAtoms())
    if missing and not any(atom.GetAtomicNum() == 1 for atom in molecule.GetAtoms()):
        raise Invalid(
            must="molecules hold their hydrogens",
            came=f"{path}, frame {number}: none of the {missing} that its bonds leave room for",
            do="Add them in space first (RDKit: AddHs(molecule, addCoords=True)).",
        )
    if missing:
        log.warning("%s, frame %d: %d hydrogens fewer than its bonds leave room for", path, number, missing)


def _fields(properties: Mapping[str, object], n: int) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    columns: dict[str, np.ndarray] = {}
    info: dict[str, Any] = {}
    for name, text in properties.items():
        rows = [line.split() for line in str(text).splitlines()]
        try:
            values = np.array(rows, float)
        except ValueError:
            info[name] = text
            continue
        if not values.size:  # a field without a value
            continue
        if len(rows) == n and (n > 1 or values.shape[1] == 3):
            columns[name] = values[:, 0] if values.shape[1] == 1 else values
        else:
            info[name] = values.ravel() if values.size > 1 else float(values.ravel()[0])
    return columns, info


def write_sdf(path: Path, tables: Sequence[Table]) -> None:
    """SDF with bonds where they are known, positions to four decimals, further values as data fields."""
    from rdkit import Chem

    stream = io.StringIO()
    writer = Chem.SDWriter(stream)
    writer.SetKekulize(False)
    for table in tables:
        molecule = _molecule(table)
        for name, value in {**table.info, **table.columns}.items():
            if name == "name":
                molecule.SetProp("_Name", str(value))
                continue
            array = np.asarray(value)
            rows = array if array.ndim == 2 or name in table.columns else array[None]
            molecule.SetProp(name, "\n".join(" ".join(map(str, np.ravel(row).tolist())) for row in rows))
        writer.write(molecule)
    writer.close()
    write_text(path, stream.getvalue())


def _molecule(table: Table) -> Chem.Mol:
    from rdkit import Chem
    from rdkit.Geometry import Point3D

    numbers = [int(z) for z in table.atomic_numbers]
    known = table.source is not None and [a.GetAtomicNum() for a in table.source.GetAtoms()] == numbers
    molecule: Any = Chem.RWMol(table.source) if known else Chem.RWMol()  # type: ignore[arg-type]
    if not known:
        for z in numbers:
            molecule.AddAtom(Chem.Atom(z))
    conformer = Chem.Conformer(len(numbers))
    conformer.Set3D(True)
    for i, position in enumerate(np.asarray(table.positions, float).tolist()):
        conformer.SetAtomPosition(i, Point3D(*position))
    molecule.RemoveAllConformers()
    molecule.AddConformer(conformer)
    for name in list(molecule.GetPropNames()):
        molecule.ClearProp(name)
    return molecule
