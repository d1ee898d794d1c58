"""Plain and extended XYZ, cut into frames and columns here, its header read by ASE.

The header is `key=value key="several values"`; `Properties=species:S:1:pos:R:3:forces:R:3` names the columns, `Lattice`
and `pbc` the cell (https://github.com/libAtoms/extxyz). Nothing is hidden in a calculator, renamed or dropped: keys of
the header become `info`, further columns `columns`, whatever their names and however many atoms there are.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..core.errors import Invalid
from . import limits
from .atom_files import Table, broken
from .labels import VOIGT
from .text_files import lines_of, write_text

PLAIN = "species:S:1:pos:R:3"
SIX = re.compile(r"(?<!\S)(stress|virial)\s*=\s*([\"'{\[])\s*((?:[^\s,\"'}\]]+[\s,]+){5}[^\s,\"'}\]]+)\s*[\"'}\]]")
NAMES = {"elements": ("species", "symbols", "Z", "numbers"), "positions": ("pos", "positions")}
ISOTOPES = {"D": 1, "T": 1}


class Block(NamedTuple):
    """The lines of one frame: header, atoms, and VECn lines of lattice vectors; `at` counts the header from 1."""

    at: int
    header: str
    atoms: list[str]
    vectors: list[str]


def _blocks(path: Path, lines: Iterator[str]) -> Iterator[Block]:
    """Cut lines into frames; blank lines may stand between them."""
    at, frame, blank = 0, 0, 0
    first = next(lines, None)
    while first is not None:
        at, blank = at + 1, blank + 1
        if blank < limits.BLANK and not first.strip():
            first = next(lines, None)
            continue
        frame, blank = frame + 1, 0
        count = first.strip()
        if not (count.isascii() and count.isdigit()) or not count.strip("0"):
            raise broken(path, frame, f"line {at} must be the number of atoms, is {first[:60]!r}")
        n = int(count) if len(count) < 19 else sys.maxsize
        header, atoms = next(lines, ""), list(itertools.islice(lines, min(n, limits.ATOMS)))
        if len(atoms) < n:
            if len(atoms) == limits.ATOMS:
                limits.at_most(f"{path}, frame {frame}", n, limits.ATOMS, "atoms in a frame")
            raise broken(path, frame, f"ends after {len(atoms)} of {count[:19]} atoms")
        vectors = []
        first = next(lines, None)
        while first is not None and first.lstrip().startswith("VEC"):
            vectors.append(first)
            first = next(lines, None)
        yield Block(at + 1, header.strip(), atoms, vectors)
        at += 1 + n + len(vectors)


def read_xyz(path: Path) -> list[Table]:
    """Every frame; elements by symbol or by atomic number."""
    tables, told, total = [], limits.Pace(path, "frames"), 0
    for total, _ in enumerate(_blocks(path, lines_of(path)), 1):  # cutting takes a tenth of the time of reading
        limits.at_most(path, total, limits.FRAMES, "frames", do="Thin it, or cut it into parts.")
    if not total:
        raise Invalid(must="the file holds at least one frame", came=f"{path} is empty", do="Check how it was written.")
    for number, block in enumerate(_blocks(path, lines_of(path)), 1):
        told(number, total)
        try:
            tables.append(_table(block))
        except Exception as error:  # the header is foreign text, and ASE's parser has many ways to fail
            kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
            raise broken(path, number, f"{kind}{error}") from None
    return tables


def _table(block: Block) -> Table:
    info = _header(block.header)
    columns = _columns(str(_pop(info, "properties") or PLAIN), block)
    elements, positions = (_first(columns, names, what) for what, names in NAMES.items())
    if positions.shape[1:] != (3,):
        raise ValueError(f"positions have shape {positions.shape}")
    cell, repeats = _cell(info, block.vectors)
    said = _pop(info, "pbc")
    pbc = repeats if said is None else _flags(said)
    return Table(positions, _atomic_numbers(elements, block.at), cell, pbc, columns, info)


def _cell(info: dict[str, object], vectors: Sequence[str]) -> tuple[np.ndarray, np.ndarray | None]:
    """Lattice vectors as rows, and which of them repeat as far as the way they are written says so."""
    given = _pop(info, "lattice")
    given = _pop(info, "cell") if given is None else given
    if given is not None:
        if np.size(given) != 9:  # type: ignore[arg-type]
            raise ValueError(f"Lattice is {given!r} instead of nine numbers")
        return np.asarray(given, float).reshape(3, 3), None
    cell = np.zeros((3, 3))
    for row, line in zip(cell, vectors):
        row[:] = _numbers(line.split()[1:4], 0, 3, "R")
    return cell, np.arange(3) < len(vectors)


def _header(text: str) -> dict[str, object]:
    """Keys and values; a line without any is a comment. Stress and virial may have six numbers, which ASE refuses."""
    from ase.io.extxyz import key_val_str_to_dict

    if "=" not in text:
        return {"comment": text} if text else {}

    def nine(match: re.Match[str]) -> str:
        numbers = re.split(r"[\s,]+", match[3].strip())
        return f'{match[1]}="{" ".join(numbers[i] for i in VOIGT)}"'

    info = key_val_str_to_dict(SIX.sub(nine, text))
    return info | {key: info[key].T for key in ("Lattice",) if key in info}  # ASE's columns are lattice vectors


def _pop(info: dict[str, object], word: str) -> object:
    """The value of a key of the format, whatever its case; a `cell` that is no matrix is some value of the user's."""
    key = next((k for k in info if k.lower() == word), None)
    if key is None or (word == "cell" and np.size(info[key]) != 9):  # type: ignore[arg-type]
        return None
    return info.pop(key)


def _flags(said: object) -> np.ndarray:
    """pbc as [3] of bool."""
    flags = np.asarray(said)
    if flags.dtype.kind not in "bi" or flags.size not in (1, 3):
        raise ValueError(f"pbc is {said!r} instead of three times T or F")
    return np.broadcast_to(flags.astype(bool).ravel(), 3).copy()


def _columns(layout: str, block: Block) -> dict[str, np.ndarray]:
    """What `Properties` names: [n] for one column, [n, k] for several."""
    fields = layout.split(":")
    if len(fields) % 3 or not all(k.isdigit() and int(k) for k in fields[2::3]):
        raise ValueError(f"Properties must be name:type:count, one after the other, is {layout!r}")
    width = sum(map(int, fields[2::3]))
    rows = [line.split() for line in block.atoms]
    short = next((i for i, row in enumerate(rows) if len(row) < width), None)
    if short is not None:
        raise ValueError(f"line {block.at + 1 + short} has {len(rows[short])} of {width} values")
    found, at = {}, 0
    for name, kind, count in zip(fields[::3], fields[1::3], map(int, fields[2::3])):
        words = [word for row in rows for word in row[at : at + count]]
        values = _numbers(words, block.at + 1, count, kind)
        found[name] = values.reshape(-1, count) if count > 1 else values
        at += count
    return found


def _numbers(words: Sequence[str], at: int, count: int, kind: str) -> np.ndarray:
    """Words of a column as reals (also with Fortran's D), integers, truth values or text; `at`: line of the first."""
    if kind not in ("R", "I", "L", "S"):
        raise ValueError(f"a column of Properties is of type {kind!r} instead of R, I, L or S")
    if kind == "S":
        return np.array(words, dtype=object)
    if (long := max(map(len, words), default=0)) > limits.WORD:
        raise ValueError(f"a number of {long:,} characters; at most {limits.WORD} are read")
    array = np.asarray(words)
    try:
        if kind == "L":
            return np.array([{"T": True, "F": False}[w[:1].upper()] for w in words], bool)
        return array.astype(float if kind == "R" else int)
    except (ValueError, KeyError, OverflowError):
        pass
    values = []
    for i, word in enumerate(words):
        try:
            values.append(float(re.sub("[dD]", "e", word, count=1)) if kind == "R" else int(word))
        except ValueError:
            what = {"R": "a number", "I": "a whole number", "L": "T or F"}[kind]
            raise ValueError(f"line {at + i // max(count, 1)}: {str(word)!r} is not {what}") from None
    return np.array(values, float if kind == "R" else int)


def _first(columns: dict[str, np.ndarray], names: Sequence[str], what: str) -> np.ndarray:
    name = next((n for n in names if n in columns), None)
    if name is None:
        raise ValueError(f"there is no column of {what} ({' or '.join(names)}) among {', '.join(columns)}")
    return columns.pop(name)


def _atomic_numbers(words: np.ndarray, at: int) -> np.ndarray:
    """Symbols (also H1 or CL) or atomic numbers; 0 for X, which stands for no atom."""
    known = {word: _atomic_number(str(word)) for word in dict.fromkeys(words.tolist())}
    for i, word in enumerate(words.tolist()):
        if known[word] is None:
            raise ValueError(f"line {at + 1 + i}: {word!r} is no element, write its symbol (O) or atomic number (8)")
    return np.array([known[word] for word in words.tolist()], int)


def _atomic_number(word: str) -> int | None:
    from ase.data import atomic_numbers, chemical_symbols

    if word.isascii() and word.isdigit():
        return int(word) if int(word) < len(chemical_symbols) else None
    match = re.fullmatch(r"([A-Za-z]{1,2})\d*", word)
    symbol = match[1].capitalize() if match else ""
    return ISOTOPES.get(symbol, atomic_numbers.get(symbol))


def write_xyz(path: Path, tables: Sequence[Table]) -> None:
    """Extended XYZ with every digit (ASE writes columns with eight decimals only, too few for small intervals)."""
    from ase.data import chemical_symbols

    out = []
    for table in tables:
        columns = {"pos": np.asarray(table.positions, float)} | {k: np.asarray(v) for k, v in table.columns.items()}
        kinds = [f"{k}:{_column_type(v)}:{np.size(v[0])}" for k, v in columns.items()]
        header = ":".join(["Properties=species:S:1", *kinds])
        if np.any(table.cell):
            header = f'Lattice="{" ".join(repr(float(x)) for x in np.ravel(table.cell))}" {header}'
        pbc = np.asarray(table.pbc if table.pbc is not None else [False] * 3, bool)
        out += [str(len(table.atomic_numbers)), f"{header} {_header_text({**table.info, 'pbc': pbc})}"]
        for i, number in enumerate(table.atomic_numbers):
            cells = itertools.chain.from_iterable(np.ravel(v[i]) for v in columns.values())
            out.append(" ".join([chemical_symbols[int(number)], *map(_column_text, cells)]))
    write_text(path, "\n".join(out) + "\n")


def _header_text(info: Mapping[str, object]) -> str:
    """key=value for all; line ends and the like become blanks, and backslashes are doubled as they are halved again."""
    from ase.io.extxyz import key_val_dict_to_str

    lines = {k: " ".join(v.split()).replace("\\", "\\\\") if isinstance(v, str) else v for k, v in info.items()}
    return key_val_dict_to_str(lines)


def _column_type(values: np.ndarray) -> str:
    return {"f": "R", "i": "I", "u": "I", "b": "L"}.get(values.dtype.kind, "S")


def _column_text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "T" if value else "F"
    if isinstance(value, float | np.floating):
        return repr(float(value))
    # Columns are separated by blanks: an empty insertion code of a PDB file would shift all that follow.
    return "_".join(str(value).split()) or "-"
