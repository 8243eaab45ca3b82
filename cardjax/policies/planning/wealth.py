"""The player that plans over wealth in the single game."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import EnvParams, View
from cardjax.env.events import kind_of
from cardjax.policies.planning.induction import Objective, solve
from cardjax.policies.planning.outcomes import expected_log_growth, order_pnl, sum_law
from cardjax.policies.planning.value import WealthValue, value_at
from cardjax.policies.protocol import Deterministic
from cardjax.policies.stage_game import NOBODY, expected_pnl

SEED = 0
"""Of the market draws that `WealthPlanner.prepare` solves the game on."""


class WealthParams(NamedTuple):
    """What a `WealthPlanner` plays with."""

    env: EnvParams
    value: WealthValue


@dataclasses.dataclass(frozen=True)
class WealthPlanner(Deterministic):
    """Takes the valid action with the largest expected reward plus value of the wealth it leaves,
    for A = 1.

    With the value from `solve` it is the optimum of the whole game; with `myopic_value`, of each
    round for itself. Other players are taken not to be there.
    """

    objective: Objective = "pnl"

    def prepare(self, env_params: EnvParams) -> WealthParams:
        """The market with the game solved, which takes seconds: once, before games are played."""
        return WealthParams(env_params, solve(env_params, self.objective, jax.random.key(SEED)))

    def choose(self, params: WealthParams | EnvParams, view: View) -> Array:
        """int32 [...]; ties go to passing, then to the smaller size.

        Args:
            params: as from `prepare`. A bare market's are prepared here, in every round.
        """
        if isinstance(params, EnvParams):
            params = self.prepare(params)
        gain = jnp.where(view.action_mask, self.gain(params, view), -jnp.inf)
        return jnp.argmax(gain, -1).astype(jnp.int32)

    def gain(self, params: WealthParams, view: View) -> Array:
        """Expected reward plus change of value against passing, float32 [..., 21], of all actions,
        valid or not.
        """
        law, pnl = sum_law(view.event, view.hint_counts), order_pnl(params.env, view)
        reward = expected_reward(self.objective, params.env, view, law, pnl, view.wealth)
        after = [x[..., None, None] for x in (view.round + 1, kind_of(view.event), view.wealth)]
        # Differences before the mean: where wealth does not matter they are exactly 0, and decide
        # nothing.
        change = value_at(params.value, after[0], after[1], after[2] + pnl) - value_at(
            params.value, *after
        )
        return reward + jnp.sum(law[..., None, :] * change, -1)


def expected_reward(
    objective: Objective, params: EnvParams, view: View, law: Array, pnl: Array, wealth: Array
) -> Array:
    """The round's expected reward, points or ln W, float32 [..., 21], of all actions, valid or not.

    Args:
        law: as from `sum_law`, [..., 43].
        pnl: as from `order_pnl`, [..., 21, 43].
        wealth: points, [...].
    """
    if objective == "pnl":
        return jnp.broadcast_to(expected_pnl(params, view, NOBODY), pnl.shape[:-1])
    return expected_log_growth(law, pnl, wealth)
