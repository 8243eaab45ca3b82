"""Whether all processes of a training are alive: one that is killed or stopped ends the others
within a minute, with a line that says which it was.

JAX leaves the survivors waiting for most of two minutes, and aborts them at once where process 0 is
gone, which holds the store that all share. Here every process counts up a number of its own in that
store, and looks at the others' numbers.
"""

import contextlib
import ctypes
import io
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
from jax._src import distributed
from tqdm import tqdm

from cardjax.env.declaration import ParameterError

BEAT = 1.0
"""Seconds between two signs of life."""
PATIENCE = 30.0
"""Seconds without one after which a process is lost."""
LINGER = 3.0
"""Seconds that process 0 stays for the others to read in its store who was lost."""
LOST = "cardjax/lost"
FATAL = b"JAX distributed service detected fatal errors"
"""What JAX says before it aborts a process whose connection to process 0 has broken."""


@contextlib.contextmanager
def watched(folder: Path) -> Iterator[None]:
    """Within, a process of the training that is lost ends this one, with exit code 1 and one line.

    Args:
        folder: what --resume is to be told.
    """
    if jax.process_count() == 1:
        yield
        return
    n, own = jax.process_count(), jax.process_index()

    def give_up(lost: int, note: str = "") -> None:
        said = f"process {lost} of {n} was lost{note}; continue all with --resume {folder}"
        tqdm.write(said, file=sys.stderr)
        sys.stderr.flush()
        time.sleep(LINGER if own == 0 else 0)
        os._exit(1)

    watch = Watch(distributed.global_state.client, own, n, give_up)
    with _native_errors_kept() as kept, _before_aborting(kept, lambda: give_up(0)):
        watch.start()
        try:
            yield
        except ParameterError:
            raise
        except (jax.errors.JaxRuntimeError, ValueError) as error:
            watch.wait()  # it may be that somebody is gone
            if "Gloo" not in str(error):
                raise
            said = f"lost touch ({' '.join(str(error).split())[:150]}); continue all with --resume"
            raise ParameterError("processes", n, f"{said} {folder}") from None
        finally:
            watch.stop()


class Watch:
    """One process's look at the others, in a thread of its own.

    Args:
        store: jax's client of the store that all processes share.
        give_up: called with who was lost, and what else there is to say.
    """

    def __init__(self, store: Any, own: int, n: int, give_up: Callable[[int, str], object]):
        self._store, self._own, self._n, self._give_up = store, own, n, give_up
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._beats = dict.fromkeys(range(n), "")
        self._since = dict.fromkeys(range(n), time.monotonic())

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more: all have come to their end."""
        self._stopped.set()

    def wait(self) -> None:
        """Wait as long as finding out who was lost may take."""
        self._thread.join(2 * PATIENCE)

    def _run(self) -> None:
        caller, note, looked = ThreadPoolExecutor(1), "", time.monotonic()
        while not self._stopped.wait(BEAT):
            paused, looked = time.monotonic() - looked, time.monotonic()
            if paused > PATIENCE / 2:
                # The others have not seen us for so long, nor we them: they get a new chance.
                note = f" (this one, {self._own}, had been stopped for {paused:.0f} s)"
                self._since = dict.fromkeys(self._since, looked)
            try:
                lost = caller.submit(self._look).result(PATIENCE)
            except Exception:  # a timeout, or jax's own: process 0 does not answer
                lost = 0
            looked = time.monotonic()
            if lost is not None and not self._stopped.wait(BEAT):
                self._give_up(lost, note)
                return

    def _look(self) -> int | None:
        """Give a sign of life; who is lost, if anybody is."""
        self._store.key_value_increment(f"cardjax/beat/{self._own}", 1)
        if said := self._get(LOST):
            return int(said)
        for i in range(self._n):
            beat, now = self._get(f"cardjax/beat/{i}"), time.monotonic()
            if beat != self._beats[i]:
                self._beats[i], self._since[i] = beat, now
            elif now - self._since[i] > PATIENCE:
                self._store.key_value_set(LOST, str(i), allow_overwrite=True)
                return i
        return None

    def _get(self, key: str) -> str:
        try:
            return str(self._store.key_value_try_get(key))
        except Exception as error:
            if "NOT_FOUND" in str(error):
                return ""
            raise


@contextlib.contextmanager
def _native_errors_kept() -> Iterator[io.BufferedRandom]:
    """What libraries write to stderr by themselves goes to a file; Python's goes where it went."""
    with tempfile.TemporaryFile() as kept:
        ours, before = os.dup(2), sys.stderr
        os.dup2(kept.fileno(), 2)
        sys.stderr = os.fdopen(ours, "w", 1, encoding=before.encoding, errors="replace")
        try:
            yield kept
        finally:
            sys.stderr.flush()
            os.dup2(ours, 2)
            sys.stderr = before


@contextlib.contextmanager
def _before_aborting(kept: io.BufferedRandom, give_up: Callable[[], object]) -> Iterator[None]:
    """Call `give_up` in place of JAX's abort; any other goes on, with what was said before."""

    def handle(signum: int) -> None:
        kept.seek(0)
        said = kept.read()
        if FATAL in said:
            give_up()
        sys.stderr.write(said.decode(errors="replace"))
        sys.stderr.flush()
        signal.signal(signal.SIGABRT, signal.SIG_DFL)

    # Python's own handlers run in the main thread, after abort() has ended the process.
    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(handle)
    libc = ctypes.CDLL(None)
    libc.signal(int(signal.SIGABRT), handler)
    try:
        yield
    finally:
        libc.signal(int(signal.SIGABRT), None)
