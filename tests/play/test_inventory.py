"""Where units are carried, a game shows what is held, what it brought and what it is charged."""

import dataclasses
import json

import pytest

from cardjax.env import ParameterError
from cardjax.play import (
    Game,
    SeatedGame,
    explain,
    find_participant,
    human,
    load_game,
    make_setup,
    parts_of,
    save_game,
    score_of,
    why_invalid,
)
from cardjax.play.score import compared, totals_of
from cardjax.play.screen import Screen
from cardjax.play.web.players import Roster, ServedPlayer
from cardjax.policies import Pass, make_policy

ORDERS = [3, 0, 12, 20, 1, 10, 0, 11, 2, 5]
LIMIT = 6
PHI = 0.05


def setup_of(kind="two", **overrides):
    values = {"preset": "inventory", "inventory_limit": LIMIT, "risk.phi": PHI} | overrides
    return make_setup(kind, overrides=values, seed=3)


@pytest.fixture(scope="module", params=["single", "two"])
def game(request):
    setup = setup_of(request.param)
    others = [find_participant("myopic", setup)] if request.param == "two" else []
    table = SeatedGame(setup, [human(), *others])
    for action in ORDERS:
        table.play({0: action})
    return table


def test_a_game_s_accounts_add_up(game):
    held, wealth = 0, 500.0
    for record in game.records:
        order, parts = record.orders[0], parts_of(record, 0)
        assert record.inventory[0] == held and record.inventory_limit == LIMIT
        size = order.size if order.side == "buy" else -order.size
        own = size * (record.S - order.exec_price)
        assert order.carry_pnl == pytest.approx(held * (record.S - record.mark), abs=1e-3)
        assert order.pnl == pytest.approx(own + order.carry_pnl, abs=1e-3)
        assert order.own_pnl == pytest.approx(own, abs=1e-3)
        total = parts.carry + parts.luck + parts.edge - parts.own_impact - parts.others_impact
        assert total == pytest.approx(order.pnl, abs=2e-3)
        held, wealth = held + size, wealth + order.pnl
        assert order.inventory == held and abs(held) <= LIMIT
        assert order.risk_charge == pytest.approx(PHI * held**2, rel=1e-5)
        assert order.wealth_after == pytest.approx(wealth, abs=1e-2)
    totals = totals_of(game.records, 0)
    assert totals.payoff == pytest.approx(totals.expected_pnl - totals.risk_charge)
    assert held and totals.risk_charge > 0


def test_passing_is_worth_nothing_and_the_charge_counts(game):
    for record in game.records:
        assert record.orders[0].action_values[0] == 0 <= record.orders[0].best_reply_value
    last, held = game.records[-1], game.records[-1].inventory[0]
    if game.setup.n_players == 1:  # A unit has no impact, and after the last round nothing follows.
        added = PHI * ((held + 1) ** 2 - held**2)
        worth = last.mu - last.ask - added
        assert last.orders[0].action_values[1] == pytest.approx(worth, abs=1e-4)


def test_the_optimum_is_the_planner_s_and_unknown_among_several(game):
    alone = game.setup.n_players == 1
    planner = find_participant("planner", game.setup)
    for record in game.records:
        order = record.orders[0]
        assert bool(order.benchmark) == alone
        if alone:
            ((action, chance),) = order.benchmark
            assert chance == 1 and action in record.valid_actions[0]
            assert order.benchmark_value == pytest.approx(order.best_reply_value, abs=1e-4)
    score = score_of(game.setup, game.records, 0)
    assert score.score is None and (score.benchmark is not None) == alone
    if alone:
        own = compared(game.setup, game.participants, game.records, 0, [planner])["planner"]
        assert own.payoff == pytest.approx(score.benchmark.payoff)


def test_a_round_is_explained_with_what_was_carried_and_what_is_charged(game):
    said = [explain(record, 0) for record in game.records]
    assert said[0].endswith(f"You now hold 3 units, for which {9 * PHI:.2f} is charged.")
    carried = game.records[1]
    side = "above" if carried.mark <= carried.S else "below"
    assert f"{side} the mark of {carried.mark:.2f}. You passed. " in said[1]
    assert said[1].startswith("The 3 units that you held ")
    assert "on the order" in said[2] and "counted" in " ".join(said)


def test_an_order_past_the_limit_says_so():
    table = Game(setup_of("single"))
    table.play([5])
    assert 2 not in table.offer.valid_actions[0] and 1 in table.offer.valid_actions[0]
    assert why_invalid(table.offer, 0, 2) == f"you would hold 7 units, and {LIMIT} are the most"
    record = table.play([2])
    assert record.orders[0].rejected and record.orders[0].inventory == 5
    assert "counted as a pass: you would hold 7 units" in explain(record, 0)


def test_the_screen_shows_a_bar_and_the_charge(game, capsys):
    screen = Screen(game.names, [0], True, inventory_limit=LIMIT)
    screen.help()
    for record in game.records[:3]:
        screen.offer(record)
        screen.round(record)
    screen.end(0, score_of(game.setup, game.records, 0), [])
    text = " ".join(capsys.readouterr().out.split())
    assert "You hold 0 units of at most 6 [----------|----------]" in text
    assert "You hold 3 units of at most 6, marked at" in text
    assert "[----------|#####-----] +3" in text
    assert f"holding +3 is charged {9 * PHI:.2f}" in text and "up to 6 held or owed" in text
    alone = game.setup.n_players == 1
    assert ("skill" in text and "charge" in text) and ("No score: nobody" in text) == (not alone)


def test_a_saved_game_says_that_units_were_carried(game, tmp_path):
    path = tmp_path / "game.json"
    save_game(path, game.setup, game.names, game.records)
    assert list(load_game(path).records) == game.records
    document = json.loads(path.read_text())
    assert document["env"]["env.inventory"] is True
    document["env"]["env.inventory"] = False
    path.write_text(json.dumps(document))
    with pytest.raises(ParameterError, match="the market's figures are not the saved ones"):
        load_game(path)


def test_who_has_learned_without_inventory_plays_no_game_with_it():
    learned = ServedPlayer("mine", Pass(), {}, n_players=2, hides_event=False, inventory=False)
    with_it, without = setup_of(), make_setup("two")
    roster = Roster((learned,))
    assert roster.find("opponent", "mine", without).name == "mine"
    with pytest.raises(ParameterError, match="was trained without inventory, and here units are"):
        roster.find("opponent", "mine", with_it)
    carrying = dataclasses.replace(learned, inventory=True)
    assert "here nothing is carried" in carrying.misfit(without) and not carrying.misfit(with_it)
    assert roster.compared(with_it)[0].name == "planner"
    assert roster.compared(setup_of("single"))[0].policy == make_policy("planner")
