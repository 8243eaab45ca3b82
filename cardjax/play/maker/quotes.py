"""What a maker types, read: a quote, help, or the wish to stop; and quotes in words."""

import re
from collections.abc import Callable

import numpy as np

from cardjax.env.maker import DEPTHS, OFFSETS, SIDES, quote_index
from cardjax.play.maker.game import Quote
from cardjax.play.orders import MisreadError, StoppedError, ask

NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?|\.\d{1,9}", re.ASCII)
EXAMPLE = (
    "type 3 8 for 3 points from your mean and 8 units on both sides, 2 6 4 8 for 2 points and 6 "
    "units at the ask and 4 points and 8 units at the bid, ? for help, q to stop"
)
OFFSETS_WORDS = ", ".join(f"{offset:g}" for offset in OFFSETS)
DEPTHS_WORDS = ", ".join(str(depth) for depth in DEPTHS)


def choice_of(offset: float, depth: float) -> int:
    """The choice 0..59 of an offset and a depth.

    Raises:
        MisreadError: there is no such offset, or no such depth; one line says which there are.
    """
    if offset not in OFFSETS:
        raise MisreadError(f"{offset:g} is no offset: it may be {OFFSETS_WORDS}.")
    if depth not in DEPTHS:
        raise MisreadError(f"{depth:g} is no depth: it may be {DEPTHS_WORDS}.")
    places = np.flatnonzero(offset == OFFSETS)[0], np.flatnonzero(depth == DEPTHS)[0]
    return int(quote_index(*places))


def read_quote(text: str, last: Quote | None) -> Quote:
    """The quote that a line means: "3 8" on both sides, "2 6 4 8" on the ask and on the bid, "r"
    the last one again. Commas and slashes separate like spaces.

    Raises:
        MisreadError: it means none.
    """
    said = text.strip().lower()
    if said in ("r", "repeat"):
        if last is None:
            raise MisreadError("There is no quote to repeat yet.")
        return last
    words = re.split(r"[\s,;/]+", said) if said else []
    if not words:
        raise MisreadError(f"No quote yet: {EXAMPLE}.")
    if len(words) not in (2, 2 * SIDES) or not all(map(NUMBER.fullmatch, words)):
        shown = said if len(said) <= 20 and said.isprintable() else "that"
        raise MisreadError(f"{shown!r} is no quote: {EXAMPLE}.")
    numbers = [float(word) for word in words]
    sides = [choice_of(*numbers[i : i + 2]) for i in range(0, len(numbers), 2)]
    return sides[0], sides[-1]


def ask_quote(
    prompt: str, last: Quote | None, tell: Callable[[str], None], show_help: Callable[[], None]
) -> Quote:
    """The quote that a person decides on, asked for until it is one.

    Args:
        last: what it quoted in the round before.
        tell: shows what was wrong with a line.

    Raises:
        StoppedError: "q", or no more input.
    """
    while True:
        said = ask(prompt).strip()
        if said.lower() in ("q", "quit", "exit"):
            raise StoppedError
        if said.lower() in ("?", "h", "help"):
            show_help()
            continue
        try:
            return read_quote(said, last)
        except MisreadError as error:
            tell(str(error))


def quote_words(offset: tuple[float, float], depth: tuple[int, int]) -> str:
    """A quote: "3 points, 8 units", or "ask 2 points, 6 units; bid 4 points, 8 units"."""
    ask_side, bid_side = (
        f"{o:g} point{'' if o == 1 else 's'}, {d} units" for o, d in zip(offset, depth, strict=True)
    )
    return ask_side if ask_side == bid_side else f"ask {ask_side}; bid {bid_side}"
