"""Molecules in motion: what a fitted potential is worth in use.

Fit a potential, let it move a molecule, and ask of the motion what no force error tells: does it last, is it right?
"""

# %% [markdown]
# ## What is asked
#
# Given forces, Newton's equations say where atoms go. A molecule in a bath at the temperature $T$ follows
# Langevin's,
#
# $$m_i\,\mathrm d\mathbf v_i = \mathbf F_i\,\mathrm dt - \gamma m_i \mathbf v_i\,\mathrm dt
# + \sqrt{2\gamma m_i k_B T}\,\mathrm d\mathbf W_i, \qquad \mathrm d\mathbf r_i = \mathbf v_i\,\mathrm dt$$
#
# and after a while each geometry is visited with the probability $e^{-E/k_BT}$. Without friction and noise,
# $\gamma = 0$, the total energy is constant, if the forces are the gradient of one energy and the time step is
# small.
#
# A potential is fitted to some hundred geometries, and a simulation visits millions. Its own errors lead it to
# places that no training frame has seen, and one bad place is enough: a bond breaks, and everything after that
# is worthless. So potentials are judged by their trajectories ([Fu et al.
# 2023](https://arxiv.org/abs/2210.07237)): how many picoseconds pass before a bond is half an ångström from its
# length, and how far the distribution $h(r)$ of all distances between atoms is from that of the reference,
# $\int |h - h_\mathrm{ref}|\,\mathrm dr$, which lies between 0 and 2.

# %% Fit, simulate and judge
import jax
import numpy as np

from erlangen.contract import Budget
from erlangen.lessons import scale
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.physics.molecular_runs import Motion
from erlangen.tasks.molecules.dynamics import Dynamics

LONG = Motion(duration=2.0, free=1.0, replicas=4, reference=6.0)
SHORT = Motion(duration=0.02, free=0.02, every=5.0, replicas=2, reference=0.2)
FULL = {"molecule": "ethanol", "n_train": 300, "n_test": 100, "layers": 2, "steps": (30, 2000), "motion": LONG}
TOY = {"molecule": "water", "n_train": 6, "n_test": 3, "layers": 1, "steps": (2,), "motion": SHORT}
at = scale(FULL, TOY)

names = ("molecule", "n_train", "n_test", "motion")
task = Dynamics(**{name: at[name] for name in names})
(dynamics,) = task.consequences
truth = dynamics.true()
for steps in at["steps"]:
    fitted = PaiNN(channels=16, layers=at["layers"]).fit(task, Budget(steps=steps), key=jax.random.key(0))
    found = dynamics.derive(fitted, key=jax.random.key(1))
    print(f"after {steps} steps of training")
    for score in dynamics.scores:
        value = score.factor * score.measure(found[score.quantity][0], truth[score.quantity][0])
        print(f"    {score.label:32s} {value:9.3g} {score.unit}")

# %% [markdown]
# ## What the numbers mean
#
# TO BE READ

# %% exercise
# Nothing gives or takes energy at constant energy, so that its slope in time is a fault: of the forces, of
# their rounding or of the time step. Given times in femtoseconds and total energies in electronvolts of a
# molecule of n atoms, what is the drift in meV per atom and picosecond? Fit a straight line: single energies
# swing with the vibrations.


def answer(times, energies, n):
    """Slope of the energy in meV/atom/ps."""
    return np.polyfit(np.asarray(times) / 1000, 1000 * np.asarray(energies) / n, 1)[0]


t = np.arange(0.0, 4000.0, 2.0)
swing = 0.02 * np.sin(0.5 * t)
assert abs(answer(t, 5.0 + 0 * t, 9)) < 1e-9, "A constant energy does not drift."
slope = answer(t, -100 + 9e-6 * t + swing, 9)
assert abs(slope - 1) < 0.05, f"9e-6 eV/fs over 9 atoms are 1 meV/atom/ps, not {slope:.3g}."
print(f"drift of that series: {slope:.2f} meV/atom/ps")
