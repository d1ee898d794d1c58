"""Published variational energies of spin lattices: the tables of varbench, which come with the package.

Wu et al. 2024, doi:10.1126/science.adg9774 (Apache-2.0). Energies of whole systems in Pauli units: exchange models have
four times the energy that they have with S = sigma / 2.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
from importlib import resources

import numpy as np

from ..physics.lattices import Lattice, Loose

SOURCE = "Wu et al. 2024, doi:10.1126/science.adg9774"


@dataclasses.dataclass(frozen=True)
class Row:
    """One method on one Hamiltonian: energy with its statistical error, and <H^2> - <H>^2, where given."""

    method: str
    energy: float
    sigma: float | None
    variance: float | None

    @property
    def is_exact(self) -> bool:
        """Whether the energy is that of exact diagonalisation."""
        return self.method.lower().startswith("exact")


def published(model: str, lattice: Lattice | Loose, coupling: float) -> list[Row]:
    """All rows for a model (ising, heisenberg, j1j2), lowest energy first; [] where the tables have none."""
    name = _name(lattice)
    if name is None:
        return []
    rows = _table().get((model, name, lattice.n_sites, lattice.is_periodic, round(coupling, 6)), [])  # type: ignore[union-attr]
    return sorted(rows, key=lambda row: row.energy)


def _name(lattice: Lattice | Loose) -> str | None:
    """The lattice in the words of the tables; None for tilted clusters, whose tilt they do not say."""
    if isinstance(lattice, Loose):
        return None
    vectors = np.array(lattice.vectors)
    if not np.array_equal(vectors, np.diag(np.diag(vectors))):
        return None
    extent = sorted(int(n) for n in np.diag(vectors))
    size = "x".join(map(str, extent))
    if lattice.name == "kagome":
        return f"kagome-{size}"
    if len(set(extent)) == 1:
        return lattice.name
    return f"rectangular-{size}" if lattice.name == "square" else None


@functools.cache
def _table() -> dict[tuple[str, str, int, bool, float], list[Row]]:
    text = resources.files("erlangen.data").joinpath("varbench.csv").read_text()
    found: dict[tuple[str, str, int, bool, float], list[Row]] = {}
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        sigma, variance = (float(row[k]) if row[k] else None for k in ("sigma", "variance"))
        key = row["model"], row["lattice"], int(row["sites"]), row["boundary"] == "P", round(float(row["coupling"]), 6)
        found.setdefault(key, []).append(Row(row["method"], float(row["energy"]), sigma, variance))
    return found
