"""Reward scaling and the price of ruin, round by round against plain Python."""

import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents.rewards import charged_for_ruin, new_reward_scale, new_ruin, scaled

T, GAMES, SEATS, GAMMA = 7, 3, 2, 0.9
rng = np.random.default_rng(0)
REWARD = rng.normal(size=(2, T, GAMES, SEATS)).astype(np.float32) * 5 + 1
ENDS = rng.random((2, T, GAMES)) < 0.3
BELOW = rng.random((2, T, GAMES, SEATS)) < 0.3


def test_rewards_are_divided_by_the_deviation_of_running_returns():
    scale, running, seen = new_reward_scale((GAMES, SEATS)), np.zeros((GAMES, SEATS)), []
    for reward, ends in zip(REWARD, ENDS, strict=True):
        scale, out = scaled(scale, jnp.asarray(reward), jnp.asarray(ends), GAMMA)
        for t in range(T):
            running = GAMMA * running + reward[t]
            seen.append(running.copy())
            running[ends[t]] = 0
        np.testing.assert_allclose(out, reward / np.std(seen), rtol=1e-4)
        np.testing.assert_allclose(scale.returns, running, rtol=1e-4, atol=1e-5)


def test_only_a_games_first_ruin_is_charged_and_the_multiplier_follows_the_excess():
    ruin, ruined, multiplier = new_ruin((GAMES, SEATS)), np.zeros((GAMES, SEATS), bool), 0.0
    for reward, ends, below in zip(REWARD, ENDS, BELOW, strict=True):
        ruin, out, metrics = charged_for_ruin(
            ruin, *map(jnp.asarray, (reward, below, ends)), bound=0.1, rate=4.0
        )
        expected, n_ended, n_ruined = reward.copy(), 0, 0
        for t in range(T):
            expected[t] -= multiplier * (below[t] & ~ruined)
            ruined |= below[t]
            n_ended += ends[t].sum() * SEATS
            n_ruined += ruined[ends[t]].sum()
            ruined[ends[t]] = False
        multiplier = max(0.0, multiplier + 4 * (n_ruined / n_ended - 0.1))
        np.testing.assert_allclose(out, expected, rtol=1e-5)
        np.testing.assert_array_equal(ruin.ruined, ruined)
        assert float(metrics["ruin_probability"]) == pytest.approx(n_ruined / n_ended)
        assert float(ruin.multiplier) == pytest.approx(multiplier, rel=1e-5)
    assert multiplier > 0


def test_within_the_bound_ruin_becomes_free_and_never_pays():
    ruin = new_ruin((GAMES, SEATS))._replace(multiplier=jnp.float32(0.3))
    nobody = jnp.zeros((T, GAMES, SEATS), bool)
    for _ in range(3):
        ruin, out, _ = charged_for_ruin(
            ruin, jnp.asarray(REWARD[0]), nobody, jnp.ones((T, GAMES), bool), 0.05, 4.0
        )
        np.testing.assert_array_equal(out, REWARD[0])
    assert ruin.multiplier == 0


def test_where_no_game_ends_the_multiplier_waits():
    ruin, _, _ = charged_for_ruin(
        new_ruin((GAMES, SEATS)),
        *map(jnp.asarray, (REWARD[0], BELOW[0])),
        jnp.zeros((T, GAMES), bool),
        0.0,
        4.0,
    )
    assert ruin.multiplier == 0
