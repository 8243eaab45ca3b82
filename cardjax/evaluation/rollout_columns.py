"""The columns of rollouts, declared once: the recording, the data set's schema and the docs' table
all come from here.

A market has `COLUMNS`, and where the event is hidden, units are carried or the maker is a player
the columns of that rule too.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import beliefs
from cardjax.env import maker as maker_rules
from cardjax.env.cards import N_CARDS
from cardjax.env.events import EVENT_KINDS
from cardjax.env.execution import N_ACTIONS, Fill, reward_of, settle
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import EnvParams
from cardjax.evaluation.match import risk_charge_of

OBSERVATION = "observation"
"""The column of encoded views, which is recorded only if asked for."""
OBSERVATION_DOC = "what a network reads before the round; its entries: docs/reference.md"


class SettledRound(NamedTuple):
    """A round just settled, as columns read it; leaves of `view` and `fill` are [games, A]."""

    view: View
    info: dict[str, Array]
    fill: Fill
    params: EnvParams


class Column(NamedTuple):
    """One declared column."""

    dtype: type[np.generic]
    unit: str
    doc: str
    read: Callable[[SettledRound], Array]
    """→ [games, A], or [games, 1] if it is the same for all players."""
    names: tuple[str, ...] = ()
    """What the whole numbers 0, 1, … stand for; none if for themselves."""


def columns_of(market: CardMarket) -> dict[str, Column]:
    """name → Column of this market's rollouts, in the data set's order."""
    hidden = HIDDEN_EVENT_COLUMNS if market.hides_event else {}
    carried = INVENTORY_COLUMNS if market.inventory else {}
    return COLUMNS | hidden | carried | (MAKER_COLUMNS if market.has_maker else {})


def read_columns(market: CardMarket, played: SettledRound) -> dict[str, Array]:
    """Each of `columns_of(market)` by name, [games, A]."""
    shape = played.view.wealth.shape
    return {
        name: jnp.broadcast_to(column.read(played), shape).astype(column.dtype)
        for name, column in columns_of(market).items()
    }


def _shared(name: str) -> Callable[[SettledRound], Array]:
    """The market's entry of `info`, [games, 1]."""
    return lambda played: played.info[name][:, None]


def _own(name: str) -> Callable[[SettledRound], Array]:
    return lambda played: played.info[name]


def _card(i: int) -> Callable[[SettledRound], Array]:
    return lambda played: played.info["cards"][:, None, i]


def _bits(mask: Array) -> Array:
    """bool [..., 21] as a whole number, int32 [...]: bit a is action a."""
    return jnp.sum(jnp.where(mask, 1 << np.arange(N_ACTIONS, dtype=np.int32), 0), -1)


def _kind_chance(kind: int) -> Callable[[SettledRound], Array]:
    def read(played: SettledRound) -> Array:
        assert played.view.belief is not None  # these columns are of hidden events only
        return beliefs.kind_chances(played.view.belief)[kind]

    return read


def _choice(side: int) -> Callable[[SettledRound], Array]:
    """The maker's on one side, [games, 1]."""
    return lambda played: played.info["maker_action"][:, side, None]


def _seen_by_maker(played: SettledRound) -> Array:
    return maker_rules.n_seen(played.info["n_hints"], played.params)[:, None]


def _held_before(view: View) -> Array:
    assert view.inventory is not None  # this column is of games in which units are carried
    return view.inventory


def _expected_pnl(played: SettledRound) -> Array:
    return settle(played.fill, played.info["mu"][:, None])


def _reward(played: SettledRound) -> Array:
    wealth, params = played.view.wealth, played.params
    reward = reward_of(played.info["pnl"], _expected_pnl(played), wealth, params)
    return reward - risk_charge_of(played.info, params)


# S is a whole number, but no int8: ten units of it would overflow in the arithmetic of most
# readers.
COLUMNS: dict[str, Column] = {
    "game": Column(
        np.int32, "", "the game, from 0", lambda r: jnp.arange(r.view.wealth.shape[0])[:, None]
    ),
    "round": Column(np.int8, "", "the round of the game, 0..9", lambda r: r.view.round),
    "player": Column(np.int8, "", "the seat, from 0", lambda r: jnp.arange(r.view.wealth.shape[1])),
    "event": Column(np.int16, "", "event id, 0..160", _shared("event")),
    "event_kind": Column(
        np.int8, "", f"one of {', '.join(EVENT_KINDS)}", _shared("event_kind"), EVENT_KINDS
    ),
    **{
        f"card_{i + 1}": Column(
            np.int8, "rank", f"card {i + 1}, 2..14; hidden unless among the first n_hints", _card(i)
        )
        for i in range(N_CARDS)
    },
    "n_hints": Column(np.int8, "cards", "how many cards were revealed, 0..3", _shared("n_hints")),
    "S": Column(
        np.float32,
        "points",
        "sum of the three cards' values, what a unit pays; hidden",
        _shared("S"),
    ),
    "mu": Column(np.float32, "points", "E[S | event, hints]", _shared("mu")),
    "sigma": Column(np.float32, "points", "SD[S | event, hints]", _shared("sigma")),
    "bid": Column(np.float32, "points", "quote X that sellers meet", _shared("bid")),
    "ask": Column(np.float32, "points", "quote Y that buyers meet", _shared("ask")),
    "mid": Column(np.float32, "points", "middle of the quotes", _shared("mid")),
    "spread": Column(np.float32, "points", "ask − bid before rounding", _shared("spread")),
    "depth_bid": Column(
        np.float32, "units", "true depth of the bid side; hidden", _shared("depth_bid")
    ),
    "depth_ask": Column(
        np.float32, "units", "true depth of the ask side; hidden", _shared("depth_ask")
    ),
    "displayed_bid": Column(
        np.float32, "units", "displayed depth of the bid side", _shared("displayed_bid")
    ),
    "displayed_ask": Column(
        np.float32, "units", "displayed depth of the ask side", _shared("displayed_ask")
    ),
    "action_mask_bits": Column(
        np.int32,
        "",
        "the valid actions: bit a is 1 if action a was",
        lambda r: _bits(r.info["action_mask"]),
    ),
    "action": Column(
        np.int8, "", "as executed: 0 pass, 1..10 buy 1..10, 11..20 sell 1..10", _own("action")
    ),
    "rejected": Column(
        np.bool_, "", "the order was invalid and executed as a pass", _own("rejected")
    ),
    "exec_price": Column(
        np.float32, "points", "executed price per unit; 0 for a pass", _own("exec_price")
    ),
    "fill_ratio": Column(
        np.float32,
        "",
        "share of the side's flow that its true depth absorbs; 1 for a pass",
        _own("fill_ratio"),
    ),
    "slippage": Column(
        np.float32, "points", "|exec_price − quote|, per unit; 0 for a pass", _own("slippage")
    ),
    "pnl": Column(np.float32, "points", "what the order earned", _own("pnl")),
    "expected_pnl": Column(np.float32, "points", "the same with mu in place of S", _expected_pnl),
    "reward": Column(np.float32, "by env.reward", "what a learner would have been paid", _reward),
    "wealth_before": Column(
        np.float32, "points", "wealth before the round", lambda r: r.view.wealth
    ),
    "wealth": Column(np.float32, "points", "wealth after the round", _own("wealth")),
    "terminated": Column(np.bool_, "", "the game ended with this round", _shared("terminated")),
    "truncated": Column(
        np.bool_, "", "never: a game's tenth round is its natural end", _shared("truncated")
    ),
}
"""name → Column, in the data set's order."""
PUBLIC = "all that is public before the orders"
HIDDEN_EVENT_COLUMNS: dict[str, Column] = {
    "event": COLUMNS["event"]._replace(doc="event id, 0..160; hidden, after the round as well"),
    "event_kind": COLUMNS["event_kind"]._replace(
        doc=f"{COLUMNS['event_kind'].doc}; hidden, after the round as well"
    ),
    "mu": COLUMNS["mu"]._replace(doc=f"E[S | {PUBLIC}]"),
    "sigma": COLUMNS["sigma"]._replace(doc=f"SD[S | {PUBLIC}]"),
    **{
        f"belief_{kind}": Column(
            np.float32, "", f"P(the event is {kind} | {PUBLIC})", _kind_chance(i)
        )
        for i, kind in enumerate(EVENT_KINDS)
    },
}
"""What games with hidden events have beyond COLUMNS, or instead of them."""
INVENTORY_COLUMNS: dict[str, Column] = {
    "pnl": COLUMNS["pnl"]._replace(doc="what the order and the units carried earned"),
    "expected_pnl": COLUMNS["expected_pnl"]._replace(doc="of the order, with mu in place of S"),
    "inventory_before": Column(
        np.int8,
        "units",
        "units held before the round, owed if negative",
        lambda r: _held_before(r.view),
    ),
    "inventory": Column(
        np.int8, "units", "units held after the round, owed if negative", _own("inventory")
    ),
    "carry_pnl": Column(
        np.float32, "points", "what the units held before the round earned", _own("carry_pnl")
    ),
    "risk_charge": Column(
        np.float32, "points", "the charge for risk, which the reward is less", _own("risk_charge")
    ),
}
"""What games in which units are carried have beyond COLUMNS, or instead of them."""
MAKER_COLUMNS: dict[str, Column] = {
    **{
        name: COLUMNS[name]._replace(doc=doc)
        for name, doc in (
            ("depth_bid", "depth of the bid side, which players see"),
            ("depth_ask", "depth of the ask side, which players see"),
        )
    },
    "maker_n_hints": Column(
        np.int8,
        "cards",
        "how many of the revealed cards the maker saw, the first ones",
        _seen_by_maker,
    ),
    "maker_mu": Column(
        np.float32,
        "points",
        "E[S | event, the maker's cards], around which it quoted",
        _shared("maker_mu"),
    ),
    "maker_ask": Column(
        np.int8, "", "the maker's choice 0..59 for the ask: offset and depth", _choice(0)
    ),
    "maker_bid": Column(np.int8, "", "the same for the bid", _choice(1)),
    "noise_bought": Column(
        np.int8, "units", "units that noise traders bought", _shared("noise_bought")
    ),
    "noise_sold": Column(np.int8, "units", "units that noise traders sold", _shared("noise_sold")),
    "maker_pnl": Column(
        np.float32, "points", "what the round earned the maker", _shared("maker_pnl")
    ),
    "maker_expected_pnl": Column(
        np.float32,
        "points",
        "the same with each trader's mean in place of S, and the mean number of noise traders",
        _shared("maker_expected_pnl"),
    ),
    "maker_reward": Column(
        np.float32,
        "by env.reward",
        "what a maker that learns would have been paid",
        _shared("maker_reward"),
    ),
}
"""What games whose maker is a player have beyond COLUMNS, or instead of them. Everything but the
quote is unknown to the takers before their orders.
"""
