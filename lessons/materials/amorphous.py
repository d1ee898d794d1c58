"""Amorphous materials: is this atom part of a crystal?

Heat copper to melting, quench it, and name the phase of every atom, beside analyses that expect perfect crystals.
"""

# %% [markdown]
# ## What is asked
#
# A snapshot of a simulation is a list of positions. Which atoms are crystal, and which are liquid or glass? At
# low temperature one looks at the neighbours: in copper twelve of them, each pair bonded among each other or
# not, always in the same way. Near melting, atoms are displaced by a tenth of the distance of
# neighbours, and a liquid has atoms whose neighbours happen to stand well.
#
# How the neighbours are spread over the sphere is said by moments that no rotation changes,
#
# $$q_l(i) = \Big[\frac{4\pi}{2l+1} \sum_m \Big|\frac{1}{N} \sum_{j=1}^{N} Y_{lm}(\hat r_{ij})\Big|^2\Big]^{1/2}$$
#
# ([Steinhardt, Nelson, Ronchetti 1983](https://doi.org/10.1103/PhysRevB.28.784)). Averaging $q_{lm}$ over the
# neighbours first makes them steadier against heat ([Lechner, Dellago
# 2008](https://doi.org/10.1063/1.2977970)). The answer below is a small network on such moments and on distances
# in units of their own mean; after [Chung et al. 2022](https://doi.org/10.1103/PhysRevMaterials.6.043801).
#
# Labels cost nothing but dynamics: a crystal is heated on the surface of a law, here embedded atoms
# ([Zhou, Johnson, Wadley 2004](https://doi.org/10.1103/PhysRevB.69.144113)), molten at 2.2 times its melting
# point, and quenched; every atom has the phase of its run.

# %% Melt, quench, fit and judge
import jax

from erlangen.assess import metrics
from erlangen.contract import Budget
from erlangen.learn.batching import predict
from erlangen.lessons import scale
from erlangen.methods.surroundings.local_order import LocalOrder
from erlangen.tasks.materials.amorphous import Amorphous

FULL = {"systems": "zhou-Cu", "n_atoms": 32, "steps": 60, "fit": 300, "solvers": 3}
TOY = {"systems": "stillinger-weber-Si", "n_atoms": 8, "steps": 1, "fit": 4, "solvers": 1}
at = scale(FULL, TOY)

task = Amorphous(systems=at["systems"], n_atoms=at["n_atoms"], steps=at["steps"])
test = task.truth("test")
fitted = LocalOrder(units=32).fit(task, Budget(steps=at["fit"]), key=jax.random.key(0))
answers = {"local order": predict(fitted, test.inputs, quantities=task.outputs)}
for solver in task.solvers[: at["solvers"]]:
    answers[solver.name] = {"phase": [solver.solve(x, solver.settings[0])["phase"] for x in test.inputs]}
print(f"{len(test)} frames: crystals at 0.9 of melting, liquids, glasses")
for name, found in answers.items():
    error = metrics.estimate(task.scores[0], found, test, key=jax.random.key(1))
    print(f"{name:18s} {100 * error.value:5.1f} % of the atoms in the wrong phase")

# %% [markdown]
# ## What the numbers mean
#
# At 0.9 of melting, common neighbours and templates lose a quarter to a third of all atoms: half and more of those in
# crystals, since every atom of a liquid is rightly none. Both ask for a perfect shell of neighbours, and one bond
# that is too long spoils it. Loosening the template helps crystals (`template matching` has a setting) and begins to
# find crystals in liquids.
#
# Averaged bond order with a threshold is a strong opponent: in copper it is right everywhere, and among four
# crystals (copper, iron, cobalt, silicon) at 0.9 of melting it names 99 of 100 crystal atoms right, at the melting
# point 96; what it loses more of is glass, where some atoms pass the threshold. The network, trained on a handful of
# frames of 32 atoms, is wrong for one atom in a hundred here; trained on those four crystals it is wrong for two in
# ten thousand, and says how sure it is (`erlangen board materials/amorphous`).
#
# What is the truth here? Every atom has the phase of its whole run. Close to melting a crystal has places that for a
# moment look like nothing, and calling them crystal is a decision: they will be crystal again.

# %% exercise
# Write $q_l$ with NumPy for $l = 1$: the length of the mean direction to the neighbours. Around an atom of an fcc
# crystal neighbours come in opposite pairs, around the centre of a tetrahedron they do not. What is $q_1$ in
# both, and at a surface?
import numpy as np

fcc = np.array([[a, b, c] for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1) if a * a + b * b + c * c == 2])
tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


def answer(vectors):
    """q_1 of an atom from the vectors [n, 3] to its neighbours."""
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.linalg.norm(directions.mean(0))


assert np.isclose(answer(fcc), 0), "Opposite neighbours cancel: the mean direction of an fcc shell is zero."
assert np.isclose(answer(tetrahedron), 0), "A tetrahedron has no preferred corner: its mean direction is zero too."
surface = fcc[fcc[:, 2] <= 0]
assert np.isclose(answer(surface), np.sqrt(2) / 4), "Directions are unit vectors; average them before the length."
print(f"q_1 is zero inside of both crystals, and {answer(surface):.3f} at a (001) surface of fcc.")
