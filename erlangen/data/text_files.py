"""Text from files, plain or packed (.xz, .gz, .bz2), in any of the encodings that scientific files are found in.

    read_text(path)            the whole text, line ends \\n
    lines_of(path)             line by line, for files that are larger than memory
    write_text(path, text)     packed where the name says so

UTF-8, UTF-16 where a byte order mark says so, and Latin-1 for every byte that is no UTF-8, which an author's name in an
old file is written in. Line ends of any system. Size and packing are bounded by `limits`.
"""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import Invalid
from ..core.free_memory import check_fits
from . import limits

COMPRESSED = {".xz": lzma, ".gz": gzip, ".bz2": bz2}
MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
PIECE = 1 << 20
STEP = 256 << 20  # bytes after which memory is looked at again
DAMAGED = (EOFError, lzma.LZMAError, zlib.error, OSError, ValueError)

codecs.register_error("latin-1", lambda e: (e.object[e.start : e.end].decode("latin-1"), e.end))  # type: ignore[attr-defined]


class Unpacked(io.RawIOBase):
    """The bytes of a plain or packed file; refuses bombs, more than `most` bytes, and zero bytes in a text."""

    def __init__(self, path: Path, most: int, *, is_text: bool = True):
        self.path, self.most, self.is_text, self.done, self.kept = path, most, is_text, 0, 0
        self.packed = limits.plain_file(path).stat().st_size
        opener = (COMPRESSED | {".tgz": gzip}).get(path.suffix.lower()) if self.packed else None
        limits.at_most(path, 0 if opener else self.packed, most, "bytes of text")
        self._file = (opener or io).open(path, "rb")
        self._wide = None if is_text else True  # UTF-16 has zero bytes

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill the buffer; how many bytes came."""
        part = self._file.read(len(buffer))
        self._wide = part.startswith(MARKS) if self._wide is None else self._wide
        if not self._wide and b"\0" in part:
            raise ValueError("zero bytes, which no text has")
        self.done += len(part)
        limits.at_most(self.path, self.done, self.most, "bytes of text")
        limits.check_expansion(self.path, self.done, self.packed)
        if self.done > self.kept + STEP:
            self.kept = self.done
            check_fits(str(self.path), STEP, do="Read a part of it.")
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Close the packed file too."""
        self._file.close()
        super().close()


def read_text(path: Path) -> str:
    """The whole text of a file, without a byte order mark."""
    with _told(path), _opened(path, limits.TEXT) as stream:
        text = stream.read()
    if not text.strip():
        raise _empty(path)
    return text


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a text without their ends, one at a time."""
    with _told(path), _opened(path, limits.STREAM) as stream:
        at = 0
        while line := stream.readline(limits.LINE + 1):
            at += 1
            if len(line) > limits.LINE:
                limits.at_most(f"{path}, line {at}", len(line), limits.LINE, "characters in a line")
            yield line.removesuffix("\n")
    if not at:
        raise _empty(path)


def write_text(path: Path, text: str) -> None:
    """Write text, compressed where the name says so."""
    opener = COMPRESSED.get(path.suffix.lower())
    raw = text.encode("utf-8")
    path.write_bytes(opener.compress(raw) if opener else raw)


def plain_suffix(path: Path) -> str:
    """The ending of a name in lower case, whatever packed the file: .csv of table.CSV.gz."""
    name = path.name.lower()
    for packed in COMPRESSED:
        name = name.removesuffix(packed)
    return Path(name).suffix


def decoded(raw: io.RawIOBase) -> io.TextIOWrapper:
    """Bytes as text, with line ends \\n."""
    buffered = io.BufferedReader(raw, PIECE)
    encoding = "utf-16" if buffered.peek(2)[:2] in MARKS else "utf-8-sig"
    return io.TextIOWrapper(buffered, encoding, errors="latin-1" if encoding == "utf-8-sig" else "strict", newline=None)


@contextlib.contextmanager
def _opened(path: Path, most: int) -> Iterator[io.TextIOWrapper]:
    with decoded(Unpacked(path, most)) as stream:
        yield stream


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except Invalid:
        raise
    except DAMAGED as error:
        raise Invalid(
            must="the file can be read to its end",
            came=f"{path}: {type(error).__name__}: {error}",
            do="It is truncated, damaged or of another kind than its name says: copy it again.",
        ) from None


def _empty(path: Path) -> Invalid:
    return Invalid(must="a file holds something", came=f"{path} is empty", do="Check how it was written.")
