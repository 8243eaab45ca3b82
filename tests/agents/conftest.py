"""What the learners' tests share: small trainings, each compiled once."""

import dataclasses

import jax
import pytest

from cardjax.agents.ppo import PPO
from cardjax.config import make_config, make_market
from cardjax.env import make_params

SMALL = {
    "train.n_envs": 256,
    "ppo.n_minibatches": 8,
    "ppo.n_epochs": 2,
    "ppo.hidden": [32],
    "ppo.learning_rate": 3e-3,
    "ppo.entropy": 5.0,
    "ppo.entropy_end": 0.05,
    "ppo.gamma": 0.0,
    "ppo.clip": 0.2,
    "ppo.max_grad_norm": 0.5,
    "ppo.play": "greedy",
}
TOTAL_UPDATES = 60


class Training:
    """A learner whose market's numbers are an argument, so that one compiled program serves every
    probe game.
    """

    def __init__(self, joint=False, **values):
        config = make_config(SMALL | values)
        self.learner = PPO(
            make_market(config.game),
            config.env,
            config.ppo,
            config.train.n_envs,
            TOTAL_UPDATES,
            joint,
        )
        self.init = jax.jit(lambda params, key: self.at(params).init(key))
        self._run = jax.jit(self._updates)

    def at(self, params):
        """The learner in a market with these numbers."""
        return dataclasses.replace(self.learner, env_params=params)

    def start(self, seed=0, **overrides):
        """(params, state) of a fresh learner in a market with these overrides."""
        params = make_params(**overrides)
        return params, self.init(params, jax.random.key(seed))

    def run(self, params, state, n=1):
        """(state, metrics of the last update) after n ≥ 1 updates."""
        return self._run(params, state, n)

    def _updates(self, params, state, n):
        learner = self.at(params)
        nothing = jax.tree.map(
            lambda leaf: jax.numpy.zeros(leaf.shape, leaf.dtype),
            jax.eval_shape(learner.update, state)[1],
        )
        return jax.lax.fori_loop(0, n, lambda _, carry: learner.update(carry[0]), (state, nothing))


@pytest.fixture(scope="session")
def training():
    """training(**config): a small learner, compiled when it is first run."""
    made = {}

    def get(**values):
        if repr(values) not in made:
            made[repr(values)] = Training(
                **{name.replace("__", "."): value for name, value in values.items()}
            )
        return made[repr(values)]

    return get


@pytest.fixture(scope="session")
def two(training):
    return training()


@pytest.fixture(scope="session")
def single(training):
    return training(env__kind="single")
