"""What a run ran on: versions and device; and the persistent compilation cache, which entry points switch on."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata

from ..data.cache import root

PACKAGES = ("erlangen", "jax", "jaxlib", "equinox", "optax", "numpy", "scipy", "ase", "tblite", "rdkit", "pyscf")


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


def keep_compiled_programs() -> None:
    """Keep compiled programs between processes; called by the command line and the tests, never at import."""
    import jax

    if jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]  # the user has chosen a folder
        return
    jax.config.update("jax_compilation_cache_dir", str(root() / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
