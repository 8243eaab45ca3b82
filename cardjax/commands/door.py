"""The process around a command: its signals, its streams and its exit code.

It imports nothing that is slow, so that a Ctrl-C in the first second ends the program as one in the
last does.
"""

import errno
import io
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import TextIO

from cardjax.runtime import interruption
from cardjax.runtime.interruption import Interrupted

SHOW_CURSOR = "\x1b[?25h"
AGAIN = 0.05
"""Seconds until the main thread is woken after a signal, and until an interruption is raised again
that Python could not pass on, as in a callback of its garbage collector.
"""


def main() -> None:
    """`cardjax COMMAND …`."""
    enter()


def train() -> None:
    """`cardjax-train`, another word for `cardjax train`; so are the three below."""
    enter("train")


def evaluate() -> None:
    """`cardjax-evaluate`."""
    enter("evaluate")


def play() -> None:
    """`cardjax-play`."""
    enter("play")


def web() -> None:
    """`cardjax-web`."""
    enter("web")


def enter(*words: str) -> None:
    """Run the command line `words`, followed by this program's arguments, and end the process.

    The exit code is the command's own: 0, or 2 after one line about what is not allowed. A signal
    ends it with one line and 128 + its number, and so does, without a line, a reader of its output
    who has gone (141). Output that cannot be written never stops a command: its files are written
    first.
    """
    output = _open_streams()
    signals = _Signals()
    code = _run([*words, *sys.argv[1:]], signals)
    signals.ignore()
    sys.stdout.flush()
    failure = output.failure
    if failure is not None and code == 0:
        code = 128 + signal.SIGPIPE if failure.errno == errno.EPIPE else 1
        if failure.errno != errno.EPIPE:
            print(f"output: cannot be written ({failure.strerror})", file=sys.stderr)
    sys.stderr.flush()
    if code:
        # Without the interpreter's own end: it would take devices away that are still computing.
        os._exit(code)


def _run(words: list[str], signals: "_Signals") -> int:
    try:
        signals.listen()
        from cardjax.commands.main import main

        main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Interrupted as interrupted:
        return _interrupted(interrupted.signum)
    except BaseException:
        if signals.received is None:
            sys.excepthook(*sys.exc_info())
            return 1
        return _interrupted(signals.received)  # libraries turn it into errors of their own
    return 0


def _interrupted(signum: int) -> int:
    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        # Who hid the cursor may be broken off before it can show it again.
        print(end=SHOW_CURSOR, flush=True)
    print("interrupted", file=sys.stderr)
    return 128 + signum


class _Signals:
    """Interruptions as exceptions in the main thread."""

    received: int | None = None
    _lost = False

    def listen(self) -> None:
        """From here on an interruption may be raised."""
        signal.signal(signal.SIGALRM, self._raise_again)
        sys.unraisablehook = self._unraisable
        _wake_main_thread()
        interruption.listen(self._raise)

    def ignore(self) -> None:
        """From here on the process ends anyway."""
        self._lost = False
        interruption.listen(lambda signum, frame: None)

    def _raise(self, signum: int, frame: FrameType | None) -> None:
        self.received = signum
        if _is_importing(frame):
            # An import that is broken off leaves half a module behind, which a library may take
            # for another error.
            sys.stdout.flush()
            code = _interrupted(signum)
            sys.stderr.flush()
            os._exit(code)
        raise Interrupted(signum)

    def _raise_again(self, signum: int, frame: FrameType | None) -> None:
        if self._lost and self.received is not None:
            self._lost = False
            raise Interrupted(self.received)

    def _unraisable(self, said: "sys.UnraisableHookArgs") -> None:
        if issubclass(said.exc_type, KeyboardInterrupt):
            self._lost = True
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        else:
            sys.__unraisablehook__(said)


def _wake_main_thread() -> None:
    """Interrupt, after every signal, the system call in which the main thread may be waiting.

    Python only notes a signal when it arrives and handles it in the main thread later. If the
    signal arrives just before the main thread begins to wait for input, or in another thread,
    nothing ends that wait, and the signal would be handled after the next line of input.
    """
    arrived, noted = os.pipe()
    os.set_blocking(noted, False)
    signal.set_wakeup_fd(noted, warn_on_full_buffer=False)
    main_thread = threading.main_thread().ident
    assert main_thread is not None

    def wake() -> None:
        while signum := os.read(arrived, 1):
            if signum[0] != signal.SIGALRM:
                time.sleep(AGAIN)
                signal.pthread_kill(main_thread, signal.SIGALRM)

    threading.Thread(target=wake, daemon=True).start()


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return True
        frame = frame.f_back
    return False


class _Lasting(io.FileIO):
    """A stream that swallows what it cannot write, and says so in the end."""

    failure: OSError | None = None

    def write(self, data: object) -> int:
        """As FileIO's."""
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            self.failure = self.failure or error
            return memoryview(data).nbytes  # type: ignore[arg-type]


def _open_streams() -> _Lasting:
    """Replace stdin, stdout and stderr by streams of which none is closed, fails, or meets a
    character that it cannot take; stdout's is returned.
    """
    while (lowest := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass  # it stands for a closed stream; otherwise the next file would, logs and all
    os.close(lowest)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    elif isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    sys.stdout, output = _lasting(1, sys.stdout)
    sys.stderr, _ = _lasting(2, sys.stderr)
    return output


def _lasting(number: int, stream: TextIO | None) -> tuple[TextIO, _Lasting]:
    raw = _Lasting(number, "w", closefd=False)
    encoding = "utf-8" if stream is None else stream.encoding
    text = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors="replace",
        line_buffering=number == 2 or raw.isatty(),
    )
    return text, raw
