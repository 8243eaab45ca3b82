import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cardjax.kernels.gather import of_action, plain_of_action, plain_take_games, take_games


@pytest.mark.parametrize("dtype", [np.float32, np.int32, bool])
def test_games_are_taken_bit_for_bit(dtype):
    rng = np.random.default_rng(0)
    tree = {"a": rng.random((50, 3, 2, 5)).astype(dtype), "b": rng.random(50).astype(dtype)}
    games = jnp.array([7, 0, 49, 7])
    found, expected = take_games(tree, games), plain_take_games(tree, games)
    for name in tree:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("n_values", [1, 21])
def test_the_entry_of_an_action_and_its_derivative_are_the_definitions(n_values):
    values = jax.random.normal(jax.random.key(0), (6, 10, 2, n_values))
    action = jax.random.randint(jax.random.key(1), (6, 10, 2), 0, n_values)
    np.testing.assert_array_equal(of_action(values, action), plain_of_action(values, action))

    def derivative(entry):
        return jax.grad(lambda values: jnp.square(entry(values, action)).sum())(values)

    np.testing.assert_array_equal(derivative(of_action), derivative(plain_of_action))


def test_entries_that_are_not_named_may_be_infinite():
    values, action = jnp.array([[1.0, jnp.inf], [jnp.nan, 2.0]]), jnp.array([0, 1])
    np.testing.assert_array_equal(of_action(values, action), [1, 2])
    gradient = jax.grad(lambda values: of_action(values, action).sum())(values)
    np.testing.assert_array_equal(gradient, np.eye(2))
