"""Korteweg-de Vries: waves that forget nothing.

Learn a step of a law without damping, roll it out beside coarse solvers, and measure the speed of a soliton.
"""

# %% [markdown]
# ## What is asked
#
# Waves on shallow water steepen where they are high, and spread because long waves are faster than short ones.
# In balance the two make solitons, humps that pass through each other unchanged:
#
# $$u_t + u\,u_x + u_{xxx} = 0, \qquad 0 \le x < L \text{ periodic}$$
#
# Nothing is lost. Mass, momentum and energy are kept (and infinitely many quantities more, [Miura, Gardner and
# Kruskal 1968](https://doi.org/10.1063/1.1664701)):
#
# $$\frac{\mathrm d}{\mathrm dt}\int u = \frac{\mathrm d}{\mathrm dt}\int u^2 = \frac{\mathrm d}{\mathrm
# dt}\int\Big( \tfrac12 u_x^2 - \tfrac16 u^3\Big) = 0$$
#
# The law looks the same after shifts and to an observer who moves along at constant speed; it does not after a
# reflection of $x$ alone, only together with one of time. Nothing damps an error either: one of phase stays for
# ever. So the question is not one step but a trajectory. The answer is a Fourier neural operator ([Li et al.
# 2021](https://arxiv.org/abs/2010.08895)), the opponent a pseudo-spectral solver on few points.

# %% Fit and judge
import jax
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import Budget
from erlangen.learn.rollout import unroll
from erlangen.lessons import scale
from erlangen.methods.operators.fno import FNO
from erlangen.tasks.continuum.korteweg_de_vries import KortewegDeVries

FULL = {"n": 96, "length": 64.0, "count": 80, "horizon": 10, "grids": (32, 48, 64), "width": 24, "budget": "2000steps"}
TOY = {"n": 16, "length": 16.0, "count": 4, "horizon": 2, "grids": (16,), "width": 4, "budget": "2steps"}
at = scale(FULL, TOY)

task = KortewegDeVries(amplitude=0.4, dt=0.5, **{k: at[k] for k in ("n", "length", "count", "horizon")})
network = FNO(width=at["width"], modes=at["n"] // 3, layers=3)
fitted = network.fit(task, Budget.parse(at["budget"]), key=jax.random.key(0))
test = task.trajectories("test")
true = test.outputs["u_next"]
paths = {"network": unroll(fitted, task, test.inputs, task.horizon)["u_next"]}
paths["nothing changes"] = [np.tile(x["u"], (task.horizon, 1)) for x in test.inputs]
for n in at["grids"]:
    paths[f"solver, {n} points"] = [task.path_on(x, n, task.horizon)["u_next"] for x in test.inputs]
for name, found in paths.items():
    first, last = (100 * np.mean([relative_l2(p[k], u[k]) for p, u in zip(found, true)]) for k in (0, -1))
    momentum = np.mean([np.mean(np.square(p[-1])) / np.mean(np.square(x["u"])) for p, x in zip(found, test.inputs)])
    print(
        f"{name:18s} error {first:.2g} %, {last:.2g} % after {task.horizon} steps; momentum off by {momentum - 1:+.0e}"
    )

# %% [markdown]
# ## What the numbers mean
#
# After one step, half a unit of time, the network is wrong by less than 0.1 %, after ten by less than 1 %:
# about ten times as much for ten steps, so its errors add up, most of them as phase. That nothing changes is
# wrong by 5 and 45 %, which says that this is a moving picture.
#
# In between lies the solver with few points. With 32 points its first step is about half as good as the
# network's, its tenth ten times worse; 48 points are as good as the network after ten steps, 64 points several
# times better. A step on so few points costs far less than a millisecond: in one dimension a network has
# nothing to win from a good solver. It is the same lesson as for Burgers' equation, but for another reason:
# solutions stay smooth, and spectra of smooth functions fall off fast.
#
# The last column asks whether the answer respects what the law keeps. The solvers hold momentum to a few
# millionths or better, the network to less than $10^{-4}$, without having been told of it. The accuracy of a
# conserved quantity is no proof of a correct answer: that nothing changes conserves everything.

# %% exercise
# A soliton of height $h$ is $u = h / \cosh^2\big((x - vt)/w\big)$. Put it into the equation, or try: how fast
# does it run, and how wide is it? The check lets the solver carry one such hump and looks where it has gone.
from erlangen.core.systems import Field
from erlangen.physics.waves import solitons

height, time = 1.5, 4.0
line = KortewegDeVries(n=64, length=64.0, dt=time)
x = np.arange(64.0)
start = solitons(x, 0.0, speeds=[height / 3], positions=[24.0])
end = np.asarray(line.path(Field({"u": start}, (1.0,)), 1)["u_next"][0])


def answer(height):
    """Speed v and width w of a soliton of this height."""
    return height / 3, np.sqrt(12 / height)


for crest, u in ((24.0, start), (24.0 + answer(height)[0] * time, end)):
    off = np.abs(height / np.cosh((x - crest) / answer(height)[1]) ** 2 - u).max()
    assert off < 1e-3 * height, f"Off by {off:.2g}: compare with the hump before and after {time:g} units of time."
assert abs(answer(6.0)[0] / answer(1.5)[0] - 4) < 1e-9, "Four times as high is four times as fast, and half as wide."
print(f"A soliton of height {height:g} runs at {answer(height)[0]:g}: taller ones overtake lower ones.")
