"""Running moments against NumPy's over everything seen, and what they make of observations and
rewards.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardjax.agents.normalization import (
    after_seeing,
    inverse_root,
    new_normalizer,
    no_moments,
    normalized,
    seen,
)

SIZES = (1, 2, 7, 40)
"""Few, so that little is compiled."""


def parts_of(seed, sizes, n=4):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(n, n))
    return [
        (rng.normal(size=(size, n)) @ mix + rng.normal(size=n) * 3).astype(np.float32)
        for size in sizes
    ]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), sizes=st.lists(st.sampled_from(SIZES), min_size=1, max_size=4))
def test_moments_in_parts_are_those_of_the_whole(seed, sizes):
    parts = parts_of(seed, sizes)
    whole = np.concatenate(parts).astype(np.float64)
    plain, full = no_moments((4,)), no_moments((4,), covariance=True)
    for part in parts:
        plain, full = seen(plain, jnp.asarray(part)), seen(full, jnp.asarray(part))
    scale = np.abs(whole).max() ** 2
    np.testing.assert_allclose(plain.mean, whole.mean(0), atol=1e-4 * scale)
    np.testing.assert_allclose(plain.variance, whole.var(0), atol=1e-4 * scale)
    np.testing.assert_allclose(full.variance, np.cov(whole.T, ddof=0), atol=1e-4 * scale)
    assert plain.n_seen == full.n_seen == len(whole)


def test_the_count_stops_where_a_float_could_not_go_on():
    moments = no_moments(())._replace(n_seen=jnp.float32(1e8), mean=jnp.float32(2))
    after = seen(moments, jnp.full(1_000_000, 3.0))
    assert after.n_seen == 1e8
    assert 2.009 < after.mean < 2.011  # a share of 1e6 / (1e8 + 1e6)


def test_scaling_gives_each_column_mean_0_and_variance_1():
    x = jnp.asarray(parts_of(0, [5000])[0])
    y = normalized(after_seeing(new_normalizer("scale", 4), x), x)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(y.var(0), 1, atol=1e-4)


def test_whitening_leaves_no_correlation_and_stays_near_what_it_was():
    x = jnp.asarray(parts_of(1, [5000])[0])
    y = normalized(after_seeing(new_normalizer("whiten", 4), x), x)
    np.testing.assert_allclose(jnp.cov(y.T), np.eye(4), atol=5e-3)
    correlation = np.corrcoef(np.asarray(x).T, np.asarray(y).T)[:4, 4:]
    assert (np.diag(correlation) > 0.4).all()  # the symmetric root: no rotation, no change of sign


def test_a_column_that_others_determine_or_that_never_varies_stays_finite():
    x = jax.random.normal(jax.random.key(0), (5000, 3))
    x = jnp.concatenate([x, x[:, :1] - x[:, 1:2], jnp.full((5000, 1), 7.0)], -1)
    y = normalized(after_seeing(new_normalizer("whiten", 5), x), x)
    assert jnp.abs(y).max() < 20
    np.testing.assert_allclose(y[:, 4], 0, atol=1e-3)
    np.testing.assert_allclose(jnp.linalg.eigvalsh(jnp.cov(y[:, :4].T))[1:], 1, atol=5e-3)


@pytest.mark.parametrize("condition", [1.0, 1e2, 1e5])
def test_the_inverse_root_is_one(condition):
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(20, 20)))
    values = np.geomspace(1, condition, 20)
    a = basis * values @ basis.T
    root = np.asarray(jax.jit(inverse_root)(jnp.asarray(a, jnp.float32)), np.float64)
    exact = basis / np.sqrt(values) @ basis.T
    np.testing.assert_allclose(root, exact, atol=2e-3)


def test_it_is_the_same_under_vmap():
    x = jax.random.normal(jax.random.key(0), (3, 500, 4)) * jnp.array([1, 2, 3.0, 4])
    together = jax.vmap(lambda rows: after_seeing(new_normalizer("whiten", 4), rows).matrix)(x)
    for i in range(3):
        np.testing.assert_allclose(
            together[i], after_seeing(new_normalizer("whiten", 4), x[i]).matrix, atol=1e-4
        )


def test_a_rare_events_column_is_not_blown_up():
    """One row in a thousand: scaled to variance 1 it would be at 30 deviations when it counts."""
    x = jnp.concatenate(
        [jax.random.normal(jax.random.key(0), (5000, 3)), (jnp.arange(5000) % 1000 == 0)[:, None]],
        -1,
    )
    for kind in ("scale", "whiten"):
        y = normalized(after_seeing(new_normalizer(kind, 4), x), x)
        assert 2 < y[0, 3] < 4


def test_none_changes_nothing():
    x = jnp.ones((3, 4))
    normalizer = after_seeing(new_normalizer("none", 4), x)
    assert normalizer is None
    assert normalized(normalizer, x) is x
