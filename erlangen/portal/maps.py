"""The map and its areas, as answers."""

from __future__ import annotations

from typing import Any

from ..leaves import Area, Leaf
from ..study.notation import method_name
from .answers.figures import FORMAT, State
from .answers.maps import AreaAnswer, MapAnswer, MapArea, MapLeaf, ScaleRow
from .five import five
from .learn import resources_of
from .library import Library
from .links import href
from .methods import method_rows

SCALES: tuple[ScaleRow, ...] = (
    {"name": "quantum", "title": "Quantum", "lengths": [1e-10, 1e-8]},
    {"name": "atomistic", "title": "Atomistic", "lengths": [1e-10, 1e-6]},
    {"name": "continuum", "title": "Continuum", "lengths": [1e-6, 1e7]},
    {"name": "across", "title": "Across the map", "lengths": []},
)
STATES: dict[str, State] = {"running": "runs", "open": "open", "planned": "planned", "broken": "broken"}


def the_map(library: Library) -> MapAnswer:
    """api/map.json"""
    chart = library.chart()
    areas = [_area(library, area) for area in chart.areas]
    every = [leaf for area in areas for leaf in area["leaves"]]
    count = {state: sum(leaf["state"] == state for leaf in every) for state in ("planned", "broken", "runs", "open")}
    count |= {"leaves": len(every), "records": sum(leaf["records"] for leaf in every)}
    count |= {"methods": len(library.sound()[1])}
    used = {area["scale"] for area in areas}
    return {"format": FORMAT, "scales": [row for row in SCALES if row["name"] in used], "areas": areas, "count": count}


def the_area(library: Library, name: str) -> AreaAnswer:
    """api/area/<area>.json"""
    area = library.chart().area(name)
    paths = {leaf.path for leaf in area.leaves}
    methods = [row for row in method_rows(library) if paths & {*row["leaves"], *row["fits"]}]
    for row in methods:
        row["leaves"] = {path: n for path, n in row["leaves"].items() if path in paths}
        row["fits"] = [path for path in row["fits"] if path in paths]
    return {
        "area": _area(library, area),
        "text": library.chart().texts.get(name, ""),
        "methods": methods,
        "resources": resources_of(area=name),
    }


def _area(library: Library, area: Area) -> MapArea:
    return {
        "name": area.name,
        "href": href("area", area.name),
        "title": area.title,
        "scale": library.chart().scale(area.name),
        "leaves": [map_leaf(library, leaf) for leaf in area.leaves],
    }


def map_leaf(library: Library, leaf: Leaf, *, brief: bool = False) -> MapLeaf:
    """One leaf of the map, with the five of its best record; brief: without them."""
    row = library.chart().rows.get(leaf.path, {})
    known, rows = library.known(), library.of_task(leaf.path)
    methods = [pair for pair, why in known.pairs.items() if leaf.task and why == "" and _asks(pair, leaf)]
    found: MapLeaf = {
        "path": leaf.path,
        "href": href("leaf", leaf.path),
        "title": leaf.title,
        "short": str(row.get("short") or leaf.title),
        "line": leaf.line or (leaf.task.title if leaf.task else ""),
        "symmetry": leaf.symmetry,
        "survey": list(leaf.survey),
        "chapter": leaf.chapter,
        "state": STATES[leaf.state],
        "problem": leaf.task.problem if leaf.task else "",
        "charted": leaf.path in library.chart().rows,
        "methods": len(methods),
        "records": sum(one.state == "done" for one in rows),
        "at": list(row.get("at", [])),
        "length_m": span(row.get("length_m")),
        "time_s": span(row.get("time_s")),
    }
    chosen = None if brief else library.best(leaf.path, rows)
    if chosen is not None:
        record = library.record(chosen.name)
        found["five"], found["best"] = five(record), f"{method_name(record)}"
    return found


def _asks(pair: str, leaf: Leaf) -> bool:
    return leaf.task is not None and pair.startswith(f"{leaf.task.path}|")


def span(value: Any) -> list[float]:
    """One or two numbers as a list."""
    return [] if value is None else [float(v) for v in (value if isinstance(value, list | tuple) else [value])]
