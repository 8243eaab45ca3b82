"""How the market is put to XLA's CPU compiler; no value depends on it. docs/performance.md has the
account.
"""

import functools
import operator
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jax import Array
from jax.experimental.xla_metadata import set_xla_metadata

P = ParamSpec("P")
T = TypeVar("T")
FEW_PLAYERS = 8
"""Up to so many, `by_player` takes them one after another."""


def own_kernel(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, compiled on a CPU as a computation of its own; anywhere else it is left as it is.

    XLA's CPU compiler fuses whatever it does not count as expensive into every reader of it, and
    computes it once for each; integer arithmetic never counts, be it twenty rounds of a hash. What
    is called here is computed once, in loops over its own few results. The values are the same.
    """
    compiled = jax.jit(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if jax.default_backend() != "cpu":
            return function(*args, **kwargs)
        return set_xla_metadata(compiled(*args, **kwargs), inlineable="false")

    return call


def by_player(function: Callable[..., T], *leaves: Array) -> T:
    """`function(*leaves)` of an elementwise function: a few players one after another, many at
    once.

    Loops over the last of the axes [games, 2] do not vectorise; loops over the games do.

    Args:
        leaves: of shapes that broadcast to [..., A]; all that depends on the player is among them.
    """
    n = max((leaf.shape[-1] for leaf in leaves if leaf.ndim), default=0)
    if not 0 < n <= FEW_PLAYERS:
        return function(*leaves)
    rows = [function(*(_of_player(leaf, i) for leaf in leaves)) for i in range(n)]
    return jax.tree.map(lambda *columns: jnp.stack(columns, -1), *rows)


def _of_player(leaf: Array, i: int) -> Array:
    return leaf if leaf.ndim == 0 else leaf[..., min(i, leaf.shape[-1] - 1)]


def total(x: Array) -> Array:
    """`x.sum(-1)` of a short last axis, as additions: a CPU's reductions are built for long ones."""
    return functools.reduce(operator.add, [x[..., i] for i in range(x.shape[-1])])


def every(x: Array) -> Array:
    """`x.all(-1)` of a short last axis, likewise."""
    return functools.reduce(operator.and_, [x[..., i] for i in range(x.shape[-1])])
