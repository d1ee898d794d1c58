"""A run as an ASE calculator gives the numbers of `predict` and refuses what it was not made for.

What ASE's own tests of calculators ask for (ase/test/calculator: test_traj, test_lj, test_fd) is asked here too.
"""

from __future__ import annotations

import copy
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError, all_properties
from ase.calculators.emt import EMT
from ase.calculators.fd import FiniteDifferenceCalculator
from ase.calculators.mixing import LinearCombinationCalculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.io import read, write
from ase.optimize import BFGS

import erlangen
from erlangen.app import cli
from erlangen.app.calculator import as_container
from erlangen.core.errors import Invalid
from erlangen.methods.message_passing._network import Network
from erlangen.study.predict import answer

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


def copper(strain=0.0, seed=0):
    """Four atoms of copper in a cell that is stretched, sheared and shaken."""
    atoms, rng = bulk("Cu", cubic=True), np.random.default_rng(seed)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain * rng.normal(size=(3, 3))), scale_atoms=True)
    atoms.positions += 0.05 * rng.normal(size=(4, 3))
    return atoms


@pytest.fixture(scope="module")
def crystals(tmp_path_factory):
    """A run with intervals on crystals with stress, labelled by the effective medium theory."""
    folder, frames = tmp_path_factory.mktemp("crystals"), []
    for seed in range(100):
        atoms = copper(0.03, seed)
        atoms.calc = EMT()
        labels = {name: atoms.calc.get_property(name, atoms) for name in ("energy", "forces", "stress")}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    write(folder / "cu.xyz", frames, format="extxyz")
    argv = ["--data", str(folder / "cu.xyz"), "--out", str(folder / "runs"), "--budget", "40steps", "--quiet"]
    argv += ["--method", "painn", "--channels", "8", "--layers", "1", "--radial.cutoff", "3.5", "--wrap", "conformal"]
    assert cli.main(["run", "molecules/forces", *argv]) == 0
    (only,) = (p for p in (folder / "runs").iterdir() if not p.name.startswith("."))
    return only


@pytest.fixture
def calc(crystals):
    return erlangen.calculator(crystals)


def test_stress_is_trained_scored_certified_and_has_intervals(crystals):
    record = erlangen.load(crystals).record
    assert [q.name for q in record.outputs] == ["energy", "forces", "stress"]
    assert record.score("stress_mae").unit == "meV/A^3" and np.isfinite(record.score("stress_mae").value)
    rows = [row for row in record.symmetry if row.output == "stress" and row.declared]
    assert {row.subject for row in rows} == {"method", "method, float64"}
    assert {"choice of lattice vectors GL(3, Z)", "rotations and reflections O(3)"} <= {row.group for row in rows}
    assert all(row.error <= row.tolerance for row in rows if row.subject == "method, float64")
    assert any(row.output == "stress" and 0 <= row.coverage <= 1 for row in record.coverage)


def test_results_are_those_that_ase_knows_in_its_shapes(calc):
    atoms = copper()
    atoms.calc = calc
    stress, forces = atoms.get_stress(), atoms.get_forces()
    assert stress.shape == (6,) and atoms.get_stress(voigt=False).shape == (3, 3)
    assert set(calc.results) == {"energy", "free_energy", "energies", "forces", "stress"} <= set(all_properties)
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy() == calc.results["energy"]
    assert calc.get_property("free_energy", atoms) == calc.results["energy"]
    assert set(calc.intervals) == {"energy", "forces", "stress"} and calc.level == 0.9
    for name, (low, high) in calc.intervals.items():
        assert np.shape(low) == np.shape(calc.results[name]) and np.all(low <= high)
    kept = SinglePointCalculator(atoms, **calc.results)
    np.testing.assert_array_equal(kept.get_forces(atoms), forces)
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_dipole_moment()


def test_energies_of_atoms_add_up(crystals, calc):
    """As ase/test/test_potential_energies.py asks: the sum exactly, equal atoms equally."""
    perfect = bulk("Cu", cubic=True).repeat(2)
    perfect.calc = calc
    assert perfect.get_potential_energies().sum() == pytest.approx(perfect.get_potential_energy(), abs=1e-8)
    perfect.calc = erlangen.calculator(crystals, precision="float64")
    np.testing.assert_allclose(perfect.get_potential_energies(), perfect.get_potential_energy() / 32, rtol=1e-8)
    perfect.rattle()
    assert perfect.get_potential_energies().sum() == pytest.approx(perfect.get_potential_energy(), abs=1e-8)
    np.testing.assert_allclose(perfect.get_forces().sum(0), 0, atol=1e-12)


def test_calculators_that_are_made_of_others_take_it(calc):
    """ase.calculators.mixing; and the mapping of all outputs with their shapes (ase.outputs)."""
    atoms = copper()
    found = calc.calculate_properties(atoms, ["energy", "forces", "stress", "energies", "free_energy"])
    assert found["natoms"] == 4 and found["stress"].shape == (6,)
    atoms.calc = LinearCombinationCalculator([calc, erlangen.calculator(calc.run)], [3, -2])
    assert atoms.get_potential_energy() == pytest.approx(found["energy"], abs=1e-9)
    np.testing.assert_allclose(atoms.get_stress(), found["stress"], atol=1e-9)


def test_a_trajectory_file_keeps_the_results(calc, tmp_path):
    atoms = copper()
    atoms.calc = calc
    energy = atoms.get_potential_energy()
    assert not calc.calculation_required(atoms, ["energy", "forces", "stress"])
    write(tmp_path / "cu.traj", atoms)
    again = read(tmp_path / "cu.traj")
    assert again.get_potential_energy() == pytest.approx(energy, abs=1e-12)
    np.testing.assert_allclose(again.get_stress(), atoms.get_stress(), atol=1e-12)


@pytest.mark.parametrize(("precision", "step", "allowed"), [("float64", 1e-5, 1e-8), ("float32", 3e-3, 1e-5)])
def test_forces_and_stress_are_derivatives_of_the_energy(crystals, precision, step, allowed):
    """In eV/A and eV/A^3; float32 needs steps at which its rounding does not count, and these have an error h^2."""
    atoms = copper(0.02, seed=3)
    atoms.calc = erlangen.calculator(crystals, precision=precision)
    numerical = atoms.copy()
    numerical.calc = FiniteDifferenceCalculator(atoms.calc, eps_disp=step, eps_strain=step)
    np.testing.assert_allclose(numerical.get_stress(), atoms.get_stress(), atol=allowed)
    np.testing.assert_allclose(numerical.get_forces(), atoms.get_forces(), atol=100 * allowed)
    assert np.abs(atoms.get_stress()).max() > 1e-3


def test_both_precisions_agree_and_are_those_of_predict(crystals, calc):
    atoms, double = copper(0.02, seed=4), copper(0.02, seed=4)
    atoms.calc, double.calc = calc, erlangen.calculator(crystals, precision="float64")
    found = answer(erlangen.load(crystals).fitted, [as_container(atoms)])
    assert atoms.get_potential_energy() == pytest.approx(float(found["energy"][0]), rel=1e-7)
    np.testing.assert_allclose(atoms.get_stress(voigt=False), found["stress"][0], atol=1e-7)
    np.testing.assert_allclose(calc.intervals["forces"][1], found["forces_upper"][0], atol=1e-6)
    np.testing.assert_allclose(atoms.get_stress(), double.get_stress(), atol=1e-5)
    assert atoms.get_potential_energy() == pytest.approx(double.get_potential_energy(), abs=1e-4)
    with pytest.raises(Invalid, match="float32, float64"):
        erlangen.calculator(crystals, precision="float16")


def test_one_call_is_one_evaluation_of_the_network(crystals, monkeypatch):
    """Counted where the network is traced: a program holds it once, intervals and all."""
    traced, plain = [], Network.__call__
    monkeypatch.setattr(Network, "__call__", lambda self, *given: traced.append(1) or plain(self, *given))
    atoms = copper().repeat((2, 1, 1))
    atoms.calc = erlangen.calculator(crystals)
    atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(), atoms.get_potential_energies()
    assert len(traced) == 1
    atoms.rattle(0.01)
    atoms.get_forces()
    assert len(traced) == 1
    answer(erlangen.load(crystals).fitted, [as_container(copper().repeat((3, 1, 1)))])
    assert len(traced) == 2


def test_calculators_can_be_pickled_and_copied_without_their_run(crystals, tmp_path):
    folder = shutil.copytree(crystals, tmp_path / "moved")
    atoms = copper(0.01, seed=5)
    atoms.calc = erlangen.calculator(folder)
    energy, stress = atoms.get_potential_energy(), atoms.get_stress()
    content = pickle.dumps(atoms.calc)
    shutil.rmtree(folder)
    for other in (pickle.loads(content), copy.deepcopy(atoms.calc), pickle.loads(pickle.dumps(pickle.loads(content)))):
        assert other.results["energy"] == energy and not other.calculation_required(atoms, ["energy"])
        moved = copper(0.01, seed=5)
        moved.calc = other
        other.reset()
        assert moved.get_potential_energy() == energy
        np.testing.assert_array_equal(moved.get_stress(), stress)


def test_fresh_calls_follow_ase(calc):
    atoms = copper()
    calc.calculate(atoms, system_changes=["positions"])
    energy = calc.results["energy"]
    calc.calculate()  # the same atoms once more
    assert calc.results["energy"] == energy and calc.get_property("energy") == energy
    assert calc.get_potential_energy(copper(0.02)) != energy
    atoms.set_initial_charges([0.1] * 4)  # not seen by the answer: nothing to compute again
    calc.calculate(copper())
    assert not calc.calculation_required(atoms, ["energy"])


@pytest.mark.parametrize(
    ("atoms", "hint"),
    [
        (Atoms("X", [[0, 0, 0]]), "of an element.*ghosts X at .0."),
        (Atoms("CuX", [[0, 0, 0], [0, 0, 2]]), "ghosts X at .1."),
        (Atoms(), "empty Atoms"),
        (None, "no atoms"),
        (Atoms("Cu", [[0, 0, 0]], pbc=True), "lattice vector of its own.*Set atoms.cell"),
        (Atoms("Cu", [[0, 0, 0]], cell=[3, 3, 0], pbc=[True, False, True]), "lattice vector of its own"),
        (Atoms("Cu", [[0, 0, 0]], cell=[[3, 0, 0], [6, 0, 0], [0, 0, 3]], pbc=True), "lattice vector of its own"),
        (Atoms("Cu", [[0, 0, np.nan]]), "finite"),
        (Atoms("Au", [[0, 0, 0]]), "Au"),
    ],
)
def test_what_is_no_structure_is_refused_in_one_message(calc, atoms, hint):
    calc.calculate(copper())
    fresh = erlangen.calculator(calc.run)
    with pytest.raises(Invalid, match=hint):
        fresh.calculate(atoms)
    if atoms is not None:
        with pytest.raises(Invalid, match=hint):
            calc.calculate(atoms)
        assert calc.results == {} == calc.intervals  # nothing is left of the call before


def test_stress_where_there_is_a_volume(calc):
    molecule, slab = Atoms("Cu2", [[0, 0, 0], [2.3, 0, 0]]), copper()
    slab.cell[2] *= 4
    slab.pbc = [True, True, False]
    molecule.calc = slab.calc = calc
    assert molecule.get_forces().shape == (2, 3)
    with pytest.raises(PropertyNotImplementedError, match="stress"):
        molecule.get_stress()
    whole = slab.copy()
    whole.pbc, whole.calc = True, calc  # 10 A of vacuum: the same forces per area
    np.testing.assert_allclose(slab.get_stress(), whole.get_stress(), atol=1e-6)


def test_cell_and_positions_relax_together(crystals):
    atoms = copper(0.01, seed=6)
    atoms.calc = erlangen.calculator(crystals, precision="float64")
    start = atoms.get_potential_energy()
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.02, steps=15)
    assert atoms.get_potential_energy() < start
