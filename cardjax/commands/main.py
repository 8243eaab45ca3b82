"""`cardjax COMMAND …`: which command it is, and what becomes of its errors."""

import argparse
import gc
import importlib
import logging
import sys
from collections.abc import Sequence
from typing import NoReturn

import cardjax

COMMANDS = {
    "train": "train a policy, or continue a training",
    "evaluate": "play a policy against opponents and score it",
    "compare": "what one policy earns more than another, in the same markets",
    "power": "which difference a number of training seeds and games would show",
    "cross-play": "every policy against every policy",
    "ood": "score a policy in markets that it was not trained in",
    "diagnose": "draw how a policy plays: a figure and a CSV for each diagnostic",
    "report": "write an HTML and a Markdown page about runs",
    "dataset": "write games of a policy to a Parquet file",
    "export": "write a trained policy to one file of plain arrays",
    "play": "play the market in a terminal",
    "web": "play the market in a browser",
}


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help tells more)\n")


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line `words`, by default this program's.

    Raises:
        SystemExit: 2 after one line on stderr about what is not allowed; 0 after --help or
            --version.
    """
    name, *rest = _command(list(sys.argv[1:] if words is None else words))
    command = importlib.import_module(f"cardjax.commands.{name.replace('-', '_')}")
    parser = Parser(prog=f"cardjax {name}", description=command.__doc__)
    command.add_arguments(parser)
    arguments = parser.parse_intermixed_args(rest)  # overrides may stand on both sides of options
    _prepare()
    try:
        command.run(arguments)
    except ValueError as error:
        from cardjax.env.declaration import ParameterError  # and with it JAX

        if not isinstance(error, ParameterError):
            raise
        print(error, file=sys.stderr)
        sys.exit(2)


def _command(words: list[str]) -> list[str]:
    """The command's name and its arguments.

    Raises:
        SystemExit: none is named, or one that there is not.
    """
    listed = "\n".join(f"  {name:<11} {said}" for name, said in COMMANDS.items())
    parser = Parser(
        prog="cardjax",
        usage="cardjax COMMAND … (cardjax COMMAND --help tells more)",
        description="A card-sum market: train, evaluate, play.",
        epilog=f"commands:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cardjax {cardjax.__version__}")
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS, help="one of those below")
    parser.parse_args(words[:1])
    return words


def _prepare() -> None:
    logging.getLogger("absl").setLevel(logging.CRITICAL)  # orbax's asides, beside our one line
    # Importing and tracing make many objects that live for long. Python looked through them for
    # half a second per start.
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
