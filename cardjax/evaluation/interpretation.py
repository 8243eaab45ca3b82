"""What a figure says, in a line: for people who read a report and not the code."""

from collections.abc import Mapping, Sequence
from typing import Any

from cardjax.evaluation.metrics import METRICS, QUANTILES, against_self

UNITS = {name: metric.unit for name, metric in {**METRICS, **QUANTILES, **against_self(2)}.items()}
FORMULAS = {
    name: metric.doc for name, metric in {**METRICS, **QUANTILES, **against_self(2)}.items()
}


def sentence(name: str, entry: Mapping[str, Any]) -> str:
    """One line about a metric of a result's JSON entry, with what would be good or bad; "" where
    there is no figure.
    """
    value, bounds = entry.get(name), entry.get(f"{name}_ci95", [None, None])
    return "" if value is None else _SENTENCES.get(name, _plain)(value, bounds, entry)


def _plain(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    return ""


def _score(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    if value < 0:
        return "Loses money in expectation; passing for ever scores 0."
    shrinkage = entry.get("score_interval_shrinkage")
    known = (
        f" Game by game it is known {shrinkage:.0f} times better than the realised score."
        if shrinkage
        else ""
    )
    return _of_benchmark(value, bounds) + known


def _of_benchmark(value: float, bounds: Sequence[Any]) -> str:
    short = f"Earns {value:.1%} of what the exact benchmark earns on the same draws"
    if bounds[0] is not None and bounds[0] <= 1 <= bounds[1]:
        return f"{short}: not to be told apart from it."
    return f"{short}; 1 would be perfect."


def _pnl(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    if bounds[0] is None:
        return "One training seed in one set of games: no interval."
    sign = (
        "may be 0 or of either sign"
        if bounds[0] < 0 < bounds[1]
        else "has a sign that chance does not explain"
    )
    half = (bounds[1] - bounds[0]) / 2
    return (
        f"With luck in it: the interval is {half:.2g} points to either side, and the mean {sign}."
    )


def _expected(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    shrinkage = entry.get("interval_shrinkage")
    if not shrinkage:
        return "The P&L that its orders deserve, luck taken out."
    return f"The P&L that its orders deserve, luck taken out; game by game it varies {shrinkage:.1f} times less."


def _luck(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    if bounds[0] is None:
        return "Realised less deserved."
    inside = bounds[0] <= 0 <= bounds[1]
    return "Realised less deserved; 0 lies " + (
        "inside the interval, as it should."
        if inside
        else "outside of it, as one interval in twenty does by chance."
    )


def _ruin(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    return (
        "Nobody was ruined."
        if not value
        else f"One game in {1 / value:,.0f} falls to a fifth of its budget."
    )


def _exploitability(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    return f"An opponent that knew the policy would earn {value:.1%} of the equilibrium's payoff more than it does."


def _commons(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    if value < 0:
        return "Below the equilibrium: the players take more than even selfish play would."
    return f"{value:.0%} of the way from selfish play (0) to the players' joint optimum (1)."


def _surplus(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    return f"Together the players earn {value:.1%} of what they could if they acted as one."


def _valid(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    return (
        "Every order was valid." if value == 1 else f"{1 - value:.1%} of its orders were refused."
    )


def _sharpe(value: float, bounds: Sequence[Any], entry: Mapping[str, Any]) -> str:
    if value <= 0:
        return "No reward for its risk."
    return f"It takes about {(1.96 / value) ** 2:,.0f} games to tell its mean P&L from 0."


_SENTENCES = {
    "score": _score,
    "mean_pnl": _pnl,
    "mean_expected_pnl": _expected,
    "luck": _luck,
    "ruin_probability": _ruin,
    "exploitability_share": _exploitability,
    "commons_position": _commons,
    "joint_surplus": _surplus,
    "valid_order_rate": _valid,
    "sharpe": _sharpe,
    "regret": lambda value, bounds, entry: (
        "What a round costs against the benchmark's order; 0 would be perfect."
    ),
    "fill_ratio": lambda value, bounds, entry: (
        f"{value:.0%} of the flow that it trades in is within the true depth."
    ),
    "mean_slippage": lambda value, bounds, entry: (
        "What an executed order pays a unit beyond the quote."
    ),
    "impact_per_unit": lambda value, bounds, entry: "The same weighted by size: what a unit pays.",
    "trade_rate": lambda value, bounds, entry: (
        f"It trades in one round of {1 / value:.1f}." if value else "Never trades."
    ),
    "max_drawdown_p95": lambda value, bounds, entry: (
        "One game in twenty falls further than this from its peak."
    ),
    "sortino": lambda value, bounds, entry: "As Sharpe's ratio, with losses alone as risk.",
}
