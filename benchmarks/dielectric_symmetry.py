"""Dielectric tensors: an equivariant head beside a net that answers six components without symmetry, and the zeros.

    python benchmarks/dielectric_symmetry.py [--data dielectric_constant.csv] [--piezo piezoelectric_tensor.csv]

Same split (whole chemical systems, 80/20), same network below the head, same budget. Frobenius error over the test
crystals; the largest component that the point group of a crystal forbids, in float64; and the piezoelectric tensor that
the same kind of head answers for crystals with a centre of inversion. The net without symmetry answers in standard
axes, so that it can learn where zeros lie.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from erlangen import registry
from erlangen.contract import Budget, Outputs, Predictor, Samples
from erlangen.core.systems import Atoms
from erlangen.data.property_sets import symmetric_crystal
from erlangen.learn.batching import predict
from erlangen.learn.supervised import Training, fit
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.nn.elements import Elements
from erlangen.nn.linear import Perceptron
from erlangen.nn.radial import Bessel
from erlangen.numerics.neighbour_lists import LABEL, listed, near_of
from erlangen.numerics.precision import double
from erlangen.physics.crystal_symmetry import forbidden
from erlangen.tasks.materials.properties import Properties, frobenius

CUTOFF, LAYERS = 5.0, 2
VOIGT = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]], np.int32)


class SixComponents(Predictor):
    """The components of a symmetric tensor as six invariants of an invariant network: no symmetry at all."""

    network: Any
    head: Perceptron
    elements: Elements
    mean: tuple[float, ...] = eqx.field(static=True)
    scale: float = eqx.field(static=True)

    def prepare(self, x: Any) -> Any:
        return listed(x, CUTOFF) if LABEL not in x.labels else x

    def __call__(self, x: Atoms) -> Outputs:
        features, _ = self.network.representations(self.elements.species(x.atomic_numbers), near_of(x, CUTOFF))
        atomic = self.head(features[-1][0][0])
        real = jnp.asarray(x.atomic_numbers)[:, None] > 0
        six = jnp.asarray(self.mean, atomic.dtype) + self.scale * jnp.sum(jnp.where(real, atomic, 0), 0) / jnp.sum(real)
        return {"dielectric": six[VOIGT]}


def fit_six_components(task: Properties, channels: int, training: Training, budget: Budget) -> SixComponents:
    train = task.truth("train")
    labels = np.array(train.outputs["dielectric"], float)
    elements = Elements.from_counts([np.asarray(x["atomic_numbers"]) for x in train.inputs], np.zeros(len(train)))
    first, second, third = jax.random.split(jax.random.key(0), 3)
    network = PaiNN(channels, LAYERS, Bessel(CUTOFF, 8)).build(len(elements.numbers), 20.0, key=first)
    mean = tuple(float(labels[:, i, j].mean()) for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)))
    head = Perceptron(channels, channels, 6, gain=0.3, key=second)
    model = SixComponents(network, head, elements, mean, float(labels.std()))

    def loss(found: Any, x: Any, true: Outputs) -> Any:
        return jnp.mean(((found(x)["dielectric"] - true["dielectric"]) / model.scale) ** 2)

    return fit(model, loss, train, task.truth("validation"), training=training, budget=budget, key=third)


def in_float64(fitted: Predictor, inputs: list[Atoms], name: str) -> list[np.ndarray]:
    """Answers with parameters and inputs in float64, compiled once for one padded shape."""
    model = jax.tree.map(lambda a: np.asarray(a, np.float64) if _is_float(a) else a, fitted)
    prepared: Any = [model.prepare(x) for x in inputs]
    n = max(len(x.atomic_numbers) for x in inputs)
    width = max((x.labels[LABEL].width for x in prepared if LABEL in x.labels), default=0)
    run, found = eqx.filter_jit(lambda f, x: f(x)[name]), []
    with double():
        for x in prepared:
            more = n - len(x.atomic_numbers)
            labels = {LABEL: x.labels[LABEL].padded(n, width)} if LABEL in x.labels else {}
            grown = Atoms(
                np.pad(x.positions, [(0, more), (0, 0)]), np.pad(x.atomic_numbers, (0, more)), x.cell, x.pbc, labels
            )
            found.append(np.asarray(run(model, grown)))
    return found


def _is_float(leaf: Any) -> bool:
    return eqx.is_array(leaf) and np.issubdtype(leaf.dtype, np.floating)


def known(samples: Samples, train: Samples) -> Samples:
    """The samples all of whose elements occur in training."""
    seen = set(np.concatenate([x["atomic_numbers"] for x in train.inputs]).tolist())
    return samples.take([i for i, x in enumerate(samples.inputs) if set(x["atomic_numbers"].tolist()) <= seen])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="", help="a local copy of dielectric_constant.csv")
    parser.add_argument("--piezo", default="", help="a local copy of piezoelectric_tensor.csv")
    parser.add_argument("--budget", default="5m", help="of each network")
    parser.add_argument("--channels", type=int, default=32)
    asked = parser.parse_args()
    budget, training = Budget.parse(asked.budget), Training(rate=4e-3, batch=16, clip=10.0, checks=10)
    task = Properties(target="dielectric", data=asked.data)
    train = task.truth("train")
    test = known(task.truth("test"), train)
    print(f"{len(train)} training crystals; {len(test)} of {len(task.truth('test'))} test crystals of known elements")
    groups = [symmetric_crystal(x)[2] for x in test.inputs]  # type: ignore[arg-type]
    equivariant = PaiNN(channels=asked.channels, layers=LAYERS, radial=Bessel(CUTOFF, 8), training=training)
    makers = {
        "PaiNN, tensor head": lambda: equivariant.fit(task, budget, key=jax.random.key(0)),
        "PaiNN, six components": lambda: fit_six_components(task, asked.channels, training, budget),
        "springs": lambda: registry.load_method("springs")().fit(task, budget, key=jax.random.key(0)),
        "mean by composition": lambda: registry.load_method("mean")().fit(task, budget, key=jax.random.key(0)),
    }
    true = test.outputs["dielectric"]
    for name, make in makers.items():
        start = time.perf_counter()
        fitted = make()
        answer = predict(fitted, test.inputs)["dielectric"]
        errors = [frobenius(a, b) for a, b in zip(answer, true)]
        exact = in_float64(fitted, test.inputs, "dielectric")  # type: ignore[arg-type]
        worst = max(forbidden(a, g) for a, g in zip(exact, groups))
        error = np.std(errors, ddof=1) / len(errors) ** 0.5
        print(
            f"{name:24s} Frobenius error {np.mean(errors):.3f} +- {error:.3f} (median {np.median(errors):.3f}), "
            f"largest forbidden component {worst:.1e} (float64), {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    if asked.piezo:
        piezo = Properties(target="piezoelectric", data=asked.piezo)
        fitted = equivariant.fit(piezo, Budget(seconds=(budget.seconds or 60) / 3), key=jax.random.key(0))
        central = [i for i, g in enumerate(groups) if np.any(np.all(np.abs(g + np.eye(3)) < 1e-6, axis=(1, 2)))]
        central_set = known(test.take(central), piezo.truth("train"))
        answers = in_float64(fitted, central_set.inputs, "piezoelectric")  # type: ignore[arg-type]
        others = predict(fitted, known(piezo.truth("test"), piezo.truth("train")).inputs)["piezoelectric"]
        print(
            f"piezoelectric head: max |e_ijk| {max(np.max(np.abs(a)) for a in answers):.1e} C/m^2 on {len(answers)} "
            f"centrosymmetric crystals (float64), median of the largest component on crystals without a centre "
            f"{np.median([np.max(np.abs(a)) for a in others]):.2f} C/m^2"
        )


if __name__ == "__main__":
    main()
