"""The pages of the map: what each leaf asks in words, its equation, scales, references, open questions, data and code.

    map.toml               areas, leaves, bars (`leaves`): read by everything
    map/<area>.toml        the prose of an area and of its leaves; they cite by name
    map/references.toml    the bibliography, name -> title, authors, year, DOI or arXiv number
    map/resources.toml     books, courses, data, software, ...: once each, cited by title
    map/survey.toml        what arXiv:2307.08423 names, by number of its problems and by chapter

Read only where a page is shown or checked: `erlangen show`, the portal, `erlangen check map`. Nothing here needs JAX.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from .core.errors import Invalid, unknown

MAP = Path(__file__).parent / "map"
KINDS = ("book", "course", "school", "group", "tutorial", "software", "data", "benchmark", "survey", "list")
SHORT = 22  # letters that fit a cell of the map
T = TypeVar("T")


@dataclass(frozen=True)
class Reference:
    """A paper or a site. `name`: what the field calls it; `id`: "doi:..." or "arXiv:...", where none is known `url`."""

    name: str
    title: str
    authors: str  # short: two names or "First et al."
    year: int | None = None
    id: str = ""
    url: str = ""

    @property
    def link(self) -> str:
        """Where it can be read."""
        if self.id.startswith("doi:"):
            return f"https://doi.org/{self.id.removeprefix('doi:')}"
        return f"https://arxiv.org/abs/{self.id.removeprefix('arXiv:')}" if self.id else self.url

    def __str__(self) -> str:
        year = f" {self.year}" if self.year else ""
        return f"{self.authors}{year}: {self.title}. {self.id or self.url}"


@dataclass(frozen=True)
class Resource:
    """One thing worth knowing, of a kind of `KINDS`. licence, alive: nothing where not known."""

    title: str
    url: str
    kind: str
    areas: tuple[str, ...]
    line: str
    licence: str = ""
    alive: bool | None = None  # it changed within a year


@dataclass(frozen=True)
class Prose:
    """The page of a leaf. `short` fits a cell; `equation` is TeX; scales run from smallest to largest, in m and s.

    at: column and row of its cell on the map, within its continent; odd rows stand half a cell east. Without one the
    leaf takes the free cell nearest to its area.
    """

    path: str
    short: str
    statement: str
    equation: str
    quantities: tuple[str, ...]
    length_m: tuple[float, float]
    time_s: tuple[float, float]
    references: tuple[Reference, ...]
    open: tuple[str, ...]
    data: tuple[Resource, ...]
    code: tuple[Resource, ...]
    at: tuple[int, ...] = ()


@dataclass(frozen=True)
class Region:
    """The page of an area: a paragraph on what its leaves share."""

    name: str
    statement: str


@dataclass(frozen=True)
class Problem:
    """A numbered problem of the survey and the methods it names; omitted: named there, not found in public sources."""

    number: int
    title: str
    methods: tuple[str, ...]
    omitted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """A chapter of the survey without a number, with the methods that it names."""

    name: str
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """The survey whose tree the map follows."""

    problems: tuple[Problem, ...]
    chapters: tuple[Chapter, ...]


@dataclass(frozen=True)
class Atlas:
    """All pages, by path of their leaf and by name of their area, and what they cite."""

    pages: dict[str, Prose]
    regions: dict[str, Region]
    references: tuple[Reference, ...]
    resources: tuple[Resource, ...]
    survey: Survey


def atlas(folder: Path = MAP) -> Atlas:
    """Everything in the folder; a field that is unknown, missing, or names what is not there raises `Invalid`."""
    at = folder / "references.toml"
    references = tuple(_record(Reference, {**row, "name": name}, at, name) for name, row in _table(at).items())
    at = folder / "resources.toml"
    rows = _table(at, "resource")["resource"]
    resources = tuple(_record(Resource, row, at, row.get("title", "")) for row in rows)
    by_name, by_title = {r.name: r for r in references}, {r.title: r for r in resources}
    pages: dict[str, Prose] = {}
    regions: dict[str, Region] = {}
    for at in sorted(p for p in folder.glob("*.toml") if p.stem not in ("references", "resources", "survey")):
        table = _table(at, "area", "leaf")
        regions[at.stem] = _record(Region, {**_plain(table["area"]), "name": at.stem}, at, at.stem)
        for row in table["leaf"]:
            page = _page(row, at, by_name, by_title)
            if page.path in pages:
                raise Invalid(must="a leaf has one page", came=f"two of {page.path} in {at.name}", do="Remove one.")
            pages[page.path] = page
    return Atlas(pages, regions, references, resources, _survey(folder / "survey.toml"))


def prose(path: str, folder: Path = MAP) -> Prose | None:
    """The page of one leaf; None where it has none, as the leaf of a plug-in."""
    return atlas(folder).pages.get(path)


def _page(row: dict[str, Any], at: Path, names: dict[str, Reference], titles: dict[str, Resource]) -> Prose:
    path = row.get("path", "")
    cited = {
        "references": _named("reference", row.get("references", ()), names),
        "data": _named("resource", row.get("data", ()), titles),
        "code": _named("resource", row.get("code", ()), titles),
    }
    return _record(Prose, {**_plain(row), **{k: v for k, v in cited.items() if k in row}}, at, path)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Its statement on one line."""
    return {**row, "statement": " ".join(row["statement"].split())} if "statement" in row else row


def _named(kind: str, names: Iterable[str], known: dict[str, T]) -> tuple[T, ...]:
    for name in names:
        if name not in known:
            raise unknown(kind, name, known)
    return tuple(known[name] for name in names)


def _survey(at: Path) -> Survey:
    table = _table(at, "chapter", "problem")
    problems = tuple(_record(Problem, row, at, f"problem {row.get('number', '?')}") for row in table["problem"])
    return Survey(problems, tuple(_record(Chapter, row, at, row.get("name", "")) for row in table["chapter"]))


def _table(at: Path, *names: str) -> dict[str, Any]:
    """A file; where names are given it holds these tables and no other."""
    try:
        table = tomllib.loads(at.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(must=f"{at.name} must be TOML", came=str(error), do="Repair that line.") from None
    if names and set(table) != set(names):
        came = ", ".join(table) or "nothing"
        raise Invalid(must=f"{at.name} must hold {' and '.join(names)}", came=came, do="Rename or add the table.")
    return table


def _record(kind: type[T], row: dict[str, Any], at: Path, name: str) -> T:
    """A row as its dataclass: lists become tuples, every field is known, none that has no default is missing."""
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in row:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            do = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
            raise Invalid(must=f"fields of {name} in {at.name} must be known", came=repr(key), do=do)
    missing = [k for k, f in known.items() if k not in row and f.default is MISSING]
    if missing:
        raise Invalid(must=f"{name} in {at.name} must be complete", came=f"no {', '.join(missing)}", do="Add it.")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()})
