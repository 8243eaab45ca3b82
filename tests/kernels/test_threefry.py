"""Our threefry is jax's, word for word."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardjax.kernels import threefry

WORDS = st.integers(0, 2**32 - 1)


def data_of(key):
    return np.asarray(
        jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    )


@settings(max_examples=50, deadline=None)
@given(WORDS, WORDS, WORDS)
def test_a_child_is_jaxs_own(key_0, key_1, data):
    raw = jnp.array([key_0, key_1], jnp.uint32)
    expected = jax.random.fold_in(raw, np.uint32(data))
    np.testing.assert_array_equal(threefry.fold_in(raw, np.uint32(data)), expected)
    typed = threefry.fold_in(jax.random.wrap_key_data(raw, impl="threefry2x32"), np.uint32(data))
    np.testing.assert_array_equal(jax.random.key_data(typed), expected)


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_children_are_those_of_split(impl):
    key = jax.random.key(7, impl=impl)
    for first in (0, 2):
        mine = [data_of(child) for child in threefry.split(key, 5, first)]
        np.testing.assert_array_equal(mine, data_of(jax.random.split(key, 5))[first:])


@pytest.mark.parametrize("make", [jax.random.key, jax.random.PRNGKey])
def test_an_array_of_keys_is_refused_in_words(make):
    keys = jax.random.split(make(0), 3)
    with pytest.raises(
        ValueError, match=r"one random key is expected, not an array of keys \(3,\)"
    ):
        threefry.fold_in(keys, 0)


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_other_generators_are_left_to_jax(impl):
    key = jax.random.key(3, impl=impl)
    assert threefry.is_threefry(key) == (impl == "threefry2x32")
    child = threefry.fold_in(key, 11)
    assert child.dtype == key.dtype
    np.testing.assert_array_equal(data_of(child), data_of(jax.random.fold_in(key, 11)))
