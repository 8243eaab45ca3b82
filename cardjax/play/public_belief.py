"""What may be known of a hidden event, from all that is public: the exact belief in figures that a
person can read.
"""

import dataclasses

import jax
import numpy as np
from jax import Array

from cardjax.env import View, beliefs
from cardjax.env.events import REMAP
from cardjax.kernels.event_filter import Belief

MOST_REMAPS = 5
SMALLEST_CHANCE = 0.01
"""of a remap that is named: before anything is known, each has less."""


@dataclasses.dataclass(frozen=True)
class PublicBelief:
    """What cards and sums have told everybody, this round's shown cards included."""

    kinds: tuple[float, ...]
    """the probabilities of the six kinds, in the order of cardjax.env.EVENT_KINDS."""
    remaps: tuple[tuple[int, float], ...]
    """(event, probability) of the likeliest remaps, up to five of at least 1%."""
    last_cards: tuple[int, ...]
    """ranks of the last round's cards; none in a game's first."""
    last_sum: float
    """that they paid, points; 0 in a game's first."""


def belief_of(view: View) -> PublicBelief | None:
    """The first seat's, which is everybody's, for leaves [A, …] on the host; None where the event
    is known.
    """
    if view.belief is None or view.last_ranks is None or view.last_sum is None:
        return None
    chances = np.asarray(_chances(jax.tree.map(lambda leaf: leaf[0], view.belief)), np.float64)
    order = np.argsort(-chances[REMAP:], kind="stable")[:MOST_REMAPS] + REMAP
    return PublicBelief(
        kinds=(*map(float, chances[:REMAP]), min(float(chances[REMAP:].sum()), 1.0)),
        remaps=tuple((int(e), float(chances[e])) for e in order if chances[e] >= SMALLEST_CHANCE),
        last_cards=tuple(int(rank) for rank in view.last_ranks[0] if rank),
        last_sum=float(view.last_sum[0]),
    )


@jax.jit
def _chances(belief: Belief) -> Array:
    return beliefs.chances(belief)
