"""Three cards dealt without replacement from the eligible deck, and how many of them are shown.

docs/rules.md#cards-and-events has the rule.
"""

import jax.numpy as jnp
from jax import Array

from cardjax.env import draws
from cardjax.env.events import EVENTS, LOWEST_RANK, N_RANKS, RANKS
from cardjax.env.params import EnvParams

N_CARDS = 3
LARGEST_SUM = N_CARDS * RANKS[-1]
"""The largest S under any event, points."""


def deal(word: Array, event: Array) -> tuple[Array, Array]:
    """Three cards drawn uniformly without replacement from the deck that the event leaves.

    The eligible cards are numbered by rank, four per rank. The second draw counts past the first
    card and the third past both, so that every ordered triple of cards is equally likely.

    Args:
        word: uint32, a random word.
        event: int32, 0..160.

    Returns:
        The cards' ranks, int32 [3] in 2..14, and a uint32 word that holds the unused randomness.
    """
    n = jnp.asarray(EVENTS.n_cards)[event]
    first, word = draws.below(word, n)
    second, word = draws.below(word, n - 1)
    third, word = draws.below(word, n - 2)
    second += (second >= first).astype(jnp.int32)
    third += (third >= jnp.minimum(first, second)).astype(jnp.int32)
    third += (third >= jnp.maximum(first, second)).astype(jnp.int32)
    start, step = jnp.asarray(EVENTS.rank_start)[event], jnp.asarray(EVENTS.rank_step)[event]
    return jnp.stack([start + step * (card >> 2) for card in (first, second, third)], -1), word


def draw_n_hints(word: Array, params: EnvParams) -> Array:
    """How many of the three cards are revealed, int32 in 0..3, by the chances `params.hints`."""
    return draws.categorical(draws.uniform(word), [params.hints[h] for h in range(N_CARDS + 1)])


def values_of(ranks: Array, event: Array) -> Array:
    """What cards of these ranks are worth under the event, points.

    Args:
        ranks: int32 [..., 3].
        event: int32 [...].

    Returns:
        float32 [..., 3].
    """
    remapped = ranks == jnp.asarray(EVENTS.remap_from)[event][..., None]
    value = jnp.where(remapped, jnp.asarray(EVENTS.remap_to)[event][..., None], ranks)
    return value.astype(jnp.float32)


def first_of(cards: Array, n_hints: Array) -> Array:
    """The revealed ones of what is given per card, [3], and 0 for each that is hidden."""
    return jnp.where(jnp.arange(N_CARDS, dtype=jnp.int32) < n_hints, cards, 0)


def largest_sum(event: Array) -> Array:
    """S_max, the largest S that the event's deck allows, float32 [...], points."""
    return N_CARDS * jnp.asarray(EVENTS.largest)[event]


def hint_counts(ranks: Array, n_hints: Array | int) -> Array:
    """How many of the first `n_hints` cards are of each rank 2..14.

    Args:
        ranks: int32 [..., 3].
        n_hints: int32 [...], 0..3.

    Returns:
        int32 [..., 13].
    """
    columns = jnp.arange(LOWEST_RANK, LOWEST_RANK + N_RANKS, dtype=jnp.int32)
    shown = jnp.arange(N_CARDS, dtype=jnp.int32) < jnp.asarray(n_hints)[..., None]
    return ((ranks[..., None] == columns) & shown[..., None]).sum(-2, dtype=jnp.int32)
