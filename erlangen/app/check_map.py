"""`erlangen check map`: the map says nothing that the package does not show.

Leaves: paths unique, areas known, survey numbers from 1 to 31. Bars: the command can be read, the score is one that
its task has, the unit is that of the record. Rows: a leaf, a command and a method that exist.
A bar that is missed is no finding: the board shows it, and the leaf is not open. Pages, references, resources:
`check_atlas`.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from typing import cast

from ..atlas import atlas
from ..core.errors import Invalid
from ..leaves import Area, Bar, Leaf, areas
from .check_atlas import findings as of_pages

LAST = 31  # arXiv:2307.08423: 27 problems and 4 challenges


def check_map() -> int:
    """Print every finding; exit code 1 where there is one."""
    every = areas()
    book = atlas()
    found = [*findings(every), *of_pages(book, every)]
    print("\n".join(f"  {line}" for line in found) or "  the map holds")
    leaves = [leaf for area in every for leaf in area.leaves]
    states = Counter(leaf.state for leaf in leaves)
    print(f"\n{len(leaves)} leaves: {', '.join(f'{n} {state}' for state, n in states.items())}; {len(found)} findings.")
    print(f"{len(book.pages)} pages, {len(book.references)} references, {len(book.resources)} resources.")
    return 1 if found else 0


def findings(every: list[Area]) -> Iterator[str]:
    """What is wrong with the map, in words."""
    leaves = [leaf for area in every for leaf in area.leaves]
    for path, count in Counter(leaf.path for leaf in leaves).items():
        if count > 1:
            yield f"{path}: {count} leaves of that path"
    for area in every:
        if area.name == area.title:
            yield f"{area.name}: an area that map.toml does not name"
    for leaf in leaves:
        yield from (f"{leaf.path}: {what}" for what in _of_leaf(leaf))
    charted = {leaf.path for leaf in leaves}
    for row in {row.path: row for leaf in leaves for row in leaf.rows}.values():
        if row.task not in charted:
            yield f"{row.path.name}: a row of {row.task}, which is no leaf"


def _of_leaf(leaf: Leaf) -> Iterator[str]:
    if not all(1 <= n <= LAST for n in leaf.survey):
        yield f"survey numbers go from 1 to {LAST}; here {leaf.survey}"
    if not leaf.survey and not leaf.chapter and leaf.task is None:
        yield "neither a leaf of the survey nor one of its chapters"
    if leaf.bar is None:
        return
    if leaf.task is None:
        yield "a bar without a task"
        return
    try:
        yield from _of_bar(leaf)
    except Invalid as error:
        yield f"its bar cannot be run: {error}"
    for row in leaf.rows:
        if row.run == leaf.bar.run and leaf.bar.score not in row.scores:
            yield f"{row.path.name} has no {leaf.bar.score}; it has {', '.join(row.scores)}"


def _of_bar(leaf: Leaf) -> Iterator[str]:
    """The command of a bar makes a task and a method that go together, and its unit is that of the rows."""
    from .cli_run import question_and_answer

    bar = cast(Bar, leaf.bar)
    words = shlex.split(bar.run)
    task, method, _ = question_and_answer(words, leaf.path, words[words.index("--method") + 1])
    method.check(task)
    if words[0] != leaf.path:
        yield f"its bar runs {words[0]}"
    following = [score for one in getattr(task, "consequences", ()) for score in one.scores]
    declared = {score.name for score in (*task.scores, *following)}
    if declared and bar.score not in declared:
        yield f"its bar asks for {bar.score}; the task has {', '.join(sorted(declared))}"
    for row in leaf.rows:
        units = {s["name"]: s["unit"] for s in row.record["scores"]}
        if row.run == bar.run and units.get(bar.score, bar.unit) != bar.unit:
            yield f"its bar is in {bar.unit}, the row in {units[bar.score]}"
