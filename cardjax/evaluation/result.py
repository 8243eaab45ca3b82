"""What games came to, in figures: means with intervals, and shares of the exact benchmarks on the same draws."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from cardjax.env.params import N_ROUNDS
from cardjax.evaluation.match import GameTotals
from cardjax.evaluation.statistics import Interval, ratio_interval, t_interval

Values = Array | np.ndarray


@dataclasses.dataclass(frozen=True)
class Result:
    """A policy's games against one opponent."""

    opponent: str
    mean_pnl: Interval
    """points a game, realised: with S."""
    mean_expected_pnl: Interval
    """points a game, conditional mean: with mu in place of S."""
    score: Interval
    """share of the benchmark's expected P&L on the same draws."""
    metrics: dict[str, float]
    unit: str
    """what the intervals run over: "training seeds" or "games"."""
    n_units: int
    against_self: dict[str, Interval] = dataclasses.field(default_factory=dict)
    """of "self" alone, from exact values (`exploitability.py`), on the first VALUED_GAMES games:
    exploitability: what a best reply gains, points a game;
    exploitability_share: the same as a share of the equilibrium's payoff;
    commons_position: with two players or more, (pi − pi_eq) / (pi_joint − pi_eq) of all players' payoffs together: 0 at
    the equilibrium, 1 at the joint optimum with initial budgets; NaN where these two are the same."""

    def as_json(self) -> dict[str, Any]:
        """The entry of summary.json's `results`."""
        return {
            "opponent": self.opponent,
            "mean_pnl": self.mean_pnl.mean,
            "ci95": [self.mean_pnl.low, self.mean_pnl.high],
            "score": self.score.mean,
            "score_ci95": [self.score.low, self.score.high],
            "mean_expected_pnl": self.mean_expected_pnl.mean,
            "expected_pnl_ci95": [self.mean_expected_pnl.low, self.mean_expected_pnl.high],
            "unit": self.unit,
            "n_units": self.n_units,
            **self.metrics,
            **{name: interval.mean for name, interval in self.against_self.items()},
            **{f"{name}_ci95": [interval.low, interval.high] for name, interval in self.against_self.items()},
        }


class Benchmark(NamedTuple):
    """The equilibrium's games, float [games] or (values) the first of them; alone in the market, the optimum's."""

    expected_pnl: Values
    """a player, as played."""
    value: Values
    """a player, exact."""
    joint: Values
    """all players together at the joint optimum, exact."""


class Games(NamedTuple):
    """One training seed's games against one opponent."""

    totals: GameTotals
    """means over the policy's own seats, leaves [games]."""
    value: Values
    """a player, exact, [games] or the first of them; empty but against itself, like `reply_value`."""
    reply_value: Values
    """a best replier's."""


def result_of(name: str, seeds: list[Games], benchmark: Benchmark, n_players: int) -> Result:
    """Intervals over training seeds where there are several, over games for one scripted player or one seed."""
    pnl, expected = [seed.totals.pnl for seed in seeds], [seed.totals.expected_pnl for seed in seeds]
    several = len(seeds) > 1
    return Result(
        name,
        mean_pnl=_mean(pnl),
        mean_expected_pnl=_mean(expected),
        score=_share(expected, benchmark.expected_pnl),
        metrics=_metrics([seed.totals for seed in seeds]),
        unit="training seeds" if several else "games",
        n_units=len(seeds) if several else len(pnl[0]),
        against_self=_against_self(seeds, benchmark, n_players) if seeds[0].value.size else {},
    )


def _against_self(seeds: list[Games], benchmark: Benchmark, n_players: int) -> dict[str, Interval]:
    values, joint = [np.asarray(seed.value, np.float64) for seed in seeds], np.asarray(benchmark.joint, np.float64)
    gain = [np.asarray(seed.reply_value) - value for seed, value in zip(seeds, values, strict=True)]
    figures = {"exploitability": _mean(gain), "exploitability_share": _share(gain, benchmark.value)}
    if n_players > 1:
        at_equilibrium = n_players * np.asarray(benchmark.value, np.float64)
        surplus = joint - at_equilibrium
        if surplus.mean() < 1e-5 * joint.mean():  # float32's rounding: nothing is lost at the equilibrium
            surplus = np.zeros_like(surplus)
        above = [n_players * value - at_equilibrium for value in values]
        figures["commons_position"] = _share(above, surplus)
    return figures


def _mean(seeds: Sequence[Values]) -> Interval:
    """Of float [games] for each seed, over seeds if several, else over games."""
    return t_interval(_means(seeds) if len(seeds) > 1 else np.asarray(seeds[0]))


def _share(seeds: Sequence[Values], yardstick: Values) -> Interval:
    """Of means [games] over the yardstick's mean on the same games; NaN where that is 0."""
    scale = np.asarray(yardstick, np.float64)
    if not scale.mean():
        return Interval(float("nan"), None, None)
    return t_interval(_means(seeds) / scale.mean()) if len(seeds) > 1 else ratio_interval(np.asarray(seeds[0]), scale)


def _means(seeds: Sequence[Values]) -> np.ndarray:
    """Each seed's mean, float64 [seeds]."""
    return np.array([np.mean(np.asarray(seed), dtype=np.float64) for seed in seeds])


def _metrics(seeds: list[GameTotals]) -> dict[str, float]:
    """Plain means over all games, seeds and the policy's seats; per-trade ones are null without a trade."""
    total: Any = jax.tree.map(lambda *leaves: np.concatenate(leaves).astype(np.float64), *seeds)
    trades = total.trades.sum()
    n_rounds = N_ROUNDS * total.trades.size
    return {
        "std_pnl": float(total.pnl.std()),
        "trade_rate": float(trades / n_rounds),
        "rejection_rate": float(total.rejections.sum() / n_rounds),
        "mean_size": float(total.units.sum() / trades) if trades else float("nan"),
        "fill_ratio": float(total.fill_ratio.sum() / trades) if trades else float("nan"),
        "mean_slippage": float(total.slippage.sum() / trades) if trades else float("nan"),
        "ruin_probability": float(total.ruined.mean()),
    }
