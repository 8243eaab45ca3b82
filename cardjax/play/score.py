"""A finished game in figures: totals, score, luck, and what others would have earned in the same
place.

The benchmark is the one that policies are scored by (docs/evaluation.md#exact-yardsticks): the
equilibrium at every seat on the same market draws, or the optimum of a single player. A game's
score is a seat's own expected P&L, less the charge for risk where there is one, divided by the
benchmark's. Over ten rounds both can be small, so one game's score says little where hundreds say
much.
"""

import dataclasses
from collections.abc import Sequence

from cardjax.env import PASS
from cardjax.play.participants import Participant, SeatedGame, find_participant
from cardjax.play.rounds import RoundRecord
from cardjax.play.setup import Setup
from cardjax.policies.policy import prepared

SMALLEST_BENCHMARK = 5.0
"""points: where the benchmark earned less, one careless order decides the quotient, and the
difference in points says more.
"""


@dataclasses.dataclass(frozen=True)
class Totals:
    """What a seat's game came to, in points; pnl = expected_pnl + luck."""

    pnl: float
    expected_pnl: float
    luck: float
    slippage_cost: float
    """size times slippage, summed."""
    missed: float
    """how much more the best reply of each round, summed, would have been worth than the orders."""
    trades: int
    rejections: int
    rounds: int
    wealth: float
    risk_charge: float = 0.0
    """summed; no money."""

    @property
    def payoff(self) -> float:
        """What is scored."""
        return self.expected_pnl - self.risk_charge


@dataclasses.dataclass(frozen=True)
class Score:
    """A seat's totals beside the benchmark's on the same draws."""

    totals: Totals
    benchmark: Totals | None
    """of the equilibrium in this seat, with itself at the others; of the optimum for one player.
    None where risk is charged for and no optimum is known."""
    score: float | None
    """payoff / benchmark's; None where the benchmark earned less than SMALLEST_BENCHMARK."""


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
        risk_charge=sum(order.risk_charge for order in orders),
    )


def score_of(setup: Setup, records: Sequence[RoundRecord], seat: int) -> Score:
    """A seat's score over the rounds played, whoever sat there: a person is scored like a policy.

    Raises:
        ValueError: no rounds.
    """
    own = totals_of(records, seat)
    best = benchmark_of(setup)
    if best is None:
        return Score(own, None, None)
    benchmark = totals_of(replay(setup, [best] * setup.n_players, records), seat)
    enough = benchmark.payoff >= SMALLEST_BENCHMARK
    return Score(own, benchmark, own.payoff / benchmark.payoff if enough else None)


def benchmark_of(setup: Setup) -> Participant | None:
    """The exact benchmark as a participant; None if there is none."""
    best = setup.yardstick
    if not best.charged:
        return find_participant("equilibrium", setup)
    if best.policy is None:
        return None
    return Participant("the optimum", best.policy, prepared(best.policy, setup.params))


def in_place_of(
    setup: Setup,
    participants: Sequence[Participant],
    records: Sequence[RoundRecord],
    seat: int,
    other: Participant,
) -> Totals:
    """What `other` would have earned at `seat` on the same draws.

    Policies at the other seats answer it, and people do what they did.

    Raises:
        ValueError: no rounds, or `other` is a person.
    """
    if other.is_human:
        raise ValueError("a person cannot be asked what would have been")
    seated = [other if i == seat else who for i, who in enumerate(participants)]
    return totals_of(replay(setup, seated, records), seat)


def compared(
    setup: Setup,
    participants: Sequence[Participant],
    records: Sequence[RoundRecord],
    seat: int,
    others: Sequence[Participant],
) -> dict[str, Totals]:
    """`in_place_of` for each of `others` by name, once each and without who sits there anyway."""
    named = {who.name: who for who in others if who.name != participants[seat].name}
    return {
        name: in_place_of(setup, participants, records, seat, who) for name, who in named.items()
    }


def replay(
    setup: Setup, participants: Sequence[Participant], records: Sequence[RoundRecord]
) -> list[RoundRecord]:
    """The game again with `participants`: policies decide anew, people's orders are repeated.

    A game that came to its end is played to its end, which stop_out may put later than in the
    records (people pass then); any other for as many rounds as `records` has.

    Raises:
        ValueError: no rounds.
    """
    if not records:
        raise ValueError("no round was played")
    game = SeatedGame(setup, participants)
    while not game.over and (len(game.records) < len(records) or records[-1].over):
        now = records[len(game.records)].orders if len(game.records) < len(records) else None
        game.play({i: now[i].requested if now else PASS for i in game.human_seats})
    return game.records
