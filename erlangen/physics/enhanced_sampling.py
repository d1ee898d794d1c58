"""Free energies along a collective variable s(r) that would take too long to cross unaided.

    F(s) = -kT log p(s),       p(s) = sum_n w_n delta(s - s_n) / sum_n w_n

    umbrella       U + k/2 (s - c_i)^2 in windows i, at once;  w_n = 1 / sum_i N_i exp(f_i - u_i(s_n))          (MBAR)
    metadynamics   U + V(s, t), V growing by hills where it is;  w_n = exp((V(s_n, t_n) - c(t_n)) / kT)
    reweighting    frames of one surface for another: w_n = exp(-(U_other - U)(r_n) / kT)

Windows and walkers are one compiled loop of Langevin dynamics. Shirts and Chodera 2008, doi:10.1063/1.2978177 (MBAR);
Barducci, Bussi, Parrinello 2008, doi:10.1103/PhysRevLett.100.020603 (well-tempered metadynamics); Raiteri et al. 2006,
doi:10.1021/jp054359r (walkers that share their hills); Tiwary and Parrinello 2015, doi:10.1021/jp504920s (c(t)).
Errors are those of blocks of time. Any consistent units; for isolated molecules, all pairs of atoms.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..core.errors import Invalid, within
from ..core.systems import Atoms
from ..numerics.ensembles import Bodies, Langevin, Phase
from ..numerics.following import Felt, felt
from ..numerics.mechanics import Surface
from ..numerics.precision import double
from .collective_variables import Variable

Forces = Callable[[Float[Array, "n 3"]], tuple[Float[Array, ""], Float[Array, "n 3"]]]
"""positions -> energy and forces, in compiled code."""


@dataclasses.dataclass(frozen=True)
class Pace:
    """How walkers move: dt [fs], friction [1/fs], steps between frames, frames that are kept, frames before these."""

    dt: float = 0.5
    friction: float = 0.01
    interval: int = 20
    count: int = 2000
    burn_in: int = 200

    def __post_init__(self):
        within(self, dt=(0, 100), friction=(0, 100), interval=(1, 10**6), count=(2, 10**9), burn_in=(0, 10**9))


@dataclasses.dataclass(frozen=True)
class Hills:
    """What metadynamics adds: height and width of a hill, every how many frames, and the factor by which the variable
    is hotter in the end; bins between low and high carry the bias (of a periodic variable: one period).

    Good values: height kT/10 to kT/2, width a third of a basin, factor 5-15 (barrier/kT).
    """

    height: float
    width: float
    factor: float = 10.0
    every: int = 5
    low: float = -np.pi
    high: float = np.pi
    bins: int = 120

    def __post_init__(self):
        within(self, height=(0, np.inf), width=(0, np.inf), factor=(1, np.inf), every=(1, 10**6), bins=(8, 10**5))
        if not self.high > self.low:
            raise Invalid(must="low is below high", came=f"{self.low:g}, {self.high:g}", do="The default is a circle.")

    @property
    def spacing(self) -> float:
        """Between bins."""
        return (self.high - self.low) / self.bins


@dataclasses.dataclass(frozen=True)
class Sampled:
    """Values of the variable, and the logarithm of the weight of each frame (up to a constant)."""

    values: Float[np.ndarray, "walkers frames"]
    log_weights: Float[np.ndarray, "walkers frames"]
    positions: Float[np.ndarray, "walkers frames n 3"]
    energies: Float[np.ndarray, "windows walkers frames"] | None = None  # of umbrellas, over kT: weights come from them
    bias: Float[np.ndarray, " bins"] = dataclasses.field(default_factory=lambda: np.zeros(0))


@dataclasses.dataclass(frozen=True)
class Profile:
    """F(s) with its standard error; int exp(-F/kT) ds = 1. Infinite where nobody was."""

    s: Float[np.ndarray, " bins"]
    energy: Float[np.ndarray, " bins"]
    error: Float[np.ndarray, " bins"]


def on(surface: Surface, x: Atoms) -> Forces:
    """Energy and forces of a molecule on a surface."""
    if np.any(x.pbc):
        raise Invalid(must="free energies are those of isolated molecules", came="pbc", do="Take a molecule.")
    surface.check(surface.prepare(x))
    numbers, cell, pbc = np.asarray(x.atomic_numbers), np.zeros((3, 3)), np.zeros(3, bool)

    def forces(r: Float[Array, "n 3"]) -> tuple[Float[Array, ""], Float[Array, "n 3"]]:
        found = felt(surface, Atoms(r, numbers, cell, pbc))
        return found.energy, found.forces

    return forces


def of_energy(energy: Callable[[Float[Array, "n 3"]], Float[Array, ""]]) -> Forces:
    """The same of an energy in closed form."""

    def forces(r: Float[Array, "n 3"]) -> tuple[Float[Array, ""], Float[Array, "n 3"]]:
        value, gradient = jax.value_and_grad(energy)(r)
        return value, -gradient

    return forces


def unbiased(
    forces: Forces, starts: Float[np.ndarray, "walkers n 3"], masses: Float[np.ndarray, " n"], variable: Variable,
    *, kT: float, pace: Pace, seed: int = 0,
) -> Sampled:  # fmt: skip
    """Plain dynamics: every frame counts the same. The long reference of the others."""
    return umbrella(forces, starts, masses, variable, np.zeros(len(starts)), 0.0, kT=kT, pace=pace, seed=seed)


def umbrella(
    forces: Forces, starts: Float[np.ndarray, "windows n 3"], masses: Float[np.ndarray, " n"], variable: Variable,
    centres: Float[np.ndarray, " windows"], stiffness: float, *, kT: float, pace: Pace, seed: int = 0,
) -> Sampled:  # fmt: skip
    """Windows around `centres`, all at once; stiffness k: energy over the square of the variable.

    Neighbouring windows have to overlap: k below about 4 kT / spacing^2.
    """
    with double():
        r, values = _windows(forces, jnp.asarray(starts, float), masses, variable, jnp.asarray(centres, float),
                             stiffness, kT, pace, seed)  # fmt: skip
        gaps = np.asarray(variable.apart(values[None], jnp.asarray(centres)[:, None, None]))
        r, values = np.asarray(r), np.asarray(values)
    if stiffness == 0:
        return Sampled(values, np.zeros(values.shape), r)
    energies = 0.5 * stiffness * gaps**2 / kT
    return Sampled(values, mbar(energies), r, energies)


def metadynamics(
    forces: Forces, starts: Float[np.ndarray, "walkers n 3"], masses: Float[np.ndarray, " n"], variable: Variable,
    hills: Hills, *, kT: float, pace: Pace, seed: int = 0,
) -> Sampled:  # fmt: skip
    """Walkers that share their hills; frames of the first `burn_in` are those in which the basins are filled."""
    if variable.period is not None and not np.isclose(hills.high - hills.low, variable.period):
        raise Invalid(
            must=f"bins of a periodic variable cover its period of {variable.period:g}",
            came=f"{hills.low:g} to {hills.high:g}",
            do="Leave low and high out.",
        )
    with double():
        bias, found = _filled(forces, jnp.asarray(starts, float), masses, variable, hills, kT, pace, seed)
        r, values, weights = (np.swapaxes(np.asarray(a), 0, 1)[:, pace.burn_in :] for a in found)
    return Sampled(values, weights, r, bias=np.asarray(bias))


def profile(sampled: Sampled, edges: Float[np.ndarray, " edges"], *, kT: float, blocks: int = 5) -> Profile:
    """F(s) in the bins between `edges`, and its error from blocks of time."""
    width, count = np.diff(edges), sampled.values.shape[1]
    if count < blocks:
        raise Invalid(must="there is a frame in every block", came=f"{count} for {blocks}", do="Simulate longer.")

    def density(part: slice) -> Float[np.ndarray, " bins"]:
        """With weights of its own where they are found from the frames."""
        known = sampled.energies is None or part == slice(None)
        weights = sampled.log_weights[:, part] if known else mbar(sampled.energies[..., part])  # type: ignore[index]
        s, w = sampled.values[:, part].ravel(), weights.ravel()
        found = np.histogram(s, edges, weights=np.exp(w - w.max()))[0]
        return found / max(found.sum(), 1e-300) / width

    parts = np.array_split(np.arange(count), blocks)
    each = np.array([density(slice(p[0], p[-1] + 1)) for p in parts])
    whole = density(slice(None))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = each.std(0, ddof=1) / np.sqrt(blocks) / whole
        energy = -kT * np.log(whole)
    return Profile(0.5 * (edges[1:] + edges[:-1]), energy, np.where(whole > 0, kT * relative, np.inf))


def between(one: Profile, other: Profile, below: float) -> float:
    """Root mean square difference where both are below `below` (over their minima), up to a constant."""
    low = [p.energy - p.energy.min() for p in (one, other)]
    near = (low[0] < below) & (low[1] < below)
    gap = (one.energy - other.energy)[near]
    return float(np.sqrt(np.mean((gap - gap.mean()) ** 2)))


def mbar(energies: Float[np.ndarray, "states walkers frames"]) -> Float[np.ndarray, "walkers frames"]:
    """Logarithms of the weights with which frames of all states speak for the one without bias; energies: of frame n
    (of walker i, simulated in state i) in every state, over kT.

    f minimises sum_n log sum_i N_i exp(f_i - u_in) - sum_i N_i f_i, convex (Zhang et al. 2012, doi:10.1063/1.3701175).
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    states, _, frames = energies.shape
    u = energies.reshape(states, -1)

    def objective(f: np.ndarray) -> tuple[float, np.ndarray]:
        shares = np.concatenate([[0.0], f])[:, None] - u + np.log(frames)
        total = logsumexp(shares, axis=0)
        gradient = np.exp(shares - total).sum(1) - frames
        return float((total.sum() - frames * f.sum()) / u.shape[1]), gradient[1:] / u.shape[1]

    f = np.zeros(states - 1)
    if states > 1:
        f = minimize(objective, f, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 1000}).x
    total = logsumexp(np.concatenate([[0.0], f])[:, None] - u + np.log(frames), axis=0)
    return -total.reshape(energies.shape[1:])


def reweighted(log_weights: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], float]:
    """Weights with sum 1, and how many frames they are worth: 1 / sum w^2 (Kish). One heavy frame is worth one."""
    w = np.exp(np.ravel(log_weights) - np.max(log_weights))
    w /= w.sum()
    return w.reshape(np.shape(log_weights)), float(1 / np.sum(w**2))


def _felt(forces: Forces, bias: Callable[[Array], Array], r: Float[Array, "n 3"]) -> Felt:
    energy, f = forces(r)
    value, gradient = jax.value_and_grad(bias)(r)
    return Felt(energy + value, f - gradient, jnp.zeros((3, 3), r.dtype))


def _at_start(r: Array, masses: Float[np.ndarray, " n"], kT: float, seed: int) -> tuple[Bodies, Array]:
    """Bodies, and thermal velocities of all walkers."""
    m = jnp.asarray(masses, float)
    v = jax.random.normal(jax.random.key(seed), r.shape, r.dtype) * jnp.sqrt(kT / m)[:, None]
    return Bodies(m, jnp.asarray(3.0 * len(m))), v


def _phase(r: Array, v: Array, found: Felt) -> Phase:
    return Phase(r, v, jnp.zeros((3, 3), r.dtype), found, jnp.zeros((), r.dtype))


@eqx.filter_jit
def _windows(
    forces: Forces, r: Array, masses: Float[np.ndarray, " n"], variable: Variable, centres: Array, stiffness: float,
    kT: float, pace: Pace, seed: int,
) -> tuple[Array, Array]:  # fmt: skip
    """Positions and values of all windows, [windows, frames, ...]."""
    bodies, v = _at_start(r, masses, kT, seed)
    ensemble = Langevin(pace.dt, kT, pace.friction)

    def window(r: Array, v: Array, centre: Array, key: Array) -> tuple[Array, Array]:
        def bias(r: Array) -> Array:
            return 0.5 * stiffness * variable.apart(variable(r), centre) ** 2

        def feel(phase: Phase) -> Phase:
            return phase.moved(felt=_felt(forces, bias, phase.positions))

        def frame(phase: Phase, number: Array) -> tuple[Phase, tuple[Array, Array]]:
            def step(phase: Phase, k: Array) -> tuple[Phase, None]:
                return ensemble.step(phase, bodies, feel, number=k, key=jax.random.fold_in(key, k)), None

            phase, _ = jax.lax.scan(step, phase, number * pace.interval + jnp.arange(pace.interval))
            return phase, (phase.positions, variable(phase.positions))

        begun = _phase(r, v, _felt(forces, bias, r))
        begun, _ = jax.lax.scan(lambda p, k: (frame(p, k)[0], None), begun, jnp.arange(pace.burn_in))
        return jax.lax.scan(frame, begun, pace.burn_in + jnp.arange(pace.count))[1]

    keys = jax.random.split(jax.random.key(seed + 1), len(r))
    return jax.vmap(window)(r, v, centres, keys)


@eqx.filter_jit
def _filled(
    forces: Forces, r: Array, masses: Float[np.ndarray, " n"], variable: Variable, hills: Hills, kT: float, pace: Pace,
    seed: int,
) -> tuple[Array, tuple[Array, Array, Array]]:  # fmt: skip
    """The bias at the end; positions, values and log weights, [frames, walkers, ...]."""
    bodies, v = _at_start(r, masses, kT, seed)
    ensemble, periodic = Langevin(pace.dt, kT, pace.friction), variable.period is not None
    middles = hills.low + hills.spacing * jnp.arange(hills.bins)
    hotter = kT * (hills.factor - 1)

    def moved(phase: Phase, v: Array, key: Array, number: Array) -> Phase:
        def feel(phase: Phase) -> Phase:
            return phase.moved(felt=_felt(forces, lambda r: _between(v, variable(r), hills, periodic), phase.positions))

        def step(phase: Phase, k: Array) -> tuple[Phase, None]:
            return ensemble.step(phase, bodies, feel, number=k, key=jax.random.fold_in(key, k)), None

        begun = feel(phase)  # the bias has grown
        return jax.lax.scan(step, begun, number * pace.interval + jnp.arange(pace.interval))[0]

    def frame(state: tuple[Phase, Array], number: Array) -> tuple[tuple[Phase, Array], tuple[Array, Array, Array]]:
        phase, bias = state
        phase = jax.vmap(moved, (0, None, 0, None))(phase, bias, keys, number)
        s = jax.vmap(variable)(phase.positions)
        here = jax.vmap(lambda s: _between(bias, s, hills, periodic))(s)
        # c(t): what the bias adds everywhere
        level = kT * (jax.nn.logsumexp(hills.factor / hotter * bias) - jax.nn.logsumexp(bias / hotter))
        shapes = jnp.exp(-0.5 * (variable.apart(middles, s[:, None]) / hills.width) ** 2)
        grown = bias + jnp.sum(hills.height * jnp.exp(-here / hotter)[:, None] * shapes, 0) / len(s)
        bias = jnp.where((number + 1) % hills.every == 0, grown, bias)
        return (phase, bias), (phase.positions, s, (here - level) / kT)

    keys = jax.random.split(jax.random.key(seed + 1), len(r))
    begun = jax.vmap(lambda r, v: _phase(r, v, _felt(forces, lambda r: 0.0 * variable(r), r)))(r, v)
    (_, bias), found = jax.lax.scan(
        frame, (begun, jnp.zeros(hills.bins, r.dtype)), jnp.arange(pace.burn_in + pace.count)
    )
    return bias, found


def _between(bias: Float[Array, " bins"], s: Float[Array, ""], hills: Hills, periodic: bool) -> Float[Array, ""]:
    """The bias between its bins, with a continuous slope (Catmull and Rom)."""
    place = (s - hills.low) / hills.spacing
    left = jnp.floor(place)
    t, at = place - left, left.astype(jnp.int32) + jnp.arange(-1, 3)
    a, b, c, d = bias[at % hills.bins if periodic else jnp.clip(at, 0, hills.bins - 1)]
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
