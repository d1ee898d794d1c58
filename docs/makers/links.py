"""The links of a site that was built: pages, anchors and pictures are there, and nothing is loaded from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"img": "src", "script": "src", "source": "src", "iframe": "src", "link": "href", "object": "data"}
FOREIGN_STYLE = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])(?:https?:)?//", re.IGNORECASE)
HINTS = {"canonical", "next", "prev", "alternate"}  # kinds of <link> that load nothing


class Page(HTMLParser):
    """anchors: what can be pointed at. links: where it points. loads: what the browser fetches to show it."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in LOADED and found.get(LOADED[tag]) and not HINTS & set(found.get("rel", "").split()):
            self.loads.append(found[LOADED[tag]])


def faults(site: Path) -> Iterator[str]:
    """One line for each link that leads nowhere and for each thing that would be loaded from another host."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        where = path.relative_to(site)
        for target in dict.fromkeys([*page.links, *page.loads]):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if target in page.loads and parts.scheme != "data":
                    yield f"{where}: loads {target} from elsewhere"
                continue
            if where.name == "404.html" and parts.path.startswith("/"):  # shown at any depth: from the root
                at = site / unquote(parts.path).lstrip("/")
            else:
                at = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            at = at / "index.html" if at.is_dir() else at
            if not at.is_file():
                yield f"{where}: {target} leads nowhere"
            elif parts.fragment and at in pages and unquote(parts.fragment) not in pages[at].anchors:
                yield f"{where}: {target} has no such anchor"
    for path in sorted(site.rglob("*.css")):
        if FOREIGN_STYLE.search(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)}: loads something from elsewhere"
