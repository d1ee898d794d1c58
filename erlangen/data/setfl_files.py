"""Embedded atom potentials in files: the setfl format of DYNAMO and LAMMPS, `.eam.alloy`.

    law = EmbeddedAtom.of(read_setfl(Path("Cu_mishin1.eam.alloy")))
    write_setfl(path, Zhou.of("Cu", "Ni").tables())                       # for LAMMPS, ASE, GPUMD

Three lines of comment; how many elements, and their symbols; Nrho drho Nr dr cutoff; of each element its number, mass,
lattice constant and lattice, F at Nrho densities and f at Nr distances; then r phi [eV A] at Nr distances for each pair
of elements i >= j (https://docs.lammps.org/pair_eam.html). Numbers are free in their lines.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..core.errors import Invalid
from ..physics.interatomic.eam import Tables
from .text_files import read_text, write_text

COMMENTS = 3
MOST = 100  # elements


def read_setfl(path: Path) -> Tables:
    """The tables of a file, plain or packed."""
    from ase.data import atomic_numbers

    words = read_text(path).split("\n", COMMENTS)[COMMENTS:]
    reader = _Words(path, "".join(words).split())
    count = reader.whole("the number of elements", MOST)
    names = [reader.word("the symbol of an element") for _ in range(count)]
    if len(set(names)) < count or not set(names) <= set(atomic_numbers):
        raise _refused(path, "symbols of different elements in line 4", " ".join(names))
    n_rho, drho = reader.whole("Nrho"), reader.number("drho")
    n_r, dr, cutoff = reader.whole("Nr"), reader.number("dr"), reader.number("the cutoff")
    expected = count * (4 + n_rho + n_r) + count * (count + 1) // 2 * n_r
    if reader.left != expected:
        raise _refused(
            path,
            f"{expected} entries after its header, for {count} elements, Nrho = {n_rho} and Nr = {n_r}",
            f"{reader.left}",
            "It is cut off, or of another kind: Finnis-Sinclair (.eam.fs), adp and single elements are not read.",
        )
    embedding, density = np.empty((count, n_rho)), np.empty((count, n_r))
    for i in range(count):
        reader.skip(4)
        embedding[i], density[i] = reader.numbers(n_rho), reader.numbers(n_r)
    pair = np.empty((count, count, n_r))
    for i, j in _pairs(count):
        pair[i, j] = pair[j, i] = reader.numbers(n_r)
    elements = tuple(int(atomic_numbers[name]) for name in names)
    return Tables(elements, cutoff, dr=dr, drho=drho, embedding=embedding, density=density, pair=pair)


def write_setfl(path: Path, tables: Tables) -> None:
    """A file that LAMMPS and ASE read; lattice constants, which neither looks at, are 0."""
    from ase.data import atomic_masses, chemical_symbols

    names, rows = [chemical_symbols[z] for z in tables.elements], tables.density.shape[1]
    lines = [
        "Embedded atom potential",
        "written by erlangen",
        "F [eV], f, r phi [eV A]",
        f"{len(names)} {' '.join(names)}",
    ]
    lines.append(f"{tables.embedding.shape[1]} {tables.drho!r} {rows} {tables.dr!r} {tables.cutoff!r}")
    for i, z in enumerate(tables.elements):
        lines += [f"{z} {atomic_masses[z]:.4f} 0.0 fcc", *_columns(tables.embedding[i]), *_columns(tables.density[i])]
    for i, j in _pairs(len(names)):
        lines += _columns(tables.pair[i, j])
    write_text(path, "\n".join(lines) + "\n")


def _pairs(count: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(count) for j in range(i + 1)]


def _columns(values: Float[np.ndarray, " k"]) -> list[str]:
    return [" ".join(f"{float(v):.16e}" for v in values[i : i + 5]) for i in range(0, len(values), 5)]


class _Words:
    """The entries of a file, one after the other."""

    def __init__(self, path: Path, words: list[str]):
        self.path, self.words, self.at = path, words, 0

    @property
    def left(self) -> int:
        return len(self.words) - self.at

    def word(self, what: str) -> str:
        if not self.left:
            raise _refused(self.path, f"{what} after three lines of comment", "the end of the file")
        self.at += 1
        return self.words[self.at - 1]

    def number(self, what: str) -> float:
        word = self.word(what)
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value > 0):
            raise _refused(self.path, f"{what}, a positive number", repr(word))
        return value

    def whole(self, what: str, most: int = 10_000_000) -> int:
        word = self.word(what)
        if not (word.isdecimal() and len(word) < 12 and 1 <= int(word) <= most):
            raise _refused(self.path, f"{what}, a whole number up to {most}", repr(word))
        return int(word)

    def skip(self, count: int) -> None:
        self.at += count

    def numbers(self, count: int) -> Float[np.ndarray, " count"]:
        part = self.words[self.at : self.at + count]
        self.at += count
        try:
            return np.array(part, float)
        except ValueError as error:
            raise _refused(self.path, "numbers in its tables", str(error)) from None


def _refused(path: Path, holds: str, came: str, do: str = "Check the file.") -> Invalid:
    return Invalid(must=f"a setfl file (.eam.alloy) holds {holds}", came=f"{came} in {path}", do=do)
