"""Exact lowest states of spin lattices by sparse diagonalisation in symmetry sectors (SciPy's Lanczos).

A configuration is an integer whose bit i is set where spin i is up. In the sector of the one-dimensional
characters chi of a group G, the basis states are normalised projections of one representative r per orbit (its smallest
integer); n_r is the sum of chi over the stabiliser of r:

    |r~> ~ sum_g chi(g) g|r>,     <r'~|H|r~> = sum_c <c|H|r> chi(g_c) sqrt(n_r' / n_r),   c = g_c r'

(Sandvik 2010, doi:10.1063/1.3518900, section 4).
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Inexact, Int

from ..core.errors import Invalid
from .spins import Hamiltonian

MAX_SITES = 24
"""Above this the 2^sites integers alone would not be enumerated in reasonable time and memory."""

_CHUNK = 12
"""Bits that one permutation table looks up at once."""


@dataclasses.dataclass(frozen=True, eq=False)
class Sector:
    """A group (site permutations times, where `flip` is not 0, the reversal of all spins) and its characters.

    permutations [elements, sites] act with `characters` [elements] (None: 1), the reversal with character `flip` (+1
    or -1): psi(g s) = chi(g) psi(s). n_up: number of up spins, None where magnetisation is not conserved.
    """

    permutations: Int[np.ndarray, "elements sites"]
    flip: int = 0
    n_up: int | None = None
    characters: Inexact[np.ndarray, " elements"] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Basis:
    """Sorted representatives [dimension] of a sector and their stabiliser weights n_r."""

    sector: Sector
    n_sites: int
    states: Int[np.ndarray, " dimension"]
    weights: Float[np.ndarray, " dimension"]

    def configurations(self) -> Int[np.ndarray, "dimension sites"]:
        """[dimension, sites] of +1/-1: the representatives as spins."""
        bits = self.states[:, None] >> np.arange(self.n_sites) & 1
        return (2 * bits - 1).astype(np.int8)

    def multiplicities(self) -> Float[np.ndarray, " dimension"]:
        """[dimension] number of configurations in the orbit of each representative."""
        order = len(self.sector.permutations) * (2 if self.sector.flip else 1)
        return order / self.weights


@dataclasses.dataclass(frozen=True, eq=False)
class GroundState:
    """The lowest eigenpair: energy, unit vector over `basis`, the law in the basis used, residual |H v - E v|.

    excited: the next energy in the sectors that were searched (None where there is one state); is_symmetric: these hold
    only states that the whole space group and the spin flip leave as they are.
    """

    energy: float
    excited: float | None
    is_symmetric: bool
    vector: Inexact[np.ndarray, " dimension"]
    basis: Basis
    law: Hamiltonian
    residual: float
    seconds: float


def ground_state(law: Hamiltonian, *, tolerance: float = 0.0) -> GroundState:
    """Ground state of `law`, up to 24 sites; `tolerance` of Lanczos is relative, 0 means machine precision.

    Where H is stoquastic, if need be after Marshall's rotation, the ground state is positive and therefore lies in the
    sector of trivial characters of the spin flip and of all isometries that leave H as it is (Perron-Frobenius).
    Elsewhere only S_z = 0 and both parities of the spin flip are used: the lattice momentum of a frustrated ground
    state is not known before.
    20 sites take seconds (unfrustrated) to half a minute.
    """
    require_affordable(law.n_sites)
    start = time.perf_counter()
    if not law.is_stoquastic and law.lattice.sublattice is not None and law.rotated().is_stoquastic:
        law = law.rotated()
    if law.is_stoquastic:
        group = law.lattice.space_group
        sector = Sector(group[law.kept_by(group)], int(law.is_flip_symmetric), law.n_up)
        bases = [enumerate_basis(law.n_sites, sector)]
    else:
        bases = _bases_of_flips(law)
    found = [(*_lowest(law, basis, tolerance), basis) for basis in bases if len(basis.states)]
    values, vector, residual, basis = min(found, key=lambda row: row[0][0])
    energies = np.sort(np.concatenate([row[0] for row in found]))
    excited = float(energies[1]) if len(energies) > 1 else None
    seconds = time.perf_counter() - start
    return GroundState(float(values[0]), excited, law.is_stoquastic, vector, basis, law, residual, seconds)


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """The lowest energies, ascending, as often as they occur; `states`: dimension of the space they are taken from."""

    energies: tuple[float, ...]
    states: int
    seconds: float


def lowest_energies(law: Hamiltonian, count: int) -> Spectrum:
    """The `count` lowest energies of `law` at its S_z, multiplicity included, up to 24 sites.

    No momentum is assumed: only S_z and the spin flip divide the space, so that no state can be overlooked.
    """
    require_affordable(law.n_sites)
    start = time.perf_counter()
    bases = _bases_of_flips(law)
    found = [lowest_of(sparse_matrix(law, basis), count) for basis in bases if len(basis.states)]
    energies = np.sort(np.concatenate(found))[:count]
    size = sum(len(basis.states) for basis in bases)
    if len(energies) < count:
        raise Invalid(
            must="there are as many states as are asked for",
            came=f"{count} of {size}",
            do=f"Ask for at most {size}.",
        )
    return Spectrum(tuple(map(float, energies)), size, time.perf_counter() - start)


def lowest_of(matrix: Any, count: int) -> Float[np.ndarray, " count"]:
    """The `count` lowest eigenvalues of a sparse Hermitian matrix, or all where it has fewer, multiplicity included.

    Lanczos from one vector sees one state of a degenerate level: what was found is lifted out of the way and looked for
    again, until nothing lies below the highest one that is asked for.
    """
    import scipy.sparse.linalg

    size = matrix.shape[0]
    if size <= 64 + 2 * count:
        return np.linalg.eigvalsh(matrix.toarray())[:count]
    rng = np.random.default_rng(0)
    lift = 2 * float(abs(matrix).sum(axis=1).max())

    def search(vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        def apply(x: np.ndarray) -> np.ndarray:
            x = x.ravel()
            return matrix @ x + lift * (vectors @ (vectors.conj().T @ x))

        lifted = scipy.sparse.linalg.LinearOperator(matrix.shape, matvec=apply, dtype=matrix.dtype)  # pyright: ignore[reportCallIssue]
        found: Any = scipy.sparse.linalg.eigsh(lifted, k=k, which="SA", v0=rng.standard_normal(size))  # pyright: ignore[reportArgumentType]
        return found

    values, vectors = search(np.zeros((size, 1), matrix.dtype), count)
    while True:
        value, vector = search(vectors, 1)
        if value[0] >= np.sort(values)[count - 1] - 1e-9 * lift:
            return np.sort(values)[:count]
        values, vectors = np.append(values, value), np.hstack([vectors, vector])


def require_affordable(n_sites: int) -> None:
    """Raise `Invalid` where exact diagonalisation is out of reach."""
    if n_sites > MAX_SITES:
        raise Invalid(
            must=f"exact diagonalisation takes at most {MAX_SITES} sites",
            came=f"{n_sites} sites",
            do="Go on without an exact reference, or take a smaller lattice.",
        )


def enumerate_basis(n_sites: int, sector: Sector) -> Basis:
    """All representatives with non-zero norm in `sector`.

    Candidates that some group element maps to a smaller integer are dropped as soon as it is found.
    """
    require_affordable(n_sites)
    states = np.arange(2**n_sites, dtype=np.int64)
    if sector.n_up is not None:
        states = states[np.bitwise_count(states) == sector.n_up]
    for image, _ in elements(n_sites, sector):
        states = states[states <= image(states)]
    total = np.zeros(len(states), complex)
    for image, character in elements(n_sites, sector):
        total += np.where(image(states) == states, character, 0)
    weights = np.real(total)
    kept = weights > 0.5
    return Basis(sector, n_sites, states[kept], weights[kept])


def sparse_matrix(law: Hamiltonian, basis: Basis) -> Any:
    """H in `basis` as a SciPy CSR matrix [dimension, dimension]; with the trivial group it is the plain matrix."""
    import scipy.sparse

    states, root = basis.states, np.sqrt(basis.weights)
    spins = basis.configurations()
    diagonal = law.elements(np.zeros(law.n_sites, bool), spins)
    rows, columns, values = [], [], []
    for flips in law.flips:
        # <s'|H|s> of the columns s is the conjugate of <s|H|s'>
        element = law.elements(flips, spins).conj()
        source = np.flatnonzero(element)
        target, character = _represent(basis, states[source] ^ int((1 << np.flatnonzero(flips)).sum()))
        place = np.minimum(np.searchsorted(states, target), len(states) - 1)
        inside = states[place] == target
        source, place = source[inside], place[inside]
        rows.append(place)
        columns.append(source)
        values.append(element[source] * character[inside] * root[place] / root[source])
    size = (len(states), len(states))
    matrix = scipy.sparse.diags(diagonal, format="csr")
    if rows:
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        matrix = matrix + scipy.sparse.csr_matrix(entries, shape=size)
    return matrix


def places(basis: Basis, spins: Int[np.ndarray, "n sites"]) -> tuple[Int[np.ndarray, " n"], Inexact[np.ndarray, " n"]]:
    """(place [n], factor [n]) of configurations [n, sites] of +1/-1:  <s|r~> = factor for the state r~ at `place`.

    The factor is the conjugate character of the element that leads from s to its representative over the root of the
    size of the orbit, and zero for configurations outside of the sector.
    """
    if not len(basis.states):
        return np.zeros(len(spins), int), np.zeros(len(spins))
    integers = (np.asarray(spins) > 0) @ (1 << np.arange(basis.n_sites, dtype=np.int64))
    found, character = _represent(basis, integers)
    place = np.minimum(np.searchsorted(basis.states, found), len(basis.states) - 1)
    inside = basis.states[place] == found
    return place, np.where(inside, character.conj() / np.sqrt(basis.multiplicities()[place]), 0.0)


def lowered(
    basis: Basis, vector: Inexact[np.ndarray, " dimension"], law: Hamiltonian
) -> tuple[Basis, Inexact[np.ndarray, " wider"]]:
    """A state of `basis` in the basis of what is left of its symmetry under `law` too."""
    sector = basis.sector
    kept, flip = law.kept_by(sector.permutations), sector.flip if law.is_flip_symmetric else 0
    if kept.all() and flip == sector.flip:
        return basis, vector
    characters = None if sector.characters is None else sector.characters[kept]
    common = Sector(sector.permutations[kept], flip, sector.n_up, characters)
    wider = enumerate_basis(basis.n_sites, common)
    place, factors = places(basis, wider.configurations())
    return wider, vector[place] * factors * np.sqrt(wider.multiplicities())


def _bases_of_flips(law: Hamiltonian) -> list[Basis]:
    """All states at the S_z of the law, by the parity of the spin flip where that is kept."""
    everywhere, flips = np.arange(law.n_sites)[None], (1, -1) if law.is_flip_symmetric else (0,)
    return [enumerate_basis(law.n_sites, Sector(everywhere, flip, law.n_up)) for flip in flips]


def _lowest(
    law: Hamiltonian, basis: Basis, tolerance: float
) -> tuple[Float[np.ndarray, " two"], Inexact[np.ndarray, " dimension"], float]:
    """The two lowest energies (one where there is one state), the lowest state, and its residual."""
    import scipy.sparse.linalg

    matrix = sparse_matrix(law, basis)
    if len(basis.states) <= 64:
        values, vectors = np.linalg.eigh(matrix.toarray())
    else:
        start = np.random.default_rng(0).uniform(0.5, 1.5, len(basis.states))
        values, vectors = scipy.sparse.linalg.eigsh(matrix, k=2, which="SA", v0=start, tol=tolerance)  # pyright: ignore[reportArgumentType]
    order = np.argsort(values)
    vector = vectors[:, order[0]]
    return values[order[:2]], vector, float(np.linalg.norm(matrix @ vector - values[order[0]] * vector))


def _represent(basis: Basis, states: Int[np.ndarray, " n"]) -> tuple[Int[np.ndarray, " n"], Inexact[np.ndarray, " n"]]:
    """The representative of each state, and the character of the element that leads there."""
    smallest, sign = states.copy(), np.ones(len(states), _kind(basis.sector))
    for image, character in elements(basis.n_sites, basis.sector):
        moved = image(states)
        better = moved < smallest
        smallest = np.where(better, moved, smallest)
        sign = np.where(better, character, sign)
    return smallest, sign


def elements(
    n_sites: int, sector: Sector
) -> Iterator[tuple[Callable[[Int[np.ndarray, " n"]], Int[np.ndarray, " n"]], complex]]:
    """Each group element as (its action on integers, its character)."""
    everything = np.int64(2**n_sites - 1)
    characters = np.ones(len(sector.permutations)) if sector.characters is None else sector.characters
    for permutation, character in zip(sector.permutations, characters, strict=True):
        tables = _bit_tables(n_sites, permutation)

        def image(states, tables=tables):
            moved = tables[0][states & (2**_CHUNK - 1)]
            for part, table in enumerate(tables[1:], start=1):
                moved = moved | table[states >> part * _CHUNK & (2**_CHUNK - 1)]
            return moved

        yield image, character
        if sector.flip:
            yield lambda states, image=image: image(states) ^ everything, sector.flip * character


def _kind(sector: Sector) -> type:
    return complex if sector.characters is not None and np.iscomplexobj(sector.characters) else float


def _bit_tables(n_sites: int, permutation: Int[np.ndarray, " sites"]) -> list[Int[np.ndarray, " patterns"]]:
    """For each chunk of bits, where the permutation sends every pattern of it: bit i of the image is bit p(i)."""
    goes_to = np.argsort(permutation)
    tables = []
    for part in range(math.ceil(n_sites / _CHUNK)):
        width = min(_CHUNK, n_sites - part * _CHUNK)
        patterns = np.arange(2**width, dtype=np.int64)
        targets = goes_to[part * _CHUNK : part * _CHUNK + width].astype(np.int64)
        tables.append(((patterns[:, None] >> np.arange(width) & 1) << targets).sum(axis=1))
    return tables
