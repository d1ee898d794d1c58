"""Fields of your own: a law read off the data.

Learn a step from frames without an equation, beside the opponents that must be shown, and find the law in the spectrum.
"""

# %% [markdown]
# ## What is asked
#
# There are frames of a field in time, from an experiment or from a code of one's own, and no equation. What
# comes next, and for how long can that be trusted?
#
# $$u_{k+1} = \Phi(u_k), \qquad \|\Phi^{\,n}(u_0) - u_n\| \le \epsilon \ \text{ for how many } n\,?$$
#
# Only what the file states is assumed: here that the field lives on a ring, so that a shift of the frame shifts
# the answer. Three opponents cost nothing and have to stand beside every network: that nothing changes (a slow
# film makes it look good), the mean, and the best linear map, of which dynamic mode decomposition is a form
# ([Schmid 2010](https://doi.org/10.1017/S0022112010001217)).
#
# Without a file the task draws waves that run and fade. You are not told their speed and decay, the exercise
# finds them. With a file it is `Trajectories(data="flow.nc")`, and all else stays.

# %% Fit and judge
import numpy as np

import erlangen as er
from erlangen.assess.metrics import relative_l2
from erlangen.lessons import scale
from erlangen.methods.operators.fno import FNO
from erlangen.study.table import summary
from erlangen.tasks.continuum.trajectories import Trajectories

FULL = {"frames": 12, "width": 16, "layers": 2, "budget": "800steps"}
TOY = {"frames": 3, "width": 4, "layers": 1, "budget": "2steps"}
at = scale(FULL, TOY)

task = Trajectories(frames=at["frames"])
network = FNO(width=at["width"], modes=8, layers=at["layers"])
runs = [er.run(task, method, budget=at["budget"], quiet=True) for method in ("persistence", network)]
print(summary([run.record for run in runs]))

train, test = task.truth("train"), task.truth("test")
before, asked = (np.fft.rfft([x["u"] for x in part.inputs]) for part in (train, test))
after, true = np.fft.rfft(train.outputs["u_next"]), np.asarray(test.outputs["u_next"])
factors = np.sum(before.conj() * after, axis=0) / np.sum(np.abs(before) ** 2, axis=0)  # least squares
linear = np.fft.irfft(factors * asked, n=true.shape[-1])
for name, found in (("mean", 0 * true + np.mean(train.outputs["u_next"], axis=0)), ("linear map", linear)):
    error = 100 * np.mean([relative_l2(one, u) for one, u in zip(found, true)])
    print(f"{name:10s} one-step nRMSE {error:.2g} %")

# %% [markdown]
# ## What the numbers mean
#
# That nothing changes is wrong by about a third of the field after one step, and by twice the field after
# eleven: the waves have run on by then. (The mean of all frames, close to zero, is wrong by 100 %.) The
# network, which saw frames alone, is wrong by about 0.3 % of the field after one step and 2 % after eleven. Up
# to there it has been judged; further it may be trusted only as far as somebody has looked.
#
# The linear map puts this in its place. On a ring that a shift leaves as it is, it has one number for each
# wave, found by least squares from the same frames in no time, and it is right to rounding. So the law behind
# these frames is linear, and no network was needed. This is why linear maps come first: if they are as good as
# the network, the network has learned nothing that is new, and if they are not, their error says how much of
# the motion is nonlinear.
#
# Nothing here can be compared with a solver, because no equation was given; a line of the table that says so is
# empty. With a file of one's own the table reads the same.

# %% exercise
# On a ring every linear law that commutes with shifts is a factor for each wave. Here the law is $u_t + c\,u_x
# = \nu\,u_{xx}$ with unknown $c$ and $\nu$, so a step multiplies the wave $\hat u_k$ by $e^{-(\nu k^2 +
# ick)\,\Delta t}$. Given such a factor, what are $c$ and $\nu$? The check hands over the factors of the linear
# map above.


def answer(factor, k, dt):
    """Speed c and viscosity nu from the factor of the wave of wavenumber k in a step dt."""
    exponent = np.log(factor) / dt
    return -exponent.imag / k, -exponent.real / k**2


found = np.array([answer(factors[k], k, task.dt) for k in (1, 2, 3, 4)])
assert np.ptp(found, axis=0).max() < 1e-3, f"All waves have to agree on one law, not on {found.round(3).tolist()}."
rebuilt = np.exp(-(found[0, 1] * 9 + 3j * found[0, 0]) * task.dt)
assert abs(rebuilt - factors[3]) < 1e-3, "Put c and nu back into the third wave: its factor has to come out again."
print(f"The waves run at c = {found[0, 0]:.3f} and fade with nu = {found[0, 1]:.4f}; now the step is known exactly.")
