"""Seeds trained side by side, on one device or several, are the runs that each seed would be alone."""

import numpy as np
import pytest

from cardjax.config import dump_config
from cardjax.runtime import run_folder, runs, training
from cardjax.runtime.learners import make_learner
from cardjax.runtime.run_folder import read_metrics

SHORT = {"train__total_steps": 1920, "train__n_evals": 1}
"""Three updates: longer ones amplify the last bits of a sum until two seeds' paths part."""
MEASURED = ("reward_per_game", "trade_rate", "entropy", "policy_loss", "value_loss", "gradient_norm", "kl")
TWO_DEVICES = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
from pathlib import Path
from cardjax.config import load_config
from cardjax.runtime import run_folder, training
from cardjax.runtime.learners import make_learner
config = load_config("run.yaml")
folder = run_folder.create(Path("runs"), config.name, config, "ippo")
training.train(config, make_learner("ippo", config), folder)
assert len(jax.devices()) == 2
"""


def table(folder, seed):
    rows = [row for row in read_metrics(folder / "metrics.csv") if int(row["seed"]) == seed]
    return {name: np.array([float(row[name]) for row in rows]) for name in ("rounds", *MEASURED)}


def assert_close(ours, theirs):
    assert len(ours["rounds"]) == 3
    for name, values in ours.items():
        # Another batching of the same sums: the last bits of float32, some of them through a few Adam steps.
        np.testing.assert_allclose(values, theirs[name], rtol=1e-4, atol=1e-5, err_msg=name)


def trained(config):
    """The folder of a run without its closing table."""
    folder = run_folder.create(runs.RUNS, config.name, config, "ippo")
    training.train(config, make_learner("ippo", config), folder)
    return folder


@pytest.fixture
def pair(workplace, tiny):
    return trained(tiny("pair", seed=4, train__n_seeds=2, **SHORT))


def test_two_seeds_train_as_two_runs_of_one_seed_would(pair, tiny):
    for seed in (4, 5):
        alone = trained(tiny(f"alone{seed}", seed=seed, **SHORT))
        assert_close(table(pair, seed), table(alone, seed))
    assert (table(pair, 4)["reward_per_game"] != table(pair, 5)["reward_per_game"]).all()


def test_two_devices_train_as_one_does_and_one_loads_what_two_saved(pair, tiny, workplace, script):
    (workplace / "run.yaml").write_text(dump_config(tiny("spread", seed=4, train__n_seeds=2, **SHORT)))
    process = script("-c", TWO_DEVICES, cwd=workplace)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    spread = workplace / "runs" / "spread"
    for seed in (4, 5):
        assert_close(table(pair, seed), table(spread, seed))
    ours, theirs = (runs.load_player(folder)[0] for folder in (pair, spread))
    assert len(ours.params) == len(theirs.params) == 2
