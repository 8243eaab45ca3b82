"""What rounds were like: bins add up to the whole, and their intervals hold."""

import sys

import numpy as np
import pytest

import cardjax
from cardjax.env import make_params
from cardjax.evaluation import metrics, questions
from cardjax.evaluation.breakdown import FIGURES, break_down
from cardjax.evaluation.evaluate import Player, evaluate
from cardjax.evaluation.text_tables import breakdown_table
from cardjax.policies import BestResponse, Equilibrium, EvOracle, Pass

TWO, PARAMS = cardjax.make("two")
SEEDS = Player(Equilibrium(), [make_params(alpha=alpha) for alpha in (0.1, 0.3, 1.0)])


@pytest.fixture(scope="module", autouse=True)
def small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["cardjax.evaluation.evaluate"], "GAMES_AT_ONCE", 128)
        patch.setattr(questions, "FEWEST_DECIDING", 40)
        yield


@pytest.mark.parametrize(
    ("player", "opponent"),
    [
        pytest.param(SEEDS, None, marks=pytest.mark.slow),
        (Player(BestResponse(), SEEDS.params), EvOracle()),
    ],
    ids=["self", "ev_oracle"],
)
def test_the_bins_add_up_to_the_result(player, opponent):
    name = "self" if opponent is None else "ev_oracle"
    (whole,) = evaluate(TWO, PARAMS, player, {name: opponent or Pass()}, 200)
    bins = break_down(TWO, PARAMS, player, opponent, ("event", "hints"), 200)
    assert len(bins) == 6 * 4
    assert sum(found.n_rounds for found in bins) == 2000
    seen = [found for found in bins if found.n_rounds]
    rounds, pnl, expected, loss = (
        np.array([found.figures[figure].mean for found in seen])
        for figure in ("rounds", "pnl", "expected_pnl", "loss")
    )
    assert rounds.sum() == pytest.approx(1)
    assert 10 * (rounds * pnl).sum() == pytest.approx(whole.mean_pnl.mean, rel=1e-4)
    assert 10 * (rounds * expected).sum() == pytest.approx(whole.mean_expected_pnl.mean, rel=1e-4)
    assert loss.sum() == pytest.approx(10 * whole.metrics["regret"].mean, rel=1e-3)


@pytest.mark.slow
def test_one_bin_of_all_rounds_has_the_results_intervals(monkeypatch):
    for module in (metrics, questions):
        monkeypatch.setattr(module, "FEWEST_DECIDING", 1)
    calm = make_params(**{"flags.enable_events": False})
    (whole,) = evaluate(TWO, calm, SEEDS, {"self": Pass()}, 200)
    (found, *others) = break_down(TWO, calm, SEEDS, None, ("event",), 200)
    assert found.keys == {"event": "none"}
    assert [other.n_rounds for other in others] == [0] * 5
    np.testing.assert_allclose(found.figures["score"], whole.score, rtol=1e-3)
    np.testing.assert_allclose(
        10 * np.array(found.figures["pnl"]), whole.mean_pnl, rtol=1e-3, atol=1e-4
    )


def test_a_bin_that_few_games_decide_has_no_interval_and_is_printed_without():
    bins = break_down(TWO, PARAMS, Player(EvOracle(), [None]), None, ("event",), 200)
    (many,) = [found for found in bins if found.keys == {"event": "none"}]
    few = [found for found in bins if found.n_rounds and found is not many]
    # Hundreds of rounds, in nearly all of which the oracle passes.
    assert max(found.n_rounds for found in few) > 200
    amounts = [name for name, figure in FIGURES.items() if not figure.is_rate]
    assert all(found.figures[name][1:] == (None, None) for found in few for name in amounts)
    assert all(many.figures[name].low < many.figures[name].high for name in FIGURES)
    # How often a kind of round occurs is a rate, which has an interval whatever it is.
    assert all(found.figures["rounds"].low < found.figures["rounds"].high for found in bins)
    table = breakdown_table(bins, "a title").splitlines()
    assert table[0] == "a title"
    assert table[-1].endswith("What has no ± is decided by too few games.")
    assert table[2].split()[:2] == ["event", "rounds"]
    entry = many.as_json()
    assert entry["pnl_ci95"] == list(many.figures["pnl"][1:])


def test_no_games_are_refused():
    with pytest.raises(ValueError, match="n_games = 0"):
        break_down(TWO, PARAMS, SEEDS, None, ("event",), 0)
