"""Semi-empirical tight binding: energies and forces of molecules and crystals in milliseconds.

GFN2-xTB (Bannwarth, Ehlert, Grimme 2019, doi:10.1021/acs.jctc.8b01176) minimises

    E = E_rep + E_disp(D4) + E_EHT[P] + E_ES[q, mu, Theta] + E_XC + E_Gamma

over a self-consistent density P in a minimal valence basis; here through the library `tblite`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import threading
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from erlangen.core.arrays import AnyArray
from erlangen.core.errors import Invalid, unknown

from .units import BOHR, BOLTZMANN, HARTREE

HAMILTONIANS = ("GFN2-xTB", "GFN1-xTB", "IPEA1-xTB")
STEP = 1e-3  # A, of differences of forces
ACCURACY = 0.1  # of the self-consistent cycle inside an answer
HOT = 1500.0  # K of the electrons inside an answer: bonds that break still converge; with a gap of 3 eV 1e-8 eV less
_CALCULATORS = threading.local()
Potential = Callable[[Float[np.ndarray, "atoms 3"]], tuple[float, Float[np.ndarray, "atoms 3"]]]


@dataclasses.dataclass(frozen=True)
class TightBinding:
    """GFN-xTB total energy [eV] and forces [eV/A].

    hamiltonian: "GFN2-xTB" (default), "GFN1-xTB", "IPEA1-xTB". charge in e; n_unpaired electrons.
    temperature: of the electrons, in K; energies are free energies E - T S, the gradients theirs.
    accuracy: multiplies all numerical thresholds of the self-consistent cycle (smaller is tighter; 1 leaves < 1e-7 eV).
    The energy counts valence electrons only: compare differences, never totals, with all-electron codes.
    """

    hamiltonian: str = "GFN2-xTB"
    charge: float = 0.0
    n_unpaired: int = 0
    accuracy: float = 1.0
    temperature: float = 300.0

    def potential(
        self,
        atomic_numbers: Int[AnyArray, " atoms"],
        cell: Float[AnyArray, "3 3"] | None = None,
        pbc: Bool[AnyArray, " 3"] | None = None,
        *,
        afresh: bool = False,
    ) -> Potential:
        """positions [A] -> (energy [eV], forces [eV/A]) for one composition; each returned function owns its state.

        The density of the last call is the guess of the next, unless each begins `afresh`: then equal positions give
        equal bits. Different functions may run in different threads.
        """
        if self.hamiltonian not in HAMILTONIANS:
            raise unknown("the tight-binding Hamiltonian", self.hamiltonian, HAMILTONIANS)
        numbers = np.asarray(atomic_numbers, np.int32)
        with one_thread_per_call():
            from tblite.exceptions import TBLiteRuntimeError
            from tblite.interface import Calculator
        repeats = np.zeros(3, bool) if pbc is None else np.asarray(pbc, bool)
        lattice = np.asarray(cell, float) / BOHR if cell is not None and repeats.any() else None
        calculator, density = None, None

        def energy_and_forces(positions):
            nonlocal calculator, density
            bohr = np.ascontiguousarray(np.asarray(positions, float) / BOHR)
            if not np.all(np.isfinite(bohr)):
                raise Invalid(must="positions must be finite numbers", came="NaN or infinity", do="Check the file.")
            try:
                if calculator is None:
                    calculator = Calculator(
                        self.hamiltonian, numbers, bohr, self.charge, self.n_unpaired, lattice, repeats
                    )
                    calculator.set("verbosity", 0)
                    calculator.set("accuracy", self.accuracy)
                    calculator.set("temperature", self.temperature * BOLTZMANN / HARTREE)
                calculator.update(bohr)
                density = calculator.singlepoint(None if afresh else density)
            except TBLiteRuntimeError as error:
                calculator = density = None
                raise Invalid(
                    must=f"{self.hamiltonian} must converge for this geometry",
                    came=str(error) or "no self-consistency",
                    do="Look for overlapping atoms, a wrong charge or a wrong number of unpaired electrons.",
                ) from error
            return float(density.get("energy")) * HARTREE, -np.array(density.get("gradient")) * (HARTREE / BOHR)

        return energy_and_forces


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def energy_and_forces(
    hamiltonian: str, positions: Float[AnyArray, "atoms 3"], atomic_numbers: Int[AnyArray, " atoms"]
) -> tuple[Float[Array, ""], Float[Array, "atoms 3"]]:
    """Total energy [eV] and forces [eV/A] of a neutral isolated molecule, callable inside compiled code.

    Atoms of number 0 are padding. Where there is no self-consistency the numbers are NaN. Computed on the host in
    float64, given in the type of `positions`. Forward derivatives: dE = -F . dr, and central differences of F (1e-3 A).
    """
    shapes = jax.ShapeDtypeStruct((), positions.dtype), jax.ShapeDtypeStruct(positions.shape, positions.dtype)
    return jax.pure_callback(
        functools.partial(_on_host, hamiltonian), shapes, positions, atomic_numbers, vmap_method="sequential"
    )


@energy_and_forces.defjvp
def _along(
    hamiltonian: str, primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    (positions, numbers), (direction, _) = primals, tangents
    energy, forces = energy_and_forces(hamiltonian, positions, numbers)
    size = jnp.linalg.norm(direction)
    step = STEP / jnp.where(size > 0, size, 1.0)
    ahead, behind = (energy_and_forces(hamiltonian, positions + s * step * direction, numbers)[1] for s in (1, -1))
    return (energy, forces), (-jnp.sum(forces * direction), (ahead - behind) / (2 * step))


def _on_host(hamiltonian: str, positions: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pure: every call begins with the same guess. One calculator per composition and thread."""
    positions, numbers = np.asarray(positions), np.asarray(numbers)
    real = numbers > 0
    own = _CALCULATORS.__dict__.setdefault("by_composition", {})
    composition = (hamiltonian, *numbers[real].tolist())
    if composition not in own:
        method = TightBinding(hamiltonian, 0, int(numbers[real].sum()) % 2, ACCURACY, HOT)
        own[composition] = method.potential(numbers[real], afresh=True)
    padded = np.zeros_like(positions)
    try:
        energy, padded[real] = own[composition](positions[real].astype(float))
    except Invalid:
        energy, padded[real] = np.nan, np.nan
    return np.asarray(energy, positions.dtype), padded


@contextlib.contextmanager
def one_thread_per_call() -> Iterator[None]:
    """OpenMP reads its thread count when the library loads.

    Below a few hundred orbitals one thread per calculation is fastest, and parallel trajectories would fight for cores.
    """
    already = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = already or "1"
    try:
        yield
    finally:
        if already is None:
            del os.environ["OMP_NUM_THREADS"]
