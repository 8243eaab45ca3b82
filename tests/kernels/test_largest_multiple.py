"""The closed form finds what trying every number finds."""

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cardjax.kernels.largest_multiple import largest_multiple, plain_largest_multiple

MOST = 10
fast = jax.jit(lambda cost, budget: largest_multiple(cost, budget, MOST))
plain = jax.jit(lambda cost, budget: plain_largest_multiple(cost, budget, MOST))
prices = st.floats(-50, 60, width=32, allow_subnormal=False)


@settings(max_examples=50, deadline=None)
@given(prices, st.integers(1, MOST), st.integers(-2, 2))
def test_it_is_right_beside_every_budget_that_is_just_enough(unit_cost, units, floats_more):
    cost = np.float32(unit_cost)
    budget = np.float32(units) * cost
    for _ in range(abs(floats_more)):
        budget = np.nextafter(budget, np.float32(np.sign(floats_more) * np.inf))
    budget = np.maximum(budget, np.float32(0))
    assert fast(cost, budget) == plain(cost, budget)


def test_it_is_right_on_a_million_random_prices():
    rng = np.random.default_rng(0)
    cost = rng.uniform(-5, 60, 2**20).astype(np.float32)
    budget = (rng.integers(0, 12, 2**20) * cost * rng.choice([1, 1.00001, 0.3], 2**20)).clip(0)
    budget = budget.astype(np.float32)
    found = fast(cost, budget)
    np.testing.assert_array_equal(found, plain(cost, budget))
    assert set(np.unique(found)) == set(range(MOST + 1))
