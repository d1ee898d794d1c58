"""`erlangen data`: what the cache of labels and downloads holds, whether it is intact, and how to empty it."""

from __future__ import annotations

import json
import re
import time

from ..core.errors import Invalid, unknown
from .cli_flags import Parser

DAY = 86_400.0
ACTIONS = ("info", "fetch", "verify", "clear")


def data(argv: list[str]) -> int:
    """erlangen data [info | fetch NAME | verify | clear [--older-than 30d]]"""
    parser = Parser(prog="erlangen data", description="The data cache; its folder is $ERLANGEN_CACHE if that is set.")
    parser.add_argument("action", nargs="?", default="info", metavar="info | fetch | verify | clear")
    parser.add_argument("name", nargs="?", help="fetch: the public data set; without it, the sets that are known")
    parser.add_argument("--older-than", metavar="AGE", help="clear: only labels older than, say, 12h or 30d")
    args = parser.parse(argv)
    if args.action not in ACTIONS:
        raise unknown("action", args.action, ACTIONS)
    actions = {"info": _info, "verify": _verify}
    if args.action in actions:
        return actions[args.action]()
    return _clear(args.older_than) if args.action == "clear" else _fetch(args.name)


def _info() -> int:
    from ..data import cache
    from ..data.folders import root

    entries = cache.entries()
    print(f"{root()}: {len(entries)} sets of labels, {sum(e.bytes for e in entries) / 1e6:.1f} MB")
    for entry in entries:
        about = entry.fault or _short(entry.key)
        age = (time.time() - entry.created) / DAY
        print(f"  {entry.bytes / 1e6:8.2f} MB  {entry.seconds:7.1f} s to make  {age:5.1f} days old  {about}")
    return 0


def _short(key: dict, width: int = 110) -> str:
    text = json.dumps(key, separators=(",", ":"))
    text = re.sub(r'["{}]', "", text).replace(",", " ")
    return text if len(text) <= width else text[: width - 1] + "…"


def _verify() -> int:
    from ..data import cache

    broken = cache.verify()
    for entry in broken:
        print(f"  {entry.folder}: {entry.fault}")
    print(f"{len(broken)} of {len(cache.entries())} sets of labels are damaged; they are computed again when needed.")
    return 1 if broken else 0


def _clear(older_than: str | None) -> int:
    from ..data import cache
    from ..data.folders import root

    freed = cache.clear(None if older_than is None else _age(older_than))
    print(f"{freed / 1e6:.1f} MB freed in {root()}")
    return 0


def _age(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(m|h|d)", text.strip())
    if not match:
        raise Invalid(must="an age is a number with m, h or d", came=repr(text), do="For instance: --older-than 30d")
    return float(match[1]) * {"m": 60.0, "h": 3600.0, "d": DAY}[match[2]]


def _fetch(name: str | None) -> int:
    from ..data import downloads

    if name is None:
        for known, data in downloads.catalogue().items():
            size = sum(file.bytes for file in data.files.values()) / 1e6
            print(f"{known:14} {size:6.1f} MB in {len(data.files):2} files  {data.title}")
            print(f"{'':36}Licence: {data.licence}")
        return 0
    paths = downloads.fetch(name, say=print)
    print("\n".join(map(str, paths.values())))
    return 0
