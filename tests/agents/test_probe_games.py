"""PPO on small markets whose best play is known."""

import dataclasses

import jax
import pytest

from cardjax.evaluation.match import Seats, play_games
from cardjax.policies.equilibrium import Equilibrium

CERTAIN = {
    "hints": 3,
    "sigma_q": 3,
    "flags.enable_events": False,
    "spread.min": 0.1,
    "spread.max": 0.1,
}
"""All three cards are shown, so mu is what they add up to, and quotes are wrong by 3 points: an
easy edge to see.
"""


@pytest.fixture(scope="module")
def match():
    """match(training, params, state): totals of the trained greedy player against itself, and of
    the equilibrium's.
    """

    def play(training, params, state):
        market = dataclasses.replace(training.learner.market, squeeze=False)

        @jax.jit
        def both(params, state, key):
            learner = training.at(params)
            own = Seats(learner.policy(), learner.policy_params(state), market.n_players)
            best = Seats(Equilibrium(), params, market.n_players)
            return [play_games(market, [seats], params, key, 2048) for seats in (own, best)]

        return both(params, state, jax.random.key(99))

    return play


def test_where_every_order_loses_it_learns_to_pass(two, match):
    # The mid is the mean itself: each order pays half the spread, and impact on top.
    params, state = two.start(sigma_q=0)
    _, first = two.run(params, state)
    assert first["trade_rate"] > 0.8
    state, _ = two.run(params, state, 60)
    own, best = match(two, params, state)
    assert best.trades.sum() == 0
    assert own.trades.mean() / 10 < 0.01
    assert own.expected_pnl.mean() > -0.05


def test_where_the_edge_is_plain_and_depth_endless_it_learns_to_take_it_all(two, match):
    params, state = two.start(**CERTAIN, **{"flags.enable_impact": False})
    state, _ = two.run(params, state, 60)
    own, best = match(two, params, state)
    assert best.units.sum() / best.trades.sum() > 9.9
    assert own.expected_pnl.mean() >= 0.95 * best.expected_pnl.mean() > 100


@pytest.mark.slow
def test_where_depth_is_known_it_learns_to_take_no_more(single, match):
    # Each unit past the fourth costs all five, six, … of them four points more: four is the size of
    # every round.
    depth = {"liquidity.min": 4, "liquidity.max": 4, "alpha": 4}
    params, state = single.start(**CERTAIN, **depth)
    state, _ = single.run(params, state, 60)
    own, best = match(single, params, state)
    assert 4 <= best.units.sum() / best.trades.sum() < 4.3
    assert own.expected_pnl.mean() >= 0.9 * best.expected_pnl.mean() > 50
    assert own.units.sum() / own.trades.sum() < 6
