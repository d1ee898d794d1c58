"""What a fitted potential is worth in use: does the molecule hold together, and does it move as it should?

    m dv = F dt - gamma m v dt + sqrt(2 gamma m kT) dW,   dx = v dt         at constant temperature
    m dv = F dt,                                          dx = v dt         at constant energy, E conserved

An answer gives energies and forces as in molecules/forces, and is judged by these too. Where it is a surface (an energy
of which forces are the gradient) all molecules and replicas are simulated side by side, from thermal test frames, and
judged by what follows: picoseconds without a broken bond, the distribution of interatomic distances (Fu et al. 2023,
arXiv:2210.07237), bonds, angles, drift of the energy, equipartition, vibrations. Truth: trajectories of the method of
the labels. Errors of forces say little about all of this: a frame that was never seen is enough to break a bond.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess.symmetry import in_double
from ...contract import Consequence, Curve, Quantities, Samples, Score, Split
from ...core.errors import Invalid
from ...core.systems import Atoms
from ...data.cache import Key, key, remembered
from ...numerics.mechanics import Surface
from ...numerics.precision import double
from ...physics import molecular_motion as figures
from ...physics.force_field import mmff
from ...physics.molecular_motion import Skeleton
from ...physics.molecular_runs import Motion, Run, by_engine, on_surface
from ...physics.molecules import charge_and_spin, conformers, masses
from ...physics.tight_binding import TightBinding
from .forces import XTB, Forces

REFERENCES, OTHERS = 4, 2  # trajectories of the reference method, and of a second run of it and of a force field
SHORTER = 0.25  # of the reference, for the opponents
MOTION = Motion()


def _itself(predicted: Any, true: Any) -> float:
    return float(predicted)


def _size(predicted: Any, true: Any) -> float:
    return abs(float(predicted))


@dataclasses.dataclass(frozen=True)
class Dynamics(Forces):
    """Energy and forces of molecules in motion, and the motion that follows from them."""

    motion: Motion = MOTION  # how it is simulated: --motion.duration 100 ps, --motion.replicas 8, ...

    toy: ClassVar[Mapping[str, Any]] = {
        "molecule": "water",
        "n_train": 40,
        "n_test": 20,
        "motion": Motion(duration=0.05, free=0.05, every=5.0, replicas=2, reference=0.4),
    }

    def __post_init__(self):
        super().__post_init__()
        if self.data and any(np.any(x["pbc"]) for x in self.truth("test").inputs):
            raise Invalid(
                must="molecules/dynamics simulates isolated molecules",
                came=f"periodic frames in {self.data}",
                do="Train on materials/potentials, and simulate with erlangen md.",
            )

    @property
    def kelvin(self) -> float:
        """Temperature of the simulations [K]."""
        return self.motion.temperature or (500.0 if self.data else self.temperature)

    @property
    def consequences(self) -> tuple[Consequence, ...]:
        """Every molecule is a case."""
        return (
            Consequence(
                "dynamics", Surface, derive=self._simulated, true=self._true, scores=self._judged_by,
                curves=CURVES, opponents={} if self.data else self._opponents,
            ),
        )  # fmt: skip

    @property
    def _judged_by(self) -> tuple[Score, ...]:
        """Vibrations only where the reference method can be asked for them."""
        own = () if self.data else (Score("spectrum_shift", "spectrum", figures.moved, "1/cm", "shift of vibrations"),)
        return (
            Score("survived", "survived", _itself, "ps", "time without a broken bond", lower_is_better=False),
            Score("distances", "distances", _apart("distances"), "1", "distances h(r)"),
            Score("bonds", "bonds", _apart("bonds"), "1", "bond lengths"),
            Score("angles", "angles", _apart("angles"), "1", "angles"),
            Score("drift", "drift", _size, "meV/atom/ps", "drift of the energy"),
            Score("equipartition", "equipartition", _itself, "%", "equipartition", factor=100),
            Score("step_time", "step_time", _itself, "ms", "time of a step"),
            *own,
        )

    def _key(self, split: Split) -> Key:
        """Frames are those of molecules/forces: labelled once for both."""
        return Forces(**{f.name: getattr(self, f.name) for f in dataclasses.fields(Forces)})._key(split)

    def _simulated(self, answer: Surface, key: PRNGKeyArray) -> Quantities:
        """On a surface: all molecules and replicas in one loop."""
        with double():
            exact = in_double(answer)
        seed = int(jax.random.randint(key, (), 0, 2**30))
        starts = [one[:: max(len(one) // self.motion.replicas, 1)] for one in self._thermal]
        starts = [(one * self.motion.replicas)[: self.motion.replicas] for one in starts]
        runs = on_surface(answer, exact, starts, self.motion, self.kelvin, seed=seed)  # type: ignore[arg-type]
        return self._figures(runs, self.motion.stride(self.motion.every) * self.motion.dt / 1000)

    def _true(self) -> Quantities:
        """The same of the method of the labels; for own files the shape of their test frames alone."""
        runs = [Run([_positions(one)]) for one in self._thermal] if self.data else self._references
        found = self._figures(runs, 0.0)
        n = len(runs)
        return {**found, "survived": [self.motion.duration] * n, **{q: [0.0] * n for q in LAWS}, "step_time": [0.0] * n}

    def _figures(self, runs: Sequence[Run], spacing: float) -> dict[str, list[Any]]:
        """By name, one value for each molecule; spacing: ps between canonical frames."""
        found: dict[str, list[Any]] = {name: [] for name in QUANTITIES}
        for run, bones, numbers in zip(runs, self._skeletons, self._numbers, strict=True):
            whole = [figures.intact(r, bones) for r in run.canonical]
            good = [r[: figures.survived(w)] for r, w in zip(run.canonical, whole)]
            shape = figures.shape(np.concatenate([r[:0] for r in run.canonical[:1]] + good), bones)
            found["survived"].append(min(float(np.mean([spacing * len(r) for r in good])), self.motion.duration))
            for name in figures.WIDTHS:
                found[name].append(getattr(shape, name))
                found[f"{name}_at"].append(figures.centres(name))
            found["drift"].append(run.drift[0])
            found["equipartition"].append(run.equipartition)
            found["spectrum"].append(figures.spectrum(run.free, run.spacing, masses(numbers)))
            found["wavenumbers"].append(figures.WAVENUMBERS)
            found["step_time"].append(run.step_ms)
        return found

    @functools.cached_property
    def _thermal(self) -> list[list[Atoms]]:
        """Test frames of each molecule, in the order in which the molecules come; of own files, by their atoms."""
        frames = [Atoms(np.asarray(x["positions"], float), np.asarray(x["atomic_numbers"], np.int32))
                  for x in self.truth("test").inputs]  # fmt: skip
        if not self.data:
            parts = np.array_split(np.arange(len(frames)), len(self.molecules))
            return [[frames[i] for i in part] for part in parts]
        by: dict[tuple[int, ...], list[Atoms]] = {}
        for x in frames:
            by.setdefault(tuple(np.asarray(x.atomic_numbers).tolist()), []).append(x)
        return list(by.values())

    @property
    def _numbers(self) -> list[np.ndarray]:
        return [np.asarray(one[0].atomic_numbers) for one in self._thermal]

    @functools.cached_property
    def _skeletons(self) -> list[Skeleton]:
        return [figures.skeleton(_positions(one), z) for one, z in zip(self._thermal, self._numbers)]

    @functools.cached_property
    def _references(self) -> list[Run]:
        """Of the reference method, remembered: minutes for large molecules."""
        return [self._remembered(m) for m in self.molecules]

    def _remembered(self, molecule: str) -> Run:
        settings = dataclasses.asdict(self.motion) | {"molecule": molecule, "engine": self._sampler, "T": self.kelvin}
        for unused in ("temperature", "duration", "friction", "every", "replicas"):
            settings.pop(unused)
        made = remembered(
            key(f"{self.name()}/reference", settings, made_by=(by_engine, TightBinding)),
            lambda: _packed(self._by_tight_binding(molecule, self.motion.reference, REFERENCES, seed=11), molecule),
        )
        out = made.outputs
        return Run(out["canonical"], out["free"], out["conserved"], float(out["spacing"][0]))

    @property
    def _sampler(self) -> str:
        return XTB.get(self.engine, XTB["gfn2"])

    def _by_tight_binding(self, molecule: str, length: float, count: int, *, seed: int) -> Run:
        starts = conformers(molecule, count, seed=seed)
        method = TightBinding(self._sampler, *charge_and_spin(molecule))
        make = functools.partial(method.potential, starts[0].atomic_numbers)
        return by_engine(make, starts, self.motion, self.kelvin, length, seed=seed)

    @property
    def _opponents(self) -> dict[str, Any]:
        """A second run of the reference method says how well it is known; a force field is what is cheap."""
        length = SHORTER * self.motion.reference

        def again(molecule: str) -> Run:
            return self._by_tight_binding(molecule, length, OTHERS, seed=12)

        def classical(molecule: str) -> Run:
            starts = conformers(molecule, OTHERS, seed=13)
            make = functools.partial(mmff, molecule)
            return by_engine(make, starts, self.motion, self.kelvin, length, seed=13)

        def figures_of(run: Any) -> Quantities:
            found = self._figures([run(m) for m in self.molecules], 0.0)
            return {name: found[name] for name in found if name not in ("survived", "equipartition")}

        return {self._sampler: lambda: figures_of(again), "MMFF94": lambda: figures_of(classical)}


def _apart(name: str) -> Any:
    return lambda predicted, true: figures.apart(predicted, true, figures.WIDTHS[name])


def _positions(frames: Sequence[Atoms]) -> np.ndarray:
    return np.stack([np.asarray(x.positions, float) for x in frames])


def _packed(run: Run, molecule: str) -> Samples:
    """A run as samples, one for each of its trajectories."""
    start = conformers(molecule)[0]
    outputs = {
        "canonical": list(run.canonical),
        "free": list(run.free),
        "conserved": list(run.conserved),
        "spacing": [np.asarray(run.spacing)] * len(run.free),
    }
    return Samples([start] * len(run.free), outputs)


LAWS = ("drift", "equipartition")  # what the laws of mechanics say is zero
QUANTITIES = (
    "survived", *LAWS, "step_time", "spectrum", "wavenumbers",
    *figures.WIDTHS, *(f"{name}_at" for name in figures.WIDTHS),
)  # fmt: skip
CURVES = (
    Curve("Distances", "distances_at", "distances", (("distance", "A"), ("density", "1/A"))),
    Curve("Bond lengths", "bonds_at", "bonds", (("length", "A"), ("density", "1/A"))),
    Curve("Angles", "angles_at", "angles", (("angle", "deg"), ("density", "1/deg"))),
    Curve("Vibrations", "wavenumbers", "spectrum", (("wavenumber", "1/cm"), ("density", "cm"))),
)
