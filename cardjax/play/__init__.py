"""Play against policies: the game's core, its terminal (`python -m cardjax.play`), and what the
page in cardjax.play.web builds on.

rounds.py        Offer, OrderRecord, RoundRecord: a round as plain values
game.py          make_setup, Setup; Game: one game, round by round
participants.py  Participant, human, find_participant; SeatedGame: a Game with policies and people
explanation.py   explain, parts_of, why_invalid: a round in plain words
public_belief.py  PublicBelief: what may be known of a hidden event
words.py         cards, events and orders in words
score.py         Totals, Score; score_of, totals_of, in_place_of
record.py        save_game, load_game: a game as a JSON file
terminal.py      the game in a terminal; screen.py is what it shows, orders.py what is typed
arguments.py     the command line's arguments as both roles read them
maker/           the same for a person who is the market maker
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cardjax.play.explanation import Parts, explain, parts_of, why_invalid
    from cardjax.play.game import Game
    from cardjax.play.maker.game import MakerGame
    from cardjax.play.maker.record import load_any_game, save_maker_game
    from cardjax.play.maker.rounds import QuoteOffer, QuoteRecord
    from cardjax.play.participants import Participant, SeatedGame, find_participant, human
    from cardjax.play.record import SavedGame, load_game, save_game
    from cardjax.play.rounds import Offer, OrderRecord, RoundRecord
    from cardjax.play.score import Score, Totals, in_place_of, score_of, totals_of
    from cardjax.play.setup import Setup, make_setup

__all__ = [
    "Game",
    "MakerGame",
    "Offer",
    "OrderRecord",
    "Participant",
    "Parts",
    "QuoteOffer",
    "QuoteRecord",
    "RoundRecord",
    "SavedGame",
    "Score",
    "SeatedGame",
    "Setup",
    "Totals",
    "explain",
    "find_participant",
    "human",
    "in_place_of",
    "load_any_game",
    "load_game",
    "make_setup",
    "parts_of",
    "save_game",
    "save_maker_game",
    "score_of",
    "totals_of",
    "why_invalid",
]

_MODULES = {
    "Game": "cardjax.play.game",
    "MakerGame": "cardjax.play.maker.game",
    "Offer": "cardjax.play.rounds",
    "OrderRecord": "cardjax.play.rounds",
    "Participant": "cardjax.play.participants",
    "Parts": "cardjax.play.explanation",
    "QuoteOffer": "cardjax.play.maker.rounds",
    "QuoteRecord": "cardjax.play.maker.rounds",
    "RoundRecord": "cardjax.play.rounds",
    "SavedGame": "cardjax.play.record",
    "Score": "cardjax.play.score",
    "SeatedGame": "cardjax.play.participants",
    "Setup": "cardjax.play.setup",
    "Totals": "cardjax.play.score",
    "explain": "cardjax.play.explanation",
    "find_participant": "cardjax.play.participants",
    "human": "cardjax.play.participants",
    "in_place_of": "cardjax.play.score",
    "load_any_game": "cardjax.play.maker.record",
    "load_game": "cardjax.play.record",
    "make_setup": "cardjax.play.setup",
    "parts_of": "cardjax.play.explanation",
    "save_game": "cardjax.play.record",
    "save_maker_game": "cardjax.play.maker.record",
    "score_of": "cardjax.play.score",
    "totals_of": "cardjax.play.score",
    "why_invalid": "cardjax.play.explanation",
}
"""name → the module that has it, imported when the name is first used: `python -m cardjax.play`
answers signals before it imports JAX, which takes a second.
"""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'cardjax.play' has no attribute {name!r}")
