"""Screenshots of the portal: `make pictures`, or `python web/pictures.py [FOLDER] [--runs RUNS]`.

Into FOLDER (build/pictures) every page at 1440 and 390 px, light and dark, to be looked at before a release; into
docs/pictures the map and a leaf as the README shows them. Records are those that ship with the package; with --runs
those of a folder as well, and their pages.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

TREE = Path(__file__).parents[1]
sys.path[:0] = [str(TREE), str(TREE / "tests")]
README = {"map": ("", 1240), "leaf": ("leaf/molecules/forces/", 1560)}  # path, height in px
MOST_KB = 300
WIDTHS, SCHEMES = (1440, 390), ("light", "dark")


def pages(library) -> Iterator[tuple[str, str]]:
    """Names of pictures and what they show: one page of each kind, and all kinds of a run of one's own."""
    yield from (("map", ""), ("scales", "?view=scales"), ("table", "?view=table"), ("error", "?colour=error"))
    yield from (("area", "area/molecules/"), ("planned", "leaf/proteins/folding/"), ("leaf", README["leaf"][0]))
    yield from (("runs", "runs/"), ("methods", "methods/"), ("method", "method/painn/"), ("predict", "predict/"))
    yield from (("lessons", "lessons/"), ("resources", "resources/"), ("about", "about/"))
    shipped = [row.name for row in library.listed() if library.is_shipped(row.name)]
    spins = [name for name in shipped if name.startswith("board.quantum.spins.")]
    yield from (("run", f"run/{spins[0]}/"), ("compare", f"compare/?runs={','.join(spins)}"))
    yield from (("lesson", "lesson/continuum/burgers/"), ("lesson-theory", "lesson/theory/spherical_harmonics/"))
    for row in library.listed():
        if row.name not in shipped and row.state == "done":
            yield from ((f"own-run-{row.name}", f"run/{row.name}/"), (f"own-leaf-{row.name}", f"leaf/{row.task}/"))


def main(words: list[str]) -> int:
    """Export, open, photograph."""
    parser = argparse.ArgumentParser(description="Screenshots of the portal.")
    parser.add_argument("folder", nargs="?", type=Path, default=TREE / "build" / "pictures")
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--only", default="", help="words that the name of a picture holds")
    args = parser.parse_args(words)
    from playwright.sync_api import sync_playwright
    from portal.browsing import chromium

    from erlangen.portal.export import export
    from erlangen.portal.library import Library

    library = Library(args.runs, mode="export")
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as play:
        site = Path(name) / "site"
        export(library, site)
        browser = play.chromium.launch(executable_path=chromium())
        for what, path in pages(library):
            for width in WIDTHS if args.only in what else ():
                for scheme in SCHEMES:
                    take(browser, site, path, args.folder / f"{what}-{width}-{scheme}.png", width, scheme)
        if not args.only and args.runs is None:
            readme(browser, site)
        browser.close()
    return 0


def take(browser, site: Path, path: str, file: Path, width: int, scheme: str, *, most: int = 0) -> None:
    """One page, whole; most: so many px of it."""
    folder, _, query = path.partition("?")
    context = browser.new_context(viewport={"width": width, "height": most or 1000}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{site.as_uri()}/{folder}index.html" + (f"?{query}" if query else ""))
    page.wait_for_selector("main h1")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(300)
    page.screenshot(path=file, full_page=not most)
    context.close()
    print(file)


def readme(browser, site: Path) -> None:
    """The two pictures of the README: in as many colours as fit the limit."""
    from PIL import Image

    for what, (path, height) in README.items():
        file = TREE / "docs" / "pictures" / f"{what}.png"
        file.parent.mkdir(exist_ok=True)
        take(browser, site, path, file, 1440, "light", most=height)
        Image.open(file).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
        if file.stat().st_size > 1000 * MOST_KB:
            raise SystemExit(f"{file}: {file.stat().st_size:,} bytes, at most {MOST_KB} kB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
