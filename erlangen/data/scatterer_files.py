"""Crystals for diffraction: what a CIF says beyond whole atoms - sites in part, displacements, operations.

    read_scatterers(path) -> [(name, Scatterers)]

Sites that share a place (Fe and Co, half each) stay apart with their occupancies; more than one atom in a place is
refused. Displacements are U_iso, B_iso / 8 pi^2, or `DISPLACEMENT` where a file has none. Other formats hold whole
atoms; their operations come from spglib.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import Invalid
from ..physics.diffraction import Scatterers, scatterers
from . import limits
from .atom_files import broken, format_of
from .cif_files import SAME, Site, cell_of, cif_blocks, copies, element_of, once, origin, sites_of
from .cif_symmetry import choices
from .readers import read_atoms
from .text_files import read_text

if TYPE_CHECKING:
    import gemmi

log = logging.getLogger("erlangen.data")
DISPLACEMENT = 0.006  # A^2, B = 0.5: of inorganic crystals at room temperature
LARGEST = 1.0  # A^2


@limits.foreign
def read_scatterers(path: Path) -> list[tuple[str, Scatterers]]:
    """Every crystal of a file with its name, which is that of the file where there is one crystal."""
    if not path.exists():
        raise Invalid(must="the file exists", came=str(path), do="Check its name.")
    if format_of(path) != "cif":
        frames = [frame.atoms for frame in read_atoms(path)]
        found = [scatterers(x, DISPLACEMENT, 1e-2) for x in frames]
        return [(path.stem if len(found) == 1 else f"{path.stem} {i}", one) for i, one in enumerate(found, 1)]
    blocks = [b for b in cif_blocks(path, read_text(path)) if b.find_values("_atom_site_fract_x")]
    if not blocks:
        raise broken(path, 1, "no data block has atoms (_atom_site_fract_x)")
    names = [path.stem if len(blocks) == 1 else f"{path.stem}: {block.name}" for block in blocks]
    return [(name, _crystal(path, i, block)) for i, (name, block) in enumerate(zip(names, blocks), 1)]


def _crystal(path: Path, number: int, block: gemmi.cif.Block) -> Scatterers:
    cell = cell_of(path, number, block)
    vectors = np.array(cell.orth.mat.tolist()).T
    sites = _sites(path, number, sites_of(block))
    _check_places(path, number, sites, vectors)
    numbers = np.array([element_of(path, number, site) for site in sites], np.int32)
    try:
        groups, note = choices(block, cell)
    except ValueError as error:
        raise broken(path, number, str(error)) from None
    if note:
        log.warning("%s, frame %s: %s", path, number, note)
    limits.at_most(path, len(sites) * max(map(len, groups.values())), limits.ATOMS, "atoms in a crystal")
    found = {name: copies(sites, operations, vectors) for name, operations in groups.items()}
    name = origin(path, number, block, found, sites, numbers)
    places, of = found[name]
    occupancies = np.array([site.occupancy for site in sites])[of]
    displacements = np.array([site.displacement for site in sites])[of]
    whole = np.flatnonzero(occupancies > 0.999)
    kept = np.sort(
        np.concatenate([np.flatnonzero(occupancies <= 0.999), whole[_distinct(places, vectors, numbers, of, whole)]])
    )
    of = of[kept]
    u = displacements[kept]
    rotations = np.unique(np.round(groups[name][:, :3, :3]).astype(int), axis=0)
    u = np.where((u >= 0) & (u <= LARGEST), u, DISPLACEMENT)
    return Scatterers(vectors, places[kept], numbers[of], occupancies[kept], u, rotations)


def _distinct(
    places: np.ndarray, vectors: np.ndarray, numbers: np.ndarray, of: np.ndarray, whole: np.ndarray
) -> np.ndarray:
    """Of the whole atoms those that do not repeat an earlier one."""
    return once(places[whole], vectors, numbers[of[whole]])[0] if len(whole) else np.zeros(0, int)


def _sites(path: Path, number: int, sites: Sequence[Site]) -> list[Site]:
    """Sites that scatter, with coordinates; shares beyond one atom are refused."""
    kept = [site for site in sites if not site.is_dummy and site.occupancy > 0]
    lost = [site.label for site in kept if not np.all(np.isfinite(site.place))]
    if lost or not kept:
        raise broken(path, number, f"no coordinates for {', '.join(lost[:5])}" if lost else "no atoms")
    high = [f"{site.label} {site.occupancy:g}" for site in kept if site.occupancy > 1.001]
    if high:
        came = f"{path}, frame {number}: {', '.join(high[:5])}"
        raise Invalid(must="an occupancy is between 0 and 1", came=came, do="Correct _atom_site_occupancy.")
    return kept


def _check_places(path: Path, number: int, sites: Sequence[Site], vectors: np.ndarray) -> None:
    """No place holds more than one atom."""
    places = np.array([site.place for site in sites])
    share = np.array([site.occupancy for site in sites])
    for i in np.flatnonzero(share < 0.999)[:1000]:
        apart = places - places[i]
        near = np.linalg.norm((apart - np.round(apart)) @ vectors, axis=1) < SAME
        if share[near].sum() > 1.02:
            labels = ", ".join(sites[j].label for j in np.flatnonzero(near).tolist())
            raise Invalid(
                must="the occupancies of one place add up to at most 1",
                came=f"{path}, frame {number}: {share[near].sum():g} at {labels}",
                do="Correct _atom_site_occupancy.",
            )
