"""What every neural operator must do: learn within seconds, keep what it declares, run on other grids where it can."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.metrics import per_sample
from erlangen.assess.symmetry import audit_method, guilty
from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.core.quantity import Quantity, vector
from erlangen.learn.batching import predict
from erlangen.methods.baselines.persistence import Persistence
from erlangen.methods.operators import ffno
from erlangen.methods.operators._operator import Layout, root_mean_square
from erlangen.methods.operators.deeponet import DeepONet, harmonics
from erlangen.methods.operators.ffno import FFNO
from erlangen.methods.operators.gfno import GFNO
from erlangen.methods.operators.operator_transformer import OperatorTransformer, phases
from erlangen.methods.operators.unet import UNet
from erlangen.nn.spectral_conv import SpectralConv
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.kolmogorov import Kolmogorov
from erlangen.tasks.continuum.kuramoto_sivashinsky import KuramotoSivashinsky

BURGERS, KOLMOGOROV = Burgers(**Burgers.toy), Kolmogorov(**Kolmogorov.toy)
METHODS = {
    "ffno": FFNO(width=12, modes=8, layers=3, batch=16),
    "ffno shared": FFNO(width=8, modes=4, layers=2, shared=True),
    "gfno": GFNO(width=16, modes=8, layers=2, batch=16),
    "unet": UNet(width=12, levels=2, batch=16),
    "sinenet": UNet(width=8, levels=1, waves=2, batch=16),
    "transformer": OperatorTransformer(width=16, heads=2, layers=2, batch=16, rate=2e-3),
    "deeponet": DeepONet(width=64, terms=32, batch=16),
}
V = Quantity("v", "v", "L/T", "grid", vector)


def each(*names):
    chosen = {k: m for k, m in METHODS.items() if not names or k in names}
    return pytest.mark.parametrize("method", chosen.values(), ids=chosen)


@each("ffno", "gfno", "unet", "transformer", "deeponet")
def test_gradients_are_finite_reach_every_parameter_and_lower_the_loss(method):
    samples = KOLMOGOROV.truth("test")
    model = method.build(KOLMOGOROV, samples, key=jax.random.key(0))
    true = {"w_next": jnp.asarray(samples.outputs["w_next"][0], jnp.float32)}
    sloped = eqx.filter_jit(eqx.filter_value_and_grad(root_mean_square))
    before, gradient = sloped(model, samples.inputs[0], true)
    for leaf in jax.tree.leaves(gradient):
        assert np.all(np.isfinite(leaf)) and np.any(leaf != 0)
    size = sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(gradient))
    step = jax.tree.map(lambda leaf: -0.02 * before / size * leaf, gradient)  # 2 % lower, were the loss linear
    after, _ = sloped(eqx.apply_updates(model, step), samples.inputs[0], true)
    assert 0.97 * before < after < 0.99 * before


@pytest.mark.slow
@each("ffno", "gfno", "unet", "transformer", "deeponet")
def test_learns_more_than_persistence_in_a_few_steps(method):
    samples = BURGERS.truth("test")
    figures = []
    for one in (method, Persistence()):
        fitted = one.fit(BURGERS, Budget(steps=200), key=jax.random.key(0))
        figures.append(np.mean(per_sample(BURGERS.scores[0], predict(fitted, samples.inputs), samples)))
    assert figures[0] < 0.7 * figures[1]


@each("ffno", "ffno shared", "unet", "transformer", "deeponet")
def test_declared_symmetries_hold_before_training(method):
    samples = BURGERS.truth("test")
    network = method.build(BURGERS, samples, key=jax.random.key(0))
    rows = audit_method(network, method, BURGERS, samples, key=jax.random.key(1))
    assert any(row.declared for row in rows)
    assert not guilty(rows), guilty(rows)


@each("ffno", "unet", "deeponet")
def test_a_boost_moves_the_answer_in_a_box_of_any_length(method):
    task = KuramotoSivashinsky(**KuramotoSivashinsky.toy)
    samples = task.truth("test")
    network = method.build(task, samples, key=jax.random.key(0))
    x = samples.inputs[0]
    assert network.lag > 0 and abs(x.spacing[0] * len(x["u"]) - 2 * np.pi) > 1
    c = 2 * x.spacing[0] / network.lag  # two points per step
    boosted = network(x.replace(u=x["u"] + c))["u_next"]
    np.testing.assert_allclose(boosted, jnp.roll(network(x)["u_next"], 2) + c, atol=1e-5 * c)


@each("ffno", "unet", "transformer", "deeponet")
def test_vectors_of_the_plane_are_taken_and_given(method):
    layout = Layout((8, 8), (0.1, 0.1), (V,), (V,))
    y = eqx.filter_jit(method.core(layout, key=jax.random.key(0)))(jnp.ones((8, 8, 2)))
    assert y.shape == (8, 8, 2) and np.all(np.isfinite(y))


@each("ffno", "gfno", "deeponet")
def test_the_same_function_on_a_finer_grid(method):
    network = method.build(BURGERS, BURGERS.truth("test"), key=jax.random.key(0))
    fine = BURGERS.shifted("n", 64).truth("test").inputs[0]
    coarse = network(fine.replace(u=fine["u"][::2]))["u_next"]
    gap = np.abs(network(fine)["u_next"][::2] - coarse).max()
    assert gap < 0.05 * float(network.out_scale[0])  # what is left is the aliasing of the nonlinearity


def test_a_unet_commutes_with_shifts_by_its_coarsest_points_and_refuses_other_grids():
    method = UNet(width=4, levels=2, waves=2)
    network = eqx.filter_jit(method.core(Layout((16,), (0.1,), (V,), (V,)), key=jax.random.key(0)))
    x = jax.random.normal(jax.random.key(1), (16, 1))
    np.testing.assert_allclose(network(jnp.roll(x, 4, 0)), jnp.roll(network(x), 4, 0), atol=1e-5)
    with pytest.raises(Invalid, match=r"2 levels needs grids that are multiples of 4 points; came: grid \(18,\)"):
        network(jnp.ones((18, 1)))


def test_a_convolution_along_one_axis_leaves_the_lines_apart():
    kernel = SpectralConv(3, 2, (4,), key=jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (6, 8, 10, 3))
    for axis in range(3):
        line = (2, slice(None), 3) if axis == 1 else (slice(None), 2, 3) if axis == 0 else (2, 3, slice(None))
        if x.shape[axis] >= 7:
            np.testing.assert_allclose(ffno.along(kernel, x, axis)[line], kernel(x[line]), atol=1e-6)


def test_waves_of_the_trunk_are_orthogonal():
    h = harmonics((16, 16), 3).reshape(256, -1)
    assert h.shape[1] == 48  # 7 x 7 less the constant
    np.testing.assert_allclose(h.T @ h / 256, np.eye(48), atol=1e-12)


def test_a_transformer_of_patches_keeps_no_shift_and_needs_whole_patches_and_heads():
    assert METHODS["transformer"].symmetry[0].__name__ == "Shifts"
    method = OperatorTransformer(width=8, heads=2, layers=1, patch=4)
    assert "Shifts" not in [g.__name__ for g in method.symmetry]
    network = eqx.filter_jit(method.core(Layout((8, 8), (0.1, 0.1), (V,), (V,)), key=jax.random.key(0)))
    assert network(jnp.ones((8, 12, 2))).shape == (8, 12, 2)
    with pytest.raises(Invalid, match="patches of 4 points"):
        network(jnp.ones((8, 10, 2)))
    with pytest.raises(Invalid, match="multiple of 6"):
        OperatorTransformer(width=8, heads=3)


def test_rotary_phases_are_different_waves():
    cos, sin = phases((16, 16), 12)
    assert np.array_equal(cos[:, 0], np.ones(256)) and not np.any(sin[:, 0])
    wave = cos + 1j * sin
    np.testing.assert_allclose(wave.T @ wave.conj() / 256, np.eye(12), atol=1e-12)
