"""How seeds are dealt to devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.runtime.devices import largest_divisor, over_seeds, use_all_cores


@pytest.mark.parametrize(
    ("n", "at_most", "divisor"), [(1, 8, 1), (6, 4, 3), (7, 4, 1), (8, 4, 4), (5, 5, 5), (2, 1, 1)]
)
def test_the_largest_divisor_by_hand(n, at_most, divisor):
    assert largest_divisor(n, at_most) == divisor


def test_a_function_of_one_seed_becomes_one_of_all_with_shared_arguments_last():
    def function(a, b, n):
        return {"sum": a + b, "times": a * n}

    a, b = jnp.arange(6.0).reshape(3, 2), jnp.ones(3)
    out = over_seeds(function, 3, n_shared=1)(a, b, jnp.float32(10))
    np.testing.assert_array_equal(out["sum"], a + 1)
    np.testing.assert_array_equal(out["times"], 10 * a)


def test_asking_for_all_cores_once_jax_runs_changes_nothing():
    before = jax.device_count()
    use_all_cores(64)
    assert jax.device_count() == before
