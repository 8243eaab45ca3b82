"""What a person types, read: an order, help, or the wish to stop."""

import getpass
import re
import sys
from collections.abc import Callable

from cardjax.env import N_ACTIONS, PASS
from cardjax.env.execution import MAX_SIZE
from cardjax.play.explanation import why_invalid
from cardjax.play.rounds import Offer
from cardjax.play.words import action_words

WRITTEN = re.compile(r"(b|buy|s|sell)\s*(\d{1,9})", re.ASCII)
NUMBER = re.compile(r"\d{1,9}", re.ASCII)
EXAMPLE = "type 0 to pass, b3 to buy 3, s5 to sell 5, ? for help, q to stop"

BELIEF = ("b", "belief")
"""What asks for the belief about a hidden event."""


class MisreadError(ValueError):
    """Not an order, or not one that is valid now; the message says what would be."""


class StoppedError(Exception):
    """The person wants to stop, or there is no more input."""


def read_order(text: str, offer: Offer, seat: int) -> int:
    """The action 0..20 that a line means: "0", "3", "b3", "buy 3", "15", "s5", "p", "pass".

    Raises:
        MisreadError: it means none, or one that the seat cannot afford.
    """
    said = text.strip().lower()
    action = _action_of(said)
    why = why_invalid(offer, seat, action)
    if why:
        raise MisreadError(f"You cannot {action_words(action)}: {why}.")
    return action


def _action_of(said: str) -> int:
    if said in ("p", "pass"):
        return PASS
    if NUMBER.fullmatch(said):
        if int(said) >= N_ACTIONS:
            raise MisreadError(f"{said} is no order: 0 passes, 1 to 10 buy, 11 to 20 sell.")
        return int(said)
    written = WRITTEN.fullmatch(said)
    if written is None:
        shown = said if len(said) <= 20 and said.isprintable() else "that"
        raise MisreadError(
            f"{shown!r} is no order: {EXAMPLE}." if said else f"No order yet: {EXAMPLE}."
        )
    size = int(written[2])
    if not 1 <= size <= MAX_SIZE:
        raise MisreadError(f"{size} is no size: you can order 1 to {MAX_SIZE} units.")
    return size if written[1].startswith("b") else MAX_SIZE + size


def ask(prompt: str, hidden: bool = False) -> str:
    """One typed line; `hidden` keeps it off the screen if there is one.

    Raises:
        StoppedError: no more input.
    """
    try:
        return getpass.getpass(prompt) if hidden and sys.stdin.isatty() else input(prompt)
    except EOFError:
        raise StoppedError from None
    except UnicodeError:
        return "?!"


def ask_order(
    prompt: str,
    offer: Offer,
    seat: int,
    tell: Callable[[str], None],
    show_help: Callable[[], None],
    hidden: bool = False,
    show_belief: Callable[[], None] | None = None,
) -> int:
    """The action that the person at `seat` decides on, asked for until it is a valid one.

    Args:
        tell: shows what was wrong with a line.
        show_belief: shows what may be known of a hidden event, where "b" asks for it.

    Raises:
        StoppedError: "q", or no more input.
    """
    while True:
        said = ask(prompt, hidden).strip()
        if said.lower() in ("q", "quit", "exit"):
            raise StoppedError
        if said.lower() in ("?", "h", "help"):
            show_help()
            continue
        if show_belief is not None and said.lower() in BELIEF:
            show_belief()
            continue
        try:
            return read_order(said, offer, seat)
        except MisreadError as error:
            tell(str(error))
