"""A sweep's grid: axes as they are typed, points, and which of them train as one program."""

import dataclasses

import jax
import numpy as np
import pytest

from cardjax.config import make_config
from cardjax.env import ParameterError
from cardjax.env.declaration import value_at
from cardjax.run.learners import ALGORITHMS, make_learner
from cardjax.training.grid import (
    groups_of,
    make_points,
    market_axes,
    read_axes,
    traced_names,
    with_traced_values,
)


@pytest.mark.parametrize(
    ("items", "axes", "overrides"),
    [
        ([], {}, []),
        (["lr=1e-4,3e-4"], {"ppo.learning_rate": ["1e-4", "3e-4"]}, []),
        (
            ["env.alpha=0.1,0.3", "seed=0,1,2"],
            {"env.alpha": ["0.1", "0.3"], "seed": ["0", "1", "2"]},
            [],
        ),
        (["ppo.hidden=[8,8],[4]"], {"ppo.hidden": ["[8,8]", "[4]"]}, []),
        (
            ["name=mine", "ppo.hidden=[8,8]", "lr=1"],
            {},
            ["name=mine", "ppo.hidden=[8,8]", "ppo.learning_rate=1"],
        ),
    ],
)
def test_axes_by_hand(items, axes, overrides):
    assert read_axes("ippo", items) == (axes, overrides)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["fast"], "--sweep = fast: must be key=value"),
        (["lr="], "--sweep = lr=: must be key=value"),
        (["=1,2"], "--sweep = =1,2: must be key=value"),
        (
            ["lr=1,2", "ppo.learning_rate=3"],
            "--sweep = ppo.learning_rate=3: names a parameter twice",
        ),
        (["lr=1,2", "learning_rate=3"], "--sweep = learning_rate=3: names a parameter twice"),
        (["algorithm=ippo,mappo"], "--sweep = algorithm=ippo,mappo: takes one value"),
        (["env.alpha=1,x"], "env.alpha = x: must be a number"),
        (["name=a,b"], "--sweep = name=a,b: takes one value"),
    ],
)
def test_axes_that_make_no_sense_are_refused(items, message):
    with pytest.raises(ParameterError) as refusal:
        read_axes("ippo", items)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("item", "axes", "n_said"),
    [
        ("lr=1e-3,0.001,2e-3,1_0e-4", {"ppo.learning_rate": ["1e-3", "2e-3"]}, 2),
        ("env.hints=3,[0,0,0,1]", {}, 1),
        ("env.flags.enable_impact=on,off,true", {"env.flags.enable_impact": ["on", "off"]}, 1),
        ("ppo.opponents=[007],[7]", {"ppo.opponents": ["[007]", "[7]"]}, 0),
    ],
)
def test_a_value_that_is_given_twice_is_trained_once_and_that_is_said(item, axes, n_said, capsys):
    assert read_axes("ippo", [item])[0] == axes
    assert len(capsys.readouterr().err.splitlines()) == n_said


def test_the_line_about_a_repeated_value_names_both_spellings(capsys):
    assert market_axes(["env.alpha=0.1,1e-1,0.3"]) == {"env.alpha": [0.1, 0.3]}
    expected = "--sweep env.alpha: 1e-1 is 0.1 once more and is left out\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("short", ["lr", "learning_rate"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_lr_and_learning_rate_are_each_algorithms_own_wherever_it_is_known(
    short, algorithm, tmp_path
):
    name = f"{ALGORITHMS[algorithm].section}.learning_rate"
    assert list(read_axes(algorithm, [f"{short}=1,2"])[0]) == [name]
    assert read_axes(algorithm, [f"{short}=1"])[1] == [f"{name}=1"]
    (point,) = make_points(None, [f"{short}=0.5"], {}, algorithm)
    assert value_at(point.config, name) == 0.5
    (tmp_path / "run.yaml").write_text(f"{short}: 0.25\n")
    (point,) = make_points(tmp_path / "run.yaml", [], {}, algorithm)
    assert value_at(point.config, name) == 0.25


def test_every_combination_is_a_point_on_top_of_file_and_overrides(tmp_path):
    (tmp_path / "run.yaml").write_text("seed: 3\nenv: {alpha: 0.9}\n")
    axes = {"ppo.learning_rate": ["1e-4", "1e-3"], "env.preset": ["default", "calm"]}
    points = make_points(tmp_path / "run.yaml", ["env.reward=expected_pnl"], axes)
    assert [point.label for point in points] == [
        "learning_rate_1e-4__preset_default",
        "learning_rate_1e-4__preset_calm",
        "learning_rate_1e-3__preset_default",
        "learning_rate_1e-3__preset_calm",
    ]
    for point in points:
        assert (point.config.seed, point.config.env.reward) == (3, 2)
        assert point.config.ppo.learning_rate == np.float32(point.values["ppo.learning_rate"])
        assert point.config.game.preset == point.values["env.preset"]


def test_names_that_share_a_last_part_are_written_out(tmp_path):
    axes = {"env.spread.min": ["1", "2"], "env.liquidity.min": ["2"], "ppo.hidden": ["[8,4]"]}
    labels = [point.label for point in make_points(None, [], axes)]
    assert labels[1] == "env.spread.min_2__env.liquidity.min_2__hidden_8x4"


def test_without_axes_there_is_one_point_without_a_label():
    (point,) = make_points(None, ["seed=5"], {})
    assert (point.label, point.values, point.config.seed) == ("", {}, 5)


def test_numbers_are_traced_and_what_shapes_a_program_is_not():
    names = [
        "ppo.learning_rate",
        "ppo.hidden",
        "ppo.n_epochs",
        "ppo.normalize_advantages",
        "env.alpha",
        "env.reward",
        "env.flags.enable_impact",
        "env.hints",
        "env.kind",
        "train.n_envs",
        "seed",
    ]
    assert traced_names("ippo", names) == [
        "ppo.learning_rate",
        "env.alpha",
        "env.reward",
        "env.flags.enable_impact",
        "env.hints",
    ]


def test_what_an_algorithm_does_not_read_is_no_axis():
    with pytest.raises(ParameterError, match=r"dqn\.learning_rate.*ippo does not read it"):
        traced_names("ippo", ["dqn.learning_rate"])


def test_points_that_share_what_is_not_traced_are_a_group():
    values = [{"a": a, "b": b} for a in "12" for b in "34"]
    assert groups_of(values, ["a"]) == [[0, 2], [1, 3]]
    assert groups_of(values, ["a", "b"]) == [[0, 1, 2, 3]]
    assert groups_of(values, []) == [[0], [1], [2], [3]]


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_learners_numbers_can_be_replaced_by_traced_ones(algorithm):
    rate = f"{ALGORITHMS[algorithm].section}.learning_rate"
    config = make_config({"env.alpha": 0.25, rate: 0.5})
    learner = make_learner(algorithm, config)

    def read(alpha, learning_rate):
        changed = with_traced_values(learner, {"env.alpha": alpha, rate: learning_rate})
        assert type(changed) is type(learner)
        same = {f.name for f in dataclasses.fields(learner)} - {"env_params", "config"}
        assert all(getattr(changed, name) == getattr(learner, name) for name in same)
        return changed.env_params.alpha, changed.config.learning_rate

    assert jax.jit(read)(1.0, 2.0) == (1.0, 2.0)
    assert (value_at(config, "env.alpha"), value_at(config, rate)) == (0.25, 0.5)


def test_remaps_may_be_practised_more_often_than_they_come_up():
    config = make_config({"train.remap": 0.25, "env.alpha": 0.7})
    learner = make_learner("ippo", config)
    assert (float(learner.env_params.events.remap), float(config.env.events.remap)) == (
        0.25,
        np.float32(0.015),
    )
    assert float(learner.env_params.alpha) == np.float32(0.7)
    assert float(make_learner("ippo", make_config({})).env_params.events.remap) == np.float32(0.015)


def test_a_sweep_over_remaps_that_training_would_not_see_is_refused():
    with pytest.raises(
        ParameterError, match=r"train\.remap = 0\.1: must be null to sweep env\.events\.remap"
    ):
        make_points(None, ["train.remap=0.1"], {"env.events.remap": ["0.01", "0.1"]})
