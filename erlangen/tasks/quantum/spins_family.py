"""Ground states of spins for a whole range of couplings: does one state know the ground state where it was not fitted?

    H(g) |psi(g)> = E(g) |psi(g)>,      g = h (ising), J2 (j1j2), Delta (xxz);  laws and units as in quantum/spins

Fitted at `trained` couplings evenly spaced in [low, high], judged half-way between them and, as a shift, beyond the
range. The question of foundation neural-network quantum states (Rende et al. 2025, arXiv:2502.09488). Energies are
variational everywhere: an error is one of the state, never a guess of the energy.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from erlangen.contract import Couplings, Outputs, ReferenceSolver, Shift
from erlangen.core import quantity
from erlangen.core.errors import Invalid, unknown, within
from erlangen.core.systems import System
from erlangen.physics import exact_diagonalisation
from erlangen.physics import spins as laws

from ._law import COUPLINGS, STRONGEST, SpinsOnLattice
from .spins import Spins

BEYOND = (-0.5, -0.25, 0.25, 0.5, 0.75)
"""Distance from the nearer end of the range in units of its width; negative: below."""


@dataclasses.dataclass(frozen=True)
class SpinsFamily(SpinsOnLattice[Couplings]):
    model: Literal["ising", "j1j2", "xxz"] = "ising"
    low: float = 0.8  # end of the range of h, J2 or Delta
    high: float = 1.2  # the other end
    couplings: int = 5  # trained ones, ends included

    inputs = (quantity.spins, quantity.coupling)
    budget = "2m"
    toy: ClassVar[Mapping[str, Any]] = {"sites": 8, "couplings": 3}

    def __post_init__(self):
        if self.model not in COUPLINGS:
            raise unknown("model", self.model, COUPLINGS)
        within(self, couplings=(1, 64))
        if self.low > self.high or (self.low == self.high) != (self.couplings == 1):
            raise Invalid(
                must="a range of couplings has low < high (or one coupling, low = high)",
                came=f"{self.couplings} from {self.low:g} to {self.high:g}",
                do="Set low and high.",
            )
        for end in (self.low, self.high):
            self.law_at(end)  # an impossible law is refused here and not in mid-run

    @property
    def asked(self) -> Couplings:
        return Couplings(self.trained, self.tested, self.member)

    @property
    def law(self) -> laws.Hamiltonian:
        """The law in the middle of the range."""
        return self.law_at((self.low + self.high) / 2)

    def reference(self) -> None:
        """Each member has its own."""
        return

    @property
    def trained(self) -> tuple[float, ...]:
        """Evenly spaced couplings that are fitted, ends included."""
        steps = max(self.couplings - 1, 1)
        return tuple(round(self.low + (self.high - self.low) * i / steps, 9) for i in range(self.couplings))

    @property
    def tested(self) -> tuple[float, ...]:
        """Couplings half-way between those."""
        ends = self.trained
        return tuple(round((a + b) / 2, 9) for a, b in zip(ends, ends[1:])) or ends

    @functools.lru_cache(maxsize=64)  # noqa: B019  # frozen, and laws are small
    def member(self, coupling: float) -> Spins:
        """The question for the ground state at one coupling."""
        plain = Spins(self.model, self.lattice, self.sites, self.periodic)
        return dataclasses.replace(plain, **{COUPLINGS[self.model]: float(coupling)})  # type: ignore[arg-type]

    @property
    def shifts(self) -> tuple[Shift, ...]:
        width = self.high - self.low
        places = ((self.low if x < 0 else self.high) + x * width for x in BEYOND)
        lowest = -1.0 if self.model == "xxz" else 0.0
        values = tuple(round(g, 9) for g in places if lowest < g <= STRONGEST)
        return (Shift("coupling", values, f"{COUPLINGS[self.model]} beyond the range", "J"),) if width else ()

    def shifted(self, axis: str, value: Any) -> Self:
        return dataclasses.replace(self, low=float(value), high=float(value), couplings=1)

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        if self.sites > exact_diagonalisation.MAX_SITES:
            return ()
        return (ReferenceSolver("exact diagonalisation", "tolerance", (1e-1, 1e-4, 1e-8), self.solve_exactly),)

    def solve_exactly(self, x: System, tolerance: float) -> Outputs:
        """Ground-state energy at the coupling of `x`."""
        return self.member(float(x["coupling"])).solve_exactly(None, tolerance)
