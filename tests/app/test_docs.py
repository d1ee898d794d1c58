"""What README and documentation tell people to type exists, with these flags and these names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from erlangen import registry
from erlangen.app import cli
from erlangen.app.cli_run import _names, question_and_answer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = sorted(
    {line.split("#")[0].strip() for p in PAGES for line in p.read_text().splitlines() if line.startswith("erlangen ")}
)


@pytest.fixture(autouse=True)
def plugin(monkeypatch):
    monkeypatch.setenv("ERLANGEN_PATH", str(ROOT / "examples" / "plugin"))


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_in_the_text_exist(command):
    words = shlex.split(command.replace("<run>", "2026-a-run"))[1:]
    assert words[0] in cli.VERBS
    if words[0] == "run":
        task, method, _ = question_and_answer(words[1:], *_names(words[1:]))
        if "--data" not in words:
            method.check(task)
    names = {e.name for kind in ("task", "method") for e in registry.entries(kind)}
    for word in words[1:]:
        if re.fullmatch(r"[a-z]+/[a-z]+", word):
            assert word in names


def test_makefile_targets_in_the_text_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = {n for p in PAGES for n in re.findall(r"(?:^|`)make ([a-z]+)(?=`|\s{2}|$)", p.read_text(), re.MULTILINE)}
    assert told and told <= targets


def test_python_names_in_the_text_exist():
    import erlangen

    told = {name for p in PAGES for name in re.findall(r"\berlangen\.([a-zA-Z_]+)\(", p.read_text())}
    assert told and told <= set(erlangen.__all__)


def test_pages_of_the_documentation_are_all_in_the_menu():
    menu = set(re.findall(r"([a-z_]+\.md)", (ROOT / "mkdocs.yml").read_text()))
    assert menu == {p.name for p in (ROOT / "docs").glob("*.md")}
