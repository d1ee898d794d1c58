"""Addresses: of the pages of this site, and of sources such as "arXiv:2206.07697" or "doi:10.1021/acs.jctc.8b01176"."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

ARXIV = re.compile(r"arXiv:\s*([a-z-]+(?:\.[A-Z]{2})?/\d{7}|\d{4}\.\d{4,5}(?:v\d+)?)", re.IGNORECASE)
DOI = re.compile(r"\b(10\.\d{4,9}/[^\s,;\"<>]+)")
WEB = re.compile(r"https?://[^\s\"'<>]+")


def link(source: str) -> str:
    """The address of a source in words; empty where it names none. Never anything but http or https."""
    if found := ARXIV.search(source):
        return f"https://arxiv.org/abs/{found[1]}"
    if found := WEB.search(source):
        return found[0].rstrip(".,;)")
    if found := DOI.search(source):
        return f"https://doi.org/{found[1].rstrip('.)')}"
    return ""


def href(kind: str, name: str) -> str:
    """The page of an area, leaf, run, method or lesson, relative to the root; one step of the path for each part."""
    return f"{kind}/{'/'.join(quote(part, safe='') for part in name.split('/'))}/"


def as_files(found: Any) -> Any:
    """An answer whose links to pages name their file, for an export."""
    if isinstance(found, dict):
        return {k: _linked(v) if k == "href" or k.endswith("_href") else as_files(v) for k, v in found.items()}
    return [as_files(one) for one in found] if isinstance(found, list | tuple) else found


def _linked(href: Any) -> Any:
    is_page = isinstance(href, str) and href.endswith("/") and not href.startswith(("http://", "https://"))
    return f"{href}index.html" if is_page else href
