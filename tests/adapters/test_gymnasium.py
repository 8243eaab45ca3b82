"""Gymnasium's own checks, and the game behind the seed."""

import warnings

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium", minversion="1.1")

from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from cardjax.adapters.gymnasium import KINDS, MarketEnv
from cardjax.env import CardMarket, ParameterError, make_params


@pytest.fixture(scope="module")
def single():
    return MarketEnv()


def play(env, actions, **reset):
    """The steps' results, with the resets' before them."""
    return env.reset(**reset), [env.step(action) for action in actions]


@pytest.mark.parametrize("env_id", KINDS)
def test_gymnasiums_checker_has_nothing_to_say(env_id):
    env = gymnasium.make(env_id, **({"opponent": "level1"} if KINDS[env_id] == "two" else {}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings(
            "ignore", ".*Box observation space m(ax|in)imum value is -?infinity"
        )
        check_env(env.unwrapped)


def test_a_seed_names_the_games_and_a_game_is_the_markets_own(single, native_games):
    actions = [3, 14, 0, 20, 10, 1, 5, 12, 7, 0]
    (first, _), steps = play(single, actions, seed=11)
    for game in range(2):
        start, (observation, reward, ends, info, mask) = native_games(
            CardMarket(1), 11, make_params(), np.array(actions)[:, None], game
        )
        np.testing.assert_array_equal(first, start[0])
        assert [step[2] for step in steps] == ends.tolist() == [False] * 9 + [True]
        assert not any(step[3] for step in steps)
        np.testing.assert_allclose(
            [step[0] for step in steps], observation[:, 0], rtol=1e-6, atol=1e-6
        )
        np.testing.assert_allclose([step[1] for step in steps], reward[:, 0], rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal([step[4]["action_mask"] for step in steps], mask[:, 0])
        for name in ("S", "cards", "event", "mu", "depth_ask"):
            np.testing.assert_allclose([step[4][name] for step in steps], info[name], rtol=1e-6)
        for name in ("pnl", "wealth", "exec_price", "rejected"):
            np.testing.assert_allclose(
                [step[4][name] for step in steps], info[name][:, 0], rtol=1e-5, atol=1e-4
            )
        (first, _), steps = play(single, actions)  # the seed's next game


def test_an_early_reset_also_goes_on_to_the_next_game(single):
    (_, _), full = play(single, [0] * 10, seed=4)
    second = single.reset()[0]
    single.reset(seed=4)
    assert (single.reset()[0] == second).all() and len(full) == 10
    assert (single.reset(seed=4)[0] != second).any()


@pytest.mark.parametrize("method", ["step", "action_masks", "render"])
def test_before_reset_an_error_says_what_to_do(method):
    env = MarketEnv(render_mode="ansi")
    with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
        getattr(env, method)(*([0] if method == "step" else []))


@pytest.mark.parametrize(
    ("env", "action"),
    [
        *(
            ("Maker", action)
            for action in ([1], 3, "ab", None, [10**30, 0], [[1], [2, 3]], [1, 2j])
        ),
        *(("Single", action) for action in ("1", None, [1, 2], {}, 10**30)),
    ],
)
def test_an_action_that_is_none_is_refused_in_one_line(env, action):
    env = gymnasium.make(f"cardjax/{env}-v0", disable_env_checker=True).unwrapped
    with pytest.raises(ParameterError, match=r"^action = .*: must be \d number\(s\), as ") as said:
        env.step(action)
    assert "\n" not in str(said.value)


def test_what_a_seat_does_not_own_a_boolean_leaves_alone(constant):
    env = MarketEnv("two", opponent=constant(20))
    for action in (1, np.True_):
        env.reset(seed=0)
        env.step(action)
        assert env._slot.state.game.players.last_position.tolist() == [1, -10]


def test_a_trained_policy_plays_the_other_seat(trained):
    env = gymnasium.make("cardjax/Two-v0", opponent=trained(), disable_env_checker=True)
    env.reset(seed=0)
    assert env.step(0)[2] is False


def test_environments_without_a_seed_differ():
    assert (MarketEnv().reset()[0] != MarketEnv().reset()[0]).any()


def test_masks_say_what_is_rejected(single):
    env = MarketEnv(initial_wealth=100.0)
    _, info = env.reset(seed=0)
    rejected = []
    for action in range(10, 0, -1):
        assert (env.action_masks() == info["action_mask"]).all()
        assert env.action_masks().dtype == bool and info["action_mask"].dtype == np.int8
        valid = env.action_masks()[action]
        *_, info = env.step(action)
        rejected.append(info["rejected"])
        assert info["rejected"] is not bool(valid)
    assert any(rejected) and not all(rejected)


def test_gymnasium_make_passes_presets_overrides_and_opponents(mixing):
    env = gymnasium.make(
        "cardjax/Two-v0",
        preset="tight_budget",
        opponent=mixing,
        n_players=4,
        alpha=0.9,
        **{"flags.enable_impact": False},
    ).unwrapped
    assert env.seat.market == CardMarket(4) and env.seat.opponent is mixing
    assert env.terms.market.alpha == np.float32(0.9) and not env.terms.market.flags.enable_impact
    assert env.terms.market.initial_wealth < make_params().initial_wealth, "not the preset's"
    assert all(env_id.endswith(f"-{CardMarket().version}") for env_id in KINDS)
    assert (
        gymnasium.make("cardjax/Two-v0").unwrapped.seat.opponent == MarketEnv("two").seat.opponent
    )
    with pytest.raises(ParameterError, match="unknown name"):
        gymnasium.make("cardjax/Single-v0", alhpa=1)


def test_text_tells_the_offer_the_result_and_the_end():
    env = MarketEnv(render_mode="ansi", hints=2, sigma_q=0.0, **{"events.remap": 1.0})
    env.reset(seed=1)
    assert (
        "round 1 | remap_value " in env.render()
        and "wealth 500.0" in env.render()
        and "last" not in env.render()
    )
    texts = []
    for action in (2, 11, 0, 0, 0, 0, 0, 0, 0, 0):
        *_, info = env.step(action)
        texts.append(env.render())
    assert f"last: passed, S {info['S']:.0f}, pnl +0.0" in texts[-1] and texts[-1].startswith(
        "game over after 10 rounds"
    )
    assert (
        "round 2 |" in texts[0]
        and "last: bought 2 at " in texts[0]
        and "last: sold 1 at " in texts[1]
    )
    assert MarketEnv().render() is None


def test_a_render_mode_that_there_is_not_is_refused_as_stable_baselines_expects_it():
    for expected in (ValueError, TypeError):
        with pytest.raises(expected, match="render_mode = rgb_array: must be None or ansi"):
            MarketEnv(render_mode="rgb_array")
