"""Games in progress, by an identifier that cannot be guessed: many visitors at once, none in
another's game.
"""

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

G = TypeVar("G")
CAPACITY = 256


class ExpiredError(LookupError):
    """No game goes by this identifier, or not any more."""


@dataclass
class Held(Generic[G]):
    """A game, and the lock that whoever reads or plays it holds."""

    game: G
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sessions(Generic[G]):
    """The `capacity` games that were touched last; a new one beyond them drops the one untouched
    for longest.

    All methods belong to the event loop's thread.
    """

    def __init__(self, capacity: int = CAPACITY):
        self._capacity = capacity
        self._held: OrderedDict[str, Held[G]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def add(self, game: G) -> str:
        """Keep a game; returns its identifier, 128 random bits in 22 letters."""
        name = secrets.token_urlsafe(16)
        self._held[name] = Held(game)
        while len(self._held) > self._capacity:
            self._held.popitem(last=False)
        return name

    def get(self, name: str) -> Held[G]:
        """The game of that identifier, which is now the one touched last.

        Raises:
            ExpiredError: there is none.
        """
        if name not in self._held:
            raise ExpiredError
        self._held.move_to_end(name)
        return self._held[name]
