"""Figures as text: numbers, units, error bars, times; what scores and methods are called."""

from __future__ import annotations

import math
import re

from ..assess.rows import Estimate
from .record import Record

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, digits: int = 3) -> str:
    """A figure with `digits` significant digits: 0.0123, 1,350, 4.4e-15."""
    if value is None or math.isnan(value):
        return "-"
    if value == 0 or math.isinf(value):
        return f"{value:g}".replace("inf", "∞")
    if not 1e-3 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(exponent)}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def pretty(unit: str) -> str:
    """A unit as it is printed: "meV/A" becomes "meV/Å", "cm^-1" "cm⁻¹", "1" nothing."""
    words = re.sub(r"\bA\b", "Å", unit)
    raised = re.sub(r"\^(-?\d+)", lambda power: power[1].translate(RAISED), words)
    return "" if unit in ("1", "") else raised


def plus_minus(value: float, error: float, unit: str = "1") -> str:
    """value ± error, both cut at the second digit of the error: 0.410 ± 0.021 %, (3.1 ± 0.4)e-6."""
    tail = f" {pretty(unit)}".rstrip()
    if not math.isfinite(error) or error <= 1e-9 * abs(value) or not math.isfinite(value):
        return number(value) + tail
    if not 1e-3 <= max(abs(value), error) < 1e6:
        exponent = math.floor(math.log10(max(abs(value), error)))
        scale = 10.0**exponent
        return f"({plus_minus(value / scale, error / scale)})e{exponent}{tail}"
    places = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:,.{places}f} ± {error:,.{places}f}{tail}"


def duration(seconds: float | None) -> str:
    """A time in the unit that reads best: 12 μs, 0.30 ms, 41 s, 2.5 min, 3.1 h."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds == 0:
        return "0 s"
    for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms")):
        if seconds >= size * (2 if size > 1 else 1):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} μs"


def estimate(one: Estimate) -> str:
    """value ± error unit of a score."""
    return plus_minus(one.value, one.error, one.unit)


def title(one: Estimate) -> str:
    """What a score is called."""
    return one.label or one.name


def method_name(record: Record) -> str:
    """The method inside its wrappers, outermost first: conformal(ensemble(painn))."""
    outside = [wrap["name"] for wrap in record.wraps]
    return "(".join([*outside, record.method]) + ")" * len(outside)
