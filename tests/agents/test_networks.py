"""The networks' shapes, how they start, and that a memory is one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents.networks import Network
from cardjax.config import MEMORIES

N = 30


init = jax.jit(Network.init, static_argnums=(0, 2))
step = jax.jit(Network.step, static_argnums=0)
unroll = jax.jit(Network.unroll, static_argnums=0)


def network(memory="none"):
    net = Network((16, 8), 5, memory, memory_width=6, output_scale=0.01)
    return net, init(net, jax.random.key(0), N)


@pytest.fixture(params=MEMORIES)
def made(request):
    return network(request.param)


@pytest.mark.parametrize("batch", [(), (3,), (4, 2)])
def test_any_leading_shape_goes_through(made, batch):
    net, weights = made
    carry, output = step(
        net, weights, net.carry(batch), jnp.ones((*batch, N)), jnp.zeros(batch, bool)
    )
    assert (output.shape, output.dtype) == ((*batch, 5), jnp.float32)
    blank = net.carry(batch)
    assert jax.tree.structure(carry) == jax.tree.structure(blank)
    assert [leaf.shape for leaf in jax.tree.leaves(carry)] == [
        leaf.shape for leaf in jax.tree.leaves(blank)
    ]


def test_layers_are_as_wide_as_asked(made):
    net, weights = made
    torso = weights["torso"]["params"]
    n_inputs = N if net.memory == "none" else N + net.memory_width
    assert [torso[f"Dense_{i}"]["kernel"].shape for i in range(2)] == [(n_inputs, 16), (16, 8)]
    assert weights["head"]["params"]["kernel"].shape == (8, 5)
    assert ("cell" in weights) == (net.memory != "none")
    assert {leaf.shape for leaf in jax.tree.leaves(net.carry(()))} <= {(net.memory_width,)}


def test_unrolling_is_stepping_in_order(made):
    net, weights = made
    x = jax.random.normal(jax.random.key(1), (6, 4, N))
    first = jnp.zeros((6, 4), bool).at[2, 1].set(True).at[0].set(True)
    carry, stepped = net.carry((4,)), []
    for t in range(6):
        carry, output = step(net, weights, carry, x[t], first[t])
        stepped.append(output)
    end, unrolled = unroll(net, weights, net.carry((4,)), x, first)
    np.testing.assert_allclose(unrolled, jnp.stack(stepped), rtol=1e-4, atol=1e-6)
    for a, b in zip(jax.tree.leaves(end), jax.tree.leaves(carry), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_rows_of_a_batch_do_not_mix(made):
    net, weights = made
    x, first = jax.random.normal(jax.random.key(1), (3, 4, N)), jnp.zeros((3, 4), bool)
    _, together = unroll(net, weights, net.carry((4,)), x, first)
    _, alone = unroll(net, weights, net.carry(()), x[:, 2], first[:, 2])
    np.testing.assert_allclose(together[:, 2], alone, rtol=1e-4, atol=1e-6)


def test_hidden_layers_may_be_normalised_before_their_relu():
    net = Network((16, 8), 5, layer_norm=True)
    weights = init(net, jax.random.key(0), N)
    keys = iter(jax.random.split(jax.random.key(1), 8))
    torso = weights["torso"]["params"]
    for name in ("LayerNorm_0", "LayerNorm_1"):
        torso[name] = {
            part: jax.random.normal(next(keys), leaf.shape) for part, leaf in torso[name].items()
        }
    x = 3 * jax.random.normal(next(keys), (4, N)) + 2
    _, found = step(net, weights, (), x, jnp.zeros(4, bool))
    for i in range(2):
        layer, norm = torso[f"Dense_{i}"], torso[f"LayerNorm_{i}"]
        y = np.asarray(x @ layer["kernel"] + layer["bias"], np.float64)
        y = (y - y.mean(-1, keepdims=True)) / y.std(-1, keepdims=True)
        x = np.maximum(y * norm["scale"] + norm["bias"], 0).astype(np.float32)
    head = weights["head"]["params"]
    np.testing.assert_allclose(found, x @ head["kernel"] + head["bias"], rtol=1e-3, atol=1e-4)


def test_a_normalised_network_is_not_rounded():
    with pytest.raises(ValueError, match="products are float32, not bfloat16"):
        Network((8,), 5, layer_norm=True, precision="bfloat16")


@pytest.mark.parametrize("memory", ["gru", "lstm"])
def test_what_was_seen_before_matters_until_a_game_begins(memory):
    net, weights = network(memory)
    x = jax.random.normal(jax.random.key(1), (2, 3, N))
    other = x.at[0].add(1)
    for begins in (False, True):
        first = jnp.zeros((2, 3), bool).at[1].set(begins)
        (_, a), (_, b) = (unroll(net, weights, net.carry((3,)), s, first) for s in (x, other))
        assert bool((a[1] == b[1]).all()) == begins


def test_a_small_output_scale_starts_near_zero_and_another_key_elsewhere(made):
    net, weights = made
    x, first = jax.random.normal(jax.random.key(1), (1, 256, N)), jnp.zeros((1, 256), bool)
    outputs = [
        unroll(net, w, net.carry((256,)), x, first)[1]
        for w in (weights, init(net, jax.random.key(2), N))
    ]
    assert outputs[0].std() < 0.3
    assert (outputs[0] != outputs[1]).any()
