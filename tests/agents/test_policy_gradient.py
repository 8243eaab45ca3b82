"""The written-out gradients against JAX's derivatives of the losses that they belong to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents import losses
from cardjax.agents.batch import Batch, by_column, columns
from cardjax.agents.distribution import MaskedCategorical
from cardjax.agents.policy_gradient import policy_gradient, value_gradient

CLIP, ENTROPY_WEIGHT = 0.2, 0.3
SHAPE = (6, 10, 2)


def played(seed=0, action_values=True):
    """(logits now, a batch played with others): ratios on both sides of the clip, and invalid
    actions.
    """
    rng = np.random.default_rng(seed)
    mask = rng.random((*SHAPE, 21)) < 0.7
    mask[..., 0] = True
    before = jnp.asarray(rng.normal(size=mask.shape), jnp.float32)
    law = MaskedCategorical(before, jnp.asarray(mask))
    action = law.sample(seed=jax.random.key(seed))
    values = jnp.where(mask, jnp.asarray(rng.normal(size=mask.shape), jnp.float32), 0)
    noise = rng.normal(size=(2, *SHAPE)).astype(np.float32)
    batch = Batch(
        (),
        (),
        (),
        jnp.asarray(mask),
        law.probs,
        action,
        law.log_prob(action),
        jnp.asarray(noise[0]),
        values if action_values else (),
        jnp.asarray(noise[1]),
        (),
    )
    return before + 0.3 * jnp.asarray(rng.normal(size=mask.shape), jnp.float32), batch


def loss(logits, part):
    """What `policy_gradient` differentiates, in terms of the losses alone."""
    policy = MaskedCategorical(logits, part.mask)
    value = losses.clipped_surrogate(
        policy.log_prob(part.action) - part.log_prob, part.advantage, CLIP
    )
    if not isinstance(part.action_advantages, tuple):
        by_action = (
            jnp.moveaxis(x, -1, 0)
            for x in (policy.probs, part.probabilities, part.action_advantages)
        )
        value += losses.expected_surrogate(*by_action, CLIP)
    return value - ENTROPY_WEIGHT * policy.entropy().mean()


def found(logits, part):
    """What `policy_gradient` says of them, the gradient shaped as the logits."""
    part = by_column(part)
    gradient, metrics = policy_gradient(columns(logits), part, part.advantage, CLIP, ENTROPY_WEIGHT)
    return gradient.T.reshape(logits.shape), metrics


@pytest.mark.parametrize("action_values", [True, False])
def test_the_policys_gradient_is_the_losses_derivative(action_values):
    logits, part = played(action_values=action_values)
    expected, by_logits = jax.value_and_grad(loss)(logits, part)
    gradient, metrics = found(logits, part)
    assert 0.2 < metrics["clip_fraction"] < 0.8
    np.testing.assert_allclose(
        metrics["policy_loss"] - ENTROPY_WEIGHT * metrics["entropy"], expected, rtol=1e-5
    )
    np.testing.assert_allclose(gradient, by_logits, rtol=1e-4, atol=1e-7)
    assert (gradient[~part.mask] == 0).all()
    assert jnp.abs(gradient).max() > 1e-3


def test_metrics_are_those_of_the_losses():
    logits, part = played(1)
    policy = MaskedCategorical(logits, part.mask)
    log_ratio = policy.log_prob(part.action) - part.log_prob
    _, metrics = found(logits, part)
    assert metrics["kl"] == pytest.approx(float(losses.approximate_kl(log_ratio)), rel=1e-4)
    assert metrics["clip_fraction"] == jnp.mean(jnp.abs(jnp.exp(log_ratio) - 1) > CLIP)


def test_an_almost_certain_policy_has_a_finite_gradient():
    logits, part = played(2)
    gradient, metrics = found(1e4 * logits, part)
    assert jnp.isfinite(gradient).all()
    assert jnp.isfinite(metrics["entropy"])


@pytest.mark.parametrize("n_values", [1, 21])
def test_the_values_gradient_is_the_losses_derivative(n_values):
    _, part = played(3)
    estimate = jax.random.normal(jax.random.key(0), (*SHAPE, n_values))

    def value_loss(estimate):
        place = part.action if n_values > 1 else jnp.zeros_like(part.action)
        chosen = jnp.take_along_axis(estimate, place[..., None], -1)[..., 0]
        return 0.5 * jnp.mean(jnp.square(chosen - part.target))

    expected, by_estimate = jax.value_and_grad(value_loss)(estimate)
    flat = by_column(part)
    gradient, value = value_gradient(columns(estimate), flat.action, flat.target)
    assert value == pytest.approx(float(expected), rel=1e-5)
    np.testing.assert_allclose(
        gradient.T.reshape(estimate.shape), by_estimate, rtol=1e-5, atol=1e-8
    )
