"""A policy against opponents, scored against the exact benchmark on the same market draws. DESIGN.md, "Score"."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.market import CardMarket
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.evaluation.match import GameTotals, Seats, play_games
from cardjax.evaluation.statistics import Interval, ratio_interval, t_interval
from cardjax.policies.equilibrium import Equilibrium
from cardjax.policies.protocol import Policy

OPPONENTS = ("self", "random_valid", "ev_oracle", "level1", "equilibrium")
"""Whom a policy is measured against when nobody says otherwise; "self" takes every seat."""
VALIDATION, TEST = 1, 2
"""Domains of evaluation keys: training uses domain 0, so no evaluation draw is ever trained on."""
GAMES_AT_ONCE = 8192


@dataclasses.dataclass(frozen=True)
class Player:
    """A policy and its parameters, one entry for each training seed; a scripted player has one entry."""

    policy: Policy
    params: Sequence[Any]


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
        }


def domain_key(seed: int, domain: int) -> Array:
    """The root key of a seed in a domain: 0 training, 1 validation, 2 test."""
    return jax.random.fold_in(jax.random.key(seed), domain)


def evaluate(
    market: CardMarket,
    env_params: EnvParams,
    player: Player,
    opponents: Mapping[str, Policy],
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    progress: Callable[[int], object] = lambda games: None,
) -> list[Result]:
    """The player against itself ("self" among the opponents) and against scripted opponents.

    Args:
        market: one player or more; a single player's only opponent is "self".
        opponents: name → policy, in the order of the results; the policy of "self" is not looked at.
        n_games: games for each opponent and training seed; all of them on the same market draws.
        seed: of those draws.
        progress: called with the number of games done after each batch.

    Raises:
        ValueError: no games.
    """
    if n_games < 1:
        raise ValueError(f"n_games = {n_games}: must be at least 1")
    market = dataclasses.replace(market, squeeze=False)
    size = min(n_games, GAMES_AT_ONCE)
    benchmark = jax.jit(partial(_payoffs, market, Equilibrium(), None, n_games=size))
    plays = {
        name: jax.jit(partial(_payoffs, market, player.policy, policy_of(name, opponents), n_games=size))
        for name in opponents
    }
    yardstick: list[np.ndarray] = []
    totals: dict[str, list[list[GameTotals]]] = {name: [[] for _ in player.params] for name in opponents}
    for key, n in _batches(domain_key(seed, domain), n_games):
        yardstick.append(np.asarray(benchmark(env_params, env_params, key).expected_pnl)[:n])
        for name, play in plays.items():
            for i, params in enumerate(player.params):
                totals[name][i].append(jax.tree.map(lambda x, n=n: np.asarray(x)[:n], play(params, env_params, key)))
            progress(n)
    joined = {name: [_join(parts) for parts in rows] for name, rows in totals.items()}
    return [_result(name, rows, np.concatenate(yardstick)) for name, rows in joined.items()]


def policy_of(name: str, opponents: Mapping[str, Policy]) -> Policy | None:
    """The policy behind an opponent's name; None for "self"."""
    return None if name == "self" else opponents[name]


def _payoffs(
    market: CardMarket, policy: Policy, opponent: Policy | None, params: Any, env_params: EnvParams, key: Array,
    n_games: int,
) -> GameTotals:  # fmt: skip
    """One batch of games, each total averaged over the policy's seats: leaves [games]."""
    n_own = market.n_players if opponent is None else 1
    seats = [Seats(policy, params, n_own)]
    if opponent is not None:
        seats.append(Seats(opponent, env_params, market.n_players - 1))
    totals = play_games(market, seats, env_params, key, n_games)
    return jax.tree.map(lambda leaf: leaf[:, :n_own].mean(-1), totals)


def _batches(key: Array, n_games: int) -> Iterator[tuple[Array, int]]:
    """(key, how many of its games count): full batches, so that one compiled program serves all."""
    for i, start in enumerate(range(0, n_games, GAMES_AT_ONCE)):
        yield jax.random.fold_in(key, i), min(GAMES_AT_ONCE, n_games - start)


def _join(parts: list[GameTotals]) -> GameTotals:
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def _result(name: str, rows: list[GameTotals], yardstick: np.ndarray) -> Result:
    """Intervals over training seeds where there are several, over games for one scripted player or one seed."""
    if len(rows) > 1:
        pnl, expected = (np.array([getattr(row, field).mean() for row in rows]) for field in ("pnl", "expected_pnl"))
        scores = t_interval(expected / yardstick.mean()) if yardstick.mean() else _no_score()
        unit = "training seeds"
    else:
        pnl, expected = np.asarray(rows[0].pnl), np.asarray(rows[0].expected_pnl)
        scores = ratio_interval(expected, yardstick) if yardstick.mean() else _no_score()
        unit = "games"
    return Result(name, t_interval(pnl), t_interval(expected), scores, _metrics(rows), unit, len(pnl))


def _no_score() -> Interval:
    return Interval(float("nan"), None, None)


def _metrics(rows: list[GameTotals]) -> dict[str, float]:
    """Plain means over all games, seeds and the policy's seats; per-trade ones are null without a trade."""
    total = jax.tree.map(lambda leaf: leaf.astype(np.float64), _join(rows))
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


def self_play_score(
    market: CardMarket, env_params: EnvParams, policy: Policy, n_games: int, seed: int = 0
) -> Callable[[Any], Array]:
    """A compiled function from stacked weights [seeds, …] to each seed's greedy self-play score [seeds].

    On validation draws, in whole batches of at most GAMES_AT_ONCE; the benchmark on them is computed once, here.
    """
    market = dataclasses.replace(market, squeeze=False)
    batches = list(_batches(domain_key(seed, VALIDATION), n_games))
    keys = jnp.stack([key for key, _ in batches])
    size = min(n_games, GAMES_AT_ONCE)
    payoff = partial(_mean_payoff, market, env_params=env_params, keys=keys, n_games=size)
    yardstick = jax.jit(partial(payoff, Equilibrium()))(env_params)
    scale = jnp.where(yardstick == 0, jnp.nan, yardstick)
    return jax.jit(lambda weights: jax.lax.map(lambda w: payoff(policy, w), weights) / scale)


def _mean_payoff(
    market: CardMarket, policy: Policy, params: Any, env_params: EnvParams, keys: Array, n_games: int
) -> Array:
    def batch(key: Array) -> Array:
        return _payoffs(market, policy, None, params, env_params, key, n_games).expected_pnl.mean()

    return jax.lax.map(batch, keys).mean()
