"""What a game's earlier rounds have told everybody, where the event is hidden."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from cardjax.env import beliefs, cards
from cardjax.env.params import EnvParams
from cardjax.kernels.event_filter import Belief


class Past(NamedTuple):
    """What everybody remembers of a game's earlier rounds."""

    belief: Belief
    """How likely each event is at the round's start, before its hints."""
    ranks: Array
    """int32 [3]: the last round's cards, 2..14; 0 in a game's first."""
    S: Array
    """float32: the last round's S, points; 0 in a game's first."""


def new_past(params: EnvParams) -> Past:
    """What is known at a game's start."""
    return Past(beliefs.prior(params), jnp.zeros(cards.N_CARDS, jnp.int32), jnp.float32(0))


def after_round(past: Past | None, ranks: Array, S: Array, params: EnvParams) -> Past | None:
    """What is known after a round, when its cards and S are public.

    Args:
        past: what was known before it; None if the event is known.
        ranks: int32 [3], the cards in the order of the draw.
        S: float32 [], points.
    """
    if past is None:
        return None
    return Past(beliefs.next_round(past.belief, ranks, S, params), ranks, S)


def largest_sum(past: Past | None, event: Array) -> Array:
    """S_max; under a hidden event that of any event, so that what is valid tells nothing."""
    if past is None:
        return cards.largest_sum(event)
    return jnp.float32(cards.LARGEST_SUM)
