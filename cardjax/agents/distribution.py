"""The distribution over valid actions: distrax's Categorical with invalid actions at probability 0."""

import distrax
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

INVALID_LOGIT = np.float32(-1e9)


class MaskedCategorical(distrax.Categorical):
    """Categorical over the actions that `mask` allows.

    An invalid action has probability 0 in float32 and its logit gets no gradient. Sampling inverts the distribution
    function with one uniform a row; on a CPU that is several times faster than the Gumbel trick's 21.
    """

    def __init__(self, logits: Array, mask: Array):
        """logits float32 [..., n] and mask bool [..., n], with at least one True a row."""
        super().__init__(logits=jnp.where(mask, logits, INVALID_LOGIT), dtype=jnp.int32)
        self._mask = mask

    def _sample_n(self, key: Array, n: int) -> Array:
        probabilities = self.probs
        u = jax.random.uniform(key, (n, *probabilities.shape[:-1], 1))
        return sample_by_inverse(probabilities, u, self._mask)


def sample_by_inverse(probabilities: Array, u: Array, mask: Array) -> Array:
    """The action int32 [...] whose share of the distribution function holds the uniform `u` [..., 1].

    Args:
        probabilities: float32 [..., n], 0 where `mask` is False.
        mask: bool [..., n]; where rounding lets `u` fall past the last share, the last valid action is taken.
    """
    n = probabilities.shape[-1]
    # A running sum as a product with a triangle of ones: a matrix product vectorises where a scan over 21 does not.
    # On a GPU the default precision would round probabilities to TF32's 10 bits.
    cumulative = jnp.matmul(probabilities, np.triu(np.ones((n, n), np.float32)), precision=jax.lax.Precision.HIGHEST)
    total = cumulative[..., -1:]
    reached = cumulative <= u * total
    last_valid = n - 1 - jnp.argmax(mask[..., ::-1], axis=-1)
    return jnp.minimum(reached.sum(-1), last_valid).astype(jnp.int32)
