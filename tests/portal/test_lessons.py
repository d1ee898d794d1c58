"""Lessons in the portal: text, equations, code with what it printed, exercise without its answer, the notebook."""

from __future__ import annotations

import json
import re

import pytest
from portal.declared import faults

from erlangen import lessons
from erlangen.core.errors import Invalid
from erlangen.portal import api, pages
from erlangen.portal import lessons as shown
from erlangen.portal.answers.reading import LessonAnswer
from erlangen.portal.export import export
from erlangen.portal.library import Library

NAME = "continuum/burgers"


def test_a_lesson_is_text_equations_code_and_what_it_printed(library):
    found = api.answer(library, f"lesson/{NAME}", {})
    assert not faults(json.loads(api.encoded(found)), LessonAnswer)
    kinds = [block["kind"] for block in found["blocks"]]
    assert {"heading", "text", "equation", "code", "output", "exercise", "solution"} <= set(kinds)
    assert kinds.index("output") == kinds.index("code") + 1
    texts = {block["kind"]: block["text"] for block in reversed(found["blocks"])}
    assert texts["equation"].startswith("u_t") and "$$" not in texts["equation"]
    assert "one-step nRMSE" in texts["output"] and re.match(r"Printed in \d+ s on .+, \d{4}-\d\d-\d\d", found["ran"])
    assert texts["solution"].startswith("def answer") and found["leaf"]["href"] == f"leaf/{NAME}/"
    asked = next(b["text"] for b in reversed(found["blocks"]) if b["kind"] == "code")
    assert lessons.YOURS in asked and "assert" in asked and "np.roll" not in asked


def test_a_leaf_links_to_its_lesson_and_lessons_to_the_next(library):
    assert api.answer(library, f"leaf/{NAME}", {})["lesson"] == f"lesson/{NAME}/"
    assert api.answer(library, "leaf/proteins/folding", {})["lesson"] == ""
    rows = api.answer(library, "lessons", {})["lessons"]
    assert [row["path"] for row in rows] == list(lessons.lesson_files()) and all(row["line"] for row in rows)
    following = [api.answer(library, f"lesson/{row['path']}", {})["next"] for row in rows]
    assert [one and one["href"] for one in following] == [*(row["href"] for row in rows[1:]), None]
    with pytest.raises(Invalid, match=NAME):
        api.answer(library, "lesson/continuum/burger", {})


def test_the_page_reads_without_a_script(library):
    text = pages.page(library, f"lesson/{NAME}/", {})
    assert "<h2>Exercise</h2>" in text and "<details><summary>One solution</summary>" in text
    assert '<a href="https://doi.org/10.1090/qam/42889" rel="noopener noreferrer">Cole (1951)</a>' in text
    assert f'href="../../../notebooks/{NAME}.ipynb"' in text


def test_the_notebook_is_served_and_exported(client, tmp_path):
    path = f"{shown.NOTEBOOKS}{NAME}.ipynb"
    status, headers, body = client.get(f"/{path}")
    assert status == 200 and headers["content-type"] == "application/x-ipynb+json"
    assert json.loads(body) == lessons.notebook(lessons.lesson(NAME))
    for wrong in (f"{NAME}.py", "../../../setup", "theory/nothing.ipynb", "%2e%2e/%2e%2e/Makefile"):
        assert client.get(f"/{shown.NOTEBOOKS}{wrong}")[0] == 404
    export(Library(None, mode="export"), tmp_path / "site")
    assert (tmp_path / "site" / path).read_bytes() == body
    assert f'href="../../../{path}"' in (tmp_path / "site" / "lesson" / NAME / "index.html").read_text()
