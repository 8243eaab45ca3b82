"""The average of weights over a training, for play: what learning moves to and fro cancels out.

Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging".
"""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env.declaration import Number

T = TypeVar("T")

WARM_UP = 10
"""Updates: how long the average begins with a shorter memory than it will have."""


def moved(average: T, weights: T, decay: Number | float, n_updates: Array) -> T:
    """The average after an update.

    Args:
        average: before it.
        weights: after it.
        decay: the share of the old average that is kept. Early in a training it is less, so that
            the random weights of its start are soon forgotten.
        n_updates: int32 [], updates done before it; after none, the average is the weights.
    """
    done = n_updates.astype(jnp.float32)
    kept = jnp.minimum(jnp.float32(decay), done / (done + WARM_UP))
    return jax.tree.map(lambda old, new: new + kept * (old - new), average, weights)


def for_play(average: T, weights: T, n_updates: Array) -> T:
    """The weights that play in evaluations: the average, and before the first update, where a
    training may begin with another's weights, the weights themselves.
    """
    return jax.tree.map(lambda old, new: jnp.where(n_updates > 0, old, new), average, weights)
