"""The written-out passes against the flax modules whose weights they take, in both precisions."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents.networks import MLP, Network
from cardjax.kernels import dense
from cardjax.kernels.dense import Layer, dense_layers, plain_dense_layers, product_dtype

WIDTHS, ROWS = (30, 24, 16, 5), 40
DTYPES = ("float32", "bfloat16")


def layers(seed=0):
    keys = jax.random.split(jax.random.key(seed), 2 * len(WIDTHS))
    shapes = itertools.pairwise(WIDTHS)
    return [
        Layer(
            jax.random.normal(keys[2 * i], shape) / shape[0] ** 0.5,
            jax.random.normal(keys[2 * i + 1], shape[1:]),
        )
        for i, shape in enumerate(shapes)
    ]


def inputs(seed=1):
    return jax.random.normal(jax.random.key(seed), (ROWS, WIDTHS[0]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_outputs_are_those_of_rounded_products(dtype):
    found = jax.jit(dense_layers, static_argnums=0)(jnp.dtype(dtype), layers(), inputs())
    assert (found.shape, found.dtype) == ((ROWS, WIDTHS[-1]), jnp.float32)
    np.testing.assert_allclose(
        found, plain_dense_layers(dtype, layers(), inputs()), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 1e-2)])
def test_derivatives_are_jaxs_own(dtype, tolerance):
    weight = jax.random.normal(jax.random.key(2), (ROWS, WIDTHS[-1]))

    def derivatives(function):
        value = lambda layers, x: (function(jnp.dtype(dtype), layers, x) * weight).sum()
        return jax.tree.leaves(jax.jit(jax.grad(value, (0, 1)))(layers(), inputs()))

    for found, expected in zip(
        derivatives(dense_layers), derivatives(plain_dense_layers), strict=True
    ):
        assert found.dtype == jnp.float32
        assert jnp.linalg.norm(found - expected) < tolerance * jnp.linalg.norm(expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_batch_of_weights_is_each_set_of_weights(dtype):
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), layers(0), layers(5))
    value = lambda layers, x: jnp.square(dense_layers(jnp.dtype(dtype), layers, x)).sum()
    together = jax.jit(jax.vmap(jax.grad(value), (0, None)))(stacked, inputs())
    for i, seed in enumerate((0, 5)):
        alone = jax.jit(jax.grad(value))(layers(seed), inputs())
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            assert jnp.linalg.norm(a[i] - b) < 1e-2 * jnp.linalg.norm(b)


@pytest.mark.parametrize("memory", ["none", "gru"])
def test_a_network_is_its_flax_modules(memory):
    network = Network((16, 8), 5, memory, output_scale=1.0)
    weights = jax.jit(network.init, static_argnums=1)(jax.random.key(0), 30)
    x = jax.random.normal(jax.random.key(1), (3, 4, 30))
    unroll = jax.jit(network.unroll)
    _, found = unroll(weights, network.carry((4,)), x, jnp.zeros((3, 4), bool))
    if memory == "gru":
        remembered, carry = [], network.carry((4,))
        for seen in x:
            carry, out = network._cell.apply(weights["cell"], carry, seen)
            remembered.append(out)
        x = jnp.concatenate([x, jnp.stack(remembered)], -1)
    head = weights["head"]["params"]
    expected = MLP((16, 8)).apply(weights["torso"], x) @ head["kernel"] + head["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_rounding_is_small_and_there():
    exact = dense_layers(jnp.dtype("float32"), layers(), inputs())
    rounded = dense_layers(jnp.dtype("bfloat16"), layers(), inputs())
    error = jnp.linalg.norm(rounded - exact) / jnp.linalg.norm(exact)
    assert 1e-4 < error < 1e-2


@pytest.mark.parametrize(
    ("flags", "expected"), [("fpu amx_tile amx_bf16", "bfloat16"), ("fpu avx512_bf16", "float32")]
)
def test_auto_asks_the_processor(monkeypatch, tmp_path, flags, expected):
    said = tmp_path / "cpuinfo"
    said.write_text(f"processor : 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr(dense, "Path", lambda _: said)
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    dense.has_tiles.cache_clear()
    try:
        assert product_dtype("auto") == expected
    finally:
        dense.has_tiles.cache_clear()
    assert [product_dtype(name) for name in DTYPES] == list(DTYPES)


def test_auto_is_float32_where_nothing_is_said_and_off_cpus(monkeypatch, tmp_path):
    monkeypatch.setattr(dense, "Path", lambda _: tmp_path / "absent")
    dense.has_tiles.cache_clear()
    try:
        assert product_dtype("auto") == "float32"
        monkeypatch.setattr(dense, "has_tiles", lambda: True)
        monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
        assert product_dtype("auto") == "float32"
    finally:
        monkeypatch.undo()
        dense.has_tiles.cache_clear()


def test_fresh_weights_may_be_constants_of_the_program():
    """XLA folds a bias of zeros away, and has no tiles for a product that it then transposes."""
    fresh = [Layer(kernel, jnp.zeros_like(bias)) for kernel, bias in layers()]
    for dtype in DTYPES:
        square = jax.jit(lambda x, dtype=dtype: jnp.square(dense_layers(dtype, fresh, x)))
        expected = jnp.square(plain_dense_layers(dtype, fresh, inputs()))
        np.testing.assert_allclose(square(inputs()), expected, rtol=1e-3, atol=1e-3)
