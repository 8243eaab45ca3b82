"""A draw from given probabilities by the inverse of their distribution function.

On a CPU this is several times faster than `jax.random.categorical`, which takes a random number for
each of the outcomes.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


def plain_inverse_cdf(probabilities: Array, u: Array) -> Array:
    """The outcome whose share of the distribution function holds the uniform `u`.

    An outcome of probability 0 is never drawn, whatever the rounding.

    Args:
        probabilities: float32 [..., n], not all 0; they need not sum to 1.
        u: float32 [...] in [0, 1).

    Returns:
        int32 [...] in 0..n − 1.
    """
    return _first_that_holds(probabilities, jnp.cumsum(probabilities, -1), u)


def inverse_cdf(probabilities: Array, u: Array) -> Array:
    """Computes `plain_inverse_cdf`, up to the rounding of the running sum.

    The running sum is a product with a triangle of ones: a matrix product vectorises where a scan
    over 21 outcomes does not. On a GPU the default precision would round probabilities to TF32's
    10 bits.
    """
    n = probabilities.shape[-1]
    triangle = np.triu(np.ones((n, n), np.float32))
    cumulative = jnp.matmul(probabilities, triangle, precision=jax.lax.Precision.HIGHEST)
    return _first_that_holds(probabilities, cumulative, u)


def _first_that_holds(probabilities: Array, cumulative: Array, u: Array) -> Array:
    possible = probabilities > 0
    holds = (cumulative > u[..., None] * cumulative[..., -1:]) & possible
    last = probabilities.shape[-1] - 1 - jnp.argmax(possible[..., ::-1], axis=-1)
    return jnp.where(holds.any(-1), jnp.argmax(holds, axis=-1), last).astype(jnp.int32)
