"""Seconds per optimisation step beside NetKet: equal law, network, samples, chains and optimiser; one run, one machine.

    python -m pip install -r benchmarks/requirements.txt
    python benchmarks/spins_against_netket.py [--network rbm] [--side 6] [--samples 1024] [--chains 1024] [--repeats 5]

Law: J1-J2 on the periodic square lattice, J2 = 0.5. Network, float64: `rbm`, complex without symmetry, alpha * sites
features, no biases; or `vit`, the same formula written once in our engine and once in flax, complex head, real
parameters. Step: one sweep of exchange moves along first and second neighbours, local energies, natural gradient
on the sample kernel. Steps of both interleave; ratios above 1 say that we are faster. Compilation is printed apart.
The energies of both after the same number of steps are printed too: the same work has to be done.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import equinox as eqx
import flax.linen
import jax
import jax.numpy as jnp
import netket
import numpy as np

from erlangen.contract import Budget, Session
from erlangen.learn.variational import Settings, Wavefunction, minimise, spin_problem
from erlangen.methods.variational.rbm import RestrictedBoltzmann
from erlangen.methods.variational.vit import Transformer, ViT, tiling
from erlangen.numerics.precision import double
from erlangen.physics import lattices
from erlangen.physics.spins import j1j2

RATE, SHIFT = 0.02, 1e-3


SHAPE = ViT(channels=16, heads=4, layers=2)
START = 0.1  # of the head: NetKet refuses no step, and from larger weights its energy is soon NaN


def network(name: str, side: int, alpha: int) -> Wavefunction:
    """Ours."""
    sites, key = side**2, jax.random.key(0)
    with double():
        if name == "vit":
            psi = Transformer.random(lattices.square(side), SHAPE, True, key=key)
            return eqx.tree_at(lambda p: (p.head, p.phase), psi, replace_fn=lambda w: START * w)
        spread = (2 * sites) ** -0.5 / alpha
        parts = (spread * jax.random.normal(k, (alpha * sites, sites)) for k in jax.random.split(key))
        return RestrictedBoltzmann(*parts, jnp.arange(sites)[None], False)


def peer_network(name: str, side: int, alpha: int) -> flax.linen.Module:
    """NetKet's, or the same transformer in flax."""
    if name == "rbm":
        return netket.models.RBM(alpha=alpha, param_dtype=complex, use_visible_bias=False, use_hidden_bias=False)
    patches, displacement, _ = tiling(lattices.square(side))
    return PeerTransformer(*(tuple(map(tuple, table.tolist())) for table in (patches, displacement)))


class PeerTransformer(flax.linen.Module):
    """`erlangen.methods.variational.vit.Transformer`, for batches of configurations."""

    patches: tuple
    displacement: tuple

    @flax.linen.compact
    def __call__(self, spins: jax.Array) -> jax.Array:
        channels, heads, sites = SHAPE.channels, SHAPE.heads, len(self.patches[0])
        patches, displacement = np.array(self.patches), np.array(self.displacement)

        def weight(name: str, *shape: int, scale: float = 1.0) -> jax.Array:
            normal = flax.linen.initializers.normal(scale * shape[-1] ** -0.5)
            return self.param(name, normal, shape, jnp.float64)

        x = spins[..., patches] @ weight("embedding", channels, sites).T
        for i in range(SHAPE.layers):
            attention = weight(f"attention{i}", heads, len(patches))[:, displacement]
            values = normed(x) @ weight(f"values{i}", channels, channels).T
            heard = jnp.einsum("hpq,...qhc->...phc", attention, values.reshape(*x.shape[:-1], heads, -1))
            x = x + heard.reshape(x.shape) @ weight(f"mix{i}", channels, channels).T
            bias = self.param(f"bias{i}", flax.linen.initializers.zeros, (2 * channels,), jnp.float64)
            wide = jax.nn.gelu(normed(x) @ weight(f"up{i}", 2 * channels, channels).T + bias)
            x = x + wide @ weight(f"down{i}", channels, 2 * channels).T
        total = normed(x).sum(-2)
        bias = self.param("bias", flax.linen.initializers.zeros, (channels,), jnp.float64)
        small = START * len(patches) ** -0.5
        real = total @ weight("head", channels, channels, scale=small).T + bias
        phase = total @ weight("phase", channels, channels, scale=small).T
        return netket.nn.activation.log_cosh(jax.lax.complex(real, phase)).sum(-1)


def normed(x: jax.Array) -> jax.Array:
    x = x - x.mean(axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-5)


class Ours:
    """Our engine, step by step: the time between two reports of one fit."""

    def __init__(self, psi: Wavefunction, side: int, samples: int, chains: int, steps: int):
        law = j1j2(lattices.square(side), j2=0.5, sign_rule=True)
        settings = Settings(samples, chains, rate=RATE, shift=SHIFT, full_sum="no")
        self.parameters = sum(leaf.size for leaf in jax.tree.leaves(psi) if jnp.issubdtype(leaf.dtype, jnp.inexact))
        self.moments, self.energies = [time.perf_counter()], []
        self.run = lambda: minimise(
            psi,
            spin_problem(law),
            settings,
            Budget(steps=steps),
            key=jax.random.key(1),
            session=Session(progress=self.note),
        )

    def note(self, step: int, total: int, figures: dict[str, float]) -> None:
        self.moments.append(time.perf_counter())
        self.energies.append(figures["energy"])


def netket_step(model: flax.linen.Module, side: int, samples: int, chains: int) -> tuple[int, Callable[[], float]]:
    """(real parameters, a function that makes one step and returns the energy before it)."""
    graph = netket.graph.Grid([side, side], pbc=True, max_neighbor_order=2)
    space = netket.hilbert.Spin(0.5, graph.n_nodes, total_sz=0)
    law = netket.operator.Heisenberg(space, graph, J=[0.25, 0.125], sign_rule=[True, False])
    sampler = netket.sampler.MetropolisExchange(space, graph=graph, n_chains=chains, sweep_size=graph.n_nodes)
    state = netket.vqs.MCState(sampler, model, n_samples=samples, n_discard_per_chain=0, seed=0)
    optimiser = netket.optimizer.Sgd(RATE)
    driver = netket.driver.VMC_SR(
        law.to_jax_operator(), optimiser, diag_shift=SHIFT, variational_state=state, use_ntk=True
    )

    def step() -> float:
        log = netket.logging.RuntimeLog()
        driver.run(1, out=log, show_progress=False)
        return float(np.real(log.data["Energy"]["Mean"][-1]))

    leaves = jax.tree.leaves(state.parameters)
    return sum(leaf.size * (2 if jnp.iscomplexobj(leaf) else 1) for leaf in leaves), step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=("rbm", "vit"), default="rbm")
    parser.add_argument("--side", type=int, default=6)
    parser.add_argument("--alpha", type=int, default=4)
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--chains", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--block", type=int, default=4, help="steps of one side in a row")
    options = parser.parse_args()
    name = (options.network, options.side, options.alpha)
    size = (options.side, options.samples, options.chains)
    psi = network(*name)
    peer_size, peer = netket_step(peer_network(*name), *size)
    tick = time.perf_counter()
    peer_energies = [peer()]
    peer_first = time.perf_counter() - tick
    ratios, mine, theirs = [], [], []
    for i in range(options.repeats):
        ours = Ours(psi, *size, steps=options.block + 1)
        ours.run()  # the first step compiles
        seconds = np.diff(ours.moments)
        mine.append(np.median(seconds[1:]))
        ticks = []
        for _ in range(options.block):
            tick = time.perf_counter()
            peer_energies.append(peer())
            ticks.append(time.perf_counter() - tick)
        theirs.append(np.median(ticks))
        ratios.append(theirs[-1] / mine[-1])
        if not i:
            print(f"real parameters {ours.parameters} (ours), {peer_size} (NetKet)")
            print(f"first step, with compilation: {seconds[0]:.1f} s (ours), {peer_first:.1f} s (NetKet)", flush=True)
    low, high = min(ratios), max(ratios)
    print(f"seconds per step: ours {np.median(mine):.3f}, NetKet {np.median(theirs):.3f}")
    print(f"NetKet / ours: {np.median(ratios):.2f} [{low:.2f}, {high:.2f}]")
    steps = len(ours.energies)
    print(f"energy in step {steps}: ours {ours.energies[-1]:.2f}, NetKet {peer_energies[steps - 1]:.2f}")
    if not np.all(np.isfinite(peer_energies)):
        print("NetKet's energy was not finite in some steps: only their time can be compared")


if __name__ == "__main__":
    main()
