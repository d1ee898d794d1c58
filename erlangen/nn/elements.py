"""The elements a model knows, and what an atom of each contributes to the energy before any interaction.

Energies of compositions n = (n_1, n_2, ...) fix the sums n . e of those compositions, and of all that are combinations
of them; frames of isolated atoms, or as many independent compositions as elements, fix every e_Z. Beyond, a total
energy is an extrapolation that may be off by any amount; forces are not touched.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..core.errors import Invalid


class Elements(eqx.Module):
    """Known atomic numbers, ascending, and the reference energy [eV] of each."""

    numbers: tuple[int, ...] = eqx.field(static=True)
    reference: tuple[float, ...] = eqx.field(static=True)
    known_sums: tuple[tuple[int, ...], ...] = eqx.field(static=True, default=())  # independent; (): all are known

    @classmethod
    def from_counts(cls, atomic_numbers: Sequence[np.ndarray], energies: Float[np.ndarray, " samples"]) -> Elements:
        """Least squares, E ~ sum_Z n_Z e_Z; the shortest solution where compositions leave freedom."""
        numbers, counts = compositions(atomic_numbers)
        reference = np.linalg.lstsq(counts, np.asarray(energies, float), rcond=None)[0]
        return cls(tuple(numbers), tuple(float(e) for e in reference), known_sums(counts))

    def species(self, atomic_numbers: Int[ArrayLike, " n"]) -> Int[Array, " n"]:
        """Places in `numbers`; 0 for padded atoms and unknown elements."""
        places = np.zeros(max(self.numbers) + 1, np.int32)
        places[list(self.numbers)] = np.arange(len(self.numbers))
        return jnp.asarray(places)[jnp.clip(jnp.asarray(atomic_numbers), 0, len(places) - 1)]

    def known(self, atomic_numbers: Int[ArrayLike, " n"]) -> Bool[Array, " n"]:
        """Which atoms are of a known element; padded places count as known."""
        return jnp.isin(jnp.asarray(atomic_numbers), jnp.asarray((0, *self.numbers)))

    def energies(self, atomic_numbers: Int[ArrayLike, " n"]) -> Float[Array, " n"]:
        """Reference energy of each atom [eV], in float64 where JAX allows it: all-electron totals need the digits."""
        values = jnp.asarray(np.asarray(self.reference, np.float64))[self.species(atomic_numbers)]
        return jnp.where(jnp.asarray(atomic_numbers) > 0, values, 0.0)

    def energy(self, atomic_numbers: Int[ArrayLike, " n"]) -> Float[Array, ""]:
        """Their sum [eV]."""
        return jnp.sum(self.energies(atomic_numbers))

    def total(self, atomic_numbers: Int[np.ndarray, " n"]) -> float:
        """The same on the host, for known elements."""
        places = np.searchsorted(self.numbers, atomic_numbers[atomic_numbers > 0])
        return float(np.sum(np.asarray(self.reference, np.float64)[places]))

    def determines(self, atomic_numbers: Int[ArrayLike, " n"]) -> bool:
        """Whether the energy of this composition follows from those that were fitted (any energy of known elements)."""
        return is_sum(self.known_sums, self.numbers, np.asarray(atomic_numbers))

    def tell_undetermined(self) -> None:
        """Warn where the fitted compositions leave the energies of elements open."""
        if self.known_sums:
            warnings.warn(undetermined(self.numbers, self.known_sums), stacklevel=3)

    def check(self, atomic_numbers: Int[ArrayLike, " n"]) -> None:
        """Raise `Invalid` where an atom is of an unknown element."""
        numbers = np.asarray(atomic_numbers)
        strange = sorted(set(numbers[numbers > 0].tolist()) - set(self.numbers))
        if strange:
            raise Invalid(
                must=f"all elements must occur in the training data (atomic numbers {list(self.numbers)})",
                came=f"atomic numbers {strange}",
                do="Train on data that contain them.",
            )


def compositions(atomic_numbers: Sequence[np.ndarray]) -> tuple[list[int], Float[np.ndarray, "samples elements"]]:
    """The elements that occur, ascending, and how many atoms of each every sample has."""
    numbers = [int(z) for z in np.unique(np.concatenate([np.ravel(one) for one in atomic_numbers])) if z > 0]
    return numbers, np.array([[np.sum(one == z) for z in numbers] for one in atomic_numbers], float)


def known_sums(counts: Float[np.ndarray, "samples elements"]) -> tuple[tuple[int, ...], ...]:
    """Independent compositions that span all of them; () where every composition is spanned."""
    found: list[np.ndarray] = []
    for one in np.unique(counts, axis=0):
        if np.linalg.matrix_rank([*found, one]) > len(found):
            found.append(one)
        if len(found) == counts.shape[1]:
            return ()
    return tuple(tuple(int(n) for n in one) for one in found)


def is_sum(known: Sequence[Sequence[int]], numbers: Sequence[int], atomic_numbers: Int[np.ndarray, " n"]) -> bool:
    """Whether a composition is a combination of the `known` ones; those are () where everything is."""
    if not known:
        return True
    asked = np.array([np.sum(atomic_numbers == z) for z in numbers], float)
    basis = np.asarray(known, float).T
    rest = asked - basis @ np.linalg.lstsq(basis, asked, rcond=None)[0]
    return bool(np.abs(rest).max() < 1e-6 * max(asked.max(), 1.0))


def formula(numbers: Iterable[int], counts: Iterable[int]) -> str:
    """As in C5H8O2."""
    from ase.data import chemical_symbols
    from ase.formula import Formula

    return Formula.from_dict({chemical_symbols[z]: int(n) for z, n in zip(numbers, counts) if n}).format("hill")


def undetermined(numbers: Sequence[int], known: Sequence[Sequence[int]]) -> str:
    """What the compositions of training data leave open, in words."""
    found = ", ".join(formula(numbers, one) for one in known[:3]) + ", ..." * (len(known) > 3)
    several = f"{len(known)} independent compositions" if len(known) > 1 else "one composition"
    return (
        f"the training data hold {several} ({found}) of {len(numbers)} elements, which does not fix the energy of each "
        "element: energies of other compositions will be off by an unknown amount (not their forces). Add frames of "
        "isolated atoms, or of other compositions"
    )
