"""Sums of Pauli strings from text files.

    # transverse Ising, three sites
    -1.0  Z0 Z1
    -1.0  ZZI          dense: one letter per site, site 0 first
    -0.5  X2
     0.25              a constant

One string per line after its coefficient, which has to be real (the sum is Hermitian then); `#` starts a comment.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..core.errors import Invalid
from ..physics.lattices import Loose
from ..physics.spins import Hamiltonian, of_terms

Term = tuple[float, dict[int, str]]


def read_pauli_sum(path: str | Path) -> Hamiltonian:
    """The Hamiltonian that a file describes; sites are counted from 0 to the largest that occurs."""
    path = Path(path)
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            must="a sum of Pauli strings is a readable text file",
            came=f"{path}: {error}",
            do="One `coefficient string` a line.",
        ) from None
    terms: list[Term] = []
    dense: dict[int, int] = {}  # length of the dense strings, and the first line that has it
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        where = f"{path.name}, line {number}"
        terms.append((_coefficient(words[0], where), _string(words[1:], where)))
        if len(words) == 2 and re.fullmatch("[IXYZ]+", words[1]):
            dense.setdefault(len(words[1]), number)
    largest = max((i for _, string in terms for i in string), default=-1)
    if len(dense) > 1 or any(length <= largest for length in dense):
        lengths = ", ".join(f"{n} letters in line {line}" for n, line in dense.items())
        raise Invalid(
            must="all strings of a file act on equally many sites",
            came=f"{lengths}; largest site {largest}",
            do="Fill up with I, or write sites as in Z0 Z3.",
        )
    if largest < 0:
        raise Invalid(must="a sum of Pauli strings acts on a site", came=f"none in {path}", do="Add a line: -1.0 Z0 Z1")
    return of_terms(path.stem, Loose(next(iter(dense), largest + 1)), terms)


def _coefficient(word: str, where: str) -> float:
    try:
        value = complex(word.replace("i", "j"))
    except ValueError:
        raise Invalid(
            must="a line starts with a coefficient", came=f"{word!r} in {where}", do="For instance: -0.5 X2"
        ) from None
    if value.imag or value != value or abs(value) == float("inf"):
        raise Invalid(
            must="coefficients are real and finite: a Pauli string is Hermitian, its multiple only then",
            came=f"{word} in {where}",
            do="Add the Hermitian conjugate; what stays imaginary has to cancel.",
        )
    return value.real


def _string(words: list[str], where: str) -> dict[int, str]:
    if len(words) == 1 and re.fullmatch("[IXYZ]+", words[0]):
        return {i: letter for i, letter in enumerate(words[0]) if letter != "I"}
    found: dict[int, str] = {}
    for word in words:
        match = re.fullmatch(r"([XYZ])(\d+)", word)
        if not match or int(match[2]) in found:
            problem = "a second matrix on one site" if match else repr(word)
            raise Invalid(
                must="a string is X, Y or Z with the number of a site, each site once, or one letter IXYZ per site",
                came=f"{problem} in {where}",
                do="For instance: Z0 Z1, or ZZI.",
            )
        found[int(match[2])] = match[1]
    return found
