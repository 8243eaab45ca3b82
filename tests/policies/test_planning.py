"""The single game over wealth: the distribution of S by enumeration, and values against closed
forms and played games.
"""

import contextlib
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from cardjax.env import N_ROUNDS, CardMarket, ParameterError, make_params, posterior, remap_event
from cardjax.env.cards import hint_counts
from cardjax.env.events import EVENTS
from cardjax.evaluation.evaluate import Player, evaluate
from cardjax.evaluation.match import Seats, play_games
from cardjax.policies import BestResponse, make_policy
from cardjax.policies.planning.outcomes import expected_log_growth, sum_distribution
from cardjax.policies.planning.wealth import WealthParams, WealthPlanner
from cardjax.policies.planning.wealth_value import WealthValue, myopic_value, solve, value_at
from cardjax.policies.policy import prepared

pytestmark = pytest.mark.usefixtures("optimised")

KEY = jax.random.key(11)
RICH = make_params(initial_wealth=1e6)
POOR = make_params(initial_wealth=25.0, hints=0, sigma_q=2.0, **{"flags.enable_impact": False})
"""A unit or two at a time: here planning gains most, half a percent over the myopic optimum."""


@functools.cache
def solved(objective, wealth=None):
    params = POOR if wealth is None else make_params(initial_wealth=wealth)
    return solve(params, objective, KEY, n_draws=1024, n_wealth=65)


@functools.partial(jax.jit, static_argnums=0)
def chosen(objective, params, value, view):
    return WealthPlanner(objective).choose(WealthParams(params, value), view)


# The distribution of S


def enumerated(event, ranks):
    """P(S = s) by going through every way to draw the cards that are not shown."""
    deck = [rank for rank in range(13) if EVENTS.eligible[event, rank] for _ in range(4)]
    for rank in ranks:
        deck.remove(rank - 2)
    value = EVENTS.value[event].astype(int)
    rest = itertools.combinations(value[deck], 3 - len(ranks))
    sums = [sum(cards) + sum(value[rank - 2] for rank in ranks) for cards in rest]
    return np.bincount(sums, minlength=43) / len(sums)


@pytest.mark.parametrize(
    ("event", "ranks"),
    [
        (0, ()),
        (0, (2,)),
        (0, (14, 14)),
        (0, (2, 14, 9)),
        (0, (5, 5, 5)),
        (1, ()),
        (1, (10, 10)),
        (2, (7,)),
        (3, (2, 8)),
        (4, ()),
        (4, (13, 13, 3)),
        (remap_event(2, 14), ()),
        (remap_event(14, 2), (14,)),
        (remap_event(7, 8), (7, 8)),
        (remap_event(9, 3), (9, 9, 9)),
    ],
)
def test_the_law_of_s_is_that_of_every_draw(event, ranks):
    counts = np.bincount(np.array(ranks, int) - 2, minlength=13)
    np.testing.assert_allclose(sum_distribution(event, counts), enumerated(event, ranks), atol=3e-7)


def test_the_law_of_s_has_the_posteriors_moments():
    rng = np.random.default_rng(0)
    event = rng.integers(0, 161, 4096)
    decks = [np.repeat(np.arange(2, 15), 4 * EVENTS.eligible[e]) for e in event]
    ranks = np.stack([rng.choice(deck, 3, replace=False) for deck in decks])
    counts = hint_counts(jnp.asarray(ranks), jnp.asarray(rng.integers(0, 4, 4096)))
    distribution = np.asarray(jax.jit(sum_distribution)(event, counts), np.float64)
    mu, sigma = posterior(event, counts)
    mean = distribution @ np.arange(43)
    np.testing.assert_allclose(distribution.sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(mean, mu, atol=1e-4)
    np.testing.assert_allclose(
        np.sqrt((distribution * (np.arange(43) - mean[:, None]) ** 2).sum(-1)), sigma, atol=1e-3
    )
    assert (distribution >= 0).all()


# Decisions


def alone(hand_made, ranks, **leaves):
    """A View of the single game in which cards of these ranks are shown."""
    counts = np.bincount(np.array(ranks, int) - 2, minlength=13)
    mu, sigma = posterior(leaves.get("event", 0), counts)
    return hand_made(
        hints=[*ranks, 0, 0, 0][:3], mu=mu, sigma=sigma, others_last=np.zeros(0), **leaves
    )


@pytest.mark.slow
def test_a_budget_without_end_leaves_the_optimum_of_each_round(views):
    view = jax.tree.map(lambda leaf: leaf[:8192], views(1, RICH))
    best = jax.jit(BestResponse().choose)(RICH, view)
    assert (np.asarray(best) > 0).mean() > 0.05
    for value in (solved("pnl", 1e6), myopic_value(RICH)):
        np.testing.assert_array_equal(chosen("pnl", RICH, value, view), best)


def test_what_a_wealth_is_worth_later_decides(hand_made):
    # S = 26 for sure, the ask is 25, and depth 8: each of eight units earns 1. Wealth beyond 504
    # costs more later on.
    view = alone(hand_made, (2, 10, 14))
    grid = jnp.linspace(0, 1000, 251)
    peak = jnp.broadcast_to(-5 * jnp.maximum(grid - 504, 0), (N_ROUNDS + 1, 6, 251))
    params = make_params()
    assert chosen("pnl", params, myopic_value(params, 251), view) == 8
    assert chosen("pnl", params, WealthValue(peak, grid), view) == 4


def test_log_wealth_is_that_of_every_draw(hand_made):
    view = alone(
        hand_made,
        (10, 10),
        bid=27.5,
        ask=28.0,
        displayed_bid=1,
        displayed_ask=1,
        wealth=60,
        s_max=42,
    )
    distribution = enumerated(0, (10, 10))
    params = make_params()
    player = WealthPlanner("log_wealth")
    gain = np.asarray(jax.jit(player.gain)(WealthParams(params, myopic_value(params)), view))
    for size in range(1, 3):
        pnl = size * (np.arange(43) - 28.0 - 0.3 * (size - 1))
        np.testing.assert_allclose(
            gain[size], distribution @ np.log(np.maximum(60 + pnl, 1) / 60), atol=1e-6
        )
        pnl = size * (27.5 - 0.3 * (size - 1) - np.arange(43))
        np.testing.assert_allclose(
            gain[10 + size], distribution @ np.log(np.maximum(60 + pnl, 1) / 60), atol=1e-6
        )
    assert gain[0] == 0


def test_wealth_below_one_point_counts_as_one():
    distribution, pnl = jnp.array([0.5, 0.5]), jnp.array([[-9.0, 10.0]])
    np.testing.assert_allclose(
        expected_log_growth(distribution, pnl, jnp.float32(5)),
        [(np.log(1 / 5) + np.log(3)) / 2],
        1e-6,
    )
    np.testing.assert_allclose(
        expected_log_growth(distribution, pnl, jnp.float32(-20)), [0], atol=1e-7
    )


# Values


def test_a_rich_player_who_knows_s_earns_ten_units_of_every_edge():
    # sigma = 0: depth is 20 and the spread 1, so a round is worth 10 · E[(|eps| − 1/2)⁺], with eps
    # of deviation 1/2.
    params = make_params(RICH, hints=3)
    value = solve(params, "pnl", KEY, n_draws=1024, n_wealth=65)
    round_worth = 10 * (norm.pdf(1) - norm.cdf(-1))
    worth = [float(value_at(value, t, 0, 1e6)) for t in range(N_ROUNDS + 1)]
    np.testing.assert_allclose(worth, round_worth * np.arange(N_ROUNDS, -1, -1), rtol=0.01)


def test_nothing_is_earned_in_debt_or_after_the_last_round():
    value = solved("pnl", 100.0)
    assert (np.asarray(value_at(value, np.arange(N_ROUNDS), 0, -0.5)) == 0).all()
    assert (np.asarray(value.value[N_ROUNDS]) == 0).all()
    # Without a point one can still sell at a bid above S_max: all cards shown, and all the highest.
    assert 0 < value_at(value, 0, 0, 0.0) < 0.1


@pytest.mark.parametrize("objective", ["pnl", pytest.param("log_wealth", marks=pytest.mark.slow)])
def test_more_wealth_is_better_and_so_are_more_rounds(objective):
    value = solved(objective, 100.0)
    to_come, grid = np.asarray(value.value), np.asarray(value.grid)
    total = to_come + (np.log(np.maximum(grid, 1)) if objective == "log_wealth" else 0)
    assert np.diff(total, axis=-1).min() > -2e-5
    assert np.diff(to_come[1:], axis=0).max() < 1e-6


def test_without_events_all_rounds_are_of_one_kind():
    params = make_params(**{"flags.enable_events": False})
    value = solve(params, "pnl", KEY, n_draws=1024, n_wealth=65)  # compiled for the others
    np.testing.assert_array_equal(
        np.asarray(value.value), np.broadcast_to(value.value[:, :1], value.value.shape)
    )


# Played games


@functools.partial(jax.jit, static_argnums=(0, 3))
def earned(objective, params, value, n_games):
    """Each game's sum of rewards; expected pnl for pnl, which has the same mean."""
    seat = Seats(WealthPlanner(objective), WealthParams(params, value), 1)
    totals = play_games(CardMarket(1), [seat], params, jax.random.key(3), n_games)
    if objective == "pnl":
        return totals.expected_pnl[:, 0]
    return jnp.log(jnp.maximum(params.initial_wealth + totals.pnl[:, 0], 1) / params.initial_wealth)


@pytest.mark.parametrize(
    ("objective", "wealth", "n_games"),
    [
        ("pnl", 100.0, 8192),
        pytest.param("pnl", None, 32_768, marks=pytest.mark.slow),
        pytest.param("log_wealth", 100.0, 8192, marks=pytest.mark.slow),
    ],
)
def test_the_value_is_what_its_policy_earns_and_no_less_than_the_myopic_optimum(
    objective, wealth, n_games
):
    params = POOR if wealth is None else make_params(initial_wealth=wealth)
    value = solved(objective, wealth)
    values = (value, myopic_value(params, n_wealth=65))
    planned, myopic = (
        np.asarray(earned(objective, params, v, n_games), np.float64) for v in values
    )
    gain = planned - myopic
    error, error_of_gain = (x.std() / n_games**0.5 for x in (planned, gain))
    predicted = float(value_at(value, 0, 0, params.initial_wealth))
    assert abs(predicted - planned.mean()) < 3.5 * error + 0.01 * planned.mean()
    # With 100 points the plan is worth less than these games can tell; the poorer player's shows.
    assert gain.mean() > (3 if wealth is None else -3) * error_of_gain


# By name


def test_the_planner_is_a_policy_by_name_that_is_solved_before_it_plays():
    assert make_policy("planner:wealth") == WealthPlanner("pnl")
    assert make_policy("planner:log_wealth") == WealthPlanner("log_wealth")
    assert prepared(BestResponse(), POOR) is POOR


@pytest.mark.parametrize("inventory", [False, True])
def test_a_planner_over_wealth_refuses_units_that_are_carried(inventory):
    market = CardMarket(1, inventory=inventory)
    state = jax.eval_shape(market.reset, jax.random.key(0), POOR)[1]
    params = WealthParams(POOR, myopic_value(POOR, n_wealth=5))

    def choose(state):
        return WealthPlanner().choose(params, market.view(state, POOR))

    refused = pytest.raises(ParameterError, match=r"^env\.inventory = on: must be off")
    with refused if inventory else contextlib.nullcontext():
        assert jax.eval_shape(choose, state).shape == (1,)


@pytest.mark.slow
def test_the_planner_by_name_beats_the_rounds_own_optimum_where_a_budget_binds():
    market = CardMarket(1)
    player = Player(make_policy("planner:wealth"), [None])
    (result,) = evaluate(market, POOR, player, {"self": BestResponse()}, 8192)
    assert 1.0005 < result.score.mean < 1.02
