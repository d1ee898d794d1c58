"""Pages: whole without a script, safe with hostile names, small, and every link leads somewhere."""

from __future__ import annotations

import gzip
import json
import re
from html.parser import HTMLParser
from urllib.parse import quote, unquote

import pytest
from portal.shelves import HOSTILE

from erlangen.core.errors import Invalid
from erlangen.portal import bundle, export, pages
from erlangen.portal.library import Library
from erlangen.study import store

FORCES = "2026-11-22-1750-forces-painn-s0"


class Read(HTMLParser):
    """Links, text, scripts and attributes of a page; open elements have to be closed in order."""

    VOID = {"meta", "link", "br", "img", "input"}

    def __init__(self, text: str):
        super().__init__()
        self.links, self.scripts, self.attributes, self.tags, self.text, self._open = [], [], [], [], "", []
        self.feed(text)
        assert not self._open, self._open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, tag

    def handle_data(self, data):
        if "script" in self._open:
            self.scripts.append(data)
        else:
            self.text += data


@pytest.fixture(scope="module")
def every(library):
    paths = [path for path in pages.paths(library) if unquote(path) not in ("run/half/", "run/newer/")]
    return {path: pages.page(library, path, {}) for path in paths}


def test_every_page_is_wellformed_small_and_without_inline_code(every):
    assert len(every) > 100
    for path, text in every.items():
        read = Read(text)
        assert read.tags.count("h1") == 1 and read.tags.count("main") == 1, path
        assert not [name for name, _ in read.attributes if name == "style" or name.startswith("on")], path
        json.loads(read.scripts[0])
        assert len(read.scripts) == 1 and 'type="application/json"' in text
        assert len(gzip.compress(text.encode())) <= 60_000, path


def test_statement_board_and_five_are_there_without_a_script(every):
    leaf = Read(every["leaf/molecules/forces/"]).text
    for words in (
        "Energies and forces",
        "Best record here",
        "14.20 ± 0.40",
        "GFN2-xTB",
        "E(3), permutation",
        "erlangen run",
    ):
        assert words in leaf, words
    run = Read(every[f"run/{FORCES}/"]).text
    for words in ("rotations and reflections O(3)", "holds", "energy MAE", "--method painn", "label floor"):
        assert words in run, words
    assert (
        "Quantum mechanics" in Read(every[""]).text and "planned" in Read(every["leaf/quantum/electrons/"]).text.lower()
    )


def test_every_link_leads_to_a_page(every, library):
    known = set(every) | {"run/half/", "run/newer/"}
    for path, text in every.items():
        for link in Read(text).links:
            if link.startswith(("https://", "#")):
                continue
            assert not link.startswith(("/", "http:", "javascript:")), (path, link)
            steps = path.split("/")[:-1]
            while link.startswith("../"):
                link, steps = link[3:], steps[:-1]
            target = "/".join([*steps, link.removeprefix("./")])
            assert target in known or target.startswith(("files/", "notebooks/")), (path, target)


def test_hostile_names_stay_text(every):
    text = every[f"run/{quote(HOSTILE, safe='')}/"]
    assert HOSTILE not in text and "&lt;img src=x onerror" in text
    assert "img" not in Read(text).tags
    assert json.loads(Read(text).scripts[0])["run"] == HOSTILE
    assert f"</script>{HOSTILE}" in json.loads(Read(text).scripts[0])["messages"]


def test_a_long_list_does_not_make_a_long_page(tmp_path, monkeypatch):
    library = Library(None)
    one = store.ListedRun("r", "continuum/burgers", "fno", 0, "2026", "done", "1s", "nrmse", 0.4, 0.1, "%", 1.0, 1e-3)
    rows = {f"r{i}": one._replace(name=f"r{i}", seed=i) for i in range(10_000)}
    library.refresh()
    monkeypatch.setattr(library, "_listed", rows)
    text = pages.page(library, "runs/", {})
    data = json.loads(Read(text).scripts[0])
    assert data["count"] == len(library.listed()) >= 10_000 and len(data["runs"]) == 1_000
    assert len(gzip.compress(text.encode())) <= 60_000


def test_a_missing_bundle_says_the_one_command(library):
    text = pages.page(library, "", {}, bundle=False)
    assert "make portal" in text and "portal.js" not in text
    assert "portal.js" in pages.page(library, "", {}, bundle=True)
    assert "make portal" in bundle.MISSING


def test_unknown_pages_are_refused_in_words(library):
    for path in ("nowhere/", "leaf/quantum/", "run//", "leaf/a/b/c/"):
        with pytest.raises(Invalid):
            pages.page(library, path, {})


@pytest.fixture(scope="module")
def site(tmp_path_factory, runs):
    folder, said = tmp_path_factory.mktemp("site") / "out", []
    count = export.export(Library(runs, mode="export"), folder, said.append)
    return folder, count, said


def test_an_export_is_whole_and_all_its_links_resolve(site):
    folder, count, said = site
    assert count == sum(1 for path in folder.rglob("*") if path.is_file()) - 1  # the mark
    assert not [line for line in said if line.startswith("left out")]
    found = sorted(folder.rglob("index.html"))
    assert len(found) > 100
    for page in found:
        text = page.read_text(encoding="utf-8")
        for link in Read(text).links:
            if not link.startswith(("https://", "#")):
                assert (page.parent / unquote(link)).resolve().is_file(), (page, link)
        data = json.loads(Read(text).scripts[0])
        root = page.parent / dict(Read(text).attributes)["data-root"]
        for link in re.findall(r'"href": ?"([^"]*)"', json.dumps(data)):
            if link and not link.startswith("https://"):
                assert (root / unquote(link)).resolve().is_file(), (page, link)
        assert "Content-Security-Policy" in text and 'data-mode="export"' in text


def test_twins_of_answers_call_one_function(site):
    folder = site[0]
    twin = (folder / "api" / "run" / FORCES / "plots.js").read_text(encoding="utf-8")
    answer = json.loads((folder / "api" / "run" / FORCES / "plots.json").read_text(encoding="utf-8"))
    start = f'erlangenAnswer("run/{FORCES}/plots",'
    assert twin.startswith(start) and json.loads(twin[len(start) : -3]) == answer
    assert len(list((folder / "api").rglob("*.js"))) == len(list((folder / "api").rglob("*.json")))


def test_an_export_never_empties_what_is_not_its_own(tmp_path, runs):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(Invalid, match="holds something else"):
        export.export(Library(runs, mode="export"), tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years"


def test_an_export_without_runs_shows_the_map(tmp_path):
    assert export.export(Library(None, mode="export"), tmp_path / "site") > 200
    assert "Energies and forces" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
