"""Who pays the spread: the mark-up of a maker that learns beside takers that learn, by IPPO and by
MAPPO, against the number of takers, the rate of noise traders and the maker's lag.

    python benchmarks/markups.py [--rounds 400_000] [--seeds 4] [--axes takers,noise,lag]
                                 [--takers 1,2,4,8]

A mark-up of 0 is the zero profit of competition and 1 the monopolist's offset. Each training is a
run under runs/, and each value of an axis but the number of takers, which changes shapes, a point
of one sweep. Eight takers have to be asked for: to evaluate them exactly takes longer than all the
rest. What is there already is not trained again. The table is printed, and with the figure it goes
to docs/images/markups.*. Scores are on validation draws, as the trainings' own summaries have them.
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from presenting import Line, markdown, plot, write_csv
from published import finished, train
from timing import Parser, a_count, some_of

ROOT = Path(__file__).resolve().parent.parent
IMAGE = ROOT / "docs" / "images" / "markups"
ALGORITHMS = ("ippo", "mappo")
GAMES = 2_048
"""Of a training's closing table: where eight take, every round is a game of eight to be solved."""


class Axis(NamedTuple):
    """What is varied."""

    parameter: str
    values: tuple[int, ...]
    label: str


AXES = {
    "takers": Axis("env.n_players", (1, 2, 4), "takers"),
    "noise": Axis("env.noise.rate", (5, 20, 40), "noise rate, units per side"),
    "lag": Axis("env.maker_lag", (0, 1, 2, 3), "lag, cards"),
}
FIGURES = ("maker_markup", "maker_score", "taker_score", "maker_exploitability_share")


def main() -> None:
    arguments = parse_arguments()
    rows = []
    for name in arguments.axes:
        axis = AXES[name]
        if name == "takers":
            axis = axis._replace(values=arguments.takers)
        for algorithm in ALGORITHMS:
            for value, result in measured(algorithm, axis, name, arguments):
                rows.append({"axis": name, "algorithm": algorithm, "value": value} | of(result))
    print(table(rows))
    write_csv(IMAGE.with_suffix(".csv"), rows)
    draw(rows)


def measured(
    algorithm: str, axis: Axis, name: str, arguments: argparse.Namespace
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each value of the axis and its result, trained first if it is not there."""
    own = [
        f"train.n_seeds={arguments.seeds}",
        f"train.total_steps={arguments.rounds}",
        "train.n_evals=2",  # nobody reads the curve
        "train.eval_games=512",
    ]
    stem = f"markup-{algorithm}-{name}-{arguments.rounds}-x{arguments.seeds}"
    if name == "takers":
        for n in axis.values:
            folder = Path("runs") / f"{stem}-{n}"
            train(algorithm, f"{algorithm}_maker", folder, [*own, f"{axis.parameter}={n}"], GAMES)
            yield n, result_of(folder)
        return
    folder = Path("runs") / stem
    points = sorted(folder.glob("*/config.yaml"))
    if len(points) < len(axis.values) or not all(finished(point.parent) for point in points):
        sweep(algorithm, folder, axis, own)
    for point in folder.glob("*/config.yaml"):
        value = yaml.safe_load(point.read_text(encoding="utf-8"))
        for part in axis.parameter.split("."):
            value = value[part]
        yield int(value), result_of(point.parent)


def sweep(algorithm: str, folder: Path, axis: Axis, overrides: list[str]) -> None:
    """Train all points of an axis in one program, or go on where that was interrupted."""
    grid = f"{axis.parameter}={','.join(map(str, axis.values))}"
    config = str(ROOT / "configs" / f"{algorithm}_maker.yaml")
    games = f"train.final_eval_games={GAMES}"
    fresh = ["--config", config, "--sweep", grid, *overrides, games, f"name={folder.name}"]
    options = ["--resume", str(folder)] if folder.exists() else fresh
    subprocess.run([sys.executable, str(ROOT / "train" / f"{algorithm}.py"), *options], check=True)


def result_of(folder: Path) -> dict[str, Any]:
    """What the training's summary says of its play."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    result: dict[str, Any] = summary["results"][0]
    return result


def of(result: dict[str, Any]) -> dict[str, Any]:
    """The figures and their intervals."""
    row: dict[str, Any] = {}
    for name in FIGURES:
        row[name] = result[name]
        interval = [math.nan if x is None else x for x in result[f"{name}_ci95"]]
        row[f"{name}_low"], row[f"{name}_high"] = interval
    return row


def table(rows: list[dict[str, Any]]) -> str:
    def cell(row: dict[str, Any], name: str) -> str:
        half = (row[f"{name}_high"] - row[f"{name}_low"]) / 2
        return f"{row[name]:.3f}" + ("" if math.isnan(half) else f" ± {half:.3f}")

    header = ["", "learner", "mark-up", "maker's score", "takers' score", "maker's exploitability"]
    return markdown(
        header,
        [
            [
                f"{AXES[row['axis']].label} {row['value']}",
                row["algorithm"].upper(),
                *(cell(row, name) for name in FIGURES),
            ]
            for row in sorted(rows, key=lambda row: (row["axis"], row["value"]))
        ],
    )


def draw(rows: list[dict[str, Any]]) -> None:
    """A panel for each axis: mark-ups of both learners, shaded by their intervals."""
    panels: dict[str, dict[str, Line]] = {}
    for name in dict.fromkeys(row["axis"] for row in rows):
        panels[name] = {}
        for algorithm in ALGORITHMS:
            own = sorted(
                (r for r in rows if (r["axis"], r["algorithm"]) == (name, algorithm)),
                key=lambda row: row["value"],
            )
            columns = ("value", "maker_markup", "maker_markup_low", "maker_markup_high")
            panels[name][algorithm.upper()] = Line(*([row[c] for row in own] for c in columns))
    labels = [AXES[name].label for name in panels]
    plot(IMAGE.with_suffix(".png"), panels, labels, "mark-up", scales=("linear", "linear"))


def parse_arguments() -> argparse.Namespace:
    parser = Parser(description="Learned mark-ups against the exact ones.")
    parser.add_argument("--rounds", type=a_count, default=400_000, help="per seed (400,000)")
    parser.add_argument("--seeds", type=a_count, default=4, help="an interval needs three (4)")
    parser.add_argument(
        "--axes", type=some_of(AXES), default=list(AXES), help=f"of {', '.join(AXES)} (all)"
    )
    parser.add_argument(
        "--takers", type=counts, default=AXES["takers"].values, help="how many take (1,2,4)"
    )
    return parser.parse_args()


def counts(text: str) -> tuple[int, ...]:
    """For argparse: whole numbers above 0, with commas between."""
    return tuple(map(a_count, text.split(",")))


if __name__ == "__main__":
    main()
