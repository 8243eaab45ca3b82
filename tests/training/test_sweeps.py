"""A sweep is its points trained one by one, in fewer programs; stopped, it goes on as if it had not
been.
"""

import csv
import json
import os
import shutil
import signal

import jax
import numpy as np
import pytest

from cardjax.commands.main import main
from cardjax.config import make_config
from cardjax.env import ParameterError
from cardjax.loading import players, saved
from cardjax.run.metrics_log import MetricsLog, read_metrics
from cardjax.training import runs, sweeps
from cardjax.training.grid import make_points
from cardjax.training.replicates import Chunk
from cardjax.training.scores import BASELINES, Scores

SHORT = {
    "train.n_envs": 64,
    "train.total_steps": 1920,
    "train.n_evals": 3,
    "train.eval_games": 64,
    "train.final_eval_games": 64,
    "ppo.n_minibatches": 4,
    "ppo.hidden": [8],
    "ppo.normalize_observations": "none",
}
OVERRIDES = [f"{name}={value}" for name, value in SHORT.items()]
AXES = {"ppo.learning_rate": ["1e-4", "2e-4"], "env.alpha": ["0.1", "0.3"]}
MEASURED = ("reward_per_game", "entropy", "policy_loss", "value_loss", "gradient_norm", "score")


def swept(name, axes, **overrides):
    extra = [f"{key.replace('__', '.')}={value}" for key, value in overrides.items()]
    return sweeps.start("ippo", make_points(None, [*OVERRIDES, *extra, f"name={name}"], axes))


def measured(folder):
    rows = read_metrics(folder / "metrics.csv")
    return np.array([[float(row[name]) for name in MEASURED] for row in rows])


def state_of(folder):
    return jax.tree.leaves(saved.last_state(runs.Run(*saved.read_run(folder), folder)))


class FewFigures:
    """A result without the games behind it: those of the closing table cost more than all of a
    short training.
    """

    def __init__(self, opponent):
        self.opponent = opponent

    def as_json(self):
        interval = {"mean_pnl": 1.5, "ci95": [1.0, 2.0], "score": 0.5, "score_ci95": [0.25, 0.75]}
        return {"opponent": self.opponent, **interval, "unit": "games", "n_units": 64}


@pytest.fixture(autouse=True)
def no_closing_matches(monkeypatch):
    results = [FewFigures("self"), FewFigures("random_valid")]
    monkeypatch.setattr(runs, "_final_results", lambda run, outcome: results)
    monkeypatch.setattr(runs, "results_table", lambda results, title: title)
    baselines = property(lambda self: [dict.fromkeys(BASELINES, 0.5)] * self._n_runs)
    monkeypatch.setattr(Scores, "baselines", baselines)


@pytest.fixture
def programs(monkeypatch):
    """A list that grows with every program of updates that is compiled."""
    made, init = [], Chunk.__init__

    def counted(*args):
        made.append(args)
        init(*args)

    monkeypatch.setattr(Chunk, "__init__", counted)
    return made


def test_a_grid_of_numbers_is_one_program_and_each_point_the_run_that_it_would_be_alone(
    workplace, programs, capsys
):
    folder = swept("grid", AXES)
    assert len(programs) == 1
    labels = [
        f"learning_rate_{rate}__alpha_{alpha}"
        for rate in ("1e-4", "2e-4")
        for alpha in ("0.1", "0.3")
    ]
    assert list(json.loads((folder / "meta.json").read_text())["sweep"]) == labels
    ours = [measured(folder / label) for label in labels]
    assert len({table.tobytes() for table in ours}) == 4
    alone = runs.start(
        "ippo", make_config(SHORT | {"name": "alone", "ppo.learning_rate": 2e-4, "env.alpha": 0.1})
    )
    np.testing.assert_allclose(ours[2], measured(alone), rtol=2e-3, atol=1e-4)

    table = capsys.readouterr().out
    assert "grid, self-play, validation draws" in table
    entries = json.loads((folder / "sweep.json").read_text())["points"]
    assert [entry["label"] for entry in entries] == labels
    for entry in entries:
        summary = json.loads((folder / entry["label"] / "summary.json").read_text())
        assert entry == {"label": entry["label"], "values": entry["values"]} | summary
        assert set(summary["rounds_to_score"]) == {"0.5", "0.9"}
        assert summary["baselines"] == {"random_valid": 0.5, "ev_oracle": 0.5}
        assert summary["draws"] == "validation"
    with (folder / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["env.alpha"], row["opponent"]) for row in rows[:2]] == [
        ("0.1", "self"),
        ("0.1", "random_valid"),
    ]
    assert len(rows) == 8
    assert {"mean_pnl", "ci95_low", "ci95_high", "score", "score_ci95_low"} <= set(rows[0])

    player, _, params = players.load_player(folder / labels[1])
    assert (len(player.params), params.alpha) == (1, np.float32(0.3))


@pytest.mark.slow  # a minute; resuming a single run and a grid of numbers are in the default suite
def test_sizes_are_a_loop_over_programs_and_a_stopped_sweep_goes_on_bit_for_bit(
    workplace, programs, monkeypatch
):
    axes = {"ppo.hidden": ["[8]", "[4]"], "env.alpha": ["0.1", "0.3"]}
    whole = swept("whole", axes)
    assert len(programs) == 2
    with monkeypatch.context() as patch:
        add, seen = MetricsLog.add, []

        def add_and_interrupt(*args):
            add(*args)
            seen.append(1)
            if len(seen) == 9:  # in the second group: two points × three log points came before
                os.kill(os.getpid(), signal.SIGINT)

        patch.setattr(MetricsLog, "add", add_and_interrupt)
        stopped = swept("stopped", axes)
    entries = json.loads((stopped / "sweep.json").read_text())["points"]
    assert [entry["interrupted"] for entry in entries] == [False, False, True, True]
    # One point lost its newest checkpoint: both go on from the one before.
    last = max(
        (stopped / "hidden_4__alpha_0.3" / "checkpoints").glob("[0-9]*"),
        key=lambda path: int(path.name),
    )
    shutil.rmtree(last)

    del programs[:]
    sweeps.resume("ippo", stopped)
    assert len(programs) == 1  # the finished group is left alone
    for label in (
        "hidden_8__alpha_0.1",
        "hidden_8__alpha_0.3",
        "hidden_4__alpha_0.1",
        "hidden_4__alpha_0.3",
    ):
        for a, b in zip(state_of(stopped / label), state_of(whole / label), strict=True):
            assert a.tobytes() == b.tobytes()
        np.testing.assert_array_equal(measured(stopped / label), measured(whole / label))


def summary_of(unit, n_seeds):
    own = {"opponent": "self", "score": 0.5, "score_ci95": [0.25, 0.75], "unit": unit}
    return {
        "values": {"train.n_seeds": str(n_seeds)},
        "results": [own | {"mean_pnl": -0.001, "ci95": [None, None]}],
        "rounds_to_score": {"0.5": 12_000, "0.9": None},
        "interrupted": False,
        "seeds": list(range(n_seeds)),
    }


def test_a_sweep_over_numbers_of_seeds_says_what_either_interval_is_over():
    one, three = summary_of("games", 1), summary_of("training seeds", 3)
    assert sweeps.sweep_table([one], "").endswith(
        "over games; * marks a training that was interrupted"
    )
    assert "over training seeds, or over games where there is one;" in sweeps.sweep_table(
        [one, three], ""
    )
    assert " 0.00 " in sweeps.sweep_table([one], "")


def refusal(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(["train", "ippo", *arguments])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_what_cannot_be_swept_or_resumed_is_refused_in_one_line(workplace, capsys):
    assert "env.alpha = -1: must be" in refusal(capsys, "--sweep", "env.alpha=0.1,-1")
    assert "unknown name" in refusal(capsys, "--sweep", "env.aplha=0.1,1")
    assert "ippo does not read it" in refusal(capsys, "--sweep", "dqn.gamma=0,1")
    assert "takes neither" in refusal(capsys, "--resume", "absent", "--sweep", "lr=1,2")
    assert not (workplace / "runs").exists()
    points = make_points(None, [*OVERRIDES, "name=made"], AXES)
    sweeps._create(runs.RUNS / "made", "ippo", points)
    folder = workplace / "runs" / "made"
    assert "is a point of a sweep" in refusal(capsys, "--resume", str(folder / points[0].label))
    assert "exists; take another name" in refusal(
        capsys, *OVERRIDES, "name=made", "--sweep", "lr=1,2"
    )
    with pytest.raises(ParameterError, match="is a sweep; its runs are"):
        players.load_player(folder)
    with pytest.raises(ParameterError, match=r"continue it with cardjax train --resume"):
        sweeps.resume("mappo", folder)
