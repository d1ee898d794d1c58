"""The arrays of a run folder without NumPy: names, shapes and flat lists out of arrays.npz.

The server holds no NumPy (30 MB and a tenth of a second), and a page draws at most some thousand numbers. What is not
a plain array of numbers, truth values or text is refused; nothing in the file is ever executed.
"""

from __future__ import annotations

import array
import math
import struct
import sys
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core.errors import Invalid
from ..registry import literal
from .answers.figures import Column

MOST_BYTES = 64_000_000  # of one array; the largest that a record keeps is a tenth of it
CODES = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u8": "Q", "u4": "I", "u2": "H", "u1": "B"}
DIGITS = 7


class Arrays:
    """arrays.npz, opened for reading one array after the other; `with Arrays(path) as arrays: arrays.read(name)`."""

    def __init__(self, path: Path):
        try:
            self._file = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise _unreadable(path.name, error) from None
        self.names = [name.removesuffix(".npy") for name in self._file.namelist() if name.endswith(".npy")]

    def __enter__(self) -> Arrays:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, name: str) -> Column:
        """Shape and values in C order; figures that JSON does not know are None."""
        try:
            size = self._file.getinfo(f"{name}.npy").file_size
            if size > MOST_BYTES:
                raise ValueError(f"{size:,} bytes, at most {MOST_BYTES:,}")
            with self._file.open(f"{name}.npy") as file:
                raw = file.read(MOST_BYTES + 1)
            return _column(raw)
        except (OSError, KeyError, ValueError, SyntaxError, TypeError, struct.error, zipfile.BadZipFile) as error:
            raise _unreadable(name, error) from None
        except (zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise _unreadable(name, error) from None


def _unreadable(name: str, error: Exception) -> Invalid:
    return Invalid(
        must="the arrays of a run can be read",
        came=f"{name}: {type(error).__name__}: {error}",
        do="Run again, or restore arrays.npz.",
    )


def _column(raw: bytes) -> Column:
    """One .npy file (NEP 1): magic, version, a header that is a literal, the values."""
    if raw[:6] != b"\x93NUMPY" or raw[6] not in (1, 2, 3):
        raise ValueError("no .npy file")
    width = 2 if raw[6] == 1 else 4
    length = int.from_bytes(raw[8 : 8 + width], "little")
    start = 8 + width + length
    header = literal(raw[8 + width : start].decode("utf-8"))
    shape = [int(n) for n in header["shape"]]
    values = _values(header["descr"], raw[start:], math.prod(shape))
    if header["fortran_order"] and len(shape) > 1:
        values = _c_order(values, shape)
    return {"shape": shape, "values": values}


def _values(kind: Any, raw: bytes, count: int) -> list[Any]:
    order, word = kind[0], kind[1:]
    if word[0] in "SU":
        size = int(word[1:]) * (4 if word[0] == "U" else 1)
        encoding = ("utf-32-be" if order == ">" else "utf-32-le") if word[0] == "U" else "latin-1"
        cut = [raw[i * size : (i + 1) * size] for i in range(count)]
        return [text.decode(encoding).rstrip("\0") for text in cut]
    if word == "b1":
        return [bool(byte) for byte in raw[:count]]
    if word == "f2":
        return [_plain(x) for x in struct.unpack(f"{'>' if order == '>' else '<'}{count}e", raw[: 2 * count])]
    is_complex = word[0] == "c"
    found = array.array(CODES[f"f{int(word[1:]) // 2}" if is_complex else word])
    found.frombytes(raw[: found.itemsize * count * (2 if is_complex else 1)])
    if (order == ">") != (sys.byteorder == "big") and order in "<>":
        found.byteswap()
    if is_complex:
        return [_plain(math.hypot(a, b)) for a, b in zip(found[::2], found[1::2])]
    if len(found) != count:
        raise ValueError(f"{len(found)} values of {count}")
    return list(map(_plain, found)) if found.typecode in "df" else list(found)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _c_order(values: Sequence[Any], shape: Sequence[int]) -> list[Any]:
    strides = [math.prod(shape[:k]) for k in range(len(shape))]
    places = [0]
    for size, stride in zip(shape, strides):
        places = [place + i * stride for place in places for i in range(size)]
    return [values[place] for place in places]


def shortened(values: Sequence[Any]) -> list[Any]:
    """Numbers with as many digits as a picture needs."""
    return [float(f"{v:.{DIGITS}g}") if isinstance(v, float) else v for v in values]


def thinned(count: int, most: int) -> list[int]:
    """At most `most` of `count` places, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
