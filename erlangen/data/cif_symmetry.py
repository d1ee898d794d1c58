"""The symmetry of a crystal in CIF, from whatever the file states: operations, Hall symbol, name or number.

    choices(block, cell) -> {"F m -3 m": operations [g, 4, 4]}, note

Operations say all; so does a Hall symbol. A Hermann-Mauguin name without its suffix leaves two origins open in 24
groups, then there are two choices; a number alone means the standard setting of the International Tables. What is
stated but not understood, or contradicts itself or the cell, is a `ValueError`: taken as P 1 it would lose atoms and
say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import gemmi

OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
NAMES = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m", "_space_group_name_h-m_full")
NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")
CODE = "_space_group_it_coordinate_system_code"
ABOUT = re.compile("_(symmetry|space_group|parent_space_group)")
SILENT = ("cell_setting", "crystal_system", "_id", "_code")  # ends of tags that leave the group open
ORIGINS = {"S": "1", "Z": "2"}  # as the Inorganic Crystal Structure Database writes them behind a name
METRIC = 0.02  # how far an operation may change the cell, relative to its largest squared length


def choices(block: gemmi.cif.Block, cell: gemmi.UnitCell) -> tuple[dict[str, np.ndarray], str]:
    """Name -> operations [g, 4, 4] on fractional coordinates: one, or one for each origin that the file leaves open.

    note: a word on what was assumed, "" where all is stated.
    """
    said = _said(block)
    named, note = _named(said, cell)
    if (exact := _exact(said)) is not None:
        _agree(exact, named)
        named, note = {"the operations of the file": exact}, ""
    if not named and said:
        raise ValueError(f"its symmetry is stated by {', '.join(sorted(said))}, which is not understood")
    found = {name: np.array([op.float_seitz() for op in group]) for name, group in named.items()}
    fitting = {name: operations for name, operations in found.items() if _fits(operations, cell)}
    if found and not fitting:
        raise ValueError(f"the cell {cell.parameters} does not have the symmetry that is stated ({', '.join(found)})")
    return fitting or {"P 1": np.eye(4)[None]}, note if said else "no symmetry is stated, taken as P 1"


def _said(block: gemmi.cif.Block) -> dict[str, list[str]]:
    """What the block holds on symmetry, by tag (in lower case, dots as in the core dictionary), without unknowns."""
    import gemmi

    found = {}
    for item in block:
        pair: Any = item.pair
        tags = [pair[0]] if pair else item.loop.tags if item.loop else []
        for tag in tags:
            name = tag.lower().replace(".", "_")
            if ABOUT.match(name) and (name == CODE or not name.endswith(SILENT)):
                values = [gemmi.cif.as_string(v) for v in block.find_values(tag) if not gemmi.cif.is_null(v)]
                if values:
                    found[name] = values
    return found


def _first(said: Mapping[str, list[str]], tags: tuple[str, ...]) -> str:
    return next((said[tag][0] for tag in tags if tag in said), "")


def _exact(said: Mapping[str, list[str]]) -> gemmi.GroupOps | None:
    """The group of the operations, else of the Hall symbol."""
    import gemmi

    listed = next((said[tag] for tag in OPERATIONS if tag in said), [])
    hall = _first(said, HALL)
    if not listed:
        try:
            return gemmi.symops_from_hall(hall) if hall else None
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"its Hall symbol {hall!r} is not understood ({error})") from None
    try:
        operations = {op.triplet(): op for op in (gemmi.Op(text).wrap() for text in listed)}
        group = gemmi.GroupOps(list(operations.values()))
        group.add_missing_elements()
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"its symmetry operations are not understood ({error})") from None
    if len(group) != len(operations):
        raise ValueError(f"its {len(listed)} symmetry operations are not a group")
    return group


def _agree(group: gemmi.GroupOps, named: Mapping[str, gemmi.GroupOps]) -> None:
    """A name beside the operations must be of the same group, in whatever setting."""
    import gemmi

    other = next(iter(named.values()), None)
    if other is None:
        return
    found, meant = gemmi.find_spacegroup_by_ops(group), gemmi.find_spacegroup_by_ops(other)
    if found and meant and found.number != meant.number:
        raise ValueError(f"its operations are those of {found.xhm()}, its name or number says {meant.xhm()}")


def _named(said: Mapping[str, list[str]], cell: gemmi.UnitCell) -> tuple[dict[str, gemmi.GroupOps], str]:
    """The groups that name and number stand for. A name that is not understood is left to the operations, if any."""
    import gemmi

    name, number = _first(said, NAMES), _first(said, NUMBERS)
    exact = any(tag in said for tag in (*OPERATIONS, *HALL))
    group, note = (_by_name(name, cell) if name else None), ""
    if name and group is None:
        if exact:
            return {}, ""
        raise ValueError(f"its space group {name!r} is not understood")
    if number and not (number.isdigit() and 1 <= int(number) <= 230):
        raise ValueError(f"its space group has the number {number}")
    if number and group is not None and group.number != int(number):
        raise ValueError(f"its space group is {name!r}, its number {number} is another")
    if group is None and number:
        group = gemmi.get_spacegroup_reference_setting(int(number))
        if group.ext in "HR":
            group = gemmi.find_spacegroup_by_name(group.hm, cell.alpha, cell.gamma)
        settings = {other.hm for other in gemmi.spacegroup_table() if other.number == group.number}
        note = f"its space group is a number, {number}: read in the standard setting {group.xhm()}"
        note = note if len(settings) > 1 else ""
    if group is None:
        return {}, ""
    stated = re.search(r":\s*[12]$|\s[SZ]$", name) or _first(said, (CODE,)) in ("1", "2")
    origins = [group] if stated or group.ext not in "12" else _origins(group)
    if (code := _first(said, (CODE,))) in ("1", "2") and group.ext in "12":
        origins = [one for one in _origins(group) if one.ext == code]
    return {one.xhm(): one.operations() for one in origins}, note


def _origins(group: gemmi.SpaceGroup) -> list[gemmi.SpaceGroup]:
    import gemmi

    return [one for one in gemmi.spacegroup_table() if one.hm == group.hm and one.ext in "12"]


def _by_name(name: str, cell: gemmi.UnitCell) -> gemmi.SpaceGroup | None:
    """The group of a Hermann-Mauguin name, old or new, short or full, with underscores or an origin behind it."""
    import gemmi

    text = re.sub(r"\s([SZ])$", lambda m: f":{ORIGINS[m[1]]}", name.replace("_", "").strip())
    return None if text.isdigit() else gemmi.find_spacegroup_by_name(text, cell.alpha, cell.gamma)


def _fits(operations: np.ndarray, cell: gemmi.UnitCell) -> bool:
    """Every rotation W keeps the metric G = A A^T of the cell: W^T G W = G."""
    vectors = np.array(cell.orth.mat.tolist()).T
    metric = vectors @ vectors.T
    rotations = operations[:, :3, :3]
    turned = np.einsum("gji,jk,gkl->gil", rotations, metric, rotations)
    return bool(np.max(np.abs(turned - metric)) <= METRIC * np.max(metric))
