"""The 161 events: what each does to the deck, and how a round draws one.

docs/rules.md#cards-and-events has the rule. An event leaves the deck as it is, keeps some of its
ranks (a filter), or makes the cards of one rank worth another rank (a remap).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import draws
from cardjax.env.params import EnvParams

N_RANKS = 13
LOWEST_RANK = 2
RANKS = range(LOWEST_RANK, LOWEST_RANK + N_RANKS)
SUITS = 4

DECKS = {
    "none": RANKS,
    "ge10_only": range(10, 15),
    "le7_only": range(2, 8),
    "even_only": range(2, 15, 2),
    "odd_only": range(3, 15, 2),
}
"""The ranks in the deck under each kind of event but the remap, whose deck is full. They are
arithmetic series, since `cards.deal` counts in steps.
"""
EVENT_KINDS = (*DECKS, "remap_value")
NO_EVENT = 0
REMAP = len(DECKS)
"""The first remap's event id, and the index of its kind."""
N_REMAPS = N_RANKS * (N_RANKS - 1)
N_EVENTS = REMAP + N_REMAPS


class EventTable(NamedTuple):
    """What every event does to the deck, one row per event; built once, on the host."""

    eligible: np.ndarray
    """bool [161, 13]: may a card of rank 2 + column be drawn?"""
    value: np.ndarray
    """float32 [161, 13]: what such a card is worth, points."""
    n_cards: np.ndarray
    """int32 [161]: eligible cards, four per rank."""
    total: np.ndarray
    """float32 [161]: the sum of the eligible cards' values, a whole number and so exact."""
    total_square: np.ndarray
    """float32 [161]: the sum of their squares, exact too."""
    largest: np.ndarray
    """float32 [161]: the largest value in the eligible deck, points."""
    rank_start: np.ndarray
    """int32 [161]: the lowest eligible rank."""
    rank_step: np.ndarray
    """int32 [161]: from one eligible rank to the next."""
    remap_from: np.ndarray
    """int32 [161]: the rank X whose cards are revalued, 0 if none."""
    remap_to: np.ndarray
    """int32 [161]: the rank Y whose value they take, 0 if none."""


def remap_event(from_rank: int, to_rank: int) -> int:
    """The event id under which a card of `from_rank` is worth `to_rank`.

    Args:
        from_rank: X, 2..14.
        to_rank: Y, 2..14, another than X.

    Raises:
        ValueError: a rank outside 2..14, or the two equal.
    """
    if from_rank not in RANKS or to_rank not in RANKS or from_rank == to_rank:
        raise ValueError(f"remap_event({from_rank}, {to_rank}): needs two different ranks in 2..14")
    x, y = from_rank - LOWEST_RANK, to_rank - LOWEST_RANK
    return REMAP + (N_RANKS - 1) * x + (y if y < x else y - 1)


def _build_table() -> EventTable:
    decks = [*DECKS.values()] + [RANKS] * N_REMAPS
    ranks = np.array(RANKS)
    eligible = np.array([[rank in deck for rank in RANKS] for deck in decks])
    value = np.tile(ranks, (N_EVENTS, 1))
    remap_from, remap_to = np.zeros(N_EVENTS, np.int32), np.zeros(N_EVENTS, np.int32)
    for x in RANKS:
        for y in ranks[ranks != x]:
            event = remap_event(x, int(y))
            value[event, x - LOWEST_RANK] = y
            remap_from[event], remap_to[event] = x, y
    cards = SUITS * eligible
    return EventTable(
        eligible=eligible,
        value=value.astype(np.float32),
        n_cards=cards.sum(1).astype(np.int32),
        total=(cards * value).sum(1).astype(np.float32),
        total_square=(cards * value**2).sum(1).astype(np.float32),
        largest=np.where(eligible, value, 0).max(1).astype(np.float32),
        rank_start=np.array([deck.start for deck in decks], np.int32),
        rank_step=np.array([deck.step for deck in decks], np.int32),
        remap_from=remap_from,
        remap_to=remap_to,
    )


EVENTS = _build_table()


def kind_of(event: Array) -> Array:
    """The index into EVENT_KINDS of an event id, int32 [...]."""
    return jnp.minimum(event, REMAP)


def draw_event(word: Array, previous: Array, first: Array, params: EnvParams) -> Array:
    """A round's event: the previous one with probability `event_persist`, else a fresh one.

    The word is spent whole. Whether the event is kept, whether a fresh one is a remap and which,
    and the kind of any other, are nested parts of one uniform, the rarest (a remap) at its finest
    end.

    Args:
        word: uint32, a random word.
        previous: int32, the last round's event.
        first: bool, whether this is a game's first round, whose event is always fresh.

    Returns:
        int32, the event's id; `NO_EVENT` if events are switched off.
    """
    u = draws.uniform(word)
    fresh_share = jnp.where(first, jnp.float32(1), 1 - params.event_persist)
    kept = u >= fresh_share
    fresh = _fresh_event(u / jnp.maximum(fresh_share, draws.TINY), params)
    return jnp.where(params.flags.enable_events, jnp.where(kept, previous, fresh), NO_EVENT)


def _fresh_event(u: Array, params: EnvParams) -> Array:
    """A remap, all of them alike, with probability `events.remap`; else a base kind."""
    remap = params.events.remap
    pair = (u / jnp.maximum(remap, draws.TINY) * N_REMAPS).astype(jnp.int32)
    kind = _base_kind((u - remap) / jnp.maximum(1 - remap, draws.TINY), params)
    return jnp.where(u < remap, REMAP + jnp.clip(pair, 0, N_REMAPS - 1), kind)


def _base_kind(u: Array, params: EnvParams) -> Array:
    """No event or one of the filters, by their frequencies."""
    return draws.categorical(u, [getattr(params.events, name) for name in DECKS])
