"""Algorithms by name: the learner that a run configuration describes."""

import math

from cardjax.agents.ppo import PPO
from cardjax.config import RunConfig, make_market

ALGORITHMS = ("ippo",)


def make_learner(algorithm: str, config: RunConfig) -> PPO:
    """The learner of an algorithm; total_steps is rounded up to whole updates."""
    market = make_market(config.game)
    per_update = config.train.n_envs * config.ppo.rollout_rounds
    total_updates = math.ceil(config.train.total_steps / per_update)
    return PPO(market, config.env, config.ppo, config.train.n_envs, total_updates)
