"""Losses and estimators against numbers worked by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cardjax.agents import losses

REWARD, VALUE = jnp.float32([1.0, 2.0, 3.0]), jnp.float32([0.5, 1.0, 1.5])
LAST_VALUE = jnp.float32(2)
NEVER = jnp.zeros(3, bool)


def test_gae_by_hand():
    # Deltas with gamma 0.9: 1 + 0.9 · 1 − 0.5 = 1.4;  2 + 0.9 · 1.5 − 1 = 2.35;  3 + 0.9 · 2 − 1.5
    # = 3.3. Backwards with gamma · lambda = 0.72: 3.3;  2.35 + 0.72 · 3.3 = 4.726;  1.4 + 0.72 ·
    # 4.726 = 4.80272.
    advantage = losses.gae(REWARD, VALUE, LAST_VALUE, NEVER, 0.9, 0.8)
    np.testing.assert_allclose(advantage, [4.80272, 4.726, 3.3], rtol=1e-6)


def test_gae_takes_nothing_from_beyond_a_termination():
    # The second step ends the game: its delta is 2 − 1 = 1, nothing flows back into it, and 1.4 +
    # 0.72 · 1 = 2.12.
    advantage = losses.gae(REWARD, VALUE, LAST_VALUE, jnp.array([False, True, False]), 0.9, 0.8)
    np.testing.assert_allclose(advantage, [2.12, 1, 3.3], rtol=1e-6)


def test_gae_does_not_bootstrap_from_a_game_that_ended_with_the_rollout():
    advantage = losses.gae(
        REWARD, VALUE, jnp.float32(1e6), jnp.array([False, False, True]), 0.9, 0.8
    )
    np.testing.assert_allclose(advantage[-1], 3 - 1.5)


def test_gae_without_discount_is_reward_minus_value():
    np.testing.assert_allclose(
        losses.gae(REWARD, VALUE, LAST_VALUE, NEVER, 0, 0.95), REWARD - VALUE
    )


def test_gae_with_lambda_0_is_the_one_step_error():
    np.testing.assert_allclose(
        losses.gae(REWARD, VALUE, LAST_VALUE, NEVER, 0.9, 0), [1.4, 2.35, 3.3], rtol=1e-6
    )


@pytest.mark.parametrize("seed", range(3))
def test_gae_with_lambda_1_is_the_monte_carlo_return(seed):
    rng = np.random.default_rng(seed)
    reward, value = rng.normal(size=(2, 12, 5)).astype(np.float32)
    last_value, terminated = rng.normal(size=5).astype(np.float32), rng.random((12, 5)) < 0.2
    returns, following = np.zeros((12, 5)), last_value
    for t in reversed(range(12)):
        following = returns[t] = reward[t] + 0.9 * np.where(terminated[t], 0, following)
    advantage = losses.gae(*map(jnp.asarray, (reward, value, last_value, terminated)), 0.9, 1)
    np.testing.assert_allclose(advantage + value, returns, rtol=1e-5, atol=1e-5)


def test_gae_of_one_game_does_not_depend_on_the_others():
    both = losses.gae(
        *(jnp.stack([x, 2 * x], -1) for x in (REWARD, VALUE, LAST_VALUE)), NEVER[:, None], 0.9, 0.8
    )
    np.testing.assert_allclose(both[:, 1], 2 * both[:, 0], rtol=1e-6)


def test_the_surrogate_is_clipped_on_the_side_that_would_gain():
    # ratio:               1.5    0.5    1.5    0.5    1.1
    # advantage:             1      1     −1     −1      2
    # min(r·A, clip(r)·A): 1.2    0.5   −1.5   −0.8    2.2, whose mean is 0.32.
    log_ratio, advantage = (
        jnp.log(jnp.array([1.5, 0.5, 1.5, 0.5, 1.1])),
        jnp.array([1.0, 1, -1, -1, 2]),
    )
    np.testing.assert_allclose(
        losses.clipped_surrogate(log_ratio, advantage, 0.2), -0.32, rtol=1e-6
    )


def test_a_clipped_sample_pulls_no_further():
    log_ratio, advantage = (
        jnp.log(jnp.array([1.5, 0.5, 1.5, 0.5, 1.1])),
        jnp.array([1.0, 1, -1, -1, 2]),
    )
    gradient = jax.grad(losses.clipped_surrogate)(log_ratio, advantage, 0.2)
    # d(−r·A/5)/d ln r = −r·A/5 where the unclipped product is the smaller one, else 0.
    np.testing.assert_allclose(gradient, [0, -0.1, 0.3, 0, -0.44], rtol=1e-6)


def test_at_ratio_1_the_surrogate_is_the_policy_gradient():
    advantage = jnp.array([3.0, -1.0])
    assert losses.clipped_surrogate(jnp.zeros(2), advantage, 0.2) == -1
    np.testing.assert_allclose(
        jax.grad(losses.clipped_surrogate)(jnp.zeros(2), advantage, 0.2), -advantage / 2
    )


@given(arrays(np.float32, 8, elements=st.floats(-8, 8, width=32)))
@settings(max_examples=50, deadline=None)
def test_the_kl_estimate_is_never_negative(log_ratio):
    assert losses.approximate_kl(jnp.asarray(log_ratio)) >= -1e-6


def test_the_kl_estimate_by_hand():
    # r − 1 − ln r at r = 2 and at r = 1.
    np.testing.assert_allclose(
        losses.approximate_kl(jnp.log(jnp.array([2.0, 1.0]))), (1 - np.log(2)) / 2, rtol=1e-6
    )


def test_the_kl_estimate_is_right_on_average():
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.4, 0.35, 0.25])
    drawn = np.random.default_rng(0).choice(3, 400_000, p=p)
    estimate = losses.approximate_kl(jnp.log(jnp.asarray(q / p, jnp.float32))[drawn])
    np.testing.assert_allclose(estimate, (p * np.log(p / q)).sum(), rtol=0.01)


def test_standardized_by_hand():
    np.testing.assert_allclose(losses.standardized(jnp.array([1.0, 3.0])), [-1, 1], rtol=1e-6)


def test_standardizing_a_constant_gives_zeros():
    np.testing.assert_array_equal(losses.standardized(jnp.full(4, 7.0)), np.zeros(4))


def test_the_expected_surrogate_is_the_clipped_one_averaged_over_draws():
    old, new = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.2, 0.2, 0.6, 0.0])
    advantage = np.array([1.0, -2.0, 0.5, 9.0])
    ratio = np.array([0.4, 2 / 3, 3.0])
    clipped = np.minimum(ratio * advantage[:3], np.clip(ratio, 0.8, 1.2) * advantage[:3])
    loss = losses.expected_surrogate(
        *(jnp.asarray(x, jnp.float32)[None] for x in (new, old, advantage)), 0.2
    )
    assert float(loss) == pytest.approx(-(old[:3] * clipped).sum(), rel=1e-6)
    by_action = [
        losses.clipped_surrogate(jnp.log(ratio[i]), jnp.float32(advantage[i]), 0.2)
        for i in range(3)
    ]
    assert float(loss) == pytest.approx(
        float(sum(p * x for p, x in zip(old, by_action, strict=False))), rel=1e-5
    )


def test_an_action_that_play_would_never_draw_has_no_gradient():
    old, advantage = jnp.array([[1.0, 0.0]]), jnp.array([[0.0, 5.0]])
    gradient = jax.grad(lambda p: losses.expected_surrogate(p, old, advantage, 0.2))(
        jnp.array([[0.9, 0.1]])
    )
    assert gradient[0, 1] == 0
