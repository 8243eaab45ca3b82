"""Rollouts: whole games written down round by round, one value per column, round and player."""

import dataclasses
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env.execution import Fill, position_of
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.match import Quoter, Seats, play_seats
from cardjax.evaluation.rollout_columns import OBSERVATION, SettledRound, read_columns
from cardjax.policies.makers import MakerPolicy
from cardjax.policies.policy import Policy


def record_games(
    market: CardMarket,
    seats: Sequence[Seats],
    env_params: EnvParams,
    key: Array,
    n_games: int,
    observations: bool = False,
    maker: Quoter | None = None,
) -> dict[str, Array]:
    """Play `n_games` whole games and write them down; compiled once for a market, the policies and
    `n_games`.

    Args:
        market: any; a squeezed one is played with its player axis.
        seats: who plays, in seat order.
        key: as in `play_games`: the same key gives the same games.
        observations: record what networks read, too.
        maker: who quotes, where the maker is a player.

    Returns:
        Each of `columns_of(market)` by name, [10, games, A]; with `observations` also
        "observation", float32 [11, games, A, D]: the one before each round, and the one after the
        last, which is not there where the maker is a player: nobody quotes then.

    Raises:
        ValueError: the seats do not add up to the market's players.
    """
    market = dataclasses.replace(market, squeeze=False)
    policies = tuple((seat.policy, seat.n) for seat in seats)
    params = tuple(seat.params for seat in seats)
    quotes, quotes_by = (None, None) if maker is None else maker
    return _record(
        market, policies, quotes, n_games, observations, params, quotes_by, env_params, key
    )


@partial(jax.jit, static_argnums=range(5))
def _record(
    market: CardMarket,
    policies: tuple[tuple[Policy, int], ...],
    maker_policy: MakerPolicy | None,
    n_games: int,
    observations: bool,
    params: tuple[ArrayTree, ...],
    maker_params: ArrayTree,
    env_params: EnvParams,
    key: Array,
) -> dict[str, Array]:
    maker = None if maker_policy is None else Quoter(maker_policy, maker_params)
    seats = [Seats(policy, own, n) for (policy, n), own in zip(policies, params, strict=True)]

    def record(view: View, info: dict[str, Array]) -> tuple[dict[str, Array], tuple[Array, ...]]:
        columns = read_columns(market, SettledRound(view, info, _fill_of(info), env_params))
        return columns, (market.encode(view), info["final_observation"]) if observations else ()

    columns, seen = play_seats(market, seats, env_params, key, n_games, record, maker)[1]
    if not observations:
        return columns
    before, after = seen
    if market.has_maker:
        return columns | {OBSERVATION: before}
    return columns | {OBSERVATION: jnp.concatenate([before, after[-1:]])}


def _fill_of(info: dict[str, Array]) -> Fill:
    reported = {name: info[name] for name in Fill._fields if name != "position"}
    return Fill(**reported, position=position_of(info["action"]).astype(jnp.float32))
