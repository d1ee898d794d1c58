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

# %% [markdown]
# ## What the numbers mean
#
# TO BE READ

# %% exercise
# On a ring every linear law that commutes with shifts is a factor for each wave. Here the law is $u_t + c\,u_x
# = \nu\,u_{xx}$ with unknown $c$ and $\nu$, so a step multiplies the wave $\hat u_k$ by $e^{-(\nu k^2 +
# ick)\,\Delta t}$. Given such a factor, what are $c$ and $\nu$? The check reads factors off the training
# frames, by least squares.
pairs = task.truth("train")
before = np.fft.rfft([x["u"] for x in pairs.inputs])
after = np.fft.rfft(pairs.outputs["u_next"])
factors = np.sum(before.conj() * after, axis=0) / np.sum(np.abs(before) ** 2, axis=0)


def answer(factor, k, dt):
    """Speed c and viscosity nu from the factor of the wave of wavenumber k in a step dt."""
    exponent = np.log(factor) / dt
    return -exponent.imag / k, -exponent.real / k**2


found = np.array([answer(factors[k], k, task.dt) for k in (1, 2, 3, 4)])
assert np.ptp(found, axis=0).max() < 1e-3, f"All waves have to agree on one law, not on {found.round(3).tolist()}."
rebuilt = np.exp(-(found[0, 1] * 9 + 3j * found[0, 0]) * task.dt)
assert abs(rebuilt - factors[3]) < 1e-3, "Put c and nu back into the third wave: its factor has to come out again."
print(f"The waves run at c = {found[0, 0]:.3f} and fade with nu = {found[0, 1]:.4f}; now the step is known exactly.")
