"""What equivariance buys you: data.

Fit one energy surface with and without its symmetries, and read off how many samples each symmetry is worth.
"""

# %% [markdown]
# ## What is asked
#
# The energy of a molecule does not change when it is turned, and not when two of its hydrogens are exchanged:
#
# $$E(R\,r_{\pi(1)}, \dots, R\,r_{\pi(n)}) = E(r_1, \dots, r_n) \qquad \text{for all } R \in O(3),\ \pi$$
#
# A model can be told this in three ways. It sees turned and renamed copies of its data (*augmentation*) and
# learns the symmetry as far as it goes. It is given *invariants* instead of coordinates, here distances between
# atoms. Or it is averaged over the group, which for 4 hydrogens has 24 elements. The last two are exact, before
# any data are seen.
#
# How much is this worth? We shake methane and ask a quantum-chemical method (GFN2-xTB, [Bannwarth et al.
# 2019](https://doi.org/10.1021/acs.jctc.8b01176)) for its energy. All models are the same kernel regression, so
# that nothing differs but what they know:
#
# $$E(x) = \sum_i \alpha_i\, k(x, x_i), \qquad \bar k(x, x') = \frac1{|G|} \sum_{g \in G} k(x, g x')$$

# %% Methane, shaken, turned and renamed
import itertools

import numpy as np
from scipy.spatial.transform import Rotation

from erlangen.lessons import scale
from erlangen.physics.molecules import conformers
from erlangen.physics.tight_binding import TightBinding

FULL = {"sizes": (25, 50, 100, 200, 400), "test": 200, "copies": 8}
TOY = {"sizes": (4, 8), "test": 6, "copies": 2}
at = scale(FULL, TOY)
rng = np.random.default_rng(0)
methane = conformers("methane")[0]
energy = TightBinding().potential(methane.atomic_numbers)
renamings = np.array([(0, *p) for p in itertools.permutations(range(1, 5))])  # carbon comes first


def moved(x):
    """Each molecule turned at random, mirrored or not, and its hydrogens in another order."""
    turns = Rotation.random(len(x), rng).as_matrix() * rng.choice([-1, 1], len(x))[:, None, None]
    return np.stack([(one @ R.T)[p] for one, R, p in zip(x, turns, rng.choice(renamings, len(x)))])


count = at["sizes"][-1] + 2 * at["test"]
shaken = np.asarray(methane.positions) + 0.08 * rng.normal(size=(count, 5, 3))
E = np.array([energy(x)[0] for x in shaken])
x = moved(shaken - shaken[:, :1])
print(f"{count} energies, which differ by {1000 * E.std():.0f} meV (standard deviation)")

# %% The same regression with more and more knowledge
from scipy.spatial.distance import cdist, pdist


def coordinates(x):
    """Fifteen numbers, as they come."""
    return x.reshape(len(x), -1)


def distances(x):
    """Ten, between all pairs of atoms."""
    return np.stack([pdist(one) for one in x])


def kernel(a, b, width, view, group):
    """A Gaussian of what `view` makes of molecules, averaged over renamings of the second [a, b]."""
    each = [np.exp(-cdist(view(a), view(b[:, p]), "sqeuclidean") / (2 * width**2)) for p in group]
    return np.mean(each, axis=0)


def error(n, view, group=renamings[:1], copies=1):
    """Mean absolute error [meV] on test molecules; width and ridge are those that do best on as many others."""
    inputs, known = np.concatenate([x[:n], *(moved(x[:n]) for _ in range(copies - 1))]), np.tile(E[:n], copies)
    unseen, best = slice(at["sizes"][-1], None), (np.inf, np.inf)
    for width in scale((0.3, 1.0, 3.0, 10.0), (1.0,)):
        K, other = (kernel(one, inputs, width, view, group) for one in (inputs, x[unseen]))
        for ridge in (1e-10, 1e-7, 1e-4):
            weights = np.linalg.solve(K + ridge * np.eye(len(K)), known - known.mean())
            off = np.split(1000 * np.abs(other @ weights + known.mean() - E[unseen]), 2)
            best = min(best, tuple(map(np.mean, off)))
    return best[1]


print("molecules     coordinates        + copies       distances      + renaming")
for n in at["sizes"]:
    row = [error(n, coordinates), error(n, coordinates, copies=at["copies"])]
    row += [error(n, distances), error(n, distances, renamings)]
    print(f"{n:9d}" + "".join(f"{one:12.1f} meV" for one in row))

# %% [markdown]
# ## What the numbers mean
#
# Guessing the mean energy is off by about 500 meV. From coordinates as they come 400 molecules teach nothing
# beyond that: almost no two of them are near each other, since each lies in its own direction. Eight moved
# copies of every molecule help a little from 200 molecules on, and the fit then has 3200 rows.
#
# Distances know about turns, reflections and shifts without any data. With 25 molecules they are as good as
# coordinates with 400 molecules in 8 copies each. Averaging over the 24 renamings of the hydrogens helps once
# more, and as much: 50 molecules reach the 40 meV or so for which distances alone need 400, and 400 reach 2
# meV. Theory says that averaging over a finite group is in the limit worth as many times the samples as it has
# elements, here 24 ([Tahmasebi and Jegelka 2023](https://arxiv.org/abs/2303.14269)), and that a continuous
# group lowers the number of dimensions that have to be learned: 15 coordinates are 9 numbers without position
# and orientation.
#
# Three limits. What is invariant under reflections cannot see handedness; where it matters, features that
# change sign have to come in. A symmetry that the problem does not have (a molecule on a surface) is an error
# that no data repair. And networks that train long enough on moved copies make up for part of this gap in data,
# though not in arithmetic ([Brehmer et al. 2024](https://arxiv.org/abs/2410.23179)).

# %% exercise
# An energy that is invariant has forces that are *equivariant*: they turn and are renamed along with the
# molecule. `F` are the forces on the atoms at $x$, one row each. What are they for the molecule `(x @ R.T)[p]`,
# which is turned by $R$ and has its atoms in the order $p$?


def answer(F, R, p):
    """The forces on the atoms of the moved molecule."""
    return (F @ R.T)[p]


R, p = Rotation.random(random_state=1).as_matrix(), renamings[10]
F, there = energy(shaken[0])[1], energy((shaken[0] @ R.T)[p])[1]
off = np.abs(answer(F, R, p) - there).max()
assert off < 1e-3, f"Off by {off:.2g} eV/A: forces turn as positions do, and stay with their atom."
print(f"Right: within {off:.0e} eV/A of what the quantum-chemical method says there.")
