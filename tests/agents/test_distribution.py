"""MaskedCategorical against distrax over the valid actions, and against its own definition."""

import distrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from cardjax.agents.distribution import MaskedCategorical
from cardjax.kernels.inverse_cdf import inverse_cdf

N = 21
LOGITS = arrays(np.float32, N, elements=st.floats(-60, 60, width=32))
MASKS = st.integers(1, 2**N - 1).map(lambda bits: np.array([bits >> i & 1 for i in range(N)], bool))


def random_case(seed, rows=64, spread=3.0):
    """Logits [rows, 21] and masks with at least one valid action; some rows have exactly one."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, N), scale=spread).astype(np.float32)
    mask = rng.random((rows, N)) < rng.random((rows, 1))
    mask[np.arange(rows), rng.integers(N, size=rows)] = True
    mask[:4] = np.eye(N, dtype=bool)[[0, 7, 19, 20]]
    return jnp.asarray(logits), jnp.asarray(mask)


def log_softmax_of_valid(logits, mask):
    """What distrax.Categorical would hold with the invalid actions cut out of a row, in float64."""
    kept = np.asarray(logits, np.float64)[np.asarray(mask)]
    return kept - kept.max() - np.log(np.exp(kept - kept.max()).sum())


@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_log_prob_and_entropy_are_those_of_the_valid_actions_alone(spread):
    logits, mask = random_case(0, spread=spread)
    policy = MaskedCategorical(logits, mask)
    log_probs = MaskedCategorical(logits[:, None], mask[:, None]).log_prob(jnp.arange(N))
    entropies, log_probs, logits, mask = map(
        np.asarray, (policy.entropy(), log_probs, logits, mask)
    )
    for row, entropy in enumerate(entropies):
        reference = log_softmax_of_valid(logits[row], mask[row])
        np.testing.assert_allclose(
            entropy, -(np.exp(reference) * reference).sum(), rtol=1e-4, atol=1e-6
        )
        np.testing.assert_allclose(log_probs[row][mask[row]], reference, rtol=1e-5, atol=1e-5)


def test_with_every_action_valid_it_is_distraxs_categorical():
    logits, _ = random_case(1)
    ours, theirs = (
        MaskedCategorical(logits, jnp.ones((64, N), bool)),
        distrax.Categorical(logits=logits),
    )
    action = theirs.sample(seed=jax.random.key(0))
    np.testing.assert_array_equal(ours.log_prob(action), theirs.log_prob(action))
    np.testing.assert_array_equal(ours.entropy(), theirs.entropy())


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
    has_choice = mask.sum(-1) > 1
    assert ((gradient != 0).any(-1) == has_choice).all()


def test_the_gradient_of_log_prob_is_one_hot_minus_probability():
    logits, mask = random_case(2)
    action = jnp.argmax(mask, -1)
    gradient = jax.grad(lambda x: MaskedCategorical(x, mask).log_prob(action).sum())(logits)
    logits, mask, gradient = map(np.asarray, (logits, mask, gradient))
    for row in range(64):
        expected = np.eye(N)[action[row]][mask[row]] - np.exp(
            log_softmax_of_valid(logits[row], mask[row])
        )
        np.testing.assert_allclose(gradient[row][mask[row]], expected, rtol=1e-4, atol=1e-6)


@given(LOGITS, MASKS, st.floats(0, 1, exclude_max=True, width=32))
@settings(max_examples=200, deadline=None)
def test_no_uniform_draws_an_invalid_action(logits, mask, u):
    probabilities = MaskedCategorical(jnp.asarray(logits), jnp.asarray(mask)).probs
    assert mask[inverse_cdf(probabilities, jnp.float32(u))]


@pytest.mark.parametrize("rows", [4, 4096])
def test_uniforms_at_the_shares_edges_draw_valid_actions(rows):
    # Rounding is at its worst where u meets a running sum; the number of rows decides which matrix
    # kernel runs.
    logits, mask = random_case(3, rows=rows)
    probabilities = MaskedCategorical(logits, mask).probs
    draw = jax.jit(inverse_cdf)
    for edge in np.cumsum(probabilities, -1).T:
        for u in (np.nextafter(edge, np.float32(0)), edge, np.nextafter(edge, np.float32(2))):
            action = draw(probabilities, np.clip(u, 0, 1 - 2**-24))
            assert np.take_along_axis(np.asarray(mask), np.asarray(action)[:, None], -1).all()


@pytest.mark.parametrize("u", [0.0, 1 - 2**-24])
def test_the_extreme_uniforms_draw_the_first_and_the_last_valid_action(u):
    _, mask = random_case(4)
    probabilities = mask / mask.sum(-1, keepdims=True)
    action = inverse_cdf(probabilities, jnp.full(64, u))
    ends = jnp.argmax(mask, -1) if u == 0 else N - 1 - jnp.argmax(mask[:, ::-1], -1)
    np.testing.assert_array_equal(action, ends)


def test_an_action_is_drawn_as_often_as_its_probability_says():
    logits = jnp.linspace(-3, 1, N)
    mask = jnp.arange(N) % 3 != 1
    policy = MaskedCategorical(logits, mask)
    drawn = np.bincount(policy.sample(seed=jax.random.key(0), sample_shape=(400_000,)), minlength=N)
    valid = np.asarray(mask)
    assert drawn[~valid].sum() == 0
    # With a fixed key this is one number; a sampler off by 1% in one action would push it below
    # 1e-6.
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
