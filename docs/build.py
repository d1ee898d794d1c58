"""Build the documentation: `make docs`, or `python docs/build.py [--out site]`.

    build/docs          the pages of this folder, and those that `makers` makes of the map, the parsers and the sources
    site                what MkDocs makes of them; opened as files or from any host, it loads nothing from elsewhere

A page that is not in the menu of mkdocs.yml, a name that docstrings do not explain, a link or an anchor that leads
nowhere, or anything that would be loaded from another host ends it with exit code 1. Nothing imports JAX.

Material for MkDocs is kept alive until May 2027. Its successor, Zensical, reads the same mkdocs.yml, and what is ours
is Markdown, an extension of Markdown or one of griffe: `mkdocs build` below is all there is to exchange.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGES = ROOT / "build" / "docs"
OURS = ("build.py", "makers", "__pycache__")

sys.path[:0] = [str(HERE), str(ROOT)]


def assemble() -> None:
    """Write all pages into `PAGES`."""
    from makers import chart, lessons, reference, shown

    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(HERE, PAGES, ignore=shutil.ignore_patterns(*OURS))
    made = {**reference.pages(), **chart.pages(), **lessons.pages(), "made/burgers.txt": shown.burgers()}
    for name, text in made.items():
        (PAGES / name).parent.mkdir(parents=True, exist_ok=True)
        (PAGES / name).write_text(text, encoding="utf-8")


def build(site: Path) -> int:
    """Run MkDocs, strictly; returns its exit code."""
    path = os.pathsep.join(filter(None, [str(HERE), str(ROOT), os.environ.get("PYTHONPATH")]))
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(
        words, cwd=ROOT, env={**os.environ, "PYTHONPATH": path, "NO_MKDOCS_2_WARNING": "1"}
    ).returncode


def main() -> int:
    """Assemble, build, check."""
    parser = argparse.ArgumentParser(description="Build the documentation.")
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="folder of the site (default: site)")
    asked = parser.parse_args()
    os.environ.pop("ERLANGEN_PATH", None)  # the map of the package, not of plug-ins that happen to be here
    assemble()
    if code := build(asked.out.absolute()):
        return code
    from makers import links, rooms

    faults = list(links.faults(asked.out))
    if rooms.stale():
        faults.append("docs/pictures/rooms.svg shows other imports than there are: python docs/makers/rooms.py")
    print("\n".join(faults) or f"{len(list(asked.out.rglob('*.html')))} pages in {asked.out}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
