"""Scores: the benchmark scores 1, passing 0, and the draws are the ones that were asked for."""

import dataclasses
import functools
import math
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
import cardjax.evaluation.evaluate  # noqa: F401
from cardjax.config import load_config
from cardjax.env import make_params, params_grid
from cardjax.evaluation import exact_metrics, metrics
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.evaluate import (
    TEST,
    VALIDATION,
    Player,
    _play,
    domain_key,
    evaluate,
    evaluate_grid,
)
from cardjax.evaluation.metrics import METRICS, QUANTILES
from cardjax.evaluation.validation import self_play_payoff
from cardjax.policies import (
    BestResponse,
    Deterministic,
    Equilibrium,
    EvOracle,
    Pass,
    RandomValid,
)
from cardjax.policies.hidden_depth import expected_overflow
from cardjax.policies.stage_game import action_of, good_side, impact_of

TWO, PARAMS = cardjax.make("two")
SINGLE, _ = cardjax.make("single")
RESULT_KEYS = {"opponent", "mean_pnl", "ci95", "score", "score_ci95"}
"""What outside code relies on in an entry of summary.json."""


@pytest.fixture(scope="module", autouse=True)
def small_batches():
    """64 games a batch, so that a few hundred games are several; and they are enough for intervals
    of exact values.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["cardjax.evaluation.evaluate"], "GAMES_AT_ONCE", 64)
        patch.setattr(exact_metrics, "FOR_FALLS", 100)
        patch.setattr(metrics, "FEWEST_DECIDING", 20)
        yield


@dataclasses.dataclass(frozen=True)
class Restrained(Deterministic):
    """Half of the joint optimum's total, rounded down."""

    def choose(self, params, view):
        side, total = good_side(view), np.arange(21, dtype=np.float32)
        shown, sigma, spread = (x[..., None] for x in (side.displayed, view.sigma, view.spread))
        cost = impact_of(params) * expected_overflow(shown, sigma, spread, total, params)
        best = jax.numpy.argmax(total * (side.edge[..., None] - cost), -1)
        return action_of(side.is_sell, jax.numpy.minimum(best // 2, side.n_valid))


PLAYERS = OneOf((Equilibrium(), EvOracle(), RandomValid(), Pass(), BestResponse(), Restrained()))
OPPONENTS = {"self": Pass(), "ev_oracle": EvOracle(), "pass": Pass()}
SELF = {"self": Pass()}


def playing(policy, *params):
    """A player who is one of PLAYERS, with a training seed for each of the parameters: one compiled
    program serves all of them.
    """
    index = jnp.int32(PLAYERS.policies.index(policy))
    each = params or (PARAMS,)
    return Player(PLAYERS, [(index, (own,) * len(PLAYERS.policies)) for own in each])


@functools.cache
def results(policy, opponents=tuple(OPPONENTS), n_games=128, **how):
    chosen = {name: OPPONENTS[name] for name in opponents}
    return evaluate(TWO, PARAMS, playing(policy), chosen, n_games, **how)


def in_self_play(policy, **how):
    return results(policy, **how)[0]


def alone(policy, n_games=128):
    (result,) = evaluate(SINGLE, PARAMS, playing(policy), SELF, n_games)
    return result


def test_the_equilibrium_against_itself_scores_1_exactly():
    result = in_self_play(Equilibrium())
    assert result.score.mean == 1
    np.testing.assert_allclose(result.score, 1, atol=1e-9)
    assert result.mean_expected_pnl.mean > 0.5


def test_passing_earns_and_scores_0():
    result = in_self_play(Pass())
    assert result.mean_pnl == result.mean_expected_pnl == result.score == (0, 0, 0)


def test_random_orders_score_below_0():
    result = in_self_play(RandomValid())
    assert result.score.high < 0


def test_alone_in_the_market_the_best_response_scores_1():
    result = alone(BestResponse())
    assert result.score.mean == pytest.approx(1, abs=1e-6)
    assert result.mean_expected_pnl.mean > 0.5


def test_results_come_in_the_order_of_the_opponents():
    several = results(Equilibrium(), ("ev_oracle", "self", "pass"))
    assert [result.opponent for result in several] == ["ev_oracle", "self", "pass"]
    crowded, _, alone = several
    assert (
        crowded.mean_expected_pnl.mean < alone.mean_expected_pnl.mean
    )  # the oracle takes depth, a passer none


def test_every_opponent_is_met_on_the_same_draws():
    assert repr(results(Equilibrium(), ("ev_oracle", "self", "pass"))[1]) == repr(
        results(Equilibrium(), ("self",))[0]
    )  # NaN in it


def test_games_beyond_a_whole_batch_are_counted_exactly():
    done, trades = [], []
    for n in (64, 100, 128):
        (result,) = evaluate(TWO, PARAMS, playing(EvOracle()), SELF, n, progress=done.append)
        assert result.n_units == n
        trades.append(result.metrics["trade_rate"].mean * n * 10)
    assert done == [64, 64, 36, 64, 64]
    # Trades are averaged over two seats: the rate's denominator is that of these games and no
    # others.
    np.testing.assert_allclose(2 * np.array(trades), np.round(2 * np.array(trades)), atol=1e-6)
    assert trades[0] < trades[1] < trades[2]


def test_a_second_batch_is_not_the_first_again():
    assert (
        in_self_play(EvOracle(), n_games=64).mean_pnl.mean
        != in_self_play(EvOracle(), n_games=128).mean_pnl.mean
    )


def test_the_same_call_gives_the_same_result():
    again = evaluate(TWO, PARAMS, playing(Equilibrium()), OPPONENTS, 128)
    assert repr(results(Equilibrium())) == repr(again)  # NaN in it


@pytest.mark.parametrize("how", [{"seed": 1}, {"domain": VALIDATION}], ids=str)
def test_another_seed_or_domain_draws_other_games(how):
    assert in_self_play(EvOracle(), **how).mean_pnl != in_self_play(EvOracle()).mean_pnl


def test_training_validation_and_test_have_keys_of_their_own():
    keys = [domain_key(seed, domain) for seed in range(20) for domain in (0, VALIDATION, TEST)]
    assert len({tuple(jax.random.key_data(key).tolist()) for key in keys}) == 60


def test_several_training_seeds_are_the_units_of_the_interval():
    # Three "trainings" that think impact is worth different amounts.
    each = [make_params(alpha=alpha) for alpha in (0.1, 0.3, 1.0)]
    result, *_ = evaluate(TWO, PARAMS, playing(Equilibrium(), *each), OPPONENTS, 128)
    alone = [
        evaluate(TWO, PARAMS, playing(Equilibrium(), params), OPPONENTS, 128)[0] for params in each
    ]
    assert (result.unit, result.n_units) == ("training seeds", 3)
    assert result.score.mean == pytest.approx(np.mean([seed.score.mean for seed in alone]))
    assert result.score.low < result.score.mean < result.score.high
    for name in ("trade_rate", "sharpe", "fill_ratio", "max_drawdown_p95"):
        expected = np.mean([seed.metrics[name].mean for seed in alone])
        assert result.metrics[name].mean == pytest.approx(expected), name
    assert result.scores == tuple(seed.score.mean for seed in alone)
    luck = result.metrics["luck"]  # the same games for all seeds: their spread says nothing of it
    assert luck.half_width > 0.8 * alone[0].metrics["luck"].half_width
    assert luck.low < 0 < luck.high
    for name, interval in result.against_self.items():
        assert interval.mean == pytest.approx(
            np.mean([seed.against_self[name].mean for seed in alone]), abs=1e-9
        )
        assert interval.low < interval.mean < interval.high


def test_the_json_entry_has_the_contracts_keys_and_every_metric():
    entry = in_self_play(Equilibrium()).as_json()
    assert set(entry) >= RESULT_KEYS | {
        "trade_rate",
        "rejection_rate",
        "mean_size",
        "fill_ratio",
        "ruin_probability",
    }
    low, high = entry["ci95"]
    assert low < entry["mean_pnl"] < high
    np.testing.assert_allclose(entry["score_ci95"], 1, atol=1e-9)
    assert {f"{name}_ci95" for name in {**METRICS, **QUANTILES}} <= set(entry)
    assert "score_iqm" not in entry  # of several seeds only


def test_metrics_are_what_their_names_say():
    figures = {name: interval.mean for name, interval in in_self_play(EvOracle()).metrics.items()}
    assert 0.05 < figures["trade_rate"] < 1
    assert figures["rejection_rate"] == 0
    assert 1 <= figures["mean_size"] <= 10
    assert 0 < figures["fill_ratio"] < 1
    assert figures["mean_slippage"] > 0
    assert figures["impact_per_unit"] > figures["mean_slippage"]  # the large orders pay most
    assert figures["valid_order_rate"] == 1
    assert figures["max_drawdown"] < figures["max_drawdown_p95"]
    assert figures["std_pnl"] ** 2 == pytest.approx(figures["variance_pnl"])
    passing = {name: interval.mean for name, interval in in_self_play(Pass()).metrics.items()}
    assert math.isnan(passing["mean_size"]) and math.isnan(passing["valid_order_rate"])
    assert passing["sharpe"] == passing["sortino"] == passing["max_drawdown_p95"] == 0


def test_realised_and_conditional_means_agree_and_the_latter_is_known_better():
    result = in_self_play(Equilibrium(), n_games=1024)
    assert result.metrics["luck"].low < 0 < result.metrics["luck"].high
    assert result.shrinkage > 2
    one_seat = alone(EvOracle(), 256)
    widths = [x.high - x.low for x in (one_seat.mean_pnl, one_seat.mean_expected_pnl)]
    assert widths[0] / widths[1] == pytest.approx(one_seat.shrinkage)
    realised, score = one_seat.metrics["realised_score"], one_seat.score
    assert (realised.high - realised.low) / (score.high - score.low) == pytest.approx(
        one_seat.score_shrinkage
    )
    assert one_seat.score_shrinkage > 0


def test_a_players_seeds_meet_an_opponents_seeds():
    ours, theirs = (
        [make_params(alpha=a) for a in (0.1, 1.0)],
        [make_params(alpha=a) for a in (0.2, 2.0)],
    )
    (together,) = evaluate(
        TWO, PARAMS, playing(Equilibrium(), *ours), {"them": Player(Equilibrium(), theirs)}, 128
    )
    apart = [
        evaluate(TWO, PARAMS, playing(Equilibrium(), a), {"them": Player(Equilibrium(), [b])}, 128)[
            0
        ].score.mean
        for a, b in zip(ours, theirs, strict=True)
    ]
    assert together.scores == pytest.approx(apart)
    assert len(set(apart)) == 2


def test_where_even_the_equilibrium_passes_there_is_no_score():
    fair = make_params(sigma_q=0)
    result, *_ = evaluate(TWO, fair, playing(EvOracle(), fair), OPPONENTS, 64)
    assert math.isnan(result.score.mean)
    assert result.score[1:] == (None, None)


# Exploitability and the commons


def test_the_equilibrium_is_neither_exploitable_nor_away_from_itself():
    figures = in_self_play(Equilibrium()).against_self
    assert figures["exploitability"].mean == pytest.approx(0, abs=1e-4)
    assert figures["exploitability_share"].mean == pytest.approx(0, abs=1e-4)
    assert figures["commons_position"].mean == pytest.approx(0, abs=1e-4)


def test_exploitability_is_a_share_of_what_the_equilibrium_earns():
    figures = in_self_play(Pass()).against_self
    gain, share = (figures[name] for name in ("exploitability", "exploitability_share"))
    assert gain.low < gain.mean < gain.high
    # Passers lose the optimum of the single game, which is more than each of two earns in
    # equilibrium.
    assert gain.mean > 1.5
    assert 1 < share.mean < 1.5
    optimum = alone(Pass()).against_self
    assert gain.mean == pytest.approx(optimum["exploitability"].mean, abs=1e-4)
    assert optimum["exploitability_share"].mean == pytest.approx(1, abs=1e-4)
    assert "commons_position" not in optimum


def test_restraint_moves_a_commons_towards_the_joint_optimum_and_greed_away_from_it():
    commons = load_config(None, ["env.preset=commons"]).env
    position = {
        policy: evaluate(TWO, commons, playing(policy, commons), OPPONENTS, 128)[0].against_self
        for policy in (Restrained(), EvOracle())
    }
    restrained, greedy = (figures["commons_position"] for figures in position.values())
    assert 0.5 < restrained.low < restrained.high < 1.001
    assert greedy.high < -0.5
    assert position[Restrained()]["exploitability"].low > 0.1


@dataclasses.dataclass(frozen=True)
class OneSeatPlays(Deterministic):
    """Weights for each seat: one of them, which the parameters name, is `ev_oracle`; the others
    pass.
    """

    share_params: bool = False

    def choose(self, params, view):
        seat, market = params
        orders = EvOracle().choose(market, view)
        return jnp.where(jnp.arange(orders.shape[-1]) == seat, orders, 0)


def test_of_a_policy_with_weights_for_each_seat_a_best_reply_is_made_at_each():
    seated = [
        evaluate(TWO, PARAMS, Player(OneSeatPlays(), [(jnp.int32(seat), PARAMS)]), SELF, 128)[
            0
        ].against_self
        for seat in (0, 1)
    ]
    names = ("exploitability_seat_0", "exploitability_seat_1")
    first, second = [[figures[name] for name in names] for figures in seated]
    # Whoever replies to a player that passes is alone in the market.
    optimum = alone(EvOracle()).against_self["exploitability"]
    assert first[0].mean == pytest.approx(optimum.mean, abs=1e-3)
    assert 0.1 < first[1].mean < first[0].mean - 0.1  # whoever replies to the oracle is not alone
    np.testing.assert_allclose(first, second[::-1], atol=1e-4)
    for figures in seated:
        overall = figures["exploitability"]
        assert overall.mean == pytest.approx(np.mean([figures[name].mean for name in names]))
        assert overall.low < overall.mean < overall.high


def test_without_impact_there_is_no_commons():
    calm = make_params(**{"flags.enable_impact": False})
    result, *_ = evaluate(TWO, calm, playing(EvOracle(), calm), OPPONENTS, 64)
    assert math.isnan(result.against_self["commons_position"].mean)
    assert result.against_self["exploitability"].mean == pytest.approx(0, abs=1e-3)


def test_exact_values_are_of_the_first_games_only(monkeypatch):
    monkeypatch.setattr(sys.modules["cardjax.evaluation.evaluate"], "VALUED_GAMES", 64)
    long, *_ = evaluate(TWO, PARAMS, playing(EvOracle()), OPPONENTS, 128)
    assert long.against_self == in_self_play(EvOracle(), n_games=64).against_self
    assert long.score == in_self_play(EvOracle()).score


def test_only_self_play_has_a_best_reply():
    several = results(Equilibrium(), ("ev_oracle", "self", "pass"))
    assert [bool(result.against_self) for result in several] == [False, True, False]
    entry = several[1].as_json()
    assert (
        entry["exploitability_ci95"][0]
        <= entry["exploitability"]
        <= entry["exploitability_ci95"][1]
    )


# Programs


def test_a_second_call_compiles_nothing():
    results(EvOracle())
    compiled = _play._cache_size()
    dear = make_params(alpha=0.7)
    evaluate(TWO, dear, playing(EvOracle(), dear), dict(OPPONENTS), 128, seed=5)
    assert _play._cache_size() == compiled


@pytest.mark.parametrize(
    ("n_games", "at_once"),
    [(64, 192), pytest.param(100, 64, marks=pytest.mark.slow)],
    ids=["three points at once", "one point at a time, in batches"],
)
def test_a_grid_in_one_call_is_each_point_by_itself(n_games, at_once, monkeypatch):
    monkeypatch.setattr(sys.modules["cardjax.evaluation.evaluate"], "GAMES_AT_ONCE", at_once)
    grid, combinations = params_grid(PARAMS, alpha=[0.1, 0.3, 1.0])
    player = playing(Equilibrium())  # made for alpha = 0.3
    points = evaluate_grid(TWO, grid, player, OPPONENTS, n_games)
    assert len(points) == 3
    for results_there, point in zip(points, combinations, strict=True):
        alone = evaluate(TWO, make_params(**point), player, OPPONENTS, n_games)
        for here, there in zip(alone, results_there, strict=True):
            numbers = [entry for entry in here.as_json().items() if not isinstance(entry[1], str)]
            for name, value in numbers:
                mine, theirs = (
                    np.array(x, np.float64) for x in (value, there.as_json()[name])
                )  # None becomes NaN
                np.testing.assert_allclose(theirs, mine, rtol=1e-4, atol=1e-4, err_msg=name)
    exploitability = [point[0].against_self["exploitability"].mean for point in points]
    assert exploitability[1] < 1e-4 < 0.02 < min(exploitability[0], exploitability[2])


def test_a_scripted_player_without_parameters_takes_each_points_own():
    grid, _ = params_grid(PARAMS, alpha=[0.1, 1.0])
    for (result,) in evaluate_grid(TWO, grid, Player(Equilibrium(), [None]), SELF, 64):
        assert result.score.mean == 1


def test_no_games_are_refused():
    with pytest.raises(ValueError, match="n_games = 0"):
        evaluate(TWO, PARAMS, playing(Pass()), SELF, 0)


def test_the_training_loops_score_is_the_one_on_validation_draws():
    alphas = jax.numpy.array([0.3, 1.0])
    stacked = jax.vmap(lambda alpha: PARAMS.replace(alpha=alpha))(alphas)
    games = jax.vmap(lambda _: PARAMS)(alphas)
    payoff = self_play_payoff(TWO, Equilibrium(), 128)
    scores = payoff(stacked, games) / payoff(games, games)
    expected = [
        evaluate(
            TWO,
            PARAMS,
            playing(Equilibrium(), PARAMS.replace(alpha=alpha)),
            OPPONENTS,
            128,
            domain=VALIDATION,
        )[0].score.mean
        for alpha in alphas
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    assert scores[0] == pytest.approx(1, abs=1e-6)
