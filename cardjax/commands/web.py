"""Play the card market in a browser."""

import argparse

from cardjax.commands.shared import POLICY, POLICY_HELP
from cardjax.play.web.serving import serve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "--policy",
        "--run",
        action="append",
        default=[],
        metavar=POLICY,
        help=f"a further player to meet and to watch: {POLICY_HELP}; repeatable",
    )
    parser.add_argument("words", nargs="*", metavar=POLICY, help="the same without the option")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen at (default: 127.0.0.1, which only this machine reaches)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name that visitors may call the server by, such as that of a reverse "
        "proxy; repeatable",
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="0 takes any that is free (default 8000)"
    )


def run(arguments: argparse.Namespace) -> None:
    """The server, until Ctrl-C."""
    arguments.policy += arguments.words
    serve(arguments)
