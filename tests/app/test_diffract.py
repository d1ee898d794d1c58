"""`erlangen diffract`: tables, candidates, and bad input in one message each."""

import numpy as np
import pytest

from erlangen.app.cli import main
from erlangen.data.pattern_files import read_pattern
from erlangen.data.scatterer_files import read_scatterers

SALT = """data_salt
_cell_length_a 5.64
_cell_length_b 5.64
_cell_length_c 5.64
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_B_iso_or_equiv
Na Na 0 0 0 {na} 0.8
K K 0 0 0 {k} 0.8
Cl Cl 0.5 0.5 0.5 1 0.9
"""


@pytest.fixture
def salt(tmp_path):
    file = tmp_path / "salt.cif"
    file.write_text(SALT.format(na=1, k=0))
    return file


def test_a_crystal_gives_its_lines_a_picture_and_its_pattern(salt, tmp_path, capsys):
    out, plot = tmp_path / "salt.xy", tmp_path / "salt.png"
    assert main(["diffract", str(salt), "--out", str(out), "--plot", str(plot), "--range", "20:60"]) == 0
    said = capsys.readouterr().out
    assert "8 sites" in said and " 31.7" in said and "2  0  0    6" in said
    x, y = np.loadtxt(out).T
    assert y.max() == pytest.approx(100) and x[y.argmax()] == pytest.approx(31.70, abs=0.03)
    assert plot.stat().st_size > 5000


def test_a_pattern_finds_its_crystal_in_a_library(salt, tmp_path, capsys):
    pattern, folder = tmp_path / "measured.xy", tmp_path / "library"
    folder.mkdir()
    (folder / "salt.cif").write_text(salt.read_text())
    (folder / "sylvine.cif").write_text(SALT.format(na=0, k=1).replace("5.64", "6.29"))
    (folder / "broken.cif").write_text("data_nothing\n")
    main(["diffract", str(salt), "--out", str(pattern)])
    capsys.readouterr()
    assert main(["diffract", str(pattern), "--library", str(folder)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[2].split()[0] == "salt" and "left out" in said.err
    assert main(["diffract", str(pattern)]) == 0
    words = capsys.readouterr().out.splitlines()[2].split()
    assert words[0] == "cubic" and float(words[7]) > 75
    assert float(words[1]) == pytest.approx(5.64, abs=2e-3)


def test_sites_in_part_scatter_in_part(tmp_path):
    file = tmp_path / "mixed.cif"
    file.write_text(SALT.format(na=0.6, k=0.4))
    ((name, crystal),) = read_scatterers(file)
    assert name == "mixed" and len(crystal.places) == 12 and len(crystal.rotations) == 48
    assert sorted(set(crystal.occupancies.tolist())) == [0.4, 0.6, 1.0]
    assert crystal.displacements.min() == pytest.approx(0.8 / (8 * np.pi**2))


def test_q_and_d_become_angles(tmp_path):
    angles = np.linspace(20, 80, 200)
    sine = np.sin(np.deg2rad(angles / 2))
    for axis, x in (("q", 4 * np.pi * sine / 1.5), ("d", 0.75 / sine)):
        file = tmp_path / f"{axis}.xy"
        np.savetxt(file, np.stack([x, np.ones(200)], 1))
        np.testing.assert_allclose(np.sort(read_pattern(file, axis, 1.5)[0]), angles, atol=1e-6)


ANGLES = np.linspace(10, 80, 100)


@pytest.mark.parametrize(
    ("x", "y", "words", "said"),
    [
        (ANGLES / 20, np.ones(100), [], "as Q or d would"),
        (ANGLES * 3, np.ones(100), [], "at most 180"),
        (ANGLES[::-1], np.ones(100), [], "rises"),
        (ANGLES, np.zeros(100), [], "counts"),
        (ANGLES[:5], np.ones(5), [], "at least 50"),
        (ANGLES, np.ones(100), ["--axis", "q"], "an angle"),
        (ANGLES, np.ones(100), ["--wavelength", "CuKb"], "CuKa"),
        (ANGLES, np.ones(100), ["--wavelength", "15.4"], "between 0.1 and 10"),
        (ANGLES, np.ones(100), ["--range", "90:10"], "rising"),
        (ANGLES, np.ones(100), ["--range", "100:120"], "reaches"),
        (ANGLES, np.ones(100), ["--library", "."], "folder of crystals"),
    ],
)
def test_what_is_no_pattern_is_refused_in_one_message(tmp_path, monkeypatch, capsys, x, y, words, said):
    monkeypatch.chdir(tmp_path)
    np.savetxt("a.xy", np.stack([x, y], 1))
    assert main(["diffract", "a.xy", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.strip().splitlines()) == 1


def test_a_column_that_is_named_d_is_no_angle(tmp_path, capsys):
    file = tmp_path / "named.csv"
    file.write_text("d,counts\n" + "\n".join(f"{v},1" for v in np.linspace(1, 20, 80)))
    assert main(["diffract", str(file)]) == 2
    assert "--axis q or --axis d" in capsys.readouterr().err


def test_names_of_the_newer_dictionary_are_read(tmp_path):
    newer = SALT.format(na=1, k=0).replace("_atom_site_", "_atom_site.").replace("_cell_", "_cell.")
    file = tmp_path / "newer.cif"
    file.write_text(newer.replace("_symmetry_space_group_name_H-M", "_space_group.name_H-M_alt"))
    ((_, crystal),) = read_scatterers(file)
    assert len(crystal.places) == 8 and len(crystal.rotations) == 48


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (SALT.format(na=1, k=0.4), "add up to at most 1"),
        (SALT.format(na=1.5, k=0), "between 0 and 1"),
        (SALT.format(na=1, k=0).replace("F m -3 m", "F m x"), "space group"),
    ],
)
def test_what_is_no_crystal_is_refused_in_one_message(tmp_path, capsys, text, said):
    (tmp_path / "a.cif").write_text(text)
    assert main(["diffract", str(tmp_path / "a.cif")]) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.strip().splitlines()) == 1
    assert main(["diffract", str(tmp_path / "none.cif")]) == 2
