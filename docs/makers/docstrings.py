"""A griffe extension: docstrings as they are written here, as Markdown; nothing is imported.

Docstrings of this package are plain text: sentences, and lines that are indented or aligned, which are equations and
tables. These become blocks of code; of the sentences everything is shown as it stands, but for names in backquotes,
which become links where they are names of this package. The remark on the line of a field is its docstring.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import griffe

INDENT = 4
ALIGNED = re.compile(r"\S {3,}\S")
LITERAL = re.compile(r"(`+.+?`+)", re.DOTALL)
SPECIAL = re.compile(r"([\\*_\[\]{}<>$#~])")
ROOT = "erlangen"


class Plain(griffe.Extension):
    """Turns the docstrings of a package into Markdown once all of it has been read."""

    def on_attribute_instance(self, *, node: Any, attr: griffe.Attribute, agent: Any, **_: Any) -> None:
        """A field without a docstring has the remark on its line."""
        bare = attr.docstring is None and isinstance(node, ast.AnnAssign | ast.Assign)
        if bare and (remark := remark_behind(agent.code.splitlines(), node)):
            attr.docstring = griffe.Docstring(remark, parent=attr)

    def on_package(self, *, pkg: griffe.Module, loader: Any, **_: Any) -> None:
        """Every docstring below `pkg`, with the names that are known by then."""
        every = list(objects(pkg))
        names = {one.path for one in every}
        for one in every:
            if one.docstring is None and one.is_class and {"tasks", "methods"} & set(one.path.split(".")[1:2]):
                one.docstring = griffe.Docstring("What is said above; its settings are its fields.", parent=one)
            if one.docstring is not None:
                one.docstring.value = markdown(one.docstring.value, one, names)


def objects(at: Any) -> Iterator[Any]:
    """`at` and all that is defined below it, names that are merely imported left out."""
    yield at
    for member in at.members.values():
        if not member.is_alias:
            yield from objects(member)


def remark_behind(lines: list[str], node: ast.AnnAssign | ast.Assign) -> str:
    """What stands behind the hash on the last line of a statement."""
    line = lines[(node.end_lineno or node.lineno) - 1].encode()
    rest = line[node.end_col_offset or 0 :].decode().strip()
    return "" if not rest.startswith("#") or re.match(r"#\s*(type:|noqa|fmt:)", rest) else rest.lstrip("# ")


def markdown(text: str, owner: Any, names: set[str]) -> str:
    """The text of a docstring as Markdown."""
    made: list[str] = []
    for block, is_code in blocks(inspect.cleandoc(text)):
        if is_code:
            language = "python" if block.startswith(">>>") else "text"
            made.append(f"```{language}\n{block}\n```")
        else:
            made.append(sentence(block, owner, names))
    return "\n\n".join(made)


def blocks(text: str) -> Iterator[tuple[str, bool]]:
    """(lines, whether they are code): paragraphs, divided where indentation begins and ends."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.split("\n")
        if lines[0].startswith(">>>") or (len(lines) > 1 and all(ALIGNED.search(line) for line in lines)):
            yield textwrap.dedent(paragraph), True
            continue
        part: list[str] = []
        for line in lines:
            if part and line.startswith(" " * INDENT) != part[0].startswith(" " * INDENT):
                yield joined(part)
                part = []
            part.append(line)
        yield joined(part)


def joined(lines: list[str]) -> tuple[str, bool]:
    """Lines of one kind as a block."""
    is_code = lines[0].startswith(" " * INDENT)
    margin = min(len(line) - len(line.lstrip()) for line in lines) if is_code else 0
    return "\n".join(line[margin:] for line in lines), is_code


def sentence(text: str, owner: Any, names: set[str]) -> str:
    """Prose: every character as it stands, names of the package in backquotes as links."""
    parts = LITERAL.split(text)
    return "".join(linked(part, owner, names) if i % 2 else plain(part) for i, part in enumerate(parts))


def plain(text: str) -> str:
    """Without any meaning for Markdown, but for lists that begin with a hyphen."""
    text = SPECIAL.sub(r"\\\1", text).replace("\\<", "&lt;").replace("\\>", "&gt;")
    return re.sub(r"(?m)^(\s*)(\+|\d+\.)(?=\s)", r"\1\\\2", text)


def linked(code: str, owner: Any, names: set[str]) -> str:
    """A name in backquotes with a link to where it is explained, if that is in this package."""
    name = code.strip("`").removesuffix("()")
    if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
        return code
    path = owner.path
    while path:
        found = f"{path}.{name}"
        if found in names and found != owner.path:
            return f'<autoref optional identifier="{found}">{code}</autoref>'
        path = path.rpartition(".")[0]
    return code
