"""Two policies in the same markets, and all against all."""

import sys

import numpy as np
import pytest

import cardjax
from cardjax.env import make_params
from cardjax.evaluation import differences
from cardjax.evaluation.comparison import compare, cross_play
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.evaluate import Player, _play, evaluate
from cardjax.policies import BestResponse, Equilibrium, EvOracle, Pass

TWO, PARAMS = cardjax.make("two")
PLAYERS = OneOf((Equilibrium(), EvOracle()))


def one_of(policy, *params):
    """One of PLAYERS, with a training seed for each of the parameters: one compiled program serves
    both of them.
    """
    index = np.int32(PLAYERS.policies.index(policy))
    return Player(PLAYERS, [(index, (own, own)) for own in params])


EQUILIBRIUM, ORACLE = (one_of(policy, PARAMS) for policy in PLAYERS.policies)
PASS = Player(Pass(), [None])


@pytest.fixture(scope="module", autouse=True)
def small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["cardjax.evaluation.evaluate"], "GAMES_AT_ONCE", 64)
        patch.setattr(differences, "FEWEST_DECIDING", 1)
        yield


def thinks(*alphas):
    """The equilibrium of markets with these alphas, a training seed each."""
    return one_of(Equilibrium(), *(make_params(alpha=alpha) for alpha in alphas))


def test_a_policy_has_nothing_over_itself():
    result = compare(TWO, PARAMS, EQUILIBRIUM, EQUILIBRIUM, None, 128)
    np.testing.assert_allclose([*result.expected_pnl, *result.pnl], 0, atol=1e-12)
    assert result.fewer_games == np.inf
    assert result.draws_in_words() == "all games: the two earn the same in each"
    assert result.improvement == (0.5, None, None)


def test_the_difference_is_that_of_the_means_and_its_interval_the_paired_one():
    result = compare(TWO, PARAMS, EQUILIBRIUM, ORACLE, None, 128)
    a, b = (
        evaluate(TWO, PARAMS, player, {"self": Pass()}, 128)[0] for player in (EQUILIBRIUM, ORACLE)
    )
    assert result.expected_pnl.mean == pytest.approx(
        a.mean_expected_pnl.mean - b.mean_expected_pnl.mean
    )
    assert result.pnl.mean == pytest.approx(a.mean_pnl.mean - b.mean_pnl.mean)
    assert (result.unit, result.n_units) == ("games", 128)


@pytest.mark.slow  # half a minute; what pairing computes is in the default suite
def test_pairing_narrows_the_interval_of_near_equals_manyfold():
    near = compare(TWO, PARAMS, EQUILIBRIUM, thinks(0.31), Equilibrium(), 128)
    assert near.fewer_games > 20
    assert compare(TWO, PARAMS, EQUILIBRIUM, PASS, Equilibrium(), 128).fewer_games == pytest.approx(
        1
    )


def test_of_several_seeds_the_seeds_are_the_units():
    result = compare(TWO, PARAMS, thinks(0.3, 0.31, 0.32), thinks(1.0, 1.1, 1.2), None, 128)
    assert (result.unit, result.n_units) == ("training seeds", 3)
    means = [
        [
            evaluate(TWO, PARAMS, thinks(alpha), {"self": Pass()}, 128)[0].mean_expected_pnl.mean
            for alpha in side
        ]
        for side in ((0.3, 0.31, 0.32), (1.0, 1.1, 1.2))
    ]
    assert result.expected_pnl.mean == pytest.approx(np.mean(means[0]) - np.mean(means[1]))
    above = np.mean([[a > b for b in means[1]] for a in means[0]])
    assert result.improvement.mean == above
    assert result.improvement.low <= above <= result.improvement.high


def test_several_seeds_and_a_scripted_policy_have_a_paired_interval_of_the_seeds():
    result = compare(TWO, PARAMS, thinks(0.3, 0.31, 0.32), EQUILIBRIUM, None, 128)
    assert (result.unit, result.n_units, result.n_seeds) == ("training seeds", 3, (3, 1))
    assert result.expected_pnl.low < result.expected_pnl.mean < result.expected_pnl.high
    assert result.effect.low < result.effect.mean < result.effect.high
    assert "3 training seeds and 128 games that both sides play" in result.in_words()
    turned = compare(TWO, PARAMS, EQUILIBRIUM, thinks(0.3, 0.31, 0.32), None, 128)
    np.testing.assert_allclose(-np.array(turned.expected_pnl)[[0, 2, 1]], result.expected_pnl)


def test_why_there_is_no_interval_is_said():
    few = compare(TWO, PARAMS, EQUILIBRIUM, ORACLE, None, 64)
    assert few.expected_pnl[1:] == (None, None)
    assert "need 100 games" in few.in_words()
    two = compare(TWO, PARAMS, thinks(0.3, 0.31), ORACLE, None, 128)
    assert two.expected_pnl[1:] == two.effect[1:] == (None, None)
    assert "need 3 training seeds" in two.in_words()


def test_two_that_differ_in_few_games_have_no_interval(monkeypatch):
    monkeypatch.setattr(differences, "FEWEST_DECIDING", 129)
    result = compare(TWO, PARAMS, EQUILIBRIUM, ORACLE, None, 128)
    assert result.expected_pnl[1:] == result.pnl[1:] == result.effect[1:] == (None, None)
    assert 40 < result.error.n_deciding < 128
    assert f"the two differ, here are {result.error.n_deciding}" in result.in_words()


def test_no_games_are_refused():
    with pytest.raises(ValueError, match="n_games = 0"):
        compare(TWO, PARAMS, PASS, PASS, None, 0)


@pytest.mark.slow  # half a minute; that seeds meet seeds, and the command, are in the default suite
def test_cross_play_is_every_match_by_itself():
    players = {"eq": EQUILIBRIUM, "wary": thinks(1.0), "oracle": ORACLE}
    compiled = _play._cache_size()
    table = cross_play(TWO, PARAMS, players, 64)
    assert _play._cache_size() == compiled + 1
    assert list(table) == list(players)
    for name, results in table.items():
        assert [result.opponent for result in results] == list(players)
        alone = evaluate(TWO, PARAMS, players[name], {"oracle": EvOracle()}, 64)[0]
        assert results[2].mean_expected_pnl.mean == pytest.approx(
            alone.mean_expected_pnl.mean, rel=1e-4
        )
    assert table["eq"][0].mean_expected_pnl.mean > table["eq"][2].mean_expected_pnl.mean


def test_in_cross_play_seeds_meet_seeds():
    two = Player(BestResponse(), [make_params(alpha=alpha) for alpha in (0.1, 1.0)])
    table = cross_play(TWO, PARAMS, {"two": two, "one": Player(BestResponse(), [None])}, 64)
    assert [result.n_units for result in table["two"]] == [2, 2]
    assert table["one"][0].unit == "games"
    assert len(set(table["two"][1].scores)) == 2
