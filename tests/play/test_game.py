"""The core says what CardMarket and the stage game say, and shows nothing that a player may not
know.
"""

import dataclasses
import json

import jax
import numpy as np
import pytest

from cardjax.env import N_ROUNDS, CardMarket, ParameterError, make_params
from cardjax.env.execution import position_of
from cardjax.play import Game, Offer, Participant, SeatedGame, find_participant, human, make_setup
from cardjax.play.game import PLAY
from cardjax.play.words import card_name, event_words
from cardjax.policies import (
    BestResponse,
    Pass,
    expected_pnl,
    flow_of,
    make_policy,
    symmetric_equilibrium,
)
from cardjax.policies.stage_game import NOBODY

KINDS = ("single", "two")


@pytest.fixture(scope="module")
def market_functions():
    """kind → the market's own functions, jitted apart from the game's."""

    def of(n):
        market = CardMarket(n)
        return jax.jit(market.reset), jax.jit(market.view), jax.jit(market.step_env)

    return {"single": of(1), "two": of(2)}


@pytest.fixture(scope="module")
def followed(games, market_functions):
    """(game, record, view, info) of every round: the market driven directly, by the documented
    keys.
    """

    def follow(kind, game):
        reset, view_of, step = market_functions[kind]
        params = game.setup.params
        key = jax.random.fold_in(jax.random.key(game.setup.seed), PLAY)
        _, state = reset(jax.random.fold_in(key, 0), params)
        for i, record in enumerate(game.records):
            view = view_of(state, params)
            action = np.array([order.requested for order in record.orders], np.int32)
            _, state, _, terminated, info = step(
                jax.random.fold_in(key, i + 1), state, action, params
            )
            yield kind, game, record, jax.device_get(view), jax.device_get(info), bool(terminated)

    return [row for kind in KINDS for game in games[kind] for row in follow(kind, game)]


def test_a_record_is_what_the_market_reports(followed):
    refused = 0
    for _, _, record, view, info, terminated in followed:
        for name in (
            "event",
            "S",
            "mu",
            "sigma",
            "bid",
            "ask",
            "mid",
            "spread",
            "depth_bid",
            "depth_ask",
            "displayed_bid",
            "displayed_ask",
        ):
            assert getattr(record, name) == pytest.approx(float(info[name]), rel=1e-6, abs=1e-6), (
                name
            )
        assert record.cards == tuple(info["cards"])
        assert record.hints == record.cards[: int(info["n_hints"])]
        assert record.over is terminated
        for seat, order in enumerate(record.orders):
            for name in ("action", "rejected", "exec_price", "fill_ratio", "slippage", "pnl"):
                assert getattr(order, name) == pytest.approx(
                    info[name][seat], rel=1e-5, abs=1e-5
                ), name
            assert order.wealth_after == pytest.approx(float(info["wealth"][seat]))
            assert (
                order.wealth_before
                == record.wealth[seat]
                == pytest.approx(float(view.wealth[seat]))
            )
            assert record.valid_actions[seat] == tuple(np.flatnonzero(info["action_mask"][seat]))
            position = int(position_of(np.int32(order.action)))
            assert order.expected_pnl == pytest.approx(
                position * (record.mu - order.exec_price), abs=1e-3
            )
            refused += order.rejected
    assert refused > 5


def test_what_the_optimum_would_have_done_is_the_stage_game_s(followed):
    best_response = jax.jit(lambda params, view: BestResponse().choose(params, view))
    equilibrium = jax.jit(symmetric_equilibrium, static_argnums=2)
    values_of = jax.jit(expected_pnl)
    for kind, game, record, view, _, _ in followed:
        params = game.setup.params
        mix = equilibrium(params, view, len(record.orders))
        for seat, order in enumerate(record.orders):
            own = jax.tree.map(lambda leaf, seat=seat: leaf[seat], view)
            if kind == "single":
                flow = NOBODY
                assert order.best_reply == int(best_response(params, view)[seat])
                assert order.benchmark == ((order.best_reply, 1.0),)
            else:
                flow = flow_of(jax.nn.one_hot(record.orders[1 - seat].action, 21), 1)
            values = values_of(params, own, flow)
            np.testing.assert_allclose(order.action_values, values, rtol=1e-4, atol=1e-4)
            valid = np.where(own.action_mask, values, -np.inf)
            assert order.best_reply_value == pytest.approx(float(valid.max()), abs=1e-4)
            assert order.value == pytest.approx(float(values[order.action]), abs=1e-4)
            assert order.benchmark_value == pytest.approx(float(mix.payoff[seat]), abs=1e-4)
            assert sum(chance for _, chance in order.benchmark) == pytest.approx(1)
            sizes = {action - 10 if action > 10 else action for action, _ in order.benchmark}
            assert min(sizes) == int(mix.size[seat])


def test_an_offer_has_no_field_that_is_hidden_from_players():
    hidden = {"S", "mu", "sigma", "cards", "depth_bid", "depth_ask", "orders"}
    assert not hidden & {field.name for field in dataclasses.fields(Offer)}


def test_a_depth_at_the_cap_is_said_to_be_one(games):
    offers = [record for kind in KINDS for game in games[kind] for record in game.records]
    sides = [(o.displayed_bid, o.depth_bid, o.bid_capped) for o in offers]
    sides += [(o.displayed_ask, o.depth_ask, o.ask_capped) for o in offers]
    assert {capped for *_, capped in sides} == {True, False}
    assert all(capped == (shown < true or true == 10.0) for shown, true, capped in sides)
    everything = Game(make_setup("single", overrides={"liquidity.cap": 20.0, "hints": 3}))
    assert everything.offer.displayed_bid == 20.0  # all cards shown: the largest depth there is
    assert not everything.offer.bid_capped and not everything.offer.ask_capped


def test_records_are_plain_json(games):
    record = games["two"][0].records[0]
    document = json.loads(json.dumps(dataclasses.asdict(record), allow_nan=False))
    assert document["orders"][1]["wealth_after"] == record.orders[1].wealth_after
    assert "-0.0" not in json.dumps(document)


def test_the_cards_do_not_depend_on_what_is_played(games):
    played = games["two"][0]
    idle = Game(played.setup)
    while not idle.over:
        idle.play([0, 0])
    for one, other in zip(played.records, idle.records, strict=True):
        assert (one.event, one.cards, one.hints, one.ask) == (
            other.event,
            other.cards,
            other.hints,
            other.ask,
        )
    assert len(idle.records) == N_ROUNDS


def test_stop_out_ends_a_game_early():
    risky = {"flags.stop_out": True, "stop_out_level": 0.99, "alpha": 20.0, "initial_wealth": 450.0}
    game = Game(make_setup("single", overrides=risky, seed=1))
    while not game.over:
        buys = [a for a in game.offer.valid_actions[0] if a <= 10]
        game.play([buys[-1]])
    assert len(game.records) < N_ROUNDS
    assert game.records[-1].orders[0].wealth_after <= 0.99 * 450
    with pytest.raises(ValueError, match="the game is over"):
        game.play([0])


@pytest.mark.parametrize(
    "actions", [[0], [0, 0, 0], [0, 21], [-1, 0], [0, 1.0], [True, 0], [0, "1"], [None, 0]]
)
def test_actions_that_are_none_are_refused_and_nothing_happens(actions):
    game = Game(make_setup("two", seed=3))
    offer = game.offer
    with pytest.raises(ValueError, match="action"):
        game.play(actions)
    assert game.records == [] and game.offer == offer


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kind": "three"}, "env.kind = three"),
        ({"preset": "nothing"}, "env.preset = nothing"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 1.5}, "seed = 1.5"),
        ({"overrides": {"alpha": -1}}, "env.alpha = -1"),
        ({"overrides": {"reward": "pnl"}}, "env.reward = pnl: has no part"),
        ({"kind": "single", "n_players": 2}, "env.n_players = 2"),
    ],
)
def test_setups_that_are_not_allowed_are_refused_in_one_line(asked, said):
    with pytest.raises(ParameterError, match=said) as refusal:
        make_setup(**asked)
    assert "\n" not in str(refusal.value)


def test_events_are_said_in_words():
    assert event_words(0) == "All ranks are in the deck"
    assert event_words(3) == "Only even ranks: 2 4 6 8 10 Q A"
    assert event_words(5 + 12 * 5 + 9) == "Sevens count as 12 this round"
    assert len({event_words(event) for event in range(161)}) == 161
    assert [card_name(rank) for rank in (2, 10, 11, 14)] == ["2", "10", "J", "A"]


def test_a_policy_at_the_table_decides_as_it_would_in_the_market(duel, market_functions):
    """level1 remembers the game, so its carry has to be kept from round to round."""
    reset, view_of, step = market_functions["two"]
    setup, level1 = duel.setup, make_policy("level1")
    act = jax.jit(level1.act)
    key = jax.random.fold_in(jax.random.key(setup.seed), PLAY)
    _, state = reset(jax.random.fold_in(key, 0), setup.params)
    carry = level1.init(key, (2,))
    for i, record in enumerate(duel.records):
        carry, action = act(setup.params, carry, view_of(state, setup.params), key)
        assert record.orders[1].requested == int(action[1])
        played = np.array([order.requested for order in record.orders])
        _, state, *_ = step(jax.random.fold_in(key, i + 1), state, played, setup.params)


def test_a_table_asks_for_the_orders_of_people_alone(duel):
    table = SeatedGame(duel.setup, [human(), find_participant("pass", duel.setup)])
    for orders in ({}, {1: 0}, {0: 0, 1: 0}):
        with pytest.raises(ValueError, match="orders of seats"):
            table.play(orders)
    assert table.records == []
    with pytest.raises(ValueError, match="1 participants in a game of 2"):
        SeatedGame(duel.setup, [human()])


@pytest.mark.slow
def test_a_trained_run_takes_a_seat(tmp_path, monkeypatch):
    from cardjax.config import make_config
    from cardjax.training import runs

    monkeypatch.chdir(tmp_path)
    small = {
        "train.n_envs": 64,
        "train.total_steps": 6400,
        "train.n_evals": 1,
        "train.eval_games": 64,
        "train.final_eval_games": 64,
        "ppo.n_minibatches": 4,
        "ppo.hidden": [8],
    }
    folder = runs.start(
        "ippo", make_config(small | {"name": "own", "ppo.memory": "gru", "ppo.share_params": False})
    )
    setup = make_setup("two", seed=5)
    seat = find_participant(str(folder), setup)
    assert seat.name == "run own"
    table = SeatedGame(setup, [human(), seat])
    while not table.over:
        table.play({0: 0})
    assert not any(record.orders[1].rejected for record in table.records)
    with pytest.raises(ParameterError, match=r"was trained for 2 player\(s\), not for 1"):
        find_participant(str(folder), make_setup("single"))


def test_a_seat_that_nobody_knows_is_refused(tmp_path, duel):
    with pytest.raises(
        ParameterError, match="--opponent = nobody: is neither a run folder nor a policy"
    ):
        find_participant("nobody", duel.setup)
    with pytest.raises(ParameterError, match="is not a run folder"):
        find_participant(str(tmp_path), duel.setup)
    (tmp_path / "notes").write_text("no policy")
    with pytest.raises(ParameterError):
        find_participant(str(tmp_path / "notes"), duel.setup)
    assert find_participant("human", duel.setup) == Participant("human")


@pytest.mark.parametrize(
    ("overrides", "impact"),
    [({}, True), ({"flags.enable_impact": False}, False), ({"alpha": 0.0}, False)],
)
def test_depth_matters_where_orders_can_move_the_price(overrides, impact):
    assert make_setup("two", overrides=overrides).has_impact is impact


def test_who_has_learned_where_the_maker_is_a_player_takes_no_seat(monkeypatch, tmp_path):
    from cardjax.evaluation.evaluate import Player
    from cardjax.loading import players
    from cardjax.play.web.players import Roster, load_served

    learned = players.Found(Player(Pass(), [{}]), CardMarket(2, maker="agent"), make_params())
    monkeypatch.setattr(players, "load_player", lambda path: learned)
    with pytest.raises(ParameterError, match=r"--opponent = .* where the maker is a player"):
        find_participant(str(tmp_path), make_setup())
    (served,) = load_served([str(tmp_path)])
    assert not served.fits(2) and served.fits(2, has_maker=True)
    with pytest.raises(ParameterError, match=r"opponent = .* where the maker is a player"):
        Roster((served,)).find("opponent", served.label, make_setup())
