"""Where erlangen keeps what it made once and may need again: labels, downloads, compiled programs, the catalogue."""

from __future__ import annotations

import os
from pathlib import Path


def root() -> Path:
    """The cache folder, $ERLANGEN_CACHE or the platform's; it need not exist yet."""
    given = os.environ.get("ERLANGEN_CACHE")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("erlangen")
