"""What a figure says, in a sentence: for people who read a report and not the code."""

from collections.abc import Mapping, Sequence
from typing import Any

from cardjax.evaluation.exact_metrics import against_self
from cardjax.evaluation.metrics import (
    CHARGED_METRICS,
    INVENTORY_METRICS,
    METRICS,
    QUANTILES,
)
from cardjax.evaluation.quoting_result import PLAYED, REPLIED

AT_SEAT = "exploitability_seat_"
_MOST_PLAYERS = 16
_EVERY = {
    **METRICS,
    **CHARGED_METRICS,
    **INVENTORY_METRICS,
    **QUANTILES,
    **against_self(_MOST_PLAYERS, by_seat=True),
    **PLAYED,
    **REPLIED,
}
UNITS = {name: metric.unit for name, metric in _EVERY.items()}
FORMULAS = {name: metric.doc for name, metric in _EVERY.items()}
Bounds = Sequence[Any]
"""The ends of a 95% interval, or None twice."""


def sentence(name: str, entry: Mapping[str, Any]) -> str:
    """One line about a metric of a result's JSON entry, with what would be good or bad; "" where
    there is no figure, or none that is worth showing.
    """
    value, bounds = entry.get(name), entry.get(f"{name}_ci95", [None, None])
    if value is None or not is_told(name, bounds):
        return ""
    if name.startswith(AT_SEAT):
        return _gain_at(int(name.removeprefix(AT_SEAT)), value)
    said = _SENTENCES.get(name)
    return FORMULAS[name] if said is None else said(value, bounds, entry)


def is_told(name: str, bounds: Bounds) -> bool:
    """Whether a figure is worth showing: a position between equilibrium (0) and joint optimum (1)
    is noise unless it is known to half of the way between them.
    """
    if name != "commons_position":
        return True
    return _half_width(bounds) < 0.5


def _half_width(bounds: Bounds) -> float:
    low, high = bounds
    return float("inf") if low is None or high is None else (high - low) / 2


def _holds(bounds: Bounds, value: float) -> bool:
    low, high = bounds
    return low is not None and high is not None and bool(low <= value <= high)


def _score(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    if value < 0:
        return "Loses money in expectation; passing forever scores 0."
    shrinkage = entry.get("score_interval_shrinkage")
    known = (
        f" Game by game it is known {shrinkage:.0f} times better than the realised score."
        if shrinkage
        else ""
    )
    return _of_benchmark(value, bounds) + known


def _of_benchmark(value: float, bounds: Bounds) -> str:
    short = f"Earns {value:.1%} of what the exact benchmark earns on the same draws"
    if _holds(bounds, 1):
        return f"{short}, which cannot be told apart from it."
    if value > 1:
        return (
            f"{short}: more than the symmetric equilibrium pays, as players can who hold back "
            "together, who share the depth unequally, or whose opponents leave it unused."
        )
    return f"{short}; 1 is the optimum of a single player or the symmetric equilibrium of several."


def _end(which: str, value: float, bounds: Bounds) -> str:
    same = f"The {which} pure equilibrium of every round pays what the symmetric one pays."
    if _holds(bounds, 1) or abs(value - 1) < 5e-4:
        return same
    relation = "more" if value > 1 else "less"
    return (
        f"The {which} pure equilibrium of every round, mostly asymmetric, pays "
        f"{abs(value - 1):.1%} {relation} than the symmetric one."
    )


def _score_of_end(which: str, value: float) -> str:
    return f"Earns {value:.1%} of what the {which} pure equilibrium of every round pays."


def _pnl(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    if bounds[0] is None:
        return "One training seed in one set of games: no interval."
    sign = (
        "may be 0 or of either sign"
        if bounds[0] < 0 < bounds[1]
        else "has a sign that chance does not explain"
    )
    half = _half_width(bounds)
    return (
        f"With luck in it: the interval is {half:.2g} points to either side, and the mean {sign}."
    )


def _expected(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    shrinkage = entry.get("interval_shrinkage")
    plain = "The P&L that its orders deserve, luck taken out"
    return (
        f"{plain}; game by game it varies {shrinkage:.1f} times less." if shrinkage else plain + "."
    )


def _luck(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    if bounds[0] is None:
        return "Realised less deserved."
    return "Realised less deserved; 0 lies " + (
        "inside the interval, as it should."
        if _holds(bounds, 0)
        else "outside of it, as one interval in twenty does by chance."
    )


def _ruin(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    if not value:
        return "Nobody was ruined."
    return f"One game in {1 / value:,.0f} falls to a fifth of its budget."


def _gain_at(seat: int, value: float) -> str:
    return (
        f"A best reply at seat {seat} earns {value:.3g} points per game more than the policy does."
    )


def _exploitability(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    if value <= 0 or _holds(bounds, 0):
        return "A best reply that knows the policy earns no more than the policy does."
    return (
        f"A best reply that knows the policy earns {value:.1%} of the benchmark's payoff more than "
        "the policy does."
    )


def _commons(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    if _holds(bounds, 0):
        return "Cannot be told apart from selfish play, the symmetric equilibrium (0)."
    if _holds(bounds, 1):
        return "Cannot be told apart from the players' joint optimum (1)."
    if value < 0:
        return (
            "The players together earn less than selfish play would: they order too much, too "
            "little, or in the wrong rounds."
        )
    return f"{value:.0%} of the way from selfish play (0) to the players' joint optimum (1)."


def _surplus(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    if value < 0:
        return "Together the players lose money, where acting as one they would earn it."
    return f"Together the players earn {value:.1%} of what they could if they acted as one."


def _valid(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    return (
        "Every order was valid." if value == 1 else f"{1 - value:.1%} of its orders were refused."
    )


def _refused(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    return (
        f"An order was refused in {value:.1%} of the rounds." if value else "No order was refused."
    )


def _sharpe(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    if value <= 0:
        return "No reward for its risk."
    return f"It takes about {(1.96 / value) ** 2:,.0f} games to tell its mean P&L from 0."


def _regret(value: float, bounds: Bounds, entry: Mapping[str, Any]) -> str:
    if value < 0 and not _holds(bounds, 0):
        return "Each round earns more than the benchmark does."
    return "What each round falls short of the benchmark; 0 is the benchmark itself."


_SENTENCES = {
    "score": _score,
    "realised_score": lambda value, bounds, entry: (
        "The score by realised P&L, with all its luck: the score says the same more precisely."
    ),
    "mean_pnl": _pnl,
    "mean_expected_pnl": _expected,
    "luck": _luck,
    "regret": _regret,
    "variance_pnl": lambda value, bounds, entry: "The spread of a game's P&L, squared.",
    "std_pnl": lambda value, bounds, entry: (
        f"Games typically end {value:.2g} points away from their mean, almost all of it luck."
    ),
    "sharpe": _sharpe,
    "sortino": lambda value, bounds, entry: "Like Sharpe's ratio, with losses alone as risk.",
    "max_drawdown": lambda value, bounds, entry: (
        f"In an average game, wealth falls {value:.2g} points below its peak at its worst."
    ),
    "max_drawdown_share": lambda value, bounds, entry: (
        f"In an average game, wealth falls {value:.1%} below its peak at its worst."
    ),
    "max_drawdown_p95": lambda value, bounds, entry: (
        "One game in twenty falls further than this below its peak."
    ),
    "max_drawdown_share_p95": lambda value, bounds, entry: (
        f"One game in twenty loses more than {value:.1%} of its peak."
    ),
    "ruin_probability": _ruin,
    "trade_rate": lambda value, bounds, entry: (
        f"Trades in one round of {1 / value:.1f}." if value else "Never trades."
    ),
    "mean_size": lambda value, bounds, entry: "The size of an average order; 10 is the largest.",
    "valid_order_rate": _valid,
    "rejection_rate": _refused,
    "fill_ratio": lambda value, bounds, entry: (
        f"{value:.0%} of the flow that it trades in is within the true depth."
    ),
    "mean_slippage": lambda value, bounds, entry: (
        "What an average order pays per unit beyond the quote."
    ),
    "impact_per_unit": lambda value, bounds, entry: (
        "What an average unit pays beyond the quote: large orders count for more."
    ),
    "mean_payoff": lambda value, bounds, entry: (
        "What its orders deserve, less the charge for the risk of holding them: what is scored."
    ),
    "risk_charge": lambda value, bounds, entry: "What the risk of its inventory costs, in points.",
    "mean_inventory": lambda value, bounds, entry: (
        "Units held on average; near 0 if it holds and owes alike."
    ),
    "std_inventory": lambda value, bounds, entry: (
        f"It typically holds or owes {value:.2g} units after a round."
    ),
    "turnover": lambda value, bounds, entry: "Units that it buys and sells in a game.",
    "end_inventory": lambda value, bounds, entry: "Units that it holds or owes at a game's end.",
    "exploitability": lambda value, bounds, entry: (
        "What a best reply that knows the policy earns more than it does, in points."
    ),
    "exploitability_share": _exploitability,
    "worst_equilibrium": lambda value, bounds, entry: _end("worst", value, bounds),
    "best_equilibrium": lambda value, bounds, entry: _end("best", value, bounds),
    "score_of_worst_equilibrium": lambda value, bounds, entry: _score_of_end("worst", value),
    "score_of_best_equilibrium": lambda value, bounds, entry: _score_of_end("best", value),
    "joint_surplus": _surplus,
    "commons_position": _commons,
    "maker_score": lambda value, bounds, entry: (
        f"Against takers in equilibrium, its quotes would earn {value:.1%} of a monopolist's."
    ),
    "maker_markup": lambda value, bounds, entry: (
        f"Its prices stand {value:.0%} of the way from competition's to a monopolist's."
    ),
    "maker_offset": lambda value, bounds, entry: (
        f"Its prices stand {value:.2g} points from its mean of S, on average."
    ),
    "maker_depth": lambda value, bounds, entry: (
        f"It offers {value:.2g} units on each side, on average."
    ),
    "maker_pnl": lambda value, bounds, entry: "What the maker earned, luck included.",
    "maker_expected_pnl": lambda value, bounds, entry: (
        "What the maker earned without luck: from noise traders, less what takers take from it."
    ),
    "maker_from_noise": lambda value, bounds, entry: (
        f"Noise traders pay the maker {value:.3g} points per game."
    ),
    "maker_to_takers": lambda value, bounds, entry: (
        f"Takers, who know more, take {value:.3g} points per game from the maker."
    ),
    "taker_score": lambda value, bounds, entry: (
        f"Takers earn {value:.1%} of what the equilibrium earns at the quotes that they met."
    ),
    "taker_expected_pnl": lambda value, bounds, entry: "What a taker's orders deserve.",
    "taker_pnl": lambda value, bounds, entry: "What a taker earned, luck included.",
    "taker_exploitability": lambda value, bounds, entry: (
        "What a best reply at these quotes earns more than a taker, in points."
    ),
    "taker_exploitability_share": _exploitability,
    "maker_exploitability": lambda value, bounds, entry: (
        "What the best quotes against these takers would earn the maker more, in points."
    ),
    "maker_exploitability_share": lambda value, bounds, entry: (
        f"The best quotes against these takers would earn {value:.1%} of their earnings more."
    ),
}
