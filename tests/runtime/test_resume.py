"""A run that was stopped goes on as if it had not been: bit for bit, or in one line not at all."""

import json
import os
import random
import shutil
import signal
import time

import numpy as np
import pytest
import yaml

from cardjax.env import ParameterError
from cardjax.runtime import runs
from cardjax.runtime.checkpoints import Checkpoints
from cardjax.runtime.run_folder import MetricsLog, read_metrics

TIMES = {"train_seconds", "wall_seconds"}


def metrics_of(folder, but=TIMES):
    """The rows of metrics.csv but for what a clock says."""
    return [{k: v for k, v in row.items() if k not in but} for row in read_metrics(folder / "metrics.csv")]


def assert_same_bits(a, b):
    assert len(a) == len(b) > 10
    for x, y in zip(a, b, strict=True):
        assert x.dtype == y.dtype
        assert x.tobytes() == y.tobytes()


def latest_checkpoint(folder):
    return max((int(p.name) for p in (folder / "checkpoints").iterdir() if p.name.isdigit()), default=0)


@pytest.fixture
def stop_after(monkeypatch):
    """stop_after(n): Ctrl-C arrives while the n-th row of metrics.csv is written."""

    def arrange(n):
        add, seen = MetricsLog.add, []

        def add_and_interrupt(*args):
            add(*args)
            seen.append(1)
            if len(seen) == n:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(MetricsLog, "add", add_and_interrupt)

    return arrange


def test_a_run_stopped_by_ctrl_c_and_resumed_ends_as_one_that_was_not(workplace, tiny, finished, saved, stop_after):
    stop_after(7)  # between two evaluations
    folder = runs.start("ippo", tiny("stopped"))
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["interrupted"] is True
    assert summary["total_steps"] == 7 * 640
    assert latest_checkpoint(folder) == 7
    seconds_before = summary["wall_seconds"]

    runs.resume("ippo", folder)
    assert_same_bits(saved(folder), saved(finished))
    assert metrics_of(folder) == metrics_of(finished)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["interrupted"] is False
    assert summary["results"] == json.loads((finished / "summary.json").read_text())["results"]
    assert summary["wall_seconds"] > seconds_before
    times = [float(row["wall_seconds"]) for row in read_metrics(folder / "metrics.csv")]
    assert times == sorted(times)


def test_a_run_killed_outright_and_resumed_ends_as_one_that_was_not(workplace, tiny, finished, saved, script):
    (workplace / "run.yaml").write_text((finished / "config.yaml").read_text())
    process = script("train/ippo.py", "--config", "run.yaml", "name=killed", cwd=workplace)
    folder = workplace / "runs" / "killed"
    try:
        while not (folder / "checkpoints").is_dir() or not latest_checkpoint(folder):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.5))  # anywhere: in an update, an evaluation, a save
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    assert not (folder / "summary.json").exists()

    runs.resume("ippo", folder)
    assert_same_bits(saved(folder), saved(finished))
    # The killed process scored itself on more games than the small matches of this one.
    assert metrics_of(folder, TIMES | {"score"}) == metrics_of(finished, TIMES | {"score"})


def test_a_crash_right_after_a_checkpoint_loses_no_row_of_the_metrics(workplace, tiny, finished, monkeypatch):
    with monkeypatch.context() as patch:
        save = Checkpoints.save

        def save_and_crash(*args):
            save(*args)
            raise RuntimeError("power cut")

        patch.setattr(Checkpoints, "save", save_and_crash)
        with pytest.raises(RuntimeError, match="power cut"):
            runs.start("ippo", tiny("crashed"))
    folder = runs.resume("ippo", workplace / "runs" / "crashed")
    assert metrics_of(folder) == metrics_of(finished)


def test_a_run_killed_before_its_first_checkpoint_starts_afresh(workplace, finished, saved):
    folder = shutil.copytree(finished, workplace / "early")
    for written_later in ("checkpoints", "metrics.csv", "summary.json"):
        path = folder / written_later
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    runs.resume("ippo", folder)
    assert_same_bits(saved(folder), saved(finished))
    assert metrics_of(folder) == metrics_of(finished)


def test_resuming_a_run_that_is_over_plays_nothing_more(workplace, finished, saved):
    folder = shutil.copytree(finished, workplace / "over")
    before = (folder / "metrics.csv").read_text()
    runs.resume("ippo", folder)
    assert_same_bits(saved(folder), saved(finished))
    assert (folder / "metrics.csv").read_text() == before


# What cannot be continued


def edit_config(folder, section, **values):
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config[section] |= values
    path.write_text(yaml.safe_dump(config))


def garble(folder, pattern, change):
    files = [path for path in (folder / "checkpoints").rglob(pattern) if path.is_file()]
    assert files
    for path in files:
        change(path)


DAMAGE = {
    "other hidden layers": lambda f: edit_config(f, "ppo", hidden=[8, 8]),
    "wider hidden layers": lambda f: edit_config(f, "ppo", hidden=[16]),
    "narrower hidden layers": lambda f: edit_config(f, "ppo", hidden=[4]),
    "another number of games": lambda f: edit_config(f, "train", n_envs=32),
    "another number of seeds": lambda f: edit_config(f, "train", n_seeds=2),
    "another observation": lambda f: edit_config(f, "env", observe_posterior=True),
    "array data deleted": lambda f: garble(f, "d/*", lambda p: p.unlink()),
    "array data cut short": lambda f: garble(
        f, "d/*", lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2])
    ),
    "array data overwritten": lambda f: garble(f, "d/*", lambda p: p.write_bytes(b"\0" * p.stat().st_size)),
    "tree description deleted": lambda f: garble(f, "_METADATA", lambda p: p.unlink()),
    "tree description garbled": lambda f: garble(f, "_METADATA", lambda p: p.write_text("{")),
    "every file emptied": lambda f: garble(f, "*", lambda p: p.write_bytes(b"")),
    "item folder deleted": lambda f: [shutil.rmtree(path) for path in (f / "checkpoints").glob("*/default")],
    "no checkpoint": lambda f: [shutil.rmtree(path) for path in (f / "checkpoints").iterdir()],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_checkpoint_that_does_not_fit_or_cannot_be_read_is_refused_in_one_line(workplace, finished, damage):
    folder = shutil.copytree(finished, workplace / "damaged")
    DAMAGE[damage](folder)
    with pytest.raises(ParameterError, match=r"^run = .*(does not fit this run|has no checkpoint)") as refusal:
        runs.load_player(folder)
    assert "\n" not in str(refusal.value)


def test_a_refused_resume_leaves_the_run_as_it_was(workplace, finished):
    folder = shutil.copytree(finished, workplace / "kept")
    edit_config(folder, "ppo", hidden=[16])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ParameterError, match="does not fit this run"):
        runs.resume("ippo", folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is not a run folder"),
        ({"meta.json": "{"}, "cannot be read"),
        ({"meta.json": "[]"}, "is not one of ippo"),
        ({"meta.json": '{"algorithm": "guessing"}'}, "'guessing' is not one of ippo"),
        ({"meta.json": '{"algorithm": "ippo"}'}, "cannot be read"),
        ({"meta.json": '{"algorithm": "ippo"}', "config.yaml": "ppo: {clip: 0}"}, "ppo.clip = 0: must be"),
    ],
    ids=["empty", "garbled meta", "meta no mapping", "unknown algorithm", "no config", "bad config"],
)
def test_what_is_no_run_folder_is_refused_in_one_line(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ParameterError, match=message) as refusal:
        runs.resume("ippo", tmp_path)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="is not a run folder"):
        runs.resume("ippo", tmp_path / "absent")


def test_the_state_holds_games_and_randomness_too(finished, saved):
    # What a resumed run cannot do without: a weights-only checkpoint would pass for one that fits.
    leaves = saved(finished)
    assert any(leaf.shape == (1, 64, 2) for leaf in leaves)  # the players' wealth
    assert any(leaf.dtype == np.uint32 for leaf in leaves)
