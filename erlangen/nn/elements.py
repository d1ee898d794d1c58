"""The elements a model knows, and what an atom of each contributes to the energy before any interaction."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..core.errors import Invalid


class Elements(eqx.Module):
    """Known atomic numbers, ascending, and the reference energy [eV] of each."""

    numbers: tuple[int, ...] = eqx.field(static=True)
    reference: tuple[float, ...] = eqx.field(static=True)

    @classmethod
    def from_counts(cls, atomic_numbers: Sequence[np.ndarray], energies: Float[np.ndarray, " samples"]) -> Elements:
        """Least squares, E ~ sum_Z n_Z e_Z; the shortest solution where compositions leave freedom."""
        numbers = sorted({int(z) for one in atomic_numbers for z in one if z > 0})
        counts = np.array([[np.sum(one == z) for z in numbers] for one in atomic_numbers], float)
        reference = np.linalg.lstsq(counts, np.asarray(energies, float), rcond=None)[0]
        return cls(tuple(numbers), tuple(float(e) for e in reference))

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
