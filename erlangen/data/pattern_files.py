"""Measured powder patterns as columns of text: angle, counts and what else an instrument writes behind them.

    read_pattern(path, axis="2theta", wavelength=1.5418) -> two_theta [degree], counts

Columns are cut at blanks, commas, semicolons or tabs; lines without two numbers in front are headers. axis q [1/A] or d
[A] is turned into 2 theta of the wavelength. What is called 2 theta but cannot be one is refused: a header or a range
of Q or d, angles beyond 180, an axis that does not rise.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..core.errors import Invalid, unknown
from . import limits
from .text_files import lines_of

AXES = ("2theta", "q", "d")
SUFFIXES = (".xy", ".xye", ".dat", ".txt", ".csv", ".asc")
FEWEST = 50  # points
SMALLEST = 15.0  # degrees: a pattern of laboratory X-rays goes beyond
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
OTHER = re.compile(r"(?<![a-z])(q|d|d-spacing|d_spacing)(?![a-z])\s*([(\[/,;\s]|$)", re.IGNORECASE)


@limits.foreign
def read_pattern(path: Path, axis: str = "2theta", wavelength: float = 1.5418) -> tuple[np.ndarray, np.ndarray]:
    """Angles that rise and counts at them."""
    if axis not in AXES:
        raise unknown("the axis of a pattern", axis, AXES)
    if not path.exists():
        raise Invalid(must="the file exists", came=str(path), do="Check its name.")
    header, rows = _columns(path)
    x, y = np.array(rows, float).reshape(-1, 2).T
    if len(x) < FEWEST:
        came = f"{len(x)} in {path}"
        raise Invalid(must=f"a pattern has at least {FEWEST} points", came=came, do="Give angle and counts in columns.")
    if axis == "2theta":
        _check_angles(path, header, x)
    else:
        sine = wavelength * (x / (4 * np.pi) if axis == "q" else 0.5 / np.where(x > 0, x, np.nan))
        if not np.all(np.isfinite(sine) & (sine > 0) & (sine < 1)):
            came = f"{axis} from {x.min():g} to {x.max():g} at {wavelength:g} A in {path}"
            do = "Check --axis and --wavelength, or cut the pattern."
            raise Invalid(must="every point has an angle", came=came, do=do)
        x = 2 * np.rad2deg(np.arcsin(sine))
    order = np.argsort(x, kind="stable") if axis == "d" else np.arange(len(x))
    x, y = x[order], y[order]
    if np.any(np.diff(x) <= 0):
        row = int(np.argmax(np.diff(x) <= 0)) + 2
        do = "Give one scan, in order; --axis d reads falling d."
        raise Invalid(must="the axis of a pattern rises", came=f"{path}, point {row}: {x[row - 1]:g}", do=do)
    if not np.any(y > 0):
        raise Invalid(must="a pattern has counts", came=f"none above zero in {path}", do="Name the right columns.")
    return x, np.maximum(y, 0.0)


def _columns(path: Path) -> tuple[str, list[tuple[float, float]]]:
    """What stands above the numbers, and the first two of every row."""
    header, rows = "", []
    for line in lines_of(path):
        words = [word for word in re.split(r"[\s,;]+", line.strip()) if word]
        if len(words) >= 2 and all(NUMBER.fullmatch(word) for word in words[:2]):
            rows.append((float(words[0]), float(words[1])))
        elif not rows:
            header += line + "\n"
    limits.at_most(path, len(rows), limits.ROWS, "points", do="Average neighbours.")
    return header, rows


def _check_angles(path: Path, header: str, x: np.ndarray) -> None:
    """2 theta in degrees, and neither Q nor d."""
    named = OTHER.search(header.strip().lstrip("#").strip().splitlines()[-1]) if header.strip() else None
    span = f"{x.min():g} to {x.max():g} in {path}"
    do = "Say what it is: --axis q or --axis d, with --wavelength."
    if named and "theta" not in header.lower():
        raise Invalid(must="the axis is 2 theta in degrees", came=f"a column {named[1]!r}, {span}", do=do)
    if x.min() < -5 or x.max() > 180:
        raise Invalid(must="2 theta is at most 180 degrees", came=span, do=do)
    if x.max() < SMALLEST:
        raise Invalid(must=f"2 theta in degrees goes beyond {SMALLEST:g}", came=f"{span}, as Q or d would", do=do)
