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

from cardjax.commands.shared import market_overrides
from cardjax.config import RunConfig, dump_config, load_config, with_overrides
from cardjax.env.declaration import ParameterError
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.evaluation.evaluate import SELF, Player, as_player
from cardjax.evaluation.match import Seats
from cardjax.runtime import run_folder, runs
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.dataset import DATASETS, Rollouts, check_minari_id, library, write_dataset
from cardjax.runtime.exits import run_command

N_MAX = 2**31 - 1


def dataset_main(argv: Sequence[str] | None = None) -> None:
    """`eval/dataset.py --policy NAME|RUN_DIR --games N --out FILE.parquet [--opponent NAME]
    [key=value …]`.
    """
    run_command(lambda: _main(_arguments(argv)))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write rollouts of a policy to a Parquet file.")
    parser.add_argument(
        "--policy", required=True, help="a name (ev_oracle, level1, equilibrium, …) or a run folder"
    )
    parser.add_argument(
        "--opponent", default=SELF, help="who takes the other seats: a name, or 'self' (default)"
    )
    parser.add_argument(
        "--games", type=int, required=True, metavar="N", help="whole games, 10 rounds each"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE.parquet", help="replaced if it exists"
    )
    parser.add_argument(
        "--observations", action="store_true", help="add the column of what networks read"
    )
    parser.add_argument(
        "--minari", metavar="NAME", help="a Minari data set too, such as cardjax/ev_oracle-v0"
    )
    parser.add_argument(
        "--training-seed",
        type=int,
        default=0,
        metavar="I",
        help="of a run: which seed plays, from 0",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    parser.add_argument(
        "--mode", choices=("single", "two"), help="the game, for a policy by name (default two)"
    )
    parser.add_argument("--preset", help="a preset's name, for a policy by name (default: default)")
    parser.add_argument("--events", choices=("on", "off"), help="env.flags.enable_events")
    parser.add_argument("--impact", choices=("on", "off"), help="env.flags.enable_impact")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="of the market, such as env.alpha=0.5"
    )
    return parser.parse_args(argv)


def _main(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    keep_compiled_programs()
    _check(arguments)
    rollouts, about = _rollouts(arguments)
    start = time.perf_counter()
    with tqdm(total=arguments.games, unit="game", unit_scale=True, leave=False) as bar:
        n_rows = write_dataset(arguments.out, rollouts, about, arguments.minari, bar.update)
    rate = arguments.games * N_ROUNDS / (time.perf_counter() - start)
    print(
        f"{arguments.out}: {n_rows:,} rows, {arguments.out.stat().st_size / 1e6:,.1f} MB, {rate:,.0f} rounds/s"
    )


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what can be refused before anything is compiled."""
    for name, low in (("games", 1), ("seed", 0)):
        if not low <= getattr(arguments, name) <= N_MAX:
            raise ParameterError(
                f"--{name}", getattr(arguments, name), f"must be a whole number in [{low}, {N_MAX}]"
            )
    if arguments.out.is_dir() or not arguments.out.parent.is_dir():
        raise ParameterError("--out", str(arguments.out), "must be a file in a folder that exists")
    library("pyarrow", "--out", str(arguments.out), "data")
    if arguments.minari is not None:
        check_minari_id(arguments.minari)


def _rollouts(arguments: argparse.Namespace) -> tuple[Rollouts, dict[str, str]]:
    """The games, and what the file says about them."""
    overrides = market_overrides(arguments)
    player, market, env_params = runs.find_player(arguments.policy, overrides)
    rival = as_player(runs.opponents_for(market, (arguments.opponent,))[arguments.opponent])
    n_seeds, i = len(player.params), arguments.training_seed
    if not 0 <= i < n_seeds:
        raise ParameterError("--training-seed", i, f"must be a whole number in [0, {n_seeds - 1}]")
    if arguments.opponent == SELF:
        seats = [_seats(player, i, env_params, market.n_players)]
    else:
        seats = [
            _seats(player, i, env_params, 1),
            _seats(rival, i, env_params, market.n_players - 1),
        ]
    market = dataclasses.replace(market, squeeze=False)
    rollouts = Rollouts(
        market, env_params, seats, arguments.seed, arguments.games, arguments.observations
    )
    return rollouts, _about(arguments, _config(arguments.policy, overrides))


def _seats(player: Player, i: int, env_params: EnvParams, n: int) -> Seats:
    """`n` seats for a player's seed i, or where it has fewer, from its first one again."""
    params = player.params[i % len(player.params)]
    return Seats(player.policy, env_params if params is None else params, n)


def _config(policy: str, overrides: Sequence[str]) -> RunConfig:
    """The whole configuration behind what `runs.find_player` gives."""
    if runs.is_trained(policy):
        return with_overrides(runs.read_policy(Path(policy))[1], overrides)
    return load_config(None, overrides)


def _about(arguments: argparse.Namespace, config: RunConfig) -> dict[str, str]:
    machine = run_folder.describe_machine()
    policy = {"policy": arguments.policy}
    if runs.is_trained(arguments.policy):
        policy = {
            "policy": Path(arguments.policy).resolve().name,
            "training_seed": str(arguments.training_seed),
        }
    return policy | {
        "config": dump_config(config),
        "opponent": arguments.opponent,
        "games": str(arguments.games),
        "seed": str(arguments.seed),
        "key_domain": str(DATASETS),
        "git_commit": machine["git_commit"] or "",
        "versions": json.dumps(machine["versions"] | {"pyarrow": metadata.version("pyarrow")}),
        "device": json.dumps(machine["device"]),
    }
