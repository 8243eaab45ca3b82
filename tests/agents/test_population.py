"""Who sits at the other seats: equal groups, the right players, and timely snapshots."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents.population import Population
from cardjax.policies.registry import make_policy

NAMES = ("self", "past", "level1", "pass")


@pytest.fixture(scope="module")
def played(training):
    """(learner, population, params, view of three players' games, state)."""
    learner = training(
        ppo__opponents=list(NAMES), env__n_players=3, ppo__past_size=4, ppo__past_every=2
    ).learner
    state = jax.jit(learner.init)(jax.random.key(0))
    view = jax.jit(jax.vmap(learner.market.view, (0, None)))(state.games, learner.env_params)
    return learner, learner.population, learner.policy_params(state), view, state


@pytest.fixture(scope="module")
def act(played):
    return jax.jit(played[1].act)


def test_each_group_is_played_by_its_opponent(played, act):
    learner, _, params, view, state = played
    rest = jax.tree.map(lambda leaf: leaf[:, 1:], view)
    _, action = act(state.others, params, learner.env_params, rest, jax.random.key(1))
    assert action.shape == (256, 2)
    group = [action[i * 64 : (i + 1) * 64] for i in range(4)]
    assert (group[3] == 0).all()
    part = jax.tree.map(lambda leaf: leaf[128:192], rest)
    level1 = make_policy("level1")
    carry = level1.init(jax.random.key(0), (64, 2))
    _, own = jax.jit(level1.act)(learner.env_params, carry, part, jax.random.key(1))
    np.testing.assert_array_equal(group[2], own)
    valid = jnp.take_along_axis(rest.action_mask, action[..., None], -1)
    assert valid.all()
    assert (group[0] != 0).mean() > 0.5  # a fresh self tries everything
    assert (group[1] != 0).mean() > 0.5


def test_snapshots_are_taken_in_turn_at_every_second_update(played):
    _, population, params, _, state = played
    others, remember = state.others, jax.jit(population.remember)
    for n in range(1, 12):
        others = remember(others, params._replace(logit_scale=jnp.float32(n)), jnp.int32(n))
    # Slots n // 2 mod 4 at n = 2, 4, 6, 8, 10.
    assert others.past.logit_scale.tolist() == [8, 10, 4, 6]


def test_past_selves_play_by_their_own_weights(played, act):
    learner, _, params, view, state = played
    rest = jax.tree.map(lambda leaf: leaf[:, 1:], view)
    # Past selves of endless preference for passing: a bias on action 0.
    past = state.others.past
    bias = past.weights["head"]["params"]["bias"].at[:2, 0].set(1e6)
    weights = past.weights | {"head": {"params": past.weights["head"]["params"] | {"bias": bias}}}
    others = state.others._replace(past=past._replace(weights=weights))
    _, action = act(others, params, learner.env_params, rest, jax.random.key(1))
    of_past = action[64:128].reshape(4, 16, 2)
    assert (of_past[:2] == 0).all()
    assert (of_past[2:] != 0).mean() > 0.5


def test_only_the_first_seat_is_learned_from(played):
    learner, _, _, _, state = played
    assert learner.n_seats == 1
    _, rollout = jax.eval_shape(learner._collect, state, jax.random.key(0))
    assert rollout.reward.shape == (10, 256, 1)
    assert isinstance(learner.population, Population)
