"""Means with intervals. The unit is what was drawn independently: a training seed, or a game."""

from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A mean and its 95% confidence interval; the bounds are None when too few units leave it undefined."""

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
    half = float(stats.t.ppf(0.975, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size))
    return Interval(mean, mean - half, mean + half)


def ratio_interval(numerator: np.ndarray, denominator: np.ndarray) -> Interval:
    """Interval of mean(numerator) / mean(denominator) over paired units, float [n] each, by the delta method.

    With r the ratio of the means, the units' residuals numerator − r · denominator have mean 0, and their standard
    error over |mean(denominator)| is that of r to first order.

    Raises:
        ValueError: no values, or the denominator's mean is 0.
    """
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    if denominator.size == 0 or denominator.mean() == 0:
        raise ValueError("a ratio needs a denominator with a mean other than 0")
    ratio = numerator.mean() / denominator.mean()
    around = t_interval((numerator - ratio * denominator) / denominator.mean())
    if around.low is None or around.high is None:
        return Interval(ratio, None, None)
    return Interval(ratio, ratio + around.low - around.mean, ratio + around.high - around.mean)
