"""Seconds per optimisation step beside NetKet: equal law, network, samples, chains and optimiser; one run, one machine.

    python -m pip install -r benchmarks/requirements.txt
    python benchmarks/spins_against_netket.py [--side 6] [--alpha 4] [--samples 1024] [--chains 1024] [--repeats 5]

Law: J1-J2 on the periodic square lattice, J2 = 0.5. Network: complex RBM without symmetry, alpha * sites features, no
biases, float64. Step: one sweep of exchange moves along first and second neighbours, local energies, natural gradient
on the sample kernel. Steps of both interleave; ratios above 1 say that we are faster. Compilation is printed apart.
The energies of both after the same number of steps are printed too: the same work has to be done.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import netket
import numpy as np

from erlangen.contract import Budget, Session
from erlangen.learn.variational import Settings, minimise, spin_problem
from erlangen.methods.variational.rbm import RestrictedBoltzmann
from erlangen.numerics.precision import double
from erlangen.physics import lattices
from erlangen.physics.spins import j1j2

RATE, SHIFT = 0.02, 1e-3


class Ours:
    """Our engine, step by step: the time between two reports of one fit."""

    def __init__(self, side: int, alpha: int, samples: int, chains: int, steps: int):
        law = j1j2(lattices.square(side), j2=0.5, sign_rule=True)
        sites, settings = law.n_sites, Settings(samples, chains, rate=RATE, shift=SHIFT, full_sum="no")
        with double():
            spread = (2 * sites) ** -0.5 / alpha
            parts = (spread * jax.random.normal(k, (alpha * sites, sites)) for k in jax.random.split(jax.random.key(0)))
            psi = RestrictedBoltzmann(*parts, jnp.arange(sites)[None], False)
        self.parameters = 2 * alpha * sites**2
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


def netket_step(side: int, alpha: int, samples: int, chains: int) -> tuple[int, Callable[[], float]]:
    """(real parameters, a function that makes one step and returns the energy before it)."""
    graph = netket.graph.Grid([side, side], pbc=True, max_neighbor_order=2)
    space = netket.hilbert.Spin(0.5, graph.n_nodes, total_sz=0)
    law = netket.operator.Heisenberg(space, graph, J=[0.25, 0.125], sign_rule=[True, False])
    model = netket.models.RBM(alpha=alpha, param_dtype=complex, use_visible_bias=False, use_hidden_bias=False)
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

    return 2 * state.n_parameters, step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=6)
    parser.add_argument("--alpha", type=int, default=4)
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--chains", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--block", type=int, default=4, help="steps of one side in a row")
    options = parser.parse_args()
    size = (options.side, options.alpha, options.samples, options.chains)
    peer_size, peer = netket_step(*size)
    tick = time.perf_counter()
    peer()
    peer_first = time.perf_counter() - tick
    ratios, mine, theirs, peer_energy = [], [], [], 0.0
    for i in range(options.repeats):
        ours = Ours(*size, steps=options.block + 1)
        ours.run()  # the first step compiles
        seconds = np.diff(ours.moments)
        mine.append(np.median(seconds[1:]))
        ticks = []
        for _ in range(options.block):
            tick = time.perf_counter()
            peer_energy = peer()
            ticks.append(time.perf_counter() - tick)
        theirs.append(np.median(ticks))
        ratios.append(theirs[-1] / mine[-1])
        if not i:
            print(f"real parameters {ours.parameters} (ours), {peer_size} (NetKet)")
            print(f"first step, with compilation: {seconds[0]:.1f} s (ours), {peer_first:.1f} s (NetKet)", flush=True)
    low, high = min(ratios), max(ratios)
    print(f"seconds per step: ours {np.median(mine):.3f}, NetKet {np.median(theirs):.3f}")
    print(f"NetKet / ours: {np.median(ratios):.2f} [{low:.2f}, {high:.2f}]")
    print(f"energy: ours {ours.energies[-1]:.2f} after {len(ours.energies)} steps, NetKet {peer_energy:.2f}")


if __name__ == "__main__":
    main()
