"""Algorithms by name, and the learner that a run configuration describes."""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from cardjax.agents.dqn import DQN
from cardjax.agents.learner import Learner
from cardjax.agents.ppo import PPO
from cardjax.agents.pqn import PQN
from cardjax.agents.quoting_ppo import QuotingPPO
from cardjax.config import RunConfig, make_market, practised_params
from cardjax.env.declaration import ParameterError, declared, value_at
from cardjax.runtime.own import is_own, load_own


class Algorithm(NamedTuple):
    """What the runtime has to know of an algorithm."""

    section: str
    """the section of the configuration that holds its hyperparameters."""
    learner: Callable[..., Learner]
    """(market, env_params, hyperparameters, n_envs, total_updates) → learner."""
    with_maker: Callable[..., Learner] | None = None
    """the same of games whose maker is a player; None if there is none for them."""


ALGORITHMS = {
    "dqn": Algorithm("dqn", DQN, DQN),
    "ippo": Algorithm("ppo", PPO, QuotingPPO),
    "mappo": Algorithm(
        "ppo", partial(PPO, joint_critic=True), partial(QuotingPPO, joint_critic=True)
    ),
    "pqn": Algorithm("pqn", PQN),
}


def find_algorithm(name: str, option: str = "ALGORITHM") -> Algorithm:
    """One of ALGORITHMS, or FILE.py:NAME, an Algorithm of the user's own.

    Args:
        option: what an error calls the argument.

    Raises:
        ParameterError: neither of the two.
    """
    if not is_own(name):
        if name not in ALGORITHMS:
            allowed = f"must be one of {', '.join(ALGORITHMS)}, or FILE.py:NAME"
            raise ParameterError(option, name, allowed)
        return ALGORITHMS[name]
    own = load_own(option, name)
    if not isinstance(own, Algorithm):
        raise ParameterError(option, name, "must be a cardjax.run.learners.Algorithm")
    return own


def configured_for(algorithm: str, config: RunConfig) -> RunConfig:
    """The configuration, naming the algorithm that is to be trained by it.

    Raises:
        ParameterError: it is for another algorithm, or sets what this one does not read.
    """
    if config.algorithm not in (None, algorithm):
        allowed = f"is not what is to be trained, {algorithm}; algorithm={algorithm} overrules it"
        raise ParameterError("algorithm", config.algorithm, allowed)
    own = find_algorithm(algorithm).section
    for section in sorted({other.section for other in ALGORITHMS.values()} - {own}):
        given = getattr(config, section)
        for name, declaration, default in declared(type(given)):
            value = value_at(given, name)
            if value != default:
                shown = declaration.write(value)
                raise ParameterError(f"{section}.{name}", shown, f"{algorithm} does not read it")
    return dataclasses.replace(config, algorithm=algorithm)


def make_learner(algorithm: str, config: RunConfig) -> Learner:
    """The learner of an algorithm; total_steps is rounded up to whole updates.

    Raises:
        ParameterError: a configuration that the algorithm cannot do.
    """
    section, learner, with_maker = find_algorithm(algorithm)
    own, n_envs = getattr(config, section), config.train.n_envs
    total_updates = math.ceil(config.train.total_steps / (n_envs * own.rollout_rounds))
    market = make_market(config.game)
    if with_maker is None:
        market.refuse_maker(algorithm)
    elif market.has_maker:
        learner = with_maker
    return learner(market, practised_params(config), own, n_envs, total_updates)
