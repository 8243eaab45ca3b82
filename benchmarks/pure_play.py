"""What play without chance leaves to a best reply, at the least: the exploitability floor of greedy
policies.

    python benchmarks/pure_play.py [--games 65_536] [env.alpha=0.5 …]

Some rounds have no symmetric equilibrium in pure orders. If all players place the same order there
for sure, a reply that knows it gains something, whatever the order. Per round this takes the order
that leaves the least, over the rounds that two equilibrium players meet. A policy could do better
only by telling its seats apart (by wealth or past orders).
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from timing import Parser

from cardjax.config import load_config, make_market
from cardjax.env import EnvParams, View
from cardjax.env.execution import MAX_SIZE, N_ACTIONS
from cardjax.env.state import State
from cardjax.policies.equilibrium import Equilibrium
from cardjax.policies.stage_game import (
    action_of,
    expected_pnl,
    flow_of,
    good_side,
    n_players_of,
    symmetric_equilibrium,
)


def main() -> None:
    arguments = parse_arguments()
    config = load_config(None, arguments.overrides)
    market, params = make_market(config.game), config.env
    policy = Equilibrium()

    @jax.jit
    def play(key: Array) -> tuple[Array, Array, Array]:
        """(floor, equilibrium's payoff, whether it mixes) of every round and game, [rounds,
        games].
        """
        keys = jax.random.split(key, arguments.games)
        games = jax.vmap(market.reset, (0, None))(keys, params)[1]

        def play_round(games: State, key: Array) -> tuple[State, tuple[Array, Array, Array]]:
            view = jax.vmap(market.view, (0, None))(games, params)
            _, actions = policy.act(params, (), view, key)
            first = jax.tree.map(lambda leaf: leaf[:, 0], view)
            mix = symmetric_equilibrium(params, first, market.n_players)
            after = jax.vmap(market.step, (0, 0, 0, None))(
                jax.random.split(key, arguments.games), games, actions, params
            )
            return after[1], (least_regret(params, first), mix.payoff, mix.p_more > 0)

        return jax.lax.scan(play_round, games, jax.random.split(jax.random.fold_in(key, 1), 10))[1]

    floor, payoff, mixed = (np.asarray(x) for x in play(jax.random.key(config.seed)))
    of_game = floor.sum(0)
    error = 1.96 * of_game.std() / np.sqrt(arguments.games)
    earned = payoff.sum(0).mean()
    print(f"rounds without a symmetric equilibrium in pure orders: {mixed.mean():.2%}")
    print(
        f"play without chance leaves a best reply at least {of_game.mean():.4f} ± {error:.4f} "
        "points per game,"
    )
    print(
        f"{of_game.mean() / earned:.2%} of the {earned:.3f} that the equilibrium earns "
        f"({arguments.games:,} games)"
    )


def least_regret(params: EnvParams, view: View) -> Array:
    """What the best reply gains over the order that leaves the least, if all place that order;
    points, [...].
    """
    side = good_side(view)
    n_others = n_players_of(view) - 1

    def regret(size: Array) -> Array:
        action = action_of(side.is_sell, jnp.full(side.edge.shape, size))
        value = expected_pnl(params, view, flow_of(jax.nn.one_hot(action, N_ACTIONS), n_others))
        value = jnp.where(view.action_mask, value, -jnp.inf)
        own = jnp.take_along_axis(value, action[..., None], -1)[..., 0]
        return jnp.where(size <= side.n_valid, value.max(-1) - own, jnp.inf)

    return jax.lax.map(regret, jnp.arange(MAX_SIZE + 1)).min(0)


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "overrides", nargs="*", metavar="env.KEY=VALUE", help="changes to the default game for two"
    )
    parser.add_argument("--games", type=int, default=65_536, help="default 65,536")
    return parser.parse_args()


if __name__ == "__main__":
    main()
