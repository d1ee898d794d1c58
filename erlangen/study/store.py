"""The run store: one folder per run, and a SQLite index that is only a cache of their records.

    runs/
      2026-11-22-1744-burgers-fno-s0/record.json, fitted.*, arrays.npz
      .index/runs.sqlite                      rebuilt from the folders whenever it is missing, stale or broken

The folders are the truth: what a process wrote before it was killed is found again by the next listing. Nothing here
needs JAX or NumPy, so that a listing answers at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..core.errors import Invalid, unknown
from ..data.limits import foreign
from ..data.sources import located
from .record import Record

NEEDED_BYTES = 20_000_000  # a run with arrays and a small network; less than this left on the disk is refused
BUSY_SECONDS = 60.0

Say = Callable[[str], None]
T = TypeVar("T")


class ListedRun(NamedTuple):
    """One line of a listing; score, value, error, unit: the first score of the record (None where there is none)."""

    name: str
    task: str
    method: str
    seed: int
    created: str
    state: str
    budget: str
    score: str | None
    value: float | None
    error: float | None
    unit: str | None
    fit_seconds: float | None
    query_seconds: float | None


COLUMNS = ", ".join(ListedRun._fields)
ORDERS = {
    "newest": "created DESC, name DESC",
    "oldest": "created, name",
    "name": "name",
    "task": "task, method, seed, created",
    "method": "method, task, seed, created",
    "score": "task, score, value IS NULL, CASE WHEN lower_is_better THEN value ELSE -value END, created",
    "fit_seconds": "fit_seconds IS NULL, fit_seconds, created",
}
SCHEMA = """
CREATE TABLE runs (
  name TEXT PRIMARY KEY, task TEXT, method TEXT, seed INTEGER, created TEXT, state TEXT, budget TEXT,
  score TEXT, value REAL, error REAL, unit TEXT, fit_seconds REAL, query_seconds REAL,
  lower_is_better INTEGER, identity TEXT, changed INTEGER);
CREATE INDEX by_task ON runs(task, method);
CREATE INDEX by_identity ON runs(identity);
"""
STORED = (*ListedRun._fields, "lower_is_better", "identity", "changed")
UPSERT = f"INSERT OR REPLACE INTO runs ({', '.join(STORED)}) VALUES ({', '.join('?' * len(STORED))})"


@contextlib.contextmanager
def writing(folder: str | Path) -> Iterator[None]:
    """Turn "cannot write here" (no permission, no space, not a folder) into one `Invalid` that names the folder."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "no space left on the device",
            errno.EDQUOT: "the disk quota is used up",
            errno.EACCES: "no permission to write",
            errno.EPERM: "no permission to write",
            errno.EROFS: "the file system is read-only",
            errno.ENOTDIR: "a part of the path is a file",
            errno.EEXIST: "there is a file of that name",
        }
        came = reasons.get(error.errno or 0, error.strerror or str(error))
        raise _cannot_write(folder, came) from error


@contextlib.contextmanager
def reading(folder: str | Path) -> Iterator[None]:
    """Turn "cannot read here" (no permission, a loop of links, not a folder) into one `Invalid` that names it."""
    try:
        yield
    except OSError as error:
        raise Invalid(
            must="a folder of runs, and what is in it, can be read",
            came=f"{error.filename or folder}: {error.strerror or error}",
            do="Ask for permission to read it, or name another folder.",
        ) from error


def _cannot_write(folder: str | Path, came: str) -> Invalid:
    return Invalid(
        must="the folder for runs must be writable and have space",
        came=f"{folder}: {came}",
        do="Free some space or name another folder with --runs FOLDER.",
    )


def new_run(root: str | Path, task: str, method: str, seed: int, *, label: str = "") -> Path:
    """Create the folder of a new run, named by minute, label (default: the last part of the task), method and seed.

    Creation is atomic: two processes that ask at the same moment get two folders (the second ends in -2).
    """
    root = Path(root)
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(root).free
        if free < NEEDED_BYTES:
            raise _cannot_write(root, f"{free / 1e6:.0f} MB free, {NEEDED_BYTES / 1e6:.0f} MB needed")
        words = (time.strftime("%Y-%m-%d-%H%M"), label or task.rsplit("/", 1)[-1], method, f"s{seed}")
        plain = "-".join(re.sub(r"[^A-Za-z0-9_.+]+", "-", word).strip("-")[:48] for word in words)
        attempt = 1
        while True:
            folder = root / (plain if attempt == 1 else f"{plain}-{attempt}")
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                attempt += 1


def identity(
    task: str,
    task_fields: Mapping[str, Any],
    method: str,
    method_fields: Mapping[str, Any],
    wraps: Sequence[Mapping[str, Any]] = (),
    seed: int = 0,
    budget: str = "",
    sources: Sequence[Mapping[str, Any]] = (),
    start: str = "",
) -> str:
    """A hash of everything that was asked for: equal identities are repetitions of one run.

    sources: the own files of the task (`Source.taken`); what they hold counts, not where they lie. start: the run that
    the fit began from.
    """
    named = {one["source"]: one["content"] for one in sources}

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return dataclasses.asdict(value)
        return str(value)

    fields = {k: located(v, named) if isinstance(v, str) else v for k, v in task_fields.items()}
    asked = [task, fields, method, dict(method_fields), list(wraps), seed, budget]
    asked += [list(named.values())] if named else []
    asked += [start] if start else []
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=plain).encode()).hexdigest()[:32]


def add(record: Record, folder: str | Path, *, say: Say = warnings.warn) -> None:
    """Write record.json into the run folder and put the run into the index next to it (again, where it is there)."""
    folder = Path(folder)
    with writing(folder):
        record.write(folder)
    row = _row(record, folder)

    def write(index: sqlite3.Connection) -> None:
        with _transaction(index):
            index.execute(UPSERT, row)

    _with_index(folder.parent, write, say)


def runs(
    root: str | Path,
    task: str | None = None,
    method: str | None = None,
    order: str = "newest",
    limit: int | None = None,
    *,
    like: str | None = None,
    say: Say = warnings.warn,
) -> list[ListedRun]:
    """The runs of a folder, read from the index after it was brought up to date with the folders.

    task: a name, or an area ("molecules"). order: one of `ORDERS`. like: only runs of that `identity`.
    """
    if order not in ORDERS:
        raise unknown("order of runs", order, ORDERS)
    root = Path(root)
    if not root.is_dir():
        return []
    wanted, values = ["1"], []
    if task:
        wanted.append("(task = ? OR task LIKE ? || '/%')")
        values += [task, task]
    for column, value in (("method", method), ("identity", like)):
        if value:
            wanted.append(f"{column} = ?")
            values.append(value)
    query = f"SELECT {COLUMNS} FROM runs WHERE {' AND '.join(wanted)} ORDER BY {ORDERS[order]} LIMIT ?"

    def read(index: sqlite3.Connection) -> list[ListedRun]:
        _refresh(index, root, say)
        return [ListedRun._make(row) for row in index.execute(query, (*values, -1 if limit is None else limit))]

    return _with_index(root, read, say)


def rebuild(root: str | Path, *, say: Say = warnings.warn) -> int:
    """Read every record again, whatever the index says; how many runs there are."""
    root = Path(root)

    def renew(index: sqlite3.Connection) -> int:
        rows = list(_read_rows((root / name for name in _folders(root)), say))
        with _transaction(index):
            index.execute("DELETE FROM runs")
            index.executemany(UPSERT, rows)
        return len(rows)

    return _with_index(root, renew, say)


def _row(record: Record, folder: Path) -> tuple[Any, ...]:
    first = record.scores[0] if record.scores else None
    score = (first.name, first.value, first.error, first.unit) if first else (None,) * 4
    spent = (record.cost.fit_seconds, record.cost.query_seconds) if record.cost else (None, None)
    r = record
    sources = r.data.get("sources") or ()
    asked = identity(r.task, r.task_fields, r.method, r.method_fields, r.wraps, r.seed, r.budget, sources, r.start)
    changed = (folder / "record.json").stat().st_mtime_ns
    known = (folder.name, record.task, record.method, record.seed, record.created, record.state, record.budget)
    return (*known, *score, *spent, first.lower_is_better if first else True, asked, changed)


def _read_rows(folders: Iterable[Path], say: Say) -> Iterator[tuple[Any, ...]]:
    """The rows of those folders that hold a readable record; broken ones are named, not hidden."""
    for folder in folders:
        try:
            if (folder / "record.json").is_file():
                yield foreign(lambda path: _row(Record.read(path), path))(folder)
        except (Invalid, OSError) as error:
            say(f"left out of the list: {folder}: {error}")


def _folders(root: Path) -> list[str]:
    with reading(root), os.scandir(root) as entries:
        return [entry.name for entry in entries if entry.name[0] != "." and _is_folder(entry)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _index_file(root: Path) -> Path:
    return root / ".index" / "runs.sqlite"


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    """One process at a time builds or sets aside the index file itself (SQLite guards what is inside)."""
    with writing(root):
        folder = _index_file(root).parent
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _connect(file: Path | str) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)


def _with_index(root: Path, action: Callable[[sqlite3.Connection], T], say: Say) -> T:
    """Do `action` with the index of `root`, made where it is missing, set aside and rebuilt where it is broken.

    A folder of runs that cannot be written (a colleague's) is read through an index in memory.
    """
    file = _index_file(root)
    try:
        if not file.exists():
            with _locked(root):
                if not file.exists():
                    _build(root, say)
        with contextlib.closing(_connect(file)) as index:
            return action(index)
    except sqlite3.DatabaseError as error:
        if "readonly" in str(error) or "unable to open" in str(error):
            return _in_memory(action)
        if not _is_broken(error):
            raise _cannot_write(file, str(error)) from error
        with _locked(root):
            # Another process may have rebuilt it while this one waited for the lock.
            if _fault(file):
                aside = _set_aside(file)
                say(f"the index of runs was broken ({error}); set aside as {aside}, rebuilt from the run folders")
                _build(root, say)
    except Invalid:  # nothing can be written
        return _in_memory(action)
    with contextlib.closing(_connect(file)) as index:
        return action(index)


def _in_memory(action: Callable[[sqlite3.Connection], T]) -> T:
    with contextlib.closing(_connect(":memory:")) as index:
        index.executescript(SCHEMA)
        return action(index)


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    """Damaged, or made by another version: both are cured by a rebuild; a full or busy disk is not."""
    return not isinstance(error, sqlite3.OperationalError) or "no such" in str(error) or "has no column" in str(error)


def _fault(file: Path) -> str:
    try:
        with contextlib.closing(_connect(file)) as index:
            index.execute(f"SELECT {', '.join(STORED)} FROM runs").fetchone()
            verdict = index.execute("PRAGMA quick_check(1)").fetchone()[0]
            return "" if verdict == "ok" else verdict
    except sqlite3.DatabaseError as error:
        return str(error) if _is_broken(error) else ""


def _set_aside(file: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("-wal", "-shm", ""):
        old = file.with_name(file.name + suffix)
        if old.exists():
            old.replace(file.with_name(f"broken-{stamp}-{os.getpid()}.sqlite{suffix}"))
    return file.with_name(f"broken-{stamp}-{os.getpid()}.sqlite")


def _build(root: Path, say: Say) -> None:
    """Build a whole index under another name, then move it into place, so that nobody ever sees half of one.

    The caller holds the lock: a draft that lies there was left by a process that died.
    """
    file = _index_file(root)
    draft = file.with_name("draft.sqlite")
    for suffix in ("-wal", "-shm", ""):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    with contextlib.closing(_connect(draft)) as index:
        index.execute("PRAGMA journal_mode=WAL")
        index.executescript(SCHEMA)
        with _transaction(index):
            index.executemany(UPSERT, _read_rows((root / name for name in _folders(root)), say))
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    draft.replace(file)


@contextlib.contextmanager
def _transaction(index: sqlite3.Connection) -> Iterator[None]:
    """One write: takes the write lock first, so that a second writer waits instead of failing half-way."""
    index.execute("BEGIN IMMEDIATE")
    try:
        yield
        index.execute("COMMIT")
    except BaseException:
        if index.in_transaction:
            index.execute("ROLLBACK")
        raise


def _refresh(index: sqlite3.Connection, root: Path, say: Say) -> None:
    """Bring the index up to date: folders it has not seen, folders that are gone, records that were still open."""
    present = set(_folders(root))
    known = {name for (name,) in index.execute("SELECT name FROM runs")}
    stale = [root / name for name in present - known]
    for name, changed in index.execute("SELECT name, changed FROM runs WHERE state != 'done'").fetchall():
        file = root / name / "record.json"
        if file.exists() and file.stat().st_mtime_ns != changed:
            stale.append(root / name)
    rows, gone = list(_read_rows(stale, say)), known - present
    if rows or gone:
        with _transaction(index):
            index.executemany(UPSERT, rows)
            index.executemany("DELETE FROM runs WHERE name = ?", [(name,) for name in gone])
