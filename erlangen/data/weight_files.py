"""Weights of networks in files: one line of JSON that says what they are, then arrays in NumPy's format, end to end.

    header, arrays = read_weights(path)        # float arrays of any shape, in the order of the file

So Equinox writes the leaves of a tree (`equinox.tree_serialise_leaves`) behind a line of the author's own; "universal"
potentials are passed on like this (`.nqx`). Nothing in such a file is run: pickled objects are refused.
"""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid
from .limits import plain_file

HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
LONGEST = 1 << 20  # bytes of the line of JSON
KINDS = "fiub"  # of the arrays: real numbers and flags


def read_weights(path: str | Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """(what the first line says, the arrays behind it)."""
    path = plain_file(Path(path))
    try:
        with path.open("rb") as file:
            first = file.readline(LONGEST)
            if not first.startswith(b"{"):  # then there is no need to read the rest
                raise ValueError("its first line is no JSON object")
            header, rest = json.loads(first), file.read()
    except (ValueError, RecursionError) as error:
        raise _foreign(path, str(error)) from None
    arrays, stream = [], io.BytesIO(rest)
    while rest[stream.tell() : stream.tell() + 2] not in (b"", b"\n"):  # a line break may follow the last array
        try:
            arrays.append(_next(stream, len(rest)))
        except (ValueError, SyntaxError, TypeError) as error:
            raise _foreign(path, f"array {len(arrays) + 1}: {error}") from None
    return header, arrays


def _next(stream: io.BytesIO, size: int) -> np.ndarray:
    """One array; ValueError where the bytes are none, or fewer than it says."""
    version = np.lib.format.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"format {version} of NumPy's arrays")
    shape, by_columns, dtype = HEADERS[version](stream)
    if dtype.kind not in KINDS:
        raise ValueError(f"entries of type {dtype}")
    length = math.prod(shape) * dtype.itemsize
    if min((0, *shape)) < 0 or length > size - stream.tell():
        raise ValueError(f"shape {shape}, of which {size - stream.tell()} bytes are there")
    return np.frombuffer(stream.read(length), dtype).reshape(shape, order="F" if by_columns else "C")


def _foreign(path: Path, why: str) -> Invalid:
    return Invalid(
        must="a file of weights is a line of JSON and NumPy's arrays behind it",
        came=f"{path}: {why[:200]}",
        do="Give a .nqx file as it was downloaded: erlangen data fetch nequix",
    )
