"""A round of the maker's as plain Python values: what it knows before it quotes, and all that came
of its quote. JSON takes them as they are.

Prices and money are in points, sizes and depths in units, cards are ranks 2..14, a choice is 0..59
(docs/rules.md#the-maker-as-a-player). `SIDE_NAMES` says in which order pairs are: the ask, at which
takers and noise traders buy, and then the bid.
"""

import dataclasses

SIDE_NAMES = ("ask", "bid")


@dataclasses.dataclass(frozen=True)
class Traded:
    """What was traded in a round, units."""

    takers_bought: int
    takers_sold: int
    noise_bought: int
    noise_sold: int


@dataclasses.dataclass(frozen=True)
class QuoteOffer:
    """What the maker may know before it quotes. Nothing hidden from it is in it."""

    round: int
    """1..10."""
    event: int
    """0..160."""
    event_kind: str
    """one of cardjax.env.EVENT_KINDS."""
    event_words: str
    """a sentence without a full stop: "Sevens count as 12 this round"."""
    hints: tuple[int, ...]
    """ranks of the cards that the maker sees."""
    takers_see: tuple[int, ...]
    """how many cards takers may see, as far as the maker can tell."""
    mu: float
    """the maker's mean of the sum, around which it quotes."""
    sigma: float
    """the standard deviation of the sum, given what the maker sees."""
    last: Traded
    """in the last round; zeros in a game's first."""
    earned: float
    """the maker's P&L so far."""


@dataclasses.dataclass(frozen=True)
class QuotedSide:
    """One side of the quote and what came of it. The five parts of its P&L are

    pnl = from_noise + spread + impact − information + luck.
    """

    choice: int
    offset: float
    depth: int
    price: float
    takers_units: int
    """that takers bought at the ask, or sold at the bid; so is `noise_units`."""
    noise_units: int
    noise_expected: float
    """`noise_units` on average."""
    from_noise: float
    """what noise traders paid: the offset for each of their units."""
    spread: float
    """what takers paid: the offset for each of theirs."""
    impact: float
    """what takers paid more because they ordered more than the depth."""
    information: float
    """what takers knew, in money: for each of their units, how far their mean lay on their side of
    the maker's."""
    luck: float
    """what the cards gave beyond the means: the takers' for their units, the maker's for noise."""
    worth: float
    """what the choice is worth on average, given what the maker knew, against takers in
    equilibrium."""

    @property
    def pnl(self) -> float:
        """What the side earned."""
        return self.from_noise + self.spread + self.impact - self.information + self.luck


@dataclasses.dataclass(frozen=True)
class Yardstick:
    """A quote that the maker could have given, what it knew being the same."""

    offset: tuple[float, float]
    """per side; so are all pairs."""
    depth: tuple[int, int]
    price: tuple[float, float]
    worth: tuple[float, float]
    """on average, against takers in equilibrium."""
    against: float | None
    """on average, both sides together, against the takers that there are; None where these are in
    equilibrium, or where it is not known how they decide."""


@dataclasses.dataclass(frozen=True)
class TakerOrder:
    """A taker's order and what it came to."""

    action: int
    """as executed: 0 pass, 1..10 buy, 11..20 sell."""
    rejected: bool
    side: str
    """"pass", "buy" or "sell"."""
    size: int
    exec_price: float
    """0 for a pass."""
    pnl: float
    expected_pnl: float
    """pnl with the takers' mean in place of the sum."""
    wealth_after: float


@dataclasses.dataclass(frozen=True)
class QuoteRecord(QuoteOffer):
    """A settled round: what the maker knew, its quote, and the truth."""

    quoted: tuple[QuotedSide, QuotedSide]
    cards: tuple[int, int, int]
    """ranks, those that takers saw first, and of these first those that the maker saw."""
    n_shown: int
    """how many of them takers saw."""
    S: float
    """the sum of their values."""
    takers_mu: float
    """the takers' mean of the sum."""
    takers_sigma: float
    orders: tuple[TakerOrder, ...]
    """per taker."""
    pnl: float
    expected_pnl: float
    """the mean given what takers saw and ordered: what is left without the luck of the cards and of
    how many noise traders came."""
    monopoly: Yardstick
    """what earns the most against takers in equilibrium."""
    competitive: Yardstick
    """the smallest offset on each side that does not lose against them: zero profit."""
    against: float | None
    """what the quote was worth on average against the takers that there are, as in `Yardstick`."""
    over: bool
    """this was the game's last round."""

    @property
    def worth(self) -> float:
        """What the quote was worth on average against takers in equilibrium."""
        return self.quoted[0].worth + self.quoted[1].worth

    @property
    def luck(self) -> float:
        """pnl − expected_pnl."""
        return self.pnl - self.expected_pnl
