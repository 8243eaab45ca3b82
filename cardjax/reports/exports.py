"""Runs' scores in the forms that other packages' statistics read: rliable's and marl-eval's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cardjax.files.writing import replacing, write_json
from cardjax.loading.saved import read_run
from cardjax.run.curves import table_of
from cardjax.run.metrics_log import read_metrics

Summaries = Mapping[Path, Mapping[str, Any]]


def write_rliable(path: Path, summaries: Summaries) -> None:
    """The final scores of self-play by run, float64 [seeds, 1 task] each, as a NumPy archive.

    `dict(np.load(path))` is what `rliable.library.get_interval_estimates` takes.
    """
    scores = {
        folder.name: np.array(summary["results"][0]["score_by_seed"], np.float64)[:, None]
        for folder, summary in summaries.items()
    }
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, **scores)  # type: ignore[arg-type]


def write_marl_eval(path: Path, summaries: Summaries) -> None:
    """Learning curves and final scores in the form of marl-eval (Gorsane et al. 2022): environment
    → task → algorithm → run → step. Here these are "cardjax", the game, a run's folder, its seeds
    in order, and the evaluations during training, on validation draws.

    `absolute_metrics`, which has to be the last step, is the final score on the draws of the
    closing table. The seeds are numbered from 1, because marl-eval looks for the names of the first
    algorithm's in all others; it wants as many seeds and evaluations of each.
    """
    tasks: dict[str, dict[str, Any]] = {}
    for folder, summary in summaries.items():
        game = read_run(folder)[1].game
        rounds, scores = table_of(read_metrics(folder / "metrics.csv"), "score")
        final = summary["results"][0]["score_by_seed"]
        tasks.setdefault(f"{game.kind}/{game.preset}", {})[folder.name] = {
            f"run_{i + 1}": {
                f"step_{k + 1}": {"step_count": int(rounds[k]), "score": [float(scores[k, i])]}
                for k in range(len(rounds))
            }
            | {"absolute_metrics": {"score": [final[i]]}}
            for i in range(len(summary["seeds"]))
        }
    write_json(path, {"cardjax": tasks})
