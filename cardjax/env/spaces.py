"""What `observation_space` and `action_space` return; adapters turn them into other libraries'."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.observation import Field


class Box(NamedTuple):
    """Arrays of `low.shape` between two bounds, which may be infinite."""

    low: np.ndarray
    """The smallest value of every entry."""
    high: np.ndarray
    """The largest value of every entry."""
    dtype: np.dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.low.shape

    def contains(self, x: Array) -> Array:
        """Whether an array has the space's shape and all entries lie within the bounds, bool []."""
        if x.shape != self.shape:
            return jnp.bool_(False)
        return jnp.all((x >= self.low) & (x <= self.high))


class Discrete(NamedTuple):
    """The integers 0..n − 1, or arrays of them."""

    n: int
    shape: tuple[int, ...] = ()
    dtype: np.dtype = np.dtype(np.int32)

    def sample(self, key: Array) -> Array:
        """Each of the n integers with the same probability, valid in the game or not.

        `CardMarket.sample_action` draws among the valid actions.
        """
        return jax.random.randint(key, self.shape, 0, self.n)

    def contains(self, x: Array) -> Array:
        """Whether an array has the space's shape and every entry is in 0..n − 1, bool []."""
        if x.shape != self.shape:
            return jnp.bool_(False)
        return jnp.all((x >= 0) & (x < self.n))


def size_of(fields: Mapping[str, Field]) -> int:
    """The length of a vector of these fields."""
    return list(fields.values())[-1].slice.stop


def box_of(fields: Mapping[str, Field], players: tuple[int, ...]) -> Box:
    """The bounds of a vector of these fields for each player."""
    widths = [field.slice.stop - field.slice.start for field in fields.values()]
    low = np.repeat([field.low for field in fields.values()], widths)
    high = np.repeat([field.high for field in fields.values()], widths)
    shape = (*players, size_of(fields))
    return Box(
        np.broadcast_to(low, shape).astype(np.float32),
        np.broadcast_to(high, shape).astype(np.float32),
    )
