"""A trained actor as a player: the policy protocol over network weights."""

import dataclasses
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from cardjax.agents.distribution import INVALID_LOGIT, MaskedCategorical
from cardjax.agents.networks import MLP, forward
from cardjax.env.market import CardMarket
from cardjax.env.observation import View


class ActorParams(NamedTuple):
    """What an ActorPolicy acts on."""

    weights: Any
    """flax parameters of the actor."""
    logit_scale: Array
    """float32 [], from network output to logits."""


@dataclasses.dataclass(frozen=True)
class ActorPolicy:
    """Plays a feed-forward actor: its most probable valid action, or with `greedy=False` a draw from its distribution.

    Its `params` are `ActorParams`.
    """

    market: CardMarket
    actor: MLP
    greedy: bool = True

    def init(self, key: Array, batch: tuple[int, ...]) -> tuple[()]:
        """No carry."""
        return ()

    def act(self, params: ActorParams, carry: tuple[()], view: View, key: Array) -> tuple[tuple[()], Array]:
        """As `Policy.act`."""
        logits = forward(self.actor, params.weights, self.market.encode(view)) * params.logit_scale
        if self.greedy:
            valid = jnp.where(view.action_mask, logits, INVALID_LOGIT)
            return carry, jnp.argmax(valid, axis=-1).astype(jnp.int32)
        return carry, MaskedCategorical(logits, view.action_mask).sample(seed=key)
