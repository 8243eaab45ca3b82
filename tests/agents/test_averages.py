"""The average of the actor's weights, which plays in evaluations."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardjax.agents import averages
from cardjax.agents.ppo import PPO
from cardjax.config import make_config, make_market

moved = jax.jit(averages.moved)


@settings(deadline=None)  # The first example compiles.
@given(st.floats(0, 0.9999), st.lists(st.floats(-5, 5), min_size=1, max_size=40))
def test_it_is_the_weighted_mean_of_the_weights_so_far(decay, weights):
    average, expected = jnp.float32(9), None
    for n, weight in enumerate(weights):
        kept = min(decay, n / (n + averages.WARM_UP))
        expected = weight if expected is None else kept * expected + (1 - kept) * weight
        average = moved(average, jnp.float32(weight), decay, jnp.int32(n))
    np.testing.assert_allclose(average, expected, atol=1e-4)
    assert min(weights) - 1e-4 <= average <= max(weights) + 1e-4


def learner_of(average):
    values = {"env.kind": "two", "train.n_envs": 64, "ppo.hidden": [8], "ppo.average": average}
    config = make_config(values | {"ppo.n_minibatches": 2})
    return PPO(make_market(config.game), config.env, config.ppo, 64, total_updates=4)


@pytest.fixture(scope="module")
def learner():
    return learner_of(0.5)


def test_the_average_plays_in_evaluations_and_the_weights_in_rollouts(learner):
    def two_updates(key):
        first = learner.update(learner.init(key))[0]
        return first, learner.update(first)[0]

    first, second = jax.jit(two_updates)(jax.random.key(0))
    kept = 1 / (1 + averages.WARM_UP)
    expected = jax.tree.map(
        lambda old, new: kept * old + (1 - kept) * new,
        first.weights["actor"],
        second.weights["actor"],
    )
    played = learner.policy_params(second).weights
    chex.assert_trees_all_close(played, expected, rtol=1e-4, atol=1e-6)
    acting = learner.acting_params(second).weights
    assert jax.tree.all(jax.tree.map(jnp.array_equal, acting, second.weights["actor"]))
    assert not jax.tree.all(jax.tree.map(jnp.array_equal, acting, second.average))


def test_before_the_first_update_the_weights_play(learner):
    """A training that begins with another's weights is evaluated by them."""
    fresh = jax.jit(learner.init)(jax.random.key(1))
    begun = fresh._replace(weights=jax.tree.map(lambda leaf: leaf + 1, fresh.weights))
    played = learner.policy_params(begun).weights
    assert jax.tree.all(jax.tree.map(jnp.array_equal, played, begun.weights["actor"]))


def test_at_0_the_weights_play_as_they_stand():
    learner = learner_of(0)
    after = jax.jit(lambda key: learner.update(learner.init(key))[0])(jax.random.key(2))
    played = learner.policy_params(after).weights
    assert jax.tree.all(jax.tree.map(jnp.array_equal, played, after.weights["actor"]))
