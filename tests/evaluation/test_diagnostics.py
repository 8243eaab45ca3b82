"""Diagnostics of policies whose curves are known, and pictures that can be drawn of all of them."""

import csv
import dataclasses
import io
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.evaluation import diagnostics, played_rounds, plots, questions
from cardjax.evaluation.decision import OneOf
from cardjax.evaluation.diagnostics import (
    ablation_points,
    ablations,
    diagnose,
    games_of,
    tables_of_play,
)
from cardjax.evaluation.evaluate import TEST, Player, domain_key
from cardjax.evaluation.figure_data import FigureData
from cardjax.evaluation.match import Seats, play_games
from cardjax.evaluation.played_rounds import LAST_SIZES, Subject
from cardjax.evaluation.questions import BUY, SELL, tallies
from cardjax.evaluation.quoting import Maker
from cardjax.evaluation.statistics import t_interval
from cardjax.policies import Deterministic, Equilibrium, EvOracle, Pass
from cardjax.policies.registry import MAKERS
from cardjax.policies.stage_game import action_of, good_side

N_GAMES = 768
THRESHOLD = 0.25
TWO, PARAMS = cardjax.make("two")
DIAGNOSTICS = (
    "action_vs_edge",
    "size_vs_depth",
    "sigma_sensitivity",
    "opponent_response",
    "value_calibration",
    "wealth_fan",
)


@dataclasses.dataclass(frozen=True)
class Step(Deterministic):
    """Ten if the edge is above the threshold, else nothing; all ten are affordable with the default
    budget.
    """

    def choose(self, params, view):
        side = good_side(view)
        return action_of(side.is_sell, jnp.where(side.edge > THRESHOLD, 10, 0))


@dataclasses.dataclass(frozen=True)
class Copycat(Deterministic):
    """On the better side, as many units as the other is said to have bought last round."""

    def choose(self, params, view):
        return action_of(good_side(view).is_sell, jnp.maximum(view.others_last[..., 0], 0))


PLAYERS = OneOf((Step(), Equilibrium(), Pass(), Copycat()))
"""One policy, so that one compiled program plays all of them."""


def tables(*indices):
    """The tables of a player whose training seeds are these of PLAYERS."""
    player = Player(PLAYERS, [(jnp.int32(i), (PARAMS,) * len(PLAYERS.policies)) for i in indices])
    return tables_of_play(Subject("somebody", player, TWO, PARAMS), N_GAMES)


@pytest.fixture(scope="module", autouse=True)
def small():
    """Batches of which the last is not full, and fewer views to decide on again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(played_rounds, "GAMES_AT_ONCE", 512)
        patch.setattr(played_rounds, "COUNTERFACTUAL_GAMES", 128)
        patch.setattr(questions, "FEWEST_DECIDING", 8)
        patch.setattr(diagnostics, "FEWEST_DECIDING", 8)
        patch.setattr(diagnostics, "FOR_SLOPE", 100)
        patch.setattr(diagnostics, "ORDERS_IN_BIN", 20)
        yield


@pytest.fixture(scope="module")
def step():
    return tables(0)


@pytest.fixture(scope="module")
def equilibrium():
    return tables(1)


@pytest.fixture(scope="module")
def passing():
    return tables(2)


@pytest.fixture(scope="module")
def copycat():
    return tables(3)


def test_a_threshold_shows_as_a_step(step):
    table = step["action_vs_edge"]
    for side, sign, taken in ((BUY, 1, "buy"), (SELL, -1, "sell")):
        rows = table.where(better=side)
        above = rows["edge_from"] >= THRESHOLD
        assert 0 < above.sum() < len(above)
        assert rows["size"] == pytest.approx(np.where(above, 10 * sign, 0))
        assert rows[taken] == pytest.approx(1.0 * above)
        assert rows["pass"] == pytest.approx(1.0 * ~above)
        assert (rows["edge_from"] <= rows["edge"]).all() and (rows["edge"] <= rows["edge_to"]).all()


def test_every_round_is_in_one_bin(step):
    kept = step["action_vs_edge"]["n_rounds"].sum()
    assert kept > 0.99 * N_GAMES * 20
    assert step["sigma_sensitivity"]["n_rounds"].sum() <= N_GAMES * 20


def test_the_benchmark_is_what_the_equilibrium_does(equilibrium):
    for name, quantities in {
        "action_vs_edge": ("size", "buy", "pass", "sell"),
        "size_vs_depth": ("size",),
        "sigma_sensitivity": ("trade_rate", "size_of_orders"),
    }.items():
        table = equilibrium[name]
        for quantity in quantities:
            assert table[quantity] == pytest.approx(table[f"benchmark_{quantity}"], abs=0.15)
    observed = equilibrium["opponent_response"].where(kind="observed")
    assert observed["size"] == pytest.approx(observed["benchmark_size"], abs=0.15)
    first = equilibrium["sigma_sensitivity"].rows[0]
    assert first["sigma"] == 0
    assert first["captured"] == pytest.approx(1, abs=0.01)
    assert equilibrium["sigma_sensitivity"]["share_of_value"].sum() == pytest.approx(1)


def test_bigger_depth_bigger_orders_of_the_equilibrium(equilibrium):
    table = equilibrium["size_vs_depth"]
    rows = table.where(edge_from=table["edge_from"].min())
    assert rows["size"][-1] > rows["size"][0] + 3
    assert rows["depth_from"][-1] == rows["depth_to"][-1] == 10


def test_the_stage_games_value_is_calibrated(equilibrium):
    row = equilibrium["value_calibration"].rows[0]
    for name in ("slope", "slope_of_orders"):
        assert row[f"{name}_low"] - 0.01 <= 1 <= row[f"{name}_high"] + 0.01
    assert row["explained_variance"] == row["stage_game_explained_variance"]
    orders = equilibrium["value_calibration"].where(action="order")
    assert len(orders.rows) == 12
    assert orders["realised"] == pytest.approx(orders["predicted"], abs=0.1)
    assert (orders["predicted_from"] <= orders["predicted"]).all()
    assert (orders["predicted"] <= orders["predicted_to"]).all()


def test_who_passes_keeps_what_it_has(passing):
    fan = passing["wealth_fan"]
    assert fan["round"].tolist() == list(range(11))
    for name in ("mean", "mean_low", "mean_high", "q05", "q25", "median", "q75", "q95"):
        assert (fan[name] == 500).all()
    assert (fan["ruined"] == 0).all()
    assert fan["ruin_line"] == pytest.approx(100)
    calibration = passing["value_calibration"]
    assert calibration["action"].tolist() == ["pass"]
    assert math.isnan(calibration.rows[0]["slope"])


def test_the_fans_quantiles_are_in_order(equilibrium):
    fan = equilibrium["wealth_fan"]
    bands = np.stack([fan[name] for name in ("q05", "q25", "median", "q75", "q95")])
    assert (np.diff(bands, axis=0) >= 0).all()
    assert (fan["mean_low"] <= fan["mean"]).all() and (fan["mean"] <= fan["mean_high"]).all()


def test_who_ignores_the_others_is_not_changed_by_them(step):
    rows = step["opponent_response"].where(kind="counterfactual")
    assert len(rows.rows) == 2 * len(LAST_SIZES)
    for name in ("change", "change_low", "change_high"):
        assert (rows[name] == 0).all()


def test_who_copies_the_others_is_changed_by_just_what_is_put_in(copycat):
    # All start with a pass and copy it ever after.
    for side in (BUY, SELL):
        rows = copycat["opponent_response"].where(kind="counterfactual", better=side)
        assert rows["change"] == pytest.approx(np.maximum(LAST_SIZES, 0))


def test_several_training_seeds_are_the_unit(step, passing):
    both = tables(0, 2, 0)["action_vs_edge"]
    row = both.rows[-1]
    assert (row["better"], row["size"]) == (SELL, pytest.approx(-20 / 3))
    interval = t_interval(np.array([-10.0, 0.0, -10.0]))
    assert (row["size_low"], row["size_high"]) == (
        pytest.approx(interval.low),
        pytest.approx(interval.high),
    )
    fan = tables(0, 2, 0)["wealth_fan"]
    assert fan["mean"] == pytest.approx(
        (2 * step["wealth_fan"]["mean"] + passing["wealth_fan"]["mean"]) / 3
    )


def test_tallies_are_of_per_game_sums():
    bins = np.array([[0, 1], [0, -1], [1, 1]])  # three rounds of two games
    values = np.array([[1.0, 2.0], [3.0, 100.0], [5.0, 7.0]])
    first, second = tallies(bins, 2, {"n": np.ones_like(values), "x": values})
    assert first.tally.n == second.tally.n == 2
    assert first.tally.means == {"n": 1.0, "x": 2.0}  # games' sums: (2, 4) and (0, 0)
    assert second.tally.means == {"n": 1.5, "x": 7.0}  # (1, 5) and (2, 9)
    assert second.tally.covariance() == pytest.approx(np.array([[0.5, 2.0], [2.0, 8.0]]))
    assert (first.n_rounds, second.n_rounds) == (2, 3)
    assert (first.games_with, second.games_with) == ({"n": 1, "x": 1}, {"n": 2, "x": 2})
    assert (first + first).games_with == {"n": 2, "x": 2}


def test_returns_are_discounted_to_the_games_end():
    estimator = played_rounds.Estimator("V", lambda *_: None, gamma=0.5, shared=True)
    columns = {"expected_pnl": jnp.tile(jnp.array([0.0, 2.0]), (10, 3, 1))}
    returns = played_rounds._realised(estimator, columns, None)
    assert returns.shape == (10, 3, 2)
    assert returns[-1] == pytest.approx(1.0)
    assert returns[0] == pytest.approx((1 - 0.5**10) / 0.5)


def test_a_single_player_has_no_others_to_answer():
    single, params = cardjax.make("single")
    found = tables_of_play(Subject("pass", Player(Pass(), [None]), single, params), 64)
    assert set(found) == set(DIAGNOSTICS) - {"opponent_response"}
    assert found["sigma_sensitivity"].about["benchmark"] == "optimum"


def test_takers_are_looked_at_at_the_quotes_of_their_maker():
    market, params = cardjax.make("two", preset="maker")
    takers, maker = Player(Equilibrium(), [None]), Maker(MAKERS["monopolist"])
    subject = Subject("equilibrium", takers, market, params, maker=maker)
    found = diagnose(subject, 64)
    assert set(found) == set(DIAGNOSTICS) and games_of(subject, 64) == 64
    table = found["action_vs_edge"]
    edge, traded = table["edge"], table["buy"] + table["sell"]
    assert (traded[edge < 0] == 0).all() and (edge < -1).any()
    assert (traded[edge > 1] == 1).all() and (edge > 1).any()
    # A monopolist quotes so far from its mean that takers have no edge in most rounds.
    assert table["n_rounds"][edge < 0].sum() > 1.5 * table["n_rounds"][edge > 0].sum()


def test_the_grid_of_ablations_is_its_points_one_by_one():
    player = Player(EvOracle("fixed"), [None])
    table = ablations(Subject("fixed", player, TWO, PARAMS), 128)
    points = ablation_points(PARAMS)
    assert table["market"].tolist() == list(points)
    assert len(points) == 5
    key = jax.random.fold_in(domain_key(0, TEST), 0)

    @jax.jit
    def alone(params):
        return play_games(TWO, [Seats(EvOracle("fixed"), params, 2)], params, key, 128).expected_pnl

    for params, row in zip(points.values(), table.rows, strict=True):
        interval = t_interval(np.asarray(alone(params)).mean(-1))
        assert row["expected_pnl"] == pytest.approx(interval.mean, rel=1e-4)
        assert row["expected_pnl_low"] == pytest.approx(interval.low, rel=1e-3)
        assert row["score"] * row["benchmark_expected_pnl"] == pytest.approx(
            row["expected_pnl"], rel=1e-4
        )


def test_each_ablation_turns_one_switch_to_where_it_is_not():
    points = list(ablation_points(PARAMS).values())
    for point in points[1:]:
        leaves = zip(jax.tree.leaves(PARAMS), jax.tree.leaves(point), strict=True)
        assert sum(not np.array_equal(a, b) for a, b in leaves) == 1
    turned = cardjax.env.make_params(
        event_persist=0, **{"flags.enable_impact": False, "liquidity.cap": 20}
    )
    assert list(ablation_points(turned)) == [
        "own market",
        "events off",
        "impact on",
        "depth partly known",
        "events persist",
    ]


def test_a_csv_holds_the_declared_columns(step):
    assert set(step) == set(DIAGNOSTICS)
    for table in step.values():
        rows = list(csv.reader(io.StringIO(table.as_csv())))
        assert rows[0] == table.header
        assert len(rows) == len(table.rows) + 1
        assert all(set(row) == set(table.units) for row in table.rows)
    assert step["action_vs_edge"].header[:4] == [
        "better",
        "edge_from [points]",
        "edge_to [points]",
        "n_rounds [rounds]",
    ]
    assert (
        FigureData({"x": "points", "y": ""}, [{"x": math.nan, "y": 0.5}]).as_csv()
        == "x [points],y\n,0.5\n"
    )


def test_no_games_are_refused():
    with pytest.raises(ValueError, match="n_games = 0"):
        tables_of_play(Subject("pass", Player(Pass(), [None]), TWO, PARAMS), 0)


@pytest.mark.parametrize("who", ["step", "passing", "copycat"])
@pytest.mark.filterwarnings("error")
def test_every_table_can_be_drawn(who, request, monkeypatch):
    monkeypatch.setattr(plots, "DPI", 40)  # what is tested is that it can be drawn
    for name, table in request.getfixturevalue(who).items():
        file = io.BytesIO()
        plots.save(plots.draw(name, table), file)
        assert file.getvalue().startswith(b"\x89PNG")


def test_a_share_that_is_always_1_has_an_interval(step):
    """A rate's: what was seen in every round of a bin need not be so in all."""
    table = step["action_vs_edge"]
    always = table["pass"] == 1
    assert always.any() and (table["pass_low"][always] < 1).all()
    assert (table["pass_high"][always] == 1).all() and (table["buy_high"][always] > 0).all()
