"""Learning curves: the picture of a run's metrics, and the rounds that a score took to reach."""

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cardjax.evaluation.statistics import FEWEST_SEEDS, median_interval, t_interval
from cardjax.files.writing import replacing
from cardjax.run.metrics_log import read_metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WINDOW = 0.05
"""Share of the training that the moving mean of returns looks back on."""
BARS = (0.5, 0.9)
"""Scores whose rounds are counted: half of what there is to earn, and nearly all of it. A scripted
player's is no bar, since with several players one that always passes can beat it.
"""
LOWEST, HIGHEST = -1.0, 1.05
"""The score's axis ends here. An untrained policy, or random play, can be many optima below 0; the
eye is needed near 1.
"""


def table_of(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """(rounds [n], values [n, seeds]) of a column of metrics.csv, where it is filled in."""
    filled = [row for row in rows if row.get(name) is not None]
    n_seeds = len({row["seed"] for row in filled}) or 1
    rounds = np.array([row["rounds"] for row in filled[::n_seeds]], float)
    return rounds, np.array([row[name] for row in filled], float).reshape(-1, n_seeds)


def rounds_to_score(rows: Sequence[Mapping[str, Any]]) -> dict[str, int | None]:
    """By bar: rounds at the first evaluation from which on the seeds' mean score stays above it.

    None where the last evaluation is not above it.
    """
    rounds, scores = table_of(rows, "score")
    mean = scores.mean(1) if len(scores) else np.zeros(0)

    def first(bar: float) -> int | None:
        below = np.flatnonzero(~(mean > bar))
        start = int(below[-1]) + 1 if len(below) else 0
        return int(rounds[start]) if start < len(mean) else None

    return {str(bar): first(bar) for bar in BARS}


LEVELS = (0.9, 0.95, 0.98)


def learning_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How fast a run's seeds learned, from their scores on validation draws; nothing for fewer than
    two evaluations.

    Returns:
        `score_area`: the area under the learning curve from the first evaluation on, as a share of
        the area under 1, the mean over seeds. `rounds_to`: for each of LEVELS `reached`, how many
        seeds end above it, and `rounds`, after how many rounds half of the seeds stay above it, by
        straight lines between evaluations: a median, because some seeds take long and some do not
        get there, which count as infinite. NAME_ci95 is the 95% interval over training seeds on
        these draws, null below FEWEST_SEEDS of them, or FEWEST_FOR_MEDIAN; what is infinite is null
        too.
    """
    rounds, scores = table_of(rows, "score")
    if len(rounds) < 2 or not np.isfinite(scores).all():
        return {}
    areas = np.trapezoid(scores, rounds, axis=0) / (rounds[-1] - rounds[0])
    mean, *bounds = t_interval(areas)
    area = {
        "score_area": mean,
        "score_area_ci95": bounds if len(areas) >= FEWEST_SEEDS else [None, None],
    }
    levels = {}
    for level in LEVELS:
        needed = np.array([_rounds_until(rounds, curve, level) for curve in scores.T])
        middle, *bounds = map(_finite, median_interval(needed))
        levels[str(level)] = {
            "reached": int(np.isfinite(needed).sum()),
            "rounds": middle,
            "rounds_ci95": bounds,
        }
    return area | {"rounds_to": levels}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _rounds_until(rounds: np.ndarray, curve: np.ndarray, level: float) -> float:
    """Where the curve crosses the level for good; the first round if it is above throughout,
    infinite if it does not end above.
    """
    below = np.flatnonzero(~(curve > level))
    if len(below) == 0:
        return float(rounds[0])
    last = int(below[-1])
    if last == len(curve) - 1:
        return math.inf
    share = (level - curve[last]) / (curve[last + 1] - curve[last])
    return float(rounds[last] + share * (rounds[last + 1] - rounds[last]))


def moving_mean(rounds: np.ndarray, values: np.ndarray, window: float) -> np.ndarray:
    """At each point the mean of the values [n, …] of the last `window` rounds, that point's
    included.
    """
    first = np.searchsorted(rounds, rounds - window, side="right")
    return np.array([values[start : i + 1].mean(0) for i, start in enumerate(first)])


def draw(folder: Path, baselines: Mapping[str, float]) -> None:
    """Write curves.png: score, and moving mean of returns, against rounds, with the seeds' 95%
    intervals.

    It replaces the file as a whole. A picture is not worth a training: what goes wrong is a
    warning.
    """
    try:
        _draw(folder, baselines)
    except Exception as error:
        warnings.warn(
            f"{folder / 'curves.png'} was not drawn: {error}", RuntimeWarning, stacklevel=2
        )


def _draw(folder: Path, baselines: Mapping[str, float]) -> None:
    from matplotlib.figure import Figure

    rows = read_metrics(folder / "metrics.csv")
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _score(left, rows, baselines)
    _returns(right, rows)
    with replacing(folder / "curves.png") as part:
        figure.savefig(part, format="png", dpi=120)


def _score(axes: "Axes", rows: Sequence[Mapping[str, Any]], baselines: Mapping[str, float]) -> None:
    rounds, scores = table_of(rows, "score")
    _with_interval(axes, rounds, scores, marker=".")
    low = max(LOWEST, min([0.0, *scores.mean(1)]) - 0.05) if len(scores) else -0.05
    if baselines and not np.isfinite([*baselines.values()]).any():
        axes.text(0.5, 0.5, "no exact benchmark", ha="center", transform=axes.transAxes)
        axes.set(xlabel="rounds", ylabel="score on validation draws")
        return
    axes.axhline(1, color="0.3", lw=1, label="exact benchmark")
    # A line beyond the axes' ends would stand in the legend alone.
    seen = {name: score for name, score in baselines.items() if low <= score <= HIGHEST}
    for (name, score), style in zip(seen.items(), (":", "--"), strict=False):
        axes.axhline(score, color="0.5", lw=1, ls=style, label=name)
    axes.set(xlabel="rounds", ylabel="score on validation draws", ylim=(low, HIGHEST))
    axes.legend(loc="lower right", frameon=False, fontsize="small")


def _returns(axes: "Axes", rows: Sequence[Mapping[str, Any]]) -> None:
    rounds, returns = table_of(rows, "reward_per_game")
    if not len(rounds):  # of a run in which the maker alone learns
        rounds, returns = table_of(rows, "maker_reward_per_game")
    if len(rounds):
        window = WINDOW * rounds[-1]
        _with_interval(axes, rounds, moving_mean(rounds, returns, window))
        axes.set_title(f"moving mean over {window:,.0f} rounds", fontsize="small")
    axes.set(xlabel="rounds", ylabel="reward per game, in training")


def _with_interval(axes: "Axes", rounds: np.ndarray, values: np.ndarray, marker: str = "") -> None:
    axes.plot(rounds, values.mean(1), marker=marker)
    if len(rounds) and values.shape[1] >= FEWEST_SEEDS:
        bounds = np.array([t_interval(row)[1:] for row in values], np.float64)
        axes.fill_between(rounds, bounds[:, 0], bounds[:, 1], alpha=0.25, lw=0)
