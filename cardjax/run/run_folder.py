"""A run's folder: config.yaml, meta.json, metrics.csv, TensorBoard events, checkpoints/,
summary.json.
"""

import contextlib
import fcntl
import os
import platform
import subprocess
import uuid
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import jax

from cardjax.config import RunConfig, dump_config, make_market
from cardjax.env.declaration import ParameterError
from cardjax.evaluation.interpretation import UNITS
from cardjax.files.reading import checked, read_json, refused
from cardjax.files.writing import write_json, write_text

PACKAGES = ("cardjax", "jax", "jaxlib", "flax", "optax", "distrax", "numpy")


class Device(TypedDict, total=False):
    """Where a run was trained."""

    platform: str
    kind: str
    count: int


class Meta(TypedDict):
    """meta.json of a run or a sweep."""

    algorithm: str
    run_id: NotRequired[str]
    """of a run: what its checkpoints are known by."""
    sweep: NotRequired[dict[str, dict[str, str]]]
    """of a sweep: each point's folder, and its values by name."""
    point: NotRequired[dict[str, str]]
    """of a point of a sweep: its values."""
    env_version: NotRequired[str]
    git_commit: NotRequired[str | None]
    versions: NotRequired[dict[str, str | None]]
    device: NotRequired[Device]


class Entry(TypedDict):
    """One of a summary's results; beside these names there are the metrics and their intervals."""

    opponent: str
    unit: str
    mean_pnl: float | None
    ci95: tuple[float | None, float | None]
    score: float | None
    score_ci95: tuple[float | None, float | None]
    score_by_seed: NotRequired[list[float | None]]
    score_interval_shrinkage: NotRequired[float | None]
    interval_shrinkage: NotRequired[float | None]


class Reached(TypedDict):
    """How many seeds reached a score, and after how many rounds half of them had."""

    reached: int
    rounds: float | None
    rounds_ci95: NotRequired[tuple[float | None, float | None]]


class Summary(TypedDict):
    """summary.json."""

    algorithm: str
    total_steps: int
    wall_seconds: float
    steps_per_second: float
    seeds: list[int]
    interrupted: bool
    results: list[Entry]
    draws: NotRequired[str]
    rounds_to_score: NotRequired[dict[str, int | None]]
    score_area: NotRequired[float | None]
    score_area_ci95: NotRequired[tuple[float | None, float | None]]
    rounds_to: NotRequired[dict[str, Reached]]
    train_seconds: NotRequired[float]
    play: NotRequired[str]
    baselines: NotRequired[dict[str, float | None]]


def create(folder: Path, config: RunConfig, algorithm: str, **about: object) -> None:
    """Make a new run folder with its config.yaml and meta.json; `about` goes into the latter.

    Raises:
        ParameterError: the folder exists, or cannot be written.
    """
    name = folder.name
    try:
        folder.mkdir(parents=True)
        write_text(folder / "config.yaml", dump_config(config))
        write_json(
            folder / "meta.json",
            {"algorithm": algorithm, "run_id": uuid.uuid4().hex} | about | provenance(config),
        )
    except FileExistsError:
        raise ParameterError(
            "name", name, f"{folder} exists; take another name, or --resume {folder}"
        ) from None
    except OSError as error:
        raise ParameterError(
            "name", name, f"{folder} cannot be written ({error.strerror})"
        ) from None


def provenance(config: RunConfig) -> dict[str, Any]:
    """What a run or a file comes from: the game's version, and what `describe_machine` says."""
    return {"env_version": make_market(config.game).version} | describe_machine()


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a run to this process: another one that trains it meanwhile is refused.

    The operating system lets go of it when the process ends, however it ends.

    Raises:
        ParameterError: another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = "is being trained by another process"
            raise ParameterError("run", str(folder), said) from None
        except OSError:
            pass  # some network file systems have no locks
        yield
    finally:
        os.close(handle)


def describe_machine() -> dict[str, Any]:
    """What a result depends on beside its configuration: commit, versions, device."""
    device = jax.devices()[0]
    return {
        "git_commit": git_commit(),
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in PACKAGES},
        "device": {
            "platform": device.platform,
            "kind": device.device_kind,
            "count": jax.device_count(),
        },
    }


def git_commit() -> str | None:
    """The commit of the checkout that holds cardjax, with "+changes" if files differ from it.

    None where there is no checkout, or only one that does not hold this file: an installed package
    may lie inside a repository that is about something else.
    """
    folder = Path(__file__).resolve().parent
    try:
        _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)
        commit = _git(folder, "rev-parse", "HEAD")
        return commit + (
            "+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return None


def read_meta(folder: Path) -> Meta:
    """A run's or sweep's meta.json.

    Raises:
        ParameterError: there is none, or something in it is not as `Meta` says.
    """
    if not (folder / "meta.json").is_file():
        raise ParameterError("run", str(folder), "is not a run folder (no meta.json)")
    meta = read_json(folder / "meta.json", Meta)
    if meta.get("sweep") == {}:
        raise refused(folder / "meta.json", "sweep has no points")
    return meta


def read_summary(folder: Path) -> Summary | None:
    """A run's summary.json; None where its training has not come to one yet.

    Raises:
        ParameterError: it cannot be read, or something in it is not as `Summary` says.
    """
    path = folder / "summary.json"
    if not path.exists():
        return None
    summary = read_json(path, Summary)
    if not summary["results"] or not summary["seeds"]:
        raise refused(path, f"has no {'seeds' if summary['results'] else 'results'}")
    for i, entry in enumerate(summary["results"]):
        figures = {name: value for name, value in entry.items() if name in UNITS}
        checked(path, figures, dict[str, float | None], f"results[{i}]")
        bounds = {name: value for name, value in entry.items() if name.endswith("_ci95")}
        checked(path, bounds, dict[str, tuple[float | None, float | None]], f"results[{i}]")
    return summary


def _git(folder: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
