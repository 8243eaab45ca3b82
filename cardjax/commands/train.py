"""`train/ALGORITHM.py`: train a policy, or continue a training."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cardjax.config import find_config
from cardjax.env.declaration import ParameterError
from cardjax.runtime import processes
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.devices import use_all_cores
from cardjax.runtime.exits import run_command

if TYPE_CHECKING:
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
