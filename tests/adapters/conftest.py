"""What the adapters' tests share: policies to sit opposite a learner, and the native market's own
game.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.adapters.slots import base_key
from cardjax.config import make_config
from cardjax.env import sample_categorical
from cardjax.loading.trained import TrainedPolicy
from cardjax.run.learners import make_learner


@dataclasses.dataclass(frozen=True)
class Rising:
    """Buys one unit more in every round, and remembers by itself how far it is: a policy with
    memory and weights.
    """

    def init(self, key, batch):
        return jnp.zeros(batch, jnp.int32)

    def act(self, params, carry, view, key):
        wanted = carry + params["first"]
        carry = jnp.where(view.round == 9, 0, carry + 1)
        return carry, jnp.where(
            jnp.take_along_axis(view.action_mask, wanted[..., None], -1)[..., 0], wanted, 0
        )


@dataclasses.dataclass(frozen=True)
class Mixing:
    """Buys or passes by chance: a policy that spends randomness, cheap to compile."""

    def init(self, key, batch):
        return ()

    def act(self, params, carry, view, key):
        return carry, sample_categorical(key, view.action_mask.astype(jnp.float32))


@dataclasses.dataclass(frozen=True)
class Constant:
    """Asks for the same in every round, in whatever type it is written."""

    asked: object

    def init(self, key, batch):
        return ()

    def act(self, params, carry, view, key):
        return carry, jnp.full(view.bid.shape, self.asked)


@pytest.fixture(scope="session")
def constant():
    return Constant


@pytest.fixture(scope="session")
def trained():
    """trained(n_players=2, **others): an untrained policy in the form that `load_policy` gives."""

    def make(n_players=2, **others):
        changes = {"ppo.hidden": (4,), "train.n_envs": 32, "env.n_players": n_players}
        config = make_config(changes | others)
        learner = make_learner("ippo", config)
        params = learner.policy_params(jax.jit(learner.init)(jax.random.key(0)))
        return TrainedPolicy("ippo", config, 0, params)

    return make


@pytest.fixture(scope="session")
def rising():
    return Rising()


@pytest.fixture(scope="session")
def mixing():
    return Mixing()


@pytest.fixture(scope="session")
def native_games():
    """native_games(market, seed, params, actions, game=0): the info of each round [T] of a slot's
    game, as CardMarket plays it from the keys that slots.py documents; actions [T, A]. `seed` is
    Gymnasium's."""

    @partial(jax.jit, static_argnums=0)
    def play(market, words, game, params, actions):
        key = jax.random.fold_in(base_key(words), game)
        first, state = market.reset(jax.random.fold_in(key, 0), params)

        def round_(state, inputs):
            t, action = inputs
            observation, state, reward, terminated, info = market.step_env(
                jax.random.fold_in(key, t + 1), state, action, params
            )
            return state, (observation, reward, terminated, info, market.action_mask(state, params))

        return first, jax.lax.scan(round_, state, (jnp.arange(len(actions)), actions))[1]

    def games(market, seed, params, actions, game=0):
        words = np.random.Generator(np.random.PCG64(seed)).integers(2**32, size=2, dtype=np.uint32)
        return jax.device_get(play(market, words, game, params, np.asarray(actions)))

    return games
