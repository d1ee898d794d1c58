"""A run as an ASE calculator gives the numbers of `predict` and refuses what it was not made for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.optimize import BFGS

import erlangen
from erlangen.app import cli
from erlangen.core.errors import Invalid

H2 = """2
Properties=species:S:1:pos:R:3:forces:R:3 energy={energy} pbc="F F F"
H 0 0 0 {pull} 0 0
H {d} 0 0 {push} 0 0
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Pairs of atoms on a spring of 0.8 A: E = 5 (d - 0.8)^2, learned by kernel ridge on distances."""
    folder = tmp_path_factory.mktemp("spring")
    distances = np.linspace(0.6, 1.1, 150)
    frames = [H2.format(d=d, energy=5 * (d - 0.8) ** 2, pull=10 * (d - 0.8), push=10 * (0.8 - d)) for d in distances]
    (folder / "pairs.xyz").write_text("".join(frames))
    argv = ["--data", str(folder / "pairs.xyz"), "--out", str(folder / "runs"), "--budget", "20s", "--quiet"]
    assert cli.main(["run", "molecules/forces", "--method", "kernel_ridge", *argv]) == 0
    (only,) = (p for p in (folder / "runs").iterdir() if not p.name.startswith("."))
    return only


def test_a_relaxation_finds_the_minimum(run):
    atoms = Atoms("H2", [[0, 0, 0], [1.0, 0, 0]])
    atoms.calc = erlangen.calculator(run)
    BFGS(atoms, logfile=None).run(fmax=0.01, steps=40)
    assert atoms.get_distance(0, 1) == pytest.approx(0.8, abs=5e-3)
    assert atoms.get_potential_energy() == pytest.approx(0.0, abs=2e-3)


def test_forces_are_the_gradient_of_the_energy(run):
    atoms = Atoms("H2", [[0, 0, 0], [0.7, 0.5, 0.1]])
    atoms.calc = erlangen.calculator(run)
    forces, h = atoms.get_forces(), 1e-2
    energies = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions[1, 1] += sign * h
        moved.calc = atoms.calc
        energies.append(moved.get_potential_energy())
    assert forces[1, 1] == pytest.approx(-(energies[0] - energies[1]) / (2 * h), abs=5e-3)


def test_ten_thousand_atoms_and_one(tmp_path):
    """Pairs of atoms 7 A from each other have the energy of one pair each, in a crystal of 10,000 atoms."""
    distances = np.linspace(0.6, 1.1, 30)
    frames = [H2.format(d=d, energy=5 * (d - 0.8) ** 2, pull=10 * (d - 0.8), push=10 * (0.8 - d)) for d in distances]
    single = '1\nProperties=species:S:1:pos:R:3:forces:R:3 energy=0.0 pbc="F F F"\nH 0 0 0 0 0 0\n'
    (tmp_path / "pairs.xyz").write_text("".join(frames) + 6 * single)
    argv = ["--data", str(tmp_path / "pairs.xyz"), "--out", str(tmp_path / "runs"), "--budget", "20steps", "--quiet"]
    argv += ["--method", "painn", "--channels", "4", "--layers", "1"]
    assert cli.main(["run", "molecules/forces", *argv]) == 0
    (folder,) = (p for p in (tmp_path / "runs").iterdir() if not p.name.startswith("."))
    pair = Atoms("H2", [[0, 0, 0], [0.75, 0, 0]], cell=[7, 7, 7], pbc=False)
    many = pair.repeat((10, 20, 25))
    many.pbc = True
    one = Atoms("H", [[0, 0, 0]])
    for atoms in (pair, many, one):
        atoms.calc = erlangen.calculator(folder)
    assert many.get_potential_energy() == pytest.approx(5000 * pair.get_potential_energy(), rel=1e-4)
    np.testing.assert_allclose(many.get_forces()[:2], pair.get_forces(), atol=1e-3)
    assert np.isfinite(one.get_potential_energy()) and not np.any(one.get_forces())


def test_an_element_never_seen_is_refused(run):
    atoms = Atoms("HeH", [[0, 0, 0], [0.8, 0, 0]])
    atoms.calc = erlangen.calculator(run)
    with pytest.raises(Invalid):
        atoms.get_potential_energy()


def test_a_run_of_fields_is_no_calculator(tmp_path, monkeypatch):
    monkeypatch.setenv("ERLANGEN_PATH", str(Path(__file__).parents[2] / "examples" / "plugin"))
    argv = ["run", "mechanics/ring", "--method", "wave_regression", "--n", "8", "--count", "24", "--quiet"]
    assert cli.main([*argv, "--out", str(tmp_path)]) == 0
    (only,) = (p for p in tmp_path.iterdir() if not p.name.startswith("."))
    with pytest.raises(Invalid, match="energy of atoms"):
        erlangen.calculator(only)
