"""Units that are carried from round to round, and the charge for the risk of holding them.

docs/rules.md#inventory has the rule. A player's inventory q is whole, signed, and 0 at a game's
start. A unit pays S − price in the round in which it is bought, and S less that round's mark in
every later one. The mark is the mean of S before the hints, so that what is carried earns nothing
on average.
"""

import jax.numpy as jnp
from jax import Array

from cardjax.env import beliefs, cards, quotes
from cardjax.env.params import EnvParams
from cardjax.kernels.event_filter import Belief


def mark_of(event: Array, belief: Belief | None) -> Array:
    """m, the mean of S given what is public before a round's hints: points, float32 [...].

    Args:
        event: int32 [...], the round's event.
        belief: that of the round's start, if the event is hidden.
    """
    if belief is not None:
        return beliefs.moments(belief, jnp.zeros((*event.shape, cards.N_CARDS), jnp.int32))[0]
    nothing = jnp.zeros(event.shape, jnp.float32)
    return quotes.posterior_moments(event, nothing, nothing, nothing)[0]


def carried_pnl(held: Array, S: Array, mark: Array) -> Array:
    """What the units that were held before the round earn in it: q · (S − m), points.

    Args:
        held: int32 [A], before the round's order.
        S: float32, points.
        mark: float32, points.
    """
    return held.astype(jnp.float32) * (S - mark)


def room(held: Array, params: EnvParams) -> tuple[Array, Array]:
    """The units that may be bought and sold before the limit is reached, int32 [...] each."""
    return params.inventory_limit - held, params.inventory_limit + held


def is_within_limit(held: Array, params: EnvParams) -> Array:
    """Whether |q| is at most the limit, bool [...]."""
    return jnp.abs(held) <= params.inventory_limit


def risk_charge(held: Array, ended: Array, params: EnvParams) -> Array:
    """What a round's risk costs, float32 [A]: phi · q², and after a game's last round phi_end · q²
    too. It lowers the reward and is no money.

    Args:
        held: [A], after the round's order.
        ended: bool, whether this was the game's last round.
    """
    square = jnp.square(held.astype(jnp.float32))
    return (params.risk.phi + jnp.where(ended, params.risk.phi_end, 0)) * square
