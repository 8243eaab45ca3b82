"""Processes that are asked over and over for a time, so that what runs in each is compiled once."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Worker:
    """A process of a script in this folder, which answers every line with one of JSON."""

    def __init__(self, script: str, job: NamedTuple):
        """Start it.

        Args:
            script: which reads its job from its first argument, and says what `said` holds once
                it is ready.
            job: what it is told.
        """
        path = str(Path(__file__).with_name(script))
        command = [sys.executable, path, json.dumps(job._asdict())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.said = self._answer()
        """What it says of itself."""

    def seconds(self, program: str | int) -> float:
        """Of one round or update of a program, by the process's own clock."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{program}\n")
        self._process.stdin.flush()
        return float(self._answer()["seconds"])

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # libraries print a line on import
                answer: dict[str, Any] = json.loads(line)
                return answer
        raise SystemExit("the process that measures stopped before it answered")


class TimedWorker:
    """As `Worker`, for measurements that have to end by a time (time.monotonic) or be given up."""

    def __init__(self, process: "subprocess.Popen[bytes]"):
        self._process, self._read = process, b""

    def answer(self, deadline: float) -> dict[str, Any] | None:
        """Its next line, or None if it ended or came too late."""
        while (line := self._line(deadline)) is not None:
            if line.startswith(b"{"):  # libraries print a line on import
                answer: dict[str, Any] = json.loads(line)
                return answer
        return None

    def go(self, deadline: float) -> dict[str, Any] | None:
        """What it measured, or None if it could not."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        return self.answer(deadline)

    def close(self) -> None:
        """End it, and free what it has on the device."""
        self._process.kill()
        self._process.wait()

    def _line(self, deadline: float) -> bytes | None:
        assert self._process.stdout is not None
        while b"\n" not in self._read:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                return None
            more = os.read(self._process.stdout.fileno(), 65536)
            if not more:
                return None
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        return line


@contextlib.contextmanager
def timed_worker(
    script: str, job: Mapping[str, Any], environment: Mapping[str, str]
) -> Iterator[TimedWorker]:
    """A process of a script in this folder that does the job; it does not outlive the block."""
    path = str(Path(__file__).with_name(script))
    command = [sys.executable, path, json.dumps(job)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        try:
            yield TimedWorker(process)
        finally:
            process.kill()
