"""Minibatches of long rows, and the entry of each row that an index names."""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.kernels.columns import columns

T = TypeVar("T")


def plain_take_games(tree: T, games: Array) -> T:
    """The definition of `take_games`."""
    return jax.tree.map(lambda leaf: leaf[games], tree)


def take_games(tree: T, games: Array) -> T:
    """Leaves [n_games, …] at these games, in their order: leaves [n, …] for int32 games [n].

    A CPU copies a flat row as one long run, and a row of several axes number by number. An index
    beyond the end is read as the last one.
    """

    def take(leaf: Array) -> Array:
        flat = leaf.reshape(leaf.shape[0], -1)
        taken = jnp.take(flat, games, axis=0, mode="clip")
        return taken.reshape(*games.shape, *leaf.shape[1:])

    return jax.tree.map(take, tree)


def plain_of_action(values: Array, action: Array) -> Array:
    """The definition of `of_action`."""
    return jnp.take_along_axis(values, action[..., None], -1)[..., 0]


def of_action(values: Array, action: Array) -> Array:
    """The entry of values [..., n] that action int [...] names: [...].

    The derivative of a gather is a scatter, which a CPU does entry by entry; that of a masked sum
    over columns is a masked sum over columns. An entry that is not named gets no gradient, and may
    be infinite or NaN.
    """
    by_column = columns(values)
    named = jnp.arange(len(by_column), dtype=jnp.int32)[:, None] == action.reshape(-1)
    return jnp.where(named, by_column, 0).sum(0).reshape(action.shape)
