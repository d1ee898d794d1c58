"""Tensor products: coupling features, and what may follow from what.

Multiply two features that turn, find out which degrees come out, and learn a law of physics from a single sample.
"""

# %% [markdown]
# ## What is asked
#
# A network that only adds features of the same irrep never lets a direction act on a scalar or two vectors make
# a number. For that features have to be multiplied, and the product has to turn in a known way again. All
# products of a feature of degree $l_1$ with one of degree $l_2$ turn as
#
# $$D^{l_1} \otimes D^{l_2} \cong D^{|l_1 - l_2|} \oplus \dots \oplus D^{l_1 + l_2}$$
#
# and each degree in this *triangle* is reached by one set of coefficients, those of Clebsch and Gordan:
#
# $$z^{l_3}_c = \sum_{a b} C^{l_1 l_2 l_3}_{a b c}\; x_a\, y_b$$
#
# Two vectors give their dot product ($l_3 = 0$), their cross product (1) and a symmetric matrix without a trace
# (2): there is nothing else that is linear in both. Parity decides further. Inversion multiplies the left side
# by the parities of both factors, so that the cross product of two vectors is an axial vector (a torque, a
# magnetic field) and no force.
#
# The same triangle is behind the *selection rules* of spectroscopy. Light of a wavelength much longer than the
# atom acts as a vector, degree 1 and odd. The amplitude from an orbital $l$ to an orbital $l'$ is the mean of a
# product of three harmonics over the sphere; the theorem of Wigner and Eckart says that it is $C^{l\,1\,l'}$
# times a number, thus zero unless the triangle closes. Parity asks in addition that $l + 1 + l'$ is even.

# %% Products and selection rules
import numpy as np

from erlangen.core.clebsch_gordan import clebsch_gordan
from erlangen.core.irreps import Irreps
from erlangen.core.spherical_harmonics import spherical_harmonics
from erlangen.lessons import scale

POINTS, SAMPLES = scale((40, 60), (16, 12))
rng = np.random.default_rng(0)
x, y = rng.normal(size=(2, 3))
dot, cross = (np.einsum("abc,a,b->c", clebsch_gordan(1, 1, l), x, y) for l in (0, 1))
print("1o x 1o =", Irreps.parse("1o") * Irreps.parse("1o"))
print(f"degree 0 over the dot product     {dot[0] / (x @ y):.4f}")
print(f"degree 1 over the cross product   {cross / np.cross(x, y)}")

height, weight = np.polynomial.legendre.leggauss(POINTS // 2)  # exact for products of these harmonics
phi = np.arange(POINTS) * 2 * np.pi / POINTS
flat = np.stack([np.sin(phi), np.cos(phi)], -1) * np.sqrt(1 - height**2)[:, None, None]
sphere = np.concatenate([flat, np.broadcast_to(height[:, None, None], (*flat.shape[:2], 1))], -1)
Y = np.asarray(spherical_harmonics(sphere, 5))
mean = np.broadcast_to(weight[:, None] / (2 * POINTS), flat.shape[:2])


def amplitude(l, k, l_after):
    """The largest mean of Y_l Y_k Y_l' over the sphere, among all components."""
    one, by, after = (Y[..., d * d : (d + 1) ** 2] for d in (l, k, l_after))
    return np.abs(np.einsum("pq,pqa,pqb,pqc->abc", mean, one, by, after)).max()


print("\nlight (k = 1): amplitude from l (row) to l' = 0 ... 5")
for l in range(4):
    print(f"{l:8d}   {'  '.join(f'{amplitude(l, 1, after):5.3f}' for after in range(6))}")

# %% Learning a law from few samples
position, force = rng.normal(size=(2, SAMPLES + 200, 3))
torque = np.cross(position, force)
torque += 0.01 * rng.normal(size=torque.shape)  # measured to about a per cent
products = np.einsum("na,nb->nab", position, force).reshape(-1, 9)
coupled = np.einsum("abc,na,nb->nc", clebsch_gordan(1, 1, 1), position, force)
test = slice(SAMPLES, None)


def off(guess):
    """Its error in the torque, relative to the torque."""
    return np.sqrt(np.mean((guess - torque[test]) ** 2) / np.mean(torque[test] ** 2))


print("\nerror of the torque   any bilinear map, 27 weights   coupling to degree 1, 1 weight")
for n in (count for count in (1, 3, 8, 10, 20, 60) if count <= SAMPLES):
    weights = np.linalg.lstsq(products[:n], torque[:n], rcond=None)[0]
    w = np.sum(coupled[:n] * torque[:n]) / np.sum(coupled[:n] ** 2)
    print(f"from {n:2d} samples {off(products[test] @ weights):34.1%} {off(w * coupled[test]):32.1%}")

# %% [markdown]
# ## What the numbers mean
#
# Degrees 0 and 1 of the product of two vectors are the dot and the cross product, each times one constant that
# is a choice of normalisation ($1/\sqrt3$ and $1/\sqrt6$: our coefficients are a tensor of length one). Nothing
# else could have come out, because there is only one coupling for each triangle.
#
# The second table was found by adding up products of harmonics over the sphere, without any rule. Light leads
# from $l$ to $l - 1$ and $l + 1$ and nowhere else: from an $s$ orbital only to $p$ orbitals, from $p$ to $s$
# and $d$. That $l$ itself is missing, although the triangle of $l$, 1, $l$ closes, is parity: light changes it.
#
# The torque is $r \times F$, a law that is linear in both factors. A model that knows only this much has 27
# weights; each measured torque gives three equations, and below nine samples it cannot know the answer. Coupled
# to degree 1 there is one weight left, and a single measurement settles it to about a per cent, the noise of
# the data. This is the trade of equivariant networks: their layers are sums over such couplings ([Thomas et al.
# 2018](https://arxiv.org/abs/1802.08219); here `erlangen.nn.tensor_product`), so that what is learned are the
# few weights that nature is free to choose. The price is the work of the couplings, which grows as the sixth
# power of the highest degree if done plainly.

# %% exercise
# An electric quadrupole (degree 2, even) drives transitions that light alone does not, for instance in atomic
# clocks. From an orbital of degree $l$, which $l'$ can an interaction that turns as the harmonics of degree $k$
# reach?


def answer(l, k):
    """All l' with an amplitude that is not zero, in rising order."""
    return list(range(abs(l - k), l + k + 1, 2))


for l, k in ((0, 1), (1, 1), (0, 2), (1, 2), (3, 2)):
    reached = [after for after in range(6) if amplitude(l, k, after) > 1e-6]
    assert answer(l, k) == reached, (
        f"From {l} by degree {k} one reaches {reached}, not {answer(l, k)}: triangle, parity."
    )
print("Right: a quadrupole leads from s to d, and from d to s, d and g.")
