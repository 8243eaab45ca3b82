"""Orders: which are valid, what they execute at and what they earn.

docs/rules.md#orders and docs/rules.md#money have the rules.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from cardjax.env import inventory
from cardjax.env.params import EnvParams
from cardjax.kernels.largest_multiple import largest_multiple
from cardjax.kernels.own_kernel import own_kernel
from cardjax.kernels.short_axes import by_player, sum_short_axis

MAX_SIZE = 10
"""The largest order, units."""
N_ACTIONS = 2 * MAX_SIZE + 1
PASS = 0
RUIN_LEVEL = 0.2
"""Ruin is wealth at or below this share of W0 after any round."""


class Fill(NamedTuple):
    """What each player's order came to; every attribute has shape [A]."""

    action: Array
    """int32, as executed: an invalid order is a pass."""
    rejected: Array
    """bool: was the requested action invalid?"""
    exec_price: Array
    """float32, the price of each unit, points; 0 for a pass."""
    fill_ratio: Array
    """float32, min(1, L/q), the share of the side's flow that its true depth absorbs; 1 for a
    pass.
    """
    slippage: Array
    """float32, |exec_price − quote|, points per unit."""
    position: Array
    """float32, signed units: above 0 bought, below 0 sold."""


def buy(size: int) -> int:
    """The action that buys `size` units, 1..10."""
    return size


def sell(size: int) -> int:
    """The action that sells `size` units, 1..10."""
    return MAX_SIZE + size


def position_of(action: Array) -> Array:
    """The signed size of an int32 action, units: buys above 0, sells below, a pass 0."""
    return jnp.where(action > MAX_SIZE, MAX_SIZE - action, action)


def mask_of(n_buys: Array, n_sells: Array) -> Array:
    """Which actions are valid, bool [..., 21], given the `largest_sizes`, int32 [...] each."""
    sizes = jnp.arange(1, MAX_SIZE + 1, dtype=jnp.int32)
    buys, sells = sizes <= n_buys[..., None], sizes <= n_sells[..., None]
    return jnp.concatenate([jnp.ones_like(buys[..., :1]), buys, sells], -1)


@own_kernel
def largest_sizes(
    bid: Array,
    ask: Array,
    s_max: Array,
    wealth: Array,
    params: EnvParams,
    held: Array | None = None,
) -> tuple[Array, Array]:
    """The largest valid buy and the largest valid sell: the action mask in two numbers.

    A buy of i needs i · ask ≤ wealth and a sell of i needs i · (s_max − bid) ≤ wealth, compared in
    float32, so every smaller size is valid too. So it is with the limit of an inventory. A player
    in debt or stopped out may only pass.

    Args:
        bid: float32 [...], points; the other prices too.
        ask: float32 [...].
        s_max: float32 [...], the largest S that the event's deck allows.
        wealth: float32 [...], points.
        held: int32 [...], the inventory; None if nothing is carried.

    Returns:
        int32 [...] each, 0..10 units.
    """

    def sizes(
        wealth: Array, buy_cost: Array, sell_cost: Array, *held: Array
    ) -> tuple[Array, Array]:
        active = may_trade(wealth, params)
        n_buys = largest_multiple(buy_cost, wealth, MAX_SIZE)
        n_sells = largest_multiple(sell_cost, wealth, MAX_SIZE)
        for own in held:
            to_buy, to_sell = inventory.room(own, params)
            n_buys, n_sells = jnp.minimum(n_buys, to_buy), jnp.minimum(n_sells, to_sell)
        return jnp.where(active, n_buys, 0), jnp.where(active, n_sells, 0)

    return by_player(sizes, wealth, ask, s_max - bid, *_given(held))


def may_trade(wealth: Array, params: EnvParams) -> Array:
    """Whether a player is neither in debt nor stopped out, bool [...]."""
    return (wealth >= 0) & ~stopped_out(wealth, params)


def stopped_out(wealth: Array, params: EnvParams) -> Array:
    """Whether `stop_out` is on and wealth at or below stop_out_level · W0, bool [...]."""
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
    held: Array | None = None,
) -> Fill:
    """Executes all players' orders at once.

    Each side's flow beyond its true depth moves the price for everybody on that side by alpha per
    unit. All valid orders fill in full, and an invalid one is executed as a pass.

    Args:
        requested: [A] of any number type; what is none of 0..20 is invalid.
        bid: float32, points; the other prices too.
        ask: float32.
        s_max: float32, the largest S that the event's deck allows.
        depth_bid: float32, the true depth that sellers use, units.
        depth_ask: float32, the true depth that buyers use, units.
        wealth: float32 [A], points.
        held: int32 [A], the inventory; None if nothing is carried.
    """

    def checked(requested: Array, wealth: Array, *held: Array) -> tuple[Array, Array]:
        action, known = as_action(requested)
        position = position_of(action)
        size, is_sell = jnp.abs(position).astype(jnp.float32), action > MAX_SIZE
        fits = size * jnp.where(is_sell, s_max - bid, ask) <= wealth
        for own in held:
            fits &= inventory.is_within_limit(own + position, params)
        valid = known & ((size == 0) | (may_trade(wealth, params) & fits))
        return jnp.where(valid, action, PASS), ~valid

    action, rejected = by_player(checked, requested, wealth, *_given(held))
    position = position_of(action).astype(jnp.float32)
    bought = sum_short_axis(jnp.maximum(position, 0))
    sold = sum_short_axis(jnp.maximum(-position, 0))

    def filled(action: Array, rejected: Array, position: Array) -> Fill:
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

    return by_player(filled, action, rejected, position)


def as_action(requested: Array) -> tuple[Array, Array]:
    """The int32 action, and whether the request names one.

    A NaN, a fraction or a number outside 0..20 names none, and is a pass.
    """
    return whole_number(requested, N_ACTIONS, otherwise=PASS)


def whole_number(requested: Array, n: int, otherwise: int) -> tuple[Array, Array]:
    """What was asked for as an int32 in 0..n − 1, or else `otherwise`; and whether it is one."""
    known = (requested >= 0) & (requested < n)
    if jnp.issubdtype(requested.dtype, jnp.floating):
        known &= requested == jnp.floor(requested)
    return jnp.where(known, requested, otherwise).astype(jnp.int32), known


def settle(fill: Fill, value: Array) -> Array:
    """The P&L of each order if one unit pays `value`, float32 [A], points.

    It is i · (value − price) for a buy of i, i · (price − value) for a sell, and 0 for a pass.
    """
    return fill.position * (value - fill.exec_price)


def reward_of(pnl: Array, expected_pnl: Array, wealth: Array, params: EnvParams) -> Array:
    """Each player's reward by `params.reward`, before the charge for risk, float32 [A].

    Args:
        pnl: float32 [A], what the round has earned, points.
        expected_pnl: float32 [A], the orders' P&L with mu in place of S, points.
        wealth: float32 [A], before the round, points.
    """
    log_wealth = jnp.log(jnp.maximum(wealth + pnl, 1)) - jnp.log(jnp.maximum(wealth, 1))
    return jnp.select([params.reward == 0, params.reward == 1], [pnl, log_wealth], expected_pnl)


def _given(held: Array | None) -> tuple[Array, ...]:
    return () if held is None else (held,)
