"""`erlangen md` and `relax`: files that ASE reads, a restart to the same bits, bad input told before any work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import erlangen
from erlangen.app import cli
from erlangen.app.trajectories import Folder

MD = ["md", "ar.xyz", "--law", "lj", "--temperature", "30", "--dt", "4fs", "--every", "5"]


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    apart = 3.82 * np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.866, 0], [0.5, 0.289, 0.816]])
    ase.io.write("ar.xyz", Atoms("Ar4", apart))


def call(capsys, *argv):
    code = cli.main(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_simulation_that_was_killed_in_the_middle_of_a_block_ends_in_the_same_bits(capsys, monkeypatch):
    monkeypatch.setattr("erlangen.app.cli_md.BLOCK", 20)
    assert call(capsys, *MD, "--time", "0.32ps", "--out", "whole")[0] == 0
    save = Folder.save

    def killed(self, simulation, state, blocks):
        if blocks == 3:
            raise KeyboardInterrupt
        save(self, simulation, state, blocks)

    monkeypatch.setattr(Folder, "save", killed)
    code, _, err = call(capsys, *MD, "--time", "0.32ps", "--out", "cut")
    assert code == 130 and "goes on from the last block" in err
    monkeypatch.setattr(Folder, "save", save)
    code, out, _ = call(capsys, *MD, "--time", "0.32ps", "--out", "cut")
    assert code == 0 and "drift" in out and "equipartition" in out
    for name in ("trajectory.extxyz", "log.csv", "summary.json"):
        assert Path("cut", name).read_bytes() == Path("whole", name).read_bytes()
    frames = ase.io.read("whole/trajectory.extxyz", ":")
    assert len(frames) == 17 and frames[-1].info["time"] == 320
    log = Folder(Path("whole"), 1).series(0)
    assert frames[3].get_potential_energy() == pytest.approx(log["potential_eV"][3], abs=1e-9)
    assert frames[3].get_kinetic_energy() == pytest.approx(log["kinetic_eV"][3], rel=1e-8)
    # longer goes on from the end; other settings are refused
    code, _, _ = call(capsys, *MD, "--time", "0.4ps", "--out", "cut")
    assert code == 0 and len(ase.io.read("cut/trajectory.extxyz", ":")) == 21
    code, _, err = call(capsys, *MD, "--time", "0.4ps", "--out", "cut", "--seed", "1")
    assert code == 2 and "seed: 0 there, 1 now" in err


def test_an_explosion_keeps_the_last_good_frame_and_names_the_cause(capsys):
    ase.io.write("close.xyz", Atoms("Ar2", [[0, 0, 0], [2.6, 0, 0]]))
    argv = ["md", "close.xyz", "--law", "lj", "--ensemble", "nve", "--temperature", "1", "--every", "1"]
    code, out, err = call(capsys, *argv, "--time", "1200fs", "--dt", "60fs")
    assert code == 2 and "moved by more than" in err and "last good frame" in err and "stopped" in out
    frames = ase.io.read("close-md/trajectory.extxyz", ":")
    assert 1 <= len(frames) < 20 and np.all(np.isfinite(frames[-1].positions))
    assert json.loads(Path("close-md/summary.json").read_text())[0]["stopped"]


def test_the_disagreement_of_an_ensemble_is_watched(capsys, monkeypatch):
    from erlangen.assess.committee import committee
    from erlangen.assess.ensembles import Members
    from erlangen.physics.interatomic.lennard_jones import LennardJones

    laws = LennardJones(), LennardJones(epsilon=0.012)
    ensemble = committee(Members.of(laws))
    x = ase.io.read("ar.xyz")
    forces = []
    for law in laws:
        x.calc = erlangen.calculator(law=law)
        forces.append(x.get_forces())
    doubt = np.linalg.norm(np.std(forces, axis=0, ddof=1), axis=1).max()
    with monkeypatch.context() as patch:
        patch.setattr("erlangen.app.cli_md.surface_of", lambda *args: ensemble)
        patch.setattr("erlangen.app.cli_md.BLOCK", 20)
        argv = [*MD, "--time", "0.32ps"]
        code, out, err = call(capsys, *argv, "--out", "told", "--alarm", "1e-6")
        assert code == 0 and "eV/A apart at 0 fs" in err and "17 frames beyond the alarm" in out
        log = Folder(Path("told"), 1).series(0)
        assert log["disagreement_eV_A"][0] == pytest.approx(doubt, rel=1e-5)
        code, _, err = call(capsys, *argv, "--out", "stopped", "--alarm", "1e-6", "--alarm-stops")
        assert code == 2 and "agree about every force" in err
        assert len(ase.io.read("stopped/trajectory.extxyz", ":")) == 5
        code, out, err = call(capsys, *argv, "--out", "quiet", "--alarm", "10", "--alarm-stops")
        assert code == 0 and "apart" not in err and "disagreement" in out
        code, _, err = call(capsys, *argv, "--out", "none", "--alarm-stops")
        assert code == 2 and "has a threshold" in err
    code, _, err = call(capsys, *MD, "--time", "1ps", "--alarm", "0.1")
    assert code == 2 and "an ensemble" in err


@pytest.mark.slow
def test_a_trained_ensemble_is_a_surface(tmp_path):
    from erlangen.app.surfaces import surface_of
    from erlangen.core.systems import Atoms as Ours
    from erlangen.methods.message_passing.painn import PaiNN
    from erlangen.methods.wrappers.ensemble import Ensemble
    from erlangen.nn.radial import Bessel
    from erlangen.study.run import run
    from erlangen.tasks.molecules.forces import Forces

    method = Ensemble(PaiNN(channels=4, layers=1, radial=Bessel(4.0, 4)), n=2)
    task = Forces(molecule="water", n_train=5, n_test=3)
    folder = run(task, method, budget="2steps", runs=tmp_path / "runs", quiet=True).folder
    x = Ours(np.array([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]), np.array([8, 1, 1], np.int32))
    committee = surface_of(None, str(folder))
    doubt = np.asarray(committee.disagreement(x))
    assert doubt.shape == (3,) and doubt.max() > 0
    assert np.asarray(committee.shares(x)).shape == (3,)


def test_relaxed_structures_open_in_ase(capsys):
    a = bulk("Ar", "fcc", 5.4, cubic=True)
    ase.io.write("two.xyz", [a, a])
    code, out, _ = call(capsys, "relax", "two.xyz", "--law", "lj", "--cell", "--symmetry", "--fmax", "0.001")
    assert code == 0 and "2 of 2 relaxed" in out
    last = ase.io.read("two.relaxed.extxyz", 1)
    assert np.abs(last.get_stress()).max() < 1e-4 and last.get_potential_energy() < -0.3
    code, _, err = call(capsys, "relax", "two.xyz", "--law", "lj")
    assert code == 2 and "two.relaxed.extxyz exists" in err


def bad_files():
    a = bulk("Ar", "fcc", 5.4, cubic=True)
    a.set_cell(a.cell.array[[1, 0, 2]], scale_atoms=True)
    ase.io.write("left.xyz", a)
    ase.io.write("slab.xyz", bulk("Ar", "fcc", 5.4, cubic=True))
    text = Path("slab.xyz").read_text()
    Path("slab.xyz").write_text(text.replace('pbc="T T T"', 'pbc="T T F"'))
    Path("flat.xyz").write_text(text.replace("5.4 0.0 0.0 0.0 5.4 0.0 0.0 0.0 5.4", "0 0 0 0 5.4 0.0 0.0 0.0 5.4"))
    ase.io.write("close.xyz", Atoms("Ar2", [[0, 0, 0], [0.5, 0, 0]]))
    Path("full").mkdir()
    Path("full/mine.txt").write_text("")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("md ar.xyz --time 1ps --temperature 3", "one potential is named"),
        ("md ar.xyz --law lh --time 1ps --temperature 3", "lj"),
        ("md ar.xyz --law lj --time 1ps", "a bath has a temperature"),
        ("md ar.xyz --law lj --time 1ps --ensemble nve", "no momenta"),
        ("md ar.xyz --law lj --time 1ps --temperature -3", "--temperature is positive"),
        ("md ar.xyz --law lj --time 1ps --temperature 3 --dt 0fs", "--dt is a positive time"),
        ("md ar.xyz --law lj --time 10 --temperature 3", "--time is a positive time with its unit"),
        ("md ar.xyz --law lj --time 1ps --temperature 3 --every 0", "--every is at least 1"),
        ("md ar.xyz --law lj --time 1ps --temperature 3 --ensemble npt", "repeats along all three axes"),
        ("md slab.xyz --law lj --time 1ps --temperature 3 --ensemble npt", "repeats along all three axes"),
        ("md left.xyz --law lj --time 1ps --temperature 3", "right-handed"),
        ("relax left.xyz --law lj", "right-handed"),
        ("md flat.xyz --law lj --time 1ps --temperature 3", "span a cell"),
        ("md ar.xyz --law lj --time 1ps --temperature 3 --repeat 2,1,1", "along axes that repeat"),
        ("md close.xyz --law lj --time 1ps --temperature 3", "Relax the structure first"),
        ("md ar.xyz --law lj --time 1ps --temperature 3 --out full", "folder of its own"),
        ("md ar.xyz --law lj --time 1ps --temperature 3 --out ar.xyz/in", "output can be written"),
        ("md ar.xyz --law lj --time 1ps --temperature 3 --thermostat nose", "invalid choice"),
        ("relax ar.xyz --law lj --fmax 0", "fmax and steps are positive"),
        ("relax ar.xyz --law lj --cell", "where all its axes repeat"),
        ("relax none.xyz --law lj", "none.xyz"),
    ],
)  # fmt: skip
def test_bad_input_ends_in_one_message(capsys, argv, said):
    bad_files()
    code, _, err = call(capsys, *argv.split())
    assert code == 2 and said in err and "Traceback" not in err


@pytest.mark.slow
def test_after_kill_9_it_goes_on_to_the_same_trajectory(capsys):
    argv = [*MD, "--time", "80ps", "--replicas", "2"]
    command = [sys.executable, "-m", "erlangen.app.cli", *argv, "--out", "cut"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])})
    log = Path("cut/log.csv")
    while process.poll() is None and not (log.exists() and log.read_text().count("\n") > 900):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert call(capsys, *argv, "--out", "cut")[0] == 0
    assert call(capsys, *argv, "--out", "whole")[0] == 0
    for name in ("trajectory.extxyz", "trajectory-2.extxyz", "log.csv"):
        assert Path("cut", name).read_bytes() == Path("whole", name).read_bytes()
