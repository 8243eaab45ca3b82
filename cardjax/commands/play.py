"""Play the card market in a terminal."""

import argparse
from pathlib import Path

from cardjax.commands.shared import POLICY, add_market_arguments
from cardjax.play import terminal
from cardjax.play.setup import PLAYED, PLAYED_AS_MAKER, ROLES
from cardjax.policies.registry import POLICIES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "--role",
        choices=ROLES,
        help="your seat: a taker's, or the market maker's, who quotes (default: taker)",
    )
    parser.add_argument(
        "--opponent",
        metavar=f"{POLICY}|human",
        help="who sits at the other seats, at all takers' seats if you are the maker (default: "
        "equilibrium); of a single taker, whom you are compared with at the end. Names: "
        f"{', '.join(POLICIES)}",
    )
    parser.add_argument(
        "--both-seats", action="store_true", help="play all seats yourself; what you type is seen"
    )
    parser.add_argument(
        "--seed", type=int, help="the same seed deals the same game (default: a new game)"
    )
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="write the game to this file after every round"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="step through a saved game")
    preset = f"{PLAYED}, or {PLAYED_AS_MAKER} for the maker; default is what policies train in"
    add_market_arguments(parser, preset)


def run(arguments: argparse.Namespace) -> None:
    """One game, or a saved one again."""
    terminal.run(arguments)
