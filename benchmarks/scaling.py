"""How the cost of the market and of a learner's update grows with games, seeds, players and CPU
devices.

    python benchmarks/scaling.py [--subjects env,update] [--axes games,seeds,players,devices] [--csv
    FILE] [--plot FILE] python benchmarks/scaling.py --subjects update --axes seeds --seeds 1,16

One quantity varies at a time; the others are those of the configuration (`env`: 8,192 games), on
all cores. All points of an axis take turns in one process, or in one a number of devices; figures
are medians, compilation apart. `env` is a round of random play of all games, observations written;
`update` is what train/ runs: seeds spread over the devices, so that a single seed is on one of
them. Relative figures are to an axis' first point. The unit is a game, a seed or a player; for
devices it is a device's second. 1 in that column is growth in proportion, below 1 is better.

The second line asks what sixteen seeds in one program cost beside sixteen runs of one seed. An
environment has no seeds, and on an accelerator there is no axis of devices. All together takes
about ten minutes.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from presenting import Line, markdown, plot, write_csv
from scaling_programs import Job, Point
from timing import Parser, a_count, a_number_of_threads, counts, n_cores, ratio, spread, take_turns
from workers import Worker

ROOT = Path(__file__).resolve().parent.parent
AXES = ("games", "seeds", "players", "devices")
SUBJECTS = {"env": "ms per round", "update": "ms per update"}
GAMES = {"env": (256, 2048, 16384, 131072), "update": (256, 1024, 4096, 16384)}
BASE = {"env": Point(8192, 1, 2, 1), "update": Point(1024, 2, 2, 1)}


def main() -> None:
    arguments = parse_arguments()
    rows: list[dict[str, Any]] = []
    for axis in arguments.axes:
        for subject in arguments.subjects:
            if (subject, axis) != ("env", "seeds"):
                own = measure(subject, axis, arguments)
                print(table(own) + "\n", flush=True)
                rows += own
    if arguments.csv is not None:
        write_csv(arguments.csv, rows)
    if arguments.plot is not None:
        draw(arguments.plot, rows)


def measure(subject: str, axis: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One row a point of an axis."""
    base = BASE[subject]._replace(devices=n_cores())
    values = getattr(arguments, axis) or GAMES[subject]
    points = {str(value): base._replace(**{axis: value}) for value in values}
    workers: list[Worker] = []
    measures: dict[str, Callable[[], float]] = {}
    compile_seconds: dict[str, float] = {}
    for n_devices in dict.fromkeys(point.devices for point in points.values()):
        own = {name: point for name, point in points.items() if point.devices == n_devices}
        training = arguments.algorithm, str(arguments.config)
        job = Job(subject, list(own.values()), axis == "devices", *training, arguments.seconds)
        workers.append(worker := Worker("scaling_programs.py", job))
        measures |= {name: partial(worker.seconds, i) for i, name in enumerate(own)}
        compile_seconds |= dict(zip(own, worker.said["compile_seconds"], strict=True))
    samples = take_turns(measures, arguments.repeats)
    for worker in workers:
        worker.close()
    first = str(values[0])
    rows = []
    for value in values:
        name = str(value)
        relative, units = ratio(samples[name], samples[first]), units_of(axis, value, values[0])
        rows.append(
            {"subject": subject, "axis": axis, "value": value}
            | points[name]._asdict()
            | {f"seconds_{key}": figure for key, figure in spread(samples[name])._asdict().items()}
            | {f"relative_{key}": figure for key, figure in relative._asdict().items()}
            | {f"per_unit_{key}": figure / units for key, figure in relative._asdict().items()}
            | {"compile_seconds": compile_seconds[name]}
        )
    return rows


def units_of(axis: str, value: int, first: int) -> float:
    """How many times the first point's cost would be growth in proportion."""
    return first / value if axis == "devices" else value / first


def table(rows: list[dict[str, Any]]) -> str:
    subject, axis = rows[0]["subject"], rows[0]["axis"]
    unit = "device-seconds" if axis == "devices" else f"a {axis[:-1]}"
    header = [
        f"{axis} ({subject})",
        SUBJECTS[subject],
        "least to most",
        "relative",
        f"relative, {unit}",
        "compile, s",
    ]
    cells = [
        [
            f"{row['value']:,}",
            f"{1e3 * row['seconds_median']:.4g}",
            f"{1e3 * row['seconds_low']:.4g}–{1e3 * row['seconds_high']:.4g}",
            f"{row['relative_median']:.2f}",
            f"{row['per_unit_median']:.2f}",
            f"{row['compile_seconds']:.1f}",
        ]
        for row in rows
    ]
    return markdown(header, cells)


def draw(path: Path, rows: list[dict[str, Any]]) -> None:
    """A panel an axis: cost a unit, relative to the first point."""
    panels: dict[str, dict[str, Line]] = {}
    for row in rows:
        own = [r for r in rows if (r["subject"], r["axis"]) == (row["subject"], row["axis"])]
        columns = ("value", "per_unit_median", "per_unit_low", "per_unit_high")
        panels.setdefault(row["axis"], {})[row["subject"]] = Line(
            *([r[column] for r in own] for column in columns)
        )
    plot(path, panels, list(panels), "cost a unit, relative to the first", scales=("log", "linear"))


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description="Cost against games, seeds, players and devices.")
    parser.add_argument(
        "--subjects", default=",".join(SUBJECTS), help=f"of {', '.join(SUBJECTS)} (default all)"
    )
    parser.add_argument(
        "--axes", default=",".join(AXES), help=f"of {', '.join(AXES)} (default all)"
    )
    parser.add_argument(
        "--games", type=counts, help="points (default 256 to 131,072; updates: to 16,384)"
    )
    parser.add_argument(
        "--seeds", type=counts, default=(1, 2, 4, 16), help="points (default 1,2,4,16)"
    )
    parser.add_argument(
        "--players", type=counts, default=(2, 3, 4, 8), help="points (default 2,3,4,8)"
    )
    cores = tuple(range(1, n_cores() + 1))
    parser.add_argument(
        "--devices", type=device_counts, default=cores, help="points (default 1 to the cores)"
    )
    parser.add_argument(
        "--config", type=Path, default=ROOT / "configs" / "ippo.yaml", help="of the update"
    )
    parser.add_argument(
        "--algorithm", default="ippo", choices=("ippo", "mappo", "dqn"), help="(default ippo)"
    )
    parser.add_argument("--repeats", type=a_count, default=7, help="turns (default 7)")
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="of each measurement at least (default 0.5)"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw them, PNG or what the suffix says"
    )
    arguments = parser.parse_args()
    for option, known in (("subjects", tuple(SUBJECTS)), ("axes", AXES)):
        names = getattr(arguments, option).split(",")
        if unknown := set(names) - set(known):
            parser.error(
                f"--{option}: no {', '.join(sorted(unknown))}; there are {', '.join(known)}"
            )
        setattr(arguments, option, names)
    if arguments.subjects == ["env"] and arguments.axes == ["seeds"]:
        parser.error("an environment has no seeds: there is nothing to measure")
    return arguments


def device_counts(text: str) -> tuple[int, ...]:
    return tuple(map(a_number_of_threads, text.split(",")))


if __name__ == "__main__":
    main()
