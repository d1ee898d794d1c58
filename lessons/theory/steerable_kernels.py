"""Steerable kernels: what a convolution may look like.

Solve the condition that makes a convolution equivariant, and learn the field of dipoles from data with the solution.
"""

# %% [markdown]
# ## What is asked
#
# A convolution on points in space adds up what the neighbours send, weighted by a kernel that depends on where
# they are:
#
# $$y_i = \sum_{j \ne i} K(r_i - r_j)\, x_j$$
#
# Translations are built in, because only differences occur. If $x$ is a feature of degree $l_\text{in}$ and $y$
# one of degree $l_\text{out}$, turning all points and features together has to turn the result. That is a
# condition on the kernel, a matrix $(2 l_\text{out} + 1) \times (2 l_\text{in} + 1)$ for every $r$:
#
# $$K(R\,r) = D^{l_\text{out}}(R)\; K(r)\; D^{l_\text{in}}(R)^{\mathsf T} \qquad \text{for all rotations } R$$
#
# It ties the values of $K$ on a whole sphere to its value at one point of it. What is left free there has to go
# along with the rotations about that point's own axis, and these leave few matrices. The complete solution
# couples the two degrees by harmonics of the direction, one radial function for each degree $l$ in the triangle
# ([Weiler et al. 2018](https://arxiv.org/abs/1807.02547), [Thomas et al.
# 2018](https://arxiv.org/abs/1802.08219)):
#
# $$K_{ca}(r) = \sum_l \varphi_l(|r|)\, \sum_b C^{\,l_\text{in}\, l\, l_\text{out}}_{a\, b\, c}\; Y_{lb}(r/|r|),
# \qquad |l_\text{in} - l_\text{out}| \le l \le l_\text{in} + l_\text{out}$$
#
# The radial functions are what a network learns; the rest is mathematics.

# %% How many kernels are there?
import itertools

import numpy as np
from scipy.spatial.transform import Rotation

from erlangen.core.clebsch_gordan import clebsch_gordan
from erlangen.core.spherical_harmonics import spherical_harmonics
from erlangen.core.wigner import wigner_d
from erlangen.lessons import scale

turns = Rotation.from_rotvec(np.outer(np.arange(12) * np.pi / 6, [0, 1, 0])).as_matrix()  # they keep (0, 1, 0)
both = np.concatenate([turns, turns @ np.diag([-1.0, 1.0, 1.0])])  # and mirrors that keep it


def free(l_in, l_out, elements):
    """How many independent matrices K at the pole have K = D_out(g) K D_in(g)^T for these elements."""
    D_out, D_in = (np.asarray(wigner_d(l, elements)) for l in (l_out, l_in))
    return np.linalg.matrix_rank(np.mean([np.kron(a, b) for a, b in zip(D_out, D_in)], axis=0), tol=1e-3)


print("free numbers of K at one point, from l_in = 0 ... 3 (across) to l_out = 0 ... 3 (down)")
print("  without symmetry     with rotations       and reflections")
for b in range(4):
    rows = [[(2 * a + 1) * (2 * b + 1), free(a, b, turns), free(a, b, both)] for a in range(4)]
    print("   ".join(" ".join(f"{n:4d}" for n in row) for row in zip(*rows)))

# %% Learning the field of dipoles
CLOUDS, TESTS = scale((60, 20), (4, 2))
rng = np.random.default_rng(0)
lattice = 1.6 * np.array(list(itertools.product(range(3), repeat=3)))


def cloud(n=8):
    """Of dipoles p_j at random points: sums over j of p_ja Y_lm(n_ij) / d_ij^k [i, a, lm, k], and the field [i, a]."""
    points, dipoles = rng.permutation(lattice)[:n] + rng.uniform(-0.3, 0.3, (n, 3)), rng.normal(size=(n, 3))
    r, others = points[:, None] - points[None], (1 - np.eye(n))[..., None]
    d = np.linalg.norm(r, axis=-1, keepdims=True) + 1 - others
    field = np.sum(others * (3 * r * np.sum(r * dipoles, -1, keepdims=True) / d**2 - dipoles) / d**3, axis=1)
    sums = np.einsum("ijm,ijk,ja->iamk", spherical_harmonics(r / d, 2), others * d ** -np.arange(1.0, 5), dipoles)
    return sums, field * (1 + 0.01 * rng.normal(size=field.shape))  # measured to a per cent


def steered(X):
    """The combinations of the sums that solve the condition, one for each l and k [3 i, l k]."""
    parts = [np.einsum("abc,iabk->ick", clebsch_gordan(1, l, 1), X[:, :, l * l : (l + 1) ** 2]) for l in range(3)]
    return np.stack(parts, 2).reshape(-1, 12)


data, test = ([cloud() for _ in range(count)] for count in (CLOUDS, TESTS))
X_test, y_test = (np.concatenate(part) for part in zip(*test))
print("\nerror of the field   any kernel, 324 weights   steerable, 12 weights")
for count in (1, 10, CLOUDS):
    X, y = (np.concatenate(part) for part in zip(*data[:count]))
    plain = np.linalg.lstsq(X.reshape(-1, 108), y)[0]
    few = np.linalg.lstsq(steered(X), y.ravel())[0]
    off = X_test.reshape(-1, 108) @ plain - y_test, steered(X_test) @ few - y_test.ravel()
    errors = [np.linalg.norm(one) / np.linalg.norm(y_test) for one in off]
    print(f"from {count:2d} clouds {errors[0]:30.1%} {errors[1]:23.1%}")
print("\nweights of the steerable kernel: degree l = 0, 1, 2 (down), power 1/r ... 1/r^4 (across)")
print(np.round(few.reshape(3, 4), 2))

# %% [markdown]
# ## What the numbers mean
#
# Take vectors in and out. A kernel is nine functions on the sphere. Where the condition holds it is known once
# it is known at one point, and there only three numbers are free, or two if reflections count as well: the
# harmonics of degrees 0, 1 and 2, of which degree 1 is the cross product and fails in the mirror. In general
# there are $2 \min(l_\text{in}, l_\text{out}) + 1$ kernels, or $\min(l_\text{in}, l_\text{out}) + 1$ with
# reflections, times the radial functions.
#
# Then a law of nature, the field of electric dipoles, known at eight points of each random cloud to one per
# cent:
#
# $$E_i = \sum_{j \ne i} \frac{3\, \hat r\, (\hat r \cdot p_j) - p_j}{r^3}, \qquad r = |r_i - r_j|$$
#
# Any kernel made of harmonics up to degree 2 and four powers of the distance has 324 weights. It knows nothing
# from one cloud and needs dozens to come down to the noise. The steerable one has 12 weights, is there after a
# single cloud, and gives more than a prediction: one weight stands out, that of degree 2 and $1/r^3$, close to
# $\sqrt6 = 2.45$. The fit has found the law, and the others are what the noise leaves.
#
# Networks of atoms (NequIP, MACE) and steerable filters on images are this construction with learned radial
# functions and nonlinearities between the layers. Their accuracy still depends on data and budget; that they
# turn with their input does not.

# %% exercise
# For rotations alone, how many independent kernels are there from degree $l_\text{in}$ to degree
# $l_\text{out}$, radial functions aside? The harmonics that couple the two are those of the triangle.


def answer(l_in, l_out):
    """The number of degrees l in the sum for K."""
    return 2 * min(l_in, l_out) + 1


for l_in, l_out in ((0, 0), (0, 2), (1, 1), (2, 1), (3, 3), (4, 2)):
    counted = free(l_in, l_out, turns)
    assert answer(l_in, l_out) == counted, f"From {l_in} to {l_out} there are {counted}, not {answer(l_in, l_out)}."
print("Right: as many as the triangle has degrees.")
