"""The house rules that a machine can hold: sizes, names of rooms, docstrings, nothing private in the files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = sorted((ROOT / "erlangen").rglob("*.py"))
PYTHON = PACKAGE + sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "benchmarks").rglob("*.py"))
NO_ROOMS = {"utils", "util", "common", "misc", "helpers", "helper", "tools", "base", "lib", "stuff"}
MAX_FILE, MAX_FUNCTION = 400, 60
TEXT = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".cfg", ".json", ""}
# Spelled in pieces so that this file passes its own test.
PRIVATE = re.compile("|".join(["/wo" + "rk/", "/tmp/(?!$)bri" + "ef", "/ro" + "ot/", "BEGIN [A-Z ]*PRIVATE" + " KEY"]))
HOST = re.compile(r"https?://[^\s\"')>]*(pypi|simple/|npm|registry|deb\.debian)[^\s\"')>]*", re.IGNORECASE)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PYTHON, ids=shown)
def test_files_fit_and_functions_fit_one_screen(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE, f"{shown(path)} is longer than {MAX_FILE} lines: split it by nouns"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION, f"{shown(path)}:{node.lineno} {node.name} has {length} lines"


@pytest.mark.parametrize("path", PACKAGE, ids=shown)
def test_modules_say_what_they_are_and_rooms_are_nouns_of_the_field(path):
    tree = ast.parse(path.read_text())
    if tree.body:
        assert ast.get_docstring(tree), f"{shown(path)} needs a module docstring"
    assert not NO_ROOMS & set(path.relative_to(ROOT).with_suffix("").parts), f"{shown(path)}: name the missing room"


@pytest.mark.parametrize("path", PACKAGE, ids=shown)
def test_user_input_is_not_checked_by_bare_asserts_and_nothing_is_left_open(path):
    text = path.read_text()
    if "testing" not in path.parts:
        lines = [n.lineno for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Assert)]
        assert not lines, f"{shown(path)}: raise Invalid(must=, came=, do=) instead of assert in lines {lines}"
    assert not re.search(r"#.*\b(TODO|FIXME|XXX)\b", text), f"{shown(path)} holds an open end"


def tracked_text() -> list[Path]:
    made = {".git", "site", "build", "dist", "runs"}
    files = (p for p in ROOT.rglob("*") if p.suffix in TEXT and not made & set(p.relative_to(ROOT).parts))
    hidden = re.compile(r"\.(?!ci$|github$|gitignore$)|.*(_cache|__)$")
    return [p for p in files if p.is_file() and not any(hidden.match(part) for part in p.relative_to(ROOT).parts[:-1])]


def test_no_machine_path_key_or_registry_host_in_any_file():
    for path in tracked_text():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for found in (PRIVATE.search(text), HOST.search(text)):
            assert not found, f"{shown(path)} holds {found and found.group()!r}"


def test_pins_are_names_and_versions_only():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines and all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
