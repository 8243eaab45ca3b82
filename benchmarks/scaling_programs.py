"""The process in which scaling.py measures: it gets a job as JSON, says what compiling its points
took, and measures a point whenever its number comes in. The number of devices is chosen before JAX
starts, so each has a process.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from timing import use_threads


class Point(NamedTuple):
    """What a measurement is of."""

    games: int
    """of every seed."""
    seeds: int
    players: int
    devices: int


class Job(NamedTuple):
    """What a process does."""

    subject: str
    """env or update."""
    points: list[Point]
    """on the same number of devices."""
    by_device: bool
    """whether other points are on other numbers of devices."""
    algorithm: str
    config: str
    """a configuration file, of the update."""
    seconds: float
    """of each measurement, at least."""


class Program(NamedTuple):
    """A point, compiled."""

    call: Callable[[int], object]
    """n times, waited for."""
    units: int
    """rounds or updates that one time has."""
    compile_seconds: float


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    points = [Point(*point) for point in job.points]
    use_threads(points[0].devices)
    os.environ["JAX_NUM_CPU_DEVICES"] = str(
        points[0].devices
    )  # a training would choose by its own number of seeds
    if job.by_device and jax.default_backend() != "cpu":
        raise SystemExit("the axis of devices is of CPU cores; leave it out with --axes")
    programs = [SUBJECTS[job.subject](point, job) for point in points]
    times = [times_of(program, job.seconds) for program in programs]
    answer({"compile_seconds": [program.compile_seconds for program in programs]})
    for line in sys.stdin:
        program, n = programs[int(line)], times[int(line)]
        start = time.perf_counter()
        program.call(n)
        answer({"seconds": (time.perf_counter() - start) / (n * program.units)})


def answer(said: dict[str, Any]) -> None:
    print(json.dumps(said), flush=True)


def environment(point: Point, job: Job) -> Program:
    from rollouts import card_market, compiled_rollout

    rollout = compiled_rollout(card_market(point.players), point.games)

    def call(n: int) -> None:
        for _ in range(n):
            rollout.call()

    return Program(call, rollout.n_steps // point.games, rollout.compile_seconds)


def update(point: Point, job: Job) -> Program:
    from train_programs import ours

    from cardjax.config import load_config

    overrides = [f"train.n_envs={point.games}", f"train.n_seeds={point.seeds}"]
    config = load_config(job.config, [*overrides, f"env.n_players={point.players}"])
    program = ours(job.algorithm, config)
    return Program(program.call, 1, program.compile_seconds)


def times_of(program: Program, seconds: float) -> int:
    """How many times in a row take that long, by the second of two."""
    program.call(1)
    start = time.perf_counter()
    program.call(1)
    return max(1, round(seconds / (time.perf_counter() - start)))


SUBJECTS = {"env": environment, "update": update}


if __name__ == "__main__":
    main()
