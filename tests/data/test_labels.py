"""Energy, forces and stress in files of atoms: names, levels of theory, signs, units; what is doubtful is said."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.data.label_units import LabelUnits
from erlangen.data.readers import read_atoms, read_samples, write_atoms

VOLUME = 125.0
CELL = 'Lattice="5 0 0 0 5 0 0 0 5" pbc="T T T"'
ROWS = "O 0.0 0.0 0.12 0.1 0.2 0.3\nH 0.0 0.76 -0.47 -0.05 -0.1 -0.15\nH 0.0 -0.76 -0.47 -0.05 -0.1 -0.15\n"
SMALL = np.diag([0.001, 0.002, 0.003])  # eV/A^3


def frame(header: str, forces: str = "forces", rows: str = ROWS) -> str:
    return f"{len(rows.splitlines())}\nProperties=species:S:1:pos:R:3:{forces}:R:3 {header}\n{rows}"


@pytest.fixture
def write(tmp_path):
    def write(*frames: str, name: str = "mine.xyz"):
        (tmp_path / name).write_text("".join(frames))
        return tmp_path / name

    return write


def nine(matrix) -> str:
    return '"' + " ".join(repr(float(x)) for x in np.ravel(matrix)) + '"'


def quiet(path, **asked):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_atoms(path, **asked)


@pytest.mark.parametrize("name", ["virial", "virials", "REF_virial", "REF_virials", "dft_virials", "Virial"])
@pytest.mark.parametrize("six", [False, True])
def test_a_virial_is_minus_volume_times_stress(write, name, six):
    level = name[:-6].removesuffix("virial") if name.lower().endswith("virials") else name[:-6]
    value = '"1 2 3 0 0 0"' if six else '"1 0 0 0 2 0 0 0 3"'
    path = write(frame(f"{CELL} {level}energy=-14 {name}={value}", f"{level}forces"))
    (read,) = quiet(path)
    np.testing.assert_allclose(read.labels["stress"], -np.diag([1, 2, 3]) / VOLUME, rtol=1e-14)
    assert read.keys["stress"] == name


def test_the_explicit_level_wins_with_all_of_its_labels(write):
    path = write(
        frame(
            f'{CELL} REF_energy=-14 energy=-1 REF_virial="1 0 0 0 2 0 0 0 3" stress="9 0 0 0 9 0 0 0 9"', "REF_forces"
        )
    )
    (read,) = quiet(path)
    assert read.labels["energy"] == -14
    np.testing.assert_allclose(read.labels["stress"], -np.diag([1, 2, 3]) / VOLUME)
    path = write(frame(f"{CELL} energy=-14 dft_stress={nine(SMALL)} virial={nine(np.eye(3))}"))
    with pytest.warns(UserWarning, match="dft_stress"):
        np.testing.assert_allclose(read_atoms(path)[0].labels["stress"], SMALL)


@pytest.mark.parametrize("name", ["stress", "REF_stress", "virial"])
def test_six_components_are_in_the_order_of_voigt(write, name):
    for quotes in ('"1 2 3 4 5 6"', "{1 2 3 4 5 6}", '"1, 2, 3, 4, 5, 6"'):
        path = write(frame(f"{CELL} energy=-14 {name}={quotes}"))
        found = read_atoms(path, units="eV")[0].labels["stress"] * (-VOLUME if name == "virial" else 1)
        np.testing.assert_allclose(found, [[1, 6, 5], [6, 2, 4], [5, 4, 3]], rtol=1e-14)


@pytest.mark.parametrize(
    ("factor", "words"), [(1 / VOLUME, "opposite sign"), (-1602.18 / VOLUME, "1602 times"), (-2 / VOLUME, "2 times")]
)
def test_a_stress_that_its_virial_contradicts_is_not_taken(write, factor, words):
    virial = np.diag([1.0, 2.0, 3.0])
    path = write(frame(f"{CELL} energy=-14 virial={nine(virial)} stress={nine(factor * virial)}"))
    with pytest.warns(UserWarning, match=words):
        assert "stress" not in read_atoms(path)[0].labels
    with pytest.raises(Invalid, match="periodic frame has a stress"), pytest.warns(UserWarning):
        read_samples(path, ("energy", "forces", "stress"))
    np.testing.assert_allclose(read_atoms(f"{path}:stress=virial")[0].labels["stress"], -virial / VOLUME)
    np.testing.assert_allclose(read_atoms(f"{path}:stress=stress:units=eV")[0].labels["stress"], factor * virial)
    agree = write(frame(f"{CELL} energy=-14 virial={nine(virial)} stress={nine(np.round(-virial / VOLUME, 4))}"))
    np.testing.assert_allclose(quiet(agree)[0].labels["stress"], -virial / VOLUME, atol=1e-4)


def test_forces_that_their_gradient_contradicts_are_not_taken(write):
    rows = "".join(f"{line} 0.1 0.2 0.3\n" for line in ROWS.splitlines())
    path = write(frame("energy=-14", "forces:R:3:gradient", rows))
    with pytest.warns(UserWarning, match="forces and gradient contradict"):
        assert "forces" not in read_atoms(path)[0].labels


VASP = "-251 13 73 13 -229 -11 73 -11 55"  # kBar, positive under pressure


def test_a_stress_in_kbar_or_gpa_is_not_believed(write):
    path = write(frame(f'{CELL} energy=-14 stress="{VASP}"'))
    with pytest.raises(Invalid, match="GPa") as caught:
        read_atoms(path)
    assert "stress=-stress:units=eV+kbar" in caught.value.do
    true = -np.reshape(np.array(VASP.split(), float), (3, 3)) / 1602.176634
    np.testing.assert_allclose(read_atoms(f"{path}:stress=-stress:units=eV+kbar")[0].labels["stress"], true, rtol=1e-12)
    assert read_atoms(path, units="eV")[0].labels["stress"][0, 0] == -251


def test_the_usual_size_of_a_stress_in_gpa_is_noticed_in_many_frames_and_warned_of_in_one(write):
    rng = np.random.default_rng(0)
    many = [frame(f"{CELL} energy=-14 stress={nine(np.diag(rng.normal(size=3) * 5))}") for _ in range(12)]
    with pytest.raises(Invalid, match="stress of"):
        read_atoms(write(*many))
    with pytest.warns(UserWarning, match="stress of"):
        read_atoms(write(many[0]))
    assert len(quiet(f"{write(*many)}:units=eV+GPa")) == 12
    said = write(*(text.replace("energy=-14", "energy=-14 stress_unit=GPa") for text in many))
    for one, other in zip(quiet(said), read_atoms(f"{write(*many, name='b.xyz')}:units=eV+GPa")):
        np.testing.assert_array_equal(one.labels["stress"], other.labels["stress"])


HARTREE, BOHR = 27.211386245981, 0.529177210544


@pytest.mark.parametrize("units", ["hartree,hartree/bohr", "hartree,hartree/A", "kcal/mol", "rydberg,ry/bohr"])
def test_the_unit_of_a_stress_is_not_guessed_beside_other_energies(write, units):
    path = write(frame(f"{CELL} energy=-14 stress={nine(SMALL)}"))
    with pytest.raises(Invalid, match="unit of the stress"):
        read_atoms(path, units=units)
    virial = write(frame(f"{CELL} energy=-14 virial={nine(np.eye(3))}"), name="virial.xyz")
    energy = LabelUnits.parse(units).energy
    np.testing.assert_allclose(read_atoms(virial, units=units)[0].labels["stress"], -np.eye(3) * energy / VOLUME)


@pytest.mark.parametrize(
    ("units", "factor"),
    [
        ("hartree,hartree/bohr,hartree/bohr^3", 183.6315),
        ("Ha,Ha/bohr,Ha/bohr**3", 183.6315),
        ("hartree,bohr,hartree/bohr", 183.6315),
        ("ry,ry/bohr,ry/bohr3", 91.81576),
        ("kcal/mol,kcal/mol/A^3", 0.0433641),
        ("eV,GPa", 1 / 160.2176634),
        ("hartree,hartree/bohr,kbar", 1 / 1602.176634),
        ("eV", 1.0),
        ("eV,eV/A", 1.0),
    ],
)
def test_units_of_stress(write, units, factor):
    assert LabelUnits.parse(units).stress == pytest.approx(factor, rel=1e-6)
    path = write(frame(f"{CELL} energy=-14 stress={nine(SMALL)}"))
    np.testing.assert_allclose(read_atoms(path, units=units)[0].labels["stress"], factor * SMALL, rtol=1e-6)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([frame("REF_energy=-14 energy=-1")], "energy from REF_energy, forces from forces"),
        ([frame("energy=-1", "REF_forces")], "energy from energy, forces from REF_forces"),
        ([frame("dft_energy=-1", "REF_forces")], "energy from dft_energy, forces from REF_forces"),
        ([frame("REF_energy=-14", "REF_forces"), frame("energy=-1", "REF_forces")], "energy is REF_energy in 1 frames"),
        ([frame("energy=-14"), frame("energy=-1", "REF_forces")], "forces is forces in 1 frames, REF_forces in 1"),
        ([frame("energy=-14"), frame("free_energy=-15")], "energy is energy in 1 frames, free_energy in 1"),
    ],
)
def test_two_levels_of_theory_are_not_mixed_without_a_word(write, frames, words):
    with pytest.warns(UserWarning, match=words):
        read_atoms(write(*frames))


def test_names_of_one_level_are_no_news_and_names_that_are_said_are_believed(write):
    quiet(write(frame("REF_energy=-14 energy=-1", "REF_forces"), frame("REF_energy=-14", "REF_force")))
    quiet(f"{write(frame('REF_energy=-14 energy=-1'))}:energy=REF_energy:forces=forces")


def test_a_stress_of_unknown_name_is_not_passed_over_in_silence(write):
    with pytest.warns(UserWarning, match="vasp_stress is not read.*:stress=KEY"):
        read_atoms(write(frame(f"{CELL} energy=-14 vasp_stress={nine(SMALL)}")))


def test_an_isolated_atom_feels_no_force(write):
    atom = '1\nProperties=species:S:1:pos:R:3 energy=-13.6 config_type=IsolatedAtom pbc="F F F"\nH 0 0 0\n'
    samples = read_samples(write(frame('energy=-14 pbc="F F F"'), atom))
    assert samples.outputs["forces"][1].tolist() == [[0, 0, 0]] and samples.outputs["energy"] == [-14, -13.6]
    with pytest.raises(Invalid, match="every frame has forces"):
        read_samples(write(atom.replace("1\n", "2\n", 1) + "H 0 0 1\n"))
    with pytest.raises(Invalid, match="every frame has energy"):
        read_samples(write(frame("energy=-14"), atom.replace("energy=-13.6", "")))


def test_stress_comes_with_forces_where_every_crystal_has_one(write):
    crystal, bare = frame(f"{CELL} energy=-14 stress={nine(SMALL)}"), frame(f"{CELL} energy=-14")
    molecule = frame('energy=-14 pbc="F F F"')
    samples = read_samples(write(crystal, molecule))
    assert [np.asarray(s).tolist() for s in samples.outputs["stress"]] == [SMALL.tolist(), np.zeros((3, 3)).tolist()]
    assert "stress" not in read_samples(write(molecule)).outputs
    assert "stress" not in read_samples(write(crystal), ("energy",)).outputs
    slab = crystal.replace("T T T", "T T F")
    for other in (bare, slab):
        with pytest.warns(UserWarning, match="1 of 2 periodic frames"):
            assert "stress" not in read_samples(write(crystal, other)).outputs


def test_labels_written_and_read_again_are_the_same(write, tmp_path):
    """Converted labels may not keep a header in other units, nor a plain value that lost take their place."""
    header = f"{CELL} units=hartree,hartree/bohr REF_energy=-1 energy=-7 REF_virial={nine(np.eye(3))}"
    path = write(frame(f'{header} stress="9 0 0 0 9 0 0 0 9"', "REF_forces"))
    (read,) = read_atoms(path)
    write_atoms(tmp_path / "b.xyz", [read])
    (again,) = read_atoms(f"{tmp_path / 'b.xyz'}:energy=REF_energy:stress=REF_stress")
    assert again.labels["energy"] == read.labels["energy"] == -HARTREE and again.info["energy"] == -7
    for name in ("forces", "stress"):
        np.testing.assert_allclose(again.labels[name], read.labels[name], rtol=1e-14)
    assert np.asarray(again.info["stress"])[0, 0] == 9
