"""What is remembered of games that are not: counts, means, covariances and histograms, in float64
on the host.

Its size does not depend on how many games it has seen.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jax import Array

Values = Array | np.ndarray
N_BINS = 4096
SMALLEST, LARGEST = 1e-4, 1e6


@dataclasses.dataclass(frozen=True)
class Tally:
    """Means and covariances of per-game quantities. Sums of two tallies are exact (Chan, Golub &
    LeVeque 1979).
    """

    columns: tuple[str, ...]
    n: int
    mean: np.ndarray
    """float64 [C]."""
    products: np.ndarray
    """float64 [C, C]: sums of products of deviations from the mean."""

    @classmethod
    def of(cls, games: Mapping[str, Values]) -> "Tally":
        """Of one batch: column → float [games]."""
        rows = np.stack([np.asarray(column, np.float64) for column in games.values()], -1)
        mean = rows.mean(0)
        return cls(tuple(games), len(rows), mean, (rows - mean).T @ (rows - mean))

    def __add__(self, other: "Tally") -> "Tally":
        n, apart = self.n + other.n, other.mean - self.mean
        products = self.products + other.products + np.outer(apart, apart) * (self.n * other.n / n)
        return dataclasses.replace(
            self, n=n, mean=self.mean + apart * (other.n / n), products=products
        )

    @property
    def means(self) -> dict[str, float]:
        """column → mean."""
        return dict(zip(self.columns, self.mean.tolist(), strict=True))

    def covariance(self) -> np.ndarray:
        """Unbiased, float64 [C, C]; NaN for a single game."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.products / (self.n - 1)

    def std(self, column: str) -> float:
        """Over games."""
        i = self.columns.index(column)
        return float(np.sqrt(self.covariance()[i, i]))


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Counts of nonnegative values in bins of equal ratio (1.0056): quantiles are right to 0.3%.

    Games may have several values each, which need not be independent: beside the values, the pairs
    of values of one game are counted, by the larger one. Below SMALLEST counts as 0; LARGEST and
    above share the last bin.
    """

    counts: np.ndarray
    """int64 [N_BINS + 1]; the first is of zeros."""
    pairs: np.ndarray
    """int64 [N_BINS + 1]: ordered pairs of values of one game, a value and itself included."""
    n_games: int

    @classmethod
    def of(cls, values: np.ndarray) -> "Histogram":
        """Of values [games], or [games, values of a game]."""
        values = np.sort(values.reshape(len(values), -1), 1)
        scaled = np.log(np.maximum(values, SMALLEST) / SMALLEST) * (
            N_BINS / np.log(LARGEST / SMALLEST)
        )
        index = np.where(values < SMALLEST, 0, 1 + np.minimum(scaled.astype(np.int64), N_BINS - 1))
        # Of n sorted values, 2 i + 1 ordered pairs have the i-th as the larger one.
        pairs = np.broadcast_to(2 * np.arange(values.shape[1]) + 1, values.shape)
        return cls(
            np.bincount(index.ravel(), minlength=N_BINS + 1),
            np.bincount(index.ravel(), pairs.ravel(), N_BINS + 1).astype(np.int64),
            len(values),
        )

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(
            self.counts + other.counts, self.pairs + other.pairs, self.n_games + other.n_games
        )

    @property
    def n(self) -> int:
        """Values seen."""
        return int(self.counts.sum())

    def _bin(self, q: float) -> int:
        rank = np.ceil(np.clip(q, 0, 1) * self.n)
        return int(np.searchsorted(np.cumsum(self.counts), max(rank, 1)))

    def quantile(self, q: float) -> float:
        """The value that a share q of all lie at or below: the geometric middle of its bin."""
        i = self._bin(q)
        return (
            0.0
            if i == 0
            else float(SMALLEST * np.exp((i - 0.5) * np.log(LARGEST / SMALLEST) / N_BINS))
        )

    def rank_variance(self, q: float) -> float:
        """Variance over games of the share of values at or below the quantile of q.

        With k of a game's K values below, E[k²] is the number of its pairs whose larger one is.
        """
        per_game, last = self.n / self.n_games, self._bin(q) + 1
        share = self.counts[:last].sum() / self.n
        squared = self.pairs[:last].sum() / self.n_games / per_game**2
        return max(float(squared - share**2), 0.0) / self.n_games
