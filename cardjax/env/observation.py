"""What a player sees: the View, and the flat vector that networks read. RULES.md, "Observation, per
player".

`FIELDS` declares every field once: encoder, slices, bounds and the docs' table all come from there.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import cards
from cardjax.env.events import EVENT_KINDS, EVENTS, LOWEST_RANK, N_EVENTS, N_RANKS, REMAP
from cardjax.env.execution import MAX_SIZE
from cardjax.env.kernels import own_kernel, total
from cardjax.env.params import N_ROUNDS


class View(NamedTuple):
    """One player's information, in natural units; leaves have any common leading shape [...], such
    as [games, A].

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
    hints: Array
    """int32 [..., 3]: ranks of the revealed cards, 2..14, and 0 for each card that is not."""
    mu: Array
    """E[S | event, hints]: no secret, since event and hints determine it."""
    sigma: Array
    """SD[S | event, hints]."""
    s_max: Array
    """Three times the largest value in the eligible deck: what a short seller must be able to pay.
    """
    wealth: Array
    initial_wealth: Array
    round: Array
    """int32, 0..9, rounds already played."""
    others_last: Array
    """int32 [..., A − 1]: the others' last executed orders, signed sizes, in seat order after
    oneself.
    """
    action_mask: Array
    """bool [..., 21]."""

    @property
    def hint_counts(self) -> Array:
        """int32 [..., 13]: revealed cards of each rank 2..14."""
        return cards.hint_counts(self.hints, cards.N_CARDS)


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
    read: Callable[[View], Array] | None
    """None for a one-hot."""
    one_hot: np.ndarray | None = None
    """int32 [161]: for each event the column that is 1, outside the field's for none."""


def _one_hot(width: int, doc: str, column: np.ndarray) -> _Declared:
    return _Declared(width, 1.0, 0, 1, doc, None, column)


INF = float("inf")
FIELDS: dict[str, _Declared] = {
    "bid": _Declared(1, 0.1, -INF, INF, "bid X, points", lambda v: v.bid),
    "ask": _Declared(1, 0.1, -INF, INF, "ask Y, points", lambda v: v.ask),
    "mid": _Declared(1, 0.1, -INF, INF, "mid, points", lambda v: v.mid),
    "spread": _Declared(1, 1.0, 0, INF, "spread, points", lambda v: v.spread),
    "displayed_bid": _Declared(
        1, 0.1, 0, INF, "displayed depth of the bid side, units", lambda v: v.displayed_bid
    ),
    "displayed_ask": _Declared(
        1, 0.1, 0, INF, "displayed depth of the ask side, units", lambda v: v.displayed_ask
    ),
    "last_slippage": _Declared(
        1, 1.0, 0, INF, "own slippage last round, points per unit", lambda v: v.last_slippage
    ),
    "last_fill_ratio": _Declared(
        1, 1.0, 0, 1, "own fill ratio last round", lambda v: v.last_fill_ratio
    ),
    "event_kind": _one_hot(
        6, f"one-hot over {', '.join(EVENT_KINDS)}", np.minimum(np.arange(N_EVENTS), REMAP)
    ),
    "remap_from": _one_hot(
        13,
        "one-hot over ranks 2..14 of a remap's X; zeros unless remap",
        EVENTS.remap_from - LOWEST_RANK,
    ),
    "remap_to": _one_hot(
        13,
        "one-hot over ranks 2..14 of a remap's Y; zeros unless remap",
        EVENTS.remap_to - LOWEST_RANK,
    ),
    "hint_counts": _Declared(
        13, 1.0, 0, 3, "revealed cards of each rank 2..14", lambda v: v.hint_counts
    ),
    "wealth": _Declared(1, 1.0, -INF, INF, "W / W0", lambda v: v.wealth / v.initial_wealth),
    "time": _Declared(1, 1.0, 0, 1, "t / T", lambda v: v.round.astype(jnp.float32) / N_ROUNDS),
}
POSTERIOR_FIELDS: dict[str, _Declared] = {
    "mu": _Declared(
        1,
        0.1,
        0,
        float(np.float32(42) * np.float32(0.1)),
        "posterior mean of S, points",
        lambda v: v.mu,
    ),
    "sigma": _Declared(
        1, 0.1, 0, INF, "posterior standard deviation of S, points", lambda v: v.sigma
    ),
}


def _other_fields(seat: int) -> dict[str, _Declared]:
    who = f"of the player {seat + 1} seat{'s' if seat else ''} on"
    return {
        f"other_{seat + 1}_last_side": _Declared(
            1,
            1.0,
            -1,
            1,
            f"last executed side {who}: −1 sell, 0 pass, 1 buy",
            lambda v: jnp.sign(v.others_last[..., seat]),
        ),
        f"other_{seat + 1}_last_size": _Declared(
            1,
            0.1,
            0,
            MAX_SIZE / 10,
            f"last executed size {who}, units",
            lambda v: jnp.abs(v.others_last[..., seat]),
        ),
    }


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
        table[name] = Field(
            slice(start, start + field.width), field.scale, field.doc, field.low, field.high
        )
        start += field.width
    return table


def encode(view: View, observe_posterior: bool = False) -> Array:
    """The flat float32 vector [..., D] of a View: its fields in declared order, each times its
    fixed scale.

    Neighbours of one kind are encoded together: a CPU joins a few wide pieces faster than many
    narrow ones.
    """
    fields = declared_fields(view.others_last.shape[-1] + 1, observe_posterior).values()
    parts = [
        _scalars(list(group), view) if narrow else _digits(view)
        for narrow, group in itertools.groupby(fields, lambda field: field.width == 1)
    ]
    return jnp.concatenate(parts, -1)


def _scalars(fields: list[_Declared], view: View) -> Array:
    return _side_by_side([_scaled(field, view) for field in fields])


@own_kernel
def _side_by_side(columns: list[Array]) -> Array:
    """`jnp.stack(columns, -1)` as a chain of selections, which is vectorised where copies of single
    numbers are not.
    """
    index = jnp.arange(len(columns))
    row = jnp.broadcast_to(columns[-1][..., None], (*columns[-1].shape, len(columns)))
    for i, column in enumerate(columns[:-1]):
        row = jnp.where(index == i, column[..., None], row)
    return row


def _digits(view: View) -> Array:
    """The columns of WIDE: small whole numbers, so each is read off a few bits of a word."""
    event_word, hint_word = _words(view.event, view.hints)
    word = jnp.where(
        np.arange(N_DIGITS) < N_EVENT_BITS, event_word[..., None], hint_word[..., None]
    )
    return (word >> _SHIFTS & _MASKS).astype(jnp.int32).astype(jnp.float32)


@own_kernel
def _words(event: Array, hints: Array) -> tuple[Array, Array]:
    """uint32: the one-hot columns of an event, a bit each, and the hint counts, two bits each."""
    place = 2 * (hints - LOWEST_RANK).astype(jnp.uint32)
    return jnp.asarray(_EVENT_WORDS)[event], total(jnp.where(hints > 0, jnp.uint32(1) << place, 0))


def _event_words() -> np.ndarray:
    words, start = np.zeros(N_EVENTS, np.uint32), 0
    for field in FIELDS.values():
        if field.one_hot is not None:
            one = (field.one_hot >= 0) & (field.one_hot < field.width)
            words[one] |= np.uint32(1) << (start + field.one_hot[one]).astype(np.uint32)
            start += field.width
    return words


def _scaled(field: _Declared, view: View) -> Array:
    assert field.read is not None
    return field.read(view).astype(jnp.float32) * np.float32(field.scale)


N_EVENT_BITS = sum(field.width for field in FIELDS.values() if field.one_hot is not None)
N_DIGITS = N_EVENT_BITS + N_RANKS
_EVENT_WORDS = _event_words()
_SHIFTS = np.concatenate([np.arange(N_EVENT_BITS), 2 * np.arange(N_RANKS)]).astype(np.uint32)
_MASKS = np.repeat(np.array([1, 3], np.uint32), [N_EVENT_BITS, N_RANKS])
