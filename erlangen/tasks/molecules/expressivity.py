"""Which of two structures is it? Pairs that only a rich enough network tells apart, up to rotations and reflections.

    chain   k atoms in a row with a bent end at either side, cis or trans: a network has to carry directions from both
            ends to one atom, which takes floor(k/2) + 1 layers; without directions in its messages it never can
    star    a centre, L equal arms and a pointer, above an arm or between two: around the axis the arms are a function
            with L periods, so harmonics of degree l < L see the same in both
    bodies  two neighbourhoods with equal sets of all n-atom figures that hold the centre, and unequal (n+1)-atom ones:
            a layer that correlates n bodies cannot tell them apart
    bonds   the same for figures that hold a bond, for networks whose messages belong to pairs of atoms

The classes say what is possible, not what is learnt: an answer that can do it scores 0, one that cannot scores 1/2.
To be learnt they have to come in equal numbers into every step (`--training.batch 64`: all structures at once). When a
fit begins, what tells a chain of four from its twin is a few millionths of the features at the marked atoms; the mean
label of a batch of five is a fifth at least and drowns it, and the fit ends with one answer for both.
Joshi, Bodnar, Mathis, Cohen, Lio 2023, arXiv:2301.09308 (theory and chains; there a star is read through features that
turn with it, here through a pointer, so that the question is invariant); Pozdnyakov et al. 2020,
doi:10.1103/PhysRevLett.125.166001 (equal n-body sets).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...contract import Samples, Score, Shift, Split, Supervised
from ...core import quantity
from ...core.errors import Invalid, unknown
from ...core.groups import Group, Orthogonal, Permutations, Translations
from ...core.quantity import Quantity
from ...core.systems import Atoms

SIDE = Quantity("side", "c", "1", "atoms", label="class at the marked atoms")
SIZES = {"chain": (2, 12), "star": (2, 12), "bodies": (2, 4), "bonds": (2, 4)}
SPLITS = {"train": 0, "validation": 1, "calibration": 2, "test": 3}
BOND = 2.0  # A
CUTOFF = 3.5  # A: in a chain only adjacent atoms are nearer


@dataclasses.dataclass(frozen=True)
class Expressivity(Supervised):
    """One pair of structures, turned, reflected, moved and relabelled at random; the class is +1 or -1."""

    test: str = "chain"  # chain, star, bodies or bonds
    size: int = 4  # k atoms of a chain, L arms of a star, or n bodies whose figures are equal
    n_train: int = 64  # training structures
    n_test: int = 32  # test structures, and as many for calibration and validation

    container: ClassVar[type[Atoms]] = Atoms
    inputs: ClassVar = (quantity.positions, quantity.atomic_numbers, quantity.cell)
    outputs: ClassVar = (SIDE,)
    toy: ClassVar[Mapping[str, Any]] = {"size": 2, "n_train": 16, "n_test": 8}

    def __post_init__(self):
        if self.test not in SIZES:
            raise unknown("the test", self.test, SIZES)
        low, high = SIZES[self.test]
        if not low <= self.size <= high or min(self.n_train, self.n_test) < 2:
            raise Invalid(
                must=f"the size of a {self.test} is {low} to {high}, and splits hold at least 2 structures",
                came=f"size={self.size}, n_train={self.n_train}, n_test={self.n_test}",
                do="Good values: --size 4 --n_train 64 --n_test 32.",
            )

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Orthogonal(), Translations(), Permutations())

    @property
    def scores(self) -> tuple[Score, ...]:
        return (Score("error_rate", "side", wrong, "1", "wrong classes"),)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        low, high = SIZES[self.test]
        return (Shift("size", tuple(n for n in (self.size + 1,) if low <= n <= high), "larger"),)

    def truth(self, split: Split) -> Samples:
        """Copies of the two structures in turn; the class at the marked atoms, 0 at all others."""
        structures, marked = pair(self.test, self.size)
        rng = np.random.default_rng([SPLITS[split], self.size, sorted(SIZES).index(self.test)])
        inputs, labels = [], []
        for i in range(self.n_train if split == "train" else self.n_test):
            x = structures[i % 2]
            order = rng.permutation(len(x.atomic_numbers))
            turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.choice([-1.0, 1.0])
            inputs.append(Atoms(x.positions[order] @ turn.T + rng.normal(size=3), x.atomic_numbers[order]))
            labels.append(np.where(marked[order], 1.0 - 2 * (i % 2), 0.0))
        return Samples(inputs, {"side": labels})


def wrong(predicted: Any, true: Any) -> float:
    """Share of the marked atoms with the wrong sign; where it is zero nothing was said, which counts one half."""
    true, predicted = np.ravel(np.asarray(true, float)), np.ravel(np.asarray(predicted, float))
    marked = true != 0
    return float(np.mean(0.5 - 0.5 * np.sign(predicted[marked] * true[marked])))


def pair(test: str, size: int) -> tuple[tuple[Atoms, Atoms], np.ndarray]:
    """The two structures, atom by atom in the same order, and which atoms are marked."""
    return {"chain": chains, "star": stars, "bodies": neighbourhoods, "bonds": bonds}[test](size)


def chains(k: int) -> tuple[tuple[Atoms, Atoms], np.ndarray]:
    """k carbon atoms in a row along x, with an end bent by 37 degrees at either side: cis and trans.

    Marked are the atoms that hear of both ends first, after floor(k/2) + 1 layers.
    """
    row = [(BOND * i, 0.0, 0.0) for i in range(k)]
    ends = [[(-0.8 * BOND, 0.6 * BOND, 0.0), (BOND * (k - 1) + 0.8 * BOND, 0.6 * BOND * s, 0.0)] for s in (1, -1)]
    numbers = np.full(k + 2, 6)
    place = np.arange(k + 2)
    marked = np.maximum(place, k + 1 - place) == k // 2 + 1
    cis, trans = (Atoms(np.array([left, *row, right]), numbers) for left, right in ends)
    return (cis, trans), marked


def stars(arms: int) -> tuple[tuple[Atoms, Atoms], np.ndarray]:
    """A carbon atom with equal hydrogen arms in a plane and an oxygen atom high above it, leaning towards an arm or
    between two. Marked are the carbon and the oxygen atom, which no arm sees.
    """
    angle = 2 * np.pi * np.arange(arms) / arms
    plane = BOND * np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    lean = np.deg2rad(10.0)
    pair = []
    for phi in (0.0, np.pi / arms):
        pointer = 3.3 * np.array([np.sin(lean) * np.cos(phi), np.sin(lean) * np.sin(phi), np.cos(lean)])
        pair.append(Atoms(np.concatenate([np.zeros((1, 3)), plane, pointer[None]]), np.array([6, *[1] * arms, 8])))
    return (pair[0], pair[1]), pair[0].atomic_numbers > 1


def neighbourhoods(bodies: int) -> tuple[tuple[Atoms, Atoms], np.ndarray]:
    """A carbon atom with hydrogen neighbours in `bodies` groups: any bodies - 1 of the groups are congruent in both.

    Each group is turned into its other state by one reflection of its own, the last group by every reflection; any
    choice of states for all groups but one is reached by reflections, the parity of all of them is not.

        2 bodies   b at 100 or 140 degrees from a
        3 bodies   a along x, b along y or -y, and a pair along (s, s, -c) and (-s, -s, -c)
        4 bodies   a along x, b along y, c along z or -z, and a tetrahedron (1,1,1), (1,-1,-1), (-1,1,-1), (-1,-1,1)

    Radii of the groups differ; up to 3 bodies no two neighbours see each other. Marked is the centre. Five bodies would
    need four independent reflections, one more than space has.
    """
    pairs = []
    for s in (1.0, -1.0):
        if bodies == 2:
            angle = np.deg2rad(120.0 - 20.0 * s)
            near = np.array([[2.4, 0, 0], [2.6 * np.cos(angle), 2.6 * np.sin(angle), 0]])
        elif bodies == 3:
            low = np.array([[0.4, 0.4, -(0.68**0.5)], [-0.4, -0.4, -(0.68**0.5)]])
            near = np.concatenate([[[3.1, 0, 0], [0, 3.2 * s, 0]], 3.3 * low])
        else:
            corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5
            near = np.concatenate([np.diag([1.8, 2.0, 2.2 * s]), 2.4 * corners])
        pairs.append(Atoms(np.concatenate([np.zeros((1, 3)), near]), np.array([6, *[1] * len(near)])))
    return (pairs[0], pairs[1]), pairs[0].atomic_numbers > 1


def bonds(bodies: int) -> tuple[tuple[Atoms, Atoms], np.ndarray]:
    """A bond of a carbon and an oxygen atom, and hydrogen neighbours of the carbon atom that the oxygen does not see.

        2 bodies   one neighbour, at 100 or 140 degrees from the bond
        3 bodies   two neighbours at 100 degrees, turned about the bond by 90 or 180 degrees against each other
        4 bodies   four neighbours at 100 degrees, at 0, 1, 3, 4 or 0, 1, 2, 5 eighths of a turn: equal differences

    Marked is the oxygen atom: all it can know came along the bond.
    """
    turns = {2: ([0], [0]), 3: ([0, 2], [0, 4]), 4: ([0, 1, 3, 4], [0, 1, 2, 5])}[bodies]
    pairs = []
    for theta, eighths in zip((100.0, 140.0 if bodies == 2 else 100.0), turns, strict=True):
        theta, phi = np.deg2rad(theta), np.array(eighths) * np.pi / 4
        near = 2.2 * np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), 0 * phi + np.cos(theta)], 1)
        positions = np.concatenate([np.zeros((1, 3)), [[0, 0, 3.0]], near])
        pairs.append(Atoms(positions, np.array([6, 8, *[1] * len(near)])))
    return (pairs[0], pairs[1]), pairs[0].atomic_numbers == 8
