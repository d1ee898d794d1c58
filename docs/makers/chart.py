"""The pages of the map: what each leaf asks, from `erlangen/map.toml`, `erlangen/map/*.toml` and the board."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from erlangen.atlas import KINDS, Atlas, Prose, Reference, Resource, atlas
from erlangen.leaves import Area, Leaf, areas
from erlangen.study.notation import number, plus_minus

SURVEY = "arXiv:2307.08423"
STATES = {"open": "open", "running": "runs", "planned": "planned", "broken": "broken"}
LENGTHS = ((1e3, "km"), (1.0, "m"), (1e-3, "mm"), (1e-6, "μm"), (1e-9, "nm"), (1e-10, "Å"), (1e-12, "pm"))
TIMES = (
    *((3.156e7, "yr"), (86_400.0, "days"), (3600.0, "h"), (1.0, "s"), (1e-3, "ms"), (1e-6, "μs")),
    *((1e-9, "ns"), (1e-12, "ps"), (1e-15, "fs"), (1e-18, "as")),
)
KIND_TITLES = {
    "book": "Books", "course": "Courses", "school": "Schools", "group": "Groups", "tutorial": "Tutorials",
    "software": "Software", "data": "Data", "benchmark": "Benchmarks", "survey": "Surveys", "list": "Lists",
}  # fmt: skip


def pages() -> dict[str, str]:
    """Name of the file -> its text: the overview, a page for each area, the resources."""
    chart, whole = areas(), atlas()
    made = {f"map/{area.name}.md": "\n".join(_area(area, whole)) for area in chart}
    made["map/index.md"] = "\n".join(_overview(chart))
    made["map/resources.md"] = "\n".join(_resources(chart, whole.resources))
    return made


def anchor(path: str) -> str:
    """Of a leaf on the page of its area."""
    return path.replace("/", "-")


def plain(text: str) -> str:
    """Words of the map as they stand, for Markdown."""
    return re.sub(r"([\\*_\[\]{}<>$#|])", r"\\\1", text).replace("\\<", "&lt;").replace("\\>", "&gt;")


def scale(bounds: Sequence[float], units: Sequence[tuple[float, str]]) -> str:
    """Two numbers of SI as a range in the unit of each: 0.2 nm to 10 nm; powers of ten beyond the units."""
    return " to ".join(dict.fromkeys(_in_unit(value, units) for value in bounds))


def _in_unit(value: float, units: Sequence[tuple[float, str]]) -> str:
    for size, unit in units:
        if value >= 0.99 * size:
            return f"{value / size:.2g} {unit}" if value < 99.5 * size else f"{number(value / size)} {unit}"
    return f"{value:g}"


def _overview(chart: Sequence[Area]) -> Iterator[str]:
    leaves = [leaf for area in chart for leaf in area.leaves]
    counts = {state: sum(leaf.state == state for leaf in leaves) for state in STATES}
    yield "# The map\n"
    yield (
        f"{len(leaves)} leaves in {len(chart)} areas, after the tree of the survey {SURVEY}. "
        f"{counts['running'] + counts['open']} run, {counts['open']} of them are open: records that ship with the "
        f"package meet their bar. {counts['planned']} are planned: they have a page, and no task yet. "
        "The same map, with pictures, records and forms, is in the browser: `erlangen serve --open` "
        "([how](../portal.md)).\n"
    )
    for area in chart:
        yield f"## [{area.title}]({area.name}.md)\n"
        yield "| leaf | state | reached | bar |\n|---|---|---|---|"
        for leaf in area.leaves:
            link = f"[{plain(leaf.title)}]({area.name}.md#{anchor(leaf.path)})"
            yield f"| {link} | {STATES[leaf.state]} | {_reached(leaf)} | {_bar(leaf)} |"
        yield ""


def _bar(leaf: Leaf) -> str:
    return f"`{leaf.bar}`".replace("<=", "≤").replace(">=", "≥") if leaf.bar else ""


def _reached(leaf: Leaf) -> str:
    standing = leaf.standing
    if standing is None:
        return ""
    unit = leaf.bar.unit if leaf.bar else "1"
    missing = f" ({standing.missing})" if standing.missing else ""
    return plus_minus(standing.value, standing.error, unit) + missing


def _area(area: Area, whole: Atlas) -> Iterator[str]:
    yield f"# {area.title}\n"
    if area.name in whole.regions:
        yield plain(whole.regions[area.name].statement) + "\n"
    for leaf in area.leaves:
        yield from _leaf(leaf, whole.pages.get(leaf.path))


def _leaf(leaf: Leaf, prose: Prose | None) -> Iterator[str]:
    yield f"## {plain(leaf.title)} {{ #{anchor(leaf.path)} }}\n"
    yield f'<p class="leaf"><code>{leaf.path}</code> <span class="state {leaf.state}">{STATES[leaf.state]}</span></p>\n'
    if prose is None:
        yield plain(leaf.line) + "\n"
        return
    yield plain(prose.statement) + "\n"
    yield f"$$\n{prose.equation}\n$$\n"
    yield "| | |\n|---|---|"
    for name, text in _facts(leaf, prose):
        yield f"| {name} | {text} |"
    yield ""
    if leaf.bar:
        yield from _standing(leaf)
    yield "**Open questions**\n"
    yield from (f"- {plain(question)}" for question in prose.open)
    for title, found in (("Data", prose.data), ("Code", prose.code)):
        if found:
            yield f"\n**{title}**\n"
            yield from map(_resource, found)
    yield f'\n??? note "References ({len(prose.references)})"\n'
    yield from (f"    - {_reference(one)}" for one in prose.references)
    yield ""


def _facts(leaf: Leaf, prose: Prose) -> Iterator[tuple[str, str]]:
    yield "asked for", plain(", ".join(prose.quantities))
    if leaf.symmetry:
        yield "symmetry", plain(leaf.symmetry)
    for name, bounds, units in (("lengths", prose.length_m, LENGTHS), ("times", prose.time_s, TIMES)):
        if all(math.isfinite(value) and value > 0 for value in bounds):
            yield name, scale(bounds, units)
    if leaf.survey:
        numbers = ", ".join(map(str, leaf.survey))
        yield "survey", f"problem{'s' if len(leaf.survey) > 1 else ''} {numbers} of {SURVEY}"
    if leaf.task is not None:
        yield "task", f"[`{leaf.path}`](../reference/tasks.md#{anchor(leaf.path)}) and its settings"


def _standing(leaf: Leaf) -> Iterator[str]:
    reached = _reached(leaf)
    told = f"On the board: {reached}." if reached else "No record on the board."
    yield f"**Bar**: {_bar(leaf)} ({plain(leaf.bar.source)}). {told} The command that earns it:\n"
    yield f"```\n{leaf.bar.command}\n```\n"


def _reference(one: Reference) -> str:
    year = f" {one.year}" if one.year else ""
    where = one.id if one.id else f"<{one.url}>" if one.url else ""
    return f"**{plain(one.name)}**. {plain(one.authors)}{year}: {plain(one.title)}. {where}"


def _resource(one: Resource) -> str:
    about = [one.licence, {True: "", False: "not changed within a year", None: ""}[one.alive]]
    told = f" ({', '.join(filter(None, about))})" if any(about) else ""
    return f"- [{plain(one.title)}]({one.url}): {plain(one.line)}{plain(told)}"


def _resources(chart: Sequence[Area], found: Sequence[Resource]) -> Iterator[str]:
    titles = {area.name: area.title for area in chart}
    yield "# Resources\n"
    yield (
        f"{len(found)} things worth knowing, by kind; what an area needs most stands on its page. "
        "Licence and state where they are known (mid-2026).\n"
    )
    for kind in KINDS:
        rows = [one for one in found if one.kind == kind]
        if rows:
            yield f"## {KIND_TITLES[kind]}\n"
            for one in rows:
                where = ", ".join(titles.get(name, name) for name in one.areas)
                yield f"{_resource(one)} *{where}*"
            yield ""
