"""Files that appear under their names only when they are complete.

    with whole(path) as draft:      # the same name, in a hidden folder beside it
        figure.savefig(draft)

What fails half-way (a full disk, an interrupted program) leaves nothing behind, and what was there before stays.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import Invalid


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what is to be `path`, a file or a folder; moved there at the end, in the place of an older one."""
    folder = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".erlangen-", dir=path.parent))
        yield folder / path.name
        if path.is_dir() and not path.is_symlink():
            os.replace(path, folder / f"{path.name}.old")
        os.replace(folder / path.name, path)
    except OSError as error:
        raise Invalid(
            must="the output can be written",
            came=f"{path}: {error.strerror or error}",
            do="Choose another folder or free some space.",
        ) from None
    except Invalid as error:  # told by its own name, whoever found it
        told = error.came.replace(f"{folder}{os.sep}", f"{path.parent}{os.sep}" * (path.parent != Path()))
        raise Invalid(must=error.must, came=told, do=error.do) from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def check_free(path: Path, *, force: bool) -> None:
    """Refuse to replace what is there unasked."""
    if path.exists() and not force:
        raise Invalid(must="no file is replaced unasked", came=f"{path} exists", do="Add --force, or name another.")
