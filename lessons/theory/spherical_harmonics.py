"""Spherical harmonics: directions in a language that turns well.

Expand what surrounds an atom in spherical harmonics, and see which degree it takes to tell crystals apart.
"""

# %% [markdown]
# ## What is asked
#
# An atom's neighbours lie in certain directions. How can these be told to a model such that the description
# turns with the atoms in a known way? Functions of direction split into the irreps of rotations: those of
# degree $l$ are spanned by $2l + 1$ harmonic polynomials of $x, y, z$, the *spherical harmonics* $Y_{lm}$, and
# they mix only among themselves,
#
# $$Y_l(R\,\hat r) = D^l(R)\, Y_l(\hat r), \qquad \langle Y_{lm}\, Y_{l'm'} \rangle = \delta_{ll'}\,\delta_{mm'}$$
#
# with the mean taken over the sphere. Degree 0 is a constant, degree 1 the direction itself, degree 2 the five
# $d$ orbitals. The mean over neighbours, $q_l = \frac1N \sum_j Y_l(\hat r_j)$, describes a whole shell of them.
# It turns as $D^l$, which is orthogonal, so that its length does not change. Scaled so that a single neighbour
# gives one, this is the order parameter of [Steinhardt, Nelson and Ronchetti
# (1983)](https://doi.org/10.1103/PhysRevB.28.784):
#
# $$Q_l = \frac{|q_l|}{\sqrt{2l + 1}}$$
#
# It tells liquids from crystals and one crystal from another, and it is among the simplest features that a
# network on atoms can be given.

# %% Harmonics turn and are orthonormal
import itertools

import numpy as np
from scipy.spatial.transform import Rotation

from erlangen.core.spherical_harmonics import spherical_harmonics
from erlangen.core.wigner import wigner_matrices
from erlangen.lessons import scale

LMAX, COUNT = scale((8, 200_000), (6, 2000))
directions = np.random.default_rng(0).normal(size=(COUNT, 3))
directions /= np.linalg.norm(directions, axis=1, keepdims=True)
Y = np.asarray(spherical_harmonics(directions, 2))
R = Rotation.random(random_state=0).as_matrix()
gap = spherical_harmonics(directions @ R.T, 2)[:, 4:9] - Y[:, 4:9] @ wigner_matrices(2, R)[2].T
print(f"mean of Y Y^T against the unit matrix: within {np.abs(Y.T @ Y / COUNT - np.eye(9)).max():.3f}")
print(f"Y_2(R r) against D^2(R) Y_2(r): within {np.abs(gap).max():.0e}")

# %% Shells of neighbours
zeros, golden = np.zeros((4, 1)), (1 + 5**0.5) / 2
square = np.array(list(itertools.product((1, -1), repeat=2)))


def ring(*columns):
    """Points with these coordinates, and with x, y, z exchanged in a circle."""
    return np.concatenate([np.roll(np.hstack(columns), k, 1) for k in range(3)])


shells = {
    "simple cubic, 6": np.vstack([np.eye(3), -np.eye(3)]),
    "bcc, 8": np.array(list(itertools.product((1, -1), repeat=3))),
    "fcc, 12": ring(zeros, square[:, :1], square[:, 1:]),
    "icosahedron, 12": ring(zeros, square[:, :1], golden * square[:, 1:]),
}


def order(points, lmax=LMAX):
    """Q_l for l = 0 ... lmax."""
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    q = np.asarray(spherical_harmonics(unit, lmax)).mean(0)
    return np.array([np.linalg.norm(q[l * l : (l + 1) ** 2]) / np.sqrt(2 * l + 1) for l in range(lmax + 1)])


print("\nQ_l               " + " ".join(f"{l:>6d}" for l in range(1, LMAX + 1)))
for name, points in shells.items():
    print(f"{name:<17} ", *(f"{q:6.3f}" for q in order(points @ R.T)[1:]))

# %% [markdown]
# ## What the numbers mean
#
# The mean over random directions is the unit matrix up to the noise of so many, and turning the directions is
# the same as mixing the five numbers of degree 2, up to the rounding of single precision. The table was made
# with all shells in one random orientation: $Q_l$ does not see it.
#
# Odd degrees vanish because every neighbour has one opposite. Degree 2 vanishes too, in all four shells: a
# quadrupole cannot tell a cubic surrounding from a sphere. For the same reason the dielectric tensor of a cubic
# crystal is a number, and a network that adds up degrees 1 and 2 over a cubic shell learns nothing about how it
# is oriented ([Joshi et al. 2023](https://arxiv.org/abs/2301.09308)). Degree 4 tells three crystals apart, and
# the icosahedron, whose symmetry no periodic crystal has, shows itself in degree 6 first. $Q_6 = 0.575$ for fcc
# and 0.663 for the icosahedron are the values that simulations of freezing look for.
#
# Lengths alone forget something: how the $2l + 1$ numbers of different degrees lie to each other. Products of
# several $q_l$ that are coupled to a scalar bring it back, which is the subject of the next lesson.

# %% exercise
# A network adds up the harmonics of an atom's neighbours up to degree $l_\text{max}$. What is the smallest
# $l_\text{max}$ with which it can notice that a given shell is not round, the lowest degree $l > 0$ with $Q_l
# \neq 0$?


def answer(points):
    """The lowest degree that sees this shell."""
    return next(l for l, q in enumerate(order(points, 6)) if l > 0 and q > 1e-6)


tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
told = {"tetrahedron": answer(tetrahedron), **{name: answer(points) for name, points in shells.items()}}
assert told["bcc, 8"] == told["fcc, 12"] == 4, (
    f"Cubic shells show in degree 4, not {told['bcc, 8']}: leave degree 0 out."
)
assert told["tetrahedron"] == 3 and told["icosahedron, 12"] == 6, f"Yours: {told}. What is rounding, what is not zero?"
print("Right:", ", ".join(f"{name}: {l}" for name, l in told.items()))
