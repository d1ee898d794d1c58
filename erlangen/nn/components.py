"""Features by degree and component, and their products written out term by term.

Equivariant features are held as {l: (x_-l, ..., x_l)}, each component an array [n, channels] of its own. A compiler
then fuses a product of degrees into one pass over memory; with the components on an axis, the transpose of every slice
would be a padded sum. `nn.tensor_product` is the plain twin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Array

from .tensor_product import Path, coupling_table

Parts = tuple[Array, ...]
Components = Mapping[int, Parts]


def coupled(x: Sequence[Array], y: Sequence[Array], path: Path) -> list[Array]:
    """z_c = sqrt(2 l3 + 1) sum_ab C_abc x_a y_b for path = (l1, l2, l3): 2 l3 + 1 arrays; only non-zero terms.

    Shapes of components broadcast.
    """
    table, out = coupling_table(*path), []
    for c in range(table.shape[2]):
        terms = [float(table[a, b, c]) * x[a] * y[b] for a, b in zip(*np.nonzero(table[:, :, c]), strict=True)]
        out.append(sum(terms[1:], terms[0]))
    return out


def contracted(y: Sequence[Array], path: Path) -> list[list[Array | None]]:
    """G[a][c] = sqrt(2 l3 + 1) sum_b C_abc y_b for path = (l1, l2, l3): a product with y as a matrix on degree l1."""
    table = coupling_table(*path)
    rows = []
    for a in range(table.shape[0]):
        rows.append(
            [
                total([float(table[a, b, c]) * y[int(b)] for b in np.nonzero(table[a, :, c])[0]])
                for c in range(table.shape[2])
            ]
        )
    return rows


def total(terms: Sequence[Array | None]) -> Array | None:
    """The sum of the terms that are there; None where there are none."""
    there = [t for t in terms if t is not None]
    return sum(there[1:], there[0]) if there else None


def mapped(f: Callable[[Array], Array], parts: Sequence[Array]) -> Parts:
    """f on every component."""
    return tuple(f(x) for x in parts)
