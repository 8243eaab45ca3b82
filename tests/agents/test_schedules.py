"""The shapes of schedules, at their ends and between."""

import math

import jax.numpy as jnp
import pytest

from cardjax.agents.schedules import annealed
from cardjax.config import SCHEDULES


@pytest.mark.parametrize("shape", SCHEDULES)
def test_every_shape_goes_from_start_to_end(shape):
    ends = [float(annealed(8.0, 2.0, shape, jnp.float32(at))) for at in (0, 1)]
    assert ends == pytest.approx([8, 8 if shape == "constant" else 2], rel=1e-6)


@pytest.mark.parametrize(
    ("shape", "at", "value"),
    [
        ("linear", 0.5, 5),
        ("linear", 0.25, 6.5),
        ("geometric", 0.5, 4),
        ("cosine", 0.5, 5),
        ("cosine", 0.25, 2 + 6 * (1 + math.cos(math.pi / 4)) / 2),
        ("constant", 0.7, 8),
    ],
)
def test_between_it_is_as_worked_by_hand(shape, at, value):
    assert float(annealed(8.0, 2.0, shape, jnp.float32(at))) == pytest.approx(value, rel=1e-6)
