"""Heads by representation: scalars, vectors and tensors of a system or of its atoms, from the features of any network.

    scalar:   y = mean + std * sum_i readout(s_i)        (a mean over atoms where the quantity does not grow with them)
    tensor:   A_l,i = sum_j phi(s_j) R_l(r_ij) Y_l(r_ij)                       densities around every atom, l <= rank
              T = std * sum_i  sum_l  W [ A_l  and  (A_l1 x A_l2)_l ]_i  B_l   B_l: `core.irreps.cartesian_basis`

Every irreducible part of a Cartesian tensor is made separately, with its own parity, so that whatever the symmetry of a
molecule or crystal forbids vanishes: a piezoelectric tensor is zero with a centre of inversion, whatever the weights.
The trace part of a symmetric tensor also takes a scalar readout and the mean of the training labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from ...contract import Outputs, Predictor, Samples, Supervised
from ...core.errors import Invalid
from ...core.irreps import cartesian_basis
from ...core.quantity import Quantity
from ...core.systems import Atoms, System
from ...nn.components import Components, scalars
from ...nn.convolution import Convolution, Pairs
from ...nn.elements import Elements
from ...nn.initial import split
from ...nn.linear import Linear, Perceptron
from ...nn.tensor_product import coupling_table
from ...numerics.neighbour_lists import LABEL, listed, near_of
from ._network import Network

Block = tuple[int, int, int]


class ScalarHead(eqx.Module):
    """One invariant number per atom."""

    readout: Perceptron

    def __init__(self, channels: int, *, key: PRNGKeyArray):
        self.readout = Perceptron(channels, channels, 1, gain=0.3, key=key)

    def __call__(self, x: Components, pairs: Pairs) -> Float[Array, " n"]:
        return self.readout(scalars(x))[:, 0]


class TensorHead(eqx.Module):
    """One Cartesian tensor per atom, irreducible part by irreducible part."""

    convolution: Convolution
    scalar: Perceptron
    single: dict[str, Linear]
    double: dict[str, Linear]
    rank: int = eqx.field(static=True)
    pairs: tuple[tuple[int, int], ...] = eqx.field(static=True)
    pseudo: bool = eqx.field(static=True)

    def __init__(
        self, quantity: Quantity, pairs: tuple, channels: int, n_radial: int, norm: float, *, key: PRNGKeyArray
    ):
        self.rank, self.pairs, self.pseudo = quantity.rep.rank, pairs, quantity.rep.pseudo
        first, second, third = split(key, 3)
        self.convolution = Convolution(channels, (0, self.lmax, self.lmax), n_radial, norm, key=first)
        self.scalar = Perceptron(channels, channels, len(self.blocks), gain=0.3, key=second)
        self.single, self.double = {}, {}
        for i, (l, parity, copy) in enumerate(self.blocks):
            one, two = split(jax.random.fold_in(third, i))
            if parity == (-1) ** l:
                self.single[f"{l}_{copy}"] = Linear(channels, 1, bias=False, gain=0.3, key=one)
            paths = self.products(l, parity)
            if paths:
                self.double[f"{l}_{copy}"] = Linear(len(paths) * channels, 1, bias=False, gain=0.3, key=two)

    @property
    def lmax(self) -> int:
        """Largest degree of the densities."""
        return max(self.rank, 2)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The irreducible parts of the tensor."""
        return tuple(cartesian_basis(self.rank, self.pairs, pseudo=self.pseudo))

    def products(self, l: int, parity: int) -> list[tuple[int, int]]:
        """Pairs of degrees of densities whose product holds degree l with this parity."""
        # two equal factors couple antisymmetrically to odd l1 + l2 + l: such products vanish
        return [
            (a, b)
            for a in range(self.lmax + 1)
            for b in range(a, self.lmax + 1)
            if abs(a - b) <= l <= a + b and (-1) ** (a + b) == parity and not (a == b and l % 2)
        ]

    def __call__(self, x: Components, pairs: Pairs) -> Float[Array, "n ..."]:
        if self.lmax not in pairs.harmonics:  # the network itself received lower degrees only
            pairs = Pairs.of(pairs.neighbours, pairs.radial, self.lmax)
        density = self.convolution({0: x[0]}, pairs)
        invariant = self.scalar(scalars(x))
        basis = cartesian_basis(self.rank, self.pairs, pseudo=self.pseudo)
        total: Array | None = None
        for i, (l, parity, copy) in enumerate(self.blocks):
            name, terms = f"{l}_{copy}", []
            if name in self.single:
                terms.append(self.single[name](density[l])[..., 0])
            if name in self.double:
                tables = {p: jnp.asarray(coupling_table(*p, l), invariant.dtype) for p in self.products(l, parity)}
                products = [jnp.einsum("nac,nbc,abm->nmc", density[a], density[b], t) for (a, b), t in tables.items()]
                terms.append(self.double[name](jnp.concatenate(products, -1))[..., 0])
            if l == 0 and parity == 1:
                terms.append(invariant[:, i : i + 1])
            part = jnp.tensordot(sum(terms[1:], terms[0]), jnp.asarray(basis[l, parity, copy], invariant.dtype), axes=1)
            total = part if total is None else total + part
        return jnp.zeros((len(invariant), *(3,) * self.rank), invariant.dtype) if total is None else total


@dataclasses.dataclass(frozen=True)
class Reading:
    """How atomic values become one output: gathered over the system or not, times scale, on top of an offset.

    offset: of scalars and traces; one number per element where the output is a sum or belongs to atoms, else one for
    all.
    """

    gathered: Literal["sum", "mean", "atoms"]
    scale: float
    offset: tuple[float, ...] = (0.0,)

    def __call__(self, atomic: Array, species: Array, real: Array) -> Array:
        """Values of the system or its atoms; atomic [n, ...] is zero where there is no atom."""
        if self.gathered == "atoms":
            own = jnp.asarray(self.offset, atomic.dtype)
            own = own[species] if own.size > 1 else own[0]
            return self.scale * atomic + (jnp.where(real, own, 0.0) if atomic.ndim == 1 else 0.0)
        offset = jnp.asarray(self.offset, atomic.dtype)
        start = jnp.sum(jnp.where(real, offset[species] if len(self.offset) > 1 else offset[0], 0.0))
        value = self.scale * jnp.sum(atomic, 0)
        shape = {0: jnp.ones((), atomic.dtype), 2: jnp.eye(3, dtype=atomic.dtype)}.get(value.ndim)
        total = value if shape is None else value + start * shape
        return total / jnp.sum(real).astype(atomic.dtype) if self.gathered == "mean" else total


class Property(Predictor):
    """Fitted properties of `Atoms`: {name: scalar, vector or tensor}, of the system or of each atom.

    NaN for an element that did not occur in training; outside of compiled code that raises `Invalid`.
    """

    network: Network
    heads: dict[str, ScalarHead | TensorHead]
    elements: Elements
    readings: tuple[Reading, ...] = eqx.field(static=True)  # in the order of the heads
    cutoff: float = eqx.field(static=True)
    images: tuple[tuple[int, int, int], ...] | None = eqx.field(static=True)  # of crystals without a list

    def prepare(self, x: System) -> System:
        """With a list of neighbours."""
        return listed(x, self.cutoff) if isinstance(x, Atoms) and LABEL not in x.labels else x

    def __call__(self, x: Atoms) -> Outputs:
        if not isinstance(x["atomic_numbers"], Tracer):
            self.elements.check(x.atomic_numbers)
            x = self.prepare(x) if np.any(x.pbc) else x  # type: ignore[assignment]
        near = near_of(x, self.cutoff, self.images)
        numbers = jnp.asarray(x.atomic_numbers)
        species, real = self.elements.species(numbers), numbers > 0
        features, pairs = self.network.representations(species, near)
        answerable = jnp.all(self.elements.known(numbers)) & near.complete
        out = {}
        for reading, (name, head) in zip(self.readings, sorted(self.heads.items()), strict=True):
            atomic = head(features[-1], pairs)
            atomic = jnp.where(real.reshape(-1, *(1,) * (atomic.ndim - 1)), atomic, 0.0)
            out[name] = jnp.where(answerable, reading(atomic, species, real), jnp.nan)
        return out


def fit_property(
    of: Callable[[Elements], Network],
    task: Supervised,
    train: Samples,
    cutoff: float,
    n_neighbours: float,
    images: tuple[tuple[int, int, int], ...] | None,
    *,
    key: PRNGKeyArray,
) -> tuple[Property, Callable[[Property, System, Outputs], Array]]:
    """An unfitted `Property` for the outputs of `task`, and its loss: mean squared error in units of the spread."""
    counted = [np.asarray(x["atomic_numbers"]) for x in train.inputs]
    elements = Elements.from_counts(counted, np.zeros(len(counted)))
    if task.sources and any(q.extensive and not q.axes for q in task.outputs):
        elements.tell_undetermined()
    network = of(elements)
    channels = network.embedding.shape[1]
    n_radial = int(jax.eval_shape(network.radial, jnp.ones(1)).shape[-1])
    heads, readings = {}, {}
    for i, q in enumerate(task.outputs):
        labels, one = train.outputs[q.name], jax.random.fold_in(key, i)
        if q.rep.rank == 0 and q.rep.pseudo:
            raise Invalid(
                must="invariant readouts answer scalars that a reflection keeps",
                came=f"{q.name}, which changes its sign under reflections",
                do="Ask for its magnitude, or for a vector or tensor from which it follows.",
            )
        if q.rep.rank == 0:
            heads[q.name] = ScalarHead(channels, key=one)
        else:
            symmetric = _symmetric_pairs(labels, q.rep.rank)
            heads[q.name] = TensorHead(q, symmetric, channels, n_radial, n_neighbours, key=one)
        readings[q.name] = _reading(q, labels, counted, elements)
    ordered = tuple(readings[name] for name in sorted(heads))
    model = Property(network, heads, elements, ordered, cutoff, images)

    def loss(found: Property, x: System, true: Outputs) -> Array:
        answer, real = found(x), x["atomic_numbers"] > 0  # type: ignore[arg-type]
        total = jnp.float32(0)
        for name, reading in readings.items():
            gap = ((answer[name] - true[name]) / reading.scale) ** 2
            if reading.gathered == "atoms":
                gap = jnp.where(real.reshape(-1, *(1,) * (gap.ndim - 1)), gap, 0.0) * (len(real) / jnp.sum(real))
            total += jnp.mean(gap)
        return total

    return model, loss


def _reading(q: Quantity, labels: Sequence[Any], counted: list[np.ndarray], elements: Elements) -> Reading:
    """What is known before any interaction (of scalars and traces only), and the spread of the rest."""
    if q.axes == "atoms":
        values, numbers = np.concatenate([np.asarray(v, float) for v in labels]), np.concatenate(counted)
        means = [float(values[numbers == z].mean()) for z in elements.numbers] if not q.rep.rank else [0.0]
        rest = values - np.array(means)[np.searchsorted(elements.numbers, numbers)] if not q.rep.rank else values
        return Reading("atoms", float(np.std(rest)) or 1.0, tuple(means))
    if q.axes:
        raise Invalid(
            must="networks of messages answer for the system or for each atom",
            came=f"{q.name}, with the axes {q.axes!r}",
            do="Take a method that has values of pairs, or ask for sums over them.",
        )
    values = np.stack([np.asarray(v, float) for v in labels])
    gathered = "sum" if q.extensive else "mean"
    if values.ndim not in (1, 3):
        return Reading(gathered, float(np.std(values)) or 1.0)
    flat = values if values.ndim == 1 else np.trace(values, axis1=1, axis2=2) / 3
    if q.extensive:
        fitted = Elements.from_counts(counted, flat)
        guess = np.array([sum(fitted.reference[fitted.numbers.index(int(z))] for z in one) for one in counted])
        offset = fitted.reference
    else:
        guess, offset = np.full(len(flat), flat.mean()), (float(flat.mean()),)
    rest = values - (guess if values.ndim == 1 else guess[:, None, None] * np.eye(3))
    return Reading(gathered, float(np.std(rest)) or 1.0, offset)


def _symmetric_pairs(values, rank: int) -> tuple[tuple[int, int], ...]:
    """Which index pairs of the labels may be exchanged."""
    sample = np.concatenate([np.reshape(np.asarray(v, float), (-1, *(3,) * rank)) for v in list(values)[:64]])
    size = np.abs(sample).max() or 1.0
    found = []
    for i in range(rank):
        for j in range(i + 1, rank):
            if np.abs(sample - np.swapaxes(sample, 1 + i, 1 + j)).max() < 1e-3 * size:
                found.append((i, j))
    return tuple(found)
