"""What policies earn on validation draws while they train: those of all replicates, each in its own
market, by one compiled program.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Protocol

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.evaluate import VALIDATION, game_batches
from cardjax.evaluation.match import Seats, play_games
from cardjax.evaluation.quoting import KINDS, play_quoted, prepared_once, profit_table
from cardjax.policies.makers import MakerPolicy
from cardjax.policies.policy import Policy


def self_play_payoff(
    market: CardMarket, policy: Policy, n_games: int
) -> Callable[[ArrayTree, EnvParams], Array]:
    """A function from stacked parameters and games to self-play's mean payoff per game [rows] (the
    expected P&L, less the charge for risk where there is one), compiled once in a process for a
    market, a policy and a number of games.

    Its arguments are the policy's parameters and EnvParams, leaves [rows, …] each. It plays on
    validation draws, in whole batches as `evaluate` does; divided by the same of the
    benchmark, it is the score.
    """
    size, keys = _batches(n_games)
    return partial(_mean_payoffs, dataclasses.replace(market, squeeze=False), policy, size, keys)


@partial(jax.jit, static_argnums=range(3))
def _mean_payoffs(
    market: CardMarket,
    policy: Policy,
    n_games: int,
    keys: Array,
    params: ArrayTree,
    env_params: EnvParams,
) -> Array:
    """Of every row, over batches of `n_games` games from each of the keys."""

    def of_row(row: tuple[ArrayTree, EnvParams]) -> Array:
        own, env_params = row

        def batch(key: Array) -> Array:
            seats = [Seats(policy, own, market.n_players)]
            return play_games(market, seats, env_params, key, n_games).payoff.mean()

        return jax.lax.map(batch, keys).mean()

    return jax.lax.map(of_row, (params, env_params))


class Roles(Protocol):
    """The parameters of both roles' players; None for a scripted one."""

    @property
    def maker(self) -> ArrayTree:
        """Of who quotes."""

    @property
    def takers(self) -> ArrayTree:
        """Of who takes."""


def role_scores(
    market: CardMarket, maker: MakerPolicy, takers: Policy, n_games: int
) -> Callable[[Roles, EnvParams], tuple[Array, Array]]:
    """A function from both roles' parameters and markets, leaves [rows, …] each, to `maker_score`
    and `taker_score` [rows], on validation draws.
    """
    market = dataclasses.replace(market, squeeze=False)
    size, keys = _batches(n_games)

    def of_row(row: tuple[Roles, EnvParams]) -> tuple[Array, Array]:
        params, env_params = row
        pi = profit_table(env_params, market.n_players)
        own = params.maker
        if own is None:
            own = prepared_once(maker, env_params, market.n_players)

        def batch(key: Array) -> dict[str, Array]:
            columns = play_quoted(
                market, maker, takers, size, None, own, params.takers, env_params, key, pi
            )
            return {name: column.mean() for name, column in columns.items() if name not in KINDS}

        means = jax.tree.map(jnp.mean, jax.lax.map(batch, keys))
        return means["profit"] / means["monopoly"], means["value"] / means["equilibrium"]

    return jax.jit(lambda params, env_params: jax.lax.map(of_row, (params, env_params)))


def _batches(n_games: int) -> tuple[int, Array]:
    """The games of a batch, and every batch's key."""
    batches = list(game_batches(n_games, 0, VALIDATION))
    return batches[0][1], jnp.stack([key for key, _, _ in batches])
