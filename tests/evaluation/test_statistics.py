"""Intervals against scipy, and by how often they hold what they should."""

import numpy as np
import pytest
from scipy import stats

from cardjax.evaluation.statistics import ratio_interval, t_interval

N_STUDIES = 2000


@pytest.mark.parametrize("n", [2, 5, 300])
def test_the_t_interval_is_scipys(n):
    values = np.random.default_rng(n).normal(3, 2, n)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    np.testing.assert_allclose(t_interval(values), (values.mean(), *theirs))


def test_float32_values_are_averaged_in_float64():
    values = np.full(10_000, 1e6, np.float32) + np.tile(np.float32([0, 1]), 5000)
    assert t_interval(values).mean == 1e6 + 0.5


def test_equal_units_leave_no_doubt():
    assert t_interval(np.full(5, 7.0)) == (7, 7, 7)


def coverage(truth, intervals):
    return np.mean([interval.low <= truth <= interval.high for interval in intervals])


def test_the_t_interval_holds_the_mean_95_times_in_100():
    rng = np.random.default_rng(0)
    assert 0.935 < coverage(1.0, [t_interval(rng.normal(1, 3, 6)) for _ in range(N_STUDIES)]) < 0.965


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.95])
def test_the_ratio_interval_holds_the_ratio_of_means_95_times_in_100(correlation):
    rng = np.random.default_rng(1)
    covariance = [[1, correlation], [correlation, 1]]
    draws = rng.multivariate_normal([1.2, 2], covariance, (N_STUDIES, 200))
    intervals = [ratio_interval(study[:, 0], study[:, 1]) for study in draws]
    assert 0.93 < coverage(0.6, intervals) < 0.97


def test_the_ratio_interval_holds_for_skewed_units_with_many_zeros_too():
    # As games are: most earn nothing, a few a lot, and a policy earns a share of what the benchmark does.
    rng = np.random.default_rng(2)
    best = rng.exponential(3, (N_STUDIES, 1000)) * (rng.random((N_STUDIES, 1000)) < 0.3)
    own = best * rng.uniform(0.4, 1, best.shape)
    assert 0.93 < coverage(0.7, [ratio_interval(a, b) for a, b in zip(own, best, strict=True)]) < 0.97


def test_the_ratio_interval_agrees_with_the_bootstrap():
    rng = np.random.default_rng(3)
    best = rng.exponential(3, 500)
    own = best * rng.uniform(0, 1, 500) + rng.normal(0, 0.5, 500)
    interval = ratio_interval(own, best)
    pick = rng.integers(500, size=(4000, 500))
    low, high = np.quantile(own[pick].mean(1) / best[pick].mean(1), [0.025, 0.975])
    assert interval.mean == pytest.approx(own.mean() / best.mean())
    assert interval.low == pytest.approx(low, abs=0.1 * (high - low))
    assert interval.high == pytest.approx(high, abs=0.1 * (high - low))


def test_a_thing_over_itself_is_exactly_1():
    values = np.random.default_rng(4).normal(5, 3, 100)
    assert ratio_interval(values, values) == (1, 1, 1)


def test_one_unit_has_a_mean_and_no_bounds():
    assert t_interval(np.array([4.0])) == (4, None, None)
    assert ratio_interval(np.array([4.0]), np.array([2.0])) == (2, None, None)


def test_no_units_and_a_zero_benchmark_are_refused():
    with pytest.raises(ValueError, match="at least one value"):
        t_interval(np.array([]))
    with pytest.raises(ValueError, match="mean other than 0"):
        ratio_interval(np.array([]), np.array([]))
    with pytest.raises(ValueError, match="mean other than 0"):
        ratio_interval(np.array([1.0, 2.0]), np.array([1.0, -1.0]))
