"""What a player sees: the View, and the flat vector that networks read. RULES.md, "Observation, per player".

`FIELDS` declares every field once: encoder, slices, bounds and the docs' table all come from there.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.events import EVENT_KINDS, EVENTS, LOWEST_RANK, N_RANKS, kind_of
from cardjax.env.execution import MAX_SIZE
from cardjax.env.params import N_ROUNDS


class View(NamedTuple):
    """One player's information, in natural units; leaves have any common leading shape [...], such as [games, A].

    Nothing hidden is in it: neither S nor true depth.
    """

    bid: Array
    ask: Array
    mid: Array
    spread: Array
    displayed_bid: Array
    displayed_ask: Array
    last_slippage: Array
    last_fill_ratio: Array
    event: Array
    """int32, 0..160."""
    hint_counts: Array
    """int32 [..., 13]: revealed cards of each rank 2..14."""
    mu: Array
    """E[S | event, hints]: no secret, since event and hints determine it."""
    sigma: Array
    """SD[S | event, hints]."""
    s_max: Array
    """Three times the largest value in the eligible deck: what a short seller must be able to pay."""
    wealth: Array
    initial_wealth: Array
    round: Array
    """int32, 0..9, rounds already played."""
    others_last: Array
    """int32 [..., A − 1]: the others' last executed orders, signed sizes, in seat order after oneself."""
    action_mask: Array
    """bool [..., 21]."""


class Field(NamedTuple):
    """One declared field of the flat observation."""

    slice: slice
    scale: float
    doc: str
    low: float
    """Of the encoded value, like `high`."""
    high: float


class _Declared(NamedTuple):
    width: int
    scale: float
    low: float
    high: float
    doc: str
    read: Callable[[View], Array]


def _one_hot(index: Array, n: int, first: int = 0) -> Array:
    return index[..., None] == jnp.arange(first, first + n)


INF = float("inf")
FIELDS: dict[str, _Declared] = {
    "bid": _Declared(1, 0.1, -INF, INF, "bid X, points", lambda v: v.bid),
    "ask": _Declared(1, 0.1, -INF, INF, "ask Y, points", lambda v: v.ask),
    "mid": _Declared(1, 0.1, -INF, INF, "mid, points", lambda v: v.mid),
    "spread": _Declared(1, 1.0, 0, INF, "spread, points", lambda v: v.spread),
    "displayed_bid": _Declared(1, 0.1, 0, INF, "displayed depth of the bid side, units", lambda v: v.displayed_bid),
    "displayed_ask": _Declared(1, 0.1, 0, INF, "displayed depth of the ask side, units", lambda v: v.displayed_ask),
    "last_slippage": _Declared(1, 1.0, 0, INF, "own slippage last round, points per unit", lambda v: v.last_slippage),
    "last_fill_ratio": _Declared(1, 1.0, 0, 1, "own fill ratio last round", lambda v: v.last_fill_ratio),
    "event_kind": _Declared(6, 1.0, 0, 1, f"one-hot over {', '.join(EVENT_KINDS)}",
                            lambda v: _one_hot(kind_of(v.event), 6)),
    "remap_from": _Declared(13, 1.0, 0, 1, "one-hot over ranks 2..14 of a remap's X; zeros unless remap",
                            lambda v: _one_hot(jnp.asarray(EVENTS.remap_from)[v.event], N_RANKS, LOWEST_RANK)),
    "remap_to": _Declared(13, 1.0, 0, 1, "one-hot over ranks 2..14 of a remap's Y; zeros unless remap",
                          lambda v: _one_hot(jnp.asarray(EVENTS.remap_to)[v.event], N_RANKS, LOWEST_RANK)),
    "hint_counts": _Declared(13, 1.0, 0, 3, "revealed cards of each rank 2..14", lambda v: v.hint_counts),
    "wealth": _Declared(1, 1.0, -INF, INF, "W / W0", lambda v: v.wealth / v.initial_wealth),
    "time": _Declared(1, 1.0, 0, 1, "t / T", lambda v: v.round.astype(jnp.float32) / N_ROUNDS),
}  # fmt: skip
POSTERIOR_FIELDS: dict[str, _Declared] = {
    "mu": _Declared(1, 0.1, 0, float(np.float32(42) * np.float32(0.1)), "posterior mean of S, points", lambda v: v.mu),
    "sigma": _Declared(1, 0.1, 0, INF, "posterior standard deviation of S, points", lambda v: v.sigma),
}


def _other_fields(seat: int) -> dict[str, _Declared]:
    who = f"of the player {seat + 1} seat{'s' if seat else ''} on"
    return {
        f"other_{seat + 1}_last_side": _Declared(1, 1.0, -1, 1, f"last executed side {who}: −1 sell, 0 pass, 1 buy",
                                                 lambda v: jnp.sign(v.others_last[..., seat])),
        f"other_{seat + 1}_last_size": _Declared(1, 0.1, 0, MAX_SIZE / 10, f"last executed size {who}, units",
                                                 lambda v: jnp.abs(v.others_last[..., seat])),
    }  # fmt: skip


def declared_fields(n_players: int, observe_posterior: bool = False) -> dict[str, _Declared]:
    """The fields of an `n_players` game's observation, in the vector's order."""
    fields = dict(FIELDS)
    for seat in range(n_players - 1):
        fields |= _other_fields(seat)
    return fields | POSTERIOR_FIELDS if observe_posterior else fields


def field_table(n_players: int, observe_posterior: bool = False) -> dict[str, Field]:
    """name → where the field stands in the vector, its scale, its doc, and its bounds once scaled."""
    table, start = {}, 0
    for name, field in declared_fields(n_players, observe_posterior).items():
        table[name] = Field(slice(start, start + field.width), field.scale, field.doc, field.low, field.high)
        start += field.width
    return table


def encode(view: View, observe_posterior: bool = False) -> Array:
    """The flat float32 vector [..., D] of a View: its fields in declared order, each times its fixed scale."""
    fields = declared_fields(view.others_last.shape[-1] + 1, observe_posterior)
    columns = []
    for field in fields.values():
        value = field.read(view)
        value = value if field.width > 1 else value[..., None]
        columns.append(value.astype(jnp.float32) * np.float32(field.scale))
    return jnp.concatenate(columns, -1)
