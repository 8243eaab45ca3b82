"""Signals that ask a program to end: Ctrl-C, and what batch systems and closed terminals send.

It imports nothing that is slow, so that it can be in place before anything else is imported.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], object]


class Interrupted(KeyboardInterrupt):
    """A signal has asked the program to end."""

    def __init__(self, signum: int):
        super().__init__(f"signal {signum}")
        self.signum = signum


class Postponed:
    """An interruption that waits for the program to come to a place where it can stop."""

    signum: int | None = None
    """the signal that has arrived, if one has."""


_postponed: list[int] = []
"""Signals that were postponed and not raised yet."""


def listen(handler: Handler) -> dict[int, object]:
    """Call `handler(signum, frame)` for every one of SIGNALS that the program does not ignore, as
    it does SIGHUP under nohup.

    Returns:
        signal → its handler before; empty outside of the main thread, which no signal reaches.
    """
    before: dict[int, object] = {}
    with contextlib.suppress(ValueError):
        for signum in SIGNALS:
            if signal.getsignal(signum) not in (signal.SIG_IGN, None):
                before[signum] = signal.signal(signum, handler)
    return before


@contextlib.contextmanager
def postponed(say: Callable[[], object]) -> Iterator[Postponed]:
    """Within, the first signal is only noted, and `say` is called; a second one acts as it did
    before.
    """
    request = Postponed()

    def note(signum: int, frame: FrameType | None) -> None:
        request.signum = signum
        _postponed.append(signum)
        restore()
        say()

    def restore() -> None:
        for signum, handler in before.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]

    before = listen(note)
    try:
        yield request
    finally:
        restore()


@contextlib.contextmanager
def raised_at_the_end() -> Iterator[None]:
    """Raise at its end what was postponed within.

    Raises:
        Interrupted: a signal was.
    """
    _postponed.clear()
    yield
    if _postponed:
        raise Interrupted(_postponed[0])
