"""What README and documentation tell people to type exists, with these flags and these names."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from erlangen import registry
from erlangen.app import cli
from erlangen.app.cli_run import _names, question_and_answer

sys.path.insert(0, str(Path(__file__).parent))
import documented

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
    menu = re.findall(r"(?<![\w/])([a-z_]+\.md)", (ROOT / "mkdocs.yml").read_text())  # made ones are in folders
    assert sorted(menu) == sorted(p.name for p in (ROOT / "docs").glob("*.md"))


def test_the_readme_works_on_own_data_one_command_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    documented.write_files(tmp_path)
    block = documented.README.read_text().split("## Your own data")[1].split("```")[1]
    own = [line for line in documented.commands(documented.README) if line in block]
    assert len(own) == 4
    for command in own:
        words = documented.executable(command, tmp_path / "runs", "3steps")
        assert cli.main(words) == 0, (command, capsys.readouterr().err)
    made = {path.name for path in tmp_path.iterdir()}
    assert {"new.predicted.extxyz", "report.html", "u.nc"} <= made


@pytest.mark.slow
@pytest.mark.parametrize("page", [documented.README, *documented.DOCS], ids=lambda page: page.stem)
def test_every_page_works_one_command_after_the_other(page, tmp_path, monkeypatch, capsys):
    """In a fresh folder with the files that the page names, three steps a fit; what would be downloaded, or never
    ends, is left out.
    """
    monkeypatch.chdir(tmp_path)
    documented.write_files(tmp_path)
    for command in documented.commands(page):
        if not (documented.PUBLIC.search(command) or documented.LASTING.search(command)):
            words = documented.executable(command, tmp_path / "runs", "3steps")
            assert cli.main(words) == 0, (command, capsys.readouterr().err)
