"""Orders at random: uniform over the valid ones, or from given probabilities."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import draws
from cardjax.env.execution import MAX_SIZE
from cardjax.kernels.inverse_cdf import inverse_cdf

PLAYERS_PER_WORD = 2
"""So many players' orders are drawn from one word: 21² of 2^32 is too little to be seen."""


def uniform_valid(words: Sequence[Array], n_buys: Array, n_sells: Array) -> Array:
    """Each of a player's valid actions with the same probability, right to 21² / 2^32.

    The valid actions are numbered: pass, the buys, then the sells.

    Args:
        words: uint32 [], a random word for every two players.
        n_buys: int32 [A], the largest valid buy, 0..10.
        n_sells: int32 [A], the largest valid sell, 0..10.

    Returns:
        int32 [A], actions.
    """
    numbers = []
    for player in range(n_buys.shape[0]):
        if player % PLAYERS_PER_WORD == 0:
            word = words[player // PLAYERS_PER_WORD]
        number, word = draws.below(word, 1 + n_buys[player] + n_sells[player])
        numbers.append(number)
    nth = jnp.stack(numbers)
    return jnp.where(nth <= n_buys, nth, nth - n_buys + MAX_SIZE)


def sample_categorical(key: Array, probabilities: Array, mask: Array | None = None) -> Array:
    """Actions drawn from probabilities by the inverse of their distribution function.

    One uniform is drawn for each action, which on a CPU is several times faster than
    `jax.random.categorical`.

    Args:
        key: one for all the draws.
        probabilities: float32 [..., n]; they need not sum to 1, but not all may be 0.
        mask: bool [..., n], which actions may be drawn; all if None.

    Returns:
        int32 [...] in 0..n − 1; never one of probability 0, and never one that the mask forbids.
    """
    if mask is not None:
        probabilities = jnp.where(mask, probabilities, 0)
    u = jax.random.uniform(key, probabilities.shape[:-1], jnp.float32)
    return inverse_cdf(probabilities, u)
