"""The JaxMARL form is the market's own game, in the shapes that JaxMARL's wrappers and baselines
read.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("jaxmarl")

from jaxmarl.environments.multi_agent_env import MultiAgentEnv
from jaxmarl.wrappers.baselines import CTRolloutManager, LogWrapper, get_space_dim

from cardjax.adapters.jaxmarl import make
from cardjax.env import CardMarket, ParameterError, make_params

ACTIONS = jnp.array(
    [[3, 14], [5, 6], [0, 20], [20, 20], [10, 1], [1, 1], [5, 5], [12, 3], [7, 7], [0, 0], [2, 2]]
)


@pytest.fixture(scope="module")
def env():
    return make("two", alpha=0.7)


def rollout(env, state):
    """Steps through ACTIONS, a game and a round."""
    keys = jax.random.split(jax.random.key(1), len(ACTIONS))

    def round_(state, inputs):
        actions = {
            agent: inputs[1][i, None] for i, agent in enumerate(env.agents)
        }  # (1,), as the baselines have it
        observations, state, *rest = env.step(inputs[0], state, actions)
        return state, (observations, *rest)

    return jax.lax.scan(round_, state, (keys, ACTIONS))


def test_from_the_same_keys_it_is_the_markets_game(env):
    market, params = CardMarket(2), make_params(alpha=0.7)

    @jax.jit
    def native(key):
        first, state = market.reset(key, params)
        keys = jax.random.split(jax.random.key(1), len(ACTIONS))
        steps = jax.lax.scan(
            lambda state, x: (lambda out: (out[1], out))(market.step(x[0], state, x[1], params)),
            state,
            (keys, ACTIONS),
        )[1]
        return first, steps, market.action_mask(state, params)

    first, (observation, states, reward, terminated, _, info), mask = native(jax.random.key(0))
    observations, state = env.reset(jax.random.key(0))
    last, (ours, rewards, dones, infos) = rollout(env, state)
    for i, agent in enumerate(env.agents):
        assert (observations[agent] == first[i]).all() and (
            env.get_avail_actions(state)[agent] == mask[i]
        ).all()
        np.testing.assert_allclose(ours[agent], observation[:, i], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(rewards[agent], reward[:, i], rtol=1e-5, atol=1e-5)
        assert (dones[agent] == terminated).all()
    assert (dones["__all__"] == terminated).all() and terminated.tolist() == [False] * 9 + [
        True,
        False,
    ]
    chex.assert_trees_all_close(last, jax.tree.map(lambda leaf: leaf[-1], states), rtol=1e-6)
    assert all(leaf.shape == (len(ACTIONS), 2) for leaf in infos.values())
    np.testing.assert_allclose(infos["pnl"], info["pnl"], rtol=1e-5, atol=1e-4)
    assert (infos["S"] == info["S"][:, None]).all()


def test_the_world_state_is_what_each_agents_central_critic_sees(env):
    observations, state = env.reset(jax.random.key(0))
    actions = {agent: jnp.int32(i + 1) for i, agent in enumerate(env.agents)}
    observations, state, *_ = jax.jit(env.step_env)(jax.random.key(1), state, actions)
    world = observations["world_state"]
    assert world.shape == (2, env.world_state_size()) == (2, 60)
    assert (world[0, :57] == observations["agent_0"]).all() and (
        world[1, :57] == observations["agent_1"]
    ).all()
    assert world[0, -1] == observations["agent_1"][env.market.observation_fields["wealth"].slice][0]
    seen = jax.jit(env.get_obs)(state)
    chex.assert_trees_all_equal(seen, observations)


def test_it_resets_to_the_state_that_it_is_given(env):
    _, start = env.reset(jax.random.key(5))
    _, state = env.reset(jax.random.key(0))
    actions = {agent: jnp.int32(0) for agent in env.agents}
    for t in range(10):
        observations, state, _, dones, _ = env.step(jax.random.key(t), state, actions, start)
    assert dones["__all__"]
    chex.assert_trees_all_equal(state, start)
    assert (observations["agent_0"] == jax.jit(env.get_obs)(start)["agent_0"]).all()


def test_jaxmarls_wrapper_logs_the_games(env):
    logged = LogWrapper(env)
    _, (_, rewards, _, infos) = rollout(logged, logged.reset(jax.random.key(0))[1])
    assert infos["returned_episode_lengths"][-1].tolist() == [10, 10]
    totals = [rewards[agent][:10].sum() for agent in env.agents]
    np.testing.assert_allclose(infos["returned_episode_returns"][-1], totals, rtol=1e-5)


@pytest.mark.slow
def test_the_rollout_manager_of_jaxmarls_q_learning_works_on_it(env):
    manager = CTRolloutManager(env, batch_size=3)
    observations, states = manager.batch_reset(jax.random.key(0))
    actions = {agent: manager.batch_sample(jax.random.key(1), agent) for agent in env.agents}
    observations, _, rewards, *_ = manager.batch_step(jax.random.key(2), states, actions)
    assert observations["agent_0"].shape == (3, 59) and rewards["__all__"].shape == (3,)


def test_it_has_what_jaxmarls_users_ask_for(env):
    assert (
        isinstance(env, MultiAgentEnv)
        and env.agents == ["agent_0", "agent_1"]
        and env.num_agents == 2
    )
    assert (
        get_space_dim(env.action_space("agent_0")) == 21
        and get_space_dim(env.observation_space("agent_1")) == 57
    )
    assert env.agent_classes == {"takers": env.agents} and env.name == "cardjax"
    assert make("two", n_players=5, preset="tight_budget").params.initial_wealth == 100
    assert make("single").agents == ["agent_0"]
    with pytest.raises(ParameterError, match=r"env\.alhpa = 1: unknown name"):
        make("two", alhpa=1)
