"""Answers as bytes in memory: made once, compressed once, renewed behind the reader when something has changed.

A page that is asked for is answered with what lies here, however old; where the folder of runs has changed since (which
is looked at once a second at most), it is made anew in a thread meanwhile, so that no reader waits and the next one
gets it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

from .library import Library

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_OF_TRUST = 30.0  # what does not come from the folder of runs (map, catalogue) is looked at that often
MOST_BYTES = 64_000_000
WORTH_PACKING = 600


@dataclasses.dataclass(frozen=True)
class Item:
    """One answer: its bytes plain and packed, its tag, and which state of the library it shows."""

    body: bytes
    packed: bytes
    tag: str
    kind: str
    status: int
    version: int
    made: float


def item(body: bytes, kind: str, *, status: int = 200, version: int = 0) -> Item:
    """An answer with its tag, packed where that is worth it."""
    packed = gzip.compress(body, 6, mtime=0) if len(body) > WORTH_PACKING and not kind.startswith("font/") else b""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return Item(body, packed, tag, kind, status, version, time.monotonic())


class Shelf:
    """make(path): bytes, content type and status of an answer; it runs in a thread."""

    def __init__(self, library: Library, make: Callable[[str], tuple[bytes, str, int]]):
        self.library, self._make = library, make
        self._items: OrderedDict[str, Item] = OrderedDict()
        self._bytes = 0
        self._looked = 0.0
        self._looking: asyncio.Task | None = None
        self._making: dict[str, asyncio.Task[Item]] = {}

    async def get(self, path: str) -> Item:
        """The answer of a path with its query."""
        self._look()
        found = self._items.get(path)
        if found is None:
            return await self._renew(path)
        self._items.move_to_end(path)
        if found.version != self.library.version or time.monotonic() - found.made > SECONDS_OF_TRUST:
            self._renew(path)
        return found

    def _look(self) -> None:
        """Ask the folder of runs, at most once a second and never twice at a time."""
        now = time.monotonic()
        if now - self._looked > SECONDS_BETWEEN_LOOKS and (self._looking is None or self._looking.done()):
            self._looked = now
            self._looking = asyncio.ensure_future(asyncio.to_thread(self.library.refresh))

    def _renew(self, path: str) -> asyncio.Task[Item]:
        """Make an answer anew; whoever asks meanwhile gets the same one."""
        if path not in self._making:
            task = asyncio.ensure_future(self._made(path))
            self._making[path] = task
            task.add_done_callback(lambda _: self._making.pop(path, None))
        return self._making[path]

    async def _made(self, path: str) -> Item:
        version = self.library.version
        body, kind, status = await asyncio.to_thread(self._make, path)
        made = await asyncio.to_thread(item, body, kind, status=status, version=version)
        if status == 200:
            self._keep(path, made)
        return made

    def _keep(self, path: str, made: Item) -> None:
        old = self._items.pop(path, None)
        self._bytes += len(made.body) + len(made.packed) - (len(old.body) + len(old.packed) if old else 0)
        self._items[path] = made
        while self._bytes > MOST_BYTES and len(self._items) > 1:
            _, gone = self._items.popitem(last=False)
            self._bytes -= len(gone.body) + len(gone.packed)

    def forget(self) -> None:
        """Make everything anew when it is asked for: something is there that readers wait for."""
        self._items.clear()
        self._bytes = 0

    async def warm(self, paths: list[str]) -> None:
        """Make what will be asked for first, one after the other."""
        for path in paths:
            if path not in self._items:
                await self._renew(path)
