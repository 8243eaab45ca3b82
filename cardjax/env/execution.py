"""Orders: which are valid, what they execute at and what they earn. RULES.md, "Orders, execution,
settlement".
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from cardjax.env.kernels import by_player, own_kernel, total
from cardjax.env.params import EnvParams

MAX_SIZE = 10
N_ACTIONS = 2 * MAX_SIZE + 1
PASS = 0
RUIN_LEVEL = 0.2
"""Ruin: wealth at or below this share of W0 after any round. RULES.md, "Players"."""


class Fill(NamedTuple):
    """What each player's order came to; every leaf has shape [A]."""

    action: Array
    """int32, as executed: an invalid order is a pass."""
    rejected: Array
    """bool: was the requested action invalid?"""
    exec_price: Array
    """points, 0 for a pass."""
    fill_ratio: Array
    """min(1, L/q), the share of the side's flow that its true depth absorbs; 1 for a pass."""
    slippage: Array
    """|exec_price − quote|, points per unit."""
    position: Array
    """signed units: above 0 bought, below 0 sold."""


def buy(size: int) -> int:
    """The action that buys `size` units, 1..10."""
    return size


def sell(size: int) -> int:
    """The action that sells `size` units, 1..10."""
    return MAX_SIZE + size


def position_of(action: Array) -> Array:
    """Signed size of an int32 action: buys above 0, sells below, a pass 0."""
    return jnp.where(action > MAX_SIZE, MAX_SIZE - action, action)


def action_mask(bid: Array, ask: Array, s_max: Array, wealth: Array, params: EnvParams) -> Array:
    """bool [..., 21], which actions are valid; the arguments have shape [...]."""
    n_buys, n_sells = largest_sizes(bid, ask, s_max, wealth, params)
    sizes = jnp.arange(1, MAX_SIZE + 1)
    buys, sells = sizes <= n_buys[..., None], sizes <= n_sells[..., None]
    return jnp.concatenate([jnp.ones_like(buys[..., :1]), buys, sells], -1)


@own_kernel
def largest_sizes(
    bid: Array, ask: Array, s_max: Array, wealth: Array, params: EnvParams
) -> tuple[Array, Array]:
    """The largest valid buy and the largest valid sell, int32 0..10 of the arguments' shape [...].

    A buy of i needs i · ask ≤ wealth and a sell of i needs i · (s_max − bid) ≤ wealth, compared in
    float32, so every smaller size is valid too; a player in debt or stopped out may only pass.
    """

    def sizes(wealth: Array, buy_cost: Array, sell_cost: Array) -> tuple[Array, Array]:
        active = may_trade(wealth, params)
        return jnp.where(active, _affordable(buy_cost, wealth), 0), jnp.where(
            active, _affordable(sell_cost, wealth), 0
        )

    return by_player(sizes, wealth, ask, s_max - bid)


def _affordable(unit_cost: Array, wealth: Array) -> Array:
    """The largest i in 0..10 with i · unit_cost ≤ wealth, wealth ≥ 0: a quotient, set right where
    it was rounded.
    """
    quotient = jnp.floor(wealth / jnp.maximum(unit_cost, jnp.float32(1e-6)))
    size = jnp.clip(quotient, 0, MAX_SIZE)
    size = jnp.where(
        size * unit_cost > wealth,
        size - 1,
        jnp.where((size + 1) * unit_cost <= wealth, size + 1, size),
    )
    return jnp.where(unit_cost <= 0, MAX_SIZE, jnp.minimum(size, MAX_SIZE)).astype(jnp.int32)


def may_trade(wealth: Array, params: EnvParams) -> Array:
    """bool: neither in debt nor stopped out."""
    return (wealth >= 0) & ~stopped_out(wealth, params)


def stopped_out(wealth: Array, params: EnvParams) -> Array:
    """bool: `stop_out` is on and wealth ≤ stop_out_level · W0."""
    return params.flags.stop_out & (wealth <= params.stop_out_level * params.initial_wealth)


@own_kernel
def execute(
    requested: Array,
    bid: Array,
    ask: Array,
    s_max: Array,
    depth_bid: Array,
    depth_ask: Array,
    wealth: Array,
    params: EnvParams,
) -> Fill:
    """All players' orders at once: requested [A] of any number type, wealth [A], the rest scalars."""

    def order(requested: Array, wealth: Array) -> tuple[Array, Array]:
        action, known = _as_action(requested)
        size, is_sell = jnp.abs(position_of(action)).astype(jnp.float32), action > MAX_SIZE
        affordable = size * jnp.where(is_sell, s_max - bid, ask) <= wealth
        valid = known & ((size == 0) | (may_trade(wealth, params) & affordable))
        return jnp.where(valid, action, PASS), ~valid

    action, rejected = by_player(order, requested, wealth)
    position = position_of(action).astype(jnp.float32)
    bought, sold = total(jnp.maximum(position, 0)), total(jnp.maximum(-position, 0))

    def fill(action: Array, rejected: Array, position: Array) -> Fill:
        is_sell, traded = position < 0, position != 0
        flow, depth = jnp.where(is_sell, sold, bought), jnp.where(is_sell, depth_bid, depth_ask)
        impact = params.alpha * jnp.maximum(flow - depth, 0)
        slippage = jnp.where(traded & params.flags.enable_impact, impact, 0)
        price = jnp.where(is_sell, bid - slippage, ask + slippage)
        return Fill(
            action=action,
            rejected=rejected,
            exec_price=jnp.where(traded, price, 0),
            fill_ratio=jnp.where(traded, jnp.minimum(1, depth / jnp.maximum(flow, 1)), 1),
            slippage=slippage,
            position=position,
        )

    return by_player(fill, action, rejected, position)


def _as_action(requested: Array) -> tuple[Array, Array]:
    """int32 action, and whether the request names one; a NaN, a fraction or a number outside 0..20
    does not.
    """
    known = (requested >= 0) & (requested < N_ACTIONS)
    if jnp.issubdtype(requested.dtype, jnp.floating):
        known &= requested == jnp.floor(requested)
    return jnp.where(known, requested, PASS).astype(jnp.int32), known


def settle(fill: Fill, value: Array) -> Array:
    """P&L of each order, in points, if one unit pays `value`: i · (S − price) for buys, i · (price
    − S) for sells.
    """
    return fill.position * (value - fill.exec_price)


def reward_of(fill: Fill, S: Array, mu: Array, wealth: Array, params: EnvParams) -> Array:
    """float32 [A], by `params.reward`: the P&L, its conditional mean (mu for S), or the change of
    ln max(W, 1).
    """
    pnl, expected_pnl = settle(fill, S), settle(fill, mu)
    log_wealth = jnp.log(jnp.maximum(wealth + pnl, 1)) - jnp.log(jnp.maximum(wealth, 1))
    return jnp.select([params.reward == 0, params.reward == 1], [pnl, log_wealth], expected_pnl)
