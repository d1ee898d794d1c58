"""The pages in a real browser, opened as exported files: what a reader sees, walks to, finds and takes away."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from portal.browsing import AXE, IN_A_BROWSER, eventually
from portal.shelves import HOSTILE

from erlangen.portal.export import export
from erlangen.portal.library import Library

pytestmark = IN_A_BROWSER
BURGERS, ETHANOL = "2026-11-22-1744-burgers-fno-s0", "2026-11-22-1750-forces-painn-s0"
EVERY = (
    *("index.html", "index.html?view=table", "index.html?view=scales", "area/molecules/index.html"),
    *("leaf/continuum/burgers/index.html", "leaf/molecules/forces/index.html", "leaf/proteins/folding/index.html"),
    *(f"run/{BURGERS}/index.html", f"run/{ETHANOL}/index.html", "runs/index.html", "compare/index.html"),
    *("methods/index.html", "method/fno/index.html", "predict/index.html", "lessons/index.html"),
    *("lesson/continuum/burgers/index.html", "lesson/theory/groups/index.html"),
    *("resources/index.html", "about/index.html"),
)
AXES = {"ArrowRight": (1, 0), "ArrowLeft": (-1, 0), "ArrowDown": (0, 1), "ArrowUp": (0, -1)}
PLACES = """() => Object.fromEntries([...document.querySelectorAll('[data-cell]')].map(e => {
  const b = e.getBoundingClientRect()
  return [e.dataset.cell, [b.x + b.width / 2, b.y + b.height / 2, b.width]]
}))"""


@pytest.fixture(scope="module")
def site(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "out"
    export(Library(runs, mode="export"), folder)
    return folder


@pytest.fixture
def visit(opened, site):
    """visit(path, width=1440, dark=False) -> a page of the export."""
    return lambda path, **how: opened(f"{site.as_uri()}/{path}", **how)


def answer(site, path):
    return json.loads((site / "api" / f"{path}.json").read_text())


@pytest.mark.parametrize("path", EVERY)
def test_every_page_draws_fits_and_can_be_read_by_everyone(visit, path):
    page = visit(path)
    page.wait_for_load_state("networkidle")
    page.evaluate(AXE.read_text() if AXE.is_file() else "null")
    for width, scheme in ((1440, "light"), (1440, "dark"), (390, "dark"), (390, "light")):
        page.set_viewport_size({"width": width, "height": 1000})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(250)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("h1").count() == 1
        assert page.locator(".notice.fail", has_text="could not be drawn").count() == 0
        if AXE.is_file():
            found = page.evaluate("axe.run({resultTypes: ['violations'], preload: false})")["violations"]
            serious = [(v["id"], v["nodes"][0]["target"]) for v in found if v["impact"] in ("serious", "critical")]
            assert not serious, (width, scheme)


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


def test_arrows_walk_to_each_neighbour_and_reach_every_cell(visit):
    """From each cell every arrow leads to a cell in that direction, or nowhere at the edge of the map."""
    page = visit("index.html")
    places = page.evaluate(PLACES)
    seen, waiting = {"@quantum"}, ["@quantum"]
    while waiting:
        here = waiting.pop()
        for arrow, (east, south) in AXES.items():
            page.evaluate('name => document.querySelector(`[data-cell="${name}"]`).focus()', here)
            page.keyboard.press(arrow)
            there = page.evaluate("document.activeElement.dataset.cell")
            if there != here:
                dx, dy = (b - a for a, b in zip(places[here][:2], places[there][:2]))
                assert dx * east + dy * south >= 0.45 * (dx**2 + dy**2) ** 0.5, (here, arrow, there)
            if there not in seen:
                seen.add(there)
                waiting.append(there)
    assert seen == set(places)
    page.locator("[data-cell='continuum/burgers']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/leaf/continuum/burgers/index.html")


@pytest.mark.parametrize(("words", "where"), [("ethanol", "molecules/forces"), ("burgers", "continuum/burgers")])
def test_search_finds_and_opens(visit, words, where):
    page = visit("index.html")
    page.keyboard.press("/")
    page.keyboard.type(words)
    page.wait_for_selector("[role=option]")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/leaf/{where}/index.html")
    page.wait_for_selector("main h1")


def test_state_is_in_the_link_and_back_restores_it(visit):
    page = visit("index.html")
    for name in ("Symmetry", "Price", "Intervals", "Shift", "Error"):
        page.get_by_role("button", name=name, exact=True).click()
        eventually(page, f"location.search.includes('colour={name.lower()}')")
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
    first, unit = board["score"], next(s["unit"] for s in board["scores"] if s["name"] == board["score"])
    best = rows.first.inner_text()
    for arrow in ("ascending", "descending"):
        page.locator("#board thead").get_by_role("button", name="value").click()
        page.wait_for_selector(f"#board th[aria-sort={arrow}]")
        assert (rows.first.inner_text() == best) == (arrow == "ascending")
    page.get_by_role("checkbox", name="solvers").uncheck()
    kept = sum(row["kind"] != "opponent" for row in board["rows"] if board["score"] in row["figures"])
    assert rows.count() == min(kept, 16) < count
    assert "kinds=ours" in page.url
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    assert [line["name"] for line in lines] == [row["name"] for row in board["rows"]]
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
    for i, row in enumerate(found):
        text = rows.nth(i).inner_text()
        assert row["verdict"] in text and row["group"] in text


def test_from_the_map_to_a_comparison_without_a_server(visit):
    page = visit("index.html")
    page.locator("[data-cell='continuum/burgers']").click()
    page.wait_for_url("**/leaf/continuum/burgers/index.html")
    page.locator(".drawer a.mono").click()
    page.wait_for_url("**/run/**")
    page.get_by_role("link", name="Compare", exact=True).last.click()
    page.wait_for_url("**/compare/**")
    page.wait_for_selector("table.across")
    page.get_by_label("Add").select_option("2026-11-22-1745-burgers-mean-s1")
    eventually(page, "document.querySelectorAll('table.across thead th').length >= 3")
    page.get_by_role("checkbox", name="only what differs").check()
    assert "differ=1" in page.url and "burgers-mean-s1" in page.url
    assert "erlangen serve" in page.locator(".notice").first.inner_text()


@pytest.mark.parametrize("path", ["runs/index.html", "leaf/continuum/burgers/index.html", "methods/index.html"])
def test_names_that_look_like_markup_stay_text(visit, path):
    page = visit(path)
    assert page.locator("main img").count() == 0
    assert page.get_by_text(HOSTILE).count() >= (path != "methods/index.html")
