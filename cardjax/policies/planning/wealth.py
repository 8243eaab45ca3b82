"""A policy that plans over wealth in the single game."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import EnvParams, ParameterError, View
from cardjax.env.events import kind_of
from cardjax.env.observation import event_of
from cardjax.policies.planning.induction import refuse_maker
from cardjax.policies.planning.outcomes import expected_log_growth, order_pnl, sum_distribution
from cardjax.policies.planning.wealth_value import Objective, WealthValue, solve, value_at
from cardjax.policies.policy import Deterministic
from cardjax.policies.stage_game import NOBODY, expected_pnl

SEED = 0
"""The seed of the market draws on which `WealthPlanner.prepare` solves the game."""


class WealthParams(NamedTuple):
    """The parameters of a `WealthPlanner`."""

    env: EnvParams
    value: WealthValue


@dataclasses.dataclass(frozen=True)
class WealthPlanner(Deterministic):
    """Takes the valid action with the largest expected reward plus value of the wealth it leaves.

    With the value from `solve`, it is the optimum of the whole single game; with `myopic_value`, it
    is the optimum of each round on its own. It plays as if there were no other players, and does
    not mind the charge for risk. It knows no units that are carried, and refuses games with
    inventory, as it refuses hidden events and a maker that plays.
    """

    objective: Objective = "pnl"

    def prepare(self, env_params: EnvParams) -> WealthParams:
        """Solve the game, which takes seconds; call it once, before games are played."""
        return WealthParams(env_params, solve(env_params, self.objective, jax.random.key(SEED)))

    def choose(self, params: WealthParams | EnvParams, view: View) -> Array:
        """The action, int32 [...]; ties go to passing, then to the smaller size.

        Args:
            params: from `prepare`. If they are only an EnvParams, the game is solved here, in every
                round.
        """
        if isinstance(params, EnvParams):
            params = self.prepare(params)
        gain = jnp.where(view.action_mask, self.gain(params, view), -jnp.inf)
        return jnp.argmax(gain, -1).astype(jnp.int32)

    def gain(self, params: WealthParams, view: View) -> Array:
        """The expected reward of each action plus the change of value compared with passing.

        float32 [..., 21], of all actions, valid or not.

        Raises:
            ParameterError: the event is hidden, units are carried, or the maker is a player.
        """
        refuse_maker(view)
        if view.inventory is not None:
            allowed = "must be off for a planner over wealth; `planner` plans over inventory"
            raise ParameterError("env.inventory", "on", allowed)
        event, pnl = event_of(view), order_pnl(params.env, view)
        distribution = sum_distribution(event, view.hint_counts)
        reward = expected_reward(self.objective, params.env, view, distribution, pnl, view.wealth)
        after = [x[..., None, None] for x in (view.round + 1, kind_of(event), view.wealth)]
        # Subtracting before the mean is taken makes the differences exactly 0 where wealth does not
        # matter, so that rounding decides nothing.
        change = value_at(params.value, after[0], after[1], after[2] + pnl) - value_at(
            params.value, *after
        )
        return reward + jnp.sum(distribution[..., None, :] * change, -1)


def expected_reward(
    objective: Objective,
    params: EnvParams,
    view: View,
    distribution: Array,
    pnl: Array,
    wealth: Array,
) -> Array:
    """The expected reward of the round, points or ln W, float32 [..., 21], of all actions, valid or
    not.

    Args:
        distribution: from `sum_distribution`, [..., 43].
        pnl: from `order_pnl`, [..., 21, 43].
        wealth: points, [...].
    """
    if objective == "pnl":
        return jnp.broadcast_to(expected_pnl(params, view, NOBODY), pnl.shape[:-1])
    return expected_log_growth(distribution, pnl, wealth)
