"""Seeds trained side by side, on one device or several, are what each would be alone."""

import socket

import jax
import numpy as np
import pytest

from cardjax.config import dump_config
from cardjax.loading import players
from cardjax.run import run_folder
from cardjax.run.identity import Run
from cardjax.run.metrics_log import read_metrics
from cardjax.training import loop, runs
from cardjax.training.scores import Scores

SHORT = {
    "train__total_steps": 1920,
    "train__n_evals": 1,
    "ppo__normalize_observations": "none",
    "ppo__matmul_precision": "float32",
}
"""Three updates: longer ones amplify the last bits of a sum until two paths part; so do whitening
of little, and rounding to bfloat16."""
MEASURED = (
    "reward_per_game",
    "trade_rate",
    "entropy",
    "policy_loss",
    "value_loss",
    "gradient_norm",
    "kl",
)
TRAIN = """
import sys
import jax
import numpy as np
n_devices, n_processes, process_id, port = map(int, sys.argv[1:])
jax.config.update("jax_num_cpu_devices", n_devices)
from cardjax.config import load_config
from cardjax.run import run_folder
from cardjax.runtime import processes
from cardjax.training import loop, runs
from cardjax.training.scores import Scores
Scores._scripted = lambda self, name: np.ones(self._n_runs)
if n_processes > 1:
    processes.join(f"127.0.0.1:{port}", n_processes, process_id)
config = load_config("run.yaml")
run = runs.Run("ippo", config, runs.RUNS / config.name)
if processes.is_first():
    run_folder.create(run.folder, config, "ippo")
loop.train([run])
assert len(jax.devices()) == n_devices * n_processes
processes.meet("end")
"""
"""A training without its closing table, compared with nobody, on so many devices of so many
processes.
"""


def table(folder, seed):
    rows = [row for row in read_metrics(folder / "metrics.csv") if int(row["seed"]) == seed]
    return {name: np.array([float(row[name]) for row in rows]) for name in ("rounds", *MEASURED)}


def assert_close(ours, theirs):
    assert len(ours["rounds"]) == 3
    for name, values in ours.items():
        # Another batching of the same sums: the last bits of float32, some of them through a few
        # Adam steps.
        np.testing.assert_allclose(values, theirs[name], rtol=1e-4, atol=1e-5, err_msg=name)


def trained(config, parent=runs.RUNS):
    """The folder of a run without its closing table, compared with nobody."""
    run = Run("ippo", config, parent / config.name)
    run_folder.create(run.folder, config, "ippo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scores, "_scripted", lambda self, name: np.ones(self._n_runs))
        loop.train([run])
    return run.folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory, tiny):
    return trained(tiny("pair", seed=4, train__n_seeds=2, **SHORT), tmp_path_factory.mktemp("pair"))


@pytest.fixture
def spread(workplace, tiny, script):
    """spread(n_devices, n_processes, **overrides): a run folder of the short configuration."""

    def run(n_devices, n_processes=1, **overrides):
        config = tiny("spread", seed=4, train__shard_games="always", **SHORT | overrides)
        (workplace / "run.yaml").write_text(dump_config(config))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        started = [
            script("-c", TRAIN, n_devices, n_processes, i, port, cwd=workplace)
            for i in reversed(range(n_processes))
        ]
        for process in started:
            _, errors = process.communicate()
            assert process.returncode == 0, errors
        return workplace / "runs" / "spread"

    return run


@pytest.mark.slow  # a minute; in the default suite, a grid's points are such replicates
def test_two_seeds_train_as_two_runs_of_one_seed_would(pair, tiny):
    for seed in (4, 5):
        alone = trained(tiny(f"alone{seed}", seed=seed, **SHORT))
        assert_close(table(pair, seed), table(alone, seed))
    assert (table(pair, 4)["reward_per_game"] != table(pair, 5)["reward_per_game"]).all()


def test_two_devices_train_as_one_does_and_one_loads_what_two_saved(pair, spread):
    folder = spread(2, train__n_seeds=2)  # a seed each
    for seed in (4, 5):
        assert_close(table(pair, seed), table(folder, seed))
    ours, theirs = (players.load_player(run)[0].params for run in (pair, folder))
    assert len(ours) == len(theirs) == 2
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.slow  # the default suite has two devices, and two processes that share games
def test_eight_devices_that_share_seeds_and_games_train_as_one_does(pair, spread):
    folder = spread(8, train__n_seeds=2)  # two along the seeds, four along the games
    for seed in (4, 5):
        assert_close(table(pair, seed), table(folder, seed))


@pytest.mark.slow
def test_two_processes_that_share_a_seeds_games_train_as_one_does(pair, spread):
    folder = spread(1, n_processes=2)
    assert_close(table(pair, 4), table(folder, 4))
    ours, theirs = (players.load_player(run)[0].params[0] for run in (pair, folder))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
