"""The order with the largest expected pnl against an explicit model of the others
(docs/evaluation.md#exact-yardsticks).
"""

import dataclasses

import jax.numpy as jnp
from jax import Array

from cardjax.env import EnvParams, View
from cardjax.policies.protocol import Deterministic, Memoryless
from cardjax.policies.stage_game import NOBODY, expected_pnl, flow_of, n_players_of
from cardjax.policies.trivial import Pass


@dataclasses.dataclass(frozen=True)
class BestResponse(Deterministic):
    """Takes the valid action with the largest exact expected pnl, hidden depth integrated out.

    The others are taken to draw their actions independently from `others`' law at one's own View,
    own valid sizes included. The default is that they pass: the optimum of the single game.
    """

    others: Memoryless = Pass()

    def choose(self, params: EnvParams, view: View) -> Array:
        """int32 [...]; ties go to passing, then to the smaller size."""
        value = jnp.where(view.action_mask, self.expected_pnl(params, view), -jnp.inf)
        return jnp.argmax(value, -1).astype(jnp.int32)

    def expected_pnl(self, params: EnvParams, view: View) -> Array:
        """Points, float32 [..., 21], of all actions, valid or not."""
        n_others = n_players_of(view) - 1
        if n_others == 0 or isinstance(self.others, Pass):
            return expected_pnl(params, view, NOBODY)
        return expected_pnl(
            params, view, flow_of(self.others.action_probabilities(params, view), n_others)
        )
