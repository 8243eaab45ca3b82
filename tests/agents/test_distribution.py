"""MaskedCategorical against distrax over the valid actions alone, and against its own definition."""

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from cardjax.agents.distribution import MaskedCategorical, sample_by_inverse

N = 21
LOGITS = arrays(np.float32, N, elements=st.floats(-60, 60, width=32))
MASKS = st.integers(1, 2**N - 1).map(lambda bits: np.array([bits >> i & 1 for i in range(N)], bool))


def random_case(seed, rows=64, spread=3.0):
    """Logits [rows, 21] and masks with at least one valid action, among them rows with exactly one."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, N), scale=spread).astype(np.float32)
    mask = rng.random((rows, N)) < rng.random((rows, 1))
    mask[np.arange(rows), rng.integers(N, size=rows)] = True
    mask[:4] = np.eye(N, dtype=bool)[[0, 7, 19, 20]]
    return jnp.asarray(logits), jnp.asarray(mask)


def over_valid(logits, mask):
    """distrax's own distribution with the invalid actions cut out, for one row."""
    return distrax.Categorical(logits=logits[np.asarray(mask)])


@pytest.mark.parametrize("seed", range(2))
def test_log_prob_and_entropy_are_those_of_the_valid_actions_alone(seed):
    logits, mask = random_case(seed, rows=8)
    policy = MaskedCategorical(logits, mask)
    entropy = policy.entropy()
    log_probs = jnp.stack([policy.log_prob(jnp.full(8, action)) for action in range(N)], -1)
    for row in range(8):
        reference = over_valid(logits[row], mask[row])
        np.testing.assert_allclose(entropy[row], reference.entropy(), rtol=1e-5, atol=1e-6)
        expected = reference.log_prob(jnp.arange(reference.num_categories))
        np.testing.assert_allclose(log_probs[row][mask[row]], expected, rtol=1e-5, atol=1e-5)


def test_an_invalid_action_has_probability_zero_exactly():
    logits, mask = random_case(0, spread=30)
    probabilities = MaskedCategorical(logits, mask).probs
    assert (probabilities[~mask] == 0).all()
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-6)


def test_an_even_policy_over_k_actions_has_entropy_ln_k():
    mask = jnp.arange(N)[None] < jnp.arange(1, N + 1)[:, None]
    entropy = MaskedCategorical(jnp.zeros((N, N)), mask).entropy()
    np.testing.assert_allclose(entropy, np.log(np.arange(1, N + 1)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("quantity", ["log_prob", "entropy"])
def test_an_invalid_logit_gets_no_gradient_and_a_valid_one_a_finite_one(quantity):
    logits, mask = random_case(1)
    action = jnp.argmax(mask, -1)

    def total(logits):
        policy = MaskedCategorical(logits, mask)
        return (policy.entropy() if quantity == "entropy" else policy.log_prob(action)).sum()

    gradient = jax.grad(total)(logits)
    assert (gradient[~mask] == 0).all()
    assert jnp.isfinite(gradient).all()
    assert (gradient[4:] != 0).any(-1).all()  # rows with one valid action alone have nothing to change


def test_the_gradient_of_the_valid_logits_is_the_unmasked_distributions():
    logits, mask = random_case(2, rows=8)
    action = jnp.argmax(mask, -1)
    gradient = jax.grad(lambda x: MaskedCategorical(x, mask).log_prob(action).sum())(logits)
    for row in range(8):
        # The first valid action is the reduced distribution's action 0.
        reduced = jax.grad(lambda x: distrax.Categorical(logits=x).log_prob(0))(logits[row][np.asarray(mask[row])])
        np.testing.assert_allclose(gradient[row][mask[row]], reduced, rtol=1e-4, atol=1e-6)


@given(LOGITS, MASKS, st.floats(0, 1, exclude_max=True, width=32))
@settings(max_examples=200, deadline=None)
def test_no_uniform_draws_an_invalid_action(logits, mask, u):
    probabilities = MaskedCategorical(jnp.asarray(logits), jnp.asarray(mask)).probs
    assert mask[sample_by_inverse(probabilities, jnp.float32(u)[None], jnp.asarray(mask))]


@pytest.mark.parametrize("rows", [1, 100, 4096])
def test_uniforms_at_the_shares_edges_draw_valid_actions(rows):
    # Rounding is at its worst where u meets a running sum; the number of rows decides which matrix kernel runs.
    logits, mask = random_case(3, rows=max(rows, 4))
    probabilities = MaskedCategorical(logits, mask).probs
    draw = jax.jit(sample_by_inverse)
    for edge in jnp.cumsum(probabilities, -1).T:
        for u in (jnp.nextafter(edge, 0.0), edge, jnp.nextafter(edge, 2.0)):
            action = draw(probabilities, jnp.clip(u, 0, 1 - 2**-24)[:, None], mask)
            assert jnp.take_along_axis(mask, action[:, None], -1).all()


@pytest.mark.parametrize("u", [0.0, 1 - 2**-24])
def test_the_extreme_uniforms_draw_the_first_and_the_last_valid_action(u):
    _, mask = random_case(4)
    probabilities = mask / mask.sum(-1, keepdims=True)
    action = sample_by_inverse(probabilities, jnp.full((64, 1), u), mask)
    ends = jnp.argmax(mask, -1) if u == 0 else N - 1 - jnp.argmax(mask[:, ::-1], -1)
    np.testing.assert_array_equal(action, ends)


def test_an_action_is_drawn_as_often_as_its_probability_says():
    logits = jnp.linspace(-3, 1, N)
    mask = jnp.arange(N) % 3 != 1
    policy = MaskedCategorical(logits, mask)
    drawn = np.bincount(policy.sample(seed=jax.random.key(0), sample_shape=(400_000,)), minlength=N)
    valid = np.asarray(mask)
    assert drawn[~valid].sum() == 0
    # With a fixed key this is one number; a sampler off by 1% in one action would push it below 1e-6.
    expected = np.asarray(policy.probs, np.float64)[valid]
    assert stats.chisquare(drawn[valid], 400_000 * expected / expected.sum()).pvalue > 0.01


def test_rows_are_drawn_independently():
    policy = MaskedCategorical(jnp.zeros((20_000, 2)), jnp.ones((20_000, 2), bool))
    first, second = policy.sample(seed=jax.random.key(1)).reshape(2, -1)
    table = np.histogram2d(first, second, bins=2)[0]
    assert stats.chi2_contingency(table).pvalue > 0.01


def test_a_sample_and_its_log_prob_belong_together():
    logits, mask = random_case(5)
    policy = MaskedCategorical(logits, mask)
    action, log_prob = policy.sample_and_log_prob(seed=jax.random.key(2))
    assert action.dtype == jnp.int32
    assert action.shape == (64,)
    np.testing.assert_allclose(log_prob, policy.log_prob(action), rtol=1e-6)


def test_a_sample_depends_on_its_key_alone():
    policy = MaskedCategorical(*random_case(6, spread=0.1))
    a, b, c = (policy.sample(seed=jax.random.key(key)) for key in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
