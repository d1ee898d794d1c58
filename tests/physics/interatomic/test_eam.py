"""Embedded atoms: tables against ASE's EAM, Zhou's functions against their tables and published figures, files."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.eam import EAM
from ase.data import atomic_numbers
from ase.units import GPa

from erlangen.app.calculator import as_container
from erlangen.core.errors import Invalid
from erlangen.data.setfl_files import read_setfl, write_setfl
from erlangen.learn.batching import stacked
from erlangen.numerics.neighbour_lists import listed
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.eam import EmbeddedAtom
from erlangen.physics.interatomic.law import Law
from erlangen.physics.interatomic.zhou import Zhou, parameters

COHESION = {  # eV: measured, to two digits, which is what potentials of this kind are fitted to
    "Cu": 3.54, "Ag": 2.85, "Au": 3.93, "Ni": 4.45, "Pd": 3.91, "Pt": 5.77, "Al": 3.58, "Pb": 2.02,
    "Fe": 4.29, "Mo": 6.81, "Ta": 8.09, "W": 8.76, "Mg": 1.55, "Co": 4.41, "Ti": 4.87, "Zr": 6.36,
}  # fmt: skip
LATTICE = {"Fe": "bcc", "Mo": "bcc", "Ta": "bcc", "W": "bcc", **dict.fromkeys(("Mg", "Co", "Ti", "Zr"), "hcp")}
STRAIN = 1e-5


def answers(law: Law, structures: list[Atoms]) -> dict[str, np.ndarray]:
    batch, _ = stacked([listed(as_container(atoms), law.cutoff) for atoms in structures])
    with double():
        return jax.device_get(jax.jit(jax.vmap(law.mechanics))(batch))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("eam") / "cuni.eam.alloy"
    write_setfl(path, Zhou.of("Cu", "Ni").tables())
    return path


@pytest.fixture(scope="module")
def alloy() -> Atoms:
    atoms = bulk("Cu", cubic=True, a=3.6) * (2, 1, 1)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + [[0.02, 0.03, 0], [0, -0.03, 0.02], [0.01, 0, 0]]), True)
    atoms.rattle(0.1, seed=1)
    atoms.numbers[::3] = 28
    return atoms


def test_a_file_gives_what_ase_gives(file, alloy):
    law = EmbeddedAtom.of(read_setfl(file))
    trimer = Atoms("CuNiCu", [[0, 0, 0], [2.3, 0, 0], [0.5, 2.2, 0.3]])
    nickel = bulk("Ni")
    found = answers(law, [alloy, trimer, nickel])
    for i, atoms in enumerate((alloy, trimer, nickel)):
        atoms = atoms.copy()
        n, atoms.calc = len(atoms), EAM(potential=str(file))
        assert found["energy"][i] == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
        np.testing.assert_allclose(found["forces"][i, :n], atoms.get_forces(), atol=1e-10)
        if atoms.cell.rank == 3:
            np.testing.assert_allclose(found["stress"][i], atoms.get_stress(voigt=False), atol=1e-11)


def test_functions_and_their_tables_agree(file, alloy):
    smooth, tabled = answers(Zhou.of("Cu", "Ni"), [alloy]), answers(EmbeddedAtom.of(read_setfl(file)), [alloy])
    assert smooth["energy"][0] == pytest.approx(tabled["energy"][0], abs=1e-6)
    np.testing.assert_allclose(smooth["forces"], tabled["forces"], atol=2e-4)


def crystal(name: str) -> Atoms:
    """With the nearest neighbours at r_e, hcp at its ideal ratio."""
    nearest, lattice = parameters()[atomic_numbers[name]]["re"], LATTICE.get(name, "fcc")
    side = {"fcc": np.sqrt(2), "bcc": 2 / np.sqrt(3), "hcp": 1.0}[lattice] * nearest
    return bulk(name, lattice, a=side, c=np.sqrt(8 / 3) * side if lattice == "hcp" else None)


def test_metals_have_the_cohesion_and_the_size_that_they_were_fitted_to():
    """One wrong digit of the parameters, and a crystal at r_e is under pressure."""
    law, structures = Zhou.of(), [crystal(name) for name in COHESION]
    assert {atomic_numbers[name] for name in COHESION} == set(law.elements)
    found = answers(law, structures)
    for i, name in enumerate(COHESION):
        assert -found["energy"][i] / len(structures[i]) == pytest.approx(COHESION[name], abs=5e-5), name
        pressure = np.trace(found["stress"][i]) / 3 / GPa
        assert abs(pressure) < (1e-3 if name not in LATTICE or LATTICE[name] == "bcc" else 0.5), name


def test_copper_is_as_stiff_as_measured():
    """a = 3.615 A, E = -3.54 eV. Measured at 300 K [GPa]: C11 168.4, C12 121.4, C44 75.4 (Overton and Gaffney 1955,
    doi:10.1103/PhysRev.98.969).
    """
    stretch, shear = np.zeros((2, 3, 3))
    stretch[0, 0], shear[0, 1], shear[1, 0] = STRAIN, STRAIN / 2, STRAIN / 2
    structures = [bulk("Cu", a=3.615)]
    for strain in (stretch, -stretch, shear, -shear):
        structures.append(bulk("Cu", a=3.615))
        structures[-1].set_cell(structures[0].cell.array @ (np.eye(3) + strain), scale_atoms=True)
    found = answers(Zhou.of("Cu"), structures)
    slopes = (found["stress"][1:5:2] - found["stress"][2:5:2]) / (2 * STRAIN * GPa)
    assert found["energy"][0] == pytest.approx(-3.54, abs=1e-4) and np.abs(found["stress"][0]).max() / GPa < 0.01
    for value, measured in ((slopes[0, 0, 0], 168.4), (slopes[0, 1, 1], 121.4), (slopes[1, 0, 1], 75.4)):
        assert value == pytest.approx(measured, rel=0.06)


def test_beyond_the_table_embedding_goes_on_in_a_straight_line(file):
    tables = read_setfl(file)
    law = EmbeddedAtom.of(tables)
    assert np.all(law.embedding[:, -1, 2:] == 0) and np.all(law.embedding[:, -1, 1] != 0)
    np.testing.assert_allclose(law.embedding[:, -1, 0], tables.embedding[:, -1], rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda lines: lines[:-3], "entries after its header.*cut off"),
        (lambda lines: [*lines[:3], "2 Cu Cu", *lines[4:]], "different elements"),
        (lambda lines: [*lines[:3], "2 Cu Xy", *lines[4:]], "different elements.*Xy"),
        (lambda lines: [*lines[:3], "many Cu Ni", *lines[4:]], "number of elements"),
        (lambda lines: [*lines[:4], lines[4].replace("2000", "-5"), *lines[5:]], "Nrho, a whole number"),
        (lambda lines: [*lines[:4], " ".join(["2000 nan", *lines[4].split()[2:]]), *lines[5:]], "drho, a positive"),
        (lambda lines: [*lines[:6], "one " + lines[6].split(" ", 1)[1], *lines[7:]], "numbers in its tables"),
        (lambda lines: [*lines[:6], "nan " + lines[6].split(" ", 1)[1], *lines[7:]], "finite"),
        (lambda lines: [*lines[:4], lines[4].rsplit(" ", 1)[0] + " 60.0", *lines[5:]], "reach to the cutoff"),
        (lambda lines: lines[:2], "end of the file"),
    ],
)
def test_damaged_files_are_refused_in_one_message(file, tmp_path, change, hint):
    bad = tmp_path / "bad.eam.alloy"
    bad.write_text("\n".join(change(file.read_text().splitlines())))
    with pytest.raises(Invalid, match=hint):
        read_setfl(bad)


def test_elements_that_zhou_does_not_have_are_named():
    with pytest.raises(Invalid, match="'Si'"):
        Zhou.of("Cu", "Si")
