"""What a run ran on: versions and device; and `prepare`, what entry points do to the process before they compute."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from importlib import metadata

from ..data.folders import root

PACKAGES = ("erlangen", "jax", "jaxlib", "equinox", "optax", "numpy", "scipy", "ase", "tblite", "rdkit", "pyscf")
# <malloc.h>: M_MMAP_MAX none, M_TRIM_THRESHOLD the largest, M_ARENA_MAX one (others end at 64 MB and map beyond it)
MALLOPT = {-4: 0, -1: 2**31 - 1, -8: 1}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a number."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def device() -> str:
    """The device that JAX computes on, in words."""
    import jax

    first = jax.devices()[0]
    cores = f", {len(os.sched_getaffinity(0))} cores" if first.platform == "cpu" and sys.platform == "linux" else ""
    return f"{jax.device_count()} x {first.device_kind}{cores}"


def prepare(*, fields: bool = True) -> None:
    """Keep compiled programs between processes and freed memory within this one; entry points call it, no import does.

    fields: whether that is what will be computed on. Their large temporaries come from one arena then, for which the
    many small ones of atoms, made by several threads at once, would have to wait (benchmarks/freed_memory.py shows
    both). The CPU times in the docs are with it; call it once in a script of your own.
    """
    _keep_compiled_programs()
    if fields:
        _keep_freed_memory()


def _keep_compiled_programs() -> None:
    import jax

    if jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]  # the user has chosen a folder
        return
    jax.config.update("jax_compilation_cache_dir", str(root() / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _keep_freed_memory() -> None:
    """Let glibc reuse large blocks. As it comes, every temporary above 32 MB is mapped anew, page by page, each time a
    program runs, which can cost more than the arithmetic on it: benchmarks/freed_memory.py.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(libc, "mallopt"):  # another C library
        return
    for option, value in MALLOPT.items():
        libc.mallopt(option, value)
