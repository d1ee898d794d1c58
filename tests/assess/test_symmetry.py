"""The symmetry audit names exactly what is broken, and its figures are those of known functions."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.lie_derivative import lie_derivatives
from erlangen.assess.symmetry import (
    audit_in_double,
    audit_method,
    audit_solver,
    double_tolerances,
    guilty,
    label_scales,
    rounding_allowed,
)
from erlangen.contract import Method, Predictor, Samples, Signature, Supervised
from erlangen.core.groups import Broken, Galilean, Orthogonal, Permutations, Shifts, Translations
from erlangen.core.quantity import Quantity, atomic_numbers, energy, forces, positions, vector
from erlangen.core.systems import Atoms, Field

KEY = jax.random.key(0)


def springs(r, stiffness=1.0, tilt=0.0):
    """Energy of identical springs between all pairs, in a uniform field along z of strength `tilt`."""
    gaps = r[:, None] - r[None]
    return stiffness * jnp.sum(gaps**2) / 4 + tilt * jnp.sum(r[:, 2])


@dataclasses.dataclass(frozen=True)
class Springs(Supervised):
    container: ClassVar = Atoms
    inputs: ClassVar = (positions, atomic_numbers)
    outputs: ClassVar = (energy, forces)
    tilt: float = 0.0
    broken: bool = False

    @property
    def symmetry(self):
        turns = Broken(Orthogonal(), by="gravity") if self.broken else Orthogonal()
        return turns, Translations(), Permutations()

    def solve(self, x):
        r = jnp.asarray(x["positions"])
        e, g = jax.value_and_grad(springs)(r, 1.0, self.tilt)
        return {"energy": e, "forces": -g}

    def truth(self, split):
        inputs = [Atoms(r, np.ones(5, int)) for r in np.random.default_rng(0).normal(size=(12, 5, 3))]
        answers = [jax.device_get(self.solve(x)) for x in inputs]
        return Samples(inputs, {k: [a[k] for a in answers] for k in ("energy", "forces")})


class Answer(Predictor):
    """A float32 copy of the springs, with a fault of size `fault` in the named place."""

    fault: float = eqx.field(static=True)
    where: str = eqx.field(static=True)

    def __call__(self, x):
        r = jnp.asarray(x["positions"])
        e, g = jax.value_and_grad(springs)(r)
        lean = self.fault * jnp.ones_like(r) * jnp.array([0, 0, 1.0]) if self.where == "forces" else 0.0
        count = self.fault * r[0, 2] if self.where == "energy" else 0.0
        return {"energy": (e + count).astype(jnp.float32), "forces": (lean - g).astype(jnp.float32)}


@dataclasses.dataclass(frozen=True)
class Claims(Method):
    """Declares the given kinds of group."""

    kinds: tuple
    accepts: ClassVar = Signature(Springs, Atoms)

    @property
    def symmetry(self):
        return self.kinds

    def fit(self, task, budget, *, key, session=None):
        raise NotImplementedError


EVERYTHING = Claims((Orthogonal, Translations, Permutations))


def broken_pairs(rows):
    return {(row.group, row.output) for row in guilty(rows)}


def test_a_sound_answer_is_innocent():
    task = Springs()
    rows = audit_method(Answer(0.0, ""), EVERYTHING, task, task.truth("test"), key=KEY)
    assert len(rows) == 6 and not guilty(rows)
    assert all(row.declared and row.subject == "method" and row.error < 1e-6 for row in rows)


def test_the_guilty_output_is_named_with_the_size_of_its_fault():
    task = Springs()
    test = task.truth("test")
    rows = audit_method(Answer(0.1, "forces"), EVERYTHING, task, test, key=KEY)
    assert broken_pairs(rows) == {("rotations and reflections O(3)", "forces")}
    (row,) = guilty(rows)
    # |R z - z| <= 2, in units of the spread of the forces
    scale = label_scales(task, test)["forces"]
    assert 0.05 < row.error * scale < 0.2


def test_a_fault_in_the_energy_breaks_three_groups_but_no_forces():
    task = Springs()
    rows = audit_method(Answer(0.01, "energy"), EVERYTHING, task, task.truth("test"), key=KEY)
    assert {output for _, output in broken_pairs(rows)} == {"energy"}
    assert len(broken_pairs(rows)) == 3


class Network(Predictor):
    """The springs with parameters in float32; `hidden`: a constant that was rounded on the way."""

    weight: jax.Array
    hidden: bool = eqx.field(static=True, default=False)

    def __call__(self, x):
        r = jnp.asarray(x["positions"], self.weight.dtype)
        stiffness = jnp.float32(1 / 3) * jnp.sin(r[0, 0]) * 1e-7 if self.hidden else 0.0
        e, g = jax.value_and_grad(springs)(r, self.weight + stiffness)
        return {"energy": e, "forces": -g}


def test_in_float64_a_network_is_exact_and_a_small_fault_no_longer_hides():
    task = Springs()
    test = task.truth("test")
    weight = jnp.ones((), jnp.float32)
    single = audit_method(Network(weight, hidden=True), EVERYTHING, task, test, key=KEY)
    assert not guilty(single) and max(row.error for row in single) > 1e-9
    rows = audit_in_double(Network(weight), EVERYTHING, task, test, key=KEY)
    assert len(rows) == 6 and not guilty(rows) and {r.subject for r in rows} == {"method, float64"}
    assert max(row.error for row in rows) < 1e-13 and {r.tolerance for r in rows} == {1e-12}
    assert len(guilty(audit_in_double(Network(weight, hidden=True), EVERYTHING, task, test, key=KEY))) == 6
    assert not audit_in_double(Answer(0.0, ""), EVERYTHING, task, test, key=KEY), "no float32 parameters: no rows"
    rows = lie_derivatives(Network(weight), EVERYTHING, task, test, subject="method, float64")
    assert not guilty(rows) and max(row.error for row in rows) < 1e-13


def test_a_total_is_not_held_to_more_digits_than_it_has():
    task = Springs()
    test = task.truth("test")
    far = [np.asarray(e) + 1e6 for e in test.outputs["energy"]]
    limits = double_tolerances(task, Samples(test.inputs, {**test.outputs, "energy": far}))
    assert limits["forces"] == 1e-12 and 1e-11 < limits["energy"] < 1e-8


class Total(Network):
    """Springs of atoms whose energies are a large part each of a total; `lean`: a true fault."""

    zero: float = eqx.field(static=True, default=-9391.0)
    lean: float = eqx.field(static=True, default=0.0)

    def __call__(self, x):
        r = jnp.asarray(x["positions"], self.weight.dtype)
        atoms = jnp.sum((r[:, None] - r[None]) ** 2, (1, 2)) / 4 + self.zero / len(r)
        return {**super().__call__(x), "energy": self.weight * jnp.sum(atoms) + self.lean * r[0, 2]}


@pytest.mark.parametrize("zero", [-9391.0, 1e6])
def test_rounding_of_totals_far_larger_than_their_spread_is_no_violation(zero):
    task = Springs()
    test = task.truth("test")
    far = Samples(test.inputs, {**test.outputs, "energy": [np.asarray(e) + zero for e in test.outputs["energy"]]})
    for fault in (0.0, 1e-4):
        answer = Total(jnp.ones((), jnp.float32), zero=zero, lean=fault)
        rows = audit_method(answer, EVERYTHING, task, far, key=KEY)
        exact = audit_in_double(answer, EVERYTHING, task, far, key=KEY)
        found = rounding_allowed(rows, exact, task, far)
        assert {output for _, output in broken_pairs(rows)} == {"energy"}, "float32 alone cannot tell"
        assert broken_pairs(found + exact) == (set() if not fault else broken_pairs(exact))
        assert {row.tolerance for row in found if row.output == "forces"} == {5e-6}
    assert len(broken_pairs(exact)) == 3


def test_what_is_not_declared_is_shown_but_not_guilty():
    task = Springs()
    rows = audit_method(Answer(0.1, "forces"), Claims((Translations,)), task, task.truth("test"), key=KEY)
    assert not guilty(rows)
    (row,) = [r for r in rows if r.group.startswith("rotations") and r.output == "forces"]
    assert row.error > 1e-3 and not row.declared


def test_a_broken_symmetry_is_shown_but_not_demanded():
    task = Springs(tilt=1.0, broken=True)
    rows = audit_solver(task, task.truth("test"), key=KEY)
    turns = [r for r in rows if "broken by gravity" in r.group]
    assert len(turns) == 2 and all(r.broken for r in turns) and max(r.error for r in turns) > 0.01
    assert all(r.group == "translations" for r in guilty(rows))


def test_solvers_are_held_to_float64():
    task = Springs()
    rows = audit_solver(task, task.truth("test"), key=KEY)
    assert not guilty(rows) and {r.tolerance for r in rows} == {1e-10}
    assert max(r.error for r in rows) < 1e-13
    lying = Springs(tilt=1e-6)
    found = broken_pairs(audit_solver(lying, lying.truth("test"), key=KEY))
    assert ("rotations and reflections O(3)", "forces") in found


def test_nan_counts_as_broken():
    class Nothing(Answer):
        def __call__(self, x):
            return {k: v * jnp.nan for k, v in Answer(0.0, "")(x).items()}

    task = Springs()
    assert len(guilty(audit_method(Nothing(0.0, ""), EVERYTHING, task, task.truth("test"), key=KEY))) == 6


def test_lie_derivative_of_a_known_fault():
    task = Springs()
    test = task.truth("test")
    rows = lie_derivatives(Answer(0.1, "forces"), EVERYTHING, task, test)
    found = {(r.group, r.output): r for r in rows}
    # d/dt R(-t) (0.1 z) has length 0.1 for turns about x and y, per radian
    row = found["rotations and reflections O(3), infinitesimal", "forces"]
    assert row.error * label_scales(task, test)["forces"] == pytest.approx(0.1, rel=1e-4)
    assert broken_pairs(rows) == {("rotations and reflections O(3), infinitesimal", "forces")}
    # the energy grows by 0.01 per unit of translation along z
    rows = lie_derivatives(Answer(0.01, "energy"), EVERYTHING, task, test)
    row = {(r.group, r.output): r for r in rows}["translations, infinitesimal", "energy"]
    assert row.error * label_scales(task, test)["energy"] == pytest.approx(0.01, rel=1e-4)
    assert not guilty(lie_derivatives(Answer(0.0, ""), EVERYTHING, task, test))


def test_shifts_hold_and_boosts_fail_for_a_plain_nonlinear_filter():
    u = Quantity("u", "u", "L/T", "grid", vector)
    v = Quantity("v", "v", "L/T", "grid", vector, lag=1)

    @dataclasses.dataclass(frozen=True)
    class Flow(Supervised):
        container: ClassVar = Field
        inputs: ClassVar = (u,)
        outputs: ClassVar = (v,)
        symmetry: ClassVar = (Shifts(), Galilean(lag=1.0))

        def truth(self, split):
            waves = np.random.default_rng(1).normal(size=(4, 16))
            return Samples([Field({"u": w}, (0.4,)) for w in waves], {"v": list(waves)})

    class Square(Predictor):
        def __call__(self, x):
            return {"v": jnp.asarray(x["u"]) ** 2}

    rows = audit_method(Square(), Claims((Shifts,)), Flow(), Flow().truth("test"), key=KEY)
    by_group = {r.group: r for r in rows}
    assert by_group["shifts along x"].error == 0 and by_group["shifts along x"].declared
    assert by_group["Galilean boost"].error > 0.1 and not by_group["Galilean boost"].declared
    assert not guilty(rows)
