"""The printed table."""

import dataclasses
import math

import pytest

from cardjax.evaluation.evaluate import Result
from cardjax.evaluation.statistics import Interval
from cardjax.evaluation.text_tables import HEADINGS, decimal, grid_table, results_table
from cardjax.evaluation.yardsticks import ALONE, STAGE

RATES = {"trade_rate": 0.25, "mean_size": 3.14, "fill_ratio": 0.876, "ruin_probability": 0.012}
METRICS = {
    "mean_pnl": Interval(1.5, 1.25, 1.75),
    "mean_expected_pnl": Interval(1.25, 1.2, 1.3),
    "score": Interval(0.5, 0.4, 0.6),
    **{name: Interval(value, None, None) for name, value in RATES.items()},
}


def result(opponent, unit="games", n_units=1000, **metrics):
    return Result(
        opponent,
        METRICS | metrics,
        unit,
        n_units,
        n_games=1000,
        shrinkage=3.0,
        score_shrinkage=9.0,
        scores=(0.5,),
    )


def rows(table):
    return [line for line in table.splitlines() if "─" not in line]


def test_the_table_has_a_row_for_each_opponent():
    names = ["self", "level1", "equilibrium"]
    title, headings, *body = rows(results_table([result(name) for name in names], "a title"))
    assert title == "a title"
    assert [heading in headings for heading in HEADINGS] == [True] * len(HEADINGS)
    assert [line.split()[0] for line in body[:3]] == names


def test_a_row_shows_means_with_half_widths_and_rates():
    line = rows(results_table([result("self")]))[1]
    assert line.split()[1:] == [
        "1.50",
        "±",
        "0.25",
        "1.250",
        "±",
        "0.050",
        "0.500",
        "±",
        "0.100",
        "25.0%",
        "3.1",
        "0.88",
        "1.2%",
    ]


@pytest.mark.parametrize(
    ("yardstick", "whose", "lets", "against"),
    [
        (STAGE, "exact symmetric equilibrium's", "a best reply to the policy", "the equilibrium's"),
        (ALONE, "exact optimum of each round's", "the optimum of each round", "the optimum's"),
    ],
)
def test_what_a_score_is_a_share_of_has_the_name_that_fits_the_game(
    yardstick, whose, lets, against
):
    gain = Interval(0.1, None, None)
    figures = {"exploitability": gain, "exploitability_share": gain}
    own = dataclasses.replace(result("self"), yardstick=yardstick, against_self=figures)
    *_, score, exploitability = results_table([own]).splitlines()
    assert f"as a share of the {whose} on" in score
    assert f": {lets} " in exploitability and f"of {against} payoff." in exploitability


def test_columns_line_up():
    table = results_table([result("self"), result("a_much_longer_name")])
    assert len({len(line) for line in table.splitlines()[:-3]}) == 1


def test_an_interval_without_bounds_and_a_score_that_is_not_one_still_print():
    nothing = Interval(math.nan, None, None)
    line = rows(results_table([result("self", mean_size=nothing, score=nothing)]))[1]
    assert line.split()[7:8] == ["–"]
    assert "nan" not in line
    assert line.count("±") == 2


@pytest.mark.parametrize(("unit", "warns"), [("games", True), ("training seeds", False)])
def test_the_footnote_says_what_the_intervals_are_over(unit, warns):
    table = results_table([result("self", unit, 1234)])
    assert ("1,000 games" if unit == "games" else f"1,234 {unit}") in table
    assert ("says nothing about other training seeds" in table) == warns


@pytest.mark.parametrize(
    ("few", "says"),
    [({"n_games": 99}, "need 100 games"), ({"n_units": 2}, "need 3 training seeds, here are 2")],
)
def test_the_footnote_says_why_there_are_no_intervals(few, says):
    table = results_table([dataclasses.replace(result("self", "training seeds", 5), **few)])
    assert f"no intervals: they {says}" in table


def test_why_some_figures_have_no_interval_is_said():
    said = "What has no ± is decided by too few games."
    assert said not in results_table([result("self")])
    assert said in results_table(
        [result("level1"), result("self", score=Interval(0.9, None, None))]
    )
    bare = {name: Interval(1.0, None, None) for name in METRICS}
    assert said not in results_table([result("self", **bare)])


def test_the_exploitability_of_each_seat_is_said():
    seats = {f"exploitability_seat_{k}": Interval(k, k - 0.5, k + 0.5) for k in range(2)}
    figures = dict.fromkeys(("exploitability", "exploitability_share"), Interval(0.5, 0.1, 0.9))
    table = results_table([dataclasses.replace(result("self"), against_self=figures | seats)])
    assert "0.000 ± 0.500, 1.000 ± 0.500" in table


def test_what_only_self_play_has_is_said_below():
    figures = {
        "exploitability": Interval(0.0312, 0.0292, 0.0332),
        "exploitability_share": Interval(0.012, None, None),
        "worst_equilibrium": Interval(1.103, 1.102, 1.104),
        "best_equilibrium": Interval(1.103, 1.102, 1.104),
        "score_of_worst_equilibrium": Interval(0.905, 0.904, 0.906),
        "score_of_best_equilibrium": Interval(0.905, 0.904, 0.906),
        "commons_position": Interval(-3.1, -7, 1),
    }
    table = results_table(
        [dataclasses.replace(result("self"), against_self=figures), result("level1")]
    )
    assert "gains 0.031 ± 0.002 points per game, 0.0120 of the equilibrium's" in table
    assert "pay 1.103 ± 0.001 of the symmetric one; the score against them is 0.905" in table
    assert "commons position" not in table
    assert "exploitability" not in results_table([result("level1")])


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (-0.001, ".2f", "0.00"),
        (-0.0, ".1%", "0.0%"),
        (-0.006, ".2f", "-0.01"),
        (-12.0, ".1f", "-12.0"),
        (math.nan, ".1f", "–"),
        (None, ".1f", "–"),
    ],
)
def test_zero_has_no_sign_and_what_is_not_known_is_a_dash(value, form, text):
    assert decimal(value, form) == text


def test_a_grid_of_markets_is_one_table_with_a_row_for_each():
    points = [{"env.alpha": alpha} for alpha in (0.1, 0.3)]
    table = grid_table(points, [[result("self"), result("level1")]] * 2, "a title")
    title, headings, *body = rows(table)
    assert (title, headings.split()[0]) == ("a title", "env.alpha")
    assert [line.split()[:2] for line in body[:4]] == [
        ["0.1", "self"],
        ["0.1", "level1"],
        ["0.3", "self"],
        ["0.3", "level1"],
    ]
    assert "1,000 games" in body[4]


def test_a_name_cannot_send_control_characters_to_the_terminal():
    table = results_table([result("a\x1b[2J")], "of \x1b]0;b\x07")
    assert all(line.isprintable() for line in table.splitlines())
    assert "a\\x1b[2J" in table
