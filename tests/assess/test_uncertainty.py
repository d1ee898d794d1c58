"""Coverage of conformal intervals and the algebra of ensembles, on problems whose noise is known exactly."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.calibration import coverage
from erlangen.assess.conformal import pooled_quantile
from erlangen.assess.ensembles import Members
from erlangen.contract import (
    Budget,
    Interval,
    Method,
    Predictor,
    Samples,
    Session,
    Signature,
    Spread,
    Supervised,
    Variational,
)
from erlangen.core.errors import Invalid
from erlangen.core.groups import Orthogonal, Shifts
from erlangen.core.quantity import Quantity, atomic_numbers, forces, positions, vector
from erlangen.core.systems import Atoms, Field
from erlangen.learn.checkpoint import load_fitted, save_fitted
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.methods.wrappers.ensemble import Ensemble

KEY = jax.random.key(0)
NOISE = {1: 0.1, 8: 1.0}
SEEDS = {"train": 0, "validation": 1, "calibration": 2, "test": 3}


@dataclasses.dataclass(frozen=True)
class NoisyForces(Supervised):
    """Forces -r plus Gaussian noise whose size depends on the element."""

    container: ClassVar = Atoms
    inputs: ClassVar = (positions, atomic_numbers)
    outputs: ClassVar = (forces,)
    symmetry: ClassVar = (Orthogonal(),)  # type: ignore[assignment]
    n: int = 300

    def truth(self, split):
        rng = np.random.default_rng(SEEDS[split])
        inputs, labels = [], []
        for _ in range(self.n):
            z = np.array([1, 1, 8][: rng.integers(2, 4)])
            r = rng.normal(size=(len(z), 3))
            inputs.append(Atoms(r, z))
            labels.append(-r + np.array([NOISE[i] for i in z])[:, None] * rng.normal(size=r.shape))
        return Samples(inputs, {"forces": labels})


U = Quantity("u", "u", "1", "grid", vector)
V = Quantity("v", "v", "1", "grid", vector, lag=1)


@dataclasses.dataclass(frozen=True)
class NoisyField(Supervised):
    """v = u plus smooth noise, larger on the right where the shift symmetry is given up."""

    container: ClassVar = Field
    inputs: ClassVar = (U,)
    outputs: ClassVar = (V,)
    n: int = 400
    uniform: bool = True

    @property
    def symmetry(self):
        return (Shifts((0,)),) if self.uniform else ()

    def truth(self, split):
        rng = np.random.default_rng(10 + SEEDS[split])
        x = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        waves = np.stack([np.cos(x), np.sin(x), np.cos(2 * x), np.sin(2 * x)])
        size = np.ones(32) if self.uniform else np.where(x > np.pi, 1.0, 0.05)
        u = rng.normal(size=(self.n, 32))
        v = u + size * (rng.normal(size=(self.n, 4)) @ waves)
        return Samples([Field({"u": row}, (2 * np.pi / 32,)) for row in u], {"v": list(v)})


class Negative(Predictor):
    factor: Any

    def __call__(self, x):
        return {"forces": self.factor * x["positions"]}


class Identity(Predictor):
    def __call__(self, x):
        return {"v": x["u"]}


class Claims(Spread):
    """Knows the noise of every element up to the factor `wrong`."""

    wrong: float

    def __call__(self, x):
        return {"forces": -x["positions"]}

    def spread(self, x):
        size = self.wrong * jnp.where(x["atomic_numbers"] == 8, NOISE[8], NOISE[1])
        return {"forces": size[:, None] * jnp.ones((1, 3))}


@dataclasses.dataclass(frozen=True)
class Given(Method):
    """A method whose answer is known beforehand; remembers how it was called."""

    answer: Any
    accepts: ClassVar = (Signature(NoisyForces, Atoms), Signature(NoisyField, Field))
    calls: ClassVar[list] = []

    @property
    def symmetry(self):
        return (Orthogonal,)

    def fit(self, task, budget, *, key, session=Session()):
        self.calls.append((budget, session))
        return self.answer(key) if callable(self.answer) and not isinstance(self.answer, Predictor) else self.answer


def bounds(fitted: Interval, samples: Samples) -> dict[str, list]:
    run = eqx.filter_jit(fitted.interval)
    found = [jax.device_get(run(x)) for x in samples.inputs]
    return {name: [f[name] for f in found] for name in found[0]}


def covered(fitted: Interval, task: Supervised):
    test = task.truth("test")
    (row,) = coverage(task, bounds(fitted, test), test, fitted.level, key=KEY)
    return row


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_component_intervals_hold_their_level(level):
    task = NoisyForces(n=600)
    fitted = Conformal(Given(Negative(-1.0)), level).fit(task, Budget(steps=1), key=KEY)
    row = covered(fitted, task)
    # calibration and test draws both fluctuate: four standard errors of the two together
    assert row.coverage == pytest.approx(level, abs=4 * 2**0.5 * row.error)
    assert row.kind == "per component" and row.unit == "eV/A" and row.level == level


def test_each_element_gets_the_width_of_its_own_noise():
    fitted = Conformal(Given(Negative(-1.0))).fit(NoisyForces(n=600), Budget(steps=1), key=KEY)
    ends = fitted.interval(Atoms(np.zeros((2, 3)), np.array([1, 8])))["forces"]
    half = np.asarray(ends[1])
    # 1.645 sigma is the 90 % point of |N(0, sigma)|
    assert half[0] == pytest.approx(1.645 * NOISE[1], rel=0.12)
    assert half[1] == pytest.approx(1.645 * NOISE[8], rel=0.12)
    unseen = np.asarray(fitted.interval(Atoms(np.zeros((1, 3)), np.array([6])))["forces"][1])
    assert unseen[0, 0] == pytest.approx(half.max())


def test_a_spread_is_scaled_to_be_right_whatever_it_claims():
    task = NoisyForces(n=600)
    for wrong in (0.1, 7.0):
        row = covered(Conformal(Given(Claims(wrong))).fit(task, Budget(steps=1), key=KEY), task)
        assert row.coverage == pytest.approx(0.9, abs=4 * 2**0.5 * row.error)


@pytest.mark.parametrize("uniform", [True, False])
def test_a_band_holds_the_whole_field_at_once(uniform):
    task = NoisyField(uniform=uniform)
    fitted = Conformal(Given(Identity())).fit(task, Budget(steps=1), key=KEY)
    row = covered(fitted, task)
    assert row.kind == "simultaneous band"
    assert row.coverage == pytest.approx(0.9, abs=4 * 2**0.5 * row.error)
    low, high = fitted.interval(task.truth("test").inputs[0])["v"]
    width = np.asarray(high - low)
    if uniform:  # the task is shift invariant, so must the band be
        assert np.ptp(width) < 1e-5 * width.mean()
    else:
        assert width[20:30].mean() > 4 * width[2:12].mean()


def test_pooled_quantile_with_one_component_is_the_textbook_one():
    scores = np.random.default_rng(0).uniform(size=19)
    expected = np.sort(scores)[int(np.ceil(20 * 0.9)) - 1]
    assert pooled_quantile(list(scores), 0.9) == expected
    assert pooled_quantile(list(scores[:9]), 0.9) == scores[:9].max()
    assert pooled_quantile(list(scores[:8]), 0.9) == np.inf
    # the two components of the first sample weigh as much as the one of each other sample
    assert pooled_quantile([np.array([1.0, 1.0]), np.array([2.0]), np.array([3.0])], 0.5) == 2.0


def test_split_conformal_is_exact_on_average():
    rng = np.random.default_rng(1)
    hits = [rng.uniform() <= pooled_quantile(list(rng.uniform(size=19)), 0.9) for _ in range(3000)]
    assert np.mean(hits) == pytest.approx(0.9, abs=4 * (0.09 / 3000) ** 0.5)


def test_too_few_calibration_samples_and_impossible_levels_are_refused():
    with pytest.raises(Invalid, match="at least 9 calibration samples; came: 8"):
        Conformal(Given(Negative(-1.0))).fit(NoisyForces(n=8), Budget(steps=1), key=KEY)
    with pytest.raises(Invalid, match=r"between 0 and 1; came: 1\.0"):
        Conformal(Given(Negative(-1.0)), level=1.0).fit(NoisyForces(n=8), Budget(steps=1), key=KEY)
    with pytest.raises(Invalid, match="at least 2 members"):
        Ensemble(Given(Negative(-1.0)), n=1).fit(NoisyForces(n=8), Budget(steps=1), key=KEY)


def test_laws_without_samples_are_refused_and_the_inner_check_speaks_first():
    class Law(Variational):
        container = Atoms
        inputs = outputs = ()
        symmetry = ()
        law = None

        def reference(self):
            return None

    class Anything(Given):
        accepts = Signature(Variational, Atoms)

    with pytest.raises(Invalid, match="input-output pairs"):
        Ensemble(Anything(Negative(-1.0))).check(Law())
    with pytest.raises(Invalid, match="must accept the task"):
        Conformal(Given(Negative(-1.0))).check(Law())


def test_ensemble_is_mean_and_standard_deviation_of_members_with_a_share_of_the_budget():
    Given.calls.clear()
    draws = []

    def answer(key):
        draws.append(float(jax.random.normal(key)))
        return Negative(jnp.asarray(draws[-1]))

    wrapped = Ensemble(Given(answer), n=4)
    fitted = wrapped.fit(NoisyForces(), Budget(steps=10), key=KEY)
    x = NoisyForces(n=1).truth("test").inputs[0]
    assert fitted.members.factor.shape == (4,) and fitted.stacked
    assert len(set(draws)) == 4
    assert np.allclose(fitted(x)["forces"], np.mean(draws) * x["positions"], rtol=1e-5)
    assert np.allclose(fitted.spread(x)["forces"], np.std(draws, ddof=1) * np.abs(x["positions"]), rtol=1e-5)
    assert [b.steps for b, _ in Given.calls] == [2] * 4
    assert wrapped.symmetry == (Orthogonal,) and wrapped.accepts == Given.accepts
    assert (wrapped.name(), Conformal(wrapped).name()) == ("ensemble", "conformal")


def test_members_of_different_structure_stay_side_by_side():
    members = Members.of([Negative(-1.0), Negative(-3.0)])  # Python floats: static, so not alike
    assert not members.stacked
    x = NoisyForces(n=1).truth("test").inputs[0]
    assert np.allclose(members(x)["forces"], -2 * x["positions"])


def test_wrapped_answers_survive_a_checkpoint(tmp_path):
    method = Conformal(Ensemble(Given(lambda key: Negative(jax.random.normal(key))), n=3))
    fitted = method.fit(NoisyForces(n=40), Budget(steps=3), key=KEY)
    save_fitted(tmp_path, fitted)
    back = load_fitted(tmp_path)
    x = NoisyForces(n=1).truth("test").inputs[0]
    for a, b in zip(fitted.interval(x)["forces"], back.interval(x)["forces"]):
        assert np.array_equal(a, b)
    assert back.level == 0.9
