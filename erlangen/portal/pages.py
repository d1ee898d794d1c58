"""Every page as a whole HTML file: readable without a script, with its own answer inside for the script.

page(library, "leaf/quantum/spins/", {})     the text of the page; `Invalid` where there is none
paths(library)                               every page, relative to the root; "" is the map
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ..core.errors import Invalid, unknown
from . import api, bodies
from .library import Library
from .links import as_files
from .markup import e

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'"
)
HUES = ("#4a4fc4", "#a8500a", "#0b7f74")
BLADES = "".join(
    f'<path fill="{HUES[i % 3]}" d="M16 16V3.2L20.6 8z" transform="rotate({60 * i} 16 16)"/>' for i in range(6)
)
ICON = "data:image/svg+xml," + quote(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{BLADES}</svg>')
"""The sign of erlangen for the tab, in the page itself: it is there from files and without the bundle."""
NAVIGATION = (
    *(("", "Map"), ("runs/", "Runs"), ("compare/", "Compare"), ("methods/", "Methods")),
    *(("predict/", "Predict"), ("lessons/", "Lessons"), ("resources/", "Resources"), ("about/", "About")),
)
PAGES: Mapping[str, tuple[int, str, bodies.Body]] = {
    # first step of the path -> steps behind it, answer (its name where it differs), what stands in <main>
    "": (0, "map", bodies.the_map),
    "area": (1, "area", bodies.area),
    "leaf": (2, "leaf", bodies.leaf),
    "runs": (0, "runs", bodies.the_runs),
    "run": (1, "run", bodies.run),
    "compare": (0, "compare", bodies.compare),
    "methods": (0, "methods", bodies.methods),
    "method": (1, "method", bodies.method),
    "predict": (0, "predictors", bodies.predict),
    "lessons": (0, "lessons", bodies.lessons),
    "lesson": (2, "lesson", bodies.lesson),
    "resources": (0, "resources", bodies.resources),
    "about": (0, "about", bodies.about),
}
MOST_ROWS = 1_000
ABOVE = {"map": "", "area": "", "leaf": "", "run": "runs/", "method": "methods/", "lesson": "lessons/", "none": "none"}
"""The entry of the navigation that a page belongs to, where it is not its own."""
FOOTER = "<footer><p>Every number here is read from a record; published values keep their source.</p></footer>"
MISSING_BUNDLE = (
    '<p class="notice">The script of these pages is not built: <code>make portal</code>. They are whole without it, '
    "except for plots, sorting and jobs.</p>"
)


def page(
    library: Library,
    path: str,
    query: Mapping[str, str],
    *,
    bundle: bool = True,
    found: Mapping[str, Any] | None = None,
) -> str:
    """The page of a path that ends in "/" (or is empty). found: its answer, where it was made already."""
    kind, *rest = path.rstrip("/").split("/")
    if kind not in PAGES or len(rest) != PAGES[kind][0] or not all(rest):
        raise unknown("page", path, [name for name in PAGES if name])
    _, name, body = PAGES[kind]
    if name == "runs":  # of a longer list the page carries the newest, and fetches the rest
        query, found = {**query, "limit": str(MOST_ROWS)}, None
    answer: Mapping[str, Any] = api.answer(library, "/".join([name, *rest]), query) if found is None else found
    answer = as_files(answer) if library.mode == "export" else answer
    root = "../" * (len(rest) + 1) if kind else "./"
    return whole(
        kind or "map",
        root,
        title_of(kind, answer),
        body(root, answer),
        mode=library.mode,
        data=api.inside(answer),
        bundle=bundle,
    )


def title_of(kind: str, found: Mapping[str, Any]) -> str:
    """What stands in the tab."""
    names = {
        "": lambda: "The map of AI for science, runnable",
        "area": lambda: found["area"]["title"],
        "leaf": lambda: found["leaf"]["title"],
        "run": lambda: found["title"],
        "method": lambda: found["method"]["name"],
        "lesson": lambda: found["lesson"]["title"],
    }
    return str(names[kind]() if kind in names else kind.capitalize())


def whole(
    kind: str,
    root: str,
    title: str,
    main: str,
    *,
    mode: str,
    data: str = "null",
    bundle: bool = True,
    status: str = "",
) -> str:
    """Frame around what stands in <main>."""
    here = ABOVE.get(kind, f"{kind}/")
    current = {href: ' aria-current="page"' if href == here else "" for href, _ in NAVIGATION}
    links = "".join(f'<a href="{e(root + href)}"{current[href]}>{name}</a>' for href, name in NAVIGATION)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{e(CSP)}">' if mode == "export" else ""
    script = f'<link rel="stylesheet" href="{root}site/portal.css"><script defer src="{root}site/portal.js"></script>'
    head = (
        f'<meta charset="utf-8">{policy}<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="{ICON}"><meta name="color-scheme" content="light dark">'
        f"<title>{e(title)} - erlangen</title>"
        f'<meta name="description" content="{e(title)}: AI for science, runnable, with numbers one can trust.">'
    )
    return (
        f'<!doctype html><html lang="en"><head>{head}{script if bundle else ""}</head>'
        f'<body data-page="{e(status or kind)}" data-root="{e(root)}" data-mode="{e(mode)}">'
        '<a class="skip" href="#main">Skip to the content</a><header class="bar">'
        f'<a class="brand" href="{e(root)}">erlangen</a><nav aria-label="Main">{links}</nav></header>'
        f'<main id="main" class="page">{"" if bundle else MISSING_BUNDLE}{main}</main>'
        f'<script type="application/json" id="data">{data}</script>{FOOTER}</body></html>\n'
    )


def refusal(error: Invalid, root: str, *, mode: str, bundle: bool = True, title: str = "Not found") -> str:
    """A page that says what was wrong, as the library does."""
    main = f"<h1>{e(title)}</h1><p>{e(error.must)}; came: {e(error.came)}.</p><p>{e(error.do)}</p>"
    return whole("map", root, title, main, mode=mode, bundle=bundle, status="none")


def of_answer(path: str) -> str | None:
    """The page that shows the answer of a path; None where none does."""
    name, *rest = path.split("/")
    for kind, (steps, answer, _) in PAGES.items():
        if answer == name and len(rest) == steps:
            return "/".join([kind, *rest, ""]) if kind else ""
    return None


def paths(library: Library) -> Iterator[str]:
    """Every page, as a path that ends in "/"; the map is ""."""
    yield "compare/"
    yield from (page for path in api.paths(library) if (page := of_answer(path)) is not None)
