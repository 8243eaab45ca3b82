"""Players that read nothing but the mask: the floor of every comparison."""

import dataclasses

import jax.numpy as jnp
from jax import Array

from cardjax.env import PASS, EnvParams, View
from cardjax.policies.protocol import Deterministic, Memoryless


@dataclasses.dataclass(frozen=True)
class Pass(Deterministic):
    """Passes in every round; earns 0."""

    def choose(self, params: EnvParams, view: View) -> Array:
        """0 everywhere, int32 [...]."""
        return jnp.full(view.bid.shape, PASS, jnp.int32)


@dataclasses.dataclass(frozen=True)
class RandomValid(Memoryless):
    """Each valid action with the same probability."""

    def action_probabilities(self, params: EnvParams, view: View) -> Array:
        """float32 [..., 21]: one over the number of valid actions."""
        mask = view.action_mask.astype(jnp.float32)
        return mask / mask.sum(-1, keepdims=True)
