"""Sums of Pauli strings from files: both spellings, and what is wrong is said."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.data.pauli_files import read_pauli_sum
from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import lattices, spins


def test_the_ising_chain_from_a_file(tmp_path):
    path = tmp_path / "ising.txt"
    couplings = "\n".join(f"-1 Z{i} Z{(i + 1) % 8}  # bond" for i in range(8))
    fields = "\n".join(f"-0.7 {'I' * i}X{'I' * (7 - i)}" for i in range(8))
    path.write_text(f"# periodic\n{couplings}\n\n{fields}\n0.5\n")
    law = read_pauli_sum(path)
    assert law.n_sites == 8 and law.title == "ising" and law.is_flip_symmetric and law.is_stoquastic
    exact = ed.ground_state(spins.transverse_ising(lattices.chain(8), field=0.7)).energy
    assert ed.ground_state(law).energy == pytest.approx(exact + 0.5, abs=1e-10)


def test_equal_strings_are_added_and_the_spelling_does_not_matter(tmp_path):
    path = tmp_path / "sum.txt"
    path.write_text("0.5 XYI\n0.25 Y1 X0\n-1e-1 Z2\n")
    law = read_pauli_sum(path)
    assert sorted(zip(map(tuple, law.strings.tolist()), law.coefficients)) == [((0, 0, 3), -0.1), ((1, 2, 0), 0.75)]
    assert not law.is_real and np.allclose(ed.ground_state(law).energy, -0.85)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.0 ZZI\n1.0 ZZ\n", "equally many sites"),
        ("1.0 ZZI\n1.0 Z3\n", "largest site 3"),
        ("1j Z0\n", "Hermitian"),
        ("nan Z0\n", "finite"),
        ("Z0 Z1\n", "starts with a coefficient"),
        ("1.0 Z0 X0\n", "second matrix"),
        ("1.0 A0\n", "'A0' in law.txt, line 1"),
        ("1.0 Z0 Z1000000000\n", "numbered from 0 to 1023"),
        ("1.0 Z" + "9" * 5000 + "\n", "numbered from 0 to 1023"),
        ("1.0 " + "Z" * 2000 + "\n", "numbered from 0 to 1023"),
        ("1e308 Z0\n", "real and finite"),
        ("(1+1j) [Z0]\n", "Hermitian"),
        ("1.0 [Z0\n", "a term with brackets"),
        ("[Z0]\n", "starts with a coefficient"),
        ("0.5 I0\n", "acts on a site"),
        ("# nothing\n", "acts on a site"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, words):
    path = tmp_path / "law.txt"
    path.write_text(text)
    with pytest.raises(Invalid, match=words):
        read_pauli_sum(path)


def rows_of(path, text):
    path.write_text(text, encoding="utf-8")
    law = read_pauli_sum(path)
    return law.n_sites, sorted(zip(map(tuple, law.strings.tolist()), law.coefficients.tolist()))


@pytest.mark.parametrize(
    "text",
    [
        "(-1+0j) [Z0 Z1] +\n(-0.5+0j) [X0] +\n(-0.5+0j) [X1]\n",
        "-1.0 [Z0 Z1] +\n-0.5 [X0] +\n-0.5 [X1]",
        "(-1+1e-17j) [Z0 Z1] + -0.5 [X0] +\n- 0.5 [X1]",
        "-1.0 * Z0 * Z1\n-0.5*X0 +\n-0.5*X1\n",
        "\ufeff-1 Z0 Z1\r\n-0.5 X0 I1\r\n-0.5 X1\r\n",
    ],
)
def test_the_same_law_in_other_spellings(tmp_path, text):
    expected = rows_of(tmp_path / "plain.txt", "-1 Z0 Z1\n-0.5 X0\n-0.5 X1\n")
    assert rows_of(tmp_path / "other.txt", text) == expected


def test_a_constant_in_brackets_and_a_site_that_is_only_named(tmp_path):
    assert rows_of(tmp_path / "a.txt", "(0.25+0j) [] +\n(1+0j) [Z0 I2]") == (3, [((0, 0, 0), 0.25), ((3, 0, 0), 1.0)])


def test_sites_that_are_left_out_are_known(tmp_path):
    path = tmp_path / "from_one.txt"
    path.write_text("-1 Z1 Z2\n-1 Z2 Z3\n")
    assert read_pauli_sum(path).free_sites == [0]
    path.write_text("-1 Z0 Z5\n")
    assert read_pauli_sum(path).free_sites == [1, 2, 3, 4]


def test_devices_and_large_files_are_refused_at_once(tmp_path):
    with pytest.raises(Invalid, match="a device or a pipe"):
        read_pauli_sum("/dev/zero")
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(2**30)  # a hole: nothing is written
    with pytest.raises(Invalid, match="at most 536,870,912 bytes"):
        read_pauli_sum(large)
    with pytest.raises(Invalid, match="no file"):
        read_pauli_sum(tmp_path / "none.txt")


def test_strings_that_cancel_leave_a_law_of_energy_zero(tmp_path):
    path = tmp_path / "nothing.txt"
    path.write_text("1 Z0 Z1\n-1 Z0 Z1\n")
    assert ed.ground_state(read_pauli_sum(path)).energy == 0
