"""Algorithms by name: the learner that a run configuration describes."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from cardjax.agents.dqn import DQN
from cardjax.agents.ppo import PPO
from cardjax.config import RunConfig, make_market, practised_params


class Algorithm(NamedTuple):
    """What the runtime has to know of an algorithm."""

    section: str
    """the configuration's section that holds its hyperparameters."""
    learner: Callable[..., Any]
    """(market, env_params, hyperparameters, n_envs, total_updates) → learner."""


ALGORITHMS = {
    "dqn": Algorithm("dqn", DQN),
    "ippo": Algorithm("ppo", PPO),
    "mappo": Algorithm("ppo", partial(PPO, joint_critic=True)),
}


def way_of_play(algorithm: str, config: RunConfig) -> str:
    """How a trained policy plays in evaluations: greedy or sampled."""
    return config.ppo.play if ALGORITHMS[algorithm].section == "ppo" else "greedy"


def make_learner(algorithm: str, config: RunConfig) -> Any:
    """The learner of an algorithm; total_steps is rounded up to whole updates.

    Raises:
        ParameterError: a configuration that the algorithm cannot do.
    """
    section, learner = ALGORITHMS[algorithm]
    own, n_envs = getattr(config, section), config.train.n_envs
    total_updates = math.ceil(config.train.total_steps / (n_envs * own.rollout_rounds))
    return learner(make_market(config.game), practised_params(config), own, n_envs, total_updates)
