"""Compressible flow: shocks, and how fast they run.

Put a learned step beside finite volumes where the answer jumps, and compute how fast a shock runs.
"""

# %% [markdown]
# ## What is asked
#
# Gas in a tube, without viscosity. Given density $\rho$, velocity $u$ and pressure $p$ in cells, what are they
# a little later?
#
# $$\partial_t\begin{pmatrix}\rho\\ \rho u\\ E\end{pmatrix} + \partial_x\begin{pmatrix}\rho u\\ \rho u^2 + p\\
# (E + p)\,u\end{pmatrix} = 0, \qquad E = \frac p{\gamma - 1} + \tfrac12\rho u^2$$
#
# Sound steepens into shocks, and then there is no derivative any more: the equation holds as a balance of mass,
# momentum and energy, and entropy chooses among its solutions. So what counts is conservation to rounding,
# jumps in the right place without wiggles beside them, positive density and pressure. Shifts, mirrors, moving
# observers and units of mass leave the law as it is.
#
# The opponents are finite volumes: a flux of each face ([HLLC](https://doi.org/10.1007/b79761)) from values of
# first order, or of fifth order where the flow is smooth ([WENO-Z](https://doi.org/10.1016/j.jcp.2007.11.038)).
# The network, a Fourier neural operator ([Li et al. 2021](https://arxiv.org/abs/2010.08895)), knows of no
# balance.

# %% Fit and judge
import jax
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import Budget
from erlangen.learn.rollout import unroll
from erlangen.lessons import scale
from erlangen.methods.operators.fno import FNO
from erlangen.tasks.continuum.euler import CompressibleEuler

FULL = {"n": 64, "count": 60, "horizon": 10, "rules": ("first", "weno"), "width": 24, "layers": 3, "budget": "800steps"}
TOY = {"n": 16, "count": 4, "horizon": 1, "rules": (), "width": 4, "layers": 1, "budget": "2steps"}
at = scale(FULL, TOY)

task = CompressibleEuler(n=at["n"], count=at["count"], horizon=at["horizon"])
network = FNO(width=at["width"], modes=24, layers=at["layers"])
fitted = network.fit(task, Budget.parse(at["budget"]), key=jax.random.key(0))
test = task.trajectories("test")
paths = {"network": unroll(fitted, task, test.inputs, task.horizon)["density_next"]}
paths["nothing changes"] = [np.tile(x["density"], (task.horizon, 1)) for x in test.inputs]
for rule in at["rules"]:
    found = [task.path_on(x, task.n, task.horizon, rule=rule)["density_next"] for x in test.inputs]
    paths[{"first": "first order", "weno": "WENO5"}[rule]] = found
for name, found in paths.items():
    ends = [(p[-1], true[-1], x["density"]) for p, true, x in zip(found, test.outputs["density_next"], test.inputs)]
    error = 100 * np.mean([relative_l2(p, true) for p, true, _ in ends])
    mass = max(abs(np.mean(p) / np.mean(start) - 1) for p, _, start in ends)
    print(f"{name:16s} density after {task.horizon} steps wrong by {error:.2g} %, mass by {mass:.0e}")

# %% [markdown]
# ## What the numbers mean
#
# After ten steps the density has changed by some 40 % of itself. The network, from 60 trajectories of ten
# steps, is wrong by about 30 %: shocks are smeared or misplaced, and each misplaced jump counts with its full
# height. First-order finite volumes on the same cells, the oldest scheme that is safe, are wrong by about a
# third of that, the fifth-order ones by about a fifth. They cannot reach zero, for where in its cell a shock
# stands is not in the data.
#
# The last column says more than the errors. In finite volumes what leaves a cell enters the next, so mass is
# kept to the rounding of single precision whatever the accuracy. The network loses or gains a few per cent in
# some of the tubes: nothing in it knows that mass is kept, and the score that it was fitted to hardly notices.
# (That nothing changes keeps mass perfectly, so it is a condition, not a merit.)
#
# Both point the same way: to let the network answer with fluxes between cells, or only with the limiter inside
# a scheme, which is what `flux_limiter` does on this task. Then conservation holds by construction and what is
# learned is the one part of the scheme that theory leaves open.

# %% exercise
# A shock runs at the speed $s$ into gas at rest. The gas behind it was gas ahead of it before, so what each
# unit of time brings under the shock's rule, $s$ times the jump of a conserved density, is what the fluxes on
# both sides leave behind: $s\,[q] = [f]$ with $[q] = q_{\text{behind}} - q_{\text{ahead}}$ (Rankine and
# Hugoniot). Write the speed from mass alone. The check takes both states from the exact solution of Sod's tube;
# the balances of momentum and energy have to give the same speed.
from erlangen.numerics.precision import double
from erlangen.physics.riemann import Gas, euler

with double():
    left, right = (Gas(*map(jax.numpy.asarray, state)) for state in ((1.0, 0.0, 1.0), (0.125, 0.0, 0.1)))
    behind, ahead = (tuple(map(float, euler(left, right, jax.numpy.asarray(v)))) for v in (1.7, 1.8))


def answer(behind, ahead):
    """Speed of the shock from (density, velocity, pressure) behind and ahead of it."""
    return (behind[0] * behind[1] - ahead[0] * ahead[1]) / (behind[0] - ahead[0])


def balances(rho, u, p):
    """Conserved densities and their fluxes, for gamma = 1.4."""
    energy = p / 0.4 + rho * u**2 / 2
    return np.array([rho, rho * u, energy]), np.array([rho * u, rho * u**2 + p, (energy + p) * u])


(q, f), (q0, f0) = balances(*behind), balances(*ahead)
off = np.abs(answer(behind, ahead) * (q - q0) - (f - f0)).max()
assert off < 1e-9, f"Out of balance by {off:.2g}: divide the jump of the flux of mass by the jump of the density."
sound = np.sqrt(1.4 * ahead[2] / ahead[0])
print(f"Sod's shock runs at {answer(behind, ahead):.5f}, faster than sound ahead of it, {sound:.5f}.")
