"""A data set for Minari: each player's game is an episode."""

import contextlib
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from cardjax.datasets.games import Batch, Rollouts, happened
from cardjax.env.declaration import ParameterError
from cardjax.env.events import EVENT_KINDS
from cardjax.env.execution import N_ACTIONS
from cardjax.evaluation.rollout_columns import OBSERVATION
from cardjax.runtime.libraries import library

MINARI_COLUMNS = {
    "actions": "action",
    "rewards": "reward",
    "terminations": "terminated",
    "truncations": "truncated",
}
"""An EpisodeBuffer's columns → ours."""


def check_minari_id(minari_id: str) -> None:
    """Refuse an id that Minari would refuse only after it has made folders."""
    library("h5py", "--minari", minari_id, "minari")
    minari = library("minari", "--minari", minari_id, "minari")
    root = library("minari.storage.datasets_root_dir", "--minari", minari_id, "minari")
    try:
        minari.dataset.minari_dataset.parse_dataset_id(minari_id)
    except ValueError:
        allowed = "must be (NAMESPACE/)NAME-vVERSION, such as cardjax/ev_oracle-v0"
        raise ParameterError("--minari", minari_id, allowed) from None
    if root.get_dataset_path(minari_id).exists():
        raise ParameterError("--minari", minari_id, "exists; take another name or version")


@contextlib.contextmanager
def minari_dataset(
    minari_id: str, rollouts: Rollouts, about: Mapping[str, str]
) -> Iterator[Callable[[Batch], None]]:
    """A function that adds a batch to a new Minari data set, which is gone after an error."""
    check_minari_id(minari_id)
    minari, spaces = (
        library(name, "--minari", minari_id, "minari") for name in ("minari", "gymnasium.spaces")
    )
    bounds = rollouts.market.observation_space(rollouts.env_params)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # no author, no e-mail address, no registered environment: so it is
        dataset = minari.create_dataset_from_buffers(
            minari_id,
            [],
            observation_space=spaces.Box(bounds.low[0], bounds.high[0], dtype=np.float32),
            action_space=spaces.Discrete(N_ACTIONS),
            algorithm_name=about["policy"],
            description="\n".join(f"{key}: {text}" for key, text in about.items()),
            data_format="hdf5",
        )
    try:
        yield lambda batch: dataset.update_dataset_from_buffer(list(_episodes(minari, batch)))
    except BaseException:
        shutil.rmtree(dataset.storage.data_path.parent)
        raise


def _kind_beliefs(batch: Batch) -> np.ndarray | None:
    """float32 [10, games, A, 6], of the kinds of event in order; None where the event is known."""
    columns = [f"belief_{kind}" for kind in EVENT_KINDS]
    if columns[0] not in batch:
        return None
    return np.stack([batch[column] for column in columns], -1)


def _episodes(minari: ModuleType, batch: Batch) -> Iterator[Any]:
    """Each player's game as a minari EpisodeBuffer, in the order of game and seat.

    An episode of T rounds has T + 1 observations, masks and, where the event is hidden, beliefs
    about its kind. The last mask, of no round, allows a pass alone; the last belief is zeros.
    """
    lengths = happened(batch).sum(1)
    bits = batch["action_mask_bits"][..., None] >> np.arange(N_ACTIONS, dtype=np.int32) & 1 == 1
    masks = np.concatenate([bits, np.zeros_like(bits[:1])])
    beliefs = _kind_beliefs(batch)
    for game, seat in np.ndindex(lengths.shape):
        n = lengths[game, seat]
        mask = masks[: n + 1, game, seat].copy()
        mask[n] = np.arange(N_ACTIONS) == 0
        infos = {"action_mask": mask}
        if beliefs is not None:
            belief = beliefs[:n, game, seat]
            infos["belief"] = np.concatenate([belief, np.zeros_like(belief[:1])])
        yield minari.data_collector.EpisodeBuffer(
            observations=batch[OBSERVATION][: n + 1, game, seat],
            options={"game": int(batch["game"][0, game, seat]), "seat": seat},
            infos=infos,
            **{theirs: batch[ours][:n, game, seat] for theirs, ours in MINARI_COLUMNS.items()},
        )
