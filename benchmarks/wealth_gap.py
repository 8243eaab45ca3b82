"""What planning over wealth is worth in the single game: the optimum of each round beside the
optimum of the game.

    python benchmarks/wealth_gap.py [--games 100000] [--configs default tight_budget ruin]

Both play the same market draws. The objective pnl is measured by expected P&L, which has the same
mean with a fraction of the variance, and log_wealth by the final ln W over ln W0. Intervals are 95%
over games.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from timing import Parser

from cardjax.config import load_config
from cardjax.env import CardMarket, EnvParams
from cardjax.env.events import NO_EVENT
from cardjax.evaluation.match import Seats, play_games
from cardjax.evaluation.statistics import Interval, t_interval
from cardjax.policies.planning.wealth import WealthParams, WealthPlanner
from cardjax.policies.planning.wealth_value import Objective, myopic_value, solve, value_at

ROOT = Path(__file__).resolve().parent.parent
CHUNK = 4096
"""Games played side by side: a decision weighs 21 actions by 43 outcomes for each."""


def main() -> None:
    arguments = parse_arguments()
    print(f"{arguments.games:,} games, the same market draws for both players, ± 95% over games\n")
    print(
        "| market | objective | myopic optimum | optimum over wealth | difference | in % "
        "| predicted |"
    )
    print("|---|---|---:|---:|---:|---:|---:|", flush=True)
    for name in arguments.configs:
        env_params = load_config(ROOT / "configs" / f"{name}.yaml", ["env.kind=single"]).env
        for objective in get_args(Objective):
            print(table_row(name, objective, env_params, arguments), flush=True)


def table_row(
    name: str, objective: Objective, env_params: EnvParams, arguments: argparse.Namespace
) -> str:
    key_solve, key_play = jax.random.split(jax.random.key(arguments.seed))
    value = solve(env_params, objective, key_solve)
    predicted = float(value_at(value, 0, NO_EVENT, env_params.initial_wealth))
    play = jax.jit(partial(earned, objective, env_params))
    values = (myopic_value(env_params), value)
    myopic, planned = (
        all_games(partial(play, value), key_play, arguments.games) for value in values
    )
    gap = t_interval(planned - myopic)
    means = [cell(t_interval(myopic)), cell(t_interval(planned)), cell(gap, 7)]
    share = f"{100 * gap.mean / myopic.mean():+.3f}"
    return "| " + " | ".join([name, objective, *means, share, f"{predicted:.5f}"]) + " |"


def earned(objective: Objective, env_params: EnvParams, value: Any, key: Array) -> Array:
    """Each game's sum of rewards, float32 [CHUNK]."""
    seat = Seats(WealthPlanner(objective), WealthParams(env_params, value), 1)
    totals = play_games(CardMarket(1), [seat], env_params, key, CHUNK)
    if objective == "pnl":
        return totals.expected_pnl[:, 0]
    wealth = env_params.initial_wealth + totals.pnl[:, 0]
    return jnp.log(jnp.maximum(wealth, 1)) - jnp.log(jnp.maximum(env_params.initial_wealth, 1))


def all_games(play: Callable[[Array], Array], key: Array, n_games: int) -> np.ndarray:
    chunks = [np.asarray(play(jax.random.fold_in(key, i))) for i in range(-(-n_games // CHUNK))]
    return np.concatenate(chunks)[:n_games].astype(np.float64)


def cell(interval: Interval, digits: int = 5) -> str:
    half = "" if interval.low is None else f" ± {interval.mean - interval.low:.{digits}f}"
    return f"{interval.mean:.{digits}f}{half}"


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--games", type=int, default=100_000)
    parser.add_argument(
        "--configs",
        nargs="+",
        default=["default", "tight_budget", "ruin"],
        help="configs/NAME.yaml",
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
