"""Potentials of condensed matter: frames of laws, mlearn from a folder, own files, bad input."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from erlangen.assess.metrics import estimate
from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.data.elastic_labels import stated
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.physics.crystal_frames import Conditions, crystal, frames
from erlangen.physics.interatomic.catalogue import law
from erlangen.tasks.materials.potentials import Potentials

FILES = Path(__file__).parent.parent / "data" / "files" / "mlearn"
SMALL = Potentials(**Potentials.toy)


def test_labels_are_those_of_ase():
    test = SMALL.truth("test")
    for i in (0, 3):
        x = test.inputs[i]
        atoms = Atoms(x["atomic_numbers"], x["positions"], cell=x["cell"], pbc=True)
        atoms.calc = EMT(asap_cutoff=False)
        assert float(test.outputs["energy"][i]) == pytest.approx(atoms.get_potential_energy(), abs=1e-4)
        np.testing.assert_allclose(test.outputs["forces"][i], atoms.get_forces(), atol=1e-4)
        np.testing.assert_allclose(test.outputs["stress"][i], atoms.get_stress(voigt=False), atol=1e-5)


def test_a_crystal_has_the_lattice_constant_of_its_law():
    """Silicon: 5.431 A, to which the length of Stillinger and Weber was set; copper: ASE's EMT is under no pressure."""
    assert crystal(law("sw"), "Si").cell[0, 0] == pytest.approx(5.431, abs=1e-3)
    copper = bulk("Cu", cubic=True, a=float(crystal(law("emt"), "Cu").cell[0, 0]))
    copper.calc = EMT(asap_cutoff=False)
    assert abs(copper.get_stress()[:3]).max() < 1e-5


def test_splits_are_cells_of_their_own_and_some_lack_an_atom():
    parts = {s: SMALL.truth(s) for s in ("train", "validation", "calibration", "test")}
    assert [len(p) for p in parts.values()] == [10, 3, 10, 10]
    cells = [x["cell"].tobytes() for p in parts.values() for x in p.inputs]
    assert len(set(cells)) == 2 + 1 + 2 + 2
    assert np.asarray(parts["train"].group).tolist() == np.repeat(np.arange(2), 5).tolist()
    found, _ = frames(law("emt"), crystal(law("emt"), "Cu"), Conditions(vacancies=1.0), 1, seed=0)
    assert len(found[0].positions) == 31


def test_shifts_are_hotter_and_more_strained():
    base = SMALL.truth("test")
    hot = SMALL.shifted("temperature", SMALL.shifts[0].values[-1])
    assert SMALL.shifts[0].values == (600, 1200) and hot.temperature == 1200 and hot.n_test == 3

    def spread(samples):
        return np.std(samples.outputs["forces"][1])

    assert spread(hot.truth("test")) > 1.3 * spread(base)
    far = SMALL.shifted("strain", SMALL.shifts[1].values[-1])
    assert np.std(far.truth("test").outputs["stress"]) > 1.3 * np.std(base.outputs["stress"])


def test_classical_potentials_answer_beside():
    x = SMALL.truth("test").inputs[0]
    one = SMALL.solvers[0]
    assert one.settings == ("emt", "zhou", "zhou-copper")
    assert set(one.solve(x, "emt")) == {"energy", "forces", "stress"}
    assert set(one.solve(x, "zhou")) == {"forces", "stress"}
    np.testing.assert_array_equal(SMALL.solve(x)["forces"], one.solve(x, "emt")["forces"])
    public = Potentials(engine="mlearn-si", data=str(FILES / "Si"))
    assert public.solvers[0].settings == ("stillinger-weber",) and public.solve(x) is None


def test_energies_are_judged_per_atom():
    test = SMALL.truth("test")
    off = {"energy": [e + 0.001 * len(x["positions"]) for e, x in zip(test.outputs["energy"], test.inputs)]}
    score = next(s for s in SMALL.scores if s.name == "energy_mae")
    assert score.unit == "meV/atom"
    assert estimate(score, off, test, key=jax.random.key(0)).value == pytest.approx(1.0)


def test_mlearn_from_a_folder_is_fitted():
    task = Potentials(engine="mlearn-si", data=str(FILES / "Si"))
    assert [len(task.truth(s)) for s in ("train", "validation", "calibration", "test")] == [6, 1, 1, 2]
    assert len(task.sources) == 2 and not task.shifts and task.partition is not None
    assert "engine" in task.fields and "temperature" not in task.fields
    fitted = PaiNN(channels=4, layers=1).fit(task, Budget(steps=2), key=jax.random.key(0))
    assert set(fitted(task.truth("test").inputs[0])) == {"energy", "forces", "stress"}


def test_own_files_are_those_of_molecular_forces():
    from erlangen.tasks.molecules.forces import Forces

    file, other = (str(FILES / "Si" / name) for name in ("training.json.xz", "test.json.xz"))
    task, same = Potentials(data=file, judged_on=other), Forces(data=file, judged_on=other)
    assert task.outputs == same.outputs and task.shifts == same.shifts and "engine" not in task.fields
    for split in ("train", "test"):
        assert list(task.truth(split).outputs["energy"]) == list(same.truth(split).outputs["energy"])
    assert len(task.shifted("test", other).truth("test")) == 2
    assert task.solvers[0].settings == ("stillinger-weber",)


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"engine": "emt-fe"}, "an element of emt with a crystal"),
        ({"engine": "emd-cu"}, "emt-cu"),
        ({"engine": "kob-andersen"}, "the engine"),
        ({"engine": "mlearn-fe"}, "mlearn-"),
        ({"temperature": -1.0}, "temperature"),
        ({"strain": 0.5}, "strain"),
        ({"test": "x.xyz"}, "data"),
        ({"engine": "mlearn-si", "judged_on": "x.xyz"}, "own training file"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, hint):
    with pytest.raises(Invalid, match=hint):
        Potentials(**settings)


def test_elastic_constants_are_found_in_labels_as_they_were_put_in():
    """Frames of a cubic crystal under small strains, with the stress that C11, C12 and C44 give, and a load."""
    from erlangen.contract import Samples
    from erlangen.core.systems import Atoms as System
    from erlangen.physics.units import GPA

    rng = np.random.default_rng(0)
    places, (c11, c12, c44), load = np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), (150.0, 60.0, 80.0), 2.1
    inputs, stresses = [], []
    for i in range(9):
        strain = 0.0 if i == 0 else 0.01 * rng.standard_normal((3, 3))
        strain = (strain + np.transpose(strain)) / 2 * np.ones((3, 3))
        shear = 2 * c44 * (strain - np.diag(np.diag(strain)))
        stress = c12 * np.trace(strain) * np.eye(3) + (c11 - c12) * np.diag(np.diag(strain)) + shear
        cell = 3.0 * (np.eye(3) + strain)
        inputs.append(System(places @ cell, np.array([42, 42]), cell, np.ones(3, bool)))
        stresses.append((stress + load * np.eye(3)) * GPA)
    found = stated([Samples(inputs, {"stress": stresses, "forces": [np.zeros((2, 3))] * 9})])
    assert found.frames == 9
    assert [found.constants[k] for k in ("C11", "C12", "C44")] == pytest.approx([c11, c12, c44], rel=1e-6)
    # B = 90 GPa: under a tension of 2.1 GPa the cell at rest is smaller by 2.1 / 270
    assert found.lattice == pytest.approx(3.0 / 2 ** (1 / 3) * (1 - load / 270), rel=1e-6)
    with pytest.raises(Invalid, match="not in these data"):
        stated([Samples(inputs[:2], {"stress": stresses[:2], "forces": [np.zeros((2, 3))] * 2})])


def test_a_trial_is_not_asked_for_its_crystal_and_mlearn_is_compared_with_what_was_published():
    assert SMALL.consequences == () and not SMALL.published
    (one,) = Potentials(n_train=30).consequences
    assert [s.name for s in one.scores][:2] == ["elastic_error", "elastic_mae"]
    assert set(one.opponents) == {"zhou", "zhou-copper"}
    public = Potentials(engine="mlearn-si", data=str(FILES / "Si"))
    assert public.consequences == ()  # the excerpt has no strained cells
    assert {(p.name, p.score): p.value for p in public.published}[("MTP", "energy_mae")] == 2.21


@pytest.mark.slow
def test_the_crystal_of_a_law_is_that_of_ase():
    """EMT of copper: constants by finite strains of ASE's calculator, a vacancy and a surface relaxed by ASE."""
    from ase.build import fcc111
    from ase.optimize import BFGS

    from erlangen.numerics.precision import double
    from erlangen.physics import crystal_energies as energies

    with double():
        state = energies.at_rest(law("emt"), crystal(law("emt"), "Cu"))
        relaxed, clamped = energies.constants(law("emt"), state.unit)
        found = energies.defects(law("emt"), state.unit)
    assert state.rests and state.bulk == pytest.approx((relaxed["C11"] + 2 * relaxed["C12"]) / 3, rel=2e-3)
    assert relaxed == pytest.approx(clamped, rel=1e-6)  # every atom is a centre of inversion
    whole = bulk("Cu", cubic=True, a=state.lattice).repeat(2)
    whole.calc = EMT(asap_cutoff=False)
    each = whole.get_potential_energy() / len(whole)
    del whole[0]
    BFGS(whole, logfile=None).run(fmax=0.005)  # type: ignore[arg-type]
    assert found.vacancy == pytest.approx(whole.get_potential_energy() - len(whole) * each, abs=5e-3)
    slab = fcc111("Cu", (1, 1, 4), a=state.lattice, vacuum=8.0)
    slab.pbc = True
    slab.calc = EMT(asap_cutoff=False)
    BFGS(slab, logfile=None).run(fmax=0.005)  # type: ignore[arg-type]
    area = np.linalg.norm(np.cross(*slab.cell.array[:2]))
    surface = 16.0218 * (slab.get_potential_energy() - len(slab) * each) / (2 * area)
    assert found.surfaces["111"] == pytest.approx(surface, rel=5e-3)


def test_a_surface_without_a_least_energy_still_answers():
    """A poor potential (pressure everywhere) is judged at the end of what was looked at."""
    from erlangen.physics.crystal_energies import _least

    scales = np.linspace(0.94, 1.06, 13)
    best, _, rests = _least(scales, 1 / scales, (0.94, 1.06))
    assert best == pytest.approx(1.06) and not rests
    best, second, rests = _least(scales, 3 * (scales - 1.01) ** 2, (0.94, 1.06))
    assert best == pytest.approx(1.01, abs=1e-3) and second == pytest.approx(6, rel=0.02) and rests
