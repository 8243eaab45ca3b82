"""A person is scored like a policy: against the exact benchmark on the same draws."""

import pytest

from cardjax.play import (
    SeatedGame,
    find_participant,
    human,
    in_place_of,
    make_setup,
    score_of,
    totals_of,
)
from cardjax.play.score import compared, replay


@pytest.fixture(scope="module", params=["single", "two"])
def benchmark_game(request):
    """The equilibrium at all seats, in a game where it earns enough to divide by."""
    setup = make_setup(request.param, "lively", seed=5)
    table = SeatedGame(setup, [find_participant("equilibrium", setup)] * setup.n_players)
    while not table.over:
        table.play({})
    return table


def test_the_benchmark_scores_one_and_passing_scores_nothing(benchmark_game):
    setup, records = benchmark_game.setup, benchmark_game.records
    own = score_of(setup, records, 0)
    assert own.benchmark.expected_pnl > 5
    assert own.score == pytest.approx(1)
    idle = SeatedGame(setup, [human()] * setup.n_players)
    while not idle.over:
        idle.play(dict.fromkeys(idle.human_seats, 0))
    assert score_of(setup, idle.records, 0).score == 0


def test_a_score_is_the_quotient_of_expected_pnls(benchmark_game):
    setup = benchmark_game.setup
    table = SeatedGame(setup, [human()] * setup.n_players)
    while not table.over:
        table.play(dict.fromkeys(table.human_seats, 1))
    for seat in table.human_seats:
        score = score_of(setup, table.records, seat)
        expected = sum(record.orders[seat].expected_pnl for record in table.records)
        best = sum(record.orders[seat].expected_pnl for record in benchmark_game.records)
        assert score.score == pytest.approx(expected / best)
        assert score.totals.pnl == pytest.approx(
            sum(record.orders[seat].pnl for record in table.records)
        )
        assert score.totals.pnl == pytest.approx(score.totals.expected_pnl + score.totals.luck)
        assert score.totals.wealth == pytest.approx(500 + score.totals.pnl, abs=1e-2)


@pytest.mark.parametrize("sigma_q", [0.0, 0.5])
def test_where_little_could_be_earned_there_is_no_score(sigma_q):
    setup = make_setup("single", overrides={"sigma_q": sigma_q})
    game = SeatedGame(setup, [human()])
    while not game.over:
        game.play({0: 1})
    score = score_of(setup, game.records, 0)
    assert score.benchmark.expected_pnl < 5 and score.score is None


def test_one_is_compared_once_with_each_and_not_with_oneself(duel):
    level1 = find_participant("level1", duel.setup)
    others = [level1, find_participant("pass", duel.setup), level1]
    assert list(compared(duel.setup, duel.participants, duel.records, 0, others)) == [
        "level1",
        "pass",
    ]
    assert list(compared(duel.setup, duel.participants, duel.records, 1, others)) == ["pass"]


def test_an_unfinished_game_is_measured_over_its_rounds(duel):
    score = score_of(duel.setup, duel.records[:4], 0)
    assert score.totals.rounds == score.benchmark.rounds == 4
    with pytest.raises(ValueError, match="no round"):
        score_of(duel.setup, [], 0)


def test_in_one_s_place_a_policy_meets_the_same_opponent(duel):
    level1 = find_participant("level1", duel.setup)
    table = SeatedGame(duel.setup, [level1, level1])
    while not table.over:
        table.play({})
    assert in_place_of(duel.setup, duel.participants, duel.records, 0, level1) == totals_of(
        table.records, 0
    )
    with pytest.raises(ValueError, match="a person cannot be asked"):
        in_place_of(duel.setup, duel.participants, duel.records, 0, human())


def test_people_do_again_what_they_did(duel):
    assert replay(duel.setup, [human(), human()], duel.records) == duel.records
