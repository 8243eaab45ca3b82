"""How far the cards that takers see, and the maker does not, move the mean of S.

What the maker sees of a round is the event and some of the cards, whose order does not matter.
`HANDS` lists the hands that it may see, and `hand_index` finds one's place among them. The law of
the news depends on no parameter and is enumerated once, on the host, in float64.
"""

import functools
import itertools
import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.cards import N_CARDS
from cardjax.env.events import EVENTS, LOWEST_RANK, N_RANKS, SUITS

HANDS = tuple(
    tuple(itertools.combinations_with_replacement(range(N_RANKS), n)) for n in range(N_CARDS)
)
"""By the number of cards, all hands of 0, 1 and 2 of them, as places among the ranks 2..14."""
FIRST_OF = np.cumsum([0, *map(len, HANDS)])
"""The place of the first hand of 0, 1, 2 and 3 cards; the hands of three share one place."""
N_HANDS = int(FIRST_OF[-1]) + 1


class News(NamedTuple):
    """The law of mu − mu_m, for every event and every hand of `n_seen` cards."""

    n_seen: int
    n_shown: int
    """How many cards the takers see, more than `n_seen`."""
    change: np.ndarray
    """float32 [161, hands, K], points."""
    chance: np.ndarray
    """float32 [161, hands, K]; they sum to 1, but for a hand that cannot be they are 0."""
    sizes: np.ndarray
    """float32 [U], the different sizes of a change, of which there are few."""
    size: np.ndarray
    """int32 [161, hands, K], which of them each change has."""


def hand_index(ranks: Array, n_seen: Array) -> Array:
    """The place 0..105 of the hand that the first `n_seen` of three cards are, int32 [...].

    Args:
        ranks: int32 [..., 3] in 2..14; those beyond `n_seen` may be anything.
        n_seen: int32 [...], 0..3.
    """
    first, second = ranks[..., 0] - LOWEST_RANK, ranks[..., 1] - LOWEST_RANK
    low, high = jnp.minimum(first, second), jnp.maximum(first, second)
    pair = low * N_RANKS - low * (low - 1) // 2 + (high - low)
    places = [FIRST_OF[0] + 0 * first, FIRST_OF[1] + first, FIRST_OF[2] + pair]
    return jnp.select(
        [n_seen == n for n in range(N_CARDS)], places, jnp.int32(FIRST_OF[N_CARDS])
    ).astype(jnp.int32)


@functools.cache
def news(n_seen: int, n_shown: int) -> News:
    """The news in the cards `n_seen` + 1 to `n_shown`."""
    hands = np.array(HANDS[n_seen], int).reshape(len(HANDS[n_seen]), n_seen)
    added = np.array(_new_cards(n_shown - n_seen), int)
    seen = _counts(hands)[None, :, None]
    new = _counts(added)[None, None]
    eligible = EVENTS.eligible[:, None, None]
    left = SUITS * eligible - seen

    # The chance of one order, and in how many orders they may come.
    ways = np.ones(np.broadcast_shapes(left.shape, new.shape)[:-1])
    for k in range(n_shown - n_seen):
        ways *= np.where(new > k, np.maximum(left - k, 0), 1).prod(-1)
        ways /= EVENTS.n_cards[:, None, None] - n_seen - k
    orders = math.factorial(n_shown - n_seen) / _factorials(added)
    possible = (np.minimum(left, 0).sum(-1) == 0).astype(float)

    before, after = _mean(seen, n_seen), _mean(seen + new, n_shown)
    change = np.broadcast_to(after - before, ways.shape).astype(np.float32)
    sizes, size = np.unique(np.abs(change), return_inverse=True)
    return News(
        n_seen,
        n_shown,
        change,
        (ways * orders * possible).astype(np.float32),
        sizes,
        size.reshape(change.shape).astype(np.int32),
    )


def _new_cards(n: int) -> list[tuple[int, ...]]:
    return list(itertools.combinations_with_replacement(range(N_RANKS), n))


def _counts(cards: np.ndarray) -> np.ndarray:
    """How many of each hand's cards have each rank, [..., n] → [..., 13]."""
    return (cards[..., None] == np.arange(N_RANKS)).sum(-2)


def _factorials(cards: np.ndarray) -> np.ndarray:
    """Of each hand, the product of the factorials of its counts: how many orders look alike."""
    return np.vectorize(math.factorial)(_counts(cards)).prod(-1)


def _mean(counts: np.ndarray, n: int) -> np.ndarray:
    """E[S | these n cards] under every event, [161, …]."""
    value = EVENTS.value.astype(np.float64)[:, None, None]
    shown = (counts * value).sum(-1)
    total, n_cards = (x.astype(np.float64)[:, None, None] for x in (EVENTS.total, EVENTS.n_cards))
    return shown + (N_CARDS - n) * (total - shown) / (n_cards - n)
