"""Pages of the documentation that are made: they hold all that there is, and say it as it stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from erlangen import registry
from erlangen.app import cli
from erlangen.leaves import areas

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from makers import chart, links, reference, rooms  # noqa: E402


@pytest.fixture(autouse=True)
def own(monkeypatch):
    monkeypatch.delenv("ERLANGEN_PATH", raising=False)


def test_every_leaf_has_its_place_with_equation_bar_and_references():
    made = chart.pages()
    for area in areas():
        page = made[f"map/{area.name}.md"]
        parts = page.split("\n## ")[1:]
        assert len(parts) == len(area.leaves)
        for leaf, part in zip(area.leaves, parts):
            assert f"{{ #{chart.anchor(leaf.path)} }}" in part.split("\n")[0]
            assert "$$" in part and "Open questions" in part and re.search(r"References \([1-9]", part)
            assert (leaf.bar is None) == ("**Bar**" not in part)
            assert leaf.bar is None or leaf.bar.command in part
        assert made["map/index.md"].count(f"({area.name}.md#") == len(area.leaves)


@pytest.mark.parametrize(
    ("bounds", "units", "words"),
    [
        ((2e-10, 1e-8), chart.LENGTHS, "2 Å to 10 nm"),
        ((1e-11, 1e7), chart.LENGTHS, "10 pm to 10,000 km"),
        ((1e-18, 1e-15), chart.TIMES, "1 as to 1 fs"),
        ((6e2, 3.156e7), chart.TIMES, "600 s to 1 yr"),
    ],
)
def test_scales_read_in_the_units_of_the_field(bounds, units, words):
    assert chart.scale(bounds, units) == words


def test_every_command_is_listed_with_every_option_of_its_parser():
    page = reference.commands()
    parts = page.split("\n## ")[1:]
    assert [re.match(r"`erlangen (\w+)`", part)[1] for part in parts] == list(cli.VERBS)
    for verb, part in zip(cli.VERBS, parts):
        options = {o for a in reference.parser_of(verb)._actions if a.dest != "help" for o in a.option_strings}
        assert all(f"`{option}" in part for option in options), verb
        assert "| `-h" not in part


@pytest.mark.parametrize("kind", ["task", "method"])
def test_every_setting_of_everything_is_in_its_table(kind):
    page = reference.settings(kind)
    for entry in registry.entries(kind):
        (part,) = re.findall(rf"^### `{re.escape(entry.name)}` .*?(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
        for setting in entry.settings:
            assert re.search(rf"^\| `--{setting.name.replace('_', '-')}(\.…)?` \|", part, re.MULTILINE), entry.name
    assert ("--conformal-level" in page) == (kind == "method")


def test_every_room_has_a_page_in_the_menu_that_names_its_public_modules():
    menu = (ROOT / "mkdocs.yml").read_text()
    for room in reference.rooms_with_pages():
        assert f"{room}: api/{room}.md" in menu
        files = [p for p in (rooms.PACKAGE / room).rglob("[a-z]*.py") if "/_" not in str(p)]
        named = set(re.findall(r"^::: (\S+)", reference.api(room), re.MULTILINE))
        assert {".".join(p.relative_to(ROOT).with_suffix("").parts) for p in files} <= named
    for name in (*chart.pages(), *reference.pages()):
        assert f"{name}\n" in menu, f"{name} is not in the menu of mkdocs.yml"


def test_the_picture_of_the_rooms_shows_the_imports_that_there_are():
    order = [room for floor in rooms.floors() for room in floor]
    found = rooms.imports()
    assert all(order.index(one) < order.index(other) for one, other in found)
    assert found["study", "contract"] > found["contract", "core"] > 0 and ("tasks", "methods") not in found
    assert not rooms.stale(), "docs/pictures/rooms.svg is old: python docs/makers/rooms.py"


def test_pages_are_made_without_jax_or_numpy():
    code = "import sys; sys.path[:0] = ['docs']; from makers import chart, reference, shown; chart.pages(); "
    code += "reference.pages(); shown.burgers(); print([m for m in ('jax', 'numpy', 'equinox') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_links_that_lead_nowhere_and_things_from_elsewhere_are_found(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.html").write_text('<h1 id="here">B</h1><a href="../a.html#none">x</a><a name="old"></a>')
    (tmp_path / "a.html").write_text(
        '<a href="deep/b.html#here">fine</a> <a href="deep/b.html#old">fine</a> <a href="https://arxiv.org/">fine</a>'
        '<a href="c.html">gone</a> <img src="no.png"> <script src="https://cdn.example.org/x.js"></script>'
        '<link rel="stylesheet" href="//fonts.example.org/f.css"> <link rel="canonical" href="https://me.example.org/">'
    )
    (tmp_path / "s.css").write_text("@import url(https://fonts.example.org/f.css);")
    assert sorted(links.faults(tmp_path)) == [
        "a.html: c.html leads nowhere",
        "a.html: loads //fonts.example.org/f.css from elsewhere",
        "a.html: loads https://cdn.example.org/x.js from elsewhere",
        "a.html: no.png leads nowhere",
        "deep/b.html: ../a.html#none has no such anchor",
        "s.css: loads something from elsewhere",
    ]


def markdown(text: str) -> str:
    """A page with equations and citations, as the site shows it."""
    extensions = ["pymdownx.arithmatex", "makers.notation"]
    settings = {"pymdownx.arithmatex": {"generic": True}}
    return pytest.importorskip("markdown").markdown(text, extensions=extensions, extension_configs=settings)


def test_equations_become_mathml_that_browsers_know():
    pytest.importorskip("latex2mathml")
    tex = r"\arg\min_x E_{\mathrm{ads}}\,\mathrm{d}x,\qquad \langle a\rangle"
    page = markdown(rf"With $\mathbf x\in\mathbb R^3$:" f"\n\n$${tex}$$")
    assert "<script" not in page and "\\" not in page and page.count("<math") == 3
    assert "𝐱" in page and "ℝ" in page and 'mathvariant="b' not in page
    assert "<munder><mo>argmin</mo><mi>x</mi></munder>" in page and 'mathvariant="normal">ads</mi>' in page
    assert '<mi mathvariant="normal">d</mi>' in page
    signs = markdown(r"$y=-2\ln x-|\Omega|$")
    assert signs.count('form="prefix"') == 1 and '<mo lspace="0.167em" rspace="0.167em">ln</mo>' in signs
    assert '<mi mathvariant="normal">Ω</mi>' in signs and signs.count('lspace="0" rspace="0">|<') == 2
    with pytest.raises(ValueError, match="no browser will show"):
        markdown(r"$$\nosuchcommand x$$")


def test_every_equation_of_the_map_can_be_shown():
    pytest.importorskip("latex2mathml")
    from makers.notation import mathml, parts

    from erlangen.atlas import atlas

    for prose in atlas().pages.values():
        for part in parts(prose.equation):
            assert mathml(part, block=True).startswith('<math display="block">'), prose.path


@pytest.mark.parametrize(
    ("text", "address", "rest"),
    [
        ("(Pfeuty 1970, doi:10.1016/0003-4916(70)90270-8).", "https://doi.org/10.1016/0003-4916(70)90270-8", ")."),
        ("see doi:10.1103/PhysRevB.64.024512, and", "https://doi.org/10.1103/PhysRevB.64.024512", ", and"),
        ("Li et al. 2021, arXiv:2010.08895. No", "https://arxiv.org/abs/2010.08895", ". No"),
    ],
)
def test_citations_become_links_without_the_punctuation_behind_them(text, address, rest):
    pytest.importorskip("latex2mathml")
    page = markdown(text)
    assert f'href="{address}"' in page and page.split("</a>")[1].startswith(rest)
    assert markdown(f"`{text}`").count("<a ") == 0


def test_docstrings_are_shown_as_they_stand():
    griffe = pytest.importorskip("griffe")
    from makers import docstrings

    text = (
        "Energy <psi|H|psi> of *all* a_b[i] within `core.errors`, for 3 x 3 |x|.\n\n    H = sum_i  s_i s_j     J = 1\n"
        "    E <= 0\nso that it holds:\n    read(x)      a file\n\n- one\n- two"
    )
    owner = griffe.Function("f", parent=griffe.Module("m", parent=griffe.Module("erlangen")))
    made = docstrings.markdown(text, owner, {"erlangen.core.errors"})
    assert "&lt;psi|H|psi&gt;" in made and r"\*all\*" in made and r"a\_b\[i\]" in made and "- one\n- two" in made
    assert '<autoref optional identifier="erlangen.core.errors">`core.errors`</autoref>' in made
    assert "```text\nH = sum_i  s_i s_j     J = 1\nE <= 0\n```" in made and "```text\nread(x)      a file\n```" in made
    shown = pytest.importorskip("markdown").markdown(made, extensions=["pymdownx.superfences"])
    assert "of *all* a_b[i]" in shown and "<em>" not in shown


def test_remarks_behind_fields_are_their_docstrings(tmp_path):
    griffe = pytest.importorskip("griffe")
    from makers.docstrings import Plain

    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "__init__.py").write_text(
        '"""Room."""\nclass A:\n    """A."""\n    n: int = 3  # points <= 4\n    m: int = 4  # type: ignore\n'
    )
    loaded = griffe.load("sample", search_paths=[tmp_path], extensions=griffe.load_extensions(Plain()))
    assert loaded["A.n"].docstring.value == "points &lt;= 4" and loaded["A.m"].docstring is None


def test_the_record_that_pages_show_is_one_that_ships():
    from makers import shown

    kept = json.loads((ROOT / "erlangen/board/continuum/burgers/fno-conformal-s0.json").read_text())
    text, page = shown.burgers(), (ROOT / "docs" / "first_record.md").read_text()
    assert f"erlangen run {kept['data']['board']}\n" in page
    assert "label floor" in text and "break-even N*" in text and "90 %" in text
