"""The global heaps of HDF5, which hold texts of any length: walked here before the library walks them.

Behind the signature GCOL stand the size of the heap and its objects, each with index, count, size and, but for the free
space (index 0), that many bytes filled up to eight. One that takes no space is walked for ever (HDF5 2.0.0).
Source: HDF5 File Format Specification 3.0, III.E, disk format: level 1E - global heap.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

SIGNATURE = b"GCOL\x01\0\0\0"
HEAD = 16  # bytes before the first object of a heap, and before the bytes of an object


def check_heaps(path: Path) -> None:
    """`ValueError` for the first heap whose objects leave it or take no space."""
    if path.stat().st_size < HEAD:
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        at = raw.find(SIGNATURE)
        while at >= 0:
            _walk(raw, at)
            at = raw.find(SIGNATURE, at + HEAD)


def _walk(raw: mmap.mmap, at: int) -> None:
    end = at + struct.unpack_from("<Q", raw[at : at + HEAD], 8)[0]
    place = at + HEAD
    while place + HEAD <= min(end, len(raw)):
        index, _, _, size = struct.unpack("<HHIQ", raw[place : place + HEAD])
        step = size if index == 0 else HEAD + -(-size // 8) * 8
        if step < HEAD or place + step > end:
            raise ValueError(f"an object of {size} bytes in the heap at byte {at}")
        place += step
