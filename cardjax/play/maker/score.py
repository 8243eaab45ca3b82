"""A maker's game in figures: totals, score, and what other makers would have earned in its place.

The score is the one of docs/evaluation.md#the-maker-as-a-player: what its quotes are worth against
takers in equilibrium, as a share of what a monopolist's would be, whoever the takers are.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from cardjax.env.maker import SIDES
from cardjax.play.maker.game import MakerGame, Quote
from cardjax.play.maker.rounds import QuoteRecord
from cardjax.play.participants import Participant
from cardjax.play.score import SMALLEST_BENCHMARK
from cardjax.play.setup import Setup
from cardjax.policies.makers import RandomQuotes


def _at_random(game: MakerGame) -> Quote:
    _, choice = RandomQuotes().act(None, (), game.view, game.maker_key)
    ask, bid = np.asarray(choice)
    return int(ask), int(bid)


IN_ITS_PLACE: dict[str, Callable[[MakerGame], Quote]] = {
    "monopolist": lambda game: game.yardsticks[0],
    "competitive": lambda game: game.yardsticks[1],
    "random_quotes": _at_random,
}
"""Whom a finished game is compared with, by the names of `MAKERS`."""


@dataclasses.dataclass(frozen=True)
class MakerTotals:
    """What a maker's game came to, in points:

    pnl = from_noise + paid − information + luck.
    """

    pnl: float
    expected_pnl: float
    """as `QuoteRecord.expected_pnl`, summed."""
    from_noise: float
    """what noise traders paid."""
    paid: float
    """what takers paid: spread and impact."""
    information: float
    """what it lost to what takers knew."""
    luck: float
    """what the cards gave."""
    worth: float
    """what its quotes are worth on average against takers in equilibrium."""
    offset: float
    """the mean over rounds and sides, points; so is `depth`, units."""
    depth: float
    rounds: int


@dataclasses.dataclass(frozen=True)
class MakerScore:
    """A maker's totals beside the yardsticks of the same rounds."""

    totals: MakerTotals
    monopoly: float
    """what the monopolist's quotes are worth."""
    competitive: float
    """what competition's are worth."""
    monopoly_offset: float
    competitive_offset: float
    score: float | None
    """worth / monopoly; None where a monopolist earns less than SMALLEST_BENCHMARK."""
    markup: float | None
    """where the mean offset lies between competition's, 0, and the monopolist's, 1; None where
    these are the same."""


def totals_of(records: Sequence[QuoteRecord]) -> MakerTotals:
    """The totals over the rounds played.

    Raises:
        ValueError: no rounds.
    """
    if not records:
        raise ValueError("no round was played")
    sides = [side for record in records for side in record.quoted]
    return MakerTotals(
        pnl=sum(record.pnl for record in records),
        expected_pnl=sum(record.expected_pnl for record in records),
        from_noise=sum(side.from_noise for side in sides),
        paid=sum(side.spread + side.impact for side in sides),
        information=sum(side.information for side in sides),
        luck=sum(side.luck for side in sides),
        worth=sum(record.worth for record in records),
        offset=sum(side.offset for side in sides) / len(sides),
        depth=sum(side.depth for side in sides) / len(sides),
        rounds=len(records),
    )


def score_of(records: Sequence[QuoteRecord]) -> MakerScore:
    """The score over the rounds played.

    Raises:
        ValueError: no rounds.
    """
    own, n = totals_of(records), SIDES * len(records)
    monopoly = sum(sum(record.monopoly.worth) for record in records)
    top, low = (
        sum(sum(quote.offset) for quote in quotes) / n
        for quotes in (
            [record.monopoly for record in records],
            [record.competitive for record in records],
        )
    )
    return MakerScore(
        totals=own,
        monopoly=monopoly,
        competitive=sum(sum(record.competitive.worth) for record in records),
        monopoly_offset=top,
        competitive_offset=low,
        score=own.worth / monopoly if monopoly >= SMALLEST_BENCHMARK else None,
        markup=(own.offset - low) / (top - low) if top > low else None,
    )


def compared(
    setup: Setup, takers: Participant, records: Sequence[QuoteRecord]
) -> dict[str, MakerTotals]:
    """What other makers would have earned in its place, by name: on the same draws, with the same
    takers, who answer each of them. Nobody where it is not known how the takers decide.

    Raises:
        ValueError: no rounds.
    """
    if takers.policy is None:
        return {}
    return {
        name: totals_of(quoted_by(setup, takers, quote, len(records)))
        for name, quote in IN_ITS_PLACE.items()
    }


def quoted_by(
    setup: Setup, takers: Participant, quote: Callable[[MakerGame], Quote], rounds: int
) -> list[QuoteRecord]:
    """The first rounds of the game, quoted by a function of how it stands."""
    game = MakerGame(setup, takers)
    while not game.over and len(game.records) < rounds:
        game.play(quote(game))
    return game.records
