"""The task: independent splits, own files with and without stress, bad input."""

from __future__ import annotations

import warnings

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from erlangen import registry
from erlangen.assess import cost
from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.learn.batching import predict
from erlangen.methods.baselines.mean import Mean
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.physics.tight_binding import TightBinding
from erlangen.tasks.molecules.forces import Forces


@pytest.fixture
def file(tmp_path):
    """A factory of extended XYZ files with noisy frames of one molecule."""

    def make(name, formula="H2O", frames=20, forces=True, spoil=None):
        rng, images = np.random.default_rng(len(name)), []
        for i in range(frames):
            atoms = molecule(formula)
            atoms.positions += 0.05 * rng.normal(size=atoms.positions.shape)
            labels = {"energy": -14.0 + 0.1 * rng.normal(), "forces": rng.normal(size=atoms.positions.shape)}
            if not forces:
                del labels["forces"]
            if spoil == i:
                labels["energy"] = np.nan
            atoms.calc = SinglePointCalculator(atoms, **labels)
            images.append(atoms)
        write(tmp_path / name, images, format="extxyz")
        return str(tmp_path / name)

    return make


def test_splits_are_independent_trajectories():
    task = Forces(molecule="water", n_train=8, n_test=6)
    parts = {s: task.truth(s) for s in ("train", "validation", "calibration", "test")}
    assert [len(p) for p in parts.values()] == [8, 2, 6, 6]
    places = np.concatenate([np.array([x.positions for x in p.inputs]) for p in parts.values()]).reshape(22, -1)
    apart = np.linalg.norm(places[:, None] - places, axis=-1) + 9 * np.eye(22)
    assert apart.min() > 1e-3
    again = Forces(molecule="water", n_train=8, n_test=6).truth("test")
    np.testing.assert_array_equal(again.inputs[3].positions, parts["test"].inputs[3].positions)


def test_solver_reproduces_the_labels_and_reference_solvers_are_the_reference_itself():
    task = Forces(**Forces.toy)
    test = task.truth("test")
    found = task.solve(test.inputs[0])
    assert float(found["energy"]) == pytest.approx(float(test.outputs["energy"][0]), abs=1e-5)
    same = task.solvers[0].solve(test.inputs[0], "gfn2")
    np.testing.assert_allclose(same["forces"], test.outputs["forces"][0], atol=1e-3)
    assert "energy" not in task.solvers[0].solve(test.inputs[0], "gfn1")


def test_several_molecules_share_an_answer_and_others_judge_it():
    task = Forces(molecule="water, [OH-]", n_train=5, n_test=3, judged_on="OO")
    train = task.truth("train")
    assert [len(x.positions) for x in train.inputs] == [3, 3, 3, 2, 2]
    assert train.group.tolist() == [0, 0, 0, 1, 1]
    for i in (0, 4):  # each with its own charge
        found = task.solve(train.inputs[i])
        assert float(found["energy"]) == pytest.approx(float(train.outputs["energy"][i]), abs=1e-5)
    unseen = task.shifted("molecule", "OO").truth("test")
    assert {len(x.positions) for x in unseen.inputs} == {4}
    with pytest.raises(Invalid, match="C in methane"):
        Forces(molecule="water", judged_on="methane")


def test_shifts_are_hotter_frames():
    task = Forces(**Forces.toy)
    axis = task.shifts[0]
    hot = task.shifted(axis.axis, axis.values[-1])
    assert hot.temperature == 1000
    assert np.std(hot.truth("test").outputs["energy"]) > np.std(task.truth("test").outputs["energy"])


def test_dft_labels_frames_that_tight_binding_sampled():
    task = Forces(molecule="H2", engine="hf/sto-3g", n_train=3, n_test=3)
    test = task.truth("test")
    # Szabo and Ostlund, table 3.5: -1.117 Hartree at the minimum in STO-3G
    assert -31.0 < min(float(e) for e in test.outputs["energy"]) < -29.0


def test_own_file_is_split_without_overlap(file):
    task = Forces(data=file("train.xyz"), test=file("other.xyz", frames=7))
    sizes = {s: len(task.truth(s)) for s in ("train", "validation", "calibration", "test")}
    assert sizes == {"train": 17, "validation": 1, "calibration": 2, "test": 7}
    alone = Forces(data=task.data)
    rows = [x.positions for s in sizes for x in alone.truth(s).inputs]
    assert len(rows) == 20 == len({r.tobytes() for r in rows})


def test_own_shift_files_become_a_shift_axis(file):
    task = Forces(
        data=file("train.xyz"), test=file("test.xyz"), judged_on=f"{file('a.xyz')}, {file('bb.xyz', frames=5)}"
    )
    axis = task.shifts[0]
    assert [len(task.shifted(axis.axis, v).truth("test")) for v in axis.values] == [20, 5]


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"engine": "gfn3"}, "gfn2"),
        ({"temperature": -1.0}, "temperature"),
        ({"n_train": 0}, "n_train"),
        ({"test": "x.xyz"}, "data"),
        ({"molecule": "ethnol"}, "ethanol"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, hint):
    with pytest.raises(Invalid, match=hint):
        Forces(**settings).truth("train")


def test_files_that_make_no_sense_are_refused(file):
    for path, hint in [
        ("nowhere.xyz", "exist"),
        (file("noforces.xyz", forces=False), "forces"),
        (file("nan.xyz", spoil=3), "finite|NaN"),
        (file("tiny.xyz", frames=2), "at least"),
    ]:
        with pytest.raises(Invalid, match=hint):
            Forces(data=path).truth("train")


def test_an_element_that_was_not_trained_on_is_refused(file):
    task = Forces(data=file("water.xyz"), test=file("methane.xyz", formula="CH4"))
    with pytest.raises(Invalid, match="C in"):
        task.truth("test")


def labelled(atoms, *names):
    atoms.calc = EMT()
    results = {name: atoms.calc.get_property(name, atoms) for name in names}
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def crystal(seed, *names):
    rng, atoms = np.random.default_rng(seed), bulk("Cu", cubic=True)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.03 * rng.normal(size=(3, 3))), scale_atoms=True)
    atoms.positions += 0.05 * rng.normal(size=(4, 3))
    return labelled(atoms, *(names or ("energy", "forces", "stress")))


@pytest.fixture
def crystals(tmp_path):
    """A factory of files with crystals, and with what is put between them."""

    def make(name, frames=12, names=(), between=()):
        images = [crystal(len(name) + 100 * i, *names) for i in range(frames)]
        write(tmp_path / name, [*images[:2], *between, *images[2:]], format="extxyz")
        return str(tmp_path / name)

    return make


def test_stress_is_an_output_where_the_file_holds_it(crystals):
    task = Forces(data=crystals("cu.xyz"), test=crystals("other.xyz"), judged_on=crystals("third.xyz"))
    assert [q.name for q in task.outputs] == ["energy", "forces", "stress"]
    assert [s.name for s in task.scores][-1] == "stress_mae"
    assert {"LatticeBasis", "LatticeTranslations"} < {type(g).__name__ for g in task.symmetry}
    atoms = crystal(len("other.xyz"))
    np.testing.assert_allclose(task.truth("test").outputs["stress"][0], atoms.get_stress(voigt=False), atol=1e-7)
    moved = task.shifted("test", task.shifts[0].values[0])
    assert moved.outputs == task.outputs and len(moved.truth("test").outputs["stress"]) == 12


def test_without_stress_nothing_is_asked_that_no_file_says(crystals):
    task = Forces(data=crystals("cu.xyz", names=("energy", "forces")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [q.name for q in task.outputs] == ["energy", "forces"]
    assert set(task.truth("train").outputs) == {"energy", "forces"}
    assert [q.name for q in Forces().outputs] == ["energy", "forces"]


def test_frames_and_files_without_stress_are_named(crystals):
    some = Forces(data=crystals("some.xyz", between=[crystal(7, "energy", "forces")]))
    with pytest.warns(UserWarning, match="some.xyz: 1 of 13 periodic frames have none.*, as frame 3"):
        assert [q.name for q in some.outputs] == ["energy", "forces"]
    other = crystals("other.xyz", names=("energy", "forces"))
    task = Forces(data=crystals("cu.xyz"), test=other)
    with pytest.warns(UserWarning, match="other.xyz has no stress"):
        assert [q.name for q in task.outputs] == ["energy", "forces"]
    assert set(task.truth("test").outputs) == set(task.truth("train").outputs) == {"energy", "forces"}
    moved = Forces(data=task.data, test=other, judged_on=crystals("third.xyz")).shifted("test", "third.xyz")
    assert other in moved.judged_on  # so that it asks for the same


def test_what_does_not_fill_space_has_no_stress(crystals):
    """Isolated atoms and molecules stand in many training sets of crystals: their stress is that of infinite volume."""
    alone = [
        labelled(Atoms("Cu", [[0, 0, 0]]), "energy", "forces"),
        labelled(Atoms("Cu2", [[0, 0, 0], [2.3, 0, 0]]), "energy", "forces"),
    ]
    task = Forces(data=crystals("cu.xyz", between=alone, frames=20))
    assert "stress" in {q.name for q in task.outputs}
    whole = [
        (x, y)
        for split in ("train", "validation", "calibration", "test")
        for x, y in zip(task.truth(split).inputs, task.truth(split).outputs["stress"])
    ]
    assert sum(not np.any(x.pbc) for x, _ in whole) == 2
    assert all(np.any(y) == np.any(x.pbc) for x, y in whole)
    method = PaiNN(channels=4, layers=1)
    fitted = method.fit(task, Budget(steps=3), key=jax.random.key(0))
    found = predict(fitted, [x for x, _ in whole])
    assert all(np.all(np.isfinite(s)) and np.any(s) == np.any(x.pbc) for s, (x, _) in zip(found["stress"], whole))


def test_the_mean_answers_the_mean_stress_and_others_say_that_they_do_not(crystals):
    task = Forces(data=crystals("cu.xyz"))
    train = task.truth("train")
    found = predict(Mean().fit(task, Budget(seconds=1), key=jax.random.key(0)), train.inputs[:1])
    pressure = np.mean([np.trace(s) / 3 for s in train.outputs["stress"]])
    np.testing.assert_allclose(found["stress"][0], pressure * np.eye(3), rtol=1e-5)
    for name in ("kernel_ridge", "transfer", "springs"):
        with pytest.raises(Invalid, match="stress"):
            registry.load_method(name)().check(task)
    alone = Forces(data=f"{task.data}:pbc=no")  # molecules in a box: what does not repeat is not asked for its stress
    for name in ("kernel_ridge", "transfer"):
        registry.load_method(name)().check(alone)


def charged(tmp_path, header, symbols="OHHF"):
    places = np.array([[0.09, 0.02, 0.05], [0.11, 0.09, 1.0], [0.05, 0.98, 0.0], [2.55, 0.0, 0.07]])[: len(symbols)]
    rows = "".join(f"{s} {x} {y} {z} 0 0 0\n" for s, (x, y, z) in zip(symbols, places))
    frame = f'{len(symbols)}\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1.0 {header} pbc="F F F"\n{rows}'
    path = tmp_path / f"{abs(hash(header))}.xyz"
    path.write_text(6 * frame)
    return Forces(data=str(path)), places


@pytest.mark.filterwarnings("ignore:.*holds for this state")
@pytest.mark.parametrize(
    ("header", "symbols", "charge", "unpaired"),
    [
        ("charge=-1", "OHHF", -1, 0),
        ("total_charge=1 multiplicity=1", "OHH", 1, None),  # an odd number of electrons is no singlet
        ("charge=1 multiplicity=2", "OHH", 1, 1),
        ("charge=1", "OHH", 1, 1),
        ("multiplicity=3", "OHH", 0, 2),
        ("n_unpaired=2", "OHH", 0, 2),
        ("spin=0.5 charge=1", "OHH", 1, 1),
        ("spin=1", "OHH", 0, None),  # 2S + 1 or S or 2S: two of them are even
        ("spin=0", "OHH", 0, 0),
        ("charge=0.5", "OHH", 0, None),
        ("", "OH", 0, 1),
    ],
)
def test_the_reference_is_in_the_state_that_the_file_states(tmp_path, header, symbols, charge, unpaired):
    task, places = charged(tmp_path, header, symbols)
    x = task.truth("test").inputs[0]
    if unpaired is None:
        with pytest.raises(Invalid, match="how many electrons are unpaired"):
            task.solvers[0].solve(x, "gfn2")
        return
    found = task.solvers[0].solve(x, "gfn2")["forces"]
    exact = TightBinding("GFN2-xTB", charge, unpaired).potential(x.atomic_numbers)(places)[1]
    np.testing.assert_allclose(found, exact, atol=1e-6)


@pytest.mark.parametrize("symbols", [("Cu", "Cu"), ("Fr", "H"), ("U", "O")])
def test_a_reference_that_fails_is_left_out_with_one_line(tmp_path, symbols):
    """Two atoms of copper in one place for self-consistency, elements beyond radon for parameters."""
    gap = 0.35 if symbols == ("Cu", "Cu") else 2.0
    frame = f'2\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1.0 pbc="F F F"\n{symbols[0]} 0 0 0 0 0 0\n'
    (tmp_path / "few.xyz").write_text(6 * (frame + f"{symbols[1]} 0 0 {gap} 0 0 0\n"))
    task, said = Forces(data=str(tmp_path / "few.xyz")), []
    rows = cost.solver_rows(task, task.truth("test"), say=said.append)
    assert all(line.startswith("GFN-xTB with Hamiltonian = gfn") and " is left out: " in line for line in said)
    assert all("\n" not in line for line in said) and len(rows) + len(said) == 2
    if symbols != ("Cu", "Cu"):
        assert not rows


def test_a_reference_that_would_take_minutes_a_query_is_left_out(tmp_path):
    large = [labelled(bulk("Cu", cubic=True).repeat(3), "energy", "forces") for _ in range(4)]
    write(tmp_path / "large.xyz", large, format="extxyz")
    said = []
    task = Forces(data=str(tmp_path / "large.xyz"))
    assert not cost.solver_rows(task, task.truth("test"), say=said.append)
    assert len(said) == 2 and all("32 in a periodic cell; came: 108 atoms" in line for line in said)
