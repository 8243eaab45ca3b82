"""P&L, score and loss by the kind of a round: its event, and how many cards were shown."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from cardjax.env.events import EVENT_KINDS
from cardjax.env.execution import position_of
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.evaluate import TEST, Player, as_player, game_batches
from cardjax.evaluation.figure_data import interval_over
from cardjax.evaluation.match import Seats, play_seats, risk_charge_of
from cardjax.evaluation.metrics import Means
from cardjax.evaluation.questions import Sums, has_enough_games, tallies
from cardjax.evaluation.statistics import Interval, rate_interval
from cardjax.evaluation.yardsticks import yardstick_of
from cardjax.policies.policy import Policy, prepared
from cardjax.policies.trivial import Pass

BY: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "event": ("event_kind", EVENT_KINDS),
    "hints": ("n_hints", (0, 1, 2, 3)),
}
"""What rounds may be sorted by: name → the step's info, and what its whole numbers stand for."""


def per(of: Callable[[Means], float], over: str, means: Means) -> float:
    """A figure divided by one of the means; NaN where that is 0."""
    return of(means) / means[over] if means[over] else math.nan


class Figure(NamedTuple):
    """What is said of a bin's rounds."""

    unit: str
    of: Callable[[Means], float]
    """from the means of the sums per game."""
    decided_by: Sequence[str]
    """the sums which must differ from 0 in FEWEST_DECIDING games for an interval: many rounds count
    for nothing if next to none of them is traded in."""
    unless_none: Sequence[str] = ()
    """further ones that may be 0 throughout."""
    is_rate: bool = False


FIGURES = {
    "rounds": Figure("share of all rounds", lambda m: m["n"] / N_ROUNDS, (), is_rate=True),
    "pnl": Figure("points per round", partial(per, lambda m: m["pnl"], "n"), ("n",), ("pnl",)),
    "expected_pnl": Figure(
        "points per round", partial(per, lambda m: m["expected"], "n"), ("n",), ("expected",)
    ),
    "score": Figure(
        "share", partial(per, lambda m: m["payoff"], "benchmark"), ("benchmark",), ("loss",)
    ),
    "loss": Figure("points per game", lambda m: m["loss"], ("benchmark",), ("loss",)),
}
"""`score` and `loss` are of expected P&L less the charge for risk, where there is one. `loss` is
what the bin's rounds cost against the exact benchmark on the same draws; over all bins it adds up
to ten times the regret. Both are NaN where there is no benchmark.
"""
OF_BENCHMARK = ("score", "loss")


class Bin(NamedTuple):
    """The rounds of one kind."""

    keys: Mapping[str, str | int]
    """what they were sorted by."""
    n_rounds: int
    figures: Mapping[str, Interval]
    """By name; without bounds where fewer than FEWEST_DECIDING games decide."""

    def as_json(self) -> dict[str, Any]:
        """One flat entry."""
        return {
            **self.keys,
            "n_rounds": self.n_rounds,
            **{name: figure.mean for name, figure in self.figures.items()},
            **{f"{name}_ci95": list(figure[1:]) for name, figure in self.figures.items()},
        }


def break_down(
    market: CardMarket,
    env_params: EnvParams,
    player: Player,
    opponent: "Policy | Player | None",
    by: Sequence[str],
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
) -> list[Bin]:
    """The player's rounds by what they were like, on the draws that `evaluate` plays.

    Args:
        opponent: takes the seats after the first; None is the player itself.
        by: names in BY; the bins are all combinations.

    Raises:
        ValueError: no games.
    """
    market = dataclasses.replace(market, squeeze=False)
    rival = None if opponent is None else as_player(opponent)
    players = [(player.policy, params) for params in player.params]
    best_policy = yardstick_of(market, env_params).policy
    n_bins = math.prod(len(BY[name][1]) for name in by)
    kept: list[list[Sums]] = []
    for key, size, n in game_batches(n_games, seed, domain):
        play = partial(_play, market, env_params, key, size)
        best = play((best_policy or Pass(), None), None)
        seeds = [
            play(
                one, None if rival is None else (rival.policy, rival.params[i % len(rival.params)])
            )
            for i, one in enumerate(players)
        ]
        together = [jax.tree.map(lambda *leaves: np.mean(leaves, 0), *seeds)]
        new = [
            _sums(own, best, by, n_bins, n) for own in seeds + (together if len(seeds) > 1 else [])
        ]
        kept = [added(*pair) for pair in zip(kept, new, strict=True)] if kept else new
    return in_bins(by, kept, FIGURES, () if best_policy else OF_BENCHMARK)


def in_bins(
    by: Sequence[str],
    seeds: Sequence[Sequence[Sums]],
    figures: Mapping[str, Figure],
    unknown: Sequence[str] = (),
) -> list[Bin]:
    """All combinations of what rounds are sorted by, with their figures.

    Args:
        by: names in BY.
        seeds: of each training seed, and at the end of all together if there are several, what is
            remembered of every bin.
        figures: by name.
        unknown: figures that are NaN.
    """
    labels = itertools.product(*(BY[name][1] for name in by))
    return [
        _bin(dict(zip(by, label, strict=True)), [own[i] for own in seeds], figures, unknown)
        for i, label in enumerate(labels)
    ]


def bins_of(by: Sequence[str], rounds: Mapping[str, np.ndarray]) -> np.ndarray:
    """Which of these combinations every round is, int [...]."""
    shape = tuple(len(BY[name][1]) for name in by)
    return np.ravel_multi_index([rounds[BY[name][0]].astype(np.int64) for name in by], shape)


def added(old: list[Sums], new: list[Sums]) -> list[Sums]:
    """What is remembered of every bin, of two batches together."""
    return [a + b for a, b in zip(old, new, strict=True)]


def _sums(
    own: Mapping[str, np.ndarray],
    best: Mapping[str, np.ndarray],
    by: Sequence[str],
    n_bins: int,
    n_games: int,
) -> list[Sums]:
    """Of each bin, the per-game sums that FIGURES read."""
    bins = bins_of(by, best)[:, :n_games]
    sums = {
        "n": np.ones(bins.shape),
        "pnl": own["pnl"][:, :n_games],
        "expected": own["expected"][:, :n_games],
        "payoff": own["payoff"][:, :n_games],
        "benchmark": best["payoff"][:, :n_games],
        "loss": np.subtract(best["payoff"], own["payoff"], dtype=np.float64)[:, :n_games],
    }
    return tallies(bins, n_bins, sums)


def _play(
    market: CardMarket,
    env_params: EnvParams,
    key: Array,
    n_games: int,
    first: tuple[Policy, ArrayTree],
    others: tuple[Policy, ArrayTree] | None,
) -> dict[str, np.ndarray]:
    """Every round of a batch, [10, games]: P&L, its conditional mean, and that less the charge for
    risk, averages over the first player's seats, and what rounds are sorted by.
    """
    (policy, own), (rival, theirs) = first, others or (None, None)
    params = tuple(
        prepared(one, env_params) if given is None and one is not None else given
        for one, given in ((policy, own), (rival, theirs))
    )
    rounds = _rounds(market, policy, rival, n_games, params, env_params, key)
    return {name: np.asarray(leaf) for name, leaf in rounds.items()}


@partial(jax.jit, static_argnums=range(4))
def _rounds(
    market: CardMarket,
    policy: Policy,
    rival: Policy | None,
    n_games: int,
    params: tuple[ArrayTree, ArrayTree],
    env_params: EnvParams,
    key: Array,
) -> dict[str, Array]:
    n_own = market.n_players if rival is None else 1
    seats = [Seats(policy, params[0], n_own)]
    if rival is not None:
        seats += [Seats(rival, params[1], market.n_players - 1)]

    def record(view: View, info: dict[str, Array]) -> dict[str, Array]:
        position = position_of(info["action"])
        expected = position * (info["mu"][:, None] - info["exec_price"])
        return {
            "pnl": info["pnl"][:, :n_own].mean(-1),
            "expected": expected[:, :n_own].mean(-1),
            "payoff": (expected - risk_charge_of(info, env_params))[:, :n_own].mean(-1),
            **{name: info[name] for name, _ in BY.values()},
        }

    return play_seats(market, seats, env_params, key, n_games, record)[1]


def _bin(
    keys: Mapping[str, str | int],
    seeds: Sequence[Sums],
    figures: Mapping[str, Figure],
    unknown: Sequence[str],
) -> Bin:
    intervals = {
        name: Interval(math.nan, None, None) if name in unknown else _interval(figure, seeds)
        for name, figure in figures.items()
    }
    return Bin(keys, seeds[0].n_rounds, intervals)


def _interval(figure: Figure, seeds: Sequence[Sums]) -> Interval:
    interval = interval_over(figure.of, [sums.tally for sums in seeds])
    if figure.is_rate:
        return rate_interval(interval, seeds[-1].tally.n)
    if has_enough_games(seeds, figure.decided_by, figure.unless_none):
        return interval
    return interval.without_bounds
