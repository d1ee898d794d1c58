"""The queue: jobs in SQLite, one folder for each, worker processes that outlive the server.

    runs/.index/jobs.sqlite                 every job and its state (only the server writes it)
    runs/.index/jobs/<id>/request.json      what is to be done
    runs/.index/jobs/<id>/events.jsonl      what happened, a line for each event: worker and server append

A job is queued, running, then done, failed or cancelled. A server that starts finds the jobs of one that was killed:
those whose process (number and birth) is alive go on, those that ended are closed by what their file says, the others
are queued again and resumed from their checkpoint. One server at a time owns the queue of a folder of runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

from ..core.errors import Invalid
from . import processes
from .answers.figures import Problem
from .answers.jobs import Event, Job
from .events import Told
from .library import Library

SECONDS_BETWEEN_LOOKS = 0.25
MOST_ATTEMPTS, MOST_RECOVERIES = 3, 10  # of a worker that falls; of one whose server was killed with it
MOST_LISTED = 200
WALL_FACTOR, WALL_SECONDS = 2.0, 300.0  # judging, labels and compiling come on top of the budget
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY, kind TEXT, request TEXT, title TEXT, state TEXT, created REAL, started REAL, ended REAL,
  pid INTEGER, born TEXT, attempts INTEGER, run TEXT, problem TEXT, stopping REAL);
CREATE INDEX IF NOT EXISTS by_state ON jobs(state, created);
"""
ENDS = ("done", "failed", "cancelled")


class Full(Exception):
    """No more jobs may wait."""


class Jobs:
    """The queue of a folder of runs. `Invalid` where another server owns it."""

    def __init__(self, library: Library):
        self.library = library
        self.folder = Path(library.runs or ".") / ".index" / "jobs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._owner = open(self.folder / "owner", "w")  # noqa: SIM115  # held as long as the server lives
        try:
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._owner.close()
            raise Invalid(
                must="one server at a time runs the jobs of a folder",
                came=f"{library.runs}, which another server holds",
                do="Stop it, or serve another folder with --runs.",
            ) from None
        self._lock = threading.RLock()
        self._db = sqlite3.connect(self.folder.parent / "jobs.sqlite", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(SCHEMA)
        self._children: dict[str, Popen[bytes]] = {}
        self._read: dict[str, tuple[int, int]] = {}  # job -> bytes and lines of its events that were passed on
        self._progress: dict[str, Event] = {}
        self._recover()

    def close(self) -> None:
        """Let go of the queue; workers go on and are found by the next server."""
        with self._lock:
            self._db.close()
            self._owner.close()

    # ---- asking and changing, from the pages

    def post(self, kind: str, request: Any, title: str, *, identity: str = "") -> tuple[str, int]:
        """Put a job into the queue: its id and how many are before it. `Full` where no more may wait."""
        with self._lock:
            waiting = self.check_room()
            job = identity or secrets.token_hex(8)
            (self.folder / job).mkdir(parents=True, exist_ok=True)
            (self.folder / job / "request.json").write_text(json.dumps({"kind": kind, **request}), encoding="utf-8")
            self._db.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, ?, 'queued', ?, NULL, NULL, 0, '', 0, '', '', 0)",
                (job, kind, json.dumps(request), title, time.time()),
            )
            self._append(job, {"event": "queued"})
            return job, waiting + self._count("running")

    def check_room(self) -> int:
        """How many jobs wait; `Full` where no more may."""
        with self._lock:
            waiting = self._count("queued")
            if waiting >= self.library.limits["queue"]:
                raise Full
            return waiting

    def cancel(self, job: str) -> bool:
        """Take a job out of the queue, or ask its worker to stop; whether there was anything to cancel."""
        with self._lock:
            row = self._row(job)
            if row is None or row["state"] in ENDS:
                return False
            if row["state"] == "queued":
                self._close(job, "cancelled")
            else:
                self._db.execute("UPDATE jobs SET stopping = ? WHERE id = ?", (time.time(), job))
                processes.end(row["pid"], row["born"])
            return True

    def listed(self) -> list[Job]:
        """Every job, newest first."""
        with self._lock:
            rows = self._db.execute("SELECT * FROM jobs ORDER BY created DESC LIMIT ?", (MOST_LISTED,)).fetchall()
            queued = [
                row["id"] for row in self._db.execute("SELECT id FROM jobs WHERE state='queued' ORDER BY created")
            ]
            running = self._count("running")
        return [self._job(row, queued, running) for row in rows]

    def find(self, job: str) -> Job | None:
        """One job."""
        return next((one for one in self.listed() if one["job"] == job), None)

    def request(self, job: str) -> dict[str, Any]:
        """What was asked for."""
        row = self._row(job)
        return json.loads(row["request"]) if row is not None else {}

    def events(self, job: str, after: int) -> list[Told]:
        """The events of a job behind that number, from its file."""
        if self._row(job) is None:
            return []
        return [(job, n, event) for n, event in enumerate(self._lines(job)) if n > after]

    # ---- keeping it going

    async def keep_going(self, tell: Callable[[Told], None]) -> None:
        """Start, follow and end jobs, until cancelled."""
        while True:
            for told in await asyncio.to_thread(self.tick):
                tell(told)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def tick(self) -> list[Told]:
        """Look once after every job: what happened since."""
        with self._lock:
            for row in self._running():
                self._watch(row)
            free = self.library.limits["jobs"] - self._count("running")
            for row in self._db.execute(
                "SELECT * FROM jobs WHERE state = 'queued' ORDER BY created LIMIT ?", (max(free, 0),)
            ).fetchall():
                self._start(row)
            recent = self._db.execute("SELECT id FROM jobs ORDER BY created DESC LIMIT ?", (MOST_LISTED,)).fetchall()
            return [told for row in recent for told in self._news(row["id"])]

    async def ask_catalogue(self, library: Library) -> None:
        """Let a worker ask tasks and methods what they declare, where that is not known."""
        if await asyncio.to_thread(library.knows_all):
            return
        library.is_asking = True
        command = [sys.executable, "-m", "erlangen.portal.worker", "ask"]
        quiet = asyncio.subprocess.DEVNULL
        child = await asyncio.create_subprocess_exec(*command, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            await child.wait()
        finally:
            library.is_asking = False
            with contextlib.suppress(ProcessLookupError):
                child.kill()
        library.forget()

    def _recover(self) -> None:
        """After a server that was killed: running jobs whose process is gone are closed, or queued again."""
        with self._lock:
            for row in self._running():
                self._read[row["id"]] = (0, 0)
                if not processes.is_alive(row["pid"], row["born"]):
                    self._ended(row, MOST_RECOVERIES)

    def _start(self, row: sqlite3.Row) -> None:
        job, attempts = row["id"], row["attempts"] + 1
        self._append(job, {"event": "started"})
        try:
            words = [
                "job",
                str((self.folder / job).resolve()),
                str(Path(self.library.runs or ".").resolve()),
                str(attempts),
            ]
            child = processes.start(words, self.folder / job / "log.txt")
        except Invalid as error:
            self._close(job, "failed", error)
            return
        self._children[job] = child
        self._db.execute(
            "UPDATE jobs SET state = 'running', started = ?, pid = ?, born = ?, attempts = ? WHERE id = ?",
            (time.time(), child.pid, processes.born(child.pid), attempts, job),
        )

    def _watch(self, row: sqlite3.Row) -> None:
        """A running job: over, too long, too large, or to be stopped."""
        job, now, limits = row["id"], time.time(), self.library.limits
        child = self._children.get(job)
        if child is not None and child.poll() is not None:
            self._children.pop(job)
        if not processes.is_alive(row["pid"], row["born"]):
            self._ended(row)
            return
        wall = WALL_FACTOR * 60 * limits["minutes"] + WALL_SECONDS
        memory = processes.memory_gb(row["pid"])
        if row["stopping"] and now - row["stopping"] > processes.GRACE_SECONDS:
            processes.end(row["pid"], row["born"], at_once=True)
        elif not row["stopping"] and (now - (row["started"] or now) > wall or memory > limits["memory_gb"]):
            is_long = memory <= limits["memory_gb"]
            must = f"a job takes at most {wall / 60:.0f} minutes" if is_long else f"at most {limits['memory_gb']:g} GB"
            error = Invalid(must=must, came="more", do="Ask for less, or run it from the command line.")
            self._db.execute("UPDATE jobs SET stopping = ?, problem = ? WHERE id = ?", (now, _problem(error), job))
            processes.end(row["pid"], row["born"])

    def _ended(self, row: sqlite3.Row, most: int = MOST_ATTEMPTS) -> None:
        """Close a job whose process is gone by what its file says, or queue it again."""
        job = row["id"]
        lines = self._lines(job)
        last = next((one for one in reversed(lines) if one["event"] in ENDS), None)
        begun = max((i for i, one in enumerate(lines) if one["event"] == "started"), default=0)
        if last is not None and lines.index(last) > begun:
            run, problem = str(last.get("run", "")), last.get("problem")
            self._db.execute(
                "UPDATE jobs SET state = ?, ended = ?, run = ?, problem = ? WHERE id = ?",
                (last["event"], time.time(), run, json.dumps(problem) if problem else "", job),
            )
        elif row["stopping"]:
            said = json.loads(row["problem"]) if row["problem"] else None
            error = Invalid(must=said["must"], came=said["came"], do=said["do"]) if said else None
            self._close(job, "failed" if error else "cancelled", error)
        elif row["attempts"] >= most:
            do = f"See {self.folder.name}/{job}/log.txt, or run it from the command line."
            self._close(job, "failed", Invalid(must="a worker ends by itself", came="it was ended", do=do))
        else:
            self._db.execute("UPDATE jobs SET state = 'queued', pid = 0, born = '' WHERE id = ?", (job,))
            self._append(job, {"event": "queued", "text": "its worker was gone: it goes on from its checkpoint"})

    # ---- rows and files

    def _close(self, job: str, state: str, error: Invalid | None = None) -> None:
        problem = _problem(error) if error else ""
        self._db.execute(
            "UPDATE jobs SET state = ?, ended = ?, problem = ? WHERE id = ?", (state, time.time(), problem, job)
        )
        self._append(job, {"event": state, **({"problem": json.loads(problem)} if problem else {})})

    def _append(self, job: str, event: dict[str, Any]) -> None:
        line = json.dumps({"job": job, "at": time.time(), **event}) + "\n"
        with open(self.folder / job / "events.jsonl", "ab") as file:
            file.write(line.encode())

    def _news(self, job: str) -> Iterator[Told]:
        """Whole lines that were not passed on yet."""
        path, (start, number) = self.folder / job / "events.jsonl", self._read.get(job, (0, 0))
        with contextlib.suppress(OSError):
            if path.stat().st_size <= start:
                return
            with open(path, "rb") as file:
                file.seek(start)
                raw = file.read(1_000_000)
            whole = raw[: raw.rfind(b"\n") + 1]
            for line in whole.splitlines():
                event = _event(line)
                if event is not None:
                    if event["event"] == "step":
                        self._progress[job] = event
                    yield job, number, event
                number += 1
            self._read[job] = start + len(whole), number

    def _lines(self, job: str) -> list[Event]:
        with contextlib.suppress(OSError):
            raw = (self.folder / job / "events.jsonl").read_bytes()
            lines = raw[: raw.rfind(b"\n") + 1].splitlines()
            return [_event(line) or {"event": "said", "job": job, "at": 0.0, "text": ""} for line in lines]
        return []

    def _row(self, job: str) -> sqlite3.Row | None:
        with self._lock:
            return self._db.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone()

    def _running(self) -> list[sqlite3.Row]:
        return self._db.execute("SELECT * FROM jobs WHERE state = 'running'").fetchall()

    def _count(self, state: str) -> int:
        return self._db.execute("SELECT COUNT(*) FROM jobs WHERE state = ?", (state,)).fetchone()[0]

    def _job(self, row: sqlite3.Row, queued: list[str], running: int) -> Job:
        request, step = json.loads(row["request"]), self._progress.get(row["id"])
        place = queued.index(row["id"]) + running if row["id"] in queued else 0
        return {
            "job": row["id"],
            "kind": row["kind"],
            "state": row["state"],
            "title": row["title"],
            "task": str(request.get("task", "")),
            "method": str(request.get("method", "")),
            "budget": str(request.get("budget", "")),
            "seed": int(request.get("seed", 0)),
            "created": row["created"],
            "started": row["started"],
            "ended": row["ended"],
            "place": place,
            "step": step.get("step", 0) if step else 0,
            "total": step.get("total", 0) if step else 0,
            "figures": step.get("figures", {}) if step else {},
            "rate": step.get("rate") if step else None,
            "left": step.get("left") if step else None,
            "run": row["run"] or self._begun(row["id"]),
            "problem": json.loads(row["problem"]) if row["problem"] else None,
        }

    def _begun(self, job: str) -> str:
        """The run folder that a job works on, once it has one."""
        with contextlib.suppress(OSError):
            return (self.folder / job / "run.txt").read_text(encoding="utf-8").strip()
        return ""


def _problem(error: Invalid) -> str:
    said: Problem = {"must": error.must, "came": error.came, "do": error.do, "field": ""}
    return json.dumps(said)


def _event(line: bytes) -> Event | None:
    """One line of a job's file; None for half of one."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "event" in found else None  # type: ignore[return-value]
