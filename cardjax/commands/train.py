"""Train a policy, which writes runs/NAME/; or continue a training."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from cardjax.config import find_config
from cardjax.config.documents import parse_override, read_yaml
from cardjax.env.declaration import ParameterError
from cardjax.loading import saved
from cardjax.run.learners import ALGORITHMS, configured_for, find_algorithm, make_learner
from cardjax.runtime import interruption, processes
from cardjax.runtime.compilation import keep_compiled_programs
from cardjax.runtime.devices import use_all_cores
from cardjax.training import runs, sweeps
from cardjax.training.grid import Point, groups_of, make_points, read_axes, traced_names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="ALGORITHM|key=value",
        help=f"what learns ({', '.join(ALGORITHMS)}, or FILE.py:NAME), and changes to the "
        "configuration, such as env.alpha=0.5 name=mine",
    )
    parser.add_argument(
        "--config", type=Path, help="a YAML file, or one that comes with cardjax, such as ippo.yaml"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="RUN_DIR",
        help="continue a run or sweep from its last checkpoint; with train.total_steps=N, to N",
    )
    parser.add_argument(
        "--sweep",
        nargs="+",
        default=[],
        metavar="key=value,value,…",
        help="train every combination, such as lr=1e-4,3e-4 env.alpha=0.1,0.3; one value is an "
        "override",
    )
    parser.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        help="train in several processes: where process 0 is, or auto",
    )
    parser.add_argument("--processes", type=int, metavar="N", help="how many processes there are")
    parser.add_argument("--process-id", type=int, metavar="I", help="which one this is, from 0")


def run(arguments: argparse.Namespace) -> None:
    """Train one run or a sweep of them."""
    processes.check_address(arguments.coordinator, arguments.processes, arguments.process_id)
    algorithm, overrides = _algorithm_and_overrides(arguments)
    with interruption.raised_at_the_end():
        if arguments.resume is not None:
            _resume(arguments, algorithm, overrides)
        else:
            _start(arguments, algorithm, overrides)


def _start(arguments: argparse.Namespace, algorithm: str, overrides: Sequence[str]) -> None:
    axes, fixed = read_axes(algorithm, arguments.sweep)
    config = None if arguments.config is None else find_config(arguments.config)
    points = make_points(config, [*overrides, *fixed], axes, algorithm)
    _prepare(arguments, algorithm, points)
    if config is None:
        _say_defaults(algorithm, points)
    if axes:
        sweeps.start(algorithm, points)
    else:
        runs.start(algorithm, points[0].config)


def _say_defaults(algorithm: str, points: Sequence[Point]) -> None:
    for point in points:  # What cannot be trained is refused before anything is said of it.
        make_learner(algorithm, configured_for(algorithm, point.config))
    name = f"{algorithm}.yaml"
    shipped = find_config(Path(name)).is_file()
    shown = f"; --config {name} has what is shipped and measured" if shipped else ""
    print(f"no --config: the configuration is cardjax's defaults{shown}", flush=True)


def _resume(arguments: argparse.Namespace, algorithm: str, overrides: Sequence[str]) -> None:
    if arguments.config is not None or arguments.sweep:
        allowed = "takes neither --config nor --sweep: the run has its own"
        raise ParameterError("--resume", str(arguments.resume), allowed)
    points = sweeps.read_points(arguments.resume)
    _prepare(arguments, algorithm, points)
    (sweeps if len(points) > 1 else runs).resume(algorithm, arguments.resume, overrides)


def _algorithm_and_overrides(arguments: argparse.Namespace) -> tuple[str, list[str]]:
    """The algorithm is the first word that is no override. It may be left out where a run is
    continued, which has its own, and where the configuration names one.

    Raises:
        ParameterError: none, an unknown one, or a further word that is no override.
    """
    names = [word for word in arguments.words if "=" not in word]
    overrides = [word for word in arguments.words if "=" in word]
    if not names and arguments.resume is not None:
        return str(saved.read_meta(arguments.resume)["algorithm"]), overrides
    algorithm = names[0] if names else _configured_algorithm(arguments.config, overrides)
    find_algorithm(algorithm)
    return algorithm, [*names[1:], *overrides]


def _configured_algorithm(path: Path | None, overrides: Sequence[str]) -> str:
    """What a configuration names as its algorithm; "" if it names none."""
    written = {} if path is None else read_yaml(find_config(path))
    return str((written | dict(map(parse_override, overrides))).get("algorithm") or "")


def _prepare(arguments: argparse.Namespace, algorithm: str, points: Sequence[Point]) -> None:
    """What has to be settled before JAX first touches a device."""
    keep_compiled_programs()
    train = points[0].config.train
    varied = traced_names(algorithm, list(points[0].values))
    first_group = groups_of([point.values for point in points], varied)[0]
    use_all_cores(
        len(first_group) * train.n_seeds, train.n_envs, train.shard_games, arguments.processes or 1
    )
    processes.join(arguments.coordinator, arguments.processes, arguments.process_id)
