"""`eval/dataset.py`: rollouts of a policy as a Parquet file, and for learning offline as a Minari
data set.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from cardjax.commands import roles
from cardjax.commands.shared import (
    POLICY,
    add_episodes_argument,
    add_market_arguments,
    add_out_argument,
    add_policy_argument,
    add_training_seed_argument,
    check_whole,
    market_overrides,
    take_first_word,
)
from cardjax.config import RunConfig, dump_config, load_config, with_overrides
from cardjax.datasets.games import DATASETS, Rollouts
from cardjax.datasets.minari import check_minari_id
from cardjax.datasets.writing import write_dataset
from cardjax.env.declaration import ParameterError
from cardjax.env.market import CardMarket
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.evaluation.evaluate import SELF, Player, as_player
from cardjax.evaluation.match import Quoter, Seats
from cardjax.loading import players, saved
from cardjax.policies.makers import prepared_maker
from cardjax.policies.policy import prepared
from cardjax.run import run_folder
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.libraries import library
from cardjax.runtime.progress import games_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    add_policy_argument(parser)
    parser.add_argument(
        "--opponent",
        default=SELF,
        metavar=POLICY,
        help="who takes the other seats, or self (default)",
    )
    roles.add_maker_argument(parser, "takers meet (default: the maker of the run, or monopolist)")
    add_episodes_argument(parser, required=True, help="whole games, 10 rounds each")
    add_out_argument(parser, required=True, metavar="FILE.parquet", help="replaced if it exists")
    parser.add_argument(
        "--observations", action="store_true", help="add the column of what networks read"
    )
    parser.add_argument(
        "--minari", metavar="NAME", help="a Minari data set too, such as cardjax/ev_oracle-v0"
    )
    add_training_seed_argument(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    add_market_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the file."""
    keep_compiled_programs()
    take_first_word(arguments)
    _check(arguments)
    rollouts, about = _rollouts(arguments)
    start = time.perf_counter()
    with games_bar(arguments.episodes) as played:
        n_rows = write_dataset(arguments.out, rollouts, about, arguments.minari, played)
    rate = arguments.episodes * N_ROUNDS / (time.perf_counter() - start)
    print(
        f"{arguments.out}: {n_rows:,} rows, {arguments.out.stat().st_size / 1e6:,.1f} MB, "
        f"{rate:,.0f} rounds/s"
    )


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what can be refused before anything is compiled."""
    check_whole("--episodes", arguments.episodes, 1)
    check_whole("--seed", arguments.seed, 0)
    if arguments.out.is_dir() or not arguments.out.parent.is_dir():
        raise ParameterError("--out", str(arguments.out), "must be a file in a folder that exists")
    library("pyarrow", "--out", str(arguments.out), "data")
    if arguments.minari is not None:
        check_minari_id(arguments.minari)


def _rollouts(arguments: argparse.Namespace) -> tuple[Rollouts, dict[str, str]]:
    """The games, and what the file says about them."""
    overrides = market_overrides(arguments)
    player, market, env_params = players.find_player(arguments.policy, overrides)
    rival = as_player(players.opponents_for(market, (arguments.opponent,))[arguments.opponent])
    seed = _training_seed(arguments)
    i = 0 if seed is None else saved.training_seeds(Path(arguments.policy)).index(seed)
    if arguments.opponent == SELF:
        seats = [_seats(player, i, env_params, market.n_players)]
    else:
        seats = [
            _seats(player, i, env_params, 1),
            _seats(rival, i, env_params, market.n_players - 1),
        ]
    market = dataclasses.replace(market, squeeze=False)
    maker = _maker(arguments, market, env_params, i)
    rollouts = Rollouts(
        market, env_params, seats, arguments.seed, arguments.episodes, arguments.observations, maker
    )
    return rollouts, _about(arguments, seed, _config(arguments.policy, overrides))


def _maker(
    arguments: argparse.Namespace, market: CardMarket, env_params: EnvParams, i: int
) -> Quoter | None:
    """Who quotes, of a run its training seed i; None where the maker is no player. The arguments
    then name it.
    """
    if not market.has_maker:
        roles.refuse(arguments, "maker")
        return None
    if arguments.minari is not None:
        allowed = "is for env.maker = oracle alone: after a game's last round nobody quotes"
        raise ParameterError("--minari", arguments.minari, allowed)
    arguments.maker = arguments.maker or roles.default_maker(arguments.policy)
    maker = players.find_maker(arguments.maker, market)
    params = maker.params[i % len(maker.params)]
    if params is None:
        params = prepared_maker(maker.policy, env_params, market.n_players)
    return Quoter(maker.policy, params)


def _training_seed(arguments: argparse.Namespace) -> int | None:
    """Which of a run's seeds plays; None for a policy that no training made.

    Raises:
        ParameterError: the run has no such seed.
    """
    seed: int | None = arguments.training_seed
    seeds = (
        saved.training_seeds(Path(arguments.policy)) if players.is_trained(arguments.policy) else []
    )
    if seed is not None and seed not in seeds:
        allowed = f"must be one that {arguments.policy} holds: {', '.join(map(str, seeds))}"
        raise ParameterError("--training-seed", seed, allowed if seeds else "needs a run's policy")
    return seed if seed is not None or not seeds else seeds[0]


def _seats(player: Player, i: int, env_params: EnvParams, n: int) -> Seats:
    """`n` seats for a player's seed i, or where it has fewer, from its first one again."""
    params = player.params[i % len(player.params)]
    return Seats(
        player.policy, prepared(player.policy, env_params) if params is None else params, n
    )


def _config(policy: str, overrides: Sequence[str]) -> RunConfig:
    """The whole configuration behind what `players.find_player` gives."""
    if players.is_trained(policy):
        return with_overrides(saved.read_policy(Path(policy))[1], overrides)
    return load_config(None, overrides)


def _name_of(player: str) -> str:
    """A player's name, or of a run or a file its own, wherever it lies."""
    return Path(player).resolve().name if players.is_trained(player) else player


def _about(arguments: argparse.Namespace, seed: int | None, config: RunConfig) -> dict[str, str]:
    made = run_folder.provenance(config)
    policy = {"policy": arguments.policy}
    if players.is_trained(arguments.policy):
        policy = {
            "policy": _name_of(arguments.policy),
            "training_seed": str(seed),
        }
    return policy | {
        "config": dump_config(config),
        "opponent": arguments.opponent,
        **({} if arguments.maker is None else {"maker": _name_of(arguments.maker)}),
        "games": str(arguments.episodes),
        "seed": str(arguments.seed),
        "key_domain": str(DATASETS),
        "env_version": made["env_version"],
        "git_commit": made["git_commit"] or "",
        "versions": json.dumps(made["versions"] | {"pyarrow": metadata.version("pyarrow")}),
        "device": json.dumps(made["device"]),
    }
