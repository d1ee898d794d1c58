"""Is your surrogate faster than a solver?

Compare at equal accuracy, count what training has cost, and find the number of queries from which it pays.
"""

# %% [markdown]
# ## What is asked
#
# A network answers in microseconds what a solver takes longer for: is that progress? Only if the comparison is
# fair. A solver has a knob, a grid or a tolerance, and can be fast and wrong as well. So its error is plotted
# against its time (a *work-precision* curve), the answer is one point in the same plane, and what counts is the
# cheapest solver that is at least as accurate. Then there is what has been spent before the first answer:
# labels, which the solver made, and the fit. Training has paid after $N^*$ queries,
#
# $$N^* = \frac{t_\text{labels} + t_\text{fit}}{t_\text{solver} - t_\text{answer}}$$
#
# and never, if the solver is the faster one. A review of machine learning for partial differential equations
# found that most claims of a speed-up rest on a weak baseline, a solver that is more accurate or slower than
# needed ([McGreivy and Hakim 2024](https://doi.org/10.1038/s42256-024-00897-5)).
#
# We read this comparison from the records that ship with erlangen, in which answer and solvers were timed on
# the same machine and judged on the same samples. Then we build a surrogate that does pay: a polynomial for the
# energy of a quantum magnet as a function of a coupling.

# %% What the board says
import math

from erlangen.leaves import rows_of
from erlangen.study.record import Record

records = [
    Record.read(row.path) for row in rows_of() if row.task.split("/")[0] in ("continuum", "molecules", "materials")
]
records = [record for record in records if record.cost and record.cost.solver_seconds]
print(f"{'':<30}{'answer':>10}{'solver':>10}   pays after   the solver that is as accurate")
for record in records:
    cost = record.cost
    times = f"{1e3 * cost.query_seconds:7.2f} ms{1e3 * cost.solver_seconds:7.2f} ms"
    pays = "never" if cost.break_even is None else f"{cost.break_even:.0f}"
    print(f"{record.task.split('/')[1]:<22}{record.method[:8]:<8}{times}{pays:>13}   {cost.solver}")

# %% A surrogate that pays
import time

import numpy as np

from erlangen.lessons import scale
from erlangen.physics import lattices, spins
from erlangen.physics.exact_diagonalisation import ground_state

FULL = {"sites": 16, "degree": 8, "asked": 6}
TOY = {"sites": 8, "degree": 3, "asked": 2}
at = scale(FULL, TOY)
ring = lattices.named("chain", at["sites"], is_periodic=True)


def solve(j2, tolerance=0.0):
    """Energy [J] of a ring of spins coupled by 1 to their neighbours and by j2 to the next, by Lanczos."""
    return ground_state(spins.j1j2(ring, j2=j2, sign_rule=True), tolerance=tolerance).energy


def timed(ask, *asked):
    """What it answers, and in how many seconds."""
    start = time.perf_counter()
    return ask(*asked), time.perf_counter() - start


j2 = np.random.default_rng(0).uniform(0.0, 0.4, at["asked"])
truth = np.array([solve(one) for one in j2])
energy, once = timed(np.polynomial.Chebyshev.interpolate, np.vectorize(solve), at["degree"], [0.0, 0.4])
print(f"energy of {at['sites']} spins             error    one answer")
for tolerance in (1e-1, 1e-3, 0.0):
    found, seconds = zip(*(timed(solve, one, tolerance) for one in j2))
    off, solver = np.abs(found - truth).max(), np.median(seconds)
    print(f"Lanczos, tolerance {tolerance:<6g}  {off:10.0e} J {1e3 * solver:10.1f} ms")
query = timed(energy, np.repeat(j2, 1000))[1] / len(j2) / 1000
off = np.abs(energy(j2) - truth).max()
print(f"polynomial of degree {at['degree']}    {off:10.0e} J {1e3 * query:10.5f} ms   after {once:.1f} s of Lanczos")

# %% [markdown]
# ## What the numbers mean
#
# The first table is sobering. Where a whole field goes in and another comes out, a solver on a coarse grid is
# the cheaper way to the accuracy that the network has, mostly by a factor of two to ten. Beside the solver that
# made the labels, on a finer grid and in double precision, every one of these networks would look better: that
# is the weak baseline. The lines that do pay, a learned correction inside a solver (`semi_lagrangian`) and
# molecular properties that the reference computes by several calculations each, pay after tens of thousands of
# queries, because labels and fit took minutes and one query gains a few milliseconds.
#
# The magnet is the opposite case. Nine exact energies, at points chosen well (Chebyshev's), fix a polynomial
# that is right to about a millionth of the coupling, and an answer is a few multiplications. Compare it with
# Lanczos stopped early, at the tolerance that is about as accurate, and not with the one at machine precision:
# it has paid after a dozen queries or two. What makes the difference is not the kind of model. One number
# depends smoothly on one other number, the solver takes a tenth of a second or more, and its answer, a state of
# 16 spins, holds far more than what is asked.
#
# So before training, ask three questions. How many queries will there be? How fast is the best solver at the
# accuracy that is really needed? Is the quantity of interest simpler than the solution? Gradients, inverse
# problems, and solvers that cannot be run at all are further reasons for a surrogate, and none of them is a
# speed-up.

# %% exercise
# Write the number of queries $N^*$ after which a surrogate has paid for itself; infinity (`math.inf`) where it
# never does. `once` is what was spent before the first answer, `solver` and `query` are seconds for one answer.


def answer(once, solver, query):
    """N*."""
    return once / (solver - query) if solver > query else math.inf


for cost in (record.cost for record in records):
    wanted = math.inf if cost.break_even is None else cost.break_even
    found = answer(cost.truth_seconds + cost.fit_seconds, cost.solver_seconds, cost.query_seconds)
    assert math.isclose(found, wanted, rel_tol=1e-6), f"The record says {wanted:.6g}, you say {found:.6g}."
as_accurate = timed(solve, 0.2, 1e-1)[1]
print(f"Right. The polynomial has paid for itself after {math.ceil(answer(once, as_accurate, query))} queries.")
