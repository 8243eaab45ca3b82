"""A run's folder: config.yaml, meta.json, metrics.csv, TensorBoard events, checkpoints/,
summary.json.
"""

import csv
import io
import json
import math
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from cardjax.config import RunConfig, dump_config
from cardjax.env.declaration import ParameterError

PACKAGES = ("cardjax", "jax", "jaxlib", "flax", "optax", "distrax", "numpy")


def create(folder: Path, config: RunConfig, algorithm: str, **about: Any) -> None:
    """Make a new run folder with its config.yaml and meta.json; `about` goes into the latter.

    Raises:
        ParameterError: the folder exists, or cannot be written.
    """
    name = folder.name
    try:
        folder.mkdir(parents=True)
        write_text(folder / "config.yaml", dump_config(config))
        write_json(folder / "meta.json", {"algorithm": algorithm} | about | describe_machine())
    except FileExistsError:
        raise ParameterError(
            "name", name, f"{folder} exists; take another name, or --resume {folder}"
        ) from None
    except OSError as error:
        raise ParameterError(
            "name", name, f"{folder} cannot be written ({error.strerror})"
        ) from None


def write_text(path: Path, text: str) -> None:
    """Replace a file as a whole: a reader, or a crash, never meets half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)


def write_json(path: Path, content: Any) -> None:
    """As `write_text`; NaN becomes null, so that every JSON reader takes it."""
    write_text(path, json.dumps(_without_nan(content), indent=2) + "\n")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """As `write_text`, one line a row; the columns are all rows' names, NaN is empty."""
    flat = [dict(_flat(row)) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys(name for row in flat for name in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(flat)
    write_text(path, text.getvalue())


def _flat(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in _without_nan(row).items():
        if name.endswith("_ci95") or name == "ci95":
            yield from zip((f"{name}_low", f"{name}_high"), value, strict=True)
        elif isinstance(value, list):
            yield name, " ".join(str(x) for x in value)
        elif isinstance(value, dict):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ParameterError: it cannot be read.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ParameterError("run", str(path), f"cannot be read ({error})") from None


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
    """The checkout's commit, with "+changes" if files differ from it; None outside a checkout."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return commit + (
            "+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return None


class MetricsLog:
    """metrics.csv and TensorBoard events: one row a seed and log point; written through after each
    point.
    """

    def __init__(self, folder: Path, seeds: Sequence[int], keep_rounds: int = 0):
        """Continue the folder's log, without rows later than `keep_rounds` (those were not
        checkpointed).
        """
        from tensorboardX import SummaryWriter

        self._path, self._seeds = folder / "metrics.csv", seeds
        self._rows = [row for row in read_metrics(self._path) if int(row["rounds"]) <= keep_rounds]
        self._write_all()
        self._board = SummaryWriter(
            str(folder), purge_step=keep_rounds + 1 if keep_rounds else None
        )

    @property
    def train_seconds(self) -> float:
        """Of the last point, 0 before the first."""
        return float(self._rows[-1]["train_seconds"]) if self._rows else 0.0

    @property
    def wall_seconds(self) -> float:
        """Of the last point, 0 before the first."""
        return float(self._rows[-1]["wall_seconds"]) if self._rows else 0.0

    def add(
        self,
        rounds: int,
        train_seconds: float,
        wall_seconds: float,
        rows: Sequence[Mapping[str, float]],
    ) -> None:
        """`rows`: each seed's metrics by name; the names are those of the first point, an absent
        one is left blank.
        """
        for seed, row in zip(self._seeds, rows, strict=True):
            times = {
                "train_seconds": round(train_seconds, 3),
                "wall_seconds": round(wall_seconds, 3),
            }
            self._rows.append({"rounds": rounds, **times, "seed": seed, **row})
            for name, value in row.items():
                if not math.isnan(value):
                    self._board.add_scalar(f"{name}/seed_{seed}", value, rounds)
        self._write_all()
        self._board.flush()

    def close(self) -> None:
        """Close the events file."""
        self._board.close()

    def _write_all(self) -> None:
        part = self._path.with_name(self._path.name + ".part")
        with part.open("w", newline="") as file:
            writer = csv.DictWriter(
                file,
                list(self._rows[0])
                if self._rows
                else ["rounds", "train_seconds", "wall_seconds", "seed"],
            )
            writer.writeheader()
            writer.writerows(
                {k: "" if _is_nan(v) else v for k, v in row.items()} for row in self._rows
            )
        os.replace(part, self._path)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics.csv; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _git(folder: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _without_nan(content: Any) -> Any:
    if isinstance(content, dict):
        return {k: _without_nan(v) for k, v in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(v) for v in content]
    return None if _is_nan(content) else content
