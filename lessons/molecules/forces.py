"""Energies and forces: a potential from a few hundred frames.

Learn the forces on a molecule that moves, and use the two laws of balance that all forces obey.
"""

# %% [markdown]
# ## What is asked
#
# Atoms move on an energy surface $E(\mathbf r_1, \dots, \mathbf r_n)$, and the forces that move them are its
# slope:
#
# $$\mathbf F_i = -\frac{\partial E}{\partial \mathbf r_i}, \qquad E(R\,\mathbf r + \mathbf t) = E(\mathbf r)
# \;\Rightarrow\; \mathbf F(R\,\mathbf r + \mathbf t) = R\,\mathbf F(\mathbf r)$$
#
# for every rotation or reflection $R$ and every shift $\mathbf t$; atoms of one element may change places.
# Quantum chemistry gives both for milliseconds to hours per geometry, and a simulation asks for millions. So
# one learns $E$ from some hundred geometries. Units: eV and eV/Å; 1 kJ/mol per Å is 10.4 meV/Å.
#
# Labels are made here by GFN2-xTB, a fast quantum-chemical method ([Bannwarth et al.
# 2019](https://doi.org/10.1021/acs.jctc.8b01176)), along molecular dynamics at 500 K. The answer is PaiNN
# ([Schütt et al. 2021](https://arxiv.org/abs/2102.03150)), a network whose atoms exchange numbers and arrows;
# its forces are the gradient of its energy, so that no closed path can gain energy.

# %% Fit and judge
import jax
import numpy as np

from erlangen.assess import metrics
from erlangen.contract import Budget
from erlangen.learn.batching import predict
from erlangen.lessons import scale
from erlangen.methods.baselines.mean import Mean
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.tasks.molecules.forces import Forces

FULL = {"molecule": "ethanol", "n_train": 300, "n_test": 100, "channels": 32, "budget": "3000steps"}
TOY = {"molecule": "water", "n_train": 6, "n_test": 3, "channels": 4, "budget": "2steps"}
at = scale(FULL, TOY)

task = Forces(molecule=at["molecule"], n_train=at["n_train"], n_test=at["n_test"])
network = PaiNN(channels=at["channels"], layers=2)
test = task.truth("test")
for name, method in (("composition", Mean()), ("network", network)):
    fitted = method.fit(task, Budget.parse(at["budget"]), key=jax.random.key(0))
    found = predict(fitted, test.inputs, quantities=task.outputs)
    rows = [metrics.estimate(score, found, test, key=jax.random.key(1)) for score in task.scores]
    print(f"{name:12s}", "; ".join(f"{r.label} {r.value:.3g} ± {r.error:.2g} {r.unit}" for r in rows))
size = 1000 * np.mean(np.abs(test.outputs["forces"]))
print(f"mean size of a component of a force: {size:.0f} meV/Å")

# %% [markdown]
# ## What the numbers mean
#
# The composition alone knows no forces at all: for any molecule in any attitude the only forces that it can
# state are zero, so its error is the mean size of a force, about 740 meV/Å. The network, after 300 frames, is
# wrong by about 40 meV/Å, a twentieth of that, and by about 10 meV in energy. A usual yardstick is 1 kcal/mol,
# which is 43 meV. The plus-minus is one standard error over the 100 test frames.
#
# These frames come from the same molecule at the same temperature. A simulation at a higher temperature, or one
# that breaks a bond, asks about geometries that were not in the file, and there a small error says nothing:
# hotter frames have to be judged as such.
#
# The opponent is the method that made the labels. GFN2-xTB answers in milliseconds for nine atoms, so that
# nothing is gained here; the same network would have been fitted to coupled cluster in the same time, where a
# frame takes an hour. What counts is then how few frames are enough, and that is what symmetry buys: no frame
# is spent on learning that a molecule may turn.

# %% exercise
# A molecule with $n$ atoms has $3n$ components of forces, but six combinations of them vanish, whatever the
# molecule: if energy does not change when all atoms are shifted, or turned by a small angle about any axis,
# then what is zero? Write both vectors with NumPy: `positions` and `forces` have the shape [n, 3].
x, truth, learned = test.inputs[0], test.outputs["forces"][0], found["forces"][0]


def answer(positions, forces):
    """The two vectors, as a pair, that vanish because of shifts and of rotations."""
    return np.sum(forces, axis=0), np.sum(np.cross(positions, forces), axis=0)


net, torque = answer(np.array([[1.0, 0, 0], [0, 2, 0]]), np.array([[0.0, 1, 0], [3, 0, 0]]))
assert np.allclose(net, [3, 1, 0]), f"A shift moves all atoms alike; here the first vector is (3, 1, 0), not {net}."
assert np.allclose(torque, [0, 0, -5]), f"A turn moves an atom by w x r; here the second is (0, 0, -5), not {torque}."
for name, forces in (("truth", truth), ("network", learned)):
    print(f"{name}: largest component of both {np.abs(answer(np.asarray(x.positions), forces)).max():.1e} eV/Å and eV")
