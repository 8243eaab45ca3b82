"""What a training run is, and what its checkpoints are known by."""

from pathlib import Path
from typing import Any, NamedTuple

from cardjax.config import RunConfig, config_values, make_market
from cardjax.run.run_folder import read_meta


class Run(NamedTuple):
    """A training run: what is trained, and where it is written."""

    algorithm: str
    config: RunConfig
    folder: Path


def seeds_of(config: RunConfig) -> list[int]:
    """The seeds of a run: each trains as a run of its own with that seed would."""
    return [config.seed + i for i in range(config.train.n_seeds)]


def origin_of(run: Run) -> dict[str, Any]:
    """What a checkpoint says that it is of: its run, algorithm, observation fields and their
    widths, configuration.
    """
    fields = make_market(run.config.game).observation_fields.items()
    values = {name: value for name, value in config_values(run.config).items() if name != "name"}
    observation = {name: field.slice.stop - field.slice.start for name, field in fields}
    identity = {"run_id": run_id} if (run_id := read_meta(run.folder).get("run_id")) else {}
    return {**values, **identity, "algorithm": run.algorithm, "observation": observation}
