"""Our MACE beside mace-torch: equal channels, degrees, correlation, layers, cutoff; same structures, one run, CPU.

    python -m pip install -r benchmarks/requirements.txt
    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 python benchmarks/mace_against_mace_torch.py [--repeats 9] [--channels 64]

Energy and forces of a batch, and one training step on forces (forward, backward, Adam); the repetitions interleave.
Ours factorises the symmetric contraction and the residual's dependence on the element (its docstring says how).
Ratios above 1 say that we are faster. Compilation is not counted; the first two calls are printed apart.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # e3nn 0.4.4 keeps tables that newer torch refuses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from ase.build import molecule
from e3nn import o3
from mace import data, modules
from mace.tools import AtomicNumberTable, torch_geometric

from erlangen.core.systems import Atoms
from erlangen.learn.batching import pack
from erlangen.methods.message_passing._potential import Potential, mean_neighbours
from erlangen.methods.message_passing.mace import MACE
from erlangen.nn.elements import Elements
from erlangen.numerics.mechanics import energy_and_forces

CUTOFF, LMAX, DENSITY, CORRELATION, LAYERS = 5.0, 1, 3, 3, 2
CASES = {"ethanol": ("CH3CH2OH", 32), "benzene": ("C6H6", 16)}


def structures(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers and rattled positions [count, n, 3]."""
    atoms = molecule(name)
    noise = np.random.default_rng(0).normal(0, 0.05, (count, len(atoms), 3))
    return atoms.numbers, atoms.positions + noise


def ours(numbers: np.ndarray, positions: np.ndarray, channels: int) -> tuple[int, Callable, Callable]:
    """Number of parameters, one inference, one training step."""
    inputs = [Atoms(r, numbers) for r in positions]
    elements = Elements(tuple(sorted({int(z) for z in numbers})), (0.0,) * len(set(numbers.tolist())))
    method = MACE(channels=channels, layers=LAYERS, lmax=LMAX, density=DENSITY, body_order=CORRELATION + 1)
    network = method.build(len(elements.numbers), mean_neighbours(inputs, CUTOFF), key=jax.random.key(0))
    params, static = eqx.partition(Potential(network, elements, 1.0, CUTOFF, None), eqx.is_inexact_array)
    batch = jax.tree.map(jnp.asarray, pack(inputs)[0].inputs)
    adam = optax.adam(1e-3)
    state = {"params": params, "adam": adam.init(params)}

    @jax.jit
    def infer(p):
        return jax.vmap(lambda x: energy_and_forces(eqx.combine(p, static).interaction, x))(batch)

    @jax.jit
    def step(p, s):
        def loss(p):
            def one(x):
                return jnp.mean(energy_and_forces(eqx.combine(p, static).interaction, x)["forces"] ** 2)

            return jnp.mean(jax.vmap(one)(batch))

        update, s = adam.update(jax.grad(loss)(p), s)
        return optax.apply_updates(p, update), s

    def train():
        state["params"], state["adam"] = jax.block_until_ready(step(state["params"], state["adam"]))

    return sum(a.size for a in jax.tree.leaves(params)), lambda: jax.block_until_ready(infer(params)), train


def peer(numbers: np.ndarray, positions: np.ndarray, channels: int) -> tuple[int, Callable, Callable]:
    """The same of mace-torch."""
    table = AtomicNumberTable(sorted({int(z) for z in numbers}))
    model = modules.MACE(
        r_max=CUTOFF,
        num_bessel=8,
        num_polynomial_cutoff=5,
        max_ell=DENSITY,
        interaction_cls=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
        interaction_cls_first=modules.interaction_classes["RealAgnosticInteractionBlock"],
        num_interactions=LAYERS,
        num_elements=len(table),
        hidden_irreps=o3.Irreps(" + ".join(f"{channels}x{l}{'eo'[l % 2]}" for l in range(LMAX + 1))),
        MLP_irreps=o3.Irreps("16x0e"),
        atomic_energies=np.zeros(len(table)),
        avg_num_neighbors=8.0,
        atomic_numbers=table.zs,
        correlation=CORRELATION,
        gate=torch.nn.functional.silu,
    ).float()
    frames = [
        data.AtomicData.from_config(
            data.Configuration(atomic_numbers=numbers, positions=r, properties={}, property_weights={}),
            z_table=table,
            cutoff=CUTOFF,
        )
        for r in positions
    ]
    batch = next(iter(torch_geometric.dataloader.DataLoader(frames, batch_size=len(frames), shuffle=False)))
    inputs = {k: v.float() if torch.is_tensor(v) and v.is_floating_point() else v for k, v in batch.to_dict().items()}
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)

    def train():
        adam.zero_grad()
        (model(inputs, training=True)["forces"] ** 2).mean().backward()
        adam.step()

    return sum(p.numel() for p in model.parameters()), lambda: model(inputs, training=False)["forces"], train


def compare(name: str, kind: str, pair: tuple[Callable, Callable], repeats: int) -> None:
    """Interleaved repetitions of both; median seconds and their ratio with its range."""
    first = []
    for run in pair:
        tick = time.perf_counter()
        run()
        run()
        first.append(time.perf_counter() - tick)
    times = np.array([[_seconds(run) for run in pair] for _ in range(repeats)])
    ratio = times[:, 1] / times[:, 0]
    low, high = np.quantile(ratio, [0.1, 0.9])
    mine, other = 1e3 * np.median(times, 0)
    print(f"{name:10s} {kind:16s} ours {mine:7.1f} ms, mace-torch {other:7.1f} ms,", end=" ")
    print(f"ratio {np.median(ratio):5.2f} [{low:.2f}, {high:.2f}]; first calls {first[0]:.0f} and {first[1]:.0f} s")


def _seconds(run: Callable) -> float:
    tick = time.perf_counter()
    run()
    return time.perf_counter() - tick


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--channels", type=int, default=64)
    options = parser.parse_args()
    for name, (formula, count) in CASES.items():
        numbers, positions = structures(formula, count)
        n_ours, infer, train = ours(numbers, positions, options.channels)
        n_peer, infer_peer, train_peer = peer(numbers, positions, options.channels)
        print(f"{name}: {count} molecules, parameters {n_ours} (ours), {n_peer} (mace-torch)")
        compare(name, "energy + forces", (infer, infer_peer), options.repeats)
        compare(name, "training step", (train, train_peer), options.repeats)


if __name__ == "__main__":
    main()
