"""The gymnax form is the market's own game, and gymnax's wrappers work on it."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("gymnax.wrappers.compat", reason="needs gymnax of at least 1.0")

from gymnax.environments import spaces
from gymnax.wrappers import FlattenObservationWrapper, LogWrapper

from cardjax.adapters.gymnax import LegacyMarketEnvironment, make
from cardjax.env import CardMarket, EnvParams, ParameterError, make_params

ACTIONS = jnp.array([3, 14, 0, 20, 10, 1, 5, 12, 7, 0, 2, 2])


def rollout(step, state, params):
    """Steps through ACTIONS, a game and two rounds."""
    keys = jax.random.split(jax.random.key(1), len(ACTIONS))

    def round_(state, inputs):
        observation, state, *rest = step(inputs[0], state, inputs[1], params)
        return state, (observation, *rest)

    return jax.lax.scan(round_, state, (keys, ACTIONS))[1]


@pytest.fixture(scope="module")
def played():
    """(environment, its parameters, what its steps gave)."""
    env, params = make("single", alpha=0.7)
    return env, params, rollout(env.step, env.reset(jax.random.key(0), params)[1], params)


def test_from_the_same_keys_it_is_the_markets_game_to_the_bit(played):
    env, params, ours = played
    market = CardMarket(1, squeeze=True)
    first, state = jax.jit(market.reset)(jax.random.key(0), make_params(alpha=0.7))
    assert (env.reset(jax.random.key(0), params)[0] == first).all()
    theirs = jax.jit(lambda state: rollout(market.step, state, make_params(alpha=0.7)))(state)
    chex.assert_trees_all_equal(ours, theirs)
    assert ours[2].sum() == 1 and ours[2][9] and not ours[3].any()


def test_gymnaxs_wrappers_log_the_games(played):
    env, params, (_, reward, *_) = played
    wrapped = LogWrapper(FlattenObservationWrapper(env))
    *_, info = rollout(wrapped.step, wrapped.reset(jax.random.key(0), params)[1], params)
    assert info["returned_episode"].tolist() == [False] * 9 + [True] + [False] * 2
    np.testing.assert_allclose(info["returned_episode_returns"][9], reward[:10].sum(), rtol=1e-5)
    assert info["returned_episode_lengths"][-1] == 10
    assert wrapped.observation_space(params).shape[0] == 55 and wrapped.num_actions == 21


def test_it_has_what_gymnaxs_users_ask_for(played):
    env, params, _ = played
    assert (
        isinstance(env.action_space(params), spaces.Discrete)
        and env.action_space(params).n == env.num_actions == 21
    )
    assert isinstance(env.observation_space(params), spaces.Box) and env.observation_space(
        params
    ).shape == (55,)
    assert (
        env.default_params is params
        and isinstance(params, EnvParams)
        and params.max_steps_in_episode == 10
    )
    observation, state = env.reset(jax.random.key(0))
    assert (observation == env.reset(jax.random.key(0), params)[0]).all()
    seen = jax.jit(
        lambda s: (
            env.get_obs(s),
            env.observe(jax.random.key(1), s, None, params),
            env.action_mask(s),
        )
    )(state)
    assert (
        (seen[0] == observation).all() and (seen[1] == observation).all() and seen[2].shape == (21,)
    )
    assert env.observation_space(params).contains(observation)


def test_parameters_can_be_a_vmap_axis(played):
    env, params, _ = played
    grid = jax.tree.map(lambda leaf: jnp.stack([leaf] * 2), params).replace(
        initial_wealth=jnp.array([500.0, 30.0])
    )
    step = jax.jit(
        jax.vmap(
            lambda params: env.step(
                jax.random.key(0), env.reset(jax.random.key(0), params)[1], 10, params
            )
        )
    )
    assert step(grid)[-1]["rejected"].tolist() == [False, True]


def test_the_legacy_form_has_five_values(played):
    _, params, (observation, reward, terminated, *_) = played
    env, _ = make("single", legacy=True, alpha=0.7)
    assert isinstance(env, LegacyMarketEnvironment)
    ours = rollout(env.step, env.reset(jax.random.key(0), params)[1], params)
    assert len(ours) == 4
    assert (
        (ours[0] == observation).all()
        and (ours[1] == reward).all()
        and (ours[2] == terminated).all()
    )
    assert ours[3]["discount"].tolist() == [1.0] * 9 + [0.0] + [1.0] * 2


def test_two_players_are_one_learner_and_a_policy(mixing, trained):
    assert make("two", opponent=trained())[0].observation_space().shape == (57,)
    env, params = make("two", opponent=mixing, n_players=4)
    assert env.observation_space(params).shape == (61,)
    with pytest.raises(ParameterError, match=r"env\.alhpa = 1: unknown name"):
        make("two", alhpa=1)


@pytest.mark.slow
def test_rejax_ppo_learns_on_the_legacy_form():
    rejax = pytest.importorskip("rejax")
    env, params = make("single", legacy=True, reward="expected_pnl", sigma_q=2.0)
    learner = rejax.PPO.create(
        env=env,
        env_params=params,
        num_envs=64,
        num_steps=20,
        num_minibatches=4,
        num_epochs=4,
        gamma=1.0,
        total_timesteps=100_000,
        eval_freq=50_000,
        learning_rate=1e-3,
    )
    _, (lengths, returns) = jax.jit(learner.train)(jax.random.key(0))
    assert (lengths == 10).all()
    assert returns[0].mean() < -30 < 0 < returns[-1].mean()
