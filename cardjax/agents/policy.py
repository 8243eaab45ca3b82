"""A trained actor as a player: the policy protocol over network weights."""

import dataclasses
from typing import Any

import jax.numpy as jnp
from jax import Array

from cardjax.agents.distribution import INVALID_LOGIT, MaskedCategorical
from cardjax.agents.networks import MLP
from cardjax.env.market import CardMarket
from cardjax.env.observation import View


@dataclasses.dataclass(frozen=True)
class ActorPolicy:
    """Plays a feed-forward actor: its most probable valid action, or with `greedy=False` a draw from its distribution.

    Its `params` are the actor's weights (flax parameters).
    """

    market: CardMarket
    actor: MLP
    greedy: bool = True

    def init(self, key: Array, batch: tuple[int, ...]) -> tuple[()]:
        """No carry."""
        return ()

    def act(self, params: Any, carry: tuple[()], view: View, key: Array) -> tuple[tuple[()], Array]:
        """As `Policy.act`."""
        logits = self.actor.apply(params, self.market.encode(view))
        if self.greedy:
            valid = jnp.where(view.action_mask, logits, INVALID_LOGIT)
            return carry, jnp.argmax(valid, axis=-1).astype(jnp.int32)
        return carry, MaskedCategorical(logits, view.action_mask).sample(seed=key)
