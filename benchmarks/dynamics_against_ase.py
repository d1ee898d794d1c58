"""Dynamics in one compiled loop beside ASE's loop over our own calculator: the same law or network, one run, CPU.

    python benchmarks/dynamics_against_ase.py [--parts law model linear batch] [--repeats 3]

Milliseconds per step of velocity Verlet; repeats interleave, medians count, compilation does not. Per step ASE gets
energy, forces and stress of `mechanics` on a list made on the host (vesin), in-graph dynamics the same numbers on a
list that follows. `linear`: in-graph only, exponent p of time = c n^p. `batch`: 64 molecules of 13 atoms at once, one
by one, and one by one through ASE.
"""

from __future__ import annotations

import argparse
import time
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase import Atoms as AseAtoms
from ase import units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from ase.stress import full_3x3_to_voigt_6_stress

from erlangen import registry
from erlangen.contract import Budget
from erlangen.core.systems import Atoms
from erlangen.learn.batching import in_single, stacked
from erlangen.methods.message_passing._potential import Potential
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.nn.radial import Bessel
from erlangen.numerics.ensembles import Verlet
from erlangen.numerics.precision import double
from erlangen.physics.dynamics import prepare
from erlangen.physics.interatomic.lennard_jones import LennardJones

LAW = LennardJones(cutoff=8.5125)


def network() -> Potential:
    """A small PaiNN, float32, fitted to the law for so many steps that it moves its atoms like argon."""
    task = registry.load_task("materials/potentials")(engine="lj-argon", temperature=80, n_train=60, n_test=20)
    method = PaiNN(channels=16, layers=2, radial=Bessel(5.5, 8))
    return method.fit(task, Budget(steps=600), key=jax.random.key(0))  # type: ignore[return-value]


class OfSurface(Calculator):
    """What `app.calculator` does at each call, for a surface: a list on the host, padded, one compiled answer."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces", "stress"]

    def __init__(self, surface: LennardJones | Potential, single: bool):
        super().__init__()
        self.surface, self.single, self.room = surface, single, (0, 0)
        self.answer = eqx.filter_jit(lambda f, x: jax.vmap(f.mechanics)(x))

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        batch, self.room = stacked([self.surface.prepare(ours(self.atoms))], self.room)
        with double():
            found = jax.device_get(self.answer(self.surface, in_single(batch) if self.single else batch))
        stress = full_3x3_to_voigt_6_stress(found["stress"][0])
        self.results = {"energy": float(found["energy"][0]), "forces": found["forces"][0], "stress": stress}


def ours(a: AseAtoms) -> Atoms:
    return Atoms(a.positions.copy(), np.asarray(a.numbers, np.int32), a.cell.array.copy(), np.asarray(a.pbc))


def argon(edge: int) -> AseAtoms:
    a = bulk("Ar", "fcc", 5.4, cubic=True) * (edge, edge, edge)
    a.rattle(0.15, seed=0)  # so that lists are planned for a warm crystal and need not grow
    MaxwellBoltzmannDistribution(a, temperature_K=80, rng=np.random.default_rng(0))
    return a


class InGraph:
    """Blocks of steps; the first, not counted, compiles."""

    def __init__(self, surface, systems, steps: int):
        self.simulation = prepare(surface, systems, Verlet(5.0), interval=steps, block=steps)
        self.steps, self.state = steps, self.simulation.start(temperature=80.0)
        same = 0
        while same < 3:  # lists have grown to what they will need
            cells = self.simulation.cells
            self.seconds()
            same = same + 1 if self.simulation.cells == cells else 0

    def seconds(self) -> float:
        """Per step."""
        start = time.perf_counter()
        self.state, _, self.simulation = self.simulation.run(self.state)
        return (time.perf_counter() - start) / self.steps


class WithAse:
    """The same through ASE."""

    def __init__(self, surface, a: AseAtoms, steps: int, single: bool):
        a.calc, self.steps = OfSurface(surface, single), steps
        self.run = VelocityVerlet(a, 5.0 * units.fs).run
        self.run(3)

    def seconds(self) -> float:
        start = time.perf_counter()
        self.run(self.steps)
        return (time.perf_counter() - start) / self.steps


def medians(parts: dict, repeats: int) -> dict:
    times = {name: [] for name in parts}
    for _ in range(repeats):
        for name, part in parts.items():
            times[name].append(part.seconds())
    return {name: float(np.median(values)) for name, values in times.items()}


def against_ase(name: str, surface, edges: tuple[int, ...], steps: int, repeats: int, single: bool) -> None:
    for edge in edges:
        a = argon(edge)
        parts = {"in graph": InGraph(surface, [ours(a)], steps), "ASE": WithAse(surface, a, steps, single)}
        found = medians(parts, repeats)
        told = "  ".join(f"{k} {1e3 * v:7.3f} ms/step" for k, v in found.items())
        print(f"{name}  {len(a):5d} atoms  {told}  {found['ASE'] / found['in graph']:.1f} x", flush=True)


def linear(edges: tuple[int, ...], repeats: int) -> None:
    sizes, times = [], []
    for edge in edges:
        a = argon(edge)
        found = medians({"": InGraph(LAW, [ours(a)], 20)}, repeats)[""]
        sizes.append(len(a))
        times.append(found)
        print(
            f"law  {len(a):5d} atoms  in graph {1e3 * found:8.3f} ms/step  {1e6 * found / len(a):.2f} us/atom",
            flush=True,
        )
    print(f"  time ~ n^{np.polyfit(np.log(sizes), np.log(times), 1)[0]:.2f}")


def batch(repeats: int, count: int = 64) -> None:
    apart = bulk("Ar", "fcc", 5.4, cubic=True) * (2, 2, 2)
    nearest = np.argsort(np.linalg.norm(apart.positions - apart.positions.mean(0), axis=1))[:13]
    molecule = ours(AseAtoms("Ar13", apart.positions[nearest]))
    for name, surface in (("law", LAW), ("network", network())):
        steps = 200 if name == "law" else 50
        parts = {"one": InGraph(surface, [molecule], steps), "64": InGraph(surface, [molecule] * count, steps)}
        a = AseAtoms("Ar13", molecule.positions)
        found = medians({**parts, "ASE": WithAse(surface, a, 20, single=name == "network")}, repeats)
        ours_, ase_ = (count * found[k] / found["64"] for k in ("one", "ASE"))
        told = "  ".join(f"{k} {1e3 * v:.3f} ms/step" for k, v in found.items())
        print(f"{name}  13 atoms  {told}: 64 at once {ours_:.1f} x one by one, {ase_:.0f} x ASE", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", nargs="+", default=["law", "model", "linear", "batch"])
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    if "law" in args.parts:
        against_ase("law    ", LAW, (3, 4, 6), 40, args.repeats, single=False)
    if "model" in args.parts:
        against_ase("network", network(), (3, 4, 6), 40, args.repeats, single=True)
    if "linear" in args.parts:
        linear((6, 8, 10, 13), args.repeats)
    if "batch" in args.parts:
        batch(args.repeats)


if __name__ == "__main__":
    jnp.zeros(()).block_until_ready()
    main()
