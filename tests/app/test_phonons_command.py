"""`erlangen phonons` and `elastic`: numbers of Stillinger-Weber silicon, files that are written, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from erlangen.app import cli


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    ase.io.write("si.vasp", bulk("Si", "diamond", 5.431))
    ase.io.write("water.xyz", Atoms("OH2", [[0, 0, 0], [0.96, 0, 0], [0, 0.96, 0]]))


def call(capsys, *argv):
    code = cli.main(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


def test_silicon_vibrates_as_its_law_says_and_the_files_hold_it(capsys, tmp_path):
    """The Raman mode of this law lies at 17.83 THz (measured: 15.5)."""
    words = ["phonons", "si.vasp", "--law", "sw", "--mesh", "4", "--points", "20", "--plot", "si.png"]
    code, out, _ = call(capsys, *words, "--out", "si.json")
    assert code == 0 and "2 atoms, 6 modes" in out and "IMAGINARY" not in out and (tmp_path / "si.png").stat().st_size
    kept = json.loads((tmp_path / "si.json").read_text())
    assert np.max(kept["frequencies_THz"]) == pytest.approx(17.83, abs=0.02)
    assert kept["labels"][0][1] == "G" and len(kept["q"]) == 20
    code, _, err = call(capsys, *words, "--out", "other.csv")
    assert code == 2 and "si.png exists" in err and not (tmp_path / "other.csv").exists()
    assert call(capsys, *words, "--out", "other.csv", "--force")[0] == 0
    assert (tmp_path / "other.csv").read_text().count("\n") == 21


def test_silicon_has_the_published_elastic_constants(capsys):
    """C11, C12, C44 = 151.4, 76.4, 56.4 GPa (Balamane et al. 1992, doi:10.1103/PhysRevB.46.2250)."""
    code, out, _ = call(capsys, "elastic", "si.vasp", "--law", "stillinger-weber", "--out", "c.json")
    c = np.array(json.loads(Path("c.json").read_text())["constants"])
    assert code == 0 and out.strip().endswith("c.json") and "stable" in out
    assert (c[0, 0], c[0, 1], c[3, 3]) == pytest.approx((151.4, 76.4, 56.4), abs=0.1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["phonons", "si.vasp"], "neither --law nor --model"),
        (["phonons", "si.vasp", "--law", "sv"], "Did you mean"),
        (["phonons", "water.xyz", "--law", "lj"], "periodic in three directions"),
        (["phonons", "si.vasp", "--law", "emt"], "Si"),
        (["phonons", "si.vasp", "--law", "sw", "--mesh", "0"], "positive"),
        (["phonons", "si.vasp", "--law", "sw", "--plot", "a.txt"], "ending of a picture"),
        (["elastic", "si.vasp", "--law", "sw", "--out", "a.txt"], ".json or .csv"),
        (["elastic", "none.cif", "--law", "sw"], "none.cif"),
    ],
)
def test_bad_input_is_told_in_one_sentence(capsys, words, said):
    code, _, err = call(capsys, *words)
    assert code == 2 and said in err and err.count("\n") == 1
