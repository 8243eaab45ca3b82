"""PPO on small markets whose best play is known."""

import pytest

from tests.agents.small_trainings import CERTAIN, match


def test_where_every_order_loses_it_learns_to_pass(two):
    # The mid is the mean itself: each order pays half the spread, and impact on top.
    params, state = two.start(sigma_q=0)
    _, first = two.run(params, state)
    assert first["trade_rate"] > 0.8
    state, _ = two.run(params, state, 60)
    own, best = match(two, params, state)
    assert best.trades.sum() == 0
    assert own.trades.mean() / 10 < 0.01
    assert own.expected_pnl.mean() > -0.05


def test_where_the_edge_is_plain_and_depth_endless_it_learns_to_take_it_all(two):
    params, state = two.start(**CERTAIN, **{"flags.enable_impact": False})
    state, _ = two.run(params, state, 60)
    own, best = match(two, params, state)
    assert best.units.sum() / best.trades.sum() > 9.9
    assert own.expected_pnl.mean() >= 0.95 * best.expected_pnl.mean() > 100


@pytest.mark.slow
def test_where_depth_is_known_it_learns_to_take_no_more(single):
    # Each unit past the fourth costs all five, six, … of them four points more: four is the size of
    # every round.
    depth = {"liquidity.min": 4, "liquidity.max": 4, "alpha": 4}
    params, state = single.start(**CERTAIN, **depth)
    state, _ = single.run(params, state, 60)
    own, best = match(single, params, state)
    assert 4 <= best.units.sum() / best.trades.sum() < 4.3
    assert own.expected_pnl.mean() >= 0.9 * best.expected_pnl.mean() > 50
    assert own.units.sum() / own.trades.sum() < 6
