"""A run that was stopped goes on as if it had not been: bit for bit, or in one line not at all."""

import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import time

import jax.numpy as jnp
import numpy as np
import pytest
import yaml

from cardjax.config import config_values, dump_config, load_config, make_config
from cardjax.env import ParameterError
from cardjax.loading import players
from cardjax.run import checkpoints
from cardjax.run.checkpoints import Checkpoints
from cardjax.run.identity import Run
from cardjax.run.learners import make_learner
from cardjax.run.metrics_log import MetricsLog, read_metrics
from cardjax.run.run_folder import held
from cardjax.training import loop, runs

TIMES = {"train_seconds", "wall_seconds"}
TINY = {
    "train.n_envs": 64,
    "train.total_steps": 12_800,
    "train.n_evals": 4,
    "train.eval_games": 64,
    "train.final_eval_games": 64,
    "ppo.n_minibatches": 4,
    "ppo.hidden": [8],
    "ppo.learning_rate": 1e-4,
}


def metrics_of(folder, but=TIMES):
    """The rows of metrics.csv but for what a clock says."""
    return [
        {k: v for k, v in row.items() if k not in but}
        for row in read_metrics(folder / "metrics.csv")
    ]


def assert_same_bits(a, b):
    assert len(a) == len(b) > 10
    for x, y in zip(a, b, strict=True):
        assert x.dtype == y.dtype
        assert x.tobytes() == y.tobytes()


def latest_checkpoint(folder):
    return max(
        (int(p.name) for p in (folder / "checkpoints").iterdir() if p.name.isdigit()), default=0
    )


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


def test_a_run_stopped_by_ctrl_c_and_resumed_ends_as_one_that_was_not(
    workplace, tiny, finished, saved, stop_after
):
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


def kill_somewhere(process, folder):
    """SIGKILL after the first checkpoint: in an update, an evaluation, a save."""
    try:
        while not (folder / "checkpoints").is_dir() or not latest_checkpoint(folder):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.5))
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_a_run_killed_outright_and_resumed_ends_as_one_that_was_not(
    workplace, tiny, finished, saved, script
):
    (workplace / "run.yaml").write_text((finished / "config.yaml").read_text())
    process = script("train/ippo.py", "--config", "run.yaml", "name=killed", cwd=workplace)
    folder = workplace / "runs" / "killed"
    kill_somewhere(process, folder)
    assert not (folder / "summary.json").exists()

    runs.resume("ippo", folder)
    assert_same_bits(saved(folder), saved(finished))
    # The killed process scored itself on more games than the small matches of this one.
    assert metrics_of(folder, TIMES | {"score"}) == metrics_of(finished, TIMES | {"score"})


OWN = {
    "mappo": TINY | {"ppo.memory": "gru"},
    "dqn": {
        **{name: value for name, value in TINY.items() if not name.startswith("ppo.")},
        "env.kind": "single",
        "dqn.hidden": [8],
        "dqn.batch_size": 64,
        "dqn.capacity": 6400,
        "dqn.prioritised": True,
    },
    "pqn": {
        **{name: value for name, value in TINY.items() if not name.startswith("ppo.")},
        "env.kind": "single",
        "pqn.hidden": [8],
        "pqn.memory": "lstm",
        "pqn.n_minibatches": 4,
    },
}
"""Small learners that carry as much from one update to the next as they can."""


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", OWN)
def test_other_algorithms_too(workplace, saved, script, algorithm):
    whole = runs.start(algorithm, make_config(OWN[algorithm] | {"name": "whole"}))
    config = make_config(OWN[algorithm] | {"name": "killed"})
    (workplace / "run.yaml").write_text(dump_config(config))
    process = script(f"train/{algorithm}.py", "--config", "run.yaml", cwd=workplace)
    folder = workplace / "runs" / "killed"
    kill_somewhere(process, folder)
    runs.resume(algorithm, folder)
    assert_same_bits(saved(folder), saved(whole))


@pytest.mark.slow  # kills at random moments are in the default suite
def test_a_crash_right_after_a_checkpoint_loses_no_row_of_the_metrics(
    workplace, tiny, finished, monkeypatch
):
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


def test_checkpoints_that_take_long_are_written_less_often(
    workplace, tiny, finished, saved, monkeypatch
):
    written, save = [], Checkpoints.save

    def noted(self, n_updates, state):
        written.append(n_updates)
        save(self, n_updates, state)

    monkeypatch.setattr(Checkpoints, "save", noted)
    monkeypatch.setattr(loop, "CHEAP_SAVE", 0)
    monkeypatch.setattr(loop, "SAVE_PATIENCE", 1e9)
    folder = runs.start("ippo", tiny("patient"))
    assert written == [5, 20]  # the first evaluation of four, and the end
    assert_same_bits(saved(folder), saved(finished))


def test_a_run_killed_before_its_first_checkpoint_starts_afresh(workplace, finished, saved):
    folder = shutil.copytree(finished, workplace / "early")
    for written_later in ("checkpoints", "metrics.csv", "summary.json"):
        path = folder / written_later
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    runs.resume("ippo", folder)
    assert_same_bits(saved(folder), saved(finished))
    assert metrics_of(folder) == metrics_of(finished)


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_resuming_a_run_that_is_over_says_so_and_does_nothing(workplace, finished, capsys):
    folder = shutil.copytree(finished, workplace / "over")
    before = files_of(folder)
    runs.resume("ippo", folder)
    assert files_of(folder) == before
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{folder} is finished: 12,800 rounds per seed; ")
    assert "train.total_steps=N" in line


def test_a_run_whose_table_is_of_before_it_was_lengthened_is_not_finished(workplace, finished):
    folder = shutil.copytree(finished, workplace / "longer")
    run = Run("ippo", load_config(folder / "config.yaml"), folder)
    assert runs.is_finished(run)
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(summary | {"total_steps": 6400}))
    assert not runs.is_finished(run)  # it was killed while it played for its new table


CONSTANT = {f"ppo__{name}_schedule": "constant" for name in ("learning_rate", "entropy")}


@pytest.mark.slow
def test_a_finished_run_that_is_lengthened_ends_as_one_that_was_planned_so_long(
    workplace, tiny, saved
):
    long = runs.start("ippo", tiny("long", train__total_steps=19_200, **CONSTANT))
    short = runs.start("ippo", tiny("short", **CONSTANT))
    runs.resume("ippo", short, ["train.total_steps=19200"])
    assert_same_bits(saved(short), saved(long))
    summary = json.loads((short / "summary.json").read_text())
    assert summary["total_steps"] == 19_200
    assert summary["results"] == json.loads((long / "summary.json").read_text())["results"]
    assert load_config(short / "config.yaml").train.total_steps == 19_200
    rounds = [row["rounds"] for row in read_metrics(short / "metrics.csv")]
    assert rounds == sorted(set(rounds))
    assert rounds[-1] == 19_200


def test_a_lengthened_run_anneals_as_its_new_length_says(tiny):
    longer = runs.lengthened(tiny("x"), ["train.total_steps=25_600"])
    assert config_values(longer) == config_values(tiny("x", train__total_steps=25_600))
    rates = [make_learner("ippo", config)._scheduled for config in (tiny("x"), longer)]
    long, short = rates[1]("learning_rate", jnp.int32(20)), rates[0]("learning_rate", jnp.int32(10))
    assert float(long) == float(short)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.total_steps=6400", r"= 6400: must be at least 12,800, the rounds that"),
        ("ppo.learning_rate=1", r"learning_rate=1: only train.total_steps=N may be given"),
        ("train.total_steps=many", r"train.total_steps = many: must be a whole number"),
    ],
)
def test_nothing_but_a_longer_training_can_be_asked_of_a_run(workplace, finished, override, said):
    folder = shutil.copytree(finished, workplace / "kept")
    before = files_of(folder)
    with pytest.raises(ParameterError, match=said) as refusal:
        runs.resume("ippo", folder, [override])
    assert "\n" not in str(refusal.value)
    assert files_of(folder) == before


def test_a_run_that_another_process_trains_is_not_resumed_beside_it(workplace, finished):
    folder = shutil.copytree(finished, workplace / "twice")
    (folder / "summary.json").unlink()
    before = files_of(folder)
    with held(folder), pytest.raises(ParameterError, match="is being trained by another process"):
        runs.resume("ippo", folder)
    assert files_of(folder) == before


@pytest.mark.parametrize("point", [3, 5, 20])
def test_a_run_whose_folder_is_removed_is_no_success(workplace, tiny, monkeypatch, point):
    add, seen = MetricsLog.add, []

    def add_and_remove(log, *args):
        add(log, *args)
        seen.append(1)
        if len(seen) == point:
            shutil.rmtree(workplace / "runs" / "gone")

    monkeypatch.setattr(MetricsLog, "add", add_and_remove)
    with pytest.raises(ParameterError, match=r"^run = .*gone.*: ") as refusal:
        runs.start("ippo", tiny("gone"))
    assert "\n" not in str(refusal.value)
    assert not (workplace / "runs" / "gone").exists()


# What cannot be continued


def edit_config(folder, section, **values):
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config[section] |= values
    path.write_text(yaml.safe_dump(config))


def edit_text(folder, old, new):
    path = folder / "config.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_meta(folder, **values):
    path = folder / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def garble(folder, pattern, change):
    files = [path for path in (folder / "checkpoints").rglob(pattern) if path.is_file()]
    assert files
    for path in files:
        change(path)


def garble_newest(folder, pattern, change):
    for path in (folder / "checkpoints" / str(latest_checkpoint(folder))).rglob(pattern):
        if path.is_file():
            change(path)


def cut_short(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


OTHER = {
    "ppo.hidden is [8] in the checkpoint and [8, 8] here": lambda f: edit_config(
        f, "ppo", hidden=[8, 8]
    ),
    "ppo.hidden is [8] in the checkpoint and [16] here": lambda f: edit_config(
        f, "ppo", hidden=[16]
    ),
    "ppo.memory is none in the checkpoint and gru here": lambda f: edit_config(
        f, "ppo", memory="gru"
    ),
    "train.n_envs is 64 in the checkpoint and 32 here": lambda f: edit_config(
        f, "train", n_envs=32
    ),
    "train.n_seeds is 1 in the checkpoint and 2 here": lambda f: edit_config(f, "train", n_seeds=2),
    "observation: mu is absent in the checkpoint and 1 here": lambda f: edit_config(
        f, "env", observe_posterior=True
    ),
    "seed is 0 in the checkpoint and 1 here": lambda f: edit_text(f, "seed: 0", "seed: 1"),
    "env.alpha is 0.3 in the checkpoint and 5.0 here": lambda f: edit_config(f, "env", alpha=5),
    "ppo.learning_rate is 0.0001 in the checkpoint and 0.01 here": lambda f: edit_config(
        f, "ppo", learning_rate=0.01
    ),
    "run_id is ": lambda f: edit_meta(f, run_id="0" * 32),
    "algorithm is ippo in the checkpoint and mappo here": lambda f: (f / "meta.json").write_text(
        (f / "meta.json").read_text().replace('"ippo"', '"mappo"')
    ),
}
"""What is said, and what was done."""
DAMAGE = {
    "array data deleted": ("d/*", lambda p: p.unlink()),
    "array data cut short": ("d/*", cut_short),
    "array data overwritten": ("d/*", lambda p: p.write_bytes(b"\0" * p.stat().st_size)),
    "description deleted": ("_CHECKPOINT_METADATA", lambda p: p.unlink()),
    "description cut short": ("_CHECKPOINT_METADATA", cut_short),
    "tree description garbled": ("_METADATA", lambda p: p.write_text("{")),
    "every file emptied": ("*", lambda p: p.write_bytes(b"")),
}


@pytest.mark.parametrize("said", OTHER)
def test_a_checkpoint_of_another_run_is_refused_with_what_differs(workplace, finished, said):
    folder = shutil.copytree(finished, workplace / "other")
    OTHER[said](folder)
    with pytest.raises(
        ParameterError, match=r"^run = .*checkpoint 20 is of another run: "
    ) as refusal:
        players.load_player(folder)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("damage", DAMAGE)
def test_where_no_checkpoint_can_be_read_the_run_is_refused_in_one_line(
    workplace, finished, damage
):
    folder = shutil.copytree(finished, workplace / "damaged")
    garble(folder, *DAMAGE[damage])
    with pytest.raises(
        ParameterError, match=r"^run = .*checkpoint 20 .* cannot be read .*there is no other"
    ) as refusal:
        players.load_player(folder)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("damage", DAMAGE)
def test_in_place_of_a_damaged_checkpoint_the_one_before_it_is_taken(
    workplace, finished, damage, capsys
):
    folder = shutil.copytree(finished, workplace / "damaged")
    garble_newest(folder, *DAMAGE[damage])
    players.load_player(folder)
    (line,) = (
        line for line in capsys.readouterr().err.splitlines() if line.startswith("checkpoint")
    )
    assert line.startswith(f"checkpoint 20 of {folder} cannot be read (")
    assert line.endswith(": taking checkpoint 15")


def test_a_checkpoint_that_was_renamed_is_not_taken_for_what_its_name_says(
    workplace, finished, saved, capsys
):
    folder = shutil.copytree(finished, workplace / "renamed")
    (folder / "checkpoints" / "20").rename(folder / "checkpoints" / "999")
    runs.resume("ippo", folder)
    assert f"checkpoint 999 of {folder} cannot be read (it was saved as checkpoint 20)" in (
        capsys.readouterr().err
    )
    assert latest_checkpoint(folder) == 20
    assert_same_bits(saved(folder), saved(finished))


def test_checkpoints_with_exchanged_names_are_refused(workplace, finished):
    folder = shutil.copytree(finished, workplace / "exchanged")
    kept = folder / "checkpoints"
    for old, new in (("20", "x"), ("15", "20"), ("x", "15")):
        (kept / old).rename(kept / new)
    with pytest.raises(ParameterError, match=r"saved as checkpoint 15.*there is no other"):
        players.load_player(folder)


def test_one_changed_byte_is_damage():
    tree = {"a": np.arange(4.0), "b": np.array([True])}
    before = checkpoints._checksums(tree)
    tree["a"].view(np.uint8)[3] ^= 1
    after = checkpoints._checksums(tree)
    assert {name for name in before if before[name] != after[name]} == {"a"}


def test_a_run_whose_newest_checkpoint_is_damaged_ends_as_one_that_was_not(
    workplace, finished, saved
):
    folder = shutil.copytree(finished, workplace / "damaged")
    garble_newest(folder, *DAMAGE["array data cut short"])
    runs.resume("ippo", folder)
    assert_same_bits(saved(folder), saved(finished))
    assert metrics_of(folder) == metrics_of(finished)


def test_a_run_without_a_checkpoint_is_no_player(workplace, finished):
    folder = shutil.copytree(finished, workplace / "none")
    shutil.rmtree(folder / "checkpoints")
    with pytest.raises(ParameterError, match=r"^run = .*has no checkpoint"):
        players.load_player(folder)


def test_a_refused_resume_leaves_the_run_as_it_was(workplace, finished):
    folder = shutil.copytree(finished, workplace / "kept")
    edit_config(folder, "ppo", hidden=[16])
    before = files_of(folder)
    with pytest.raises(ParameterError, match="is of another run"):
        runs.resume("ippo", folder)
    assert files_of(folder) == before


@pytest.fixture
def full_disk():
    """full_disk(): from now on no file can grow beyond a few bytes; the error is another, the way
    to it the same.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param((Checkpoints, "save"), id="checkpoint"),
        pytest.param((MetricsLog, "add"), id="metrics", marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_is_said_in_one_line_and_the_last_good_checkpoint_kept(
    workplace, tiny, finished, saved, monkeypatch, full_disk, written
):
    owner, name = written
    write, seen = getattr(owner, name), []

    def fill_up_and_write(*args):
        seen.append(1)
        if len(seen) == {"save": 2, "add": 7}[name]:
            full_disk()
        write(*args)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fill_up_and_write)
        patch.setattr(sys, "stderr", io.StringIO())  # pytest's is a file, and would be full too
        with pytest.raises(
            ParameterError,
            match=r"^run = .*cannot be written .*the last good (one|checkpoint) is 5",
        ) as end:
            runs.start("ippo", tiny("full"))
    assert "\n" not in str(end.value)
    resource.setrlimit(
        resource.RLIMIT_FSIZE,
        (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1]),
    )
    folder = runs.resume("ippo", workplace / "runs" / "full")
    assert_same_bits(saved(folder), saved(finished))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is not a run folder"),
        ({"meta.json": "{"}, "meta.json: cannot be read as JSON"),
        ({"meta.json": "[]"}, "its content must be a mapping"),
        (
            {"meta.json": '{"algorithm": "guessing"}'},
            "algorithm = guessing: must be one of dqn, ippo, mappo, pqn",
        ),
        ({"meta.json": '{"algorithm": "ippo"}'}, "cannot be read"),
        (
            {"meta.json": '{"algorithm": "ippo"}', "config.yaml": "ppo: {clip: 0}"},
            "ppo.clip = 0: must be",
        ),
    ],
    ids=[
        "empty",
        "garbled meta",
        "meta no mapping",
        "unknown algorithm",
        "no config",
        "bad config",
    ],
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
