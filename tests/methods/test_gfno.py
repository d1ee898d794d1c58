"""Group-equivariant Fourier neural operator: equivariant before training, under every element and every quantity."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess import symmetry
from erlangen.core.equivariance import equivariance_defects, guilty
from erlangen.core.errors import Invalid
from erlangen.core.groups import QuarterTurns, Reflection, Shifts
from erlangen.core.quantity import Quantity, pseudoscalar, scalar, tensor, vector
from erlangen.core.systems import Field
from erlangen.methods.operators import gfno
from erlangen.methods.operators._operator import Layout
from erlangen.methods.operators.gfno import GFNO
from erlangen.numerics.precision import double
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.kolmogorov import Kolmogorov
from erlangen.tasks.continuum.korteweg_de_vries import KortewegDeVries

SMALL = GFNO(width=16, modes=8, layers=2, batch=16)
SQUARE = (Shifts((0, 1)), QuarterTurns(), Reflection(0), Reflection(1))
KINDS = {"s": scalar, "w": pseudoscalar, "v": vector, "t": tensor}
QUANTITIES = tuple(Quantity(name, name, "1", "grid", rep) for name, rep in KINDS.items())


def layout(grid, quantities=QUANTITIES):
    return Layout(grid, (0.1,) * len(grid), quantities, quantities)


@pytest.mark.parametrize(
    ("d", "mirrors", "order"), [(1, True, 2), (1, False, 1), (2, True, 8), (2, False, 4), (3, True, 48)]
)
def test_elements_form_the_group_of_the_cube(d, mirrors, order):
    elements = gfno.symmetries(layout((8,) * d), mirrors=mirrors)
    table = np.array(gfno.quotients(elements))
    assert len(elements) == order and np.array_equal(elements[0], np.eye(d))
    assert all(sorted(row) == list(range(order)) for row in [*table, *table.T])
    for g in range(order):  # g (g^-1 g') = g'
        np.testing.assert_array_equal(
            [np.asarray(elements[g]) @ np.asarray(elements[j]) for j in table[g]], np.asarray(elements)
        )


def test_a_rectangle_has_no_quarter_turns():
    assert len(gfno.symmetries(layout((8, 12)), mirrors=True)) == 4
    assert len(gfno.symmetries(Layout((8, 8), (0.1, 0.2), (), ()), mirrors=False)) == 2


@pytest.mark.parametrize("grid", [(9,), (8, 8), (6, 9), (6, 6, 6)])
def test_the_half_of_a_real_kernel_is_the_whole_of_it(grid):
    modes = layout(grid).modes(4)
    half = jax.random.normal(jax.random.key(0), (2, *(2 * m - 1 for m in modes[:-1]), modes[-1], 3, 2))
    whole = gfno.all_modes(half, len(grid))
    again = gfno.all_modes(gfno.kept_half(whole, len(grid)), len(grid))
    np.testing.assert_array_equal(whole, again)
    np.testing.assert_array_equal(whole[0], np.flip(whole[0], range(len(grid))))
    np.testing.assert_array_equal(whole[1], -np.flip(whole[1], range(len(grid))))


@pytest.mark.parametrize("mirrors", [True, False])
def test_every_kind_of_quantity_is_turned_as_it_must(mirrors):
    network = GFNO(width=16, modes=5, layers=2, mirrors=mirrors).core(layout((12, 12)), key=jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), 4)
    values = {q.name: np.asarray(jax.random.normal(k, (12, 12) + (2,) * q.rep.rank)) for q, k in zip(QUANTITIES, keys)}

    @jax.jit
    def f(x):
        columns = [jnp.asarray(x[q.name], jnp.float32).reshape(12, 12, -1) for q in QUANTITIES]
        parts = jnp.split(network(jnp.concatenate(columns, -1)), [1, 2, 4], -1)
        return {q.name: p.reshape(x[q.name].shape) for q, p in zip(QUANTITIES, parts)}

    x = Field(values, (0.1, 0.1))
    for group in SQUARE:
        found = equivariance_defects(f, x, QUANTITIES, QUANTITIES, group, key=jax.random.key(2))
        broken = not mirrors and isinstance(group, Reflection)
        assert bool(guilty(found, 2e-6)) == broken, (group, found)


@pytest.mark.parametrize("task", [Burgers(**Burgers.toy), Kolmogorov(**Kolmogorov.toy)], ids=lambda t: t.name())
def test_declared_symmetries_of_the_tasks_hold_before_training(task):
    samples = task.truth("test")
    network = SMALL.build(task, samples, key=jax.random.key(0))
    rows = symmetry.audit_method(network, SMALL, task, samples, key=jax.random.key(1))
    assert all(row.declared for row in rows)
    for row in rows:  # after a boost the mean velocity is taken off a larger number
        assert row.error < (5e-6 if row.group == "Galilean boost" else 2e-6), row


def test_network_and_law_of_turbulence_commute_with_quarter_turns():
    task = Kolmogorov(**Kolmogorov.toy)
    samples = task.truth("test")
    network = SMALL.build(task, samples, key=jax.random.key(0))
    scales = symmetry.label_scales(task, samples)
    with double():
        answers = [eqx.filter_jit(a) for a in (network, symmetry.in_double(network))]
        for f, tolerance in zip((*answers, task.solve), (2e-6, 1e-12, 1e-10)):
            x = symmetry.in_double(samples.inputs[0])
            found = equivariance_defects(
                f, x, task.inputs, task.outputs, QuarterTurns(), scales=scales, key=jax.random.key(0)
            )
            assert not guilty(found, tolerance), found


def test_parameters_are_those_of_one_row():
    network = SMALL.core(layout((16, 16)), key=jax.random.key(0))
    assert network.blocks[0].kernel.weight.shape == (2, 8, 15, 16, 2)  # an FNO has 16 x 16 of them


def test_a_law_that_breaks_reflections_is_refused_unless_they_are_left_out():
    task = KortewegDeVries(**KortewegDeVries.toy)
    with pytest.raises(Invalid, match=r"korteweg_de_vries with reflection of x .broken by dispersion.*mirrors=False"):
        SMALL.check(task)
    GFNO(mirrors=False).check(task)
    SMALL.check(Burgers())
