"""Intervals against scipy, and by how often they hold what they should."""

import numpy as np
import pytest
from scipy import stats

from cardjax.evaluation.statistics import (
    Interval,
    bootstrap_interval,
    delta_interval,
    improvement_probability,
    iqm,
    over_seeds,
    paired_difference,
    quantile_interval,
    t_interval,
)
from cardjax.evaluation.tally import Histogram, Tally

N_STUDIES = 2000


def ratio_interval(a, b):
    return delta_interval(
        lambda m: m["a"] / m["b"] if m["b"] else np.nan, Tally.of({"a": a, "b": b})
    )


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
    assert (
        0.935 < coverage(1.0, [t_interval(rng.normal(1, 3, 6)) for _ in range(N_STUDIES)]) < 0.965
    )


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.95])
def test_the_ratio_interval_holds_the_ratio_of_means_95_times_in_100(correlation):
    rng = np.random.default_rng(1)
    covariance = [[1, correlation], [correlation, 1]]
    draws = rng.multivariate_normal([1.2, 2], covariance, (N_STUDIES, 200))
    intervals = [ratio_interval(study[:, 0], study[:, 1]) for study in draws]
    assert 0.93 < coverage(0.6, intervals) < 0.97


def test_the_ratio_interval_holds_for_skewed_units_with_many_zeros_too():
    # As games are: most earn nothing, a few a lot, and a policy earns a share of what the benchmark
    # does.
    rng = np.random.default_rng(2)
    best = rng.exponential(3, (N_STUDIES, 1000)) * (rng.random((N_STUDIES, 1000)) < 0.3)
    own = best * rng.uniform(0.4, 1, best.shape)
    assert (
        0.93 < coverage(0.7, [ratio_interval(a, b) for a, b in zip(own, best, strict=True)]) < 0.97
    )


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
    np.testing.assert_allclose(ratio_interval(values, values), 1, atol=1e-12)


def test_one_unit_has_a_mean_and_no_bounds():
    assert t_interval(np.array([4.0])) == (4, None, None)
    assert ratio_interval(np.array([4.0]), np.array([2.0])) == (2, None, None)


def test_no_units_are_refused():
    with pytest.raises(ValueError, match="at least one value"):
        t_interval(np.array([]))


def test_a_figure_that_is_not_one_has_no_bounds():
    interval = ratio_interval(np.array([1.0, 2.0]), np.array([1.0, -1.0]))
    assert np.isnan(interval.mean) and interval[1:] == (None, None)


def test_the_delta_interval_of_a_mean_is_the_t_interval():
    values = np.random.default_rng(5).exponential(2, 40)
    mine = delta_interval(lambda m: m["x"], Tally.of({"x": values, "unused": values**2}))
    np.testing.assert_allclose(mine, t_interval(values), rtol=1e-9)


def test_the_interval_of_a_mean_over_a_deviation_holds_it_95_times_in_100():
    def sharpe(m):
        return m["x"] / np.sqrt(m["xx"] - m["x"] ** 2)

    rng = np.random.default_rng(6)
    studies = rng.gamma(
        4, 0.5, (N_STUDIES, 1000)
    )  # mean 2, deviation 1; skewed, so that mean and deviation correlate
    intervals = [delta_interval(sharpe, Tally.of({"x": x, "xx": x**2})) for x in studies]
    assert 0.93 < coverage(2.0, intervals) < 0.97


def test_paired_differences_see_what_common_noise_would_hide():
    rng = np.random.default_rng(7)
    noise = rng.normal(0, 100, 500)
    a, b = noise + rng.normal(0.5, 1, 500), noise + rng.normal(0, 1, 500)
    assert paired_difference(a, b).low > 0.3
    low, high = stats.ttest_rel(a, b).confidence_interval(0.95)
    np.testing.assert_allclose(paired_difference(a, b)[1:], (low, high))
    with pytest.raises(ValueError, match="equal lengths"):
        paired_difference(a, b[:-1])


def test_seeds_that_share_their_draws_know_what_the_draws_are_worth():
    # Six seeds that differ little, all of them in the same games: their spread alone would miss the
    # games' luck.
    rng = np.random.default_rng(15)
    alone, together = [], []
    for _ in range(N_STUDIES):
        games = rng.normal(0, 3, 100)
        seeds = [t_interval(games + seed) for seed in rng.normal(1, 0.1, 6)]
        alone.append(t_interval(np.array([seed.mean for seed in seeds])))
        together.append(over_seeds(seeds))
    assert coverage(1.0, alone) < 0.6
    assert 0.93 < coverage(1.0, together) < 0.97


def test_where_the_seeds_decide_the_draws_add_nothing():
    seeds = [Interval(x, x - 1e-6, x + 1e-6) for x in (1.0, 2.0, 4.0)]
    np.testing.assert_allclose(over_seeds(seeds), t_interval(np.array([1.0, 2.0, 4.0])), rtol=1e-6)
    assert over_seeds(seeds[:1]) == seeds[0]
    unknown = [Interval(1.0, None, None), Interval(2.0, None, None)]
    assert over_seeds(unknown) == t_interval(np.array([1.0, 2.0]))


# Tallies


def test_a_tally_of_batches_is_the_tally_of_all():
    rng = np.random.default_rng(8)
    x = 1e6 + rng.normal(size=1000)
    y = x + rng.normal(size=1000)
    cuts = np.split(np.arange(1000), [1, 17, 400])
    parts = [Tally.of({"x": x[cut], "y": y[cut]}) for cut in cuts]
    together = parts[0] + parts[1] + parts[2] + parts[3]
    assert together.n == 1000
    np.testing.assert_allclose(list(together.means.values()), [x.mean(), y.mean()], rtol=1e-15)
    np.testing.assert_allclose(together.covariance(), np.cov(x, y), rtol=1e-6)
    assert together.std("y") == pytest.approx(y.std(ddof=1), rel=1e-6)


@pytest.mark.parametrize("q", [0.05, 0.5, 0.95, 1.0])
def test_a_histograms_quantile_is_numpys_to_a_third_of_a_percent(q):
    rng = np.random.default_rng(9)
    values = np.concatenate([np.zeros(300), rng.exponential(40, 20_000)])
    whole = Histogram.of(values[:5000]) + Histogram.of(values[5000:].reshape(100, -1))
    assert whole.n == len(values)
    assert whole.quantile(q) == pytest.approx(
        np.quantile(values, q, method="inverted_cdf"), rel=0.003
    )
    assert Histogram.of(values[:300]).quantile(q) == 0


def test_the_interval_of_a_quantile_holds_it_95_times_in_100():
    rng = np.random.default_rng(10)
    draws = [Histogram.of(rng.exponential(10, 1000)) for _ in range(N_STUDIES)]
    assert (
        0.93
        < coverage(-10 * np.log(0.05), [quantile_interval(draw, 0.95) for draw in draws])
        < 0.97
    )


# Runs and tasks


def test_the_interquartile_mean_is_the_mean_of_the_middle_half():
    scores = np.array(
        [[0.0, 100.0], [1.0, 2.0], [3.0, 4.0], [-50.0, 5.0]]
    )  # sorted: −50 0 | 1 2 3 4 | 5 100
    assert iqm(scores) == 2.5
    assert iqm(np.array([7.0])) == 7


def test_the_probability_of_improvement_counts_pairs_of_runs():
    assert (
        improvement_probability(np.array([[1.0], [3.0]]), np.array([[2.0], [0.0], [3.0]]))
        == (1 + 2.5) / 6
    )
    a = np.random.default_rng(11).normal(size=(5, 3))
    b = np.random.default_rng(12).normal(size=(4, 3))
    assert improvement_probability(a, b) + improvement_probability(b, a) == pytest.approx(1)
    per_task = [stats.mannwhitneyu(a[:, k], b[:, k]).statistic / 20 for k in range(3)]
    assert improvement_probability(a, b) == pytest.approx(np.mean(per_task))
    with pytest.raises(ValueError, match="as many tasks"):
        improvement_probability(a, b[:, :2])


def test_the_bootstraps_interval_is_scipys():
    values = np.random.default_rng(13).exponential(1, 60)
    mine = bootstrap_interval(lambda x: float(x.mean()), values)
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=4000, rng=1
    ).confidence_interval
    np.testing.assert_allclose(mine[1:], theirs, rtol=0.03)
    assert mine.mean == values.mean()


def test_the_bootstrap_holds_the_mean_of_many_units_95_times_in_100():
    rng = np.random.default_rng(14)
    studies = rng.normal(1, 2, (800, 40))
    intervals = [bootstrap_interval(lambda x: float(x.mean()), x, n_resamples=400) for x in studies]
    assert (
        0.92 < coverage(1.0, intervals) < 0.97
    )  # percentile intervals of 40 units are a little short


def test_one_run_has_no_bootstrap_and_none_is_refused():
    assert bootstrap_interval(iqm, np.array([0.9])) == (0.9, None, None)
    with pytest.raises(ValueError, match="at least one run"):
        bootstrap_interval(iqm, np.array([]))
