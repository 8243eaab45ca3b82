"""Small trainings of PPO, each compiled once."""

import pytest

from cardjax.agents.ppo import PPO
from cardjax.config import make_config, make_market
from tests.agents.small_trainings import TOTAL_UPDATES, Training

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


def learner_of(joint=False, **values):
    named = {name.replace("__", "."): value for name, value in values.items()}
    config = make_config(SMALL | named)
    market, n_envs = make_market(config.game), config.train.n_envs
    return PPO(market, config.env, config.ppo, n_envs, TOTAL_UPDATES, joint)


@pytest.fixture(scope="session")
def training():
    """training(**config): a small learner, compiled when it is first run."""
    made = {}

    def get(**values):
        if repr(values) not in made:
            made[repr(values)] = Training(learner_of(**values))
        return made[repr(values)]

    return get


@pytest.fixture(scope="session")
def two(training):
    return training()


@pytest.fixture(scope="session")
def single(training):
    return training(env__kind="single")
