"""Excited states of spins 1/2 on a lattice: which states come next, and how far above the ground state?

    H psi_n = E_n psi_n,      E_0 <= E_1 <= ... (every state counts),      gap = E_1 - E_0

H is any law of `quantum/spins`, in the same units. Where S_z is conserved, the states are those at S_z = 0. With SU(2)
(heisenberg, j1j2) every multiplet shows there once, so that the gap is that of the law among all states, triplets
included; an anisotropic `xxz` law may have lower excitations at other S_z, of which nothing is said here.
Truth: free fermions for the periodic Ising chain (Pfeuty 1970, doi:10.1016/0003-4916(70)90270-8), else exact
diagonalisation without any assumption on the momentum, up to 24 sites.
"""

from __future__ import annotations

import dataclasses
import functools
import time
import warnings
from collections.abc import Mapping
from typing import Any

from erlangen.contract import Outputs, ReferenceSolver, Spectrum
from erlangen.core.errors import Invalid, within
from erlangen.core.quantity import amplitudes
from erlangen.core.systems import System
from erlangen.physics import exact_diagonalisation
from erlangen.physics import spins as laws

from ._law import SpinsUnderLaw


@dataclasses.dataclass(frozen=True)
class Excited(SpinsUnderLaw[Spectrum]):
    states: int = 2  # levels asked for, the ground state among them

    outputs = (amplitudes,)
    budget = "2m"

    def __post_init__(self):
        within(self, states=(2, 8))
        super().__post_init__()

    @property
    def asked(self) -> Spectrum:
        return Spectrum(self.states)

    def reference(self) -> Mapping[str, Any] | None:
        """Lowest energies (as often as they occur), source and seconds; None, with a warning, out of reach."""
        return _reference(self)

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        if self.law.n_sites > exact_diagonalisation.MAX_SITES:
            return ()
        return (ReferenceSolver("exact diagonalisation", "states", (self.states,), self.solve_exactly),)

    def solve_exactly(self, x: System | None, states: int) -> Outputs:
        """The lowest energies by Lanczos at S_z = 0 and both parities of the spin flip; needs no input."""
        return {"energies": exact_diagonalisation.lowest_energies(self.law, states).energies}  # type: ignore[dict-item]


@functools.lru_cache(maxsize=64)
def _reference(task: Excited) -> Mapping[str, Any] | None:
    begun = time.perf_counter()
    if task.is_ising_ring:
        energies = laws.ising_chain_levels(task.sites, task.states, field=task.field)
        source = "free fermions"
    else:
        try:
            found = exact_diagonalisation.lowest_energies(task.law, task.states)
        except Invalid as limit:
            warnings.warn(str(limit), stacklevel=3)
            return None
        energies, source = list(found.energies), f"exact diagonalisation, {found.states} states"
    return {"energy": energies[0], "energies": energies, "source": source, "seconds": time.perf_counter() - begun}
