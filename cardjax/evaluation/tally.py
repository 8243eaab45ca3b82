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

    Below SMALLEST counts as 0; LARGEST and above share the last bin.
    """

    counts: np.ndarray
    """int64 [N_BINS + 1]; the first is of zeros."""

    @classmethod
    def of(cls, values: np.ndarray) -> "Histogram":
        """Of values of any shape."""
        scaled = np.log(np.maximum(values, SMALLEST) / SMALLEST) * (
            N_BINS / np.log(LARGEST / SMALLEST)
        )
        index = np.where(values < SMALLEST, 0, 1 + np.minimum(scaled.astype(np.int64), N_BINS - 1))
        return cls(np.bincount(index.ravel(), minlength=N_BINS + 1))

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(self.counts + other.counts)

    @property
    def n(self) -> int:
        """Values seen."""
        return int(self.counts.sum())

    def quantile(self, q: float) -> float:
        """The value that a share q of all lie at or below: the geometric middle of its bin."""
        rank = np.ceil(np.clip(q, 0, 1) * self.n)
        i = int(np.searchsorted(np.cumsum(self.counts), max(rank, 1)))
        return (
            0.0
            if i == 0
            else float(SMALLEST * np.exp((i - 0.5) * np.log(LARGEST / SMALLEST) / N_BINS))
        )
