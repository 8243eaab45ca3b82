"""How a hyperparameter moves from its start to its end over a training."""

from contextlib import AbstractContextManager

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.config import QLearnerConfig
from cardjax.env.declaration import Number


def annealed(start: Number | float, end: Number | float, shape: str, progress: Array) -> Array:
    """The value at `progress` in [0, 1], float32.

    Args:
        shape: linear; geometric, by a constant factor (both ends above 0); cosine, half a wave from
            start to end (Loshchilov & Hutter 2017, without restarts); constant, the start
            throughout.
    """
    first, last = jnp.float32(start), jnp.float32(end)
    if shape == "geometric":
        return first * (last / first) ** progress
    if shape == "cosine":
        return last + (first - last) * 0.5 * (1 + jnp.cos(np.float32(np.pi) * progress))
    if shape == "constant":
        return first
    return first + (last - first) * progress


def exploration(config: QLearnerConfig, progress: Array) -> Array:
    """The share of exploring actions at `progress` in [0, 1], float32."""
    progress = jnp.minimum(progress / config.exploration_fraction, 1)
    return annealed(config.epsilon, config.epsilon_end, "linear", progress)


def implicit_promotion() -> AbstractContextManager[None]:
    """Around optax's updates: its Adam raises a float to the power of an integer, which jax refuses
    under strict promotion. There is nothing of ours for it to promote.
    """
    return jax.numpy_dtype_promotion("standard")
