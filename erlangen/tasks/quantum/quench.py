"""Quench of spins 1/2 on a lattice: how does the state move after a sudden change of the law?

    i d psi / dt = H(after) psi,        psi(0): ground state of H(before),        hbar = 1, times in 1/J

The laws are those of `quantum/spins`; `before` and `after` are the coupling that changes: the field h of the Ising
model (inf: all spins along x, log psi = 0), the anisotropy of XXZ, J2 of J1-J2. Observables: <sx> per site where S_z is
not conserved, and <sz sz> per bond, in Pauli matrices.
Truth: exact evolution in the symmetry sector up to 20 sites; free fermions for the periodic Ising chain of any size
(Barouch, McCoy, Dresden 1970, doi:10.1103/PhysRevA.2.1075).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import time
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from erlangen import contract
from erlangen.contract import Outputs, ReferenceSolver
from erlangen.core.errors import Invalid, within
from erlangen.core.systems import System
from erlangen.physics import exact_evolution, mean_field
from erlangen.physics import spins as laws

from ._law import COUPLINGS, SpinsOnLattice

INTERVALS = 20  # between the times looked at
LONGEST = 1e4  # time in 1/J


@dataclasses.dataclass(frozen=True)
class Quench(SpinsOnLattice[contract.Quench]):
    model: Literal["ising", "xxz", "j1j2"] = "ising"
    before: float = math.inf  # coupling until time 0: h / J (ising), Delta (xxz), J2 / J1 (j1j2)
    after: float = 1.0  # the same coupling from time 0 on
    time: float = 1.0  # how long, in 1/J

    budget = "5m"
    toy: ClassVar[Mapping[str, Any]] = {"sites": 8, "time": 0.2}

    def __post_init__(self):
        within(self, time=(0, LONGEST))
        if not math.isfinite(self.after) or (math.isinf(self.before) and self.model in ("xxz", "j1j2")):
            raise Invalid(
                must="couplings are finite (the field of the Ising model before may be inf)",
                came=f"{self.before:g} and {self.after:g}",
                do=f"Take --before 4, as an example, for {self.model}.",
            )
        _ = self.law, self.initial  # an impossible law is refused here and not in mid-run
        if self.model not in COUPLINGS:
            raise Invalid(must="a coupling of the model changes", came=self.model, do="Take xxz, from --before 1.")
        if self.model == "ising" and not self.before > 0:
            raise Invalid(
                must="the field before is positive: two ground states otherwise",
                came=f"{self.before:g}",
                do="Raise it.",
            )

    @functools.cached_property
    def initial(self) -> laws.Hamiltonian:
        """The law before; for an infinite field, the field alone."""
        if math.isfinite(self.before):
            return self.law_at(self.before)
        return laws.transverse_ising(self.law.lattice, coupling=0.0)  # type: ignore[arg-type]

    @functools.cached_property
    def law(self) -> laws.Hamiltonian:
        """The law from time 0 on."""
        return self.law_at(self.after)

    @property
    def asked(self) -> contract.Quench:
        return contract.Quench(self.initial, self.times, self.observables)

    @property
    def times(self) -> tuple[float, ...]:
        """When the state is looked at, evenly spaced from 0, in 1/J."""
        return tuple(float(t) for t in np.linspace(0, self.time, INTERVALS + 1))

    @functools.cached_property
    def observables(self) -> Mapping[str, laws.Hamiltonian]:
        """sx: mean of sx_i over sites; zz: mean of sz_i sz_j over bonds. Both keep the symmetry of the lattice."""
        law = self.law
        bonds = law.lattice.bonds()  # type: ignore[union-attr]
        pairs = [(1 / len(bonds), {i: "Z", j: "Z"}) for i, j in bonds]
        found = {"zz": laws.of_terms("sz sz per bond", law.lattice, pairs, n_up=law.n_up)}
        if law.n_up is None:
            fields = [(1 / law.n_sites, {i: "X"}) for i in range(law.n_sites)]
            found = {"sx": laws.of_terms("sx per site", law.lattice, fields), **found}
        return found

    def reference(self) -> Mapping[str, Any] | None:
        """source, seconds, observables by name [times], and the exact state (None beyond exact evolution).

        None, with a warning, where nothing is known.
        """
        return _reference(self)

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        mean = ReferenceSolver("mean field (product state)", "tolerance", (1e-8,), self.solve_mean_field)
        if self.sites > exact_evolution.MAX_SITES:
            return (mean,)
        return ReferenceSolver(
            "exact evolution (Runge-Kutta)", "tolerance", (1e-2, 1e-4, 1e-8), self.solve_exactly
        ), mean

    def solve_exactly(self, x: System | None, tolerance: float) -> Outputs:
        """Observables at all times, infidelity at the last one; needs no input."""
        found = exact_evolution.quench(self.initial, self.law, self.times, tolerance=tolerance)
        overlap = np.vdot(self._exact_state().vectors[-1], found.vectors[-1])
        return {**_observed(self, found), "infidelity": _infidelity(overlap)}  # type: ignore[dict-item]

    def solve_mean_field(self, x: System | None, tolerance: float) -> Outputs:
        """The product state whose spins precess in the mean field of the others; needs no input."""
        paths = mean_field.precession(self.initial, self.law, self.times, tolerance=tolerance)
        values = {name: mean_field.energies(law, paths) for name, law in self.observables.items()}
        if self.sites > exact_evolution.MAX_SITES:
            return values  # type: ignore[return-value]
        states = np.arange(2**self.sites)[:, None] >> np.arange(self.sites) & 1
        overlap = np.vdot(self._exact_state().amplitudes(2 * states - 1)[-1], mean_field.amplitudes(paths[-1], states))
        return {**values, "infidelity": _infidelity(overlap)}  # type: ignore[dict-item]

    def _exact_state(self) -> exact_evolution.Evolution:
        return (_reference(self) or {})["state"]


@functools.lru_cache(maxsize=16)
def _reference(task: Quench) -> Mapping[str, Any] | None:
    begun = time.perf_counter()
    if task.sites <= exact_evolution.MAX_SITES:
        found = exact_evolution.quench(task.initial, task.law, task.times)
        source = f"exact evolution, {found.vectors.shape[1]} states"
        return {"source": source, "seconds": found.seconds, "observables": _observed(task, found), "state": found}
    if task.is_ising_ring:
        sx, zz = exact_evolution.ising_ring_quench(task.sites, task.times, before=task.before, after=task.after)
        known = {"source": "free fermions", "seconds": time.perf_counter() - begun}
        return {**known, "observables": {"sx": sx, "zz": zz}, "state": None}
    warnings.warn(f"exact evolution takes at most {exact_evolution.MAX_SITES} sites: no reference", stacklevel=3)
    return None


def _observed(task: Quench, found: exact_evolution.Evolution) -> dict[str, np.ndarray]:
    return {name: found.expectation(law) for name, law in task.observables.items()}


def _infidelity(overlap: complex) -> float:
    return max(1 - abs(overlap) ** 2, 0.0)
