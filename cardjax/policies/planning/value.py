"""The value of wealth: what the rest of a game is worth, by round, last event and wealth."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from cardjax.env import EVENT_KINDS, N_ROUNDS, EnvParams
from cardjax.env.declaration import Number

N_KINDS = len(EVENT_KINDS)
N_WEALTH = 129
SPAN = 4.0


class WealthValue(NamedTuple):
    """The expected sum of the rewards that are still to come, by the number of rounds played, the
    kind of the last event, and wealth.
    """

    value: Array
    """float32 [T + 1, 6, n], points or ln W. Row 0, which has no last event, is the same for all
    kinds, and row T is 0.
    """
    grid: Array
    """float32 [n], points: equally spaced wealths, starting at 0."""


def value_at(
    value: WealthValue, n_played: Array | int, kind: Array | int, wealth: Number | float
) -> Array:
    """The expected sum of the rewards to come, float32; the arguments broadcast.

    Args:
        n_played: rounds played, 0..T.
        kind: index into EVENT_KINDS of the last round's event; before the first round, any number.
        wealth: points. Beyond the grid, the value is that at the grid's end. In debt, when a player
            may only pass, it is 0.
    """
    n = value.grid.shape[0]
    wealth = jnp.asarray(wealth, jnp.float32)
    position = jnp.clip(wealth / value.grid[1], 0, n - 1)
    below = jnp.minimum(position.astype(jnp.int32), n - 2)
    at = (jnp.asarray(n_played) * N_KINDS + jnp.asarray(kind)) * n + below
    flat = value.value.reshape(-1)
    low, high = flat[at], flat[at + 1]
    return jnp.where(wealth < 0, 0, low + (position - below) * (high - low))


def myopic_value(
    env_params: EnvParams, n_wealth: int = N_WEALTH, span: float = SPAN
) -> WealthValue:
    """Zero after every round, with which `WealthPlanner` considers each round on its own.

    The table is zeros for both objectives. For log_wealth that means V_{t+1} = ln W', since rewards
    are differences of ln W. The other arguments are those of `induction.solve`, so that one
    compiled program can play with either value.
    """
    return WealthValue(
        jnp.zeros((N_ROUNDS + 1, N_KINDS, n_wealth), jnp.float32),
        wealth_grid(env_params, n_wealth, span),
    )


def wealth_grid(params: EnvParams, n_wealth: int, span: float) -> Array:
    """`n_wealth` equally spaced wealths from 0 to `span` · W0, points."""
    return jnp.linspace(0, span * jnp.asarray(params.initial_wealth, jnp.float32), n_wealth)
