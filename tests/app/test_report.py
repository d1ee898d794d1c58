"""The report: self-contained, complete, robust against what a run folder may lack, and truthful about a record."""

from __future__ import annotations

import base64
import dataclasses
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from erlangen import registry
from erlangen.app import plots, plots_cost, plots_fields, plots_trust
from erlangen.app.cli_run import _question_and_answer
from erlangen.app.repeat import command
from erlangen.app.report import report
from erlangen.assess.rows import SymmetryRow
from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.learn.supervised import Training
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.methods.wrappers.ensemble import Ensemble
from erlangen.nn.radial import Bessel
from erlangen.study.run import _blank as blank
from erlangen.study.work_precision import comparisons

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))
from records import burgers, burgers_arrays, ethanol, ethanol_arrays, ising

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects what a page refers to, its text and its images, and checks that tags are closed in order."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.references, self.images, self.words = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        self.references += [v for k, v in attrs if k in ("src", "href", "action", "data", "srcset", "background")]
        if tag == "img":
            assert values["alt"]
            self.images.append(base64.b64decode(values["src"].removeprefix("data:image/svg+xml;base64,")))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def folder_of(root: Path, record, arrays=None) -> Path:
    folder = root / record.run
    folder.mkdir(parents=True)
    record.write(folder)
    if arrays is not None:
        np.savez_compressed(folder / "arrays.npz", **arrays)
    return folder


def page_of(root: Path, *runs) -> Page:
    folders = [folder_of(root / str(i), *run) for i, run in enumerate(runs)]
    return Page(report(folders, root / "page.html").read_text())


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """The text of a page with one run of each scale."""
    root, noise = tmp_path_factory.mktemp("tour"), np.random.default_rng(0)
    spins = {"local_energies": noise.normal(-20.4, 1e-3, 500)}
    runs = ((burgers(), burgers_arrays()), (ethanol(), ethanol_arrays()), (ising(), spins))
    return report([folder_of(root, *run) for run in runs], root / "page.html").read_text()


def test_the_page_asks_for_nothing_outside_itself(tour):
    page = Page(tour)
    assert page.references and all(reference.startswith("data:image/svg+xml") for reference in page.references)
    assert "<script" not in tour and "@import" not in tour and "url(" not in tour
    for image in page.images:
        drawing = ElementTree.fromstring(image)
        outside = [
            v for e in drawing.iter() for k, v in e.attrib.items() if k.endswith("href") and not v.startswith("#")
        ]
        assert all(v.startswith("data:") for v in outside)
    assert len(tour) < 5e6


def test_every_answer_of_the_record_is_on_the_page(tour):
    words = " ".join(Page(tour).words)
    for expected in (
        "3 runs side by side",
        "conformal(fno)",
        "0.410 ± 0.021 %",
        "837,000 queries",
        "90.40 ± 0.60 %",
        "6.10 × error",
        "not claimed",
        "arXiv:2010.08895",
        "budget used up",
        "jax 0.10.2",
        "--conformal-level 0.9",
        "points = 48",
    ):
        assert expected in words


def test_every_scale_gets_its_plots(tour):
    found = re.findall("alt='([^']*)'", tour)
    for alt in (
        *("predicted against true u", "true and predicted u", "error against viscosity"),
        *("predicted against true energy", "predicted against true forces", "reliability", "error against temperature"),
        *("energy against step", "histogram of local energies"),
    ):
        assert any(alt in one for one in found), (alt, found)
    for alt in ("loss against step", "coverage of the intervals", "error against time per query", "audited symmetry"):
        assert sum(alt in one for one in found) >= 2, (alt, found)


def test_fields_in_two_dimensions_are_shown_as_images(tmp_path):
    grid = {"points": [16, 24], "lengths": [2.0, 3.0]}
    record = dataclasses.replace(burgers(), data={"outputs": {"w": "vorticity w [1/T]"}, "grid": grid}, coverage=[])
    w = np.random.default_rng(0).normal(size=(5, 16, 24))
    arrays = {"test/w/true": w.ravel(), "test/w/predicted": w.ravel() + 0.1}
    text = report(folder_of(tmp_path, record, arrays), tmp_path / "page.html").read_text()
    assert "true and predicted w" in text
    wrong = folder_of(tmp_path / "wrong", record, {k: v[:-1] for k, v in arrays.items()})
    assert "true and predicted w" not in report(wrong, tmp_path / "page.html").read_text()


def test_of_a_vector_field_one_component_is_shown(tmp_path, monkeypatch):
    drawn = []
    images = plots_fields.images
    monkeypatch.setattr(plots_fields, "images", lambda *given: drawn.append(given) or images(*given))
    grid = {"points": [16, 24], "lengths": [2.0, 3.0], "axes": ["longitude", "latitude"]}
    data = {"outputs": {"v": "wind v [m/s]"}, "grid": grid, "components": {"v": 2}}
    record = dataclasses.replace(burgers(), data=data, coverage=[])
    v = np.random.default_rng(0).normal(size=(5, 16, 24, 2))
    arrays = {"test/v/true": v.ravel(), "test/v/predicted": v.ravel() + 0.1}
    report(folder_of(tmp_path, record, arrays), tmp_path / "page.html")
    ((true, _, _, names, _),) = drawn
    np.testing.assert_array_equal(true, v[..., 0])
    assert names == ["longitude", "latitude"]


def test_the_typical_and_the_worst_sample_are_found():
    true = np.zeros((5, 4))
    predicted = np.array([3.0, 1.0, 9.0, 2.0, 4.0])[:, None] * np.ones(4)
    assert plots_fields.typical_and_worst(true, predicted) == {"typical sample": 0, "worst sample": 2}


def test_a_violated_symmetry_cannot_be_overlooked(tmp_path):
    row = SymmetryRow("method", "reflection of x", "u", float("nan"), True)
    record = dataclasses.replace(burgers(), symmetry=[*burgers().symmetry, row])
    text = report(folder_of(tmp_path, record), tmp_path / "page.html").read_text()
    assert "class='card bad'" in text and "class='violated'" in text and "VIOLATED: reflection of x" in text


@pytest.mark.parametrize("arrays", ["none", "broken", "empty", "nan"])
def test_a_page_is_written_whatever_the_arrays_are(tmp_path, arrays):
    folder = folder_of(tmp_path, burgers())
    if arrays == "broken":
        (folder / "arrays.npz").write_bytes(b"PK\x03\x04 cut off")
    elif arrays == "empty":
        np.savez(folder / "arrays.npz")
    elif arrays == "nan":
        spoilt = {k: np.full_like(v, np.nan, dtype=float) for k, v in burgers_arrays().items()}
        np.savez(folder / "arrays.npz", **spoilt)
    words = " ".join(Page(report(folder, tmp_path / "page.html").read_text()).words)
    assert ("plots of single predictions are left out" in words) == (arrays in ("none", "broken"))


def test_a_run_that_has_barely_begun_still_has_a_page(tmp_path):
    lists = "scores symmetry coverage shifts opponents peers history messages"
    nothing = {name: [] for name in lists.split()}
    record = dataclasses.replace(burgers(), state="running", cost=None, floor={}, data={}, **nothing)
    page = page_of(tmp_path, (record,), (burgers(),))
    assert "This run is running" in " ".join(page.words)


def test_words_of_a_record_are_text_not_markup(tmp_path):
    record = dataclasses.replace(burgers(), messages=["<script>alert(1)</script> & <b>"], device="<img src=x>")
    text = report(folder_of(tmp_path, record), tmp_path / "page.html").read_text()
    assert "<script>" not in text and "<img src=x>" not in text and "&lt;script&gt;" in text


def test_bad_input_is_refused(tmp_path):
    with pytest.raises(Invalid, match="at least one run"):
        report([], tmp_path / "page.html")
    with pytest.raises(Invalid, match=r"record\.json"):
        report(tmp_path, tmp_path / "page.html")
    folder = folder_of(tmp_path, burgers())
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="writable"):
        report(folder, tmp_path / "file" / "page.html")


def test_the_command_names_what_differs_from_the_defaults():
    record = ethanol()
    words = command(record)
    assert words.startswith("erlangen run molecules/forces --method painn ")
    assert "--wrap conformal --conformal-level 0.9" in words and words.endswith("--budget 150s --seed 0")
    assert "--training.batch 16" in words and "--training.rate" not in words
    assert "--molecule" not in words and "--temperature" not in words  # ethanol at 500 K is the default
    moved = dataclasses.replace(
        record, task_fields={**record.task_fields, "molecule": "CC(=O) C", "temperature": 300.0}
    )
    assert "--molecule 'CC(=O) C'" in command(moved) and "--temperature 300.0" in command(moved)
    twice = dataclasses.replace(
        record, wraps=[{"name": "conformal", "settings": {"level": 0.8}}, {"name": "ensemble", "settings": {"n": 4}}]
    )
    assert "--wrap ensemble --ensemble-n 4 --wrap conformal --conformal-level 0.8" in command(twice)


@pytest.mark.parametrize(
    ("task", "changed", "method"),
    [
        ("quantum/spins", {"periodic": False}, ("rbm", {"alpha": 2, "samples": 2048})),
        (
            "molecules/forces",
            {"molecule": "CC(=O) O"},
            ("painn", {"training": Training(rate=0.5, patience=None), "radial": Bessel(4.25, 8)}),
        ),
        ("continuum/burgers", {}, ("fno", {"modes": 7})),
    ],
)
def test_the_command_line_reads_the_command_back(task, changed, method):
    question = registry.load_task(task)
    asked = question(**{**question.toy, **changed})
    answer = Conformal(Ensemble(registry.load_method(method[0])(**method[1]), n=3), level=0.8)
    record = blank(asked, answer, Budget.parse("90s"), 4)
    words = shlex.split(command(record))
    found, with_method, options = _question_and_answer(words[2:], task, method[0])
    assert (found, with_method, options.budget, options.seed) == (asked, answer, "90s", 4)


def test_intervals_that_know_their_errors_lie_on_the_diagonal():
    noise = np.random.default_rng(3)
    width = np.exp(noise.normal(size=40_000)) * 0.01
    error = np.abs(noise.normal(size=width.size)) * width / 1.6448536  # the 90 % quantile of |N(0, 1)|
    x, y, spread = plots_trust.binned_quantile(width, error, 0.9)
    assert len(x) == plots_trust.BANDS and np.all(np.diff(x) > 0)
    inner = slice(1, -1)  # the outermost bins mix very different widths
    np.testing.assert_allclose(y[inner] / x[inner], 1, atol=0.06)
    assert np.all(spread > 0) and np.all(np.abs(y - x)[inner] < 5 * spread[inner])
    x, y, _ = plots_trust.binned_quantile(np.repeat([0.02, 0.05], 500), np.tile(np.linspace(0, 0.02, 500), 2), 0.5)
    np.testing.assert_allclose(x, [0.02, 0.05])
    np.testing.assert_allclose(y, 0.01, atol=1e-9)


def test_the_plot_of_cost_has_a_panel_for_a_step_and_one_for_a_trajectory():
    step, path = plots_cost.cost_accuracy(burgers(), comparisons(burgers())).axes
    assert (step.get_xlabel(), path.get_xlabel()) == ("time of one step", "time of 20 steps")
    assert (step.get_ylabel(), path.get_ylabel()) == ("one-step error [%]", "error after 20 steps [%]")
    words = [text.get_text() for text in path.texts]
    assert "as accurate: spectral solver, points = 48, 6 ms" in words and {"16", "96", "fno"} <= set(words)
    assert "opponent 2.7× slower: training pays after N* = 41,842 trajectories" in words
    assert any(text.startswith("error of the labels") for text in words)
    (single,) = plots_cost.cost_accuracy(ethanol(), comparisons(ethanol())).axes
    assert single.get_xlabel() == "time per query" and single.get_xscale() == single.get_yscale() == "log"


def test_a_solver_that_blew_up_and_an_answer_that_did_are_not_drawn(tmp_path):
    record = burgers()
    record.scores[1].value = float("nan")
    record.opponents[-1].scores["nrmse_20"] = float("inf")
    text = report(folder_of(tmp_path, record), tmp_path / "page.html").read_text()
    assert "error against time per query" in text and "blew up" in text


def test_drawing_changes_nothing_global_and_repeats_bit_for_bit():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    first, second = (plots.svg(plots.learning_curve, burgers().history) for _ in range(2))
    assert first == second and dict(mpl.rcParams) == before


def test_matplotlib_is_imported_only_when_something_is_drawn():
    code = "import sys, erlangen.app.report; print([m for m in ('matplotlib', 'jax') if m in sys.modules])"
    assert "matplotlib" not in subprocess.check_output([sys.executable, "-c", code], text=True)
