"""A policy against opponents, scored against the exact benchmark on the same market draws. DESIGN.md, "Score"."""

import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.exploitability import Switches, Valued, play_valued
from cardjax.evaluation.match import Seats, play_games
from cardjax.evaluation.result import Benchmark, Games, Result, result_of
from cardjax.policies.equilibrium import Equilibrium
from cardjax.policies.protocol import Policy

SELF, BENCHMARK, REPLY = "self", "the benchmark", "a best reply"
OPPONENTS = (SELF, "random_valid", "ev_oracle", "level1", "equilibrium")
"""Whom a policy is measured against when nobody says otherwise; "self" takes every seat."""
VALIDATION, TEST = 1, 2
"""Domains of evaluation keys: training uses domain 0, so no evaluation draw is ever trained on."""
GAMES_AT_ONCE = 8192
VALUED_GAMES = 16_384
"""Exact values are computed in the first so many games: they vary so little that more are not worth the time."""


@dataclasses.dataclass(frozen=True)
class Player:
    """A policy and its parameters, one entry for each training seed; a scripted player has one entry.

    An entry None is for a scripted policy: the parameters of the market that it plays in.
    """

    policy: Policy
    params: Sequence[Any]


class Match(NamedTuple):
    """Who plays and what is done: traced, so that one compiled program serves every match."""

    benchmark: bool = False
    """the equilibrium takes the player's place."""
    opponent: int = 0
    """which of the scripted opponents, where `switches.opposed`."""
    switches: Switches = Switches()


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

    The program that plays the games is compiled once in a process for a market, a policy and its opponents.

    Args:
        market: one player or more; a single player's only opponent is "self".
        opponents: name → policy, in the order of the results; the policy of "self" is not looked at.
        n_games: games for each opponent and training seed; all of them on the same market draws.
        seed: of those draws.
        progress: called with the number of games done after each batch.

    Raises:
        ValueError: no games.
    """
    grid = jax.tree.map(lambda leaf: np.asarray(leaf)[None], env_params)
    return evaluate_grid(market, grid, player, opponents, n_games, seed, domain, progress)[0]


def evaluate_grid(
    market: CardMarket,
    params_grid: EnvParams,
    player: Player,
    opponents: Mapping[str, Policy],
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    progress: Callable[[int], object] = lambda games: None,
) -> list[list[Result]]:
    """`evaluate` at every point of a grid of markets, by one compiled program: the results of each point.

    The program maps over the grid, as many points side by side (`vmap`) as keep games below GAMES_AT_ONCE. At each
    point the opponents and the benchmark play by that point's parameters; a player by the ones that it has, so that a
    policy trained at one alpha is seen at others.

    Args:
        params_grid: leaves [G, …], as `cardjax.env.params_grid` makes them.
    """
    if n_games < 1:
        raise ValueError(f"n_games = {n_games}: must be at least 1")
    market = dataclasses.replace(market, squeeze=False)
    scripted = tuple(policy for name, policy in opponents.items() if name != SELF)
    size = min(n_games, GAMES_AT_ONCE)
    play = partial(_play, market, player.policy, scripted, size, _points_at_once(params_grid, size))
    played: dict[tuple[str, int], list[Valued]] = collections.defaultdict(list)
    for batch, (key, n) in enumerate(_batches(domain_key(seed, domain), n_games)):
        exact = SELF in opponents and batch * GAMES_AT_ONCE < VALUED_GAMES
        for name, match in _matches(list(opponents), exact):
            for i, params in enumerate(player.params[:1] if match.benchmark else player.params):
                games = play(match, params, params_grid, key)
                played[name, i].append(jax.tree.map(lambda leaf, n=n: np.asarray(leaf)[:, :n], games))
            if name in opponents:
                progress(n)
    joined = {who: jax.tree.map(lambda *leaves: np.concatenate(leaves, 1), *parts) for who, parts in played.items()}
    points = range(len(joined[BENCHMARK, 0].joint))
    at = [{who: jax.tree.map(lambda leaf, g=g: leaf[g], games) for who, games in joined.items()} for g in points]
    return [_results(list(opponents), len(player.params), market.n_players, games) for games in at]


def _matches(names: list[str], exact: bool) -> Iterator[tuple[str, Match]]:
    """Every match of a batch, in order; `exact`: with exact values."""
    yield BENCHMARK, Match(benchmark=True, switches=Switches(valued=exact))
    scripted = [name for name in names if name != SELF]
    for name in names:
        if name != SELF:
            yield name, Match(opponent=scripted.index(name), switches=Switches(opposed=True))
            continue
        yield SELF, Match(switches=Switches(valued=exact))
        if exact:
            yield REPLY, Match(switches=Switches(valued=True, replies=True))


@partial(jax.jit, static_argnums=range(5))
def _play(
    market: CardMarket, policy: Policy, scripted: tuple[Policy, ...], n_games: int, points_at_once: int, match: Match,
    params: Any, params_grid: EnvParams, key: Array,
) -> Valued:  # fmt: skip
    """One batch of a match at every point of the grid: leaves [G, games], means over the player's seats."""
    at_first_seat = jnp.asarray(match.switches.opposed) | match.switches.replies

    def own(leaf: Array) -> Array:
        return jnp.where(at_first_seat, leaf[:, 0], leaf.mean(-1))

    def at_point(env_params: EnvParams) -> Valued:
        players = OneOf((policy, Equilibrium()))
        each = (env_params if params is None else params, env_params)
        player = Seats(players, (jnp.int32(match.benchmark), each), market.n_players)
        others = Seats(OneOf(scripted), (match.opponent, (env_params,) * len(scripted)), market.n_players - 1)
        games = play_valued(market, player, others if scripted else None, env_params, key, n_games, match.switches)
        return Valued(jax.tree.map(own, games.totals), own(games.value), games.joint)

    return jax.lax.map(at_point, params_grid, batch_size=points_at_once)


def _points_at_once(params_grid: EnvParams, size: int) -> int:
    """The largest divisor of the grid's length, so that all calls are alike, that keeps games below GAMES_AT_ONCE."""
    n_points = len(params_grid.alpha)
    return max(d for d in range(1, n_points + 1) if n_points % d == 0 and (d == 1 or d * size <= GAMES_AT_ONCE))


def _results(names: list[str], n_seeds: int, n_players: int, played: dict[tuple[str, int], Valued]) -> list[Result]:
    """One point's results, from leaves [games]."""
    n_exact = played[REPLY, 0].value.size if (REPLY, 0) in played else 0
    best = played[BENCHMARK, 0]
    benchmark = Benchmark(best.totals.expected_pnl, best.value[:n_exact], best.joint[:n_exact])

    def games_of(name: str, i: int) -> Games:
        totals, value, _ = played[name, i]
        if name != SELF:
            return Games(totals, value[:0], value[:0])
        return Games(totals, value[:n_exact], played[REPLY, i].value)

    return [result_of(name, [games_of(name, i) for i in range(n_seeds)], benchmark, n_players) for name in names]


def _batches(key: Array, n_games: int) -> Iterator[tuple[Array, int]]:
    """(key, how many of its games count): full batches, so that one compiled program serves all."""
    for i, start in enumerate(range(0, n_games, GAMES_AT_ONCE)):
        yield jax.random.fold_in(key, i), min(GAMES_AT_ONCE, n_games - start)


def self_play_payoff(market: CardMarket, policy: Policy, n_games: int, seed: int = 0) -> Callable[[Any, Any], Array]:
    """A compiled function from stacked parameters and games to greedy self-play's mean expected P&L a game [rows].

    Its arguments are the policy's parameters and EnvParams, leaves [rows, …] each. It plays on validation draws, in
    whole batches of at most GAMES_AT_ONCE; divided by the same of the benchmark, it is the score.
    """
    market = dataclasses.replace(market, squeeze=False)
    keys = jnp.stack([key for key, _ in _batches(domain_key(seed, VALIDATION), n_games)])
    payoff = partial(_mean_payoff, market, policy, keys=keys, n_games=min(n_games, GAMES_AT_ONCE))
    return jax.jit(lambda params, env_params: jax.lax.map(lambda row: payoff(*row), (params, env_params)))


def _mean_payoff(
    market: CardMarket, policy: Policy, params: Any, env_params: EnvParams, *, keys: Array, n_games: int
) -> Array:
    def batch(key: Array) -> Array:
        seats = [Seats(policy, params, market.n_players)]
        return play_games(market, seats, env_params, key, n_games).expected_pnl.mean()

    return jax.lax.map(batch, keys).mean()
