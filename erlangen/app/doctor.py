"""`erlangen doctor`: what is installed, on which device, what is missing, and what to do about it."""

from __future__ import annotations

import dataclasses
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

from .. import __version__, registry
from .cli_flags import Parser

NEEDED = {
    "jax": "arrays and gradients",
    "equinox": "networks",
    "optax": "optimisers",
    "jaxtyping": "shapes",
    "numpy": "arrays",
    "scipy": "exact diagonalisation, linear algebra",
    "ase": "atoms and their files",
    "tblite": "GFN2-xTB labels",
    "rdkit": "molecules from names and SMILES",
    "gemmi": "mmCIF",
    "h5py": "HDF5",
    "h5netcdf": "NetCDF",
    "xarray": "labelled fields",
    "zarr": "Zarr",
    "safetensors": "checkpoints",
    "matplotlib": "plots",
}
EXTRAS = {
    "pyscf": ("dft", "labels by density functional theory"),
    "physics-tenpy": ("mps", "matrix product states, a reference solver on quantum/spins"),
}
LOW_MEMORY_GB, LOW_DISK_GB = 4.0, 1.0


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the report. level: "ok", "note" (works without) or "wrong" (something will fail)."""

    level: str
    what: str
    remedy: str = ""


def doctor(argv: list[str]) -> int:
    """Print the findings; exit code 1 where something is wrong."""
    Parser(prog="erlangen doctor", description="What is installed, which device, what is missing.").parse(argv)
    wrong = 0
    for finding in findings():
        mark = {"ok": "  ok   ", "note": "  note ", "wrong": "  WRONG"}[finding.level]
        print(f"{mark}  {finding.what}{'  ->  ' + finding.remedy if finding.remedy else ''}", flush=True)
        wrong += finding.level == "wrong"
    print(f"\n{'Everything needed is here.' if not wrong else f'{wrong} things need repair.'}")
    return 1 if wrong else 0


def findings() -> Iterator[Finding]:
    """All checks, one after the other."""
    python = f"erlangen {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield Finding("ok" if sys.version_info >= (3, 11) else "wrong", python)
    yield from _packages()
    yield _machine()
    if util.find_spec("jax"):
        yield from _device()
    yield from _folders()
    yield from _plug_ins()


def _packages() -> Iterator[Finding]:
    found, remedy = [], 'pip install -c constraints.txt -e "."'
    for name, role in NEEDED.items():
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            yield Finding("wrong", f"{name} is not installed ({role})", remedy)
    for start in range(0, len(found), 6):
        yield Finding("ok", ", ".join(found[start : start + 6]))
    for name, (extra, role) in EXTRAS.items():
        try:
            yield Finding("ok", f"{name} {metadata.version(name)} ({role})")
        except metadata.PackageNotFoundError:
            yield Finding("note", f"{name} is not installed ({role})", f'pip install -e ".[{extra}]"')


def _machine() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError, AttributeError):
        return Finding("ok", f"{cores} cores")
    level = "ok" if memory >= LOW_MEMORY_GB else "note"
    return Finding(level, f"{cores} cores, {memory:.0f} GB memory")


def _device() -> Iterator[Finding]:
    """The device, a product that shows it works in both precisions, and whether a GPU stands idle."""
    import jax
    import jax.numpy as jnp

    from ..numerics.precision import double

    try:
        devices = jax.devices()
        with double():
            exact = float(jnp.sum(jnp.full(10, 0.1, jnp.float64)) - 1.0)
    except Exception as error:
        yield Finding("wrong", f"JAX cannot compute: {type(error).__name__}: {error}", "reinstall jax and jaxlib")
        return
    words = ", ".join(f"{d.platform} {d.device_kind}" for d in devices)
    yield Finding("ok", f"JAX computes on {words}")
    level = "ok" if abs(exact) < 1e-14 else "wrong"
    everywhere = bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]
    note = " (switched on for everything by your settings)" if everywhere else " in the scopes that ask for it"
    yield Finding(level, f"float64{note}; float32 in networks")
    if devices[0].platform == "cpu" and shutil.which("nvidia-smi"):
        yield Finding("note", "there is a GPU that JAX does not use", 'pip install "jax[cuda12]"')


def _folders() -> Iterator[Finding]:
    from ..data.folders import root

    place = root()
    nearest = next(p for p in (place, *place.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
        free = shutil.disk_usage(nearest).free / 1e9
        level = "ok" if free > LOW_DISK_GB else "note"
        yield Finding(level, f"cache {place}: {_size(place) / 1e6:.0f} MB used, {free:.0f} GB free")
    except OSError as error:
        remedy = "name a folder you may write to in ERLANGEN_CACHE"
        yield Finding("wrong", f"cache {place} cannot be written ({error.strerror})", remedy)


def _size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else 0


def _plug_ins() -> Iterator[Finding]:
    for text in filter(None, os.environ.get("ERLANGEN_PATH", "").split(os.pathsep)):
        folder = Path(text).expanduser()
        if not any((folder / room).is_dir() for room in ("tasks", "methods")):
            yield Finding("note", f"ERLANGEN_PATH names {text}, which holds neither tasks/ nor methods/")
    tasks, methods = registry.entries("task"), registry.entries("method")
    for entry in (*tasks, *methods):
        if entry.problem:
            yield Finding("wrong", f"{entry.kind} {entry.name}: {entry.problem}", f"repair {entry.path}")
    yield Finding("ok", f"{len(tasks)} tasks and {len(methods)} methods found")
