"""Means with intervals. The unit is what was drawn independently: a training seed, or a game.

Training seeds of one policy all play the same games, and the seats of one game share its market, so
neither counts as independent. There is one treatment for all metrics: an `Estimate` carries the
variance of its error over games, computed from per-game sums over the seats (and, of the mean of
several seeds, over the seeds); `over_games` and `over_seeds` turn estimates into intervals.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr, betaincinv, stdtrit

from cardjax.evaluation.tally import Histogram, Tally

FEWEST_SEEDS = 3
"""With two seeds no interval that takes in the games they share holds 93 to 97 times in 100."""
FEWEST_GAMES = 100
"""Below, a mean of games is too far from normal: most games earn little, and a few much."""
FEWEST_DECIDING = 200
"""Of the games in which a policy earns something else than what it is compared with, or which have
a kind of round at all: a mean of many zeros and few of these is as far from normal as they are.
"""
FEW_EVENTS = 30
Z = 1.959963984540054


class Interval(NamedTuple):
    """A mean and its 95% confidence interval; the bounds are None when too few units leave it
    undefined.
    """

    mean: float
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float | None:
        """None without bounds."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def without_bounds(self) -> "Interval":
        """The mean alone, where too few games or seeds decide for an interval."""
        return Interval(self.mean, None, None)

    @classmethod
    def around(cls, mean: float, half_width: float) -> "Interval":
        """Symmetric; without bounds where the half-width is not finite."""
        if not np.isfinite(half_width):
            return cls(mean, None, None)
        return cls(mean, mean - half_width, mean + half_width)


class Estimate(NamedTuple):
    """A figure of some games and the variance of its error over games; NaN where it is unknown."""

    value: float
    variance: float
    n_games: int


def t_interval(values: np.ndarray) -> Interval:
    """Student's t interval of the mean of independent units, float [n]; without bounds for n = 1.

    Raises:
        ValueError: no values.
    """
    values = np.asarray(values, np.float64)
    if values.size == 0:
        raise ValueError("an interval needs at least one value")
    if values.size == 1:
        return Interval(float(values[0]), None, None)
    half = half_width([values.var(ddof=1) / values.size], [values.size - 1])
    return Interval.around(float(values.mean()), float(half))


LIMITED_WEIGHTS = (0.0, 0.5, 0.15)
"""How much of Cochran's width goes into `half_width`, by the number of components with few degrees
of freedom: where simulated coverage lies nearest to 95% for all shares of the components.
"""


def half_width(
    variances: Sequence[float | np.ndarray], degrees: Sequence[float]
) -> float | np.ndarray:
    """Half of the 95% interval of a figure whose error is a sum of independent normal ones.

    Welch and Satterthwaite's interval is short where a component with few degrees of freedom
    dominates, Cochran's (the quantiles' squares weighted by the variances) is long where it does
    not; a mean of the two holds 93 to 97 times in 100 from three units a component on.

    Args:
        variances: estimates of the components' variances, numbers or arrays of one shape.
        degrees: of freedom of each; the last component's are taken to be many if there are several.
    """
    total = sum(variances)
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = sum(np.square(v) / d for v, d in zip(variances, degrees, strict=True))
        welch = stdtrit(np.square(total) / squares, 0.975) * np.sqrt(total)
    quantiles = [stdtrit(d, 0.975) for d in degrees]
    cochran = np.sqrt(sum(q**2 * v for q, v in zip(quantiles, variances, strict=True)))
    weight = LIMITED_WEIGHTS[len(degrees) - 1]
    half: float | np.ndarray = np.where(total == 0, 0.0, (1 - weight) * welch + weight * cochran)
    return half


# Over games


def delta_estimate(of: Callable[[Mapping[str, float]], float], tally: Tally) -> Estimate:
    """f(means) over a tally's games, by the delta method: variance g' Sigma g / n, g the gradient
    of f.

    The gradient is taken by central differences, of a ten-thousandth of a standard error.

    Args:
        of: f, from column → mean. Where it is NaN, so is the variance.
    """
    value = of(tally.means)
    if tally.n < 2 or not np.isfinite(value):
        return Estimate(value, np.nan, tally.n)
    covariance = tally.covariance() / tally.n
    step = 1e-4 * np.sqrt(np.maximum(np.diag(covariance), 0))

    def moved(i: int, by: float) -> float:
        return of(tally.means | {tally.columns[i]: float(tally.mean[i] + by)})

    slopes = [
        (moved(i, h) - moved(i, -h)) / (2 * h) if h > 0 else 0.0
        for i, h in enumerate(step.tolist())
    ]
    gradient = np.array(slopes)
    return Estimate(value, max(float(gradient @ covariance @ gradient), 0.0), tally.n)


def over_games(estimate: Estimate) -> Interval:
    """One policy's interval; without bounds below FEWEST_GAMES games."""
    if estimate.n_games < FEWEST_GAMES or not np.isfinite(estimate.variance):
        return Interval(estimate.value, None, None)
    return Interval.around(
        estimate.value, float(half_width([estimate.variance], [estimate.n_games - 1]))
    )


def delta_interval(of: Callable[[Mapping[str, float]], float], tally: Tally) -> Interval:
    """`over_games` of `delta_estimate`."""
    return over_games(delta_estimate(of, tally))


# Over seeds


def shared_variance(seeds: Sequence[Estimate], together: Estimate) -> float:
    """What the games that all seeds play add to the variance of the seeds' mean.

    A seed's error over games is one that all share plus one of its own; the own ones are part of
    the spread over seeds. With m seeds the mean's variance over games is shared + own / m, a seed's
    is shared + own.
    """
    m = len(seeds)
    alone = float(np.mean([seed.variance for seed in seeds]))
    return max((m * together.variance - alone) / (m - 1), 0.0)


def over_seeds(
    seeds: Sequence[Estimate],
    together: Estimate,
    middle: Callable[[np.ndarray], tuple[float, float, int]] | None = None,
) -> Interval:
    """Of the training seeds' mean: the interval takes in the spread over seeds and the games that
    they share. One seed's is `over_games`.

    Without bounds below FEWEST_SEEDS seeds or FEWEST_GAMES games.

    Args:
        together: of the mean of all seeds, game by game.
        middle: in place of the mean, a centre with its variance over seeds and that's degrees of
            freedom (`trimmed`).

    Raises:
        ValueError: no seeds.
    """
    if not seeds:
        raise ValueError("an interval needs at least one value")
    if len(seeds) == 1:
        return over_games(seeds[0])
    centre, variance, degrees = (middle or untrimmed)(np.array([seed.value for seed in seeds]))
    if len(seeds) < FEWEST_SEEDS or together.n_games < FEWEST_GAMES:
        return Interval(centre, None, None)
    shared = shared_variance(seeds, together)
    half = half_width([variance, shared], [degrees, together.n_games - 1])
    return Interval.around(centre, float(half))


def untrimmed(values: np.ndarray) -> tuple[float, float, int]:
    """A mean, its variance and that's degrees of freedom."""
    n = len(values)
    return float(values.mean()), float(values.var(ddof=1) / n), n - 1


def trimmed(values: np.ndarray) -> tuple[float, float, int]:
    """The interquartile mean, its variance and that's degrees of freedom. Tukey & McLaughlin 1963:
    what was cut off counts as the nearest that was not. With three values it is the mean.
    """
    n, ordered = len(values), np.sort(np.asarray(values, np.float64))
    cut = n // 4
    left = n - 2 * cut
    winsorised = np.clip(ordered, ordered[cut], ordered[n - cut - 1])
    variance = winsorised.var(ddof=1) * (n - 1) / (left * (left - 1))
    return float(ordered[cut : n - cut].mean()), float(variance), left - 1


# Rates and quantiles


def rate_interval(plain: Interval, n_units: float) -> Interval:
    """Clopper and Pearson's interval of a rate whose occasions are not independent (Korn & Graubard
    1998): as if it were counted in as many independent occasions as would leave it as uncertain as
    it is.

    It holds at least 95 times in 100; of independent occasions with FEW_EVENTS or more, at most 97.

    Args:
        plain: the rate with its symmetric interval.
        n_units: independent units, which count where nothing varies: no event, or nothing else.
    """
    if plain.half_width is None:
        return plain
    rate = min(max(plain.mean, 0.0), 1.0)
    variance = (plain.half_width / Z) ** 2
    effective = rate * (1 - rate) / variance if variance > 0 else n_units
    if min(rate, 1 - rate) * effective < FEW_EVENTS:
        # So few do not tell how independent the seats of one game are: they count as one.
        effective = min(effective, n_units)
    low, high = clopper_pearson(rate, effective)
    return Interval(plain.mean, float(low), float(high))


def clopper_pearson(
    rate: float | np.ndarray, n: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """95% bounds of a rate that was seen in n independent occasions; n need not be whole."""
    events, others = np.multiply(rate, n), np.multiply(np.subtract(1, rate), n)
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.where(events <= 0, 0.0, betaincinv(events, others + 1, 0.025))
        high = np.where(others <= 0, 1.0, betaincinv(events + 1, others, 0.975))
    return low, high


def quantile_interval(
    quantile: Callable[[float], float], q: float, rank_variance: float, n_games: int
) -> Interval:
    """A quantile with the order statistics that bracket it 95 times in 100.

    Args:
        quantile: share → value.
        rank_variance: of the share of values at or below the quantile, over games.
    """
    value = quantile(q)
    if n_games < FEWEST_GAMES:
        return Interval(value, None, None)
    effective = q * (1 - q) / rank_variance if rank_variance > 0 else n_games
    low, high = clopper_pearson(q, effective)
    return Interval(value, quantile(float(low)), quantile(float(high)))


FEWEST_FOR_MEDIAN = 5
"""Of fewer values, the smallest and the largest hold the median less often than 93 times in 100."""


def median_interval(values: np.ndarray) -> Interval:
    """Of independent values of any distribution, float [n], some of which may be infinite: order
    statistics, between which it is interpolated for 95% (Hettmansperger & Sheather 1986).

    Without bounds below FEWEST_FOR_MEDIAN values.

    Raises:
        ValueError: no values.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    n = len(ordered)
    if n == 0:
        raise ValueError("an interval needs at least one value")
    # The mean of the middle two, of which the larger may be infinite.
    middle = float(ordered[[(n - 1) // 2, n // 2]].mean())
    if n < FEWEST_FOR_MEDIAN:
        return Interval(middle, None, None)
    k = np.arange(n // 2 + 1)
    # bdtr(k, n, 1/2) is the chance that at most k values lie below the median.
    held = 1 - 2 * bdtr(k, n, 0.5)
    enough = np.flatnonzero(held >= 0.95)
    outer = int(enough[-1]) if len(enough) else 0
    surplus = max(held[outer] - 0.95, 0.0) / (held[outer] - held[outer + 1])
    rank = outer + 1
    inward = (n - rank) * surplus / (rank + (n - 2 * rank) * surplus)

    def between(outside: float, inside: float) -> float:
        if np.isinf(outside) or inward == 0:
            return outside
        return (1 - inward) * outside + inward * inside

    low = between(float(ordered[outer]), float(ordered[outer + 1]))
    high = between(float(ordered[n - 1 - outer]), float(ordered[n - 2 - outer]))
    return Interval(middle, low, high)


def histogram_interval(histogram: Histogram, q: float) -> Interval:
    """Of a quantile of values whose games have several, one per seat."""
    return quantile_interval(histogram.quantile, q, histogram.rank_variance(q), histogram.n_games)


def as_estimate(interval: Interval, n_games: int) -> Estimate:
    """Of an interval over games, taken to be that of a normal error."""
    half = interval.half_width
    return Estimate(interval.mean, np.nan if half is None else (half / Z) ** 2, n_games)
