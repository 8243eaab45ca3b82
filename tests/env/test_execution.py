"""Orders: which are valid, and rounds settled by hand.

The scripted round: quotes 19.5 / 20.5, depth 4 on the bid side and 6 on the ask side, S = 24 (mean
21), W = 500, S_max 42, alpha 0.25. Action i buys i, action 10 + i sells i.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardjax.env import make_params, remap_event
from cardjax.env.execution import buy, execute, sell

SIZES = np.arange(1, 11, dtype=np.float32)
PASS_ONLY = [True] + [False] * 20


def test_actions_are_numbered_pass_then_buys_then_sells():
    assert [buy(1), buy(10), sell(1), sell(10)] == [1, 10, 11, 20]


# --- validity


@pytest.fixture(scope="module")
def mask_of(game, scripted):
    """mask_of(bid, ask, wealth, event): masks bool [N, 21] of N states that differ in these."""
    one = game(1, squeeze=True)

    @jax.jit
    def masks(bid, ask, wealth, event):
        def of_state(bid, ask, wealth, event):
            state = scripted()
            market = state.market._replace(
                event=event, quote=state.market.quote._replace(bid=bid, ask=ask)
            )
            state = state._replace(
                market=market, players=state.players._replace(wealth=wealth[None])
            )
            return one.env.action_mask(state, make_params())

        return jax.vmap(of_state)(bid, ask, wealth, event)

    def call(bid, ask, wealth, event):
        columns = np.broadcast_arrays(
            *(np.asarray(x, np.float32) for x in (bid, ask, wealth)), event
        )
        bid, ask, wealth, event = (np.ravel(column) for column in columns)
        return np.asarray(masks(bid, ask, wealth, event.astype(np.int32)))

    return call


def literal_s_max(event):
    """Three times the largest value in the event's deck, from the rules' table."""
    if event == 2:
        return 21
    if event == 4:
        return 39
    if event >= 5 and (event - 5) // 12 == 12:  # a remap of the aces: kings are then the largest
        return 39
    return 42


def test_s_max_is_the_rules(mask_of):
    # With bid 10 and wealth 10·(S_max − 10), selling ten is just affordable; one point less and it
    # is not.
    events = np.arange(161)
    enough = np.array([10 * (literal_s_max(event) - 10) for event in events])
    assert mask_of(10, 11, enough, events)[:, sell(10)].all()
    assert not mask_of(10, 11, enough - 1, events)[:, sell(10)].any()
    assert literal_s_max(remap_event(14, 2)) == 39 and literal_s_max(remap_event(13, 14)) == 42


def expected_masks(bid, ask, wealth, s_max):
    """i·Y ≤ W and i·(S_max − X) ≤ W in numpy float32, sizes along the last axis; debtors may only
    pass.
    """
    bid, ask, wealth = (np.asarray(x, np.float32)[:, None] for x in (bid, ask, wealth))
    s_max = np.asarray(s_max, np.float32)[:, None]
    solvent = wealth >= 0
    buys, sells = SIZES * ask <= wealth, SIZES * (s_max - bid) <= wealth
    return np.concatenate([np.ones_like(solvent), buys & solvent, sells & solvent], 1)


def test_masks_equal_the_float32_comparison_on_random_states(mask_of):
    rng = np.random.default_rng(0)
    n = 100_000
    mid, half = rng.uniform(4, 44, n), rng.uniform(0.5, 1.5, n)
    bid, ask = (mid - half).astype(np.float32), (mid + half).astype(np.float32)
    wealth = rng.uniform(-50, 600, n).astype(np.float32)
    event = rng.integers(0, 161, n)
    s_max = [literal_s_max(e) for e in event]
    masks = mask_of(bid, ask, wealth, event)
    np.testing.assert_array_equal(masks, expected_masks(bid, ask, wealth, s_max))
    assert 0.2 < masks[:, 1:].mean() < 0.8, "the sample must hold many of both"


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_wealth_of_exactly_the_cost_is_enough_and_one_float_less_is_not(mask_of, side):
    rng = np.random.default_rng(1)
    price = rng.uniform(5, 40, 2000).astype(np.float32)
    unit_cost = price if side == "buy" else np.float32(42) - price
    first = 1 if side == "buy" else 11
    for size in SIZES:
        cost = size * unit_cost
        assert mask_of(price, price, cost, 0)[:, first + int(size) - 1].all()
        assert not mask_of(price, price, np.nextafter(cost, np.float32(0)), 0)[
            :, first + int(size) - 1
        ].any()


@pytest.mark.parametrize("wealth", [-0.01, -1.0, -1e6])
def test_a_player_in_debt_may_only_pass(mask_of, wealth):
    np.testing.assert_array_equal(mask_of(19.5, 20.5, wealth, 0), [PASS_ONLY])
    # Even where an order would cost nothing or less: quotes below 0 and above S_max.
    np.testing.assert_array_equal(mask_of(43, -1, wealth, 0), [PASS_ONLY])


def test_a_player_with_nothing_may_only_pass_at_ordinary_prices(mask_of):
    np.testing.assert_array_equal(mask_of(19.5, 20.5, 0, 0), [PASS_ONLY])


@pytest.mark.parametrize("wealth", [500, 205, 204.99, 90, 30, 22.5, 22.4, 0, -5])
def test_an_order_is_rejected_exactly_where_the_mask_forbids_it(game, scripted, wealth):
    two = game(2)
    state, params = scripted(2, wealth=wealth), make_params()
    mask = np.asarray(two.mask(state, params))
    rejected = []
    for action in range(21):
        _, _, _, _, info = two.step_env(jax.random.key(0), state, jnp.array([action, 0]), params)
        rejected.append(bool(info["rejected"][0]))
        np.testing.assert_array_equal(info["action_mask"], mask)
        assert info["action"][0] == (0 if rejected[-1] else action)
    np.testing.assert_array_equal(rejected, ~mask[0])


def test_mask_and_execution_agree_at_every_rounding_edge(game, scripted):
    # Wealth at, just above and just below the cost of some order, at prices with a full mantissa.
    rng = np.random.default_rng(2)
    n = 3000
    bid, size = rng.uniform(5, 40, n).astype(np.float32), rng.integers(1, 11, n).astype(np.float32)
    ask = bid + rng.uniform(1, 3, n).astype(np.float32)
    cost = size * np.where(rng.random(n) < 0.5, ask, np.float32(42) - bid)
    wealth = rng.choice(
        [cost, np.nextafter(cost, np.float32(0)), np.nextafter(cost, np.float32(1e9))]
    )
    env, params = game(1, squeeze=True).env, make_params()

    @jax.jit
    @jax.vmap
    def both(bid, ask, wealth):
        state = scripted()
        market = state.market._replace(quote=state.market.quote._replace(bid=bid, ask=ask))
        state = state._replace(market=market, players=state.players._replace(wealth=wealth[None]))
        step = jax.vmap(env.step_env, (None, None, 0, None))
        *_, info = step(jax.random.key(0), state, jnp.arange(21), params)
        return env.action_mask(state, params), info["rejected"]

    mask, rejected = both(bid, ask, wealth)
    np.testing.assert_array_equal(rejected, ~mask)
    assert 0.2 < rejected[:, 1:].mean() < 0.8


# --- rounds settled by hand


def test_a_buy_within_depth_executes_at_the_ask(settle):
    # 5 ≤ 6: price 20.5, pnl 5·(24 − 20.5) = 17.5.
    reward, info = settle([buy(5)])
    assert info["exec_price"] == [20.5] and info["slippage"] == [0] and info["fill_ratio"] == [1]
    assert info["pnl"] == [17.5] and reward == [17.5] and info["wealth"] == [517.5]


def test_a_buy_of_exactly_the_depth_has_no_impact(settle):
    _, info = settle([buy(6)])
    assert info["exec_price"] == [20.5] and info["fill_ratio"] == [1]


def test_a_buy_beyond_depth_pays_for_the_overflow_on_every_unit(settle):
    # Overflow 10 − 6 = 4: price 20.5 + 0.25·4 = 21.5, pnl 10·(24 − 21.5) = 25.
    reward, info = settle([buy(10)])
    assert info["exec_price"] == [21.5] and info["slippage"] == [1]
    assert info["fill_ratio"] == [np.float32(0.6)]
    assert reward == [25] and info["wealth"] == [525]


def test_two_buyers_share_one_overflow_and_one_price(settle):
    # 8 + 5 = 13, overflow 7: both pay 20.5 + 0.25·7 = 22.25; pnl 8·1.75 = 14 and 5·1.75 = 8.75.
    reward, info = settle([buy(8), buy(5)])
    assert info["exec_price"].tolist() == [22.25, 22.25] and info["slippage"].tolist() == [
        1.75,
        1.75,
    ]
    np.testing.assert_allclose(info["fill_ratio"], [6 / 13, 6 / 13], rtol=1e-6)
    assert reward.tolist() == [14, 8.75] and info["wealth"].tolist() == [514, 508.75]


def test_two_orders_within_depth_only_one_by_one_still_overflow_together(settle):
    # 4 and 3 are each within 6; together they overflow by 1: both pay 20.75.
    _, info = settle([buy(4), buy(3)])
    assert info["exec_price"].tolist() == [20.75, 20.75]


def test_a_seller_beyond_depth_gets_less_on_every_unit(settle):
    # Overflow 9 − 4 = 5: price 19.5 − 1.25 = 18.25, pnl 9·(18.25 − 24) = −51.75.
    reward, info = settle([sell(9)])
    assert info["exec_price"] == [18.25] and info["slippage"] == [1.25]
    np.testing.assert_allclose(info["fill_ratio"], [4 / 9], rtol=1e-6)
    assert reward == [-51.75] and info["wealth"] == [448.25]


def test_two_sellers_share_one_overflow_and_one_price(settle):
    # 3 + 5 = 8, overflow 4: both get 19.5 − 1 = 18.5; at S = 12, pnl 3·6.5 = 19.5 and 5·6.5 = 32.5.
    reward, info = settle([sell(3), sell(5)], S=12)
    assert info["exec_price"].tolist() == [18.5, 18.5] and info["fill_ratio"].tolist() == [0.5, 0.5]
    assert reward.tolist() == [19.5, 32.5]


def test_the_two_sides_do_not_touch_each_other(settle):
    # A buyer of 10 (overflow 4 of 6) and a seller of 9 (overflow 5 of 4): no netting of one against
    # the other.
    reward, info = settle([buy(10), sell(9)])
    assert info["exec_price"].tolist() == [21.5, 18.25] and info["slippage"].tolist() == [1, 1.25]
    np.testing.assert_allclose(info["fill_ratio"], [6 / 10, 4 / 9], rtol=1e-6)
    assert reward.tolist() == [25, -51.75]


def test_four_players_on_two_sides(settle):
    # Buys 7 + 3 = 10 (overflow 4: 21.5), sells 2 + 4 = 6 (overflow 2: 19); pnl 7·2.5, 2·(19 − 24),
    # 3·2.5, 4·(−5).
    reward, info = settle([buy(7), sell(2), buy(3), sell(4)])
    assert info["exec_price"].tolist() == [21.5, 19, 21.5, 19]
    assert reward.tolist() == [17.5, -10, 7.5, -20]


def test_without_impact_every_order_executes_at_the_quote(settle):
    # pnl 10·3.5 = 35 and 9·(19.5 − 24) = −40.5; the flow that depth absorbs is reported all the
    # same.
    params = make_params(alpha=0.25, **{"flags.enable_impact": False})
    reward, info = settle([buy(10), sell(9)], params)
    assert info["exec_price"].tolist() == [20.5, 19.5] and info["slippage"].tolist() == [0, 0]
    np.testing.assert_allclose(info["fill_ratio"], [6 / 10, 4 / 9], rtol=1e-6)
    assert reward.tolist() == [35, -40.5] and info["wealth"].tolist() == [535, 459.5]


def test_alpha_scales_the_impact(settle):
    # Overflow 4 at alpha 0.5: 20.5 + 2.
    _, info = settle([buy(10)], make_params(alpha=0.5))
    assert info["exec_price"] == [22.5] and info["slippage"] == [2]


def test_a_pass_changes_nothing_and_reports_neutral_values(settle):
    reward, info = settle([0])
    assert (reward, info["pnl"], info["wealth"]) == ([0], [0], [500])
    assert (info["exec_price"], info["fill_ratio"], info["slippage"]) == ([0], [1], [0])
    assert not info["rejected"]


def test_a_pass_beside_an_overflow_stays_neutral(settle):
    _, info = settle([0, buy(10)])
    assert info["exec_price"].tolist() == [0, 21.5] and info["slippage"].tolist() == [0, 1]
    assert info["fill_ratio"].tolist() == [1, np.float32(0.6)]


def test_an_unaffordable_order_is_a_reported_pass_that_adds_no_flow(settle):
    # W = 100 buys at most 4 at 20.5. The second player's 6 alone is within the depth of 6.
    reward, info = settle([buy(5), buy(6)], wealth=[100, 500])
    assert info["rejected"].tolist() == [True, False] and info["action"].tolist() == [0, 6]
    assert info["exec_price"].tolist() == [0, 20.5] and info["fill_ratio"].tolist() == [1, 1]
    assert reward.tolist() == [0, 21] and info["wealth"].tolist() == [100, 521]


def test_an_unaffordable_sale_is_refused_by_the_worst_case_loss(settle):
    # One unit short may lose 42 − 19.5 = 22.5: W = 22 cannot sell one, though it could buy one at
    # 20.5.
    _, info = settle([sell(1), buy(1)], wealth=22)
    assert info["rejected"].tolist() == [True, False]


STRANGE = [
    -1,
    21,
    22,
    10**9,
    -(10**9),
    np.nan,
    np.inf,
    -np.inf,
    3.5,
    -0.5,
    20.5,
    21.0,
    1e9,
    -1e9,
    1e38,
]


@pytest.mark.parametrize("action", STRANGE)
def test_what_is_no_action_is_a_rejected_pass(settle, action):
    dtype = np.int32 if isinstance(action, int) else np.float32
    reward, info = settle(np.array([action, buy(5)], dtype))
    assert info["rejected"].tolist() == [True, False] and info["action"].tolist() == [0, 5]
    assert reward.tolist() == [0, 17.5] and info["wealth"].tolist() == [500, 517.5]
    assert all(np.isfinite(leaf).all() for leaf in info.values())


def test_whole_floats_are_actions(settle):
    _, info = settle(np.array([5.0, 19.0, 20.0, 0.0], np.float32))
    assert info["action"].tolist() == [5, 19, 20, 0] and not info["rejected"].any()


# --- rewards


def test_log_wealth_reward_is_the_change_of_log_wealth(settle):
    # pnl 17.5 on 500, and 3·(19.5 − 24) = −13.5.
    reward, _ = settle([buy(5), sell(3)], make_params(reward="log_wealth"))
    np.testing.assert_allclose(reward, [np.log(517.5 / 500), np.log(486.5 / 500)], rtol=1e-4)


def test_log_wealth_reward_counts_wealth_below_one_as_one(settle):
    # Two buyers of 1 with 25 each meet a depth of 0.5: overflow 1.5 at alpha 20, price 50.5, pnl 3
    # − 50.5 = −47.5.
    params = make_params(alpha=20, reward="log_wealth")
    reward, info = settle([buy(1), buy(1)], params, wealth=25, S=3, depth_ask=0.5)
    assert info["wealth"].tolist() == [-22.5, -22.5]
    np.testing.assert_allclose(reward, -np.log(25), rtol=1e-6)


def test_log_wealth_reward_of_a_debtor_who_passes_is_zero(settle):
    reward, info = settle([0, buy(1)], make_params(reward="log_wealth"), wealth=-3)
    assert reward.tolist() == [0, 0] and info["rejected"].tolist() == [False, True]


def test_expected_pnl_reward_puts_the_mean_in_place_of_S(settle):
    # With mu = 21: 10·(21 − 21.5) = −5 and 9·(18.25 − 21) = −24.75. Wealth still moves with S = 24.
    reward, info = settle([buy(10), sell(9)], make_params(alpha=0.25, reward="expected_pnl"))
    assert reward.tolist() == [-5, -24.75]
    assert info["pnl"].tolist() == [25, -51.75] and info["wealth"].tolist() == [525, 448.25]


# --- against a second reading of the rules


def settled_by_the_book(actions, bid, ask, s_max, depth_bid, depth_ask, wealth, S, alpha, impact):
    """docs/rules.md#orders, one player at a time: (action, price, fill ratio,
    slippage, pnl).
    """
    orders = []
    for action, W in zip(actions, wealth, strict=True):
        size = action if action <= 10 else action - 10
        cost = ask if action <= 10 else s_max - bid
        valid = action == 0 or (W >= 0 and np.float32(size) * np.float32(cost) <= W)
        orders.append(action if valid else 0)
    bought = sum(action for action in orders if action <= 10)
    sold = sum(action - 10 for action in orders if action > 10)
    results = []
    for action in orders:
        if action == 0:
            results.append((0, 0.0, 1.0, 0.0, 0.0))
        elif action <= 10:
            slippage = alpha * max(0.0, bought - depth_ask) * impact
            price = ask + slippage
            results.append(
                (action, price, min(1.0, depth_ask / bought), slippage, action * (S - price))
            )
        else:
            slippage = alpha * max(0.0, sold - depth_bid) * impact
            price = bid - slippage
            results.append(
                (action, price, min(1.0, depth_bid / sold), slippage, (action - 10) * (price - S))
            )
    return np.array(results).T


quarter = st.integers(8, 160).map(
    lambda n: n / 4
)  # exact in float32, so that validity cannot differ by rounding


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    actions=st.lists(st.integers(0, 20), min_size=3, max_size=3),
    bid=quarter,
    ask=quarter,
    S=st.integers(6, 42),
    depth=st.tuples(st.floats(2, 20, width=32), st.floats(2, 20, width=32)),
    wealth=st.lists(st.integers(-40, 600), min_size=3, max_size=3),
    alpha=st.sampled_from([0, 0.25, 2]),
    impact=st.booleans(),
)
def test_settlement_equals_the_rules_read_player_by_player(
    settle, actions, bid, ask, S, depth, wealth, alpha, impact
):
    params = make_params(alpha=alpha, **{"flags.enable_impact": impact})
    reward, info = settle(
        np.array(actions, np.int32),
        params,
        bid=bid,
        ask=ask,
        S=S,
        depth_bid=depth[0],
        depth_ask=depth[1],
        wealth=np.array(wealth, np.float32),
    )
    action, price, fill_ratio, slippage, pnl = settled_by_the_book(
        actions, bid, ask, 42, *depth, wealth, S, alpha, impact
    )
    np.testing.assert_array_equal(info["action"], action)
    np.testing.assert_array_equal(info["rejected"], (np.array(actions) != 0) & (action == 0))
    np.testing.assert_allclose(info["exec_price"], price, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(info["fill_ratio"], fill_ratio, rtol=1e-5)
    np.testing.assert_allclose(info["slippage"], slippage, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(info["pnl"], pnl, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(reward, pnl, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(info["wealth"], wealth + pnl, rtol=1e-5, atol=1e-3)


def test_execute_alone_agrees_with_a_settled_round():
    # The same two buyers as above, straight through execution.execute.
    f = jnp.float32
    fill = execute(
        jnp.array([8, 5]),
        f(19.5),
        f(20.5),
        f(42),
        f(4),
        f(6),
        jnp.array([500.0, 500.0]),
        make_params(alpha=0.25),
    )
    assert fill.exec_price.tolist() == [22.25, 22.25] and fill.position.tolist() == [8, 5]
