"""The pages of the map: read into records, complete, and refused where something does not hold."""

from __future__ import annotations

import dataclasses
import re
import shutil

import pytest

from erlangen.app import check_map, cli
from erlangen.app.check_atlas import findings
from erlangen.atlas import KINDS, MAP, SHORT, Problem, Reference, Survey, atlas, prose
from erlangen.core.errors import Invalid
from erlangen.leaves import areas


@pytest.fixture(scope="module")
def book():
    return atlas()


@pytest.fixture(scope="module")
def every():
    return areas()


def test_every_leaf_has_a_page_and_nothing_is_found(book, every):
    assert list(findings(book, every)) == []
    charted = {leaf.path for area in every for leaf in area.leaves if leaf.survey or leaf.chapter}
    assert set(book.pages) == charted
    assert all(0 < len(page.short) <= SHORT for page in book.pages.values())
    assert set(book.regions) == {area.name for area in every if area.name in {path.split("/")[0] for path in charted}}
    assert all(40 <= len(region.statement.split()) <= 120 for region in book.regions.values())


def test_the_survey_is_cited_in_full(book):
    """27 problems and 4 challenges, and what its own figures and map name: spot checks by a reader's hand."""
    named = {p.number: p.methods for p in book.survey.problems}
    assert list(named) == list(range(1, 32))
    assert {"SchNet", "DimeNet", "PaiNN", "NequIP", "MACE"} <= set(named[5])
    assert {"HNN", "SympNet", "LNN", "PINN", "APHYNITY"} <= set(named[25])
    assert len(named[31]) >= 35 and len(named[30]) >= 30
    known = {r.name: r for r in book.references}
    assert known["FNO"].id == "arXiv:2010.08895" and known["FNO"].link == "https://arxiv.org/abs/2010.08895"
    assert known["AlphaFold2"].link == "https://doi.org/10.1038/s41586-021-03819-2"
    without = [r.name for r in book.references if not r.id]
    assert len(without) < 25, f"references without an identifier: {without}"


def test_resources_are_of_every_kind_and_area(book, every):
    assert len(book.resources) >= 300
    kinds = {kind: sum(r.kind == kind for r in book.resources) for kind in KINDS}
    assert min(kinds.values()) >= 15, kinds
    for area in every:
        assert sum(area.name in r.areas for r in book.resources) >= 10, area.name


def test_scales_are_physical(book):
    """A nucleus is larger than 1e-16 m and the universe smaller than 1e27 m; light and its age bound the times."""
    for page in book.pages.values():
        assert 1e-16 < page.length_m[0] <= page.length_m[1] < 1e27, page.path
        assert 1e-20 < page.time_s[0] <= page.time_s[1] < 5e17, page.path
    assert book.pages["quantum/electrons"].length_m[1] < book.pages["continuum/shallow_water"].length_m[0]


def test_equations_are_balanced(book):
    for page in book.pages.values():
        pairs = [page.equation.count(rf"\{word}" + "{") for word in ("begin", "end")]
        assert pairs[0] == pairs[1], page.path
        assert len(re.findall(r"\\left\b", page.equation)) == len(re.findall(r"\\right\b", page.equation)), page.path


def test_what_does_not_hold_is_named(book, every):
    page = book.pages["quantum/spins"]
    known = {r.name: r for r in book.references}
    wrong = dataclasses.replace(
        page,
        short="a name that is longer than a cell",
        statement="too few words",
        equation=r"\frac{1}{2",
        length_m=(1.0, 1e-3),
        open=("one?",),
        references=tuple(r for r in page.references if r.name != "Choo et al. 2019"),
    )
    strange = (
        Reference("nobody", "A title", "Nobody", 2020, id="doi:11.1/x"),
        Reference("both", "A title", "Nobody", 2020, id=known["FNO"].id, url="http://a.org"),
    )
    resources = tuple(
        dataclasses.replace(r, kind="thing", areas=("nowhere",), url="http://a.org/?utm_source=b", line="no stop")
        for r in book.resources[:2]
    )
    pages = {**{p: x for p, x in book.pages.items() if p != "quantum/quench"}, "quantum/spins": wrong, "a/b": page}
    survey = Survey((*book.survey.problems[:-1], Problem(33, "a gap", ())), book.survey.chapters)
    regions = {name: region for name, region in book.regions.items() if name != "density"}
    bad = dataclasses.replace(
        book, pages=pages, regions=regions, references=(*book.references, *strange), resources=resources, survey=survey
    )
    found = "\n".join(findings(bad, every))
    for words in (
        "quantum/quench: no page",
        "a/b: a page without a leaf",
        "density: no page of the area",
        "at most 22 fit",
        "its statement has 3 words",
        "a brace without its partner",
        "smallest, then largest",
        "1 open questions",
        "Choo et al. 2019 is cited by none",
        "here doi:11.1/x",
        "reference both: it has an id, or a url",
        "2010.08895: 2 of them",
        "reference nobody: no leaf cites it",
        "a link is https",
        "no kind 'thing'",
        "here nowhere",
        "its line is a sentence",
        "2 resources, at least 300",
        "numbered from 1 on",
        "survey 33 (a gap): no methods",
    ):
        assert words in found, f"{words!r} not in\n{found}"


def changed(tmp_path, name: str, old: str, new: str):
    folder = shutil.copytree(MAP, tmp_path / "map")
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("quantum.toml", "statement =", "statment =", "Did you mean statement"),
        ("quantum.toml", 'short = "Spin ground states"\n', "", "no short"),
        ("quantum.toml", '"V-score"', '"V-scores"', "Did you mean: V-score"),
        ("quantum.toml", '"VarBench"', '"Varbench"', "VarBench"),
        ("quantum.toml", 'path = "quantum/quench"', 'path = "quantum/spins"', "two of quantum/spins"),
        ("quantum.toml", "open = [", "open = [[", "must be TOML"),
        ("quantum.toml", "[area]", "[aria]", "must hold area and leaf"),
        ("references.toml", "title =", "titel =", "Did you mean title"),
        ("resources.toml", 'kind = "benchmark"', 'sort = "benchmark"', "must be known"),
        ("survey.toml", "number = 1\n", "", "no number"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path, name, old, new, words):
    with pytest.raises(Invalid) as refused:
        atlas(changed(tmp_path, name, old, new))
    assert words in str(refused.value)


def test_show_prints_the_page_of_a_planned_leaf(capsys):
    assert cli.main(["show", "proteins/backbones"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    page = prose("proteins/backbones")
    assert page.statement in out and " ".join(page.equation.split()) in out
    assert all(r.id in out for r in page.references) and page.open[0] in out


def test_a_plug_in_has_no_page(every):
    assert prose("mechanics/ring") is None


def test_the_check_counts_pages_and_fails_with_a_finding(capsys, monkeypatch, book):
    few = dataclasses.replace(book, resources=book.resources[:10])
    monkeypatch.setattr(check_map, "atlas", lambda: few)
    assert check_map.check_map() == 1
    out = capsys.readouterr().out
    assert "10 resources, at least 300" in out and f"{len(book.pages)} pages" in out
