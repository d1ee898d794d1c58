"""Units of labels in foreign files, and the suspicion that a file is in another unit than it should be.

Inside erlangen energies are in eV, lengths in Angstrom, forces in eV/Angstrom, stress in eV/Angstrom^3. Files are
converted once, here.
Constants: CODATA 2022, https://physics.nist.gov/cuu/Constants.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from ..core.errors import Invalid, unknown

ENERGIES = {
    "ev": 1.0,
    "mev": 1e-3,
    "hartree": 27.211386245981,
    "ha": 27.211386245981,
    "eh": 27.211386245981,
    "rydberg": 13.6056931229905,
    "ry": 13.6056931229905,
    "kcal/mol": 0.0433641042398,
    "kj/mol": 0.0103642696556,
}
LENGTHS = {"a": 1.0, "ang": 1.0, "angstrom": 1.0, "å": 1.0, "bohr": 0.529177210544, "a0": 0.529177210544, "nm": 10.0}
GPA = 1 / 160.2176634  # eV/A^3, exact
PRESSURES = {"gpa": GPA, "kbar": GPA / 10, "kb": GPA / 10, "mpa": GPA / 1e3, "bar": GPA / 1e4, "pa": GPA / 1e9}
CUBED = re.compile(r"(\^|\*\*)?[3³]$")
UNIT_KEYS = (
    "units",
    *("energy_unit", "energy_units", "force_unit", "forces_unit", "length_unit", "stress_unit", "pressure_unit"),
)


@dataclasses.dataclass(frozen=True)
class LabelUnits:
    """Factors from the file to eV, Angstrom, eV/Angstrom and eV/Angstrom^3. None: not stated and not obvious."""

    energy: float = 1.0
    length: float = 1.0
    force: float | None = 1.0
    text: str = "eV"
    per_atom: bool = False  # energies of a frame are divided by its atoms
    stress: float | None = 1.0

    @classmethod
    def parse(cls, text: str) -> LabelUnits:
        """Read "eV", "kcal/mol", "eV/atom", "eV,GPa", "hartree,bohr,hartree/bohr,hartree/bohr^3": in any order.

        A stress is in energy/length^3 where the energy is in eV or the length is stated, and forces in energy/length.
        """
        energy, length, force, stress, per_atom = None, None, None, None, False
        for word in (w.strip().lower() for w in text.split(",")):
            top, _, bottom = word.rpartition("/")
            if bottom == "atom" and top in ENERGIES:
                energy, per_atom = ENERGIES[top], True
            elif word in ENERGIES:
                energy = ENERGIES[word]
            elif word in LENGTHS:
                length = LENGTHS[word]
            elif word in PRESSURES:
                stress = PRESSURES[word]
            elif top in ENERGIES and bottom in LENGTHS:
                force = ENERGIES[top] / LENGTHS[bottom]
            elif top in ENERGIES and CUBED.search(bottom) and CUBED.sub("", bottom) in LENGTHS:
                stress = ENERGIES[top] / LENGTHS[CUBED.sub("", bottom)] ** 3
            else:
                known = [*ENERGIES, *LENGTHS, *PRESSURES, "eV/atom", "hartree/bohr", "hartree/A", "hartree/bohr^3"]
                raise unknown("a unit of energy, length, force or stress", word, known)
        energy = 1.0 if energy is None else energy
        atomic = energy in (ENERGIES["hartree"], ENERGIES["ry"])
        if force is None and not (atomic and length is None):
            force = energy / (length or 1.0)
        plain = (energy == 1.0 or length is not None) and force == energy / (length or 1.0)
        if stress is None and plain:
            stress = energy / (length or 1.0) ** 3
        return cls(energy, length or 1.0, force, text, per_atom, stress)

    def require_force(self, path: object) -> float:
        """The force factor; refuses to guess between Hartree/Bohr and Hartree/Angstrom."""
        if self.force is None:
            raise Invalid(
                must="the unit of the forces is stated beside an energy in atomic units",
                came=f"units={self.text!r} for {path}, which has forces",
                do=f'Write units="{self.text},{self.text}/bohr" or units="{self.text},{self.text}/A".',
            )
        return self.force

    def require_stress(self, path: object) -> float:
        """The factor of a stress; refuses to guess it from the unit of the energy."""
        if self.stress is None:
            raise Invalid(
                must="the unit of the stress is stated beside an energy that is not in eV",
                came=f"units={self.text!r} for {path}, which has a stress",
                do=f'Write units="{self.text},hartree/bohr^3", eV/A^3, GPa or kbar, whichever it is.',
            )
        return self.stress


def stated_units(info: Mapping[str, object]) -> str | None:
    """Units that a frame's own header gives: units="hartree,hartree/bohr", or energy_unit= and so on."""
    lower = {k.lower(): str(v) for k, v in info.items() if isinstance(v, str)}
    if "units" in lower:
        return lower["units"]
    return ",".join(lower[k] for k in UNIT_KEYS if k in lower and k != "units") or None


def electronic_energy(atomic_numbers: np.ndarray) -> float:
    """Approximate all-electron energy of separate atoms in Hartree (negative): within 2 % from carbon on, 8 % before.

    -E = 0.768745 Z^(7/3) - Z^2/2 + 0.2699 Z^(5/3), the Thomas-Fermi series with Scott's and Schwinger's corrections
    (Schwinger, Phys. Rev. A 24, 2353 (1981), doi:10.1103/PhysRevA.24.2353).
    """
    z = np.asarray(atomic_numbers, float)
    return -float(np.sum(0.768745 * z ** (7 / 3) - z**2 / 2 + 0.2699 * z ** (5 / 3)))


def _stiffness(numbers: Sequence[np.ndarray], energies: Sequence[float], forces: Sequence[np.ndarray]) -> float | None:
    """Mean force constant <F^2> / kT in eV/A^2, kT from the spread of energies as if harmonic; None if unknown.

    A harmonic system of m = 3n - 6 modes has std(V) = kT sqrt(m/2). Thermal frames of one molecule give 5-100 eV/A^2.
    """
    n = len(numbers[0])
    same = all(len(z) == n and np.array_equal(z, numbers[0]) for z in numbers)
    if n < 3 or len(numbers) < 20 or not same:
        return None
    spread = np.std(energies) / np.sqrt((3 * n - 6) / 2)
    return float(np.mean(np.square(forces)) / spread) if spread > 0 else None


def suspect(numbers: Sequence[np.ndarray], energies: Sequence[float], forces: Sequence[np.ndarray]) -> str | None:
    """Why numbers read as eV and eV/A look like another unit; None where they look right or nothing can be told.

    Two signs: an all-electron total energy gives its unit away by its size (DFT totals of organic molecules are 1.004
    to 1.012 times `electronic_energy`); a root-mean-square force above 15 eV/A does not occur in sampled structures.
    Energies that look like Hartree are believed as eV where forces and energies fit together, since a valence-only
    method may come close by chance (GFN2 does for one molecule in eighty).
    """
    if forces:
        rms = float(np.sqrt(np.mean(np.concatenate([np.square(f).ravel() for f in forces]))))
        if rms > 15:
            return f"root-mean-square force {rms:.3g}, where sampled structures have 0.1-10 eV/A; kcal/mol/A would fit"
    if not energies:
        return None
    ratio = float(np.median([e / electronic_energy(z) for e, z in zip(energies, numbers)]))
    stiffness = _stiffness(numbers, energies, forces) if len(forces) == len(energies) == len(numbers) else None
    for unit in ("hartree", "kcal/mol", "kj/mol"):
        if 0.985 < ratio * ENERGIES[unit] / ENERGIES["hartree"] < 1.03:
            if unit == "hartree" and stiffness is not None and 3 < stiffness < 300:
                return None
            return (
                f"energies of {float(np.median(energies)):.6g} are the all-electron energies of these atoms in {unit}"
            )
    return None


def suspect_stress(stresses: Sequence[np.ndarray], volumes: Sequence[float]) -> tuple[str, bool] | None:
    """Why a stress read as eV/A^3 looks like GPa or kBar, and whether beyond doubt; volumes [A^3] are per atom.

    Beyond doubt: 10 eV/A^3, four times the pressure in the middle of the Earth (364 GPa), or ten different stresses of
    which half have a virial of more than 20 eV per atom: more than bulk modulus times volume of any solid (diamond:
    443 GPa, 5.7 A^3, 16 eV). Per atom, so that vacuum in the cell does not matter.
    """
    if not stresses:
        return None
    sizes = np.sqrt(np.mean(np.square(np.stack(stresses)), axis=(1, 2)))
    virial = float(np.median(sizes * np.asarray(volumes)))
    typical = float(np.median(sizes))
    said = f"stress of {typical:.3g}, where crystals have 0.001-0.5 eV/A^3 (virial of {virial:.3g} eV per atom)"
    if typical > 10 or (virial > 20 and len(np.unique(sizes)) >= 10):
        return said, True
    return (said, False) if virial > 20 else None
