"""The pages in a real browser, opened as exported files: what a reader sees, walks to, finds and takes away.

Chromium of the system; without it, without playwright or without a built front end there is nothing to test.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest

from erlangen.portal import bundle
from erlangen.portal.export import export
from erlangen.portal.library import Library

sync = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not bundle.is_built(), reason="the front end is not built: make portal"),
    pytest.mark.xdist_group("browser"),
]
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
BURGERS, ETHANOL = "2026-11-22-1744-burgers-fno-s0", "2026-11-22-1750-forces-painn-s0"
EVERY = (
    *("index.html", "index.html?view=table", "index.html?view=scales", "area/molecules/index.html"),
    *("leaf/continuum/burgers/index.html", "leaf/proteins/folding/index.html"),
    *(f"run/{BURGERS}/index.html", f"run/{ETHANOL}/index.html", "runs/index.html", "compare/index.html"),
    *("methods/index.html", "method/fno/index.html", "predict/index.html", "lessons/index.html"),
    *("resources/index.html", "about/index.html", "lesson/continuum/burgers/index.html"),
)
WATCH = """window.refused = []
document.addEventListener('securitypolicyviolation', e => refused.push(`${e.violatedDirective} ${e.blockedURI}`))"""


@pytest.fixture(scope="module")
def site(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "out"
    export(Library(runs, mode="export"), folder)
    return folder


@pytest.fixture(scope="module")
def browser():
    with sync.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM)
        yield found
        found.close()


@pytest.fixture
def visit(browser, site):
    """visit(path, width=1440, dark=False) -> a page that complains about every error when the test ends."""
    contexts, wrong = [], []

    def go(path, *, width=1440, dark=False):
        scheme = "dark" if dark else "light"
        context = browser.new_context(
            viewport={"width": width, "height": 1000}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(WATCH)
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.goto(f"{site.as_uri()}/{path}")
        page.wait_for_selector("main h1")
        return page

    yield go
    for context in contexts:
        for page in context.pages:
            wrong.extend(page.evaluate("window.refused"))
        context.close()
    assert not wrong


def answer(site, path):
    return json.loads((site / "api" / f"{path}.json").read_text())


@pytest.mark.parametrize("path", EVERY)
def test_every_page_draws_without_a_complaint_and_fits(visit, path):
    for width in (1440, 390):
        page = visit(path, width=width)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("h1").count() == 1
        assert page.locator(".notice.fail", has_text="could not be drawn").count() == 0


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is installed by make portal")
@pytest.mark.parametrize("path", EVERY)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(visit, path, dark):
    page = visit(path, dark=dark)
    page.wait_for_timeout(300)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({resultTypes: ['violations'], preload: false})")["violations"]
    serious = [(v["id"], v["nodes"][0]["target"]) for v in found if v["impact"] in ("serious", "critical")]
    assert not serious


def test_every_leaf_is_a_link_with_its_name_and_state(visit, site):
    page = visit("index.html")
    states = {"planned": "planned", "runs": "runs", "open": "open"}
    for area in answer(site, "map")["areas"]:
        for leaf in area["leaves"] if area["scale"] != "across" else []:
            link = page.locator(f"[data-cell='{leaf['path']}']")
            text = link.inner_text()
            assert (leaf["short"] or leaf["title"]) in text.replace("\n", " ")
            assert states.get(leaf["state"], "cannot be read") in link.text_content()
            assert link.get_attribute("href").endswith(f"leaf/{leaf['path']}/index.html")


def test_arrows_walk_the_map_and_enter_opens(visit):
    page = visit("index.html")
    page.locator("[data-cell='@quantum']").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.cell") == "quantum/spins"
    seen = {"quantum/spins"}
    for _ in range(30):
        page.keyboard.press("ArrowRight")
        seen.add(page.evaluate("document.activeElement.dataset.cell"))
    assert any(name.startswith("continuum/") or name == "@continuum" for name in seen)
    page.locator("[data-cell='continuum/burgers']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/leaf/continuum/burgers/index.html")


def test_search_finds_and_opens(visit):
    page = visit("index.html")
    page.keyboard.press("/")
    page.keyboard.type("burgers")
    page.wait_for_selector("[role=option]")
    assert "Burgers" in page.locator("[role=option]").first.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/leaf/continuum/burgers/index.html")
    page.wait_for_selector("main h1")


def test_state_is_in_the_link_and_back_restores_it(visit):
    page = visit("index.html")
    for name, word in (("Symmetry", "symmetry"), ("Price", "price"), ("Error", "error")):
        page.get_by_role("button", name=name, exact=True).click()
        page.wait_for_function(f"location.search.includes('colour={word}')")
    page.locator("[data-cell='continuum/burgers']").click()
    page.wait_for_url("**/leaf/**")
    page.go_back()
    page.wait_for_selector("main h1")
    assert page.get_by_role("button", name="Error", exact=True).get_attribute("aria-pressed") == "true"
    deep = visit("index.html?view=table&sort=-methods")
    assert deep.locator("th[aria-sort=descending]").inner_text().startswith("methods")


def test_the_five_of_a_leaf_are_those_of_its_record(visit, site):
    five = answer(site, "leaf/continuum/burgers")["best"]["five"]
    page = visit("leaf/continuum/burgers/index.html")
    shown = page.locator(".drawer ol li")
    assert shown.count() == 5
    for i, measure in enumerate(five):
        assert shown.nth(i).locator("h3").inner_text() == measure["title"]
        value = measure["figure"]["text"].removesuffix(f" {measure['figure']['unit']}")
        if "e-" not in value and measure["figure"]["value"] is not None:
            assert value in shown.nth(i).inner_text()
        assert shown.nth(i).locator("svg").get_attribute("aria-label") == measure["sentence"]


def test_the_board_sorts_filters_and_is_taken_away_as_csv(visit, site):
    board = answer(site, "leaf/continuum/burgers")["board"]
    page = visit("leaf/continuum/burgers/index.html")
    rows = page.locator("#board tbody tr:not(.scale)")
    count = rows.count()
    page.get_by_role("checkbox", name="solvers").uncheck()
    kept = sum(row["kind"] != "opponent" for row in board["rows"] if board["score"] in row["figures"])
    assert rows.count() == min(kept, 16) < count
    assert "kinds=ours" in page.url
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    assert [line["name"] for line in lines] == [row["name"] for row in board["rows"]]
    first, unit = board["score"], next(s["unit"] for s in board["scores"] if s["name"] == board["score"])
    for line, row in zip(lines, board["rows"], strict=True):
        value = row["figures"].get(first, {}).get("value")
        assert line[f"{first} [{unit}]"] == "" if value is None else float(line[f"{first} [{unit}]"]) == value


def test_a_plot_has_its_numbers_as_a_table(visit, site):
    found = answer(site, f"run/{BURGERS}")["certificate"]
    page = visit(f"run/{BURGERS}/index.html")
    figure = page.locator("figure", has_text="Symmetry certificate")
    figure.get_by_role("button", name="Show as table").click()
    rows = figure.locator("tbody tr")
    assert rows.count() == len(found)
    assert found[0]["verdict"] in rows.first.inner_text()


def test_records_compare_as_files_too(visit):
    page = visit(f"compare/index.html?runs={BURGERS},2026-11-22-1745-burgers-mean-s1")
    page.wait_for_selector("table.across")
    assert page.locator("table.across thead th").count() == 3
    page.get_by_role("checkbox", name="only what differs").check()
    assert "differ=1" in page.url
    assert "erlangen compare" in page.locator(".notice").first.inner_text()


def test_names_that_look_like_markup_stay_text(visit):
    page = visit("runs/index.html")
    assert page.locator("td img, th img").count() == 0
    assert page.get_by_text("<img src=x onerror=alert(1)>").count() >= 1
