"""DQN with a critic that is told the truth: what it is told, and that the player learns from it
without being told.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents import replay
from cardjax.agents.dqn import DQN
from cardjax.agents.q_critic import CRITIC
from cardjax.config import make_config, make_market
from cardjax.env import ParameterError

TOLD = {
    "env.kind": "single",
    "env.reward": "pnl",
    "dqn.critic_sees_truth": True,
    "dqn.hidden": [16],
    "dqn.capacity": 2_560,
    "dqn.batch_size": 64,
    "dqn.n_gradient_steps": 2,
}


def learner_of(total_updates=10, **values):
    named = {name.replace("__", "."): value for name, value in values.items()}
    config = make_config(TOLD | named)
    return DQN(make_market(config.game), config.env, config.dqn, 128, total_updates)


@pytest.fixture(scope="module")
def told():
    """A learner, its first state, and the one after an update."""
    learner = learner_of()
    before = jax.jit(learner.init)(jax.random.key(0))
    return learner, before, jax.jit(learner.update)(before)[0]


def test_each_round_is_kept_with_what_was_hidden_in_it(told):
    learner, before, after = told
    market, blocks = before.games.market, after.replay.blocks
    hidden = np.stack([market.S, market.depth_bid, market.depth_ask], -1)
    assert blocks.truth.shape == (128, 2, 10, 3)
    np.testing.assert_allclose(blocks.truth[:, 0, 0] * 10, hidden, rtol=1e-6)
    view = jax.jit(jax.vmap(learner.market.view, (0, None)))(before.games, learner.env_params)
    bought_one = np.asarray(blocks.action[:, 0, 0]) == 1
    assert bought_one.any()
    gain = (blocks.truth[:, 0, 0, 0] * 10 - view.ask[:, 0])[bought_one]
    np.testing.assert_allclose(blocks.n_step[bought_one, 0, 0], gain, atol=1e-4)


def test_the_loss_is_the_critics_error_and_the_players_distance_from_the_critic(told):
    learner, _, after = told
    block = learner._drawn(after.replay.blocks, draws(after, learner))
    following = learner._following(after, block)
    loss, (_, error) = learner._loss(after.weights, block, following, jnp.ones(64))
    x, told_x = (
        block.observation[:, 0],
        np.concatenate([block.observation[:, 0], block.truth[:, 0]], 1),
    )
    q, known = 10 * relu_net(after.weights, x), 10 * relu_net(after.weights[CRITIC], told_x)
    taken = np.asarray(block.action[:, 0])
    wrong = np.asarray(block.n_step[:, 0]) - known[np.arange(64), taken]
    missing = np.where(block.mask[:, 0], known - q, 0)
    expected = 0.5 * np.mean(wrong**2 + (missing**2).sum(1))
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    np.testing.assert_allclose(error[0], np.abs(wrong), rtol=1e-3, atol=1e-3)


def test_the_critic_does_not_learn_from_the_player(told):
    """Where the critic is right about what was taken, its weights stay as they are."""
    learner, _, after = told
    block = learner._drawn(after.replay.blocks, draws(after, learner))
    told_x = np.concatenate([block.observation[:, 0], block.truth[:, 0]], 1)
    known = 10 * relu_net(after.weights[CRITIC], told_x)
    right = known[np.arange(64), np.asarray(block.action[:, 0])]
    block = block._replace(n_step=jnp.asarray(right, jnp.float32)[:, None])
    gradient = jax.grad(lambda w: learner._loss(w, block, jnp.zeros((1, 64, 1)), jnp.ones(64))[0])(
        after.weights
    )
    largest = {
        whose: max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(part))
        for whose, part in ((CRITIC, gradient[CRITIC]), ("player", gradient["torso"]))
    }
    assert largest[CRITIC] < 1e-3 * largest["player"]


def test_only_the_player_plays(told):
    learner, _, after = told
    assert set(learner.policy_params(after).weights) == set(after.target) == {"torso", "head"}


def test_the_critic_is_for_what_it_can_do():
    for values, said in (
        ({"dqn__memory": "gru"}, "dqn.critic_sees_truth = on: is for dqn.memory = none"),
        ({"dqn__head": "c51"}, "and dqn.head = mean"),
        ({"env__maker": "agent", "dqn__takers": "equilibrium"}, "= on: is for takers alone"),
    ):
        with pytest.raises(ParameterError, match=said):
            learner_of(**values)


def draws(state, learner):
    return replay.draw(state.replay, jax.random.key(5), 64, jnp.int32(10))[0]


def relu_net(weights, x):
    """The network in NumPy: [batch, inputs] → [batch, 21]."""
    hidden, head = weights["torso"]["params"]["Dense_0"], weights["head"]["params"]
    features = np.maximum(np.asarray(x) @ hidden["kernel"] + hidden["bias"], 0)
    return features @ head["kernel"] + head["bias"]
