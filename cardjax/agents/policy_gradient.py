"""PPO's losses of a minibatch with their gradients by the networks' outputs, written out.

A gradient step does little else than matrix products and this. Differentiated by JAX it is some
forty passes over arrays of 21 actions; written out, it is one softmax and a few expressions.
Actions come first and all rows next (`batch.by_column`). tests/agents/test_policy_gradient.py
compares it with the derivatives of the losses themselves (`losses`).
"""

import jax.numpy as jnp
from jax import Array

from cardjax.agents import losses
from cardjax.agents.batch import Batch
from cardjax.agents.distribution import INVALID_LOGIT
from cardjax.kernels.own_kernel import own_kernel


@own_kernel
def policy_gradient(
    logits: Array, part: Batch, advantage: Array, clip: Array | float, entropy_weight: Array | float
) -> tuple[Array, dict[str, Array]]:
    """The derivative of the policy's loss less `entropy_weight` · entropy by the logits, and what
    to report of them.

    Args:
        logits: float32 [21, rows], valid or not.
        part: what was played, by column. Its `action_advantages` add the expected surrogate; its
            `advantage` is not read.
        advantage: float32 [rows], of the actions taken.
        clip: how far a probability may move by its own measure before that is no longer rewarded.

    Returns:
        float32 [21, rows], and the metrics policy_loss, entropy, kl and clip_fraction.
    """
    shifted = jnp.where(part.mask, logits, INVALID_LOGIT)
    shifted -= shifted.max(0)
    weights = jnp.exp(shifted)
    normaliser = weights.sum(0)
    p, log_p = weights / normaliser, shifted - jnp.log(normaliser)
    taken = jnp.arange(len(logits), dtype=jnp.int32)[:, None] == part.action
    log_ratio = jnp.where(taken, log_p, 0).sum(0) - part.log_prob
    ratio = jnp.exp(log_ratio)
    # The surrogates are minima; their derivatives are those of the unclipped side, where that is
    # the smaller one.
    gain = ratio * advantage
    gain = jnp.where(gain <= jnp.clip(ratio, 1 - clip, 1 + clip) * advantage, gain, 0)
    by_probability = -entropy_weight * log_p
    policy_loss = losses.clipped_surrogate(log_ratio, advantage, clip)
    if not isinstance(part.action_advantages, tuple):
        old, of_all = part.probabilities, part.action_advantages
        by_probability += jnp.where(p * of_all <= losses.bounded(p, old, clip) * of_all, of_all, 0)
        policy_loss += losses.expected_surrogate(p, old, of_all, clip)
    mean = (p * by_probability).sum(0) + gain
    gradient = (p * (mean - by_probability) - jnp.where(taken, gain, 0)) / log_ratio.size
    return gradient, {
        "policy_loss": policy_loss,
        "entropy": -jnp.mean((p * log_p).sum(0)),
        "kl": losses.approximate_kl(log_ratio),
        "clip_fraction": jnp.mean(jnp.abs(ratio - 1) > clip),
    }


def value_gradient(estimate: Array, action: Array, target: Array) -> tuple[Array, Array]:
    """The derivative of the value loss by the estimates, float32 [1 or 21, rows], and the loss.

    Of 21 estimates, the one of the action taken is compared with the target, and no other is moved.
    """
    n_values = len(estimate)
    taken = jnp.arange(n_values)[:, None] == (action if n_values > 1 else jnp.zeros_like(action))
    error = jnp.where(taken, estimate - target, 0)
    return error / target.size, 0.5 * jnp.sum(jnp.square(error)) / target.size
