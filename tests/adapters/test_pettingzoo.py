"""PettingZoo's own tests, and the game behind the seed."""

import warnings

import numpy as np
import pytest

pettingzoo = pytest.importorskip("pettingzoo")

from gymnasium.error import ResetNeeded
from pettingzoo.test import parallel_api_test, parallel_seed_test

from cardjax.adapters.pettingzoo import parallel_env
from cardjax.env import CardMarket, ParameterError, make_params


@pytest.fixture(scope="module")
def three():
    return parallel_env(n_players=3, mask="observation", alpha=0.7, render_mode="ansi")


def test_pettingzoos_tests_pass(three):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(three, num_cycles=30)
        parallel_seed_test(lambda: parallel_env(n_players=3, mask="observation"), num_cycles=30)
        parallel_seed_test(lambda: parallel_env(n_players=3), num_cycles=30)


def test_a_seed_names_the_games_and_a_game_is_the_markets_own(three, native_games):
    actions = np.array(
        [[3, 14, 0], [1, 0, 20], [5, 5, 5], [0, 0, 0], [10, 10, 10], [11, 12, 13], *[[1, 2, 3]] * 4]
    )
    for game in range(2):
        first, (observation, reward, ends, info, mask) = native_games(
            CardMarket(3), 5, make_params(alpha=0.7), actions, game
        )
        observations, _ = three.reset(seed=5 if game == 0 else None)
        np.testing.assert_array_equal([o["observation"] for o in observations.values()], first)
        for t, row in enumerate(actions):
            agents = list(three.agents)
            assert agents == ["player_0", "player_1", "player_2"]
            shown, rewards, over, cut, infos = three.step(dict(zip(agents, row, strict=True)))
            assert list(over.values()) == [bool(ends[t])] * 3 and not any(cut.values())
            np.testing.assert_allclose(list(rewards.values()), reward[t], rtol=1e-5, atol=1e-5)
            for i, agent in enumerate(agents):
                np.testing.assert_allclose(
                    shown[agent]["observation"], observation[t, i], rtol=1e-6, atol=1e-6
                )
                np.testing.assert_array_equal(shown[agent]["action_mask"], mask[t, i])
                assert "action_mask" not in infos[agent] and infos[agent]["S"] == info["S"][t]
                assert infos[agent]["pnl"] == pytest.approx(info["pnl"][t, i], abs=1e-4)
            np.testing.assert_array_equal(
                three.state(), np.concatenate([o["observation"] for o in shown.values()])
            )
            assert three.state() in three.state_space
        assert three.agents == [] and three.step({}) == ({}, {}, {}, {}, {})


def test_before_reset_an_error_says_what_to_do():
    env = parallel_env(render_mode="ansi")
    for call in (lambda: env.step({}), env.state, env.render):
        with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
            call()


def test_a_boolean_leaves_the_others_orders_alone():
    env = parallel_env()
    env.reset(seed=0)
    env.step({"player_0": np.True_, "player_1": 20})
    assert env._slot.state.players.last_position.tolist() == [1, -10]


def test_the_mask_stands_where_it_is_asked_for():
    env = parallel_env(n_players=3)
    observations, infos = env.reset(seed=0)
    assert (
        observations["player_0"] in env.observation_space("player_0")
        and observations["player_0"].ndim == 1
    )
    assert (
        infos["player_2"]["action_mask"].shape == (21,)
        and infos["player_2"]["action_mask"].dtype == np.int8
    )
    with pytest.raises(ParameterError, match="mask = nowhere: must be one of info, observation"):
        parallel_env(mask="nowhere")


def test_any_number_of_players_may_play():
    assert parallel_env("single").possible_agents == ["player_0"]
    assert len(parallel_env(n_players=16).possible_agents) == 16
    assert parallel_env(preset="tight_budget").params.initial_wealth == 100


def test_all_live_players_must_act(three):
    three.reset(seed=0)
    with pytest.raises(
        ParameterError, match="actions of = player_0: must be of player_0, player_1, player_2"
    ):
        three.step({"player_0": 0})


def test_text_has_a_line_for_each(three):
    three.reset(seed=0)
    three.step({"player_0": 1, "player_1": 0, "player_2": 11})
    lines = three.render().splitlines()
    assert [line.split(":")[0] for line in lines] == ["player_0", "player_1", "player_2"]
    assert "bought 1" in lines[0] and "passed" in lines[1] and "sold 1" in lines[2]
