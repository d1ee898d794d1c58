"""Files whose numbers can be read and yet cannot be meant: each is refused, or warned of, in one message."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.data.label_units import electronic_energy
from erlangen.data.plausibility import check_apart, energy_scale, stress_against_energy
from erlangen.data.readers import read_atoms, read_samples

ACAC = Path(__file__).parent / "files" / "acac_20.xyz"
HARTREE = 27.211386245981


def refused(path, outputs=("energy", "forces")):
    with pytest.raises(Invalid) as caught:
        read_samples(path, outputs)
    assert str(path) in str(caught.value) and caught.value.do
    return str(caught.value)


def edited(tmp_path, change):
    path = tmp_path / "mine.xyz"
    path.write_text(change(ACAC.read_text()))
    return path


@pytest.mark.parametrize("gap", [0.0, 0.2])
def test_overlapping_atoms_are_named(tmp_path, gap):
    def doubled(text):
        lines = text.splitlines()
        at = 3 * 17 + 2  # the fourth frame
        words = lines[at].split()
        words[1] = f"{float(words[1]) + gap:.6f}"
        other = lines[at + 4].split()
        lines[at + 4] = " ".join([other[0], *words[1:4], *other[4:]])
        return "\n".join(lines) + "\n"

    said = refused(edited(tmp_path, doubled))
    assert "frame 4: atoms 1 and 5" in said and f"{gap:.3f} A" in said


@pytest.mark.parametrize("n", [2, 400])
def test_an_atom_on_an_image_of_another_is_found(n):
    cell = np.array([[9.0, 0, 0], [8.0, 3.0, 0], [0, 1.0, 40.0]])
    rng = np.random.default_rng(0)
    grid = np.array([(i % 5, (i // 5) % 4, i // 20) for i in range(n)]) / [5, 4, max(n / 20, 1)]
    positions = grid @ np.diag([900.0, 900.0, 900.0]) if n > 2 else np.array([[0.0, 0, 0], [4.0, 1, 20]])
    cell = cell if n == 2 else 900 * np.eye(3)
    good = Atoms(positions, np.ones(n, int), cell, np.ones(3, bool))
    check_apart("file", [good])
    moved = positions.copy()
    moved[1] = moved[0] + [2, -1, 3] @ cell + 0.05 * rng.normal(size=3)
    with pytest.raises(Invalid, match="frame 2: atoms 1 and 2"):
        check_apart("file", [good, good.replace(positions=moved)])


@pytest.mark.parametrize(
    ("cell", "pbc", "shortest"),
    [
        (0.2 * np.eye(3), "TTT", 0.2),
        ([[9.0, 0, 0], [0, 9, 0], [0, 0, 0.25]], "FFT", 0.25),
        ([[1.0, 0, 0], [100, 0.2, 0], [0, 0, 9]], "TTT", 0.2),  # no vector is short, one of their sums is
        ([[9.0, 0, 0], [9, 0.1, 0], [0, 0, 9]], "TTF", 0.1),
        ([[0.2, 0, 0], [0, 9, 0], [0, 0, 9]], "FTT", None),
        ([[1.0, 0, 0], [100, 0.4, 0], [0, 0, 9]], "TTT", None),
        (2.0 * np.eye(3), "TTT", None),
    ],
)
@pytest.mark.parametrize("n", [1, 2, 400])
def test_an_atom_on_an_image_of_itself_is_found(cell, pbc, shortest, n):
    repeats = np.array([one == "T" for one in pbc])
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3), -1).reshape(-1, 3)[:n] * 1000.3
    atoms = Atoms(grid * ~repeats, np.ones(n, int), np.asarray(cell), repeats)
    if shortest is not None:
        with pytest.raises(Invalid, match=f"every atom and its own image at {shortest:.3f} A"):
            check_apart("file", [atoms])
    elif n == 1:
        check_apart("file", [atoms])


def test_a_tiny_cell_is_refused_when_it_is_read(tmp_path):
    path = tmp_path / "tiny.xyz"
    path.write_text('1\nLattice="0.2 0 0 0 0.2 0 0 0 0.2" energy=-1\nCu 0 0 0\n')
    assert "its own image" in refused(path, ("energy",))


def with_header(word):
    return lambda text: text.replace("energy=", f"{word} energy=")


def test_a_charge_that_no_method_sees_is_warned_of_once(tmp_path):
    with pytest.warns(UserWarning, match="charge 1: methods see elements and positions only") as caught:
        read_samples(edited(tmp_path, with_header("charge=1")))
    assert len(caught) == 1


@pytest.mark.parametrize("word", ["charge=0", "multiplicity=1", "total_charge=0 spin=0"])
def test_a_neutral_singlet_is_no_news(tmp_path, word):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = read_samples(edited(tmp_path, with_header(word)))
    assert read.outputs["energy"] == read_samples(ACAC).outputs["energy"]


@pytest.mark.parametrize("word", ["charge=1", "multiplicity=3"])
def test_two_states_of_one_molecule_are_refused(tmp_path, word):
    path = edited(tmp_path, lambda text: text.replace("energy=", f"{word} energy=", 1))
    said = refused(path)
    assert "frame 1 has" in said and "frame 2 neither charge nor spin" in said and "a file of its own" in said


def sized(tmp_path, per_atom, name="sizes.xyz"):
    """Forty chains of C, H, O with energies close to those of the separate atoms."""
    rng, blocks = np.random.default_rng(0), []
    for _ in range(40):
        numbers = rng.choice([1, 1, 6, 8], rng.integers(4, 25))
        # valence energies of separate atoms, bonds, and heat: not those of all electrons, whose unit could be told
        table = {1: -13.0, 6: -150.0, 8: -430.0}
        energy = sum(table[int(z)] for z in numbers) + rng.normal() * len(numbers) ** 0.5
        energy /= len(numbers) if per_atom else 1
        lines = [f"{'XHHHHHCNO'[z]} {1.2 * i} 0 0 0.1 0.2 -0.1" for i, z in enumerate(numbers)]
        header = f"Properties=species:S:1:pos:R:3:forces:R:3 energy={energy!r}"
        blocks.append("\n".join([str(len(numbers)), header, *lines]))
    path = tmp_path / name
    path.write_text("\n".join(blocks) + "\n")
    return path


def test_energies_per_atom_are_noticed_and_can_be_said(tmp_path):
    path, totals = sized(tmp_path, True), sized(tmp_path, False, "totals.xyz")
    assert "units=eV/atom" in refused(path)
    true = read_samples(totals).outputs["energy"]
    said = read_samples(f"{path}:units=eV/atom").outputs["energy"]
    np.testing.assert_allclose(said, true, rtol=1e-12)
    assert read_samples(path, units="eV").outputs["energy"][0] == pytest.approx(
        true[0] / len(read_atoms(path)[0].atoms.positions)
    )


@pytest.mark.parametrize("unlike", [0.0, 5.0])
def test_scale_of_all_electron_energies(unlike):
    """Totals and the same per atom are told apart; one size alone, or noise, tells nothing."""
    rng = np.random.default_rng(1)
    numbers = [rng.choice([1, 6, 7, 8], n) for n in rng.integers(3, 30, 60)]
    totals = np.array([HARTREE * electronic_energy(z) + rng.normal() for z in numbers])
    sizes = np.array([len(z) for z in numbers])
    assert energy_scale(numbers, totals) == "total"
    assert energy_scale(numbers, totals / sizes) == "per atom"
    assert energy_scale([numbers[0]] * 60, totals) is None
    assert energy_scale(numbers, unlike + rng.normal(size=60)) in (None, "per atom" if unlike else None)
    assert energy_scale(numbers[:5], totals[:5]) is None


def test_keys_and_units_behind_the_name(tmp_path):
    def renamed(text):
        lines = text.replace("energy=", "E_mine=").replace("forces:R:3", "pull:R:3").splitlines()
        return "\n".join(lines) + "\n"

    path, true = edited(tmp_path, renamed), read_samples(ACAC)
    assert "mine.xyz:energy=KEY" in refused(path)
    found = read_samples(f"{path}:energy=E_mine:forces=pull:units=eV+eV/A:pbc=no")
    assert found.outputs["energy"] == true.outputs["energy"]
    np.testing.assert_array_equal(found.outputs["forces"], true.outputs["forces"])
    in_hartree = read_samples(f"{path}:energy=E_mine:forces=pull:units=hartree+hartree/bohr")
    assert in_hartree.outputs["energy"][0] == pytest.approx(HARTREE * true.outputs["energy"][0])


@pytest.mark.parametrize(
    ("tail", "word"), [(":pbc=maybe", "yes or no"), (":energy=", "one after the other"), (":energy=no_key", "no_key")]
)
def test_bad_arguments_are_said(tail, word):
    with pytest.raises(Invalid, match=word):
        read_samples(f"{ACAC}{tail}")


@pytest.mark.parametrize("pbc", ["", ' pbc="T T T"'])
def test_a_box_drawn_around_a_molecule_is_no_crystal(tmp_path, pbc):
    """As in the revised MD17 set: `Energy` with a capital and a box of 50 A."""
    path = edited(tmp_path, lambda text: text.replace("energy=", "Energy=").replace(' pbc="F F F"', pbc))
    samples = read_samples(path)
    assert not any(np.any(x.pbc) or np.any(x.cell) for x in samples.inputs)
    assert samples.outputs["energy"] == read_samples(ACAC).outputs["energy"]
    assert np.all(read_atoms(f"{path}:pbc=yes")[0].atoms.pbc)


def test_one_atom_and_many(tmp_path):
    path = tmp_path / "one.xyz"
    path.write_text("1\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-3.5\nAr 0 0 0 0 0 0\n")
    assert read_samples(path).outputs["forces"][0].shape == (1, 3)
    n = 10_000
    grid = np.stack(np.meshgrid(*[np.arange(22)] * 3), -1).reshape(-1, 3)[:n] * 2.5
    rows = "\n".join(f"Cu {x} {y} {z} 0 0 0" for x, y, z in grid)
    cell = 'Lattice="55 0 0 0 55 0 0 0 55" pbc="T T T"'
    path.write_text(f"{n}\n{cell} Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.0\n{rows}\n")
    samples = read_samples(path)
    assert len(samples.inputs[0].positions) == n and np.all(samples.inputs[0].pbc)


def test_unknown_elements_are_named(tmp_path):
    path = edited(tmp_path, lambda text: text.replace("\nC ", "\nQq ", 1))
    assert "frame 1" in refused(path) and "Qq" in refused(path)


def _strained_argon(path, factor):
    """Frames of a crystal with E = 40 eV (v - 1)^2 + 15 eV |shear|^2 and its stress times a factor, as extended XYZ."""
    rng, lines = np.random.default_rng(0), []
    for _ in range(12):
        strain = 0.01 * rng.standard_normal((3, 3))
        strain = (strain + strain.T) / 2
        cell = 5.3 * (np.eye(3) + strain)
        volume, v = abs(np.linalg.det(cell)), abs(np.linalg.det(cell)) / 5.3**3
        shear = strain - np.trace(strain) / 3 * np.eye(3)
        energy = 40 * (v - 1) ** 2 + 15 * np.sum(shear**2)
        stress = factor * (80 * (v - 1) * v * np.eye(3) + 30 * shear) / volume
        said = " ".join(f"{x:.9f}" for x in cell.ravel()), " ".join(f"{x:.9f}" for x in stress.ravel())
        lines += [
            "4",
            f'Lattice="{said[0]}" stress="{said[1]}" energy={energy:.9f} pbc="T T T" '
            "Properties=species:S:1:pos:R:3:forces:R:3",
        ]
        places = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]) @ cell
        lines += [f"Ar {x:.9f} {y:.9f} {z:.9f} 0 0 0" for x, y, z in places]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_stress_of_the_wrong_sign_or_unit_is_found_by_finite_strains(tmp_path):
    path = tmp_path / "argon.xyz"
    samples = read_samples(_strained_argon(path, 1.0))
    factor, pairs = stress_against_energy(samples.inputs, samples.outputs)
    assert factor == pytest.approx(1.0, abs=0.02) and pairs > 10
    assert "times that, with the opposite sign" in refused(_strained_argon(path, -1.0))
    turned = read_samples(f"{path}:stress=-stress")
    np.testing.assert_allclose(turned.outputs["stress"], samples.outputs["stress"], atol=1e-9)
    # too small to be conspicuous by itself
    assert "times that, with the same sign" in refused(_strained_argon(path, 0.1))


def test_frames_of_one_cell_say_nothing_of_a_stress():
    x = Atoms(np.zeros((1, 3)), np.array([18]), 5.0 * np.eye(3), np.ones(3, bool))
    labels = {"energy": [0.0] * 9, "forces": [np.zeros((1, 3))] * 9, "stress": [np.eye(3)] * 9}
    assert stress_against_energy([x] * 9, labels) is None
