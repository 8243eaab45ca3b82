"""A policy against opponents, scored against the exact benchmark on the same market draws.

docs/evaluation.md#the-protocol
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.exact_metrics import exact_columns
from cardjax.evaluation.exploitability import Switches, Valued, play_valued
from cardjax.evaluation.match import GameTotals, Seats
from cardjax.evaluation.metrics import payoff_of
from cardjax.evaluation.result import Games, Result, result_of
from cardjax.evaluation.yardsticks import Yardstick, yardstick_of
from cardjax.policies.policy import Policy, prepared
from cardjax.policies.trivial import Pass

SELF, BENCHMARK, REPLY = "self", "the benchmark", "a best reply"
OPPONENTS = (SELF, "random_valid", "ev_oracle", "level1", "equilibrium")
"""Whom a policy is measured against when nobody says otherwise; "self" takes every seat."""
VALIDATION, TEST = 1, 2
"""Domains of evaluation keys: training uses domain 0, so no evaluation draw is ever trained on."""
GAMES_AT_ONCE = 8192
VALUED_GAMES = 16_384
"""Exact values are computed in the first so many games: they vary so little that more are not worth
the time.
"""


@dataclasses.dataclass(frozen=True)
class Player:
    """A policy and its parameters, one entry for each training seed; a scripted player has one
    entry.

    An entry None is for a scripted policy: the parameters of the market that it plays in.
    """

    policy: Policy
    params: Sequence[ArrayTree]


class Match(NamedTuple):
    """Who plays and what is done: traced, so that one compiled program serves every match."""

    benchmark: bool = False
    """the benchmark takes the player's place."""
    opponent: int = 0
    """which of the other opponents, where `switches.opposed`."""
    switches: Switches = Switches()


def domain_key(seed: int | Array, domain: int) -> Array:
    """The root key of a seed in a domain: 0 training, 1 validation, 2 test, 3 data sets."""
    return jax.random.fold_in(jax.random.key(seed), domain)


def evaluate(
    market: CardMarket,
    env_params: EnvParams,
    player: Player,
    opponents: Mapping[str, "Policy | Player"],
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    progress: Callable[[int], object] = lambda games: None,
) -> list[Result]:
    """The player against itself ("self" among the opponents) and against others, on common random
    numbers.

    The program that plays the games is compiled once in a process for a market, a policy and its
    opponents.

    Args:
        market: one player or more; a single player's only opponent is "self".
        opponents: name → scripted policy or player, in the order of the results; that of "self" is
            not looked at. The player's seed i meets a player's seed i, from the first one again
            where that has fewer.
        n_games: games for each opponent and training seed; all of them on the same market draws.
        seed: of those draws.
        progress: called after each batch with the number of games done, of all training seeds and
            markets: n_games · opponents · seeds · markets in the end.

    Raises:
        ValueError: no games.
    """
    grid = jax.tree.map(lambda leaf: np.asarray(leaf)[None], env_params)
    return evaluate_grid(market, grid, player, opponents, n_games, seed, domain, progress)[0]


def evaluate_grid(
    market: CardMarket,
    params_grid: EnvParams,
    player: Player,
    opponents: Mapping[str, "Policy | Player"],
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
    progress: Callable[[int], object] = lambda games: None,
    exact_values: bool = True,
) -> list[list[Result]]:
    """`evaluate` at every point of a grid of markets, by one compiled program: the results of each
    point.

    The program maps over the grid, as many points side by side (`vmap`) as keep games below
    GAMES_AT_ONCE. At each point the opponents and the benchmark play by that point's parameters; a
    player by the ones that it has, so that a policy trained at one alpha is seen at others.

    Args:
        params_grid: leaves [G, …], as `cardjax.env.params_grid` makes them.
        exact_values: whether self-play is valued exactly too (`Result.against_self`), which takes
            matches of its own.
    """
    if n_games < 1:
        raise ValueError(f"n_games = {n_games}: must be at least 1")
    market = dataclasses.replace(market, squeeze=False)
    rivals = {name: as_player(opponent) for name, opponent in opponents.items() if name != SELF}
    size = min(n_games, GAMES_AT_ONCE)
    yardstick = yardstick_of(market, params_grid)
    others, with_values = list(rivals.values()), exact_values and not yardstick.charged
    play = _program(market, params_grid, player, others, yardstick.policy, size, with_values)
    n_points = jnp.shape(params_grid.alpha)[0]
    n_replies = seats_replied_at(player.policy, market)
    memory = _Memory(list(opponents), len(player.params), n_replies, yardstick)
    for batch, (key, n) in enumerate(_batches(domain_key(seed, domain), n_games)):
        exact = with_values and SELF in opponents and batch * GAMES_AT_ONCE < VALUED_GAMES
        played: dict[tuple[str, int], Valued] = {}
        for name, match in _matches(list(opponents), exact, n_replies, yardstick):
            for i in range(1 if match.benchmark else len(player.params)):
                games = play(match, i, key)
                played[name, i] = jax.tree.map(lambda leaf, n=n: np.asarray(leaf)[:, :n], games)
            if name in opponents:
                progress(n * len(player.params) * n_points)
        memory.add(played, exact)
    return memory.results(market.n_players)


def games_in_batches(
    market: CardMarket,
    env_params: EnvParams,
    player: Player,
    opponents: Mapping[str, "Policy | Player"],
    n_games: int,
    seed: int = 0,
    domain: int = TEST,
) -> Iterator[list[GameTotals]]:
    """The player's games against one opponent ("self" or another), batch by batch: a seed's leaves
    [games, A].

    The same key gives every player the same markets, so that games compare one by one.

    Raises:
        ValueError: no games.
    """
    if n_games < 1:
        raise ValueError(f"n_games = {n_games}: must be at least 1")
    market = dataclasses.replace(market, squeeze=False)
    grid = jax.tree.map(lambda leaf: np.asarray(leaf)[None], env_params)
    rivals = [as_player(opponent) for name, opponent in opponents.items() if name != SELF]
    size = min(n_games, GAMES_AT_ONCE)
    play = _program(market, grid, player, rivals, None, size, with_values=False)
    match = Match(switches=Switches(opposed=bool(rivals)))
    for key, n in _batches(domain_key(seed, domain), n_games):
        seeds = []
        for i in range(len(player.params)):
            games = play(match, i, key)
            seeds.append(jax.tree.map(lambda leaf, n=n: np.asarray(leaf)[0, :n], games.totals))
        yield seeds


def as_player(opponent: "Policy | Player") -> Player:
    """A scripted policy as a player by the market's own parameters; a player as it is."""
    return opponent if isinstance(opponent, Player) else Player(opponent, [None])


def seats_replied_at(policy: Policy, market: CardMarket) -> int:
    """Seats that share their weights are alike, and one best reply tells all; of a policy with
    weights for each seat there is one at each.
    """
    each = policy.policies if isinstance(policy, OneOf) else (policy,)
    shared = all(getattr(one, "share_params", True) for one in each)
    return 1 if shared else market.n_players


class _Memory:
    """What is kept of all batches: of each point and opponent the games of each training seed, and
    those of all seeds together.
    """

    def __init__(
        self, opponents: list[str], n_seeds: int, n_replies: int, yardstick: Yardstick
    ) -> None:
        self.opponents, self.n_seeds, self.n_replies = opponents, n_seeds, n_replies
        self.yardstick = yardstick
        self.kept: dict[tuple[int, str], list[Games]] = {}

    def add(self, played: Mapping[tuple[str, int], Valued], exact: bool) -> None:
        """A batch: (opponent, seed) → leaves [G, games, …]."""
        seeds = range(self.n_seeds)
        groups = [[i] for i in seeds] + ([list(seeds)] if self.n_seeds > 1 else [])
        for point in range(len(next(iter(played.values())).exact.joint)):
            at = {
                who: jax.tree.map(lambda leaf, g=point: leaf[g], games)
                for who, games in played.items()
            }
            if not self.yardstick.charged:
                at = {who: _uncharged(games) for who, games in at.items()}
            for name in self.opponents:
                new = [
                    _games_of(at, name, group, self.n_replies if exact else 0) for group in groups
                ]
                old = self.kept.get((point, name))
                self.kept[point, name] = (
                    new if old is None else [a + b for a, b in zip(old, new, strict=True)]
                )

    def results(self, n_players: int) -> list[list[Result]]:
        """Of each point, in the order of the opponents."""

        def result(point: int, name: str) -> Result:
            games = self.kept[point, name]
            return result_of(name, games[: self.n_seeds], games[-1], n_players, self.yardstick)

        n_points = 1 + max(point for point, _ in self.kept)
        return [[result(point, name) for name in self.opponents] for point in range(n_points)]


def _games_of(
    played: Mapping[tuple[str, int], Valued], name: str, seeds: Sequence[int], n_replies: int
) -> Games:
    """The games of some seeds against one opponent, from a batch's leaves [games, seats]; all seeds
    play the same games, whose seats are then those of all seeds.
    """
    best, own = played.get((BENCHMARK, 0)), [played[name, i] for i in seeds]
    seats = slice(None) if name == SELF else slice(1)
    totals = jax.tree.map(
        lambda *leaves: np.concatenate([leaf[:, seats] for leaf in leaves], 1),
        *[games.totals for games in own],
    )
    if best is None:
        return Games.of(totals, None, None)
    yardstick = benchmark_of(best.totals)
    if name != SELF or not n_replies:
        return Games.of(totals, yardstick, None)
    values = np.mean([games.exact.value for games in own], 0)
    replies = np.stack(
        [
            np.mean([played[reply_at(k), i].exact.value[:, k] for i in seeds], 0)
            for k in range(n_replies)
        ],
        -1,
    )
    return Games.of(totals, yardstick, exact_columns(best.exact, values, replies))


def benchmark_of(best: GameTotals) -> np.ndarray:
    """What the benchmark's payoff is per player, float64 [games]: averaged as a policy's own is, so
    that it falls short of itself by exactly nothing.
    """
    return payoff_of(best).mean(-1)


def _uncharged(games: Valued) -> Valued:
    """Games in which nothing is charged for."""
    return games._replace(totals=games.totals._replace(risk_charge=None))


def reply_at(seat: int) -> str:
    """The name of the match in which a best reply sits at this seat."""
    return f"{REPLY} at seat {seat}"


def _matches(
    names: list[str], exact: bool, n_replies: int, yardstick: Yardstick
) -> Iterator[tuple[str, Match]]:
    """Every match of a batch, in order; `exact`: with exact values."""
    if yardstick.policy is not None:
        yield BENCHMARK, Match(benchmark=True, switches=Switches(valued=exact))
    others = [name for name in names if name != SELF]
    for name in names:
        if name != SELF:
            yield name, Match(opponent=others.index(name), switches=Switches(opposed=True))
            continue
        yield SELF, Match(switches=Switches(valued=exact))
        for seat in range(n_replies if exact else 0):
            yield reply_at(seat), Match(switches=Switches(valued=True, replies=True, seat=seat))


def _program(
    market: CardMarket,
    params_grid: EnvParams,
    player: Player,
    rivals: Sequence[Player],
    best: Policy | None,
    n_games: int,
    with_values: bool,
) -> Callable[[Match, int, Array], Valued]:
    """(match, which training seed, key) → one batch of games at every point of the grid.

    Whoever prepares for a market does so once for each point.

    Args:
        best: who plays the benchmark, if it is asked for.
        with_values: whether exact values may be asked for.
    """
    policies = (player.policy, best or Pass(), *(rival.policy for rival in rivals))
    by_seed = (player.params, [None], *(rival.params for rival in rivals))
    ready = [
        prepared_at(policy, params_grid) if any(one is None for one in params) else None
        for policy, params in zip(policies, by_seed, strict=True)
    ]
    points_at_once = _points_at_once(params_grid, n_games)

    def play(match: Match, seed: int, key: Array) -> Valued:
        params = [of_policy[seed % len(of_policy)] for of_policy in by_seed]
        return _play(
            market,
            policies,
            n_games,
            points_at_once,
            with_values,
            match,
            params,
            ready,
            params_grid,
            key,
        )

    return play


def prepared_at(policy: Policy, params_grid: EnvParams) -> ArrayTree:
    """The `params` of a scripted policy at every point of a grid of markets, leaves [G, …]."""
    if not hasattr(policy, "prepare"):
        return params_grid
    points = range(jnp.shape(params_grid.alpha)[0])
    made = [prepared(policy, jax.tree.map(lambda leaf, i=i: leaf[i], params_grid)) for i in points]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *made)


@partial(jax.jit, static_argnums=range(5))
def _play(
    market: CardMarket,
    policies: tuple[Policy, ...],
    n_games: int,
    points_at_once: int,
    with_values: bool,
    match: Match,
    params: Sequence[ArrayTree],
    ready: Sequence[ArrayTree],
    params_grid: EnvParams,
    key: Array,
) -> Valued:
    """One batch of a match at every point of the grid: leaves [G, games, A], or [G, games] of what
    all players share.

    Args:
        policies: the player, the benchmark, and the other opponents.
        params: of each; None for those of `ready`.
        ready: what `prepared_at` gives of each, leaves [G, …]; None where nobody asks for it.
    """

    def at_point(point: tuple[EnvParams, Sequence[ArrayTree]]) -> Valued:
        env_params, made = point
        own, best, *theirs = [
            instead if given is None else given for given, instead in zip(params, made, strict=True)
        ]
        rivals = policies[2:]
        players = OneOf(policies[:2])
        player = Seats(players, (jnp.int32(match.benchmark), (own, best)), market.n_players)
        others = Seats(
            OneOf(rivals), (jnp.int32(match.opponent), tuple(theirs)), market.n_players - 1
        )
        return play_valued(
            market,
            player,
            others if rivals else None,
            env_params,
            key,
            n_games,
            match.switches if with_values else match.switches._replace(valued=False),
        )

    return jax.lax.map(at_point, (params_grid, ready), batch_size=points_at_once)


def _points_at_once(params_grid: EnvParams, size: int) -> int:
    """The largest divisor of the grid's length, so that all calls are alike, that keeps games below
    GAMES_AT_ONCE.
    """
    n_points = jnp.shape(params_grid.alpha)[0]
    return max(
        d
        for d in range(1, n_points + 1)
        if n_points % d == 0 and (d == 1 or d * size <= GAMES_AT_ONCE)
    )


def _batches(key: Array, n_games: int) -> Iterator[tuple[Array, int]]:
    """(key, how many of its games count): full batches, so that one compiled program serves all."""
    for i, start in enumerate(range(0, n_games, GAMES_AT_ONCE)):
        yield jax.random.fold_in(key, i), min(GAMES_AT_ONCE, n_games - start)


def game_batches(n_games: int, seed: int, domain: int) -> Iterator[tuple[Array, int, int]]:
    """(key, games to play, how many of them count) of each batch that `evaluate` plays.

    Raises:
        ValueError: no games.
    """
    if n_games < 1:
        raise ValueError(f"n_games = {n_games}: must be at least 1")
    for key, n in _batches(domain_key(seed, domain), n_games):
        yield key, min(n_games, GAMES_AT_ONCE), n
