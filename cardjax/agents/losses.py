"""PPO's losses and its advantage estimator: arrays in, arrays or scalars out, no configuration."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from cardjax.agents.distribution import MaskedCategorical
from cardjax.env.declaration import Number
from cardjax.kernels.gather import of_action
from cardjax.kernels.policy_loss import Choices, differentiated_by, policy_gradient

SMALLEST_PROBABILITY = 1e-8
"""An action that was less probable would never have been drawn; it has no part in the objective."""


@differentiated_by(policy_gradient)
def policy_loss(
    logits: Array, choices: Choices, clip: Number | float, entropy_weight: Number | float
) -> tuple[Array, dict[str, Array]]:
    """PPO's policy loss less the entropy bonus, to be minimised. Schulman et al. 2017, eq. 9.

    Where the critic values all actions, the surrogate is its exact mean over them plus the one of
    the action that was drawn, whose advantage is then only what the critic left unexplained.

    Args:
        logits: float32 [..., n], of valid and invalid actions alike.
        choices: what was played, and its advantages.
        clip: how far the ratio may leave 1 before it stops being rewarded.
        entropy_weight: in units of the advantage per nat.

    Returns:
        The loss, a scalar, and {"policy_loss", "entropy", "kl", "clip_fraction"}, scalars too.
    """
    policy = MaskedCategorical(logits, choices.mask)
    log_ratio = policy.log_prob(choices.action) - choices.log_prob
    surrogate = clipped_surrogate(log_ratio, choices.advantage, clip)
    if choices.action_advantages is not None:
        surrogate += expected_surrogate(
            policy.probs, choices.probabilities, choices.action_advantages, clip
        )
    entropy = policy.entropy().mean()
    return surrogate - entropy_weight * entropy, {
        "policy_loss": surrogate,
        "entropy": entropy,
        "kl": approximate_kl(log_ratio),
        "clip_fraction": jnp.mean(jnp.abs(jnp.exp(log_ratio) - 1) > clip),
    }


def clipped_surrogate(log_ratio: Array, advantage: Array, clip: Number | float) -> Array:
    """PPO's clipped surrogate, negated. Schulman et al. 2017, eq. 7.

    Args:
        log_ratio: float32 [...], ln of new over old probability of the actions taken.
        advantage: float32 [...].
        clip: how far the ratio may leave 1 before it stops being rewarded.
    """
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1 - clip, 1 + clip)
    return -jnp.mean(jnp.minimum(ratio * advantage, clipped * advantage))


def expected_surrogate(
    probabilities: Array, old_probabilities: Array, advantage: Array, clip: Number | float
) -> Array:
    """The clipped surrogate with the exact mean over all actions in place of the one drawn.

    Expected policy gradients (Ciosek & Whiteson 2020) under PPO's clip. The old probabilities times
    the clipped ratio are written without a division.

    Args:
        probabilities: float32 [..., n], of all actions now; 0 for invalid ones.
        old_probabilities: float32 [..., n], when the actions were drawn.
        advantage: float32 [..., n], of every action; 0 where the old probability is below
            SMALLEST_PROBABILITY.
        clip: as for `clipped_surrogate`.
    """
    low, high = (1 - clip) * old_probabilities, (1 + clip) * old_probabilities
    clipped = jnp.clip(probabilities, low, high)
    return -jnp.mean(jnp.minimum(probabilities * advantage, clipped * advantage).sum(-1))


def value_loss(estimate: Array, action: Array, target: Array) -> Array:
    """Half the mean squared error of the critic's estimates, a scalar to be minimised.

    Args:
        estimate: float32 [..., 1], V, or [..., n], the values of all actions; then only that of the
            action taken is compared and moved.
        action: int [...], the action taken.
        target: float32 [...].
    """
    value = of_action(estimate, action if estimate.shape[-1] > 1 else jnp.zeros_like(action))
    return 0.5 * jnp.mean(jnp.square(value - target))


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


def bootstrapped(gamma: Number | float, value_ahead: Callable[[], Array]) -> Array:
    """`value_ahead()`, or zeros where gamma is 0: nothing is computed that nobody will use."""
    shape = jax.eval_shape(value_ahead)

    def nothing() -> Array:
        return jnp.zeros(shape.shape, shape.dtype)

    return jax.lax.cond(jnp.asarray(gamma) > 0, value_ahead, nothing)


def approximate_kl(log_ratio: Array) -> Array:
    """KL(old, new) from samples of old: the mean of r − 1 − ln r, which is never negative.

    Schulman 2020, "Approximating KL divergence".
    """
    return jnp.mean(jnp.exp(log_ratio) - 1 - log_ratio)


def standardized(x: Array) -> Array:
    """x shifted and scaled to mean 0 and standard deviation 1."""
    return (x - x.mean()) / (x.std() + 1e-8)
