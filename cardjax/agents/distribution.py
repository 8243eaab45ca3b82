"""The distribution over valid actions: distrax's Categorical, invalid ones at probability 0."""

import distrax
import jax.numpy as jnp
from jax import Array

from cardjax.env import sample_categorical
from cardjax.kernels.policy_loss import INVALID_LOGIT


class MaskedCategorical(distrax.Categorical):
    """Categorical over the actions that `mask` allows.

    An invalid action has probability 0 in float32 and its logit gets no gradient. Sampling inverts
    the distribution function.
    """

    def __init__(self, logits: Array, mask: Array):
        """logits float32 [..., n] and mask bool [..., n], with at least one True a row."""
        super().__init__(logits=jnp.where(mask, logits, INVALID_LOGIT), dtype=jnp.int32)

    def _sample_n(self, key: Array, n: int) -> Array:
        return sample_categorical(key, jnp.broadcast_to(self.probs, (n, *self.probs.shape)))
