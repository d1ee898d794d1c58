"""What there is to read: resources, search; and what this server is and may do."""

from __future__ import annotations

import contextlib
import functools
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import registry
from ..leaves import HERE
from ..study.environment import versions
from ..study.record import FORMAT as RECORD_FORMAT
from .answers.figures import FORMAT, Reference
from .answers.maps import Resource
from .answers.reading import AboutAnswer, ResourcesAnswer, SearchAnswer, SearchEntry
from .lessons import the_lessons
from .library import Library
from .links import href, link

RESOURCES = HERE / "map" / "resources.toml"
ENDINGS = (  # those of `data.atom_files` and, without folders, of `data.field_files`, which need NumPy
    *(".xyz", ".extxyz", ".cif", ".mmcif", ".pdb", ".ent", ".sdf", ".sd", ".mol", ".vasp", ".poscar", ".contcar"),
    *(".json", ".h5", ".hdf5", ".nc", ".nc4", ".npz"),
)
MOST_FOUND = 2_000  # runs in the index of the search


@functools.lru_cache(maxsize=2)
def _resources(file: Path, version: int) -> tuple[Resource, ...]:
    with contextlib.suppress(OSError, ValueError, KeyError):
        rows = tomllib.loads(file.read_text(encoding="utf-8"))["resource"]
        return tuple(_resource(row) for row in rows)
    return ()


def resources() -> tuple[Resource, ...]:
    """The whole link list, in its order."""
    return _resources(RESOURCES, RESOURCES.stat().st_mtime_ns if RESOURCES.exists() else 0)


def _resource(row: dict[str, Any]) -> Resource:
    areas = row.get("areas", row.get("area", []))
    year, alive = row.get("year"), row.get("alive")
    return {
        "title": str(row["title"]),
        "href": link(str(row.get("href") or row.get("url") or row.get("link") or "")),
        "kind": str(row.get("kind", "")),
        "areas": [areas] if isinstance(areas, str) else [str(area) for area in areas],
        "line": str(row.get("line", "")),
        "licence": str(row.get("licence", "")),
        "year": int(year) if year else None,
        "alive": bool(alive) if alive is not None else None,
    }


def resources_of(*, area: str = "", titles: Sequence[str] = ()) -> list[Resource]:
    """Those of an area, or those with these titles, in their order."""
    if area:
        return [row for row in resources() if area in row["areas"]]
    known = {row["title"]: row for row in resources()}
    return [known[title] for title in titles if title in known]


def the_resources(library: Library) -> ResourcesAnswer:
    """api/resources.json"""
    found = list(resources())
    titles = {area.name: area.title for area in library.chart().areas}
    used = {name.split("/")[0] for row in found for name in row["areas"]}
    areas: list[Reference] = [{"title": t, "href": href("area", n)} for n, t in titles.items() if n in used]
    return {"resources": found, "kinds": list(dict.fromkeys(row["kind"] for row in found)), "areas": areas}


def the_search(library: Library) -> SearchAnswer:
    """api/search.json: one small index of everything."""
    found: list[SearchEntry] = []
    for area in library.chart().areas:
        found.append({"kind": "area", "title": area.title, "text": "", "href": href("area", area.name)})
        for leaf in area.leaves:
            words = f"{leaf.path} {leaf.line} {leaf.symmetry} {_choices(leaf.task)}".strip()
            found.append({"kind": "leaf", "title": leaf.title, "text": words, "href": href("leaf", leaf.path)})
    for entry in (*library.entries("method"), *library.entries("wrapper")):
        words = f"{entry.group} {entry.title}"
        found.append({"kind": "method", "title": entry.name, "text": words, "href": href("method", entry.name)})
    for row in library.listed()[:MOST_FOUND]:
        words = f"{row.task} {row.method} {row.state}"
        found.append({"kind": "run", "title": row.name, "text": words, "href": href("run", row.name)})
    for one in resources():
        found.append({"kind": "resource", "title": one["title"], "text": one["line"], "href": one["href"]})
    for lesson in the_lessons(library)["lessons"]:
        found.append({"kind": "lesson", "title": lesson["title"], "text": lesson["line"], "href": lesson["href"]})
    return {"entries": found}


def _choices(entry: registry.Entry | None) -> str:
    """Words of the settings of a task ("ethanol"), so that a search finds the leaf."""
    texts = [f"{s.default or ''} {s.annotation} {s.comment}" for s in entry.settings] if entry else []
    return " ".join(word for text in texts for word in text.replace("'", " ").split() if word.isalpha())


def the_about(library: Library) -> AboutAnswer:
    """api/about.json"""
    known = "known" if library.knows_all() else "asking" if library.is_asking else "unknown"
    return {
        "format": FORMAT,
        "versions": versions(),
        "device": _device(),
        "mode": library.mode,
        "can": {"run": library.can_run, "predict": library.can_run},
        "limits": library.limits,
        "record_format": RECORD_FORMAT,
        "endings": list(ENDINGS),
        "catalogue": known,
    }


def _device() -> str:
    """What this machine computes on, without asking JAX."""
    import os
    import platform

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{platform.machine()}, {cores} cores"
