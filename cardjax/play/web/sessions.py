"""Games in progress, by an identifier that cannot be guessed: many visitors at once, none in
another's game.
"""

import secrets
from collections import OrderedDict
from typing import Generic, TypeVar

G = TypeVar("G")
CAPACITY = 256


class ExpiredError(LookupError):
    """No game goes by this identifier, or no longer."""


class Sessions(Generic[G]):
    """The `capacity` games that were touched last; a new one beyond them drops the one untouched
    for longest.

    All methods belong to the event loop's thread.
    """

    def __init__(self, capacity: int = CAPACITY):
        self._capacity = capacity
        self._kept: OrderedDict[str, G] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, game: G) -> str:
        """Keep a game; returns its identifier, 128 random bits in 22 letters."""
        name = secrets.token_urlsafe(16)
        self._kept[name] = game
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return name

    def get(self, name: str) -> G:
        """The game of that identifier, which is now the one touched last.

        Raises:
            ExpiredError: there is none.
        """
        if name not in self._kept:
            raise ExpiredError
        self._kept.move_to_end(name)
        return self._kept[name]
