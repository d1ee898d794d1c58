"""The same pages and answers as files: `erlangen export FOLDER` writes a site that opens from a USB stick or any host.

Links to pages end in "index.html", because a folder opened as a file is a listing. Every answer is there twice:
api/....json for hosts, and api/....js, which calls `erlangenAnswer(path, answer)`, for pages that may not fetch.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ..core.errors import Invalid
from . import api, bundle, lessons, pages
from .library import DOWNLOADED, Library
from .links import as_files

MARK = ".erlangen-site"
TO_PAGE = re.compile(r'(<a [^>]*href=")((?!https?:|mailto:|#)[^"?#]*/)(?=["?#])')


def export(library: Library, folder: Path, say: Callable[[str], None] = lambda text: None) -> int:
    """Write the whole site into `folder`, which is new, empty or an earlier export; how many files."""
    _prepare(folder)
    library.refresh()
    count = 0
    is_built = bundle.is_built()
    for name, content in bundle.files().items():
        count += _write(folder / "site" / name, content)
    if not is_built:
        say(bundle.MISSING)
    failed = []
    count += _page(library, folder, "compare/", None, is_built)
    for path in api.paths(library):
        try:
            found = api.answer(library, path, {})
        except Invalid as error:
            failed.append(f"{path}: {error}")
            continue
        target = folder / "api" / unquote(path)
        linked = as_files(found)
        count += _write(target.with_name(f"{target.name}.json"), api.encoded(linked))
        call = b"erlangenAnswer(" + api.encoded(path) + b"," + api.inside(linked).encode() + b");\n"
        count += _write(target.with_name(f"{target.name}.js"), call)
        if (where := pages.of_answer(path)) is not None:
            count += _page(library, folder, where, found, is_built)
    for row in library.listed():
        for part in DOWNLOADED:
            if (file := library.file(row.name, part)) is not None:
                count += _write(folder / "files" / row.name / part, file.read_bytes())
    for name in lessons.known_lessons():
        path = f"{lessons.NOTEBOOKS}{name}.ipynb"
        count += _write(folder / path, lessons.notebook(path))
    for line in failed:
        say(f"left out: {line}")
    return count


def _prepare(folder: Path) -> None:
    """An empty folder with our mark; what is not ours is never overwritten."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).is_file())):
        raise Invalid(
            must="a site is exported into a new or empty folder, or over an earlier export",
            came=f"{folder}, which holds something else",
            do="Name another folder.",
        )
    try:
        if folder.exists():
            for one in folder.iterdir():
                shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text("Made by erlangen export, which may empty this folder.\n", encoding="utf-8")
    except OSError as error:
        raise Invalid(
            must="the folder of an export can be written",
            came=f"{folder}: {error.strerror or error}",
            do="Name another folder.",
        ) from None


def _page(library: Library, folder: Path, path: str, found: Mapping[str, Any] | None, is_built: bool) -> int:
    text = pages.page(library, path, {}, bundle=is_built, found=found)
    return _write(folder / unquote(path) / "index.html", with_files(text).encode())


def _write(path: Path, content: bytes) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return 1


def with_files(text: str) -> str:
    """A page whose links to pages name their file."""
    return TO_PAGE.sub(r"\1\2index.html", text)
