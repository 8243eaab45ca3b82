"""Orders: which are valid, what they execute at and what they earn. RULES.md, "Orders, execution, settlement"."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

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
    """bool [..., 21], which actions are valid; the arguments have shape [...].

    A buy of i needs i · ask ≤ wealth and a sell of i needs i · (s_max − bid) ≤ wealth, compared in float32; a player
    in debt or stopped out may only pass.
    """
    sizes = jnp.arange(1, MAX_SIZE + 1, dtype=jnp.float32)
    active = may_trade(wealth, params)[..., None]
    buys = active & (sizes * ask[..., None] <= wealth[..., None])
    sells = active & (sizes * (s_max - bid)[..., None] <= wealth[..., None])
    return jnp.concatenate([jnp.ones_like(active), buys, sells], -1)


def may_trade(wealth: Array, params: EnvParams) -> Array:
    """bool: neither in debt nor stopped out."""
    return (wealth >= 0) & ~stopped_out(wealth, params)


def stopped_out(wealth: Array, params: EnvParams) -> Array:
    """bool: `stop_out` is on and wealth ≤ stop_out_level · W0."""
    return params.flags.stop_out & (wealth <= params.stop_out_level * params.initial_wealth)


def execute(
    requested: Array, bid: Array, ask: Array, s_max: Array, depth_bid: Array, depth_ask: Array, wealth: Array,
    params: EnvParams,
) -> Fill:  # fmt: skip
    """All players' orders at once: requested [A] of any number type, wealth [A], the rest scalars."""
    action, known = _as_action(requested)
    is_buy, is_sell = (action > 0) & (action <= MAX_SIZE), action > MAX_SIZE
    size = jnp.abs(position_of(action)).astype(jnp.float32)
    unit_cost = jnp.where(is_sell, s_max - bid, ask)
    valid = known & ((size == 0) | (may_trade(wealth, params) & (size * unit_cost <= wealth)))

    is_buy, is_sell, size = is_buy & valid, is_sell & valid, jnp.where(valid, size, 0)
    bought = jnp.sum(jnp.where(is_buy, size, 0), -1, keepdims=True)
    sold = jnp.sum(jnp.where(is_sell, size, 0), -1, keepdims=True)
    flow, depth = jnp.where(is_sell, sold, bought), jnp.where(is_sell, depth_bid, depth_ask)

    traded = is_buy | is_sell
    impact = params.alpha * jnp.maximum(flow - depth, 0)
    slippage = jnp.where(traded & params.flags.enable_impact, impact, 0)
    price = jnp.where(is_sell, bid - slippage, ask + slippage)
    return Fill(
        action=jnp.where(valid, action, PASS),
        rejected=~valid,
        exec_price=jnp.where(traded, price, 0),
        fill_ratio=jnp.where(traded, jnp.minimum(1, depth / jnp.maximum(flow, 1)), 1),
        slippage=slippage,
        position=jnp.where(is_sell, -size, size),
    )


def _as_action(requested: Array) -> tuple[Array, Array]:
    """int32 action, and whether the request names one; a NaN, a fraction or a number outside 0..20 does not."""
    known = (requested >= 0) & (requested < N_ACTIONS)
    if jnp.issubdtype(requested.dtype, jnp.floating):
        known &= requested == jnp.floor(requested)
    return jnp.where(known, requested, PASS).astype(jnp.int32), known


def settle(fill: Fill, value: Array) -> Array:
    """P&L of each order, in points, if one unit pays `value`: i · (S − price) for buys, i · (price − S) for sells."""
    return fill.position * (value - fill.exec_price)


def reward_of(fill: Fill, S: Array, mu: Array, wealth: Array, params: EnvParams) -> Array:
    """float32 [A], by `params.reward`: the P&L, its conditional mean (mu for S), or the change of ln max(W, 1)."""
    pnl, expected_pnl = settle(fill, S), settle(fill, mu)
    log_wealth = jnp.log(jnp.maximum(wealth + pnl, 1)) - jnp.log(jnp.maximum(wealth, 1))
    return jnp.select([params.reward == 0, params.reward == 1], [pnl, log_wealth], expected_pnl)
