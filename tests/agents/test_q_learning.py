"""Q-learning's returns, targets and losses against numbers worked by hand and brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cardjax.agents import q_learning

FLOATS = st.floats(-100, 100, width=32)
n_step_return = jax.jit(q_learning.n_step_return, static_argnums=2)


def test_n_step_returns_by_hand():
    # gamma 0.5, n 2, the game ends with the second round:
    # 1 + 0.5 · 2 = 2, ended in the window;  2, ended;  4 + 0.5 · 8 = 8, goes on with 0.25;  8, goes
    # on with 0.5.
    reward, terminated = jnp.array([1.0, 2, 4, 8]), jnp.array([False, True, False, False])
    total, discount, later = q_learning.n_step_return(reward, terminated, 2, 0.5)
    np.testing.assert_allclose(total, [2, 2, 8, 8])
    np.testing.assert_allclose(discount, [0, 0, 0.25, 0.5])
    np.testing.assert_array_equal(later, [2, 2, 2, 1])


@given(
    # Few shapes, each of which is compiled: the shortest, and windows shorter and longer than it.
    st.sampled_from([1, 5, 12]).flatmap(
        lambda t: st.tuples(arrays(np.float32, (t, 2), elements=FLOATS), arrays(bool, (t, 2)))
    ),
    st.sampled_from([1, 2, 5, 14]),
    st.sampled_from([0.0, 0.5, 0.9, 1.0]),
)
@settings(max_examples=50, deadline=None)
def test_n_step_returns_are_the_sums_they_say(rollout, n, gamma):
    reward, terminated = rollout
    total, discount, later = map(np.asarray, n_step_return(reward, terminated, n, gamma))
    rounds = len(reward)
    for t in range(rounds):
        assert later[t] == min(n, rounds - t)
        for game in range(2):
            expected, factor = 0.0, 1.0
            for k in range(t, min(t + n, rounds)):
                expected += factor * float(reward[k, game])
                factor *= gamma * (not terminated[k, game])
            np.testing.assert_allclose(total[t, game], expected, rtol=1e-4, atol=1e-3)
            np.testing.assert_allclose(discount[t, game], factor, rtol=1e-5)


@given(
    arrays(np.float32, (8, 5), elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False)),
    arrays(bool, (8, 4)),
)
@settings(max_examples=60, deadline=None)
def test_the_best_valid_action_is_valid_and_none_valid_is_better(q, others):
    mask = np.concatenate([np.ones((8, 1), bool), others], 1)
    best = np.asarray(q_learning.best_valid(jnp.asarray(q), jnp.asarray(mask)))
    for row in range(8):
        assert mask[row, best[row]]
        assert q[row, best[row]] == q[row][mask[row]].max()


def test_the_projection_by_hand():
    # Atoms −1, 0, 1. Shifted by 0.25: −0.75, 0.25, 1.25 → a quarter to the right, and the last
    # stays at 1.
    law = q_learning.projected(jnp.array([0.4, 0.4, 0.2]), jnp.float32(0.25), jnp.float32(1), -1, 1)
    np.testing.assert_allclose(law, [0.3, 0.1 + 0.3, 0.1 + 0.2], rtol=1e-6)


@given(
    arrays(np.float32, (3, 7), elements=st.floats(0.125, 1, width=32)),
    arrays(np.float32, 3, elements=st.floats(-30, 30, width=32)),
    arrays(np.float32, 3, elements=st.floats(0, 1, width=32)),
)
@settings(max_examples=60, deadline=None)
def test_the_projection_is_algorithm_1_of_the_paper(weights, shift, discount):
    low, high, n = -10.0, 5.0, 7
    law = weights / weights.sum(-1, keepdims=True)
    expected, step = np.zeros((3, n)), (high - low) / (n - 1)
    for row in range(3):
        for j in range(n):
            place = (np.clip(shift[row] + discount[row] * (low + j * step), low, high) - low) / step
            under = min(int(np.floor(place)), n - 2)
            expected[row, under] += law[row, j] * (under + 1 - place)
            expected[row, under + 1] += law[row, j] * (place - under)
    got = q_learning.projected(
        jnp.asarray(law), jnp.asarray(shift), jnp.asarray(discount), low, high
    )
    np.testing.assert_allclose(got, expected, atol=1e-5)
    np.testing.assert_allclose(got.sum(-1), 1, rtol=1e-5)


def test_the_quantile_loss_by_hand():
    # Midpoints 1/4 and 3/4, one sample 1, delta 1. Estimate 0: error 1, loss 1/4 · 1/2. Estimate 3:
    # error −2, loss (1 − 3/4) · (1/2 + 1).
    loss = q_learning.quantile_huber(jnp.array([0.0, 3.0]), jnp.array([1.0]), 1.0)
    np.testing.assert_allclose(loss, 0.125 + 0.375, rtol=1e-6)


def test_the_quantile_loss_finds_the_quantiles():
    sample = jnp.asarray(np.random.default_rng(0).exponential(size=2000), jnp.float32)
    gradient = jax.jit(jax.grad(lambda q: q_learning.quantile_huber(q, sample, 0.01)))
    quantiles = jnp.zeros(4)
    for _ in range(4000):
        quantiles -= 0.02 * gradient(quantiles)
    np.testing.assert_allclose(
        quantiles, np.quantile(sample, [1 / 8, 3 / 8, 5 / 8, 7 / 8]), atol=0.05
    )


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_importance_weights_undo_the_priorities(beta):
    probability = jnp.array([0.1, 0.2, 0.4])
    weight = q_learning.importance_weights(probability, 10, beta)
    np.testing.assert_allclose(weight, [1, 0.5**beta, 0.25**beta], rtol=1e-6)
