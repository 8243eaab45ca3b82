"""What every floor's tests share."""

import fcntl
import functools
import gc
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

FAST_TO_COMPILE = (
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
    "--xla_cpu_enable_concurrency_optimized_scheduler=false",
)
"""XLA's older emitters compile in half the time of those that it has by default, one piece of a
program sooner than many, and what need not run side by side is ordered sooner.
"""


def known_to_xla(flag):
    """Whether the installed jaxlib knows a flag. One that it does not know ends the process before
    it has said a word, so a process of its own asks.
    """
    ask = "from jaxlib import xla_client; xla_client.CompileOptions()"
    environment = os.environ | {"XLA_FLAGS": flag}
    done = subprocess.run([sys.executable, "-c", ask], env=environment, stderr=subprocess.DEVNULL)
    return done.returncode == 0


# Most tests compute little and compile much, so the compiler is told not to optimise, in their
# subprocesses too. `make test-slow` lets it optimise; so does whoever sets XLA_FLAGS.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1" and "XLA_FLAGS" not in os.environ:
    os.environ["XLA_FLAGS"] = " ".join(filter(known_to_xla, FAST_TO_COMPILE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

import jax  # noqa: E402
import pytest  # noqa: E402

# Tracing makes many small objects that live for long, and Python would look through all of them
# again and again.
gc.freeze()
gc.set_threshold(100_000, 20, 100)

# A shell lets what it starts in the background ignore Ctrl-C, and all that is started from there
# would. Tests that press it mean it.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # Under nohup the tests go on when the terminal is closed, but what they start does not ignore
    # it: a new program inherits what is ignored, and not what is handled.
    signal.signal(signal.SIGHUP, lambda *_: None)

LONGEST = (
    "test_the_commands_of_the_readme_run",
    "test_it_runs_with_small_budgets",
)


def pytest_collection_modifyitems(items):
    """The longest tests first, so that parallel workers end together."""
    items.sort(key=lambda item: not item.name.startswith(LONGEST))


def shared_folder(tmp_path_factory):
    """What the parallel workers of one test run have in common."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(tmp_path_factory):
    """XLA compiles a program once per run, or once for all that share JAX_COMPILATION_CACHE_DIR."""
    folder = shared_folder(tmp_path_factory) / "xla"
    folder = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR", folder))
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


@pytest.fixture(scope="module")
def optimised():
    """For modules that compute more than they compile: the compiler optimises, as it does by
    default.
    """
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update(
        "jax_disable_most_optimizations", os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1"
    )


ROOT = Path(__file__).resolve().parents[1]
TINY = {
    "train.n_envs": 64,
    "train.total_steps": 12_800,
    "train.n_evals": 4,
    "train.eval_games": 64,
    "train.final_eval_games": 128,
    "ppo.n_minibatches": 4,
    "ppo.n_epochs": 2,
    "ppo.hidden": [8],
    "ppo.learning_rate": 1e-4,
    "ppo.play": "greedy",
}
"""20 updates of 640 rounds, evaluated after every fifth; slow enough to learn that it still trades
at the end.
"""
OPPONENTS = ("self", "random_valid")


def every_checkpoint(patch):
    """Checkpoints are written at every evaluation, however long a busy machine takes over one."""
    from cardjax.training import loop

    patch.setattr(loop, "CHEAP_SAVE", math.inf)


def small_matches(patch):
    """Two opponents and small batches in place of five and 8192 games."""
    from cardjax.loading import players

    evaluate = sys.modules["cardjax.evaluation.evaluate"]
    patch.setattr(evaluate, "GAMES_AT_ONCE", 64)
    all_opponents = players.opponents_for

    def two_opponents(market, names=None):
        usual = names is None or tuple(names) == evaluate.OPPONENTS
        return all_opponents(market, OPPONENTS if usual and market.n_players > 1 else names)

    patch.setattr(players, "opponents_for", two_opponents)


@pytest.fixture(scope="session")
def programs_once():
    """Trainings that differ in nothing that is compiled share their programs, as they do on disk:
    without being traced again. Nor is a learner traced again for each checkpoint that is read.
    """
    from cardjax.loading import saved
    from cardjax.training.replicates import Replicates

    shapes, traced = saved._shapes, {}

    def shapes_once(learner, n_seeds):
        which = type(learner), repr(learner), n_seeds
        if which not in traced:
            traced[which] = shapes(learner, n_seeds)
        return traced[which]

    def compiled_in(self):
        seeds, values = self._starts[0]
        return (
            type(self._learner),
            repr(self._learner),
            self._mesh,
            seeds.shape,
            tuple(values),
            jax.config.read("jax_disable_most_optimizations"),
        )

    def once(method):
        made = {}

        @functools.wraps(method)
        def get(self):
            which = compiled_in(self)
            if which not in made:
                made[which] = method(self)
            return made[which]

        return get

    with pytest.MonkeyPatch.context() as patch:
        for name in ("_lowered_init", "_lowered_chunk"):
            patch.setattr(Replicates, name, once(getattr(Replicates, name)))
        patch.setattr(Replicates, "_params_of", property(once(Replicates._params_of.func)))
        patch.setattr(saved, "_shapes", shapes_once)
        yield


@pytest.fixture(scope="session")
def tiny(programs_once):
    """tiny(name, **overrides): a run's configuration; in overrides, __ stands for a dot."""

    from cardjax.config import make_config

    def configure(name, **overrides):
        return make_config(
            TINY | {"name": name} | {k.replace("__", "."): v for k, v in overrides.items()}
        )

    return configure


@pytest.fixture
def workplace(tmp_path, monkeypatch, programs_once):
    """An empty current folder, and small matches."""
    small_matches(monkeypatch)
    every_checkpoint(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bars(monkeypatch):
    """Every progress bar of games that is drawn."""
    from cardjax.runtime import progress

    drawn = []

    class Bar(progress.tqdm):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            drawn.append(self)

    monkeypatch.setattr(progress, "tqdm", Bar)
    return drawn


@pytest.fixture(scope="session")
def finished(tmp_path_factory, programs_once):
    """The folder of an uninterrupted run of the tiny configuration, not to be written to; whichever
    of the parallel workers needs it first trains it.
    """
    from cardjax.config import make_config
    from cardjax.training import runs

    place = shared_folder(tmp_path_factory) / "finished"
    place.mkdir(exist_ok=True)
    folder = place / "runs" / "whole"
    with open(place / "lock", "w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "summary.json").exists():
            small_matches(patch)
            every_checkpoint(patch)
            patch.chdir(place)
            runs.start("ippo", make_config(TINY | {"name": "whole"}))
    return folder.resolve()


@pytest.fixture(scope="session")
def saved():
    """saved(folder): everything in a run's last checkpoint, as a list of arrays."""
    from cardjax.loading import saved
    from cardjax.training import runs

    def read(folder):
        algorithm, config = saved.read_run(folder)
        return jax.tree.leaves(saved.last_state(runs.Run(algorithm, config, folder)))

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
