"""What a round's orders make of the takers: their P&L, their reward, and whether the game ends."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.env import execution, inventory
from cardjax.env.params import N_ROUNDS, EnvParams
from cardjax.env.state import Players, State
from cardjax.kernels.short_axes import all_short_axis


class Settled(NamedTuple):
    """A settled round; shapes are [A] unless an attribute says otherwise."""

    players: Players
    """The players after it."""
    pnl: Array
    """float32: what the round has earned, inventory included, points."""
    reward: Array
    """float32: the reward, with the charge for risk taken off."""
    terminated: Array
    """bool []: whether the game has ended."""
    carry_pnl: Array | None
    """float32: the part of `pnl` that units held before the round have earned; None where nothing
    is carried.
    """
    risk_charge: Array | None
    """float32: what the reward was lowered by; None where that is known to be nothing."""


def settle(state: State, fill: execution.Fill, params: EnvParams) -> Settled:
    """Settles what takers ordered in the round of `state`, without drawing the next."""
    market, players = state.market, state.players
    position = fill.position.astype(jnp.int32)
    held = None if players.inventory is None else players.inventory + position
    carry_pnl = _carry_pnl(state)
    pnl = execution.settle(fill, market.S)
    if carry_pnl is not None:
        pnl += carry_pnl
    wealth = players.wealth + pnl

    terminated = (state.round + 1 >= N_ROUNDS) | all_short_axis(
        execution.stopped_out(wealth, params)
    )
    expected_pnl = execution.settle(fill, market.mu)
    reward = execution.reward_of(pnl, expected_pnl, players.wealth, params)
    charge = _risk_charge(fill, held, terminated, params)
    if charge is not None:
        reward -= charge
    after = Players(wealth, position, fill.slippage, fill.fill_ratio, held)
    return Settled(after, pnl, reward, terminated, carry_pnl, charge)


def info_of(settled: Settled, fill: execution.Fill) -> dict[str, Array]:
    """What `step` reports of each player."""
    info = {
        "action": fill.action,
        "rejected": fill.rejected,
        "exec_price": fill.exec_price,
        "fill_ratio": fill.fill_ratio,
        "slippage": fill.slippage,
        "pnl": settled.pnl,
        "wealth": settled.players.wealth,
    }
    held = settled.players.inventory
    if held is not None and settled.carry_pnl is not None and settled.risk_charge is not None:
        info |= {
            "inventory": held,
            "carry_pnl": settled.carry_pnl,
            "risk_charge": settled.risk_charge,
        }
    return info


def _carry_pnl(state: State) -> Array | None:
    """What the units held before the round have earned, points; None where nothing is carried."""
    held, market, past = state.players.inventory, state.market, state.past
    if held is None:
        return None
    mark = inventory.mark_of(market.event, None if past is None else past.belief)
    return inventory.carried_pnl(held, market.S, mark)


def _risk_charge(
    fill: execution.Fill, held: Array | None, ended: Array, params: EnvParams
) -> Array | None:
    """The charge on what is held or, where nothing is carried, on what was ordered; None where that
    is known to be free, so that it costs no time.
    """
    if held is None:
        if isinstance(params.risk.phi, np.floating) and params.risk.phi == 0:
            return None
        return inventory.risk_charge(fill.position, jnp.bool_(False), params)
    return inventory.risk_charge(held, ended, params)
