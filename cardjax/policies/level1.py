"""Level 1: expects the others to play as `ev_oracle` does, and makes room for them."""

import dataclasses
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import N_ROUNDS, EnvParams, View
from cardjax.env.execution import MAX_SIZE
from cardjax.policies.hidden_depth import expected_overflow
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
    """What a Level-1 player remembers of this game, the latest round last; 0 for rounds not yet
    played.
    """

    favoured: Array
    """int32 [...]: the side this round's edge points to, 1 buy, −1 sell, 0 neither; next round says
    who took it.
    """
    side: Array
    """int32 [..., k]: the side that was favoured in each of the last k rounds."""
    hits: Array
    """int32 [..., k]: how many of the others took that side."""


@dataclasses.dataclass(frozen=True)
class Level1:
    """Sizes against the crowding it expects on the side that mu favours.

    Each other player is taken to hit that side with probability p_hit, at the largest size valid
    for oneself, and to stay away otherwise. The size is the one with the best
    size · (edge − alpha · E[overflow]); ties go to the smaller, and to passing.

    With `depth = "expected"` the overflow is the exact expectation given what is displayed. With
    "displayed" it is counted against the displayed depth, as if none were hidden beyond the cap:
    such a player makes room for a crowd that the hidden depth would have absorbed.

    p_hit is estimated for buys and for sells apart, from those of this game's last `window` rounds
    in which that side was favoured: (prior_hits + hits) / (prior_trials + trials), the mean of a
    Beta posterior. The default prior is Laplace's, uniform: one half until something is seen.
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
        displayed, sigma, spread = (
            leaf[..., None, None] for leaf in (side.displayed, view.sigma, view.spread)
        )
        if self.depth == "displayed":
            return jnp.maximum(total - displayed, 0)
        return expected_overflow(displayed, sigma, spread, total, params)


def _remember(record: Record, view: View) -> Record:
    """Adds the last round, which `view.others_last` reports; in a game's first round, forgets."""
    hits = jnp.sum(jnp.sign(view.others_last) == record.favoured[..., None], -1, dtype=jnp.int32)
    first = view.round == 0

    def push(past: Array, latest: Array) -> Array:
        return jnp.where(
            first[..., None], 0, jnp.concatenate([past[..., 1:], latest[..., None]], -1)
        )

    return Record(record.favoured, push(record.side, record.favoured), push(record.hits, hits))
