"""Propensity to move, from one snapshot of the Kob-Andersen glass former: descriptors beside classical predictors.

    python benchmarks/propensity.py FOLDER       the folder holds ka4096_T0.44.npz.xz

    p_i(t) = < |r_i(t) - r_i(0)| > over isoconfigurational runs;   score: Pearson correlation over the A particles

The configuration and its propensities are those of Bapst et al. 2020, doi:10.1038/s41567-020-0842-8 (T = 0.44, 4,096
particles, one of their 400). The answer is ridge regression on radial and angular densities, averaged over neighbours
once and twice: Boattini, Smallenburg and Filion 2021, doi:10.1103/PhysRevLett.127.088007. There is one configuration,
so it is divided in space: slabs of a fifth of the box are predicted from what lies more than 1.5 sigma away from them,
along each axis. Structure is correlated further than that, and figures of another configuration may differ by more than
their statistical error of 0.01.

Measured at the ten times of the file (intermediate scattering function 0.9 ... 0.1, 1/e last), Pearson correlation:

     0.9   0.8   0.7   0.6   0.5   0.4   0.3   0.2   0.1   1/e
    0.51  0.36  0.53  0.62  0.65  0.67  0.71  0.73  0.72  0.68   ridge on averaged descriptors
    0.24  0.17  0.17  0.17  0.17  0.17  0.18  0.17  0.18  0.17   energy
    0.08  0.11  0.20  0.25  0.26  0.28  0.31  0.35  0.41  0.29   energy, averaged
    0.01  0.06  0.22  0.27  0.25  0.25  0.26  0.31  0.39  0.25   density, averaged

The positions are thermal: at short times those of the inherent structure are the better ones. Not compared: soft modes,
and a network at equal data.
"""

from __future__ import annotations

import io
import lzma
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse import csr_matrix

from erlangen.core.spherical_harmonics import spherical_harmonics
from erlangen.core.systems import Atoms
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.kob_andersen import A, B, KobAndersen
from erlangen.physics.order.surroundings import bonded

REACH = 4.0  # sigma, of radial densities
SHELLS = np.arange(0.8, REACH, 0.06)
ANGULAR = np.array([1.0, 1.3, 1.6, 1.9, 2.2])  # centres of shells, 0.15 wide, for degrees up to 8
LMAX, WIDTH = 8, 0.15
SLABS, MARGIN = 5, 1.5
RIDGES = 10.0 ** np.arange(0, 6)
AVERAGED = 2.0  # sigma: weights exp(-r / 2) within REACH


def main(folder: Path) -> None:
    data = np.load(io.BytesIO(lzma.decompress((folder / "ka4096_T0.44.npz.xz").read_bytes())))
    r, kind, box = data["positions"], data["types"], data["box"]
    numbers = np.where(kind == 0, A, B)
    x = Atoms(r.astype(float), numbers.astype(np.int32), np.diag(box).astype(float), np.ones(3, bool))
    z, near = descriptors(x)
    is_a = kind == 0
    near_a = near @ csr_matrix((np.ones(is_a.sum()), (np.flatnonzero(is_a),) * 2), shape=near.shape)
    weight = near_a.multiply(1 / np.maximum(near_a.sum(1), 1e-9)).tocsr()
    once = weight @ z
    z = np.concatenate([z, once, weight @ once], 1)[is_a]
    energy = energies(x)
    density = np.asarray((near > 0).sum(1), float).ravel()
    rough = {"energy": energy, "energy, averaged": weight @ energy, "density, averaged": -(weight @ density)}
    rough = {name: v[is_a] for name, v in rough.items()}
    print("isf", *(f"{v:5.2f}" for v in data["is_values"]), sep="  ")
    targets = data["propensity"][:, is_a].T.astype(float)
    answers = {"ridge on averaged descriptors": held_out(z, targets, r[is_a], box)}
    answers |= {name: np.repeat(v[:, None], targets.shape[1], 1) for name, v in rough.items()}
    for name, answer in answers.items():
        found = [np.corrcoef(a, t)[0, 1] for a, t in zip(answer.T, targets.T)]
        print(*(f"{v:5.2f}" for v in found), name, sep="  ")


def energies(x: Atoms) -> np.ndarray:
    """Share of each particle in the potential energy."""
    field = KobAndersen()
    with double():
        return np.asarray(jax.jit(field.shares)(field.prepare(x)))


def descriptors(x: Atoms) -> tuple[np.ndarray, csr_matrix]:
    """Radial densities by species and sizes of angular moments, [n, features]; weights of neighbours."""
    shell = bonded(x, REACH)
    n, k = shell.atoms.shape
    there = np.isfinite(shell.vectors[..., 0])
    d = np.where(there, shell.distances, 1e9)
    parts = []
    for z in (A, B):
        mine = there & (x.atomic_numbers[shell.atoms] == z)
        parts.append(np.stack([np.sum(mine * np.exp(-(((d - c) / 0.06) ** 2) / 2), 1) for c in SHELLS], 1))
    close = int(np.max(np.sum(d < ANGULAR[-1] + 3 * WIDTH, 1)))
    d_close, v = d[:, :close], np.where(there[:, :close, None], shell.vectors[:, :close], 1.0)
    y = np.asarray(spherical_harmonics(jnp.asarray(v / np.linalg.norm(v, axis=-1)[..., None]), LMAX))
    for centre in ANGULAR:
        w = np.exp(-(((d_close - centre) / WIDTH) ** 2) / 2)
        q = np.einsum("nk,nkm->nm", w / np.maximum(w.sum(1), 1e-9)[:, None], y)
        sizes = [np.linalg.norm(q[:, l * l : (l + 1) ** 2], axis=1) for l in range(1, LMAX + 1)]
        parts.append(np.stack(sizes, 1))
    receivers = np.broadcast_to(np.arange(n)[:, None], (n, k))
    weights = csr_matrix((np.exp(-d[there] / AVERAGED), (receivers[there], shell.atoms[there])), (n, n))
    return np.concatenate(parts, 1), weights + csr_matrix(np.eye(n))


def held_out(z: np.ndarray, y: np.ndarray, r: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Predictions [n, targets] for slabs of the box by ridge regression on the rest, averaged over the three axes; the
    ridge of each target is chosen on a part of the rest.
    """
    total = np.zeros(y.shape)
    for axis in range(3):
        place = (r[:, axis] / box[axis]) % 1.0
        for slab in range(SLABS):
            away = np.abs((place - (slab + 0.5) / SLABS + 0.5) % 1.0 - 0.5)
            test, train = away <= 0.5 / SLABS, away > 0.5 / SLABS + MARGIN / box[axis]
            checked, fitted = train & (away > 0.42), train & (away < 0.42 - MARGIN / box[axis] / 2)
            errors = np.mean((ridges(z[fitted], y[fitted], z[checked]) - y[checked]) ** 2, 1)  # [strengths, targets]
            best = np.argmin(errors, 0)
            total[test] += ridges(z[train], y[train], z[test])[best, :, np.arange(y.shape[1])].T
    return total / 3


def ridges(z: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Answers [strengths, new, targets] for all of `RIDGES` from one decomposition."""
    mean, spread = z.mean(0), z.std(0) + 1e-9
    z, new = (z - mean) / spread, (new - mean) / spread
    values, vectors = np.linalg.eigh(z.T @ z)
    right, left = vectors.T @ (z.T @ (y - y.mean(0))), new @ vectors
    return np.stack([y.mean(0) + left @ (right / (values + a)[:, None]) for a in RIDGES])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
