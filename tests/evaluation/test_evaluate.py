"""Scores: the benchmark scores 1, passing 0, and the draws are the ones that were asked for."""

import functools
import math
import sys

import jax
import numpy as np
import pytest

import cardjax
import cardjax.evaluation.evaluate
from cardjax.env import make_params
from cardjax.evaluation.evaluate import TEST, VALIDATION, Player, domain_key, evaluate, self_play_score
from cardjax.policies import BestResponse, Equilibrium, EvOracle, Pass, RandomValid

TWO, PARAMS = cardjax.make("two")
SINGLE, _ = cardjax.make("single")
RESULT_KEYS = {"opponent", "mean_pnl", "ci95", "score", "score_ci95"}
"""DESIGN.md, "Contract"."""


@pytest.fixture(scope="module", autouse=True)
def small_batches():
    """64 games a batch, so that a few hundred games are several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["cardjax.evaluation.evaluate"], "GAMES_AT_ONCE", 64)
        yield


def scripted(policy, n=1):
    return Player(policy, [PARAMS] * n)


@functools.cache
def results(policy, opponents=("self",), n_games=128, **how):
    table = {"self": Pass(), "ev_oracle": EvOracle(), "pass": Pass()}
    return evaluate(TWO, PARAMS, scripted(policy), {name: table[name] for name in opponents}, n_games, **how)


def test_the_equilibrium_against_itself_scores_1_exactly():
    (result,) = results(Equilibrium())
    assert result.score == (1, 1, 1)
    assert result.mean_expected_pnl.mean > 0.5


def test_passing_earns_and_scores_0():
    (result,) = results(Pass())
    assert result.mean_pnl == result.mean_expected_pnl == result.score == (0, 0, 0)


def test_random_orders_score_below_0():
    (result,) = results(RandomValid())
    assert result.score.high < 0


def test_alone_in_the_market_the_best_response_scores_1():
    (result,) = evaluate(SINGLE, PARAMS, scripted(BestResponse()), {"self": Pass()}, 128)
    assert result.score.mean == pytest.approx(1, abs=1e-6)
    assert result.mean_expected_pnl.mean > 0.5


def test_results_come_in_the_order_of_the_opponents():
    several = results(Equilibrium(), ("ev_oracle", "self", "pass"))
    assert [result.opponent for result in several] == ["ev_oracle", "self", "pass"]
    crowded, _, alone = several
    assert crowded.mean_expected_pnl.mean < alone.mean_expected_pnl.mean  # the oracle takes depth, a passer none


def test_every_opponent_is_met_on_the_same_draws():
    assert results(Equilibrium(), ("ev_oracle", "self", "pass"))[1] == results(Equilibrium())[0]


def test_games_beyond_a_whole_batch_are_counted_exactly():
    done, trades = [], []
    for n in (64, 100, 128):
        (result,) = evaluate(TWO, PARAMS, scripted(EvOracle()), {"self": Pass()}, n, progress=done.append)
        assert result.n_units == n
        trades.append(result.metrics["trade_rate"] * n * 10)
    assert done == [64, 64, 36, 64, 64]
    # Trades are averaged over two seats: the rate's denominator is that of these games and no others.
    np.testing.assert_allclose(2 * np.array(trades), np.round(2 * np.array(trades)), atol=1e-6)
    assert trades[0] < trades[1] < trades[2]


def test_a_second_batch_is_not_the_first_again():
    assert results(EvOracle(), n_games=64)[0].mean_pnl.mean != results(EvOracle(), n_games=128)[0].mean_pnl.mean


def test_the_same_call_gives_the_same_result():
    assert results(Equilibrium())[0] == evaluate(TWO, PARAMS, scripted(Equilibrium()), {"self": Pass()}, 128)[0]


@pytest.mark.parametrize("how", [{"seed": 1}, {"domain": VALIDATION}], ids=str)
def test_another_seed_or_domain_draws_other_games(how):
    assert results(EvOracle(), **how)[0].mean_pnl != results(EvOracle())[0].mean_pnl


def test_training_validation_and_test_have_keys_of_their_own():
    keys = [domain_key(seed, domain) for seed in range(20) for domain in (0, VALIDATION, TEST)]
    assert len({tuple(jax.random.key_data(key).tolist()) for key in keys}) == 60


def test_several_training_seeds_are_the_units_of_the_interval():
    # Three "trainings" that think impact is worth different amounts.
    player = Player(Equilibrium(), [make_params(alpha=alpha) for alpha in (0.1, 0.3, 1.0)])
    (result,) = evaluate(TWO, PARAMS, player, {"self": Pass()}, 128)
    alone = [evaluate(TWO, PARAMS, Player(Equilibrium(), [p]), {"self": Pass()}, 128)[0] for p in player.params]
    assert (result.unit, result.n_units) == ("training seeds", 3)
    assert result.score.mean == pytest.approx(np.mean([seed.score.mean for seed in alone]))
    assert result.score.low < result.score.mean < result.score.high
    assert result.metrics["trade_rate"] == pytest.approx(np.mean([seed.metrics["trade_rate"] for seed in alone]))


def test_the_json_entry_has_the_contracts_keys_and_every_metric():
    entry = results(Equilibrium())[0].as_json()
    assert set(entry) >= RESULT_KEYS | {"trade_rate", "rejection_rate", "mean_size", "fill_ratio", "ruin_probability"}
    low, high = entry["ci95"]
    assert low < entry["mean_pnl"] < high
    assert entry["score_ci95"] == [1, 1]


def test_metrics_are_what_their_names_say():
    metrics = results(EvOracle())[0].metrics
    assert 0.05 < metrics["trade_rate"] < 1
    assert metrics["rejection_rate"] == 0
    assert 1 <= metrics["mean_size"] <= 10
    assert 0 < metrics["fill_ratio"] < 1
    assert metrics["mean_slippage"] > 0
    assert math.isnan(results(Pass())[0].metrics["mean_size"])


def test_where_even_the_equilibrium_passes_there_is_no_score():
    fair = make_params(sigma_q=0)
    (result,) = evaluate(TWO, fair, Player(EvOracle(), [fair]), {"self": Pass()}, 64)
    assert math.isnan(result.score.mean)
    assert result.score[1:] == (None, None)


def test_no_games_are_refused():
    with pytest.raises(ValueError, match="n_games = 0"):
        evaluate(TWO, PARAMS, scripted(Pass()), {"self": Pass()}, 0)


def test_the_training_loops_score_is_the_one_on_validation_draws():
    alphas = jax.numpy.array([0.3, 1.0])
    stacked = jax.vmap(lambda alpha: PARAMS.replace(alpha=alpha))(alphas)
    scores = self_play_score(TWO, PARAMS, Equilibrium(), 128)(stacked)
    player = Player(Equilibrium(), [PARAMS.replace(alpha=alpha) for alpha in alphas])
    expected = [
        evaluate(TWO, PARAMS, Player(Equilibrium(), [params]), {"self": Pass()}, 128, domain=VALIDATION)[0].score.mean
        for params in player.params
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    assert scores[0] == pytest.approx(1, abs=1e-6)
