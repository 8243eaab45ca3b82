"""What every floor's tests share."""

import gc
import os
from pathlib import Path

# Most tests compute little and compile much, so the compiler is told not to optimise, in their
# subprocesses too.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1":
    # XLA's older emitters compile in half the time of those that it has by default, and one piece
    # of a program sooner than many. `make test-slow` takes the default ones; so does whoever sets
    # XLA_FLAGS.
    os.environ.setdefault(
        "XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    )
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

import jax
import pytest

# Tracing makes many small objects that live for long, and Python would look through all of them
# again and again.
gc.freeze()
gc.set_threshold(100_000, 20, 100)

LONGEST = (
    "test_every_training_and_evaluation_command",
    "test_it_runs_with_small_budgets",
    "test_make_train",
)


def pytest_collection_modifyitems(items):
    """The longest tests first, so that parallel workers end together."""
    items.sort(key=lambda item: not item.name.startswith(LONGEST))


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(tmp_path_factory):
    """XLA compiles a program once per run; in a folder that JAX_COMPILATION_CACHE_DIR names, once."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "xla"
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
