"""The suite finds what is wrong: every rule meets a method or a task that breaks exactly it, and names the culprit."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.metrics import absolute
from erlangen.contract import Method, Predictor, PublishedResult, Samples, Score, Session, Shift, Signature, Supervised
from erlangen.core.groups import Orthogonal, Permutations, Translations
from erlangen.core.quantity import atomic_numbers, energy, forces, positions
from erlangen.core.systems import Atoms
from erlangen.testing import Case, ContractBroken, energy_checks, method_checks, task_checks, trials
from erlangen.testing.cases import concerned
from erlangen.testing.suite import WRAPPER_RULES

CUTOFF = 4.0


def cluster_energy(r, mask, cutoff=CUTOFF, power=3):
    """Pairs attract like -exp(-d/2) inside the cutoff, where an envelope ends the interaction (power 0: a step)."""
    gaps = r[:, None] - r[None]
    real = mask[:, None] & mask[None] & ~jnp.eye(len(r), dtype=bool)
    d = jnp.sqrt(jnp.where(real, jnp.sum(gaps**2, -1), 1.0))
    inside = real & (d < cutoff)
    envelope = (1 - (jnp.minimum(d, cutoff) / cutoff) ** 2) ** power
    return -jnp.sum(jnp.where(inside, envelope * jnp.exp(-d / 2), 0.0)) / 2


SOLVER = jax.jit(jax.value_and_grad(cluster_energy))


@dataclasses.dataclass(frozen=True)
class Cluster(Supervised):
    """Clusters of three to five like atoms."""

    n: int = 24
    fault: str = ""

    container: ClassVar = Atoms
    inputs: ClassVar = (positions, atomic_numbers)
    outputs: ClassVar = (energy, forces)

    @property
    def symmetry(self):
        return Orthogonal(), Translations(), Permutations()

    @property
    def scores(self):
        quantity = "work" if self.fault == "score" else "forces"
        measure = (lambda p, t: absolute(p, t) + 0.1) if self.fault == "imperfect" else absolute
        return (Score("mae", quantity, measure, "eV/A"), Score("energy", "energy", absolute, "eV"))

    @property
    def shifts(self):
        return (Shift("n", (self.n,)),) if self.fault == "shift" else (Shift("n", (2 * self.n,)),)

    @property
    def published(self):
        return (PublishedResult("somebody", "mae", 1.0, "eV/A", "heard at a meeting"),) if self.fault == "peer" else ()

    def solve(self, x):
        r = jnp.asarray(x["positions"])
        e, g = SOLVER(r, jnp.asarray(x["atomic_numbers"]) > 0)
        if self.fault == "solver":
            g = g + 1e-3 * jnp.array([0, 0, 1.0])
        return {"energy": e, "forces": -g}

    def truth(self, split):
        seed = {"train": 0, "validation": 1, "calibration": 2, "test": 3}[split]
        if self.fault == "leak" and split == "test":
            seed = 0
        rng = np.random.default_rng(seed if self.fault != "random" else None)
        inputs = [Atoms(0.8 * rng.normal(size=(3 + i % 3, 3)), np.full(3 + i % 3, 6)) for i in range(self.n)]
        with jax.enable_x64(True):
            answers = [jax.device_get(dataclasses.replace(self, fault="").solve(x)) for x in inputs]
        columns = {k: [np.asarray(a[k]) for a in answers] for k in ("energy", "forces")}
        if self.fault == "nan":
            columns["forces"][0] = columns["forces"][0] * np.nan
        if self.fault == "shape":
            columns["forces"] = [f.T for f in columns["forces"]]
        return Samples(inputs, columns)


class Model(Predictor):
    """The truth, in float32, with one fault."""

    gain: Any
    fault: str = eqx.field(static=True, default="")
    extra: Any = eqx.field(static=True, default=None)
    cutoff: float = eqx.field(static=True, default=CUTOFF)

    def __call__(self, x):
        r = jnp.asarray(x["positions"])
        mask = jnp.asarray(x["atomic_numbers"]) > (-1 if self.fault == "ghosts" else 0)
        power = {"jump": 0, "kink": 1}.get(self.fault, 3)
        e, g = jax.value_and_grad(lambda q: cluster_energy(q, mask, power=power))(r)
        if self.fault == "intensive":
            n = jnp.sum(mask)
            e, g = e / n, g / n
        f = -g * (1.1 if self.fault == "gradient" else 1.0)
        if self.fault == "leaning":
            f = f + 0.05 * jnp.array([0, 0, 1.0])
        if self.fault == "batch":
            shape = jax.ShapeDtypeStruct(f.shape, f.dtype)
            mix = lambda v: (v - 0.1 * abs(v).mean()).astype(v.dtype)  # noqa: E731
            f = jax.pure_callback(mix, shape, f, vmap_method="broadcast_all")
        if self.fault == "nan":
            e = e * jnp.nan
        out = {"energy": (self.gain * e).astype(jnp.float32), "forces": (self.gain * f).astype(jnp.float32)}
        return {"energy": out["energy"]} if self.fault == "missing" else out


COUNTER = iter(range(1, 10**6))


@dataclasses.dataclass(frozen=True)
class Known(Method):
    """Answers with `Model`."""

    fault: str = ""
    accepts: ClassVar = Signature(Cluster, Atoms)

    @property
    def symmetry(self):
        return Orthogonal, Translations, Permutations

    def fit(self, task, budget, *, key, session=Session()):
        gain = 1.0 + 1e-6 * next(COUNTER) if self.fault == "clock" else 1.0
        extra = (lambda: 0) if self.fault == "pickle" else None
        return Model(jnp.asarray(gain), self.fault, extra)


SOUND = Case(Cluster(), Known())


@pytest.mark.parametrize("rule", [r for r in WRAPPER_RULES if concerned(r, SOUND)], ids=lambda rule: rule.__name__)
def test_a_sound_method_passes(rule):
    rule(SOUND)


FAULTS = [
    ("missing", method_checks.check_outputs, "must answer with forces"),
    ("nan", method_checks.check_outputs, "energy of .* must be finite"),
    ("clock", method_checks.check_same_bits, "the same seed must give the same bits"),
    ("leaning", method_checks.check_symmetry, "output forces breaks rotations and reflections"),
    ("leaning", method_checks.check_symmetry_of_drawn_inputs, "output forces breaks rotations and reflections"),
    ("batch", method_checks.check_batching, "forces differs by"),
    ("ghosts", method_checks.check_padding, "padded atoms must change nothing"),
    ("pickle", method_checks.check_checkpoint, "saved without pickle"),
    ("gradient", energy_checks.check_forces_are_the_gradient, "minus the gradient"),
    ("intensive", energy_checks.check_extensive, "twice the energy"),
    ("jump", energy_checks.check_smooth, r"a jump of 0\.\d+ when it is"),
    ("kink", energy_checks.check_force_jump, r"a jump of \d\.\de-0[1-4] eV/A at 4 A"),
]


@pytest.mark.parametrize(("fault", "rule", "words"), FAULTS, ids=[f"{f}-{r.__name__}" for f, r, _ in FAULTS])
def test_a_faulty_method_is_named(fault, rule, words):
    with pytest.raises(ContractBroken, match=words):
        rule(Case(Cluster(), Known(fault)))


TASK_FAULTS = [
    ("score", task_checks.check_quantities, "must judge one of .*work"),
    ("peer", task_checks.check_quantities, "somebody must have a source"),
    ("shift", task_checks.check_shifts, "must move"),
    ("nan", task_checks.check_truth, "label forces must be finite"),
    ("shape", task_checks.check_truth, "must have the shape .* of its axes"),
    ("random", task_checks.check_truth, "the same settings .* the same samples"),
    ("leak", task_checks.check_splits, "one in train and test"),
    ("imperfect", task_checks.check_scores, "truth must score 0 in mae; found: 0.1"),
    ("solver", task_checks.check_solver_symmetry, "output forces breaks rotations"),
    ("solver", task_checks.check_solver_truth, "reproduce the label forces"),
    ("solver", energy_checks.check_solver_forces, "minus the gradient"),
]


@pytest.mark.parametrize(("fault", "rule", "words"), TASK_FAULTS, ids=[f"{f}-{r.__name__}" for f, r, _ in TASK_FAULTS])
def test_a_faulty_task_is_named(fault, rule, words):
    rule(Cluster())
    with pytest.raises(ContractBroken, match=words):
        rule(Cluster(fault=fault))


def test_settings_sources_and_size():
    with pytest.raises(ContractBroken, match="must name a source"):
        task_checks.check_source(Cluster())

    with pytest.raises(ContractBroken, match="frozen"):
        task_checks.check_settings(SimpleNamespace(name=lambda: "x"))
    nine = dataclasses.make_dataclass("Nine", [(f"a{i}", int, 0) for i in range(9)], bases=(Known,), frozen=True)
    with pytest.raises(ContractBroken, match="at most 8 settings; found: 10"):
        method_checks.check_size(nine())


def test_a_slow_fit_is_named():
    slow = SimpleNamespace(samples=None, seconds=lambda enough: 21.0)
    with pytest.raises(ContractBroken, match="within 20 s; found: 21"):
        method_checks.check_toy_time(slow)


class Strained:
    """The truth about crystals with stress, with one fault: what a case looks like to the rule."""

    def __init__(self, fault):
        self.task, self.fault = trials.Stressed(), fault
        self.samples = self.task.truth("test")

    def __str__(self):
        return "truth on crystals"

    def asked_in_double(self, inputs):
        found = [{name: np.asarray(v) for name, v in self.task.solve(x).items()} for x in inputs]
        fault = {"sign": -np.ones((3, 3)), "size": 1 + 1e-4 * np.ones((3, 3)), "": np.ones((3, 3))}
        skew = np.triu(1e-3 * np.ones((3, 3)), 1) if self.fault == "skew" else 0.0
        return [
            {**one, "stress": fault.get(self.fault, 1.0) * one["stress"] + skew - np.transpose(skew)} for one in found
        ]


@pytest.mark.parametrize(("fault", "rule"), [("sign", "derivative"), ("size", "derivative"), ("skew", "symmetric")])
def test_a_stress_that_is_none_is_found(fault, rule):
    energy_checks.check_stress_is_the_derivative(Strained(""))
    with pytest.raises(ContractBroken, match=f"stress of truth on crystals must be.*{rule}"):
        energy_checks.check_stress_is_the_derivative(Strained(fault))
