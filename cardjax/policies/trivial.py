"""Policies that read nothing but the mask, as the lower end of every comparison."""

import dataclasses

import jax.numpy as jnp
from jax import Array

from cardjax.env import PASS, EnvParams, View
from cardjax.policies.policy import Deterministic, Memoryless


@dataclasses.dataclass(frozen=True)
class Pass(Deterministic):
    """Passes in every round, and so earns 0."""

    def choose(self, params: EnvParams, view: View) -> Array:
        """0 everywhere, int32 [...]."""
        return jnp.full(view.bid.shape, PASS, jnp.int32)


@dataclasses.dataclass(frozen=True)
class RandomValid(Memoryless):
    """Takes each valid action with the same probability."""

    def action_probabilities(self, params: EnvParams, view: View) -> Array:
        """The probabilities of all actions, float32 [..., 21]: equal for all valid ones."""
        mask = view.action_mask.astype(jnp.float32)
        return mask / mask.sum(-1, keepdims=True)
