"""Screening of symmetry sectors: implicit steps of imaginary time of one small machine in each of them, by exact sums.

    c = V+ phi,      phi(s) = prod_a cosh( w_a . s + b_a ),      E = c+ H c / c+ c,      v = variance of E
    [ A+ A + lambda + tau A+ (H - E + sqrt(v)) A ] d = - tau A+ (H - E) c,      (w, b) <- (w, b) + d

A = d c / d(w, b) without its part along c; V: the sector (`physics.orbits`). Small tau is stochastic reconfiguration,
large tau Newton's step within the tangent space, which small gaps do not slow down (Rayleigh-Gauss-Newton: Webber and
Lindsey 2022, doi:10.1103/PhysRevResearch.4.033099). A step that does not lower E is taken back. On the processor, by
NumPy: nothing is compiled, so that a sector costs a second where it has few states.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Complex, Float

from erlangen.contract import Budget, Session
from erlangen.physics.characters import Character, sectors_of
from erlangen.physics.orbits import Orbits
from erlangen.physics.spins import Hamiltonian

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_FIRST_TIME, _LONGEST_TIME = 1.0, 1e6
"""tau, in units of the inverse width of the local energy at the start."""

_FIRST_DAMPING, _LEAST_DAMPING = 1e-2, 1e-9
"""lambda, relative to the mean of the diagonal of A+ A."""

_TRIES = 8
"""Shorter steps before a machine is taken as settled."""

_SETTLED = 1e-12
"""Variance, relative to the square of the energy, at which a state is taken for an eigenstate."""

_PATIENCE = 12
"""Steps after which a machine that has not settled gets more features, or starts anew where it is far from settled."""

_ASTRAY = 0.1
"""Standard deviation of the energy, relative to it, of a machine that sits between nodes: others start better."""

_GOOD = 1e-3
"""The same of one that another start would hardly better."""

_MOST_FEATURES, _MOST_NUMBERS = 64, 4 * 10**6
"""Features, and features times states."""

_MOST_STARTS, _MOST_ASTRAY = 4, 8
"""Starts of a machine that is near some eigenstate, and of one that is not."""

_LOOK, _FINALISTS = 0.6, 3
"""Share of the budget in which the lowest sector is sought among all, and the number of those that then go on."""

LARGEST = 200_000
"""States at the S_z of a law up to which its sectors are screened: 20 sites."""

_FIRST_LOOK, _MARGIN = 6, 3.0
"""Steps of every machine before one is left behind, and standard deviations of its energy above the lowest one."""

_TURN = 3
"""Steps of a machine before the next one is looked at."""


@dataclasses.dataclass(eq=False)
class Machine:
    """A machine on its way down in one sector. weights [features, sites], biases [features] (None: it has none)."""

    character: Character
    spins: Float[np.ndarray, "states sites"]
    v: csr_matrix
    h: csr_matrix
    features: int
    rng: np.random.Generator
    weights: Complex[np.ndarray, "features sites"] = dataclasses.field(init=False)
    biases: Float[np.ndarray, " features"] | None = dataclasses.field(init=False)
    energy: float = dataclasses.field(init=False)
    variance: float = dataclasses.field(init=False)
    time: float = dataclasses.field(init=False)
    damping: float = dataclasses.field(init=False)
    tries: int = 0
    begun: int = 0
    starts: int = 0
    is_done: bool = False
    kept: tuple[np.ndarray, np.ndarray | None, float, float] | None = None

    def __post_init__(self):
        self._start()

    def _start(self) -> None:
        """Random weights: log phi varies by about one between configurations; the lowest state so far is kept. Every
        new start has twice as many features: with more numbers than states hardly anything holds a machine up.
        """
        if self.starts:
            self._keep()
            self.features = min(2 * self.features, self._most_features)
        spread, shape = (self.spins.shape[1] * self.features) ** -0.5, (self.features, self.spins.shape[1])
        self.weights = spread * (self.rng.normal(size=shape) + 1j * self.rng.normal(size=shape))
        # phi is even without biases
        self.biases = np.full(self.features, spread) if self.character.flip <= 0 else None
        self.starts += 1
        self.begun = self.tries
        self._begin()

    def _begin(self) -> None:
        self.energy, self.variance = self._measured(self._amplitudes(self.weights, self.biases)[0])[1:]
        self.time, self.damping = _FIRST_TIME / max(self.variance**0.5, 1e-12), _FIRST_DAMPING

    def _grow(self) -> None:
        """Twice as many features; small weights leave phi nearly as it is."""
        shape, spread = self.weights.shape, 0.1 / self.weights.size**0.5
        more = spread * (self.rng.normal(size=shape) + 1j * self.rng.normal(size=shape))
        self.weights = np.concatenate([self.weights, more])
        if self.biases is not None:
            self.biases = np.concatenate([self.biases, spread * self.rng.normal(size=len(self.biases))])
        self._begin()

    @property
    def _most_features(self) -> int:
        return max(min(_MOST_FEATURES, _MOST_NUMBERS // len(self.spins)), self.features)

    @property
    def is_settled(self) -> bool:
        """Whether this is an eigenstate, to rounding."""
        return self.variance <= _SETTLED * max(self.energy**2, 1e-300)

    @property
    def lowest_energy(self) -> float:
        """Of all starts."""
        return min(self.energy, self.kept[2] if self.kept else np.inf)

    def _keep(self) -> None:
        if self.energy <= self.lowest_energy:
            self.kept = self.weights, self.biases, self.energy, self.variance

    def settle(self) -> None:
        """Go back to the lowest state of all starts."""
        self._keep()
        self.weights, self.biases, self.energy, self.variance = self.kept  # type: ignore[misc]  # just kept

    def advance(self, steps: int) -> None:
        """So many steps down; where they have led to no eigenstate in a while, with more features or from elsewhere."""
        for _ in range(steps):
            if self.is_settled or self.is_done:
                return
            lowered = self.step()
            self.tries += 1
            if self.is_settled or (lowered and self.tries % _PATIENCE):
                continue
            spread, may_start = self.spread, self.starts < (_MOST_ASTRAY if self.spread > _ASTRAY else _MOST_STARTS)
            if self.weights.size < self.h.diagonal().size and 2 * len(self.weights) <= self._most_features:
                self._grow()
            elif (spread > _ASTRAY and may_start) or (not lowered and spread > _GOOD and may_start):
                self._start()
            elif not lowered:
                self.is_done = True

    @property
    def lowest(self) -> float:
        """What the energy may still come down to: some level lies within sqrt(v) of it (Weinstein), the lowest one
        mostly within a little more. Nothing is known of it right after a start.
        """
        return self.energy - _MARGIN * self.variance**0.5 if self.tries >= self.begun + _FIRST_LOOK else -np.inf

    @property
    def spread(self) -> float:
        """Standard deviation of the energy, relative to it."""
        return self.variance**0.5 / max(abs(self.energy), 1e-300)

    def step(self) -> bool:
        """One step; whether it led down."""
        phi, slopes = self._amplitudes(self.weights, self.biases)
        c, energy, variance = self._measured(phi)
        a = self._tangents(slopes, float(np.linalg.norm(self.v.conj().T @ phi)))
        a = a - np.outer(c, c.conj() @ a)
        ha = self.h @ a
        force = ha.conj().T @ c - energy * (a.conj().T @ c)
        metric = a.conj().T @ a
        curvature = a.conj().T @ ha + (variance**0.5 - energy) * metric
        scale = max(float(np.real(np.trace(metric))) / len(metric), 1e-300)
        for _ in range(_TRIES):
            whole = metric + self.damping * scale * np.eye(len(metric)) + self.time * curvature
            moved = self._moved(_solved(whole, -self.time * force, self.weights.size))
            found = self._measured(self._amplitudes(*moved)[0])[1:] if moved else (np.inf, np.inf)
            if moved and found[0] < energy:
                (self.weights, self.biases), (self.energy, self.variance) = moved, found
                self.time = min(2 * self.time, _LONGEST_TIME)
                self.damping = max(self.damping / 2, _LEAST_DAMPING)
                return True
            self.time, self.damping = self.time / 4, self.damping * 2
        return False

    def _moved(self, d: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None] | None:
        if d is None or not np.isfinite(d).all():
            return None
        size = self.weights.size
        weights = self.weights + d[:size].reshape(self.weights.shape)
        return weights, None if self.biases is None else self.biases + np.real(d[size:])

    def _amplitudes(
        self, weights: np.ndarray, biases: np.ndarray | None
    ) -> tuple[Complex[np.ndarray, " states"], Complex[np.ndarray, "states features"]]:
        """(phi up to a factor, d phi / d b): cosh x = e^x (1 + q) / 2, tanh x = (1 - q) / (1 + q), q = e^-2x."""
        x, y = self.spins @ np.real(weights).T, self.spins @ np.imag(weights).T
        x = x if biases is None else x + biases
        sign = np.where(x < 0, -1.0, 1.0)
        x, y = x * sign, y * sign
        # real functions: NumPy's complex exponential is several times slower
        size = np.exp(-2 * x)
        q = size * np.cos(2 * y) - 1j * (size * np.sin(2 * y))
        exponent = x.sum(axis=1)
        phi = np.exp(exponent - exponent.max() + 1j * y.sum(axis=1)) * np.prod((1 + q) / 2, axis=1)
        return phi, (phi[:, None] * sign) * (1 - q) / np.where(q == -1, 1e-300, 1 + q)

    def _measured(self, phi: Complex[np.ndarray, " states"]) -> tuple[Complex[np.ndarray, " dimension"], float, float]:
        c = self.v.conj().T @ phi
        norm = np.linalg.norm(c)
        if not norm > 0 or not np.isfinite(norm):
            return c, np.inf, np.inf
        c = c / norm
        hc = self.h @ c
        energy = float(np.real(np.vdot(c, hc)))
        return c, energy, float(np.linalg.norm(hc - energy * c) ** 2)

    def _tangents(
        self, slopes: Complex[np.ndarray, "states features"], norm: float
    ) -> Complex[np.ndarray, "dimension columns"]:
        """d c / d w, then d c / d b: one feature at a time, so that nothing of states x parameters is kept."""
        import scipy.sparse

        back = self.v.conj().T.tocsr()

        def summed(weights: np.ndarray) -> np.ndarray:
            return scipy.sparse.csr_matrix((weights, back.indices, back.indptr), shape=back.shape) @ self.spins

        columns = []
        for slope in slopes.T / norm:
            scaled = back.data * slope[back.indices]
            columns.append(summed(np.real(scaled)) + 1j * summed(np.imag(scaled)))
        rest = [] if self.biases is None else [back @ (slopes / norm)]
        return np.concatenate([*columns, *rest], axis=1)


def machines(
    law: Hamiltonian, characters: Sequence[Character], features: int, *, is_late: Callable[[], bool], seed: int
) -> tuple[list[Machine], int]:
    """(one in every sector that holds states, in the order given; the number of sectors that time was left for)."""
    orbits: dict[bytes, Orbits] = {}
    found: list[Machine] = []
    spins = None
    for i, character in enumerate(characters):
        if found and is_late():
            return found, i
        group = np.asarray(character.permutations)
        name = group.tobytes()
        if name not in orbits:
            orbits[name] = Orbits.of(law, group, flip=law.is_flip_symmetric)
        v, h = orbits[name].sector(character.values, character.flip)
        if spins is None:
            spins = orbits[name].basis.configurations().astype(float)
        size = h.diagonal().size
        if not size:
            continue
        own, rng = spins, np.random.default_rng((seed, i))
        if character.flip > 0:  # phi is even: half of the configurations say all
            half = spins[:, 0] > 0
            own, v = spins[half], 2 * v[half]
        enough = -(-size // law.n_sites) + 1  # as many numbers as the sector has states
        found.append(Machine(character, own, v, h, min(features, enough), rng))
    return found, len(characters)


def race(
    found: Sequence[Machine], *, spent: Callable[[], float], rounds: int, tell: Callable[[int, Machine], None]
) -> None:
    """All machines step by step; one whose level lies above the lowest energy found is left behind, and in the last
    part of the budget all but the lowest few. Those left behind where they say little of their sector yet go on once
    nothing else is open.
    """
    for number in range(rounds):
        going, behind = ([one for one in some(found) if not one.is_done] for some in (undecided, astray))
        live = sorted(going or behind, key=lambda one: one.lowest_energy)
        for one in live[: _FINALISTS if spent() > _LOOK else None]:
            one.advance(_TURN)
            if spent() > 1:
                return
        if not live:
            return
        tell(number, min(found, key=lambda one: one.lowest_energy))


def undecided(found: Sequence[Machine]) -> list[Machine]:
    """Those that may still come lowest."""
    best = min(one.lowest_energy for one in found)
    return [one for one in found if not one.is_settled and one.lowest <= best]


def astray(found: Sequence[Machine]) -> list[Machine]:
    """Those far from any eigenstate: they say little of their sector."""
    best = min(one.lowest_energy for one in found)
    return [one for one in found if one.variance**0.5 > _ASTRAY * abs(best)]


@dataclasses.dataclass(frozen=True)
class Screened:
    """The lowest machine, and the titles of the sectors that were looked at."""

    machine: Machine
    looked: tuple[str, ...]


def screened(law: Hamiltonian, features: int, budget: Budget, *, seed: int, session: Session) -> Screened:
    """The lowest state of all sectors, by machines in every one side by side.

    It ends early where one is an eigenstate, to rounding, below what the others come to.
    """
    import threadpoolctl

    begun = time.perf_counter()

    def spent() -> float:
        return (time.perf_counter() - begun) / (budget.seconds or math.inf)

    every, steps = sectors_of(law), budget.steps or 10**6

    def tell(number: int, one: Machine) -> None:
        done = _TURN * (number + 1)
        session.progress(done, budget.steps or 0, {"energy": one.lowest_energy, "variance": one.variance})

    with threadpoolctl.threadpool_limits(1):  # matrices are small: threads would wait for each other
        found, n_looked = machines(law, every, features, is_late=lambda: spent() > _LOOK, seed=seed)
        race(found, spent=spent, rounds=max(steps // _TURN, 1), tell=tell)
    best = min(found, key=lambda one: one.lowest_energy)
    rivals = [*undecided(found), *(one for one in astray(found) if one not in undecided(found))]
    _tell(best, rivals, n_looked, len(every), session)
    best.settle()
    return Screened(best, tuple(one.title for one in every[:n_looked]))


def _tell(best: Machine, rivals: Sequence[Machine], n_looked: int, n_every: int, session: Session) -> None:
    lowest = f"{best.character.title} at {best.lowest_energy:.6f}"
    session.say(f"{n_looked} of {n_every} symmetry sectors looked at; lowest is {lowest}")
    others = [one.character.title for one in rivals if one is not best]
    if others:
        named = "; ".join(others[:6]) + "; ..." * (len(others) > 6)
        session.say(f"not yet decided against {named}: a longer budget tells them apart")


def _solved(matrix: Complex[np.ndarray, "k k"], force: Complex[np.ndarray, " k"], n: int) -> np.ndarray | None:
    """x of matrix x = force where the first n of x are complex and the others real: Re(x+ M x) is what counts."""
    import scipy.linalg

    a, b = np.real(matrix), np.imag(matrix)
    real = np.block([[a, -b[:, :n]], [b[:n], a[:n, :n]]])
    right = np.concatenate([np.real(force), np.imag(force)[:n]])
    try:
        x = scipy.linalg.solve(real, right, assume_a="pos", check_finite=False)
    except (np.linalg.LinAlgError, ValueError):
        return None
    found = x[: len(matrix)].astype(complex)
    found[:n] += 1j * x[len(matrix) :]
    return found
