"""Groups act as groups should, quantities turn as declared, and the audit finds what is wrong and names it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlangen.core import groups, quantity
from erlangen.core.equivariance import equivariance_defects, guilty
from erlangen.core.errors import Invalid
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Atoms, Electrons, Field, SpinLattice
from erlangen.numerics.precision import double

RNG = np.random.default_rng(0)
ATOMS = Atoms(RNG.normal(size=(5, 3)), np.array([6, 1, 1, 8, 1]))
FIELD = Field({"u": RNG.normal(size=16)}, (2 * np.pi / 16,))
SPINS = SpinLattice(np.array([1, -1, 1, 1, -1, -1], np.int8))
ELECTRONS = Electrons(RNG.normal(size=(4, 3)), np.zeros((1, 3)), np.array([4.0]), n_up=2)
MOLECULE = (quantity.positions, quantity.atomic_numbers)
U = Quantity("u", "u", "L/T", "grid", quantity.vector)
ROTATED = Quantity("q", "q", "1", "atoms", quantity.tensor)
RING = tuple(tuple((i + s) % 6 for i in range(6)) for s in range(6))


@given(st.integers(0, 2**31 - 1))
def test_rotations_keep_distances_and_act_index_by_index(seed):
    with double():
        group = groups.Orthogonal()
        g = group.sample(ATOMS, key=jax.random.key(seed))
        turned = groups.act(group, g, ATOMS, MOLECULE)
        np.testing.assert_allclose(np.linalg.norm(turned.positions, axis=1), np.linalg.norm(ATOMS.positions, axis=1))
        np.testing.assert_array_equal(turned.atomic_numbers, ATOMS.atomic_numbers)
        outer = np.einsum("ni,nj->nij", ATOMS.positions, ATOMS.positions)
        want = np.einsum("ni,nj->nij", turned.positions, turned.positions)
        np.testing.assert_allclose(group.act(g, ROTATED, outer), want, atol=1e-12)


def test_proper_rotations_have_determinant_one_and_others_both_signs():
    keys = jax.random.split(jax.random.key(1), 20)
    signs = {round(float(jnp.linalg.det(groups.Orthogonal().sample(ATOMS, key=k)))) for k in keys}
    assert signs == {1, -1}
    assert all(jnp.linalg.det(groups.Orthogonal(proper=True).sample(ATOMS, key=k)) > 0 for k in keys)


def test_pseudoscalar_changes_sign_under_inversion_only():
    group, chirality = groups.Orthogonal(), Quantity("chi", "chi", "1", "", quantity.pseudoscalar)
    assert float(group.act(-jnp.eye(3), chirality, jnp.float32(2))) == -2
    assert float(group.act(jnp.eye(3), chirality, jnp.float32(2))) == 2


def test_translations_move_positions_and_nothing_else():
    group = groups.Translations()
    g = group.sample(ATOMS, key=jax.random.key(0))
    assert np.allclose(group.act(g, quantity.positions, ATOMS.positions) - ATOMS.positions, g, atol=1e-5)
    assert group.act(g, quantity.forces, ATOMS.positions) is ATOMS.positions


@pytest.mark.parametrize("group", [groups.Shifts(), groups.Reflection(), groups.Galilean(0.1)])
def test_grid_groups_keep_what_they_must(group):
    g = group.sample(FIELD, key=jax.random.key(2))
    moved = np.asarray(group.act(g, U, FIELD["u"]))
    assert moved.shape == (16,) and not np.allclose(moved, FIELD["u"])
    np.testing.assert_allclose(moved.std(), FIELD["u"].std(), rtol=1e-5)


def test_reflection_twice_is_the_identity():
    group = groups.Reflection()
    np.testing.assert_allclose(group.act(1, U, group.act(1, U, FIELD["u"])), FIELD["u"], rtol=1e-6)


def test_galilean_boost_moves_a_later_field_by_whole_points():
    group, later = groups.Galilean(0.5), Quantity("u", "u", "L/T", "grid", quantity.vector, lag=1)
    points, speed = group.sample(FIELD, key=jax.random.key(3))
    assert speed * 0.5 == pytest.approx(points * FIELD.spacing[0])
    np.testing.assert_allclose(
        group.act((points, speed), later, FIELD["u"]), np.roll(FIELD["u"], points) + speed, rtol=1e-6
    )


def test_exchange_of_like_electrons_gives_the_sign_of_the_permutation():
    group, amplitude = groups.Exchange(), Quantity("psi", "psi", "1", "", quantity.fermionic)

    def slater(x):
        orbitals = lambda r: jnp.stack([jnp.exp(-jnp.sum(r**2, -1)), r[..., 0]], -1)  # noqa: E731
        return {"psi": jnp.linalg.det(orbitals(x.electrons[:2])) * jnp.linalg.det(orbitals(x.electrons[2:]))}

    electrons = Quantity("electrons", "r", "a0", "electrons", quantity.position)
    found = equivariance_defects(slater, ELECTRONS, (electrons,), (amplitude,), group, count=8, key=jax.random.key(0))
    assert found[0].error < 1e-5


def test_site_symmetry_and_spin_flip_leave_the_ising_energy():
    energy = Quantity("energy", "E", "J", "")
    ising = lambda x: {"energy": jnp.sum(x.spins * jnp.roll(x.spins, 1)).astype(float)}  # noqa: E731
    for group in (groups.SiteSymmetry(RING, "translations"), groups.SpinFlip()):
        (found,) = equivariance_defects(ising, SPINS, (quantity.spins,), (energy,), group, key=jax.random.key(0))
        assert found.error == 0


def test_the_audit_names_the_guilty_output():
    def wrong(x):
        r = jnp.asarray(x.positions)
        return {"energy": jnp.sum(r**2), "forces": r * jnp.array([1.0, 1.0, 1.1])}

    with double():
        outputs = (quantity.energy, quantity.forces)
        found = equivariance_defects(wrong, ATOMS, MOLECULE, outputs, groups.Orthogonal(), key=jax.random.key(0))
    assert [d.output for d in guilty(found, 1e-5)] == ["forces"]


def test_nan_counts_as_a_violation_and_broken_symmetries_are_only_shown():
    nan = lambda x: {"energy": jnp.nan * jnp.sum(x.positions)}  # noqa: E731
    for group, blamed in ((groups.Permutations(), 1), (groups.Broken(groups.Permutations(), by="labels"), 0)):
        found = equivariance_defects(nan, ATOMS, MOLECULE, (quantity.energy,), group, key=jax.random.key(0))
        assert len(guilty(found, 1e-5)) == blamed


def test_a_total_energy_cannot_hide_a_violation_behind_its_size():
    sloppy = lambda x: {"energy": 1e6 + jnp.asarray(x.positions)[0, 0]}  # noqa: E731
    with double():
        (found,) = equivariance_defects(
            sloppy,
            ATOMS,
            MOLECULE,
            (quantity.energy,),
            groups.Orthogonal(),
            scales={"energy": 1.0},
            key=jax.random.key(0),
        )
    assert found.error > 0.1


def test_containers_replace_quantities_wherever_they_live():
    x = Field({"u": np.zeros(4)}, (1.0,), parameters={"viscosity": 0.1})
    y = x.replace(u=np.ones(4), viscosity=0.2)
    assert y["u"][0] == 1 and y["viscosity"] == 0.2 and x["viscosity"] == 0.1
    charged = Atoms(np.zeros((1, 3)), np.array([3]), labels={"charge": 1}).replace(charge=0)
    assert charged["charge"] == 0 and charged.mask.all()


def lattice_sum(x):
    """Energy, vector per atom, and tensors of rank 2 and 3 of a crystal; images by a wide enough shell of cells."""
    r, h = jnp.asarray(x["positions"]), jnp.asarray(x["cell"])
    reach = 6
    shifts = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3), -1).reshape(-1, 3) * np.asarray(x["pbc"])
    d = r[:, None, None] - r[None, :, None] + (np.unique(shifts, axis=0) @ h)
    w = jnp.exp(-2 * jnp.sum(d**2, -1))
    return {
        "energy": jnp.sum(w),
        "pull": jnp.einsum("ijs,ijsa->ia", w, d),
        "rank2": jnp.einsum("ijs,ijsa,ijsb->ab", w, d, d),
        "rank3": jnp.einsum("ijs,ijsa,ijsb,ijsc,i->abc", w, d, d, d, jnp.asarray(x["atomic_numbers"], float)),
    }


CRYSTAL = Atoms(
    RNG.normal(size=(3, 3)), np.array([6, 1, 8]), 2.5 * np.eye(3) + 0.2 * RNG.normal(size=(3, 3)), np.ones(3, bool)
)
PERIODIC = (quantity.positions, quantity.atomic_numbers, quantity.cell)
TENSORS = (
    Quantity("energy", "E", "1", ""),
    Quantity("pull", "p", "1", "atoms", quantity.vector),
    Quantity("rank2", "t", "1", "", quantity.tensor),
    Quantity("rank3", "e", "1", "", quantity.third_rank),
)


@pytest.mark.parametrize("pbc", [(True, True, True), (True, False, True), (False, False, False)])
@pytest.mark.parametrize(
    "group", [groups.LatticeBasis(), groups.LatticeTranslations(1), groups.Orthogonal(), groups.Permutations()]
)
def test_a_lattice_sum_keeps_every_symmetry_of_a_crystal_up_to_rank_three(group, pbc):
    x = CRYSTAL.replace(pbc=np.array(pbc))
    with double():
        found = equivariance_defects(lattice_sum, x, PERIODIC, TENSORS, group, key=jax.random.key(0))
    assert [d.output for d in found] == ["energy", "pull", "rank2", "rank3"] and not guilty(found, 1e-12)


def test_new_lattice_vectors_span_the_same_lattice_and_a_wrong_shell_of_images_is_found():
    group = groups.LatticeBasis()
    for key in jax.random.split(jax.random.key(2), 10):
        g = np.asarray(group.sample(CRYSTAL, key=key))
        assert np.array_equal(g, np.round(g)) and abs(np.linalg.det(g)) == pytest.approx(1)

    def nearest_in_row(x):
        shifts = np.array([[-1, 0, 0], [0, 0, 0], [1, 0, 0]]) @ jnp.asarray(x["cell"])
        return {"energy": jnp.sum(jnp.exp(-jnp.sum((x["positions"] + shifts[:, None]) ** 2, -1)))}

    with double():
        found = equivariance_defects(nearest_in_row, CRYSTAL, PERIODIC, TENSORS[:1], group, key=jax.random.key(0))
    assert guilty(found, 1e-3)


def plane(n=12, m=12):
    """Flow of a stream function psi: velocity (psi_y, -psi_x), its gradient, vorticity w = -Lap psi."""
    x, y = np.meshgrid(2 * np.pi * np.arange(n) / n, 2 * np.pi * np.arange(m) / m, indexing="ij")
    psi_x, psi_y = np.cos(x + 2 * y), 2 * np.cos(x + 2 * y) - np.sin(y)  # psi = sin(x + 2 y) + cos y
    psi_xx, psi_xy, psi_yy = (-k * np.sin(x + 2 * y) for k in (1, 2, 4))
    psi_yy = psi_yy - np.cos(y)
    gradient = np.stack([np.stack([psi_xy, psi_yy], -1), np.stack([-psi_xx, -psi_xy], -1)], -2)  # [..., v, d]
    return Field({"v": np.stack([psi_y, -psi_x], -1), "grad": gradient, "w": -psi_xx - psi_yy}, (2 * np.pi / n,) * 2)


V = Quantity("v", "v", "L/T", "grid", quantity.vector)
GRADIENT = Quantity("grad", "dv", "1/T", "grid", quantity.tensor)
W = Quantity("w", "w", "1/T", "grid", quantity.pseudoscalar)


@pytest.mark.parametrize(
    "group", [groups.QuarterTurns(), groups.Reflection(0), groups.Reflection(1), groups.Shifts((0, 1))]
)
def test_a_turned_flow_has_the_turned_gradient_and_vorticity(group):
    def derived(x):
        k = 1j * np.fft.fftfreq(12, 1 / 12)
        v_hat = jnp.fft.fftn(jnp.asarray(x["v"]), axes=(0, 1))
        slopes = [k[:, None, None] * v_hat, k[None, :, None] * v_hat]
        gradient = jnp.stack([jnp.fft.ifftn(s, axes=(0, 1)).real for s in slopes], -1)
        return {"grad": gradient, "w": gradient[..., 1, 0] - gradient[..., 0, 1]}

    with double():
        x = plane()
        for name, value in derived(x).items():
            np.testing.assert_allclose(value, x[name], atol=1e-12)
        assert not guilty(equivariance_defects(derived, x, (V,), (GRADIENT, W), group, key=jax.random.key(0)), 1e-12)


def test_four_quarter_turns_are_none_and_two_are_two_reflections():
    group, x = groups.QuarterTurns(), plane()
    with double():
        for q in (V, GRADIENT, W):
            np.testing.assert_array_equal(group.act(4, q, x[q.name]), x[q.name])
        mirrored = groups.Reflection(0).act(1, V, groups.Reflection(1).act(1, V, x["v"]))
        np.testing.assert_allclose(group.act(2, V, x["v"]), mirrored, atol=0)
    assert {int(group.sample(x, key=jax.random.key(i))) for i in range(30)} == {1, 2, 3}
    number = Quantity("nu", "nu", "1", "")
    assert group.act(1, number, 0.1) == pytest.approx(0.1)


def test_quarter_turns_need_a_square():
    with pytest.raises(Invalid, match=r"square grid; came: w of shape \(12, 10\)"):
        groups.QuarterTurns().act(1, W, plane(12, 10)["w"])


def test_a_permutation_acts_on_both_axes_of_a_value_of_pairs():
    pairs = Quantity("coulomb", "J", "1/A", "atoms atoms")
    value, g = np.arange(9.0).reshape(3, 3), np.array([2, 0, 1])
    np.testing.assert_array_equal(groups.Permutations().act(g, pairs, value), value[np.ix_(g, g)])
