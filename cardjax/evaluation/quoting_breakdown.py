"""What makers and takers earn by the kind of a round, in games whose maker is a player."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from cardjax.env.market import CardMarket
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.evaluation.breakdown import BY, Bin, Figure, added, bins_of, in_bins, per
from cardjax.evaluation.evaluate import TEST, Player
from cardjax.evaluation.metrics import SMALLEST_GAIN
from cardjax.evaluation.questions import Sums, tallies
from cardjax.evaluation.quoting import Maker, quoted_rounds

QUOTING_FIGURES = {
    "rounds": Figure("share of all rounds", lambda m: m["n"] / N_ROUNDS, (), is_rate=True),
    "maker_expected_pnl": Figure(
        "points per round",
        partial(per, lambda m: m["maker_expected_pnl"], "n"),
        ("n",),
        ("maker_expected_pnl",),
    ),
    "maker_score": Figure(
        "share", partial(per, lambda m: m["profit"], "monopoly"), ("monopoly",), ("maker_loss",)
    ),
    "maker_loss": Figure(
        "points per game", lambda m: m["maker_loss"], ("monopoly",), ("maker_loss",)
    ),
    "taker_expected_pnl": Figure(
        "points per round", partial(per, lambda m: m["value"], "n"), ("n",), ("value",)
    ),
    "taker_score": Figure(
        "share",
        partial(per, lambda m: m["value"], "equilibrium"),
        ("equilibrium",),
        ("taker_loss",),
    ),
    "taker_loss": Figure(
        "points per game", lambda m: m["taker_loss"], ("equilibrium",), ("taker_loss",)
    ),
}
"""As `breakdown.FIGURES`. `maker_loss` is what the quotes are worth less than the monopolist's
against takers in equilibrium, and `taker_loss` what a taker earns less than in the equilibrium at
the quotes that it met. Over all bins they add up to those of the game.
"""


def break_down_quoting(
    market: CardMarket,
    env_params: EnvParams,
    maker: Maker,
    takers: Player,
    by: Sequence[str],
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
) -> list[Bin]:
    """Both roles' rounds by what they were like, on the draws that `evaluate_quoting` plays.

    Args:
        market, env_params, maker, takers, n_games, seed, domain: as of `evaluate_quoting`.
        by: names in `breakdown.BY`; the bins are all combinations.

    Raises:
        ParameterError: the market's maker does not play.
        ValueError: no games.
    """
    kept: list[list[Sums]] = []
    for seeds in quoted_rounds(market, env_params, maker, takers, n_games, seed, domain):
        together = {name: np.mean([one[name] for one in seeds], 0) for name in seeds[0]}
        new = [_sums(own, by) for own in (seeds if len(seeds) == 1 else [*seeds, together])]
        kept = [added(*pair) for pair in zip(kept, new, strict=True)] if kept else new
    return in_bins(by, kept, QUOTING_FIGURES)


def _sums(rounds: Mapping[str, np.ndarray], by: Sequence[str]) -> list[Sums]:
    """Of each bin, the per-game sums that QUOTING_FIGURES read. (The kind of a round is the same
    for all seeds, and so is its mean over them.)
    """
    names = ("maker_expected_pnl", "profit", "monopoly", "value", "equilibrium")
    sums = {
        "n": np.ones(rounds["value"].shape),
        **{name: rounds[name] for name in names},
        "maker_loss": rounds["monopoly"] - rounds["profit"],
        "taker_loss": _loss(rounds["equilibrium"], rounds["value"]),
    }
    n_bins = math.prod(len(BY[name][1]) for name in by)
    return tallies(bins_of(by, rounds), n_bins, sums)


def _loss(best: np.ndarray, own: np.ndarray) -> np.ndarray:
    """best − own, but 0 where that is float32's rounding, so that it does not count as a round that
    makes a difference.
    """
    loss = best - own
    return np.where(np.abs(loss) > SMALLEST_GAIN * np.abs(best), loss, 0)
