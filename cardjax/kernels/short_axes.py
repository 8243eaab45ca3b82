"""Arithmetic along a last axis of two players or three cards.

A loop over the last of the axes [games, 2] does not vectorise, and a CPU's reductions are built for
long axes. Here such an axis is written out, so that the loops run over the games.
"""

import functools
import operator
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array

T = TypeVar("T")

FEW_PLAYERS = 8
"""Up to so many players, `by_player` takes them one after another."""
LONGEST_SHORT_AXIS = 32
"""Longer axes are left to `x.sum(-1)` and `x.all(-1)`, which are quick there."""


def by_player(function: Callable[..., T], *leaves: Array) -> T:
    """Computes `function(*leaves)`, its plain twin, bit for bit: on a CPU player by player, if
    they are few.

    Args:
        function: elementwise, from the leaves to arrays of their common shape. Whatever depends on
            the player is among the leaves and not closed over.
        leaves: of shapes that broadcast to [..., A].

    Raises:
        ValueError: last axes that do not broadcast, or a function that is not elementwise.
    """
    n = max((leaf.shape[-1] for leaf in leaves if leaf.ndim), default=0)
    if not 0 < n <= FEW_PLAYERS:
        return function(*leaves)
    if jax.default_backend() != "cpu":  # whose threads take an axis of two as well as any other
        return _of_all(function, *leaves)
    columns = [[_of_player(leaf, i, n) for leaf in leaves] for i in range(n)]
    results = [function(*column) for column in columns]
    shape = jnp.broadcast_shapes(*(leaf.shape for leaf in columns[0]))
    for result in jax.tree.leaves(results[0]):
        if result.shape != shape:
            raise ValueError(
                f"by_player: the function gives shape {result.shape} for arguments of shape "
                f"{shape}; it must be elementwise"
            )
    return jax.tree.map(lambda *parts: jnp.stack(parts, -1), *results)


def _of_all(function: Callable[..., T], *leaves: Array) -> T:
    """All players at once, each result of the leaves' common shape."""
    shape = jnp.broadcast_shapes(*(leaf.shape for leaf in leaves))
    return jax.tree.map(lambda result: jnp.broadcast_to(result, shape), function(*leaves))


def sum_short_axis(x: Array) -> Array:
    """Computes `x.sum(-1)`, its plain twin, as additions from left to right.

    Integers come out the same bit for bit, floats up to the order of the additions.

    Args:
        x: [..., n], n from 1 to 32.

    Raises:
        ValueError: an axis that is empty or long.
    """
    return functools.reduce(operator.add, _written_out("sum_short_axis", x))


def all_short_axis(x: Array) -> Array:
    """Computes `x.all(-1)`, its plain twin, bit for bit.

    Args:
        x: bool [..., n], n from 1 to 32.

    Raises:
        ValueError: an axis that is empty or long.
    """
    return functools.reduce(operator.and_, _written_out("all_short_axis", x))


def _of_player(leaf: Array, player: int, n_players: int) -> Array:
    if leaf.ndim == 0:
        return leaf
    if leaf.shape[-1] not in (1, n_players):
        raise ValueError(
            f"by_player: a last axis of {leaf.shape[-1]} does not broadcast to {n_players} players"
        )
    return leaf[..., min(player, leaf.shape[-1] - 1)]


def _written_out(name: str, x: Array) -> list[Array]:
    if not 1 <= x.shape[-1] <= LONGEST_SHORT_AXIS:
        raise ValueError(
            f"{name}: an axis of {x.shape[-1]}; it takes 1 to {LONGEST_SHORT_AXIS}, "
            "and jax's own reduction the rest"
        )
    return [x[..., i] for i in range(x.shape[-1])]
