"""Two policies on common random numbers, and any number of them against each other."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.differences import (
    Versus,
    difference_interval,
    effect_interval,
    improvement_interval,
    versus,
)
from cardjax.evaluation.evaluate import SELF, TEST, Player, as_player, evaluate, games_in_batches
from cardjax.evaluation.match import GameTotals
from cardjax.evaluation.metrics import payoff_of
from cardjax.evaluation.result import GAMES, SEEDS, Result
from cardjax.evaluation.statistics import FEWEST_DECIDING, FEWEST_GAMES, FEWEST_SEEDS, Interval
from cardjax.evaluation.tally import Tally
from cardjax.policies.policy import Policy, prepared

FIGURES = ("expected_pnl", "pnl", "effect", "improvement")
"""Those of a `Comparison` that have intervals."""


class Comparison(NamedTuple):
    """What one policy has over another, on the same market draws."""

    pnl: Interval
    """realised P&L of the first less the second's, points per game."""
    expected_pnl: Interval
    """the same of the conditional means, less the charge for risk where there is one."""
    effect: Interval
    """that of `expected_pnl`, standardised (`differences.effect_interval`)."""
    improvement: Interval
    """probability that a training seed of the first has a larger mean expected P&L than one of the
    second.
    """
    fewer_games: float
    """how many times more games unpaired draws would need for as narrow an interval of
    `expected_pnl` over games.
    """
    error: Versus
    """what the error of `expected_pnl` is made of."""

    def as_json(self) -> dict[str, Any]:
        """The entry of a --json file: every figure, NAME_ci95 its interval."""
        figures = {name: getattr(self, name) for name in FIGURES}
        return {
            "unit": self.unit,
            "n_units": self.n_units,
            "n_seeds": list(self.n_seeds),
            **{name: figure.mean for name, figure in figures.items()},
            **{f"{name}_ci95": list(figure[1:]) for name, figure in figures.items()},
            "fewer_games": self.fewer_games,
        }

    def draws_in_words(self) -> str:
        """How much the draws save that both policies meet."""
        if math.isinf(self.fewer_games):
            return "all games: the two earn the same in each"
        return f"{self.fewer_games:.1f} times the games"

    @property
    def n_seeds(self) -> tuple[int, int]:
        """Of each side; 1 for a single policy."""
        return self.error.n_seeds

    @property
    def unit(self) -> str:
        """What the intervals run over."""
        return SEEDS if max(self.n_seeds) > 1 else GAMES

    @property
    def n_units(self) -> int:
        """Of the side with fewer, among those that have several."""
        several = [n for n in self.n_seeds if n > 1]
        return min(several) if several else self.error.n_games

    def in_words(self) -> str:
        """What the intervals are over, or why there are none."""
        if self.error.n_games < FEWEST_GAMES:
            return f"no intervals: they need {FEWEST_GAMES} games"
        if not self.error.differ_enough:
            return (
                f"no intervals: they need {FEWEST_DECIDING} games in which the two differ, "
                f"here are {self.error.n_deciding}"
            )
        if not self.error.has_interval:
            return f"no intervals: they need {FEWEST_SEEDS} training seeds on a side with several"
        games = f"{self.error.n_games:,} games that both sides play"
        if self.unit == GAMES:
            return f"± is a 95% interval over {games}, of these two policies as they are"
        seeds = " and ".join(f"{n:,}" for n in self.n_seeds if n > 1)
        return f"± is a 95% interval over {seeds} training seeds and {games}"


def compare(
    market: CardMarket,
    env_params: EnvParams,
    first: Player,
    second: Player,
    opponent: "Policy | Player | None",
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    progress: Callable[[int], object] = lambda games: None,
) -> Comparison:
    """Play both policies against an opponent (None: each against itself) in the very same markets.

    One seed each: intervals run over games, of the paired differences. Where a side has several
    training seeds, these are units (seeds of two sides are not paired), and the games, which all
    seeds and both sides play, are paired within them.

    Raises:
        ValueError: no games.
    """
    players = (first, second)
    rivals = (
        {SELF: Player(first.policy, [None])}
        if opponent is None
        else {"the opponent": as_player(opponent)}
    )
    kept: dict[str, Tally] = {}
    deciding, n_first = 0, len(first.params)
    streams = [
        games_in_batches(market, env_params, player, rivals, n_games, seed, domain)
        for player in players
    ]
    for batches in zip(*streams, strict=True):
        games = [_means(seed, opponent is None) for side in batches for seed in side]
        for name in QUANTITIES:
            tally = Tally.of({str(i): means[name] for i, means in enumerate(games)})
            kept[name] = kept[name] + tally if name in kept else tally
        expected = np.stack([means["expected_pnl"] for means in games])
        deciding += int((expected[:n_first].mean(0) != expected[n_first:].mean(0)).sum())
        progress(len(games[0]["pnl"]) * len(games))
    return compared(kept, n_first, deciding)


QUANTITIES = ("pnl", "expected_pnl")


def cross_play(
    market: CardMarket,
    env_params: EnvParams,
    players: Mapping[str, Player],
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    progress: Callable[[int], object] = lambda games: None,
) -> dict[str, list[Result]]:
    """Every player at the first seat against every player at the others, on the same draws, by one
    compiled program.

    Seed i of a player meets seed i of the other, from the first one again where that has fewer; a
    player meets itself with the same weights at all seats.

    Returns:
        By the first seat's player its results against all, in the order of `players`; that
        against itself has the exact values of self-play, such as exploitability.
    """
    policies = tuple(player.policy for player in players.values())
    table = {}
    for row, (name, player) in enumerate(players.items()):
        own = Player(
            OneOf(policies),
            [
                (np.int32(row), _entries(players, env_params, row, i))
                for i in range(len(player.params))
            ],
        )
        opponents: dict[str, Policy | Player] = {**players, SELF: player}
        *results, by_itself = evaluate(
            market, env_params, own, opponents, n_games, seed, domain, progress
        )
        results[row] = dataclasses.replace(results[row], against_self=by_itself.against_self)
        table[name] = results
    return table


def _entries(
    players: Mapping[str, Player], env_params: EnvParams, row: int, i: int
) -> tuple[Any, ...]:
    """Parameters for every policy of a OneOf: the row's are its seed i's, the others' are not
    looked at.
    """
    chosen = [
        (player.policy, player.params[i if k == row else 0])
        for k, player in enumerate(players.values())
    ]
    return tuple(
        prepared(policy, env_params) if params is None else params for policy, params in chosen
    )


def _means(totals: GameTotals, in_self_play: bool) -> dict[str, np.ndarray]:
    """QUANTITIES of each game [games], mean over the policy's own seats."""
    seats = slice(None) if in_self_play else slice(1)
    return {
        "pnl": np.asarray(totals.pnl, np.float64)[:, seats].mean(-1),
        "expected_pnl": payoff_of(totals)[:, seats].mean(-1),
    }


def compared(kept: Mapping[str, Tally], n_first: int, n_deciding: int) -> Comparison:
    """From tallies of QUANTITIES, which have a column for each seed of the first side and then for
    each of the second.

    Args:
        kept: the tallies by the quantity's name.
        n_first: the first side's seeds.
        n_deciding: games in which the sides' expected P&L differs.
    """

    def pair_of(tally: Tally) -> Versus:
        pair = versus(tally.mean[:n_first], tally.mean[n_first:], tally.covariance(), tally.n)
        return pair._replace(n_deciding=n_deciding)

    errors, expected = {name: pair_of(tally) for name, tally in kept.items()}, kept["expected_pnl"]
    effect = effect_interval(errors["expected_pnl"])
    covariance = expected.covariance()
    apart = covariance[0, 0] + covariance[n_first, n_first]
    together = apart - 2 * covariance[0, n_first]
    return Comparison(
        difference_interval(errors["pnl"]),
        difference_interval(errors["expected_pnl"]),
        effect,
        improvement_interval(expected.mean[:n_first], expected.mean[n_first:], effect),
        float(apart / together) if together > 1e-12 * apart else float("inf"),
        errors["expected_pnl"],
    )
