"""PQN as a learner: its returns, what it learns from, its contract, and a probe game."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents import q_learning
from cardjax.agents.pqn import PQN
from cardjax.agents.q_blocks import Stop, Transition
from cardjax.config import make_config, make_market
from cardjax.env import ParameterError
from cardjax.run.learners import make_learner
from tests.agents.small_trainings import CERTAIN, TOTAL_UPDATES, Training, bits, match

SMALL = {
    "env.kind": "single",
    "env.reward": "expected_pnl",
    "train.n_envs": 128,
    "pqn.hidden": [32],
    "pqn.n_epochs": 2,
    "pqn.n_minibatches": 4,
    "pqn.learning_rate": 4e-3,
}


def learner_of(**values):
    named = {name.replace("__", "."): value for name, value in values.items()}
    config = make_config(SMALL | named)
    market, n_envs = make_market(config.game), config.train.n_envs
    return PQN(market, config.env, config.pqn, n_envs, TOTAL_UPDATES)


@pytest.fixture(scope="module")
def plain():
    return Training(learner_of())


@pytest.fixture(scope="module")
def recurrent():
    """With a memory, against itself, rollouts that end within games, and looking ahead."""
    learner = learner_of(
        env__kind="two",
        pqn__opponent="self",
        pqn__seat=1,
        pqn__memory="gru",
        pqn__rollout_rounds=7,
        pqn__gamma=1.0,
    )
    return Training(learner)


# Returns


def brute_force_return(reward, following, terminated, gamma, lam):
    """The λ-weighted mean of all n-step returns (Sutton & Barto 2018, eq. 12.3), by its terms."""
    length = len(reward)
    found = np.zeros(length)
    for t in range(length):
        ends = [k for k in range(t, length) if terminated[k]]
        last = ends[0] if ends else length - 1
        n_step = []
        for n in range(1, last - t + 2):
            rewards = sum(gamma**k * reward[t + k] for k in range(n))
            ended = terminated[t + n - 1]
            n_step.append(rewards + (0 if ended else gamma**n * following[t + n - 1]))
        *early, full = n_step
        weighted = sum((1 - lam) * lam**i * x for i, x in enumerate(early))
        found[t] = weighted + lam ** len(early) * full
    return found


@pytest.mark.parametrize(("gamma", "lam"), [(0.9, 0.7), (1.0, 1.0), (0.8, 0.0), (0.0, 0.5)])
def test_returns_are_the_weighted_mean_of_all_n_step_returns(gamma, lam):
    rng = np.random.default_rng(0)
    reward, following = rng.normal(size=(2, 12, 40)).astype(np.float32)
    terminated = rng.random((12, 40)) < 0.2
    found = q_learning.lambda_return(reward, following, terminated, gamma, lam)
    for game in range(40):
        of_game = (x[:, game] for x in (reward, following, terminated))
        expected = brute_force_return(*of_game, gamma, lam)
        np.testing.assert_allclose(found[:, game], expected, rtol=1e-4, atol=1e-5)


def random_rollout(learner, rounds=5, games=64):
    """(rounds, the one after them) in which every action has its chance to be valid."""
    rng = np.random.default_rng(1)
    shape = (rounds + 1, games)
    mask = rng.random((*shape, 21)) < 0.3
    mask[..., 0] = True
    x = jnp.asarray(rng.normal(size=(*shape, learner.market.observation_size)), jnp.float32)
    terminated = jnp.asarray(rng.random((rounds, games)) < 0.2)
    first = jnp.concatenate([jnp.zeros((1, games), bool), terminated])
    mask = jnp.asarray(mask)
    reward = jnp.asarray(rng.normal(size=(rounds, games)), jnp.float32)
    action = jnp.zeros((rounds, games), jnp.int32)
    played = Transition(x[:-1], mask[:-1], first[:-1], (), action, reward, terminated, terminated)
    return played, Stop(x[-1], mask[-1], first[-1])


@pytest.mark.parametrize("memory", ["none", "gru"])
def test_what_follows_is_worth_what_its_best_valid_action_is(memory):
    learner = learner_of(pqn__gamma=0.9, pqn__td_lambda=0.6, pqn__memory=memory)
    state = jax.jit(learner.init)(jax.random.key(0))
    state = state._replace(memory=learner.network.carry((64,)))
    played, stop = random_rollout(learner)
    found = jax.jit(learner.targets)(state, played, stop)
    x, mask, first = (
        jnp.concatenate([getattr(played, name), getattr(stop, name)[None]]) for name in Stop._fields
    )
    step, carry, values = jax.jit(learner.network.step), state.memory, []
    for t in range(6):  # round by round, as it was played
        carry, output = step(state.weights, carry, x[t], first[t])
        q = 10 * np.asarray(output)  # q_scale
        values.append(np.where(mask[t], q, -np.inf).max(-1))
        assert (values[-1] < q.max(-1)).mean() > 0.4  # the mask matters
    for game in range(64):
        following = [value[game] for value in values[1:]]
        reward, terminated = played.reward[:, game], played.terminated[:, game]
        expected = brute_force_return(reward, following, terminated, 0.9, 0.6)
        np.testing.assert_allclose(found[:, game], expected, rtol=1e-3, atol=1e-4)


def test_without_discount_no_network_is_asked(plain):
    _, state = plain.start(**CERTAIN)
    poisoned = state._replace(weights=jax.tree.map(lambda x: x * jnp.nan, state.weights))
    played, stop = random_rollout(plain.learner)
    assert bits(jax.jit(plain.learner.targets)(poisoned, played, stop)) == bits(played.reward)


# The learner's contract


@pytest.mark.parametrize("who", ["plain", "recurrent"])
def test_two_updates_are_one_and_then_another_bit_for_bit(request, who):
    learner = request.getfixturevalue(who)
    params, state = learner.start(**CERTAIN)
    between, _ = learner.run(params, state)
    after, metrics = learner.run(params, between)
    assert bits(learner.run(params, state, 2)[0]) == bits(after)
    assert int(after.n_updates) == 2
    assert all(math.isfinite(x) for x in metrics.values())
    assert all(x.dtype == jnp.float32 and x.shape == () for x in metrics.values())
    assert metrics["rejection_rate"] == 0
    assert bits(after.weights) != bits(state.weights)
    for name in PQN.PER_GAME:
        assert all(leaf.shape[0] == 128 for leaf in jax.tree.leaves(getattr(after, name))), name


def test_epsilon_falls_to_its_end_and_stays(plain):
    epsilon = [float(plain.learner.epsilon(jnp.int32(n))) for n in (0, 15, 30, 60)]
    end = float(plain.learner.config.epsilon_end)
    np.testing.assert_allclose(epsilon, [1, (1 + end) / 2, end, end], rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"env.kind": "two", "pqn.opponent": "nobody"},
            "pqn.opponent = nobody: must be self or one of pass",
        ),
        (
            {"env.kind": "two", "pqn.seat": 2},
            "pqn.seat = 2: must be below the number of players, 2",
        ),
        ({"pqn.n_minibatches": 5}, "pqn.n_minibatches = 5: must divide train.n_envs = 128"),
        ({"env.kind": "two", "env.preset": "maker"}, "env.maker = agent: "),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(values, said):
    with pytest.raises(ParameterError) as error:
        make_learner("pqn", make_config(SMALL | values))
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_where_an_edge_is_easy_to_see_it_learns_to_take_it(plain):
    params, state = plain.start(**CERTAIN)
    state, _ = plain.run(params, state, TOTAL_UPDATES)
    own, best = match(plain, params, state)
    assert own.expected_pnl.mean() >= 0.8 * best.expected_pnl.mean() > 0
