"""The learner of docs/extending.md, in a file, does all that cardjax's own learners do."""

import json
import re
import shutil
from pathlib import Path

import pytest

from cardjax.commands.main import main
from cardjax.evaluation import played_rounds, plots
from cardjax.runtime.own import load_own
from cardjax.training.scores import BASELINES, Scores

DOCS = Path(__file__).resolve().parents[2] / "docs"
TINY = [
    "train.n_envs=64",
    "train.total_steps=6400",
    "train.n_evals=2",
    "train.eval_games=64",
    "train.final_eval_games=64",
    "ppo.hidden=[8]",
    "ppo.learning_rate=1e-2",
]
"""10 updates of 640 rounds."""


@pytest.fixture
def here(workplace, monkeypatch):
    """A folder with the file of the how-to."""
    monkeypatch.setattr(plots, "DPI", 40)
    monkeypatch.setattr(played_rounds, "COUNTERFACTUAL_GAMES", 16)
    # Whose scores stand beside a learning curve is no affair of the learner.
    baselines = property(lambda self: [dict.fromkeys(BASELINES, 0.5)] * self._n_runs)
    monkeypatch.setattr(Scores, "baselines", baselines)
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / "extending.md").read_text(), re.S | re.M)
    (source,) = (block for block in blocks if "class Reinforce:" in block)
    (workplace / "reinforce.py").write_text(source)
    return workplace


def results(folder):
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["algorithm"] == "reinforce.py:REINFORCE"
    return summary["results"]


def test_it_trains_evaluates_diagnoses_resumes_and_sweeps(here, capsys):
    main(["train", "reinforce.py:REINFORCE", *TINY, "name=mine"])
    run = here / "runs" / "mine"
    trained = results(run)
    assert trained[0]["trade_rate"] > 0

    newest = max((run / "checkpoints").iterdir(), key=lambda path: int(path.name))
    assert newest.name == "10"
    shutil.rmtree(newest)
    (run / "summary.json").unlink()
    main(["train", "--resume", "runs/mine"])
    assert results(run) == trained

    # The table at the end of a training is on validation draws, and so is this one.
    played = ["--draws", "validation", *FEW]
    main(["evaluate", "--policy", "runs/mine", *played, "--json", "out.json"])
    assert json.loads((here / "out.json").read_text()) == trained

    main(["diagnose", "runs/mine", *FEW])
    assert len(list((run / "diagnostics").glob("*.png"))) > 3

    main(["train", "reinforce.py:REINFORCE", *TINY, "name=grid", "--sweep", "lr=1e-3,1e-2"])
    points = json.loads((here / "runs" / "grid" / "sweep.json").read_text())["points"]
    assert [point["values"] for point in points] == [
        {"ppo.learning_rate": "1e-3"},
        {"ppo.learning_rate": "1e-2"},
    ]
    assert points[1]["results"] == trained


FEW = ["--episodes", "64"]


def test_what_is_no_algorithm_is_refused_in_one_line(here, capsys):
    load_own("ALGORITHM", "reinforce.py:Reinforce")
    for name, said in {
        "reinforce.py:Reinforce": "must be a cardjax.run.learners.Algorithm",
        "reinforce.py:SARSA": "reinforce.py has no SARSA",
        "sarsa": "must be one of dqn, ippo, mappo, pqn, or FILE.py:NAME",
    }.items():
        with pytest.raises(SystemExit) as end:
            main(["train", name])
        assert end.value.code == 2
        assert capsys.readouterr().err == f"ALGORITHM = {name}: {said}\n"
