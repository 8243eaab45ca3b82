"""A training run from start to table: what it leaves behind, and what it does with a name or folder
it cannot use.
"""

import csv
import json
import math
import re
from pathlib import Path

import jax
import numpy as np
import pytest

from cardjax.config import config_values, load_config
from cardjax.env import CardMarket, ParameterError
from cardjax.evaluation.evaluate import SELF, TEST, VALIDATION, evaluate
from cardjax.loading import players, saved
from cardjax.run.identity import Run
from cardjax.run.metrics_log import read_metrics
from cardjax.training import runs

RESULT_KEYS = {"opponent", "mean_pnl", "ci95", "score", "score_ci95"}


def test_a_run_leaves_everything_the_contract_names(finished):
    names = {path.name for path in finished.iterdir()}
    assert names >= {"config.yaml", "meta.json", "metrics.csv", "checkpoints", "summary.json"}
    events = [path for path in finished.iterdir() if path.name.startswith("events.out.tfevents")]
    assert [path.stat().st_size > 0 for path in events] == [True]
    assert not [name for name in names if name.endswith(".part")]


def test_the_summary_says_what_was_trained_and_how_well_it_plays(finished):
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["algorithm"] == "ippo"
    assert summary["total_steps"] == 12_800
    assert summary["seeds"] == [0]
    assert summary["interrupted"] is False
    assert 0 < summary["train_seconds"] < summary["wall_seconds"]
    assert summary["steps_per_second"] == pytest.approx(12_800 / summary["train_seconds"], rel=0.02)
    assert [result["opponent"] for result in summary["results"]] == ["self", "random_valid"]
    for result in summary["results"]:
        assert set(result) >= RESULT_KEYS
        assert result["ci95"][0] < result["mean_pnl"] < result["ci95"][1]


def test_meta_says_what_a_result_depends_on_beside_its_configuration(finished):
    meta = json.loads((finished / "meta.json").read_text())
    assert meta["algorithm"] == "ippo"
    assert set(meta) >= {"git_commit", "versions", "device"}
    assert meta["env_version"] == CardMarket().version
    assert set(meta["versions"]) >= {"python", "jax", "jaxlib"}


def test_the_saved_configuration_is_the_one_that_was_asked_for(finished, tiny):
    asked = tiny("whole", algorithm="ippo")
    assert config_values(load_config(finished / "config.yaml")) == config_values(asked)


def test_a_start_says_which_game_and_which_reward_it_is_for(capsys, tiny):
    other = tiny("b", env__reward="expected_pnl")
    runs._announce([Run("ippo", tiny("a"), Path("a")), Run("ippo", other, Path("b"))])
    said = "ippo, env.kind = two, env.preset = default, env.reward = pnl|expected_pnl: 2 points × "
    assert capsys.readouterr().out.startswith(said)


def test_a_start_says_where_its_length_was_rounded_up(capsys, tiny):
    runs._announce([Run("ippo", tiny("a", train__total_steps=650), Path("a"))])
    assert "× 1,280 rounds (650, rounded up to whole updates) → a" in capsys.readouterr().out
    runs._announce([Run("ippo", tiny("a", train__total_steps=1280), Path("a"))])
    assert "× 1,280 rounds → a" in capsys.readouterr().out


def test_metrics_are_a_table_with_rounds_that_rise(finished):
    with (finished / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    rounds = [int(row["rounds"]) for row in rows]
    assert rounds == sorted(set(rounds))
    assert rounds[-1] == 12_800
    times = [(float(row["train_seconds"]), float(row["wall_seconds"])) for row in rows]
    assert times == sorted(times)
    for row in rows:
        assert None not in row.values()
        assert all(math.isfinite(float(value)) for name, value in row.items() if name != "score")


def test_a_run_is_scored_as_often_as_asked_and_at_its_end(finished):
    scored = [int(row["rounds"]) for row in read_metrics(finished / "metrics.csv") if row["score"]]
    assert scored == [3200, 6400, 9600, 12_800]


def test_a_run_becomes_a_player(finished):
    player, market, params = players.load_player(finished)
    assert len(player.params) == 1
    assert market.n_players == 2
    assert params.alpha == load_config(finished / "config.yaml").env.alpha


def test_the_game_that_a_run_plays_can_be_changed_but_not_what_it_sees(finished):
    _, _, params = players.load_player(finished, ["env.flags.enable_impact=off", "env.alpha=0.75"])
    assert not params.flags.enable_impact
    assert params.alpha == 0.75
    with pytest.raises(ParameterError, match="trained on another game's observations"):
        players.load_player(finished, ["env.observe_posterior=on"])
    for text, said in (
        ("env.kind=single", "was trained for 2 player(s), not for 1"),
        ("env.preset=inventory", "was trained with env.inventory = off, not on"),
        ("env.preset=maker", "was trained with env.maker = oracle, not agent"),
        ("env.event_info=hidden", "was trained with env.event_info = known, not hidden"),
    ):
        with pytest.raises(
            ParameterError, match=re.escape(f"argument = {text}: {finished} {said}")
        ):
            players.load_player(finished, [text])


def test_the_closing_table_is_on_validation_draws(workplace, finished):
    """So no training prints what is measured on test draws, whatever its seed.

    The games are played in the small batches of `workplace`, as those of the table were: each
    batch has a key of its own.
    """
    summary = json.loads((finished / "summary.json").read_text())
    player, market, params = players.load_player(finished)
    n_games = load_config(finished / "config.yaml").train.final_eval_games

    def measured(domain):
        (own,) = evaluate(market, params, player, {SELF: player.policy}, n_games, domain=domain)
        return own.mean_pnl.mean

    assert summary["draws"] == "validation"
    assert summary["results"][0]["mean_pnl"] == pytest.approx(measured(VALIDATION), rel=1e-6)
    assert summary["results"][0]["mean_pnl"] != pytest.approx(measured(TEST), rel=1e-3)


def test_a_run_of_ppo_plays_as_it_says_or_as_one_asks(finished):
    assert load_config(finished / "config.yaml").ppo.play == "greedy"
    asked_and_greedy = {
        (): True,
        ("ppo.play=greedy",): True,
        ("ppo.play=sampled",): False,
        ("ppo.play=auto",): False,  # two players: the equilibrium mixes
    }
    for asked, greedy in asked_and_greedy.items():
        player, _, _ = players.load_player(finished, asked)
        assert player.policy.greedy is greedy
    with pytest.raises(ParameterError, match=r"ppo.clip=0.1: must be an env.\* override"):
        players.find_player(str(finished), ["ppo.clip=0.1"])
    with pytest.raises(ParameterError, match=r"ppo.play=sampled: must be an env.\* override"):
        players.find_player("pass", ["ppo.play=sampled"])


def test_a_run_of_dqn_plays_greedily(workplace, tiny, monkeypatch):
    monkeypatch.setattr(players, "read_policy", lambda folder: ("dqn", tiny("plain"), {0: None}))
    with pytest.raises(
        ParameterError, match=r"ppo.play=sampled: .* trained by dqn, which has no such choice"
    ):
        players.find_player(str(workplace), ["ppo.play=sampled"])


STILL = {"ppo__learning_rate": 0, "ppo__learning_rate_end": 0, "train__total_steps": 640}


def actor(folder, seed=0):
    _, _, params = saved.read_policy(folder)
    return jax.tree.leaves(params[seed].weights)


def last_actor(folder):
    """The first seed's weights as they stood at the end, and not their average, which plays."""
    state = saved.last_state(Run(*saved.read_run(folder), folder))
    return [leaf[0] for leaf in jax.tree.leaves(state.weights["actor"])]


def test_a_run_begins_with_what_another_one_has_learned(workplace, tiny, finished, bars):
    folder = runs.start(
        "ippo", tiny("warm", init_from=str(finished), seed=7, train__n_seeds=2, **STILL)
    )
    for seed in (7, 8):
        for ours, theirs in zip(actor(folder, seed), last_actor(finished), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert [row["rounds"] for row in read_metrics(folder / "metrics.csv")] == [640, 640]
    (bar,) = bars  # After the training, whose bar is its own, the table takes its time.
    assert bar.desc == "evaluating warm" and bar.n == bar.total > 0
    fresh = runs.start("ippo", tiny("cold", seed=7, train__n_seeds=2, **STILL))
    assert any((a != b).any() for a, b in zip(actor(fresh, 7), actor(finished), strict=True))


@pytest.mark.parametrize(
    ("algorithm", "changes", "said"),
    [
        ("ippo", {"ppo__hidden": [16]}, "has learned something else: weights.actor"),
        ("mappo", {}, "is a run of ippo, not mappo"),
        ("ippo", {"init_from": "nowhere"}, "init_from = nowhere: is not a run folder"),
    ],
)
def test_a_run_that_cannot_begin_so_is_refused_before_anything_is_written(
    workplace, tiny, finished, algorithm, changes, said
):
    with pytest.raises(ParameterError, match=said) as refusal:
        runs.start(algorithm, tiny("warm", **({"init_from": str(finished)} | changes)))
    assert "\n" not in str(refusal.value)
    assert not (workplace / "runs").exists()


def test_total_steps_round_up_to_whole_updates(tiny):
    from cardjax.run.learners import make_learner

    updates = [
        make_learner("ippo", tiny("x", train__total_steps=n)).total_updates
        for n in (1, 640, 641, 12_800)
    ]
    assert updates == [1, 1, 2, 20]


def test_a_name_that_is_taken_is_refused_and_its_run_left_alone(workplace, tiny):
    (workplace / "runs" / "mine").mkdir(parents=True)
    (workplace / "runs" / "mine" / "summary.json").write_text("precious")
    with pytest.raises(
        ParameterError, match=r"name = mine: .*exists; take another name, or --resume"
    ) as refusal:
        runs.start("ippo", tiny("mine"))
    assert "\n" not in str(refusal.value)
    assert [path.name for path in (workplace / "runs" / "mine").iterdir()] == ["summary.json"]


def test_a_place_that_cannot_be_written_is_refused(workplace, tiny):
    (workplace / "runs").write_text("a file where the folder should be")
    with pytest.raises(ParameterError, match=r"name = mine: .*cannot be written"):
        runs.start("ippo", tiny("mine"))


def test_without_a_name_one_is_made_up(workplace, tiny, monkeypatch):
    monkeypatch.setattr(runs, "train_and_report", lambda started: None)
    folder = runs.start("ippo", tiny(None, env__kind="single"))
    assert folder.name.startswith("ippo-single-2")
    assert (folder / "config.yaml").is_file()
