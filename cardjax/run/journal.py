"""What one run writes while it trains: metrics, checkpoints, curves."""

import math
import time
from collections.abc import Mapping, Sequence

import numpy as np

from cardjax.config import config_values, dump_config, load_config
from cardjax.env.declaration import ParameterError
from cardjax.files.writing import write_text
from cardjax.run import curves
from cardjax.run.checkpoints import Checkpoints
from cardjax.run.identity import Run, origin_of, seeds_of
from cardjax.run.metrics_log import MetricsLog

DRAWING_SHARE = 0.05
"""Curves are drawn as often as this share of the time allows, and at the end."""


class Journal:
    """The files of a run. `begin` opens those that grow; until then nothing in the folder has
    changed.
    """

    def __init__(self, run: Run):
        self.run = run
        self.checkpoints = Checkpoints(run.folder, origin_of(run))
        self._log: MetricsLog | None = None
        self._draw_after = 0.0

    def begin(self, n_updates: int, rounds_per_update: int) -> None:
        """Continue after so many updates; what is later was not checkpointed, or is damaged.

        Raises:
            ParameterError: metrics.csv is not this run's; nothing in the folder has changed.
        """
        folder, config = self.run.folder, self.run.config
        rounds = n_updates * rounds_per_update
        self._log = MetricsLog(folder, seeds_of(config), keep_rounds=rounds)
        if config_values(config) != config_values(load_config(folder / "config.yaml")):
            write_text(folder / "config.yaml", dump_config(config))  # it has been lengthened
        self.checkpoints.forget_after(n_updates)

    @property
    def log(self) -> MetricsLog:
        """metrics.csv and TensorBoard events."""
        assert self._log is not None, "begin first"
        return self._log

    def add(
        self,
        rounds: int,
        train_seconds: float,
        wall_seconds: float,
        rows: Sequence[Mapping[str, float]],
        scores: Mapping[str, np.ndarray] | None,
    ) -> None:
        """A log point: each seed's metrics, and its score where it was evaluated."""
        shown = {"score": np.full(len(rows), math.nan)} if scores is None else scores
        scored = [
            {name: float(values[i]) for name, values in shown.items()} | dict(row)
            for i, row in enumerate(rows)
        ]
        try:
            self.log.add(rounds, train_seconds, wall_seconds, scored)
        except OSError as error:
            said = (
                f"metrics.csv cannot be written ({error.strerror}); "
                f"the last good checkpoint is {self._last_good()}"
            )
            raise ParameterError("run", str(self.run.folder), said) from None

    def draw(self, baselines: Mapping[str, float], now: bool = False) -> None:
        """curves.png, from what metrics.csv holds; unless `now`, only if the last time is long
        enough ago.
        """
        start = time.perf_counter()
        if not now and start < self._draw_after:
            return
        curves.draw(self.run.folder, baselines)
        end = time.perf_counter()
        self._draw_after = end + (end - start) / DRAWING_SHARE

    def close(self) -> None:
        """Close what is open."""
        self.checkpoints.close()

    def _last_good(self) -> str:
        return str(next(iter(self.checkpoints.steps()), "none"))
