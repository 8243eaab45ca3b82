"""The terminal game: the loop over rounds, and stepping through a saved game."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from cardjax.env import PASS, ParameterError
from cardjax.env.declaration import plain
from cardjax.play.arguments import again, check_save, setup_of
from cardjax.play.maker import terminal as maker_terminal
from cardjax.play.maker.record import SavedMakerGame, load_any_game
from cardjax.play.orders import BELIEF, StoppedError, ask, ask_order
from cardjax.play.participants import HUMAN, Participant, SeatedGame, find_participant, human
from cardjax.play.record import SavedGame, save_game
from cardjax.play.rounds import Offer, RoundRecord
from cardjax.play.score import benchmark_of, compared, score_of, totals_of
from cardjax.play.screen import Screen, rounds_words
from cardjax.play.setup import MAKER, Setup
from cardjax.policies.registry import is_policy
from cardjax.runtime.compilation import keep_compiled_programs


def run(arguments: argparse.Namespace) -> None:
    """Play the game, or step through the saved one, that the arguments of `cardjax play` ask for.

    Raises:
        ParameterError: what is not allowed.
    """
    keep_compiled_programs()
    if arguments.replay is not None:
        given = [
            name
            for name, value in vars(arguments).items()
            if value is not None and value is not False and value != []
        ]
        given = [name.replace("_", "-") for name in given if name != "replay"]
        if given:
            allowed = (
                f"takes no other arguments ({', '.join(given)}): the file says which game it is"
            )
            raise ParameterError("--replay", str(arguments.replay), allowed)
        saved = load_any_game(arguments.replay)
        if isinstance(saved, SavedMakerGame):
            maker_terminal.replay(saved)
        else:
            _replay(saved)
        return
    if arguments.role == MAKER:
        maker_terminal.run(arguments)
        return
    setup = setup_of(arguments)
    participants = _participants(arguments, setup)
    check_save(arguments.save)
    _play(setup, participants, arguments)


def _participants(arguments: argparse.Namespace, setup: Setup) -> list[Participant]:
    if arguments.both_seats:
        if setup.n_players == 1:
            raise ParameterError(
                "--both-seats", "on", "needs a game of two: --mode single has one seat"
            )
        if arguments.opponent not in (None, HUMAN):
            raise ParameterError(
                "--both-seats", "on", f"leaves no seat to --opponent {arguments.opponent}"
            )
        return [human() for _ in range(setup.n_players)]
    others = find_participant(arguments.opponent or "equilibrium", setup)
    return [human(), *[others] * (setup.n_players - 1)]


def _play(setup: Setup, participants: Sequence[Participant], arguments: argparse.Namespace) -> None:
    names = [who.name for who in participants]
    people = [seat for seat, who in enumerate(participants) if who.is_human]
    screen = _screen(names, people, setup)
    _welcome(screen, setup)
    with screen.console.status("Shuffling the cards ..."):
        _warm_up(setup, participants)
    game = SeatedGame(setup, participants)
    try:
        while not game.over:
            screen.offer(game.offer)
            screen.round(game.play(_orders(screen, game, hide=not arguments.both_seats)))
            if arguments.save is not None:
                save_game(arguments.save, setup, names, game.records)
    except StoppedError:
        screen.say(f"\nThe game stops here, after {rounds_words(len(game.records))}.")
    except KeyboardInterrupt:
        screen.say(f"\nStopped after {rounds_words(len(game.records))}.")
        _say_saved(screen, arguments.save, game.records)
        raise
    if game.records:
        rival = _rival(arguments, setup)
        _summary(screen, setup, participants, game.records, rival)
        screen.say(f"\nTo play the same cards again: {again(arguments, setup)}")
    _say_saved(screen, arguments.save, game.records)


def _screen(names: Sequence[str], people: Sequence[int], setup: Setup) -> Screen:
    limit = int(setup.params.inventory_limit) if setup.carries else None
    return Screen(
        names,
        people,
        setup.has_impact,
        hides_event=setup.hides_event,
        inventory_limit=limit,
    )


def _welcome(screen: Screen, setup: Setup) -> None:
    others = [name for seat, name in enumerate(screen.names) if seat not in screen.people]
    who = f"you against {', '.join(others)}" if others else "you alone"
    if len(screen.people) > 1:
        who = f"a game of {len(screen.people)} people"
    screen.say(f"cardjax: {who}", "bold")
    screen.say(f"Market: {setup.preset}, seed {setup.seed}")
    screen.say(
        "Three cards are drawn, and one unit pays their sum. Buy if you think that it will be "
        "above the price at which you buy, sell if below the price at which you sell, or pass. "
        "? explains more, q stops."
    )
    if setup.hides_event:
        screen.say(
            "Nobody is told the event: earlier rounds' cards and sums tell what it may be. "
            "b shows what could be known."
        )
    if setup.carries:
        screen.say(
            "Units are carried from round to round, and holding them is charged for: "
            f"{plain(setup.params.risk.phi)} times the square of what you hold."
        )


def _warm_up(setup: Setup, participants: Sequence[Participant]) -> None:
    """Compile everything before somebody waits for it: one round of a game that nobody sees."""
    game = SeatedGame(setup, participants)
    game.play(dict.fromkeys(game.human_seats, PASS))


def _orders(screen: Screen, game: SeatedGame, hide: bool) -> dict[int, int]:
    """Every person's order; with `hide`, nobody sees another's before all have decided."""
    orders: dict[int, int] = {}
    several = len(game.human_seats) > 1
    for seat in game.human_seats:
        hidden = several and hide
        prompt = (
            f"{screen.name(seat)}{' (typed unseen)' if hidden else ''}: "
            if several
            else "Your order: "
        )
        orders[seat] = ask_order(
            prompt,
            game.offer,
            seat,
            screen.say,
            screen.help,
            hidden,
            _show_belief(screen, game.offer),
        )
        if hidden:
            screen.say(f"{screen.name(seat)} has decided.")
    return orders


def _show_belief(screen: Screen, offer: Offer) -> Callable[[], None] | None:
    """What "b" shows; None where the event is known."""
    belief = offer.belief
    return None if belief is None else lambda: screen.belief(belief)


def _rival(arguments: argparse.Namespace, setup: Setup) -> Participant | None:
    """Whom a single player is compared with besides the optimum."""
    if setup.n_players > 1 or arguments.opponent in (None, HUMAN):
        return None
    return find_participant(arguments.opponent, setup)


def _summary(
    screen: Screen,
    setup: Setup,
    participants: Sequence[Participant],
    records: Sequence[RoundRecord],
    rival: Participant | None = None,
) -> None:
    benchmark = benchmark_of(setup)
    if benchmark is not None and setup.n_players == 1:
        benchmark = replace(benchmark, name="the optimum")
    policies = [who for who in [benchmark, rival, *participants] if who and not who.is_human]
    for seat in screen.people:
        others = compared(setup, participants, records, seat, policies)
        screen.end(seat, score_of(setup, records, seat), list(others.items()))
    if len(participants) > 1:
        screen.standings([totals_of(records, seat) for seat in range(len(participants))])


def _say_saved(screen: Screen, path: Path | None, records: Sequence[RoundRecord]) -> None:
    if path is not None and records:
        screen.say(f"Saved: {path}")


def _replay(game: SavedGame) -> None:
    """Step through a saved game. Its summary asks policies by name; run folders are not opened."""
    people = [i for i, name in enumerate(game.players) if name == HUMAN] or [0]
    participants = [
        find_participant(name, game.setup) if i not in people and is_policy(name) else human(name)
        for i, name in enumerate(game.players)
    ]
    setup = game.setup
    screen = _screen(game.players, people, setup)
    played = f"{rounds_words(len(game.records))}, {game.setup.preset}, seed {game.setup.seed}"
    screen.say(f"A saved game of {', '.join(game.players)}: {played}", "bold")
    try:
        for record in game.records:
            screen.offer(record)
            screen.round(record)
            if sys.stdin.isatty() and not _goes_on(screen, record):
                return
    except StoppedError:
        return
    if game.records:
        _summary(screen, game.setup, participants, game.records)


def _goes_on(screen: Screen, record: RoundRecord) -> bool:
    """Whether who looks at a saved game wants its next round."""
    show_belief = _show_belief(screen, record)
    more = "" if show_belief is None else "b shows what could be known, "
    while True:
        said = ask(f"Enter goes on, {more}q stops: ").strip().lower()
        if show_belief is None or said not in BELIEF:
            return said not in ("q", "quit")
        show_belief()
