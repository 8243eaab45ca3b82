"""Boxes and discrete spaces say what they contain."""

import jax
import numpy as np
import pytest

from cardjax.env import Box, Discrete

BOX = Box(np.array([0, -np.inf], np.float32), np.array([1, np.inf], np.float32))


@pytest.mark.parametrize("x", [[0, 0], [1, 1e30], [0.5, -1e30]])
def test_a_box_holds_its_bounds_and_what_lies_between(x):
    assert BOX.contains(np.array(x, np.float32))


@pytest.mark.parametrize("x", [[-0.01, 0], [1.01, 0], [np.nan, 0], [0, np.nan], [0], [[0, 0]]])
def test_a_box_refuses_what_is_outside_or_of_another_shape(x):
    assert not BOX.contains(np.array(x, np.float32))


def test_a_discrete_space_holds_its_numbers_only():
    space = Discrete(21, (2,))
    assert space.contains(np.array([0, 20]))
    assert not space.contains(np.array([0, 21])) and not space.contains(np.array([-1, 0]))
    assert not space.contains(np.array(3))


def test_a_discrete_space_samples_all_its_numbers():
    samples = jax.vmap(Discrete(21, (2,)).sample)(jax.random.split(jax.random.key(0), 2000))
    assert samples.shape == (2000, 2) and set(np.unique(samples)) == set(range(21))
