"""Which values of a frame are its energy, forces and stress: names in use, levels of theory, signs and units.

    find_labels(table, keys=, need=, units=, path=) -> Labels          energy [eV], forces [eV/A], stress [eV/A^3]
    check_levels(path, found, said) -> None                            warns where two levels are put together

Stress is positive under tension, sigma = (1/V) dE/d epsilon, and a virial its opposite times the volume: W = -V sigma.
Six components stand in Voigt's order, xx yy zz yz xz xy.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from .atom_files import Table
from .label_units import LabelUnits

LEVELS = ("ref_", "dft_", "")  # fitting codes write REF_* beside a calculator's own values: most explicit first
NAMES = {
    "energy": ("energy", "total_energy", "totenergy", "potential_energy", "free_energy"),
    "forces": ("forces", "force"),
    "stress": ("stress",),
}
OPPOSITE = {"forces": ("gradient", "gradients"), "stress": ("virial", "virials")}
VOIGT = (0, 5, 4, 5, 1, 3, 4, 3, 2)  # places in xx yy zz yz xz xy of the nine components
AGREE = 0.02  # of a label and its opposite, relative
ROUNDING = {"forces": 1e-3, "stress": 1e-4}  # eV/A, eV/A^3: of labels that are written with few digits


@dataclasses.dataclass(frozen=True)
class Labels:
    """values: in eV and Angstrom. keys: the file's name of each. doubts: label -> why it is not taken, though there."""

    values: dict[str, np.ndarray | float]
    keys: dict[str, str]
    doubts: dict[str, str]


def find_labels(
    table: Table, *, keys: Mapping[str, str], need: Sequence[str], units: LabelUnits, path: object
) -> Labels:
    """The labels of one frame. keys: names that were said; a minus in front turns the sign of what the file holds.

    need: further names, unconverted. Raises ValueError where a label is no number or of a wrong size.
    """
    reader = _Reader(table, units, path)
    found = Labels({}, {}, {})
    for label in NAMES:
        home = table.columns if label == "forces" else table.info
        if label in keys:
            key, value = _said(reader, home, label, keys[label])
        else:
            key, value = _named(reader, home, label, found.doubts)
        if key is not None and value is not None:
            found.values[label], found.keys[label] = value, key
    both = {**table.info, **table.columns}
    for label in {*keys, *need} - {*NAMES}:
        key = keys.get(label) or _pick(both, (label.lower(),))
        sign, key = (-1, key[1:]) if key and key not in both and key[0] == "-" else (1, key)
        if key is not None and both.get(key) is not None:
            found.values[label], found.keys[label] = sign * _numbers(both[key], label), key
    return found


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Turns values of one frame into labels."""

    table: Table
    units: LabelUnits
    path: object

    @property
    def volume(self) -> float:
        """Of the cell [A^3]; 0 without one."""
        return float(abs(np.linalg.det(np.asarray(self.table.cell, float)))) * self.units.length**3

    def direct(self, label: str, value: object) -> np.ndarray:
        """energy, forces or stress as they stand in the file."""
        if label == "energy":
            atoms = len(self.table.atomic_numbers) if self.units.per_atom else 1
            return _numbers(value, label) * (self.units.energy * atoms)
        unit = self.units.require_force if label == "forces" else self.units.require_stress
        return _numbers(value, label) * unit(self.path)

    def opposite(self, label: str, value: object) -> np.ndarray | None:
        """Forces from a gradient, stress from a virial (in the unit of the energy); None without a cell."""
        if label == "forces":
            return -self.direct(label, value)
        return -_numbers(value, label) * self.units.energy / self.volume if self.volume > 0 else None


def _said(
    reader: _Reader, home: Mapping[str, object], label: str, said: str
) -> tuple[str | None, np.ndarray | float | None]:
    """The label under a name that was said: also a gradient or a virial, which its own name tells."""
    key = said[1:] if said not in home and said[:1] == "-" else said
    if home.get(key) is None:
        return None, None
    is_opposite = any(word in key.lower() for word in OPPOSITE.get(label, ())) and label not in key.lower()
    value = reader.opposite(label, home[key]) if is_opposite else reader.direct(label, home[key])
    turned = key != said and not is_opposite
    return key, None if value is None else _plain(label, -value if turned else value)


def _named(
    reader: _Reader, home: Mapping[str, object], label: str, doubts: dict[str, str]
) -> tuple[str | None, np.ndarray | float | None]:
    """The label under a usual name, or from its opposite; neither where both are there and contradict each other."""
    lower = _lower(home)
    for level in LEVELS:
        key, opposite = (
            next((lower[level + n] for n in names.get(label, ()) if level + n in lower), None)
            for names in (NAMES, OPPOSITE)
        )
        value = None if key is None else reader.direct(label, home[key])
        turned = None if opposite is None else reader.opposite(label, home[opposite])
        if value is not None and turned is not None and (why := _contradiction(label, value, turned)):
            doubts[label] = f"{key} and {opposite} contradict each other ({why})"
            return None, None
        if value is not None:
            return key, _plain(label, value)
        if turned is not None:
            return opposite, _plain(label, turned)
    return None, None


def _contradiction(label: str, value: np.ndarray, turned: np.ndarray) -> str:
    """How a label differs from the one that its opposite gives; "" where they agree."""
    if value.shape != turned.shape or not np.all(np.isfinite([*value.flat, *turned.flat])):
        return ""  # refused later on, in its own words
    size = max(np.abs(value).max(), np.abs(turned).max())
    if np.abs(value - turned).max() <= AGREE * size + ROUNDING[label]:
        return ""
    if np.abs(value + turned).max() <= AGREE * size + ROUNDING[label]:
        return "one of them has the opposite sign"
    ratio = float(np.sum(value * turned) / max(np.sum(turned**2), 1e-300))
    return f"one is {ratio:.4g} times what the other gives"


def _plain(label: str, value: np.ndarray) -> np.ndarray | float:
    return value.item() if label == "energy" else value


def _pick(values: Mapping[str, object], names: Sequence[str]) -> str | None:
    """The first of `names` that is a key of `values`, whatever its case."""
    lower = _lower(values)
    return next((lower[name] for name in names if name in lower), None)


def _lower(values: Mapping[str, object]) -> dict[str, str]:
    return {key.lower(): key for key in reversed(list(values)) if values[key] is not None}


def _numbers(value: object, label: str) -> np.ndarray:
    """A label as an array; ValueError where it is something else. A stress becomes [3, 3]."""
    try:
        array = np.asarray(value, float)
    except (ValueError, TypeError):
        raise ValueError(f"{label} is {value!r} instead of numbers") from None
    if label == "energy" and array.size != 1:
        raise ValueError(f"energy has {array.size} values")
    if label == "stress":
        if array.size not in (6, 9):
            raise ValueError(f"stress has {array.size} components")
        array = array.ravel()[list(VOIGT)] if array.size == 6 else array
        array = array.reshape(3, 3)
    return array


def check_levels(path: object, found: Sequence[Labels], said: Mapping[str, str]) -> None:
    """Warn where labels come from two levels of theory, in one frame or from frame to frame, and nobody said so."""
    for label in NAMES:
        names = Counter(one.keys[label] for one in found if label in one.keys and label not in said)
        if len({name.lower().removesuffix("s") for name in names}) > 1:
            each = ", ".join(f"{name} in {count} frames" for name, count in names.items())
            _warn(f"{path}: {label} is {each}; frames of two levels of theory have no common surface", label)
    mixed = [
        one.keys
        for one in found
        if len({_level(key) for label, key in one.keys.items() if label in NAMES and label not in said}) > 1
    ]
    if mixed:
        taken = ", ".join(f"{label} from {key}" for label, key in mixed[0].items() if label in NAMES)
        _warn(f"{path}: {taken} (in {len(mixed)} frames), names of two levels of theory", next(iter(mixed[0])))


def _level(key: str) -> str:
    return next(level for level in LEVELS if key.lower().startswith(level))


def _warn(what: str, label: str) -> None:
    warnings.warn(f"{what}. Say which is meant behind the file, as in :{label}=KEY", stacklevel=5)


def check_doubts(path: object, found: Sequence[Labels], infos: Sequence[Mapping[str, object]]) -> None:
    """Warn of labels that are there and not taken: they contradict each other, or have a name that is not known."""
    for label in NAMES:
        doubts = [one.doubts[label] for one in found if label in one.doubts]
        if doubts:
            _warn(f"{path}: {doubts[0]}, in {len(doubts)} frames, and neither is taken", label)
    if any("stress" in {**one.keys, **one.doubts} for one in found):
        return
    strange = Counter(
        key for info in infos for key in info if any(word in key.lower() for word in ("stress", "virial"))
    )
    if strange:
        _warn(f"{path}: {', '.join(sorted(strange))} is not read", "stress")
