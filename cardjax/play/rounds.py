"""A round as plain Python values: what is on offer before it, and all that it came to. JSON takes
them as they are.

`dataclasses.asdict` of either gives dictionaries, lists, numbers and strings. Prices and money are
in points, sizes and depths in units, actions 0 pass, 1..10 buy, 11..20 sell, cards ranks 2..14;
tuples "per seat" are in seat order.
"""

import dataclasses

from cardjax.play.public_belief import PublicBelief


@dataclasses.dataclass(frozen=True)
class Offer:
    """What everybody may know before a round's orders. Nothing hidden is in it: a page may show all
    of it.
    """

    round: int
    """1..10."""
    event: int | None
    """0..160; None where it is hidden."""
    event_kind: str | None
    """one of cardjax.env.EVENT_KINDS; None where the event is hidden."""
    event_words: str
    """a sentence without a full stop: "Sevens count as 12 this round"."""
    hints: tuple[int, ...]
    """ranks of the 0 to 3 cards that are shown."""
    bid: float
    """what a seller gets."""
    ask: float
    """what a buyer pays."""
    mid: float
    spread: float
    displayed_bid: float
    """the depth that sellers meet, as far as it is shown."""
    displayed_ask: float
    """the depth that buyers meet, as far as it is shown."""
    display_cap: float
    """no more depth than this is shown."""
    bid_capped: bool
    """the true depth may be larger than `displayed_bid`."""
    ask_capped: bool
    s_max: float
    """the largest sum that can come up; selling i units takes i · (s_max − bid) of wealth, buying i
    · ask.
    """
    wealth: tuple[float, ...]
    """per seat, before the round."""
    valid_actions: tuple[tuple[int, ...], ...]
    """per seat; 0 is always among them."""
    belief: PublicBelief | None = dataclasses.field(default=None, kw_only=True)
    """what may be known of the event where it is hidden; None where it is known."""
    inventory: tuple[int, ...] | None = dataclasses.field(default=None, kw_only=True)
    """per seat, the units held before the round, owed if negative; None where nothing is carried.
    """
    inventory_limit: int | None = dataclasses.field(default=None, kw_only=True)
    """the most units that may be held or owed."""
    mark: float | None = dataclasses.field(default=None, kw_only=True)
    """the mean of S before the hints: what is held earns S less it."""


@dataclasses.dataclass(frozen=True)
class OrderRecord:
    """One seat's order and what it came to."""

    requested: int
    """the action that was asked for."""
    action: int
    """as executed: an invalid order is a pass."""
    rejected: bool
    side: str
    """"pass", "buy" or "sell", as executed; so is `size`."""
    size: int
    exec_price: float
    """0 for a pass."""
    slippage: float
    """|exec_price − quote|, points per unit."""
    fill_ratio: float
    """share of the side's flow that its true depth absorbed; 1 for a pass."""
    pnl: float
    expected_pnl: float
    """pnl with mu in place of S: what is left without the luck of the cards."""
    wealth_before: float
    wealth_after: float
    action_values: tuple[float, ...]
    """of all 21 actions, valid or not: expected pnl against what the others really ordered, with
    the hidden part of the depth integrated out as a player has to. Where risk is charged for, the
    charge that the order adds to this round's is taken off and, where the optimum is known, what it
    changes in the value of the rounds to come is added."""
    value: float
    """that of the executed action."""
    best_reply: int
    """the valid action with the largest of those values."""
    best_reply_value: float
    benchmark: tuple[tuple[int, float], ...]
    """what the exact optimum does, before it knows the others' orders: (action, probability), one
    or two neighbouring sizes. Alone in the market it is the best reply, else the symmetric
    equilibrium; empty where risk is charged for and no optimum is known."""
    benchmark_value: float
    """its expected pnl if every seat plays it, or its action value where risk is charged for."""
    inventory: int | None = dataclasses.field(default=None, kw_only=True)
    """the units held after the round, owed if negative; None where nothing is carried."""
    carry_pnl: float = dataclasses.field(default=0.0, kw_only=True)
    """the part of pnl that units held before the round earned; 0 on average."""
    risk_charge: float = dataclasses.field(default=0.0, kw_only=True)
    """what is charged for the risk of the round, which is no money."""

    @property
    def luck(self) -> float:
        """pnl − expected_pnl: what the cards gave beyond their mean, to what was held as well."""
        return self.pnl - self.expected_pnl

    @property
    def own_pnl(self) -> float:
        """What the order itself earned: pnl − carry_pnl."""
        return self.pnl - self.carry_pnl


@dataclasses.dataclass(frozen=True)
class RoundRecord(Offer):
    """A settled round: its offer, the truth behind it, and every seat's order."""

    cards: tuple[int, int, int]
    """ranks, the shown ones first."""
    S: float
    """the sum of their values."""
    mu: float
    """E[S | event, hints], or if the event is hidden, E[S | all that is public]: the fair value."""
    sigma: float
    """the standard deviation of S given the same."""
    depth_bid: float
    """true depth; buyers meet the ask side, sellers the bid side."""
    depth_ask: float
    orders: tuple[OrderRecord, ...]
    """per seat."""
    over: bool
    """this was the game's last round."""
