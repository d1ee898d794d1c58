"""Rules for answers that are no maps: samplers and searches. Each function takes a `Case`."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..assess.symmetry import METHOD_TOLERANCE, in_double, keeps
from ..contract import Density, Minimiser, Sampler
from ..core.groups import act
from ..numerics.precision import double
from .cases import Case, concerns, demand

DRAWS = 4


@concerns(lambda case: issubclass(case.task.answer, Sampler))
def check_draws(case: Case) -> None:
    """Draws have every output, finite and shaped like true ones; one key gives one draw, another key another."""
    x, true = case.samples.inputs[0], case.samples.outputs
    with double():
        draw = eqx.filter_jit(eqx.filter_vmap(lambda key: case.answer.sample(x, key=key)))
        keys = jax.random.split(jax.random.key(4), DRAWS)
        one, two = (jax.device_get(draw(keys)) for _ in range(2))
    for q in case.task.outputs:
        demand(q.name in one, f"draws of {case} must have {q.name}", sorted(one))
        shape = (DRAWS, *np.shape(true[q.name][0]))
        demand(np.shape(one[q.name]) == shape, f"{DRAWS} draws of {q.name} must have shape {shape}", one[q.name].shape)
        demand(np.all(np.isfinite(one[q.name])), f"draws of {q.name} of {case} must be finite")
        demand(np.array_equal(one[q.name], two[q.name]), f"{case}: the same key must give the same {q.name}")
    differ = any(not np.array_equal(one[q.name][0], one[q.name][1]) for q in case.task.outputs)
    demand(differ, f"{case}: another key must give another draw")


@concerns(lambda case: issubclass(case.task.answer, Sampler) and any(keeps(case.method, g) for g in case.task.symmetry))
def check_symmetry_of_density(case: Case) -> None:
    """log p(g y | g x) = log p(y | x) for every symmetry that the method declares, where the answer knows log p."""
    if not isinstance(case.answer, Density):
        return
    task = case.task
    with double():
        x, y = in_double((case.samples.inputs[0], {q.name: case.samples.outputs[q.name][0] for q in task.outputs}))
        log_prob = eqx.filter_jit(case.answer.log_prob)
        plain = float(log_prob(x, y))
        for group in (g for g in task.symmetry if keeps(case.method, g)):
            g = group.sample(x, key=jax.random.key(5))
            turned = {q.name: jnp.asarray(group.act(g, q, y[q.name])) for q in task.outputs}
            gap = abs(float(log_prob(act(group, g, x, task.inputs), turned)) - plain) / max(abs(plain), 1.0)
            rule = f"the density of {case} must keep {group.name}"
            demand(gap <= METHOD_TOLERANCE, rule, f"log p differs by {gap:.1e} of its size")


@concerns(lambda case: issubclass(case.task.answer, Minimiser))
def check_search(case: Case) -> None:
    """A search finds outputs whose objective is finite; one key gives one find."""
    task: Any = case.task
    x = case.samples.inputs[0]
    with double():
        found = case.answer.minimise(x, key=jax.random.key(2))
    for q in case.task.outputs:
        demand(q.name in found, f"what {case} finds must have {q.name}", sorted(found))
        same = np.array_equal(found[q.name], case.samples.outputs[q.name][0])
        demand(same, f"{case}: the same key must give the same {q.name}")
    value = task.objective(x, found)
    demand(np.isfinite(value), f"the objective of what {case} finds must be finite", value)
