"""The maker's game in a terminal: the loop over rounds, and stepping through a saved game."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cardjax.env import ParameterError
from cardjax.play.arguments import again, check_save, setup_of
from cardjax.play.maker.game import MakerGame, Quote
from cardjax.play.maker.quotes import ask_quote
from cardjax.play.maker.record import SavedMakerGame, save_maker_game
from cardjax.play.maker.rounds import QuoteRecord
from cardjax.play.maker.score import compared, score_of
from cardjax.play.maker.screen import MakerScreen
from cardjax.play.orders import StoppedError, ask
from cardjax.play.participants import HUMAN, Participant, find_participant
from cardjax.play.screen import rounds_words
from cardjax.play.setup import Setup


def run(arguments: argparse.Namespace) -> None:
    """Play the game that the arguments of `cardjax play --role maker` ask for.

    Raises:
        ParameterError: what is not allowed.
    """
    setup = setup_of(arguments)
    if arguments.both_seats:
        raise ParameterError("--both-seats", "on", "leaves nobody to quote to: --role maker is one")
    if arguments.opponent == HUMAN:
        raise ParameterError("--opponent", HUMAN, "must be a policy where you are the maker")
    takers = find_participant(arguments.opponent or "equilibrium", setup)
    check_save(arguments.save)
    _play(setup, takers, arguments)


def replay(saved: SavedMakerGame) -> None:
    """Step through a saved game. Its summary asks scripted takers by name; run folders are not
    opened.
    """
    setup, records = saved.setup, saved.records
    screen = MakerScreen([saved.takers.name] * setup.n_players)
    played = f"{rounds_words(len(records))}, {setup.preset}, seed {setup.seed}"
    screen.say(f"A saved game of a maker against {saved.takers.name}: {played}", "bold")
    try:
        for record in records:
            screen.offer(record)
            screen.round(record)
            if sys.stdin.isatty() and ask("Enter goes on, q stops: ").strip().lower() in (
                "q",
                "quit",
            ):
                return
    except StoppedError:
        return
    _summary(screen, setup, saved.takers, records)


def _play(setup: Setup, takers: Participant, arguments: argparse.Namespace) -> None:
    screen = MakerScreen([takers.name] * setup.n_players)
    _welcome(screen, setup, takers)
    with screen.console.status("Shuffling the cards ..."):
        MakerGame(setup, takers).play((0, 0))  # compiles everything before somebody waits for it
    game = MakerGame(setup, takers)
    last: Quote | None = None
    try:
        while not game.over:
            screen.offer(game.offer)
            last = ask_quote("Your quote: ", last, screen.say, screen.help)
            screen.round(game.play(last))
            if arguments.save is not None:
                save_maker_game(arguments.save, setup, takers.name, game.records)
    except StoppedError:
        screen.say(f"\nThe game stops here, after {rounds_words(len(game.records))}.")
    except KeyboardInterrupt:
        screen.say(f"\nStopped after {rounds_words(len(game.records))}.")
        _say_saved(screen, arguments.save, game.records)
        raise
    if game.records:
        _summary(screen, setup, takers, game.records)
        screen.say(f"\nTo play the same cards again: {again(arguments, setup)}")
    _say_saved(screen, arguments.save, game.records)


def _welcome(screen: MakerScreen, setup: Setup, takers: Participant) -> None:
    n = setup.n_players
    who = "one taker" if n == 1 else f"{n} takers"
    screen.say(f"cardjax: you are the market maker, against {who} ({takers.name})", "bold")
    screen.say(f"Market: {setup.preset}, seed {setup.seed}")
    screen.say(
        "Three cards are drawn, and one unit pays their sum. Name the prices at which others buy "
        "from you and sell to you, and how many units. Takers may know more of the cards than you; "
        "noise traders trade anyway. ? explains more, q stops."
    )


def _summary(
    screen: MakerScreen, setup: Setup, takers: Participant, records: Sequence[QuoteRecord]
) -> None:
    if records:
        screen.end(score_of(records), compared(setup, takers, records))
        screen.takers(records)


def _say_saved(screen: MakerScreen, path: Path | None, records: Sequence[QuoteRecord]) -> None:
    if path is not None and records:
        screen.say(f"Saved: {path}")
