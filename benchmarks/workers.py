"""Processes that are asked over and over for a time, so that what runs in each is compiled once."""

import json
import subprocess
import sys
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
