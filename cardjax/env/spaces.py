"""Spaces in the fewest words: what `observation_space` and `action_space` return. Adapters turn
them into others'.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


class Box(NamedTuple):
    """Arrays of `low.shape` between two bounds, which may be infinite."""

    low: np.ndarray
    high: np.ndarray
    dtype: np.dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.low.shape

    def contains(self, x: Array) -> Array:
        """bool []: right shape, and every entry within the bounds."""
        return (
            jnp.all((x >= self.low) & (x <= self.high))
            if x.shape == self.shape
            else jnp.bool_(False)
        )


class Discrete(NamedTuple):
    """Integers 0..n − 1, or an array of them."""

    n: int
    shape: tuple[int, ...] = ()
    dtype: np.dtype = np.dtype(np.int32)

    def sample(self, key: Array) -> Array:
        """Uniform over all n, valid in the game or not."""
        return jax.random.randint(key, self.shape, 0, self.n)

    def contains(self, x: Array) -> Array:
        """bool []: right shape, and every entry in 0..n − 1."""
        return jnp.all((x >= 0) & (x < self.n)) if x.shape == self.shape else jnp.bool_(False)
