"""Games as the page reads them: the core's records, with the cards and explanations beside the
numbers.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import jax

from cardjax.env import N_ROUNDS
from cardjax.env.events import LOWEST_RANK, N_RANKS, NO_EVENT
from cardjax.play.explanation import explain
from cardjax.play.participants import HUMAN, Participant, SeatedGame, human
from cardjax.play.public_belief import PublicBelief
from cardjax.play.record import SavedGame
from cardjax.play.rounds import Offer, RoundRecord
from cardjax.play.score import compared, score_of
from cardjax.play.setup import TAKER, Setup
from cardjax.play.web.players import Roster
from cardjax.play.words import KINDS, card_name, card_value, eligible_ranks, remap_words


def show_game(game: SeatedGame, summary: dict[str, Any] | None = None) -> dict[str, Any]:
    """A game in progress: what the visitor may know of it and nothing that is still hidden."""
    shown = _show(game.setup, game.names, game.records)
    offer = None if game.over else show_offer(game.offer) | _fair(game)
    return shown | {"offer": offer, "over": game.over, "summary": summary}


def show_saved(saved: SavedGame, players: Roster) -> dict[str, Any]:
    """A saved game. Only its players' names are known, so all seats repeat what was recorded."""
    game = _show(saved.setup, saved.players, saved.records)
    people = [human(name) for name in saved.players]
    summary = summary_of(saved.setup, people, saved.records, players)
    return game | {"offer": None, "over": True, "summary": summary}


def show_offer(offer: Offer) -> dict[str, Any]:
    """An offer, with the deck that its event leaves."""
    return asdict(offer) | _beside(offer)


def show_record(record: RoundRecord) -> dict[str, Any]:
    """A settled round, with its deck and an explanation to each seat."""
    told = [explain(record, seat) for seat in range(len(record.orders))]
    return asdict(record) | _beside(record) | {"explain": told}


def _fair(game: SeatedGame) -> dict[str, float]:
    """The posterior that event and shown cards determine: a help for people, who would have to work
    it out.
    """
    view = jax.device_get(game.game.view)
    return {"mu": float(view.mu[0]), "sigma": float(view.sigma[0])}


def _show(setup: Setup, names: Sequence[str], records: Sequence[RoundRecord]) -> dict[str, Any]:
    return setup_shown(setup, TAKER) | {
        "initial_wealth": float(setup.params.initial_wealth),
        "depth_max": float(setup.params.liquidity.max),
        "carries": setup.carries,
        "charged": setup.yardstick.charged,
        "seats": seats_of(names),
        "records": [show_record(record) for record in records],
    }


def setup_shown(setup: Setup, role: str) -> dict[str, Any]:
    """Which game it is, and whose seat the person's is."""
    return {
        "role": role,
        "kind": setup.kind,
        "n_players": setup.n_players,
        "preset": setup.preset,
        "seed": setup.seed,
        "events": bool(setup.params.flags.enable_events),
        "impact": setup.has_impact,
        "alpha": float(setup.params.alpha),
        "n_rounds": N_ROUNDS,
    }


def seats_of(names: Sequence[str]) -> list[dict[str, Any]]:
    """Names to show; where two are alike, each has the number of its seat."""
    shown = ["You" if name == HUMAN else name for name in names]
    return [
        {
            "name": name if shown.count(name) == 1 else f"{name} (seat {i})",
            "human": names[i - 1] == HUMAN,
        }
        for i, name in enumerate(shown, 1)
    ]


def summary_of(
    setup: Setup,
    participants: Sequence[Participant],
    records: Sequence[RoundRecord],
    players: Roster,
) -> dict[str, Any] | None:
    """Every seat's score, and what others would have earned at the first seat on the same draws.

    No line-up is told twice: neither who sits at the first seat anyway, nor the equilibrium at
    every seat where the others are the equilibrium already.
    """
    if not records:
        return None
    names = tuple(who.name for who in participants)
    scores = [score_of(setup, records, seat) for seat in range(setup.n_players)]
    first = "you" if names[0] == HUMAN else names[0]
    rows = {
        (other, *names[1:]): (f"{other} instead of {first}", own)
        for other, own in compared(setup, participants, records, 0, players.compared(setup)).items()
    }
    everywhere = ("equilibrium",) * setup.n_players
    best = scores[0].benchmark
    if best is not None and setup.n_players > 1 and names != everywhere:
        rows[everywhere] = ("the equilibrium at every seat", best)
    return {
        "scores": [asdict(score) for score in scores],
        "compared": [{"name": name} | asdict(own) for name, own in rows.values()],
    }


def _beside(offer: Offer) -> dict[str, Any]:
    """Deck and belief in the page's words."""
    belief = {} if offer.belief is None else {"belief": _belief(offer.belief)}
    return {"deck": deck_of(offer.event)} | belief


def _belief(belief: PublicBelief) -> dict[str, Any]:
    """What may be known of a hidden event; a remap is one that may be, and not the one that is."""
    kinds = zip(KINDS, belief.kinds, strict=True)
    return {
        "kinds": [{"words": words, "chance": chance} for words, chance in kinds],
        "remaps": [
            {"words": remap_words(event), "chance": chance} for event, chance in belief.remaps
        ],
        "last_cards": [card_name(rank) for rank in belief.last_cards],
        "last_sum": belief.last_sum,
    }


def deck_of(event: int | None) -> list[dict[str, Any]]:
    """All 13 ranks: their names and values, and whether the event leaves them in the deck. Under a
    hidden event (None) they are as without one.
    """
    event = NO_EVENT if event is None else event
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
