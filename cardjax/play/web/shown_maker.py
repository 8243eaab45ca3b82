"""A maker's games as the page reads them: the core's records, with the deck and explanations beside
the numbers.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cardjax.env.maker import DEPTHS, OFFSETS
from cardjax.play.maker.explanation import explain, how_many, takers_knew
from cardjax.play.maker.game import MakerGame
from cardjax.play.maker.record import SavedMakerGame
from cardjax.play.maker.rounds import QuoteOffer, QuoteRecord
from cardjax.play.maker.score import compared, score_of
from cardjax.play.participants import HUMAN, Participant
from cardjax.play.setup import MAKER, Setup
from cardjax.play.web.shown import deck_of, seats_of, setup_shown


def show_maker_game(game: MakerGame, summary: dict[str, Any] | None = None) -> dict[str, Any]:
    """A game in progress: what the maker may know of it and nothing that is still hidden."""
    offer = None if game.over else show_quote_offer(game.offer)
    shown = _show(game.setup, game.takers, game.records, game.maker)
    return shown | {"offer": offer, "over": game.over, "summary": summary}


def show_saved_maker(saved: SavedMakerGame) -> dict[str, Any]:
    """A saved game."""
    summary = maker_summary(saved.setup, saved.takers, saved.records)
    shown = _show(saved.setup, saved.takers, saved.records)
    return shown | {"offer": None, "over": True, "summary": summary}


def maker_summary(
    setup: Setup, takers: Participant, records: Sequence[QuoteRecord]
) -> dict[str, Any] | None:
    """The maker's score, and what others would have earned in its place; None before a round."""
    if not records:
        return None
    others = compared(setup, takers, records)
    return {
        "score": asdict(score_of(records)),
        "compared": [{"name": name} | asdict(totals) for name, totals in others.items()],
    }


def show_quote_offer(offer: QuoteOffer) -> dict[str, Any]:
    """What the maker may know, with the deck that the event leaves."""
    return asdict(offer) | {"deck": deck_of(offer.event), "takers_see_words": how_many(offer)}


def _show(
    setup: Setup, takers: Participant, records: Sequence[QuoteRecord], maker: str | None = None
) -> dict[str, Any]:
    """The first seat is the maker's, who is a person without a name, and the others the takers'."""
    return setup_shown(setup, MAKER) | {
        "offsets": [float(offset) for offset in OFFSETS],
        "depths": [int(depth) for depth in DEPTHS],
        "maker": maker,
        "takers": takers.name,
        "seats": seats_of([maker or HUMAN, *[takers.name] * setup.n_players]),
        "records": [_show_record(record) for record in records],
    }


def _show_record(record: QuoteRecord) -> dict[str, Any]:
    beside = {
        "deck": deck_of(record.event),
        "worth": record.worth,
        "quoted": [asdict(side) | {"pnl": side.pnl} for side in record.quoted],
        "knew": takers_knew(record),
        "explain": explain(record),
    }
    return asdict(record) | beside
