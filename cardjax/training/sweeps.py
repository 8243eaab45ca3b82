"""A sweep on disk: runs/NAME/ with a run folder for each point of a grid, and one table of results
at the end.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cardjax.config import load_config
from cardjax.env.declaration import ParameterError
from cardjax.evaluation.statistics import Interval
from cardjax.evaluation.text_tables import text_table, with_half_width
from cardjax.files.writing import write_csv, write_json
from cardjax.loading import saved
from cardjax.run import run_folder
from cardjax.run.curves import BARS
from cardjax.run.identity import Run
from cardjax.run.learners import configured_for
from cardjax.runtime import processes
from cardjax.training import runs
from cardjax.training.grid import Point, groups_of, traced_names


class Group(NamedTuple):
    """Runs that train as one program."""

    runs: list[Run]
    varied: list[str]
    """names of the traced values in which they differ."""


def start(algorithm: str, points: Sequence[Point]) -> Path:
    """A new sweep: folders, training of one group after the other, one table. Returns the folder.

    Raises:
        ParameterError: the folder exists or cannot be written, or a training's own.
    """
    config = points[0].config
    folder = runs.RUNS / (config.name or runs.made_up_name(algorithm, config))
    points = [point._replace(config=configured_for(algorithm, point.config)) for point in points]
    for point in points:
        runs.refuse_what_does_not_fit(Run(algorithm, point.config, folder / point.label))
    if processes.is_first():
        _create(folder, algorithm, points)
    _train_groups(folder, algorithm, points, resume=False)
    return folder


def resume(algorithm: str, folder: Path, overrides: Sequence[str] = ()) -> Path:
    """Continue a sweep: finished groups as they are, the others from the last checkpoint that all
    their points have.

    Args:
        overrides: as of `runs.resume`, for every point.

    Raises:
        ParameterError: no sweep, another algorithm's, or a training's own.
    """
    saved.read_meta(folder, algorithm)
    points = read_points(folder)
    if overrides and "train.total_steps" in points[0].values:
        raise ParameterError("argument", overrides[0], f"is what the points of {folder} differ in")
    longer = [point._replace(config=runs.lengthened(point.config, overrides)) for point in points]
    _train_groups(folder, algorithm, longer, resume=True)
    return folder


def read_points(folder: Path) -> list[Point]:
    """The points of a sweep's folder; of a run's folder the only one, with no values.

    Raises:
        ParameterError: neither of the two.
    """
    meta = saved.read_meta(folder)
    single: dict[str, dict[str, str]] = {"": {}}
    labels = meta.get("sweep", single)
    for label in labels:
        if label and Path(label).name != label:
            raise ParameterError("run", str(folder), f"has a point {label!r}, which is no name")
    return [
        Point(label, values, load_config(folder / label / "config.yaml"))
        for label, values in labels.items()
    ]


def groups(folder: Path, algorithm: str, points: Sequence[Point]) -> list[Group]:
    """The points as runs, those together that train as one program."""
    varied = traced_names(algorithm, list(points[0].values))
    indices = groups_of([point.values for point in points], varied)
    return [
        Group([Run(algorithm, points[i].config, folder / points[i].label) for i in group], varied)
        for group in indices
    ]


def _create(folder: Path, algorithm: str, points: Sequence[Point]) -> None:
    if folder.exists():
        raise ParameterError(
            "name", folder.name, f"{folder} exists; take another name, or --resume {folder}"
        )
    for point in points:
        # A point's configuration is a configuration like any other: run again, it is to have a name
        # of its own.
        config = dataclasses.replace(point.config, name=None)
        run_folder.create(folder / point.label, config, algorithm, point=point.values)
    about = {"algorithm": algorithm, "sweep": {point.label: point.values for point in points}}
    write_json(folder / "meta.json", about | run_folder.provenance(points[0].config))


def _train_groups(folder: Path, algorithm: str, points: Sequence[Point], resume: bool) -> None:
    left = [
        group
        for group in groups(folder, algorithm, points)
        if not (resume and all(runs.is_finished(run) for run in group.runs))
    ]
    if not left:
        runs.say_that_it_is_finished(algorithm, folder, points[0].config)
    for group in left:
        if not runs.train_and_report(group.runs, group.varied, resume, tables=False):
            print(f"interrupted; continue with --resume {folder}", flush=True)
            break
    if processes.is_first():
        with runs.tell_full_disk(folder):
            _report(folder, algorithm, points)


def _report(folder: Path, algorithm: str, points: Sequence[Point]) -> None:
    """sweep.json, sweep.csv and a table, of the points that have a summary."""
    summaries = [(point, run_folder.read_summary(folder / point.label)) for point in points]
    entries: list[dict[str, Any]] = [
        {"label": point.label, "values": point.values, **summary}
        for point, summary in summaries
        if summary is not None
    ]
    write_json(folder / "sweep.json", {"algorithm": algorithm, "points": entries})
    rows = [
        {"label": entry["label"], **entry["values"], **result}
        for entry in entries
        for result in entry["results"]
    ]
    write_csv(folder / "sweep.csv", rows)
    if entries:
        print(
            sweep_table(entries, f"\n{algorithm}, {folder.name}, self-play, validation draws"),
            flush=True,
        )


def sweep_table(entries: Sequence[Mapping[str, Any]], title: str) -> str:
    """A table of text, one row per point: score and P&L in self-play, and the rounds that the
    scores of `curves.BARS` took to reach.

    Args:
        entries: summaries (summary.json) with the axes' values under "values".
    """
    bars = [f"rounds to {bar}" for bar in BARS]
    headings = [*entries[0]["values"], "score", "P&L per game", *bars, "seeds"]
    table = text_table(headings, [_row(entry) for entry in entries], title)
    units = {entry["results"][0]["unit"] for entry in entries}
    over = units.pop() if len(units) == 1 else "training seeds, or over games where there is one"
    note = f"± is a 95% interval over {over}; * marks a training that was interrupted"
    return f"{table}\n{note}"


def _row(entry: Mapping[str, Any]) -> list[str]:
    (own,) = (result for result in entry["results"] if result["opponent"] == "self")
    reached = [entry.get("rounds_to_score", {}).get(str(bar)) for bar in BARS]
    return [
        *map(str, entry["values"].values()),
        _shown(own["score"], own["score_ci95"], 3) + ("*" if entry["interrupted"] else ""),
        _shown(own["mean_pnl"], own["ci95"], 2),
        *("never" if rounds is None else f"{rounds:,}" for rounds in reached),
        str(len(entry["seeds"])),
    ]


def _shown(mean: float | None, bounds: Sequence[float | None], digits: int) -> str:
    return with_half_width(Interval(math.nan if mean is None else mean, *bounds), digits)
