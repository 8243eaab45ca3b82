"""The draw by a matrix product is the draw by a running sum."""

import jax
import jax.numpy as jnp
import numpy as np

from cardjax.kernels.inverse_cdf import inverse_cdf, plain_inverse_cdf


def test_it_is_the_plain_one_where_the_running_sum_is_exact():
    # Multiples of 1/64, zeros among them: every partial sum is a float32 as it stands.
    probabilities = jax.random.randint(jax.random.key(0), (4096, 21), -8, 8).clip(0) / 64
    probabilities = probabilities.at[:, 3].set(1 / 64)
    u = jax.random.uniform(jax.random.key(1), (4096,)).at[:3].set(jnp.array([0, 0.5, 1 - 2**-24]))
    drawn = jax.jit(inverse_cdf)(probabilities, u)
    np.testing.assert_array_equal(drawn, jax.jit(plain_inverse_cdf)(probabilities, u))
    assert (jnp.take_along_axis(probabilities, drawn[:, None], -1) > 0).all()


def test_the_plain_one_by_hand():
    probabilities = jnp.array([0.0, 0.25, 0.0, 0.75])
    drawn = [int(plain_inverse_cdf(probabilities, jnp.float32(u))) for u in (0, 0.24, 0.25, 0.99)]
    assert drawn == [1, 1, 3, 3]
