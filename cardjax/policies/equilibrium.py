"""Plays the symmetric equilibrium of each round (docs/evaluation.md#exact-yardsticks).

The mathematics is in `stage_game`.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env import N_ACTIONS, EnvParams, View
from cardjax.policies.policy import Memoryless
from cardjax.policies.stage_game import action_of, good_side, n_players_of, symmetric_equilibrium


@dataclasses.dataclass(frozen=True)
class Equilibrium(Memoryless):
    """Plays the symmetric Nash equilibrium of the round's stage game.

    For a single player, that is the optimum.
    """

    def action_probabilities(self, params: EnvParams, view: View) -> Array:
        """The probabilities of all actions, float32 [..., 21].

        They are of one action, or of two neighbouring sizes where no symmetric pure equilibrium
        exists.
        """
        mix = symmetric_equilibrium(params, view, n_players_of(view))
        is_sell, p_more = good_side(view).is_sell, mix.p_more[..., None]
        size = jax.nn.one_hot(action_of(is_sell, mix.size), N_ACTIONS, dtype=jnp.float32)
        one_more = jax.nn.one_hot(action_of(is_sell, mix.size + 1), N_ACTIONS, dtype=jnp.float32)
        return (1 - p_more) * size + p_more * one_more
