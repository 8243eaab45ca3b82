"""Whom a score is measured by, and in which games nobody is known to be the best.

docs/evaluation.md#exact-yardsticks
"""

from typing import NamedTuple

import numpy as np

from cardjax.env.declaration import ParameterError
from cardjax.env.market import CardMarket
from cardjax.env.params import EnvParams
from cardjax.policies.equilibrium import Equilibrium
from cardjax.policies.planning.inventory import InventoryPlanner, Myopic
from cardjax.policies.policy import Policy


class Yardstick(NamedTuple):
    """The exact benchmark of a game."""

    policy: Policy | None
    """Who plays it; None if there is none."""
    name: str
    """In words, after "the exact"."""
    charged: bool = False
    """Whether risk is charged for. Then what is maximised is expected P&L less the charge, and what
    is exact of a round alone (exploitability, other equilibria) says nothing of the game."""
    missing: str = ""
    """Why there is no score, in words; "" if there is."""


STAGE = Yardstick(Equilibrium(), "symmetric equilibrium")
"""That of several players whose rounds can be looked at one by one."""
ALONE = Yardstick(Equilibrium(), "optimum of each round")
"""That of a single player: with nobody beside, the equilibrium is the best order."""


def yardstick_of(market: CardMarket, env_params: EnvParams) -> Yardstick:
    """The benchmark of a market, or of a grid of markets.

    Args:
        env_params: known numbers, of any leading shape.
    """
    if not market.inventory and not np.any(np.asarray(env_params.risk.phi)):
        return STAGE if market.n_players > 1 else ALONE
    if market.n_players > 1:
        why = "inventory" if market.inventory else "a charge for risk"
        return _none(f"with {why}, no exact benchmark is known for several players")
    if not market.inventory:
        return Yardstick(Myopic(), "optimum of each round less its charge", charged=True)
    if market.hides_event:
        return _none("with inventory and hidden events, the exact program would run over beliefs")
    return Yardstick(InventoryPlanner(), "optimum over inventory", charged=True)


def refuse_charged(market: CardMarket, env_params: EnvParams, who: str) -> None:
    """Refuse games in which risk is charged for, on behalf of what compares each round with that
    round's own optimum.

    Args:
        who: in the error's words.

    Raises:
        ParameterError: it is charged for.
    """
    if market.inventory:
        allowed = f"must be off for {who}, which compares each round with its own optimum"
        raise ParameterError("env.inventory", "on", allowed)
    phi = np.max(np.asarray(env_params.risk.phi))
    if phi:
        allowed = f"must be 0 for {who}, which compares each round with its own optimum"
        raise ParameterError("env.risk.phi", phi, allowed)


def _none(why: str) -> Yardstick:
    return Yardstick(None, "benchmark", charged=True, missing=why)
