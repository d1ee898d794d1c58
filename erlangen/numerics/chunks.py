"""How many samples a compiled program takes at once, so that it fits into the memory there is.

    room() -> bytes                                    what one call may take
    planned(program, arguments, size) -> int           samples at once: `size`, or fewer

The compiler knows what a program needs beside its arguments: one block for all intermediate results, and the results.
Derivatives along hundreds of directions (spreads of potentials) take hundreds of MB for one molecule of 27 atoms, which
no rule of thumb foresees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import jax
from jaxtyping import PyTree

from ..core.free_memory import free_memory

SHARE = 0.5  # of what is free
LARGEST = 2e9  # bytes: more at once is no faster


def free() -> float:
    """Bytes that can be had: of the accelerator where there is one, else of the machine."""
    device = jax.devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        return float(stats["bytes_limit"] - stats.get("bytes_in_use", 0))
    return float(free_memory())


def room() -> float:
    """Bytes that one call may take: 2 GB, or half of what is free where that is less."""
    return min(LARGEST, SHARE * free())


class Program(Protocol):
    """What `jax.jit` and `eqx.filter_jit` make."""

    def lower(self, *arguments: PyTree) -> PyTree:
        """On its way to the compiler."""
        ...


def planned(
    program: Program, arguments: Callable[[int], tuple[PyTree, ...]], size: int, limit: float | None = None
) -> int:
    """The number of samples, `size` or a power of two below, with which `program` takes at most `limit` bytes; one at
    least.

    arguments(n): what it is called with for n samples. What was compiled to
    find out is called afterwards, not compiled again.
    """
    limit = room() if limit is None else limit
    while size > 1:
        needed = taken(program, *arguments(size))
        if needed <= limit:
            break
        fitting = max(int(size * limit / needed), 1)
        size = min(1 << (fitting.bit_length() - 1), size // 2)
    return size


def taken(program: Program, *arguments: PyTree) -> float:
    """Bytes of intermediate and final results of `program`; 0 where the compiler does not tell."""
    made = program.lower(*arguments).compile()
    stats = getattr(made, "compiled", made).memory_analysis()
    return float(stats.temp_size_in_bytes + stats.output_size_in_bytes) if stats is not None else 0.0


def is_short_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was not enough, of the machine or of the accelerator."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
