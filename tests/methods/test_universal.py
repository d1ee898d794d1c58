"""Universal potentials from files of weights: equal to e3nn-jax and to their package, surfaces like any."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import e3nn_jax as e3nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.neighborlist import neighbor_list

import erlangen
from erlangen.app.surfaces import identity, surface_of
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.data.weight_files import read_weights
from erlangen.methods.foundation._nequix import load_universal
from erlangen.physics.phonons import Phonons

HEADER = {
    "atomic_numbers": [1, 8, 14],
    "hidden_irreps": "4x0e + 3x1o + 2x2e",
    "lmax": 2,
    "n_layers": 3,
    "cutoff": 3.0,
    "radial_basis_size": 4,
    "radial_mlp_size": 6,
    "radial_mlp_layers": 2,
    "radial_polynomial_p": 6.0,
    "index_weights": False,
    "layer_norm": True,
    "avg_n_neighbors": 5.0,
    "scale": 0.7,
    "shift": 0.2,
}
# 7 paths lead from 4x0e + 3x1o + 2x2e to degree 0 and 2, 8 from degree 1: channels of the sender, path by path
COUPLED = ((4, 3, 2), (4, 3, 3, 2), (4, 3, 2, 2))
REAL = os.environ.get("ERLANGEN_NEQUIX")


def shapes(layers: int) -> list[tuple[int, ...]]:
    """Of the arrays behind HEADER: written out by hand, from the papers' equations."""
    sums = [sum(row) for row in COUPLED]
    first = [(4, 6), (6, 6), (6, 9), (3, 3), (3, 9), (3, 3), (3, 2), (3, 9), (9,), (3,), (2,)]
    inner = [(4, 6), (6, 6), (6, sum(sums)), (4, 4), (3, 3), (2, 2)]
    inner += [(sums[0], 9), (sums[1], 3), (sums[2], 2), (4, 9), (3, 3), (2, 2), (9,), (3,), (2,)]
    last = [(4, 6), (6, 6), (6, sums[0]), (4, 4), (3, 3), (2, 2), (sums[0], 4), (4, 4), (4,)]
    return [(3,), *first, *inner * (layers - 2), *last, (4, 1)]


def written(path: Path, header: dict = HEADER, keep: int | None = None, more: bytes = b"\n", layers: int = 3) -> Path:
    """A tiny potential with random weights; what `header` says need not be true, what `layers` says is."""
    header = header if header is not HEADER else {**HEADER, "n_layers": layers}
    rng, stream = np.random.default_rng(0), io.BytesIO()
    for shape in shapes(layers)[:keep]:
        np.save(stream, rng.normal(size=shape).astype(np.float32))
    path.write_bytes(json.dumps(header).encode() + b"\n" + stream.getvalue() + more)
    return path


def silica() -> Atoms:
    """A small skewed cell of Si, O and H."""
    cell = np.array([[3.1, 0.0, 0.0], [0.4, 3.3, 0.0], [-0.3, 0.2, 3.6]])
    inside = np.array([[0.0, 0.02, 0.1], [0.5, 0.47, 0.3], [0.2, 0.6, 0.75]])
    return Atoms(inside @ cell, np.array([14, 8, 1], np.int32), cell, np.ones(3, bool))


def by_e3nn(path: Path, x: Atoms) -> float:
    """The energy of the tiny potential out of the operations of e3nn-jax, edge by edge."""
    header, arrays = read_weights(path)
    return float(jax.jit(lambda: _by_e3nn(header, iter(arrays), x))())


def _by_e3nn(header: dict, leaves: Iterator[np.ndarray], x: Atoms) -> jax.Array:
    irreps, numbers = e3nn.Irreps(header["hidden_irreps"]), header["atomic_numbers"]
    atoms = erlangen_to_ase(x)
    i, j, apart = neighbor_list("ijD", atoms, header["cutoff"])
    d, n, p = np.linalg.norm(apart, axis=1), header["radial_basis_size"], header["radial_polynomial_p"]
    u = d / header["cutoff"]
    envelope = 1 - (p + 1) * (p + 2) / 2 * u**p + p * (p + 2) * u ** (p + 1) - p * (p + 1) / 2 * u ** (p + 2)
    radial = 2 / header["cutoff"] * np.sin(np.pi * u[:, None] * np.arange(1, n + 1)) / d[:, None] * envelope[:, None]
    sphere = e3nn.spherical_harmonics(e3nn.s2_irreps(header["lmax"]), apart, True, normalization="component")

    def linear(h: e3nn.IrrepsArray, out: e3nn.Irreps) -> e3nn.IrrepsArray:
        map_ = e3nn.FunctionalLinear(h.irreps.regroup(), out)
        ws = [jnp.asarray(next(leaves)) for one in map_.instructions]
        assert [w.shape for w in ws] == [one.path_shape for one in map_.instructions]
        return jax.vmap(lambda row: map_(ws, row))(h.regroup())

    species = np.array([numbers.index(z) for z in x.atomic_numbers])
    energies = np.asarray(next(leaves))[species] + header["shift"]
    h = e3nn.IrrepsArray(f"{len(numbers)}x0e", jnp.eye(len(numbers))[species])
    for layer in range(header["n_layers"]):
        kept = irreps if layer < header["n_layers"] - 1 else irreps.filter("0e")
        gated = e3nn.Irreps(f"{sum(m for m, ir in kept if ir.l)}x0e") + kept
        weights = radial
        for _ in range(header["radial_mlp_layers"]):
            weights = jax.nn.silu(weights @ next(leaves))
        weights = weights @ next(leaves)
        sent = linear(h, h.irreps)[j]
        both = e3nn.tensor_product(sent, sphere, filter_ir_out=[ir for _, ir in kept]) * weights
        heard = e3nn.scatter_sum(both, dst=i, output_size=len(species)) / header["avg_n_neighbors"] ** 0.5
        new = linear(heard, gated.regroup()) + linear(h, gated.regroup())
        square = sum(jnp.sum(c**2, (1, 2)) / ir.dim**2 for (_, ir), c in zip(new.irreps, new.chunks)) / len(new.irreps)
        gains = [jnp.asarray(next(leaves))[:, None] / jnp.sqrt(square)[:, None, None] for _ in new.irreps]
        new = e3nn.from_chunks(new.irreps, [c * g for c, g in zip(new.chunks, gains)], new.shape[:-1])
        h = e3nn.gate(new, even_act=jax.nn.silu, even_gate_act=jax.nn.silu)
    return jnp.sum(energies + header["scale"] * linear(h, e3nn.Irreps("0e")).array[:, 0])


def erlangen_to_ase(x: Atoms):
    import ase

    return ase.Atoms(numbers=x.atomic_numbers, positions=x.positions, cell=x.cell, pbc=x.pbc)


def test_energy_is_that_of_e3nn(tmp_path):
    path, x = written(tmp_path / "tiny.nqx"), silica()
    assert float(load_universal(path).mechanics(x)["energy"]) == pytest.approx(by_e3nn(path, x), abs=2e-5)


def test_state_of_training_behind_the_weights_is_left_alone(tmp_path):
    stream = io.BytesIO()
    np.save(stream, np.float64(0.001))
    plain, more = written(tmp_path / "a.nqx", more=b""), written(tmp_path / "b.nqx", more=stream.getvalue())
    a, b = (jax.tree.leaves(load_universal(path)) for path in (plain, more))
    assert all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))
    assert identity(None, str(plain)) != identity(None, str(more))


def test_commands_calculators_and_phonons_take_the_file(tmp_path):
    path, x = written(tmp_path / "tiny.nqx", layers=2), silica()
    atoms = erlangen_to_ase(x)
    atoms.calc = erlangen.calculator(path, precision="float64")
    step = np.zeros((3, 3))
    step[1, 2] = 1e-4
    ends = []
    for sign in (1, -1):
        atoms.positions = x.positions + sign * step
        ends.append(atoms.get_potential_energy())
    atoms.positions = x.positions
    assert atoms.get_forces()[1, 2] == pytest.approx((ends[1] - ends[0]) / 2e-4, abs=1e-6)
    assert atoms.get_stress().shape == (6,)
    single = load_universal(path).mechanics(x)
    assert single["forces"].dtype == np.float32
    np.testing.assert_allclose(single["forces"], atoms.get_forces(), atol=1e-4)
    vibrations = Phonons.of(surface_of(None, str(path)), x)
    assert max(vibrations.defects().values()) < 1e-10


def test_elements_outside_are_refused(tmp_path):
    surface = load_universal(written(tmp_path / "tiny.nqx"))
    x = silica()
    foreign = Atoms(x.positions, np.array([14, 8, 26], np.int32), x.cell, x.pbc)
    with pytest.raises(Invalid, match=r"atomic numbers \[26\]"):
        surface.check(surface.prepare(foreign))


def pickled() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([{}], object), allow_pickle=True)
    return stream.getvalue()


def larger_than_it_is() -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": (1 << 60,)})
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "first line"),
        (b"\x89HDF\r\n\x1a\n", "first line"),
        (b"{" * 100_000 + b"\n", "line of JSON"),
        (b'{"cutoff": 6.0}\n', "no 'hidden_irreps' in its first line"),
        (b'{"cutoff": 6.0}\nnot an array', "array 1"),
        (b'{"cutoff": 6.0}\n' + pickled(), "entries of type object"),
        (b'{"cutoff": 6.0}\n' + larger_than_it_is(), "0 bytes are there"),
    ],
)
def test_wrong_files_get_one_message(tmp_path, content, told):
    path = tmp_path / "wrong.nqx"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=told) as found:
        surface_of(None, str(path))
    assert "erlangen data fetch nequix" in str(found.value)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"hidden_irreps": "4x0e + 3x1e"}, "natural parity"),
        ({"hidden_irreps": "4 scalars"}, "4 scalars"),
        ({"index_weights": True}, "index_weights"),
        ({"layer_norm": False}, "layer_norm"),
        ({"atomic_numbers": [8, 1, 14]}, "ascend"),
        ({"atomic_numbers": [1, 8]}, r"\(3,\) where an array \(2,\)"),
        ({"n_layers": 9}, "where an array"),
        ({"lmax": 1}, "where an array"),
        ({"cutoff": "far"}, "far"),
        ({"n_layers": 10**30}, "where an array"),
    ],
)
def test_other_architectures_are_refused(tmp_path, changed, told):
    with pytest.raises(Invalid, match=told):
        load_universal(written(tmp_path / "other.nqx", {**HEADER, **changed}))


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    with pytest.raises(Invalid, match="the end where an array"):
        load_universal(written(tmp_path / "short.nqx", keep=20))
    with pytest.raises(Invalid, match="no file"):
        load_universal(tmp_path / "nowhere.nqx")


# energy [eV], forces along z [eV/A] and stress [eV/A^3] by the package `nequix` 0.4.5 (float32, without kernels)
PACKAGE = {
    "nequix-mp-1": (-39.864376, [-0.069946, -0.192889, -0.797217, 0.530026, 0.530026], (0.0071997, 0.0491672)),
    "nequix-mp-1-pft": (-39.862652, [-0.076454, -0.18593, -0.823183, 0.542783, 0.542784], (0.0067431, 0.0492947)),
    "nequix-oam-1": (-39.867149, [-0.073723, -0.176429, -0.821042, 0.535597, 0.535597], (0.0041388, 0.0493113)),
}


@pytest.mark.skipif(not REAL, reason="ERLANGEN_NEQUIX names the folder of the files of `erlangen data fetch nequix`")
@pytest.mark.parametrize("name", PACKAGE)
def test_published_weights_give_what_their_package_gives(name):
    positions = np.array([[0, 0, 0], [2, 2, 2.1], [2, 2, 0], [2, 0, 2], [0, 2, 2]], float)
    x = Atoms(positions, np.array([56, 22, 8, 8, 8], np.int32), np.diag([4.0, 4.0, 4.2]), np.ones(3, bool))
    found, (energy, forces, (xx, zz)) = load_universal(Path(str(REAL)) / f"{name}.nqx").mechanics(x), PACKAGE[name]
    assert float(found["energy"]) == pytest.approx(energy, abs=1e-5 * 5)  # 1e-5 eV per atom
    np.testing.assert_allclose(found["forces"][:, 2], forces, atol=1e-5)
    np.testing.assert_allclose([found["stress"][0, 0], found["stress"][2, 2]], [xx, zz], atol=1e-6)
