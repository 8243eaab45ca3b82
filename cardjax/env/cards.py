"""Three cards dealt without replacement from the eligible deck, and how many of them are shown."""

import jax.numpy as jnp
from jax import Array

from cardjax.env import draws
from cardjax.env.events import EVENTS, LOWEST_RANK, N_RANKS
from cardjax.env.params import EnvParams

N_CARDS = 3


def deal(word: Array, event: Array) -> tuple[Array, Array]:
    """Ranks (int32 [3], 2..14) of three cards drawn uniformly without replacement, and the unused
    randomness.

    The eligible cards are numbered by rank, four a rank. The second draw counts past the first card
    and the third past both, so that every ordered triple of cards is equally likely.
    """
    n = jnp.asarray(EVENTS.n_cards)[event]
    first, word = draws.below(word, n)
    second, word = draws.below(word, n - 1)
    third, word = draws.below(word, n - 2)
    second += second >= first
    third += third >= jnp.minimum(first, second)
    third += third >= jnp.maximum(first, second)
    start, step = jnp.asarray(EVENTS.rank_start)[event], jnp.asarray(EVENTS.rank_step)[event]
    return jnp.stack([start + step * (card >> 2) for card in (first, second, third)], -1), word


def draw_n_hints(word: Array, params: EnvParams) -> Array:
    """How many of the three cards are revealed, int32 in 0..3."""
    return draws.categorical(draws.uniform(word), [params.hints[h] for h in range(N_CARDS + 1)])


def values_of(ranks: Array, event: Array) -> Array:
    """float32 values of cards of these ranks under the event; ranks [..., 3], event [...]."""
    remapped = ranks == jnp.asarray(EVENTS.remap_from)[event][..., None]
    return jnp.where(remapped, jnp.asarray(EVENTS.remap_to)[event][..., None], ranks).astype(
        jnp.float32
    )


def hint_counts(ranks: Array, n_hints: Array | int) -> Array:
    """int32 [..., 13]: how many of the first `n_hints` cards are of each rank 2..14."""
    columns = jnp.arange(LOWEST_RANK, LOWEST_RANK + N_RANKS)
    shown = [
        (ranks[..., i, None] == columns) & (i < jnp.asarray(n_hints))[..., None]
        for i in range(N_CARDS)
    ]
    return shown[0].astype(jnp.int32) + shown[1] + shown[2]
