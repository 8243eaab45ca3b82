import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cardjax.env import make_params
from cardjax.env.liquidity import displayed as shown_of
from cardjax.env.liquidity import draw_depth
from cardjax.policies import expected_overflow

TOTALS = np.arange(41)
overflow = jax.jit(
    lambda shown, sigma, spread, params: expected_overflow(shown, sigma, spread, TOTALS, params)
)


def liquidity(**values):
    return make_params(**{f"liquidity.{name}": value for name, value in values.items()})


@st.composite
def rounds(draw):
    """(params, displayed, sigma, spread) with the cap displayed, or in one case of four a depth
    below it.
    """
    low = draw(st.sampled_from([0.0, 0.5, 2.0, 5.0]))
    high = low + draw(st.sampled_from([0.5, 3.0, 18.0, 40.0]))
    cap = min(draw(st.sampled_from([0.0, 0.3, 1.0, 2.0, 2.5, 5.0, 10.0, 20.0])), high)
    tau = draw(st.sampled_from([0.0, 1e-4, 0.03, 0.3, 0.6, 1.0, 3.0, 5.0]))
    params = liquidity(kappa=10 ** draw(st.floats(-1, 3)), tau=tau, min=low, max=high, cap=cap)
    sigma = draw(st.sampled_from([0.0, 1e-3]) | st.floats(0.125, 8, width=32))
    spread = draw(st.sampled_from([0.0]) | st.floats(0.125, 4, width=32))
    share = draw(st.sampled_from([1.0, 1.0, 1.0, 0.7]))
    return params, np.float32(cap * share), np.float32(sigma), np.float32(spread)


@settings(max_examples=250, deadline=None)
@given(rounds())
def test_equals_float64_quadrature(reference, case):
    params, shown, sigma, spread = case
    law = reference.Depth.of(params)
    # A cap so far out that it is never shown is a condition that nobody meets.
    assume(shown < law.cap or reference.chance_of_cap(sigma, spread, law) > 1e-12)
    # At tau = 0 the cap is shown only if the depth, which is then certain, reaches it.
    assume(
        law.tau > 1e-3
        or shown < law.cap
        or law.scale(sigma, spread) > 1.001 * law.cap
        or law.cap <= law.min
    )
    got = overflow(shown, sigma, spread, params)
    for q in (0, 1, 3, 8, 20, 40):
        want = reference.overflow_by_depth(float(shown), sigma, spread, q, law)
        assert abs(float(got[q]) - want) <= 2e-6 * max(q, 1), (q, float(got[q]), want, law)


@settings(max_examples=100, deadline=None)
@given(rounds())
def test_is_zero_up_to_displayed_then_nondecreasing_and_convex(case):
    params, shown, sigma, spread = case
    got = np.asarray(overflow(shown, sigma, spread, params), np.float64)
    assert (got[shown >= TOTALS] == 0).all()
    assert (np.diff(got) >= -4e-6 * TOTALS[1:]).all()
    assert (np.diff(got) <= 1 + 1e-5 * TOTALS[1:]).all()
    assert (np.diff(got, 2) >= -2e-5 * TOTALS[2:]).all()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"cap": 2.5},
        {"cap": 1.0},
        {"cap": 0.0, "min": 0.0, "tau": 1.5},
        {"cap": 20.0},
        {"tau": 0.0, "cap": 5.0},
        {"kappa": 5.0, "cap": 4.0},
    ],
)
@pytest.mark.parametrize("sigma", [0.0, 3.0])
def test_equals_the_mean_over_depths_that_the_market_draws(values, sigma):
    params = liquidity(**values)
    z = np.random.default_rng(0).standard_normal(400_000).astype(np.float32)
    depth = draw_depth(jnp.asarray(z), jnp.float32(sigma), jnp.float32(1.5), params)
    shown = np.asarray(shown_of(depth, params))
    depth = np.asarray(depth, np.float64)[shown == shown.max()]
    got = np.asarray(overflow(shown.max(), np.float32(sigma), np.float32(1.5), params))
    for q in (1, 5, 12, 25, 40):
        sample = np.maximum(q - depth, 0)
        assert abs(got[q] - sample.mean()) <= 5 * sample.std() / np.sqrt(len(sample)) + 1e-5


def test_sure_depths():
    at = lambda shown, sigma, **values: overflow(
        np.float32(shown), np.float32(sigma), np.float32(1), liquidity(**values)
    )
    np.testing.assert_allclose(
        at(7.25, 5.0), np.maximum(TOTALS - 7.25, 0)
    )  # below the cap: it is the depth
    np.testing.assert_allclose(at(10.0, 0.0), np.maximum(TOTALS - 20, 0))  # sigma 0: L_max
    np.testing.assert_allclose(at(20.0, 5.0, cap=20), np.maximum(TOTALS - 20, 0))  # cap = L_max
    np.testing.assert_allclose(
        at(6.0, 5.0, max=6, cap=10), np.maximum(TOTALS - 6, 0)
    )  # L_max below the cap
    np.testing.assert_allclose(
        at(2.0, 5.0, kappa=1e-3, cap=2), np.maximum(TOTALS - 2, 0)
    )  # all raw depth below L_min
    np.testing.assert_allclose(
        at(5.0, 4.0, tau=0, kappa=48, cap=5), np.maximum(TOTALS - 12, 0), atol=1e-4
    )
    np.testing.assert_allclose(
        at(10.0, 7.0, kappa=1e-6), np.maximum(TOTALS - 10, 0)
    )  # past any tail: lies at its start


def test_broadcasts_and_keeps_float32():
    params = make_params()
    shown, sigma, spread = jnp.full((3, 1), 10.0), jnp.ones((3, 1)), jnp.ones((3, 1))
    got = expected_overflow(shown, sigma, spread, np.arange(1, 5), params)
    assert got.shape == (3, 4)
    assert got.dtype == jnp.float32
    assert not got.weak_type
