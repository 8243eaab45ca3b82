"""How many units a budget affords, without trying every number of them."""

import jax.numpy as jnp
import numpy as np
from jax import Array

SMALLEST = np.finfo(np.float32).tiny


def plain_largest_multiple(unit_cost: Array, budget: Array, most: int) -> Array:
    """The largest whole i in 0..most with i · unit_cost ≤ budget, compared in float32.

    Args:
        unit_cost: float32 [...], points.
        budget: float32 [...], points, at least 0, so that 0 is always affordable.
        most: the largest i that is tried.

    Returns:
        int32 [...].
    """
    affordable = jnp.arange(1, most + 1) * unit_cost[..., None] <= budget[..., None]
    return affordable.sum(-1, dtype=jnp.int32)


def largest_multiple(unit_cost: Array, budget: Array, most: int) -> Array:
    """Computes `plain_largest_multiple`, bit for bit, by one quotient in place of `most` products.

    The rounded quotient can be one too large or one too small, which two products settle.
    """
    quotient = jnp.floor(budget / jnp.maximum(unit_cost, SMALLEST))
    i = jnp.clip(quotient, 0, most)
    too_many = i * unit_cost > budget
    one_more = (i + 1) * unit_cost <= budget
    i = jnp.where(too_many, i - 1, jnp.where(one_more, i + 1, i))
    return jnp.where(unit_cost <= 0, most, jnp.minimum(i, most)).astype(jnp.int32)
