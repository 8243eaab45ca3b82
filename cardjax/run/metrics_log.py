"""metrics.csv: one row per seed and log point, and the same for TensorBoard."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cardjax.files.reading import read_csv, refused
from cardjax.files.writing import write_csv
from cardjax.run.board import Board

COLUMNS = {"rounds": int, "train_seconds": float, "wall_seconds": float, "seed": int}
"""What every row has; the other columns are the metrics' names."""


class MetricsLog:
    """The metrics of a run while it trains; every point is on disk before the next one."""

    def __init__(self, folder: Path, seeds: Sequence[int], keep_rounds: int = 0):
        """Continue the folder's log, without rows later than `keep_rounds`: those were not
        checkpointed.

        Raises:
            ParameterError: metrics.csv is there and is not this run's table.
        """
        self._path, self._seeds = folder / "metrics.csv", list(seeds)
        self._rows = [row for row in read_metrics(self._path) if row["rounds"] <= keep_rounds]
        if [row["seed"] for row in self._rows] != self._seeds * (len(self._rows) // len(seeds)):
            shown = ", ".join(map(str, self._seeds))
            said = f"must have one row per log point for each of the seeds {shown}"
            raise refused(self._path, said)
        self._write()
        self._board = Board(folder, seeds, keep_rounds)

    @property
    def train_seconds(self) -> float:
        """Of the last point, 0 before the first."""
        return self._rows[-1]["train_seconds"] if self._rows else 0.0

    @property
    def wall_seconds(self) -> float:
        """Of the last point, 0 before the first."""
        return self._rows[-1]["wall_seconds"] if self._rows else 0.0

    def add(
        self,
        rounds: int,
        train_seconds: float,
        wall_seconds: float,
        rows: Sequence[Mapping[str, float]],
    ) -> None:
        """A log point.

        Args:
            rows: each seed's metrics by name; what is not finite is left empty.

        Raises:
            OSError: a file cannot be written.
        """
        times = {"train_seconds": round(train_seconds, 3), "wall_seconds": round(wall_seconds, 3)}
        for seed, row in zip(self._seeds, rows, strict=True):
            self._rows.append({"rounds": rounds, **times, "seed": seed, **row})
        self._write()
        self._board.add(rounds, rows)

    def _write(self) -> None:
        write_csv(self._path, self._rows, columns=list(COLUMNS))


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics.csv, what is not known as None; none if there is no file.

    Raises:
        ParameterError: it cannot be read, or is not a table of numbers.
    """
    return read_csv(path, COLUMNS) if path.exists() else []
