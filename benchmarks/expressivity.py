"""What each network can tell apart, measured with random weights in float64 and set beside what theory says.

python benchmarks/expressivity.py [--only painn mace] [--largest 4]: one row per preset. Chains: the number of layers
after which two k-chains differ ("-": never within k + 2). Stars and bodies: whether one layer tells them apart. Where
measurement and theory differ an entry reads "measured (theory)"; the last line counts the entries that agree.

With random weights two structures have features that are equal to rounding (1e-15) where the architecture cannot tell
them apart, and differ by far more where it can: no training, no statistics. Joshi et al. 2023, arXiv:2301.09308.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from erlangen import registry
from erlangen.assess.symmetry import in_double
from erlangen.core.systems import Atoms
from erlangen.methods.message_passing._method import MessagePassing
from erlangen.nn.components import scalars
from erlangen.numerics.neighbours import neighbours
from erlangen.numerics.precision import double
from erlangen.tasks.molecules.expressivity import CUTOFF, pair

APART = 1e-12  # relative to the largest feature
ELEMENTS = (1, 6, 8)
NEVER = 0


@dataclasses.dataclass(frozen=True)
class Theory:
    """What decides: the `degrees` of the directions, `bodies` correlated by the scalars of one layer, and how long an
    orientation takes to become a scalar (a function of k; NEVER where messages carry none).

    figures: "bodies" around an atom, or around "bonds" where messages belong to pairs. largest: of the figures in which
    neighbours do not see each other, where one layer hears neighbours of neighbours too.
    """

    degrees: Sequence[int]
    bodies: int
    chain: Callable[[int], int]
    figures: str = "bodies"
    largest: int = 4

    def says(self, test: str, size: int) -> int:
        """Layers for a chain; 1 or 0 for can or cannot. L periods in a plane need l = L, L + 2, ..."""
        if test == "chain":
            return self.chain(size)
        if test == "star":
            return int(self.bodies > 2 and any(l >= size and (l - size) % 2 == 0 for l in self.degrees))
        return int(self.bodies > size)


def met_halfway(k: int) -> int:
    """Directions walk one atom per layer from both ends and are multiplied with each other where they meet."""
    return k // 2 + 1


def walked_through(k: int) -> int:
    """Features are only ever multiplied with the next direction: one walk has to pass both ends."""
    return k + 1


def seen_moved(k: int) -> int:
    """Directions move atoms, and the distance of two moved atoms is heard one layer later."""
    return (k + 1) // 2 + 1


def never(k: int) -> int:
    """Angles between neighbours are the same in both, and messages carry nothing else."""
    return NEVER


def one_bond(k: int) -> int:
    """Torsions about a bond between the neighbourhoods of its two ends: enough for two atoms between the ends."""
    return 1 if k == 2 else NEVER


def theory_of(method: Any) -> Theory:
    """The rule for a preset, from the equations in its docstring."""
    if method.name() == "mace":
        chain = never if method.lmax == 0 else met_halfway if method.body_order > 2 else walked_through
        return Theory(range(method.density + 1), method.body_order, chain)
    if method.name() == "nequip":
        return Theory(range(method.lmax + 1), 2, walked_through if method.lmax else never)
    if method.name() in ("dimenet", "spherenet"):
        return Theory(range(method.angles + 1), method.body_order, never, "bonds")
    if method.name() == "comenet":
        # the weights of a pair hear its direction up to the degree of the densities, and even ones up to twice that
        d = method.torsions
        return Theory((*range(d + 1), *range(0, 2 * d + 1, 2)), 4, one_bond, largest=3)
    return {
        "schnet": Theory((0,), 2, never),
        "egnn": Theory((0, 1), 2, seen_moved),
        "painn": Theory((0, 1), 3, met_halfway),  # |V v|^2 in the update is a sum over pairs of neighbours
    }[method.name()]


def presets(only: Sequence[str]) -> dict[str, Any]:
    """Small, shallow versions of every message-passing method, and of MACE at several places of the plane."""
    found = {}
    for entry in registry.entries("method"):
        cls = None if entry.problem else registry.load_method(entry.name)
        if cls is not None and issubclass(cls, MessagePassing) and (not only or cls.name() in only):
            found[cls.name()] = cls()
    if "mace" in found:
        mace = found.pop("mace")
        for lmax, density, bodies in ((0, 2, 3), (1, 2, 2), (1, 2, 3), (1, 3, 4)):
            changed = dataclasses.replace(mace, lmax=lmax, density=density, body_order=bodies)
            found[f"mace lmax={lmax} l<={density} bodies={bodies}"] = changed
    return {
        name: dataclasses.replace(m, channels=8, radial=dataclasses.replace(m.radial, cutoff=CUTOFF))
        for name, m in found.items()
    }


def padded(x: Atoms, n: int) -> tuple[np.ndarray, np.ndarray]:
    missing = n - len(x.atomic_numbers)
    numbers = np.concatenate([x.atomic_numbers, np.zeros(missing, int)])
    return np.concatenate([x.positions, np.zeros((missing, 3))]), numbers


def separations(method: Any, tests: Sequence[tuple[str, int]], seed: int = 0) -> np.ndarray:
    """[tests, layers]: the largest difference of scalar features between the two structures, relative to their size.

    One compiled program: all structures padded to one shape, the features of all layers at once (the first t layers of
    a deep network are a network of t layers).
    """
    pairs = [pair(*test) for test in tests]
    n = max(len(marked) for _, marked in pairs)
    arrays = [padded(x, n) for structures, _ in pairs for x in structures]
    positions, numbers = (np.stack(column) for column in zip(*arrays, strict=True))
    with double():
        network = method.build(len(ELEMENTS), 3.0, key=jax.random.key(seed))
        network = in_double(network)

        @eqx.filter_jit  # the weights as arguments: as constants they would be folded, for minutes
        def features(network, positions, numbers):
            def one(r, z):
                species = jnp.searchsorted(jnp.asarray(ELEMENTS), z)
                layers = network.representations(species, neighbours(r, z, CUTOFF))[0]
                return jnp.stack([scalars(x) for x in layers])

            return jax.vmap(one)(positions, numbers)

        found = np.asarray(features(network, jnp.asarray(positions), jnp.asarray(numbers)))
    table = np.zeros((len(tests), found.shape[1]))
    for i, ((test, _), (_, marked)) in enumerate(zip(tests, pairs, strict=True)):
        judged = np.arange(len(marked)) if test == "chain" else np.flatnonzero(marked)
        one, other = found[2 * i][:, judged], found[2 * i + 1][:, judged]
        size = np.abs(one).max((1, 2))
        table[i] = np.abs(one - other).max((1, 2)) / np.where(size > 0, size, 1)
    return table


def verdicts(method: Any, tests: Sequence[tuple[str, int]]) -> list[int]:
    """Per test: the first layer that tells a chain's structures apart (NEVER if none); 1 or 0 for one layer else."""
    deepest = max((size + 2 for test, size in tests if test == "chain"), default=1)
    apart = separations(dataclasses.replace(method, layers=deepest), tests) > APART
    first = apart
    if apart.shape[1] < deepest:  # all rounds are one layer of the network: one round is another network
        first = separations(dataclasses.replace(method, layers=1), tests) > APART
    found = []
    for i, (test, size) in enumerate(tests):
        row = apart[i, : size + 2]
        found.append((int(np.argmax(row)) + 1 if row.any() else NEVER) if test == "chain" else int(first[i, 0]))
    return found


def shown(test: str, value: int) -> str:
    if test == "chain":
        return str(value) if value else "-"
    return "can" if value else "cannot"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="names of methods; default: all message-passing methods")
    parser.add_argument("--largest", type=int, default=4, help="longest chain and most arms")
    options = parser.parse_args()
    sizes, figures = range(2, options.largest + 1), (2, 3, 4)
    heads = [(test, n) for test in ("chain", "star", "bodies") for n in (figures if test == "bodies" else sizes)]
    clock, right, cells = time.perf_counter(), 0, 0
    print(f"{'':<30}" + "".join(f"{test} {n}".rjust(10) for test, n in heads))
    for name, method in presets(options.only).items():
        rule = theory_of(method)
        tests = [(rule.figures if test == "bodies" else test, n) for test, n in heads]
        tests = [(test, n) for test, n in tests if test in ("chain", "star") or n <= rule.largest]
        row = f"{name:<30}"
        for (test, n), value in zip(tests, verdicts(method, tests), strict=True):
            expected = rule.says(test, n)
            cells, right = cells + 1, right + (value == expected)
            text = shown(test, value) if value == expected else f"{shown(test, value)} ({shown(test, expected)})"
            row += text.rjust(10)
        print(row + ("   about bonds" if rule.figures == "bonds" else ""), flush=True)
    print(f"{right} of {cells} cells equal theory, {time.perf_counter() - clock:.0f} s")


if __name__ == "__main__":
    main()
