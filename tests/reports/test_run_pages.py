"""eval/report.py on runs that were trained here."""

import json

import numpy as np
import pytest

from cardjax.commands.main import main
from cardjax.config import make_config
from cardjax.evaluation.plots import FIGURES
from cardjax.evaluation.quoting_result import PLAYED, REPLIED, SCORES, QuotingResult
from cardjax.evaluation.statistics import Estimate, Interval
from cardjax.reports.run_pages import CAPTIONS
from cardjax.run import run_folder


def test_a_run_becomes_two_pages(finished, tmp_path, capsys):
    main(["report", str(finished), "--out", str(tmp_path / "new")])
    page, text = (
        (tmp_path / "new" / "report.html").read_text(),
        (tmp_path / "new" / "report.md").read_text(),
    )
    assert capsys.readouterr().out.splitlines() == [
        str(tmp_path / "new" / name)
        for name in ("report.html", "report.md", "rliable.npz", "marl_eval.json")
    ]
    assert "area under the learning curve" in text
    assert "data:image/png;base64," in page and 'src="data' in page
    summary = json.loads((finished / "summary.json").read_text())
    assert f"{summary['total_steps']:,} rounds per seed" in text
    assert all(entry["opponent"] in text for entry in summary["results"])
    assert (
        "train.n_envs" in text and "version of jax" in text
    )  # what was changed, and what it depends on


def test_the_key_figures_and_the_pictures_come_before_the_long_table(finished, tmp_path):
    main(["report", str(finished), "--out", str(tmp_path)])
    page = (tmp_path / "report.html").read_text()
    assert page.index("<td>score</td>") < page.index("<img") < page.index("every metric")
    assert "on validation draws, which training never saw" in page
    assert "the moving mean of the returns" in page  # a caption in words
    assert page.index("every metric") < page.index("variance pnl")


def test_every_diagnostic_has_a_caption():
    assert set(FIGURES) <= set(CAPTIONS)


def test_scores_are_written_as_rliable_and_marl_eval_read_them(finished, tmp_path):
    main(["report", str(finished), "--out", str(tmp_path)])
    summary = json.loads((finished / "summary.json").read_text())
    scores = summary["results"][0]["score_by_seed"]
    arrays = np.load(tmp_path / "rliable.npz")
    assert arrays[finished.name].tolist() == [[score] for score in scores]
    ((_, tasks),) = json.loads((tmp_path / "marl_eval.json").read_text()).items()
    ((_, algorithms),) = tasks.items()
    # The schema of marl-eval's README; create_matrices_for_rliable takes the last step to be the
    # absolute metrics, and looks for the first algorithm's runs in all of them.
    runs = algorithms[finished.name]
    assert list(runs) == [f"run_{i + 1}" for i in range(len(summary["seeds"]))]
    for steps, score in zip(runs.values(), scores, strict=True):
        *curve, final = steps.items()
        assert final == ("absolute_metrics", {"score": [score]})
        assert [name for name, _ in curve] == [f"step_{k + 1}" for k in range(len(curve))]
        assert all(set(step) == {"step_count", "score"} for _, step in curve)
        assert all(isinstance(step["step_count"], int) for _, step in curve)
        assert curve[-1][1]["step_count"] == summary["total_steps"]


def test_several_runs_are_compared(finished, tmp_path):
    main(["report", str(finished), str(finished), "--out", str(tmp_path)])
    assert "## Comparison" in (tmp_path / "report.md").read_text()


@pytest.fixture
def roles(tmp_path):
    """The folder of a run in which DQN has learned to be the maker: what a training leaves."""
    config = make_config({"env.preset": "maker", "dqn.takers": "equilibrium", "train.n_seeds": 2})
    folder = tmp_path / "roles"
    run_folder.create(folder, config, "dqn")
    figures = {name: Interval(0.75, 0.5, 1.0) for name in {**PLAYED, **REPLIED}}
    figures["taker_score"] = Interval(1.0, None, None)
    by_seed = {name: [Estimate(s, 0.01, 512) for s in (0.7, 0.8, 0.75)] for name in SCORES}
    entry = QuotingResult(figures, 2, 512, 8, by_seed).as_json()
    summary = {
        "algorithm": "dqn",
        "total_steps": 1280,
        "wall_seconds": 2.0,
        "train_seconds": 1.0,
        "steps_per_second": 2560,
        "seeds": [0, 1],
        "interrupted": False,
        "play": "greedy",
        "baselines": {},
        "rounds_to_score": {"0.5": 640},
        "draws": "validation",
        "results": [entry],
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    rows = [f"{rounds},1,2,{seed},0.{rounds}" for rounds in (640, 1280) for seed in (0, 1)]
    (folder / "metrics.csv").write_text(
        "\n".join(["rounds,train_seconds,wall_seconds,seed,score", *rows, ""])
    )
    return folder


def test_a_run_with_a_maker_says_who_plays_and_how_each_role_scores(roles, tmp_path):
    main(["report", str(roles), str(roles), "--out", str(tmp_path / "new")])
    text = (tmp_path / "new" / "report.md").read_text()
    assert "Maker: learned; takers: equilibrium; the score is the lower one of theirs." in text
    lines = text.splitlines()
    (headings,) = {line for line in lines if line.startswith("| run | score")}
    assert all(f"{role} score" in headings for role in ("maker", "taker"))
    for name in {**PLAYED, **REPLIED}:
        (line, *_) = (line for line in lines if line.startswith(f"| {name.replace('_', ' ')} |"))
        assert ("0.75" in line) != (name == "taker_score")
    assert "diagnose" not in text
    arrays = np.load(tmp_path / "new" / "rliable.npz")
    assert arrays["roles"].tolist() == [[0.7], [0.8]]


@pytest.mark.parametrize("missing", ["no folder", "no summary"])
def test_what_is_no_finished_run_is_refused(missing, tmp_path, capsys):
    folder = tmp_path / "nothing"
    if missing == "no summary":
        folder.mkdir()
        (folder / "meta.json").write_text('{"algorithm": "ippo"}')
        (folder / "config.yaml").write_text("{}\n")
    with pytest.raises(SystemExit) as stop:
        main(["report", str(folder)])
    assert stop.value.code == 2
    assert {"no folder": "is not a run folder", "no summary": "has no summary.json"}[
        missing
    ] in capsys.readouterr().err
    assert not (folder / "report.md").exists()
