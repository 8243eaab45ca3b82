"""Tables of what was summed in bins, with the intervals of their means."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

from cardjax.evaluation.figure_data import FigureData, bounds, interval_over, with_bounds
from cardjax.evaluation.questions import Question, Ratio, Sums, has_enough_games
from cardjax.evaluation.statistics import Interval, rate_interval
from cardjax.evaluation.tally import Tally

FOR_SLOPE, FOR_EXPLAINED = 10_000, 30_000
"""The games that intervals of these need: squares of what few games earn decide them."""


def table_of(question: Question, seeds: Sequence[Sequence[Sums]]) -> FigureData:
    """Without the bins that occurred in few games: they would say nothing."""
    units = dict(question.keys) | {"n_rounds": "rounds"}
    units |= {
        column: ratio.unit
        for name, ratio in question.ratios.items()
        for column in with_bounds(name)
    }
    rows: list[dict[str, float | str]] = []
    for i, keys in enumerate(question.bins):
        of_bin = [bins[i] for bins in seeds]
        if not has_enough_games(of_bin, ["n"]):
            continue
        row = dict(zip(question.keys, keys, strict=True)) | {"n_rounds": of_bin[-1].n_rounds}
        for name, ratio in question.ratios.items():
            row |= bounds(name, _interval(ratio, of_bin))
        rows.append(row)
    return FigureData(units, rows)


def _interval(ratio: Ratio, seeds: Sequence[Sums]) -> Interval:
    """Without bounds where few games decide: most rounds of a bin may have no orders."""
    interval = interval_over(partial(_ratio, ratio.of, ratio.over), [sums.tally for sums in seeds])
    if ratio.is_rate:
        return rate_interval(interval, seeds[-1].games_with[ratio.over])
    if has_enough_games(seeds, [ratio.over], unless_none=[ratio.of]):
        return interval
    return interval.without_bounds


def _ratio(of: str, over: str, means: Mapping[str, float]) -> float:
    return means[of] / means[over] if means[over] else math.nan


def slope(m: Mapping[str, float]) -> float:
    """Of the regression of returns on predictions."""
    variance = m["pp"] * m["n"] - m["p"] ** 2
    return (
        (m["pr"] * m["n"] - m["p"] * m["r"]) / variance
        if variance > 1e-12 * m["pp"] * m["n"]
        else math.nan
    )


def explained(by: str, m: Mapping[str, float]) -> float:
    """1 − var(return − prediction) / var(return)."""
    variance = m["rr"] * m["n"] - m["r"] ** 2
    left = (m["rr"] - 2 * m[f"{by}r"] + m[f"{by}{by}"]) * m["n"] - (m["r"] - m[by]) ** 2
    return 1 - left / variance if variance > 1e-12 * m["rr"] * m["n"] else math.nan


def from_games(fewest_games: int, interval: Interval, seeds: Sequence[Tally]) -> Interval:
    """An interval, without bounds below a number of games."""
    if seeds[0].n < fewest_games:
        return interval.without_bounds
    return interval
