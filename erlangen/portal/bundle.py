"""The script, styles and fonts of the front end, as they were built into `site/` by `make portal`."""

from __future__ import annotations

from pathlib import Path

SITE = Path(__file__).with_name("site")
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".map": "application/json",
}
MOST_BYTES = 12_000_000
MISSING = "The script of the pages is not built; they are plain without it. Build it once: make portal"


def is_built() -> bool:
    """Whether there is a script that pages can load."""
    return (SITE / "portal.js").is_file()


def files() -> dict[str, bytes]:
    """Every file of the bundle by its path in `site/`; only of known kinds, nothing hidden, no links."""
    found: dict[str, bytes] = {}
    for path in sorted(SITE.rglob("*")) if is_built() else []:
        inside = path.relative_to(SITE)
        if path.is_file() and not path.is_symlink() and path.suffix in TYPES and path.name[0] != ".":
            found[inside.as_posix()] = path.read_bytes()
    return found
