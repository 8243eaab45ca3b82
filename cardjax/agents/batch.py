"""What a rollout leaves behind, and how it is handed out to gradient steps: some games at a time,
all their rounds.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Transition(NamedTuple):
    """What a round of the rollout leaves behind; leaves [rounds, games, seats, …], `terminated`
    [rounds, games].
    """

    seen: Array
    """what the critic sees, not yet normalised; its first columns are the player's own observation.
    """
    first: Array
    """whether the round is its game's first."""
    mask: Array
    probabilities: Array
    """of all actions, float32 [..., 21]."""
    action: Array
    log_prob: Array
    reward: Array
    terminated: Array
    rejected: Array
    wealth: Array
    """after the round, points."""


class Batch(NamedTuple):
    """One rollout, or the part of it that is learned from at once; leaves [games, rounds, seats,
    …].

    Games come first, so that a minibatch is a few long rows of every array.
    """

    actor_input: Array
    critic_input: Any
    """() where it is the actor's."""
    first: Array
    mask: Array
    probabilities: Array
    action: Array
    log_prob: Array
    advantage: Array
    """of the action taken; with action values, what they left unexplained of it."""
    action_advantages: Any
    """float32 [..., 21], of all actions by the critic; () where it estimates V alone."""
    target: Array
    """lambda-return, what the critic learns."""
    memory: Any
    """{"actor": …, "critic": …} that the rollout started from, leaves [games, seats, …]."""


def by_game(tree: Any) -> Any:
    """Leaves [rounds, games, …] as [games, rounds, …], or back."""
    return jax.tree.map(lambda leaf: leaf.swapaxes(0, 1), tree)


def minibatches(key: Array, n_epochs: int, n_minibatches: int, n_games: int) -> Array:
    """The games of each gradient step, int32 [n_epochs · n_minibatches, games]: in a new order
    every epoch.
    """
    orders = jax.vmap(lambda key: jax.random.permutation(key, n_games))(
        jax.random.split(key, n_epochs)
    )
    return orders.reshape(n_epochs * n_minibatches, -1)


def of_games(batch: Batch, games: Array) -> Batch:
    """The part of the batch that was played in these games, in their order."""

    def rows(leaf: Array) -> Array:
        # Of a flat row, a CPU copies long runs; of one with many axes, number by number.
        flat = leaf.reshape(leaf.shape[0], -1)
        return jnp.take(flat, games, axis=0, mode="clip").reshape(*games.shape, *leaf.shape[1:])

    return jax.tree.map(rows, batch)


def by_column(part: Batch) -> Batch:
    """The part with what is played and learned as columns: leaves [21, rows] and [rows], rows =
    games × rounds × seats.

    A softmax over 21 actions is 21 long rows to a CPU then, and vectorises.
    """
    by_action = ("mask", "probabilities", "action_advantages")
    per_action = {name: jax.tree.map(columns, getattr(part, name)) for name in by_action}
    per_row = {
        name: getattr(part, name).reshape(-1)
        for name in ("action", "log_prob", "advantage", "target")
    }
    return part._replace(**per_action, **per_row)


def columns(x: Array) -> Array:
    """[..., n] as [n, rows]."""
    return x.reshape(-1, x.shape[-1]).T
