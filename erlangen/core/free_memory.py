"""How much memory is left, and a refusal before it is filled."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import Invalid


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, or of its container where that has less (Linux).

    Elsewhere the memory of the machine, free or not.
    """
    amounts = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    known = Path("/proc/meminfo")
    if known.exists():
        amounts += [1024 * int(line.split()[1]) for line in known.read_text().splitlines() if "MemAvailable" in line]
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if limit.exists() and used.exists() and (text := limit.read_text().strip()).isdigit():
        amounts.append(max(int(text) - int(used.read_text()), 0))
    return min(amounts)


def check_fits(what: str, needed: int, *, do: str) -> None:
    """Raise `Invalid` where `needed` bytes are more than what is left."""
    left = free_memory()
    if needed > left:
        raise Invalid(must=f"{what} fits into memory", came=f"{_size(needed)} needed, {_size(left)} free", do=do)


def _size(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e8 else f"{count / 1e6:.3g} MB"
