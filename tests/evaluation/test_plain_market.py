"""The market and its figures against a second, literal reading of the rules: `plain_market.py`."""

import dataclasses
import functools
import importlib.util
import itertools
import math
import random
import statistics
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.env import N_ACTIONS, make_params
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.evaluate import Player, evaluate
from cardjax.evaluation.match import GameTotals, play_rounds
from cardjax.evaluation.metrics import METRICS, QUANTILES
from cardjax.policies import BestResponse, EvOracle, Level1, Pass, RandomValid
from cardjax.policies.policy import Memoryless


def beside(name):
    """A module next to this file: pytest's importlib mode puts no test folder on the path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


plain = beside("plain_market")
MARKETS = {kind: cardjax.make(kind)[0] for kind in ("single", "two")}


@dataclasses.dataclass(frozen=True)
class AnyOrder(Memoryless):
    """Each of the 21 actions with the same probability, valid or not."""

    def action_probabilities(self, params, view):
        # In a form that XLA does not fold: sampling a constant law while compiling takes it many
        # seconds.
        return jnp.zeros(N_ACTIONS) * view.bid[..., None] + 1 / N_ACTIONS


PLAYERS = {
    "pass": (Pass(), plain.passing),
    "random_valid": (RandomValid(), plain.random_valid),
    "any_order": (AnyOrder(), plain.any_order),
    "ev_max": (EvOracle("max"), plain.ev_oracle("max")),
    "ev_kelly": (EvOracle("kelly"), plain.ev_oracle("kelly")),
    "ev_fixed": (EvOracle("fixed", fixed_size=3), plain.ev_oracle("fixed", fixed_size=3)),
    "level1": (Level1(), lambda: plain.level1(plain.possible_depths)),
    "level1_displayed": (
        Level1("displayed"),
        lambda: plain.level1(plain.displayed_depth),
    ),
    "best_response": (BestResponse(), plain.best_response),
}
ALL = tuple(PLAYERS)
MANY = ("random_valid", "any_order", "ev_max", "ev_kelly", "level1", "level1_displayed")


def player(name, params, names):
    """One of `names`: one program serves all of them."""
    one_of = OneOf(tuple(PLAYERS[each][0] for each in names))
    return Player(one_of, [(jnp.int32(names.index(name)), (params,) * len(names))])


NAMES = {
    "spread.s0": "s0",
    "spread.beta": "beta",
    "spread.min": "s_min",
    "spread.max": "s_max",
    "liquidity.kappa": "kappa",
    "liquidity.tau": "tau",
    "liquidity.min": "depth_min",
    "liquidity.max": "depth_max",
    "liquidity.cap": "cap",
    "events.remap": "remap_prob",
    "flags.enable_events": "enable_events",
    "flags.enable_impact": "enable_impact",
    "flags.stop_out": "stop_out",
}
KINDS = ("none", "ge10_only", "le7_only", "even_only", "odd_only")


def rules_of(toggles):
    """The same game for `plain_market`."""
    values = {
        NAMES.get(name, name): value for name, value in toggles.items() if name[7:] not in KINDS
    }
    if isinstance(values.get("hints"), int):
        values["hints"] = tuple(float(h == values["hints"]) for h in range(4))
    defaults = zip(KINDS, plain.Rules().kinds, strict=True)
    kinds = tuple(toggles.get(f"events.{kind}", default) for kind, default in defaults)
    return plain.Rules(**values, kinds=kinds)


# plain_market itself, by hand


def test_the_defaults_are_the_same_game():
    params, rules = make_params(), plain.Rules()
    for name, value in dataclasses.asdict(rules).items():
        dotted = next((ours for ours, theirs in NAMES.items() if theirs == name), name)
        if name == "kinds":
            ours = [getattr(params.events, kind) for kind in KINDS]
        else:
            ours = functools.reduce(getattr, dotted.split("."), params)
        np.testing.assert_allclose(ours, value, rtol=1e-6, err_msg=name)


def test_events_are_numbered_as_the_rules_table_says():
    def remap(x, y):
        x, y = x - 2, y - 2
        return 5 + 12 * x + (y if y < x else y - 1)

    for x, y in itertools.permutations(range(2, 15), 2):
        event = remap(x, y)
        assert [plain.value_of(rank, event) for rank in range(2, 15)] == [
            y if r == x else r for r in range(2, 15)
        ]
    assert (remap(2, 3), remap(3, 2), remap(14, 13)) == (5, 17, 160)
    assert [len(plain.deck_of(event)) for event in (0, 1, 2, 3, 4, 5)] == [52, 20, 24, 28, 24, 52]
    assert [plain.largest_sum(event) for event in (0, 1, 2, 3, 4)] == [42, 42, 21, 42, 39]
    assert [plain.largest_sum(remap(*pair)) for pair in ((14, 2), (2, 14), (5, 9))] == [39, 42, 42]


def test_the_posterior_by_hand():
    # No event, no hint: mean 8, variance 14, three of 52: 3 · 14 · 49 / 51.
    assert plain.posterior(0, ()) == pytest.approx((24, math.sqrt(3 * 14 * 49 / 51)))
    # Two aces seen: 388 points, 3664 squared points are left on 50 cards.
    assert plain.posterior(0, (14, 14)) == pytest.approx(
        (28 + 7.76, math.sqrt(3664 / 50 - 7.76**2))
    )
    # Low cards, a seven seen: 101 points, 507 squared on 23 cards; two are missing.
    sigma = math.sqrt(2 * (507 / 23 - (101 / 23) ** 2) * 21 / 22)
    assert plain.posterior(2, (7,)) == pytest.approx((7 + 202 / 23, sigma))
    # A two counts as an ace: 464 points.
    remap = 5 + 11
    assert plain.posterior(remap, ())[0] == pytest.approx(3 * 464 / 52)
    assert plain.posterior(remap, (2, 2, 2)) == (42, 0)


@pytest.mark.parametrize(
    ("event", "hints"), [(0, (3,)), (1, (10,)), (4, (13, 13)), (16, (2,)), (77, ())]
)
def test_the_posterior_by_enumeration(event, hints):
    left = plain.deck_of(event).copy()
    for rank in hints:
        left.remove(rank)
    rest = itertools.combinations([plain.value_of(rank, event) for rank in left], 3 - len(hints))
    sums = [sum(values) + sum(plain.value_of(rank, event) for rank in hints) for values in rest]
    assert plain.posterior(event, hints) == pytest.approx(
        (statistics.fmean(sums), statistics.pstdev(sums))
    )


ROUND = plain.Market(
    event=2,
    cards=(7, 6, 2),
    n_hints=1,
    mu=15.5,
    sigma=2.3,
    spread=1.5,
    bid=13.5,
    ask=15,
    depth_bid=8,
    depth_ask=7,
)


def test_which_orders_are_valid_by_hand():
    # A buy of 1 binds 15; a sell of 1 binds 21 − 13.5 = 7.5, for no low card exceeds a seven.
    rules = plain.Rules()
    for wealth, buys, sells in (
        (500, 10, 10),
        (74, 4, 9),
        (60, 4, 8),
        (59.99, 3, 7),
        (7.4, 0, 0),
        (-1, 0, 0),
    ):
        expected = [True] + [i < buys for i in range(10)] + [i < sells for i in range(10)]
        assert plain.valid_actions(rules, 2, 13.5, 15, wealth) == expected
    out = plain.Rules(stop_out=True)
    assert sum(plain.valid_actions(out, 2, 13.5, 15, 100)) == 1
    assert sum(plain.valid_actions(out, 2, 13.5, 15, 101)) == 17


def test_a_round_by_hand():
    # Three buyers want 6, 9 and 10; the last cannot pay. 15 on a depth of 7: 8 too many, 2.4 points
    # each. S = 15.
    orders = plain.settle(plain.Rules(), ROUND, [500, 500, 149, 500, 500], [6, 9, 10, 14, 0])
    assert [order.action for order in orders] == [6, 9, 0, 14, 0]
    assert [order.rejected for order in orders] == [False, False, True, False, False]
    assert [order.price for order in orders] == pytest.approx([17.4, 17.4, 0, 13.5, 0])
    assert [order.slippage for order in orders] == pytest.approx([2.4, 2.4, 0, 0, 0])
    assert [order.fill_ratio for order in orders] == pytest.approx([7 / 15, 7 / 15, 1, 1, 1])
    assert [order.pnl for order in orders] == pytest.approx([-14.4, -21.6, 0, -6, 0])
    assert [order.expected_pnl for order in orders] == pytest.approx([-11.4, -17.1, 0, -8, 0])
    assert [order.wealth for order in orders] == pytest.approx([485.6, 478.4, 149, 494, 500])


def test_an_overrun_bid_and_a_market_without_impact_by_hand():
    (order,) = plain.settle(plain.Rules(alpha=0.5), ROUND, [500], [20])
    assert (order.price, order.slippage, order.fill_ratio, order.pnl) == pytest.approx(
        (12.5, 1, 0.8, -25)
    )
    (order,) = plain.settle(plain.Rules(enable_impact=False), ROUND, [500], [20])
    assert (order.price, order.slippage, order.fill_ratio, order.pnl) == pytest.approx(
        (13.5, 0, 0.8, -15)
    )
    assert [plain.settle(plain.Rules(), ROUND, [500], [no])[0].rejected for no in (-1, 21)] == [
        True,
        True,
    ]


def test_figures_by_hand():
    rules = plain.Rules(initial_wealth=100)

    def order(action, pnl, wealth, rejected=False):
        made = plain.Order(
            action, [True] * 21, action, rejected, pnl=pnl, expected_pnl=1, wealth=wealth
        )
        made.slippage, made.fill_ratio = (0.5, 0.8) if action else (0, 1)
        return made

    rise = [order(0, 0, 100, rejected=True)] * 7 + [
        order(10, 50, 150),
        order(12, -140, 10),
        order(0, 0, 10),
    ]
    flat = [order(0, 0, 100)] * 9 + [order(3, 10, 110)]
    found = plain.figures(rules, [[rise], [flat]])
    expected = {
        "mean_pnl": -40,
        "mean_expected_pnl": 10,
        "luck": -50,
        "std_pnl": 50,
        "variance_pnl": 2500,
        "sharpe": -0.8,
        "sortino": -40 / math.sqrt(90**2 / 2),
        "max_drawdown": 70,
        "max_drawdown_share": 14 / 30,
        "max_drawdown_p95": 140,
        "max_drawdown_share_p95": 14 / 15,
        "ruin_probability": 0.5,
        "trade_rate": 0.15,
        "mean_size": 5,
        "valid_order_rate": 0.3,
        "rejection_rate": 0.35,
        "fill_ratio": 0.8,
        "mean_slippage": 0.5,
        "impact_per_unit": 0.5,
    }
    assert found == pytest.approx(expected)


# Other draws, the same figures

SMALL = {"initial_wealth": 60.0}
ROUGH = {"alpha": 1.0, "liquidity.tau": 0.9, "liquidity.kappa": 60.0, "liquidity.cap": 2.5}
STRANGE = {
    "spread.s0": 0.2,
    "spread.beta": 0.6,
    "spread.min": 0.7,
    "spread.max": 4.0,
    "sigma_q": 2.0,
    "liquidity.min": 1.0,
    "liquidity.max": 9.0,
    "hints": (0.1, 0.2, 0.3, 0.4),
    "event_persist": 0.3,
    "events.remap": 0.5,
    "events.none": 0.1,
    "events.ge10_only": 0.2,
    "events.le7_only": 0.4,
    "events.even_only": 0.1,
    "events.odd_only": 0.2,
}
OFF = {"flags.enable_events": False, "flags.enable_impact": False}


def slow(*case):
    """One for `make test-slow`: the cases beside it cross the same rules."""
    return pytest.param(*case, marks=pytest.mark.slow)


ALONE = [
    slow("random_valid", {}),
    slow("ev_max", {"event_persist": 0.0}),
    ("ev_kelly", STRANGE),
    slow("ev_fixed", OFF | {"hints": 1}),
    ("level1", {"liquidity.cap": 20.0, "liquidity.tau": 1.2}),
    ("best_response", ROUGH),
    ("random_valid", SMALL | {"hints": 0, "flags.enable_impact": False}),
    (
        "random_valid",
        {"initial_wealth": 100.0, "flags.stop_out": True, "stop_out_level": 0.5, "hints": 0},
    ),
    ("any_order", SMALL | STRANGE),
    slow("pass", {}),
]
CROWD = [
    slow("random_valid", "ev_max", {}),
    ("ev_max", "any_order", {"alpha": 2.0, "event_persist": 0.0, "initial_wealth": 150.0}),
    slow("level1", "random_valid", ROUGH),
    slow("level1", "level1", {"hints": 2, "sigma_q": 1.0}),
    ("any_order", "level1_displayed", SMALL | {"alpha": 3.0}),
    slow("ev_kelly", "ev_max", STRANGE | {"flags.enable_impact": False, "sigma_q": 0.8}),
    ("random_valid", "any_order", {"initial_wealth": 90.0, "flags.stop_out": True, "alpha": 1.0}),
    slow("ev_max", "level1", {"flags.enable_events": False, "liquidity.cap": 4.0, "hints": 1}),
]
N_PLAIN = 1000
N_OURS = 8192


def agree(result, figures):
    """Every figure within four standard errors of the difference."""
    apart = {}
    for name, (value, error) in figures.items():
        ours = result.metrics[name]
        if math.isnan(value) or math.isnan(ours.mean):
            assert math.isnan(value) and math.isnan(ours.mean), name
            continue
        our_error = (ours.high - ours.low) / (2 * 1.96)
        binned = 0.006 * abs(value) if name in QUANTILES else 0
        if not abs(ours.mean - value) <= 4 * math.hypot(error, our_error) + binned + 1e-5 * abs(
            value
        ):
            apart[name] = f"{ours.mean:.5g} ± {our_error:.2g}, literally {value:.5g} ± {error:.2g}"
    assert not apart


@pytest.fixture
def whole_batches(monkeypatch):
    """All games in one batch, no exact values, and an interval for every metric: its error is
    needed here, and four of them leave room for what few games decide.
    """
    module = sys.modules["cardjax.evaluation.evaluate"]
    whatever = {
        name: metric._replace(fewest_games=1, deciding=None) for name, metric in METRICS.items()
    }
    monkeypatch.setattr(sys.modules["cardjax.evaluation.metrics"], "METRICS", whatever)
    monkeypatch.setattr(module, "GAMES_AT_ONCE", N_OURS)
    monkeypatch.setattr(module, "VALUED_GAMES", 0)


@pytest.mark.usefixtures("whole_batches")
@pytest.mark.parametrize(("name", "toggles"), ALONE, ids=lambda x: x if isinstance(x, str) else "")
def test_alone_all_figures_agree(name, toggles):
    params, rules = make_params(**toggles), rules_of(toggles)
    (result,) = evaluate(
        MARKETS["single"], params, player(name, params, ALL), {"self": Pass()}, N_OURS
    )
    games = [plain.play_game(rules, [PLAYERS[name][1]], seed) for seed in range(N_PLAIN)]
    best = [plain.play_game(rules, [plain.best_response], seed) for seed in range(N_PLAIN)]
    figures = plain.figures_with_errors(rules, games, best)
    assert set(figures) == set(METRICS) | set(QUANTILES)
    agree(result, figures)


@pytest.mark.usefixtures("whole_batches")
@pytest.mark.parametrize(
    ("name", "rival", "toggles"), CROWD, ids=lambda x: x if isinstance(x, str) else ""
)
def test_two_players_figures_agree_against_themselves_and_against_another(name, rival, toggles):
    params, rules = make_params(**toggles), rules_of(toggles)
    opponents = {"self": Pass(), "rival": player(rival, params, MANY)}
    alike, opposed = evaluate(MARKETS["two"], params, player(name, params, MANY), opponents, N_OURS)
    own, other = PLAYERS[name][1], PLAYERS[rival][1]
    games = [plain.play_game(rules, [own, own], seed) for seed in range(N_PLAIN)]
    agree(alike, plain.figures_with_errors(rules, games))
    games = [plain.play_game(rules, [own, other], seed)[:1] for seed in range(N_PLAIN)]
    agree(opposed, plain.figures_with_errors(rules, games))


# The same draws, round by round

N_RECORDED, N_REPLAYED = 1024, 64


@functools.partial(jax.jit, static_argnums=(0, 3))
def recorded(market, params, key, n_games):
    """Orders of all kinds, −1 and 21 too: (what was ordered, totals, (views, infos)), leaves [10,
    games, …].
    """
    shape = (n_games, market.n_players)

    def act(before, view, key):
        t, ordered = before
        anything = jax.random.randint(key, shape, -1, N_ACTIONS + 1)
        sensible = jnp.where(view.mu > view.ask, 9, 0)
        action = jnp.where(
            jax.random.bernoulli(jax.random.fold_in(key, 1), 0.7, shape), anything, sensible
        )
        return (t + 1, ordered.at[t].set(action)), action

    def record(view, info):
        return view, {name: leaf for name, leaf in info.items() if name != "final_observation"}

    nothing = jnp.zeros((10, *shape), jnp.int32)
    (_, ordered), totals, records = play_rounds(
        market, lambda key: (0, nothing), act, params, key, n_games, record
    )
    return ordered, totals, records


REPLAYED = {
    "default": {},
    "poor": SMALL | {"alpha": 3.0},
    "no events, no impact": OFF,
    "strange": STRANGE,
    "rough, events stay": ROUGH | {"event_persist": 1.0, "hints": 2},
}
NEAR = functools.partial(pytest.approx, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("n_players", [1, 3])
@pytest.mark.parametrize("toggles", REPLAYED.values(), ids=REPLAYED)
def test_recorded_games_replayed_by_the_rules(toggles, n_players):
    params, rules = make_params(**toggles), rules_of(toggles)
    market = dataclasses.replace(MARKETS["two"], n_players=n_players)
    ordered, totals, (views, infos) = jax.tree.map(
        np.asarray, recorded(market, params, jax.random.key(7), N_RECORDED)
    )
    for game in range(N_REPLAYED):
        ledgers = [[] for _ in range(n_players)]
        previous, wealths, last = None, [rules.initial_wealth] * n_players, None
        for t in range(10):
            info = {name: leaf[t, game].tolist() for name, leaf in infos.items()}
            view = {
                name: leaf[t, game].tolist()
                for name, leaf in views._asdict().items()
                if leaf is not None  # the belief: nothing is hidden
            }
            drawn = check_draws(rules, info, previous)
            check_view(rules, view, drawn, t, last or [plain.Order(0, [])] * n_players)
            assert view["wealth"] == NEAR(wealths)
            orders = plain.settle(rules, drawn, view["wealth"], ordered[t, game].tolist())
            check_orders(info, orders)
            assert (info["terminated"], info["truncated"]) == (t == 9, False)
            for ledger, order in zip(ledgers, orders, strict=True):
                ledger.append(order)
            previous, wealths, last = drawn, [order.wealth for order in orders], orders
        for seat, ledger in enumerate(ledgers):
            check_totals(
                rules,
                {
                    name: leaf[game, seat].item()
                    for name, leaf in totals._asdict().items()
                    if leaf is not None  # inventories: nothing is carried
                },
                ledger,
            )


def check_draws(rules, info, previous):
    """A round's draws are possible, and all that follows from them is right; as a round of
    `plain_market`.
    """
    event, cards, n_hints = info["event"], tuple(info["cards"]), info["n_hints"]
    assert all(cards.count(rank) <= plain.deck_of(event).count(rank) for rank in cards)
    assert rules.hints[n_hints] > 0
    assert event == 0 or rules.enable_events
    assert previous is None or rules.event_persist < 1 or event == previous.event
    assert info["event_kind"] == min(event, 5)
    assert info["S"] == sum(plain.value_of(rank, event) for rank in cards)
    mu, sigma = plain.posterior(event, tuple(sorted(cards[:n_hints])))
    spread = plain.spread_of(rules, sigma)
    assert (info["mu"], info["sigma"], info["spread"]) == NEAR((mu, sigma, spread))
    assert (info["bid"], info["ask"]) == NEAR((info["mid"] - spread / 2, info["mid"] + spread / 2))
    assert abs(info["mid"] - mu) < 6 * rules.sigma_q
    for side in ("bid", "ask"):
        depth = info[f"depth_{side}"]
        low, high = (plain.depth_of(rules, sigma, spread, z) for z in (-6, 6))
        assert low <= depth * (1 + 1e-5) and depth <= high * (1 + 1e-5)
        assert sigma > 0 or depth == rules.depth_max
        assert info[f"displayed_{side}"] == min(depth, rules.cap)
    return plain.Market(
        event,
        cards,
        n_hints,
        info["mu"],
        sigma,
        spread,
        info["bid"],
        info["ask"],
        info["depth_bid"],
        info["depth_ask"],
    )


def check_view(rules, view, drawn, t, last):
    """Everybody sees the round, themselves and the others' last orders; `last` those of the round
    before.
    """
    n = len(last)
    shared = {
        "bid": drawn.bid,
        "ask": drawn.ask,
        "mu": drawn.mu,
        "event": drawn.event,
        "round": t,
        "s_max": plain.largest_sum(drawn.event),
        "displayed_bid": min(drawn.depth_bid, rules.cap),
        "displayed_ask": min(drawn.depth_ask, rules.cap),
        "initial_wealth": rules.initial_wealth,
    }
    for name, value in shared.items():
        assert view[name] == [value] * n, name
    assert view["hints"] == [[*drawn.cards[: drawn.n_hints], 0, 0, 0][:3]] * n
    assert view["last_slippage"] == NEAR([order.slippage for order in last])
    assert view["last_fill_ratio"] == NEAR([order.fill_ratio for order in last])
    positions = [order.position for order in last]
    assert view["others_last"] == [positions[seat + 1 :] + positions[:seat] for seat in range(n)]


def check_orders(info, orders):
    """One round's settlement."""
    assert info["action_mask"] == [order.valid for order in orders]
    assert info["action"] == [order.action for order in orders]
    assert info["rejected"] == [order.rejected for order in orders]
    assert info["exec_price"] == NEAR([order.price for order in orders])
    for name in ("slippage", "fill_ratio", "pnl", "wealth"):
        assert info[name] == NEAR([getattr(order, name) for order in orders]), name


def check_totals(rules, totals, ledger):
    """One player's game, from its rounds."""
    executed = [order for order in ledger if order.size]
    path = [rules.initial_wealth] + [order.wealth for order in ledger]
    drawdown, share = plain.falls(path)
    expected = {
        "pnl": sum(order.pnl for order in ledger),
        "expected_pnl": sum(order.expected_pnl for order in ledger),
        "trades": len(executed),
        "units": sum(order.size for order in executed),
        "rejections": sum(order.rejected for order in ledger),
        "fill_ratio": sum(order.fill_ratio for order in executed),
        "slippage": sum(order.slippage for order in executed),
        "impact_cost": sum(order.size * order.slippage for order in executed),
        "peak": max(path),
        "drawdown": drawdown,
        "drawdown_share": share,
        "ruined": float(min(path[1:]) <= 0.2 * rules.initial_wealth),
        "risk_charge": 0,
    }
    assert totals == pytest.approx({name: expected[name] for name in totals}, rel=1e-5, abs=1e-3)


def looks(event, last_event, n_hints, S, mu, sigma, mid, depth_ask, depth_bid):
    """What a round of the market looks like, one number each."""
    return [
        *(float(min(event, 5) == kind) for kind in range(6)),
        float(event == last_event),
        float((event - 5) // 12),
        *(float(n_hints == h) for h in range(4)),
        S,
        S - mu,
        (S - mu) ** 2 - sigma**2,
        mid - mu,
        (mid - mu) ** 2,
        math.log(depth_ask),
        math.log(depth_bid),
        math.log(depth_ask) ** 2,
        math.log(depth_ask) * math.log(depth_bid),
    ]


@pytest.mark.parametrize("toggles", REPLAYED.values(), ids=REPLAYED)
def test_draws_are_distributed_alike(toggles):
    params, rules = make_params(**toggles), rules_of(toggles)
    market = dataclasses.replace(MARKETS["two"], n_players=1)
    _, _, (_, info) = jax.tree.map(
        np.asarray, recorded(market, params, jax.random.key(8), N_RECORDED)
    )
    names = ("n_hints", "S", "mu", "sigma", "mid", "depth_ask", "depth_bid")
    games: list[list] = [[], []]
    for game in range(N_RECORDED):
        ours, theirs, rng, drawn = [], [], random.Random(f"draws {game}"), None
        for t in range(10):
            last = info["event"][t - 1, game] if t else -1
            ours.append(
                looks(info["event"][t, game], last, *(info[name][t, game].item() for name in names))
            )
            last = drawn.event if drawn else -1
            drawn = plain.draw_market(rules, rng, drawn.event if drawn else None)
            mid = (drawn.bid + drawn.ask) / 2
            theirs.append(
                looks(
                    drawn.event,
                    last,
                    drawn.n_hints,
                    drawn.S,
                    drawn.mu,
                    drawn.sigma,
                    mid,
                    drawn.depth_ask,
                    drawn.depth_bid,
                )
            )
        for found, rounds in zip(games, (ours, theirs), strict=True):
            found.append([sum(column) / 10 for column in zip(*rounds, strict=True)])
    for ours, theirs in zip(zip(*games[0], strict=True), zip(*games[1], strict=True), strict=True):
        errors = [statistics.pstdev(column) / math.sqrt(N_RECORDED) for column in (ours, theirs)]
        assert (
            abs(statistics.fmean(ours) - statistics.fmean(theirs)) <= 4 * math.hypot(*errors) + 1e-4
        )


STOPPED = {"initial_wealth": 90.0, "alpha": 3.0, "flags.stop_out": True, "stop_out_level": 0.9}


def replayed_until_stopped(figures):
    """Replays games of three who may all be stopped out, and compares these of their totals."""
    params, rules = make_params(**STOPPED), rules_of(STOPPED)
    market = dataclasses.replace(MARKETS["two"], n_players=3)
    ordered, totals, (views, infos) = jax.tree.map(
        np.asarray, recorded(market, params, jax.random.key(7), N_RECORDED)
    )
    lengths = []
    for game in range(N_REPLAYED):
        ledgers = [[], [], []]
        for t in range(10):
            info = {name: leaf[t, game].tolist() for name, leaf in infos.items()}
            drawn = check_draws(rules, info, None)
            orders = plain.settle(
                rules, drawn, views.wealth[t, game].tolist(), ordered[t, game].tolist()
            )
            check_orders(info, orders)
            for ledger, order in zip(ledgers, orders, strict=True):
                ledger.append(order)
            over = all(plain.is_out(rules, order.wealth) for order in orders)
            assert info["terminated"] == (over or t == 9)
            if over:
                break
        lengths.append(t + 1)
        for seat, ledger in enumerate(ledgers):
            check_totals(
                rules, {name: getattr(totals, name)[game, seat].item() for name in figures}, ledger
            )
    assert 5 < sum(length < 10 for length in lengths) < N_REPLAYED


def test_games_that_stop_out_ends_are_replayed_up_to_there():
    figures = {name for name in GameTotals._fields if "inventory" not in name}
    replayed_until_stopped(figures - {"rejections"})


def test_nothing_is_rejected_after_a_game_is_over():
    replayed_until_stopped({"rejections"})


def test_players_of_plain_market_by_hand():
    seen = plain.View(
        bid=20,
        ask=21,
        displayed_bid=9,
        displayed_ask=4,
        mu=22,
        sigma=5,
        spread=1,
        wealth=500,
        valid=[True] * 21,
        others_last=[],
    )
    rules, rng = plain.Rules(alpha=0.2), random.Random(0)
    assert plain.ev_oracle("max")()(rules, seen, rng) == 10
    assert plain.ev_oracle("kelly")()(rules, seen, rng) == 10  # 500 · 1 / 25 / 2
    assert plain.ev_oracle("fixed", fixed_size=3)()(rules, seen, rng) == 3
    # i · (1 − 0.2 · (i − 4)): 4, 4, 3.6 … at 4, 5, 6 units; the smaller of the two best.
    assert plain.best_response()(rules, seen, rng) == 4
    assert plain.level1(plain.displayed_depth)(rules, seen, rng) == 4
    poor = dataclasses.replace(seen, valid=[True, True, True] + [False] * 18)
    assert (
        plain.best_response()(rules, poor, rng) == plain.ev_oracle("max")()(rules, poor, rng) == 2
    )
    high = dataclasses.replace(seen, mu=18)
    assert plain.ev_oracle("max")()(rules, high, rng) == 20
    fair = dataclasses.replace(seen, mu=20.5)
    assert plain.ev_oracle("max")()(rules, fair, rng) == 0
    assert plain.level1(plain.possible_depths)(rules, fair, rng) == 0
