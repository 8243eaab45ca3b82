"""Short axes written out give what the plain function gives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.kernels.short_axes import (
    FEW_PLAYERS,
    LONGEST_SHORT_AXIS,
    all_short_axis,
    by_player,
    sum_short_axis,
)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
@pytest.mark.parametrize("n", [1, 2, FEW_PLAYERS, FEW_PLAYERS + 1])
def test_by_player_is_the_function_itself(monkeypatch, n, backend):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    x, y, z = jnp.arange(3.0 * n).reshape(3, n), jnp.float32(2), jnp.arange(3.0)[:, None]

    def function(x, y, z):
        return x * y + z, x > z

    for mine, expected in zip(by_player(function, x, y, z), function(x, y, z), strict=True):
        np.testing.assert_array_equal(mine, expected)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_by_player_gives_every_player_what_all_have_in_common(monkeypatch, backend):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    own, common = by_player(lambda x, y: (x + y, 2 * y), jnp.zeros((3, 2)), jnp.ones((3, 1)))
    assert own.shape == common.shape == (3, 2)


def test_by_player_takes_numbers_without_a_shape():
    assert by_player(lambda x: x + 1, jnp.float32(1)) == 2


def test_by_player_refuses_axes_that_do_not_broadcast():
    with pytest.raises(ValueError, match="a last axis of 2 does not broadcast to 3 players"):
        by_player(jnp.add, jnp.zeros((4, 2)), jnp.zeros((4, 3)))


def test_by_player_refuses_a_function_that_is_not_elementwise():
    with pytest.raises(ValueError, match=r"gives shape \(\) .* must be elementwise"):
        by_player(jnp.sum, jnp.zeros((4, 2)))


@pytest.mark.parametrize("n", [1, 2, 3, 21])
def test_short_sums_are_the_sums(n):
    x = jax.random.randint(jax.random.key(n), (5, n), -100, 100)
    np.testing.assert_array_equal(sum_short_axis(x), x.sum(-1))
    floats = x.astype(jnp.float32)
    np.testing.assert_array_equal(sum_short_axis(floats), floats.sum(-1))
    np.testing.assert_array_equal(all_short_axis(x > -60), (x > -60).all(-1))


@pytest.mark.parametrize("reduce", [sum_short_axis, all_short_axis])
@pytest.mark.parametrize("n", [0, LONGEST_SHORT_AXIS + 1])
def test_other_axes_are_refused_in_words(reduce, n):
    with pytest.raises(ValueError, match=f"{reduce.__name__}: an axis of {n}; it takes 1 to 32"):
        reduce(jnp.ones((2, n), bool))
