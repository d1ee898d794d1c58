"""Groups: orbits, invariants, and averaging over a group.

Count what a group leaves unchanged, and make any function invariant by averaging it.
"""

# %% [markdown]
# ## What is asked
#
# A symmetry is a transformation $g$ after which a thing is the same as before. All symmetries of a thing form a
# *group* $G$: one after the other is again one, and each can be undone. A group *acts* on a space when each $g$
# moves its points; the places that one point $x$ reaches are its *orbit*, and the $g$ that leave it alone are
# its *stabiliser* $G_x$. For every finite group (Lagrange)
#
# $$|G| = |G x| \cdot |G_x|$$
#
# A function is *invariant* if it is constant on orbits, $f(g x) = f(x)$. An energy is one: it must not depend
# on how a molecule is turned. Any function at all becomes invariant when it is averaged over the group
# (Reynolds):
#
# $$\bar f(x) = \frac{1}{|G|} \sum_{g \in G} f(g x)$$
#
# Averaging twice changes nothing more, so it is a projection, and how many independent invariants there are is
# its rank. On polynomials of degree $d$ the count follows without finding a single one of them (Molien's
# theorem, [Stanley 1979](https://doi.org/10.1090/S0273-0979-1979-14597-X)): it is the mean of the traces of the
# matrices by which $G$ acts on them.
#
# Our group has 48 elements: the symmetries of the cube, which are the matrices that permute $x, y, z$ and
# change their signs. It is the point group $O_h$ of rock salt; methane keeps half of it.

# %% Orbits
import itertools

import numpy as np

signs, orders = list(itertools.product((1, -1), repeat=3)), list(itertools.permutations(range(3)))
cube = np.array([np.diag(s) @ np.eye(3)[list(p)] for s in signs for p in orders])


def orbit(points):
    """All images of a set of points, each once: the order of the points does not count."""
    images = [sorted(map(tuple, np.round(points @ g.T, 6) + 0.0)) for g in cube]
    return set(map(tuple, images))


methane = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])  # where its hydrogens are
for name, x in {
    "(0, 0, 1)": [[0, 0, 1]],
    "(1, 1, 1)": [[1, 1, 1]],
    "(1, 2, 3)": [[1, 2, 3]],
    "methane": methane,
}.items():
    print(f"{name:<10} orbit {len(orbit(np.array(x))):2d}   stabiliser {48 // len(orbit(np.array(x))):2d}")

# %% Invariants
from erlangen.lessons import scale

DEGREES = scale(range(9), range(5))


def averaged(f, x):
    """The mean of f over all images g x."""
    return np.mean([f(x @ g.T) for g in cube], axis=0)


def monomials(x, degree):
    """x^a y^b z^c with a + b + c = degree, a column each."""
    powers = [p for p in itertools.product(range(degree + 1), repeat=3) if sum(p) == degree]
    return np.stack([np.prod(x**p, axis=-1) for p in np.array(powers)], axis=-1)


points = np.random.default_rng(0).normal(size=(200, 3))
print("\ndegree      ", *(f"{d:3d}" for d in DEGREES))
print("polynomials ", *(f"{monomials(points, d).shape[1]:3d}" for d in DEGREES))
ranks = [np.linalg.matrix_rank(averaged(lambda x, d=d: monomials(x, d), points), tol=1e-8) for d in DEGREES]
print("invariant   ", *(f"{r:3d}" for r in ranks))

# %% Turning a molecule by any angle
import jax

from erlangen.core import groups, quantity
from erlangen.core.systems import Atoms

molecule = Atoms(methane * 0.63 + np.array([0.1, 0.0, 0.2]), np.ones(4, int))
rotations = groups.Orthogonal()


def law(x):
    """Of a molecule, and not invariant at all."""
    return float(np.sum(np.sin(x["positions"] @ [1.0, 2.0, 3.0])))


print("\nelements of O(3)   mean of f over them, for two orientations")
for count in scale((10, 100, 1000), (5, 10)):
    keys = jax.random.split(jax.random.key(count), count + 1)
    turned = groups.act(rotations, rotations.sample(molecule, key=keys[0]), molecule, [quantity.positions])
    g = [np.asarray(rotations.sample(molecule, key=key)) for key in keys[1:]]
    means = [
        np.mean([law(groups.act(rotations, one, x, [quantity.positions])) for one in g]) for x in (molecule, turned)
    ]
    print(f"{count:16d}   {means[0]:8.4f} {means[1]:8.4f}")

# %% [markdown]
# ## What the numbers mean
#
# Orbit times stabiliser is 48 every time. A point on an axis has few images and many symmetries, a point in
# general position has 48 images and none. Methane is seen in two orientations only: the 24 elements that map it
# onto itself form its point group $T_d$, the other 24 lead to its mirror image in the cube, which is the same
# molecule turned by 90 degrees.
#
# Of the 15 polynomials of degree 4 only two are left by averaging: $x^4 + y^4 + z^4$ and $(x^2 + y^2 + z^2)^2$.
# No odd degree has any, because the inversion changes the sign of all of them. That is the gain of symmetry in
# one line: a model that respects the cube has 2 numbers to learn where a plain one has 15, and the gap grows
# with the degree.
#
# For all rotations, an infinite group, the sum is an integral (over the Haar measure), and random elements
# stand in for it. Two orientations of the molecule get the same mean, but only up to an error that falls as one
# over the square root of the number of elements: averaging is exact for a small group and expensive for a
# continuous one. There one builds functions that are invariant from the start. For $O(3)$ all of them are
# functions of lengths and dot products (Weyl, *The Classical Groups*, 1939), which is why networks for atoms
# begin with distances.

# %% exercise
# Molien's theorem counts invariants from the traces of the matrices by which the group acts. `acting(degree,
# group)` gives those matrices, one for each element, on the polynomials of that degree. How many independent
# invariants are there?


def acting(degree, group):
    """M [elements, n, n] with monomials(g x) = monomials(x) M_g."""
    return np.stack([np.linalg.lstsq(monomials(points, degree), monomials(points @ g.T, degree))[0] for g in group])


def answer(matrices):
    """The number of independent invariants."""
    return round(np.trace(matrices, axis1=1, axis2=2).mean())


assert all(answer(acting(d, cube)) == r for d, r in zip(DEGREES, ranks)), "For the cube averaging found other numbers."
own = [g for g in cube if set(map(tuple, methane @ g.T)) == set(map(tuple, methane))]
assert answer(acting(3, np.array(own))) == 1, (
    "Methane keeps one polynomial of degree 3, which the cube does not: x y z."
)
print(f"Right. T_d has {len(own)} elements, and x y z is the invariant of degree 3 that tells methane from a cube.")
