"""The command lines of train/ and eval/: arguments in, one line and exit code 2 for what is not
allowed.
"""

import argparse
import dataclasses
import gc
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardjax.config import find_config
from cardjax.env.declaration import ParameterError
from cardjax.runtime import processes
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.devices import use_all_cores

if TYPE_CHECKING:
    from cardjax.evaluation.protocol import Protocol
    from cardjax.runtime.grid import Point


def train_main(algorithm: str, argv: Sequence[str] | None = None) -> None:
    """`train/ALGORITHM.py --config FILE [key=value …] [--sweep key=value,value,… …]`, or `--resume
    RUN_DIR`.
    """
    run_command(lambda: _train(algorithm, _train_arguments(algorithm, argv)))


def any_train_main(argv: Sequence[str] | None = None) -> None:
    """`cardjax-train ALGORITHM …`: train/ALGORITHM.py from an installed package."""
    given = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="cardjax-train",
        description="Train a policy; writes runs/NAME/.",
        usage="cardjax-train {dqn,ippo,mappo} --config FILE [key=value …]  (cardjax-train ippo --help tells more)",
    )
    parser.add_argument("algorithm", choices=("dqn", "ippo", "mappo"), help="what learns")
    algorithm = parser.parse_args(given[:1]).algorithm
    train_main(algorithm, given[1:])


def evaluate_main(argv: Sequence[str] | None = None) -> None:
    """`eval/evaluate.py --policy NAME|RUN_DIR [--opponent …] [key=value …]`."""
    run_command(lambda: _evaluate(_evaluate_arguments(argv)))


def run_command(main: Callable[[], None]) -> None:
    """What `main` does, with exit code 2 and one line for what is not allowed, 130 after Ctrl-C."""
    logging.getLogger("absl").setLevel(logging.CRITICAL)  # orbax's asides, beside our one line
    # Importing and tracing make many objects that live for long. Python looked through them for
    # half a second a start.
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    try:
        main()
    except ParameterError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _train_arguments(algorithm: str, argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Train {algorithm.upper()}; writes runs/NAME/.")
    parser.add_argument(
        "--config", type=Path, help="a YAML file, or one that comes with cardjax, such as ippo.yaml"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="RUN_DIR",
        help="continue a run or sweep from its last checkpoint",
    )
    parser.add_argument(
        "--sweep",
        nargs="+",
        default=[],
        metavar="key=value,value,…",
        help="train every combination, such as lr=1e-4,3e-4 env.alpha=0.1,0.3; one value is an override",
    )
    parser.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        help="train in several processes: where process 0 is, or auto",
    )
    parser.add_argument("--processes", type=int, metavar="N", help="how many processes there are")
    parser.add_argument("--process-id", type=int, metavar="I", help="which one this is, from 0")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="such as env.alpha=0.5 name=mine"
    )
    return parser.parse_args(argv)


def _train(algorithm: str, arguments: argparse.Namespace) -> None:
    from cardjax.runtime import runs, sweeps
    from cardjax.runtime.grid import make_points, read_axes

    if arguments.resume is not None:
        if arguments.config is not None or arguments.overrides or arguments.sweep:
            allowed = "takes neither --config nor overrides nor --sweep: the run has its own"
            raise ParameterError("--resume", str(arguments.resume), allowed)
        points = sweeps.read_points(arguments.resume)
        _prepare(arguments, algorithm, points)
        (sweeps if len(points) > 1 else runs).resume(algorithm, arguments.resume)
        return
    axes, fixed = read_axes(algorithm, arguments.sweep)
    config = None if arguments.config is None else find_config(arguments.config)
    points = make_points(config, [*arguments.overrides, *fixed], axes)
    _prepare(arguments, algorithm, points)
    if axes:
        sweeps.start(algorithm, points)
    else:
        runs.start(algorithm, points[0].config)


def _prepare(arguments: argparse.Namespace, algorithm: str, points: Sequence["Point"]) -> None:
    """What has to be settled before JAX first touches a device."""
    from cardjax.runtime.grid import groups_of, traced_names

    keep_compiled_programs()
    train = points[0].config.train
    n_points = len(
        groups_of(
            [point.values for point in points], traced_names(algorithm, list(points[0].values))
        )[0]
    )
    use_all_cores(
        n_points * train.n_seeds, train.n_envs, train.shard_games, arguments.processes or 1
    )
    processes.join(arguments.coordinator, arguments.processes, arguments.process_id)


def _evaluate_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Play a policy against opponents and score it.")
    parser.add_argument(
        "--policy", required=True, help="a name (ev_oracle, level1, equilibrium, …) or a run folder"
    )
    parser.add_argument(
        "--opponent",
        action="append",
        help="a name, a run folder or 'self'; repeatable; by default the protocol's",
    )
    add_protocol_arguments(parser)
    parser.add_argument(
        "--sweep",
        nargs="+",
        default=[],
        metavar="key=value,value,…",
        help="play in a grid of markets, one program for all, such as env.alpha=0.1,0.3 env.sigma_q=0.5,1",
    )
    return parser.parse_args(argv)


def add_protocol_arguments(parser: argparse.ArgumentParser) -> None:
    """What all commands of eval/ share: the protocol and changes to it, the market, and where
    figures go.
    """
    parser.add_argument(
        "--config",
        type=Path,
        help="the protocol: a YAML file like configs/eval.yaml (default: that)",
    )
    parser.add_argument(
        "--episodes", type=int, metavar="N", help="games an opponent and training seed (eval.games)"
    )
    parser.add_argument("--seed", type=int, help="of the evaluation draws (eval.seed)")
    parser.add_argument(
        "--mode", choices=("single", "two"), help="the game, for a policy by name (default two)"
    )
    parser.add_argument("--preset", help="a preset's name, for a policy by name (default: default)")
    parser.add_argument("--events", choices=("on", "off"), help="env.flags.enable_events")
    parser.add_argument("--impact", choices=("on", "off"), help="env.flags.enable_impact")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results with every metric"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="the same as a table, one row a result"
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="of the market, such as env.alpha=0.5"
    )


def read_protocol(arguments: argparse.Namespace) -> "Protocol":
    """The protocol that `add_protocol_arguments` gave, and a look at where its figures are to go.

    Raises:
        ParameterError: what is not allowed, before anything is played.
    """
    from cardjax.evaluation.protocol import load_protocol

    protocol = load_protocol(None if arguments.config is None else find_config(arguments.config))
    named = {"games": arguments.episodes, "seed": arguments.seed}
    if arguments.episodes is not None and arguments.episodes < 1:
        raise ParameterError(
            "--episodes", arguments.episodes, "must be a whole number of at least 1"
        )
    if arguments.seed is not None and not 0 <= arguments.seed < 2**31:
        raise ParameterError("--seed", arguments.seed, "must be a whole number in [0, 2147483647]")
    for option in ("json", "csv"):
        path = getattr(arguments, option)
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise ParameterError(f"--{option}", str(path), "must be a file in a folder that exists")
    changes = {name: value for name, value in named.items() if value is not None}
    return dataclasses.replace(protocol, config=dataclasses.replace(protocol.config, **changes))


def write_figures(arguments: argparse.Namespace, entries: Sequence[Mapping[str, Any]]) -> None:
    """The entries to --json and --csv, where they are asked for."""
    from cardjax.runtime import run_folder

    try:
        if arguments.json is not None:
            run_folder.write_json(arguments.json, entries)
        if arguments.csv is not None:
            run_folder.write_csv(arguments.csv, entries)
    except OSError as error:
        raise ParameterError(
            "output", str(error.filename), f"cannot be written ({error.strerror})"
        ) from None


def _evaluate(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    from cardjax.env.params import params_grid
    from cardjax.evaluation.evaluate import evaluate_grid
    from cardjax.evaluation.table import results_table
    from cardjax.runtime import runs
    from cardjax.runtime.grid import market_axes

    keep_compiled_programs()
    config = read_protocol(arguments).config
    player, market, params = runs.find_player(arguments.policy, market_overrides(arguments))
    names = tuple(dict.fromkeys(arguments.opponent or ()))
    opponents = runs.opponents_for(
        market, names or (config.opponents if market.n_players > 1 else None)
    )
    grid, points = params_grid(params, **market_axes(arguments.sweep))
    total = config.games * len(opponents) * len(player.params)
    with tqdm(total=total, unit="game", unit_scale=True, leave=False) as bar:
        results = evaluate_grid(
            market,
            grid,
            player,
            opponents,
            config.games,
            config.seed,
            progress=lambda games: bar.update(games * len(player.params)),
        )
    for point, of_point in zip(points, results, strict=True):
        where = "".join(f", {key} = {value}" for key, value in point.items())
        print(
            results_table(
                of_point,
                f"{arguments.policy}{where}, {config.games:,} games an opponent, test draws",
            )
        )
    labelled = [
        ({"at": point} if point else {}, of_point)
        for point, of_point in zip(points, results, strict=True)
    ]
    write_figures(
        arguments, [where | result.as_json() for where, of_point in labelled for result in of_point]
    )


def market_overrides(arguments: argparse.Namespace) -> list[str]:
    """The market's `key=value` overrides behind the evaluation's options, options after plain ones."""
    named = {
        "env.kind": arguments.mode,
        "env.preset": arguments.preset,
        "env.flags.enable_events": arguments.events,
        "env.flags.enable_impact": arguments.impact,
    }
    return [
        *arguments.overrides,
        *(f"{key}={value}" for key, value in named.items() if value is not None),
    ]
