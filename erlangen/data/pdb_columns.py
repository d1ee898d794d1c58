"""The columns of a PDB file, checked before they are cut: frames, coordinates, elements.

    parts(text) -> one text for each END (VMD) or ENDMDL without MODEL
    checked(path, frame, text) -> lines whose coordinates stand in their columns, elements filled in

A field of PDB has a place, not a separator: one digit too many moves all that follows, and still gives numbers.
Source: the PDB format, version 3.3, wwPDB 2012.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import Invalid
from .atom_files import broken

ATOM = ("ATOM  ", "HETATM")
COORDINATES = ((30, 38), (38, 46), (46, 54))
NUMBER = re.compile(r" *[-+]?\d*\.(\d*) *")
OF_LIFE = "HDCNOSP"  # elements of the standard residues, each the first letter of the names of its atoms
SELENIUM = ("MSE", "SEC")
OF_FORCE_FIELDS = {  # names of standard residues in simulations: states of protonation, water
    *("HSD", "HSE", "HSP", "HID", "HIE", "HIP", "CYX", "CYM", "ASH", "GLH", "LYN"),
    *("TIP", "SOL", "WAT", "SPC", "TP3"),
}


def parts(text: str) -> Iterator[str]:
    """The parts of a file that have atoms, between END records; between ENDMDL where no MODEL opens them."""
    ends = "END" if re.search("^MODEL ", text, re.MULTILINE) else "END(?:MDL)?"
    for part in re.split(rf"^{ends}[ \t]*$", text, flags=re.MULTILINE):
        if re.search("^(ATOM  |HETATM)", part, re.MULTILINE):
            yield part


def checked(path: Path, frame: int, text: str) -> list[str]:
    """The lines of one part. Raises `Invalid` where coordinates leave their columns or an element cannot be told."""
    lines = text.split("\n")
    names = [line[12:16] for line in lines if line.startswith(ATOM) and not _stated(line)]
    is_left = any(name[:1] in tuple(OF_LIFE) and name[1:2] == " " for name in names)
    for i, line in enumerate(lines):
        if line.startswith(ATOM):
            if not _is_in_columns(line):
                raise Invalid(
                    must="the coordinates of a PDB file stand in columns 31 to 54, three times %8.3f",
                    came=f"{path}, frame {frame}: {line[30:60].strip()!r} of atom {line[6:27].strip()!r}",
                    do="Move the structure nearer to the origin and write it again, or write it as mmCIF.",
                )
            if not _stated(line):
                symbol = _element(path, frame, line, is_left)
                lines[i] = f"{line:<76.76}{symbol:>2}{line[78:]}" if symbol else line
            elif (symbol := _by_residue(line)) and symbol not in ("H", _stated(line)):
                raise broken(path, frame, f"atom {line[12:27].strip()!r} has the element {_stated(line)!r}")
    return lines


def _is_in_columns(line: str) -> bool:
    """Each field holds one number, and three decimals where it touches its neighbours."""
    for first, end in COORDINATES:
        found = NUMBER.fullmatch(line[first:end])
        touches = any(len(line[at - 1 : at + 1].strip()) == 2 for at in (first, end))
        if found is None or not line[first:end].strip(" +-.") or (touches and len(found[1]) != 3):
            return False
    return True


def _stated(line: str) -> str:
    """The element in columns 77 and 78; other things may stand there in old files."""
    found = line[76:78].strip()
    return found.upper() if found.isalpha() else ""


def _by_residue(line: str) -> str:
    """The element of an atom of a standard residue, whose name begins with it."""
    import gemmi

    name, residue = line[12:16].strip().lstrip("0123456789'\""), line[17:20].strip()
    known = gemmi.find_tabulated_residue(residue)
    if residue in SELENIUM and name.startswith("SE"):
        return "SE"
    is_standard = known.is_standard() or known.is_water() or residue in (*SELENIUM, *OF_FORCE_FIELDS)
    return name[:1] if is_standard and name[:1] in tuple(OF_LIFE) else ""


def _element(path: Path, frame: int, line: str, is_left: bool) -> str:
    """The element that name and residue say; "" leaves it to the column where the name begins."""
    import gemmi

    name, residue = line[12:16].strip(), line[17:20].strip()
    if symbol := _by_residue(line):
        return symbol
    one, two = (gemmi.Element(name[:n]) if name[:n].isalpha() else gemmi.Element(0) for n in (1, 2))
    if two.atomic_number and re.sub(r"[\d+-]", "", name) == re.sub(r"[\d+-]", "", residue):
        return two.name.upper()  # an ion: CA of CA
    if is_left and len(name) > 1 and one.atomic_number and two.atomic_number:
        raise broken(path, frame, f"no element in columns 77 and 78 for {name} of {residue}, {one.name} or {two.name}")
    found = one if one.atomic_number else two
    return found.name.upper() if is_left and found.atomic_number else ""
