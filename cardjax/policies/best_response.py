"""The policy that maximises expected pnl against an explicit model of the other players
(docs/evaluation.md#exact-yardsticks).
"""

import dataclasses

import jax.numpy as jnp
from jax import Array

from cardjax.env import EnvParams, View
from cardjax.policies.policy import Deterministic, Memoryless
from cardjax.policies.stage_game import NOBODY, expected_pnl, flow_of, n_players_of
from cardjax.policies.trivial import Pass


@dataclasses.dataclass(frozen=True)
class BestResponse(Deterministic):
    """Takes the valid action with the largest expected pnl, which is exact: hidden depth is
    integrated out.

    It assumes that the other players draw their actions independently, each from the distribution
    that `others` has at this player's own View, own valid sizes included. By default they pass,
    which makes it the optimum of the single game.
    """

    others: Memoryless = Pass()

    def choose(self, params: EnvParams, view: View) -> Array:
        """int32 [...]; ties go to passing, then to the smaller size."""
        value = jnp.where(view.action_mask, self.expected_pnl(params, view), -jnp.inf)
        return jnp.argmax(value, -1).astype(jnp.int32)

    def expected_pnl(self, params: EnvParams, view: View) -> Array:
        """The expected pnl of all actions, valid or not: points, float32 [..., 21]."""
        n_others = n_players_of(view) - 1
        if n_others == 0 or isinstance(self.others, Pass):
            return expected_pnl(params, view, NOBODY)
        return expected_pnl(
            params, view, flow_of(self.others.action_probabilities(params, view), n_others)
        )
