"""Two policies on common random numbers, and any number of them against each other."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.evaluate import SELF, TEST, Player, as_player, evaluate, games_in_batches
from cardjax.evaluation.result import GAMES, SEEDS, Result
from cardjax.evaluation.statistics import (
    Interval,
    bootstrap_interval,
    delta_interval,
    improvement_probability,
    welch_interval,
    with_common_draws,
)
from cardjax.evaluation.tally import Tally
from cardjax.policies.protocol import Policy, prepared


class Comparison(NamedTuple):
    """What one policy has over another, on the same market draws."""

    pnl: Interval
    """realised P&L of the first less the second's, points a game."""
    expected_pnl: Interval
    """the same of the conditional means."""
    unit: str
    n_units: int
    fewer_games: float
    """how many times more games unpaired draws would need for as narrow an interval of
    `expected_pnl` over games.
    """
    improvement: Interval
    """probability that a training seed of the first has a larger mean expected P&L than one of the
    second.
    """


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

    One seed each: intervals run over games, of the paired differences. Several: over training
    seeds, which are not paired (Welch's interval of the difference of means, widened by that of the
    paired games that all of them play).

    Raises:
        ValueError: no games.
    """
    players = (first, second)
    rivals = (
        {SELF: Player(first.policy, [None])}
        if opponent is None
        else {"the opponent": as_player(opponent)}
    )
    tallies: dict[tuple[int, int], Tally] = {}
    streams = [
        games_in_batches(market, env_params, player, rivals, n_games, seed, domain)
        for player in players
    ]
    for batches in zip(*streams, strict=True):
        columns = [[_columns(games, opponent is None) for games in seeds] for seeds in batches]
        for i, a in enumerate(columns[0]):
            for j, b in enumerate(columns[1] if i == 0 else columns[1][:1]):
                tally = Tally.of(
                    {
                        f"{name}_{side}": x
                        for side, own in (("a", a), ("b", b))
                        for name, x in own.items()
                    }
                )
                tallies[i, j] = tallies[i, j] + tally if (i, j) in tallies else tally
        progress(len(columns[0][0]["pnl"]) * sum(map(len, columns)))
    return _compared(tallies, len(first.params), len(second.params))


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
        By the first seat's player its results against all, in the order of `players`.
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
        table[name] = evaluate(
            market, env_params, own, dict(players), n_games, seed, domain, progress
        )
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


def _columns(totals: Any, in_self_play: bool) -> dict[str, np.ndarray]:
    seats = slice(None) if in_self_play else slice(1)
    return {
        name: np.asarray(getattr(totals, name), np.float64)[:, seats].mean(-1)
        for name in ("pnl", "expected_pnl")
    }


def _compared(tallies: Mapping[tuple[int, int], Tally], n_first: int, n_second: int) -> Comparison:
    pair = tallies[0, 0]
    difference = delta_interval(lambda m: m["expected_pnl_a"] - m["expected_pnl_b"], pair)
    realised = delta_interval(lambda m: m["pnl_a"] - m["pnl_b"], pair)
    apart = pair.std("expected_pnl_a") ** 2 + pair.std("expected_pnl_b") ** 2
    i, j = pair.columns.index("expected_pnl_a"), pair.columns.index("expected_pnl_b")
    together = apart - 2 * pair.covariance()[i, j]
    means = {
        name: (_means(tallies, f"{name}_a", n_first, 0), _means(tallies, f"{name}_b", n_second, 1))
        for name in ("pnl", "expected_pnl")
    }
    improvement = bootstrap_interval(improvement_probability, *means["expected_pnl"])
    fewer = float(apart / together) if together > 1e-12 * apart else float("inf")
    if n_first == n_second == 1:
        return Comparison(realised, difference, GAMES, pair.n, fewer, improvement)
    over_seeds = {name: welch_interval(*means[name]) for name in means}
    return Comparison(
        with_common_draws(over_seeds["pnl"], [realised]),
        with_common_draws(over_seeds["expected_pnl"], [difference]),
        SEEDS,
        min(n_first, n_second),
        fewer,
        improvement,
    )


def _means(tallies: Mapping[tuple[int, int], Tally], column: str, n: int, side: int) -> np.ndarray:
    """Of each seed of one side, [n, 1]."""
    return np.array([[tallies[(i, 0) if side == 0 else (0, i)].means[column]] for i in range(n)])
