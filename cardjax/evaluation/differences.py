"""The difference of two policies on the same games: its interval, its size beside chance, and how
small a one could be told from 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import nctdtrinc, ndtr

from cardjax.evaluation.statistics import (
    FEWEST_DECIDING,
    FEWEST_GAMES,
    FEWEST_SEEDS,
    Interval,
    half_width,
)


class Versus(NamedTuple):
    """The difference of two policies' means, and what its error is made of."""

    difference: float
    seeds: tuple[float, float]
    """variance of a training seed's mean, of each side; 0 where there is one policy."""
    n_seeds: tuple[int, int]
    games: float
    """variance of the difference of one game that all seeds share."""
    n_games: int
    own: tuple[float, float] = (0.0, 0.0)
    """variance of one game's result that a seed of each side does not share with its others; in
    `seeds` it is part of the spread of means."""
    n_deciding: int | None = None
    """games in which the sides differ; None if that was not counted."""

    @property
    def components(self) -> tuple[list[float], list[float]]:
        """Variances of the difference with their degrees of freedom, the games' last."""
        sides = [(s / m, m - 1) for s, m in zip(self.seeds, self.n_seeds, strict=True) if m > 1]
        return (
            [*(variance for variance, _ in sides), self.games / self.n_games],
            [*(float(degrees) for _, degrees in sides), self.n_games - 1.0],
        )

    def planned(self, n_seeds: tuple[int, int], n_games: int) -> "Versus":
        """The same policies with other numbers of seeds and games; no seeds stay none."""
        seeds = [
            max(variance - own / self.n_games, 0.0) + own / n_games if m > 1 else 0.0
            for variance, own, m in zip(self.seeds, self.own, self.n_seeds, strict=True)
        ]
        counts = [n if m > 1 else 1 for n, m in zip(n_seeds, self.n_seeds, strict=True)]
        deciding = self.n_deciding
        return self._replace(
            seeds=(seeds[0], seeds[1]),
            n_seeds=(counts[0], counts[1]),
            n_games=n_games,
            n_deciding=None if deciding is None else round(deciding / self.n_games * n_games),
        )

    @property
    def has_interval(self) -> bool:
        """Whether there are games enough, and on each side one policy or seeds enough."""
        enough = all(m == 1 or m >= FEWEST_SEEDS for m in self.n_seeds)
        return enough and self.n_games >= FEWEST_GAMES and self.differ_enough

    @property
    def differ_enough(self) -> bool:
        """Whether the sides differ in no game or in FEWEST_DECIDING of them."""
        return not self.n_deciding or self.n_deciding >= FEWEST_DECIDING


def versus(first: np.ndarray, second: np.ndarray, covariance: np.ndarray, n_games: int) -> Versus:
    """From each side's means by seed, [m1] and [m2], and the covariance of one game's results, of
    all seeds of both sides, [m1 + m2, m1 + m2].

    Each game is played by all: what they share cancels, seeds of the same side or not.
    """
    m = (len(first), len(second))
    weights = np.concatenate([np.full(m[0], 1 / m[0]), np.full(m[1], -1 / m[1])])
    blocks = (covariance[: m[0], : m[0]], covariance[m[0] :, m[0] :])
    own = (_own_variance(blocks[0]), _own_variance(blocks[1]))
    part = own[0] / m[0] + own[1] / m[1]
    return Versus(
        float(first.mean() - second.mean()),
        (_spread(first), _spread(second)),
        m,
        max(float(weights @ covariance @ weights) - part, 0.0),
        n_games,
        own,
    )


def _spread(values: np.ndarray) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _own_variance(block: np.ndarray) -> float:
    """Of a game's result, what a seed does not share with the other seeds; 0 for a single one."""
    m = len(block)
    if m == 1:
        return 0.0
    return float(np.trace(block) / m - (block.sum() - np.trace(block)) / (m * (m - 1)))


def difference_interval(pair: Versus) -> Interval:
    """Training seeds are the units where a side has several (sides are not paired by seed), games
    that both sides play always.
    """
    if not pair.has_interval:
        return Interval(pair.difference, None, None)
    return Interval.around(pair.difference, float(half_width(*pair.components)))


def effect_interval(pair: Versus) -> Interval:
    """The standardised effect: the difference in standard deviations of what differs by chance,
    which is the results of two training seeds, one of each side, or, of two single policies, the
    results of a game.

    Its interval takes these results to be normal (noncentral t; Reiser & Guttman 1986).
    """
    over = [(s, m) for s, m in zip(pair.seeds, pair.n_seeds, strict=True) if m > 1]
    over = over or [(pair.games, pair.n_games)]
    scale = sum(variance for variance, _ in over)
    if scale <= 0:
        return Interval(0.0 if pair.difference == 0 else float("nan"), None, None)
    effect = pair.difference / np.sqrt(scale)
    if not pair.has_interval:
        return Interval(float(effect), None, None)
    error = float(np.sqrt(sum(pair.components[0]) / scale))
    low, high = effect_bounds(effect, error, _degrees(over))
    return Interval(float(effect), float(low), float(high))


def _degrees(over: Sequence[tuple[float, int]]) -> float:
    """Of the scale, or of the mean's variance where these are fewer (Welch & Satterthwaite)."""

    def welch(parts: Sequence[tuple[float, int]]) -> float:
        total = sum(variance for variance, _ in parts)
        return total**2 / sum(variance**2 / (n - 1) for variance, n in parts)

    return min(welch(over), welch([(variance / n, n) for variance, n in over]))


def effect_bounds(
    effect: float | np.ndarray, error: float | np.ndarray, degrees: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """95% bounds of an effect whose estimate has a standard error of `error` scales."""
    ratio = np.divide(effect, error)
    return (
        np.multiply(nctdtrinc(degrees, 0.975, ratio), error),
        np.multiply(nctdtrinc(degrees, 0.025, ratio), error),
    )


def improvement_interval(first: np.ndarray, second: np.ndarray, effect: Interval) -> Interval:
    """The probability that a training seed of the first does better than one of the second:
    counted, with the interval of normal results of seeds, which is that of the effect.
    """
    counted = improvement_probability(first[:, None], second[:, None])
    if effect.low is None or effect.high is None or max(len(first), len(second)) == 1:
        return Interval(counted, None, None)
    low, high = float(ndtr(effect.low)), float(ndtr(effect.high))
    return Interval(counted, min(low, counted), max(high, counted))


def detectable_difference(pair: Versus, power: float = 0.8) -> float:
    """The smallest true difference that `difference_interval` tells from 0 with this probability;
    NaN where there is no interval.

    Args:
        pair: what errors are made of (`Versus.planned`); its difference is not looked at.
    """
    if not pair.has_interval:
        return float("nan")
    variances, degrees = pair.components
    total = sum(variances)
    if total == 0:
        return 0.0
    welch = total**2 / sum(v**2 / d for v, d in zip(variances, degrees, strict=True))
    threshold = half_width(variances, degrees) / np.sqrt(total)
    return float(nctdtrinc(welch, 1 - power, threshold) * np.sqrt(total))


def improvement_probability(x: np.ndarray, y: np.ndarray) -> float:
    """P(X > Y) + P(X = Y) / 2 of a run of x over one of y, [runs, tasks] and [other runs, tasks],
    mean over tasks. Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the
    Statistical Precipice", section 4.3.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(
            f"scores must be [runs, tasks] with as many tasks, not {x.shape} and {y.shape}"
        )
    above = x[:, None] > y[None]
    return float((above + 0.5 * (x[:, None] == y[None])).mean())
