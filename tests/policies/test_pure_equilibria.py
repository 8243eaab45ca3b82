"""The closed form of all pure equilibria against a search through every profile of sizes."""

import itertools

import jax
import numpy as np
import pytest

from cardjax.env import make_params
from cardjax.policies import joint_payoff, pure_equilibria, symmetric_equilibrium

MARKETS = {
    "default": make_params(),
    "hidden_depth": make_params(**{"liquidity.cap": 2.5}),
    "poor": make_params(initial_wealth=60, sigma_q=3),
    "no_impact": make_params(**{"flags.enable_impact": False}),
    "steep": make_params(alpha=1, sigma_q=2, **{"liquidity.cap": 4}),
}
N_SEARCHED = 300
extremes = jax.jit(pure_equilibria, static_argnums=2)
symmetric = jax.jit(symmetric_equilibrium, static_argnums=2)
joint = jax.jit(joint_payoff, static_argnums=2)


def searched(reference, params, view, n_players, tolerance):
    """(worst, best) mean payoff over all profiles in which nobody gains more than `tolerance` by
    another size, [n] each, in float64.
    """
    alpha = float(params.alpha) * bool(params.flags.enable_impact)
    buys = view.mu - view.ask > view.bid - view.mu
    edge = np.where(buys, view.mu - view.ask, view.bid - view.mu).astype(np.float64)
    shown = np.where(buys, view.displayed_ask, view.displayed_bid)
    n_valid = np.where(buys, view.action_mask[:, 1:11].sum(-1), view.action_mask[:, 11:].sum(-1))
    law = reference.Depth.of(params)
    cost = alpha * reference.overflow_table(shown, view.sigma, view.spread, law, 10 * n_players)

    sizes = np.arange(11)
    others = np.arange(10 * (n_players - 1) + 1)
    payoff = sizes[:, None] * (edge[:, None, None] - cost[:, sizes[:, None] + others])
    payoff = np.where(sizes[:, None] <= n_valid[:, None, None], payoff, -np.inf)
    fine = payoff >= payoff.max(1, keepdims=True) - tolerance

    worst, best = np.full(len(edge), np.inf), np.full(len(edge), -np.inf)
    for profile in itertools.product(sizes, repeat=n_players):
        rest = sum(profile) - np.array(profile)
        stable = fine[:, profile, rest].all(-1)
        mean = payoff[:, profile, rest].mean(-1)
        worst = np.where(stable, np.minimum(worst, mean), worst)
        best = np.where(stable, np.maximum(best, mean), best)
    return worst, best


@pytest.mark.parametrize("n_players", [2, 3])
@pytest.mark.parametrize("market", MARKETS)
def test_the_ends_are_those_of_a_search_through_all_profiles(reference, views, market, n_players):
    params = MARKETS[market]
    everything = views(n_players, params, seed=8)
    worth = np.maximum(everything.mu - everything.ask, everything.bid - everything.mu) > 0
    view = jax.tree.map(lambda x: x[np.flatnonzero(worth)[:N_SEARCHED]], everything)
    strict, lax = (searched(reference, params, view, n_players, t) for t in (1e-9, 1e-4))
    # Where a hundred-thousandth of a point decides, float32 cannot.
    clear = (np.abs(np.array(strict) - np.array(lax)) < 1e-9).all(0)
    assert clear.mean() > 0.9
    got = extremes(params, view, n_players)
    np.testing.assert_allclose(np.array(got.worst)[clear], strict[0][clear], atol=1e-4, rtol=1e-5)
    np.testing.assert_allclose(np.array(got.best)[clear], strict[1][clear], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(
    ("market", "n_players"),
    [("default", 3), ("poor", 4), pytest.param("steep", 16, marks=pytest.mark.slow)],
)
def test_there_always_is_one_and_it_pays_no_more_than_playing_together(views, market, n_players):
    params = MARKETS[market]
    view = views(n_players, params, seed=9)
    ends = extremes(params, view, n_players)
    assert np.isfinite(ends.worst).all() and np.isfinite(ends.best).all()
    assert (ends.worst <= ends.best).all() and (np.array(ends.worst) >= -1e-4).all()
    assert (n_players * ends.best <= np.array(joint(params, view, n_players)) + 1e-3).all()


def test_alone_both_ends_are_the_optimum(views):
    view = views(1, seed=10)
    ends, optimum = extremes(MARKETS["default"], view, 1), joint(MARKETS["default"], view, 1)
    np.testing.assert_allclose(ends.best, optimum, atol=1e-5)
    np.testing.assert_allclose(ends.worst, optimum, atol=1e-5)


def test_a_symmetric_pure_equilibrium_pays_what_the_asymmetric_ones_do(views):
    """All have one total, but for ties; only where the symmetric one mixes does another pay
    more.
    """
    params = MARKETS["default"]
    view = views(2, params, seed=11)
    ends, mix = extremes(params, view, 2), symmetric(params, view, 2)
    pure = np.array(mix.p_more == 0)
    close = np.abs(np.array(ends.best) - np.array(mix.payoff)) < 1e-4
    assert close[pure].mean() > 0.999
    assert not close[~pure].all() and (~pure).any()


def test_three_players_of_a_depth_of_twenty(hand_made):
    """7 + 7 + 6 fill a depth of 20 at the price that is quoted; the symmetric equilibrium mixes."""
    view = hand_made(mu=25.5, sigma=0.0, displayed_ask=20.0, others_last=[0, 0])
    params = make_params(**{"liquidity.cap": 30.0, "liquidity.max": 30.0})
    ends, mix = extremes(params, view, 3), symmetric(params, view, 3)
    assert float(ends.best) == pytest.approx(20 * 0.5 / 3)
    assert float(ends.worst) == pytest.approx(float(ends.best))
    assert float(mix.p_more) > 0 and float(mix.payoff) < 0.98 * float(ends.best)
