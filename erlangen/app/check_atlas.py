"""The pages of the map hold together: part of `erlangen check map`.

Pages: one for every leaf of map.toml, a short name that fits a cell, a cell of its own, scales in order, two to four
open questions. References: well-formed identifiers, once each, none that nobody cites; every method that the survey
names is cited by a leaf of its number or chapter. Resources: known kinds and areas, https, once each, `LEAST` of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from ..atlas import KINDS, SHORT, Atlas, Prose, Reference, Resource
from ..leaves import Area, Leaf
from ..portal.library import SCALES

LEAST = 300  # resources
WORDS = 40  # of a statement
IDENTIFIER = re.compile(r"doi:10\.\d{4,9}/[^\s\"<>]*[A-Za-z0-9)]|arXiv:\d{4}\.\d{4,5}")
LINK = re.compile(r"https://[A-Za-z0-9.-]+\.[a-z]{2,}(/[^\s\"<>#]*)?")
JUNK = re.compile(r"utm_|casa_token|trk=|[&?](t|s)=|[.,;]$|//$")  # what copying from a browser leaves behind


def findings(atlas: Atlas, every: list[Area]) -> Iterator[str]:
    """What is wrong with the pages, in words."""
    charted = {leaf.path: leaf for area in every for leaf in area.leaves if leaf.survey or leaf.chapter}
    yield from (f"{path}: no page in map/" for path in charted if path not in atlas.pages)
    yield from (f"{path}: a page without a leaf in map.toml" for path in atlas.pages if path not in charted)
    for area in every:
        if any(leaf.path in charted for leaf in area.leaves) and area.name not in atlas.regions:
            yield f"{area.name}: no page of the area in map/"
    for page in atlas.pages.values():
        yield from (f"{page.path}: {what}" for what in _of_page(page))
    yield from _twice("short name", (page.short for page in atlas.pages.values()))
    yield from _twice("cell", (_cell(page, every) for page in atlas.pages.values() if page.at))
    for reference in atlas.references:
        yield from (f"reference {reference.name}: {what}" for what in _of_reference(reference))
    yield from _twice("reference", (r.link.lower() for r in atlas.references))
    cited = {reference.name for page in atlas.pages.values() for reference in page.references}
    yield from (f"reference {r.name}: no leaf cites it" for r in atlas.references if r.name not in cited)
    names = {area.name for area in every}
    for resource in atlas.resources:
        yield from (f"resource {resource.title}: {what}" for what in _of_resource(resource, names))
    yield from _twice("resource", (r.title.lower() for r in atlas.resources))
    yield from _twice("resource", (_bare(r.url) for r in atlas.resources))
    if len(atlas.resources) < LEAST:
        yield f"{len(atlas.resources)} resources, at least {LEAST} are promised"
    yield from _of_survey(atlas, charted)


def _of_page(page: Prose) -> Iterator[str]:
    if not 0 < len(page.short) <= SHORT:
        yield f"its short name has {len(page.short)} letters, at most {SHORT} fit"
    if page.at and (len(page.at) != 2 or not all(isinstance(one, int) and one >= 0 for one in page.at)):
        yield f"at is column and row of its cell, from 0 on; here {page.at}"
    if len(page.statement.split()) < WORDS:
        yield f"its statement has {len(page.statement.split())} words; a paragraph has {WORDS}"
    if page.equation.count("{") != page.equation.count("}") or not page.equation.strip():
        yield "its equation is empty or has a brace without its partner"
    for name, scale in (("length_m", page.length_m), ("time_s", page.time_s)):
        if len(scale) != 2 or not 0 < scale[0] <= scale[1]:
            yield f"{name} is smallest, then largest; here {scale}"
    if not 2 <= len(page.open) <= 4:
        yield f"{len(page.open)} open questions, two to four are asked for"
    if not page.quantities or not page.references:
        yield "it names no quantity or no reference"
    for what, names in (("reference", page.references), ("data set", page.data), ("code", page.code)):
        yield from _twice(what, (str(one) for one in names))


def _of_reference(reference: Reference) -> Iterator[str]:
    if bool(reference.id) == bool(reference.url):
        yield "it has an id, or a url where no id is known"
    if reference.id and not IDENTIFIER.fullmatch(reference.id):
        yield f"id is doi:10.xxxx/... or arXiv:dddd.ddddd; here {reference.id}"
    if reference.url:
        yield from _of_link(reference.url)


def _of_resource(resource: Resource, areas: set[str]) -> Iterator[str]:
    yield from _of_link(resource.url)
    if resource.kind not in KINDS:
        yield f"no kind {resource.kind!r}; there are {', '.join(KINDS)}"
    if not resource.areas or set(resource.areas) - areas:
        yield f"areas must be those of map.toml; here {', '.join(resource.areas) or 'none'}"
    if not resource.line.endswith("."):
        yield "its line is a sentence"


def _of_link(url: str) -> Iterator[str]:
    if not LINK.fullmatch(url) or JUNK.search(url):
        yield f"a link is https, to a page, without what a browser adds; here {url}"


def _of_survey(atlas: Atlas, charted: dict[str, Leaf]) -> Iterator[str]:
    """Every method that the survey names is cited by a leaf of that number or chapter."""
    survey = atlas.survey
    if [problem.number for problem in survey.problems] != list(range(1, len(survey.problems) + 1)):
        yield "survey.toml: problems are numbered from 1 on, none left out"
    leaves = {path: leaf for path, leaf in charted.items() if path in atlas.pages}
    groups = [
        (
            f"survey {p.number} ({p.title})",
            p.methods,
            [path for path, leaf in leaves.items() if p.number in leaf.survey],
        )
        for p in survey.problems
    ] + [
        (f"chapter {c.name!r}", c.methods, [path for path, leaf in leaves.items() if leaf.chapter == c.name])
        for c in survey.chapters
    ]
    for where, methods, paths in groups:
        cited = {reference.name for path in paths for reference in atlas.pages[path].references}
        if not methods:
            yield f"{where}: no methods"
        yield from (f"{where}: {name} is cited by none of its leaves" for name in methods if name not in cited)


def _twice(what: str, names: Iterable[str]) -> Iterator[str]:
    yield from (f"{what} {name}: {count} of them" for name, count in Counter(names).items() if count > 1)


def _cell(page: Prose, every: Iterable[Area]) -> str:
    """A cell of the map, in words: its continent and the place on it."""
    known = {leaf.path: area.name for area in every for leaf in area.leaves}
    return f"{page.at} of {SCALES.get(known.get(page.path, ''), 'no continent')}"


def _bare(url: str) -> str:
    """An address without what does not tell two pages apart."""
    return re.sub(r"^https?://(www\.)?|/$", "", url.lower())
