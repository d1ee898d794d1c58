"""Sums of Pauli strings from text files.

    # transverse Ising, three sites
    -1.0  Z0 Z1
    -1.0  ZZI          dense: one letter per site, site 0 first
    -0.5  X2
     0.25              a constant

    (-1+0j) [Z0 Z1] +
    (-0.5+0j) [X2]     the text of an OpenFermion `QubitOperator`; [] is a constant

One string per line after its coefficient (`*` between the factors may stay), in brackets any number of them.
Coefficients have to be real: the sum is Hermitian then. `#` starts a comment. Sites are counted from 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import Invalid
from ..physics.lattices import MOST_SITES, Loose
from ..physics.spins import Hamiltonian, of_terms
from . import limits
from .text_files import read_text

Term = tuple[float, dict[int, str]]

STRONGEST = 1e100
"""Coefficients beyond it, squared, leave the range of numbers."""

_ROUNDING = 1e-12
"""Of a coefficient: an imaginary part that is none."""


@limits.foreign
def read_pauli_sum(path: str | Path) -> Hamiltonian:
    """The Hamiltonian that a file describes; sites are counted from 0 to the largest that occurs."""
    path = Path(path)
    terms: list[Term] = []
    dense: dict[int, int] = {}  # length of the dense strings, and the first line that has it
    told = limits.Pace(path, "lines")
    for number, line in enumerate(told.over(read_text(path).split("\n")), 1):
        where = f"{path.name}, line {number}"
        for coefficient, words in _terms(line.split("#")[0].strip(), where):
            terms.append((_coefficient(coefficient, where), _string(words, where)))
            if len(words) == 1 and re.fullmatch("[IXYZ]+", words[0]):
                dense.setdefault(len(words[0]), number)
            limits.at_most(path, len(terms), limits.STRINGS, "strings", "Leave out what is small.")
    largest = max((i for _, string in terms for i in string), default=-1)
    if len(dense) > 1 or any(length <= largest for length in dense):
        lengths = ", ".join(f"{n} letters in line {line}" for n, line in dense.items())
        raise Invalid(
            must="all strings of a file act on equally many sites",
            came=f"{lengths}; largest site {largest}",
            do="Fill up with I, or write sites as in Z0 Z3.",
        )
    if not any(letter != "I" for _, string in terms for letter in string.values()):
        raise Invalid(must="a sum of Pauli strings acts on a site", came=f"none in {path}", do="Add a line: -1.0 Z0 Z1")
    return of_terms(path.stem, Loose(next(iter(dense), largest + 1)), terms)


def _terms(line: str, where: str) -> Iterator[tuple[str, list[str]]]:
    """(coefficient, words of the string) of every term of a line."""
    if "[" not in line and "]" not in line:
        words = line.replace("*", " ").removesuffix("+").split()
        if words:
            yield words[0], words[1:]
        return
    rest = line
    while rest:
        match = re.match(r"\s*\+?([^\[\]]*)\[([^\[\]]*)\]\s*", rest)
        if not match:
            if rest == "+":  # the sum goes on in the next line
                return
            raise Invalid(
                must="a term with brackets reads `coefficient [Z0 Z1]`, terms joined by +",
                came=f"{rest[:40]!r} in {where}",
                do="For instance: (-0.5+0j) [X2] +",
            )
        yield match[1].replace(" ", "").removesuffix("*"), match[2].split()
        rest = rest[match.end() :]


def _coefficient(word: str, where: str) -> float:
    try:
        value = complex(word.replace("i", "j"))
    except ValueError:
        raise Invalid(
            must="a line starts with a coefficient", came=f"{word!r} in {where}", do="For instance: -0.5 X2"
        ) from None
    if not abs(value.imag) <= _ROUNDING * abs(value.real) or not abs(value.real) <= STRONGEST:
        raise Invalid(
            must=f"coefficients are real and finite, at most {STRONGEST:g}: only then is the sum Hermitian",
            came=f"{word} in {where}",
            do="Add the Hermitian conjugate; what stays imaginary has to cancel.",
        )
    return value.real


def _string(words: list[str], where: str) -> dict[int, str]:
    """{site: letter}, I among them: what is named is there."""
    if len(words) == 1 and re.fullmatch("[IXYZ]+", words[0]):
        _require_site(str(len(words[0]) - 1), where)
        return {i: letter for i, letter in enumerate(words[0]) if letter != "I"}
    found: dict[int, str] = {}
    for word in words:
        match = re.fullmatch(r"([IXYZ])([0-9]+)", word)
        site = _require_site(match[2], where) if match else -1
        if not match or site in found:
            problem = "a second matrix on one site" if match else repr(word)
            raise Invalid(
                must="a string is X, Y or Z with the number of a site, each site once, or one letter IXYZ per site",
                came=f"{problem} in {where}",
                do="For instance: Z0 Z1, or ZZI.",
            )
        found[site] = match[1]
    return found


def _require_site(digits: str, where: str) -> int:
    if len(digits.lstrip("0")) > 9 or int(digits) >= MOST_SITES:
        raise Invalid(
            must=f"sites are numbered from 0 to {MOST_SITES - 1}",
            came=f"{digits[:20]} in {where}",
            do="Number them anew.",
        )
    return int(digits)
