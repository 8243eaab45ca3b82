"""The types of arrays are stated where they are made.

64-bit numbers, switched on for something else in the same process, change none of ours, and nothing
relies on an implicit promotion.

Programs are traced and never run: a few seconds for all of them.
"""

import functools
import re

import chex
import jax
import jax.numpy as jnp
import pytest

import cardjax
from cardjax.config import make_config
from cardjax.policies.pricing.profit import profit, terms_of
from cardjax.policies.registry import FOR_HIDDEN_EVENTS, FOR_INVENTORY, POLICIES
from cardjax.run.learners import make_learner

KEY = jax.random.key(0)
SMALL = {"train.n_envs": 20, "train.total_steps": 4000, "ppo.n_minibatches": 2}
LEARNERS = {
    "dqn": {"env.kind": "single"},
    "dqn c51 against another": {"dqn.head": "c51", "dqn.opponent": "level1", "dqn.n_step": 3},
    "dqn qr, all options": {
        "dqn.head": "qr",
        "dqn.memory": "lstm",
        "dqn.burn_in": 4,
        "dqn.dueling": True,
        "dqn.prioritised": True,
        "dqn.target_update": "polyak",
        "dqn.batch_size": 40,
        "env.kind": "single",
    },
    "ippo": {},
    "ippo gru": {"ppo.memory": "gru", "ppo.entropy_schedule": "cosine", "env.event_info": "hidden"},
    "ippo value": {
        "ppo.critic": "value",
        "ppo.critic_sees_truth": True,
        "ppo.normalize_rewards": True,
        "ppo.constrain_ruin": True,
        "ppo.share_params": False,
    },
    "ippo population": {
        "ppo.opponents": ("self", "past"),
        "ppo.past_size": 5,
        "env.observe_posterior": True,
    },
    "ippo maker": {"env.preset": "maker", "ppo.takers": "equilibrium", "ppo.critic": "value"},
    "mappo maker": {"env.preset": "maker", "ppo.memory": "gru", "ppo.gamma": 0.5},
    "mappo": {"ppo.memory": "lstm", "ppo.shared_reward": True},
    "pqn": {"env.kind": "single", "pqn.memory": "gru", "pqn.gamma": 0.5, "pqn.n_minibatches": 4},
}


def traced(function, *arguments):
    """What a function returns, and the lines of its program with an array of 64-bit floats. The
    bounds of jax's own uniform draws are such numbers, and optax has some in its Adam.
    """
    program, result = jax.make_jaxpr(function, return_shape=True)(*arguments)
    lines = program.pretty_print(source_info=True).splitlines()
    return result, [line for line in lines if re.search(r"f64\[\d", line) and "optax" not in line]


def games():
    """Everything that a market and the scripted players compute, as (function, arguments)."""
    for kind, event_info, inventory in (
        ("single", "known", True),
        ("two", "hidden", True),
        ("single", "known", False),
        ("two", "hidden", False),
        ("two", "belief", False),
    ):
        env, params = cardjax.make(kind, event_info=event_info, inventory=inventory)
        state = jax.eval_shape(env.reset, KEY, params)[1]
        action = jnp.zeros(env.action_space(params).shape, jnp.int32)
        yield env.reset, (KEY, params)
        yield env.sample_action, (KEY, state, params)
        yield env.action_mask, (state, params)
        yield env.step, (KEY, state, action, params)
        view = jax.eval_shape(env.view, state, params)
        yield FOR_HIDDEN_EVENTS["forgetful"].act, (params, (), view, KEY)
        for policy in FOR_INVENTORY.values() if inventory else ():
            yield policy.act, (params, (), view, KEY)
    env, its_params = cardjax.make("two", "maker")
    state = jax.eval_shape(env.reset, KEY, params)[1]
    yield env.reset, (KEY, its_params)
    yield env.quote, (state, jnp.zeros(2, jnp.int32), its_params)
    yield env.step, (KEY, state, jnp.zeros(2, jnp.int32), its_params)
    yield env.observe_maker, (state, its_params)
    yield profit_of, (its_params,)
    for policy in POLICIES.values():
        carry = jax.eval_shape(lambda policy=policy: policy.init(KEY, (2,)))
        yield policy.act, (params, carry, view, KEY)


def profit_of(params):
    """What every quote is worth to a maker."""
    return profit(terms_of(params), 2)


def learner_of(name):
    learner = make_learner(name.split()[0], make_config(SMALL | LEARNERS[name]))
    return learner, jax.eval_shape(learner.init, KEY)


@functools.cache
def without_promotion():
    """What the market and its players compute, where an implicit promotion is an error."""
    with jax.numpy_dtype_promotion("strict"):
        return [jax.eval_shape(function, *arguments) for function, arguments in games()]


@functools.cache
def learned_without_promotion(name):
    """(state, what an update returns) of a learner, where an implicit promotion is an error."""
    with jax.numpy_dtype_promotion("strict"):
        learner, state = learner_of(name)
        return state, jax.eval_shape(learner.update, state)


def test_with_64_bits_the_market_and_its_players_compute_the_same():
    with jax.enable_x64(True):
        for expected, (function, arguments) in zip(without_promotion(), games(), strict=True):
            result, wide = traced(function, *arguments)
            chex.assert_trees_all_equal_shapes_and_dtypes(result, expected)
            assert wide == []


@pytest.mark.parametrize("name", LEARNERS)
def test_with_64_bits_a_learner_computes_the_same(name):
    state, expected = learned_without_promotion(name)
    chex.assert_trees_all_equal_shapes_and_dtypes(expected[0], state)
    with jax.enable_x64(True):
        learner, state = learner_of(name)
        result, wide = traced(learner.update, state)
        chex.assert_trees_all_equal_shapes_and_dtypes(result, expected)
        assert wide == []


def test_the_market_and_its_players_rely_on_no_promotion():
    assert without_promotion()


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_relies_on_no_promotion(name):
    assert learned_without_promotion(name)
