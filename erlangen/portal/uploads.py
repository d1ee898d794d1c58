"""Files of readers: taken in as raw bytes under limits, read by a worker, kept for an hour, never by their own path.

runs/.index/uploads/<id>/<name>       the file, and what the worker said of it in reading.json
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from ..core.errors import Invalid, unknown
from . import processes
from .answers.figures import Problem
from .answers.jobs import UploadAnswer
from .guard import refused
from .learn import ENDINGS
from .library import Library
from .records import predictors

SECONDS_KEPT = 3600.0
SECONDS_OF_READING = 90.0
MOST_READERS, MOST_KEPT = 2, 60
NAME = re.compile(r"[A-Za-z0-9_+() -][A-Za-z0-9._+() -]{0,99}")
IDENTITY = re.compile(r"[0-9a-f]{16}")


class Uploads:
    """The uploads of one server."""

    def __init__(self, library: Library):
        self.library = library
        self.folder = Path(library.runs or ".") / ".index" / "uploads"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._readers = asyncio.Semaphore(MOST_READERS)
        self._ended: set[str] = set()

    async def put(self, name: str, length: str, body: AsyncIterator[bytes]) -> UploadAnswer:
        """Take a file in and have it read. Raises `guard.Refused` where it is none that could be read."""
        self._check_name(name)
        limit = self.library.limits["upload_mb"] * 1_000_000
        if length.isdigit() and int(length) > limit:
            raise _too_large(limit)
        if sum(1 for _ in self.folder.iterdir()) >= MOST_KEPT:
            raise refused(
                429, f"at most {MOST_KEPT} files are kept", "one more", "Wait an hour, or use the command line."
            )
        identity = secrets.token_hex(8)
        folder = self.folder / identity
        folder.mkdir(mode=0o700)
        size = 0
        try:
            with open(folder / name, "wb") as file:
                async for block in body:
                    size += len(block)
                    if size > limit:
                        raise _too_large(limit)
                    file.write(block)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        (folder / "request.json").write_text(json.dumps({"name": name, "bytes": size}), encoding="utf-8")
        async with self._readers:
            await self._read(folder)
        return self.answer(identity)

    def _check_name(self, name: str) -> None:
        plain = name.removesuffix(".gz")
        ending = Path(plain).suffix.lower()
        if not NAME.fullmatch(name) or name in ("request.json", "reading.json"):
            do = "Rename it: letters, digits, dots and dashes."
            raise refused(422, "the name of a file is a plain one", repr(name[:80]), do)
        if ending not in ENDINGS and plain.upper() not in ("POSCAR", "CONTCAR"):
            reason = unknown("the ending of a file", ending or name, ENDINGS)
            raise refused(415, reason.must, reason.came, reason.do)

    async def _read(self, folder: Path) -> None:
        """Let a worker read it; one that takes too long is ended."""
        child = await asyncio.to_thread(processes.start, ["read", str(folder.resolve())], folder / "log.txt")
        born = processes.born(child.pid)
        try:
            await asyncio.wait_for(asyncio.to_thread(child.wait), SECONDS_OF_READING)
        except TimeoutError:
            processes.end(child.pid, born, at_once=True)
            await asyncio.to_thread(child.wait)
        self._ended.add(folder.name)

    def answer(self, identity: str) -> UploadAnswer:
        """What is known of an upload."""
        folder = self._folder(identity)
        request, found = _json(folder / "request.json"), _json(folder / "reading.json")
        problem: Problem | None = found.get("problem")
        is_old = time.time() - folder.stat().st_mtime > SECONDS_OF_READING + 5
        if not found and (is_old or identity in self._ended):
            must = "a file is read within the limits of memory and time"
            problem = {"must": must, "came": "it was not", "do": "Leave samples out.", "field": ""}
        fits, unfit = self._fitting(found) if found and not problem else ([], {})
        return {
            "upload": identity,
            "name": request.get("name", ""),
            "bytes": request.get("bytes", 0),
            "state": "refused" if problem else "ready" if found else "parsing",
            "kind": found.get("kind", ""),
            "count": found.get("count", 0),
            "elements": found.get("elements", []),
            "grid": found.get("grid"),
            "preview": found.get("preview", {}),
            "fits": fits,
            "unfit": unfit,
            "problem": problem,
        }

    def _fitting(self, found: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        """Records that can answer it, and why others of the same container cannot."""
        fits, unfit = [], {}
        for one in predictors(self.library, self.library.listed()):
            if one["container"] != found["kind"]:
                continue
            strange = sorted(set(found["elements"]) - set(one["elements"])) if one["elements"] else []
            if strange:
                unfit[one["run"]] = f"never saw the elements with numbers {', '.join(map(str, strange))}"
            else:
                fits.append(one["run"])
        return fits, unfit

    def path(self, identity: str) -> Path:
        """The file of an upload that was read, as a path that lasts: jobs may wait longer than uploads are kept."""
        answer = self.answer(identity)
        if answer["state"] != "ready":
            raise Invalid(must="a file was read before it is used", came=answer["name"], do="Upload another one.")
        kept = self.folder.parent / "inputs" / identity
        kept.mkdir(parents=True, exist_ok=True)
        name = answer["name"].removesuffix(".gz")
        target = kept / name
        if not target.exists():
            with contextlib.suppress(FileExistsError):
                os.link(self._folder(identity) / name, target)
        return target.resolve()

    def _folder(self, identity: str) -> Path:
        folder = self.folder / identity
        if not IDENTITY.fullmatch(identity) or not folder.is_dir():
            raise Invalid(
                must="an upload is one of the last hour", came=repr(identity[:40]), do="Upload the file again."
            )
        return folder

    async def tidy(self) -> None:
        """Remove what is older than an hour, now and then, until cancelled."""
        while True:
            await asyncio.to_thread(self.remove_old)
            await asyncio.sleep(60)

    def remove_old(self) -> int:
        """Remove what is older than an hour; how many."""
        old = [one for one in self.folder.iterdir() if time.time() - one.stat().st_mtime > SECONDS_KEPT]
        for one in old:
            shutil.rmtree(one, ignore_errors=True)
        return len(old)


def _too_large(limit: int) -> Exception:
    do = "Leave samples out, or use the command line: erlangen predict"
    return refused(413, f"a file has at most {limit // 1_000_000} MB", "more", do)


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
