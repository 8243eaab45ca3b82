"""A critic that is told the truth, for a Q-learner. Baisero, Daley & Amato 2022, "Asymmetric DQN".

It has a network of its own, which reads S and both true depths beside the observation, and learns
what the action taken was worth. The player's network learns the critic's values of all valid
actions. S and the true depths do not depend on what is ordered. A round therefore teaches about all
orders, and most of what is noise to the player is explained to the critic.
"""

from typing import cast

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents.networks import Weights
from cardjax.agents.q_blocks import Block
from cardjax.kernels.gather import of_action

CRITIC = "critic"
"""Its weights among the learner's."""


def of_critic(weights: Weights) -> Weights:
    """The critic's weights, which have the form of a network's."""
    return cast(Weights, weights[CRITIC])


def of_player(weights: Weights) -> Weights:
    """The learner's weights without the critic's."""
    return {name: part for name, part in weights.items() if name != CRITIC}


def told(block: Block) -> Block:
    """Single rounds as the critic sees them, with the truth beside the observation."""
    assert block.truth is not None
    seen = jnp.concatenate([block.observation[:, :1], block.truth], -1)
    return block._replace(observation=seen)


def squared_errors(
    q: Array, known: Array, target: Array, action: Array, mask: Array
) -> tuple[Array, Array]:
    """What is to be minimised and the critic's absolute error, float32 [...] each.

    Errors are squared, because the player's network is to end at the mean of the critic's values
    over what it cannot see.

    Args:
        q: the player's values, float32 [..., n].
        known: the critic's.
        target: what the action taken was worth, float32 [...].
        action: the action taken, int [...].
        mask: the valid actions, bool [..., n].
    """
    error = target - of_action(known, action)
    missing = jnp.where(mask, jax.lax.stop_gradient(known) - q, 0)
    return 0.5 * (jnp.square(error) + jnp.square(missing).sum(-1)), jnp.abs(error)
