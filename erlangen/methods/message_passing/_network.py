"""The frame of message-passing networks: features by degree, layers that pass messages, readouts at the end.

A layer is a function (features of all atoms, geometry of all pairs, elements) -> features. Networks differ in their
layers; embedding, radial basis, harmonics and readout are shared. The plane of all of them has two axes: the largest
degree of what is passed on (`lmax`) and the number of bodies that one layer correlates (`body_order`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ...nn.components import Components, scalars
from ...nn.convolution import Pairs
from ...nn.initial import normal, split, zeros
from ...nn.linear import Linear, Perceptron
from ...numerics.neighbours import Neighbours


class Layer(Protocol):
    """One round of messages and updates."""

    def __call__(self, x: Components, pairs: Pairs, species: Float[Array, "n species"]) -> Components: ...


class SelfInteraction(eqx.Module):
    """x_l -> (1 + e_l(Z)) * V_l x_l: channels mixed, degree by degree, with a factor per element and channel."""

    linear: list[Linear]
    element: Float[Array, "degrees species channels"]

    def __init__(self, n_species: int, channels: int, lmax: int, *, key: PRNGKeyArray):
        self.linear = [Linear(channels, channels, bias=False, key=k) for k in split(key, lmax + 1)]
        self.element = zeros((lmax + 1, n_species, channels))

    def __call__(self, x: Components, species: Float[Array, "n species"]) -> Components:
        """Of the degrees 0 .. lmax; higher ones are dropped."""
        factors = 1 + species @ self.element  # [degrees, n, channels]
        return {l: w(x[l]) * f[:, None] for l, (w, f) in enumerate(zip(self.linear, factors, strict=True))}


class Network(eqx.Module):
    """Features of atoms after every layer, and what each atom adds to the energy in units of the scale."""

    embedding: Float[Array, "species channels"]
    radial: Callable[[Array], Array]
    layers: Sequence[Layer]
    readouts: Sequence[Linear | Perceptron]  # of the last layers, one each
    harmonics: int = eqx.field(static=True)  # largest degree of the directions

    def __init__(
        self,
        n_species: int,
        channels: int,
        radial: Callable[[Array], Array],
        harmonics: int,
        layers: Sequence[Layer],
        *,
        every: bool = False,
        hidden: int | None = None,
        key: PRNGKeyArray,
    ):
        """every: read out every layer, all but the last by a linear map; hidden: width of the last readout."""
        first, second, *others = split(key, 1 + len(layers))
        self.embedding = normal(first, (n_species, channels))
        self.radial, self.layers, self.harmonics = radial, layers, harmonics
        last = Perceptron(channels, hidden or max(channels // 2, 1), 1, gain=0.1, key=second)
        early = [Linear(channels, 1, bias=False, gain=0.1, key=k) for k in others] if every else []
        self.readouts = [*early, last]

    def representations(self, species: Int[Array, " n"], near: Neighbours) -> tuple[list[Components], Pairs]:
        """What every layer makes of the atoms, and the geometry it received."""
        dtype = self.embedding.dtype
        radial = jnp.where(near.mask[..., None], self.radial(near.distances), 0.0).astype(dtype)
        pairs = Pairs.of(near, radial, self.harmonics)
        elements = jax.nn.one_hot(species, len(self.embedding), dtype=dtype)
        x: Components = {0: (elements @ self.embedding)[:, None]}
        found = []
        for layer in self.layers:
            x = layer(x, pairs, elements)
            found.append(x)
        return found, pairs

    def __call__(self, species: Int[Array, " n"], near: Neighbours) -> Float[Array, " n"]:
        found = self.representations(species, near)[0][-len(self.readouts) :]
        return sum(readout(scalars(x))[:, 0] for readout, x in zip(self.readouts, found, strict=True))  # type: ignore[return-value]
