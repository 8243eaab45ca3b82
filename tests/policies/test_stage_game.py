import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom

from cardjax.env import make_params
from cardjax.policies import Equilibrium, RandomValid, joint_payoff, symmetric_equilibrium
from cardjax.policies.stage_game import NOBODY, binomial_mean, expected_pnl, flow_of, flow_of_others

MARKETS = {
    "default": make_params(),
    "small_cap": make_params(**{"liquidity.cap": 2.5}),
    "cap_below_min": make_params(**{"liquidity.cap": 1, "liquidity.tau": 1.2}),
    "no_alpha": make_params(alpha=0),
    "no_impact": make_params(**{"flags.enable_impact": False}),
    "poor": make_params(initial_wealth=60, sigma_q=3),
    "wild": make_params(
        alpha=1, sigma_q=2, **{"liquidity.cap": 2.5, "spread.min": 0, "spread.s0": 0}
    ),
    "shallow": make_params(
        alpha=0.03,
        **{"liquidity.min": 0, "liquidity.max": 4, "liquidity.cap": 1, "spread.min": 0.2},
    ),
}
equilibrium_of = jax.jit(symmetric_equilibrium, static_argnums=2)
joint_of = jax.jit(joint_payoff, static_argnums=2)
alone = jax.jit(lambda params, view: expected_pnl(params, view, NOBODY))
probabilities_of = jax.jit(Equilibrium().action_probabilities)


against_one = jax.jit(lambda params, view, p: expected_pnl(params, view, flow_of(p, 1)))
against_two = jax.jit(lambda params, view, p: expected_pnl(params, view, flow_of(p, 2)))


def best_valid(value, view):
    return np.where(view.action_mask, value, -np.inf).max(-1)


def payoff_scale(value):
    """float32's rounding grows with the payoffs it rounds."""
    return 1e-5 + 1e-6 * np.abs(value).max(-1)


@pytest.mark.parametrize("market", ["default", "small_cap", "cap_below_min", "no_impact", "wild"])
def test_expected_pnl_equals_enumeration_for_two(reference, views, market):
    params = MARKETS[market]
    view = jax.tree.map(lambda x: x[:40:8], views(2, params))
    p = np.random.default_rng(0).dirichlet(np.full(21, 0.3), 5).astype(np.float32)
    got = against_one(params, view, p)
    for i in range(5):
        want = reference.enumerated_pnl(params, jax.tree.map(lambda x, i=i: x[i], view), p[i], 1)
        np.testing.assert_allclose(got[i], want, atol=1e-4)


def test_expected_pnl_equals_enumeration_for_three(reference, views):
    params = MARKETS["small_cap"]
    view = jax.tree.map(lambda x: x[5], views(3, params))
    p = np.random.default_rng(1).dirichlet(np.full(21, 0.3)).astype(np.float32)
    np.testing.assert_allclose(
        against_two(params, view, p), reference.enumerated_pnl(params, view, p, 2), atol=1e-4
    )


@pytest.mark.parametrize("market", MARKETS)
def test_expected_pnl_equals_the_float64_reference(reference, views, market):
    params, view = MARKETS[market], views(2, MARKETS[market])
    passing = np.eye(21)[np.zeros(len(view.bid), int)]
    want = reference.expected_pnl(params, view, passing, 1)
    np.testing.assert_allclose(alone(params, view), want, atol=1e-4, rtol=1e-5)


def test_flow_of_equals_enumeration():
    p = np.random.default_rng(2).dirichlet(np.ones(21))
    got = flow_of(jnp.asarray(p, jnp.float32), 2)
    want = np.zeros((2, 21))
    for a, b in itertools.product(range(21), repeat=2):
        want[0, sum(x for x in (a, b) if x <= 10)] += p[a] * p[b]
        want[1, sum(x - 10 for x in (a, b) if x > 10)] += p[a] * p[b]
    np.testing.assert_allclose(got, want, atol=1e-6)
    np.testing.assert_array_equal(flow_of(jnp.asarray(p, jnp.float32), 0), NOBODY)


def test_flow_of_others_equals_enumeration_for_players_with_laws_of_their_own():
    p = np.random.default_rng(5).dirichlet(np.full(21, 0.3), 3)
    got = flow_of_others(jnp.asarray(p, jnp.float32))
    want = np.zeros((3, 2, 21))
    for i, (a, b) in itertools.product(range(3), itertools.product(range(21), repeat=2)):
        chance = p[(i + 1) % 3, a] * p[(i + 2) % 3, b]
        want[i, 0, sum(x for x in (a, b) if x <= 10)] += chance
        want[i, 1, sum(x - 10 for x in (a, b) if x > 10)] += chance
    np.testing.assert_allclose(got, want, atol=1e-6)
    np.testing.assert_array_equal(
        flow_of_others(jnp.ones((4, 1, 21))), np.broadcast_to(NOBODY, (4, 1, 2, 1))
    )


@pytest.mark.parametrize(
    ("market", "n_players"),
    [
        *itertools.product(MARKETS, [2]),
        ("default", 3),
        ("wild", 3),
        ("default", 4),
        ("shallow", 4),
        ("poor", 4),
    ],
)
def test_nobody_gains_by_leaving_the_equilibrium(reference, views, market, n_players):
    params = MARKETS[market]
    view, value, played = at_equilibrium(reference, views, params, n_players)
    assert (best_valid(value, view) - played).max() < 1e-5
    mix = equilibrium_of(params, view, n_players)
    assert (np.abs(played - mix.payoff) < payoff_scale(value)).all()
    joint = np.asarray(joint_of(params, view, n_players), np.float64)
    assert (joint >= n_players * played - n_players * payoff_scale(value)).all()


@pytest.mark.parametrize("n_players", [2, 3])
@pytest.mark.parametrize(
    "changes", [{"alpha": 3}, {"liquidity.tau": 5}, {"alpha": 3, "liquidity.tau": 5}]
)
def test_in_rough_markets_the_gain_stays_small_beside_alpha(reference, views, changes, n_players):
    """Above 1e-5 points there: what float32 rounds is multiplied by alpha."""
    params = make_params(**changes)
    view, value, played = at_equilibrium(reference, views, params, n_players)
    assert (best_valid(value, view) - played).max() < 5e-5 * float(params.alpha)


def at_equilibrium(reference, views, params, n_players):
    """Many rounds, what each action is worth in them where the others play the equilibrium [n, 21],
    and what the equilibrium earns [n], points.
    """
    view = views(n_players, params, seed=1)
    assert len(view.bid) > 20_000
    p = np.asarray(probabilities_of(params, view), np.float64)
    np.testing.assert_allclose(p.sum(-1), 1, atol=1e-6)
    assert (p[~view.action_mask] == 0).all()
    value = reference.expected_pnl(params, view, p, n_players)
    return view, value, (p * value).sum(-1)


def test_mixes_in_about_two_percent_of_the_default_rounds(play):
    games = play(Equilibrium(), 2, MARKETS["default"], 2)
    mix = equilibrium_of(MARKETS["default"], games.view, 2)
    assert 0.005 < float((mix.p_more > 0).mean()) < 0.05


@pytest.mark.parametrize("market", MARKETS)
def test_one_player_alone_plays_the_optimum(views, market):
    params, view = MARKETS[market], views(1, MARKETS[market])
    value = np.asarray(alone(params, view))
    p = np.asarray(probabilities_of(params, view))
    assert (p.max(-1) == 1).all()
    best = best_valid(value, view)
    np.testing.assert_allclose((p * value).sum(-1), best, atol=2e-6, rtol=1e-6)
    np.testing.assert_allclose(equilibrium_of(params, view, 1).payoff, best, atol=2e-6, rtol=1e-6)
    np.testing.assert_allclose(joint_of(params, view, 1), best, atol=2e-6, rtol=1e-6)


def test_joint_payoff_is_the_best_total(reference, views):
    params = MARKETS["shallow"]
    view = jax.tree.map(lambda x: x[:200], views(3, params))
    got = joint_of(params, view, 3)
    side = np.asarray(view.bid - view.mu > view.mu - view.ask)
    edge = np.where(side, view.bid - view.mu, view.mu - view.ask).astype(np.float64)
    shown = np.where(side, view.displayed_bid, view.displayed_ask)
    table = reference.overflow_table(shown, view.sigma, view.spread, reference.Depth.of(params), 30)
    n_valid = np.where(side, view.action_mask[:, 11:].sum(1), view.action_mask[:, 1:11].sum(1))
    for i in range(200):
        want = max(
            q * (edge[i] - float(params.alpha) * table[i, q]) for q in range(3 * n_valid[i] + 1)
        )
        assert abs(float(got[i]) - want) < 1e-5


def test_two_players_mix_where_no_symmetric_size_is_pure(hand_made):
    """Depth 2, alpha 1, edge 1.7. gain(1; 1) = 1.7, gain(2; 1) = 1.7 − 2 · 1 < 0: pure 1. At 2.3
    the second pays while the other takes 1 (2.3 − 2) and not while it takes 2 (2.3 − (2 · 2 − 1)):
    0.3 − p = 0."""
    params = make_params(alpha=1)
    view = hand_made(mu=24, ask=22.3, bid=20, displayed_ask=2.0)
    assert [float(x) for x in symmetric_equilibrium(params, view, 2)] == pytest.approx([1, 0, 1.7])
    view = hand_made(mu=24, ask=21.7, bid=20, displayed_ask=2.0)
    mix = symmetric_equilibrium(params, view, 2)
    assert int(mix.size) == 1
    assert float(mix.p_more) == pytest.approx(0.3, abs=1e-5)
    assert float(mix.payoff) == pytest.approx(2.3 - 0.3, abs=1e-5)


def test_binomial_mean():
    rng = np.random.default_rng(3)
    values, p = rng.normal(size=(50, 5)), rng.uniform(size=50)
    want = [(binom.pmf(np.arange(5), 4, p[i]) * values[i]).sum() for i in range(50)]
    np.testing.assert_allclose(
        binomial_mean(jnp.asarray(values, jnp.float32), jnp.asarray(p, jnp.float32)),
        want,
        atol=1e-6,
    )


def test_what_the_market_pays_is_what_the_stage_game_expects(play):
    """The law of hidden depth is the market's own: mean expected_pnl of play against the payoffs
    predicted for it.
    """
    params = make_params(reward="expected_pnl", **{"liquidity.cap": 3})
    games = [play(Equilibrium(), 2, params, seed) for seed in range(8)]
    surprises = [game.reward - equilibrium_of(params, game.view, 2).payoff for game in games]
    surprise = np.concatenate(surprises, 1).sum(0).mean(-1, dtype=np.float64)
    assert abs(surprise.mean()) < 4 * surprise.std() / np.sqrt(len(surprise))


def test_benchmarks_of_the_default_game(play):
    """About 3.0 points per game for one player and 2.5 to 2.6 for each of two."""
    params = MARKETS["default"]
    view = play(Equilibrium(), 2, params, 2).view
    one, two = (
        10 * float(joint_of(params, view, 1).mean()),
        10 * float(equilibrium_of(params, view, 2).payoff.mean()),
    )
    assert one == pytest.approx(3.0, abs=0.15)
    assert two == pytest.approx(2.55, abs=0.15)


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_shapes_and_dtypes(hand_made, shape):
    def outputs(view):
        value = expected_pnl(
            params, view, flow_of(RandomValid().action_probabilities(params, view), 1)
        )
        return value[..., 0], joint_payoff(params, view, 2), *symmetric_equilibrium(params, view, 2)

    params = make_params()
    results = jax.eval_shape(
        outputs, jax.tree.map(lambda x: jnp.broadcast_to(x, shape + x.shape), hand_made())
    )
    assert all(x.shape == shape and not x.weak_type for x in results)
    assert [x.dtype.name for x in results] == ["float32", "float32", "int32", "float32", "float32"]
