"""Means with intervals. The unit is what was drawn independently: a training seed, or a game."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from cardjax.evaluation.tally import Histogram, Tally


class Interval(NamedTuple):
    """A mean and its 95% confidence interval; the bounds are None when too few units leave it
    undefined.
    """

    mean: float
    low: float | None
    high: float | None


def t_interval(values: np.ndarray) -> Interval:
    """Student's t interval of the mean of independent units, float [n]; without bounds for n = 1.

    Raises:
        ValueError: no values.
    """
    values = np.asarray(values, np.float64)
    if values.size == 0:
        raise ValueError("an interval needs at least one value")
    mean = float(values.mean())
    if values.size == 1:
        return Interval(mean, None, None)
    half = float(stdtrit(values.size - 1, 0.975) * values.std(ddof=1) / np.sqrt(values.size))
    return Interval(mean, mean - half, mean + half)


def delta_interval(of: Callable[[Mapping[str, float]], float], tally: Tally) -> Interval:
    """Interval of f(means) over a tally's games, by the delta method: variance g' Sigma g / n, g
    the gradient of f.

    The gradient is taken by central differences, of a ten-thousandth of a standard error.

    Args:
        of: f, from column → mean. Where it is NaN there are no bounds.
    """
    value = of(tally.means)
    if tally.n < 2 or not np.isfinite(value):
        return Interval(value, None, None)
    covariance = tally.covariance() / tally.n
    step = 1e-4 * np.sqrt(np.maximum(np.diag(covariance), 0))

    def moved(i: int, by: float) -> float:
        return of(tally.means | {tally.columns[i]: float(tally.mean[i] + by)})

    slopes = [
        (moved(i, h) - moved(i, -h)) / (2 * h) if h > 0 else 0.0
        for i, h in enumerate(step.tolist())
    ]
    gradient = np.array(slopes)
    variance = float(gradient @ covariance @ gradient)
    if not np.isfinite(variance):
        return Interval(value, None, None)
    half = float(stdtrit(tally.n - 1, 0.975) * np.sqrt(max(variance, 0)))
    return Interval(value, value - half, value + half)


def quantile_interval(histogram: Histogram, q: float) -> Interval:
    """A quantile with the order statistics that bracket it 95 times in 100 (binomial, normal
    approximation).
    """
    n, value = histogram.n, histogram.quantile(q)
    if n < 2:
        return Interval(value, None, None)
    half = 1.96 * np.sqrt(q * (1 - q) / n)
    return Interval(value, histogram.quantile(q - half), histogram.quantile(q + half))


def with_common_draws(over_seeds: Interval, over_games: Sequence[Interval]) -> Interval:
    """An interval over training seeds that all played the same games, widened by what these games
    are worth.

    Seeds that meet the same draws share their luck, so their spread does not show it. The two
    errors are independent: half-widths add in squares, that of the draws being the root mean square
    of the seeds' own intervals over games.
    """
    halves = [(i.high - i.low) / 2 for i in over_games if i.low is not None and i.high is not None]
    if over_seeds.low is None or over_seeds.high is None or not halves:
        return over_seeds
    half = float(
        np.hypot((over_seeds.high - over_seeds.low) / 2, np.sqrt(np.mean(np.square(halves))))
    )
    return Interval(over_seeds.mean, over_seeds.mean - half, over_seeds.mean + half)


def over_seeds(over_games: Sequence[Interval]) -> Interval:
    """From each training seed's interval over games: the only seed's, or that over seeds and the
    draws they share.

    Raises:
        ValueError: no seeds.
    """
    if len(over_games) == 1:
        return over_games[0]
    return with_common_draws(
        t_interval(np.array([interval.mean for interval in over_games])), over_games
    )


def paired_difference(a: np.ndarray, b: np.ndarray) -> Interval:
    """Interval of mean(a − b) over paired units, float [n] each: two policies on common random
    numbers.

    Raises:
        ValueError: unequal lengths, or no values.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"pairs need equal lengths, not {a.shape} and {b.shape}")
    return t_interval(a - b)


def welch_interval(a: np.ndarray, b: np.ndarray) -> Interval:
    """Interval of mean(a) − mean(b) over independent units of unequal variance, any shapes. Welch
    1947.

    Without bounds where either has a single unit.
    """
    a, b = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    difference = float(a.mean() - b.mean())
    if min(a.size, b.size) < 2:
        return Interval(difference, None, None)
    if not a.std() and not b.std():
        return Interval(difference, difference, difference)
    from scipy import stats  # takes half a second, and training has no use for it

    low, high = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    return Interval(difference, float(low), float(high))


# Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice".


def iqm(scores: np.ndarray) -> float:
    """Interquartile mean of all of scores [..., runs, tasks]: the mean of the middle half (trimmed
    by 25% a side).
    """
    from scipy import stats

    return float(stats.trim_mean(np.asarray(scores, np.float64), 0.25, axis=None))


def improvement_probability(x: np.ndarray, y: np.ndarray) -> float:
    """P(X > Y) + P(X = Y) / 2 of a run of x over one of y, [runs, tasks] and [other runs, tasks],
    mean over tasks.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(
            f"scores must be [runs, tasks] with as many tasks, not {x.shape} and {y.shape}"
        )
    above = x[:, None] > y[None]
    return float((above + 0.5 * (x[:, None] == y[None])).mean())


def bootstrap_interval(
    statistic: Callable[..., float], *samples: np.ndarray, n_resamples: int = 2000, seed: int = 0
) -> Interval:
    """Stratified percentile bootstrap: runs are drawn with replacement within each task, as rliable
    does.

    Args:
        statistic: of arrays shaped as the samples.
        samples: each float [runs, tasks]; one of shape [runs] is taken as of one task. Without
            bounds for a single run.

    Raises:
        ValueError: a sample without runs.
    """
    tables = [np.asarray(sample, np.float64) for sample in samples]
    tables = [table[:, None] if table.ndim == 1 else table for table in tables]
    if any(table.size == 0 for table in tables):
        raise ValueError("a bootstrap needs at least one run")
    value = statistic(*tables)
    if any(len(table) < 2 for table in tables):
        return Interval(value, None, None)
    rng = np.random.default_rng(seed)

    def resampled(table: np.ndarray) -> np.ndarray:
        return np.take_along_axis(table, rng.integers(len(table), size=table.shape), 0)

    draws = [statistic(*[resampled(table) for table in tables]) for _ in range(n_resamples)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(value, float(low), float(high))
