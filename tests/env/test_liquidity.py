"""Depth at chosen noises: the formula, its clips, and what is displayed. Its law is tested in
test_draws.py.
"""

import math

import numpy as np
import pytest

from cardjax.env import make_params
from cardjax.env.liquidity import depth_scale, displayed, draw_depth

PARAMS = make_params(**{"liquidity.kappa": 48.0})


def depth(z, sigma, spread, params=PARAMS):
    return float(draw_depth(np.float32(z), np.float32(sigma), np.float32(spread), params))


def test_the_scale_is_kappa_over_sigma_times_spread():
    assert float(depth_scale(np.float32(4), np.float32(1.5), PARAMS)) == pytest.approx(8, rel=1e-6)


def test_depth_without_noise_is_the_lognormals_median():
    # 48 / (4·1.5) = 8, times exp(−0.6²/2).
    assert depth(0, 4, 1.5) == pytest.approx(8 * math.exp(-0.18), rel=1e-6)


def test_noise_multiplies_depth_by_exp_tau_z():
    assert depth(1, 4, 1.5) / depth(0, 4, 1.5) == pytest.approx(math.exp(0.6), rel=1e-5)


def test_depth_is_clipped_at_both_ends():
    assert depth(-4, 4, 1.5) == 2
    assert depth(4, 4, 1.5) == 20


@pytest.mark.parametrize("z", [-5, 0, 5])
def test_no_uncertainty_means_the_largest_depth(z):
    assert depth(z, 0, 1) == 20


def test_tau_zero_makes_depth_certain():
    params = make_params(**{"liquidity.kappa": 48.0, "liquidity.tau": 0})
    assert depth(-3, 4, 1.5, params) == depth(3, 4, 1.5, params) == pytest.approx(8)


@pytest.mark.parametrize(
    ("true", "shown"), [(2.0, 2.0), (9.99, 9.99), (10.0, 10.0), (10.01, 10.0), (20.0, 10.0)]
)
def test_displayed_depth_stops_at_the_cap(true, shown):
    assert float(displayed(np.float32(true), PARAMS)) == pytest.approx(shown)
