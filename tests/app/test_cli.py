"""The command line: quick where it must be, one message and exit code 2 for bad input, settings as flags."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from erlangen.app import cli
from erlangen.leaves import areas

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"
RING = ["run", "mechanics/ring", "--method", "wave_regression"]


@pytest.fixture(autouse=True)
def plugin(monkeypatch, tmp_path):
    monkeypatch.setenv("ERLANGEN_PATH", str(PLUGIN))
    monkeypatch.chdir(tmp_path)


def call(capsys, *argv: str) -> tuple[int, str, str]:
    code = cli.main(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    "argv",
    [
        ["list"],
        ["list", "--all"],
        ["list", "--json"],
        ["--help"],
        ["run", "--help"],
        [*RING, "--help"],
        ["list", "--runs"],
    ],
)
def test_quick_commands_do_not_load_the_numeric_stack(argv):
    heavy = ("jax", "numpy", "scipy", "rich", "matplotlib", "equinox")
    call = f"from erlangen.app.cli import main; main({argv!r})"
    code = f"import sys; {call}; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert out.stdout.splitlines()[-1] == "[]"


def test_importing_the_package_loads_nothing():
    code = "import sys, erlangen; print([m for m in ('jax', 'numpy', 'argparse') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_public_names_exist():
    import erlangen

    for name in erlangen.__all__:
        assert getattr(erlangen, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'rnu'"):
        erlangen.rnu  # noqa: B018


def test_list_tells_running_from_planned(capsys):
    code, out, _ = call(capsys, "list")
    assert code == 0 and "mechanics/ring" in out and "proteins/folding" not in out
    code, out, _ = call(capsys, "list", "--all")
    assert "proteins/folding" in out and "planned" in out
    code, out, _ = call(capsys, "list", "--all", "--json")
    leaves = {leaf["path"]: leaf for leaf in json.loads(out)["leaves"]}
    assert leaves["mechanics/ring"]["state"] == "running"
    assert leaves["proteins/folding"]["state"] == "planned"


def test_the_map_covers_the_whole_survey():
    leaves = [leaf for area in areas() for leaf in area.leaves]
    assert {n for leaf in leaves for n in leaf.survey} == set(range(1, 32))
    assert len({leaf.path for leaf in leaves}) == len(leaves)
    assert all(leaf.symmetry and leaf.line for leaf in leaves if leaf.task is None)


def test_show_a_task_a_method_and_a_planned_leaf(capsys):
    code, out, _ = call(capsys, "show", "mechanics/ring")
    assert code == 0 and "--coupling" in out and "wave_regression" in out.split("Answered by:")[1]
    code, out, _ = call(capsys, "show", "wave_regression")
    assert code == 0 and "Answers: " in out and "mechanics/ring" in out
    code, out, _ = call(capsys, "show", "proteins/folding")
    assert code == 0 and "Planned" in out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["lits"], ["command must be a known name", "list"]),
        (["list", "quantun"], ["area", "quantum"]),
        (["list", "--al"], ["flag", "--all"]),
        (["show", "quantum/spin"], ["quantum/spins"]),
        (["run"], ["a task must be named"]),
        (["run", "mechanics/rng", "--method", "wave_regression"], ["task must be a known name", "mechanics/ring"]),
        (["run", "mechanics/ring"], ["no --method", "wave_regression"]),
        (["run", "mechanics/ring", "--method", "wave_regresion"], ["wave_regression"]),
        ([*RING, "--couplin", "2"], ["flag", "--coupling"]),
        ([*RING, "--coupling", "strong"], ["--coupling must be a number", "'strong'"]),
        ([*RING, "--n", "3.5"], ["--n must be a whole number", "'3.5'"]),
        ([*RING, "--budget", "soon"], ["budget", "'soon'"]),
        ([*RING, "--seed", "one"], ["--seed", "'one'"]),
        ([*RING, "--seeds", "0"], ["--seeds must be at least 1"]),
        ([*RING, "--wrap", "conformist"], ["wrapper", "conformal"]),
        ([*RING, "stray"], ["stray"]),
        (["run", "continuum/burgers", "--method", "fno", "--viscosity", "-1"], ["viscosity must be above 0", "0.01"]),
        (["run", "continuum/burgers", "--method", "fno", "--width", "0"], ["width must be 1 to 4096", "came: 0"]),
        (["run", "continuum/kolmogorov", "--method", "fno", "--forcing-mode", "40"], ["forcing_mode", "1 to 16"]),
        (["run", "molecules/forces", "--method", "painn", "--radial.cutoff", "nan"], ["cutoff must be", "came: nan"]),
        (["run", "quantum/spins", "--method", "fno"], ["must accept the task"]),
        (["data", "inof"], ["action", "info"]),
        (["data", "clear", "--older-than", "long"], ["age", "30d"]),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(capsys, argv, words):
    code, _, err = call(capsys, *argv)
    assert code == 2
    assert err.startswith("erlangen: ") and err.count("\n") == 1 and "Traceback" not in err
    for word in words:
        assert word in err


def test_debug_keeps_the_traceback():
    with pytest.raises(ValueError, match="known name"):
        cli.main(["lits", "--debug"])


def test_ctrl_c_is_130_with_a_hint(capsys, monkeypatch):
    from erlangen.app import cli_run

    def stop(argv):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_run, "run", stop)
    code, _, err = call(capsys, *RING)
    assert code == 130 and "--resume" in err


def test_run_keeps_a_record_with_the_settings_given(capsys, tmp_path):
    argv = ["--n", "8", "--count", "24", "--coupling=0.5", "--ridge", "1e-5", "--wrap", "conformal"]
    options = ["--conformal-level", "0.8", "--budget", "5s", "--out", "kept", "--quiet", "--seed", "3"]
    code, out, _ = call(capsys, *RING, *argv, *options)
    assert code == 0 and "error of one step" in out and "erlangen report kept" in out
    (folder,) = (p for p in (tmp_path / "kept").iterdir() if not p.name.startswith("."))
    record = json.loads((folder / "record.json").read_text())
    assert record["task_fields"]["n"] == 8 and record["task_fields"]["coupling"] == 0.5
    assert record["method_fields"] == {"ridge": 1e-5}
    assert (
        record["seed"] == 3
        and record["wraps"] == [{"name": "conformal", "settings": {"level": 0.8}}]
        and record["state"] == "done"
    )
    code, out, _ = call(capsys, "list", "--runs", "kept")
    assert code == 0 and folder.name in out


def test_doctor_reports_versions_device_and_broken_plug_ins(capsys, monkeypatch, tmp_path):
    (tmp_path / "tasks" / "area").mkdir(parents=True)
    (tmp_path / "tasks" / "area" / "bad.py").write_text("def (")
    monkeypatch.setenv("ERLANGEN_PATH", os.pathsep.join([str(tmp_path), "/nowhere"]))
    code, out, _ = call(capsys, "doctor")
    assert code == 1 and "jax " in out and "float64" in out and "SyntaxError" in out
    assert "/nowhere, which holds neither" in out


def test_data_shows_verifies_and_clears_the_cache(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("ERLANGEN_CACHE", str(tmp_path / "cache"))
    assert call(capsys, "data")[1].strip() == f"{tmp_path / 'cache'}: 0 sets of labels, 0.0 MB"
    assert call(capsys, "data", "verify")[0] == 0
    assert call(capsys, "data", "clear", "--older-than", "30d")[0] == 0


@pytest.fixture
def broken_plugin(monkeypatch, tmp_path):
    """A plug-in folder whose method forgets its docstring source and answers under the wrong name."""
    method = tmp_path / "plug" / "methods" / "guesses" / "guess.py"
    method.parent.mkdir(parents=True)
    method.write_text(
        '"""A guess without a source."""\n'
        "import dataclasses\n"
        "from erlangen.contract import Predictor, Method, Signature, Evolution\n"
        "from erlangen.core.systems import Field\n"
        "class Silent(Predictor):\n"
        "    def __call__(self, x):\n"
        "        return {'nothing': 0.0}\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Guess(Method):\n"
        "    accepts = Signature(Evolution, Field, frozenset({'v'}))\n"
        "    def fit(self, task, budget, *, key, session=None):\n"
        "        return Silent()\n"
    )
    monkeypatch.setenv("ERLANGEN_PATH", os.pathsep.join([str(PLUGIN), str(tmp_path / "plug")]))


def test_check_names_the_broken_rules_and_goes_on(capsys, broken_plugin):
    code, out, _ = call(capsys, "check", "guess")
    assert code == 1 and "guess on mechanics/ring: outputs" in out and "BROKEN" in out
    code, _, err = call(capsys, "check", "gess")
    assert code == 2 and "guess" in err
