"""Luck and decision are told apart, and each cause is named with its number."""

import types

import pytest

from cardjax.play import OrderRecord, RoundRecord, explain, parts_of, why_invalid
from cardjax.play.words import side_of, size_of

MU, ASK, BID = 24.0, 23.5, 22.5


def record(
    *actions,
    S=24.0,
    mu=MU,
    sigma=5.0,
    depth=10.0,
    best=0,
    best_value=0.0,
    wealth=500.0,
    requested=None,
    alpha=0.3,
):
    """A round at ask 23.5 and bid 22.5 with the same depth on both sides, settled here by the
    rules.
    """
    flow = {
        side: sum(size_of(a) for a in actions if side_of(a) == side)
        for side in ("buy", "sell", "pass")
    }

    def order(seat, action):
        side, size = side_of(action), size_of(action)
        slippage = alpha * max(0, flow[side] - depth) if size else 0.0
        price = 0.0 if not size else ASK + slippage if side == "buy" else BID - slippage
        signed = -size if side == "sell" else size
        expected = signed * (mu - price)
        return OrderRecord(
            requested=action if requested is None or seat else requested,
            action=action,
            rejected=requested is not None and seat == 0,
            side=side,
            size=size,
            exec_price=price,
            slippage=slippage,
            fill_ratio=1.0,
            pnl=signed * (S - price),
            expected_pnl=expected,
            wealth_before=wealth,
            wealth_after=0.0,
            action_values=(0.0,) * 21,
            value=expected,
            best_reply=best,
            best_reply_value=best_value,
            benchmark=((best, 1.0),),
            benchmark_value=best_value,
        )

    def affordable(action):
        return size_of(action) * (ASK if action <= 10 else 42 - BID) <= wealth

    return RoundRecord(
        round=1,
        event=0,
        event_kind="none",
        event_words="",
        hints=(),
        bid=BID,
        ask=ASK,
        mid=23.0,
        spread=1.0,
        displayed_bid=depth,
        displayed_ask=depth,
        display_cap=10.0,
        bid_capped=False,
        ask_capped=False,
        s_max=42.0,
        wealth=(wealth,) * len(actions),
        valid_actions=(tuple(filter(affordable, range(21))),) * len(actions),
        cards=(8, 8, 8),
        S=S,
        mu=mu,
        sigma=sigma,
        depth_bid=depth,
        depth_ask=depth,
        orders=tuple(order(i, a) for i, a in enumerate(actions)),
        over=False,
    )


def test_bad_luck_is_no_bad_decision():
    said = explain(record(4, S=15.0, best=4, best_value=2.0), 0)
    assert said.startswith(
        "You lost 34.00 by bad luck: luck took 36.00 "
        "(the cards came to 15, the fair value was 24.00)"
    )
    assert "but on average your order was worth +2.00" in said
    assert "0.50 per unit better than the fair value" in said
    assert said.endswith("no order would have been better.")


def test_a_gain_that_the_order_did_not_earn_is_luck():
    assert explain(record(1, S=30.0, mu=23.5), 0).startswith("You won 6.50 by luck: luck gave 6.50")
    assert explain(record(1, S=24.5), 0).startswith("You won 1.00: luck gave 0.50")
    assert explain(record(4, S=23.75), 0).startswith(
        "You won 1.00 in spite of bad luck: luck took 1.00"
    )


def test_paying_the_spread_without_an_edge():
    said = explain(record(14, S=22.0), 0)
    assert said.startswith("You won 2.00 by luck")
    assert (
        "paid the spread without an edge: the bid of 22.50 was 1.50 below the fair value of 24.00, "
        "which cost 6.00" in said
    )
    assert said.endswith("passing would have been better.")


def test_size_beyond_depth_moved_the_price():
    said = explain(record(8, depth=4.0, best=4, best_value=2.0), 0)
    assert said.startswith("You lost 5.60 by a bad order")
    assert "but your 8 on a depth of 4.0 moved the price, which cost 9.60" in said
    assert said.endswith("that was too much: buying 4 would have been worth +2.00.")


def test_the_other_s_order_ate_the_depth():
    said = explain(record(4, 10, depth=5.0, best=1, best_value=0.1), 0)
    assert "but the other player's 10 took up the depth of 5.0, which cost you 10.80" in said
    assert said.endswith(
        "that was too much: buying 1 would have been worth +0.10 against what was really ordered."
    )


def test_both_orders_beyond_the_depth_share_its_cost():
    said = explain(record(4, 4, 2, depth=3.0), 0)
    assert (
        "your 4 on a depth of 3.0 moved the price, which cost 1.20, "
        "and the other players' 6 cost another 7.20" in said
    )


def test_passing_was_right_or_was_not():
    right = explain(record(0), 0)
    assert right.startswith("You passed, so you neither won nor lost. That was right")
    missed = explain(record(0, best=5, best_value=2.5), 0)
    assert "Buying 5 would have been worth +2.50 on average" in missed


def test_with_three_cards_shown_there_is_no_luck():
    said = explain(record(2, S=24.0, sigma=0.0, best=10, best_value=5.0), 0)
    assert said.startswith("You won 1.00, and luck had no part in it: all three cards were shown.")
    assert "that was too little: buying 10 would have been worth +5.00" in said


def test_a_refused_order_is_said_to_be_one_and_why():
    said = explain(record(0, wealth=100.0, requested=10), 0)
    assert said.startswith(
        "Your order to buy 10 counted as a pass: 10 at 23.50 cost 235.00, and you have 100.00."
    )
    offer = record(0, wealth=100.0)
    assert why_invalid(offer, 0, 4) == ""
    assert (
        why_invalid(offer, 0, 16)
        == "6 sold at 22.50 may cost you 117.00, should the sum be 42, and you have 100.00"
    )


def test_the_parts_add_up_to_the_pnl(games):
    moved = 0
    for kind in games:
        for game in games[kind]:
            for played in game.records:
                for seat, order in enumerate(played.orders):
                    parts = parts_of(played, seat)
                    total = parts.luck + parts.edge - parts.own_impact - parts.others_impact
                    assert total == pytest.approx(order.pnl, abs=2e-3)
                    assert parts.luck == pytest.approx(
                        (order.size if order.side == "buy" else -order.size)
                        * (played.S - played.mu),
                        abs=2e-3,
                    )
                    assert parts.own_impact >= 0 and parts.others_impact >= -1e-9
                    moved += parts.own_impact > 0 and parts.others_impact > 0
                    assert explain(played, seat).startswith("You")
    assert moved > 0


def test_no_public_name_is_hidden_by_a_module_of_the_same_name():
    """A module that is imported becomes an attribute of its package, before any look-up by name."""
    import cardjax.play

    for name in cardjax.play.__all__:
        assert not isinstance(getattr(cardjax.play, name), types.ModuleType), name
