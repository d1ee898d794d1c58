"""Phonons: curvature that a potential was never shown.

Fit potentials to the forces of a few frames of copper, and ask each for the frequencies of the crystal.
"""

# %% [markdown]
# ## What is asked
#
# Atoms of a crystal vibrate in waves. A wave of wave vector $q$ displaces the atom $j$ of the cell $R$ by
# $e_j\,e^{2\pi i q\cdot R}$, and its frequency follows from the second derivatives of the energy:
#
# $$D(q)\,e = \omega^2 e, \qquad D_{ij}(q) = \frac{1}{\sqrt{m_i m_j}} \sum_R \frac{\partial^2 E}{\partial r_i(0)\,
# \partial r_j(R)}\,e^{2\pi i q\cdot R}$$
#
# These decide heat capacity and stability, and with the third derivatives thermal expansion and conductivity
# ([Born and Huang 1954](https://archive.org/details/dynamicaltheoryo0000born)). A potential is trained on
# energies and forces. Does it know how the surface bends? A force error of a few meV/Å does not answer that.
#
# Truth is a law in closed form, copper in effective medium theory ([Jacobsen, Stoltze and Norskov
# 1996](https://doi.org/10.1016/0039-6028(96)00816-3)), whose phonons are known to rounding: the gradient is linearised
# on the graph of one unit cell and evaluated on waves, so no supercell and no displacement is chosen.

# %% Fit and judge
import jax
import numpy as np

from erlangen.contract import Budget
from erlangen.lessons import scale
from erlangen.methods.linear.ace import LinearExpansion
from erlangen.tasks.materials.phonons import Phonons

FULL = {"engine": "emt-cu", "n_train": 10, "degrees": ((10,), (10, 8, 6))}
TOY = {"engine": "lj-argon", "n_train": 10, "degrees": ((6,),)}
at = scale(FULL, TOY)

task = Phonons(engine=at["engine"], n_train=at["n_train"], n_test=10)
(asked, _), names = task.consequences, list(task.crystals)
fits = {}
for degrees in at["degrees"]:
    method = LinearExpansion(degrees=degrees, cutoff=5.0)
    fits[len(degrees) + 1] = method.fit(task, Budget(steps=1), key=jax.random.key(0))
true = asked.true()
for bodies, fitted in fits.items():
    found = asked.derive(fitted, key=None)
    print(f"up to {bodies} bodies")
    for score in asked.scores:
        rows = [score.factor * score.measure(*pair) for pair in zip(found[score.quantity], true[score.quantity])]
        print(f"  {score.label:36s} {np.mean(rows):.3g} {score.unit if score.unit != '1' else ''}")

# %% [markdown]
# ## What the numbers mean
#
# Ten frames of hot copper with 32 atoms each, and no second derivative among them.
#
# With two bodies the energy is a sum over pairs: springs between atoms, of any length and strength. The best ones
# miss frequencies by a third of a terahertz. No more frames would help: pairs alone force two elastic constants to
# be equal (Cauchy's relation, $C_{12} = C_{44}$ without pressure), which differ in metals, in measured copper by a
# factor of 1.6, so that some sound is too fast and other too slow. Up to four bodies, the same frames give frequencies to about
# 0.01 THz, twenty times better.
#
# The heat capacity hardly sees the difference, since at 300 K nearly all modes of copper are classical and count the
# same; the free energy, a sum of logarithms of frequencies, and the Grueneisen parameter, which is a third
# derivative, do. Which derivative of the energy a property is says how much of a potential it tests.
#
# The opponent is phonopy's way, finite displacements in supercells: it asks the law itself for forces, so it errs
# only by what the supercell cuts off and by the step. `erlangen run materials/phonons` prints it beside the fit.

# %% exercise
# A crystal that is moved as a whole feels no force, so three frequencies vanish at $q = 0$. Below are the force
# constants of a chain of two kinds of atoms whose neighbours are joined by springs of strength 1, except that
# numerical noise was added to them. Restore the rule without touching what belongs to pairs of different atoms.
import numpy as np

rng = np.random.default_rng(0)
noisy = np.zeros((3, 2, 2))  # cells -1, 0, 1; atom of the home cell; atom there
noisy[1] = [[2.0, -1.0], [-1.0, 2.0]]
noisy[0, 0, 1] = noisy[2, 1, 0] = -1.0
noise = 0.05 * rng.standard_normal(noisy.shape)
noisy += noise + noise[::-1].swapaxes(1, 2)


def answer(constants):
    """The same array, so that a shift of the whole chain costs nothing."""
    found = constants.copy()
    here = np.arange(2)
    found[1, here, here] -= constants.sum(axis=(0, 2))
    return found


def frequencies(constants, q, masses=(1.0, 2.0)):
    """Signed frequencies on the wave q."""
    phases = np.exp(2j * np.pi * q * np.array([-1, 0, 1]))
    squares = np.linalg.eigvalsh(np.einsum("r,rij->ij", phases, constants) / np.sqrt(np.outer(masses, masses)))
    return np.sign(squares) * np.sqrt(np.abs(squares))


mended = answer(noisy.copy())
assert np.allclose(mended.sum(axis=(0, 2)), 0), "The force on each atom sums to zero over all that it depends on."
others = ~np.eye(2, dtype=bool)
assert np.allclose(mended[1][others], noisy[1][others]) and np.allclose(mended[[0, 2]], noisy[[0, 2]]), (
    "Only what an atom does to itself is free: it cannot be measured apart from the others."
)
print(f"Sound at q = 0: {frequencies(noisy, 0.0)[0]:.3f} before, {abs(frequencies(mended, 0.0)[0]):.0e} after.")
