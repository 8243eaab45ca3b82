"""A checkpoint by itself: what is read back is found by its name."""

from typing import NamedTuple

import numpy as np
import pytest

from cardjax.env import ParameterError
from cardjax.run.checkpoints import Checkpoints


class Games(NamedTuple):
    wealth: np.ndarray


class LaterGames(NamedTuple):
    wealth: np.ndarray
    past: np.ndarray | None = None


class State(NamedTuple):
    games: Games | LaterGames
    weights: dict[str, tuple[np.ndarray, ...]]


def state_of(games):
    kernels = (np.arange(6, dtype=np.float32).reshape(2, 3), np.int32([7]))
    return State(games, {"torso": kernels})


def test_a_later_optional_field_is_none_in_an_earlier_checkpoint(tmp_path):
    wealth = np.float32([500, 400])
    (tmp_path / "meta.json").write_text("{}")
    checkpoints = Checkpoints(tmp_path, {"train.total_steps": 10})
    checkpoints.save(3, state_of(Games(wealth)))
    read = checkpoints.restore(3, state_of(LaterGames(np.empty_like(wealth))))
    assert read.games.past is None
    np.testing.assert_array_equal(read.games.wealth, wealth)
    for ours, theirs in zip(
        read.weights["torso"], state_of(Games(wealth)).weights["torso"], strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ParameterError, match=r"games.past is absent in the checkpoint"):
        checkpoints.restore(3, state_of(LaterGames(wealth, wealth)))
    checkpoints.close()


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ({"run_id": "a"}, "is of another version of cardjax, or of the learner: games.past is"),
        ({}, "is of another run: games.past is absent"),  # of 0.1.0, which names no run
    ],
)
def test_a_run_s_own_checkpoint_of_another_version_is_not_called_another_run_s(
    tmp_path, origin, said
):
    wealth = np.float32([500, 400])
    (tmp_path / "meta.json").write_text("{}")
    checkpoints = Checkpoints(tmp_path, {"train.total_steps": 10} | origin)
    checkpoints.save(3, state_of(Games(wealth)))
    with pytest.raises(ParameterError, match=said):
        checkpoints.restore(3, state_of(LaterGames(wealth, wealth)))
    checkpoints.close()
