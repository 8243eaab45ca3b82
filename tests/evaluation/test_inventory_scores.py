"""Scores where risk is charged for (docs/rules.md#inventory): whom they are measured by, of what,
and where there are none.
"""

import jax
import numpy as np
import pytest

import cardjax
from cardjax.env.declaration import ParameterError
from cardjax.evaluation.breakdown import break_down
from cardjax.evaluation.comparison import compare
from cardjax.evaluation.diagnostics import diagnose
from cardjax.evaluation.evaluate import SELF, TEST, Player, domain_key, evaluate
from cardjax.evaluation.match import Seats, play_games
from cardjax.evaluation.played_rounds import Subject
from cardjax.evaluation.text_tables import results_table
from cardjax.evaluation.validation import self_play_payoff
from cardjax.evaluation.yardsticks import ALONE, STAGE, yardstick_of
from cardjax.policies import Pass, make_policy
from cardjax.policies.policy import prepared

N_GAMES = 2048
LIMIT = 5
"""A small table is solved in no time."""


def scripted(name):
    return Player(make_policy(name), [None])


@pytest.fixture(scope="module")
def single():
    return cardjax.make("two", "inventory", 1, inventory_limit=LIMIT)


@pytest.fixture(scope="module")
def myopic(single):
    (result,) = evaluate(*single, scripted("myopic"), {SELF: Pass()}, N_GAMES)
    return result


def test_each_game_has_its_yardstick_or_says_why_not():
    def of(kind="single", **overrides):
        return yardstick_of(*cardjax.make(kind, **overrides))

    assert of() == ALONE and of("two") == STAGE
    assert of(preset="inventory").policy == make_policy("planner")
    assert of(**{"risk.phi": 0.1}).policy == make_policy("myopic")
    assert of(event_info="hidden", **{"risk.phi": 0.1}).policy == make_policy("myopic")
    for missing, why in (
        (of("two", inventory=True), "inventory, no exact benchmark is known for several players"),
        (of("two", **{"risk.phi": 0.1}), "a charge for risk, no exact benchmark is known"),
        (of(inventory=True, event_info="belief"), "inventory and hidden events, the exact program"),
    ):
        assert missing.policy is None and missing.charged and why in missing.missing


def test_the_planner_is_the_benchmark_of_a_single_player(single):
    (result,) = evaluate(*single, scripted("planner"), {SELF: Pass()}, N_GAMES)
    assert result.score.mean == 1 and result.metrics["regret"].mean == 0
    assert not result.against_self and "no_score" not in result.as_json()


def test_scores_and_metrics_are_what_the_games_come_to(single, myopic):
    market, params = single
    key = jax.random.fold_in(domain_key(0, TEST), 0)

    def played(name):
        policy = make_policy(name)
        seat = Seats(policy, prepared(policy, params), 1)
        games = jax.jit(lambda: play_games(market, [seat], params, key, N_GAMES))()
        return {name: np.float64(leaf)[:, 0] for name, leaf in games._asdict().items()}

    own, best = played("myopic"), played("planner")
    payoff, attainable = (g["expected_pnl"] - g["risk_charge"] for g in (own, best))
    figures = {
        "score": payoff.mean() / attainable.mean(),
        "realised_score": (own["pnl"] - own["risk_charge"]).mean() / attainable.mean(),
        "regret": (attainable - payoff).mean() / 10,
        "mean_expected_pnl": own["expected_pnl"].mean(),
        "mean_payoff": payoff.mean(),
        "risk_charge": own["risk_charge"].mean(),
        "mean_inventory": own["inventory"].mean() / 10,
        "turnover": own["units"].mean(),
        "end_inventory": own["end_inventory"].mean(),
    }
    mean_square = own["inventory_squared"].mean() / 10
    figures["std_inventory"] = np.sqrt(mean_square - figures["mean_inventory"] ** 2)
    assert own["risk_charge"].mean() == pytest.approx(0.1 * mean_square, rel=1e-4)
    assert 0.6 < figures["score"] < 0.8
    for name, value in figures.items():
        assert myopic.metrics[name].mean == pytest.approx(value, rel=1e-4), name
        assert myopic.metrics[name].low is not None, name
    payoffs = self_play_payoff(market, make_policy("myopic"), N_GAMES)
    rows = jax.tree.map(lambda leaf: np.asarray(leaf)[None], params)
    validation = payoffs(rows, rows)
    assert validation.shape == (1,) and abs(validation[0] - payoff.mean()) < 0.5


def test_several_players_have_no_score_but_everything_else(single):
    market, params = cardjax.make("two", "inventory", inventory_limit=LIMIT)
    opponents = {SELF: Pass(), "best_response": make_policy("best_response")}
    results = evaluate(market, params, scripted("myopic"), opponents, N_GAMES)
    for result in results:
        entry = result.as_json()
        assert np.isnan([entry[name] for name in ("score", "realised_score", "regret")]).all()
        assert "several players" in entry["no_score"]
        assert "exploitability" not in entry and "joint_surplus" not in entry
        assert None not in entry["mean_payoff_ci95"] and entry["risk_charge"] > 0
    table = results_table(results)
    assert "No score: with inventory, no exact benchmark is known for several players." in table
    assert "less charge" in table and "held" in table and "equilibrium" not in table


def test_a_table_says_what_the_score_is_of(myopic):
    table = results_table([myopic])
    assert "score: expected P&L less the charge for risk as a share of the exact optimum" in table


def test_without_inventory_the_optimum_of_a_single_player_minds_the_charge():
    market, params = cardjax.make("two", n_players=1, **{"risk.phi": 0.01})
    scores = {
        name: evaluate(market, params, scripted(name), {SELF: Pass()}, N_GAMES)[0].score.mean
        for name in ("myopic", "best_response")
    }
    assert scores["myopic"] == 1
    assert 0.5 < scores["best_response"] < 0.99


def test_losses_by_kind_of_round_add_up_to_the_regret(single, myopic):
    bins = break_down(*single, scripted("myopic"), None, ["hints"], N_GAMES)
    total = sum(found.figures["loss"].mean for found in bins)
    assert total == pytest.approx(10 * myopic.metrics["regret"].mean, rel=1e-3)


def test_a_comparison_is_of_what_is_scored(single, myopic):
    result = compare(*single, scripted("planner"), scripted("myopic"), None, N_GAMES)
    assert result.expected_pnl.mean == pytest.approx(10 * myopic.metrics["regret"].mean, rel=1e-4)


def test_what_compares_each_round_with_its_own_optimum_is_refused(single):
    market, params = single
    subject = Subject("myopic", scripted("myopic"), market, params)
    with pytest.raises(ParameterError, match=r"env\.inventory = on: must be off for diagnose"):
        diagnose(subject, 16)
    charged = cardjax.make("two", **{"risk.phi": 0.1})
    with pytest.raises(ParameterError, match=r"env\.risk\.phi = 0\.1: must be 0 for diagnose"):
        diagnose(Subject("pass", scripted("pass"), *charged), 16)
