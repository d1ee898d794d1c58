"""Settings of the whole test run: compiled programs are kept between runs, random inputs are repeatable."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from costs import grouped, pytest_addoption, pytest_configure
from hypothesis import HealthCheck, settings

# Before anything imports JAX. Small programs are kept too: tests have little else, and second fits find them as well.
CACHE = Path(__file__).parent.parent / ".pytest_cache" / "compiled"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Tests compile much and compute little: without the compiler's costly passes, with its older and plainer code for fused
# loops, in one piece, programs take a fifth to a third of the time.
FLAGS = (
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
)
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))

pytest_plugins = ["pytester"]
__all__ = ["pytest_addoption", "pytest_configure"]  # hooks of `costs`

settings.register_profile(
    "erlangen", deadline=None, derandomize=True, max_examples=20, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("erlangen")


MAPS = Path("/proc/self/maps")  # Linux only
MANY = 20_000  # memory maps; a process may hold 65,530, and LLVM crashes beyond that


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    grouped(items)


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_programs():
    """Compiled programs of one file are of no use to the next; together they would fill several GB."""
    yield
    forget()


@pytest.fixture(autouse=True)
def forget_before_there_are_too_many():
    """Each compiled program takes dozens of memory maps; the contract suite, one file, compiles thousands."""
    yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY:
        forget()


def forget() -> None:
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
