"""A step cut to fit a memory, or shared between devices, is the same step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.contract import Budget, Session
from erlangen.core.errors import Invalid
from erlangen.learn.variational import Settings, memory, minimise, spin_problem
from erlangen.learn.variational.natural_gradient import Blocks, jacobian, natural_direction
from erlangen.methods.variational.vit import Transformer, ViT
from erlangen.numerics.precision import double
from erlangen.physics import lattices
from erlangen.physics.spins import j1j2

LAW = j1j2(lattices.square(4), j2=0.5, sign_rule=True)


def energies(**changes):
    """(energy of every step, what was said) of a short fit with more parameters than samples."""
    with double():
        psi = Transformer.random(LAW.lattice, ViT(channels=8, heads=2, layers=1), True, key=jax.random.key(0))
    settings = Settings(64, 64, full_sum="no", **changes)
    found, said = [], []
    session = Session(progress=lambda step, total, figures: found.append(figures["energy"]), say=said.append)
    minimise(psi, spin_problem(LAW), settings, Budget(steps=4), key=jax.random.key(1), session=session)
    return np.array(found), said


def test_a_run_that_would_not_fit_is_planned_anew_and_gives_the_same_energies():
    plenty, silent = energies()
    little, said = energies(memory=1.2e6)
    assert not silent
    assert "blocks of parameters" in said[0] and " all " not in said[0]
    assert little == pytest.approx(plenty, rel=1e-9)


def test_what_cannot_be_cut_is_refused():
    with pytest.raises(Invalid, match="has room in memory"):
        energies(memory=1e5)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_blocks_of_parameters_solve_the_whole_problem(momentum):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((9, 25)) + 1j * rng.standard_normal((9, 25))
    energies, weights, last = rng.standard_normal(9) + 0j, rng.dirichlet(np.ones(9)), momentum * rng.standard_normal(25)
    padded = np.pad(rows, ((0, 0), (0, 3)))
    with double():
        given = jnp.asarray(energies), jnp.asarray(weights)
        blocks = Blocks(lambda k: jax.lax.dynamic_slice_in_dim(jnp.asarray(padded), 7 * k, 7, 1), 4, 7, 25)
        forms = [jacobian(d, given[1]) for d in (blocks, jnp.asarray(rows))]
        found, exact = (natural_direction(o, *given, shift=1e-3, last=jnp.asarray(last)) for o in forms)
        scales = [float(o.mean_square()) for o in forms]
    assert np.asarray(found[0]) == pytest.approx(np.asarray(exact[0]), rel=1e-9)
    assert float(found[1]) == pytest.approx(float(exact[1]), rel=1e-9)
    assert scales[0] == pytest.approx(scales[1], rel=1e-12)


def test_bytes_are_those_of_all_intermediate_results():
    def f(x):
        return jax.lax.scan(lambda c, y: (c + jnp.sin(y), None), jnp.float32(0), x * x)[0]

    # x * x, and in the body sin, sum (float32); the scan gives one number
    assert memory.counted(f, jnp.zeros(10, jnp.float32)) == pytest.approx(40 + 4 + 4 + 4 + 1)


PROGRAM = """
import jax
jax.config.update("jax_num_cpu_devices", {devices})
import sys; sys.path.insert(0, {tests!r})
from test_memory_and_devices import energies
assert jax.device_count() == {devices}
print(" ".join(map(repr, energies(**{settings!r})[0].tolist())))
"""


@pytest.mark.parametrize(
    "settings",
    [{}, pytest.param({"momentum": 0.8, "memory": 1.2e6}, marks=pytest.mark.slow)],
    ids=["plain", "with momentum, in blocks of parameters"],
)
def test_one_and_eight_devices_give_the_same_energies(settings):

    def run(devices):
        program = PROGRAM.format(devices=devices, settings=settings, tests=str(Path(__file__).parent))
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return np.loadtxt(done.stdout.splitlines()[-1:])

    one, eight = run(1), run(8)
    assert one.shape == (4,) and eight == pytest.approx(one, rel=1e-10)
