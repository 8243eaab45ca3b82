"""What a rollout leaves behind, and the order in which gradient steps see it."""

from typing import Any, NamedTuple, TypeVar

import jax
from jax import Array

from cardjax.kernels.policy_loss import Choices

T = TypeVar("T")


class Transition(NamedTuple):
    """One round of a rollout; leaves [rounds, games, seats, …], `terminated` [rounds, games]."""

    seen: Array
    """What the critic sees, not yet normalised; its first columns are the player's observation."""
    first: Array
    """bool, whether the round is its game's first."""
    mask: Array
    """bool [..., 21], the valid actions."""
    probabilities: Array
    """float32 [..., 21], of all actions."""
    action: Array
    """int32, the action drawn."""
    log_prob: Array
    """float32, the logarithm of its probability."""
    reward: Array
    """float32, in units of the reward's kind."""
    terminated: Array
    """bool [rounds, games], whether the round ended its game."""
    rejected: Array
    """bool, whether the order was invalid and executed as a pass."""
    wealth: Array
    """float32, points after the round."""


class Batch(NamedTuple):
    """One rollout, or the games of it that one gradient step learns from.

    Leaves are [games, rounds, seats, …]: games come first, so that a minibatch is a few long rows
    of every array.
    """

    actor_input: Array
    """float32 [..., D], normalised."""
    critic_input: Array
    """float32 [..., n], normalised; `actor_input` itself where the critic sees no more."""
    first: Array
    """bool, whether the round is its game's first."""
    choices: Choices
    """What was chosen from, what was chosen, and its advantage."""
    target: Array
    """float32, the lambda-return, which the critic learns."""
    memory: Any
    """{"actor": …, "critic": …} that the rollout started from, leaves [games, seats, …]."""


def by_game(tree: T) -> T:
    """Leaves [rounds, games, …] as [games, rounds, …], or back."""
    return jax.tree.map(lambda leaf: leaf.swapaxes(0, 1), tree)


def minibatches(key: Array, n_epochs: int, n_minibatches: int, n_games: int) -> Array:
    """The games of each gradient step, int32 [n_epochs · n_minibatches, games of a minibatch].

    Every epoch sees every game once, in an order of its own.
    """
    keys = jax.random.split(key, n_epochs)
    orders = jax.vmap(lambda key: jax.random.permutation(key, n_games))(keys)
    return orders.reshape(n_epochs * n_minibatches, -1)
