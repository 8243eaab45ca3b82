"""Every metric of a policy's games, defined once: its unit and its formula.

A metric is a function of the means of a few per-game quantities (`Tally.columns`): a mean, a ratio
of means, or one such as Sharpe's. So its interval over games follows for all of them alike from the
covariance of those means, by the delta method (`statistics.delta_interval`), and no game has to be
kept. Per-game quantities come from `GameTotals`, averaged over the policy's own seats; with A
seats, a player is meant, not the team.
"""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import numpy as np

from cardjax.env.params import N_ROUNDS
from cardjax.evaluation.match import GameTotals
from cardjax.evaluation.statistics import FEWEST_DECIDING, FEWEST_GAMES
from cardjax.evaluation.tally import Values

Means = Mapping[str, float]
FOR_FALLS, FOR_SQUARES, FOR_RARE, FOR_RAREST = 1000, 3000, 10_000, 1_000_000
"""The games that an interval needs where few games decide: the largest falls and a reply's gains,
squares of P&L, what only some orders have, such as slippage, and the mean size of a player who
nearly always orders the same (benchmarks/interval_coverage.py).
"""
SMALLEST_GAIN = 1e-5
"""As a share of what all players could earn together in a game: less is float32's rounding."""
NAN = float("nan")


class Metric(NamedTuple):
    """One figure of a policy's games."""

    unit: str
    doc: str
    of: Callable[[Means], float]
    """from the columns' means."""
    occasions: Callable[[Means], float] | None = None
    """Of a rate of events: how many occasions a game has, at most one: the units where nothing
    varies (`statistics.rate_interval`)."""
    fewest_games: int = FEWEST_GAMES
    """with fewer there is no interval, for it would not hold 93 times in 100."""
    deciding: Callable[[Means], float] | None = None
    """The share of games that make a difference. There is no interval while these are fewer than
    FEWEST_DECIDING, unless no game makes one."""

    def has_interval(self, means: Means, n_games: int) -> bool:
        """Whether the games are enough for an interval."""
        if n_games < self.fewest_games:
            return False
        if self.deciding is None:
            return True
        deciding = round(self.deciding(means) * n_games)
        return deciding == 0 or deciding >= FEWEST_DECIDING


def per_game(totals: GameTotals, benchmark: Values | None) -> dict[str, np.ndarray]:
    """The columns that METRICS read, float64 [games] each.

    Args:
        totals: of the policy's own seats, leaves [games, seats].
        benchmark: the benchmark's payoff per player on the same draws, [games]; None if there is
            none.
    """
    own = {
        name: np.asarray(leaf, np.float64)
        for name, leaf in totals._asdict().items()
        if name != "peak" and leaf is not None
    }
    own["pnl_squared"] = own["pnl"] ** 2
    own["loss_squared"] = np.minimum(own["pnl"], 0) ** 2
    columns = {name: leaf.mean(-1) for name, leaf in own.items()}
    if benchmark is None:
        return columns
    columns["benchmark"] = np.asarray(benchmark, np.float64)
    payoff = payoff_of(totals).mean(-1)
    columns["differs"] = (payoff != columns["benchmark"]).astype(np.float64)
    return columns


def payoff_of(totals: GameTotals) -> np.ndarray:
    """What is scored: expected P&L, less the charge for risk where there is one: float64 [games,
    seats].
    """
    expected = np.asarray(totals.expected_pnl, np.float64)
    return expected if totals.risk_charge is None else expected - np.asarray(totals.risk_charge)


def metrics_of(columns: Collection[str]) -> dict[str, "Metric"]:
    """The metrics of games that have these columns."""
    charged = CHARGED_METRICS if "risk_charge" in columns else {}
    carried = INVENTORY_METRICS if "inventory" in columns else {}
    return METRICS | charged | carried


def ratio(numerator: float, denominator: float) -> float:
    """Of two means; NaN where there is nothing to divide by."""
    return numerator / denominator if denominator else NAN


def _charge(m: Means) -> float:
    return m.get("risk_charge", 0.0)


def _payoff(m: Means) -> float:
    return m["expected_pnl"] - _charge(m)


def _benchmark(m: Means) -> float:
    return m.get("benchmark", NAN)


def _differs(m: Means) -> float:
    return m.get("differs", 0.0)


def _variance(m: Means) -> float:
    # Not below what float32 sums can tell from 0.
    variance = m["pnl_squared"] - m["pnl"] ** 2
    return variance if variance > 1e-9 * m["pnl_squared"] else 0.0


def _risk_adjusted(mean: float, deviation: float) -> float:
    """mean / deviation; without any deviation 0 for a mean of 0 (a policy that always passes) and
    NaN for another.
    """
    if deviation:
        return mean / deviation
    return 0.0 if mean == 0 else NAN


def _every_game(m: Means) -> float:
    return 1.0


METRICS: dict[str, Metric] = {
    "mean_pnl": Metric("points per game", "realised P&L, with S: mean(pnl)", lambda m: m["pnl"]),
    "mean_expected_pnl": Metric(
        "points per game",
        "the same with mu in place of S, its conditional mean",
        lambda m: m["expected_pnl"],
    ),
    "luck": Metric(
        "points per game",
        "realised less conditional mean; its expectation is 0",
        lambda m: m["pnl"] - m["expected_pnl"],
    ),
    "score": Metric(
        "share",
        "mean(expected pnl) / mean(the benchmark's on the same draws), both less the charge for "
        "risk where there is one",
        lambda m: ratio(_payoff(m), _benchmark(m)),
        deciding=_differs,
    ),
    "realised_score": Metric(
        "share",
        "the same of realised P&L: mean(pnl) / mean(the benchmark's expected pnl)",
        lambda m: ratio(m["pnl"] - _charge(m), _benchmark(m)),
    ),
    "regret": Metric(
        "points per round",
        "(the benchmark's expected pnl − the policy's) / 10 rounds",
        lambda m: (_benchmark(m) - _payoff(m)) / N_ROUNDS,
        deciding=_differs,
    ),
    "variance_pnl": Metric("points²", "var(pnl) over games", _variance, fewest_games=FOR_SQUARES),
    "std_pnl": Metric(
        "points", "sqrt(var(pnl))", lambda m: _variance(m) ** 0.5, fewest_games=FOR_SQUARES
    ),
    "sharpe": Metric(
        "per game",
        "mean(pnl) / std(pnl), not annualised; 0 where both are 0",
        lambda m: _risk_adjusted(m["pnl"], _variance(m) ** 0.5),
    ),
    "sortino": Metric(
        "per game",
        "mean(pnl) / sqrt(mean(min(pnl, 0)²)); 0 where both are 0",
        lambda m: _risk_adjusted(m["pnl"], m["loss_squared"] ** 0.5),
    ),
    "max_drawdown": Metric(
        "points",
        "mean over games of the largest fall below the peak",
        lambda m: m["drawdown"],
        fewest_games=FOR_FALLS,
    ),
    "max_drawdown_share": Metric(
        "share",
        "mean over games of the largest fall as a share of its peak",
        lambda m: m["drawdown_share"],
        fewest_games=FOR_FALLS,
    ),
    "ruin_probability": Metric(
        "share", "games with W ≤ 0.2 · W0 after any round", lambda m: m["ruined"], _every_game
    ),
    "trade_rate": Metric(
        "share", "rounds with an executed order", lambda m: m["trades"] / N_ROUNDS, _every_game
    ),
    "mean_size": Metric(
        "units",
        "units / executed orders",
        lambda m: ratio(m["units"], m["trades"]),
        fewest_games=FOR_RAREST,
    ),
    "valid_order_rate": Metric(
        "share",
        "executed orders / orders given (passes are none)",
        lambda m: ratio(m["trades"], m["trades"] + m["rejections"]),
        lambda m: min(1.0, m["trades"] + m["rejections"]),
    ),
    "rejection_rate": Metric(
        "share",
        "rounds with a rejected order",
        lambda m: m["rejections"] / N_ROUNDS,
        _every_game,
    ),
    "fill_ratio": Metric(
        "share",
        "mean over executed orders of min(1, L / the side's total)",
        lambda m: ratio(m["fill_ratio"], m["trades"]),
        fewest_games=FOR_RARE,
    ),
    "mean_slippage": Metric(
        "points per unit",
        "mean over executed orders of |price − quote|",
        lambda m: ratio(m["slippage"], m["trades"]),
        fewest_games=FOR_RARE,
    ),
    "impact_per_unit": Metric(
        "points per unit",
        "all slippage paid / all units: slippage weighted by size",
        lambda m: ratio(m["impact_cost"], m["units"]),
        fewest_games=FOR_RARE,
    ),
}


CHARGED_METRICS: dict[str, Metric] = {
    "mean_payoff": Metric(
        "points per game", "mean(expected pnl − charge for risk), what is scored", _payoff
    ),
    "risk_charge": Metric("points per game", "mean charge for risk", lambda m: m["risk_charge"]),
}
"""Of games in which risk is charged for."""


def _held_deviation(m: Means) -> float:
    square = m["inventory_squared"] / N_ROUNDS - (m["inventory"] / N_ROUNDS) ** 2
    return max(square, 0.0) ** 0.5


INVENTORY_METRICS: dict[str, Metric] = {
    "mean_inventory": Metric(
        "units",
        "units held after a round, owed if negative: mean over rounds",
        lambda m: m["inventory"] / N_ROUNDS,
    ),
    "std_inventory": Metric("units", "standard deviation of the same over rounds", _held_deviation),
    "turnover": Metric("units per game", "units bought or sold", lambda m: m["units"]),
    "end_inventory": Metric(
        "units", "units held or owed at the game's end: mean size", lambda m: m["end_inventory"]
    ),
}
"""Of games in which units are carried."""

QUANTILE = 0.95
QUANTILES: dict[str, Metric] = {
    "max_drawdown_p95": Metric(
        "points", "95th percentile over games of the largest fall", lambda m: NAN
    ),
    "max_drawdown_share_p95": Metric(
        "share", "95th percentile over games of the largest share lost", lambda m: NAN
    ),
}
"""Not functions of means: read from histograms (`tally.Histogram`)."""
