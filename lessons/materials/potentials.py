"""Potentials of crystals: from forces to elastic constants.

Fit a potential of copper by one linear problem, and ask it what the training frames never said.
"""

# %% [markdown]
# ## What is asked
#
# The energy $E$ of a crystal as a function of its atoms and of its cell gives everything that moves: forces, stress,
#
# $$F_i = -\frac{\partial E}{\partial r_i}, \qquad \sigma = \frac{1}{V}\frac{\partial E}{\partial \varepsilon},$$
#
# and what follows from them, from sound to the energy that a missing atom costs. Quantum mechanics gives $E$ for some
# frames, at great cost; a *potential* is learned from them. It has to be the same for a crystal that is turned, for
# atoms in another order, and for every choice of the cell.
#
# The atomic cluster expansion ([Drautz 2019](https://doi.org/10.1103/PhysRevB.99.014104)) is such a function by
# construction: around each atom the neighbours make a density, the density is multiplied with itself, and the
# products that do not notice rotations are a basis, up to four bodies here:
#
# $$E = \sum_i \sum_f w_f\, B_f(\text{neighbours of } i).$$
#
# The energy is linear in its parameters $w$, and so are forces and stress: the best $w$ solve one linear problem.
#
# Truth is a law, the effective medium theory of copper
# ([Jacobsen, Stoltze and Nørskov 1996](https://doi.org/10.1016/0039-6028(96)00816-3)), which stands in for quantum
# mechanics since it answers in milliseconds. Frames: cells of 32 atoms at 300 K, strained by about 2 %.

# %% Fit, judge, and ask for the crystal
import jax
import numpy as np

from erlangen.assess import metrics
from erlangen.contract import Budget
from erlangen.learn.batching import predict
from erlangen.lessons import scale
from erlangen.methods.linear.ace import LinearExpansion
from erlangen.numerics.precision import double
from erlangen.physics import crystal_energies
from erlangen.physics.crystal_frames import unit_of
from erlangen.physics.interatomic.catalogue import law
from erlangen.tasks.materials.potentials import Potentials

FULL = {"n_train": 40, "n_test": 20, "degrees": (10, 8, 6)}
TOY = {"n_train": 10, "n_test": 10, "degrees": (6, 4)}
at = scale(FULL, TOY)

task = Potentials(engine="emt-cu", n_train=at["n_train"], n_test=at["n_test"])
method = LinearExpansion(degrees=at["degrees"])
fitted = method.fit(task, Budget(steps=1), key=jax.random.key(0))
test = task.truth("test")
found = predict(fitted, test.inputs, quantities=task.outputs)
for score in task.scores:
    row = metrics.estimate(score, found, test, key=jax.random.key(1))
    print(f"{row.label:14s} {row.value:.3g} ± {row.error:.1g} {row.unit}")

states = {}
for name, surface in (("law", law("emt")), ("fitted", fitted)):
    with double():
        states[name] = state = crystal_energies.at_rest(surface, unit_of("Cu"))
        constants, _ = crystal_energies.constants(surface, state.unit)
    said = ", ".join(f"{k} {v:.1f}" for k, v in constants.items())
    print(f"{name}: lattice constant {state.lattice:.4f} Å, {said} GPa")

# %% [markdown]
# ## What the numbers mean
#
# Forces of the test frames have a root mean square of a few hundred meV/Å; what is left of them is the first line. The
# frames of the test are cells that were strained and heated on their own, so nothing of them was seen.
#
# The second part is what a potential is for. No frame was a crystal at rest, and no one told the fit an elastic
# constant: they are second derivatives of the energy, taken here exactly by differentiating the fitted surface twice.
# How far they agree with the law says whether the surface is right in a region, not only at points.
#
# Two warnings. Frames with a surface or with half the density were not among the training data, and a potential
# extrapolates there: ask it, and it will answer, wrongly. And small errors of forces do not always make good
# dynamics: judge a potential by what it is meant for.
#
# The opponent is the law itself: answers cost about the same. For density functional theory, whose labels take
# minutes to hours per frame, a potential like this one is the difference between one frame and a nanosecond.

# %% exercise
# `volumes` [Å³/atom] and `energies` [eV/atom] are the crystal stretched evenly, on the fitted surface. The bulk modulus
# is $B = V\,\mathrm{d}^2E/\mathrm{d}V^2$ at the volume of least energy. Find it, in GPa (1 eV/Å³ is 160.2177 GPa).
# A polynomial in $V^{-2/3}$ of third degree (Birch) follows the curve well.
volumes, energies = states["fitted"].volumes, states["fitted"].energies


def answer(volumes, energies):
    """B in GPa."""
    x = volumes ** (-2 / 3)
    birch = np.polynomial.Polynomial.fit(x, energies, 3)
    fine = np.linspace(volumes.min(), volumes.max(), 20001)
    curve = birch(fine ** (-2 / 3))
    least = int(np.argmin(curve))
    second = (curve[least + 50] - 2 * curve[least] + curve[least - 50]) / (50 * (fine[1] - fine[0])) ** 2
    return 160.2177 * fine[least] * second


mine, cubic = answer(volumes, energies), (constants["C11"] + 2 * constants["C12"]) / 3
assert abs(mine / cubic - 1) < 0.1, "B is (C11 + 2 C12) / 3: look at the units and at the volume of least energy."
print(f"B from the curve {mine:.1f} GPa, from elastic constants {cubic:.1f} GPa")
