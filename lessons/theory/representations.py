"""Representations: irreps, characters, and Schur's lemma.

Split any tensor into parts that cannot be split further, and count the weights that symmetry leaves free.
"""

# %% [markdown]
# ## What is asked
#
# A *representation* writes each element $g$ of a group as a matrix $D(g)$ such that products go over into
# products, $D(g h) = D(g) D(h)$. The nine entries of a stress tensor are one: under a rotation $R$ they mix as
# $R_{ik} R_{jl}$, a matrix of 9 x 9. In the right basis all those matrices fall into blocks. Blocks that no
# basis splits further are *irreducible*. For rotations there is one for each degree $l = 0, 1, 2, \dots$, of
# $2l + 1$ dimensions, and inversion multiplies it by a parity, even ($e$) or odd ($o$): `0e` is a scalar, `1o`
# a vector, `1e` an axial vector as the magnetic field.
#
# Which irreps are in a representation follows from the traces alone, its *character* $\chi(g) =
# \operatorname{tr} D(g)$. Rotations by the same angle have the same one; that of degree $l$ is
#
# $$\chi_l(\theta) = \frac{\sin\,(l + \tfrac12)\,\theta}{\sin \tfrac12 \theta}$$
#
# Characters are orthonormal in the mean over the group, so that the number of copies of degree $l$ is an
# integral over the angle:
#
# $$n_l = \frac1\pi \int_0^\pi \chi(\theta)\, \chi_l(\theta)\, (1 - \cos\theta)\, d\theta$$
#
# And *Schur's lemma* says what may pass from one irrep to another: a matrix $A$ with $A D^l(g) = D^{l'}(g) A$
# for all $g$ is zero where $l \neq l'$ or the parities differ, and a multiple of the unit matrix where both are
# the same. Every linear layer of an equivariant network is made of this ([Thomas et al.
# 2018](https://arxiv.org/abs/1802.08219)).

# %% Splitting tensors by their characters
import numpy as np

from erlangen.core.irreps import Irreps

theta = (np.arange(1000) + 0.5) * np.pi / 1000


def character(l, theta):
    """Of degree l: the sum of exp(i m theta) over m = -l .. l."""
    return np.sin((l + 0.5) * theta) / np.sin(theta / 2)


def copies(chi, l):
    """How often degree l occurs in a representation with the characters chi(theta)."""
    return np.mean(chi * character(l, theta) * (1 - np.cos(theta)))


vector = Irreps.parse("1o")
print("indices   copies of l = 0, 1, 2, 3, 4    the same by the triangle rule")
product = vector
for rank in (1, 2, 3, 4):
    found = [copies(character(1, theta) ** rank, l) for l in range(5)]
    print(f"{rank:7d}   {'  '.join(f'{round(n, 6) + 0.0:4.1f}' for n in found)}    {product}")
    product = product * vector

# %% Schur: what is left of any matrix
import itertools

from scipy.spatial.transform import Rotation

from erlangen.core.wigner import wigner_matrices
from erlangen.lessons import scale

signs, orders = list(itertools.product((1, -1), repeat=3)), list(itertools.permutations(range(3)))
cube = np.array([np.diag(s) @ np.eye(3)[list(p)] for s in signs for p in orders])
every = Rotation.random(scale(4000, 20), random_state=0).as_matrix()
A = np.random.default_rng(0).normal(size=(5, 5))
A = A + A.T
print("\nmean of D A D^T for a symmetric A of degree 2: its eigenvalues")
for name, elements in {"no group": np.eye(3)[None], "cube, 48 elements": cube, "random rotations": every}.items():
    D = np.asarray(wigner_matrices(2, elements)[2])
    print(f"{name:<18}", np.round(np.linalg.eigvalsh(np.mean(D @ A @ np.swapaxes(D, 1, 2), axis=0)), 2))
print(f"trace of A / 5      {np.trace(A) / 5:.2f}")

hidden = Irreps.parse("16x0e + 8x1o + 4x2e")
print(f"\na linear layer from {hidden} to itself has {hidden.dim**2} weights,")
print(f"and {sum(n * n for n, _ in hidden)} where it has to commute with rotations and reflections")

# %% [markdown]
# ## What the numbers mean
#
# Nine entries of a matrix are a scalar (its trace), an axial vector (its antisymmetric part) and five numbers
# of degree 2 (symmetric, without a trace). The counts come out whole, as they must, and agree with the triangle
# rule, by which the product of degrees $l_1$ and $l_2$ holds every degree from $|l_1 - l_2|$ to $l_1 + l_2$
# once.
#
# The matrix $A$ may be the perturbation of the five $d$ orbitals of an ion by its surroundings. Averaged over
# all rotations it becomes a multiple of the unit matrix, up to the noise of so many random ones: one energy, as
# Schur's lemma has it for an irrep. Averaged over the cube two energies are left, one of three orbitals and one
# of two. Degree 2 is irreducible under all rotations but not under the cube; this is the splitting of
# transition metals in an octahedral crystal field ([Bethe 1929](https://doi.org/10.1002/andp.19293950202)),
# found here without any chemistry.
#
# In a network the lemma does the bookkeeping. A linear layer may mix copies of the same irrep and nothing else,
# and it mixes all components of a copy alike: less than a tenth of the weights is left. What a layer without
# these limits would have to learn from turned copies of its data is there from the start.

# %% exercise
# A polarisability is a symmetric matrix, so that it holds only part of the product of two vectors. The
# character of the symmetric part of a product of a representation with itself is $\tfrac12 (\chi(g)^2 +
# \chi(g^2))$. Write it for degree $l$ and a rotation by $\theta$.


def answer(l, theta):
    """The character of the symmetric square of degree l."""
    return (character(l, theta) ** 2 + character(l, 2 * theta)) / 2


found = [[round(float(copies(answer(l, theta), k)), 6) for k in range(2 * l + 1)] for l in (1, 2)]
assert found[0] == [1, 0, 1], f"A symmetric matrix holds degrees 0 and 2 once; yours holds {found[0]} of 0, 1, 2."
assert found[1] == [1, 0, 1, 0, 1], f"The square of degree 2 holds degrees 0, 2, 4; yours {found[1]}. What is g g?"
print("Right: a polarisability is 0e + 2e, six numbers, and its isotropic part is the 0e.")
