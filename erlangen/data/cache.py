"""A cache of computed labels, so that nobody pays for the same physics twice.

    key_of(task, split, of=None, ...) -> Key                    # the one rule for what labels depend on
    remembered(key, produce, *, say=None) -> contract.Samples   # produce() -> Samples is called on a miss
    cost_of(key) -> float | None                                # seconds that producing took, also after a hit
    entries() -> list[Entry];  verify() -> list[Entry], the broken ones;  clear(older_than) -> bytes

The address of an entry is the SHA-256 of the settings, in which own files count by what they hold, and of the source
that computes it. An entry is a folder, made under a temporary name and renamed when complete and flushed, so a killed
process leaves no broken entry; two processes that want the same entry take turns. What does not match its checksum is
set aside and made again.
The folder is $ERLANGEN_CACHE, or the platform's cache folder; it is created by the first write. Labels that cannot be
written are kept in memory for the rest of the process. Arrays come back as NumPy, whatever they were.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Samples, Split, Task
from ..core.errors import Invalid
from .folders import root
from .packing import pack, unpack
from .source_code import fingerprint
from .sources import located

LAYOUT = 1  # of an entry on disk; another number is another address
log = logging.getLogger("erlangen.data")
_in_memory: dict[str, tuple[Samples, float]] = {}
_seconds: dict[str, float] = {}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One entry on disk: its folder, settings, seconds of computing, size in bytes, age; `fault`, where it has one."""

    folder: Path
    key: dict[str, Any]
    seconds: float
    bytes: int
    created: float
    fault: str = ""


def canonical(key: object) -> str:
    """Settings as JSON with sorted names: equal settings give equal text, in any order and on any machine."""
    return json.dumps(_plain(key, "key"), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: object, where: str) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating) and np.isfinite(value):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return _plain({"type": f"{type(value).__module__}.{type(value).__qualname__}", **fields}, where)
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _plain(item, f"{where}.{name}") for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, set | frozenset):
        return sorted(_plain(item, where) for item in value)
    raise Invalid(
        must="a cache key consists of numbers, strings, lists, named values and dataclasses",
        came=f"{where} is {value!r} ({type(value).__name__})",
        do="Name the setting by something that can be written down.",
    )


@dataclasses.dataclass(frozen=True)
class Key:
    """What labels depend on. settings: as canonical JSON; code: fingerprint of the source that computes them."""

    settings: str
    code: str

    @property
    def address(self) -> str:
        """Name of the entry."""
        return hashlib.sha256(f"{LAYOUT}\n{self.settings}\n{self.code}".encode()).hexdigest()[:32]


def key(name: str, fields: Mapping[str, Any], *, made_by: Sequence[Callable[..., Any]]) -> Key:
    """The key of whatever is computed from `fields` by functions or classes, `made_by`: their source and that of all
    modules they import from this package counts, so that edited physics is computed anew.
    """
    return Key(canonical({"of": name, **fields}), fingerprint(*made_by))


def key_of(
    task: Task,
    split: Split | None = None,
    *,
    of: Sequence[str] | None = None,
    also: Sequence[Callable[..., Any]] = (),
    **decided: Any,
) -> Key:
    """The key of the samples of a task: its name, the settings that matter, the split, what own files hold, its source.

    of: names of the settings that matter (default: all). A setting that names own files counts by what they hold.
    decided: what else was derived from the settings and counts (how many samples). also: functions of rooms that move
    data about, which computed these samples all the same.
    """
    named = {str(source): source.content for source in task.sources}
    fields = {name: value for name, value in task.fields.items() if of is None or name in of}
    fields = {name: located(value, named) if isinstance(value, str) else value for name, value in fields.items()}
    return key(task.name(), {**fields, **decided, "split": split}, made_by=(type(task), *also))


def remembered(key: Key, produce: Callable[[], Samples], *, say: Callable[[str], None] | None = None) -> Samples:
    """The samples of this key, from the cache or from `produce()`, which is then remembered.

    say: gets one line about faults (default: the log).
    """
    say = say or log.warning
    settings, address = key.settings, key.address
    if address in _in_memory:
        return _in_memory[address][0]
    folder = root() / "samples" / address
    samples = _load(folder, settings, say)
    if samples is not None:
        return samples
    with turn(folder, say):
        samples = _load(folder, settings, say)  # another process may have made it while this one waited
        if samples is not None:
            return samples
        started = time.perf_counter()
        arrays, layout = pack(produce())
        _seconds[settings] = time.perf_counter() - started
        samples = unpack(arrays, layout)  # the first run sees exactly what every later run will read
        try:
            _store(folder, settings, arrays, layout)
        except OSError as error:
            _in_memory[address] = samples, _seconds[settings]
            say(f"the cache {root()} cannot be written ({error}); these samples stay in memory until the process ends")
    return samples


def cost_of(key: Key) -> float | None:
    """Seconds of wall time that computing these samples took, wherever and whenever that was; None if never made."""
    settings = key.settings
    if settings in _seconds:
        return _seconds[settings]
    made = [entry for entry in entries() if canonical(entry.key) == settings]
    return max(made, key=lambda entry: entry.created).seconds if made else None


@contextlib.contextmanager
def turn(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of an entry; the system releases it however the process ends. Where there are no locks, go on."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        yield
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process is making {path.name}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            log.debug("no file locks in %s", path.parent)
        yield
    finally:
        os.close(handle)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _store(folder: Path, settings: str, arrays: Mapping[str, np.ndarray], layout: Mapping[str, Any]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
    try:
        np.savez(draft / "arrays.npz", allow_pickle=False, **arrays)  # pyright: ignore[reportArgumentType]
        entry = {
            "key": json.loads(settings),
            "layout": layout,
            "seconds": _seconds[settings],
            "created": time.time(),
            "sha256": digest(draft / "arrays.npz"),
        }
        text = json.dumps(entry)
        seal = hashlib.sha256(text.encode()).hexdigest()
        (draft / "entry.json").write_text(f"{text}\n{seal}\n")
        for part in (draft / "arrays.npz", draft / "entry.json", draft):
            _flush(part)
        with contextlib.suppress(FileExistsError):
            _rename(draft, folder)
            _flush(folder.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _rename(draft: Path, folder: Path) -> None:
    """Rename a folder; FileExistsError where another process was first (the system says ENOTEMPTY or EEXIST)."""
    try:
        os.rename(draft, folder)
    except OSError:
        if folder.exists():
            raise FileExistsError(folder) from None
        raise


def _read_entry(folder: Path) -> dict[str, Any]:
    """The description of an entry, checked against its seal; ValueError where it does not match."""
    text, _, seal = (folder / "entry.json").read_text().rstrip("\n").rpartition("\n")
    if hashlib.sha256(text.encode()).hexdigest() != seal:
        raise ValueError("entry.json does not match its checksum")
    return json.loads(text)


def _load(folder: Path, settings: str, say: Callable[[str], None]) -> Samples | None:
    try:
        if not folder.is_dir():
            return None
        entry = _read_entry(folder)
        if canonical(entry["key"]) != settings:
            raise ValueError("it belongs to other settings")
        if digest(folder / "arrays.npz") != entry["sha256"]:
            raise ValueError("arrays.npz does not match its checksum")
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            samples = unpack(dict(arrays), entry["layout"])
    except (OSError, ValueError, KeyError) as error:
        aside = folder.with_name(f"{folder.name}.broken-{time.time_ns()}")
        with contextlib.suppress(OSError):
            os.rename(folder, aside)
        say(f"cache entry {folder.name} is damaged ({error}); set aside as {aside.name} and computed again")
        return None
    _seconds[settings] = entry["seconds"]
    return samples


def _size(folder: Path) -> int:
    return sum(part.stat().st_size for part in folder.rglob("*") if part.is_file())


def entries() -> list[Entry]:
    """All entries, the newest first; those that cannot be read carry a fault."""
    found = []
    for folder in (root() / "samples").glob("*"):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        try:
            about = _read_entry(folder)
            fault = "set aside" if ".broken-" in folder.name else ""
            found.append(Entry(folder, about["key"], about["seconds"], _size(folder), about["created"], fault))
        except (OSError, ValueError, KeyError) as error:
            found.append(Entry(folder, {}, 0.0, _size(folder), folder.stat().st_mtime, str(error)))
    return sorted(found, key=lambda entry: -entry.created)


def verify() -> list[Entry]:
    """The entries whose bytes do not match their checksum, and those already set aside."""
    broken = []
    for entry in entries():
        try:
            wrong = not entry.fault and digest(entry.folder / "arrays.npz") != _read_entry(entry.folder)["sha256"]
            fault = "arrays.npz does not match its checksum" if wrong else entry.fault
        except (OSError, ValueError) as error:
            fault = str(error)
        if fault:
            broken.append(dataclasses.replace(entry, fault=fault))
    return broken


def clear(older_than: float | None = None) -> int:
    """Remove entries (older than so many seconds), broken ones and abandoned drafts; returns the bytes freed."""
    now, freed = time.time(), 0
    for entry in entries():
        if older_than is None or entry.fault or now - entry.created > older_than:
            freed += entry.bytes
            shutil.rmtree(entry.folder, ignore_errors=True)
    for draft in (root() / "samples").glob(".draft-*"):
        if now - draft.stat().st_mtime > 3600:
            freed += _size(draft)
            shutil.rmtree(draft, ignore_errors=True)
    return freed
