"""PPO's losses and advantage estimator: arrays in, arrays or scalars out, no configuration."""

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.env.declaration import Number

SMALLEST_PROBABILITY = 1e-8
"""An action that was less probable would never have been drawn; it weighs nothing in the objective.
"""


def gae(
    reward: Array,
    value: Array,
    last_value: Array,
    terminated: Array,
    gamma: Number | float,
    lam: Number | float,
) -> Array:
    """Generalised advantage estimates. Schulman et al. 2016, eq. 16.

    Args:
        reward: float32 [T, ...], of the T steps in order.
        value: float32 [T, ...], V of the state that each step started from.
        last_value: float32 [...], V of the state after the last step.
        terminated: bool [T, ...], whether the step ended its episode; what follows then counts for
            nothing.
        gamma: discount.
        lam: lambda, 0 for one-step and 1 for Monte Carlo estimates.

    Returns:
        float32 [T, ...]; added to `value` they are the lambda-returns.
    """
    next_value = jnp.concatenate([value[1:], last_value[None]])
    alive = 1 - terminated.astype(value.dtype)
    delta = reward + gamma * alive * next_value - value

    def back(advantage: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
        delta_t, alive_t = step
        advantage = delta_t + gamma * lam * alive_t * advantage
        return advantage, advantage

    return jax.lax.scan(back, jnp.zeros_like(last_value), (delta, alive), reverse=True)[1]


def clipped_surrogate(log_ratio: Array, advantage: Array, clip: Array | float) -> Array:
    """PPO's policy loss, a scalar to minimise. Schulman et al. 2017, eq. 7.

    Args:
        log_ratio: float32 [...], ln of new over old probability of the actions taken.
        advantage: float32 [...].
        clip: how far the ratio may leave 1 before it stops being rewarded.
    """
    ratio = jnp.exp(log_ratio)
    return -jnp.mean(
        jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - clip, 1 + clip) * advantage)
    )


def expected_surrogate(
    probabilities: Array, old_probabilities: Array, advantage: Array, clip: Array | float
) -> Array:
    """The same loss with the mean over actions taken exactly, over all of them, instead of from the
    one that was drawn.

    Expected policy gradients (Ciosek & Whiteson 2020) under PPO's clip.

    Args:
        probabilities: float32 [n, ...], of all actions now; 0 for invalid ones.
        old_probabilities: float32 [n, ...], when the actions were drawn.
        advantage: float32 [n, ...], of every action; 0 where the old probability is below
            SMALLEST_PROBABILITY.
        clip: as for `clipped_surrogate`.
    """
    unclipped, clipped = (
        probabilities * advantage,
        bounded(probabilities, old_probabilities, clip) * advantage,
    )
    return -jnp.mean(jnp.minimum(unclipped, clipped).sum(0))


def bounded(probabilities: Array, old_probabilities: Array, clip: Array | float) -> Array:
    """Old probabilities times the clipped ratio, without a division."""
    return jnp.clip(probabilities, (1 - clip) * old_probabilities, (1 + clip) * old_probabilities)


def approximate_kl(log_ratio: Array) -> Array:
    """KL(old, new) from samples of old: mean of r − 1 − ln r, never negative. Schulman 2020,
    "Approximating KL".
    """
    return jnp.mean(jnp.exp(log_ratio) - 1 - log_ratio)


def standardized(x: Array) -> Array:
    """x shifted and scaled to mean 0 and standard deviation 1."""
    return (x - x.mean()) / (x.std() + 1e-8)
