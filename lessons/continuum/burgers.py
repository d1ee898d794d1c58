"""Burgers: learning one time step of a steepening wave.

Fit a neural operator to a solver's answers, read its error beside the solver's own, and see what a boost costs.
"""

# %% [markdown]
# ## What is asked
#
# A wave on a ring steepens where it runs into slower fluid and is smoothed by viscosity. Given the velocity
# $u(x, t)$ now, what is it a time $\Delta t$ later?
#
# $$u_t + u\,u_x = \nu\,u_{xx}, \qquad 0 \le x < 2\pi \text{ periodic}$$
#
# A front over which $u$ falls by $J$ is about $4\nu/J$ thick: the smaller the viscosity $\nu$, the finer the
# grid that is needed. The law looks the same after a shift of the ring, after a reflection that also changes
# the sign of $u$, and to an observer who moves along at a constant speed $c$:
#
# $$u(x, t) \;\to\; u(x - c\,t,\, t) + c$$
#
# An answer that keeps these need not learn them from data. The truth is made on the spot: a pseudo-spectral
# solver in double precision, on a grid that resolves the fronts, checked against the solution of [Cole
# (1951)](https://doi.org/10.1090/qam/42889). The answer is a Fourier neural operator ([Li et al.
# 2021](https://arxiv.org/abs/2010.08895)).

# %% Fit and judge
import numpy as np

import erlangen as er
from erlangen.lessons import scale
from erlangen.methods.operators.fno import FNO
from erlangen.study.table import summary
from erlangen.tasks.continuum.burgers import Burgers

FULL = {"n": 64, "count": 100, "width": 24, "layers": 3, "budget": "1500steps"}
TOY = {"n": 16, "count": 4, "width": 4, "layers": 1, "budget": "2steps"}
at = scale(FULL, TOY)

task = Burgers(viscosity=0.05, n=at["n"], count=at["count"], horizon=10)
run = er.run(task, FNO(width=at["width"], modes=8, layers=at["layers"]), budget=at["budget"], quiet=True)
print(summary([run.record]))

# %% [markdown]
# ## What the numbers mean
#
# After about ten seconds of fitting, one step is wrong by about 0.1 % of the field (nRMSE: the root mean square
# error over the root mean square of the truth), and ten steps, each fed with the last, by about 0.6 %: errors
# of single steps add up. The plus-minus is one standard error over the test samples.
#
# The classical opponent is the same kind of solver on a coarse grid. With 64 to 96 points it is as accurate and
# several times faster, so there is no number of queries after which training has paid: in one dimension, at
# this viscosity, use the solver. An operator earns its keep where a solver needs far more points or steps than
# the answer does.
#
# The certificate says that shifts and boosts hold to rounding, in the answer and in the solver: they are built
# in. The reflection is not claimed, and is learned only as well as the data teach it. The shift is the warning:
# at a quarter of the viscosity, thus with fronts four times thinner than any that were seen, the error is about
# twenty times larger.

# %% exercise
# The operator answered $v(x)$ for the field $u(x)$. What has it to answer for $u(x) + c$, the same flow seen by
# an observer who moves at the speed $-c$? The time step is $\Delta t$; the speed is chosen such that $c\,\Delta
# t$ is a whole number of grid points. Write it with NumPy, from $v$ alone, without asking the operator again.
x = task.truth("test").inputs[0]
points = 3
c = points * x.spacing[0] / task.dt
v = np.asarray(run.fitted(x)["u_next"])


def answer(v, points, c):
    """The answer for u + c; c times the time step is `points` grid points to the right."""
    return np.roll(v, points) + c


boosted = np.asarray(run.fitted(x.replace(u=np.asarray(x["u"]) + c))["u_next"])
off = np.abs(answer(v, points, c) - boosted).max()
assert off < 1e-3, f"Off by {off:.2g}: the wave is carried along by c times dt, and everything moves faster by c."
print(f"The operator keeps the boost to {off:.1e}.")
