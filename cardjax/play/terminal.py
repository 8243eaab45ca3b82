"""The terminal game: `python -m cardjax.play`. Arguments, the round's loop, and stepping through a
saved game.
"""

import argparse
import errno
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from cardjax.config import parse_override
from cardjax.env import PASS, ParameterError
from cardjax.play.game import MAX_SEED, Setup, make_setup
from cardjax.play.opponents import HUMAN, Seat, Table, find_seat, human
from cardjax.play.orders import StoppedError, ask, ask_order
from cardjax.play.record import load_game, save_game
from cardjax.play.rounds import RoundRecord
from cardjax.play.score import in_place_of, score_of, totals_of
from cardjax.play.screen import Screen, rounds_words
from cardjax.policies.registry import POLICIES
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.exits import run_command

SWITCHES = ("on", "off")


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m cardjax.play`: exit code 0, 2 for what is not allowed (one line), 130 after
    Ctrl-C.
    """
    arguments = _arguments(argv)
    for stream in (sys.stdin, sys.stdout):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        run_command(lambda: _main(arguments))
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EIO):
            raise
        # The reader of our output has gone, or its disk is full; what is still buffered must not
        # complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(
            1 if error.errno == errno.EPIPE else f"output: cannot be written ({error.strerror})"
        )


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m cardjax.play", description="Play the card market in a terminal."
    )
    parser.add_argument(
        "--mode", choices=("single", "two"), help="alone, or against others (default two)"
    )
    parser.add_argument(
        "--opponent",
        metavar="NAME|RUN_DIR|human",
        help=f"who sits at the other seats (default equilibrium); alone: with whom you are compared at the end. "
        f"Names: {', '.join(POLICIES)}",
    )
    parser.add_argument(
        "--both-seats", action="store_true", help="play all seats yourself, with nothing hidden"
    )
    parser.add_argument("--preset", help="the market's preset (default: default)")
    parser.add_argument("--events", choices=SWITCHES, help="env.flags.enable_events")
    parser.add_argument("--impact", choices=SWITCHES, help="env.flags.enable_impact")
    parser.add_argument(
        "--seed", type=int, help="the same seed deals the same game (default: a new one)"
    )
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="keep the game in a file, after every round"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="step through a saved game")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="of the market, such as env.alpha=0.5"
    )
    return parser.parse_args(argv)


def _main(arguments: argparse.Namespace) -> None:
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
        _replay(arguments.replay)
        return
    setup = _setup(arguments)
    seats = _seats(arguments, setup)
    _check_save(arguments.save)
    _play(setup, seats, arguments)


def _setup(arguments: argparse.Namespace) -> Setup:
    """The options stand for overrides, and win over plain ones."""
    values = dict(parse_override(text) for text in arguments.overrides)
    for name in values:
        if not name.startswith("env."):
            raise ParameterError(
                "argument", name, "must be an env.* override, such as env.alpha=0.5"
            )
    named = {"env.kind": arguments.mode, "env.preset": arguments.preset}
    flags = {
        "env.flags.enable_events": arguments.events,
        "env.flags.enable_impact": arguments.impact,
    }
    values |= {name: value for name, value in named.items() if value is not None}
    values |= {name: value == "on" for name, value in flags.items() if value is not None}
    seed = secrets.randbelow(MAX_SEED + 1) if arguments.seed is None else arguments.seed
    return make_setup(overrides=values, seed=seed)


def _seats(arguments: argparse.Namespace, setup: Setup) -> list[Seat]:
    if arguments.both_seats:
        if setup.n_players == 1:
            raise ParameterError(
                "--both-seats", "on", "needs a game of two; alone there is one seat"
            )
        if arguments.opponent not in (None, HUMAN):
            raise ParameterError(
                "--both-seats", "on", f"leaves no seat to --opponent {arguments.opponent}"
            )
        return [human() for _ in range(setup.n_players)]
    others = find_seat(arguments.opponent or "equilibrium", setup)
    return [human(), *[others] * (setup.n_players - 1)]


def _check_save(path: Path | None) -> None:
    if path is not None and (path.exists() or not path.parent.is_dir()):
        raise ParameterError("--save", str(path), "must be a new file in a folder that exists")


def _play(setup: Setup, seats: Sequence[Seat], arguments: argparse.Namespace) -> None:
    screen = Screen(
        [seat.name for seat in seats], [i for i, seat in enumerate(seats) if seat.is_human]
    )
    _welcome(screen, setup)
    with screen.console.status("Shuffling …"):
        _warm_up(setup, seats)
    table = Table(setup, seats)
    try:
        while not table.over:
            screen.offer(table.offer)
            screen.round(table.play(_orders(screen, table, hide=not arguments.both_seats)))
            if arguments.save is not None:
                save_game(arguments.save, setup, [seat.name for seat in seats], table.records)
    except StoppedError:
        screen.say(f"\nThe game stops here, after {rounds_words(len(table.records))}.")
    except KeyboardInterrupt:
        screen.say(f"\nStopped after {rounds_words(len(table.records))}.")
        _say_saved(screen, arguments.save, table.records)
        raise
    if table.records:
        rival = _rival(arguments, setup)
        _summary(screen, setup, seats, table.records, rival)
        screen.say(f"\nThe same cards again: --seed {setup.seed}")
    _say_saved(screen, arguments.save, table.records)


def _welcome(screen: Screen, setup: Setup) -> None:
    others = [name for i, name in enumerate(screen.names) if i not in screen.people]
    who = f"you against {', '.join(others)}" if others else "you alone"
    screen.say(
        f"cardjax: {who if len(screen.people) == 1 else f'{len(screen.people)} people at the table'}",
        "bold",
    )
    screen.say(f"Game: preset {setup.preset}, seed {setup.seed}")
    screen.say(
        "Three cards are drawn; their sum is what a unit pays. Buy it if you think it will be above the ask, "
        "sell it if below the bid, or pass. ? explains, q stops."
    )


def _warm_up(setup: Setup, seats: Sequence[Seat]) -> None:
    """Compile everything before somebody waits for it: one round of a table that nobody sees."""
    table = Table(setup, seats)
    table.play(dict.fromkeys(table.human_seats, PASS))


def _orders(screen: Screen, table: Table, hide: bool) -> dict[int, int]:
    """Every person's order; of several, nobody sees another's before all have decided."""
    orders: dict[int, int] = {}
    several = len(table.human_seats) > 1
    for seat in table.human_seats:
        hidden = several and hide
        prompt = (
            f"{screen.name(seat)}{' (typed unseen)' if hidden else ''}: "
            if several
            else "Your order: "
        )
        orders[seat] = ask_order(prompt, table.offer, seat, screen.say, screen.help, hidden)
        if hidden:
            screen.say(f"{screen.name(seat)} has decided.")
    return orders


def _rival(arguments: argparse.Namespace, setup: Setup) -> Seat | None:
    """Whom a single player is compared with beside the optimum."""
    if setup.n_players > 1 or arguments.opponent in (None, HUMAN):
        return None
    return find_seat(arguments.opponent, setup)


def _summary(
    screen: Screen,
    setup: Setup,
    seats: Sequence[Seat],
    records: Sequence[RoundRecord],
    rival: Seat | None = None,
) -> None:
    candidates = [find_seat("equilibrium", setup), *([rival] if rival else []), *seats]
    players = {seat.name: seat for seat in candidates if not seat.is_human}
    for seat in screen.people:
        others = [
            (_as_called(name, setup), in_place_of(setup, seats, records, seat, player))
            for name, player in players.items()
        ]
        screen.end(seat, score_of(setup, records, seat), others)
    if len(seats) > 1:
        screen.standings([totals_of(records, seat) for seat in range(len(seats))])


def _as_called(name: str, setup: Setup) -> str:
    return "the optimum" if name == "equilibrium" and setup.n_players == 1 else name


def _say_saved(screen: Screen, path: Path | None, records: Sequence[RoundRecord]) -> None:
    if path is not None and records:
        screen.say(f"Saved: {path}")


def _replay(path: Path) -> None:
    """Step through a saved game; policies by name answer the summary's question, run folders are
    not opened.
    """
    game = load_game(path)
    people = [i for i, name in enumerate(game.players) if name == HUMAN] or [0]
    seats = [
        find_seat(name, game.setup) if i not in people and name in POLICIES else human(name)
        for i, name in enumerate(game.players)
    ]
    screen = Screen(game.players, people)
    screen.say(
        f"A saved game: {', '.join(game.players)}; {rounds_words(len(game.records))}, seed {game.setup.seed}",
        "bold",
    )
    try:
        for record in game.records:
            screen.offer(record)
            screen.round(record)
            if sys.stdin.isatty() and ask("Enter goes on, q stops: ").strip().lower() in (
                "q",
                "quit",
            ):
                return
    except StoppedError:
        return
    if game.records:
        _summary(screen, game.setup, seats, game.records)
