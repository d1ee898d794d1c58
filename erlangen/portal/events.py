"""Server-sent events: what happens to jobs, as it happens, and again from the job's own file after a break.

Every event of a job is a line of its events.jsonl; the number of the line is part of the event's id ("<job>:<line>"),
so that a reader who comes back with Last-Event-ID is told exactly what it missed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from .answers.jobs import Event, Job

SECONDS_BETWEEN_COMMENTS = 15.0
MOST_WAITING = 2_000
MOST_STREAMS = 200
RETRY = b"retry: 2000\n\n"
Told = tuple[str, int, Event]
"""Job, number of its line, event."""
Replay = Callable[[str, int], Sequence[Told]]
"""The events of a job behind that number."""


class Stream:
    """Who listens. A reader that does not read is dropped: it comes back and is told what it missed."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[Told | None]] = set()

    def __len__(self) -> int:
        return len(self._readers)

    def tell(self, told: Told) -> None:
        """Pass an event on to everyone."""
        for reader in list(self._readers):
            try:
                reader.put_nowait(told)
            except asyncio.QueueFull:
                self._readers.discard(reader)
                reader.get_nowait()
                reader.put_nowait(None)

    async def events(self, job: str, last: str, jobs: Sequence[Job], replay: Replay) -> AsyncIterator[bytes]:
        """What one reader is sent: hello with the jobs as they stand, what it missed, then what happens."""
        reader: asyncio.Queue[Told | None] = asyncio.Queue(MOST_WAITING)
        self._readers.add(reader)
        try:
            yield RETRY + written("", -1, {"event": "hello", "job": job, "at": 0.0, "jobs": list(jobs)})
            known, _, line = last.rpartition(":")
            sent: dict[str, int] = {known: int(line)} if known and line.isdigit() else {}
            for one in dict.fromkeys(filter(None, (job, known))):
                for told in await asyncio.to_thread(replay, one, sent.get(one, -1)):
                    sent[one] = told[1]
                    yield written(*told)
            while True:
                try:
                    found = await asyncio.wait_for(reader.get(), SECONDS_BETWEEN_COMMENTS)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if found is None:
                    return
                name, number, _ = found
                if (job and name != job) or number <= sent.get(name, -1):
                    continue
                sent[name] = number
                yield written(*found)
        finally:
            self._readers.discard(reader)


def written(job: str, number: int, event: Event | dict[str, Any]) -> bytes:
    """One event as it goes over the wire."""
    text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    identity = f"id: {job}:{number}\n" if number >= 0 else ""
    return f"{identity}event: {event['event']}\ndata: {text}\n\n".encode()
