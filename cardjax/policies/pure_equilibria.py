"""What the worst and the best pure Nash equilibrium of a round's stage game pay, asymmetric ones
included.

Let all players together order Q units, and let c(Q) be the expected impact per unit. A player that
orders i of them earns i · (edge − c(Q)). Its i-th unit gains
    gain(i; Q) = i · (edge − c(Q)) − (i − 1) · (edge − c(Q − 1))
                = edge − c(Q − 1) − i · (c(Q) − c(Q − 1)),
which falls in i and, because expected overflow is convex, in Q. The payoff is therefore concave in
the player's own size. A profile with total Q is an equilibrium if no player regrets its last unit,
gain(i; Q) ≥ 0, and none would gain by one more, gain(i + 1; Q + 1) ≤ 0 unless i is the largest
valid size. Let n(Q) = #{i valid: gain(i; Q) ≥ 0} and m(Q) = #{i valid: gain(i; Q) > 0}, which both
fall in Q. Then the condition is
    m(Q + 1) ≤ i ≤ n(Q)   for every player.
Only a player's own size and the total matter. Sizes within a range add up to every total between A
times its ends, so Q is the total of an equilibrium exactly where
    A · m(Q + 1) ≤ Q ≤ A · n(Q),
and no profile has to be listed. An equilibrium always exists: let Q be the largest total with
Q ≤ A · n(Q); then Q + 1 > A · n(Q + 1) ≥ A · m(Q + 1), and m(Q + 1) ≤ n(Q + 1) ≤ n(Q).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import EnvParams, View
from cardjax.env.execution import MAX_SIZE
from cardjax.policies.stage_game import SIZES, good_side, impact_per_unit


class Extremes(NamedTuple):
    """What the worst and the best pure equilibrium of a round pay.

    Both are points of expected pnl, the mean over players, float32 [...].
    """

    worst: Array
    best: Array


def pure_equilibria(params: EnvParams, view: View, n_players: int) -> Extremes:
    """The worst and the best pure equilibrium of all profiles, by the players' mean payoff.

    Args:
        view: leaves [...]. The others are assumed to have the same valid sizes as this player.
        n_players: A ≥ 1. For A = 1, both are the single player's optimum.
    """
    side = good_side(view)
    edge, n_valid = side.edge[..., None], side.n_valid[..., None].astype(jnp.float32)
    total = np.arange(n_players * MAX_SIZE + 1, dtype=np.float32)
    cost = impact_per_unit(params, view, side, total)

    before, after = cost[..., :-1, None], cost[..., 1:, None]
    gain = edge[..., None] - (SIZES * after - (SIZES - 1) * before)
    valid = n_valid[..., None] >= SIZES
    # These are n and m at Q = 1, 2, … An equilibrium exists because they fall in Q, which rounding
    # could break by a hair. So n is made to fall, and m is made to be at most n.
    at_most = jnp.sum((gain >= 0) & valid, -1, dtype=jnp.float32)
    at_most = jax.lax.cummin(at_most, at_most.ndim - 1)
    at_least = jnp.minimum(jnp.sum((gain > 0) & valid, -1, dtype=jnp.float32), at_most)

    # Nobody holds a unit at Q = 0, and nobody can add one at the largest total.
    at_most = jnp.concatenate([jnp.broadcast_to(n_valid, (*at_most.shape[:-1], 1)), at_most], -1)
    at_least = jnp.concatenate([at_least, jnp.zeros_like(n_valid)], -1)
    stable = (n_players * at_least <= total) & (total <= n_players * at_most)
    payoff = total * (edge - cost) / n_players
    return Extremes(
        jnp.where(stable, payoff, jnp.inf).min(-1), jnp.where(stable, payoff, -jnp.inf).max(-1)
    )
