"""How much of a foreign file is read, in one place, and the guard around every reader.

    @foreign                                  whatever a parser stumbles over becomes one `Invalid` with its cause
    check_plain(path)                         no device, no pipe: they never end
    check_expansion(what, size, packed)       no bomb: what a few bytes claim to hold
    at_most(what, count, limit, unit)         one message for every limit below
    Pace(path)(done)                          a line now and then while a long file is read

A file beyond a limit is refused with the limit in the message; one below it may still be refused where the memory of
the machine is too small (`core.free_memory`). Readers of one file stay below 2 GB of memory, but for trajectories and
fields, which take what their numbers take.
"""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

from ..core.errors import Invalid

TEXT = 512 << 20  # bytes of a text that is read in one piece, unpacked: all but XYZ, which is a stream
STREAM = 64 << 30  # bytes of an XYZ file, unpacked
EXPANSION = 100  # times its size that a packed file may hold: text packs to a tenth, numbers to a half
UNSUSPICIOUS = 64 << 20  # bytes below which nobody asks how well a file is packed
LINE = 4 << 20  # characters of a line of XYZ
WORD = 100  # characters of a number
BLANK = 1000  # lines in a row between frames
FRAMES = 300_000  # of a file of atoms
ATOMS = 1_000_000  # of a frame
SITES = 100_000  # of a CIF, before symmetry
ROWS = 1_000_000  # of a table
FIELDS = 20_000_000  # of a table: rows times columns
SMILES = 5_000  # characters of a molecule
VALUES = 30_000_000  # commas and brackets of a JSON text
STRINGS = 300_000  # of a sum of Pauli strings
RECORD = 64 << 20  # bytes of record.json
ARRAYS = 10_000  # of a file of fields
CHUNKS = 200_000  # of an array
ENTRIES = 400_000  # files of a folder that is read as one, members of an archive
DEPTH = 100  # of groups in groups, folders in folders

FIRST, BETWEEN = 5.0, 10.0  # s before the first line on progress, and between two

log = logging.getLogger("erlangen.data")
P = ParamSpec("P")
T = TypeVar("T")


def foreign(read: Callable[P, T]) -> Callable[P, T]:
    """A reader that answers a damaged file with `Invalid`, whatever its parser raises; its first argument is the file.

    Parsers of other packages fail in more ways than they document, so that no list of exceptions is complete. The
    exception itself stays the cause.
    """

    @functools.wraps(read)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except (Invalid, Warning):
            raise
        except Exception as error:
            raise unreadable(next(iter([*args, *kwargs.values()])), error) from error

    return guarded


def unreadable(file: object, error: Exception) -> Invalid:
    """The message for a file on which a parser failed."""
    about = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Invalid(
        must="files can be read to their end and are of the kind that their names say",
        came=f"{getattr(file, 'path', file)}: {about[:300]}",
        do="It is truncated, damaged or too large to be read: copy it again, or write it anew.",
    )


def at_most(what: object, count: int, limit: int, unit: str, do: str = "Read a part of it.") -> None:
    """Refuse a file with more of something than its limit."""
    if count > limit:
        raise Invalid(must=f"a file has at most {limit:,} {unit}", came=f"{what}: {count:,}", do=do)


def check_plain(path: Path) -> Path:
    """A file that ends, or a folder; also behind a link. What does not exist is told by whoever opens it."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise Invalid(must="a file is read", came=f"{path}, a device or a pipe", do="Name a file.")
    return path


def plain_file(path: Path) -> Path:
    """A file that is there and ends."""
    if not check_plain(path).exists():
        raise Invalid(must="the file exists", came=f"no file {path}", do="Check the path.")
    if path.is_dir():
        raise Invalid(must="a file is read", came=f"{path}, a folder", do="Name a file in it.")
    return path


def check_folder(path: Path) -> int:
    """Bytes of all files below a folder; refused where there is a device or a pipe, or too many of them."""
    total = count = 0
    for where, folders, names in os.walk(path):
        count += len(names) + len(folders)
        at_most(path, count, ENTRIES, "files and folders")
        at_most(path, len(Path(where).relative_to(path).parts), DEPTH, "folders in one another")
        total += sum(check_plain(Path(where, name)).stat().st_size for name in names if Path(where, name).exists())
    return total


def check_expansion(what: object, size: int, packed: int) -> None:
    """Refuse what is `EXPANSION` times larger than the bytes that hold it.

    Source: D. Fifield, A better zip bomb, WOOT 2019: deflate reaches 1032, nested forms any number.
    """
    if size > max(UNSUSPICIOUS, EXPANSION * packed):
        raise Invalid(
            must=f"a file holds at most {EXPANSION} times its size, or {UNSUSPICIOUS >> 20} MB",
            came=f"{what}: {packed / 1e6:.3g} MB for {size / 1e6:.4g} MB or more",
            do="Unpack it, or write what is not empty.",
        )


class Pace:
    """Says now and then how much of a file has been read, once that takes long."""

    def __init__(self, path: object, unit: str):
        self.path, self.unit = path, unit
        self._start = time.monotonic()
        self._next = self._start + FIRST

    def __call__(self, done: int, total: int = 0) -> None:
        now = time.monotonic()
        if now > self._next:
            self._next = now + BETWEEN
            rate = done / (now - self._start)
            left = f", {(total - done) / rate:.0f} s left" if total > done and rate else ""
            log.warning("%s: %s %s read, %.3g/s%s", self.path, f"{done:,}", self.unit, rate, left)

    def over(self, items: list[T]) -> Iterator[T]:
        """The items, with a word on the way."""
        for done, item in enumerate(items):
            self(done, len(items))
            yield item
