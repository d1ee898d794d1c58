"""Crystal properties: tensors that the point group prunes.

Learn dielectric tensors and frequencies of ionic crystals, beside the composition alone, and keep sound silent.
"""

# %% [markdown]
# ## What is asked
#
# A crystal is a cell that repeats, and there are infinitely many cells for one crystal: an answer must not
# notice which was chosen. Two properties are asked for, the highest frequency of its vibrations at the zone
# centre and the electronic dielectric tensor $\varepsilon$, which says how light is slowed down in each
# direction:
#
# $$\varepsilon' = R\,\varepsilon\,R^{\mathsf T} \text{ for every rotation or reflection } R, \qquad \varepsilon
# = R\,\varepsilon\,R^{\mathsf T} \text{ where } R \text{ is a symmetry of the crystal}$$
#
# The second is Neumann's principle: in a cubic crystal it leaves one number of six. An answer that turns as it
# should obeys it without being told.
#
# Truth is a model that can be solved on the spot: halides as point charges that polarise and repel each other,
# summed over the infinite lattice by Ewald's method ([Ewald 1921](https://doi.org/10.1002/andp.19213690304),
# [Born and Mayer 1932](https://doi.org/10.1007/BF01340511)). Calculated sets of the same questions are
# `target="phonons"` and `target="dielectric"` ([Petretto et al. 2018](https://doi.org/10.1038/sdata.2018.65)).
# The answer is a regression on descriptors from spring models.

# %% Fit and judge
import jax

from erlangen.assess import metrics
from erlangen.contract import Budget
from erlangen.learn.batching import predict
from erlangen.lessons import scale
from erlangen.methods.baselines.mean import Mean
from erlangen.methods.baselines.springs import Springs
from erlangen.tasks.materials.properties import Properties

FULL = {"n_train": 300, "n_test": 60, "trees": 100, "pairs": ("known", "new")}
TOY = {"n_train": 8, "n_test": 3, "trees": 3, "pairs": ("known",)}
at = scale(FULL, TOY)

task = Properties(target="ionic", n_train=at["n_train"], n_test=at["n_test"])
for name, method in (("composition", Mean()), ("springs", Springs(trees=at["trees"]))):
    fitted = method.fit(task, Budget(steps=100), key=jax.random.key(0))
    for pairs in at["pairs"]:
        test = task.shifted("pairs", pairs).truth("test")
        found = predict(fitted, test.inputs, quantities=task.outputs)
        units = ["" if score.unit == "1" else score.unit for score in task.scores]
        rows = [metrics.estimate(score, found, test, key=jax.random.key(1)) for score in task.scores]
        print(f"{name}, {len(test)} crystals of {pairs} pairs of ions")
        print(*(f"  {r.label:33s} {r.value:.2g} ± {r.error:.2g} {u}" for r, u in zip(rows, units)), sep="\n")

# %% [markdown]
# ## What the numbers mean
#
# Known pairs: each cation and anion of the crystal may have been seen together in training. New pairs: one of
# its pairs belongs to a fifth that was kept out. With 20 crystals each, and errors that differ much from
# crystal to crystal, the plus-minus (one standard error) is wide.
#
# The composition alone misses the highest frequency by tens of cm$^{-1}$. Descriptors from springs, whose
# stiffness follows from the lengths of bonds, are about four times closer for known pairs, and more than twice
# for new ones; they lose accuracy on new pairs too. The dielectric tensor is different: it hardly matters
# whether the pair is known, because polarisabilities belong to the ions, and how they add up is in the
# geometry.
#
# The third line is the largest component that the answer gives where the truth is exactly zero. It is zero for
# the composition, whose tensor is the same in all directions, and $10^{-10}$ for the springs, which is
# rounding: no one told either of them which components the point group forbids.
#
# The opponent is the law itself: Ewald sums and two linear problems answer such crystals exactly in a blink,
# which is why they can serve as a lesson. For real crystals the same numbers take density-functional
# perturbation theory, hours for each, and there a descriptor of this kind is the first to ask.

# %% exercise
# Force constants $\Phi_{ij}$ [ion, ion, 3, 3] say how the force on ion $i$ changes when ion $j$ is moved.
# Below, the blocks $\Phi_{ii}$ of the ions themselves have been wiped out. They are known from the others: a
# crystal that is shifted as a whole feels no force. Fill them in. With them, three of the frequencies are zero
# (sound of infinite wavelength), and this is the first thing to ask of every phonon calculation.
import numpy as np

from erlangen.physics.ionic_crystals import Crystal, coulomb_sums, force_constants

x = task.truth("test").inputs[0]
crystal = Crystal(np.asarray(x.positions), np.asarray(x.atomic_numbers), np.asarray(x.cell))
full = force_constants(crystal, coulomb_sums(crystal)[1])
here = np.arange(len(full))
wiped = full.copy()
wiped[here, here] = 0


def answer(constants):
    """The same array [n, n, 3, 3] with its blocks i = j filled in."""
    filled = constants.copy()
    filled[here, here] = -constants.sum(axis=1)
    return filled


def squares(constants):
    """Squared frequencies, ascending, in eV per Å^2 and atomic mass unit."""
    matrix = constants.transpose(0, 2, 1, 3).reshape(3 * len(here), -1)
    mass = np.repeat(crystal.column(3), 3)
    return np.linalg.eigvalsh((matrix + matrix.T) / 2 / np.sqrt(mass[:, None] * mass))


found = np.sort(np.abs(squares(answer(wiped))))
assert found[2] < 1e-10 < found[3], "Three frequencies have to vanish: the force on i is the sum of all blocks (i, j)."
assert np.allclose(answer(wiped), full), "Each row of blocks sums to zero; nothing else may change."
print(f"Squared frequencies of sound {found[2]:.0e}, of the first other mode {found[3]:.2g} eV/Å²/u.")
