"""Reaction and diffusion: patterns that a drop starts.

Learn ten units of time of dividing spots, beside a slow film and a solver, and find out what can be uniform.
"""

# %% [markdown]
# ## What is asked
#
# Two chemicals on a surface: $v$ feeds on $u$, $u$ is supplied at the rate $F$, $v$ is removed at the rate $F +
# k$, and $u$ spreads twice as fast as $v$. Given both concentrations, what are they after a time of 10?
#
# $$u_t = D_u\nabla^2 u - u v^2 + F\,(1 - u), \qquad v_t = D_v\nabla^2 v + u v^2 - (F + k)\,v$$
#
# Out of a drop of $v$ come spots that divide, worms, mazes or gliders; $F$ and $k$ decide which ([Pearson
# 1993](https://doi.org/10.1126/science.261.5118.189)). The square is periodic; shifts and its turns and mirrors
# leave the law as it is.
#
# Patterns change little for a long time and then suddenly. Over one step $v$ moves by a few per cent only, so
# that "nothing changes" is an opponent that sounds better than it is, and a small error says little until it is
# set against that. The answer is a U-Net ([Ronneberger et al. 2015](https://arxiv.org/abs/1505.04597)), which
# sees the pattern on several scales, the opponent a pseudo-spectral solver on fewer points.

# %% Fit and judge
import jax
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import Budget
from erlangen.learn.rollout import unroll
from erlangen.lessons import scale
from erlangen.methods.operators.unet import UNet
from erlangen.tasks.continuum.gray_scott import GrayScott

FULL = {"n": 32, "count": 20, "horizon": 10, "grids": (16, 24, 32), "width": 12, "levels": 2, "budget": "300steps"}
TOY = {"n": 16, "count": 5, "horizon": 1, "grids": (16,), "width": 4, "levels": 1, "budget": "2steps"}
at = scale(FULL, TOY)

task = GrayScott(diffusion=1e-4, n=at["n"], count=at["count"], horizon=at["horizon"])
network = UNet(width=at["width"], levels=at["levels"], batch=16)
fitted = network.fit(task, Budget.parse(at["budget"]), key=jax.random.key(0))
test = task.trajectories("test")
paths = {"network": unroll(fitted, task, test.inputs, task.horizon)["v_next"]}
paths["nothing changes"] = [np.tile(x["v"], (task.horizon, 1, 1)) for x in test.inputs]
for n in at["grids"]:
    paths[f"solver, {n} x {n}"] = [task.path_on(x, n, task.horizon)["v_next"] for x in test.inputs]
for name, found in paths.items():
    pairs = list(zip(found, test.outputs["v_next"]))
    first, last = (100 * np.mean([relative_l2(p[k], v[k]) for p, v in pairs]) for k in (0, -1))
    print(f"{name:16s} v wrong by {first:.2g} % after a step, {last:.2g} % after {task.horizon}")

# %% [markdown]
# ## What the numbers mean
#
# In a time of 10 the concentration changes by about 3 % only, in ten such steps by 30 %. The network leaves
# about three fifths of that change, at the first step as at the tenth: it has learned part of how spots grow
# and divide, and a score of "2 % error" on its own would have sounded like much more. Its fit saw 200 steps of
# 20 drops.
#
# The solver that knows the equation is better already on 16 by 16 points, a coarse picture of each spot, and
# after ten steps it is better by nearly ten times; on 24 by 24 points its error is 0.1 %. Its errors hardly
# grow from the first step to the tenth, because patterns are attractors of a kind: what diffusion smooths away
# once is gone, and a small error in a spot decays. The network's errors do grow, as it does not know what a
# spot is.
#
# What a network would be for is the case in which the reactions are not known. A fair opponent is then rates
# fitted to the same frames, a handful of numbers here, not a solver that has been told them.

# %% exercise
# Without diffusion a uniform mixture rests where $uv^2 = F\,(1 - u)$ and $uv^2 = (F + k)\,v$. One such state is
# $u = 1$, $v = 0$, whatever the rates, and small disturbances of it always die out. What is the largest uniform
# $v$ at rest? Give 0 where there is no other. The check asks for the rates of six well-known patterns.
from erlangen.tasks.continuum import gray_scott

PATTERNS = ("gliders", "bubbles", "maze", "worms", "spirals", "spots")


def answer(feed, kill):
    """The largest v of a uniform state at rest; 0 where only v = 0 is at rest."""
    root = 1 - 4 * (feed + kill) ** 2 / feed
    return 0.0 if root < 0 else feed / (2 * (feed + kill)) * (1 + root**0.5)


for feed, kill in ((0.098, 0.057), (0.05, 0.03)):
    v = answer(feed, kill)
    u = (feed + kill) / v
    assert abs(feed * (1 - u) - u * v * v) < 1e-12, f"v = {v:.3f} is not at rest: use u v = F + k."
    assert v > 0.5 * feed / (feed + kill), "There are two such states; this is the one with less v."
assert answer(0.03, 0.062) == 0, "Spots: F is less than 4 (F + k)^2, so that only v = 0 is uniform and at rest."
rates = {name: getattr(gray_scott, name) for name in PATTERNS}
uniform = [name for name, one in rates.items() if answer(one.feed_rate, one.kill_rate) > 0]
print(f"Of six patterns only {', '.join(uniform)} has a uniform state with v as well.")
