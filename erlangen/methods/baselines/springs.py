"""Spring models of the crystal as descriptors, with a Gaussian process and a forest behind them.

    log y = 1/2 [ GP(w * x) + forest(x) ],      k(x, x') = a^2 Matern_3/2(|x - x'| / l) + b^2 exp(-|x - x'|^2 / 2 L^2)
    t     = y [ 1 + sum_k c_k B_k(x) ]                                              of a symmetric tensor of rank 2

x: invariants of the structure, above all the highest frequencies of spring models whose stiffness follows from bond
lengths; w: importances of the forest, to the power 0.15; B_k: traceless sums over the directions of bonds, c by ridge
regression. Vectors and tensors of odd rank come out zero. For a few thousand samples; no gradient with respect to
positions.
Geurts, Ernst and Wehenkel 2006, doi:10.1007/s10994-006-6226-1; Rasmussen and Williams 2006, ISBN 9780262182539.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ...contract import Budget, Method, Outputs, Predictor, Samples, Session, Signature, Spread, Supervised, Task
from ...core.errors import Invalid, within
from ...core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from ...core.systems import Atoms
from ...nn.forest import Forest
from ._crystal_descriptors import TENSORS, bond_tensors, describe

CLIP = 4.0  # standard deviations: beyond what was seen, a descriptor says no more than "large"
RIDGE = 1e-2  # relative to the mean of the diagonal
SHARPEN = 0.15  # power of the importances that scale the axes of the Gaussian process


class Process(eqx.Module):
    """The mean of a Gaussian process with a rough and a smooth part: offset + sum_m weights_m k(x, x_m)."""

    points: Float[Array, "m d"]
    weights: Float[Array, " m"]
    scales: Float[Array, "2 2"]  # variance and length of the Matern part, of the Gaussian part
    offset: Float[Array, ""]

    def __call__(self, x: Float[Array, " d"]) -> Float[Array, ""]:
        (rough, short), (smooth, long) = self.scales
        square = jnp.sum(x**2) + jnp.sum(self.points**2, 1) - 2 * self.points @ x
        square = jnp.maximum(square, 0.0)
        s = jnp.sqrt(3 * square + 1e-20) / short
        kernel = rough * (1 + s) * jnp.exp(-s) + smooth * jnp.exp(-0.5 * square / long**2)
        return self.offset + kernel @ self.weights

    @classmethod
    def of(cls, points: np.ndarray, values: np.ndarray, seed: int) -> Process:
        """Hyperparameters by marginal likelihood, from one start."""
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

        rough = ConstantKernel(0.2, (1e-3, 10)) * Matern(6.0, (0.3, 100.0), nu=1.5)
        smooth = ConstantKernel(3.0, "fixed") * RBF(30.0, (1.0, 1e3))
        kernel = rough + smooth + WhiteKernel(1e-3, (1e-4, 1.0))
        process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed)
        process.fit(points, values)
        found: Any = process.kernel_
        scales = [[k.k1.constant_value, k.k2.length_scale] for k in (found.k1.k1, found.k1.k2)]
        spread = float(np.std(values)) or 1.0
        weights = np.ravel(process.alpha_) * spread
        return cls(points, weights, np.array(scales), np.asarray(np.mean(values)))  # type: ignore[arg-type]


class SpringRegression(Spread):
    """Invariant properties of crystals (and of molecules in a box); the spread is that of the trees."""

    forest: Forest
    processes: list[Process]
    centre: Float[Array, " d"]
    width: Float[Array, " d"]
    axes: Float[Array, " d"]
    anisotropy: Float[Array, "outputs tensors"]  # c; zero for scalars
    outputs: tuple[tuple[str, int], ...] = eqx.field(static=True)  # name, rank
    logarithmic: tuple[bool, ...] = eqx.field(static=True)

    def __call__(self, x: Atoms) -> Outputs:
        scaled, tensors = self._scaled(x)
        trees = jnp.mean(self.forest(scaled), 0)
        found = [0.5 * (one(scaled * self.axes) + trees[i]) for i, one in enumerate(self.processes)]
        values = [jnp.exp(v) if log else v for v, log in zip(found, self.logarithmic, strict=True)]
        shapes = jnp.eye(3) + jnp.tensordot(self.anisotropy, tensors, axes=1)
        return self._by_name(values, shapes)

    def spread(self, x: Atoms) -> Outputs:
        trees = self.forest(self._scaled(x)[0])
        width = jnp.std(trees, 0) + 1e-3
        centre = jnp.mean(trees, 0)
        values = [width[i] * (jnp.exp(centre[i]) if log else 1.0) for i, log in enumerate(self.logarithmic)]
        return self._by_name(values, jnp.ones((len(values), 3, 3)))

    def _scaled(self, x: Atoms) -> tuple[Array, Array]:
        """Descriptors in units of their spread, and bond tensors."""
        kind, d = jnp.result_type(float), len(self.centre)
        floats = (jnp.asarray(v, kind) for v in (x.positions, x.cell))
        positions, cell = (jax.lax.bitcast_convert_type(v, jnp.uint32) for v in floats)
        double = kind == jnp.float64

        def compute(*given: Any) -> np.ndarray:
            where, numbers, lattice, repeats = map(np.asarray, given)
            where, lattice = (v.view(kind)[..., 0] if double else v.view(kind) for v in (where, lattice))
            both = (describe(where, numbers, lattice, repeats), bond_tensors(where, numbers, lattice, repeats).ravel())
            return np.concatenate(both).astype(kind).view(np.uint32).reshape(shape)

        # callbacks run in a thread of their own, where JAX rounds floats to 32 bits: they travel as their bits
        shape = (d + 9 * TENSORS, 2) if double else (d + 9 * TENSORS,)
        answer = jax.ShapeDtypeStruct(shape, jnp.uint32)
        given = (positions, jnp.asarray(x.atomic_numbers), cell, jnp.asarray(x.pbc))
        bits = jax.pure_callback(compute, answer, *given, vmap_method="sequential")
        found = jax.lax.bitcast_convert_type(bits, kind)
        scaled = jnp.clip((found[:d] - self.centre) / self.width, -CLIP, CLIP)
        return scaled, found[d:].reshape(TENSORS, 3, 3)

    def _by_name(self, values: Sequence[Array], shapes: Array) -> Outputs:
        found, numbers = {}, iter(zip(values, shapes, strict=True))
        for name, rank in self.outputs:
            if rank in (0, 2):
                value, shape = next(numbers)
                found[name] = value * shape if rank == 2 else value
            else:
                found[name] = jnp.zeros((3,) * rank)
        return found


@dataclasses.dataclass(frozen=True)
class Springs(Method):
    """Descriptors from spring models, Gaussian process and forest."""

    trees: int = 300
    most: int = 3000  # training samples of the Gaussian process; its cost grows as the cube

    accepts: ClassVar[Signature] = Signature(Supervised, Atoms)

    def __post_init__(self):
        within(self, trees=(1, 10**4), most=(10, 20000))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Orthogonal, Translations, Permutations, LatticeBasis, LatticeTranslations)

    def check(self, task: Task) -> None:
        """Accept properties of whole systems that do not grow with their size."""
        super().check(task)
        odd = [q.name for q in task.outputs if q.axes or q.extensive or q.rep.pseudo]
        if odd or not any(q.rep.rank in (0, 2) for q in task.outputs):
            raise Invalid(
                must="springs answers for intensive scalars and symmetric tensors of rank 2 of the whole system",
                came=f"{task.name()} with the outputs {[q.name for q in task.outputs]}",
                do="Use a method with forces or vectors (painn).",
            )

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Forest, then one Gaussian process per output, on training and validation samples; no budget stops it."""
        from sklearn.ensemble import ExtraTreesRegressor

        seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
        parts = [task.truth("train"), task.truth("validation")]
        outputs = tuple((q.name, q.rep.rank) for q in task.outputs)
        targets = np.stack([_invariants(parts, name, rank) for name, rank in outputs if rank in (0, 2)], 1)
        inputs = [x for part in parts for x in part.inputs]
        found = np.array([describe(x["positions"], x["atomic_numbers"], x["cell"], x["pbc"]) for x in inputs])
        logarithmic = tuple(bool(column.min() > 0) for column in targets.T)
        targets = np.where(logarithmic, np.log(np.maximum(targets, 1e-300)), targets)
        centre, width = found.mean(0), found.std(0)
        width = np.where(width > 1e-9 * (1 + np.abs(centre)), width, 1e9)  # what never varied says nothing
        scaled = np.clip((found - centre) / width, -CLIP, CLIP)
        session.say(f"{len(scaled)} samples, {np.sum(width < 1e9)} descriptors that vary")
        forest = ExtraTreesRegressor(self.trees, max_features=0.5, random_state=seed)
        forest.fit(scaled, targets if targets.shape[1] > 1 else targets[:, 0])
        axes = (forest.feature_importances_ + 0.1 / len(centre)) ** SHARPEN
        axes = np.where(width < 1e9, axes, 0.0)
        axes /= np.sqrt(np.mean(axes[width < 1e9] ** 2)) if np.any(width < 1e9) else 1.0
        rows = np.unique(np.linspace(0, len(scaled) - 1, min(self.most, len(scaled))).astype(int))
        processes = [Process.of(scaled[rows] * axes, column[rows], seed) for column in targets.T]
        told = [(name, rank) for name, rank in outputs if rank in (0, 2)]
        directed = any(rank == 2 for _, rank in told)
        asked = ("positions", "atomic_numbers", "cell", "pbc")
        tensors = np.array([bond_tensors(*(x[name] for name in asked)) for x in inputs if directed])
        turned = [_anisotropy(tensors, parts, name) if rank == 2 else np.zeros(TENSORS) for name, rank in told]
        answer = (Forest.of(forest), processes, centre, width, axes, np.array(turned), outputs, logarithmic)
        return SpringRegression(*answer)  # type: ignore[arg-type]


def _invariants(parts: Sequence[Samples], name: str, rank: int) -> np.ndarray:
    """A scalar itself, of a tensor of rank 2 a third of the trace."""
    values = [np.asarray(y, float) for part in parts for y in part.outputs[name]]
    return np.array([np.trace(y) / 3 if rank == 2 else y for y in values], float)


def _anisotropy(tensors: np.ndarray, parts: Sequence[Samples], name: str) -> np.ndarray:
    """c of t = y (1 + sum_k c_k B_k), y a third of the trace; tensors B [samples, count, 3, 3]. Ridge regression."""
    labels = np.array([np.asarray(y, float) for part in parts for y in part.outputs[name]])
    labels = 0.5 * (labels + np.swapaxes(labels, 1, 2))
    isotropic = np.trace(labels, axis1=1, axis2=2)[:, None, None] / 3
    sound = np.abs(isotropic[:, 0, 0]) > 1e-3 * np.max(np.abs(labels), (1, 2))  # else the ratio means nothing
    ratio = (labels / np.where(sound[:, None, None], isotropic, 1.0) - np.eye(3))[sound]
    columns = tensors[sound].transpose(0, 2, 3, 1).reshape(-1, TENSORS)
    square = columns.T @ columns
    ridge = RIDGE * np.trace(square) / TENSORS + 1e-30
    return np.linalg.solve(square + ridge * np.eye(TENSORS), columns.T @ ratio.reshape(-1))
