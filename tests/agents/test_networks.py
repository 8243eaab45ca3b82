"""The networks' shapes, and how they start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents.networks import MLP

NETWORK = MLP((16, 8), 5, output_scale=0.01)
WEIGHTS = NETWORK.init(jax.random.key(0), jnp.zeros(30))


@pytest.mark.parametrize("batch", [(), (3,), (4, 2)])
def test_any_leading_shape_goes_through(batch):
    output = jax.eval_shape(NETWORK.apply, WEIGHTS, jax.ShapeDtypeStruct((*batch, 30), jnp.float32))
    assert (output.shape, output.dtype) == ((*batch, 5), jnp.float32)


def test_layers_are_as_wide_as_asked():
    widths = [WEIGHTS["params"][f"Dense_{i}"]["kernel"].shape for i in range(3)]
    assert widths == [(30, 16), (16, 8), (8, 5)]


def test_rows_of_a_batch_do_not_mix():
    x = jax.random.normal(jax.random.key(1), (4, 30))
    alone = jnp.stack([NETWORK.apply(WEIGHTS, row) for row in x])
    np.testing.assert_allclose(NETWORK.apply(WEIGHTS, x), alone, rtol=1e-5, atol=1e-6)


def test_a_small_output_scale_starts_near_zero_and_another_key_elsewhere():
    x = jax.random.normal(jax.random.key(1), (256, 30))
    output = NETWORK.apply(WEIGHTS, x)
    assert output.std() < 0.3
    assert (output != NETWORK.apply(NETWORK.init(jax.random.key(2), jnp.zeros(30)), x)).any()
