"""What a critic sees, column by column."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents.critic_view import PRIVATE, critic_inputs, critic_view
from cardjax.env import CardMarket, make_params

PARAMS = make_params()


@pytest.fixture(scope="module")
def games():
    market = CardMarket(3)

    @jax.jit
    def after_a_round(reset_keys, action, keys):
        _, state = jax.vmap(market.reset, (0, None))(reset_keys, PARAMS)
        _, state, *_ = jax.vmap(market.step, (0, 0, 0, None))(keys, state, action, PARAMS)
        return state, jax.vmap(market.observe, (0, None))(state, PARAMS)

    action = jax.random.randint(jax.random.key(1), (16, 3), 0, 21)
    keys = [jax.random.split(jax.random.key(seed), 16) for seed in (0, 2)]
    return market, *after_a_round(keys[0], action, keys[1])


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("truth", [False, True])
def test_the_width_is_as_announced_and_ones_own_observation_comes_first(games, joint, truth):
    market, state, observation = games
    view = critic_view(market, state, observation, joint, truth)
    assert view.shape == (16, 3, critic_inputs(market, joint, truth))
    np.testing.assert_array_equal(view[..., : market.observation_size], observation)


def test_a_joint_view_has_the_others_private_fields_in_seat_order(games):
    market, state, observation = games
    view = critic_view(market, state, observation, joint=True, truth=False)
    size = market.observation_size
    for seat in range(3):
        for k in (1, 2):
            other = observation[:, (seat + k) % 3]
            expected = jnp.concatenate(
                [other[:, market.observation_fields[name].slice] for name in PRIVATE], -1
            )
            start = size + (k - 1) * len(PRIVATE)
            np.testing.assert_array_equal(view[:, seat, start : start + len(PRIVATE)], expected)


def test_private_fields_are_those_that_differ_between_players(games):
    """All that is not private is the same for everybody, or everybody sees it of the others."""
    market, _, observation = games
    differ = {
        name
        for name, field in market.observation_fields.items()
        if (observation[:, 0, field.slice] != observation[:, 1, field.slice]).any()
    }
    assert {name for name in differ if not name.startswith("other_")} <= set(PRIVATE)
    assert "wealth" in differ


def test_truth_is_the_sum_and_both_depths(games):
    market, state, observation = games
    view = critic_view(market, state, observation, joint=False, truth=True)
    hidden = np.stack([state.market.S, state.market.depth_bid, state.market.depth_ask], -1) * 0.1
    np.testing.assert_allclose(
        view[..., -3:], np.broadcast_to(hidden[:, None], (16, 3, 3)), rtol=1e-6
    )
