"""Worker processes of their own: started apart from the server, found again after it was killed, ended as a group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from ..core.errors import Invalid

NICE = 10
GRACE_SECONDS = 5.0
STAT = Path("/proc")


def start(words: list[str], log: Path) -> subprocess.Popen[bytes]:
    """`python -m erlangen.portal.worker WORDS` in a group of its own, at low priority, with nothing inherited."""
    command = [sys.executable, "-m", "erlangen.portal.worker", *words]
    try:
        with open(log, "ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                close_fds=True,
                env={**os.environ, "ERLANGEN_NICE": str(NICE), "PYTHONUNBUFFERED": "1"},
            )
    except OSError as error:
        raise Invalid(must="a worker process can be started", came=str(error), do="See `erlangen doctor`.") from None


def born(pid: int) -> str:
    """When a process began, in words that no other process with that number has; empty where there is none."""
    try:
        text = (STAT / str(pid) / "stat").read_text()
    except OSError:
        return "" if STAT.is_dir() or not _exists(pid) else "unknown"
    state, *rest = text.rpartition(")")[2].split()
    return "" if state in "ZX" else f"{_boot()}:{rest[18]}"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _boot() -> str:
    with contextlib.suppress(OSError):
        return (STAT / "sys/kernel/random/boot_id").read_text().strip()
    return ""


def is_alive(pid: int, when: str) -> bool:
    """Whether the process that began then still runs."""
    return bool(pid) and bool(when) and born(pid) == when


def memory_gb(pid: int) -> float:
    """The memory that a process holds now."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (STAT / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1e6
    return 0.0


def end(pid: int, when: str, *, at_once: bool = False) -> None:
    """End the group of a process that is ours: asked first, then not."""
    if is_alive(pid, when):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL if at_once else signal.SIGTERM)
