"""The market maker as a player: the quotes that it may choose, and the noise traders who pay for
them.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

OFFSETS = np.array([0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8], np.float32)
"""How far from the maker's mean a price may stand, points."""
DEPTHS = np.array([2, 4, 6, 8, 10], np.int32)
"""How many units may be displayed."""
N_QUOTES = len(OFFSETS) * len(DEPTHS)
"""The choices on each side: `quote_index(offset, depth)`, 0..59."""


def quote_index(offset: Array, depth: Array) -> Array:
    """The number of the choice of an offset and a depth, by their places in OFFSETS and DEPTHS."""
    return offset * len(DEPTHS) + depth


def offset_of(choice: Array) -> Array:
    """The offset of a choice 0..59, float32 [...], points."""
    return jnp.asarray(OFFSETS)[choice // len(DEPTHS)]


def depth_of(choice: Array) -> Array:
    """The depth of a choice 0..59, float32 [...], units."""
    return jnp.asarray(DEPTHS, jnp.float32)[choice % len(DEPTHS)]


def arrival_rate(offset: Array, rate: Array, decay: Array) -> Array:
    """How many units noise traders want to trade on a side, on average: rate · exp(−decay ·
    offset), float32 [...] (Avellaneda and Stoikov 2008, "High-frequency trading in a limit order
    book").
    """
    return rate * jnp.exp(-decay * offset)


def expected_noise(offset: Array, depth: Array, rate: Array, decay: Array) -> Array:
    """How many units noise traders trade on a side, on average: E[min(N, depth)] for N ~
    Poisson(`arrival_rate`), float32 [...].

    By n · P(N = n) = λ · P(N = n − 1), it is λ · P(N ≤ depth − 2) + depth · P(N ≥ depth).

    Args:
        offset: float32 [...], points.
        depth: float32 [...], a whole number of at least 1, units.
        rate: float32 [...], units.
        decay: float32 [...], per point.
    """
    mean = arrival_rate(offset, rate, decay)
    all_of_them = mean * jnp.where(depth > 1, _at_most(depth - 2, mean), 0)
    return all_of_them + depth * (1 - _at_most(depth - 1, mean))


def _at_most(n: Array, mean: Array) -> Array:
    """P(N ≤ n) for N ~ Poisson(mean), n ≥ 0."""
    return jax.scipy.special.gammaincc(jnp.maximum(n, 0) + 1, mean)
