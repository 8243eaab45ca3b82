"""How often the intervals that are printed hold what they should, in simulated games as uneven as
real ones: most rounds are worth nothing, and what a policy loses or a reply gains lies in a few.

benchmarks/interval_coverage.py asks the same of real games.
"""

import numpy as np
import pytest

from cardjax.evaluation.breakdown import FIGURES
from cardjax.evaluation.breakdown import _interval as bin_interval
from cardjax.evaluation.differences import detectable_difference, difference_interval, versus
from cardjax.evaluation.exact_metrics import against_self
from cardjax.evaluation.interpretation import is_told
from cardjax.evaluation.metrics import FOR_FALLS, METRICS, QUANTILES
from cardjax.evaluation.questions import Sums, tallies
from cardjax.evaluation.result import Games, _quantile, interval_of
from cardjax.evaluation.statistics import delta_interval, median_interval
from cardjax.evaluation.tally import Histogram, Tally

N_STUDIES = 400
TRADED, MIXED = 0.135, 0.18
"""The shares of rounds that are worth trading in, and of these where the equilibrium mixes."""


def coverage(truth, intervals):
    return np.mean([interval.low <= truth <= interval.high for interval in intervals])


def holds(truth, intervals, most=0.97):
    """Whether 93 to 97 in 100 hold, as far as so many studies can tell: to two standard errors."""
    intervals = list(intervals)
    slack = 2 * (0.05 * 0.95 / len(intervals)) ** 0.5
    return 0.93 - slack <= coverage(truth, intervals) <= most + slack


def rounds(rng, n_games):
    """What each round is worth to an equilibrium player, [games, 10]."""
    worth = rng.exponential(2, (n_games, 10))
    return worth * (rng.random(worth.shape) < TRADED)


# Exact values


def exact_values(rng, n_games):
    """The columns of `against_self`; TRUTH has what they come to."""
    worth = rounds(rng, n_games)
    mixed = rng.random(worth.shape) < MIXED
    lost = [worth * rng.beta(0.5, 4.5, worth.shape) for _seat in range(2)]
    gained = [worth * rng.uniform(0, 0.4, worth.shape) * mixed for _seat in range(2)]
    values = [(worth - loss).sum(1) for loss in lost]
    replies = [value + gain.sum(1) for value, gain in zip(values, gained, strict=True)]
    better = (0.07 * worth * mixed).sum(1)
    benchmark = worth.sum(1)
    together = (worth * rng.uniform(0, 0.8, worth.shape)).sum(1)
    return {
        "value": np.mean(values, 0),
        "reply": np.mean(replies, 0),
        "benchmark": benchmark,
        "worst": benchmark + better,
        "best": benchmark + better,
        "joint": 2 * benchmark + together,
        "gains": np.mean(gained, 0).sum(1) > 0,
        "strays": np.mean(lost, 0).sum(1) > 0,
        **{f"value_{k}": value for k, value in enumerate(values)},
        **{f"reply_{k}": reply for k, reply in enumerate(replies)},
        **{f"gains_{k}": gain.sum(1) > 0 for k, gain in enumerate(gained)},
    }


EARNED, SCORE, BETTER = 10 * TRADED * 2, 0.9, 1 + MIXED * 0.07
TRUTH = {
    "exploitability": EARNED * MIXED * 0.2,
    "exploitability_share": MIXED * 0.2,
    "exploitability_seat_0": EARNED * MIXED * 0.2,
    "exploitability_seat_1": EARNED * MIXED * 0.2,
    "worst_equilibrium": BETTER,
    "best_equilibrium": BETTER,
    "score_of_worst_equilibrium": SCORE / BETTER,
    "score_of_best_equilibrium": SCORE / BETTER,
    "joint_surplus": 2 * SCORE / 2.4,
    "commons_position": 2 * (SCORE - 1) / 0.4,
}


@pytest.mark.parametrize(
    ("n_games", "n_studies"), [(1500, 400), pytest.param(3000, 300, marks=pytest.mark.slow)]
)
def test_exact_values_hold_from_the_fewest_games_on(n_games, n_studies):
    rng, metrics = np.random.default_rng(30), against_self(2, by_seat=True)
    assert {metric.fewest_games for metric in metrics.values()} == {FOR_FALLS}
    tallies_of = [Tally.of(exact_values(rng, n_games)) for _ in range(n_studies)]
    for name, metric in metrics.items():
        intervals = [interval_of(metric, [tally], tally) for tally in tallies_of]
        assert holds(TRUTH[name], intervals), name


def test_the_commons_positions_that_are_shown_hold():
    """Only those that are known to half of the way are (`interpretation.is_told`): a choice that
    could favour wrong ones.
    """
    name, rng, shown, n_studies = "commons_position", np.random.default_rng(31), [], 0
    metric = against_self(2)[name]
    while len(shown) < 300:
        columns = exact_values(rng, metric.fewest_games)
        # There is so little to gain by playing together that about half of them are shown.
        columns["joint"] = 2 * columns["benchmark"] + 0.08 * (
            columns["joint"] - 2 * columns["benchmark"]
        )
        tally = Tally.of(columns)
        interval = interval_of(metric, [tally], tally)
        n_studies += 1
        if is_told(name, interval[1:]):
            shown.append(interval)
    assert 0.2 < len(shown) / n_studies < 0.8
    assert holds(TRUTH[name] / 0.08, shown)


# Games that make a difference


@pytest.fixture(scope="module")
def seldom():
    """Of a policy that in one game of fifty passes, and else plays the equilibrium: 300 tallies of
    a thousand games, and as many of twenty thousand.
    """
    rng = np.random.default_rng(36)

    def study(n_games):
        benchmark = rounds(rng, n_games).sum(1)
        own = np.where(rng.random(n_games) < 0.02, 0, benchmark)
        return Tally.of({"expected_pnl": own, "benchmark": benchmark, "differs": own != benchmark})

    return [[study(n_games) for _ in range(300)] for n_games in (1000, 20_000)]


@pytest.mark.parametrize("name", ["score", "regret"])
def test_a_policy_that_seldom_errs_needs_more_games(name, seldom):
    metric, truth = METRICS[name], {"score": 0.98, "regret": 0.02 * TRADED * 2}[name]
    few, many = seldom
    intervals = [interval_of(metric, [tally], tally) for tally in few]
    assert {interval[1:] for interval in intervals} == {(None, None)}
    assert coverage(truth, [delta_interval(metric.of, tally) for tally in few]) < 0.93
    told = [interval_of(metric, [tally], tally) for tally in many]
    told = [interval for interval in told if interval.low]
    assert len(told) > 200
    assert holds(truth, told)
    # Of a policy that never differs, nothing is uncertain.
    same = Tally.of(
        {"expected_pnl": np.ones(200), "benchmark": np.ones(200), "differs": np.zeros(200)}
    )
    assert interval_of(metric, [same], same) == (metric.of(same.means),) * 3


def test_two_that_seldom_differ_need_more_games():
    rng = np.random.default_rng(37)
    shared = rounds(rng, 5000).sum(1)
    other = np.where(np.arange(5000) < 199, shared + 1, shared)
    both = np.stack([shared, other])
    pair = versus(both[:1].mean(1), both[1:].mean(1), np.cov(both), 5000)
    few, enough = (pair._replace(n_deciding=n) for n in (199, 200))
    assert difference_interval(few) == (pair.difference, None, None)
    assert difference_interval(enough) == difference_interval(pair)
    assert np.isnan(detectable_difference(few))
    assert few.planned((1, 1), 10_000).n_deciding == 398


# Bins of rounds


def of_kind(rng, n_games, share):
    """Sums of a kind of rounds, which like events comes in runs, as `breakdown.FIGURES` read."""
    worth = rounds(rng, n_games)
    persists = rng.random(worth.shape) < 0.7
    fresh = rng.random(worth.shape) < share
    kind = fresh.copy()
    for t in range(1, 10):
        kind[:, t] = np.where(persists[:, t], kind[:, t - 1], fresh[:, t])
    loss = worth * rng.beta(1, 9, worth.shape)
    luck = rng.normal(0, 5, worth.shape) * (worth > 0)
    sums = {
        "n": np.ones_like(worth),
        "benchmark": worth,
        "expected": worth - loss,
        "payoff": worth - loss,
        "pnl": worth - loss + luck,
        "loss": loss,
    }
    bins = np.where(kind, 0, -1)
    return tallies(bins.T, 1, {name: quantity.T for name, quantity in sums.items()})[0]


def truth_of_kind(name, share):
    worth = TRADED * 2
    return {
        "rounds": share,
        "pnl": SCORE * worth,
        "expected_pnl": SCORE * worth,
        "score": SCORE,
        "loss": 10 * share * (1 - SCORE) * worth,
    }[name]


@pytest.mark.parametrize(("share", "n_games"), [(0.1, 2600), (0.6, 520)])
def test_the_figures_of_a_kind_of_rounds_hold_wherever_they_have_an_interval(share, n_games):
    rng = np.random.default_rng(32)
    studies = [of_kind(rng, n_games, share) for _ in range(N_STUDIES)]
    for name, figure in FIGURES.items():
        intervals = [bin_interval(figure, [sums]) for sums in studies]
        told = [interval for interval in intervals if interval.low is not None]
        assert len(told) > 0.95 * N_STUDIES
        assert holds(truth_of_kind(name, share), told, 0.98 if figure.is_rate else 0.97), name


def test_hundreds_of_rounds_say_little_where_few_are_traded():
    rng = np.random.default_rng(33)
    sums = of_kind(rng, 1000, 0.03)
    assert sums.n_rounds > 250 > 2 * sums.games_with["loss"]
    assert bin_interval(FIGURES["score"], [sums])[1:] == (None, None)
    assert isinstance(sums + sums, Sums)


# Percentiles of several seeds


@pytest.mark.parametrize(("n_seeds", "of_seeds"), [(3, 0.02), (5, 0.2)])
def test_the_percentiles_of_seeds_hold(n_seeds, of_seeds):
    rng, n_games = np.random.default_rng(34), 1000
    (name, *_), intervals = QUANTILES, []
    nothing = Tally.of({"x": np.zeros(n_games)})
    for _ in range(1000):
        game = rng.normal(0, 0.8, (1, n_games, 1))  # what all seeds and both seats share
        own = rng.normal(0, 0.6, (n_seeds, n_games, 2))
        falls = np.exp(game + own + rng.normal(0, of_seeds, (n_seeds, 1, 1)))
        seeds = [Games(nothing, {name: Histogram.of(seed)}) for seed in falls]
        together = Histogram.of(np.moveaxis(falls, 0, 1).reshape(n_games, -1))
        intervals.append(_quantile(name, seeds, Games(nothing, {name: together})))
    truth = np.exp(1.6448536 + of_seeds**2 / 2)
    assert holds(truth, intervals)


# Seeds of which some never get there


@pytest.mark.parametrize("n_seeds", [5, 6, 7, 10, 20])
@pytest.mark.parametrize("never", [0, 0.3])
def test_the_median_holds_whatever_the_distribution_and_if_some_are_infinite(n_seeds, never):
    rng = np.random.default_rng(35)
    needed = rng.exponential(1, (2000, n_seeds)) + 1
    needed[rng.random(needed.shape) < never] = np.inf
    median = 1 - np.log(1 - 0.5 / (1 - never))
    assert holds(median, map(median_interval, needed))
