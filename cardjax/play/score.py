"""A finished game in figures: totals, score, luck, and what others would have earned in the same
place.

The benchmark is the one that policies are scored by (DESIGN.md, "Score"): the equilibrium at every
seat on the same market draws, alone the optimum. A game's score = own expected P&L / the
benchmark's; over ten rounds both are small numbers, so one game's score says little where hundreds
say much.
"""

import dataclasses
from collections.abc import Sequence

from cardjax.env import PASS
from cardjax.play.game import Setup
from cardjax.play.opponents import Seat, Table, find_seat, human
from cardjax.play.rounds import RoundRecord

SMALLEST_BENCHMARK = 0.05
"""points a game: below it there was nothing to earn and a ratio means nothing."""


@dataclasses.dataclass(frozen=True)
class Totals:
    """What a seat's game came to, points; pnl = expected_pnl + luck."""

    pnl: float
    expected_pnl: float
    luck: float
    slippage_cost: float
    """size times slippage, summed."""
    missed: float
    """what the best replies, round by round, would have been worth beyond the orders given."""
    trades: int
    rejections: int
    rounds: int
    wealth: float


@dataclasses.dataclass(frozen=True)
class Score:
    """A seat's totals beside the benchmark's on the same draws."""

    totals: Totals
    benchmark: Totals
    """of the equilibrium (alone: the optimum) in this seat, with itself at the others."""
    score: float | None
    """expected_pnl / benchmark's; None where the benchmark earned too little to divide by."""


def totals_of(records: Sequence[RoundRecord], seat: int) -> Totals:
    """A seat's totals over the rounds played.

    Raises:
        ValueError: no rounds.
    """
    if not records:
        raise ValueError("no round was played")
    orders = [record.orders[seat] for record in records]
    return Totals(
        pnl=sum(order.pnl for order in orders),
        expected_pnl=sum(order.expected_pnl for order in orders),
        luck=sum(order.luck for order in orders),
        slippage_cost=sum(order.size * order.slippage for order in orders),
        missed=sum(order.best_reply_value - order.value for order in orders),
        trades=sum(order.size > 0 for order in orders),
        rejections=sum(order.rejected for order in orders),
        rounds=len(orders),
        wealth=orders[-1].wealth_after,
    )


def score_of(setup: Setup, records: Sequence[RoundRecord], seat: int) -> Score:
    """A seat's score over the rounds played, whoever sat there: a person is scored like a policy.

    Raises:
        ValueError: no rounds.
    """
    own = totals_of(records, seat)
    everywhere = [find_seat("equilibrium", setup)] * setup.n_players
    benchmark = totals_of(replay(setup, everywhere, records), seat)
    enough = benchmark.expected_pnl >= SMALLEST_BENCHMARK
    return Score(own, benchmark, own.expected_pnl / benchmark.expected_pnl if enough else None)


def in_place_of(
    setup: Setup, seats: Sequence[Seat], records: Sequence[RoundRecord], seat: int, other: Seat
) -> Totals:
    """What `other` would have earned at `seat` on the same draws; the policies answer it, people do
    what they did.

    Raises:
        ValueError: no rounds, or `other` is a person.
    """
    if other.is_human:
        raise ValueError("a person cannot be asked what would have been")
    seated = [other if i == seat else occupant for i, occupant in enumerate(seats)]
    return totals_of(replay(setup, seated, records), seat)


def replay(
    setup: Setup, seats: Sequence[Seat], records: Sequence[RoundRecord]
) -> list[RoundRecord]:
    """The game again with `seats`: policies decide anew, people's seats repeat what was recorded.

    A game that came to its end is played to its end, which stop_out may put later than the recorded
    one's (people pass then); another for as many rounds as `records` has.

    Raises:
        ValueError: no rounds.
    """
    if not records:
        raise ValueError("no round was played")
    table = Table(setup, seats)
    while not table.over and (len(table.records) < len(records) or records[-1].over):
        now = records[len(table.records)].orders if len(table.records) < len(records) else None
        table.play({i: now[i].requested if now else PASS for i in table.human_seats})
    return table.records


def recorded(setup: Setup) -> list[Seat]:
    """People at all seats: `replay` then repeats every order of the records."""
    return [human() for _ in range(setup.n_players)]
