"""What a player sees: the View, and the fields of the vector that networks read.

docs/rules.md#what-a-player-sees has the rule. `FIELDS` declares every field of the vector once: the
encoder (`encoding.py`), the slices, the bounds and the table in docs/reference.md all come from it.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import beliefs, cards
from cardjax.env.declaration import ParameterError
from cardjax.env.events import EVENT_KINDS, EVENTS, LOWEST_RANK, N_EVENTS, N_RANKS, REMAP
from cardjax.env.execution import MAX_SIZE
from cardjax.env.params import N_ROUNDS
from cardjax.kernels.event_filter import Belief
from cardjax.kernels.packing import Counts, OneHot

T = TypeVar("T")

INF = float("inf")
EVENT_INFO = ("known", "belief", "hidden")
"""Whether the event is known and, where it is hidden, whether the belief or nothing is observed in
its place.
"""
KNOWN, BELIEF, HIDDEN = EVENT_INFO


class View(NamedTuple):
    """One player's information, in natural units.

    Nothing hidden is in it, neither S nor true depth. All attributes have the same leading shape
    [...], such as [A] or [games, A]. Floats are float32; prices are in points, sizes and depths in
    units.
    """

    bid: Array
    """[...]: the price at which a player sells, points."""
    ask: Array
    """[...]: the price at which a player buys, points."""
    mid: Array
    """[...]: the middle of bid and ask, points."""
    spread: Array
    """[...]: ask less bid, points."""
    displayed_bid: Array
    """[...]: depth of the bid side, which sellers use, as far as it is displayed, units."""
    displayed_ask: Array
    """[...]: depth of the ask side, which buyers use, as far as it is displayed, units."""
    last_slippage: Array
    """[...]: own slippage in the last round, points per unit; 0 in a game's first."""
    last_fill_ratio: Array
    """[...]: own fill ratio in the last round, in (0, 1]; 1 in a game's first."""
    event: Array | None
    """int32 [...]: the event's id, 0..160; None if it is hidden."""
    hints: Array
    """int32 [..., 3]: the rank 2..14 of each revealed card, and 0 for each that is hidden."""
    mu: Array
    """[...]: E[S | event, hints], points. It is no secret, since event and hints determine it; if
    the event is hidden, hints and past rounds do.
    """
    sigma: Array
    """[...]: the standard deviation of S given the same, points."""
    s_max: Array
    """[...]: the largest S that the event's deck allows (if it is hidden: any event's), which a
    short seller must be able to pay, points.
    """
    wealth: Array
    """[...]: own wealth W, points."""
    initial_wealth: Array
    """[...]: the wealth W0 at a game's start, points."""
    round: Array
    """int32 [...]: rounds already played, 0..9."""
    others_last: Array
    """int32 [..., A − 1]: the others' last executed orders in seat order after oneself, units;
    buys above 0, sells below, 0 in a game's first round.
    """
    action_mask: Array
    """bool [..., 21]: which actions are valid."""
    last_ranks: Array | None = None
    """int32 [..., 3]: the last round's cards, 0 in a game's first; None if the event is known."""
    last_sum: Array | None = None
    """[...]: the last round's S, points, 0 in a game's first; None if the event is known."""
    inventory: Array | None = None
    """int32 [...]: own units held, owed if negative; None where nothing is carried."""
    others_inventory: Array | None = None
    """int32 [..., A − 1]: the others' units held, in seat order after oneself; None where nothing
    is carried.
    """
    inventory_limit: Array | None = None
    """int32 [...]: the most units that may be held or owed; None where nothing is carried."""
    depth_is_shown: Array | None = None
    """bool [...], always true, where the displayed depths are all there is, so that the impact is
    known; None where there may be more.
    """
    belief: Belief | None = None
    """The exact posterior of the hidden event given all that is public, hints included: leaves
    [...], and `beliefs.chances` has the 161 probabilities. None if the event is known.
    """

    @property
    def hint_counts(self) -> Array:
        """int32 [..., 13]: revealed cards of each rank 2..14."""
        return cards.hint_counts(self.hints, cards.N_CARDS)


def event_of(view: View) -> Array:
    """The event's id, int32 [...].

    Raises:
        ParameterError: it is hidden.
    """
    if view.event is None:
        allowed = "must be known to whoever reads the event"
        raise ParameterError("env.event_info", "hidden", allowed)
    return view.event


class Field(NamedTuple):
    """Where a field stands in the flat observation, and what its numbers mean."""

    slice: slice
    """Its columns."""
    scale: float
    """What the natural value is multiplied by; divide by it to undo that."""
    doc: str
    """What it is, with its unit."""
    low: float
    """The smallest encoded value."""
    high: float
    """The largest encoded value."""


@dataclasses.dataclass(frozen=True)
class FieldDeclaration:
    """What one field of the observation is, and how it is read off a View."""

    doc: str
    read: Callable[..., Array]
    """The natural value, from a View or another record with the attributes that it reads: [...] of
    a field that is one column wide, else [..., width].
    """
    width: int = 1
    """Columns."""
    scale: float = 1.0
    low: float = -INF
    """The smallest encoded value, and `high` the largest."""
    high: float = INF
    packing: OneHot | Counts | None = None
    """How the columns of a wide field can be read off the bits of a word, if they can."""
    columns: Callable[..., list[Array]] | None = None
    """The columns of a wide field one by one, [...] each, if that is how they are made."""


def number(
    doc: str,
    read: Callable[..., Array],
    *,
    scale: float = 1.0,
    low: float = -INF,
    high: float = INF,
) -> FieldDeclaration:
    """A field of one column; `low` and `high` are of the encoded value."""
    return FieldDeclaration(doc, read, scale=scale, low=low, high=high)


def one_hot_of_event(doc: str, column: np.ndarray, width: int) -> FieldDeclaration:
    """A field of `width` columns of which the event sets one, `column[event]`, or none."""
    return _wide(doc, OneHot("event", column, width), high=1)


def rank_counts(doc: str, ranks: str) -> FieldDeclaration:
    """A field that counts the ranks 2..14 among the View's attribute `ranks`."""
    return _wide(doc, Counts(ranks, LOWEST_RANK, N_RANKS), high=cards.N_CARDS)


def chances(doc: str, columns: Callable[..., list[Array]], width: int) -> FieldDeclaration:
    """A field of `width` probabilities, which come one by one."""

    def read(view: View) -> Array:
        return jnp.stack(columns(view), -1)

    return FieldDeclaration(doc, read, width, low=0, high=1, columns=columns)


def nothing(doc: str, width: int) -> FieldDeclaration:
    """A field of `width` zeros."""
    return _wide(doc, OneHot("round", np.full(N_ROUNDS, -1), width), high=1)


def _wide(doc: str, packing: OneHot | Counts, high: float) -> FieldDeclaration:
    def read(view: View) -> Array:
        return packing.plain(getattr(view, packing.source))

    return FieldDeclaration(doc, read, packing.width, low=0, high=high, packing=packing)


FIELDS: dict[str, FieldDeclaration] = {
    "bid": number("bid X, points", lambda view: view.bid, scale=0.1),
    "ask": number("ask Y, points", lambda view: view.ask, scale=0.1),
    "mid": number("mid, points", lambda view: view.mid, scale=0.1),
    "spread": number("spread, points", lambda view: view.spread, low=0),
    "displayed_bid": number(
        "displayed depth of the bid side, units", lambda view: view.displayed_bid, scale=0.1, low=0
    ),
    "displayed_ask": number(
        "displayed depth of the ask side, units", lambda view: view.displayed_ask, scale=0.1, low=0
    ),
    "last_slippage": number(
        "own slippage last round, points per unit", lambda view: view.last_slippage, low=0
    ),
    "last_fill_ratio": number(
        "own fill ratio last round", lambda view: view.last_fill_ratio, low=0, high=1
    ),
    "event_kind": one_hot_of_event(
        f"one-hot over {', '.join(EVENT_KINDS)}",
        np.minimum(np.arange(N_EVENTS), REMAP),
        len(EVENT_KINDS),
    ),
    "remap_from": one_hot_of_event(
        "one-hot over ranks 2..14 of a remap's X; zeros unless remap",
        EVENTS.remap_from - LOWEST_RANK,
        N_RANKS,
    ),
    "remap_to": one_hot_of_event(
        "one-hot over ranks 2..14 of a remap's Y; zeros unless remap",
        EVENTS.remap_to - LOWEST_RANK,
        N_RANKS,
    ),
    "hint_counts": rank_counts("revealed cards of each rank 2..14", "hints"),
    "wealth": number("W / W0", lambda view: view.wealth / view.initial_wealth),
    "time": number("t / T", lambda view: view.round.astype(jnp.float32) / N_ROUNDS, low=0, high=1),
}
"""The fields of every game's observation, in the vector's order."""

POSTERIOR_FIELDS: dict[str, FieldDeclaration] = {
    "mu": number(
        "posterior mean of S, points",
        lambda view: view.mu,
        scale=0.1,
        low=0,
        high=float(np.float32(42) * np.float32(0.1)),
    ),
    "sigma": number(
        "posterior standard deviation of S, points", lambda view: view.sigma, scale=0.1, low=0
    ),
}
"""The optional fields of `observe_posterior`, an ablation; they come last."""


LAST_ROUND_FIELDS: dict[str, FieldDeclaration] = {
    "last_cards": rank_counts(
        "the last round's cards of each rank 2..14; zeros in a game's first", "last_ranks"
    ),
    "last_sum": number(
        "the last round's S, points; 0 in a game's first",
        lambda view: _given(view.last_sum),
        scale=0.1,
        low=0,
        high=float(np.float32(cards.LARGEST_SUM) * np.float32(0.1)),
    ),
}
"""What is added after `FIELDS` where the event is hidden."""

INVENTORY_FIELDS: dict[str, FieldDeclaration] = {
    "inventory": number(
        "own units held, as a share of the limit; below 0 owed",
        lambda view: _share_of_limit(_given(view.inventory), view),
        low=-1,
        high=1,
    ),
}
"""What is added after these where units are carried."""

EVENT_FIELDS: dict[str, dict[str, FieldDeclaration]] = {
    BELIEF: {
        "event_kind": chances(
            f"the probability of each kind: {', '.join(EVENT_KINDS)}",
            lambda view: beliefs.kind_chances(_given(view.belief)),
            len(EVENT_KINDS),
        ),
        "remap_from": chances(
            "the probability of a remap from each rank 2..14",
            lambda view: beliefs.remap_from_chances(_given(view.belief)),
            N_RANKS,
        ),
        "remap_to": chances(
            "the probability of a remap to each rank 2..14",
            lambda view: beliefs.remap_to_chances(_given(view.belief)),
            N_RANKS,
        ),
    },
    HIDDEN: {
        "event_kind": nothing("zeros in place of the event's kind", len(EVENT_KINDS)),
        "remap_from": nothing("zeros in place of a remap's X", N_RANKS),
        "remap_to": nothing("zeros in place of a remap's Y", N_RANKS),
    },
}
"""What stands in the event's columns, by `event_info`."""


def other_fields(seat: int, inventory: bool = False) -> dict[str, FieldDeclaration]:
    """What is seen of one other player: `seat` 0 sits after oneself, 1 comes next, and so on."""
    who = f"of the player {seat + 1} seat{'s' if seat else ''} on"
    fields = {
        f"other_{seat + 1}_last_side": number(
            f"last executed side {who}: −1 sell, 0 pass, 1 buy",
            lambda view: jnp.sign(view.others_last[..., seat]),
            low=-1,
            high=1,
        ),
        f"other_{seat + 1}_last_size": number(
            f"last executed size {who}, units",
            lambda view: jnp.abs(view.others_last[..., seat]),
            scale=0.1,
            low=0,
            high=MAX_SIZE / 10,
        ),
    }
    if inventory:
        fields[f"other_{seat + 1}_inventory"] = number(
            f"units held {who}, as a share of the limit; below 0 owed",
            lambda view: _share_of_limit(_given(view.others_inventory)[..., seat], view),
            low=-1,
            high=1,
        )
    return fields


def declared_fields(
    n_players: int,
    observe_posterior: bool = False,
    event_info: str = KNOWN,
    inventory: bool = False,
) -> dict[str, FieldDeclaration]:
    """The fields of an `n_players` game's observation, in the vector's order."""
    fields = dict(FIELDS)
    if event_info != KNOWN:
        fields |= EVENT_FIELDS[event_info] | LAST_ROUND_FIELDS
    if inventory:
        fields |= INVENTORY_FIELDS
    for seat in range(n_players - 1):
        fields |= other_fields(seat, inventory)
    return fields | POSTERIOR_FIELDS if observe_posterior else fields


def field_table(
    n_players: int,
    observe_posterior: bool = False,
    event_info: str = KNOWN,
    inventory: bool = False,
) -> dict[str, Field]:
    """name → where the field stands in the vector, and what its numbers mean."""
    return table_of(declared_fields(n_players, observe_posterior, event_info, inventory))


def table_of(fields: Mapping[str, FieldDeclaration]) -> dict[str, Field]:
    """As `field_table`, of any fields."""
    table, start = {}, 0
    for name, field in fields.items():
        columns = slice(start, start + field.width)
        table[name] = Field(columns, field.scale, field.doc, field.low, field.high)
        start += field.width
    return table


def _given(attribute: T | None) -> T:
    """What a View has only where the event is hidden, or units are carried."""
    assert attribute is not None, "the View is of another game"
    return attribute


def _share_of_limit(held: Array, view: View) -> Array:
    """Units held, as a share of the most that may be."""
    return held.astype(jnp.float32) / _given(view.inventory_limit).astype(jnp.float32)
