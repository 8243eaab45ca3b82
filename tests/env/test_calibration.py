"""The shipped depth scale, and the calibration that finds it."""

import numpy as np
import pytest
from scipy import stats

from cardjax.env import make_params
from cardjax.env.calibration import calibrate_kappa, median_depth


def with_kappa(kappa, base=None):
    return make_params(base, **{"liquidity.kappa": kappa})


def test_the_default_games_median_depth_is_seven():
    assert median_depth(make_params()) == pytest.approx(7, abs=0.005)


def test_the_default_kappa_is_the_calibrated_one():
    assert calibrate_kappa(make_params()) == pytest.approx(
        float(make_params().liquidity.kappa), abs=0.005
    )


def test_the_sampled_median_is_seven(default_rounds):
    # The share of depths at or below 7 over a million rounds, its standard error taken over games,
    # whose rounds are correlated by their events. |z| > 4 has a chance of 6e-5.
    share = np.mean([default_rounds[f"depth_{side}"][:10] <= 7 for side in ("bid", "ask")], (0, 1))
    assert default_rounds["depth_bid"][:10].size > 10**6
    standard_error = share.std() / len(share) ** 0.5
    assert standard_error < 1e-3
    assert abs(share.mean() - 0.5) < 4 * standard_error


VARIANTS = {
    "no events": {"flags.enable_events": False},
    "no hints": {"hints": 0},
    "remaps only": {"events.remap": 1.0},
    "no noise": {"liquidity.tau": 0.0},
    "wide spread": {"spread.s0": 2.0, "spread.max": 5.0},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("median", [3.0, 12.5])
def test_calibration_and_median_are_inverse(changes, median):
    params = make_params(**changes)
    assert median_depth(with_kappa(calibrate_kappa(params, median), params)) == pytest.approx(
        median, rel=1e-5
    )


def test_calibration_starts_from_the_other_parameters_only():
    assert calibrate_kappa(with_kappa(3.0)) == calibrate_kappa(with_kappa(900.0))


def test_one_certain_state_is_solved_by_hand():
    # No events, no hints: sigma² = 3·14·49/51, spread = 0.8 + sigma/4; the median is
    # L_bar·exp(−tau²/2).
    sigma = (3 * 14 * 49 / 51) ** 0.5
    params = make_params(hints=0, **{"flags.enable_events": False})
    assert calibrate_kappa(params, 7) == pytest.approx(
        7 * np.exp(0.18) * sigma * (0.8 + sigma / 4), rel=1e-6
    )


def test_the_median_agrees_with_a_sample_of_another_game(sample_rounds):
    changes = {"hints": [0.1, 0.2, 0.3, 0.4], "liquidity.kappa": 30.0, "liquidity.tau": 0.4}
    params = make_params(event_persist=0, **changes)
    below = int((sample_rounds(params, seed=20)["depth_ask"] <= median_depth(params)).sum())
    assert stats.binomtest(below, 12 * 2**17).pvalue > 1e-4


def test_a_median_moves_no_further_than_the_clips():
    assert median_depth(with_kappa(0.01)) == 2
    assert median_depth(with_kappa(1e6)) == 20
    assert median_depth(make_params(hints=3)) == 20


@pytest.mark.parametrize("median", [1.99, 20.01, 0.0, -1.0, float("nan")])
def test_a_median_outside_the_clips_is_refused(median):
    with pytest.raises(ValueError, match=r"must be in \[L_min, L_max\] = \[2, 20\]"):
        calibrate_kappa(make_params(), median)


@pytest.mark.parametrize("hints", [3, [0.2, 0.2, 0.1, 0.5]])
def test_a_median_is_refused_where_half_the_rounds_reveal_the_sum(hints):
    with pytest.raises(ValueError, match="sigma = 0"):
        calibrate_kappa(make_params(hints=hints))
