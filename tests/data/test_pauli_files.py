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
        ("# nothing\n", "acts on a site"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, words):
    path = tmp_path / "law.txt"
    path.write_text(text)
    with pytest.raises(Invalid, match=words):
        read_pauli_sum(path)
