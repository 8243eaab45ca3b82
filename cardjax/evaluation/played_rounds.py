"""What a policy does in whole games of self-play, round by round, beside what the exact benchmark
would do there.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env.execution import MAX_SIZE, N_ACTIONS, PASS, position_of
from cardjax.env.market import CardMarket
from cardjax.env.observation import View
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.trees import ArrayTree
from cardjax.evaluation.evaluate import TEST, Player, domain_key
from cardjax.evaluation.match import Quoter, Seats, play_seats
from cardjax.evaluation.quoting import Maker
from cardjax.policies.makers import MakerPolicy, prepared_maker
from cardjax.policies.policy import Policy, prepared
from cardjax.policies.stage_game import (
    expected_pnl,
    flow_of_others,
    good_side,
    symmetric_equilibrium,
)

GAMES_AT_ONCE = 4096
COUNTERFACTUAL_GAMES = 1024
"""Of each batch: every one of their views is decided on 21 times more."""
HIDDEN = ("S", "depth_bid", "depth_ask")
"""What no player sees, and a critic may."""
LAST_SIZES = np.arange(-MAX_SIZE, MAX_SIZE + 1)

Values = Callable[[Any, View, Mapping[str, Array]], Array]


@dataclasses.dataclass(frozen=True)
class Estimator:
    """What a learner expects to follow from a round."""

    name: str
    """for an axis, such as "critic's action value"."""
    values: Values
    """(params, views [10, games, A], HIDDEN by name [10, games]) → float32 [10, games, A, 21], of
    all actions, or [10, games, A, 1], of the view; hashable."""
    gamma: float = 0.0
    shared: bool = False
    """each player is paid the mean of all players' rewards."""
    log_wealth: bool = False
    """the reward is the change of ln W, and not P&L."""


class Subject(NamedTuple):
    """Who is looked at, and where."""

    name: str
    player: Player
    market: CardMarket
    env_params: EnvParams
    estimator: Estimator | None = None
    """none: the stage game's own expected P&L takes its place."""
    estimator_params: Sequence[ArrayTree] = ()
    """one entry for each training seed."""
    maker: Maker | None = None
    """who quotes, where the maker is a player; the player then takes, at all seats."""


class PlayedRounds(NamedTuple):
    """One batch of games of a training seed, round by round; leaves [10, games, A]."""

    edge: Array
    """of the better side of the quote, points per unit; below 0 neither side is worth taking."""
    is_sell: Array
    """the better side is the bid."""
    displayed: Array
    """depth on the better side, units."""
    sigma: Array
    position: Array
    """as executed, signed units: buys above 0."""
    expected_pnl: Array
    """with mu in place of S, points."""
    last: Array
    """the signed size that the next seat executed last round."""
    benchmark_size: Array
    """the benchmark's mean size on the better side, units."""
    benchmark_trades: Array
    """its chance of an order."""
    attainable: Array
    """its expected P&L, points."""
    stage_value: Array
    """expected P&L of the order given the view and what the others ordered, hidden depth integrated
    out.
    """
    predicted: Array
    realised: Array
    wealth: Array
    """after the round."""
    change: Array | None
    """[10, games, A, 21], the first COUNTERFACTUAL_GAMES: how the signed size changes if all
    others' last orders are taken to be LAST_SIZES; None for a single player."""


def batches_of(subject: Subject, n_games: int, seed: int) -> Iterator[list[PlayedRounds]]:
    """For each batch of games, the same market draws for all: the rounds of each training seed."""
    size, root = min(n_games, GAMES_AT_ONCE), domain_key(seed, TEST)
    n_seeds, quoting = len(subject.player.params), subject.maker
    maker_policy = None if quoting is None else quoting.policy
    play = partial(
        _play, subject.market, subject.player.policy, maker_policy, subject.estimator, size
    )
    believed = subject.estimator_params or [()] * n_seeds
    of_makers = (None,) if quoting is None else quoting.params
    quotes_by = [of_makers[k % len(of_makers)] for k in range(n_seeds)]
    for i, start in enumerate(range(0, n_games, size)):
        n, key = min(size, n_games - start), jax.random.fold_in(root, i)
        yield [
            jax.tree.map(
                lambda leaf, n=n: np.asarray(leaf)[:, :n],
                play(own, of_maker, beliefs, subject.env_params, key),
            )
            for own, of_maker, beliefs in zip(
                subject.player.params, quotes_by, believed, strict=True
            )
        ]


@partial(jax.jit, static_argnums=range(5))
def _play(
    market: CardMarket,
    policy: Policy,
    maker_policy: MakerPolicy | None,
    estimator: Estimator | None,
    n_games: int,
    params: ArrayTree,
    maker_params: ArrayTree,
    beliefs: ArrayTree,
    env_params: EnvParams,
    key: Array,
) -> PlayedRounds:
    params = prepared(policy, env_params) if params is None else params

    def record(
        view: View, info: dict[str, Array]
    ) -> tuple[dict[str, Array], View, dict[str, Array]]:
        return _record(env_params, view, info), view, {name: info[name] for name in HIDDEN}

    maker = None
    if maker_policy is not None:
        if maker_params is None:
            maker_params = prepared_maker(maker_policy, env_params, market.n_players)
        maker = Quoter(maker_policy, maker_params)
    seats = [Seats(policy, params, market.n_players)]
    _, (columns, views, hidden) = play_seats(market, seats, env_params, key, n_games, record, maker)
    action = columns.pop("action")
    predicted, realised = columns["stage_value"], columns["expected_pnl"]
    if estimator is not None:
        values = estimator.values(beliefs, views, hidden)
        predicted = values[..., 0] if values.shape[-1] == 1 else _at(values, action)
        realised = _realised(estimator, columns, views)
    change = None if market.n_players == 1 else _changes(policy, params, views, key)
    return PlayedRounds(**columns, predicted=predicted, realised=realised, change=change)


def _record(params: EnvParams, view: View, info: dict[str, Array]) -> dict[str, Array]:
    """Most of `PlayedRounds`' leaves, and the actions, for views [games, A]."""
    side, action = good_side(view), info["action"]
    best = symmetric_equilibrium(params, view, view.others_last.shape[-1] + 1)
    position = position_of(action).astype(jnp.float32)
    values = expected_pnl(params, view, flow_of_others(jax.nn.one_hot(action, N_ACTIONS)))
    return {
        "edge": side.edge,
        "is_sell": side.is_sell,
        "displayed": side.displayed,
        "sigma": view.sigma,
        "position": position,
        "expected_pnl": position * (info["mu"][:, None] - info["exec_price"]),
        "last": view.others_last[..., 0] if view.others_last.shape[-1] else jnp.zeros_like(action),
        "benchmark_size": best.size + best.p_more,
        "benchmark_trades": jnp.where(best.size > 0, 1, best.p_more),
        "attainable": best.payoff,
        "stage_value": _at(values, action),
        "wealth": info["wealth"],
        "action": action,
    }


def _realised(estimator: Estimator, columns: dict[str, Array], views: View) -> Array:
    """The discounted return of what the learner is paid, with mu in place of S where that is P&L:
    [10, games, A].
    """
    reward = columns["expected_pnl"]
    if estimator.log_wealth:
        reward = jnp.log(jnp.maximum(columns["wealth"], 1)) - jnp.log(jnp.maximum(views.wealth, 1))
    if estimator.shared:
        reward = jnp.broadcast_to(reward.mean(-1, keepdims=True), reward.shape)

    def earlier(after: Array, now: Array) -> tuple[Array, Array]:
        total = now + estimator.gamma * after
        return total, total

    return jax.lax.scan(earlier, jnp.zeros_like(reward[0]), reward, reverse=True)[1]


def _changes(policy: Policy, params: ArrayTree, views: View, key: Array) -> Array:
    """`PlayedRounds.change`: the games' views are decided on again, with the same random numbers
    whatever is put in.
    """
    views = jax.tree.map(lambda leaf: leaf[:, :COUNTERFACTUAL_GAMES], views)

    def play_round(carry: ArrayTree, now: tuple[View, Array]) -> tuple[ArrayTree, Array]:
        view, key = now

        def position_if(last: Array) -> Array:
            seen = view._replace(others_last=jnp.full_like(view.others_last, last))
            return _position(view, policy.act(params, carry, seen, key)[1])

        after, action = policy.act(params, carry, view, key)
        positions = jax.lax.map(position_if, jnp.asarray(LAST_SIZES, jnp.int32))
        return after, jnp.moveaxis(positions, 0, -1) - _position(view, action)[..., None]

    carry = policy.init(key, views.wealth.shape[1:])
    return jax.lax.scan(play_round, carry, (views, jax.random.split(key, N_ROUNDS)))[1]


def _position(view: View, action: Array) -> Array:
    """Signed units that an action comes to: an invalid one to none."""
    known = jnp.clip(action, 0, N_ACTIONS - 1)
    valid = (known == action) & _at(view.action_mask, known)
    return position_of(jnp.where(valid, known, PASS)).astype(jnp.float32)


def _at(values: Array, action: Array) -> Array:
    return jnp.take_along_axis(values, action[..., None], -1)[..., 0]
