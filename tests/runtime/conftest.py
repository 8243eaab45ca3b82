"""What the host loop's tests share: one tiny configuration, played in a folder of the test's own."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from cardjax.config import make_config
from cardjax.runtime import runs

ROOT = Path(__file__).resolve().parents[2]
TINY = {
    "train.n_envs": 64,
    "train.total_steps": 12_800,
    "train.n_evals": 4,
    "train.eval_games": 64,
    "train.final_eval_games": 64,
    "ppo.n_minibatches": 4,
    "ppo.n_epochs": 2,
    "ppo.hidden": [8],
    "ppo.learning_rate": 1e-4,
}
"""20 updates of 640 rounds, evaluated after every fifth; slow enough to learn that it still trades
at the end.
"""
OPPONENTS = ("self", "random_valid")


def small_matches(patch):
    """Two opponents and small batches in place of five and 8192 games."""
    patch.setattr(sys.modules["cardjax.evaluation.evaluate"], "GAMES_AT_ONCE", 64)
    all_opponents = runs.opponents_for

    def two_opponents(market, names=None):
        return all_opponents(market, names or (OPPONENTS if market.n_players > 1 else None))

    patch.setattr(runs, "opponents_for", two_opponents)


@pytest.fixture(scope="session")
def tiny():
    """tiny(name, **overrides): a run's configuration, overrides by dotted name with __ for the dot."""

    def configure(name, **overrides):
        return make_config(
            TINY | {"name": name} | {k.replace("__", "."): v for k, v in overrides.items()}
        )

    return configure


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty current folder, and small matches."""
    small_matches(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of an uninterrupted run of the tiny configuration, not to be written to."""
    with pytest.MonkeyPatch.context() as patch:
        small_matches(patch)
        patch.chdir(tmp_path_factory.mktemp("finished"))
        return runs.start("ippo", make_config(TINY | {"name": "whole"})).resolve()


@pytest.fixture(scope="session")
def saved():
    """saved(folder): everything in a run's last checkpoint, as a list of arrays."""

    def read(folder):
        algorithm, config = runs.read_run(folder)
        return jax.tree.leaves(runs.last_state(runs.Run(algorithm, config, folder)))

    return read


@pytest.fixture(scope="session")
def script(compilation_cache):
    """script(file, *arguments, cwd=…): a Popen of one of the repository's entry points."""

    def start(file, *arguments, cwd):
        env = os.environ | {
            "PYTHONPATH": str(ROOT),
            "JAX_COMPILATION_CACHE_DIR": str(compilation_cache),
        }
        command = [sys.executable, str(ROOT / file) if file != "-c" else file, *map(str, arguments)]
        return subprocess.Popen(
            command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return start
