"""How noisy the rewards are: the variance of `pnl` and of `expected_pnl` about an order's exact
value.

    python benchmarks/reward_noise.py [--games 65_536] [env.alpha=0.5 …]

An order's exact value is its expected P&L given the View and the probabilities of what the others
do. A regression on rewards needs rounds in proportion to their variance about it, so the ratio is
the factor that `expected_pnl` can save in them. Measured in rounds that random valid players meet,
where learning starts, and in those of equilibrium players, where it ends.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from timing import Parser

from cardjax.config import load_config, make_market
from cardjax.env.execution import position_of
from cardjax.env.sampling import sample_categorical
from cardjax.env.state import State
from cardjax.policies.policy import Memoryless
from cardjax.policies.registry import make_policy
from cardjax.policies.stage_game import expected_pnl, flow_of_others


def main() -> None:
    arguments = parse_arguments()
    config = load_config(None, arguments.overrides)
    market, params, n_games = make_market(config.game), config.env, arguments.games

    def noise(policy: Memoryless, key: Array) -> tuple[Array, Array]:
        """(pnl and expected pnl, each less the value; whether it is an order) of every round, game
        and player.
        """

        def play_round(games: State, key: Array) -> tuple[State, tuple[Array, Array]]:
            view = jax.vmap(market.view, (0, None))(games, params)
            probabilities = policy.action_probabilities(params, view)
            actions = sample_categorical(key, probabilities)
            value = expected_pnl(params, view, flow_of_others(probabilities))
            value = jnp.take_along_axis(value, actions[..., None], -1)[..., 0]
            keys = jax.random.split(jax.random.fold_in(key, 1), n_games)
            _, games, _, _, _, info = jax.vmap(market.step, (0, 0, 0, None))(
                keys, games, actions, params
            )
            luck = position_of(actions) * (info["S"] - info["mu"])[:, None]
            rewards = jnp.stack([info["pnl"], info["pnl"] - luck], -1)
            return games, (rewards - value[..., None], actions > 0)

        games = jax.vmap(market.reset, (0, None))(jax.random.split(key, n_games), params)[1]
        return jax.lax.scan(play_round, games, jax.random.split(jax.random.fold_in(key, 1), 10))[1]

    print(
        "| orders of | deviation of pnl | of expected_pnl | ratio of variances |\n"
        "|---|---:|---:|---:|"
    )
    for name in ("random_valid", "equilibrium"):
        apart, ordered = jax.jit(noise, static_argnums=0)(
            make_policy(name), jax.random.key(config.seed)
        )
        raw, expected = np.square(np.asarray(apart, np.float64))[np.asarray(ordered)].mean(0)
        print(f"| {name} | {raw**0.5:.2f} | {expected**0.5:.2f} | {raw / expected:,.0f} |")


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "overrides", nargs="*", metavar="env.KEY=VALUE", help="changes to the default game for two"
    )
    parser.add_argument("--games", type=int, default=65_536, help="default 65,536")
    return parser.parse_args()


if __name__ == "__main__":
    main()
