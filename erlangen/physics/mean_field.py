"""The best product state of a spin lattice: every spin points along its own unit vector n_i.

    E(n) = sum_b [ zz_b n_i^z n_j^z + exchange_b (n_i^x n_j^x + n_i^y n_j^y) ] + sum_i field_i n_i^x

Exchange and transverse field lie in a plane for all laws here, so that n_i = (sin t_i, 0, cos t_i) suffices.
"""

from __future__ import annotations

import numpy as np

from .spins import Hamiltonian


def product_state(law: Hamiltonian, *, starts: int = 8, seed: int = 0) -> tuple[float, np.ndarray]:
    """(energy, angles t [sites]) of the lowest of `starts` minimisations by L-BFGS from random angles."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    found = [minimize(_energy, rng.uniform(0, 2 * np.pi, law.n_sites), (law,), jac=True) for _ in range(starts)]
    best = min(found, key=lambda result: result.fun)
    return float(best.fun), best.x


def _energy(angles: np.ndarray, law: Hamiltonian) -> tuple[float, np.ndarray]:
    sine, cosine = np.sin(angles), np.cos(angles)
    energy = law.energy_of_product_state(np.stack([sine, np.zeros_like(sine), cosine], axis=1))
    field_z, field_x = np.zeros_like(angles), law.field.astype(float).copy()
    for a, b in (law.bonds.T, law.bonds.T[::-1]):
        np.add.at(field_z, a, law.zz * cosine[b])
        np.add.at(field_x, a, law.exchange * sine[b])
    return energy, field_x * cosine - field_z * sine
