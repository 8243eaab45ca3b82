"""Intervals against scipy, and by how often they hold what they should."""

import numpy as np
import pytest
from scipy import stats

from cardjax.evaluation.differences import (
    Versus,
    detectable_difference,
    difference_interval,
    effect_interval,
    improvement_interval,
    improvement_probability,
    versus,
)
from cardjax.evaluation.statistics import (
    FEWEST_GAMES,
    Estimate,
    clopper_pearson,
    delta_interval,
    half_width,
    histogram_interval,
    median_interval,
    over_games,
    over_seeds,
    rate_interval,
    t_interval,
    trimmed,
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
    values = np.random.default_rng(5).exponential(2, FEWEST_GAMES)
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


# Seeds that share their games


def played(rng, n_seeds, of_seeds, of_games, of_both, n_games=FEWEST_GAMES):
    """Results [seeds, games] with truth 0: standard deviations of what a seed, a game, and a seed
    in a game add.
    """
    return (
        rng.normal(0, of_seeds, (n_seeds, 1))
        + rng.normal(0, of_games, n_games)
        + rng.normal(0, of_both, (n_seeds, n_games))
    )


def estimates(results):
    n = results.shape[1]
    each = zip(results.mean(1), results.var(1, ddof=1) / n, strict=True)
    seeds = [Estimate(*seed, n) for seed in each]
    mean = results.mean(0)
    return seeds, Estimate(mean.mean(), mean.var(ddof=1) / n, n)


MIXTURES = [(1, 0.1, 0.1), (0.1, 1, 1), (0.1, 3, 0.1), (0.01, 0.1, 3), (0.3, 3, 3)]
"""Seeds that decide, games that decide, and what is in between."""


@pytest.mark.parametrize("n_seeds", [3, 5, 10])
@pytest.mark.parametrize("mixture", MIXTURES)
def test_from_three_seeds_on_intervals_hold_95_times_in_100_whatever_the_games_share(
    n_seeds, mixture
):
    rng = np.random.default_rng(15)
    studies = [estimates(played(rng, n_seeds, *mixture)) for _ in range(N_STUDIES)]
    for middle in (None, trimmed):  # the mean and the interquartile mean
        intervals = [over_seeds(*study, middle) for study in studies]
        assert 0.93 <= coverage(0.0, intervals) <= 0.97, middle


def test_the_spread_of_seeds_alone_would_miss_the_games_that_they_share():
    rng = np.random.default_rng(15)
    studies = [played(rng, 6, 0.1, 3, 0) for _ in range(N_STUDIES)]
    assert coverage(0.0, [t_interval(study.mean(1)) for study in studies]) < 0.6


def test_below_three_seeds_or_a_hundred_games_there_is_no_interval():
    results = played(np.random.default_rng(16), 2, 1, 1, 1)
    assert over_seeds(*estimates(results)) == (pytest.approx(results.mean()), None, None)
    few = played(np.random.default_rng(16), 5, 1, 1, 1, FEWEST_GAMES - 1)
    assert over_seeds(*estimates(few))[1:] == (None, None)
    assert over_games(estimates(few)[0][0])[1:] == (None, None)


def test_where_the_seeds_decide_the_draws_add_nothing():
    seeds = [Estimate(x, 1e-12, 1000) for x in (1.0, 2.0, 4.0)]
    together = Estimate(7 / 3, 1e-12, 1000)
    np.testing.assert_allclose(
        over_seeds(seeds, together), t_interval(np.array([1.0, 2.0, 4.0])), rtol=1e-6
    )
    assert over_seeds(seeds[:1], seeds[0]) == over_games(seeds[0])


# Two policies


def compared(first, second):
    """From results [seeds, games] of both, in the same games."""
    both = np.concatenate([first, second])
    return versus(first.mean(1), second.mean(1), np.cov(both), both.shape[1])


def two_sides(rng, n_first, n_second, of_seeds, difference=0.0):
    """Sides whose games share most of their luck, and their difference some of it."""
    luck = rng.normal(0, 5, FEWEST_GAMES)

    def side(n, spread, shift):
        own = rng.normal(0, 0.5, FEWEST_GAMES) + luck + shift
        spread = spread if n > 1 else 0.0
        return own + played(rng, n, spread, 0, 0.3)

    return side(n_first, of_seeds[0], difference), side(n_second, of_seeds[1], 0.0)


KINDS = [(1, 1), (3, 1), (1, 5), (3, 3), (3, 10), (5, 5), (10, 10)]
"""Seeds of the two sides; 1 is a policy as it is."""


@pytest.mark.parametrize("n_seeds", KINDS)
@pytest.mark.parametrize("of_seeds", [(0.03, 0.03), (0.2, 0.2), (0.2, 0.6)])
def test_every_pair_of_kinds_has_a_paired_interval_that_holds(n_seeds, of_seeds):
    rng = np.random.default_rng(17)
    studies = [
        difference_interval(compared(*two_sides(rng, *n_seeds, of_seeds, 0.7)))
        for _ in range(N_STUDIES // 2)
    ]
    assert 0.925 <= coverage(0.7, studies) <= 0.975
    # The games' own luck, of which a mean has 0.5, cancels.
    if n_seeds == (1, 1):
        assert np.mean([study.half_width for study in studies]) < 0.2


def test_two_seeds_on_a_side_have_a_difference_and_no_interval():
    pair = compared(*two_sides(np.random.default_rng(18), 2, 5, (1, 1)))
    assert difference_interval(pair) == (pair.difference, None, None)
    assert effect_interval(pair)[1:] == (None, None)


@pytest.mark.parametrize("n_seeds", [(3, 1), (3, 3), (5, 5), (10, 20)])
@pytest.mark.parametrize("effect", [0.0, 0.7, 2.0])
def test_effect_and_improvement_hold_95_times_in_100(n_seeds, effect):
    rng = np.random.default_rng(19)
    difference = effect * np.hypot(1, n_seeds[1] > 1)
    effects, improvements = [], []
    for _ in range(1000):
        first, second = two_sides(rng, *n_seeds, (1, 1), difference)
        effects.append(effect_interval(compared(first, second)))
        improvements.append(improvement_interval(first.mean(1), second.mean(1), effects[-1]))
    assert 0.925 <= coverage(effect, effects) <= 0.975
    assert 0.925 <= coverage(stats.norm.cdf(effect), improvements) <= 0.98


def test_the_effect_of_two_single_policies_is_in_standard_deviations_of_a_game():
    rng = np.random.default_rng(20)
    first, second = two_sides(rng, 1, 1, (0, 0), 0.5)
    pair, games = compared(first, second), (first - second)[0]
    assert pair.difference == pytest.approx(games.mean())
    assert effect_interval(pair).mean == pytest.approx(games.mean() / games.std(ddof=1))
    low, high = stats.ttest_rel(first[0], second[0]).confidence_interval(0.95)
    np.testing.assert_allclose(difference_interval(pair)[1:], (low, high))
    assert improvement_interval(first.mean(1), second.mean(1), effect_interval(pair))[1:] == (
        None,
        None,
    )
    assert np.isnan(effect_interval(compared(first, first + 1)).mean)


@pytest.mark.parametrize("n_seeds", [(1, 1), (5, 1), (5, 5), (10, 10)])
def test_the_detectable_difference_is_found_four_times_in_five(n_seeds):
    rng = np.random.default_rng(21)
    spread = tuple(float(n > 1) for n in n_seeds)
    variances = tuple(s**2 + 0.3**2 / FEWEST_GAMES if s else 0.0 for s in spread)
    own = tuple(0.3**2 * s for s in spread)
    games = 2 * 0.5**2 + 0.3**2 * sum(n == 1 for n in n_seeds)
    pair = Versus(0.0, variances, n_seeds, games, FEWEST_GAMES, own)
    difference = detectable_difference(pair)
    found = [
        difference_interval(compared(*two_sides(rng, *n_seeds, spread, difference)))
        for _ in range(N_STUDIES // 2)
    ]
    assert 0.75 < np.mean([study.low > 0 or study.high < 0 for study in found]) < 0.85
    assert detectable_difference(pair, 0.95) > difference
    assert detectable_difference(pair.planned(n_seeds, 100_000)) < difference
    assert pair.planned((7, 7), 10**9).seeds == pytest.approx([s**2 for s in spread])
    assert np.isnan(detectable_difference(pair.planned(n_seeds, 99)))


@pytest.mark.parametrize("degrees", [2, 4, 30])
def test_one_component_alone_has_the_t_interval(degrees):
    quantile = stats.t.ppf(0.975, degrees)
    np.testing.assert_allclose(half_width([4.0], [degrees]), 2 * quantile)
    np.testing.assert_allclose(half_width([4.0, 0.0], [degrees, 1e6]), 2 * quantile)
    np.testing.assert_allclose(half_width([0.0, 4.0], [degrees, 1e6]), 2 * 1.96, rtol=1e-4)
    assert half_width([0.0, 0.0], [degrees, 10]) == 0


# Rates


def test_a_rate_that_varies_independently_has_clopper_and_pearsons_interval():
    games = np.repeat([1.0, 0.0], [7, 493])
    plain = delta_interval(lambda m: m["x"], Tally.of({"x": games}))
    low, high = stats.binomtest(7, 500).proportion_ci(0.95, "exact")
    np.testing.assert_allclose(rate_interval(plain, 500), (0.014, low, high), rtol=0.02)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_what_never_and_what_always_happens_has_an_interval(rate):
    plain = delta_interval(lambda m: m["x"], Tally.of({"x": np.full(500, rate)}))
    low, high = stats.binomtest(int(500 * rate), 500).proportion_ci(0.95, "exact")
    np.testing.assert_allclose(rate_interval(plain, 500), (rate, low, high))


def test_clopper_pearson_holds_at_least_95_times_in_100_and_from_30_events_on_at_most_97():
    n, events = 10_000, np.arange(600)
    low, high = clopper_pearson(events / n, np.full(events.shape, n))
    for rate in np.geomspace(1e-5, 0.04, 60):
        inside = stats.binom.pmf(events, n, rate)[(low <= rate) & (rate <= high)].sum()
        assert inside >= 0.95 - 1e-9, rate
        assert inside <= 0.97 or rate * n < 30, rate


@pytest.mark.parametrize("n_seats", [1, 2, 4])
@pytest.mark.parametrize("rate", [0.002, 0.02, 0.3])
def test_seats_that_share_their_market_do_not_count_twice_in_a_rate(n_seats, rate):
    rng = np.random.default_rng(22)
    intervals = []
    for _ in range(N_STUDIES):
        common = rng.random((1000, 1)) < 0.7  # else the seats differ
        draws = rng.random((1000, n_seats))
        games = np.where(common, draws[:, :1], draws) < rate
        plain = delta_interval(lambda m: m["x"], Tally.of({"x": games.mean(1)}))
        intervals.append(rate_interval(plain, 1000))
    held = coverage(rate, intervals)
    assert held >= 0.935
    assert held <= 0.97 or rate * 1000 < 30  # events are whole numbers


@pytest.mark.parametrize("n_seeds", [3, 5, 10])
def test_rates_of_seeds_hold_95_times_in_100(n_seeds):
    rng = np.random.default_rng(23)
    intervals = []
    for _ in range(N_STUDIES):
        rates = rng.beta(20, 180, (n_seeds, 1))
        games = (rng.random(400) < rates).astype(float)  # a game ruins the rashest seeds
        plain = over_seeds(*estimates(games))
        intervals.append(rate_interval(plain, 400))
    assert 0.93 <= coverage(0.1, intervals) <= 0.98  # a rate's are a little long


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


@pytest.mark.parametrize("n_seats", [1, 2, 4])
@pytest.mark.parametrize("correlation", [0.0, 0.6, 1.0])
def test_the_interval_of_a_quantile_holds_it_95_times_in_100_whatever_the_seats_share(
    n_seats, correlation
):
    rng = np.random.default_rng(10)
    common, own = rng.normal(size=(1000, 1000, 1)), rng.normal(size=(1000, 1000, n_seats))
    falls = np.exp(correlation**0.5 * common + (1 - correlation) ** 0.5 * own)
    intervals = [histogram_interval(Histogram.of(study), 0.95) for study in falls]
    assert 0.93 <= coverage(np.exp(stats.norm.ppf(0.95)), intervals) <= 0.97


def test_the_rank_variance_is_that_of_the_share_of_a_games_seats():
    rng = np.random.default_rng(24)
    values = rng.exponential(1, (500, 1)) + rng.exponential(1, (500, 3))
    histogram = Histogram.of(values[:200]) + Histogram.of(values[200:])
    below = (values <= np.quantile(values, 0.8)).mean(1)
    assert histogram.n_games == 500
    assert histogram.rank_variance(0.8) == pytest.approx(below.var() / 500, rel=0.05)


# Runs and tasks


def test_the_interquartile_mean_is_the_mean_of_the_middle_half():
    scores = np.array([-50.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 100.0])
    assert trimmed(scores)[0] == 2.5


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


def test_the_trimmed_mean_of_three_is_their_mean():
    values = np.array([1.0, 2.0, 6.0])
    assert trimmed(values) == (3, pytest.approx(values.var(ddof=1) / 3), 2)
    ordered = np.array([-9.0, 1.0, 2.0, 9.0])
    centre, variance, degrees = trimmed(ordered)  # counts as 1, 1, 2, 2
    assert (centre, degrees) == (1.5, 1)
    assert variance == pytest.approx(np.var([1, 1, 2, 2], ddof=1) * 3 / (2 * 1))


def test_the_median_lies_between_order_statistics():
    five = np.array([3.0, 1.0, np.inf, 2.0, 8.0])
    assert median_interval(five) == (3, 1, np.inf)
    assert median_interval(five[:4]) == (2.5, None, None)
    assert median_interval(np.array([1.0, np.inf])).mean == np.inf
    # Of ten: from between the second and the third, which hold 97.9 and 89.1%, at the share 0.5139
    # of Hettmansperger & Sheather's formula.
    low, high = median_interval(np.arange(1.0, 11.0))[1:]
    assert low == pytest.approx(2 + 8 * 0.3242 / (2 + 6 * 0.3242), abs=1e-3)
    assert low + high == pytest.approx(11)
