"""PPO's policy loss with its derivative by the logits, written out.

A gradient step does little else than matrix products and this. Differentiated by JAX it takes some
forty passes over arrays of 21 actions; written out, it is one softmax and a few expressions.
"""

from collections.abc import Callable
from functools import wraps
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from cardjax.kernels.columns import columns, rows
from cardjax.kernels.own_kernel import own_kernel

INVALID_LOGIT = np.float32(-1e9)
"""Stands for minus infinity: its exponential is 0 in float32, and it has a derivative."""


class Choices(NamedTuple):
    """What a policy chose from, and what came of it."""

    mask: Array
    """bool [..., n], the actions that were valid."""
    probabilities: Array
    """float32 [..., n], of all actions when these were drawn."""
    action: Array
    """int [...], the action that was drawn."""
    log_prob: Array
    """float32 [...], the logarithm of its probability when it was drawn."""
    advantage: Array
    """float32 [...], its advantage; with action advantages, what these left unexplained."""
    action_advantages: Array | None
    """float32 [..., n], of all actions by the critic; None where it estimates V alone."""


Gradient = tuple[tuple[Array, dict[str, Array]], Array]
"""((loss, metrics), derivative of the loss by its first argument)."""


def differentiated_by(gradient: Callable[..., Gradient]) -> Callable:
    """A decorator for a loss (x, …) → (loss, metrics): its derivative by x is that of `gradient`.

    Called without differentiation, the loss is computed as it is written; under `jax.grad`, by
    `gradient`, which has to return the same loss and metrics. No other argument gets a derivative.
    """

    def decorate(loss: Callable[..., tuple[Array, dict[str, Array]]]) -> Callable:
        def forward(x: Array, *others: object) -> tuple:
            outputs, derivative = gradient(x, *others)
            return outputs, (derivative, len(others))

        def backward(saved: tuple, upstream: tuple) -> tuple:
            derivative, n_others = saved
            return upstream[0] * derivative, *[None] * n_others

        fast = jax.custom_vjp(loss)
        fast.defvjp(forward, backward)
        return wraps(loss)(fast)

    return decorate


def policy_gradient(
    logits: Array, choices: Choices, clip: Array | float, entropy_weight: Array | float
) -> Gradient:
    """`agents.losses.policy_loss`, which is the definition, and its derivative by the logits.

    Args:
        logits: float32 [..., n], of valid and invalid actions alike.
        choices: what was played.
        clip: how far the ratio may leave 1 before it stops being rewarded.
        entropy_weight: in units of the advantage per nat.

    Returns:
        ((loss, {"policy_loss", "entropy", "kl", "clip_fraction"}), derivative float32 [..., n]).
    """
    by_column = choices._replace(
        mask=columns(choices.mask),
        probabilities=columns(choices.probabilities),
        action=choices.action.reshape(-1),
        log_prob=choices.log_prob.reshape(-1),
        advantage=choices.advantage.reshape(-1),
        action_advantages=jax.tree.map(columns, choices.action_advantages),
    )
    outputs, derivative = _over_columns(columns(logits), by_column, clip, entropy_weight)
    return outputs, rows(derivative, choices.action.shape)


@own_kernel
def _over_columns(
    logits: Array, choices: Choices, clip: Array | float, entropy_weight: Array | float
) -> Gradient:
    """`policy_gradient` of arrays [n, rows] and [rows]."""
    shifted = jnp.where(choices.mask, logits, INVALID_LOGIT)
    shifted -= shifted.max(0)
    weights = jnp.exp(shifted)
    normaliser = weights.sum(0)
    p, log_p = weights / normaliser, shifted - jnp.log(normaliser)
    taken = jnp.arange(len(logits), dtype=jnp.int32)[:, None] == choices.action
    log_ratio = jnp.where(taken, log_p, 0).sum(0) - choices.log_prob
    ratio = jnp.exp(log_ratio)
    entropy = -jnp.mean((p * log_p).sum(0))

    # Each surrogate is a minimum; its derivative is the unclipped side's where that is the smaller.
    gain = ratio * choices.advantage
    least_gain = jnp.minimum(gain, jnp.clip(ratio, 1 - clip, 1 + clip) * choices.advantage)
    policy_loss = -jnp.mean(least_gain)
    gain = jnp.where(gain <= least_gain, gain, 0)
    by_probability = -entropy_weight * log_p
    if choices.action_advantages is not None:
        old, of_all = choices.probabilities, choices.action_advantages
        clipped = jnp.clip(p, (1 - clip) * old, (1 + clip) * old) * of_all
        policy_loss -= jnp.mean(jnp.minimum(p * of_all, clipped).sum(0))
        by_probability += jnp.where(p * of_all <= clipped, of_all, 0)

    mean = (p * by_probability).sum(0) + gain
    derivative = (p * (mean - by_probability) - jnp.where(taken, gain, 0)) / log_ratio.size
    metrics = {
        "policy_loss": policy_loss,
        "entropy": entropy,
        "kl": jnp.mean(ratio - 1 - log_ratio),
        "clip_fraction": jnp.mean(jnp.abs(ratio - 1) > clip),
    }
    return (policy_loss - entropy_weight * entropy, metrics), derivative
