"""Crystals in CIF through gemmi's parser: the sites of a data block and their symmetry copies.

A site that is no atom, an alternative, or an atom only in part is named, never taken for a whole one.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import Invalid
from . import limits
from .atom_files import Table, broken
from .cif_symmetry import choices

if TYPE_CHECKING:
    import gemmi

log = logging.getLogger("erlangen.data")
SPECIAL = 0.4  # A: copies of one site nearer than that are one atom on a special position, whose digits were cut
SAME = 0.1  # A: atoms of two sites nearer than that are one
CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
PLACE = ("fract_x", "fract_y", "fract_z")
MORE = ("label", "type_symbol", "occupancy", "disorder_group", "disorder_assembly", "attached_hydrogens", "calc_flag")
DISPLACEMENTS = ("U_iso_or_equiv", "B_iso_or_equiv")
MULTIPLICITY = ("symmetry_multiplicity", "site_symmetry_multiplicity")
SYMBOL = re.compile(r"([A-Za-z]{1,2})(\d*[+-]?|[+-]\d*|\d*\.\d+[+-])")  # Na, Na1, Na1+, O2-, Fe+3
SEVERAL = re.compile(r"[+,/&]|\d\.\d")  # several elements or shares in one symbol


@dataclasses.dataclass(frozen=True)
class Site:
    """A row of _atom_site_. place: [3], fractional. multiplicity: copies in the cell, 0 where it is not stated.
    displacement: U_iso in A^2, NaN where it is not stated.
    """

    place: np.ndarray
    label: str
    symbol: str
    occupancy: float
    group: str
    assembly: str
    hydrogens: float
    is_dummy: bool
    multiplicity: float
    displacement: float = np.nan


DOTTED = re.compile(r"^(\s*_[A-Za-z]\w*)\.", re.MULTILINE)


def cif_blocks(path: Path, text: str) -> list[gemmi.cif.Block]:
    """The data blocks of a text. Names of newer dictionaries (_atom_site.fract_x) are read as those of the older."""
    import gemmi

    if "_atom_site.fract_x" in text:
        text = DOTTED.sub(r"\1_", text)
    try:
        return list(gemmi.cif.read_string(text))
    except (ValueError, RuntimeError) as error:
        # Wrong quotes are frequent in the lines about the paper, which do not matter here.
        about = re.compile(r"^_(audit|citation|publ|journal|chemical_name)\S*[ \t]+\S.*$", re.MULTILINE)
        try:
            return list(gemmi.cif.read_string(about.sub("", text)))
        except (ValueError, RuntimeError):
            raise broken(path, 1, str(error)) from None


def crystals(path: Path, blocks: Iterable[gemmi.cif.Block]) -> list[Table]:
    """Every data block with atoms, with all symmetry copies; one line in the log for each kind of assumption."""
    sites = [block for block in blocks if block.find_values("_atom_site_fract_x")]
    if not sites:
        raise broken(path, 1, "no data block has atoms (_atom_site_fract_x)")
    words: dict[str, list[int]] = {}
    tables = []
    for number, block in enumerate(sites, 1):
        tables.append(crystal(path, number, block, lambda word: words.setdefault(word, []).append(number)))
    for word, frames in words.items():
        log.warning("%s, frame %s%s: %s", path, frames[0], f" and {len(frames) - 1} more" * (len(frames) > 1), word)
    return tables


def crystal(path: Path, number: int, block: gemmi.cif.Block, say: Callable[[str], None]) -> Table:
    """One crystal. say: gets a word on everything that was assumed."""
    rows = len(block.find_values("_atom_site_fract_x"))
    limits.at_most(f"{path}, frame {number}", rows, limits.SITES, "sites of a crystal", "Choose a smaller cell.")
    cell, sites = cell_of(path, number, block), _atoms(path, number, sites_of(block), say)
    vectors = np.array(cell.orth.mat.tolist()).T
    labels = np.array([site.label for site in sites])
    numbers = np.array([element_of(path, number, site) for site in sites], np.int32)
    try:
        groups, note = choices(block, cell)
    except ValueError as error:
        raise Invalid(
            must="the symmetry of a crystal is understood",
            came=f"{path}, frame {number}: {error}",
            do="Give its operations (_space_group_symop_operation_xyz), or write all atoms of the cell in P 1.",
        ) from None
    most = len(sites) * max(map(len, groups.values()))
    limits.at_most(f"{path}, frame {number}", most, limits.ATOMS, "atoms in a crystal", "Choose a smaller cell.")
    found = {name: copies(sites, operations, vectors) for name, operations in groups.items()}
    name = origin(path, number, block, found, sites, numbers)
    places, of = found[name]
    kept, mixed = once(places, vectors, numbers[of])
    if mixed:
        raise broken(path, number, f"atoms of two elements share one place: {', '.join(labels[of][mixed[:4]])}")
    of = of[kept]
    for word in (note, _composition(block, numbers[of])):
        if word:
            say(word)
    info = {"name": block.name}
    return Table(places[kept] @ vectors, numbers[of], vectors, np.ones(3, bool), {"site": labels[of]}, info)


def cell_of(path: Path, number: int, block: gemmi.cif.Block) -> gemmi.UnitCell:
    """The cell that is stated."""
    import gemmi

    table = block.find("_cell_", CELL)
    values = [gemmi.cif.as_number(text) for text in table[0]] if len(table) else [np.nan]
    cell = gemmi.UnitCell(*values) if np.all(np.isfinite(values)) else None
    if cell is None or not cell.volume > 1:
        raise broken(path, number, f"no cell (_cell_length_a to _cell_angle_gamma), or a flat one: {values}")
    return cell


def sites_of(block: gemmi.cif.Block) -> list[Site]:
    """The rows of _atom_site_; what is unknown (?) or does not apply (.) is ""."""
    import gemmi

    names = (*PLACE, *MORE, *MULTIPLICITY, *DISPLACEMENTS)
    sites = []
    for row in block.find("_atom_site_", [*PLACE, *(f"?{name}" for name in names[3:])]):
        text = {name: gemmi.cif.as_string(row[i]) if row.has(i) else "" for i, name in enumerate(names)}
        place = np.array([gemmi.cif.as_number(row[i]) for i in range(3)])
        label = text["label"] or f"{text['type_symbol']}{len(sites) + 1}"
        symbol, group, assembly = (text[name] for name in ("type_symbol", "disorder_group", "disorder_assembly"))
        occupancy, hydrogens = _number(text["occupancy"], 1.0), _number(text["attached_hydrogens"], 0.0)
        is_dummy = text["calc_flag"].lower() == "dum"
        multiplicity = max(_number(text[name], 0.0) for name in MULTIPLICITY)
        u, b = (_number(text[name], np.nan) for name in DISPLACEMENTS)
        u = b / (8 * np.pi**2) if np.isnan(u) else u
        sites.append(Site(place, label, symbol, occupancy, group, assembly, hydrogens, is_dummy, multiplicity, u))
    return sites


def _number(text: str, default: float) -> float:
    import gemmi

    return gemmi.cif.as_number(text, default)


def _atoms(path: Path, number: int, sites: list[Site], say: Callable[[str], None]) -> list[Site]:
    """The sites that are atoms; refused where one is not placed, not there all the time, or stands for more atoms."""

    def none_of(found: Sequence[Site], must: str, what: str, do: str) -> None:
        if found:
            came = f"{path}, frame {number}: {len(found)} {what}, e.g. {_listed(found)}"
            raise Invalid(must=must, came=came, do=do)

    if dummies := [site for site in sites if site.is_dummy]:
        say(f"dummy sites left out: {_listed(dummies)}")
    sites = [site for site in sites if not site.is_dummy]
    if not sites:
        raise broken(path, number, "no atoms")
    groups: dict[str, set[str]] = {}
    for site in sites:
        groups.setdefault(site.assembly, set()).update({site.group} - {""})
    apart = {name for name, group in groups.items() if len(group) > 1 or any(g.startswith("-") for g in group)}
    whole = "every site of a crystal is fully occupied"
    order = "Choose one ordered configuration (or a supercell) and write that."
    lost = [site for site in sites if not np.all(np.isfinite(site.place))]
    none_of(lost, "every site has coordinates", "sites without", "Correct or remove them.")
    none_of([site for site in sites if site.occupancy < 0.999], whole, "partial sites", order)
    none_of([site for site in sites if site.group and site.assembly in apart], whole, "alternative sites", order)
    hydrogens = [site for site in sites if site.hydrogens > 0]
    none_of(hydrogens, "every hydrogen is a site of its own", "sites with attached hydrogens", "Add them as sites.")
    return sites


def _listed(sites: Sequence[Site]) -> str:
    return ", ".join(site.label for site in sites[:5]) + ", ..." * (len(sites) > 5)


def element_of(path: Path, number: int, site: Site) -> int:
    """Atomic number from the type symbol, else from the label, whose letters are the symbol."""
    import gemmi

    text = (site.symbol or site.label).strip()
    letters = SYMBOL.fullmatch(text) if site.symbol else re.match(r"([A-Za-z]{1,2})(?![A-Za-z])", text)
    atomic = gemmi.Element(letters[1]).atomic_number if letters else 0
    if not site.symbol and letters and letters[1].isupper() and len(letters[1]) == 2:
        atomic = 0 if gemmi.Element(letters[1][0]).atomic_number else atomic  # CA1: a calcium or an alpha carbon?
    if atomic:
        return atomic
    if SEVERAL.search(text):
        raise Invalid(
            must="every site of a crystal is fully occupied",
            came=f"{path}, frame {number}: the site {site.label} is {text!r}, partly occupied by several elements",
            do="Choose one ordered configuration (or a supercell) and write that.",
        )
    raise broken(path, number, f"no element for the site {site.label} ({text!r}): give _atom_site_type_symbol")


def copies(sites: Sequence[Site], operations: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places [m, 3] of all copies x' = W x + w in the cell, and the site [m] of each; special positions count once."""

    def near(apart: np.ndarray) -> np.ndarray:
        return np.linalg.norm((apart - np.round(apart)) @ vectors, axis=-1) < SPECIAL

    places, of = [], []
    for i, site in enumerate(sites):
        images = operations[:, :3, :3] @ site.place + operations[:, :3, 3]
        first = np.arange(len(images))
        if np.sum(near(images - images[0])) > 1:  # else no two are: operations keep distances
            first = np.flatnonzero(np.argmax(near(images[:, None] - images), axis=1) == first)
        places.append(images[first])
        of += [i] * len(first)
    return np.concatenate(places), np.array(of)


def once(fractional: np.ndarray, vectors: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Rows that do not repeat an earlier atom, and atoms that share a place with another element.

    Files that list symmetry copies as sites of their own give every such atom twice.
    """
    from scipy.spatial import KDTree

    wrapped = fractional % 1.0 % 1.0  # twice: -1e-17 % 1.0 is 1.0, which the periodic tree refuses
    reach = SAME * np.max(np.linalg.norm(np.linalg.inv(vectors), axis=0))
    pairs = KDTree(wrapped, boxsize=1.0).query_pairs(min(reach, 0.49), output_type="ndarray")
    apart = wrapped[pairs[:, 0]] - wrapped[pairs[:, 1]]
    pairs = pairs[np.linalg.norm((apart - np.round(apart)) @ vectors, axis=1) < SAME]
    mixed = pairs[numbers[pairs[:, 0]] != numbers[pairs[:, 1]]]
    keep = np.ones(len(numbers), bool)
    keep[pairs.max(axis=1) if len(pairs) else []] = False
    return np.flatnonzero(keep), mixed.ravel().tolist()


def origin(
    path: Path,
    number: int,
    block: gemmi.cif.Block,
    found: Mapping[str, tuple[np.ndarray, np.ndarray]],
    sites: Sequence[Site],
    numbers: np.ndarray,
) -> str:
    """The choice of the origin that the multiplicities or the formula of the file speak for."""
    if len(found) == 1:
        return next(iter(found))
    stated = np.array([site.multiplicity for site in sites])
    fitting = []
    for name, (_, of) in found.items():
        same = (stated == 0) | (stated == np.bincount(of, minlength=len(sites)))
        if same.all() and not _composition(block, numbers[of]):
            fitting.append(name)
    known = stated.any() or bool(_formula(block))
    if known and len(fitting) == 1:
        return fitting[0]
    sizes = ", ".join(f"{len(of)} atoms in the cell for {name}" for name, (_, of) in found.items())
    raise Invalid(
        must="the origin of the space group is stated where there are two",
        came=f"{path}, frame {number}: {sizes}",
        do="Write the suffix of the name (:1 or :2), the Hall symbol or the operations into the file.",
    )


def _formula(block: gemmi.cif.Block) -> dict[int, float]:
    """Atomic number -> count in the stated sum formula; empty where there is none that can be read."""
    import gemmi

    text = block.find_value("_chemical_formula_sum")
    words = gemmi.cif.as_string(text).split() if text else []
    parts = [re.fullmatch(r"([A-Z][a-z]?)(\d*\.?\d*)", word) for word in words]
    counts: dict[int, float] = {}
    for part in parts:
        if part is None or not gemmi.Element(part[1]).atomic_number:
            return {}
        z = gemmi.Element(part[1]).atomic_number
        counts[z] = counts.get(z, 0.0) + float(part[2] or 1)
    return counts


def _composition(block: gemmi.cif.Block, numbers: np.ndarray) -> str:
    """A word where the cell does not hold a whole number of the stated sum formula (Z of them, if stated), else ""."""
    import gemmi

    formula, z = _formula(block), _number(block.find_value("_cell_formula_units_Z") or "?", 0.0)
    if not formula:
        return ""
    counts = {int(n): float(np.sum(numbers == n)) for n in np.unique(numbers)}
    units = z or sum(counts.values()) / sum(formula.values())
    if set(counts) == set(formula) and all(abs(counts[n] - units * formula[n]) < 0.01 * counts[n] for n in counts):
        return ""
    came = " ".join(f"{gemmi.Element(n).name}{count:g}" for n, count in counts.items())
    meant = " ".join(f"{gemmi.Element(n).name}{count:g}" for n, count in formula.items())
    return f"its cell holds {came}, its formula is {meant}{f' with Z = {z:g}' * bool(z)}"
