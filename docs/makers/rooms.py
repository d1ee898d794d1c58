"""The rooms of the package and who imports whom, as a picture that is drawn from the import statements.

    python docs/makers/rooms.py          writes docs/pictures/rooms.svg

Floors are those that `make lint` holds (pyproject.toml), words are those of the rooms themselves.
"""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "erlangen"
PICTURE = ROOT / "docs" / "pictures" / "rooms.svg"
Edges = Mapping[tuple[str, str], int]

SIZE, LEFT, TOP = 32, 440, 74  # of a cell, and of what stands before the cells
INK = """
text { font-family: system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #17212b }
.what { font-size: 11px; fill: #45515c } .floor { font-size: 11px; fill: #626d78 }
.name { font-size: 13.5px; font-weight: 600 }
.column { font-size: 12px } .count { font-size: 10.5px; text-anchor: middle } .light { fill: #ffffff }
.band { fill: #f4f4f9 } .none { fill: #e9e9f2 } .self { fill: #c9c9da } .cell { fill: #4a4fc4 }
@media (prefers-color-scheme: dark) {
  text { fill: #e9eef3 } .what { fill: #b3bec9 } .floor { fill: #8e9aa6 } .light { fill: #10161c }
  .band { fill: #1a212a } .none { fill: #242d37 } .self { fill: #46525e } .cell { fill: #9da8ff }
}
"""


def floors() -> list[list[str]]:
    """The floors from the top, as pyproject.toml states them for the linter."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [c for c in table["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    return [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]


def words(room: str) -> str:
    """What a room says of itself: the first sentence of its docstring."""
    path = PACKAGE / room / "__init__.py"
    path = path if path.exists() else PACKAGE / f"{room}.py"
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(doc.split("\n\n")[0].split()).replace("``", "`")


@functools.cache
def imports() -> Edges:
    """(importer, imported) -> how many import statements of the one room name something of the other."""
    rooms = {room for floor in floors() for room in floor}
    found: Counter[tuple[str, str]] = Counter()
    for path in PACKAGE.rglob("*.py"):
        where = path.relative_to(PACKAGE.parent).with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = {name.split(".")[1] for name in _named(node, where) if name.startswith("erlangen.")}
            found.update((where[1], target) for target in targets & rooms if where[1] in rooms - {target})
    return found


def _named(node: ast.AST, where: tuple[str, ...]) -> Iterator[str]:
    """Full names that a statement of the module `where` imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = where[: len(where) - node.level] if node.level else ()
        yield from (".".join(filter(None, (*above, node.module, alias.name))) for alias in node.names)


def _lines(text: str, most: int = 54) -> list[str]:
    """Two lines of text at most; what does not fit is cut at a word."""
    made = [""]
    for word in text.split():
        if len(made[-1]) + len(word) + 1 > most:
            if len(made) == 2:
                return [made[0], made[1].rstrip(",;:") + " …"]
            made.append("")
        made[-1] = f"{made[-1]} {word}".strip()
    return made


def _row(room: str, floor: str, y: float) -> Iterator[str]:
    """Floor, name and words of a room."""
    yield f'<text class="floor" x="10" y="{y + SIZE / 2 + 4:.0f}">{floor}</text>'
    yield f'<text class="name" x="32" y="{y + SIZE / 2 + 4:.0f}">{room}</text>'
    lines = _lines(words(room).replace("`", ""))
    for i, line in enumerate(lines):
        at = y + SIZE / 2 + 4 - 6.5 * (len(lines) - 1) + 13 * i
        yield f'<text class="what" x="114" y="{at:.1f}">{escape(line)}</text>'


def _cell(one: str, other: str, count: int, x: float, y: float, most: int) -> Iterator[str]:
    """What a room imports from another; `data-imports` says so to `stale`."""
    kind = "self" if one == other else "cell" if count else "none"
    deep = 0.18 + 0.82 * (count / most) ** 0.5 if count else 1.0
    told = f' data-imports="{one} {other}"' if count else ""
    yield (
        f'<rect class="{kind}" x="{x + 1}" y="{y + 1}" width="{SIZE - 2}" height="{SIZE - 2}" rx="4" '
        f'fill-opacity="{deep:.2f}"{told}/>'
    )
    if count:
        tone = "count light" if deep > 0.6 else "count"
        yield f'<text class="{tone}" x="{x + SIZE / 2:.0f}" y="{y + SIZE / 2 + 4:.0f}">{count}</text>'


def picture() -> str:
    """A row for each room from the top floor down, a column for each room that it may import from.

    Every floor imports from floors below it alone: all cells lie on one side of the diagonal.
    """
    levels, edges = floors(), imports()
    order, most = [room for floor in levels for room in floor], max(edges.values())
    width, height = LEFT + len(order) * SIZE + 24, TOP + len(order) * SIZE + 6
    rows, place = [], 0
    for i, floor in enumerate(levels):
        y = TOP + place * SIZE
        if i % 2 == 0:
            tall = len(floor) * SIZE
            rows.append(f'<rect class="band" x="0" y="{y}" width="{width}" height="{tall}" rx="5"/>')
        for room in floor:
            rows += _row(room, str(len(levels) - 1 - i), TOP + place * SIZE)
            place += 1
    for i, one in enumerate(order):
        x = LEFT + i * SIZE + SIZE / 2 + 4
        rows.append(f'<text class="column" transform="translate({x:.0f} {TOP - 6}) rotate(-55)">{one}</text>')
        for j, other in enumerate(order):
            rows += _cell(one, other, edges.get((one, other), 0), LEFT + j * SIZE, TOP + i * SIZE, most)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
    title = "Rooms from the top floor down, and how often each imports from those below it"
    return "\n".join([head, f"<title>{title}</title>", f"<style>{INK}</style>", *rows, "</svg>", ""])


def stale() -> set[tuple[str, str]]:
    """Pairs of rooms that the kept picture shows wrongly; how often may have changed since it was drawn."""
    kept = re.findall(r'data-imports="(\w+) (\w+)"', PICTURE.read_text(encoding="utf-8"))
    return set(kept) ^ set(imports())


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
