"""The 161 events of RULES.md, "Cards and events": their tables, their names, and how a round draws
one.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import draws
from cardjax.env.params import EnvParams

EVENT_KINDS = ("none", "ge10_only", "le7_only", "even_only", "odd_only", "remap_value")
N_RANKS = 13
LOWEST_RANK = 2
N_EVENTS = 161
REMAP = 5
"""The first remap's event id, and the index of its kind."""
N_REMAPS = N_EVENTS - REMAP
NO_EVENT = 0


class EventTable(NamedTuple):
    """What every event does to the deck, one row an event; built once, on the host."""

    eligible: np.ndarray
    """bool [161, 13]: may a card of rank 2 + column be drawn?"""
    value: np.ndarray
    """float32 [161, 13]: what such a card is worth, in points."""
    n_cards: np.ndarray
    """int32 [161]: eligible cards, four a rank."""
    total: np.ndarray
    """float32 [161]: sum of the eligible cards' values (an integer, so exact)."""
    total_square: np.ndarray
    """float32 [161]: sum of their squares (exact too)."""
    largest: np.ndarray
    """float32 [161]: the largest value in the eligible deck; S_max is three times that."""
    rank_start: np.ndarray
    """int32 [161]: the lowest eligible rank, and with rank_step all of them: each filter keeps an
    arithmetic series.
    """
    rank_step: np.ndarray
    """int32 [161]."""
    remap_from: np.ndarray
    """int32 [161]: the rank X whose cards are revalued, 0 if none."""
    remap_to: np.ndarray
    """int32 [161]: the rank Y whose value they take, 0 if none."""


def remap_event(from_rank: int, to_rank: int) -> int:
    """The event id under which a card of `from_rank` is worth `to_rank` (both 2..14, different).

    Raises:
        ValueError: a rank outside 2..14, or the two equal.
    """
    allowed = range(LOWEST_RANK, LOWEST_RANK + N_RANKS)
    if from_rank not in allowed or to_rank not in allowed or from_rank == to_rank:
        raise ValueError(f"remap_event({from_rank}, {to_rank}): needs two different ranks in 2..14")
    x, y = from_rank - LOWEST_RANK, to_rank - LOWEST_RANK
    return REMAP + 12 * x + (y if y < x else y - 1)


def _build_table() -> EventTable:
    ranks = np.arange(LOWEST_RANK, LOWEST_RANK + N_RANKS)
    eligible = np.ones((N_EVENTS, N_RANKS), bool)
    eligible[1], eligible[2], eligible[3], eligible[4] = (
        ranks >= 10,
        ranks <= 7,
        ranks % 2 == 0,
        ranks % 2 == 1,
    )
    value = np.tile(ranks, (N_EVENTS, 1))
    remap_from, remap_to = np.zeros(N_EVENTS, np.int32), np.zeros(N_EVENTS, np.int32)
    for x in ranks:
        for y in ranks[ranks != x]:
            event = remap_event(int(x), int(y))
            value[event, x - LOWEST_RANK] = y
            remap_from[event], remap_to[event] = x, y
    kept = [ranks[row] for row in eligible]
    cards = 4 * eligible
    return EventTable(
        eligible=eligible,
        value=value.astype(np.float32),
        n_cards=cards.sum(1).astype(np.int32),
        total=(cards * value).sum(1).astype(np.float32),
        total_square=(cards * value**2).sum(1).astype(np.float32),
        largest=np.where(eligible, value, 0).max(1).astype(np.float32),
        rank_start=np.array([row[0] for row in kept], np.int32),
        rank_step=np.array([row[1] - row[0] for row in kept], np.int32),
        remap_from=remap_from,
        remap_to=remap_to,
    )


EVENTS = _build_table()


def kind_of(event: Array) -> Array:
    """Index into EVENT_KINDS, int32, of an event id."""
    return jnp.minimum(event, REMAP)


def draw_event(word: Array, previous: Array, first: Array, params: EnvParams) -> Array:
    """The event id of a round: the previous one kept with probability `event_persist`, else a fresh
    draw.

    Args:
        word: uint32, spent whole: the keep, the remap and its pair, and the kind are nested parts
            of one uniform, the rarest (a remap) at its finest end.
        previous: int32, the last round's event.
        first: bool, a game's first round, which is always fresh.
    """
    u = draws.uniform(word)
    fresh_share = jnp.where(first, jnp.float32(1), 1 - params.event_persist)
    kept = u >= fresh_share
    fresh = _fresh_event(u / jnp.maximum(fresh_share, jnp.float32(1e-30)), params)
    return jnp.where(params.flags.enable_events, jnp.where(kept, previous, fresh), NO_EVENT)


def _fresh_event(u: Array, params: EnvParams) -> Array:
    remap = params.events.remap
    pair = (u / jnp.maximum(remap, jnp.float32(1e-30)) * N_REMAPS).astype(jnp.int32)
    kind = _base_kind((u - remap) / jnp.maximum(1 - remap, jnp.float32(1e-30)), params)
    return jnp.where(u < remap, REMAP + jnp.clip(pair, 0, N_REMAPS - 1), kind)


def _base_kind(u: Array, params: EnvParams) -> Array:
    frequencies = [getattr(params.events, name) for name in EVENT_KINDS[:REMAP]]
    return draws.categorical(u, frequencies)
