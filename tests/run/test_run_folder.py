"""Files of a run folder: whole or not there, and readable by anything that reads JSON and CSV."""

import json
import math
import subprocess

import pytest

from cardjax.env import ParameterError
from cardjax.files.reading import read_json
from cardjax.files.writing import write_json, write_text
from cardjax.run import run_folder
from cardjax.run.metrics_log import MetricsLog, read_metrics
from cardjax.run.run_folder import git_commit, read_meta

NAN = math.nan


def test_nan_is_written_as_null(tmp_path):
    write_json(tmp_path / "x.json", {"a": math.inf, "b": [1.5, NAN], "c": {"d": (NAN,)}})
    text = (tmp_path / "x.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": None,
        "b": [1.5, None],
        "c": {"d": [None]},
    }


def test_a_file_that_cannot_be_written_whole_keeps_its_old_content(tmp_path):
    path = tmp_path / "x.json"
    write_text(path, "old")
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_json_file_that_cannot_be_read_is_refused_by_its_path(tmp_path):
    (tmp_path / "x.json").write_text("{")
    for name in ("x.json", "absent.json"):
        with pytest.raises(ParameterError, match="cannot be read"):
            read_json(tmp_path / name, dict[str, int])


def test_a_sweep_without_points_is_refused(tmp_path):
    write_json(tmp_path / "meta.json", {"algorithm": "ippo", "sweep": {}})
    with pytest.raises(ParameterError, match=r"meta\.json: sweep has no points"):
        read_meta(tmp_path)


def test_the_commit_is_named():
    commit = git_commit()
    assert commit is None or len(commit.removesuffix("+changes")) == 40


def test_the_commit_is_that_of_a_checkout_which_holds_the_package(tmp_path, monkeypatch):
    def git(*arguments):
        named = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *named, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    git("commit", "--allow-empty", "-m", "something else")
    inside = tmp_path / ".venv" / "cardjax" / "run_folder.py"
    inside.parent.mkdir(parents=True)
    inside.touch()
    monkeypatch.setattr(run_folder, "__file__", str(inside))
    assert git_commit() is None
    git("add", ".")
    git("commit", "-m", "cardjax")
    assert len(git_commit()) == 40


def test_a_log_has_a_row_a_seed_and_leaves_what_is_not_known_blank(tmp_path):
    log = MetricsLog(tmp_path, [7, 8])
    log.add(10, 1.0, 2.0, [{"score": NAN, "loss": 0.5}, {"score": 0.25, "loss": 0.75}])
    rows = read_metrics(tmp_path / "metrics.csv")
    assert [(row["seed"], row["score"], row["loss"]) for row in rows] == [
        (7, None, 0.5),
        (8, 0.25, 0.75),
    ]
    assert {row["rounds"] for row in rows} == {10}


def test_a_log_can_be_read_after_every_point(tmp_path):
    log = MetricsLog(tmp_path, [0])
    for n in (1, 2, 3):
        log.add(10 * n, float(n), float(n), [{"loss": 0.5}])
        assert len(read_metrics(tmp_path / "metrics.csv")) == n


def test_a_log_that_is_continued_forgets_what_was_not_checkpointed(tmp_path):
    log = MetricsLog(tmp_path, [0])
    for n in (1, 2, 3):
        log.add(10 * n, float(n), 2.0 * n, [{"loss": 0.5}])
    log = MetricsLog(tmp_path, [0], keep_rounds=20)
    assert (log.train_seconds, log.wall_seconds) == (2, 4)
    log.add(30, 9.0, 9.0, [{"loss": 0.25}])
    rows = read_metrics(tmp_path / "metrics.csv")
    assert [(row["rounds"], row["loss"]) for row in rows] == [
        (10, 0.5),
        (20, 0.5),
        (30, 0.25),
    ]


def test_there_are_no_metrics_before_a_log(tmp_path):
    assert read_metrics(tmp_path / "metrics.csv") == []
