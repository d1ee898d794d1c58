"""Public data sets: fetched once, from the first mirror that answers, checked by SHA-256, resumed after interruption.

    catalogue() -> {name: DataSet};  fetch(name, files=None, *, say=, progress=) -> {file name: path}

A file under its own name is complete and right. What has arrived so far is `NAME.part`; bytes that do not match the
checksum are set aside as `NAME.wrong-...`. Files live in `public/` of the cache folder.
"""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import functools
import gzip
import hashlib
import http.client
import logging
import lzma
import os
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..core.errors import Invalid, unknown
from .cache import digest, turn
from .folders import root

log = logging.getLogger("erlangen.data")
CHUNK = 1 << 18
ATTEMPTS = 3  # at one mirror, each going on where the last one stopped
TIMEOUT = 30.0  # s without a byte
Progress = Callable[[str, int, int], None]


@dataclasses.dataclass(frozen=True)
class RemoteFile:
    """One file of a data set: its length and SHA-256."""

    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A public data set. mirrors: addresses with {file} in place of the file's name, in the order they are tried."""

    title: str
    licence: str
    cite: str
    mirrors: tuple[str, ...]
    files: Mapping[str, RemoteFile]


def read_catalogue(text: str) -> dict[str, DataSet]:
    """Data sets from TOML like that of `catalogue.toml`."""
    sets = tomllib.loads(text)
    return {
        name: DataSet(
            s["title"],
            s["licence"],
            s["cite"],
            tuple(s["mirrors"]),
            {f: RemoteFile(**v) for f, v in s["files"].items()},
        )
        for name, s in sets.items()
    }


@functools.cache
def catalogue() -> dict[str, DataSet]:
    """The data sets that erlangen knows by name."""
    return read_catalogue(Path(__file__).with_name("catalogue.toml").read_text(encoding="utf-8"))


def fetch(
    name: str | DataSet,
    files: Sequence[str] | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    say: Callable[[str], None] | None = None,
    progress: Progress = lambda file, done, total: None,
) -> dict[str, Path]:
    """Paths of the files of a public data set, downloaded where they are not here yet.

    name: of the catalogue, or a `DataSet`. files: some of its files; default all. folder: default the cache.
    say: gets the licence and every fault in one line each. progress(file, bytes so far, bytes in all).
    """
    say = say or log.warning
    if isinstance(name, str) and name not in catalogue():
        raise unknown("a public data set", name, catalogue())
    data = catalogue()[name] if isinstance(name, str) else name
    for file in files or ():
        if file not in data.files:
            raise unknown(f"a file of {name if isinstance(name, str) else data.title}", file, data.files)
    place = Path(folder) if folder is not None else root() / "public" / (name if isinstance(name, str) else data.title)
    paths = {file: place / file for file in (files or data.files)}
    missing = [file for file, path in paths.items() if not _is_right(path, data.files[file])]
    if missing:
        say(f"{data.title}. Licence: {data.licence}. Please cite: {data.cite}")
    for file in missing:
        try:
            place.mkdir(parents=True, exist_ok=True)
            with turn(paths[file], say):
                if not _is_right(paths[file], data.files[file]):
                    _download(data, file, paths[file], say, functools.partial(progress, file))
        except OSError as error:
            raise Invalid(
                must="downloads can be written",
                came=f"{paths[file]}: {error}",
                do="Free some space, or set ERLANGEN_CACHE to a folder that can be written.",
            ) from None
    return paths


def is_copy(path: Path, name: str, file: str) -> bool:
    """Whether `path`, packed or not, holds what the file `file` of the public set `name` does."""
    if not path.is_file():
        return False
    opened = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix.lower(), open)
    right = catalogue()[name].files[file]
    try:
        with opened(path, "rb") as stream:
            held = stream.read(right.bytes + 1)
    except (OSError, EOFError, lzma.LZMAError):
        return False
    return len(held) == right.bytes and hashlib.sha256(held).hexdigest() == right.sha256


def _is_right(path: Path, file: RemoteFile) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes and digest(path) == file.sha256


def _download(
    data: DataSet, name: str, path: Path, say: Callable[[str], None], progress: Callable[[int, int], None]
) -> None:
    """Try mirror after mirror until the file is complete and right."""
    file, part = data.files[name], path.with_name(f"{name}.part")
    faults, fault = [], None
    if path.exists():
        _set_aside(path, "the file in the cache does not match its checksum", say)
    for mirror in data.mirrors:
        url = mirror.format(file=name)
        for attempt in range(ATTEMPTS):
            resumed = part.exists() and part.stat().st_size > 0
            fault, worth_another = _stream(url, part, file.bytes, progress)
            if fault is None and digest(part) == file.sha256:
                _keep(part, path)
                return
            if fault is None:
                fault = f"{part.stat().st_size} bytes that do not match the checksum"
                _set_aside(part, f"{url} gave {fault}", say)
                worth_another = resumed  # the older bytes may have been the wrong ones
            if not worth_another:
                break
            time.sleep(0.2 * 2**attempt)
        faults.append(f"{url}: {fault}")
    raise Invalid(
        must=f"one of the addresses of {name} gives the file with SHA-256 {file.sha256}",
        came="; ".join(faults),
        do=f"Try again later (what has arrived is kept), or put the file at {path} yourself.",
    )


class _Disk(Exception):
    """An error of the local disk, which no other mirror can cure."""


def _stream(url: str, part: Path, total: int, progress: Callable[[int, int], None]) -> tuple[str | None, bool]:
    """Append what is missing to `part`. Returns (what went wrong, whether the same mirror is worth another attempt)."""
    done = part.stat().st_size if part.exists() else 0
    if done >= total:
        if done > total:
            part.unlink()
        done = 0 if done > total else done
    if done == total:
        return None, False
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        with contextlib.ExitStack() as stack:
            answer = stack.enter_context(urllib.request.urlopen(request, timeout=TIMEOUT))
            goes_on = answer.status == 206 and str(answer.headers.get("Content-Range", "")).startswith(f"bytes {done}-")
            done = done if goes_on else 0
            length = answer.headers.get("Content-Length")
            if length is not None and done + int(length) != total:
                return f"it offers {done + int(length)} bytes instead of {total}", False
            try:
                file = stack.enter_context(open(part, "ab" if goes_on else "wb"))
            except OSError as error:
                raise _Disk from error
            while chunk := answer.read(CHUNK):
                try:
                    file.write(chunk)
                except OSError as error:
                    raise _Disk from error
                done += len(chunk)
                progress(done, total)
                if done > total:
                    break
    except _Disk as error:
        raise error.__cause__ or OSError("disk") from None
    except urllib.error.HTTPError as error:
        if error.code == 416:  # it has no such range: what we hold is not a beginning of what it offers
            part.unlink(missing_ok=True)
        return f"HTTP {error.code} {error.reason}", error.code in (408, 416, 429, 500, 502, 503, 504)
    except (OSError, http.client.HTTPException, ValueError) as error:
        refused = isinstance(getattr(error, "reason", None), ConnectionRefusedError)
        return f"{type(error).__name__}: {getattr(error, 'reason', None) or error}", not refused
    return (None, False) if done >= total else (f"the connection ended after {done} of {total} bytes", True)


def _set_aside(path: Path, why: str, say: Callable[[str], None]) -> None:
    aside = path.with_name(f"{path.name.removesuffix('.part')}.wrong-{time.time_ns()}")
    os.replace(path, aside)
    say(f"{why}; set aside as {aside.name}")


def _keep(part: Path, path: Path) -> None:
    """Put a complete file under its own name, flushed to the disk first."""
    handle = os.open(part, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(part, path)
