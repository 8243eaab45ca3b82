"""Play against policies: the game's core, its terminal (`python -m cardjax.play`) and what both
build on.

game.py       make_setup, Setup; Game: one game, round by round        rounds.py    Offer,
RoundRecord, OrderRecord opponents.py  Seat, human, find_seat; Table: a Game with seats
explain.py   explain, parts_of, why_invalid score.py      Totals, Score; score_of, totals_of,
in_place_of          words.py     cards, events, orders in words record.py     save_game, load_game:
a game as a JSON file
"""

from cardjax.play.explain import Parts, explain, parts_of, why_invalid
from cardjax.play.game import Game, Setup, make_setup
from cardjax.play.opponents import Seat, Table, find_seat, human
from cardjax.play.record import SavedGame, load_game, save_game
from cardjax.play.rounds import Offer, OrderRecord, RoundRecord
from cardjax.play.score import Score, Totals, in_place_of, score_of, totals_of

__all__ = [
    "Game",
    "Offer",
    "OrderRecord",
    "Parts",
    "RoundRecord",
    "SavedGame",
    "Score",
    "Seat",
    "Setup",
    "Table",
    "Totals",
    "explain",
    "find_seat",
    "human",
    "in_place_of",
    "load_game",
    "make_setup",
    "parts_of",
    "save_game",
    "score_of",
    "totals_of",
    "why_invalid",
]
