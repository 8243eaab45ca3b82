"""The reference policies that come with cardjax load by name, play, and are as good as is said."""

import numpy as np
import pytest

import cardjax
from cardjax.env import ParameterError
from cardjax.evaluation.evaluate import SELF, VALIDATION, evaluate
from cardjax.loading import references
from cardjax.loading.players import find_player, is_trained, opponents_for
from cardjax.loading.saved import training_seeds

N_PLAYERS = {"dqn": 1, "ippo": 2}
NAMES = tuple(N_PLAYERS)


def test_there_are_two():
    assert references.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_plays_the_default_game(name):
    policy = cardjax.load_policy(name)
    assert (policy.algorithm, policy.market.n_players) == (name, N_PLAYERS[name])
    default, params = cardjax.make("two" if N_PLAYERS[name] == 2 else "single")
    assert policy.market == default
    assert policy.env_params.alpha == params.alpha
    size = 55 + 2 * (N_PLAYERS[name] - 1)
    actions = policy.act(np.zeros((3, size), np.float32), np.ones((3, 21), bool))
    assert actions.shape == (3,)
    assert training_seeds(references.FOLDER / f"{name}.npz") == [policy.seed]


def test_commands_know_it_by_name():
    assert is_trained("ippo")
    assert not is_trained("equilibrium")
    _, market, _ = find_player("ippo")
    assert set(opponents_for(market, ("ippo", "self"))) == {"ippo", "self"}
    with pytest.raises(ParameterError, match="dqn"):  # whose game has one player
        opponents_for(market, ("dqn",))


def test_a_folder_of_that_name_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ippo").mkdir()
    with pytest.raises(ParameterError, match="ippo"):
        find_player("ippo")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_reference_is_nearly_the_optimum(name):
    player, market, params = find_player(name)
    (result,) = evaluate(
        market, params, player, {SELF: opponents_for(market, (SELF,))[SELF]}, 8192, 0, VALIDATION
    )
    assert 0.975 < result.metrics["score"].mean < 1.01
