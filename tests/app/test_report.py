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
from erlangen.app import plots, plots_pictures
from erlangen.app.cli_run import question_and_answer
from erlangen.app.report import report
from erlangen.assess import calibration
from erlangen.assess.rows import SymmetryRow
from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.learn.supervised import Training
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.methods.wrappers.ensemble import Ensemble
from erlangen.nn.radial import Bessel
from erlangen.study.repeat import command
from erlangen.study.run import _blank as blank

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))
from records import burgers, burgers_arrays, drawn, ethanol, ethanol_arrays, fields_of, ising, ising_arrays

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
    root = tmp_path_factory.mktemp("tour")
    runs = ((burgers(), burgers_arrays()), (ethanol(), ethanol_arrays()), (ising(), ising_arrays()))
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
        *("parity of u", "examples of u", "shift of viscosity", "coverage, shift of viscosity", "cost of 20 steps"),
        *("parity of energy", "parity of forces", "structures with forces", "reliability", "shift of temperature"),
        *("errors in intervals of forces", "energy", "variance", "coverage of the intervals"),
    ):
        assert any(alt == one for one in found), (alt, found)
    for alt in ("learning", "coverage", "cost", "audited symmetry"):
        assert sum(alt in one for one in found) >= 2, (alt, found)


def plane(shape: tuple[int, ...], lengths: tuple[float, ...]):
    """A record with samples of a field of this shape, and its arrays."""
    w = np.random.default_rng(0).normal(size=(5, *shape))
    predicted = w + np.array([3.0, 1.0, 9.0, 2.0, 4.0]).reshape(5, *(1 for _ in shape))
    record = dataclasses.replace(burgers(), coverage=[], panels=[])
    return record, drawn(record, [], samples=fields_of(w, predicted, None, lengths)).arrays


def test_fields_in_two_dimensions_are_shown_as_images_and_the_typical_and_the_worst_sample_are_found(tmp_path):
    record, arrays = plane((16, 24), (2.0, 3.0))
    np.testing.assert_array_equal(arrays["samples/rows"], [1, 0, 2])
    np.testing.assert_array_equal(arrays["samples/1/u/true"], arrays["samples/1/input/u"])
    (panel,) = (p for p in record.panels if p.kind == "field")
    assert [one.label for one in panel.series] == ["typical sample", "worst sample"]
    figure = plots_pictures.field(panel, arrays)
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    np.testing.assert_allclose(shown[5], np.full((24, 16), 9.0), atol=1e-12)
    np.testing.assert_allclose(shown[0], arrays["samples/1/u/true"].T)
    text = report(folder_of(tmp_path, record, arrays), tmp_path / "page.html").read_text()
    assert "examples of u" in text
    less = {name: values for name, values in arrays.items() if name != "samples/2/u/true"}
    wrong = report(folder_of(tmp_path / "wrong", record, less), tmp_path / "page.html").read_text()
    assert "examples of u" not in wrong and "parity of u" in wrong


def test_of_a_vector_field_one_component_is_shown():
    record, arrays = plane((16, 24, 2), (2.0, 3.0))
    (panel,) = (p for p in record.panels if p.kind == "field")
    figure = plots_pictures.field(panel, arrays)
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), arrays["samples/1/u/true"][..., 0].T)
    assert figure.axes[0].get_ylabel() == "typical sample\nposition y [L]"


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
        numbers = {k: v for k, v in burgers_arrays().items() if v.dtype.kind != "U"}
        spoilt = {k: np.full_like(v, np.nan, dtype=float) for k, v in numbers.items()}
        np.savez(folder / "arrays.npz", **spoilt)
    words = " ".join(Page(report(folder, tmp_path / "page.html").read_text()).words)
    assert ("plots of single predictions are left out" in words) == (arrays in ("none", "broken"))


def test_a_run_that_has_barely_begun_still_has_a_page(tmp_path):
    lists = "scores symmetry coverage shifts solvers published panels messages"
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
    found, with_method, options = question_and_answer(words[2:], task, method[0])
    assert (found, with_method, options.budget, options.seed) == (asked, answer, "90s", 4)


def test_intervals_that_know_their_errors_lie_on_the_diagonal():
    noise = np.random.default_rng(3)
    width = np.exp(noise.normal(size=40_000)) * 0.01
    error = np.abs(noise.normal(size=width.size)) * width / 1.6448536  # the 90 % quantile of |N(0, 1)|
    x, y, spread = calibration.binned_quantile(width, error, 0.9)
    assert len(x) == calibration.BINS and np.all(np.diff(x) > 0)
    inner = slice(1, -1)  # the outermost bins mix very different widths
    np.testing.assert_allclose(y[inner] / x[inner], 1, atol=0.06)
    assert np.all(spread > 0) and np.all(np.abs(y - x)[inner] < 5 * spread[inner])
    x, y, _ = calibration.binned_quantile(np.repeat([0.02, 0.05], 500), np.tile(np.linspace(0, 0.02, 500), 2), 0.5)
    np.testing.assert_allclose(x, [0.02, 0.05])
    np.testing.assert_allclose(y, 0.01, atol=1e-9)


def test_a_step_and_a_trajectory_have_a_plot_of_cost_each():
    arrays = burgers_arrays()
    drawn_panels = [plots.curve(p, arrays).axes[0] for p in burgers().panels if p.name.startswith("cost")]
    step, path = drawn_panels
    assert (step.get_xlabel(), path.get_xlabel()) == ("time of one step", "time of 20 steps")
    assert (step.get_ylabel(), path.get_ylabel()) == ("one-step error [%]", "error after 20 steps [%]")
    words = [text.get_text() for text in path.texts]
    assert "as accurate: spectral solver, points = 48, 6 ms" in words and {"16", "96", "fno"} <= set(words)
    assert "solver 2.7× slower: training pays after N* = 41,842 trajectories" in words
    labels = [*words, *path.get_legend_handles_labels()[1]]
    assert any("error of the labels: 8e-4 %" in text for text in labels)
    (single,) = (p for p in ethanol().panels if p.name == "cost")
    axes = plots.curve(single, ethanol_arrays()).axes[0]
    assert axes.get_xlabel() == "time per query" and axes.get_xscale() == axes.get_yscale() == "log"


def test_shifts_start_where_the_answer_was_trained():
    arrays = ethanol_arrays()
    (panel,) = (p for p in ethanol().panels if p.name == "shift of temperature")
    axes = plots.curve(panel, arrays).axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["500", "700", "1000"]
    assert {"1.6×", "3.3×"} <= {text.get_text() for text in axes.texts} and axes.get_ylabel() == "error [meV/Å]"
    np.testing.assert_allclose(arrays[panel.series[0].arrays["y"]], [14.2, 14.2 * 1.6, 14.2 * 3.3])
    (held,) = (p for p in ethanol().panels if p.name == "coverage, shift of temperature")
    np.testing.assert_allclose(arrays[held.series[0].arrays["y"]], [90.5, 81, 61])


def test_a_solver_that_blew_up_and_an_answer_that_did_are_not_drawn(tmp_path):
    record = burgers()
    record.scores[1].value = float("nan")
    record.solvers[-1].scores["nrmse_20"] = float("inf")
    arrays = drawn(record, []).arrays
    text = report(folder_of(tmp_path, record, arrays), tmp_path / "page.html").read_text()
    assert "cost of 20 steps" in text and "blew up" in text
    (panel,) = (p for p in record.panels if p.name == "cost of 20 steps")
    assert [one.look for one in panel.series] == ["solver", "level"]
    assert list(arrays[panel.series[0].arrays["names"]]) == ["16", "32", "48", "64"]


def test_drawing_changes_nothing_global_and_repeats_bit_for_bit():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    (panel,), arrays = (p for p in burgers().panels if p.name == "learning"), burgers_arrays()
    first, second = (plots.svg(plots.curve, panel, arrays) for _ in range(2))
    assert first == second and dict(mpl.rcParams) == before


def test_matplotlib_is_imported_only_when_something_is_drawn():
    code = "import sys, erlangen.app.report; print([m for m in ('matplotlib', 'jax') if m in sys.modules])"
    assert "matplotlib" not in subprocess.check_output([sys.executable, "-c", code], text=True)
