"""Nequix: a NequIP for most elements at once, from its published weights.

    z_l,i  = A_l,i + V_l h_l,i                                                 A: nn.convolution
    z_l,i <- g_l z_l,i / sqrt( 1/L sum_l |z_l,i|^2 / (2l+1)^2 )                L: number of degrees; g: one per channel
    h_0,i' = s(z_0,i),      h_l,i' = s(z_0,i) z_l,i   for l > 0,               s(x) = x sigmoid(x) / c, gates apart
    E      = sum_i [ e(Z_i) + scale * w . h_0,i ]

h_0 at the start: one channel per element. The norm over all degrees and the gates without saturation are what differs
from NequIP (`message_passing.nequip`). Everything else are its blocks, with the normalisations of the original folded
into the weights; `load_universal` reads the format of the authors. Koker, Kotak and Smidt 2025, arXiv:2508.16067.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...core.errors import Invalid
from ...core.irreps import Irreps
from ...data.weight_files import read_weights
from ...nn.components import Components
from ...nn.convolution import Convolution, Pairs
from ...nn.elements import Elements
from ...nn.linear import SILU, Linear
from ...nn.radial import Bessel
from ...nn.tensor_product import coupling_paths
from ..message_passing._network import Network
from ..message_passing._potential import Potential

# c, the rms of x sigmoid(x) for x ~ N(0, 1), as the weights were trained with it (float32; exactly 0.596469)
SPREAD = 0.5964577198
SMALL = 1e-12
SUFFIX = ".nqx"


class NormalisedInteraction(eqx.Module):
    """One layer: convolution beside a linear map, norm over all degrees, gates."""

    convolution: Convolution
    own: list[Linear]
    gains: list[Float[Array, " channels"]]

    def __call__(self, x: Components, pairs: Pairs, species: Float[Array, "n species"]) -> Components:
        new = dict(self.convolution(x, pairs))
        for l, linear in enumerate(self.own):
            new[l] = new[l] + linear(x[l])
        square = sum(jnp.sum(z**2, (1, 2), keepdims=True) / (2 * l + 1) ** 2 for l, z in new.items())
        inverse = (square / len(new) + SMALL) ** -0.5
        new = {l: z * gain * inverse for (l, z), gain in zip(new.items(), self.gains, strict=True)}
        # the last scalars are gates, one for each channel of a higher degree
        widths = [z.shape[-1] for l, z in new.items() if l > 0]
        edges = np.cumsum([new[0].shape[-1] - sum(widths), *widths])[:-1].tolist()
        scalars, *gates = jnp.split(jax.nn.silu(new[0]) / SPREAD, edges, axis=-1)
        return {0: scalars, **{l: gate * new[l] for l, gate in enumerate(gates, 1)}}


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What the first line of a file of weights says."""

    numbers: tuple[int, ...]  # atomic numbers, ascending
    channels: tuple[int, ...]  # of the features, degree by degree
    lmax: int  # of the directions
    layers: int
    radial: Bessel
    hidden: tuple[int, ...]  # widths of the perceptrons of the radial basis
    n_neighbours: float
    scale: float  # eV
    shift: float  # eV per atom

    @classmethod
    def of(cls, header: Mapping[str, Any]) -> Architecture:
        """From the header; ValueError or KeyError where it is that of something else."""
        irreps = Irreps.parse(str(header["hidden_irreps"])).terms
        if [(i.l, i.parity) for _, i in irreps] != [(l, (-1) ** l) for l in range(len(irreps))]:
            raise ValueError(f"hidden_irreps {header['hidden_irreps']}, not one of each degree with its natural parity")
        if header["index_weights"] or not header["layer_norm"]:
            raise ValueError("index_weights must be false and layer_norm true")
        numbers, order = tuple(int(z) for z in header["atomic_numbers"]), float(header["radial_polynomial_p"])
        if list(numbers) != sorted(set(numbers)) or not numbers or numbers[0] < 1 or order != int(order):
            raise ValueError("atomic_numbers must ascend, radial_polynomial_p be whole")
        sizes = {k: int(header[k]) for k in ("lmax", "n_layers", "radial_basis_size", "radial_mlp_layers")}
        if min(sizes.values()) < 1 or max(sizes["lmax"], len(irreps)) > 12:
            raise ValueError(f"{sizes}")
        return cls(
            numbers,
            tuple(many for many, _ in irreps),
            sizes["lmax"],
            sizes["n_layers"],
            Bessel(float(header["cutoff"]), sizes["radial_basis_size"], int(order)),
            (int(header["radial_mlp_size"]),) * sizes["radial_mlp_layers"],
            float(header["avg_n_neighbors"]),
            float(header["scale"]),
            float(header["shift"]),
        )

    def degrees(self, layer: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Channels by degree of the features that come in and of those that go out."""
        return (
            self.channels if layer else (len(self.numbers),),
            self.channels if layer < self.layers - 1 else self.channels[:1],
        )


class _Leaves:
    """The arrays of a file in its order, each with the shape that is expected."""

    def __init__(self, arrays: list[np.ndarray]):
        self.left: Iterator[np.ndarray] = iter(arrays)

    def take(self, *shape: int) -> np.ndarray:
        found = next(self.left, None)
        if found is None or found.shape != shape:
            raise ValueError(f"{'the end' if found is None else found.shape} where an array {shape} should be")
        return np.asarray(found, np.float64)

    def matrix(self, n_in: int, n_out: int) -> np.ndarray:
        """y = x W / sqrt(n_in)."""
        return self.take(n_in, n_out) / n_in**0.5


def _linear(weight: np.ndarray) -> Linear:
    """With this weight."""
    blank = Linear(1, 1, bias=False, key=jax.random.key(0))
    return eqx.tree_at(lambda one: one.weight, blank, jnp.asarray(weight, jnp.float32))


def _layer(form: Architecture, number: int, leaves: _Leaves) -> NormalisedInteraction:
    """Leaves: perceptron of the radial basis, maps before and behind the coupling, map of the own features, norm."""
    into, out = form.degrees(number)
    paths = coupling_paths(range(len(into)), range(form.lmax + 1), range(len(out)))
    made = (out[0] + sum(out[1:]), *out[1:])  # a gate for each channel of a higher degree among the scalars
    widths = [into[l1] for l1, _, _ in paths]
    sizes = (form.radial.count, *form.hidden, sum(widths))
    radial = [leaves.take(a, b) for a, b in zip(sizes[:-1], sizes[1:])]
    # our radial functions are sqrt(2 / cutoff) sin() / r, theirs 2 / cutoff sin() / r; our silu has a factor
    radial = [radial[0] * (2 / form.radial.cutoff) ** 0.5, *(w / SILU for w in radial[1:])]
    up = [leaves.matrix(n, n) for n in into]
    rows = [[n for n, path in zip(widths, paths) if path[2] == l] for l in range(len(out))]
    mixed = [leaves.matrix(sum(row), n) for row, n in zip(rows, made, strict=True)]
    mix = [part for w, row in zip(mixed, rows) for part in np.split(w, np.cumsum(row)[:-1])]
    own = [leaves.matrix(a, b) for a, b in zip(into, made)]
    gains = [leaves.take(n) for n in made]
    blank = Convolution(
        1,
        (len(into) - 1, form.lmax, len(out) - 1),
        1,
        form.n_neighbours,
        hidden=(1,) * len(form.hidden),
        key=jax.random.key(0),
    )
    weights = (up, radial[:-1], np.split(radial[-1], np.cumsum(widths)[:-1], axis=1), mix)
    convolution = eqx.tree_at(
        lambda one: (one.up, one.radial.hidden, one.radial.outer, one.mix),
        blank,
        tuple([_linear(w) for w in part] for part in weights),
    )
    return NormalisedInteraction(convolution, [_linear(w) for w in own], [jnp.asarray(g, jnp.float32) for g in gains])


def load_universal(path: str | Path) -> Potential:
    """The potential whose weights are in the file `path` (.nqx), in float32; `assess.symmetry.in_double` widens it.

    Energies in eV as the weights were fitted to them: those of DFT (PBE, PBE+U), with the energies of the elements.
    What a file holds behind the weights, the state of its training, is left alone.
    """
    header, arrays = read_weights(path)
    try:
        form, leaves = Architecture.of(header), _Leaves(arrays)
        reference = leaves.take(len(form.numbers)) + form.shift
        layers = [_layer(form, number, leaves) for number in range(form.layers)]
        readout = leaves.matrix(form.channels[0], 1)
    except (KeyError, ValueError, TypeError, OverflowError, Invalid) as error:
        came = f"no {error} in its first line" if isinstance(error, KeyError) else getattr(error, "came", str(error))
        raise Invalid(
            must="a universal potential is a Nequix model without weights by element, with norms",
            came=f"{path}: {came}",
            do="Give a .nqx file as it was downloaded: erlangen data fetch nequix",
        ) from None
    n_species = len(form.numbers)
    blank = Network(n_species, 1, form.radial, form.lmax, layers, key=jax.random.key(0))
    network = eqx.tree_at(
        lambda one: (one.embedding, one.readouts),
        blank,
        (jnp.eye(n_species, dtype=jnp.float32), [_linear(readout)]),
    )
    elements = Elements(form.numbers, tuple(float(e) for e in reference))
    return Potential(network, elements, form.scale, form.radial.cutoff, None, True)
