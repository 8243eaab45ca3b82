"""One round as a game of its own: what every order is worth given a View, and which are best.

Payoffs are expected pnl, with mu in place of S and the hidden depth integrated out. Since
bid ≤ ask, only one side of the quote can be worth taking. On that side, an order of i units, while
the others take k units in total, is worth
    u(i; k) = i · (edge − alpha · E[max(0, i + k − L) | displayed]),
where edge is mu − ask for buys and bid − mu for sells (docs/rules.md#orders).
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import EnvParams, View
from cardjax.env.execution import MAX_SIZE, N_ACTIONS
from cardjax.policies.hidden_depth import overflow_seen

SIZES = np.arange(1, MAX_SIZE + 1, dtype=np.float32)
SIZE_OF_ACTION = np.concatenate([[0], SIZES, SIZES]).astype(np.float32)
ACTION_SELLS = np.arange(N_ACTIONS) > MAX_SIZE
NOBODY = np.ones((2, 1), np.float32)
"""The flow of no other players, who certainly buy and sell nothing."""
N_BISECTIONS = 30


class GoodSide(NamedTuple):
    """The one side of the quote that can be worth taking; every leaf has the View's shape [...]."""

    edge: Array
    """Points per unit before impact; 0 or below where neither side is worth taking."""
    displayed: Array
    """Displayed depth, units."""
    is_sell: Array
    n_valid: Array
    """int32: the largest valid size, 0..10."""


class Mix(NamedTuple):
    """A symmetric equilibrium on the good side; leaves [...].

    Every player orders `size` units, or with probability `p_more` one more.
    """

    size: Array
    """int32, 0..10."""
    p_more: Array
    """float32 in [0, 1]; 0 where the equilibrium is pure."""
    payoff: Array
    """The expected pnl of each player, points."""


def n_players_of(view: View) -> int:
    """A, the number of players, from the number of others in a View."""
    return int(view.others_last.shape[-1]) + 1


def impact_of(params: EnvParams) -> Array:
    """Points per unit of overflow: alpha, or 0 with impact off."""
    return jnp.where(params.flags.enable_impact, params.alpha, jnp.float32(0))


def good_side(view: View) -> GoodSide:
    """The side with the larger edge."""
    edge_buy, edge_sell = view.mu - view.ask, view.bid - view.mu
    is_sell = edge_sell > edge_buy
    buys, sells = view.action_mask[..., 1 : MAX_SIZE + 1], view.action_mask[..., MAX_SIZE + 1 :]
    return GoodSide(
        edge=jnp.where(is_sell, edge_sell, edge_buy),
        displayed=jnp.where(is_sell, view.displayed_bid, view.displayed_ask),
        is_sell=is_sell,
        n_valid=jnp.where(is_sell, sells.sum(-1), buys.sum(-1)).astype(jnp.int32),
    )


def action_of(is_sell: Array, size: Array) -> Array:
    """The int32 action that takes `size` units (0..10) on one side; size 0 is a pass."""
    return jnp.where(is_sell & (size > 0), MAX_SIZE + size, size).astype(jnp.int32)


def expected_pnl(params: EnvParams, view: View, flow: Array | np.ndarray) -> Array:
    """Expected pnl of all 21 actions, valid or not, in points: float32 [..., 21].

    Args:
        view: leaves [...].
        flow: [..., 2, K + 1], the distribution of the total units 0..K that the others buy (row 0)
            and sell (row 1): `NOBODY`, or from `flow_of`. Only these two marginal distributions
            matter, because an order is executed against only one side.
    """
    edge = _by_action(view.mu - view.ask, view.bid - view.mu)
    displayed = jnp.stack([view.displayed_ask, view.displayed_bid], -1)
    flow = jnp.asarray(flow)
    n_totals = flow.shape[-1] + MAX_SIZE
    backwards = jnp.flip(jnp.pad(flow, [(0, 0)] * (flow.ndim - 1) + [(MAX_SIZE, MAX_SIZE)]), -1)

    # A side's total is q if the player orders i and the others order q − i, so the overflow at q is
    # computed once for all sizes.
    def add(q: Array, mean: Array) -> Array:
        overflow = overflow_seen(params, view, displayed, q)
        chance = jax.lax.dynamic_slice_in_dim(backwards, n_totals - 1 - q, MAX_SIZE + 1, -1)
        return mean + chance * overflow[..., None]

    nothing = jnp.zeros((*displayed.shape, MAX_SIZE + 1), jnp.float32)
    mean = jax.lax.fori_loop(1, n_totals, add, nothing)
    mean_overflow = jnp.concatenate([mean[..., 0, :], mean[..., 1, 1:]], -1)
    return (edge - impact_of(params) * mean_overflow) * SIZE_OF_ACTION


def flow_of(probabilities: Array, n_others: int) -> Array:
    """The distribution of what `n_others` players buy and sell in total, if each draws its action
    independently from `probabilities`.

    Args:
        probabilities: [..., 21].

    Returns:
        float32 [..., 2, 10 · n_others + 1], as `expected_pnl` takes it.
    """
    return _total_flow(probabilities, [probabilities] * n_others)


def flow_of_others(probabilities: Array) -> Array:
    """The distribution of what the others of each player buy and sell in total, if every player
    draws its action independently from its own distribution.

    Args:
        probabilities: [..., A, 21], one distribution per player.

    Returns:
        float32 [..., A, 2, 10 · (A − 1) + 1], as `expected_pnl` takes it with views [..., A].
    """
    n_players = probabilities.shape[-2]
    return _total_flow(
        probabilities, [jnp.roll(probabilities, -k, -2) for k in range(1, n_players)]
    )


def flow_of_all(probabilities: Array) -> Array:
    """As `flow_of_others`, of all players together: [..., A, 21] → float32 [..., 2, 10 · A + 1]."""
    each = [probabilities[..., k, :] for k in range(probabilities.shape[-2])]
    return _total_flow(probabilities[..., 0, :], each)


def joint_payoff(params: EnvParams, view: View, n_players: int) -> Array:
    """The most expected pnl that `n_players` could earn together in a round: points, float32 [...].

    It is the largest Q · (edge − alpha · E[overflow at Q]) over totals Q ≤ n_players · (largest
    valid size). For one player it is the optimum of the single game.
    """
    side = good_side(view)
    total = np.arange(n_players * MAX_SIZE + 1, dtype=np.float32)
    payoff = total * (side.edge[..., None] - impact_per_unit(params, view, side, total))
    return jnp.where(total <= n_players * side.n_valid[..., None], payoff, -jnp.inf).max(-1)


def symmetric_equilibrium(params: EnvParams, view: View, n_players: int) -> Mix:
    """The symmetric Nash equilibrium of the round among `n_players` who all have this View.

    Let gain(i; k) = u(i; k) − u(i − 1; k), which is what an i-th unit is worth while the others
    take k. Expected overflow is convex and nondecreasing in q, so gain falls in i and in k. Let i*
    be the largest valid i with gain(i; (A − 1) i) above 0, or 0 if there is none.
      - If i* is the largest valid size, or gain(i* + 1; (A − 1) i*) ≤ 0, then it is an equilibrium
        that all players order i*: u is concave in i, the last unit gains, and one more would not.
      - Otherwise, a player gains by ordering i* + 1 if all others order i*, but not if they all
        order i* + 1. The expected gain of that unit falls in the probability p with which each of
        the others orders i* + 1, so it is zero for one p. Against that mix, u is still concave in
        i, and it is equal at i* and i* + 1. Both are therefore best replies, and it is an
        equilibrium that all players mix them with probability p.

    Args:
        view: leaves [...]. The others are assumed to have the same valid sizes as this player.
        n_players: A ≥ 1. For A = 1 the result is the single player's optimum.
    """
    side = good_side(view)
    edge, n_valid = side.edge[..., None], side.n_valid[..., None]
    cost = functools.partial(impact_per_unit, params, view, side)

    all_at_i = n_players * SIZES
    gain = edge - (SIZES * cost(all_at_i) - (SIZES - 1) * cost(all_at_i - 1))
    size = jnp.sum(
        (gain > 0) & (n_valid.astype(jnp.float32) >= SIZES), -1, keepdims=True, dtype=jnp.int32
    )

    # These are the costs at the totals that arise when j = 0..A players take one more than i*.
    units = size.astype(jnp.float32)
    around = cost(n_players * units + np.arange(n_players + 1, dtype=np.float32))
    gain_of_one_more = edge - ((units + 1) * around[..., 1:] - units * around[..., :-1])
    mixes = (size < n_valid)[..., 0] & (gain_of_one_more[..., 0] > 0)
    p_more = jnp.where(mixes, _indifferent_at(gain_of_one_more), 0)
    size, units = size[..., 0], units[..., 0]
    return Mix(size, p_more, payoff=units * (side.edge - binomial_mean(around[..., :-1], p_more)))


def binomial_mean(values: Array, p: Array) -> Array:
    """E[values[j]] for j ~ Binomial(n, p), by de Casteljau's scheme.

    Args:
        values: [..., n + 1].
        p: [...].
    """
    p = p[..., None]
    while values.shape[-1] > 1:
        values = (1 - p) * values[..., :-1] + p * values[..., 1:]
    return values[..., 0]


def impact_per_unit(
    params: EnvParams, view: View, side: GoodSide, total: Array | np.ndarray
) -> Array:
    """The expected impact on the good side, in points per unit, [..., Q].

    Args:
        total: the sum of all players' sizes, [..., Q].
    """
    return impact_of(params) * overflow_seen(params, view, side.displayed[..., None], total)


def _by_action(buy: Array, sell: Array) -> Array:
    """Values by action, [..., 21], from one for buys (and the pass) and one for sells."""
    return jnp.where(ACTION_SELLS, sell[..., None], buy[..., None])


def _indifferent_at(gains: Array) -> Array:
    """The p with binomial_mean(gains, p) = 0.

    Args:
        gains: [..., A], falling in j from above 0 to 0 or below.
    """
    first, last = gains[..., 0], gains[..., -1]
    if gains.shape[-1] == 1:
        return jnp.zeros_like(first)
    if gains.shape[-1] == 2:
        return jnp.clip(first / jnp.maximum(first - last, jnp.float32(1e-30)), 0, 1)

    def halve(_: int, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = (low + high) / 2
        positive = binomial_mean(gains, middle) > 0
        return jnp.where(positive, middle, low), jnp.where(positive, high, middle)

    low, high = jax.lax.fori_loop(
        0, N_BISECTIONS, halve, (jnp.zeros_like(first), jnp.ones_like(first))
    )
    return (low + high) / 2


def _total_flow(like: Array, probabilities: Sequence[Array]) -> Array:
    """The flow [..., 2, K + 1] of players with the given distributions, [..., 21] each.

    Without any player, the leading shape is that of `like`.
    """
    total = None
    for own in probabilities:
        passes, buys, sells = jnp.split(own, [1, MAX_SIZE + 1], -1)
        bought = jnp.concatenate([passes + sells.sum(-1, keepdims=True), buys], -1)
        sold = jnp.concatenate([passes + buys.sum(-1, keepdims=True), sells], -1)
        flow = jnp.stack([bought, sold], -2)
        # The shorter one comes first, whose entries are gone through one by one.
        total = flow if total is None else _convolve(flow, total)
    return jnp.ones((*like.shape[:-1], 2, 1), jnp.float32) if total is None else total


def _convolve(a: Array, b: Array) -> Array:
    """The distribution of the sum of two independent counts, [..., n + m − 1], from their
    distributions [..., n] and [..., m].
    """
    n = a.shape[-1]
    unpadded = [(0, 0)] * (b.ndim - 1)
    return sum(
        (jnp.pad(a[..., j, None] * b, [*unpadded, (j, n - 1 - j)]) for j in range(n)),
        start=jnp.float32(0),
    )
