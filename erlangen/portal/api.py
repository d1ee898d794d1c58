"""Every answer of the portal by its path: what the server sends, the export writes and the pages carry.

answer(library, "api/leaf/quantum/spins.json", {})     a dictionary that is JSON; `Invalid` where there is none
paths(library)                                          every path that the export writes
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from ..core.errors import unknown
from . import boards, compare, learn, lessons, maps, methods, records
from .columns import Arrays
from .library import Library
from .plots import samples

Query = Mapping[str, str]
NAME = r"([^/]+)"
ROUTES: tuple[tuple[str, Callable[..., Any]], ...] = (
    (r"map", lambda lib, query: maps.the_map(lib)),
    (rf"area/{NAME}", lambda lib, query, area: maps.the_area(lib, area)),
    (rf"leaf/{NAME}/{NAME}", lambda lib, query, area, task: boards.the_leaf(lib, f"{area}/{task}")),
    (r"runs", lambda lib, query: records.the_runs(lib, dict(query))),
    (rf"run/{NAME}", lambda lib, query, run: records.the_run(lib, run)),
    (rf"run/{NAME}/history", lambda lib, query, run: records.the_history(lib, run)),
    (rf"run/{NAME}/plots", lambda lib, query, run: records.the_plots(lib, run)),
    (rf"run/{NAME}/samples/(\d+)", lambda lib, query, run, i: records.the_sample(lib, run, i)),
    (r"methods", lambda lib, query: methods.the_methods(lib)),
    (rf"method/{NAME}", lambda lib, query, name: methods.the_method(lib, name)),
    (r"compare", lambda lib, query: compare.the_comparison(lib, query.get("runs", "").split(","))),
    (r"search", lambda lib, query: learn.the_search(lib)),
    (r"resources", lambda lib, query: learn.the_resources(lib)),
    (r"lessons", lambda lib, query: lessons.the_lessons(lib)),
    (rf"lesson/{NAME}/{NAME}", lambda lib, query, area, task: lessons.the_lesson(lib, f"{area}/{task}")),
    (r"predictors", lambda lib, query: records.the_predictors(lib)),
    (r"about", lambda lib, query: learn.the_about(lib)),
)
COMPILED = [(re.compile(pattern), function) for pattern, function in ROUTES]


def answer(library: Library, path: str, query: Query) -> dict[str, Any]:
    """The answer of a path without "api/" and ".json", whose parts are percent-encoded."""
    for pattern, function in COMPILED:
        if found := pattern.fullmatch(path):
            return dict(function(library, query, *map(unquote, found.groups())))
    raise unknown("path of the API", path, [pattern.replace(NAME, "NAME") for pattern, _ in ROUTES])


def encoded(found: Any) -> bytes:
    """JSON as it is sent; a NaN in it is a fault of ours and raises."""
    return json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def inside(found: Any) -> str:
    """JSON that can stand in a script element of a page: nothing in it can end the element."""
    text = encoded(found).decode()
    for sign, escape in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(sign, escape)
    return text


def paths(library: Library) -> Iterator[str]:
    """Every path whose answer does not depend on a query, in the order in which a reader meets them."""
    yield from ("map", "runs", "methods", "search", "resources", "lessons", "about", "predictors")
    for area in library.chart().areas:
        yield f"area/{quote(area.name, safe='')}"
        for leaf in area.leaves:
            yield "leaf/" + "/".join(quote(part, safe="") for part in leaf.path.split("/"))
    for row in [*methods.the_methods(library)["methods"]]:
        yield f"method/{quote(row['name'], safe='')}"
    for name in lessons.known_lessons():
        yield f"lesson/{name}"
    for row in library.listed():
        yield from _of_run(library, row.name)


def _of_run(library: Library, name: str) -> Iterator[str]:
    start = f"run/{quote(name, safe='')}"
    yield start
    file = library.arrays(name)
    if file is not None:
        yield f"{start}/history"
        yield f"{start}/plots"
        with Arrays(file) as arrays:
            count = samples(arrays)
        yield from (f"{start}/samples/{i}" for i in range(count))
