"""Games as the page reads them: the core's own records, with cards and explanations put beside the
numbers.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import jax

from cardjax.env import N_ROUNDS
from cardjax.env.events import LOWEST_RANK, N_RANKS
from cardjax.play.explain import explain
from cardjax.play.game import Setup
from cardjax.play.opponents import HUMAN, Seat, Table
from cardjax.play.record import SavedGame
from cardjax.play.rounds import Offer, RoundRecord
from cardjax.play.score import in_place_of, recorded, score_of
from cardjax.play.web.players import Players
from cardjax.play.words import card_name, card_value, eligible_ranks


def show_table(table: Table, summary: dict[str, Any] | None = None) -> dict[str, Any]:
    """A game in progress: what the visitor may know of it and nothing that is still hidden."""
    names = [seat.name for seat in table.seats]
    game = _show(table.setup, names, table.records)
    offer = None if table.over else show_offer(table.offer) | _fair(table)
    return game | {"offer": offer, "over": table.over, "summary": summary}


def show_saved(saved: SavedGame, players: Players) -> dict[str, Any]:
    """A saved game; its players are names alone, so all seats repeat what was recorded."""
    game = _show(saved.setup, saved.players, saved.records)
    seats = recorded(saved.setup)
    summary = summary_of(saved.setup, seats, saved.records, players)
    return game | {"offer": None, "over": True, "summary": summary}


def show_offer(offer: Offer) -> dict[str, Any]:
    """An offer, with the deck that its event leaves."""
    return asdict(offer) | {"deck": _deck(offer.event)}


def show_record(record: RoundRecord) -> dict[str, Any]:
    """A settled round, with its deck and an explanation to each seat."""
    told = [explain(record, seat) for seat in range(len(record.orders))]
    return asdict(record) | {"deck": _deck(record.event), "explain": told}


def _fair(table: Table) -> dict[str, float]:
    """The posterior that event and shown cards determine: a help for people, who would have to work
    it out.
    """
    view = jax.device_get(table.game.view)
    return {"mu": float(view.mu[0]), "sigma": float(view.sigma[0])}


def _show(setup: Setup, names: Sequence[str], records: Sequence[RoundRecord]) -> dict[str, Any]:
    return {
        "kind": setup.kind,
        "n_players": setup.n_players,
        "preset": setup.preset,
        "seed": setup.seed,
        "events": bool(setup.params.flags.enable_events),
        "impact": bool(setup.params.flags.enable_impact),
        "alpha": float(setup.params.alpha),
        "initial_wealth": float(setup.params.initial_wealth),
        "depth_max": float(setup.params.liquidity.max),
        "n_rounds": N_ROUNDS,
        "seats": _seats(names),
        "records": [show_record(record) for record in records],
    }


def _seats(names: Sequence[str]) -> list[dict[str, Any]]:
    """Names to show; where two are alike, with the seat's number."""
    shown = ["You" if name == HUMAN else name for name in names]
    return [
        {
            "name": name if shown.count(name) == 1 else f"{name} (seat {i})",
            "human": names[i - 1] == HUMAN,
        }
        for i, name in enumerate(shown, 1)
    ]


def summary_of(
    setup: Setup, seats: Sequence[Seat], records: Sequence[RoundRecord], players: Players
) -> dict[str, Any] | None:
    """Every seat's score, and what others would have earned at the first seat on the same draws."""
    if not records:
        return None
    others = [
        (seat.name, in_place_of(setup, seats, records, 0, seat)) for seat in players.compared(setup)
    ]
    return {
        "scores": [asdict(score_of(setup, records, seat)) for seat in range(setup.n_players)],
        "compared": [{"name": name} | asdict(totals) for name, totals in others],
    }


def _deck(event: int) -> list[dict[str, Any]]:
    """All 13 ranks: what they are called and worth, and whether the event leaves them in the deck."""
    eligible = eligible_ranks(event)
    ranks = range(LOWEST_RANK, LOWEST_RANK + N_RANKS)
    return [
        {
            "rank": rank,
            "name": card_name(rank),
            "value": card_value(event, rank),
            "eligible": rank in eligible,
        }
        for rank in ranks
    ]
