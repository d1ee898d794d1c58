"""Irreducible representations of O(3), and how Cartesian tensors split into them and back.

Whatever turns with the coordinate axes is a direct sum of blocks (l, p): 2l + 1 numbers that mix by D^l(R) under
rotations and gain the factor p = +1 (even) or -1 (odd) under inversion. "16x0e + 8x1o" holds 16 scalars and 8 vectors;
1e is an axial vector, 0o a pseudoscalar. Products follow the triangle rule:

    (l1, p1) x (l2, p2) = sum of (l, p1 p2) over |l1 - l2| <= l <= l1 + l2
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .clebsch_gordan import clebsch_gordan
from .errors import Invalid
from .wigner import wigner_d


@dataclasses.dataclass(frozen=True, order=True)
class Irrep:
    """One irreducible representation: degree l >= 0 and parity +1 or -1; written "1o"."""

    l: int
    parity: int

    def __post_init__(self):
        if self.l < 0 or self.parity not in (1, -1):
            raise Invalid(must="a degree is >= 0 and a parity +1 or -1", came=f"({self.l}, {self.parity})", do="")

    @property
    def dim(self) -> int:
        """2 l + 1."""
        return 2 * self.l + 1

    def __mul__(self, other: Irrep) -> list[Irrep]:
        """All irreps in the product, each once."""
        lowest, highest = abs(self.l - other.l), self.l + other.l
        return [Irrep(l, self.parity * other.parity) for l in range(lowest, highest + 1)]

    def __str__(self) -> str:
        return f"{self.l}{'e' if self.parity == 1 else 'o'}"


@dataclasses.dataclass(frozen=True)
class Irreps:
    """A direct sum of irreps with multiplicities, in a given order: `Irreps.parse("16x0e + 8x1o")`."""

    terms: tuple[tuple[int, Irrep], ...]

    @classmethod
    def parse(cls, text: str) -> Irreps:
        """From "16x0e + 8x1o + 2e": multiplicity (1 if left out), degree, e(ven) or o(dd)."""
        terms = []
        for part in filter(None, (p.strip() for p in text.split("+"))):
            found = re.fullmatch(r"(?:(\d+)\s*x\s*)?(\d+)([eo])", part)
            if not found:
                raise Invalid(must="irreps must read like '16x0e + 8x1o'", came=repr(part), do="Use e(ven), o(dd).")
            many, l, parity = found.groups()
            terms.append((int(many or 1), Irrep(int(l), 1 if parity == "e" else -1)))
        return cls(tuple(terms))

    @property
    def dim(self) -> int:
        """Numbers in one sample, all copies together."""
        return sum(many * irrep.dim for many, irrep in self.terms)

    @property
    def lmax(self) -> int:
        """The highest degree that occurs, 0 of nothing."""
        return max((irrep.l for many, irrep in self.terms if many), default=0)

    def count(self, irrep: Irrep) -> int:
        """How often an irrep occurs."""
        return sum(many for many, own in self.terms if own == irrep)

    def sorted(self) -> Irreps:
        """Equal irreps joined, by rising degree, odd before even."""
        irreps = sorted({irrep for many, irrep in self.terms if many})
        return Irreps(tuple((self.count(irrep), irrep) for irrep in irreps))

    def matrix(self, rotation: Float[Array, "3 3"]) -> Float[Array, "dim dim"]:
        """The block-diagonal matrix of a rotation or reflection, copy after copy."""
        blocks = [wigner_d(irrep.l, rotation, irrep.parity) for many, irrep in self.terms for _ in range(many)]
        edges = np.cumsum([0, *(b.shape[0] for b in blocks)])
        total = jnp.zeros((self.dim, self.dim), jnp.result_type(rotation, float))
        for start, block in zip(edges, blocks, strict=False):
            total = total.at[start : start + len(block), start : start + len(block)].set(block)
        return total

    def __add__(self, other: Irreps) -> Irreps:
        return Irreps(self.terms + other.terms)

    def __mul__(self, other: Irreps) -> Irreps:
        """The tensor product, sorted."""
        pairs = itertools.product(self.terms, other.terms)
        return Irreps(tuple((n1 * n2, irrep) for (n1, i1), (n2, i2) in pairs for irrep in i1 * i2)).sorted()

    def __iter__(self) -> Iterator[tuple[int, Irrep]]:
        return iter(self.terms)

    def __str__(self) -> str:
        return " + ".join(f"{many}x{irrep}" for many, irrep in self.terms) or "0x0e"


CartesianBasis = Mapping[tuple[int, int, int], Float[np.ndarray, "m ..."]]


@functools.cache
def cartesian_basis(
    rank: int, symmetric_pairs: tuple[tuple[int, int], ...] = (), *, pseudo: bool = False
) -> CartesianBasis:
    """{(l, parity, copy): B [2l+1, 3, ..., 3]}: an orthonormal basis of Cartesian tensors of `rank` indices, by irreps.

        T_ij.. = sum over blocks, m of  x_m B_m,ij..,        x_m = B_m,ij.. T_ij..       (back and forth, no loss)

    `symmetric_pairs`: pairs of index positions that may be exchanged. A polarisability or dielectric tensor is
    (2, ((0, 1),)) = 0e + 2e; a piezoelectric tensor e_ijk = e_ikj is (3, ((1, 2),)) = 2x1o + 2o + 3o, 18 numbers; an
    elastic tensor is (4, ((0, 1), (2, 3))) with its pair exchange left to the caller. Parity is (-1)^rank, or opposite
    for `pseudo` tensors. Indices are x, y, z, rows of x those of `core.spherical_harmonics`. Float64, read-only.

    Built by coupling one index after the other with Clebsch-Gordan coefficients; the symmetric part is where the
    average over the index permutations, which mixes only copies of one degree, has eigenvalue 1.
    """
    if rank < 0 or any(not 0 <= i < rank for pair in symmetric_pairs for i in pair):
        raise Invalid(
            must="symmetric pairs must name index positions 0..rank-1", came=f"{rank}, {symmetric_pairs}", do=""
        )
    blocks: list[tuple[int, np.ndarray]] = [(0, np.ones((1,)))]
    for _ in range(rank):
        blocks = [
            (l, np.einsum("abc,a...->c...b", np.sqrt(2 * l + 1) * clebsch_gordan(lower, 1, l), basis))
            for lower, basis in blocks
            for l in range(abs(lower - 1), lower + 2)
        ]
    permutations = _generated(rank, symmetric_pairs)
    result: dict[tuple[int, int, int], np.ndarray] = {}
    for l in sorted({l for l, _ in blocks}):
        copies = np.stack([basis for degree, basis in blocks if degree == l])
        for copy, basis in enumerate(_symmetric(copies, permutations)):
            basis.flags.writeable = False
            result[l, (-1) ** rank * (-1 if pseudo else 1), copy] = basis
    return result


def _generated(rank: int, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The group of index permutations that the given exchanges generate."""
    found, new = set(), {tuple(range(rank))}
    while new:
        found |= new
        swapped = {tuple({i: j, j: i}.get(p, p) for p in order) for order in new for i, j in pairs}
        new = swapped - found
    return sorted(found)


def _symmetric(copies: Float[np.ndarray, "copy m ..."], permutations: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Combinations of copies [copy, 2l+1, 3, ...] that stay as they are under all index permutations."""
    average = sum(copies.transpose(0, 1, *(2 + p for p in order)) for order in permutations) / len(permutations)
    flat = copies.reshape(len(copies), -1)
    mixing = flat @ np.asarray(average).reshape(len(copies), -1).T / copies.shape[1]
    kept: list[np.ndarray] = []
    for column in mixing.T:  # Gram-Schmidt in a fixed order: the same basis on every machine
        rest = column - sum((row * (row @ column) for row in kept), np.zeros(len(column)))
        if np.linalg.norm(rest) > 1e-8:
            rest = rest - sum((row * (row @ rest) for row in kept), np.zeros(len(column)))
            kept.append(rest / np.linalg.norm(rest))
    return [np.einsum("c,c...->...", row, copies) for row in kept]


def to_irreps(
    tensor: Float[Array, "*any"], basis: CartesianBasis
) -> dict[tuple[int, int, int], Float[Array, "*batch m"]]:
    """The blocks x [..., 2l+1] of a Cartesian tensor [..., 3, ..., 3]; parts outside the basis are dropped."""
    tensor, result = jnp.asarray(tensor, jnp.result_type(tensor, float)), {}
    for name, rows in basis.items():
        indices = list(range(tensor.ndim - rows.ndim + 1, tensor.ndim))
        axes = (indices, list(range(1, rows.ndim)))
        result[name] = jnp.tensordot(tensor, jnp.asarray(rows, tensor.dtype), axes)
    return result


def from_irreps(
    blocks: Mapping[tuple[int, int, int], Float[Array, "*batch m"]], basis: CartesianBasis
) -> Float[Array, "..."]:
    """The Cartesian tensor [..., 3, ..., 3] of blocks x [..., 2l+1]; blocks that are left out count as zero."""
    if unknown := set(blocks) - set(basis):
        raise Invalid(must=f"blocks must be among {list(basis)}", came=str(sorted(unknown)), do="Leave them out.")
    parts = [
        jnp.tensordot(jnp.asarray(x), jnp.asarray(basis[name], jnp.result_type(x, float)), axes=1)
        for name, x in blocks.items()
    ]
    return functools.reduce(jnp.add, parts)
