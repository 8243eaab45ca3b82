"""What the games of a maker and takers came to: their metrics, and a result of them in words and
figures (docs/evaluation.md#the-maker-as-a-player).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cardjax.env.params import N_ROUNDS
from cardjax.evaluation.metrics import Means, Metric, ratio
from cardjax.evaluation.result import GAMES, SEEDS
from cardjax.evaluation.statistics import (
    FEWEST_GAMES,
    FEWEST_SEEDS,
    Estimate,
    Interval,
    over_seeds,
    trimmed,
)


def _markup(m: Means) -> float:
    return ratio(
        m["offset"] - m["competitive_offset"], m["monopoly_offset"] - m["competitive_offset"]
    )


PLAYED: dict[str, Metric] = {
    "maker_score": Metric(
        "share",
        "what the maker's quotes would earn against takers in equilibrium / what a monopolist's "
        "would: 1 is monopoly, about 0 competition",
        lambda m: ratio(m["profit"], m["monopoly"]),
    ),
    "maker_markup": Metric(
        "share",
        "where the maker's mean offset lies between competition's (0) and the monopolist's (1)",
        _markup,
    ),
    "maker_offset": Metric("points", "the maker's mean offset", lambda m: m["offset"] / N_ROUNDS),
    "maker_depth": Metric("units", "the mean depth of its sides", lambda m: m["depth"] / N_ROUNDS),
    "maker_pnl": Metric("points per game", "realised, with S: mean(pnl)", lambda m: m["maker_pnl"]),
    "maker_expected_pnl": Metric(
        "points per game",
        "the same with each trader's mean in place of S, and the mean number of noise traders",
        lambda m: m["maker_expected_pnl"],
    ),
    "maker_from_noise": Metric(
        "points per game",
        "what noise traders pay the maker, on average over them",
        lambda m: m["from_noise"],
    ),
    "maker_to_takers": Metric(
        "points per game",
        "what the maker loses to takers, who know more: the rest of its expected P&L",
        lambda m: m["from_noise"] - m["maker_expected_pnl"],
    ),
    "taker_score": Metric(
        "share",
        "takers' expected pnl / that of the equilibrium at the quotes that they met",
        lambda m: ratio(m["value"], m["equilibrium"]),
    ),
    "taker_expected_pnl": Metric(
        "points per game",
        "a taker's expected P&L, averaged over the takers' probabilities",
        lambda m: m["value"],
    ),
    "taker_pnl": Metric("points per game", "realised, with S", lambda m: m["taker_pnl"]),
    "taker_exploitability": Metric(
        "points per game",
        "a best reply's expected pnl at the quotes that were met, less the taker's own",
        lambda m: m["reply"] - m["value"],
    ),
    "taker_exploitability_share": Metric(
        "share",
        "the same / the equilibrium's payoff",
        lambda m: ratio(m["reply"] - m["value"], m["equilibrium"]),
    ),
}
"""Every metric of these games, by name, as `metrics.METRICS`; columns are per game."""

REPLIED: dict[str, Metric] = {
    "maker_exploitability": Metric(
        "points per game",
        "what a best reply to these takers would earn the maker, less what its quotes do",
        lambda m: m["maker_reply"] - m["maker_value"],
        deciding=lambda m: m["gains"],
    ),
    "maker_exploitability_share": Metric(
        "share",
        "the same / what the best reply would earn",
        lambda m: ratio(m["maker_reply"] - m["maker_value"], m["maker_reply"]),
        deciding=lambda m: m["gains"],
    ),
}
"""Those of the first REPLIED_GAMES."""


SCORES = ("maker_score", "taker_score")
"""That of each role."""


@dataclasses.dataclass(frozen=True)
class QuotingResult:
    """What games of a maker and takers came to."""

    metrics: Mapping[str, Interval]
    """every one of PLAYED, and of REPLIED if there were replies, by name; over training seeds where
    there are several.
    """
    n_seeds: int
    n_games: int
    n_replied: int
    """in so many of the games the maker's best reply was computed."""
    by_seed: Mapping[str, Sequence[Estimate]] = dataclasses.field(default_factory=dict)
    """of SCORES, one a training seed and then that of all seeds' games together."""

    def in_words(self) -> str:
        """What the intervals are over, or why there are none."""
        if self.n_games < FEWEST_GAMES:
            return f"no intervals: they need {FEWEST_GAMES} games"
        n_games = f"{self.n_games:,} games"
        if few := min(self.n_games, self.n_replied):
            n_games += f" (of the maker's best reply, the first {few})"
        if self.n_seeds == 1:
            return f"± is a 95% interval over {n_games}"
        if self.n_seeds < FEWEST_SEEDS:
            return f"no intervals: they need {FEWEST_SEEDS} training seeds, here are {self.n_seeds}"
        return (
            f"± is a 95% interval over {self.n_seeds} training seeds and {n_games} that they share"
        )

    def as_json(self) -> dict[str, Any]:
        """The entry of summary.json's `results`: every metric, NAME_ci95 its interval; `score` is
        the lower one of both roles', and P&L is a taker's.
        """
        lower = min(SCORES, key=lambda name: _known(self.metrics[name]))
        pnl = self.metrics["taker_pnl"]
        figures = {"score": self.metrics[lower], "mean_pnl": pnl, **self.metrics}
        if self.n_seeds > 1 and self.by_seed:
            *seeds, together = self.by_seed[lower]
            figures["score_iqm"] = over_seeds(seeds, together, trimmed)
        scores = [estimate.value for estimate in self.by_seed.get(lower, ())[:-1]]
        return {
            "opponent": "self",
            **{name: interval.mean for name, interval in figures.items()},
            **{f"{name}_ci95": [x.low, x.high] for name, x in figures.items()},
            "ci95": [pnl.low, pnl.high],
            "unit": SEEDS if self.n_seeds > 1 else GAMES,
            "n_units": self.n_seeds if self.n_seeds > 1 else self.n_games,
            "n_games": self.n_games,
            "score_by_seed": scores,
        }


def _known(score: Interval) -> float:
    """A score to compare by; one that is unknown (there was nothing to earn) is never the lower."""
    return float("inf") if np.isnan(score.mean) else score.mean
