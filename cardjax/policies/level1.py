"""Level 1: expects the others to play as `ev_oracle` does, and orders less because of that."""

import dataclasses
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import N_ROUNDS, EnvParams, View
from cardjax.env.execution import MAX_SIZE
from cardjax.policies.hidden_depth import overflow_seen
from cardjax.policies.stage_game import (
    GoodSide,
    action_of,
    binomial_mean,
    good_side,
    impact_of,
    n_players_of,
)

Depth = Literal["expected", "displayed"]


class Record(NamedTuple):
    """What a Level-1 player remembers of the current game.

    The latest round comes last; rounds that have not been played are 0.
    """

    favoured: Array
    """int32 [...]: the side that has an edge in this round, 1 buy, −1 sell, 0 neither. The next
    View tells which of the others took it.
    """
    side: Array
    """int32 [..., k]: the side that was favoured in each of the last k rounds."""
    hits: Array
    """int32 [..., k]: how many of the others took that side."""


@dataclasses.dataclass(frozen=True)
class Level1:
    """Chooses its size with regard to the crowd that it expects on the side that mu favours.

    It assumes that each other player takes that side with probability p_hit, at the largest size
    that is valid for the Level-1 player, and passes otherwise. The size chosen is the one with the
    largest size · (edge − alpha · E[overflow]); ties go to the smaller size, and to passing.

    With `depth = "expected"`, the overflow is the exact expectation given the displayed depth. With
    "displayed", the overflow is counted from the displayed depth, as if no depth were hidden beyond
    the cap. Such a player orders too little, because hidden depth would have absorbed the crowd.

    p_hit is estimated for buys and for sells separately, from those of the game's last `window`
    rounds in which that side was favoured. It is (prior_hits + hits) / (prior_trials + trials), the
    mean of a Beta posterior. The default prior is Laplace's, which is uniform, so p_hit is one half
    until something has been seen.
    """

    depth: Depth = "expected"
    window: int = N_ROUNDS
    prior_hits: float = 1.0
    prior_trials: float = 2.0

    def init(self, key: Array, batch: tuple[int, ...]) -> Record:
        """An empty record."""
        nothing = jnp.zeros((*batch, self.window), jnp.int32)
        return Record(jnp.zeros(batch, jnp.int32), nothing, nothing)

    def act(self, params: EnvParams, carry: Record, view: View, key: Array) -> tuple[Record, Array]:
        """As `Policy.act`; draws nothing from the key."""
        side, n_others = good_side(view), n_players_of(view) - 1
        favoured = jnp.where(side.edge > 0, jnp.where(side.is_sell, -1, 1), 0).astype(jnp.int32)
        record = _remember(carry, view)._replace(favoured=favoured)
        p_hit = self.hit_probability(record, favoured, n_others)
        return record, action_of(side.is_sell, self._best_size(params, view, side, p_hit, n_others))

    def hit_probability(self, record: Record, side: Array, n_others: int) -> Array:
        """p_hit of `side` (1 buy, −1 sell), float32 [...]."""
        relevant = record.side == side[..., None]
        hits = jnp.sum(jnp.where(relevant, record.hits, 0), -1, dtype=jnp.float32)
        trials = n_others * jnp.sum(relevant, -1, dtype=jnp.float32)
        return (self.prior_hits + hits) / (self.prior_trials + trials)

    def _best_size(
        self, params: EnvParams, view: View, side: GoodSide, p_hit: Array, n_others: int
    ) -> Array:
        """int32 [...]: argmax of size · (edge − alpha · E[overflow]) over sizes 0..n_valid."""
        sizes = np.arange(MAX_SIZE + 1, dtype=np.float32)
        n_valid = side.n_valid.astype(jnp.float32)
        crowd = np.arange(n_others + 1, dtype=np.float32) * n_valid[..., None, None]
        overflow = self._overflow(params, view, side, sizes[:, None] + crowd)
        expected = binomial_mean(overflow, p_hit[..., None])
        profit = sizes * (side.edge[..., None] - impact_of(params) * expected)
        valid = sizes <= n_valid[..., None]
        return jnp.argmax(jnp.where(valid, profit, -jnp.inf), -1).astype(jnp.int32)

    def _overflow(
        self, params: EnvParams, view: View, side: GoodSide, total: Array | np.ndarray
    ) -> Array:
        """Units past the depth of the good side at totals [..., sizes, hitting]."""
        displayed = side.displayed[..., None, None]
        if self.depth == "displayed":
            return jnp.maximum(total - displayed, 0)
        return overflow_seen(params, view, displayed, total)


def _remember(record: Record, view: View) -> Record:
    """The record with the last round, which `view.others_last` reports; empty in a first round."""
    hits = jnp.sum(jnp.sign(view.others_last) == record.favoured[..., None], -1, dtype=jnp.int32)
    first = view.round == 0

    def push(past: Array, latest: Array) -> Array:
        return jnp.where(
            first[..., None], 0, jnp.concatenate([past[..., 1:], latest[..., None]], -1)
        )

    return Record(record.favoured, push(record.side, record.favoured), push(record.hits, hits))
