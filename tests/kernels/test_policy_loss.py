"""The written-out derivative of PPO's policy loss against JAX's own of its definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.agents import losses
from cardjax.agents.distribution import MaskedCategorical
from cardjax.kernels.policy_loss import Choices, policy_gradient

CLIP, ENTROPY_WEIGHT = 0.2, 0.3
SHAPE = (6, 10, 2)

plain = losses.policy_loss.__wrapped__
"""The definition, without its written-out derivative."""


def played(seed=0, action_values=True):
    """(logits now, what was chosen before): ratios beyond the clip both ways, invalid actions."""
    rng = np.random.default_rng(seed)
    mask = rng.random((*SHAPE, 21)) < 0.7
    mask[..., 0] = True
    before = jnp.asarray(rng.normal(size=mask.shape), jnp.float32)
    old = MaskedCategorical(before, jnp.asarray(mask))
    action = old.sample(seed=jax.random.key(seed))
    values = jnp.where(mask, jnp.asarray(rng.normal(size=mask.shape), jnp.float32), 0)
    choices = Choices(
        mask=jnp.asarray(mask),
        probabilities=old.probs,
        action=action,
        log_prob=old.log_prob(action),
        advantage=jnp.asarray(rng.normal(size=SHAPE), jnp.float32),
        action_advantages=values if action_values else None,
    )
    return before + 0.3 * jnp.asarray(rng.normal(size=mask.shape), jnp.float32), choices


def with_gradient(loss, logits, choices):
    """((loss, metrics), derivative), compiled."""
    return jax.jit(jax.value_and_grad(loss, has_aux=True))(logits, choices, CLIP, ENTROPY_WEIGHT)


@pytest.mark.parametrize("action_values", [True, False])
def test_loss_metrics_and_derivative_are_the_definitions(action_values):
    logits, choices = played(action_values=action_values)
    (expected, of_definition), by_logits = with_gradient(plain, logits, choices)
    (found, metrics), derivative = with_gradient(losses.policy_loss, logits, choices)
    assert 0.2 < metrics["clip_fraction"] < 0.8
    assert metrics.keys() == of_definition.keys()
    for name, value in of_definition.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(derivative, by_logits, rtol=1e-4, atol=1e-7)
    assert (derivative[~choices.mask] == 0).all()
    assert jnp.abs(derivative).max() > 1e-3


def test_without_a_derivative_the_loss_is_the_definition():
    logits, choices = played(1)
    found = losses.policy_loss(logits, choices, CLIP, ENTROPY_WEIGHT)
    expected = plain(logits, choices, CLIP, ENTROPY_WEIGHT)
    assert jax.tree.all(jax.tree.map(np.array_equal, found, expected))


def test_the_derivative_is_scaled_by_what_the_loss_is_multiplied_with():
    logits, choices = played(1)
    tripled = lambda *args: 3 * losses.policy_loss(*args)[0]
    _, once = policy_gradient(logits, choices, CLIP, ENTROPY_WEIGHT)
    thrice = jax.grad(tripled)(logits, choices, CLIP, ENTROPY_WEIGHT)
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-5)


def test_an_almost_certain_policy_has_a_finite_derivative():
    logits, choices = played(2)
    (_, metrics), derivative = with_gradient(losses.policy_loss, 1e4 * logits, choices)
    assert jnp.isfinite(derivative).all()
    assert jnp.isfinite(metrics["entropy"])
