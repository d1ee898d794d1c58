"""Kernel ridge regression on inverse distances, in the domain of gradients, for one molecule.

    E(x) = c + sum_m beta_m . grad_D' k(D(x), D_m),      D = (1/r_ij)_{i<j},      F = -dE/dr
    k(D, D') = (1 + s + s^2/3) exp(-s),      s = sqrt(5) |D - D'| / sigma

beta_m = J_m alpha_m, J = dD/dr, and alpha solves (K + ridge) alpha = -F with K = J_i^T (d^2 k / dD dD') J_m: forces are
matched, energies follow up to the constant c. Rotations, reflections and translations are exact. Permutations are not:
like atoms are told apart by their place in the list, so that symmetry is not declared.
Chmiela et al. 2017 (GDML), doi:10.1126/sciadv.1603015.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from ...contract import Budget, Method, Outputs, Predictor, Session, Signature, Supervised
from ...core.errors import Invalid
from ...core.groups import Group, Orthogonal, Translations
from ...core.systems import Atoms, System
from ...numerics.mechanics import energy_and_forces


class KernelPotential(Predictor):
    """Energy [eV] and forces [eV/A] of the molecule it was trained on; NaN, or `Invalid` where it can be raised, else.

    Evaluate it under `numerics.precision.double`: the sum over training points cancels many digits.
    """

    descriptors: Float[Array, "points pairs"]
    weights: Float[Array, "points pairs"]  # beta
    atomic_numbers: tuple[int, ...] = eqx.field(static=True)
    width: float = eqx.field(static=True)
    offset: float = eqx.field(static=True)

    def __call__(self, x: Atoms) -> Outputs:
        if not isinstance(x["atomic_numbers"], Tracer):
            self.check(x)
        found = energy_and_forces(self.energy, x)
        return {"energy": found["energy"] + self.offset, "forces": found["forces"]}

    def energy(self, x: Atoms) -> Float[Array, ""]:
        """Energy without the constant [eV]; places beyond the molecule are padding."""
        n = len(self.atomic_numbers)
        if len(x.positions) < n:
            return jnp.asarray(jnp.nan, jnp.result_type(x.positions))
        order = jnp.concatenate([jnp.asarray(self.atomic_numbers), jnp.zeros(len(x.positions) - n, int)])
        apart = inverse_distances(jnp.asarray(x.positions)[:n]) - self.descriptors
        s = _scaled(apart, self.width)
        total = jnp.sum(5 / (3 * self.width**2) * (1 + s) * jnp.exp(-s) * jnp.sum(apart * self.weights, -1))
        same = jnp.all(jnp.asarray(x.atomic_numbers) == order)
        return jnp.where(same, total, jnp.nan).astype(jnp.result_type(x.positions, total))

    def check(self, x: System) -> None:
        """Raise `Invalid` where `x` is not the molecule of the training data, its atoms in the same order."""
        numbers = np.asarray(x["atomic_numbers"])
        if tuple(numbers[numbers > 0].tolist()) != self.atomic_numbers:
            raise Invalid(
                must=f"kernel_ridge answers for one molecule, atoms in the order {list(self.atomic_numbers)}",
                came=f"atomic numbers {numbers.tolist()}",
                do="Reorder the atoms, or use a method that knows any molecule (painn).",
            )


@dataclasses.dataclass(frozen=True)
class KernelRidge(Method):
    """Gradient-domain kernel ridge regression on inverse distances (Matern 5/2)."""

    max_rows: int = 8000  # of the linear system: 3 * atoms * training frames; memory 8 max_rows^2 bytes
    widths: tuple[float, ...] = (1.0, 3.0, 10.0)  # sigma in 1/A, chosen on the validation split
    ridge: float = 1e-9  # added to the diagonal, relative to its mean

    accepts: ClassVar[Signature] = Signature(Supervised, Atoms, frozenset({"energy", "forces"}), alone=True)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Orthogonal, Translations)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Solve one linear system; the width is chosen with a third of the frames. No budget stops it."""
        train, validation = task.truth("train"), task.truth("validation")
        numbers = _one_molecule([*train.inputs, *validation.inputs])
        most = max(self.max_rows // (3 * len(numbers)), 2)
        rows = np.unique(np.linspace(0, len(train) - 1, min(most, len(train))).astype(int))
        few = rows[:: 3 if len(rows) > 30 else 1]
        positions, forces = (_stack(train, name) for name in ("positions", "forces"))
        tests = _stack(validation, "positions"), _stack(validation, "forces")
        errors = []
        for width in self.widths:
            descriptors, weights = _solve(positions[few], forces[few], width, self.ridge)
            errors.append(np.mean(np.abs(_forces(tests[0], descriptors, weights, width) - tests[1])))
            session.say(f"width {width:g}/A: validation force MAE {1000 * errors[-1]:.1f} meV/A ({len(few)} frames)")
        width = self.widths[int(np.argmin(errors))]
        descriptors, weights = _solve(positions[rows], forces[rows], width, self.ridge)
        energies = np.array([float(train.outputs["energy"][i]) for i in rows])
        offset = float(np.mean(energies - _energies(descriptors, descriptors, weights, width)))
        return KernelPotential(descriptors, weights, numbers, width, offset)  # type: ignore[arg-type]


def inverse_distances(positions: Any) -> Any:
    """D_p = 1 / |r_i - r_j| of all pairs i < j [pairs]; positions [n, 3]."""
    i, j = np.triu_indices(len(positions), 1)
    return 1.0 / jnp.sqrt(jnp.sum((positions[i] - positions[j]) ** 2, -1))


def _scaled(apart: Any, width: float) -> Any:
    # the offset keeps the gradient of the root finite at a training point; it changes s by less than 1e-12
    return jnp.sqrt(5 * jnp.sum(apart**2, -1) / width**2 + 1e-24)


def _geometry(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors [m, pairs] and their derivatives J [m, pairs, 3 n] of structures [m, n, 3]."""
    m, n, _ = positions.shape
    i, j = np.triu_indices(n, 1)
    apart = positions[:, i] - positions[:, j]
    inverse = 1.0 / np.linalg.norm(apart, axis=-1)
    slope = -(inverse**3)[..., None] * apart
    derivatives = np.zeros((m, len(i), n, 3))
    pairs = np.arange(len(i))
    derivatives[:, pairs, i], derivatives[:, pairs, j] = slope, -slope
    return inverse, derivatives.reshape(m, len(i), 3 * n)


def _solve(positions: np.ndarray, forces: np.ndarray, width: float, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors and weights beta [m, pairs] that match the forces of the structures."""
    from scipy.linalg import cho_factor, cho_solve

    descriptors, derivatives = _geometry(positions)
    m, _, size = derivatives.shape
    wide = derivatives.transpose(1, 0, 2).reshape(-1, m * size)
    kernel = np.empty((m * size, m * size))
    for i in range(m):
        apart = descriptors[i] - descriptors
        s = np.sqrt(5) * np.linalg.norm(apart, axis=1) / width
        decay = 5 / (3 * width**2) * np.exp(-s)
        block = (derivatives[i].T @ wide).reshape(size, m, size) * ((1 + s) * decay)[:, None]
        left = derivatives[i].T @ apart.T  # [size, m]
        right = np.einsum("mp,mpa->ma", apart, derivatives)
        block -= 5 / width**2 * decay[:, None] * left[:, :, None] * right
        kernel[i * size : (i + 1) * size] = block.reshape(size, -1)
    kernel[np.diag_indices_from(kernel)] += ridge * np.trace(kernel) / len(kernel)
    factor = cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)
    alpha = cho_solve(factor, -forces.reshape(-1)).reshape(m, size)
    return descriptors, np.einsum("mpa,ma->mp", derivatives, alpha)


def _energies(queries: np.ndarray, descriptors: np.ndarray, weights: np.ndarray, width: float) -> np.ndarray:
    """Energies [k] without the constant at the descriptors `queries` [k, pairs]."""
    apart = queries[:, None] - descriptors
    s = np.sqrt(5) * np.linalg.norm(apart, axis=-1) / width
    return np.sum(5 / (3 * width**2) * (1 + s) * np.exp(-s) * np.einsum("kmp,mp->km", apart, weights), 1)


def _forces(positions: np.ndarray, descriptors: np.ndarray, weights: np.ndarray, width: float) -> np.ndarray:
    """Forces [k, n, 3] at structures [k, n, 3]: -J^T sum_m (d^2 k / dD dD') beta_m."""
    queries, derivatives = _geometry(positions)
    found = []
    for query, jacobian in zip(queries, derivatives, strict=True):
        apart = query - descriptors
        s = np.sqrt(5) * np.linalg.norm(apart, axis=1) / width
        decay = 5 / (3 * width**2) * np.exp(-s)
        slope = ((1 + s) * decay) @ weights - (5 / width**2 * decay * np.sum(apart * weights, 1)) @ apart
        found.append(-jacobian.T @ slope)
    return np.reshape(found, positions.shape)


def _one_molecule(inputs: Sequence[System]) -> tuple[int, ...]:
    orders = {tuple(np.asarray(x["atomic_numbers"]).tolist()) for x in inputs}
    if len(orders) > 1 or any(np.any(x["pbc"]) for x in inputs):
        raise Invalid(
            must="kernel_ridge needs one isolated molecule with its atoms in one order",
            came=f"{len(orders)} compositions or orders" if len(orders) > 1 else "a periodic structure",
            do="Use a method that knows any structure (painn).",
        )
    return orders.pop()


def _stack(samples: Any, name: str) -> np.ndarray:
    values = [x["positions"] for x in samples.inputs] if name == "positions" else samples.outputs[name]
    return np.asarray(values, np.float64)
