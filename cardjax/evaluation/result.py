"""A policy's games against one opponent, in figures: every metric with its interval."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cardjax.evaluation.exact_metrics import against_self
from cardjax.evaluation.match import GameTotals
from cardjax.evaluation.metrics import (
    METRICS,
    QUANTILE,
    QUANTILES,
    Metric,
    metrics_of,
    per_game,
)
from cardjax.evaluation.statistics import (
    FEWEST_GAMES,
    FEWEST_SEEDS,
    Interval,
    as_estimate,
    delta_estimate,
    histogram_interval,
    over_seeds,
    rate_interval,
    trimmed,
)
from cardjax.evaluation.tally import Histogram, Tally, Values
from cardjax.evaluation.yardsticks import STAGE, Yardstick

SEEDS, GAMES = "training seeds", "games"


@dataclasses.dataclass(frozen=True)
class Result:
    """A policy's games against one opponent."""

    opponent: str
    metrics: Mapping[str, Interval]
    """every one of `metrics.metrics_of` and `metrics.QUANTILES`, by name."""
    unit: str
    """what the intervals run over: "training seeds" (and the draws that they share) where there are
    several, else "games"."""
    n_units: int
    n_games: int
    """a training seed."""
    shrinkage: float
    """how many times narrower over games the interval of mean_expected_pnl is than that of
    mean_pnl.
    """
    score_shrinkage: float
    """the same of score and realised_score: there the benchmark's luck with the quotes cancels too.
    """
    scores: tuple[float, ...]
    """one a training seed."""
    score_iqm: Interval | None = None
    """the interquartile mean of the training seeds' scores, where there are several."""
    against_self: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
    """only of "self": `exact_metrics.against_self`, from exact values of the first games; nothing
    where risk is charged for."""
    yardstick: Yardstick = STAGE
    """whom the score is measured by."""

    @property
    def mean_pnl(self) -> Interval:
        """Realised, with S: points per game."""
        return self.metrics["mean_pnl"]

    @property
    def mean_expected_pnl(self) -> Interval:
        """Conditional mean, with mu in place of S: points per game."""
        return self.metrics["mean_expected_pnl"]

    @property
    def score(self) -> Interval:
        """Share of the benchmark's expected P&L on the same draws."""
        return self.metrics["score"]

    @property
    def mean_payoff(self) -> Interval:
        """Expected P&L, less the charge for risk where there is one: points per game."""
        return self.metrics.get("mean_payoff", self.mean_expected_pnl)

    def in_words(self) -> str:
        """What the intervals are over, or why there are none."""
        if self.n_games < FEWEST_GAMES:
            return f"no intervals: they need {FEWEST_GAMES} games"
        if self.unit == GAMES:
            return (
                f"± is a 95% interval over {self.n_games:,} {GAMES} "
                "(of one policy: it says nothing about other training seeds)"
            )
        if self.n_units < FEWEST_SEEDS:
            return f"no intervals: they need {FEWEST_SEEDS} training seeds, here are {self.n_units}"
        return (
            f"± is a 95% interval over {self.n_units:,} {SEEDS} "
            f"and the {self.n_games:,} games that they share"
        )

    def as_json(self) -> dict[str, Any]:
        """The entry of summary.json's `results`: every metric, NAME_ci95 its interval; `ci95` is
        mean_pnl's.
        """
        figures = {**self.metrics, **self.against_self}
        return {
            "opponent": self.opponent,
            **{name: interval.mean for name, interval in figures.items()},
            **{f"{name}_ci95": [interval.low, interval.high] for name, interval in figures.items()},
            "ci95": [self.mean_pnl.low, self.mean_pnl.high],
            "unit": self.unit,
            "n_units": self.n_units,
            "n_games": self.n_games,
            "interval_shrinkage": self.shrinkage,
            "score_interval_shrinkage": self.score_shrinkage,
            "score_by_seed": list(self.scores),
            **self._equilibrium_range(),
            **self._of_several_seeds(),
            **({"no_score": self.yardstick.missing} if self.yardstick.missing else {}),
        }

    def _equilibrium_range(self) -> dict[str, Any]:
        """What the rounds' pure equilibria pay, worst and best, as shares of the symmetric one."""
        ends = [self.against_self.get(f"{end}_equilibrium") for end in ("worst", "best")]
        known = [interval.mean for interval in ends if interval is not None]
        return {"equilibrium_range": known} if known else {}

    def _of_several_seeds(self) -> dict[str, Any]:
        if self.score_iqm is None:
            return {}
        mean, low, high = self.score_iqm
        return {"score_iqm": mean, "score_iqm_ci95": [low, high]}


@dataclasses.dataclass(frozen=True)
class Games:
    """Games against one opponent as far as they are remembered: one training seed's, or those of
    all seeds together, whose seats are then a game's seats.
    """

    tally: Tally
    """of `metrics.per_game`."""
    histograms: Mapping[str, Histogram]
    """by the names of `metrics.QUANTILES`, over games and seats."""
    exact: Tally | None = None
    """of `exact_metrics.against_self`'s columns; None if exact values were not asked for."""

    @classmethod
    def of(
        cls,
        totals: GameTotals,
        benchmark: Values | None,
        exact: Mapping[str, Values] | None,
    ) -> "Games":
        """Of one batch: `totals` of the policy's own seats, leaves [games, seats]; the others
        [games].
        """
        falls = (totals.drawdown, totals.drawdown_share)
        histograms = {
            name: Histogram.of(np.asarray(fall))
            for name, fall in zip(QUANTILES, falls, strict=True)
        }
        return cls(
            Tally.of(per_game(totals, benchmark)),
            histograms,
            None if exact is None else Tally.of(exact),
        )

    def __add__(self, other: "Games") -> "Games":
        exact = (
            self.exact if other.exact is None or self.exact is None else self.exact + other.exact
        )
        histograms = {name: own + other.histograms[name] for name, own in self.histograms.items()}
        return Games(self.tally + other.tally, histograms, exact)


def result_of(
    name: str,
    seeds: Sequence[Games],
    together: Games,
    n_players: int,
    yardstick: Yardstick = STAGE,
) -> Result:
    """Intervals over training seeds and their common draws where there are several, else over
    games.

    Args:
        together: the games of all seeds as one.

    Raises:
        ValueError: no seeds.
    """
    if not seeds:
        raise ValueError("a result needs at least one training seed")
    several, n_games = len(seeds) > 1, together.tally.n
    tallies = [seed.tally for seed in seeds]
    score = [delta_estimate(METRICS["score"].of, tally) for tally in [*tallies, together.tally]]
    return Result(
        name,
        metrics=_intervals(metrics_of(together.tally.columns), tallies, together.tally)
        | {name: _quantile(name, seeds, together) for name in QUANTILES},
        unit=SEEDS if several else GAMES,
        n_units=len(seeds) if several else n_games,
        n_games=n_games,
        shrinkage=_shrinkage(tallies, "mean_pnl", "mean_expected_pnl"),
        score_shrinkage=_shrinkage(tallies, "realised_score", "score"),
        scores=tuple(METRICS["score"].of(tally.means) for tally in tallies),
        score_iqm=over_seeds(score[:-1], score[-1], trimmed) if several else None,
        against_self=_against_self(seeds, together, n_players),
        yardstick=yardstick,
    )


def _against_self(
    seeds: Sequence[Games], together: Games, n_players: int
) -> Mapping[str, Interval]:
    exact = [seed.exact for seed in seeds if seed.exact is not None]
    if together.exact is None:
        return {}
    by_seat = "reply_0" in together.exact.columns
    return _intervals(against_self(n_players, by_seat), exact, together.exact)


def _intervals(
    metrics: Mapping[str, Metric], seeds: Sequence[Tally], together: Tally
) -> dict[str, Interval]:
    return {name: interval_of(metric, seeds, together) for name, metric in metrics.items()}


def interval_of(metric: Metric, seeds: Sequence[Tally], together: Tally) -> Interval:
    """A metric with its interval over training seeds and their common games, or over the games of
    one seed; without bounds where it needs more of them.

    Args:
        together: of all seeds' games as one.
    """
    interval = over_seeds(
        [delta_estimate(metric.of, tally) for tally in seeds], delta_estimate(metric.of, together)
    )
    if not all(metric.has_interval(tally.means, tally.n) for tally in seeds):
        return interval.without_bounds
    if metric.occasions is None:
        return interval
    return rate_interval(interval, together.n * metric.occasions(together.means))


def _quantile(name: str, seeds: Sequence[Games], together: Games) -> Interval:
    over_games = [histogram_interval(games.histograms[name], QUANTILE) for games in seeds]
    if len(seeds) == 1:
        return over_games[0]
    shared = histogram_interval(together.histograms[name], QUANTILE)
    n = together.tally.n
    return over_seeds([as_estimate(interval, n) for interval in over_games], as_estimate(shared, n))


def _shrinkage(tallies: Sequence[Tally], wide: str, narrow: str) -> float:
    """How many times wider one metric's interval over games is than another's, mean over seeds; NaN
    for 0 width.
    """

    def width(tally: Tally, name: str) -> float:
        return float(np.sqrt(np.nan_to_num(delta_estimate(METRICS[name].of, tally).variance)))

    ratios = [width(tally, wide) / (width(tally, narrow) or float("nan")) for tally in tallies]
    return float(np.mean(ratios))
